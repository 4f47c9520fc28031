/* SPDX-License-Identifier: MIT
 *
 * Files and credentials in AF_UNIX messages: SCM_RIGHTS, SCM_CREDENTIALS (unix(7), cmsg(3)).
 */
#include "tests/guest/ipc_check.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { FDS_MAX = 253 };

union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int) * (FDS_MAX + 3)) + CMSG_SPACE(sizeof(struct ucred))];
};

static ssize_t send_fds(int fd, const int *fds, size_t count)
{
    char byte = 'f';
    struct iovec iov = {&byte, 1};
    union control control;
    memset(&control, 0, sizeof(control));
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = CMSG_SPACE(sizeof(int) * count)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof(int) * count), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(header), fds, sizeof(int) * count);
    return syscall(SYS_sendmsg, fd, &message, MSG_NOSIGNAL);
}

/* Receive into room for `room` descriptors; their number, and the message's flags. */
static int receive_fds(int fd, int *fds, size_t room, int flags, int *out_flags)
{
    char buffer[64];
    struct iovec iov = {buffer, sizeof(buffer)};
    union control control;
    memset(&control, 0x55, sizeof(control));
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = room ? &control : NULL,
                             .msg_controllen = room ? CMSG_LEN(sizeof(int) * room) : 0};
    TRUE(OK(syscall(SYS_recvmsg, fd, &message, flags)) >= 1);
    *out_flags = message.msg_flags;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (!header)
        return 0;
    EQ(header->cmsg_level, SOL_SOCKET);
    EQ(header->cmsg_type, SCM_RIGHTS);
    size_t bytes = header->cmsg_len - CMSG_LEN(0);
    memcpy(fds, CMSG_DATA(header), bytes);
    return (int)(bytes / sizeof(int));
}

static int same_file(int a, int b)
{
    struct stat x, y;
    OK(fstat(a, &x));
    OK(fstat(b, &y));
    return x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

static void test_passing(void)
{
    int pair[2], pipe_fds[2], got[8], flags;
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    OK(pipe(pipe_fds));
    EQ(send_fds(pair[0], pipe_fds, 2), 1);
    EQ(receive_fds(pair[1], got, 8, MSG_CMSG_CLOEXEC, &flags), 2);
    EQ(flags, MSG_CMSG_CLOEXEC);
    EQ(OK(fcntl(got[0], F_GETFD)), FD_CLOEXEC);
    TRUE(same_file(got[0], pipe_fds[0]));
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    char byte;
    EQ(write(got[1], "x", 1), 1);
    EQ(read(got[0], &byte, 1), 1);
    close(got[1]);
    EQ(read(got[0], &byte, 1), 0);
    EQ(send_fds(pair[0], got, 1), 1);
    close(got[0]);
    EQ(receive_fds(pair[1], got, 1, 0, &flags), 1);
    EQ(flags, 0);
    EQ(OK(fcntl(got[0], F_GETFD)), 0);
    close(got[0]);
    close(pair[0]);
    close(pair[1]);
}

static void test_errors(void)
{
    int pair[2], fds[FDS_MAX + 1];
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    fds[0] = 0;
    fds[1] = 999;
    FAILS(send_fds(pair[0], fds, 2), EBADF);
    for (int i = 0; i <= FDS_MAX; i++)
        fds[i] = pair[0];
    FAILS(send_fds(pair[0], fds, FDS_MAX + 1), EINVAL);

    char byte = 0;
    struct iovec iov = {&byte, 1};
    union control control;
    memset(&control, 0, sizeof(control));
    control.header = (struct cmsghdr){
        .cmsg_len = 8, .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}; /* too short */
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = CMSG_SPACE(sizeof(int))};
    FAILS(syscall(SYS_sendmsg, pair[0], &message, 0), EINVAL);
    control.header.cmsg_len = 1000;
    FAILS(syscall(SYS_sendmsg, pair[0], &message, 0), EINVAL);
    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    control.header.cmsg_type = 77;
    FAILS(syscall(SYS_sendmsg, pair[0], &message, 0), EINVAL);
    control.header.cmsg_level = 12345; /* not ours: ignored */
    EQ(syscall(SYS_sendmsg, pair[0], &message, 0), 1);
    message.msg_control = BAD_POINTER;
    FAILS(syscall(SYS_sendmsg, pair[0], &message, 0), EFAULT);
    message.msg_controllen = 1 << 30;
    FAILS(syscall(SYS_sendmsg, pair[0], &message, 0), ENOBUFS);
    close(pair[0]);
    close(pair[1]);
}

static void test_truncation(void)
{
    int pair[2], got[8], flags, fds[3] = {0, 1, 2};
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    EQ(send_fds(pair[0], fds, 3), 1);
    EQ(receive_fds(pair[1], got, 2, 0, &flags), 2); /* the third is dropped */
    EQ(flags, MSG_CTRUNC);
    close(got[0]);
    close(got[1]);
    EQ(send_fds(pair[0], fds, 3), 1);
    EQ(receive_fds(pair[1], got, 0, 0, &flags), 0);
    EQ(flags, MSG_CTRUNC);
    EQ(send_fds(pair[0], fds, 3), 1);
    char byte;
    EQ(read(pair[1], &byte, 1), 1); /* read(2) drops them, too */

    struct rlimit limit, low;
    OK(getrlimit(RLIMIT_NOFILE, &limit));
    int next = (int)OK(dup(0));
    close(next);
    low = limit;
    low.rlim_cur = (rlim_t)next + 1;
    EQ(send_fds(pair[0], fds, 3), 1);
    OK(setrlimit(RLIMIT_NOFILE, &low));
    EQ(receive_fds(pair[1], got, 3, 0, &flags), 1); /* as many as there is room for */
    EQ(flags, MSG_CTRUNC);
    OK(setrlimit(RLIMIT_NOFILE, &limit));
    close(got[0]);
    close(pair[0]);
    close(pair[1]);
}

/* A read does not go on past a message with files, and peeking duplicates them. */
static void test_boundaries(void)
{
    char buffer[16];
    int pair[2], got[8], flags, fds[1] = {0};
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    EQ(write(pair[0], "ab", 2), 2);
    EQ(send_fds(pair[0], fds, 1), 1);
    EQ(write(pair[0], "cd", 2), 2);
    EQ(receive_fds(pair[1], got, 1, MSG_PEEK, &flags), 1);
    TRUE(same_file(got[0], 0));
    close(got[0]);
    EQ(recv(pair[1], buffer, sizeof(buffer), MSG_PEEK), 3);
    EQ(receive_fds(pair[1], got, 1, 0, &flags), 1);
    close(got[0]);
    EQ(read(pair[1], buffer, sizeof(buffer)), 2);
    EQ(memcmp(buffer, "cd", 2), 0);
    close(pair[0]);
    close(pair[1]);
}

/* Files in messages that nobody reads are closed in the end. */
static void test_abandoned_messages(void)
{
    int pair[2], pipe_fds[2];
    char byte;
    OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    OK(pipe(pipe_fds));
    EQ(send_fds(pair[0], &pipe_fds[1], 1), 1);
    close(pipe_fds[1]);
    set_nonblock(pipe_fds[0], true);
    FAILS(read(pipe_fds[0], &byte, 1), EAGAIN);
    close(pair[1]);
    EQ(read(pipe_fds[0], &byte, 1), 0);
    close(pair[0]);
    close(pipe_fds[0]);
}

/* Wait for the end of a pipe: the kernel may free garbage a little later. */
static void expect_end(int fd)
{
    char byte;
    set_nonblock(fd, true);
    for (int i = 0; i < 500; i++) {
        if (read(fd, &byte, 1) == 0)
            return;
        sleep_ms(10);
        int other[2]; /* closing a socket makes the kernel look for garbage */
        OK(socketpair(AF_UNIX, SOCK_STREAM, 0, other));
        close(other[0]);
        close(other[1]);
    }
    fail_at(__LINE__, "sockets that refer to each other are never freed");
}

static void test_cycles(void)
{
    int pair[2], other[2], pipe_fds[2], fds[2];
    OK(pipe(pipe_fds)); /* a socket in its own queue */
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    fds[0] = pair[1];
    fds[1] = pipe_fds[1];
    EQ(send_fds(pair[0], fds, 2), 1);
    close(pipe_fds[1]);
    close(pair[0]);
    close(pair[1]);
    expect_end(pipe_fds[0]);
    close(pipe_fds[0]);

    OK(pipe(pipe_fds)); /* two pairs, each in the other's queue */
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, other));
    EQ(send_fds(pair[0], other, 2), 1);
    fds[0] = pair[1];
    EQ(send_fds(other[0], fds, 2), 1);
    close(pipe_fds[1]);
    for (int i = 0; i < 2; i++) {
        close(pair[i]);
        close(other[i]);
    }
    expect_end(pipe_fds[0]);
    close(pipe_fds[0]);
}

/* A ring that somebody can still read is no garbage. */
static void test_reachable_ring(void)
{
    int pair[2], other[2], got[2], flags;
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, other));
    EQ(send_fds(pair[0], &other[1], 1), 1);
    EQ(send_fds(other[0], &pair[1], 1), 1);
    int keep = pair[1];
    close(pair[0]);
    close(other[0]);
    close(other[1]);
    EQ(receive_fds(keep, got, 1, 0, &flags), 1);
    EQ(receive_fds(got[0], got + 1, 1, 0, &flags), 1);
    TRUE(same_file(got[1], keep));
    close(got[0]);
    close(got[1]);
    close(keep);
}

/* A connection that nobody has accepted can hold files as well, even its own listener. */
static void test_pending_connection(void)
{
    int pipe_fds[2], fds[2];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t bytes = sizeof(sa_family_t);
    int server = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    int client = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    OK(pipe(pipe_fds));
    OK(bind(server, (struct sockaddr *)&address, bytes)); /* any free name */
    OK(listen(server, 1));
    bytes = sizeof(address);
    OK(getsockname(server, (struct sockaddr *)&address, &bytes));
    EQ(bytes, sizeof(sa_family_t) + 6);
    OK(connect(client, (struct sockaddr *)&address, bytes));
    fds[0] = server;
    fds[1] = pipe_fds[1];
    EQ(send_fds(client, fds, 2), 1);
    close(server);
    close(pipe_fds[1]);
    close(client);
    expect_end(pipe_fds[0]);
    close(pipe_fds[0]);
}

/* ---- a long chain of sockets in each other's queues must not exhaust the kernel's stack ---- */

static void test_long_chain(void)
{
    enum { LINKS = 2000 };
    int pipe_fds[2], pair[2], fds[2];
    OK(pipe(pipe_fds));
    int inner = pipe_fds[1];
    for (int i = 0; i < LINKS; i++) {
        OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
        fds[0] = inner;
        if (send_fds(pair[0], fds, 1) != 1) {
            EQ(errno, ETOOMANYREFS); /* a limit is fine */
            close(pair[0]);
            close(pair[1]);
            break;
        }
        close(inner);
        close(pair[0]);
        inner = pair[1];
    }
    close(inner);
    expect_end(pipe_fds[0]);
    close(pipe_fds[0]);
}

/* ---- credentials ---- */

static int receive_cred(int fd, struct ucred *out)
{
    char byte;
    struct iovec iov = {&byte, 1};
    union control control;
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    EQ(syscall(SYS_recvmsg, fd, &message, 0), 1);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (!header)
        return 0;
    EQ(header->cmsg_type, SCM_CREDENTIALS);
    EQ(header->cmsg_len, CMSG_LEN(sizeof(*out)));
    memcpy(out, CMSG_DATA(header), sizeof(*out));
    return 1;
}

static ssize_t send_cred(int fd, const struct ucred *cred)
{
    char byte = 'c';
    struct iovec iov = {&byte, 1};
    union control control;
    memset(&control, 0, sizeof(control));
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = CMSG_SPACE(sizeof(*cred))};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof(*cred)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_CREDENTIALS};
    memcpy(CMSG_DATA(header), cred, sizeof(*cred));
    return syscall(SYS_sendmsg, fd, &message, 0);
}

static void claim_as_user(void)
{
    int pair[2];
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    if (getuid() == 0) {
        OK(syscall(SYS_setresgid, 1000, 1000, 1000));
        OK(syscall(SYS_setresuid, 1000, 1000, 1000));
    }
    struct ucred cred = {.pid = getpid(), .uid = getuid(), .gid = getgid()};
    EQ(send_cred(pair[0], &cred), 1);
    cred.pid = 1;
    FAILS(send_cred(pair[0], &cred), EPERM);
    cred.pid = getpid();
    cred.uid = 0;
    FAILS(send_cred(pair[0], &cred), EPERM);
    cred.uid = getuid();
    cred.gid = 0;
    FAILS(send_cred(pair[0], &cred), EPERM);
}

static void test_credentials(void)
{
    int pair[2], on = 1;
    struct ucred cred, own = {.pid = getpid(), .uid = getuid(), .gid = getgid()};
    OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    EQ(write(pair[0], "x", 1), 1);
    EQ(receive_cred(pair[1], &cred), 0);
    EQ(write(pair[0], "x", 1), 1); /* sent before anyone wanted to know */
    OK(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
    EQ(receive_cred(pair[1], &cred), 1);
    EQ(cred.pid, 0);
    EQ(cred.uid, 65534);
    EQ(cred.gid, 65534);
    EQ(write(pair[0], "x", 1), 1);
    EQ(receive_cred(pair[1], &cred), 1);
    EQ(memcmp(&cred, &own, sizeof(own)), 0);
    EQ(send_cred(pair[0], &own), 1);
    EQ(receive_cred(pair[1], &cred), 1);
    EQ(memcmp(&cred, &own, sizeof(own)), 0);
    if (getuid() == 0) {
        struct ucred other = {.pid = getpid(), .uid = 7, .gid = 8};
        EQ(send_cred(pair[0], &other), 1);
        EQ(receive_cred(pair[1], &cred), 1);
        EQ(cred.uid, 7);
        other.pid = 0x3ffffff;
        FAILS(send_cred(pair[0], &other), ESRCH);
    }
    socklen_t bytes = sizeof(cred);
    OK(getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &cred, &bytes));
    EQ(bytes, sizeof(cred));
    EQ(cred.pid, getpid());
    EQ(cred.uid, geteuid());
    close(pair[0]);
    close(pair[1]);
    int alone = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    OK(getsockopt(alone, SOL_SOCKET, SO_PEERCRED, &cred, &bytes));
    EQ(cred.pid, 0);
    EQ(cred.uid, (uid_t)-1);
    close(alone);
    EQ(in_child(claim_as_user), 0);
}

/* Who wants credentials as a listener gets them from every connection. */
static void test_credentials_are_inherited(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t bytes = sizeof(address);
    struct ucred cred;
    int on = 1, value = 0;
    int server = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    int client = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    OK(bind(server, (struct sockaddr *)&address, sizeof(sa_family_t)));
    OK(getsockname(server, (struct sockaddr *)&address, &bytes));
    OK(setsockopt(server, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
    OK(listen(server, 1));
    OK(connect(client, (struct sockaddr *)&address, bytes));
    EQ(write(client, "x", 1), 1); /* before it is accepted */
    int peer = (int)OK(accept(server, NULL, NULL));
    bytes = sizeof(value);
    OK(getsockopt(peer, SOL_SOCKET, SO_PASSCRED, &value, &bytes));
    EQ(value, 1);
    EQ(receive_cred(peer, &cred), 1);
    EQ(cred.pid, getpid());
    bytes = sizeof(cred);
    OK(getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &cred, &bytes));
    EQ(cred.pid, getpid());
    close(server);
    close(client);
    close(peer);
}

/* A stream read stops where the sender changes, if credentials are wanted. */
static void test_credentials_split_streams(void)
{
    char buffer[8];
    int pair[2], on = 1;
    struct ucred other = {.pid = getpid(), .uid = 7, .gid = 8};
    if (getuid() != 0)
        return;
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    EQ(write(pair[0], "a", 1), 1);
    EQ(send_cred(pair[0], &other), 1);
    EQ(read(pair[1], buffer, 8), 2);
    OK(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
    EQ(write(pair[0], "a", 1), 1);
    EQ(send_cred(pair[0], &other), 1);
    EQ(read(pair[1], buffer, 8), 1);
    EQ(read(pair[1], buffer, 8), 1);
    close(pair[0]);
    close(pair[1]);
}

int main(void)
{
    limit_seconds(55);
    test_passing();
    test_errors();
    test_truncation();
    test_boundaries();
    test_abandoned_messages();
    test_cycles();
    test_reachable_ring();
    test_pending_connection();
    test_long_chain();
    test_credentials();
    test_credentials_are_inherited();
    test_credentials_split_streams();
    return 0;
}
