/* SPDX-License-Identifier: MIT
 *
 * AF_UNIX datagram and seqpacket sockets (unix(7)).
 */
#include "tests/guest/ipc_check.h"

#include <stddef.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

struct address {
    struct sockaddr_un un;
    socklen_t bytes;
};

static struct address named(const char *suffix)
{
    struct address address = {.un.sun_family = AF_UNIX};
    int bytes = snprintf(address.un.sun_path + 1, sizeof(address.un.sun_path) - 1,
                         "unix-dgram-%d-%s", getpid(), suffix);
    address.bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)bytes);
    return address;
}

static int new_socket(int type, const char *suffix)
{
    int fd = (int)OK(socket(AF_UNIX, type, 0));
    if (suffix) {
        struct address address = named(suffix);
        OK(bind(fd, (struct sockaddr *)&address.un, address.bytes));
    }
    return fd;
}

static ssize_t send_to(int fd, const char *suffix, const char *text, int flags)
{
    struct address address = named(suffix);
    return sendto(fd, text, strlen(text), flags, (struct sockaddr *)&address.un, address.bytes);
}

static int connect_to(int fd, const char *suffix)
{
    struct address address = named(suffix);
    return connect(fd, (struct sockaddr *)&address.un, address.bytes);
}

static int disconnect(int fd)
{
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    return connect(fd, &none, sizeof(none));
}

static void test_messages(void)
{
    char buffer[16];
    struct sockaddr_un from;
    socklen_t bytes = sizeof(from);
    struct address a_name = named("a");
    int a = new_socket(SOCK_DGRAM, "a"), b = new_socket(SOCK_DGRAM, "b"), value;

    FAILS(send(a, "x", 1, 0), ENOTCONN);
    FAILS(send_to(a, "nobody", "x", 0), ECONNREFUSED);
    EQ(send_to(a, "b", "hello", 0), 5);
    EQ(send_to(a, "b", "", 0), 0); /* an empty message is one */
    EQ(send_to(a, "b", "world", 0), 5);
    OK(ioctl(b, FIONREAD, &value));
    EQ(value, 5);
    EQ(recvfrom(b, buffer, sizeof(buffer), MSG_PEEK, NULL, NULL), 5);
    EQ(recvfrom(b, buffer, sizeof(buffer), 0, (struct sockaddr *)&from, &bytes), 5);
    EQ(bytes, a_name.bytes);
    EQ(memcmp(&from, &a_name.un, bytes), 0);
    EQ(memcmp(buffer, "hello", 5), 0);
    TRUE(events_of(b) & POLLIN);
    EQ(recv(b, buffer, sizeof(buffer), 0), 0);
    EQ(recv(b, buffer, 2, MSG_TRUNC), 5); /* the length that it had */
    EQ(memcmp(buffer, "wo", 2), 0);
    FAILS(recv(b, buffer, 2, MSG_DONTWAIT), EAGAIN); /* the rest is lost */
    EQ(send_to(a, "b", "again", 0), 5);
    struct iovec iov = {buffer, 3};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    EQ(recvmsg(b, &message, 0), 3);
    EQ(message.msg_flags, MSG_TRUNC);
    EQ(message.msg_controllen, 0);

    int nameless = new_socket(SOCK_DGRAM, NULL);
    EQ(send_to(nameless, "b", "x", 0), 1);
    bytes = sizeof(from);
    EQ(recvfrom(b, buffer, sizeof(buffer), 0, (struct sockaddr *)&from, &bytes), 1);
    EQ(bytes, 0);
    FAILS(listen(a, 1), EOPNOTSUPP);
    FAILS(accept(a, NULL, NULL), EOPNOTSUPP);
    EQ(events_of(a), POLLOUT | POLLWRNORM | POLLWRBAND);
    close(a);
    close(b);
    close(nameless);
}

static void test_peers(void)
{
    char buffer[16];
    int a = new_socket(SOCK_DGRAM, "a"), b = new_socket(SOCK_DGRAM, "b");
    int c = new_socket(SOCK_DGRAM, "c");

    OK(connect_to(a, "b"));
    EQ(send(a, "1", 1, 0), 1);
    EQ(send_to(a, "c", "2", 0), 1); /* a connected one may send elsewhere */
    EQ(recv(c, buffer, 16, 0), 1);
    EQ(send_to(c, "b", "3", 0), 1);
    EQ(recv(b, buffer, 16, 0), 1);
    EQ(recv(b, buffer, 16, 0), 1);
    EQ(buffer[0], '3');
    FAILS(send_to(c, "a", "4", 0), EPERM); /* a hears only b now */
    FAILS(connect_to(c, "a"), EPERM);
    OK(connect_to(a, "c"));
    EQ(send_to(c, "a", "5", 0), 1);
    OK(disconnect(a));
    FAILS(send(a, "x", 1, 0), ENOTCONN);
    FAILS(recv(a, buffer, 16, MSG_DONTWAIT), EAGAIN); /* what the old peer sent is gone */

    OK(connect_to(a, "b"));
    close(b);
    FAILS(send(a, "x", 1, MSG_NOSIGNAL), ECONNREFUSED);
    FAILS(send(a, "x", 1, MSG_NOSIGNAL), ENOTCONN); /* and it has no peer any more */
    close(a);
    close(c);
}

static void test_pairs(void)
{
    char buffer[16];
    int pair[2];
    OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    EQ(write(pair[0], "ab", 2), 2);
    EQ(write(pair[0], "cd", 2), 2);
    EQ(read(pair[1], buffer, 16), 2);
    EQ(write(pair[0], "", 0), 0);
    EQ(read(pair[1], buffer, 16), 2);
    EQ(read(pair[1], buffer, 16), 0);
    OK(shutdown(pair[1], SHUT_RD));
    catch_signal(SIGPIPE, 0);
    signals_seen = 0;
    FAILS(write(pair[0], "x", 1), EPIPE);
    EQ(signals_seen, 0); /* no signal for datagrams */
    EQ(read(pair[1], buffer, 1), 0);
    FAILS(recv(pair[1], buffer, 1, MSG_DONTWAIT), EAGAIN);
    close(pair[0]);
    close(pair[1]);
    OK(socketpair(AF_UNIX, SOCK_RAW, 0, pair)); /* means datagrams */
    int type;
    socklen_t bytes = sizeof(type);
    OK(getsockopt(pair[0], SOL_SOCKET, SO_TYPE, &type, &bytes));
    EQ(type, SOCK_DGRAM);
    close(pair[0]);
    FAILS(write(pair[1], "x", 1), ECONNREFUSED);
    close(pair[1]);
}

static void test_full_queue(void)
{
    int a = new_socket(SOCK_DGRAM | SOCK_NONBLOCK, NULL), b = new_socket(SOCK_DGRAM, "b");
    int sent = 0, epoll = (int)OK(epoll_create1(0));
    char byte;
    struct epoll_event event = {.events = EPOLLOUT | EPOLLET};
    OK(connect_to(a, "b"));
    OK(epoll_ctl(epoll, EPOLL_CTL_ADD, a, &event));
    EQ(epoll_wait(epoll, &event, 1, 0), 1);
    while (send(a, "x", 1, 0) == 1)
        sent++;
    EQ(errno, EAGAIN);
    TRUE(sent > 0);
    EQ(events_of(a), 0);
    EQ(epoll_wait(epoll, &event, 1, 0), 0);
    EQ(read(b, &byte, 1), 1);
    EQ(epoll_wait(epoll, &event, 1, 0), 1); /* there is room again */
    EQ(events_of(a), POLLOUT | POLLWRNORM | POLLWRBAND);
    EQ(send(a, "x", 1, 0), 1);

    struct timeval short_time = {.tv_usec = 20000};
    set_nonblock(a, false);
    OK(setsockopt(a, SOL_SOCKET, SO_SNDTIMEO, &short_time, sizeof(short_time)));
    FAILS(send(a, "x", 1, 0), EAGAIN);
    EQ(events_of(a), 0);
    close(b); /* which makes it writable, to see the error */
    TRUE(events_of(a) & POLLOUT);
    FAILS(send(a, "x", 1, 0), ECONNREFUSED);
    close(a);
    close(epoll);
}

static void *send_slowly(void *argument)
{
    return (void *)(intptr_t)send(*(int *)argument, "x", 1, 0);
}

static void test_blocked_sender(void)
{
    int a = new_socket(SOCK_DGRAM, NULL), b = new_socket(SOCK_DGRAM, "b");
    char byte;
    void *result;
    OK(connect_to(a, "b"));
    while (send(a, "x", 1, MSG_DONTWAIT) == 1)
        ;
    pthread_t thread = start(send_slowly, &a);
    sleep_ms(20);
    EQ(read(b, &byte, 1), 1);
    pthread_join(thread, &result);
    EQ((intptr_t)result, 1);
    thread = start(send_slowly, &a);
    sleep_ms(20);
    close(b);
    pthread_join(thread, &result);
    EQ((intptr_t)result, -1);
    close(a);
}

static void test_size_limit(void)
{
    static char big[300000];
    int pair[2], size = 20000;
    OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    FAILS(write(pair[0], big, sizeof(big)), EMSGSIZE);
    memset(big, 'q', 100000);
    big[99999] = 'z';
    EQ(write(pair[0], big, 100000), 100000);
    memset(big, 0, sizeof(big));
    EQ(read(pair[1], big, sizeof(big)), 100000);
    EQ(big[0], 'q');
    EQ(big[50000], 'q');
    EQ(big[99999], 'z');
    OK(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
    FAILS(write(pair[0], big, 60000), EMSGSIZE);
    close(pair[0]);
    close(pair[1]);
}

static void test_many(void)
{
    char text[3][8] = {"one", "two", "three"}, in[3][8];
    struct iovec out_iov[3], in_iov[3];
    struct mmsghdr out[3] = {0}, got[3] = {0};
    struct timespec time = {.tv_nsec = 20000000};
    int pair[2];
    OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    for (int i = 0; i < 3; i++) {
        out_iov[i] = (struct iovec){text[i], strlen(text[i])};
        in_iov[i] = (struct iovec){in[i], sizeof(in[i])};
        out[i].msg_hdr = (struct msghdr){.msg_iov = &out_iov[i], .msg_iovlen = 1};
        got[i].msg_hdr = (struct msghdr){.msg_iov = &in_iov[i], .msg_iovlen = 1};
    }
    EQ(sendmmsg(pair[0], out, 3, 0), 3);
    EQ(out[2].msg_len, 5);
    EQ(recvmmsg(pair[1], got, 3, 0, NULL), 3);
    EQ(got[0].msg_len, 3);
    EQ(got[2].msg_len, 5);
    EQ(memcmp(in[2], "three", 5), 0);
    EQ(sendmmsg(pair[0], out, 2, 0), 2);
    EQ(recvmmsg(pair[1], got, 3, MSG_WAITFORONE, NULL), 2);
    FAILS(recvmmsg(pair[1], got, 3, MSG_DONTWAIT, NULL), EAGAIN);
    EQ(sendmmsg(pair[0], out, 0, 0), 0);
    out[1].msg_hdr.msg_iov = BAD_POINTER;
    EQ(syscall(SYS_sendmmsg, pair[0], out, 3, 0), 1); /* those before the bad one */
    EQ(recvmmsg(pair[1], got, 1, 0, &time), 1);
    time.tv_nsec = -1;
    FAILS(recvmmsg(pair[1], got, 1, 0, &time), EINVAL);
    out[0].msg_hdr.msg_iovlen = 5000;
    FAILS(syscall(SYS_sendmmsg, pair[0], out, 1, 0), EMSGSIZE);
    FAILS(syscall(SYS_sendmsg, pair[0], BAD_POINTER, 0), EFAULT);
    close(pair[0]);
    close(pair[1]);
}

static void test_seqpacket(void)
{
    char buffer[16];
    int server = new_socket(SOCK_SEQPACKET, "seq"), client = new_socket(SOCK_SEQPACKET, NULL);
    FAILS(send(client, "x", 1, 0), ENOTCONN);
    FAILS(recv(client, buffer, 1, 0), ENOTCONN);
    FAILS(connect_to(client, "seq"), ECONNREFUSED); /* it does not listen */
    OK(listen(server, 1));
    OK(connect_to(client, "seq"));
    int peer = (int)OK(accept(server, NULL, NULL));
    EQ(send(client, "abc", 3, MSG_EOR), 3);
    EQ(send_to(client, "nobody", "def", 0), 3); /* the address is not looked at */
    EQ(recv(peer, buffer, 2, 0), 2);
    EQ(recv(peer, buffer, 16, 0), 3);
    EQ(memcmp(buffer, "def", 3), 0);
    OK(shutdown(client, SHUT_WR));
    EQ(recv(peer, buffer, 16, 0), 0);
    EQ(recv(peer, buffer, 16, MSG_DONTWAIT), 0);
    close(client);
    TRUE(events_of(peer) & POLLHUP);
    FAILS(send(peer, "x", 1, MSG_NOSIGNAL), EPIPE);
    close(peer);
    close(server);

    int stream = new_socket(SOCK_STREAM, NULL), datagram = new_socket(SOCK_DGRAM, "kind");
    FAILS(connect_to(stream, "kind"), ECONNREFUSED); /* abstract names have a type each */
    close(stream);
    close(datagram);
}

/* What a peer left unread is told before what it sent. */
static void test_seqpacket_reset(void)
{
    char byte;
    int pair[2];
    OK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
    EQ(OK(send(pair[1], "unread", 6, 0)), 6);
    EQ(OK(send(pair[0], "x", 1, 0)), 1);
    close(pair[0]);
    FAILS(recv(pair[1], &byte, 1, 0), ECONNRESET);
    EQ(OK(recv(pair[1], &byte, 1, 0)), 1);
    EQ(byte, 'x');
    EQ(OK(recv(pair[1], &byte, 1, 0)), 0);
    close(pair[1]);
}

int main(void)
{
    limit_seconds(55);
    test_messages();
    test_peers();
    test_pairs();
    test_full_queue();
    test_blocked_sender();
    test_size_limit();
    test_many();
    test_seqpacket();
    test_seqpacket_reset();
    return 0;
}
