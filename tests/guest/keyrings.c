/* SPDX-License-Identifier: MIT */
/* add_key(2), request_key(2), keyctl(2): keyrings(7). */
#include "guest.h"

#include <linux/keyctl.h>
#include <pthread.h>

#ifndef KEYCTL_RESTRICT_KEYRING
#define KEYCTL_RESTRICT_KEYRING 29
#endif
#ifndef KEYCTL_MOVE
#define KEYCTL_MOVE 30
#endif

#define THREAD KEY_SPEC_THREAD_KEYRING
#define PROCESS KEY_SPEC_PROCESS_KEYRING
#define SESSION KEY_SPEC_SESSION_KEYRING

static long add_key(const char *type, const char *name, const void *payload, size_t bytes,
                    long ring)
{
    return syscall(SYS_add_key, type, name, payload, bytes, ring);
}

static long request_key(const char *type, const char *name, const char *callout, long ring)
{
    return syscall(SYS_request_key, type, name, callout, ring);
}

#define keyctl(...) syscall(SYS_keyctl, __VA_ARGS__)

static void start(void)
{
    if (add_key("user", "probe", "x", 1, THREAD) < 0 && errno == ENOSYS)
        skip("no keys here");
    OK(keyctl(KEYCTL_JOIN_SESSION_KEYRING, NULL));
}

static void payloads_are_kept(void)
{
    char text[64];
    start();
    long key = OK(add_key("user", "name", "payload", 7, PROCESS));
    TRUE(key > 0);
    EQ(keyctl(KEYCTL_READ, key, text, sizeof(text)), 7);
    EQ(memcmp(text, "payload", 7), 0);
    text[0] = '?';
    EQ(keyctl(KEYCTL_READ, key, text, 3), 7); /* too small: nothing is copied */
    EQ(text[0], '?');
    EQ(keyctl(KEYCTL_READ, key, NULL, 0), 7);
    EQ(add_key("user", "name", "new", 3, PROCESS), key); /* the same key, updated */
    EQ(keyctl(KEYCTL_READ, key, text, sizeof(text)), 3);
    OK(keyctl(KEYCTL_UPDATE, key, "other", 5));
    EQ(keyctl(KEYCTL_READ, key, text, sizeof(text)), 5);
    FAILS(keyctl(KEYCTL_UPDATE, key, NULL, 0), EINVAL);
    FAILS(keyctl(KEYCTL_UPDATE, PROCESS, "x", 1), EOPNOTSUPP);
    EQ(request_key("user", "name", NULL, 0), key);
    FAILS(request_key("user", "nothing", NULL, 0), ENOKEY);
    long logon = OK(add_key("logon", "service:name", "secret", 6, PROCESS));
    FAILS(keyctl(KEYCTL_READ, logon, text, sizeof(text)), EOPNOTSUPP);
    FAILS(add_key("logon", "noprefix", "secret", 6, PROCESS), EINVAL);
}

static void descriptions_tell_rights(void)
{
    char text[128], wanted[128];
    start();
    long key = OK(add_key("user", "a;b", "x", 1, PROCESS));
    snprintf(wanted, sizeof(wanted), "user;%d;%d;3f010000;a;b", geteuid(), getegid());
    EQ(keyctl(KEYCTL_DESCRIBE, key, text, sizeof(text)), strlen(wanted) + 1);
    STR_EQ(text, wanted);
    OK(keyctl(KEYCTL_SETPERM, key, 0x3f3f0000));
    OK(keyctl(KEYCTL_DESCRIBE, key, text, sizeof(text)));
    TRUE(strstr(text, ";3f3f0000;"));
    FAILS(keyctl(KEYCTL_SETPERM, key, 0xffffffff), EINVAL);
    OK(keyctl(KEYCTL_DESCRIBE, SESSION, text, sizeof(text)));
    TRUE(strstr(text, ";3f030000;_ses"));
    long uid_ring = OK(keyctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 0));
    OK(keyctl(KEYCTL_DESCRIBE, uid_ring, text, sizeof(text)));
    snprintf(wanted, sizeof(wanted), "_uid.%d", getuid());
    TRUE(strstr(text, wanted));
    /* Nobody but the possessor may, and then not even he. */
    OK(keyctl(KEYCTL_SETPERM, key, 0x08000000));
    FAILS(keyctl(KEYCTL_DESCRIBE, key, text, sizeof(text)), EACCES);
    FAILS(keyctl(KEYCTL_UPDATE, key, "y", 1), EACCES);
}

static void arguments_are_checked(void)
{
    char long_type[64];
    start();
    memset(long_type, 'x', sizeof(long_type) - 1);
    long_type[sizeof(long_type) - 1] = '\0';
    FAILS(add_key("nosuchtype", "name", "x", 1, PROCESS), ENODEV);
    FAILS(add_key(long_type, "name", "x", 1, PROCESS), EINVAL);
    FAILS(add_key("", "name", "x", 1, PROCESS), EINVAL);
    FAILS(add_key(".dot", "name", "x", 1, PROCESS), EPERM);
    FAILS(add_key("keyring", ".dot", NULL, 0, PROCESS), EPERM);
    FAILS(add_key("keyring", "name", "x", 1, PROCESS), EINVAL);
    FAILS(add_key("user", "", "x", 1, PROCESS), EINVAL);
    FAILS(add_key("user", "name", NULL, 0, PROCESS), EINVAL);
    FAILS(add_key("user", "name", "x", 1 << 20, PROCESS), EINVAL);
    FAILS(add_key("user", "name", BAD_POINTER, 8, PROCESS), EFAULT);
    FAILS(add_key(BAD_POINTER, "name", "x", 1, PROCESS), EFAULT);
    FAILS(add_key("user", BAD_POINTER, "x", 1, PROCESS), EFAULT);
    FAILS(add_key("user", "name", "x", 1, -99), EINVAL);
    FAILS(add_key("user", "name", "x", 1, 0x7ffffff1), ENOKEY);
    long key = OK(add_key("user", "name", "x", 1, PROCESS));
    FAILS(add_key("user", "below", "x", 1, key), ENOTDIR);
    FAILS(keyctl(999), EOPNOTSUPP);
    FAILS(keyctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_GROUP_KEYRING, 0), EINVAL);
    FAILS(keyctl(KEYCTL_GET_KEYRING_ID, THREAD - 1000, 0), EINVAL);
    FAILS(keyctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_REQKEY_AUTH_KEY, 0), ENOKEY);
    FAILS(keyctl(KEYCTL_READ, 0x7ffffff1, NULL, 0), ENOKEY);
    FAILS(keyctl(KEYCTL_CLEAR, key), ENOTDIR);
    FAILS(keyctl(KEYCTL_LINK, key, key), ENOTDIR);
    FAILS(keyctl(KEYCTL_SET_REQKEY_KEYRING, 99), EINVAL);
    FAILS(keyctl(KEYCTL_SET_REQKEY_KEYRING, 6), EINVAL);
    EQ(keyctl(KEYCTL_SET_REQKEY_KEYRING, 2), 0);
    EQ(keyctl(KEYCTL_SET_REQKEY_KEYRING, -1), 2);
}

static void ends_of_keys(void)
{
    char text[8];
    start();
    long key = OK(add_key("user", "one", "x", 1, PROCESS));
    OK(keyctl(KEYCTL_REVOKE, key));
    FAILS(keyctl(KEYCTL_READ, key, text, sizeof(text)), EKEYREVOKED);
    FAILS(request_key("user", "one", NULL, 0), ENOKEY);
    long again = OK(add_key("user", "one", "x", 1, PROCESS));
    TRUE(again != key);
    OK(keyctl(KEYCTL_INVALIDATE, again));
    /* Gone, or no longer anybody's and about to go. */
    TRUE(keyctl(KEYCTL_READ, again, text, sizeof(text)) == -1);
    TRUE(errno == ENOKEY || errno == EACCES);
    key = OK(add_key("user", "two", "x", 1, PROCESS));
    OK(keyctl(KEYCTL_SET_TIMEOUT, key, 1));
    EQ(keyctl(KEYCTL_READ, key, text, sizeof(text)), 1);
    EVENTUALLY(keyctl(KEYCTL_READ, key, text, sizeof(text)) < 0);
    EQ(errno, EKEYEXPIRED);
    key = OK(add_key("user", "three", "x", 1, PROCESS));
    OK(keyctl(KEYCTL_UNLINK, key, PROCESS));
    FAILS(request_key("user", "three", NULL, 0), ENOKEY);
}

static void rings_hold_keys(void)
{
    int32_t content[8];
    start();
    long ring = OK(add_key("keyring", "ring", NULL, 0, SESSION));
    long inner = OK(add_key("keyring", "inner", NULL, 0, ring));
    long key = OK(add_key("user", "deep", "x", 1, inner));
    EQ(keyctl(KEYCTL_READ, ring, content, sizeof(content)), 4);
    EQ(content[0], inner);
    EQ(keyctl(KEYCTL_SEARCH, ring, "user", "deep", 0), key);
    FAILS(keyctl(KEYCTL_SEARCH, ring, "user", "nothing", 0), ENOKEY);
    EQ(request_key("user", "deep", NULL, 0), key);
    FAILS(keyctl(KEYCTL_LINK, ring, inner), EDEADLK);
    FAILS(keyctl(KEYCTL_LINK, ring, ring), EDEADLK);
    OK(keyctl(KEYCTL_LINK, key, ring));
    EQ(keyctl(KEYCTL_READ, ring, content, sizeof(content)), 8);
    OK(keyctl(KEYCTL_UNLINK, key, ring));
    FAILS(keyctl(KEYCTL_UNLINK, key, ring), ENOENT);
    EQ(keyctl(KEYCTL_SEARCH, ring, "user", "deep", PROCESS), key);
    EQ(keyctl(KEYCTL_READ, PROCESS, content, sizeof(content)), 4);
    OK(keyctl(KEYCTL_MOVE, key, PROCESS, ring, 0));
    FAILS(keyctl(KEYCTL_MOVE, key, PROCESS, ring, 0), ENOENT);
    FAILS(keyctl(KEYCTL_MOVE, key, inner, ring, 1), EEXIST);
    FAILS(keyctl(KEYCTL_MOVE, key, inner, ring, 2), EINVAL);
    OK(keyctl(KEYCTL_CLEAR, inner));
    EQ(keyctl(KEYCTL_READ, inner, content, sizeof(content)), 0);
    OK(keyctl(KEYCTL_RESTRICT_KEYRING, inner, NULL, NULL));
    FAILS(keyctl(KEYCTL_RESTRICT_KEYRING, inner, NULL, NULL), EEXIST);
    FAILS(keyctl(KEYCTL_LINK, key, inner), EPERM);
}

/* A ring that may not be written stays what it is, however often it is asked for. */
static void refused_rings_stay(void)
{
    char text[64];
    start();
    OK(add_key("user", "wanted", "x", 1, SESSION));
    long ring = OK(add_key("keyring", "closed", NULL, 0, SESSION));
    OK(keyctl(KEYCTL_SETPERM, ring, 0x0b000000)); /* all but write and more for who possesses it */
    for (int i = 0; i < 3; i++)
        FAILS(request_key("user", "wanted", NULL, ring), EACCES);
    TRUE(OK(keyctl(KEYCTL_DESCRIBE, ring, text, sizeof(text))) > 0);
}

static void *thread_rings(void *outside)
{
    long mine = OK(keyctl(KEYCTL_GET_KEYRING_ID, THREAD, 0)); /* as its creator has one */
    TRUE(mine != *(long *)outside);
    OK(request_key("user", "process", NULL, 0));
    OK(request_key("user", "session", NULL, 0));
    FAILS(request_key("user", "thread", NULL, 0), ENOKEY);
    return NULL;
}

static void who_has_which(void)
{
    pthread_t thread;
    start();
    OK(add_key("user", "thread", "x", 1, THREAD));
    OK(add_key("user", "process", "x", 1, PROCESS));
    OK(add_key("user", "session", "x", 1, SESSION));
    long ring = OK(keyctl(KEYCTL_GET_KEYRING_ID, THREAD, 0));
    EQ(pthread_create(&thread, NULL, thread_rings, &ring), 0);
    EQ(pthread_join(thread, NULL), 0);
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        FAILS(request_key("user", "thread", NULL, 0), ENOKEY);
        FAILS(request_key("user", "process", NULL, 0), ENOKEY);
        OK(request_key("user", "session", NULL, 0));
        execl(guest_self(), "keyrings", "--after-exec", NULL);
        _exit(1);
    }
    CHILD_OK(pid);
    pid = (pid_t)OK(fork());
    if (pid == 0) {
        long session = OK(keyctl(KEYCTL_JOIN_SESSION_KEYRING, "named"));
        FAILS(request_key("user", "session", NULL, 0), ENOKEY);
        EQ(keyctl(KEYCTL_GET_KEYRING_ID, SESSION, 0), session);
        FAILS(keyctl(KEYCTL_JOIN_SESSION_KEYRING, ".dot"), EPERM);
        _exit(0);
    }
    CHILD_OK(pid);
    OK(request_key("user", "session", NULL, 0));
}

static void strangers_are_kept_out(void)
{
    char text[8];
    if (geteuid() != 0)
        skip("needs root");
    start();
    long key = OK(add_key("user", "mine", "x", 1, PROCESS));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(setresuid(4321, 4321, 4321));
        FAILS(keyctl(KEYCTL_READ, key, text, sizeof(text)), EACCES);
        FAILS(keyctl(KEYCTL_DESCRIBE, key, text, sizeof(text)), EACCES);
        FAILS(keyctl(KEYCTL_REVOKE, key), EACCES);
        FAILS(keyctl(KEYCTL_SETPERM, key, 0x3f3f3f3f), EACCES);
        /* A user has a quota. */
        int made = 0;
        char name[32];
        do
            snprintf(name, sizeof(name), "key%d", made);
        while (add_key("user", name, "x", 1, PROCESS) > 0 && ++made < 1000);
        EQ(errno, EDQUOT);
        TRUE(made >= 100 && made <= 200);
        _exit(0);
    }
    CHILD_OK(pid);
    OK(keyctl(KEYCTL_CHOWN, key, 4322, -1));
    FAILS(keyctl(KEYCTL_CHOWN, 0x7ffffff1, 1, 1), ENOKEY);
    EQ(keyctl(KEYCTL_READ, key, text, sizeof(text)), 1); /* possessed */
}

/* ---- /proc ---- */

static void read_all(const char *path, char *out, size_t size)
{
    size_t length = 0;
    ssize_t got;
    int fd = (int)OK(open(path, O_RDONLY));
    while ((got = read(fd, out + length, size - 1 - length)) > 0)
        length += (size_t)got;
    OK(close(fd));
    out[length] = '\0';
}

/* The line of /proc/keys that starts with the serial number; NULL if the key is not shown. */
static const char *key_line(long serial, char *text, size_t size)
{
    char wanted[16];
    read_all("/proc/keys", text, size);
    snprintf(wanted, sizeof(wanted), "%08lx ", (unsigned long)serial);
    for (char *line = text; *line;) {
        char *end = strchrnul(line, '\n');
        bool found = strncmp(line, wanted, 9) == 0;
        if (found)
            *end = '\0';
        if (found)
            return line;
        line = *end ? end + 1 : end;
    }
    return NULL;
}

static void proc_lists_keys(void)
{
    static char text[1 << 16];
    char type[16], name[32], flags[16], expiry[16];
    unsigned refs, rights, uid, gid, bytes;
    start();
    if (access("/proc/keys", F_OK) != 0)
        skip("no /proc/keys here");
    long serial = OK(add_key("user", "shown:key", "12345", 5, THREAD));
    const char *line = key_line(serial, text, sizeof(text));
    TRUE(line != NULL);
    EQ(sscanf(line + 9, "%15s %u %15s %x %u %u %15s %31[^:]:", flags, &refs, expiry, &rights, &uid,
              &gid, type, name),
       8);
    STR_EQ(flags, "I--Q---");
    STR_EQ(expiry, "perm");
    EQ(rights, 0x3f010000);
    EQ(uid, geteuid());
    STR_EQ(type, "user");
    STR_EQ(name, "shown");
    EQ(sscanf(strrchr(line, ':'), ": %u", &bytes), 1);
    EQ(bytes, 5);
    OK(keyctl(KEYCTL_SET_TIMEOUT, serial, 7200));
    line = key_line(serial, text, sizeof(text));
    EQ(sscanf(line + 9, "%15s %u %15s", flags, &refs, expiry), 3);
    TRUE(strcmp(expiry, "2h") == 0 || strcmp(expiry, "1h") == 0);
    long ring = OK(add_key("keyring", "shown-ring", NULL, 0, THREAD));
    line = key_line(ring, text, sizeof(text));
    TRUE(line && strstr(line, "keyring   shown-ring: empty"));
    OK(keyctl(KEYCTL_SETPERM, serial, 0)); /* nobody may view it */
    TRUE(key_line(serial, text, sizeof(text)) == NULL);
    OK(keyctl(KEYCTL_REVOKE, ring));
    line = key_line(ring, text, sizeof(text));
    TRUE(line == NULL || line[10] == 'R');
}

static void proc_shows_users(void)
{
    static char text[1 << 16];
    char wanted[16], limit[32];
    unsigned keys, keys_max, bytes, bytes_max, refs, all, live;
    start();
    if (access("/proc/key-users", F_OK) != 0)
        skip("no /proc/key-users here");
    OK(add_key("user", "counted", "12345", 5, THREAD));
    read_all("/proc/key-users", text, sizeof(text));
    snprintf(wanted, sizeof(wanted), "%5u: ", geteuid());
    const char *line = strstr(text, wanted);
    TRUE(line != NULL);
    EQ(sscanf(line + strlen(wanted), "%u %u/%u %u/%u %u/%u", &refs, &all, &live, &keys, &keys_max,
              &bytes, &bytes_max),
       7);
    TRUE(refs > 0 && all >= keys && keys > 0 && keys <= keys_max && bytes > 0 &&
         bytes <= bytes_max);
    bool root = geteuid() == 0;
    read_all(root ? "/proc/sys/kernel/keys/root_maxkeys" : "/proc/sys/kernel/keys/maxkeys", limit,
             sizeof(limit));
    EQ((unsigned)atoi(limit), keys_max);
    read_all(root ? "/proc/sys/kernel/keys/root_maxbytes" : "/proc/sys/kernel/keys/maxbytes", limit,
             sizeof(limit));
    EQ((unsigned)atoi(limit), bytes_max);
}

GUEST_CASES(CASE(payloads_are_kept), CASE(descriptions_tell_rights), CASE(arguments_are_checked),
            CASE(ends_of_keys), CASE(rings_hold_keys), CASE(who_has_which),
            CASE(strangers_are_kept_out), CASE(refused_rings_stay), CASE(proc_lists_keys),
            CASE(proc_shows_users))

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--after-exec") == 0) {
        OK(request_key("user", "session", NULL, 0));
        return 0;
    }
    return guest_run_all(argc, argv);
}
