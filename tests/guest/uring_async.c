/* SPDX-License-Identifier: MIT
 *
 * io_uring(7): requests that wait: pipes, sockets, polls, timeouts, cancellation, groups of
 * buffers, and the end of rings and tasks with requests that still wait.
 */
#include "uring_check.h"

#include <linux/time_types.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

static void write_later(void *argument)
{
    sleep_ms(20);
    EQ(write(*(int *)argument, "late", 4), 4);
}

static void read_waits_for_pipe(void)
{
    struct ring ring = ring_make(4);
    int pipes[2];
    char buffer[16] = "";
    OK(pipe2(pipes, O_CLOEXEC));
    ring_sqe(&ring, IORING_OP_READ, pipes[0], buffer, sizeof(buffer), 0);
    EQ(OK(uring_enter(&ring, 1, 0, 0)), 1);
    TRUE(ring_empty(&ring));
    pid_t child = spawn(write_later, &pipes[1]);
    struct completion done = ring_take(&ring);
    EQ(done.res, 4);
    STR_EQ(buffer, "late");
    CHILD_OK(child);

    /* O_NONBLOCK makes no difference, RWF_NOWAIT does. */
    OK(fcntl(pipes[0], F_SETFL, O_NONBLOCK));
    ring_sqe(&ring, IORING_OP_READ, pipes[0], buffer, sizeof(buffer), 0);
    EQ(OK(uring_enter(&ring, 1, 0, 0)), 1);
    TRUE(ring_empty(&ring));
    EQ(write(pipes[1], "x", 1), 1);
    EQ(ring_take(&ring).res, 1);
    ring_sqe(&ring, IORING_OP_READ, pipes[0], buffer, sizeof(buffer), 0)->rw_flags = 8;
    EQ(ring_run(&ring), -EAGAIN);
}

/* The program makes no system call; the completion comes all the same. */
static void completion_comes_to_busy_program(void)
{
    struct ring ring = ring_make(4);
    int pipes[2];
    char buffer[16];
    OK(pipe2(pipes, O_CLOEXEC));
    ring_sqe(&ring, IORING_OP_READ, pipes[0], buffer, sizeof(buffer), 0);
    EQ(OK(uring_enter(&ring, 1, 0, 0)), 1);
    pid_t child = spawn(write_later, &pipes[1]);
    while (__atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE) == *ring.cq_head)
        continue;
    EQ(ring_take(&ring).res, 4);
    CHILD_OK(child);
}

static void ring_can_be_polled(void)
{
    struct ring ring = ring_make(4);
    int pipes[2], epoll = (int)OK(epoll_create1(EPOLL_CLOEXEC));
    char buffer[16];
    OK(pipe2(pipes, O_CLOEXEC));
    struct epoll_event event = {.events = EPOLLIN};
    OK(epoll_ctl(epoll, EPOLL_CTL_ADD, ring.fd, &event));
    struct pollfd pollfd = {.fd = ring.fd, .events = POLLIN | POLLOUT};
    EQ(poll(&pollfd, 1, 0), 1);
    EQ(pollfd.revents, POLLOUT);
    ring_sqe(&ring, IORING_OP_READ, pipes[0], buffer, sizeof(buffer), 0);
    EQ(OK(uring_enter(&ring, 1, 0, 0)), 1);
    pid_t child = spawn(write_later, &pipes[1]);
    pollfd.events = POLLIN;
    EQ(poll(&pollfd, 1, 10000), 1);
    int found;
    do
        found = epoll_wait(epoll, &event, 1, 10000);
    while (found < 0 && errno == EINTR);
    EQ(found, 1);
    EQ(ring_take(&ring).res, 4);
    EQ(poll(&pollfd, 1, 0), 0);
    CHILD_OK(child);
}

/* ---- sockets ---- */

static void sockets_talk(void)
{
    struct ring ring = ring_make(8);
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int listener = (int)OK(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    OK(bind(listener, (struct sockaddr *)&name, sizeof(name)));
    OK(listen(listener, 5));
    ring_sqe(&ring, IORING_OP_ACCEPT, listener, NULL, 0, 0)->user_data = 1;
    EQ(OK(uring_enter(&ring, 1, 0, 0)), 1);
    TRUE(ring_empty(&ring));
    int client = (int)OK(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ring_sqe(&ring, IORING_OP_CONNECT, client, &name, 0, sizeof(name))->user_data = 2;
    EQ(OK(uring_enter(&ring, 1, 2, IORING_ENTER_GETEVENTS)), 1);
    struct completion accepted, connected;
    ring_take_two(&ring, 1, accepted, connected);
    EQ(connected.res, 0);
    TRUE(accepted.res >= 0);
    int server = accepted.res;

    char buffer[16] = "";
    ring_sqe(&ring, IORING_OP_RECV, server, buffer, sizeof(buffer), 0)->user_data = 1;
    ring_sqe(&ring, IORING_OP_SEND, client, "hello", 5, 0)->user_data = 2;
    EQ(OK(uring_enter(&ring, 2, 2, IORING_ENTER_GETEVENTS)), 2);
    struct completion received, sent;
    ring_take_two(&ring, 1, received, sent);
    EQ(received.res, 5);
    EQ(sent.res, 5);
    STR_EQ(buffer, "hello");

    struct iovec in = {buffer, sizeof(buffer)}, out = {"message", 7};
    struct msghdr receive = {.msg_iov = &in, .msg_iovlen = 1},
                  send = {.msg_iov = &out, .msg_iovlen = 1};
    ring_sqe(&ring, IORING_OP_RECVMSG, server, &receive, 1, 0)->user_data = 1;
    ring_sqe(&ring, IORING_OP_SENDMSG, client, &send, 1, 0)->user_data = 2;
    EQ(OK(uring_enter(&ring, 2, 2, IORING_ENTER_GETEVENTS)), 2);
    ring_take_two(&ring, 1, received, sent);
    EQ(received.res, 7);
    EQ(sent.res, 7);
    ring_sqe(&ring, IORING_OP_RECV, server, buffer, 4, 0)->msg_flags = MSG_DONTWAIT;
    EQ(ring_run(&ring), -EAGAIN);
    ring_sqe(&ring, IORING_OP_SHUTDOWN, client, NULL, SHUT_WR, 0);
    EQ(ring_run(&ring), 0);
    ring_sqe(&ring, IORING_OP_RECV, server, buffer, 4, 0);
    EQ(ring_run(&ring), 0);
    ring_sqe(&ring, IORING_OP_RECV, 0, buffer, 4, 0);
    TRUE(ring_run(&ring) == -ENOTSOCK);
}

/* ---- polls ---- */

static void poll_reports_and_is_removed(void)
{
    struct ring ring = ring_make(4);
    int pipes[2];
    OK(pipe2(pipes, O_CLOEXEC));
    ring_sqe(&ring, IORING_OP_POLL_ADD, pipes[1], NULL, 0, 0)->poll32_events = POLLOUT;
    EQ(ring_run(&ring), POLLOUT);
    struct io_uring_sqe *sqe = ring_sqe(&ring, IORING_OP_POLL_ADD, pipes[0], NULL, 0, 0);
    sqe->poll32_events = POLLIN;
    sqe->user_data = 7;
    EQ(OK(uring_enter(&ring, 1, 0, 0)), 1);
    EQ(write(pipes[1], "x", 1), 1);
    EQ(ring_take(&ring).res, POLLIN);

    char byte;
    EQ(read(pipes[0], &byte, 1), 1);
    sqe = ring_sqe(&ring, IORING_OP_POLL_ADD, pipes[0], NULL, 0, 0);
    sqe->poll32_events = POLLIN;
    sqe->user_data = 7;
    EQ(OK(uring_enter(&ring, 1, 0, 0)), 1);
    ring_sqe(&ring, IORING_OP_POLL_REMOVE, -1, (void *)8, 0, 0)->user_data = 9;
    EQ(ring_run(&ring), -ENOENT);
    ring_sqe(&ring, IORING_OP_POLL_REMOVE, -1, (void *)7, 0, 0)->user_data = 9;
    EQ(OK(uring_enter(&ring, 1, 2, IORING_ENTER_GETEVENTS)), 1);
    struct completion removed, remover;
    ring_take_two(&ring, 7, removed, remover);
    EQ(removed.res, -ECANCELED);
    EQ(remover.res, 0);
}

static void poll_with_many_shots_goes_on(void)
{
    struct ring ring = ring_make(4);
    int pipes[2];
    char byte;
    OK(pipe2(pipes, O_CLOEXEC));
    struct io_uring_sqe *sqe =
        ring_sqe(&ring, IORING_OP_POLL_ADD, pipes[0], NULL, IORING_POLL_ADD_MULTI, 0);
    sqe->poll32_events = POLLIN;
    sqe->user_data = 7;
    EQ(OK(uring_enter(&ring, 1, 0, 0)), 1);
    for (unsigned i = 0; i < 3; i++) {
        EQ(write(pipes[1], "x", 1), 1);
        struct completion shot = ring_take(&ring);
        TRUE(shot.res & POLLIN);
        TRUE(shot.flags & IORING_CQE_F_MORE);
        EQ(read(pipes[0], &byte, 1), 1);
    }
    ring_sqe(&ring, IORING_OP_POLL_REMOVE, -1, (void *)7, 0, 0)->user_data = 9;
    EQ(OK(uring_enter(&ring, 1, 2, IORING_ENTER_GETEVENTS)), 1);
    struct completion removed, remover;
    ring_take_two(&ring, 7, removed, remover);
    EQ(removed.res, -ECANCELED);
    TRUE(!(removed.flags & IORING_CQE_F_MORE));
    EQ(remover.res, 0);
}

/* ---- time ---- */

static void timeout_expires(void)
{
    struct ring ring = ring_make(4);
    struct __kernel_timespec time = {.tv_nsec = 20000000}, bad = {.tv_nsec = -1};
    uint64_t start = now_ms();
    ring_sqe(&ring, IORING_OP_TIMEOUT, -1, &time, 1, 0);
    EQ(ring_run(&ring), -ETIME);
    TRUE(now_ms() - start >= 19);
    ring_sqe(&ring, IORING_OP_TIMEOUT, -1, BAD_POINTER, 1, 0);
    EQ(ring_run(&ring), -EFAULT);
    ring_sqe(&ring, IORING_OP_TIMEOUT, -1, &bad, 1, 0);
    EQ(ring_run(&ring), -EINVAL);
    ring_sqe(&ring, IORING_OP_TIMEOUT, -1, &time, 1, 0)->timeout_flags = 0x4000;
    EQ(ring_run(&ring), -EINVAL);
    struct timespec now;
    OK(clock_gettime(CLOCK_MONOTONIC, &now));
    time = (struct __kernel_timespec){now.tv_sec, now.tv_nsec};
    ring_sqe(&ring, IORING_OP_TIMEOUT, -1, &time, 1, 0)->timeout_flags = IORING_TIMEOUT_ABS;
    EQ(ring_run(&ring), -ETIME);
}

static void timeout_counts_completions(void)
{
    struct ring ring = ring_make(4);
    struct __kernel_timespec time = {.tv_sec = 100};
    ring_sqe(&ring, IORING_OP_TIMEOUT, -1, &time, 1, 2)->user_data = 7;
    EQ(OK(uring_enter(&ring, 1, 0, 0)), 1);
    ring_sqe(&ring, IORING_OP_NOP, -1, NULL, 0, 0);
    ring_sqe(&ring, IORING_OP_NOP, -1, NULL, 0, 0);
    EQ(OK(uring_enter(&ring, 2, 3, IORING_ENTER_GETEVENTS)), 2);
    unsigned found = 0;
    for (unsigned i = 0; i < 3; i++) {
        struct completion done = ring_take(&ring);
        EQ(done.res, 0);
        found += done.user_data == 7;
    }
    EQ(found, 1);
}

static void timeout_is_removed(void)
{
    struct ring ring = ring_make(4);
    struct __kernel_timespec time = {.tv_sec = 100}, soon = {.tv_nsec = 1000000};
    ring_sqe(&ring, IORING_OP_TIMEOUT_REMOVE, -1, (void *)7, 0, 0);
    EQ(ring_run(&ring), -ENOENT);
    ring_sqe(&ring, IORING_OP_TIMEOUT, -1, &time, 1, 0)->user_data = 7;
    ring_sqe(&ring, IORING_OP_TIMEOUT_REMOVE, -1, (void *)7, 0, 0)->user_data = 9;
    EQ(OK(uring_enter(&ring, 2, 2, IORING_ENTER_GETEVENTS)), 2);
    struct completion removed, remover;
    ring_take_two(&ring, 7, removed, remover);
    EQ(removed.res, -ECANCELED);
    EQ(remover.res, 0);

    ring_sqe(&ring, IORING_OP_TIMEOUT, -1, &time, 1, 0)->user_data = 7;
    struct io_uring_sqe *sqe =
        ring_sqe(&ring, IORING_OP_TIMEOUT_REMOVE, -1, (void *)7, 0, (uintptr_t)&soon);
    sqe->timeout_flags = IORING_TIMEOUT_UPDATE;
    sqe->user_data = 9;
    EQ(OK(uring_enter(&ring, 2, 2, IORING_ENTER_GETEVENTS)), 2);
    ring_take_two(&ring, 7, removed, remover);
    EQ(removed.res, -ETIME);
    EQ(remover.res, 0);
}

static void wait_has_timeout(void)
{
    struct ring ring = ring_make(4);
    struct __kernel_timespec time = {.tv_nsec = 10000000};
    struct io_uring_getevents_arg argument = {.ts = (uintptr_t)&time};
    FAILS(syscall(SYS_io_uring_enter, ring.fd, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG,
                  &argument, sizeof(argument)),
          ETIME);
}

static void link_timeout_ends_request(void)
{
    struct ring ring = ring_make(4);
    struct __kernel_timespec soon = {.tv_nsec = 10000000}, late = {.tv_sec = 100};
    int pipes[2];
    char byte;
    OK(pipe2(pipes, O_CLOEXEC));
    struct io_uring_sqe *sqe = ring_sqe(&ring, IORING_OP_READ, pipes[0], &byte, 1, 0);
    sqe->flags = IOSQE_IO_LINK;
    sqe->user_data = 1;
    ring_sqe(&ring, IORING_OP_LINK_TIMEOUT, -1, &soon, 1, 0)->user_data = 2;
    EQ(OK(uring_enter(&ring, 2, 2, IORING_ENTER_GETEVENTS)), 2);
    struct completion read_done, timeout_done;
    ring_take_two(&ring, 1, read_done, timeout_done);
    EQ(read_done.res, -ECANCELED);
    EQ(timeout_done.res, -ETIME);

    EQ(write(pipes[1], "x", 1), 1);
    sqe = ring_sqe(&ring, IORING_OP_READ, pipes[0], &byte, 1, 0);
    sqe->flags = IOSQE_IO_LINK;
    sqe->user_data = 1;
    ring_sqe(&ring, IORING_OP_LINK_TIMEOUT, -1, &late, 1, 0)->user_data = 2;
    EQ(OK(uring_enter(&ring, 2, 2, IORING_ENTER_GETEVENTS)), 2);
    ring_take_two(&ring, 1, read_done, timeout_done);
    EQ(read_done.res, 1);
    EQ(timeout_done.res, -ECANCELED);
}

/* ---- cancellation ---- */

static void waiting_requests_are_cancelled(void)
{
    struct ring ring = ring_make(8);
    int pipes[2];
    char byte;
    OK(pipe2(pipes, O_CLOEXEC));
    ring_sqe(&ring, IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0, 0);
    EQ(ring_run(&ring), -ENOENT);
    ring_sqe(&ring, IORING_OP_READ, pipes[0], &byte, 1, 0)->user_data = 1;
    EQ(OK(uring_enter(&ring, 1, 0, 0)), 1);
    ring_sqe(&ring, IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0, 0)->user_data = 2;
    EQ(OK(uring_enter(&ring, 1, 2, IORING_ENTER_GETEVENTS)), 1);
    struct completion cancelled, canceller;
    ring_take_two(&ring, 1, cancelled, canceller);
    EQ(cancelled.res, -ECANCELED);
    EQ(canceller.res, 0);

    for (unsigned i = 0; i < 3; i++)
        ring_sqe(&ring, IORING_OP_READ, pipes[0], &byte, 1, 0)->user_data = 1;
    EQ(OK(uring_enter(&ring, 3, 0, 0)), 3);
    struct io_uring_sqe *sqe = ring_sqe(&ring, IORING_OP_ASYNC_CANCEL, pipes[0], NULL, 0, 0);
    sqe->cancel_flags = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ALL;
    sqe->user_data = 2;
    EQ(OK(uring_enter(&ring, 1, 4, IORING_ENTER_GETEVENTS)), 1);
    unsigned found = 0;
    for (unsigned i = 0; i < 4; i++) {
        struct completion done = ring_take(&ring);
        if (done.user_data == 2)
            EQ(done.res, 3);
        else
            found += done.res == -ECANCELED;
    }
    EQ(found, 3);
}

static void leave_requests_behind(struct ring *ring, unsigned count, int fd)
{
    static char byte;
    static struct __kernel_timespec late = {.tv_sec = 100};
    for (unsigned i = 0; i < count; i++) {
        ring_sqe(ring, IORING_OP_READ, fd, &byte, 1, 0);
        ring_sqe(ring, IORING_OP_TIMEOUT, -1, &late, 1, 0);
        EQ(OK(uring_enter(ring, 2, 0, 0)), 2);
    }
}

static void close_ends_waiting_requests(void)
{
    struct ring ring = ring_make(8);
    int pipes[2];
    OK(pipe2(pipes, O_CLOEXEC));
    leave_requests_behind(&ring, 20, pipes[0]);
    OK(close(ring.fd));
    EQ(write(pipes[1], "x", 1), 1);
}

static void exit_with_requests(void *argument)
{
    struct ring ring = ring_make(8);
    leave_requests_behind(&ring, 20, *(int *)argument);
}

static void exit_ends_waiting_requests(void)
{
    int pipes[2];
    char byte;
    OK(pipe2(pipes, O_CLOEXEC));
    for (unsigned i = 0; i < 5; i++)
        CHILD_OK(spawn(exit_with_requests, &pipes[0]));
    EQ(write(pipes[1], "x", 1), 1);
    EQ(read(pipes[0], &byte, 1), 1); /* nobody else has taken it */
    OK(close(pipes[0]));
    signal(SIGPIPE, SIG_IGN);
    EVENTUALLY(write(pipes[1], "x", 1) == -1 && errno == EPIPE);
}

static void exec_with_requests(void *argument)
{
    struct ring ring = ring_make(8);
    leave_requests_behind(&ring, 5, *(int *)argument);
    OK(execl(guest_self(), guest_self(), "reads_nothing", NULL));
}

static void reads_nothing(void) {}

static void exec_ends_waiting_requests(void)
{
    int pipes[2];
    char byte;
    OK(pipe2(pipes, O_CLOEXEC));
    CHILD_OK(spawn(exec_with_requests, &pipes[0]));
    EQ(write(pipes[1], "x", 1), 1);
    EQ(read(pipes[0], &byte, 1), 1);
}

static void *submit_and_end(void *argument)
{
    leave_requests_behind(argument, 5, 0);
    return NULL;
}

static void thread_takes_its_requests_along(void)
{
    struct ring ring = ring_make(32);
    int pipes[2];
    pthread_t thread;
    OK(pipe2(pipes, O_CLOEXEC));
    OK(dup2(pipes[0], 0));
    EQ(pthread_create(&thread, NULL, submit_and_end, &ring), 0);
    EQ(pthread_join(thread, NULL), 0);
    OK(close(ring.fd));
}

/* ---- groups of buffers ---- */

static void provided_buffers_are_selected(void)
{
    struct ring ring = ring_make(4);
    int pipes[2];
    static char memory[4][8];
    OK(pipe2(pipes, O_CLOEXEC));
    EQ(write(pipes[1], "0123456789", 10), 10);
    struct io_uring_sqe *sqe = ring_sqe(&ring, IORING_OP_READ, pipes[0], NULL, 8, 0);
    sqe->flags = IOSQE_BUFFER_SELECT;
    sqe->buf_group = 3;
    EQ(ring_run(&ring), -ENOBUFS);
    ring_sqe(&ring, IORING_OP_PROVIDE_BUFFERS, 2, memory, 8, 10)->buf_group = 3;
    EQ(ring_run(&ring), 0);
    ring_sqe(&ring, IORING_OP_PROVIDE_BUFFERS, 0, memory, 8, 10)->buf_group = 3;
    EQ(ring_run(&ring), -E2BIG);
    unsigned seen = 0;
    for (unsigned i = 0; i < 2; i++) {
        sqe = ring_sqe(&ring, IORING_OP_READ, pipes[0], NULL, 4, 0);
        sqe->flags = IOSQE_BUFFER_SELECT;
        sqe->buf_group = 3;
        EQ(OK(uring_enter(&ring, 1, 1, IORING_ENTER_GETEVENTS)), 1);
        struct completion done = ring_take(&ring);
        EQ(done.res, 4);
        TRUE(done.flags & IORING_CQE_F_BUFFER);
        unsigned id = done.flags >> IORING_CQE_BUFFER_SHIFT;
        TRUE(id == 10 || id == 11);
        seen |= 1u << (id - 10);
        TRUE(memcmp(memory[id - 10], i ? "4567" : "0123", 4) == 0);
    }
    EQ(seen, 3);
    ring_sqe(&ring, IORING_OP_PROVIDE_BUFFERS, 4, memory, 8, 0)->buf_group = 3;
    EQ(ring_run(&ring), 0);
    ring_sqe(&ring, IORING_OP_REMOVE_BUFFERS, 3, NULL, 0, 0)->buf_group = 3;
    EQ(ring_run(&ring), 3);
    ring_sqe(&ring, IORING_OP_REMOVE_BUFFERS, 3, NULL, 0, 0)->buf_group = 3;
    EQ(ring_run(&ring), 1);
    ring_sqe(&ring, IORING_OP_REMOVE_BUFFERS, 3, NULL, 0, 0)->buf_group = 99;
    EQ(ring_run(&ring), -ENOENT);
}

struct buffer_entry {
    uint64_t addr;
    uint32_t len;
    uint16_t bid, tail;
};

static void ring_of_buffers_is_used(void)
{
    struct ring ring = ring_make(4);
    struct buffer_entry *buffers =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    static char memory[4][8];
    struct {
        uint64_t ring_addr;
        uint32_t ring_entries;
        uint16_t bgid, flags;
        uint64_t resv[3];
    } registration = {.ring_addr = (uintptr_t)buffers, .ring_entries = 4, .bgid = 5};
    int pair[2];
    TRUE(buffers != MAP_FAILED);
    OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
    OK(uring_register(&ring, 22, &registration, 1));
    FAILS(uring_register(&ring, 22, &registration, 1), EEXIST);
    registration.bgid = 6;
    registration.ring_entries = 3;
    FAILS(uring_register(&ring, 22, &registration, 1), EINVAL);
    for (unsigned i = 0; i < 2; i++) {
        buffers[i].addr = (uintptr_t)memory[i];
        buffers[i].len = 8;
        buffers[i].bid = (uint16_t)(20 + i);
    }
    __atomic_store_n(&buffers[0].tail, 2, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < 3; i++) {
        EQ(write(pair[1], "abcd", 4), 4);
        struct io_uring_sqe *sqe = ring_sqe(&ring, IORING_OP_RECV, pair[0], NULL, 0, 0);
        sqe->flags = IOSQE_BUFFER_SELECT;
        sqe->buf_group = 5;
        EQ(OK(uring_enter(&ring, 1, 1, IORING_ENTER_GETEVENTS)), 1);
        struct completion done = ring_take(&ring);
        EQ(done.res, i < 2 ? 4 : -ENOBUFS);
        if (i < 2)
            EQ(done.flags >> IORING_CQE_BUFFER_SHIFT, 20 + i);
    }
    registration.bgid = 5;
    registration.ring_entries = 0;
    registration.ring_addr = 0;
    OK(uring_register(&ring, 23, &registration, 1));
    FAILS(uring_register(&ring, 23, &registration, 1), ENOENT);
}

/* Every message takes a buffer of the group; the last completion has no F_MORE. */
static void a_receive_with_many_shots_goes_on(void)
{
    enum { MORE = IORING_CQE_F_BUFFER | IORING_CQE_F_MORE };
    struct ring ring = ring_make(8);
    char pool[4][8] = {0};
    int ends[2];
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    ring_sqe(&ring, IORING_OP_PROVIDE_BUFFERS, 4, pool, sizeof(pool[0]), 0)->buf_group = 1;
    EQ(ring_run(&ring), 0);
    ring_sqe(&ring, IORING_OP_RECV, ends[0], NULL, 0, 0)->ioprio = IORING_RECV_MULTISHOT;
    EQ(ring_run(&ring), -EINVAL);
    struct io_uring_sqe *sqe = ring_sqe(&ring, IORING_OP_RECV, ends[0], NULL, 0, 0);
    sqe->ioprio = IORING_RECV_MULTISHOT;
    sqe->flags = IOSQE_BUFFER_SELECT;
    sqe->buf_group = 1;
    EQ(uring_enter(&ring, 1, 0, 0), 1);
    for (int i = 0; i < 2; i++) {
        EQ(write(ends[1], "abcd", (size_t)i + 3), i + 3);
        struct completion got = ring_take(&ring);
        EQ(got.res, i + 3);
        EQ(got.flags & 0xffff & MORE, MORE);
        TRUE(memcmp(pool[got.flags >> IORING_CQE_BUFFER_SHIFT], "abc", 3) == 0);
    }
    OK(shutdown(ends[1], SHUT_WR));
    struct completion last = ring_take(&ring);
    EQ(last.res, 0);
    EQ(last.flags & IORING_CQE_F_MORE, 0);
}

GUEST_MAIN(CASE(a_receive_with_many_shots_goes_on), CASE(read_waits_for_pipe),
           CASE(completion_comes_to_busy_program), CASE(ring_can_be_polled), CASE(sockets_talk),
           CASE(poll_reports_and_is_removed), CASE(poll_with_many_shots_goes_on),
           CASE(timeout_expires), CASE(timeout_counts_completions), CASE(timeout_is_removed),
           CASE(wait_has_timeout), CASE(link_timeout_ends_request),
           CASE(waiting_requests_are_cancelled), CASE(close_ends_waiting_requests),
           CASE(exit_ends_waiting_requests), CASE(reads_nothing), CASE(exec_ends_waiting_requests),
           CASE(thread_takes_its_requests_along), CASE(provided_buffers_are_selected),
           CASE(ring_of_buffers_is_used))
