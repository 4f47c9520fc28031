/* SPDX-License-Identifier: MIT
 *
 * AF_UNIX sockets used by many threads at once: no byte lost, nobody left waiting.
 */
#include "tests/guest/ipc_check.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { ROUNDS = 2000, STREAM_BYTES = 4 << 20, CLIENTS = 3, CONNECTIONS = 100 };

/* ---- ping-pong ---- */

static void *echo(void *argument)
{
    int fd = *(int *)argument;
    char byte;
    while (read(fd, &byte, 1) == 1)
        EQ(write(fd, &byte, 1), 1);
    return NULL;
}

static void test_ping_pong(int type)
{
    int pair[2];
    char byte;
    OK(socketpair(AF_UNIX, type, 0, pair));
    pthread_t thread = start(echo, &pair[1]);
    for (int i = 0; i < ROUNDS; i++) {
        char out = (char)i;
        EQ(write(pair[0], &out, 1), 1);
        EQ(read(pair[0], &byte, 1), 1);
        EQ(byte, out);
    }
    OK(shutdown(pair[1], SHUT_RDWR)); /* a datagram socket hears of its own end only */
    join(thread);
    close(pair[0]);
    close(pair[1]);
}

/* ---- a long stream in odd pieces ---- */

static unsigned char pattern(size_t position)
{
    return (unsigned char)(position * 31 + (position >> 8) * 7);
}

static void *write_stream(void *argument)
{
    static unsigned char buffer[70001];
    int fd = *(int *)argument;
    size_t at = 0, piece = 1;
    while (at < STREAM_BYTES) {
        size_t bytes = piece < STREAM_BYTES - at ? piece : STREAM_BYTES - at;
        for (size_t i = 0; i < bytes; i++)
            buffer[i] = pattern(at + i);
        long done = OK(write(fd, buffer, bytes));
        EQ(done, bytes);
        at += (size_t)done;
        piece = piece * 3 % sizeof(buffer) + 1;
    }
    OK(shutdown(fd, SHUT_WR));
    return NULL;
}

static void test_stream(void)
{
    static unsigned char buffer[50001];
    int pair[2];
    size_t at = 0, piece = 1;
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    pthread_t thread = start(write_stream, &pair[0]);
    for (;;) {
        long got = OK(read(pair[1], buffer, piece));
        if (got == 0)
            break;
        for (long i = 0; i < got; i++) {
            if (buffer[i] != pattern(at + (size_t)i))
                fail_at(__LINE__, "byte %zu is wrong", at + (size_t)i);
        }
        at += (size_t)got;
        piece = piece * 5 % sizeof(buffer) + 1;
    }
    EQ(at, STREAM_BYTES);
    join(thread);
    close(pair[0]);
    close(pair[1]);
}

/* ---- several readers and writers of one socket ---- */

static int shared[2];
static atomic_long messages_read;

static void *write_messages(void *argument)
{
    (void)argument;
    for (int i = 0; i < ROUNDS; i++)
        EQ(write(shared[0], &i, sizeof(i)), sizeof(i));
    return NULL;
}

static void *read_messages(void *argument)
{
    int value;
    (void)argument;
    for (;;) {
        long got = OK(read(shared[1], &value, sizeof(value)));
        if (got == 0)
            return NULL;
        EQ(got, sizeof(value));
        messages_read++;
    }
}

static void test_crowd(void)
{
    pthread_t writers[3], readers[3];
    messages_read = 0;
    OK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, shared));
    for (int i = 0; i < 3; i++) {
        readers[i] = start(read_messages, NULL);
        writers[i] = start(write_messages, NULL);
    }
    for (int i = 0; i < 3; i++)
        join(writers[i]);
    OK(shutdown(shared[0], SHUT_WR));
    for (int i = 0; i < 3; i++)
        join(readers[i]);
    EQ(messages_read, 3 * ROUNDS);
    close(shared[0]);
    close(shared[1]);
}

/* ---- connections ---- */

static struct sockaddr_un server_address;
static socklen_t server_bytes;
static int server;

static void *connect_many(void *argument)
{
    char byte;
    (void)argument;
    for (int i = 0; i < CONNECTIONS; i++) {
        int fd = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
        OK(connect(fd, (struct sockaddr *)&server_address, server_bytes));
        EQ(write(fd, "q", 1), 1);
        EQ(read(fd, &byte, 1), 1);
        close(fd);
    }
    return NULL;
}

static void *accept_many(void *argument)
{
    char byte;
    long count = 0;
    (void)argument;
    for (;;) {
        int fd = accept(server, NULL, NULL);
        if (fd < 0) {
            EQ(errno, EINVAL);
            return (void *)count;
        }
        EQ(read(fd, &byte, 1), 1);
        EQ(write(fd, "a", 1), 1);
        close(fd);
        count++;
    }
}

static void test_connections(void)
{
    pthread_t clients[CLIENTS], servers[2];
    void *count;
    long total = 0;
    server = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    server_address.sun_family = AF_UNIX;
    OK(bind(server, (struct sockaddr *)&server_address, sizeof(sa_family_t)));
    server_bytes = sizeof(server_address);
    OK(getsockname(server, (struct sockaddr *)&server_address, &server_bytes));
    OK(listen(server, 1)); /* clients have to wait for each other */
    for (int i = 0; i < 2; i++)
        servers[i] = start(accept_many, NULL);
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = start(connect_many, NULL);
    for (int i = 0; i < CLIENTS; i++)
        join(clients[i]);
    OK(shutdown(server, SHUT_RD));
    for (int i = 0; i < 2; i++) {
        EQ(pthread_join(servers[i], &count), 0);
        total += (long)count;
    }
    EQ(total, CLIENTS * CONNECTIONS);
    close(server);
}

/* ---- ends that vanish while the other is at work ---- */

static void *write_until_broken(void *argument)
{
    static const char block[5000];
    int fd = *(int *)argument;
    for (;;) {
        long done = send(fd, block, sizeof(block), MSG_NOSIGNAL);
        if (done < 0) {
            TRUE(errno == EPIPE || errno == ECONNRESET);
            return NULL;
        }
    }
}

static void test_vanishing_readers(void)
{
    char buffer[8000];
    for (int i = 0; i < 50; i++) {
        int pair[2];
        OK(socketpair(AF_UNIX, i % 2 ? SOCK_STREAM : SOCK_SEQPACKET, 0, pair));
        pthread_t thread = start(write_until_broken, &pair[0]);
        for (int j = 0; j < i; j++)
            OK(read(pair[1], buffer, sizeof(buffer)));
        close(pair[1]);
        join(thread);
        close(pair[0]);
    }
}

/* ---- sockets sent through sockets and dropped, from several threads ---- */

static void send_one(int through, int fd)
{
    char byte = 0;
    struct iovec iov = {&byte, 1};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    memset(&control, 0, sizeof(control));
    control.header = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    if (syscall(SYS_sendmsg, through, &message, MSG_NOSIGNAL) < 0)
        EQ(errno, ETOOMANYREFS);
}

static void *make_garbage(void *argument)
{
    (void)argument;
    for (int i = 0; i < 200; i++) {
        int pair[2], other[2];
        OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
        OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, other));
        send_one(pair[0], other[1]);
        send_one(other[0], pair[1]);
        if (i % 3 == 0)
            send_one(pair[0], pair[1]);
        for (int j = 0; j < 2; j++) {
            close(pair[j]);
            close(other[j]);
        }
    }
    return NULL;
}

static void test_garbage(void)
{
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        threads[i] = start(make_garbage, NULL);
    for (int i = 0; i < 3; i++)
        join(threads[i]);
}

int main(void)
{
    limit_seconds(60);
    test_ping_pong(SOCK_STREAM);
    test_ping_pong(SOCK_DGRAM);
    test_stream();
    test_crowd();
    test_connections();
    test_vanishing_readers();
    test_garbage();
    return 0;
}
