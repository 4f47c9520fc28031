/* SPDX-License-Identifier: MIT
 *
 * Options of AF_UNIX sockets: getsockopt(2), setsockopt(2), socket(7).
 */
#include "tests/guest/ipc_check.h"

#include <sys/socket.h>
#include <sys/un.h>

#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72
#endif
#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

static int get(int fd, int option)
{
    int value = -77;
    socklen_t bytes = sizeof(value);
    OK(getsockopt(fd, SOL_SOCKET, option, &value, &bytes));
    EQ(bytes, sizeof(value));
    return value;
}

static int set(int fd, int option, int value)
{
    return setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value));
}

static void test_fixed(int fd)
{
    EQ(get(fd, SO_TYPE), SOCK_STREAM);
    EQ(get(fd, SO_DOMAIN), AF_UNIX);
    EQ(get(fd, SO_PROTOCOL), 0);
    EQ(get(fd, SO_ERROR), 0);
    EQ(get(fd, SO_ACCEPTCONN), 0);
    FAILS(set(fd, SO_TYPE, 1), ENOPROTOOPT);
    FAILS(set(fd, SO_DOMAIN, 1), ENOPROTOOPT);
    FAILS(set(fd, SO_PROTOCOL, 1), ENOPROTOOPT);
    FAILS(set(fd, SO_ERROR, 1), ENOPROTOOPT);
    FAILS(set(fd, SO_ACCEPTCONN, 1), ENOPROTOOPT);
    int listener = (int)OK(socket(AF_UNIX, SOCK_SEQPACKET, 0));
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    OK(bind(listener, (struct sockaddr *)&address, sizeof(sa_family_t)));
    OK(listen(listener, 1));
    EQ(get(listener, SO_ACCEPTCONN), 1);
    EQ(get(listener, SO_TYPE), SOCK_SEQPACKET);
    close(listener);
}

static void test_flags(int fd)
{
    static const int options[] = {SO_REUSEADDR, SO_BROADCAST, SO_KEEPALIVE, SO_OOBINLINE,
                                  SO_DONTROUTE, SO_PASSCRED, SO_TIMESTAMP};
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        EQ(get(fd, options[i]), 0);
        OK(set(fd, options[i], 5));
        EQ(get(fd, options[i]), 1);
        OK(set(fd, options[i], 0));
        EQ(get(fd, options[i]), 0);
    }
}

static void test_buffers(int fd)
{
    TRUE(get(fd, SO_SNDBUF) > 4608);
    OK(set(fd, SO_SNDBUF, 20000));
    EQ(get(fd, SO_SNDBUF), 40000);
    OK(set(fd, SO_SNDBUF, 0));
    EQ(get(fd, SO_SNDBUF), 4608);
    OK(set(fd, SO_RCVBUF, 10000));
    EQ(get(fd, SO_RCVBUF), 20000);
    OK(set(fd, SO_RCVBUF, 1));
    EQ(get(fd, SO_RCVBUF), 2304);
    OK(set(fd, SO_RCVLOWAT, 0));
    EQ(get(fd, SO_RCVLOWAT), 1);
    OK(set(fd, SO_RCVLOWAT, 100));
    EQ(get(fd, SO_RCVLOWAT), 100);
    OK(set(fd, SO_RCVLOWAT, 1));
    EQ(get(fd, SO_SNDLOWAT), 1);
    FAILS(set(fd, SO_SNDLOWAT, 1), ENOPROTOOPT);
    EQ(get(fd, SO_PEEK_OFF), -1);
    OK(set(fd, SO_PEEK_OFF, 5));
    EQ(get(fd, SO_PEEK_OFF), 5);
    OK(set(fd, SO_PEEK_OFF, -1));
}

static void test_structures(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 7};
    socklen_t bytes = sizeof(linger);
    OK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, bytes));
    linger = (struct linger){0};
    OK(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &bytes));
    EQ(linger.l_onoff, 1);
    EQ(linger.l_linger, 7);
    FAILS(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, 4), EINVAL);

    struct timeval time = {.tv_sec = 3, .tv_usec = 500000};
    bytes = sizeof(time);
    OK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, bytes));
    time = (struct timeval){0};
    OK(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, &bytes));
    EQ(time.tv_sec, 3);
    EQ(time.tv_usec, 500000);
    time.tv_usec = 1000000;
    FAILS(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, bytes), EDOM);
    FAILS(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, 8), EINVAL);
    time = (struct timeval){0};
    OK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, bytes));
    OK(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, &bytes));
    EQ(time.tv_sec, 0);
    EQ(time.tv_usec, 0);

    uint64_t cookie = 0, again = 0;
    bytes = sizeof(cookie);
    OK(getsockopt(fd, SOL_SOCKET, 57 /* SO_COOKIE */, &cookie, &bytes));
    OK(getsockopt(fd, SOL_SOCKET, 57, &again, &bytes));
    TRUE(cookie != 0 && cookie == again);
}

static void test_errors(int fd)
{
    int value = 1;
    socklen_t bytes = sizeof(value);
    FAILS(getsockopt(fd, SOL_SOCKET, 9999, &value, &bytes), ENOPROTOOPT);
    FAILS(setsockopt(fd, SOL_SOCKET, 9999, &value, bytes), ENOPROTOOPT);
    FAILS(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, 3), EINVAL);
    FAILS(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, BAD_POINTER, 4), EFAULT);
    FAILS(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, (socklen_t)-1), EINVAL);
    FAILS(getsockopt(fd, SOL_SOCKET, SO_TYPE, BAD_POINTER, &bytes), EFAULT);
    FAILS(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, BAD_POINTER), EFAULT);
    bytes = (socklen_t)-1;
    FAILS(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &bytes), EINVAL);
    bytes = 2;
    value = 0x55555555;
    OK(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &bytes));
    EQ(bytes, 2);
    EQ(value, 0x55550000 | SOCK_STREAM);
    bytes = sizeof(value);
    FAILS(getsockopt(fd, 6 /* SOL_TCP */, 1, &value, &bytes), EOPNOTSUPP);
    FAILS(setsockopt(fd, 6, 1, &value, bytes), EOPNOTSUPP);
    FAILS(getsockopt(fd, SOL_SOCKET, SO_PEERSEC, &value, &bytes), ENOPROTOOPT);
    FAILS(getsockopt(0, SOL_SOCKET, SO_TYPE, &value, &bytes), ENOTSOCK);
    FAILS(getsockopt(-1, SOL_SOCKET, SO_TYPE, &value, &bytes), EBADF);
}

static void test_peer_groups(void)
{
    gid_t groups[64], own[64];
    int pair[2], count = (int)OK(getgroups(64, own));
    socklen_t bytes = sizeof(groups);
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    OK(getsockopt(pair[0], SOL_SOCKET, SO_PEERGROUPS, groups, &bytes));
    EQ(bytes, sizeof(gid_t) * (size_t)count);
    close(pair[0]);
    close(pair[1]);
    int alone = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    FAILS(getsockopt(alone, SOL_SOCKET, SO_PEERGROUPS, groups, &bytes), ENODATA);
    close(alone);
}

static void test_locks(void)
{
    int fd = (int)OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    EQ(get(fd, SO_BUF_LOCK), 0);
    OK(set(fd, SO_SNDBUF, 20000));
    EQ(get(fd, SO_BUF_LOCK), 1); /* SOCK_SNDBUF_LOCK */
    OK(set(fd, SO_BUF_LOCK, 2));
    EQ(get(fd, SO_BUF_LOCK), 2);
    FAILS(set(fd, SO_BUF_LOCK, 4), EINVAL);
    EQ(get(fd, SO_LOCK_FILTER), 0);
    FAILS(set(fd, SO_DETACH_FILTER, 0), ENOENT);
    OK(set(fd, SO_LOCK_FILTER, 1));
    EQ(get(fd, SO_LOCK_FILTER), 1);
    FAILS(set(fd, SO_LOCK_FILTER, 0), EPERM);
    FAILS(set(fd, SO_DETACH_FILTER, 0), EPERM);
    EQ(get(fd, SO_ZEROCOPY), 0);
    FAILS(set(fd, SO_ZEROCOPY, 1), EOPNOTSUPP);
    close(fd);
}

int main(void)
{
    limit_seconds(55);
    int fd = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    test_fixed(fd);
    test_flags(fd);
    test_buffers(fd);
    test_structures(fd);
    test_errors(fd);
    test_peer_groups();
    test_locks();
    close(fd);
    return 0;
}
