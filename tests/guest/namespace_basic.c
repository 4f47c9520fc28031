/* SPDX-License-Identifier: MIT */
/* unshare(2), setns(2), clone(2) with CLONE_NEW*, /proc/PID/ns, user and mount namespaces. */
#include "guest.h"

#include <grp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/utsname.h>

#ifndef NS_GET_USERNS
#define NS_GET_USERNS 0xb701
#define NS_GET_PARENT 0xb702
#define NS_GET_NSTYPE 0xb703
#define NS_GET_OWNER_UID 0xb704
#endif
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif

static void need_root(void)
{
    if (geteuid() != 0)
        skip("needs root");
}

static void link_text(const char *path, char *out, size_t size)
{
    ssize_t length = OK(readlink(path, out, size - 1));
    out[length] = '\0';
}

static void hostname(char out[65])
{
    struct utsname name;
    OK(uname(&name));
    memcpy(out, name.nodename, 65);
}

/* ---- UTS ---- */

static void set_name_in_child(void *argument)
{
    char before[64], after[64], name[65];
    (void)argument;
    link_text("/proc/self/ns/uts", before, sizeof(before));
    OK(unshare(CLONE_NEWUTS));
    link_text("/proc/self/ns/uts", after, sizeof(after));
    TRUE(strcmp(before, after) != 0);
    OK(sethostname("inside", 6));
    hostname(name);
    STR_EQ(name, "inside");
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        hostname(name);
        STR_EQ(name, "inside");
        _exit(0);
    }
    CHILD_OK(pid);
}

static void host_names_are_apart(void)
{
    char before[65], after[65];
    need_root();
    hostname(before);
    CHILD_OK(spawn(set_name_in_child, NULL));
    hostname(after);
    STR_EQ(after, before);
}

static void links_and_descriptors(void)
{
    char text[64], wanted[64];
    struct stat st;
    need_root();
    int fd = (int)OK(open("/proc/self/ns/uts", O_RDONLY));
    OK(fstat(fd, &st));
    TRUE(S_ISREG(st.st_mode));
    EQ(st.st_mode & 07777, 0444);
    snprintf(wanted, sizeof(wanted), "uts:[%lu]", (unsigned long)st.st_ino);
    link_text("/proc/self/ns/uts", text, sizeof(text));
    STR_EQ(text, wanted);
    EQ(ioctl(fd, NS_GET_NSTYPE), CLONE_NEWUTS);
    FAILS(ioctl(fd, NS_GET_PARENT), EINVAL);
    FAILS(ioctl(fd, NS_GET_OWNER_UID, &st), EINVAL);
    FAILS(ioctl(fd, 0xb7ff), ENOTTY);
    FAILS(open("/proc/self/ns/nothing", O_RDONLY), ENOENT);
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        char name[65];
        OK(unshare(CLONE_NEWUTS));
        OK(sethostname("other", 5));
        FAILS(setns(fd, CLONE_NEWNS), EINVAL);
        OK(setns(fd, CLONE_NEWUTS));
        hostname(name);
        TRUE(strcmp(name, "other") != 0);
        OK(unshare(CLONE_NEWUTS | CLONE_NEWNS));
        OK(setns(fd, 0));
        FAILS(setns(99, 0), EBADF);
        int null = (int)OK(open("/dev/null", O_RDONLY));
        FAILS(setns(null, 0), EINVAL);
        _exit(0);
    }
    CHILD_OK(pid);
    OK(close(fd));
}

static void bad_flags(void)
{
    need_root();
    FAILS(unshare(0x1000), EINVAL);
    FAILS(unshare(1), EINVAL);
    OK(unshare(0));
    OK(unshare(CLONE_FS));
    OK(unshare(CLONE_FILES));
    OK(unshare(CLONE_VM)); /* nothing is shared */
    FAILS(syscall(__NR_clone, CLONE_NEWNS | CLONE_FS | SIGCHLD, 0, 0, 0, 0), EINVAL);
    FAILS(syscall(__NR_clone, CLONE_NEWUSER | CLONE_FS | SIGCHLD, 0, 0, 0, 0), EINVAL);
    OK(setresuid(65534, 65534, 65534));
    FAILS(unshare(CLONE_NEWUTS), EPERM);
    FAILS(unshare(CLONE_NEWNS), EPERM);
    FAILS(syscall(__NR_clone, CLONE_NEWUTS | SIGCHLD, 0, 0, 0, 0), EPERM);
}

/* ---- mount ---- */

static void mount_in_private(void *argument)
{
    (void)argument;
    char before[64], after[64];
    link_text("/proc/self/ns/mnt", before, sizeof(before));
    OK(unshare(CLONE_NEWNS));
    link_text("/proc/self/ns/mnt", after, sizeof(after));
    TRUE(strcmp(before, after) != 0);
    OK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
    OK(mount("none", "/tmp", "tmpfs", 0, NULL));
    write_text("/tmp/only-here", "x", 0600);
}

static void mounts_are_apart(void)
{
    need_root();
    CHILD_OK(spawn(mount_in_private, NULL));
    FAILS(access("/tmp/only-here", F_OK), ENOENT);
    pid_t pid = (pid_t)OK(syscall(__NR_clone, CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0));
    if (pid == 0) {
        OK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
        OK(mount("none", "/tmp", "tmpfs", 0, NULL));
        write_text("/tmp/only-here", "x", 0600);
        _exit(0);
    }
    CHILD_OK(pid);
    FAILS(access("/tmp/only-here", F_OK), ENOENT);
}

static void other_namespace_can_be_joined(void)
{
    struct gate ready = gate_make(), done = gate_make();
    char path[64];
    need_root();
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(unshare(CLONE_NEWNS));
        OK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
        OK(mount("none", "/tmp", "tmpfs", 0, NULL));
        write_text("/tmp/seen", "x", 0600);
        gate_open(&ready);
        gate_pass(&done);
        _exit(0);
    }
    gate_pass(&ready);
    snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
    int fd = (int)OK(open(path, O_RDONLY));
    pid_t visitor = (pid_t)OK(fork());
    if (visitor == 0) {
        OK(setns(fd, CLONE_NEWNS));
        OK(access("/tmp/seen", F_OK));
        _exit(0);
    }
    CHILD_OK(visitor);
    gate_open(&done);
    CHILD_OK(pid);
    /* The descriptor keeps it. */
    visitor = (pid_t)OK(fork());
    if (visitor == 0) {
        OK(setns(fd, 0));
        OK(access("/tmp/seen", F_OK));
        _exit(0);
    }
    CHILD_OK(visitor);
    FAILS(access("/tmp/seen", F_OK), ENOENT);
}

/* ---- user ---- */

static void write_map(pid_t pid, const char *name, const char *text)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
    int fd = (int)OK(open(path, O_WRONLY));
    EQ(write(fd, text, strlen(text)), strlen(text));
    OK(close(fd));
}

static int map_fails(const char *name, const char *text)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/%s", name);
    int fd = (int)OK(open(path, O_WRONLY));
    ssize_t got = write(fd, text, strlen(text));
    int error = got < 0 ? errno : 0;
    OK(close(fd));
    return error;
}

static void read_text(const char *path, char *out, size_t size)
{
    int fd = (int)OK(open(path, O_RDONLY));
    ssize_t length = OK(read(fd, out, size - 1));
    out[length] = '\0';
    OK(close(fd));
}

static bool user_namespaces_work(void)
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0)
        _exit(unshare(CLONE_NEWUSER) == 0 ? 0 : 1);
    return WAIT(pid) == 0;
}

static void become_root_inside(uid_t uid, gid_t gid)
{
    char text[64], map[64];
    EQ(getuid(), 65534); /* no map yet */
    EQ(getgid(), 65534);
    snprintf(map, sizeof(map), "0 %u 1\n", gid);
    EQ(map_fails("gid_map", map), EPERM); /* setgroups first */
    write_map(getpid(), "setgroups", "deny");
    write_map(getpid(), "gid_map", map);
    EQ(map_fails("gid_map", map), EPERM); /* only once */
    snprintf(map, sizeof(map), "0 %u 1\n", uid);
    write_map(getpid(), "uid_map", map);
    EQ(getuid(), 0);
    EQ(geteuid(), 0);
    EQ(getgid(), 0);
    read_text("/proc/self/setgroups", text, sizeof(text));
    STR_EQ(text, "deny\n");
    read_text("/proc/self/uid_map", text, sizeof(text));
    snprintf(map, sizeof(map), "%10u %10u %10u\n", 0, uid, 1);
    STR_EQ(text, map);
}

static void unprivileged_root(void)
{
    struct stat st;
    if (!user_namespaces_work())
        skip("no user namespaces here");
    if (geteuid() == 0) {
        OK(setresgid(1234, 1234, 1234));
        OK(setresuid(1234, 1234, 1234));
    }
    uid_t uid = getuid();
    gid_t gid = getgid();
    OK(prctl(PR_SET_DUMPABLE, 1));
    OK(unshare(CLONE_NEWUSER));
    become_root_inside(uid, gid);
    OK(stat("/", &st));
    TRUE(st.st_uid == 65534 || uid == 0); /* the real root is nobody here */
    FAILS(setresuid(5, 5, 5), EINVAL);    /* not mapped */
    FAILS(chown("/proc/self", 5, 5), EINVAL);
    FAILS(setgroups(0, NULL), EPERM);
    /* Root over what belongs to the namespace only. */
    FAILS(sethostname("x", 1), EPERM);
    FAILS(mount("none", "/tmp", "tmpfs", 0, NULL), EPERM);
    OK(unshare(CLONE_NEWUTS | CLONE_NEWNS));
    OK(sethostname("x", 1));
    OK(mount("none", "/tmp", "tmpfs", 0, NULL));
    write_text("/tmp/x", "x", 0600);
    OK(stat("/tmp/x", &st));
    EQ(st.st_uid, 0);
    FAILS(mknod("/tmp/null", S_IFCHR | 0600, 0x103), EPERM);
    OK(unshare(CLONE_NEWUSER)); /* nested */
    EQ(getuid(), 65534);
}

static void maps_are_checked(void)
{
    if (!user_namespaces_work())
        skip("no user namespaces here");
    need_root();
    OK(unshare(CLONE_NEWUSER));
    EQ(map_fails("uid_map", "0 0 0\n"), EINVAL);
    EQ(map_fails("uid_map", "0 0\n"), EINVAL);
    EQ(map_fails("uid_map", "x 0 1\n"), EINVAL);
    EQ(map_fails("uid_map", "0 0 1 1\n"), EINVAL);
    EQ(map_fails("uid_map", "0 0 5\n4 100 5\n"), EINVAL);
    EQ(map_fails("uid_map", "0 10 5\n100 14 5\n"), EINVAL);
    EQ(map_fails("uid_map", "4294967295 0 1\n"), EINVAL);
    EQ(map_fails("uid_map", "0 0 4294967295\n"), EPERM); /* not root of the parent any more */
    EQ(map_fails("uid_map", "0 0 1"), 0);
    EQ(getuid(), 0);
}

static void parent_writes_the_map(void)
{
    struct gate ready = gate_make(), mapped = gate_make();
    if (!user_namespaces_work())
        skip("no user namespaces here");
    need_root();
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(unshare(CLONE_NEWUSER));
        gate_open(&ready);
        gate_pass(&mapped);
        OK(setresgid(7, 7, 7));
        OK(setresuid(7, 7, 7));
        EQ(getuid(), 7);
        FAILS(setresuid(200, 200, 200), EINVAL);
        _exit(0);
    }
    gate_pass(&ready);
    write_map(pid, "uid_map", "0 100000 100\n");
    write_map(pid, "gid_map", "0 0 1\n1 200000 50\n");
    gate_open(&mapped);
    CHILD_OK(pid);
}

static void user_namespace_ioctls(void)
{
    uid_t owner = 99;
    if (!user_namespaces_work())
        skip("no user namespaces here");
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        struct stat outer, parent;
        int outside = (int)OK(open("/proc/self/ns/user", O_RDONLY));
        OK(fstat(outside, &outer));
        OK(unshare(CLONE_NEWUSER));
        int fd = (int)OK(open("/proc/self/ns/user", O_RDONLY));
        OK(ioctl(fd, NS_GET_OWNER_UID, &owner));
        EQ(owner, 65534); /* not mapped */
        FAILS(ioctl(fd, NS_GET_PARENT), EPERM);
        FAILS(ioctl(outside, NS_GET_PARENT), EPERM);
        FAILS(setns(fd, 0), EINVAL); /* already there */
        FAILS(setns(outside, 0), EPERM);
        OK(unshare(CLONE_NEWUTS));
        int uts = (int)OK(open("/proc/self/ns/uts", O_RDONLY));
        int owning = (int)OK(ioctl(uts, NS_GET_USERNS));
        OK(fstat(owning, &parent));
        OK(fstat(fd, &outer));
        EQ(parent.st_ino, outer.st_ino);
        EQ(ioctl(owning, NS_GET_NSTYPE), CLONE_NEWUSER);
        _exit(0);
    }
    CHILD_OK(pid);
}

static void files_can_be_bound(void)
{
    char name[65];
    need_root();
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(unshare(CLONE_NEWNS));
        OK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
        OK(mount("none", "/tmp", "tmpfs", 0, NULL));
        write_text("/tmp/ns", "", 0600);
        pid = (pid_t)OK(fork());
        if (pid == 0) {
            OK(unshare(CLONE_NEWUTS));
            OK(sethostname("bound", 5));
            OK(mount("/proc/self/ns/uts", "/tmp/ns", NULL, MS_BIND, NULL));
            _exit(0);
        }
        CHILD_OK(pid);
        int fd = (int)OK(open("/tmp/ns", O_RDONLY));
        OK(setns(fd, CLONE_NEWUTS));
        hostname(name);
        STR_EQ(name, "bound");
        _exit(0);
    }
    CHILD_OK(pid);
}

static void ipc_objects_are_apart(void)
{
    need_root();
    int id = (int)OK(msgget(0x4711, IPC_CREAT | 0600));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        int outside = (int)OK(open("/proc/self/ns/ipc", O_RDONLY));
        OK(unshare(CLONE_NEWIPC));
        FAILS(msgget(0x4711, 0), ENOENT);
        OK(msgget(0x4711, IPC_CREAT | 0600));
        EQ(ioctl(outside, NS_GET_NSTYPE), CLONE_NEWIPC);
        OK(setns(outside, CLONE_NEWIPC));
        EQ(msgget(0x4711, 0), id);
        _exit(0);
    }
    CHILD_OK(pid);
    OK(msgctl(id, IPC_RMID, NULL));
}

GUEST_MAIN(CASE(ipc_objects_are_apart), CASE(host_names_are_apart), CASE(links_and_descriptors),
           CASE(bad_flags), CASE(mounts_are_apart), CASE(other_namespace_can_be_joined),
           CASE(unprivileged_root), CASE(maps_are_checked), CASE(parent_writes_the_map),
           CASE(user_namespace_ioctls), CASE(files_can_be_bound))
