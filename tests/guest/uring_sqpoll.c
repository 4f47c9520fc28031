/* SPDX-License-Identifier: MIT */
/* io_uring: a submission queue that the kernel polls; requests with other credentials; files that
 * rings send each other. */
#include "uring_check.h"

#include <pthread.h>
#include <sched.h>

static struct ring polled_ring(unsigned entries, unsigned idle_ms)
{
    return ring_make_with(
        entries, (struct io_uring_params){.flags = IORING_SETUP_SQPOLL, .sq_thread_idle = idle_ms});
}

/* Tell the kernel of what was prepared, if it does not look by itself. */
static void wake_if_asleep(struct ring *ring)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (*ring->sq_flags & IORING_SQ_NEED_WAKEUP)
        OK(uring_enter(ring, 0, 0, IORING_ENTER_SQ_WAKEUP));
}

static void await_completion(struct ring *ring)
{
    while (ring_empty(ring))
        sched_yield();
}

static void entries_are_submitted_without_a_call(void)
{
    struct ring ring = polled_ring(4, 1000);
    for (unsigned i = 0; i < 20; i++) {
        ring_sqe(&ring, IORING_OP_NOP, -1, NULL, 0, 0)->user_data = i;
        wake_if_asleep(&ring);
        await_completion(&ring);
        EQ(ring_take(&ring).user_data, i);
    }
    EQ(*ring.sq_head, 20);
    close(ring.fd);
}

static void an_idle_queue_asks_to_be_woken(void)
{
    struct ring ring = polled_ring(4, 1);
    for (unsigned i = 0; i < 3; i++) {
        while (!(*(volatile uint32_t *)ring.sq_flags & IORING_SQ_NEED_WAKEUP))
            sched_yield();
        ring_sqe(&ring, IORING_OP_NOP, -1, NULL, 0, 0)->user_data = 7 + i;
        EQ(uring_enter(&ring, 1, 1, IORING_ENTER_SQ_WAKEUP | IORING_ENTER_GETEVENTS), 1);
        EQ(ring_take(&ring).user_data, 7 + i);
    }
}

static void a_full_queue_can_be_waited_for(void)
{
    struct ring ring = polled_ring(4, 1000);
    for (unsigned i = 0; i < 64; i++) {
        if (*ring.sq_tail - __atomic_load_n(ring.sq_head, __ATOMIC_ACQUIRE) == 4) {
            wake_if_asleep(&ring);
            EQ(uring_enter(&ring, 0, 0, IORING_ENTER_SQ_WAIT), 0);
            TRUE(*ring.sq_tail - *ring.sq_head < 4);
        }
        ring_sqe(&ring, IORING_OP_NOP, -1, NULL, 0, 0);
        while (!ring_empty(&ring))
            ring_take(&ring);
    }
}

static void polled_requests_wait_for_their_files(void)
{
    struct ring ring = polled_ring(4, 1000);
    int ends[2];
    char byte = 0;
    OK(pipe(ends));
    ring_sqe(&ring, IORING_OP_READ, ends[0], &byte, 1, 0)->user_data = 1;
    ring_sqe(&ring, IORING_OP_READ, 999, &byte, 1, 0)->user_data = 2;
    wake_if_asleep(&ring);
    await_completion(&ring);
    struct completion bad = ring_take(&ring);
    EQ(bad.user_data, 2);
    EQ(bad.res, -EBADF);
    EQ(write(ends[1], "x", 1), 1);
    await_completion(&ring);
    struct completion read = ring_take(&ring);
    EQ(read.user_data, 1);
    EQ(read.res, 1);
    EQ(byte, 'x');
}

static void *submit_from_thread(void *argument)
{
    struct ring *ring = argument;
    for (unsigned i = 0; i < 8; i++) {
        ring_sqe(ring, IORING_OP_NOP, -1, NULL, 0, 0)->user_data = i;
        wake_if_asleep(ring);
        await_completion(ring);
        EQ(ring_take(ring).user_data, i);
    }
    return NULL;
}

static void *make_ring(void *argument)
{
    *(struct ring *)argument = polled_ring(4, 1);
    return NULL;
}

static void other_threads_submit_too(void)
{
    struct ring ring = polled_ring(4, 2);
    pthread_t thread;
    EQ(pthread_create(&thread, NULL, submit_from_thread, &ring), 0);
    EQ(pthread_join(thread, NULL), 0);
    /* And the ring outlives the thread that made it. */
    struct ring left;
    EQ(pthread_create(&thread, NULL, make_ring, &left), 0);
    EQ(pthread_join(thread, NULL), 0);
    submit_from_thread(&left);
}

static void parameters_of_polling_are_checked(void)
{
    struct io_uring_params params = {.flags = IORING_SETUP_SQ_AFF};
    FAILS(uring_setup(4, &params), EINVAL);
    params = (struct io_uring_params){.flags = IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF,
                                      .sq_thread_cpu = 100000};
    FAILS(uring_setup(4, &params), EINVAL);
    params = (struct io_uring_params){.flags = IORING_SETUP_SQPOLL | IORING_SETUP_COOP_TASKRUN};
    FAILS(uring_setup(4, &params), EINVAL);
    params = (struct io_uring_params){.flags = IORING_SETUP_ATTACH_WQ, .wq_fd = 999};
    FAILS(uring_setup(4, &params), ENXIO);
    params.wq_fd = (uint32_t)OK(open("/dev/null", O_RDONLY));
    FAILS(uring_setup(4, &params), EINVAL);
    struct ring first = ring_make_with(
        4, (struct io_uring_params){.flags = IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF});
    struct ring second = ring_make_with(
        4, (struct io_uring_params){.flags = IORING_SETUP_SQPOLL | IORING_SETUP_ATTACH_WQ,
                                    .wq_fd = (uint32_t)first.fd});
    submit_from_thread(&second);
    struct ring plain = ring_make(4);
    params = (struct io_uring_params){.flags = IORING_SETUP_SQPOLL | IORING_SETUP_ATTACH_WQ,
                                      .wq_fd = (uint32_t)plain.fd};
    FAILS(uring_setup(4, &params), EINVAL);
}

static void a_disabled_ring_polls_once_enabled(void)
{
    struct ring ring = ring_make_with(
        4, (struct io_uring_params){.flags = IORING_SETUP_SQPOLL | IORING_SETUP_R_DISABLED});
    ring_sqe(&ring, IORING_OP_NOP, -1, NULL, 0, 0)->user_data = 3;
    FAILS(uring_enter(&ring, 1, 0, IORING_ENTER_SQ_WAKEUP), EBADFD);
    EQ(*ring.sq_head, 0);
    OK(uring_register(&ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0));
    wake_if_asleep(&ring);
    await_completion(&ring);
    EQ(ring_take(&ring).user_data, 3);
}

static void requests_run_with_a_personality(void)
{
    if (geteuid() != 0)
        skip("not root");
    struct ring ring = ring_make(4);
    int fd = (int)OK(open("secret", O_RDWR | O_CREAT, 0600));
    close(fd);
    OK(chmod(".", 0755));
    FAILS(uring_register(&ring, IORING_REGISTER_PERSONALITY, &ring, 0), EINVAL);
    int first = (int)OK(uring_register(&ring, IORING_REGISTER_PERSONALITY, NULL, 0));
    int second = (int)OK(uring_register(&ring, IORING_REGISTER_PERSONALITY, NULL, 0));
    EQ(first, 1);
    EQ(second, 2);
    OK(seteuid(1000));
    ring_sqe(&ring, IORING_OP_OPENAT, AT_FDCWD, "secret", 0, 0);
    EQ(ring_run(&ring), -EACCES);
    ring_sqe(&ring, IORING_OP_OPENAT, AT_FDCWD, "secret", 0, 0)->personality = (uint16_t)second;
    OK(close(ring_run(&ring)));
    EQ(geteuid(), 1000);
    ring_sqe(&ring, IORING_OP_NOP, -1, NULL, 0, 0)->personality = 77;
    EQ(ring_run(&ring), -EINVAL);
    OK(seteuid(0));
    OK(uring_register(&ring, IORING_UNREGISTER_PERSONALITY, NULL, (unsigned)second));
    FAILS(uring_register(&ring, IORING_UNREGISTER_PERSONALITY, NULL, (unsigned)second), EINVAL);
    FAILS(uring_register(&ring, IORING_UNREGISTER_PERSONALITY, NULL, 0), EINVAL);
    ring_sqe(&ring, IORING_OP_NOP, -1, NULL, 0, 0)->personality = (uint16_t)second;
    EQ(ring_run(&ring), -EINVAL);
    /* Numbers are not used again at once; the first one is left for the ring's end. */
    EQ(uring_register(&ring, IORING_REGISTER_PERSONALITY, NULL, 0), 3);
}

static struct io_uring_sqe *send_file(struct ring *from, const struct ring *to, unsigned index,
                                      unsigned file_index)
{
    struct io_uring_sqe *sqe =
        ring_sqe(from, IORING_OP_MSG_RING, to->fd, (void *)(uintptr_t)IORING_MSG_SEND_FD, 0, 55);
    sqe->addr3 = index;
    sqe->file_index = file_index;
    return sqe;
}

static void rings_send_each_other_files(void)
{
    struct ring from = ring_make(4), to = ring_make(4);
    int files[2] = {(int)OK(open("/dev/zero", O_RDONLY)), -1};
    OK(uring_register(&from, IORING_REGISTER_FILES, files, 2));
    send_file(&from, &to, 0, 1);
    EQ(ring_run(&from), -ENXIO);
    TRUE(ring_empty(&to));
    struct io_uring_rsrc_register sparse = {.nr = 2, .flags = IORING_RSRC_REGISTER_SPARSE};
    OK(uring_register(&to, IORING_REGISTER_FILES2, &sparse, sizeof(sparse)));
    send_file(&from, &to, 0, 2);
    EQ(ring_run(&from), 0);
    struct completion got = ring_take(&to);
    EQ(got.user_data, 55);
    EQ(got.res, 0);
    char byte = 'x';
    ring_sqe(&to, IORING_OP_READ, 1, &byte, 1, 0)->flags = IOSQE_FIXED_FILE;
    EQ(ring_run(&to), 1);
    EQ(byte, 0);
    send_file(&from, &to, 0, IORING_FILE_INDEX_ALLOC)->msg_ring_flags = IORING_MSG_RING_CQE_SKIP;
    EQ(ring_run(&from), 0);
    TRUE(ring_empty(&to));
    send_file(&from, &to, 0, IORING_FILE_INDEX_ALLOC);
    EQ(ring_run(&from), -ENFILE);
    send_file(&from, &to, 0, 3);
    EQ(ring_run(&from), -EINVAL);
    send_file(&from, &to, 1, 1);
    EQ(ring_run(&from), -EBADF);
    send_file(&from, &from, 0, 2);
    EQ(ring_run(&from), -EINVAL);
    send_file(&from, &to, 0, 1)->msg_ring_flags = 1u << 7;
    EQ(ring_run(&from), -EINVAL);
    send_file(&from, &to, 0, 1)->addr = 9;
    EQ(ring_run(&from), -EINVAL);
}

GUEST_MAIN(CASE(entries_are_submitted_without_a_call), CASE(an_idle_queue_asks_to_be_woken),
           CASE(a_full_queue_can_be_waited_for), CASE(polled_requests_wait_for_their_files),
           CASE(other_threads_submit_too), CASE(parameters_of_polling_are_checked),
           CASE(a_disabled_ring_polls_once_enabled), CASE(requests_run_with_a_personality),
           CASE(rings_send_each_other_files))
