/* SPDX-License-Identifier: MIT */
/* kernel/ipc/socket.c, unix_*.c */
#include "tests/unit/ipc/ipc_fixture.h"

#include "kernel/abi/poll.h"
#include "kernel/ipc/epoll.h"
#include "kernel/ipc/net_namespace.h"
#include "kernel/ipc/socket.h"
#include "kernel/ipc/unix.h"
#include "kernel/lib/strbuf.h"
#include "kernel/sched/sched.h"

enum { ROUNDS = 500 };

static struct file *new_socket(int type)
{
    struct file *file;
    ck_assert_int_eq(socket_create(this_kernel(), AF_UNIX, type, 0, 0, &file), 0);
    return file;
}

static void new_pair(int type, struct file *pair[2])
{
    ck_assert_int_eq(socket_create_pair(this_kernel(), AF_UNIX, type, 0, 0, &pair[0], &pair[1]), 0);
}

static void put_pair(struct file *pair[2])
{
    file_put(pair[0]);
    file_put(pair[1]);
}

static struct socket_address address_of(const char *name, bool abstract)
{
    struct socket_address address = {.un.sun_family = AF_UNIX};
    strcpy(address.un.sun_path + abstract, name);
    address.bytes = (uint32_t)(sizeof(uint16_t) + strlen(name) + 1);
    return address;
}

static int bind_to(struct file *file, const char *name, bool abstract)
{
    struct socket_address address = address_of(name, abstract);
    struct socket *socket = file_socket(file);
    return socket->ops->bind(socket, &address);
}

static int connect_to(struct file *file, const char *name, bool abstract)
{
    struct socket_address address = address_of(name, abstract);
    struct socket *socket = file_socket(file);
    return socket->ops->connect(socket, &address, true);
}

static int listen_on(struct file *file, int backlog)
{
    struct socket *socket = file_socket(file);
    return socket->ops->listen(socket, backlog);
}

/* One byte with a descriptor of the thread's own table. */
static int64_t send_file(struct file *through, struct file *file)
{
    struct {
        struct linux_cmsghdr header;
        int32_t fd, pad;
    } control = {.header = {.cmsg_len = LINUX_CMSG_LEN(sizeof(int32_t)),
                            .cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS}};
    struct socket_message message;
    char byte = 'r';
    control.fd = fd_add(file_get(file), false);
    if (control.fd < 0)
        return control.fd;
    socket_message_init(&message, MSG_DONTWAIT);
    uio_init_kernel(&message.uio, &byte, 1);
    message.control = (const uint8_t *)&control;
    message.control_bytes = sizeof(control);
    int64_t result = socket_send(file_socket(through), &message);
    ck_assert_int_eq(fd_close(control.fd), 0);
    return result;
}

/* ---- whole lives, with every allocation failing in turn ---- */

static int round_trip(int type)
{
    struct file *pair[2];
    char buffer[8];
    int error = socket_create_pair(this_kernel(), AF_UNIX, type, 0, O_NONBLOCK, &pair[0], &pair[1]);
    if (error)
        return error;
    int64_t done = put_bytes(pair[0], "hello", 5);
    if (done > 0)
        ck_assert_int_eq(get_bytes(pair[1], buffer, sizeof(buffer)), 5);
    put_pair(pair);
    return done < 0 ? (int)done : 0;
}

static int call_stream(void)
{
    return round_trip(SOCK_STREAM);
}

static int call_datagram(void)
{
    return round_trip(SOCK_DGRAM);
}

static int connection(const char *name, bool abstract)
{
    struct file *server, *client, *peer = NULL;
    int error = socket_create(this_kernel(), AF_UNIX, SOCK_STREAM, 0, O_NONBLOCK, &server);
    if (error)
        return error;
    error = socket_create(this_kernel(), AF_UNIX, SOCK_STREAM, 0, O_NONBLOCK, &client);
    if (error)
        goto put_server;
    error = bind_to(server, name, abstract);
    if (!error)
        error = listen_on(server, 1);
    if (!error)
        error = connect_to(client, name, abstract);
    if (!error)
        error = socket_accept(server, O_NONBLOCK, &peer);
    if (!error) {
        file_put(peer);
        ck_assert_uint_ne(vfs_poll(client, NULL) & EPOLLHUP, 0);
    }
    file_put(client);
put_server:
    file_put(server);
    if (!abstract)
        vfs_unlink(NULL, name);
    return error;
}

static int call_abstract_connection(void)
{
    return connection("name", true);
}

static int call_path_connection(void)
{
    return connection("/socket", false);
}

static int call_rights(void)
{
    struct file *pair[2];
    int error = socket_create_pair(this_kernel(), AF_UNIX, SOCK_STREAM, 0, 0, &pair[0], &pair[1]);
    if (error)
        return error;
    int64_t sent = send_file(pair[0], pair[1]); /* into its own queue */
    put_pair(pair);
    return sent < 0 ? (int)sent : 0;
}

IPC_TEST(sockets_survive_failure_of_nth_allocation, 1)
{
    fail_each_allocation(call_stream, -ENOMEM, -ENOBUFS);
    fail_each_allocation(call_datagram, -ENOMEM, -ENOBUFS);
    fail_each_allocation(call_abstract_connection, -ENOMEM, -ENOMEM);
    fail_each_allocation(call_path_connection, -ENOMEM, -ENOMEM);
    fail_each_allocation(call_rights, -ENOMEM, -ENOBUFS);
    file_put(new_socket(SOCK_STREAM)); /* closing a socket looks for garbage */
}

/* ---- what is queued does not outlive its sockets ---- */

IPC_TEST(unread_messages_and_pending_connections_are_freed, 1)
{
    struct file *pair[2], *server = new_socket(SOCK_STREAM), *clients[3];
    new_pair(SOCK_DGRAM, pair);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(put_bytes(pair[0], "message", 7), 7);
    file_put(pair[1]);
    ck_assert_int_eq(put_bytes(pair[0], "x", 1), -ECONNREFUSED);
    file_put(pair[0]);

    ck_assert_int_eq(bind_to(server, "s", true), 0);
    ck_assert_int_eq(listen_on(server, 5), 0);
    for (int i = 0; i < 3; i++) {
        clients[i] = new_socket(SOCK_STREAM);
        ck_assert_int_eq(connect_to(clients[i], "s", true), 0);
        ck_assert_int_eq(put_bytes(clients[i], "early", 5), 5);
    }
    file_put(clients[0]);
    file_put(server);
    char byte;
    ck_assert_int_eq(get_bytes(clients[1], &byte, 1), -ECONNRESET);
    file_put(clients[1]);
    file_put(clients[2]);
}

IPC_TEST(rings_of_sockets_in_flight_are_collected, 1)
{
    struct file *pairs[4][2];
    for (int i = 0; i < 4; i++)
        new_pair(i % 2 ? SOCK_STREAM : SOCK_DGRAM, pairs[i]);
    for (int i = 0; i < 4; i++) { /* each pair's reading end in the next one's queue */
        ck_assert_int_eq(send_file(pairs[(i + 1) % 4][0], pairs[i][1]), 1);
        ck_assert_int_eq(send_file(pairs[(i + 1) % 4][0], pairs[i][0]), 1);
    }
    for (int i = 0; i < 4; i++)
        put_pair(pairs[i]);
    file_put(new_socket(SOCK_STREAM));
}

IPC_TEST(rings_that_can_be_read_stay, 1)
{
    struct file *a[2], *b[2];
    char byte;
    new_pair(SOCK_STREAM, a);
    new_pair(SOCK_STREAM, b);
    ck_assert_int_eq(send_file(a[0], b[1]), 1);
    ck_assert_int_eq(send_file(b[0], a[1]), 1);
    file_put(a[0]);
    put_pair(b);
    file_put(new_socket(SOCK_STREAM));
    ck_assert_int_eq(get_bytes(a[1], &byte, 1), 1); /* still there */
    ck_assert_int_eq(byte, 'r');
    file_put(a[1]);
}

IPC_TEST(proc_net_unix_has_a_line_for_each_socket, 1)
{
    char text[512];
    struct strbuf out;
    uint64_t cursor = 0;
    struct file *named = new_socket(SOCK_STREAM), *nameless = new_socket(SOCK_DGRAM);
    ck_assert_int_eq(bind_to(named, "shown", true), 0);
    ck_assert_int_eq(listen_on(named, 1), 0);
    strbuf_init(&out, text, sizeof(text));
    ck_assert(unix_show_next(net_namespace_current(), &cursor, &out));
    ck_assert(unix_show_next(net_namespace_current(), &cursor, &out));
    ck_assert(!unix_show_next(net_namespace_current(), &cursor, &out));
    ck_assert_ptr_nonnull(strstr(text, " 00000000 00010000 0001 01 "));
    ck_assert_ptr_nonnull(strstr(text, " @shown\n"));
    ck_assert_ptr_nonnull(strstr(text, " 00000000 00000000 0002 01 "));
    file_put(named);
    file_put(nameless);
}

/* ---- between CPUs ---- */

static void echo(void *argument)
{
    struct file *file = argument;
    char byte;
    while (get_bytes(file, &byte, 1) == 1)
        ck_assert_int_eq(put_bytes(file, &byte, 1), 1);
    file_put(file);
}

IPC_TEST(ping_pong_between_cpus, 2)
{
    struct file *pair[2];
    struct ipc_helper helper;
    new_pair(SOCK_STREAM, pair);
    ipc_start(&helper, echo, pair[1]);
    for (int i = 0; i < ROUNDS; i++) {
        char out = (char)i, in;
        ck_assert_int_eq(put_bytes(pair[0], &out, 1), 1);
        ck_assert_int_eq(get_bytes(pair[0], &in, 1), 1);
        ck_assert_int_eq(in, out);
    }
    file_put(pair[0]);
    ipc_join(&helper);
}

static void pass_and_drop(void *argument)
{
    struct file *shared = argument;
    ipc_thread_enter();
    for (int i = 0; i < ROUNDS; i++) {
        struct file *pair[2];
        new_pair(i % 2 ? SOCK_STREAM : SOCK_SEQPACKET, pair);
        ck_assert_int_eq(send_file(pair[0], pair[1]), 1);
        int64_t sent = send_file(shared, pair[0]);
        ck_assert(sent == 1 || sent == -EAGAIN);
        put_pair(pair);
    }
    ipc_thread_leave();
}

IPC_TEST(rights_come_and_go_on_two_cpus, 2)
{
    struct file *pair[2];
    struct ipc_helper helper;
    new_pair(SOCK_STREAM, pair);
    ipc_start(&helper, pass_and_drop, pair[0]);
    while (!atomic_load_seq(&helper.done)) {
        char buffer[16];
        struct socket_message message;
        socket_message_init(&message, MSG_DONTWAIT);
        uio_init_kernel(&message.uio, buffer, sizeof(buffer));
        int64_t got = socket_receive(file_socket(pair[1]), &message);
        ck_assert(got > 0 || got == -EAGAIN);
        sched_yield_cpu();
    }
    ipc_join(&helper);
    put_pair(pair);
}

static void add_tests(TCase *tcase)
{
    tcase_add_test(tcase, sockets_survive_failure_of_nth_allocation);
    tcase_add_test(tcase, unread_messages_and_pending_connections_are_freed);
    tcase_add_test(tcase, rings_of_sockets_in_flight_are_collected);
    tcase_add_test(tcase, rings_that_can_be_read_stay);
    tcase_add_test(tcase, proc_net_unix_has_a_line_for_each_socket);
    tcase_add_test(tcase, ping_pong_between_cpus);
    tcase_add_test(tcase, rights_come_and_go_on_two_cpus);
    tcase_set_timeout(tcase, 60);
}

static Suite *unix_suite(void)
{
    return unit_suite("unix", add_tests);
}

UNIT_MAIN(unix_suite)
