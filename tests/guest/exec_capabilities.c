/* SPDX-License-Identifier: MIT */
/* execve(2) and capabilities(7): file capabilities, root's special treatment, ambient sets. */
#include "guest.h"

#include <linux/capability.h>
#include <sys/auxv.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/xattr.h>

#define PROGRAM "/tmp/program"

struct attribute {
    uint32_t magic, words[4], root;
};

static uint64_t status_set(const char *field)
{
    char text[4096];
    int fd = (int)OK(open("/proc/self/status", O_RDONLY));
    ssize_t length = OK(read(fd, text, sizeof(text) - 1));
    text[length] = '\0';
    OK(close(fd));
    char *line = strstr(text, field);
    TRUE(line);
    return strtoull(line + strlen(field), NULL, 16);
}

static int self_fd;

static void copy_self(void)
{
    static char buffer[65536];
    ssize_t got;
    int to = (int)OK(open(PROGRAM, O_WRONLY | O_CREAT | O_TRUNC, 0755));
    while ((got = OK(read(self_fd, buffer, sizeof(buffer)))) > 0)
        EQ(write(to, buffer, (size_t)got), got);
    OK(close(to));
    OK(chmod(PROGRAM, 0755));
}

static void start(void)
{
    if (geteuid() != 0)
        skip("needs root");
    OK(unshare(CLONE_NEWNS));
    OK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
    self_fd = (int)OK(open(guest_self(), O_RDONLY)); /* may be in what is about to be covered */
    OK(mount("none", "/tmp", "tmpfs", 0, NULL));
    copy_self();
}

static int set_caps(uint32_t magic, uint64_t permitted, uint64_t inheritable, size_t size)
{
    struct attribute attribute = {magic,
                                  {(uint32_t)permitted, (uint32_t)inheritable,
                                   (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)},
                                  0};
    return setxattr(PROGRAM, "security.capability", &attribute, size, 0);
}

#define KILL (1u << CAP_KILL)
#define RAW (1u << CAP_NET_RAW)

/* Run the program, which checks its own sets: permitted, effective, AT_SECURE. */
static void run(uint64_t permitted, uint64_t effective, bool secure)
{
    char p[32], e[32];
    snprintf(p, sizeof(p), "%llx", (unsigned long long)permitted);
    snprintf(e, sizeof(e), "%llx", (unsigned long long)effective);
    execl(PROGRAM, "program", "--check", p, e, secure ? "1" : "0", NULL);
    fail_at(__LINE__, "exec: %s", strerror(errno));
}

static void become_user(void)
{
    OK(setresgid(1000, 1000, 1000));
    OK(setresuid(1000, 1000, 1000));
}

#define AS_USER(...)                                                                               \
    do {                                                                                           \
        pid_t user_ = (pid_t)OK(fork());                                                           \
        if (user_ == 0) {                                                                          \
            become_user();                                                                         \
            __VA_ARGS__;                                                                           \
            _exit(1);                                                                              \
        }                                                                                          \
        CHILD_OK(user_);                                                                           \
    } while (0)

static void files_give_capabilities(void)
{
    start();
    AS_USER(run(0, 0, false));
    OK(set_caps(VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE, KILL | RAW, 0, 20));
    AS_USER(run(KILL | RAW, KILL | RAW, true));
    OK(set_caps(VFS_CAP_REVISION_2, KILL, 0, 20));
    AS_USER(run(KILL, 0, true));
    OK(set_caps(VFS_CAP_REVISION_3 | VFS_CAP_FLAGS_EFFECTIVE, RAW, 0, 24));
    AS_USER(run(RAW, RAW, true));
    /* Not with no_new_privs, and not from a mount with nosuid. */
    AS_USER(OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); run(0, 0, true));
    OK(mount(NULL, "/tmp", NULL, MS_REMOUNT | MS_BIND | MS_NOSUID, NULL));
    AS_USER(run(0, 0, false));
    OK(mount(NULL, "/tmp", NULL, MS_REMOUNT | MS_BIND, NULL));
    /* A write takes them away. */
    int fd = (int)OK(open(PROGRAM, O_WRONLY | O_APPEND));
    EQ(write(fd, "x", 1), 1);
    OK(close(fd));
    AS_USER(run(0, 0, false));
}

static void bounding_set_limits(void)
{
    start();
    OK(set_caps(VFS_CAP_REVISION_2, KILL | RAW, 0, 20));
    OK(prctl(PR_CAPBSET_DROP, CAP_KILL, 0, 0, 0));
    AS_USER(run(RAW, 0, true));
    OK(set_caps(VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE, KILL | RAW, 0, 20));
    AS_USER(FAILS(execl(PROGRAM, "program", NULL), EPERM); _exit(0));
}

static void values_are_checked(void)
{
    start();
    FAILS(set_caps(VFS_CAP_REVISION_2, KILL, 0, 19), EINVAL);
    FAILS(set_caps(VFS_CAP_REVISION_2, KILL, 0, 24), EINVAL);
    FAILS(set_caps(0x07000000, KILL, 0, 20), EINVAL);
    AS_USER(FAILS(set_caps(VFS_CAP_REVISION_2, KILL, 0, 20), EPERM); _exit(0));
}

GUEST_CASES(CASE(files_give_capabilities), CASE(bounding_set_limits), CASE(values_are_checked))

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "--check") == 0) {
        EQ(status_set("CapPrm:\t"), strtoull(argv[2], NULL, 16));
        EQ(status_set("CapEff:\t"), strtoull(argv[3], NULL, 16));
        EQ(getauxval(AT_SECURE), atoi(argv[4]));
        return 0;
    }
    return guest_run_all(argc, argv);
}
