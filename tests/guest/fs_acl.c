/* SPDX-License-Identifier: MIT */
/* acl(5): access and default lists as attributes, what they grant, chmod, umask, inheritance. */
#include "fs_check.h"

#include <grp.h>
#include <sys/xattr.h>

#define ACCESS "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"

enum { USER_OBJ = 1, USER = 2, GROUP_OBJ = 4, GROUP = 8, MASK = 16, OTHER = 32, NOBODY = -1 };
enum { OWNER = 1000, FRIEND = 1001, STRANGER = 1002, TEAM = 2000, CLUB = 2001 };

struct entry {
    uint16_t tag, permissions;
    uint32_t id;
};
struct list {
    uint32_t version;
    struct entry entries[8];
};

#define LIST(...) ((struct list){.version = 2, .entries = {__VA_ARGS__}})
#define E(tag, permissions)                                                                        \
    {                                                                                              \
        tag, permissions, (uint32_t)NOBODY                                                         \
    }
#define NAMED(tag, permissions, id)                                                                \
    {                                                                                              \
        tag, permissions, id                                                                       \
    }

static size_t bytes_of(const struct list *list)
{
    size_t count = 0;
    while (count < 8 && list->entries[count].tag)
        count++;
    return 4 + count * sizeof(struct entry);
}

#define SET(name, type, list_) setxattr(name, type, &(list_), bytes_of(&(list_)), 0)

static uint32_t mode_of(const char *name)
{
    struct stat st;
    OK(stat(name, &st));
    return st.st_mode & 07777;
}

static void same_list(int line, const char *name, const char *type, const struct list *want)
{
    struct list got = {0};
    long bytes = getxattr(name, type, &got, sizeof(got));
    if (bytes != (long)bytes_of(want) || memcmp(&got, want, (size_t)bytes) != 0)
        fail_at(line, "%s of %s is another list (%ld bytes)", type, name, bytes);
}
#define SAME(name, type, list) same_list(__LINE__, name, type, &(list))

/* What somebody may do with a file: the bits of R_OK, W_OK and X_OK. */
static int allowed(uint32_t uid, uint32_t gid, const char *name)
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(setgroups(0, NULL));
        OK(setresgid(gid, gid, gid));
        OK(setresuid(uid, uid, uid));
        int bits = 0;
        for (int bit = 1; bit <= 4; bit <<= 1)
            bits |= access(name, bit) == 0 ? bit : 0;
        _exit(bits);
    }
    int status;
    EQ(waitpid(pid, &status, 0), pid);
    TRUE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static const struct list full = LIST(E(USER_OBJ, 7), NAMED(USER, 6, FRIEND), E(GROUP_OBJ, 4),
                                     NAMED(GROUP, 5, CLUB), E(MASK, 7), E(OTHER, 1));

static void a_list_is_stored_and_sets_the_mode(void)
{
    char names[128];
    write_file("f", "x");
    FAILS(getxattr("f", ACCESS, names, sizeof(names)), ENODATA);
    OK(SET("f", ACCESS, full));
    SAME("f", ACCESS, full);
    EQ(mode_of("f"), 0771);
    EQ(getxattr("f", ACCESS, NULL, 0), bytes_of(&full));
    FAILS(getxattr("f", ACCESS, names, 5), ERANGE);
    long length = OK(listxattr("f", names, sizeof(names)));
    bool listed = false;
    for (char *at = names; at < names + length; at += strlen(at) + 1)
        listed |= strcmp(at, ACCESS) == 0;
    TRUE(listed);
    OK(removexattr("f", ACCESS));
    OK(removexattr("f", ACCESS));
    EQ(mode_of("f"), 0771);
    FAILS(getxattr("f", ACCESS, names, sizeof(names)), ENODATA);
    /* One that says no more than a mode is not kept. */
    struct list plain = LIST(E(USER_OBJ, 6), E(GROUP_OBJ, 2), E(OTHER, 4));
    OK(SET("f", ACCESS, plain));
    EQ(mode_of("f"), 0624);
    FAILS(getxattr("f", ACCESS, names, sizeof(names)), ENODATA);
    OK(unlink("f"));
}

static void lists_that_make_no_sense_are_refused(void)
{
    write_file("f", "x");
    struct list bad[] = {
        LIST(E(USER_OBJ, 8), E(GROUP_OBJ, 0), E(OTHER, 0)),
        LIST(E(USER_OBJ, 7), E(GROUP_OBJ, 7)),
        LIST(E(USER_OBJ, 7), E(OTHER, 7)),
        LIST(E(GROUP_OBJ, 7), E(USER_OBJ, 7), E(OTHER, 7)),
        LIST(E(USER_OBJ, 7), E(GROUP_OBJ, 7), E(OTHER, 7), E(OTHER, 7)),
        LIST(E(USER_OBJ, 7), NAMED(USER, 7, 5), E(GROUP_OBJ, 7), E(OTHER, 7)),
        LIST(E(USER_OBJ, 7), NAMED(USER, 7, (uint32_t)NOBODY), E(GROUP_OBJ, 7), E(MASK, 7),
             E(OTHER, 7)),
        LIST(E(USER_OBJ, 7), E(GROUP_OBJ, 7), E(MASK, 7), NAMED(GROUP, 7, 5), E(OTHER, 7)),
        LIST(E(USER_OBJ, 7), E(GROUP_OBJ, 7), E(3, 7), E(OTHER, 7)),
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        FAILS(SET("f", ACCESS, bad[i]), EINVAL);
    struct list version = LIST(E(USER_OBJ, 7), E(GROUP_OBJ, 7), E(OTHER, 7));
    FAILS(setxattr("f", ACCESS, &version, 3, 0), EINVAL);
    FAILS(setxattr("f", ACCESS, &version, 9, 0), EINVAL);
    version.version = 1;
    FAILS(SET("f", ACCESS, version), EOPNOTSUPP);
    FAILS(SET("f", DEFAULT, full), EACCES);
    OK(removexattr("f", DEFAULT));
    OK(symlink("f", "link"));
    FAILS(lsetxattr("link", ACCESS, &full, bytes_of(&full), 0), EOPNOTSUPP);
    FAILS(setxattr("f", "system.posix_acl_other", "x", 1, 0), EOPNOTSUPP);
    OK(unlink("link"));
    OK(unlink("f"));
}

static void only_the_owner_sets_lists(void)
{
    write_file("f", "x");
    OK(chown("f", OWNER, TEAM));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(setresuid(STRANGER, STRANGER, STRANGER));
        FAILS(SET("f", ACCESS, full), EPERM);
        FAILS(removexattr("f", ACCESS), EPERM);
        EQ(getxattr("f", ACCESS, NULL, 0), -1);
        _exit(errno != ENODATA);
    }
    int status;
    EQ(waitpid(pid, &status, 0), pid);
    EQ(status, 0);
    OK(unlink("f"));
}

static void a_list_grants_and_forbids(void)
{
    write_file("f", "x");
    OK(chown("f", OWNER, TEAM));
    OK(SET("f", ACCESS, full));
    EQ(allowed(OWNER, 1, "f"), 7);
    EQ(allowed(FRIEND, 1, "f"), 6);
    EQ(allowed(FRIEND, CLUB, "f"), 6);
    EQ(allowed(STRANGER, TEAM, "f"), 4);
    EQ(allowed(STRANGER, CLUB, "f"), 5);
    EQ(allowed(STRANGER, 1, "f"), 1);
    /* The mask limits users and groups, not owner and others. chmod sets it. */
    OK(chmod("f", 0741));
    struct list masked = full;
    masked.entries[4].permissions = 4;
    SAME("f", ACCESS, masked);
    EQ(allowed(FRIEND, 1, "f"), 4);
    EQ(allowed(STRANGER, CLUB, "f"), 4);
    EQ(allowed(OWNER, 1, "f"), 7);
    OK(chmod("f", 0527));
    EQ(allowed(OWNER, 1, "f"), 5);
    EQ(allowed(FRIEND, 1, "f"), 2);
    EQ(allowed(STRANGER, TEAM, "f"), 0);
    EQ(allowed(STRANGER, 1, "f"), 7);
    /* Root executes if anybody may. */
    OK(chmod("f", 0666));
    EQ(allowed(0, 0, "f"), 6);
    OK(unlink("f"));
}

static void a_list_decides_who_searches_a_directory(void)
{
    struct list searching =
        LIST(E(USER_OBJ, 7), NAMED(USER, 0, FRIEND), E(GROUP_OBJ, 5), E(MASK, 5), E(OTHER, 5));
    OK(mkdir("d", 0755));
    write_file("d/f", "x");
    OK(SET("d", ACCESS, searching));
    EQ(mode_of("d"), 0755);
    EQ(allowed(FRIEND, 1, "d/f"), 0);
    EQ(allowed(STRANGER, 1, "d/f"), 4);
    OK(unlink("d/f"));
    OK(rmdir("d"));
}

static void default_lists_are_handed_down(void)
{
    struct list created = full, directory = full;
    OK(mkdir("d", 0755));
    OK(SET("d", DEFAULT, full));
    EQ(mode_of("d"), 0755);
    FAILS(getxattr("d", ACCESS, NULL, 0), ENODATA);
    umask(077); /* counts for nothing here */
    int fd = (int)OK(open("d/f", O_CREAT | O_WRONLY, 0640));
    OK(close(fd));
    OK(mkdir("d/sub", 0750));
    OK(mknod("d/fifo", S_IFIFO | 0640, 0));
    OK(symlink("f", "d/link"));
    OK(mkdir("e", 0777));
    umask(0);
    created.entries[0].permissions = 6;
    created.entries[4].permissions = 4;
    created.entries[5].permissions = 0;
    SAME("d/f", ACCESS, created);
    SAME("d/fifo", ACCESS, created);
    EQ(mode_of("d/f"), 0640);
    FAILS(getxattr("d/f", DEFAULT, NULL, 0), ENODATA);
    directory.entries[4].permissions = 5;
    directory.entries[5].permissions = 0;
    SAME("d/sub", ACCESS, directory);
    SAME("d/sub", DEFAULT, full);
    EQ(mode_of("d/sub"), 0750);
    EQ(mode_of("e"), 0700);
    /* One of three entries makes a mode. */
    struct list plain = LIST(E(USER_OBJ, 7), E(GROUP_OBJ, 5), E(OTHER, 0));
    OK(SET("d", DEFAULT, plain));
    SAME("d", DEFAULT, plain);
    umask(077);
    OK(close((int)OK(open("d/g", O_CREAT | O_WRONLY, 0666))));
    umask(0);
    EQ(mode_of("d/g"), 0640);
    FAILS(getxattr("d/g", ACCESS, NULL, 0), ENODATA);
    OK(removexattr("d", DEFAULT));
    FAILS(getxattr("d", DEFAULT, NULL, 0), ENODATA);
    const char *const all[] = {"d/f", "d/g", "d/fifo", "d/link"};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        OK(unlink(all[i]));
    OK(rmdir("d/sub"));
    OK(rmdir("d"));
    OK(rmdir("e"));
}

int main(void)
{
    fresh_tmpfs("mode=0755");
    a_list_is_stored_and_sets_the_mode();
    lists_that_make_no_sense_are_refused();
    only_the_owner_sets_lists();
    a_list_grants_and_forbids();
    a_list_decides_who_searches_a_directory();
    default_lists_are_handed_down();
    leave_tmpfs();
    return 0;
}
