/* SPDX-License-Identifier: MIT
 *
 * AF_UNIX stream sockets: pairs, connections, data, ends, readiness (unix(7)).
 */
#include "tests/guest/ipc_check.h"

#include <netinet/in.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

static void new_pair(int pair[2])
{
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}

static void close_pair(const int pair[2])
{
    close(pair[0]);
    close(pair[1]);
}

/* An abstract address of our own. */
static socklen_t name_of(struct sockaddr_un *address, const char *suffix)
{
    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    int bytes = snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1, "unix-stream-%d-%s",
                         getpid(), suffix);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)bytes);
}

static int listener(const char *suffix, int backlog)
{
    struct sockaddr_un address;
    socklen_t bytes = name_of(&address, suffix);
    int fd = (int)OK(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    OK(bind(fd, (struct sockaddr *)&address, bytes));
    OK(listen(fd, backlog));
    return fd;
}

static int try_connect(int fd, const char *suffix)
{
    struct sockaddr_un address;
    socklen_t bytes = name_of(&address, suffix);
    return connect(fd, (struct sockaddr *)&address, bytes);
}

static void test_creation(void)
{
    int pair[2];
    FAILS(socket(AF_UNIX, SOCK_STREAM, 5), EPROTONOSUPPORT);
    FAILS(socket(AF_UNIX, 9, 0), ESOCKTNOSUPPORT);
    FAILS(socket(AF_UNIX, 15, 0), EINVAL);
    FAILS(socket(AF_UNIX, SOCK_STREAM | 0x100, 0), EINVAL);
    FAILS(socket(500, SOCK_STREAM, 0), EAFNOSUPPORT);
    FAILS(socket(-1, SOCK_STREAM, 0), EAFNOSUPPORT);
    FAILS(socketpair(AF_UNIX, SOCK_STREAM, 0, (void *)hidden(8)), EFAULT);
    FAILS(socketpair(AF_UNIX, 9, 0, pair), ESOCKTNOSUPPORT);
    OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, AF_UNIX, pair));
    EQ(OK(fcntl(pair[0], F_GETFD)), FD_CLOEXEC);
    EQ(OK(fcntl(pair[1], F_GETFL)), O_RDWR | O_NONBLOCK);
    struct stat st;
    OK(fstat(pair[0], &st));
    TRUE(S_ISSOCK(st.st_mode));
    close_pair(pair);
    FAILS(send(0, "x", 1, 0), ENOTSOCK);
    FAILS(send(-1, "x", 1, 0), EBADF);
    FAILS(listen(0, 1), ENOTSOCK);
}

static void test_bytes(void)
{
    char buffer[32];
    int pair[2];
    new_pair(pair);
    EQ(write(pair[0], "hello ", 6), 6);
    EQ(send(pair[0], "world", 5, 0), 5);
    EQ(read(pair[1], buffer, 3), 3);
    EQ(recv(pair[1], buffer + 3, 20, 0), 8); /* across messages */
    EQ(memcmp(buffer, "hello world", 11), 0);
    FAILS(recv(pair[1], buffer, 1, MSG_DONTWAIT), EAGAIN);
    EQ(write(pair[1], "back", 4), 4);
    EQ(recv(pair[0], buffer, 2, MSG_PEEK), 2);
    EQ(recv(pair[0], buffer, 9, MSG_PEEK), 4);
    EQ(read(pair[0], buffer, 9), 4);
    EQ(send(pair[0], "", 0, 0), 0); /* no message */
    FAILS(recv(pair[1], buffer, 1, MSG_DONTWAIT), EAGAIN);
    EQ(read(pair[1], buffer, 0), 0);

    struct iovec out[3] = {{"ab", 2}, {"", 0}, {"cde", 3}};
    EQ(writev(pair[0], out, 3), 5);
    struct iovec in[2] = {{buffer, 4}, {buffer + 10, 4}};
    EQ(readv(pair[1], in, 2), 5);
    EQ(memcmp(buffer, "abcd", 4), 0);
    EQ(buffer[10], 'e');
    FAILS(write(pair[0], BAD_POINTER, 10), EFAULT);
    FAILS(recv(pair[1], buffer, 1, MSG_DONTWAIT), EAGAIN);
    EQ(write(pair[0], "xyz", 3), 3);
    FAILS(read(pair[1], BAD_POINTER, 3), EFAULT);
    EQ(read(pair[1], buffer, 9), 3); /* and nothing was lost */
    FAILS(sendto(pair[0], "x", 1, 0, (struct sockaddr *)buffer, 4), EISCONN);
    close_pair(pair);
}

static void test_waitall_and_counts(void)
{
    char buffer[16];
    int pair[2], value = -1;
    new_pair(pair);
    EQ(write(pair[0], "abc", 3), 3);
    EQ(recv(pair[1], buffer, 8, MSG_DONTWAIT | MSG_WAITALL), 3);
    EQ(write(pair[0], "abcdef", 6), 6);
    EQ(write(pair[0], "gh", 2), 2);
    OK(ioctl(pair[1], FIONREAD, &value));
    EQ(value, 8);
    EQ(read(pair[1], buffer, 3), 3);
    OK(ioctl(pair[1], FIONREAD, &value));
    EQ(value, 5);
    OK(ioctl(pair[0], TIOCOUTQ, &value));
    TRUE(value > 0);
    EQ(recv(pair[1], buffer, 5, MSG_WAITALL), 5);
    OK(ioctl(pair[0], TIOCOUTQ, &value));
    EQ(value, 0);
    OK(shutdown(pair[0], SHUT_WR));
    EQ(recv(pair[1], buffer, 5, MSG_WAITALL), 0);
    close_pair(pair);
}

static void test_end_of_stream(void)
{
    char byte;
    int pair[2];
    signal(SIGPIPE, SIG_IGN);
    new_pair(pair);
    EQ(write(pair[0], "x", 1), 1);
    close(pair[0]);
    EQ(events_of(pair[1]), POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLWRBAND | POLLHUP |
                               POLLRDHUP);
    EQ(read(pair[1], &byte, 1), 1);
    EQ(read(pair[1], &byte, 1), 0);
    FAILS(write(pair[1], "y", 1), EPIPE);
    close(pair[1]);

    new_pair(pair); /* closed with data unread: a reset, once */
    EQ(write(pair[0], "x", 1), 1);
    close(pair[1]);
    TRUE(events_of(pair[0]) & POLLERR);
    FAILS(read(pair[0], &byte, 1), ECONNRESET);
    EQ(read(pair[0], &byte, 1), 0);
    close(pair[0]);

    new_pair(pair);
    EQ(write(pair[0], "x", 1), 1);
    close(pair[1]);
    int error = 0;
    socklen_t bytes = sizeof(error);
    OK(getsockopt(pair[0], SOL_SOCKET, SO_ERROR, &error, &bytes));
    EQ(error, ECONNRESET);
    EQ(read(pair[0], &byte, 1), 0);
    close(pair[0]);
}

static void test_sigpipe(void)
{
    int pair[2];
    catch_signal(SIGPIPE, 0);
    signals_seen = 0;
    new_pair(pair);
    close(pair[1]);
    FAILS(write(pair[0], "x", 1), EPIPE);
    EQ(signals_seen, 1);
    FAILS(send(pair[0], "x", 1, 0), EPIPE);
    EQ(signals_seen, 2);
    FAILS(send(pair[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    EQ(signals_seen, 2);
    close(pair[0]);
    new_pair(pair);
    OK(shutdown(pair[0], SHUT_WR));
    FAILS(write(pair[0], "x", 1), EPIPE);
    EQ(signals_seen, 3);
    close_pair(pair);
    signal(SIGPIPE, SIG_IGN);
}

static void test_shutdown(void)
{
    char byte;
    int pair[2];
    new_pair(pair);
    FAILS(shutdown(pair[0], 3), EINVAL);
    FAILS(shutdown(pair[0], -1), EINVAL);
    OK(shutdown(pair[0], SHUT_WR));
    EQ(read(pair[1], &byte, 1), 0);
    EQ(events_of(pair[1]),
       POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLWRBAND | POLLRDHUP);
    EQ(write(pair[1], "x", 1), 1); /* the other direction is open */
    EQ(read(pair[0], &byte, 1), 1);
    OK(shutdown(pair[0], SHUT_RD));
    FAILS(write(pair[1], "x", 1), EPIPE);
    TRUE(events_of(pair[0]) & POLLHUP);
    EQ(read(pair[0], &byte, 1), 0);
    close_pair(pair);

    int alone = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    OK(shutdown(alone, SHUT_RD));
    EQ(events_of(alone) & (POLLHUP | POLLIN | POLLRDHUP), POLLHUP | POLLIN | POLLRDHUP);
    close(alone);
}

static void test_unconnected(void)
{
    char byte;
    int fd = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    FAILS(read(fd, &byte, 1), EINVAL);
    FAILS(write(fd, "x", 1), ENOTCONN);
    FAILS(accept(fd, NULL, NULL), EINVAL);
    FAILS(listen(fd, 1), EINVAL); /* not bound */
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    FAILS(sendto(fd, "x", 1, 0, (struct sockaddr *)&address, sizeof(address)), EOPNOTSUPP);
    socklen_t bytes = sizeof(address);
    FAILS(getpeername(fd, (struct sockaddr *)&address, &bytes), ENOTCONN);
    EQ(events_of(fd), POLLOUT | POLLWRNORM | POLLWRBAND | POLLHUP);
    close(fd);
}

static void test_connections(void)
{
    char byte;
    struct sockaddr_un address, wanted;
    socklen_t bytes = sizeof(address), wanted_bytes = name_of(&wanted, "main");
    int server = listener("main", 5), client = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));

    EQ(events_of(server), 0);
    set_nonblock(server, true);
    FAILS(accept(server, NULL, NULL), EAGAIN);
    FAILS(try_connect(client, "nobody"), ECONNREFUSED);
    OK(try_connect(client, "main"));
    FAILS(try_connect(client, "main"), EISCONN);
    FAILS(try_connect(server, "main"), EINVAL);
    EQ(events_of(server), POLLIN | POLLRDNORM);
    OK(getpeername(client, (struct sockaddr *)&address, &bytes));
    EQ(bytes, wanted_bytes);
    EQ(memcmp(&address, &wanted, bytes), 0);
    EQ(write(client, "x", 1), 1); /* before it is accepted */
    bytes = sizeof(address);
    int peer = (int)OK(accept4(server, (struct sockaddr *)&address, &bytes, SOCK_CLOEXEC));
    EQ(bytes, sizeof(sa_family_t)); /* the client has no name */
    EQ(address.sun_family, AF_UNIX);
    EQ(OK(fcntl(peer, F_GETFD)), FD_CLOEXEC);
    EQ(OK(fcntl(peer, F_GETFL)), O_RDWR);
    EQ(read(peer, &byte, 1), 1);
    EQ(write(peer, "y", 1), 1);
    EQ(read(client, &byte, 1), 1);
    bytes = sizeof(address);
    OK(getsockname(peer, (struct sockaddr *)&address, &bytes));
    EQ(bytes, wanted_bytes);
    FAILS(syscall(SYS_accept4, server, NULL, NULL, 0x100), EINVAL);
    FAILS(accept(client, NULL, NULL), EINVAL);
    FAILS(read(server, &byte, 1), EINVAL);
    FAILS(write(server, "x", 1), ENOTCONN);
    int value;
    FAILS(ioctl(server, FIONREAD, &value), EINVAL);
    close(client);
    EQ(read(peer, &byte, 1), 0);
    close(peer);
    close(server);
    client = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    FAILS(try_connect(client, "main"), ECONNREFUSED); /* the name is free again */
    close(client);
}

static void test_backlog(void)
{
    int server = listener("backlog", 1), clients[3];
    for (int i = 0; i < 3; i++)
        clients[i] = (int)OK(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
    OK(try_connect(clients[0], "backlog")); /* one more than the backlog */
    OK(try_connect(clients[1], "backlog"));
    FAILS(try_connect(clients[2], "backlog"), EAGAIN);
    struct timeval short_time = {.tv_usec = 20000};
    OK(setsockopt(clients[2], SOL_SOCKET, SO_SNDTIMEO, &short_time, sizeof(short_time)));
    set_nonblock(clients[2], false);
    FAILS(try_connect(clients[2], "backlog"), EAGAIN);
    int peer = (int)OK(accept(server, NULL, NULL));
    OK(try_connect(clients[2], "backlog"));
    close(peer);
    char byte;
    close(server); /* who was not accepted is reset */
    set_nonblock(clients[2], true);
    FAILS(read(clients[2], &byte, 1), ECONNRESET);
    EQ(read(clients[2], &byte, 1), 0);
    for (int i = 0; i < 3; i++)
        close(clients[i]);
}

static void *accept_one(void *argument)
{
    return (void *)(intptr_t)accept(*(int *)argument, NULL, NULL);
}

static void test_blocking_accept(void)
{
    int server = listener("block", 1);
    pthread_t thread = start(accept_one, &server);
    sleep_ms(20);
    int client = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    OK(try_connect(client, "block"));
    void *peer;
    pthread_join(thread, &peer);
    TRUE((intptr_t)peer >= 0);
    close((int)(intptr_t)peer);

    thread = start(accept_one, &server);
    sleep_ms(20);
    OK(shutdown(server, SHUT_RDWR));
    pthread_join(thread, &peer);
    EQ((intptr_t)peer, -1);
    close(client);
    client = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    FAILS(try_connect(client, "block"), ECONNREFUSED);
    close(client);
    close(server);
}

static void test_full_buffer(void)
{
    static char block[4096];
    int pair[2], size = 1;
    long total = 0, got;
    new_pair(pair);
    OK(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
    set_nonblock(pair[0], true);
    while ((got = write(pair[0], block, sizeof(block))) > 0)
        total += got;
    EQ(errno, EAGAIN);
    TRUE(total > 0);
    EQ(events_of(pair[0]), 0);
    long left = total;
    while (left > 0)
        left -= OK(read(pair[1], block, sizeof(block)));
    EQ(events_of(pair[0]), POLLOUT | POLLWRNORM | POLLWRBAND);
    struct timeval short_time = {.tv_usec = 20000};
    OK(setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &short_time, sizeof(short_time)));
    OK(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &short_time, sizeof(short_time)));
    set_nonblock(pair[0], false);
    while ((got = write(pair[0], block, sizeof(block))) > 0)
        ;
    EQ(errno, EAGAIN);
    FAILS(read(pair[0], block, 1), EAGAIN);
    close_pair(pair);
}

static void test_epoll_edges(void)
{
    char byte;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
    int pair[2], epoll = (int)OK(epoll_create1(0));
    new_pair(pair);
    OK(epoll_ctl(epoll, EPOLL_CTL_ADD, pair[0], &event));
    EQ(epoll_wait(epoll, &event, 1, 0), 1);
    EQ(event.events, EPOLLOUT);
    EQ(epoll_wait(epoll, &event, 1, 0), 0);
    EQ(write(pair[1], "x", 1), 1);
    EQ(epoll_wait(epoll, &event, 1, 0), 1);
    EQ(event.events, EPOLLIN | EPOLLOUT);
    EQ(epoll_wait(epoll, &event, 1, 0), 0);
    EQ(read(pair[0], &byte, 1), 1);
    EQ(epoll_wait(epoll, &event, 1, 0), 0);
    OK(shutdown(pair[1], SHUT_WR));
    EQ(epoll_wait(epoll, &event, 1, 0), 1);
    EQ(event.events, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
    close(pair[1]);
    EQ(epoll_wait(epoll, &event, 1, 0), 1);
    EQ(event.events, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP);
    close(pair[0]);
    close(epoll);
}

static void test_peek_offset(void)
{
    char buffer[16];
    int pair[2], offset = 0;
    new_pair(pair);
    OK(setsockopt(pair[1], SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof(offset)));
    EQ(write(pair[0], "abcd", 4), 4);
    EQ(write(pair[0], "efgh", 4), 4);
    EQ(recv(pair[1], buffer, 3, MSG_PEEK), 3);
    EQ(recv(pair[1], buffer, 3, MSG_PEEK | MSG_DONTWAIT), 3);
    EQ(memcmp(buffer, "def", 3), 0);
    EQ(recv(pair[1], buffer, 2, 0), 2); /* reading moves the offset back */
    EQ(memcmp(buffer, "ab", 2), 0);
    EQ(recv(pair[1], buffer, 2, MSG_PEEK), 2);
    EQ(memcmp(buffer, "gh", 2), 0);
    FAILS(recv(pair[1], buffer, 2, MSG_PEEK | MSG_DONTWAIT), EAGAIN);
    close_pair(pair);
}

int main(void)
{
    limit_seconds(55);
    test_creation();
    test_bytes();
    test_waitall_and_counts();
    test_end_of_stream();
    test_sigpipe();
    test_shutdown();
    test_unconnected();
    test_connections();
    test_backlog();
    test_blocking_accept();
    test_full_buffer();
    test_epoll_edges();
    test_peek_offset();
    return 0;
}
