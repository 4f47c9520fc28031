/* SPDX-License-Identifier: MIT
 *
 * network_namespaces(7) as far as local sockets go: abstract names and /proc/net/unix belong to a
 * namespace, path names do not. And what all kinds of namespaces have in common: ioctl_ns(2),
 * setns(2) with the descriptor of a process.
 */
#include "guest.h"

#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif
#define NS_GET_USERNS 0xb701
#define NS_GET_PARENT 0xb702
#define NS_GET_NSTYPE 0xb703
#define NS_GET_OWNER_UID 0xb704
#ifndef SIOCGSKNS
#define SIOCGSKNS 0x894c
#endif

static void need_root(void)
{
    if (geteuid() != 0)
        skip("needs root");
}

static uint64_t namespace_of(const char *who, const char *name)
{
    char path[64];
    struct stat st;
    snprintf(path, sizeof(path), "/proc/%s/ns/%s", who, name);
    OK(stat(path, &st));
    return st.st_ino;
}

static socklen_t abstract_name(const char *name, struct sockaddr_un *out)
{
    memset(out, 0, sizeof(*out));
    out->sun_family = AF_UNIX;
    memcpy(out->sun_path + 1, name, strlen(name));
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
}

static int listen_at(const struct sockaddr_un *address, socklen_t bytes)
{
    int fd = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    OK(bind(fd, (const struct sockaddr *)address, bytes));
    OK(listen(fd, 4));
    return fd;
}

static int connect_to(const struct sockaddr_un *address, socklen_t bytes)
{
    int fd = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    int error = connect(fd, (const struct sockaddr *)address, bytes) ? errno : 0;
    OK(close(fd));
    return error;
}

static bool is_listed(const char *path, const char *name)
{
    static char text[1 << 16];
    size_t length = 0;
    ssize_t got;
    int fd = (int)OK(open(path, O_RDONLY));
    while ((got = read(fd, text + length, sizeof(text) - 1 - length)) > 0)
        length += (size_t)got;
    OK(close(fd));
    text[length] = '\0';
    return strstr(text, name) != NULL;
}

static void abstract_names_are_apart(void)
{
    struct sockaddr_un name;
    need_root();
    socklen_t bytes = abstract_name("assay-net-ns", &name);
    int outer = listen_at(&name, bytes);
    EQ(connect_to(&name, bytes), 0);
    TRUE(is_listed("/proc/net/unix", "@assay-net-ns"));
    uint64_t before = namespace_of("self", "net");
    int old = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    int fd = (int)OK(open("/proc/self/ns/net", O_RDONLY));
    OK(unshare(CLONE_NEWNET));
    TRUE(namespace_of("self", "net") != before);
    EQ(connect_to(&name, bytes), ECONNREFUSED);
    TRUE(!is_listed("/proc/self/net/unix", "@assay-net-ns"));
    int inner = listen_at(&name, bytes); /* free here */
    EQ(connect_to(&name, bytes), 0);
    TRUE(is_listed("/proc/self/net/unix", "@assay-net-ns"));
    OK(connect(old, (struct sockaddr *)&name, bytes)); /* a socket stays where it was made */
    int accepted = (int)OK(accept(outer, NULL, NULL)); /* the first one of above */
    OK(close(accepted));
    OK(close(inner));
    EQ(connect_to(&name, bytes), ECONNREFUSED);
    OK(setns(fd, CLONE_NEWNET));
    EQ(namespace_of("self", "net"), before);
    EQ(connect_to(&name, bytes), 0);
    OK(close(outer));
}

static void path_names_are_shared(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "net-ns-socket"};
    need_root();
    int outer = listen_at(&name, sizeof(name));
    OK(unshare(CLONE_NEWNET));
    EQ(connect_to(&name, sizeof(name)), 0);
    OK(close(outer));
    OK(unlink("net-ns-socket"));
}

static void proc_shows_each_process_its_own(void)
{
    struct sockaddr_un name;
    struct gate ready = gate_make(), done = gate_make();
    char path[64];
    need_root();
    socklen_t bytes = abstract_name("assay-proc-net", &name);
    pid_t pid = (pid_t)OK(syscall(__NR_clone, CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0));
    if (pid == 0) {
        int fd = listen_at(&name, bytes);
        gate_open(&ready);
        gate_pass(&done);
        OK(close(fd));
        _exit(0);
    }
    gate_pass(&ready);
    snprintf(path, sizeof(path), "/proc/%d/net/unix", pid);
    TRUE(is_listed(path, "@assay-proc-net"));
    TRUE(!is_listed("/proc/self/net/unix", "@assay-proc-net"));
    gate_open(&done);
    CHILD_OK(pid);
}

static void sockets_know_their_namespace(void)
{
    struct stat st;
    need_root();
    int sock = (int)OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    uint64_t outer = namespace_of("self", "net");
    OK(unshare(CLONE_NEWNET));
    int fd = (int)OK(ioctl(sock, SIOCGSKNS));
    OK(fstat(fd, &st));
    EQ(st.st_ino, outer);
    OK(setresuid(1000, 1000, 1000));
    FAILS(ioctl(sock, SIOCGSKNS), EPERM);
}

static const struct kind {
    const char *name;
    int type;
    bool has_parent;
} kinds[] = {
    {"cgroup", CLONE_NEWCGROUP, false}, {"ipc", CLONE_NEWIPC, false},
    {"mnt", CLONE_NEWNS, false},        {"net", CLONE_NEWNET, false},
    {"pid", CLONE_NEWPID, true},        {"time", CLONE_NEWTIME, false},
    {"user", CLONE_NEWUSER, true},      {"uts", CLONE_NEWUTS, false},
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* All of them are the same to ioctl_ns(2). */
static void every_kind_answers(void)
{
    char path[64];
    uid_t uid = 77;
    need_root();
    for (unsigned i = 0; i < KINDS; i++) {
        snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i].name);
        int fd = (int)OK(open(path, O_RDONLY));
        EQ(ioctl(fd, NS_GET_NSTYPE), kinds[i].type);
        if (kinds[i].type == CLONE_NEWUSER)
            OK(ioctl(fd, NS_GET_OWNER_UID, &uid));
        else
            FAILS(ioctl(fd, NS_GET_OWNER_UID, &uid), EINVAL);
        if (!kinds[i].has_parent)
            FAILS(ioctl(fd, NS_GET_PARENT), EINVAL);
        OK(close(fd));
    }
}

/* The namespace that owns a fresh one of each kind is the creator's. */
static void every_kind_has_an_owner(void)
{
    char path[64];
    struct stat st;
    need_root();
    if (unshare(CLONE_NEWUSER) != 0)
        skip("no user namespaces here");
    uint64_t user = namespace_of("self", "user");
    for (unsigned i = 0; i < KINDS; i++) {
        if (kinds[i].has_parent || kinds[i].type == CLONE_NEWTIME)
            continue;
        OK(unshare(kinds[i].type));
        snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i].name);
        int fd = (int)OK(open(path, O_RDONLY));
        int owner = (int)OK(ioctl(fd, NS_GET_USERNS));
        OK(fstat(owner, &st));
        EQ(st.st_ino, user);
        OK(close(owner));
        OK(close(fd));
    }
}

/* ---- several at once ---- */

enum { MANY = CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWCGROUP };

static bool in_same(const char *who, const char *name)
{
    return namespace_of("self", name) == namespace_of(who, name);
}

static void process_descriptor_joins_several(void)
{
    struct gate ready = gate_make(), done = gate_make();
    char who[16];
    need_root();
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(unshare(MANY));
        gate_open(&ready);
        gate_pass(&done);
        _exit(0);
    }
    gate_pass(&ready);
    int fd = (int)OK(syscall(__NR_pidfd_open, pid, 0));
    snprintf(who, sizeof(who), "%d", pid);
    FAILS(setns(fd, 0), EINVAL);
    FAILS(setns(fd, CLONE_VM), EINVAL);
    pid_t visitor = (pid_t)OK(fork());
    if (visitor == 0) {
        /* The last one cannot be joined: nothing has happened. */
        FAILS(setns(fd, MANY | CLONE_NEWUSER), EINVAL);
        TRUE(!in_same(who, "uts") && !in_same(who, "mnt") && !in_same(who, "net"));
        OK(setns(fd, CLONE_NEWUTS | CLONE_NEWNET));
        TRUE(in_same(who, "uts") && in_same(who, "net"));
        TRUE(!in_same(who, "ipc") && !in_same(who, "mnt"));
        OK(setns(fd, MANY));
        TRUE(in_same(who, "ipc") && in_same(who, "mnt") && in_same(who, "cgroup"));
        OK(setresuid(1000, 1000, 1000));
        FAILS(setns(fd, CLONE_NEWUTS), EPERM);
        _exit(0);
    }
    CHILD_OK(visitor);
    gate_open(&done);
    EQ(WAIT(pid), 0);
    FAILS(setns(fd, CLONE_NEWUTS), ESRCH);
    OK(close(fd));
}

static void control_group_descriptors(void)
{
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
            set_tid_size, cgroup;
    } args = {.flags = 0x200000000ull, .exit_signal = SIGCHLD, .cgroup = 99};
    FAILS(syscall(__NR_clone3, &args, sizeof(args)), EBADF);
    args.cgroup = (uint64_t)OK(open("/", O_RDONLY | O_DIRECTORY));
    FAILS(syscall(__NR_clone3, &args, sizeof(args)), EBADF);
    FAILS(syscall(__NR_clone3, &args, sizeof(args) - 8), EINVAL);
    args.cgroup = 1ull << 32;
    FAILS(syscall(__NR_clone3, &args, sizeof(args)), EINVAL);
}

GUEST_MAIN(CASE(abstract_names_are_apart), CASE(path_names_are_shared),
           CASE(proc_shows_each_process_its_own), CASE(sockets_know_their_namespace),
           CASE(every_kind_answers), CASE(every_kind_has_an_owner),
           CASE(process_descriptor_joins_several), CASE(control_group_descriptors))
