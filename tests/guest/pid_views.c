/* SPDX-License-Identifier: MIT */
/* pid_namespaces(7): where else numbers of processes go out and come in: setns(2), clone3(2),
 * /proc, credentials over sockets, locks, owners of files, System V objects. */
#include "guest.h"

#include <linux/sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/ptrace.h>
#include <sys/socket.h>

#ifndef NS_GET_PARENT
#define NS_GET_USERNS 0xb701
#define NS_GET_PARENT 0xb702
#define NS_GET_NSTYPE 0xb703
#endif

static void need_root(void)
{
    if (geteuid() != 0)
        skip("needs root");
}

static pid_t spawn_inside(void (*body)(void *argument), void *argument)
{
    pid_t pid = (pid_t)OK(syscall(__NR_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0));
    if (pid == 0) {
        body(argument);
        _exit(0);
    }
    return pid;
}

static void read_text(const char *path, char *out, size_t size)
{
    int fd = (int)OK(open(path, O_RDONLY | O_CLOEXEC));
    ssize_t length = OK(read(fd, out, size - 1));
    out[length] = '\0';
    close(fd);
}

static void until_closed(void *argument)
{
    struct gate *gate = argument;
    char c;
    close(gate->fds[1]);
    EQ(read(gate->fds[0], &c, 1), 0);
}

/* ---- setns ---- */

static void joins_outer(void *argument)
{
    int outer = *(int *)argument;
    FAILS(setns(outer, CLONE_NEWPID), EINVAL); /* one above */
    FAILS(ioctl(outer, NS_GET_PARENT), EPERM);
}

static void setns_sends_children_inside(void)
{
    need_root();
    struct gate gate = gate_make();
    pid_t init = spawn_inside(until_closed, &gate);
    char path[64], text[64], other[64];
    snprintf(path, sizeof(path), "/proc/%d/ns/pid", init);
    ssize_t length = OK(readlink(path, text, sizeof(text) - 1));
    text[length] = '\0';
    length = OK(readlink("/proc/self/ns/pid", other, sizeof(other) - 1));
    other[length] = '\0';
    TRUE(strcmp(text, other) != 0);
    int fd = (int)OK(open(path, O_RDONLY | O_CLOEXEC));
    int own = (int)OK(open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC));
    EQ(ioctl(fd, NS_GET_NSTYPE), CLONE_NEWPID);
    int parent = (int)OK(ioctl(fd, NS_GET_PARENT));
    struct stat a, b;
    OK(fstat(parent, &a));
    OK(fstat(own, &b));
    EQ(a.st_ino, b.st_ino);
    FAILS(setns(fd, CLONE_NEWUTS), EINVAL);
    OK(setns(fd, CLONE_NEWPID));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        EQ(getpid(), 2);
        EQ(getppid(), 0);
        OK(kill(1, 0));
        pid_t child = (pid_t)OK(fork());
        if (child == 0)
            _exit(0);
        EQ(child, 3);
        CHILD_OK(child);
        joins_outer(&own);
        _exit(0);
    }
    CHILD_OK(pid);
    OK(setns(own, CLONE_NEWPID));
    pid = (pid_t)OK(fork());
    if (pid == 0)
        _exit(getpid() > 1 && getppid() != 0 ? 0 : 1);
    CHILD_OK(pid);
    close(gate.fds[1]);
    CHILD_OK(init);
}

/* A member with a parent outside dies with init, which waits until it is reaped. */
static void init_waits_for_outer_parents(void)
{
    need_root();
    struct gate gate = gate_make();
    pid_t init = spawn_inside(until_closed, &gate);
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/ns/pid", init);
    int fd = (int)OK(open(path, O_RDONLY | O_CLOEXEC));
    OK(setns(fd, CLONE_NEWPID));
    pid_t member = (pid_t)OK(fork());
    if (member == 0) {
        close(gate.fds[1]);
        for (;;)
            pause();
    }
    close(gate.fds[1]);
    siginfo_t info = {0};
    OK(waitid(P_PID, (id_t)member, &info, WEXITED | WNOWAIT));
    EQ(info.si_code, CLD_KILLED);
    EQ(waitpid(init, NULL, WNOHANG), 0);
    WAIT(member);
    CHILD_OK(init);
    FAILS(fork(), ENOMEM);
}

/* ---- clone3 with chosen numbers ---- */

static long clone3_numbered(uint64_t flags, const pid_t *tids, size_t count)
{
    struct clone_args args = {.flags = flags,
                              .exit_signal = SIGCHLD,
                              .set_tid = (uint64_t)(uintptr_t)tids,
                              .set_tid_size = count};
    return syscall(__NR_clone3, &args, sizeof(args));
}

static void chooses(void *argument)
{
    (void)argument;
    pid_t wanted[3] = {31, 0, 0};
    long pid = OK(clone3_numbered(0, wanted, 1));
    if (pid == 0)
        _exit(getpid() == 31 ? 0 : 1);
    EQ(pid, 31);
    FAILS(clone3_numbered(0, (pid_t[]){1}, 1), EEXIST);
    FAILS(clone3_numbered(0, (pid_t[]){0}, 1), EINVAL);
    FAILS(clone3_numbered(0, (pid_t[]){1 << 30}, 1), EINVAL);
    FAILS(clone3_numbered(0, NULL, 1), EINVAL);
    FAILS(clone3_numbered(0, wanted, 0), EINVAL);
    FAILS(clone3_numbered(0, wanted, 33), EINVAL);
    FAILS(clone3_numbered(0, BAD_POINTER, 1), EFAULT);
    FAILS(clone3_numbered(CLONE_NEWPID, (pid_t[]){5}, 1), EINVAL); /* has to begin with 1 */
    CHILD_OK((pid_t)pid);
    /* 1 in a new one, 40 here. */
    pid = OK(clone3_numbered(CLONE_NEWPID, (pid_t[]){1, 40}, 2));
    if (pid == 0)
        _exit(getpid() == 1 ? 0 : 1);
    EQ(pid, 40);
    CHILD_OK((pid_t)pid);
    OK(setresuid(65534, 65534, 65534));
    FAILS(clone3_numbered(0, (pid_t[]){50}, 1), EPERM);
}

static void numbers_can_be_chosen(void)
{
    need_root();
    CHILD_OK(spawn_inside(chooses, NULL));
}

static void writes_tids(void *argument)
{
    (void)argument;
    pid_t parent_tid = 0, child_tid = 0;
    long pid =
        OK(syscall(__NR_clone, CLONE_NEWPID | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, 0,
                   &parent_tid, &child_tid, 0));
    if (pid == 0)
        _exit(child_tid == 1 ? 0 : 1);
    EQ(pid, 2);
    EQ(parent_tid, 2);
    CHILD_OK((pid_t)pid);
}

static void each_side_gets_its_own_number(void)
{
    need_root();
    CHILD_OK(spawn_inside(writes_tids, NULL));
}

/* ---- /proc ---- */

static void looks_at_proc(void *argument)
{
    (void)argument;
    char text[4096];
    ssize_t length = OK(readlink("/proc/self", text, sizeof(text) - 1));
    text[length] = '\0';
    TRUE(strcmp(text, "1") != 0); /* the mount is the outer one's, as are its numbers */
    OK(mount("proc", "/proc", "proc", 0, NULL));
    length = OK(readlink("/proc/self", text, sizeof(text) - 1));
    text[length] = '\0';
    STR_EQ(text, "1");
    pid_t child = (pid_t)OK(fork());
    if (child == 0)
        for (;;)
            pause();
    EQ(child, 2);
    EQ(process_state(2) != 0, 1);
    FAILS(access("/proc/3", F_OK), ENOENT);
    read_text("/proc/2/status", text, sizeof(text));
    TRUE(strstr(text, "\nTgid:\t2\n") && strstr(text, "\nPPid:\t1\n"));
    TRUE(strstr(text, "\nNSpid:\t2\n"));
    read_text("/proc/1/task/1/children", text, sizeof(text));
    STR_EQ(text, "2 ");
    read_text("/proc/sys/kernel/ns_last_pid", text, sizeof(text));
    STR_EQ(text, "2\n");
    int last = (int)OK(open("/proc/sys/kernel/ns_last_pid", O_WRONLY));
    EQ(write(last, "77", 2), 2);
    OK(close(last));
    pid_t next = (pid_t)OK(fork());
    if (next == 0)
        _exit(0);
    EQ(next, 78);
    CHILD_OK(next);
    OK(kill(child, SIGKILL));
    WAIT(child);
}

static void in_mount_namespace(void *argument)
{
    OK(unshare(CLONE_NEWNS));
    OK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
    CHILD_OK(spawn_inside(looks_at_proc, argument));
}

static void proc_has_the_namespaces_numbers(void)
{
    need_root();
    CHILD_OK(spawn(in_mount_namespace, NULL));
}

static void outer_proc_shows_all_numbers(void)
{
    need_root();
    struct gate gate = gate_make();
    pid_t pid = spawn_inside(until_closed, &gate);
    char path[64], text[4096], wanted[64];
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    read_text(path, text, sizeof(text));
    snprintf(wanted, sizeof(wanted), "\nNSpid:\t%d\t1\n", pid);
    TRUE(strstr(text, wanted));
    snprintf(wanted, sizeof(wanted), "\nNStgid:\t%d\t1\n", pid);
    TRUE(strstr(text, wanted));
    snprintf(wanted, sizeof(wanted), "\nNSsid:\t%d\t0\n", getsid(0));
    TRUE(strstr(text, wanted));
    int fd = (int)OK(syscall(__NR_pidfd_open, pid, 0));
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    read_text(path, text, sizeof(text));
    snprintf(wanted, sizeof(wanted), "Pid:\t%d\nNSpid:\t%d\t1\n", pid, pid);
    TRUE(strstr(text, wanted));
    close(gate.fds[1]);
    CHILD_OK(pid);
}

/* ---- credentials ---- */

static void send_cred(int fd, char what)
{
    struct iovec iov = {&what, 1};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    EQ(OK(sendmsg(fd, &message, 0)), 1);
}

static pid_t receive_cred(int fd)
{
    char byte;
    union {
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
        struct cmsghdr align;
    } control;
    struct iovec iov = {&byte, 1};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    EQ(OK(recvmsg(fd, &message, 0)), 1);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    TRUE(header && header->cmsg_type == SCM_CREDENTIALS);
    struct ucred cred;
    memcpy(&cred, CMSG_DATA(header), sizeof(cred));
    return cred.pid;
}

static void talks(void *argument)
{
    int fd = *(int *)argument;
    send_cred(fd, 'a');
    EQ(receive_cred(fd), 0); /* from somebody who is not seen here */
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        send_cred(fd, 'b');
        _exit(0);
    }
    CHILD_OK(pid);
    char c;
    EQ(read(fd, &c, 1), 0);
}

static void credentials_are_translated(void)
{
    int fds[2], on = 1;
    need_root();
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    OK(setsockopt(fds[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
    OK(setsockopt(fds[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
    pid_t pid = (pid_t)OK(syscall(__NR_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0));
    if (pid == 0) {
        close(fds[0]);
        talks(&fds[1]);
        _exit(0);
    }
    close(fds[1]);
    EQ(receive_cred(fds[0]), pid);
    send_cred(fds[0], 'x');
    pid_t second = receive_cred(fds[0]); /* it may be dead already, but had a number */
    TRUE(second > 0 && second != pid);
    close(fds[0]);
    CHILD_OK(pid);
}

static void peer_of_dead_process(void *argument)
{
    (void)argument;
    int fds[2];
    struct ucred cred;
    socklen_t size = sizeof(cred);
    /* The one who made the pair is the peer; it passes an end on and dies. */
    int pass[2];
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pass));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
        union {
            char bytes[CMSG_SPACE(sizeof(int))];
            struct cmsghdr align;
        } control = {{0}};
        struct iovec iov = {"f", 1};
        struct msghdr message = {.msg_iov = &iov,
                                 .msg_iovlen = 1,
                                 .msg_control = control.bytes,
                                 .msg_controllen = sizeof(control.bytes)};
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &fds[0], sizeof(int));
        OK(sendmsg(pass[1], &message, 0));
        _exit(0);
    }
    CHILD_OK(pid);
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    char byte;
    struct iovec iov = {&byte, 1};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    OK(recvmsg(pass[0], &message, 0));
    int fd;
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
    OK(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size));
    EQ(cred.pid, pid);
}

static void a_dead_peer_keeps_its_number(void)
{
    need_root();
    CHILD_OK(spawn_inside(peer_of_dead_process, NULL));
}

/* ---- locks, owners, System V ---- */

static void asks_about_lock(void *argument)
{
    int fd = *(int *)argument;
    struct flock lock = {.l_type = F_WRLCK};
    OK(fcntl(fd, F_GETLK, &lock));
    EQ(lock.l_type, F_WRLCK);
    EQ(lock.l_pid, 0);
    EQ(fcntl(fd, F_GETOWN), 0);
    OK(fcntl(fd, F_SETOWN, 1));
    EQ(fcntl(fd, F_GETOWN), 1);
    FAILS(fcntl(fd, F_SETOWN, 12345), ESRCH);
}

static void lock_and_file_owners(void)
{
    need_root();
    char name[] = "/tmp/pid-views-XXXXXX";
    int fd = (int)OK(mkstemp(name));
    OK(unlink(name));
    struct flock lock = {.l_type = F_WRLCK};
    OK(fcntl(fd, F_SETLK, &lock));
    OK(fcntl(fd, F_SETOWN, getpid()));
    pid_t pid = spawn_inside(asks_about_lock, &fd);
    CHILD_OK(pid);
}

static void sends_message(void *argument)
{
    int queue = *(int *)argument;
    struct {
        long type;
        char byte;
    } message = {1, 'x'};
    OK(msgsnd(queue, &message, 1, 0));
    struct msqid_ds state;
    OK(msgctl(queue, IPC_STAT, &state));
    EQ(state.msg_lspid, 1);
}

static void message_queues_know_senders(void)
{
    need_root();
    int queue = (int)OK(msgget(IPC_PRIVATE, 0600));
    struct gate gate = gate_make();
    pid_t pid = (pid_t)OK(syscall(__NR_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0));
    if (pid == 0) {
        sends_message(&queue);
        until_closed(&gate);
        _exit(0);
    }
    struct msqid_ds state;
    do {
        OK(msgctl(queue, IPC_STAT, &state));
    } while (!state.msg_lspid && waitpid(pid, NULL, WNOHANG) == 0);
    EQ(state.msg_lspid, pid);
    close(gate.fds[1]);
    CHILD_OK(pid);
    OK(msgctl(queue, IPC_RMID, NULL));
}

/* ---- pidfds, tracing ---- */

static void signals_up(void *argument)
{
    int fd = *(int *)argument;
    FAILS(syscall(__NR_pidfd_send_signal, fd, 0, NULL, 0), EINVAL);
    FAILS(syscall(__NR_pidfd_open, 12345, 0), ESRCH);
}

static void pidfds_reach_down_only(void)
{
    need_root();
    int fd = (int)OK(syscall(__NR_pidfd_open, getpid(), 0));
    CHILD_OK(spawn_inside(signals_up, &fd));
}

static void forks_traced(void)
{
    OK(ptrace(PTRACE_TRACEME, 0, 0, 0));
    OK(kill(getpid(), SIGSTOP)); /* to init, but a tracer sees everything */
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0)
        _exit(0);
    EQ(pid, 2);
    CHILD_OK(pid);
}

static void tracers_get_their_numbers(void)
{
    need_root();
    pid_t pid = (pid_t)OK(syscall(__NR_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0));
    if (pid == 0) {
        forks_traced();
        _exit(0);
    }
    int status;
    EQ(OK(waitpid(pid, &status, 0)), pid);
    TRUE(WIFSTOPPED(status));
    OK(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEFORK | PTRACE_O_EXITKILL));
    OK(ptrace(PTRACE_CONT, pid, 0, 0));
    unsigned long message = 0;
    for (;;) {
        EQ(OK(waitpid(pid, &status, 0)), pid);
        if (!WIFSTOPPED(status))
            break;
        if (status >> 8 == (SIGTRAP | PTRACE_EVENT_FORK << 8)) {
            OK(ptrace(PTRACE_GETEVENTMSG, pid, 0, &message));
            break;
        }
        ptrace(PTRACE_CONT, pid, 0, 0);
    }
    TRUE(message > 0);
    EQ(OK(waitpid((pid_t)message, &status, __WALL)), (pid_t)message);
    TRUE(WIFSTOPPED(status));
    OK(kill(pid, SIGKILL));
    while (waitpid(-1, &status, __WALL) > 0)
        continue;
}

GUEST_MAIN(CASE(setns_sends_children_inside), CASE(init_waits_for_outer_parents),
           CASE(numbers_can_be_chosen), CASE(each_side_gets_its_own_number),
           CASE(proc_has_the_namespaces_numbers), CASE(outer_proc_shows_all_numbers),
           CASE(credentials_are_translated), CASE(a_dead_peer_keeps_its_number),
           CASE(lock_and_file_owners), CASE(message_queues_know_senders),
           CASE(pidfds_reach_down_only), CASE(tracers_get_their_numbers))
