/* SPDX-License-Identifier: MIT
 *
 * Parameters of the machine that may be written, and what they do: proc_sys_fs(5),
 * proc_sys_kernel(5), pipe(7), pty(7). Only where the machine is our own.
 */
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "tests/guest/guest.h"

enum { SOMEBODY = 4711, OTHER = 4712, THIRD = 4713 };

static const char *directory_path;

/* ---- reading and writing ---- */

static void path_of(char path[96], const char *name)
{
    snprintf(path, 96, "/proc/sys/%s", name);
}

static long get(const char *name)
{
    char path[96], text[32] = "";
    path_of(path, name);
    int fd = (int)OK(open(path, O_RDONLY));
    OK(read(fd, text, sizeof(text) - 1));
    OK(close(fd));
    return atol(text);
}

static long try_set(const char *name, long value)
{
    char path[96], text[32];
    path_of(path, name);
    int fd = (int)OK(open(path, O_WRONLY));
    long result = write(fd, text, (size_t)snprintf(text, sizeof(text), "%ld\n", value));
    int error = errno;
    OK(close(fd));
    errno = error;
    return result;
}

static void set(const char *name, long value)
{
    OK(try_set(name, value));
    EQ(get(name), value);
}

/* `body` in a process of its own, as a user without rights; root if uid is 0. */
static void as_user(uid_t uid, void (*body)(void))
{
    int status;
    pid_t child = (pid_t)OK(fork());
    if (child == 0) {
        if (uid) {
            OK(syscall(SYS_setgroups, 0, NULL));
            OK(setresgid(uid, uid, uid));
            OK(setresuid(uid, uid, uid));
        }
        body();
        _exit(0);
    }
    EQ(OK(waitpid(child, &status, 0)), child);
    EQ(status, 0);
}

/* ---- numbers of processes and of descriptors ---- */

static void bounds(void)
{
    static const struct {
        const char *name;
        long value;
    } bad[] = {
        {"kernel/pid_max", 300},      {"kernel/pid_max", 4194305},    {"fs/nr_open", 63},
        {"fs/protected_symlinks", 2}, {"fs/protected_hardlinks", -1}, {"fs/protected_regular", 3},
        {"fs/protected_fifos", 3},    {"fs/suid_dumpable", 3},        {"kernel/pty/max", -1},
        {"kernel/pty/reserve", -1},   {"fs/pipe-max-size", -1},
    };
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        long before = get(bad[i].name);
        FAILS(try_set(bad[i].name, bad[i].value), EINVAL);
        EQ(get(bad[i].name), before);
    }
}

static pid_t next_pid(void)
{
    pid_t child = (pid_t)OK(fork());
    if (child == 0)
        _exit(0);
    OK(waitpid(child, NULL, 0));
    return child;
}

static void process_numbers(void)
{
    long before = get("kernel/pid_max");
    set("kernel/pid_max", 4194304);
    int fd = (int)OK(open("/proc/sys/kernel/ns_last_pid", O_WRONLY));
    OK(write(fd, "1000000", 7));
    OK(close(fd));
    TRUE(next_pid() > 1000000);
    set("kernel/pid_max", 20000);
    TRUE(next_pid() < 20000);
    set("kernel/pid_max", before);
}

static void raise_beyond(void)
{
    struct rlimit limit = {4096, 4096};
    OK(setrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_max = 4097;
    FAILS(setrlimit(RLIMIT_NOFILE, &limit), EPERM);
}

static void descriptors(void)
{
    long before = get("fs/nr_open");
    set("fs/nr_open", 4096);
    as_user(0, raise_beyond);
    set("fs/nr_open", before);
}

/* ---- what others left in a sticky directory ---- */

static void follow(void)
{
    int fd = open("link", O_RDONLY);
    _exit(fd < 0 ? errno : 0);
}

static void link_to(void)
{
    _exit(link("secret", "mine") != 0 ? errno : 0);
}

static void create_regular(void)
{
    _exit(open("file", O_CREAT | O_WRONLY, 0600) < 0 ? errno : 0);
}

static void create_fifo(void)
{
    _exit(open("fifo", O_CREAT | O_RDWR, 0600) < 0 ? errno : 0);
}

static int error_of(void (*body)(void))
{
    int status;
    pid_t child = (pid_t)OK(fork());
    if (child == 0) {
        OK(syscall(SYS_setgroups, 0, NULL));
        OK(setresgid(OTHER, OTHER, OTHER));
        OK(setresuid(OTHER, OTHER, OTHER));
        body();
    }
    EQ(OK(waitpid(child, &status, 0)), child);
    TRUE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void at_level(const char *name, long level, void (*body)(void), int wanted)
{
    set(name, level);
    EQ(error_of(body), wanted);
}

static void make_files(void)
{
    OK(chdir(directory_path));
    umask(0);
    int fd = (int)OK(open("secret", O_CREAT | O_WRONLY, 0644));
    OK(close(fd));
    fd = (int)OK(open("file", O_CREAT | O_WRONLY, 0666));
    OK(close(fd));
    OK(mkfifo("fifo", 0666));
    OK(symlink("secret", "link"));
    OK(chown("file", SOMEBODY, SOMEBODY));
    OK(chown("fifo", SOMEBODY, SOMEBODY));
    OK(lchown("link", SOMEBODY, SOMEBODY));
    OK(chown(".", 0, OTHER));
    OK(chmod(".", 01777));
}

static void protection(void)
{
    static const char *const names[] = {"fs/protected_symlinks", "fs/protected_hardlinks",
                                        "fs/protected_regular", "fs/protected_fifos"};
    long before[4];
    for (int i = 0; i < 4; i++)
        before[i] = get(names[i]);
    make_files();
    at_level(names[0], 0, follow, 0);
    at_level(names[0], 1, follow, EACCES);
    at_level(names[1], 0, link_to, 0);
    OK(unlink("mine"));
    at_level(names[1], 1, link_to, EPERM);
    at_level(names[2], 0, create_regular, 0);
    at_level(names[2], 1, create_regular, EACCES);
    at_level(names[3], 0, create_fifo, 0);
    at_level(names[3], 1, create_fifo, EACCES);
    OK(chmod(".", 01775)); /* only the group may write to it */
    at_level(names[2], 1, create_regular, 0);
    at_level(names[2], 2, create_regular, EACCES);
    at_level(names[3], 1, create_fifo, 0);
    at_level(names[3], 2, create_fifo, EACCES);
    for (int i = 0; i < 4; i++)
        set(names[i], before[i]);
}

/* ---- who has changed its ids ---- */

static void become_another(void)
{
    EQ(prctl(PR_GET_DUMPABLE), 1);
    OK(setresuid(OTHER, OTHER, OTHER));
    _exit(prctl(PR_GET_DUMPABLE));
}

static void dumpable_after_setuid(void)
{
    long before = get("fs/suid_dumpable");
    for (int level = 0; level <= 2; level++) {
        int status;
        set("fs/suid_dumpable", level);
        pid_t child = (pid_t)OK(fork());
        if (child == 0)
            become_another();
        EQ(OK(waitpid(child, &status, 0)), child);
        EQ(WEXITSTATUS(status), level);
    }
    set("fs/suid_dumpable", before);
}

/* ---- pipes ---- */

static long pipe_bytes(void)
{
    int ends[2];
    OK(pipe(ends));
    return OK(fcntl(ends[0], F_GETPIPE_SZ));
}

static void larger_than_the_maximum(void)
{
    int ends[2];
    OK(pipe(ends));
    EQ(OK(fcntl(ends[0], F_SETPIPE_SZ, 131072)), 131072);
    FAILS(fcntl(ends[0], F_SETPIPE_SZ, 131073), EPERM);
    EQ(fcntl(ends[0], F_GETPIPE_SZ), 131072);
    EQ(OK(fcntl(ends[0], F_SETPIPE_SZ, 4096)), 4096);
}

static void smaller_from_the_start(void)
{
    EQ(pipe_bytes(), 8192);
}

static void over_the_soft_limit(void)
{
    int ends[2];
    EQ(pipe_bytes(), 65536);
    EQ(pipe_bytes(), 65536);
    OK(pipe(ends)); /* 2 pages over 32 */
    EQ(fcntl(ends[0], F_GETPIPE_SZ), 8192);
    FAILS(fcntl(ends[0], F_SETPIPE_SZ, 16384), EPERM);
    EQ(OK(fcntl(ends[0], F_SETPIPE_SZ, 4096)), 4096);
    OK(close(ends[0]));
    OK(close(ends[1]));
    EQ(pipe_bytes(), 8192);
}

static void over_the_hard_limit(void)
{
    int ends[2];
    EQ(pipe_bytes(), 65536);
    EQ(pipe_bytes(), 65536);
    EQ(pipe_bytes(), 8192);
    EQ(pipe_bytes(), 8192);
    FAILS(pipe(ends), ENFILE);
}

static void pipes(void)
{
    long maximum = get("fs/pipe-max-size"), soft = get("fs/pipe-user-pages-soft"),
         hard = get("fs/pipe-user-pages-hard");
    OK(try_set("fs/pipe-max-size", 100000));
    EQ(get("fs/pipe-max-size"), 131072);
    as_user(THIRD, larger_than_the_maximum);
    set("fs/pipe-max-size", 8192);
    as_user(THIRD, smaller_from_the_start);
    set("fs/pipe-max-size", maximum);
    set("fs/pipe-user-pages-soft", 32);
    as_user(THIRD, over_the_soft_limit);
    set("fs/pipe-user-pages-hard", 36);
    as_user(THIRD, over_the_hard_limit);
    set("fs/pipe-user-pages-soft", soft);
    set("fs/pipe-user-pages-hard", hard);
}

/* ---- pseudoterminals ---- */

static void reserve_is_for_the_first(void)
{
    OK(unshare(CLONE_NEWNS));
    OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    OK(mount("devpts", directory_path, "devpts", 0, "ptmxmode=666"));
    OK(chdir(directory_path));
    FAILS(open("ptmx", O_RDWR | O_NOCTTY), ENOSPC);
    set("kernel/pty/reserve", 0);
    OK(open("ptmx", O_RDWR | O_NOCTTY));
}

static void terminals(void)
{
    long maximum = get("kernel/pty/max"), reserve = get("kernel/pty/reserve"),
         used = get("kernel/pty/nr");
    set("kernel/pty/max", used + 2);
    int fd = (int)OK(open("/dev/ptmx", O_RDWR | O_NOCTTY));
    EQ(get("kernel/pty/nr"), used + 1);
    FAILS(open("/dev/ptmx", O_RDWR | O_NOCTTY), ENOSPC);
    OK(close(fd));
    EQ(get("kernel/pty/nr"), used);
    set("kernel/pty/max", maximum);
    set("kernel/pty/reserve", maximum);
    as_user(0, reserve_is_for_the_first);
    set("kernel/pty/reserve", reserve);
}

int main(void)
{
    need_own_machine();
    if (geteuid() != 0)
        skip("needs root");
    char name[] = "/tmp/sysctl.XXXXXX";
    mkdir("/tmp", 01777);
    TRUE(mkdtemp(name));
    directory_path = name;
    bounds();
    process_numbers();
    descriptors();
    protection();
    dumpable_after_setuid();
    pipes();
    terminals();
    return 0;
}
