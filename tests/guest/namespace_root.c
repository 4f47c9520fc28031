/* SPDX-License-Identifier: MIT */
/* What a sandbox does: file systems in user namespaces of its own, and pivot_root(2). */
#include "guest.h"

#include <sys/mount.h>
#include <sys/ptrace.h>

static void write_map(const char *path, const char *text)
{
    int fd = (int)OK(open(path, O_WRONLY | O_CLOEXEC));
    EQ(write(fd, text, strlen(text)), strlen(text));
    OK(close(fd));
}

/* Root of a new user namespace, and of what else the flags say. */
static void become_inner_root(int flags)
{
    char map[64];
    uid_t uid = geteuid();
    gid_t gid = getegid();
    if (unshare(CLONE_NEWUSER | flags) < 0)
        skip("needs user namespaces");
    write_map("/proc/self/setgroups", "deny");
    snprintf(map, sizeof(map), "0 %u 1", uid);
    write_map("/proc/self/uid_map", map);
    snprintf(map, sizeof(map), "0 %u 1", gid);
    write_map("/proc/self/gid_map", map);
    EQ(geteuid(), 0);
}

static void mounts_that_a_user_namespace_may_make(void)
{
    struct stat st;
    become_inner_root(CLONE_NEWNS);
    FAILS(mount("proc", "/proc", "proc", 0, NULL), EPERM); /* of an outer pid namespace */
    FAILS(mount("dev", "/dev", "devtmpfs", 0, NULL), EPERM);
    OK(mount("none", "/tmp", "tmpfs", 0, "mode=0755"));
    OK(stat("/tmp", &st));
    EQ(st.st_uid, 0);
    write_text("/tmp/file", "x", 0600);
    OK(umount("/tmp"));
    FAILS(umount("/proc"), EINVAL); /* came from outside */
}

static void mounts_its_proc(void *argument)
{
    char text[16];
    (void)argument;
    EQ(getpid(), 1);
    OK(mount("proc", "/proc", "proc", 0, NULL));
    ssize_t length = OK(readlink("/proc/self", text, sizeof(text) - 1));
    text[length] = '\0';
    STR_EQ(text, "1");
}

static void proc_of_its_own_pid_namespace(void)
{
    become_inner_root(CLONE_NEWNS | CLONE_NEWPID);
    CHILD_OK(spawn(mounts_its_proc, NULL));
}

static void pivot(const char *put_old)
{
    OK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
    OK(mount("none", "/tmp", "tmpfs", 0, NULL));
    FAILS(syscall(SYS_pivot_root, "/tmp/none", "/tmp"), ENOENT);
    FAILS(syscall(SYS_pivot_root, "/tmp", "/"), EBUSY);
    OK(mkdir("/tmp/inside", 0755));
    FAILS(syscall(SYS_pivot_root, "/tmp/inside", "/tmp"), EINVAL); /* no mount */
    OK(chdir("/tmp"));
    if (strcmp(put_old, ".") != 0)
        OK(mkdir(put_old, 0755));
    OK(syscall(SYS_pivot_root, ".", put_old));
    OK(umount2(put_old, MNT_DETACH));
    OK(chdir("/"));
    OK(access("/inside", F_OK));
    FAILS(access("/dev/null", F_OK), ENOENT);
}

static void the_root_is_exchanged(void)
{
    if (geteuid() != 0)
        skip("needs root");
    OK(unshare(CLONE_NEWNS));
    pivot("old");
}

static void the_root_is_exchanged_in_place(void)
{
    become_inner_root(CLONE_NEWNS);
    pivot(".");
}

/* ---- looking into a process of one's namespace ---- */

static void until_closed(int fd)
{
    char c;
    while (read(fd, &c, 1) > 0)
        continue;
}

static void inner_root_may_trace(void)
{
    become_inner_root(CLONE_NEWPID);
    struct gate gate = gate_make();
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        close(gate.fds[1]);
        until_closed(gate.fds[0]);
        _exit(0);
    }
    OK(ptrace(PTRACE_SEIZE, pid, 0, 0));
    OK(ptrace(PTRACE_DETACH, pid, 0, 0) < 0 && errno == ESRCH ? 0 : -1); /* it is not stopped */
    close(gate.fds[1]);
    CHILD_OK(pid);
}

GUEST_MAIN(CASE(mounts_that_a_user_namespace_may_make), CASE(proc_of_its_own_pid_namespace),
           CASE(the_root_is_exchanged), CASE(the_root_is_exchanged_in_place),
           CASE(inner_root_may_trace))
