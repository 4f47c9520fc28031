/* SPDX-License-Identifier: MIT
 *
 * Linux asynchronous I/O: io_setup(2), io_submit(2), io_getevents(2), io_pgetevents(2),
 * io_cancel(2), io_destroy(2), and the ring that libaio reads.
 */
#include "guest.h"

#include <linux/aio_abi.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/uio.h>

/* As libaio knows it. */
struct ring {
    uint32_t id, nr, head, tail, magic, compat_features, incompat_features, header_length;
    struct io_event events[];
};

struct wait_mask {
    const sigset_t *set;
    size_t bytes;
};

static long io_setup(unsigned count, aio_context_t *context)
{
    return syscall(SYS_io_setup, count, context);
}

static long io_destroy(aio_context_t context)
{
    return syscall(SYS_io_destroy, context);
}

static long io_submit(aio_context_t context, long count, struct iocb **iocbs)
{
    return syscall(SYS_io_submit, context, count, iocbs);
}

static long io_getevents(aio_context_t context, long min, long count, struct io_event *events,
                         struct timespec *timeout)
{
    return syscall(SYS_io_getevents, context, min, count, events, timeout);
}

static long io_cancel(aio_context_t context, struct iocb *iocb, struct io_event *event)
{
    return syscall(SYS_io_cancel, context, iocb, event);
}

static aio_context_t make_context(unsigned count)
{
    aio_context_t context = 0;
    OK(io_setup(count, &context));
    TRUE(context != 0);
    return context;
}

static struct iocb make_iocb(int fd, unsigned opcode, void *buffer, size_t bytes, int64_t offset)
{
    return (struct iocb){
        .aio_data = 0x1234,
        .aio_lio_opcode = (uint16_t)opcode,
        .aio_fildes = (uint32_t)fd,
        .aio_buf = (uintptr_t)buffer,
        .aio_nbytes = bytes,
        .aio_offset = offset,
    };
}

/* Submit one and take its event: the result. */
static int64_t run_one(aio_context_t context, struct iocb *iocb)
{
    struct io_event event = {0};
    EQ(OK(io_submit(context, 1, &iocb)), 1);
    EQ(OK(io_getevents(context, 1, 1, &event, NULL)), 1);
    EQ(event.obj, (uintptr_t)iocb);
    EQ(event.data, iocb->aio_data);
    return event.res;
}

static int scratch_file(void)
{
    return (int)OK(open("scratch", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
}

/* ---- contexts ---- */

static void setup_checks_its_arguments(void)
{
    aio_context_t context = 0;
    FAILS(io_setup(0, &context), EINVAL);
    FAILS(io_setup(1, BAD_POINTER), EFAULT);
    FAILS(io_setup(UINT_MAX, &context), EINVAL);
    FAILS(io_setup(0x10000000, &context), EINVAL);
    FAILS(io_setup(1000000, &context), EAGAIN);
    context = 1;
    FAILS(io_setup(1, &context), EINVAL);
}

static void destroyed_context_is_unknown(void)
{
    aio_context_t context = make_context(4);
    struct io_event event;
    struct iocb iocb = make_iocb(0, IOCB_CMD_PREAD, &event, 1, 0), *list = &iocb;
    struct timespec none = {0};
    OK(io_destroy(context));
    FAILS(io_destroy(context), EINVAL);
    FAILS(io_destroy(0), EINVAL);
    FAILS(io_submit(context, 1, &list), EINVAL);
    FAILS(io_getevents(context, 0, 1, &event, &none), EINVAL);
    FAILS(io_cancel(context, &iocb, &event), EINVAL);
}

static void ring_is_mapped(void)
{
    aio_context_t context = make_context(10);
    const struct ring *ring = (const struct ring *)(uintptr_t)context;
    EQ(ring->magic, 0xa10a10a1);
    EQ(ring->compat_features, 1);
    EQ(ring->incompat_features, 0);
    EQ(ring->header_length, sizeof(*ring));
    TRUE(ring->nr > 10);
    EQ(ring->head, 0);
    EQ(ring->tail, 0);
    OK(io_destroy(context));
    unsigned char resident;
    FAILS(mincore((void *)(uintptr_t)context, 4096, &resident), ENOMEM);
}

static void child_has_no_context(void *argument)
{
    struct io_event event;
    struct timespec none = {0};
    FAILS(io_getevents(*(aio_context_t *)argument, 0, 1, &event, &none), EINVAL);
}

static void fork_leaves_context_behind(void)
{
    aio_context_t context = make_context(4);
    CHILD_OK(spawn(child_has_no_context, &context));
    OK(io_destroy(context));
}

/* ---- reading and writing ---- */

static void write_and_read_at_positions(void)
{
    aio_context_t context = make_context(8);
    int fd = scratch_file();
    char buffer[16] = "";
    struct iocb iocb = make_iocb(fd, IOCB_CMD_PWRITE, "hello world", 11, 100);
    EQ(run_one(context, &iocb), 11);
    iocb = make_iocb(fd, IOCB_CMD_PREAD, buffer, sizeof(buffer), 106);
    EQ(run_one(context, &iocb), 5);
    STR_EQ(buffer, "world");
    EQ(lseek(fd, 0, SEEK_CUR), 0);
    iocb = make_iocb(fd, IOCB_CMD_PREAD, buffer, sizeof(buffer), 1000);
    EQ(run_one(context, &iocb), 0);

    char first[4] = "", second[16] = "";
    struct iovec vector[2] = {{first, 3}, {second, 4}};
    iocb = make_iocb(fd, IOCB_CMD_PREADV, vector, 2, 100);
    EQ(run_one(context, &iocb), 7);
    STR_EQ(first, "hel");
    STR_EQ(second, "lo w");
    iocb = make_iocb(fd, IOCB_CMD_PWRITEV, vector, 2, 0);
    EQ(run_one(context, &iocb), 7);
    iocb = make_iocb(fd, IOCB_CMD_FSYNC, NULL, 0, 0);
    EQ(run_one(context, &iocb), 0);
    iocb = make_iocb(fd, IOCB_CMD_FDSYNC, NULL, 0, 0);
    EQ(run_one(context, &iocb), 0);
}

static void errors_of_transfers_are_events(void)
{
    aio_context_t context = make_context(8);
    int fd = scratch_file(), pipes[2];
    OK(pipe2(pipes, O_CLOEXEC | O_NONBLOCK));
    struct iocb iocb = make_iocb(fd, IOCB_CMD_PWRITE, BAD_POINTER, 16, 0);
    EQ(run_one(context, &iocb), -EFAULT);
    char byte;
    iocb = make_iocb(pipes[0], IOCB_CMD_PREAD, &byte, 1, 0);
    EQ(run_one(context, &iocb), -EAGAIN);
}

static void submit_checks_its_arguments(void)
{
    aio_context_t context = make_context(8);
    int fd = scratch_file();
    int reader = (int)OK(open("scratch", O_RDONLY | O_CLOEXEC));
    int writer = (int)OK(open("scratch", O_WRONLY | O_CLOEXEC));
    char buffer[8];
    struct iocb good = make_iocb(fd, IOCB_CMD_PREAD, buffer, sizeof(buffer), 0), bad;
    struct iocb *list[2] = {&bad, &good};

    FAILS(io_submit(context, -1, list), EINVAL);
    EQ(OK(io_submit(context, 0, list)), 0);
    FAILS(io_submit(context, 1, BAD_POINTER), EFAULT);
    list[0] = BAD_POINTER;
    FAILS(io_submit(context, 2, list), EFAULT);
    list[0] = &bad;

#define REFUSED(change, wanted)                                                                    \
    do {                                                                                           \
        bad = good;                                                                                \
        change;                                                                                    \
        FAILS(io_submit(context, 2, list), wanted);                                                \
    } while (0)
    REFUSED(bad.aio_fildes = (uint32_t)-1, EBADF);
    REFUSED(bad.aio_fildes = 12345, EBADF);
    REFUSED(bad.aio_lio_opcode = 4, EINVAL);
    REFUSED(bad.aio_lio_opcode = IOCB_CMD_NOOP, EINVAL);
    REFUSED(bad.aio_lio_opcode = 9, EINVAL);
    REFUSED(bad.aio_reserved2 = 1, EINVAL);
    REFUSED(bad.aio_nbytes = UINT64_MAX, EINVAL);
    REFUSED(bad.aio_rw_flags = 0x40000000, EOPNOTSUPP);
    REFUSED(bad.aio_fildes = (uint32_t)writer, EBADF);
    REFUSED((bad.aio_fildes = (uint32_t)reader, bad.aio_lio_opcode = IOCB_CMD_PWRITE), EBADF);
    REFUSED((bad.aio_flags = IOCB_FLAG_RESFD, bad.aio_resfd = (uint32_t)-1), EBADF);
    REFUSED((bad.aio_flags = IOCB_FLAG_RESFD, bad.aio_resfd = (uint32_t)fd), EINVAL);
    REFUSED(bad.aio_lio_opcode = IOCB_CMD_FSYNC, EINVAL);
    REFUSED((bad.aio_lio_opcode = IOCB_CMD_POLL, bad.aio_buf = 0x10001), EINVAL);
    REFUSED((bad.aio_lio_opcode = IOCB_CMD_POLL, bad.aio_buf = POLLIN), EINVAL); /* nbytes */
    REFUSED((bad.aio_lio_opcode = IOCB_CMD_PREADV, bad.aio_buf = (uintptr_t)BAD_POINTER,
             bad.aio_nbytes = 1),
            EFAULT);
    REFUSED((bad.aio_lio_opcode = IOCB_CMD_PREADV, bad.aio_nbytes = 2000), EINVAL);

    /* A bad one after a good one only ends the list. */
    struct iocb *mixed[2] = {&good, &bad};
    bad.aio_lio_opcode = 99;
    EQ(OK(io_submit(context, 2, mixed)), 1);
    struct io_event event;
    EQ(OK(io_getevents(context, 1, 1, &event, NULL)), 1);
}

static void full_ring_refuses_until_read(void)
{
    aio_context_t context = make_context(1);
    const struct ring *ring = (const struct ring *)(uintptr_t)context;
    int fd = scratch_file();
    char byte;
    struct iocb iocb = make_iocb(fd, IOCB_CMD_PREAD, &byte, 1, 0), *list = &iocb;
    unsigned submitted = 0;
    while (submitted <= ring->nr && io_submit(context, 1, &list) == 1)
        submitted++;
    EQ(errno, EAGAIN);
    TRUE(submitted >= 1 && submitted < ring->nr);
    struct io_event event;
    for (unsigned i = 0; i < submitted; i++)
        EQ(OK(io_getevents(context, 1, 1, &event, NULL)), 1);
    EQ(OK(io_submit(context, 1, &list)), 1);
}

static void program_may_take_events_itself(void)
{
    aio_context_t context = make_context(4);
    volatile struct ring *ring = (volatile struct ring *)(uintptr_t)context;
    int fd = scratch_file();
    char byte;
    struct iocb iocb = make_iocb(fd, IOCB_CMD_PREAD, &byte, 1, 0), *list = &iocb;
    for (unsigned i = 0; i < 3 * ring->nr; i++) {
        iocb.aio_data = i;
        EQ(OK(io_submit(context, 1, &list)), 1);
        unsigned head = ring->head;
        TRUE(head != ring->tail);
        EQ(ring->events[head].data, i);
        ring->head = (head + 1) % ring->nr;
    }
    struct io_event event;
    struct timespec none = {0};
    EQ(OK(io_getevents(context, 0, 1, &event, &none)), 0);
}

/* Nonsense in the shared ring must not hurt anybody but its owner. */
static void scribbled_ring_is_survived(void)
{
    aio_context_t context = make_context(4);
    volatile struct ring *ring = (volatile struct ring *)(uintptr_t)context;
    int fd = scratch_file();
    char byte;
    struct iocb iocb = make_iocb(fd, IOCB_CMD_PREAD, &byte, 1, 0), *list = &iocb;
    struct io_event events[4];
    struct timespec none = {0};
    for (uint32_t i = 0; i < 64; i++) {
        ring->head = i * 0x9e3779b9u;
        ring->tail = i * 0x7f4a7c15u;
        ring->nr = i & 1 ? UINT32_MAX : 0;
        ring->magic = i;
        io_submit(context, 1, &list);
        io_getevents(context, 0, 4, events, &none);
    }
    OK(io_destroy(context));
}

/* ---- waiting ---- */

static void getevents_checks_its_arguments(void)
{
    aio_context_t context = make_context(4);
    struct io_event event;
    struct timespec none = {0};
    FAILS(io_getevents(context, -1, 1, &event, &none), EINVAL);
    FAILS(io_getevents(context, 2, 1, &event, &none), EINVAL);
    FAILS(io_getevents(context, 0, -1, &event, &none), EINVAL);
    FAILS(io_getevents(context, 0, 1, &event, BAD_POINTER), EFAULT);
    EQ(OK(io_getevents(context, 0, 1, &event, &none)), 0);
    EQ(OK(io_getevents(context, 0, 0, NULL, &none)), 0);

    int fd = scratch_file();
    struct iocb iocb = make_iocb(fd, IOCB_CMD_PREAD, &event, 1, 0), *list = &iocb;
    EQ(OK(io_submit(context, 1, &list)), 1);
    FAILS(io_getevents(context, 1, 1, BAD_POINTER, NULL), EFAULT);
    EQ(OK(io_getevents(context, 1, 1, &event, NULL)), 1);
}

static void getevents_times_out(void)
{
    aio_context_t context = make_context(4);
    struct io_event event;
    struct timespec timeout = {.tv_nsec = 20000000};
    uint64_t start = now_ms();
    EQ(OK(io_getevents(context, 1, 1, &event, &timeout)), 0);
    TRUE(now_ms() - start >= 19);
}

static void nothing(int signo)
{
    (void)signo;
}

static void signal_interrupts_getevents(void)
{
    aio_context_t context = make_context(4);
    struct io_event event;
    struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};
    OK(sigaction(SIGUSR1, &action, NULL));
    pid_t child = OK(fork());
    if (child == 0) {
        while (process_state(getppid()) != 'S')
            sleep_ms(1);
        kill(getppid(), SIGUSR1);
        _exit(0);
    }
    FAILS(io_getevents(context, 1, 1, &event, NULL), EINTR);
    CHILD_OK(child);
}

static void pgetevents_unblocks_meanwhile(void)
{
    aio_context_t context = make_context(4);
    struct io_event event;
    struct sigaction action = {.sa_handler = nothing};
    sigset_t blocked, empty, now;
    struct timespec none = {0}, long_time = {.tv_sec = 20};
    OK(sigaction(SIGUSR1, &action, NULL));
    sigemptyset(&empty);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    OK(sigprocmask(SIG_BLOCK, &blocked, NULL));
    OK(raise(SIGUSR1));
    struct wait_mask mask = {&empty, 8};
    FAILS(syscall(SYS_io_pgetevents, context, 1, 1, &event, &long_time, &mask), EINTR);
    OK(sigprocmask(SIG_BLOCK, NULL, &now));
    TRUE(sigismember(&now, SIGUSR1));
    mask.bytes = 4;
    FAILS(syscall(SYS_io_pgetevents, context, 0, 1, &event, &none, &mask), EINVAL);
    mask = (struct wait_mask){BAD_POINTER, 8};
    FAILS(syscall(SYS_io_pgetevents, context, 0, 1, &event, &none, &mask), EFAULT);
    FAILS(syscall(SYS_io_pgetevents, context, 0, 1, &event, &none, BAD_POINTER), EFAULT);
    EQ(OK(syscall(SYS_io_pgetevents, context, 0, 1, &event, &none, NULL)), 0);
}

static void eventfd_counts_events(void)
{
    aio_context_t context = make_context(4);
    int fd = scratch_file(), event = (int)OK(eventfd(0, EFD_NONBLOCK));
    struct iocb iocb = make_iocb(fd, IOCB_CMD_PWRITE, "x", 1, 0), *list = &iocb;
    iocb.aio_flags = IOCB_FLAG_RESFD;
    iocb.aio_resfd = (uint32_t)event;
    EQ(OK(io_submit(context, 1, &list)), 1);
    EQ(OK(io_submit(context, 1, &list)), 1);
    uint64_t count = 0;
    EQ(OK(read(event, &count, sizeof(count))), sizeof(count));
    EQ(count, 2);
}

/* ---- polls ---- */

static struct iocb make_poll(int fd, unsigned events)
{
    return make_iocb(fd, IOCB_CMD_POLL, (void *)(uintptr_t)events, 0, 0);
}

static void poll_reports_what_is_ready(void)
{
    aio_context_t context = make_context(4);
    int pipes[2];
    OK(pipe2(pipes, O_CLOEXEC));
    struct iocb iocb = make_poll(pipes[1], POLLOUT);
    EQ(run_one(context, &iocb), POLLOUT);
    iocb = make_poll(pipes[0], POLLIN);
    struct iocb *list = &iocb;
    struct io_event event;
    struct timespec none = {0};
    EQ(OK(io_submit(context, 1, &list)), 1);
    EQ(OK(io_getevents(context, 0, 1, &event, &none)), 0);
    EQ(write(pipes[1], "x", 1), 1);
    EQ(OK(io_getevents(context, 1, 1, &event, NULL)), 1);
    TRUE(event.res & POLLIN);
    EQ(read(pipes[0], &event, 1), 1);
    EQ(OK(io_submit(context, 1, &list)), 1);
    OK(close(pipes[1]));
    EQ(OK(io_getevents(context, 1, 1, &event, NULL)), 1);
    TRUE(event.res & POLLHUP);
}

static void write_later(void *argument)
{
    sleep_ms(20);
    EQ(write(*(int *)argument, "x", 1), 1);
}

static void poll_wakes_sleeper_and_eventfd(void)
{
    aio_context_t context = make_context(4);
    int pipes[2], event_fd = (int)OK(eventfd(0, 0));
    OK(pipe2(pipes, O_CLOEXEC));
    struct iocb iocb = make_poll(pipes[0], POLLIN), *list = &iocb;
    iocb.aio_flags = IOCB_FLAG_RESFD;
    iocb.aio_resfd = (uint32_t)event_fd;
    EQ(OK(io_submit(context, 1, &list)), 1);
    pid_t child = spawn(write_later, &pipes[1]);
    struct io_event event;
    EQ(OK(io_getevents(context, 1, 1, &event, NULL)), 1);
    TRUE(event.res & POLLIN);
    uint64_t count;
    EQ(OK(read(event_fd, &count, sizeof(count))), sizeof(count));
    EQ(count, 1);
    CHILD_OK(child);
}

static void poll_can_be_cancelled(void)
{
    aio_context_t context = make_context(4);
    int pipes[2];
    OK(pipe2(pipes, O_CLOEXEC));
    struct iocb iocb = make_poll(pipes[0], POLLIN), *list = &iocb;
    struct io_event event;
    EQ(OK(io_submit(context, 1, &list)), 1);
    FAILS(io_cancel(context, BAD_POINTER, &event), EFAULT);
    iocb.aio_key = 1;
    FAILS(io_cancel(context, &iocb, &event), EINVAL);
    iocb.aio_key = 0;
    FAILS(io_cancel(context, &iocb, &event), EINPROGRESS);
    EQ(OK(io_getevents(context, 1, 1, &event, NULL)), 1);
    EQ(event.obj, (uintptr_t)&iocb);
    FAILS(io_cancel(context, &iocb, &event), EINVAL);
}

static void destroy_and_exit_end_polls(void)
{
    aio_context_t context = make_context(64);
    int pipes[2];
    OK(pipe2(pipes, O_CLOEXEC));
    struct iocb iocb = make_poll(pipes[0], POLLIN), *list = &iocb;
    for (unsigned i = 0; i < 50; i++)
        EQ(OK(io_submit(context, 1, &list)), 1);
    OK(io_destroy(context));
    EQ(write(pipes[1], "x", 1), 1);
    context = make_context(64);
    EQ(read(pipes[0], &iocb.aio_data, 1), 1);
    for (unsigned i = 0; i < 50; i++)
        EQ(OK(io_submit(context, 1, &list)), 1);
    /* and the exit of this process ends the rest */
}

/* ---- limits ---- */

static unsigned long read_number(const char *path)
{
    char text[32] = "";
    int fd = (int)OK(open(path, O_RDONLY | O_CLOEXEC));
    TRUE(read(fd, text, sizeof(text) - 1) > 0);
    OK(close(fd));
    return strtoul(text, NULL, 10);
}

static void requests_count_against_the_limit(void)
{
    unsigned long before = read_number("/proc/sys/fs/aio-nr");
    TRUE(read_number("/proc/sys/fs/aio-max-nr") >= 65536);
    aio_context_t context = make_context(1000);
    TRUE(read_number("/proc/sys/fs/aio-nr") >= before + 1000);
    OK(io_destroy(context));
    EVENTUALLY(read_number("/proc/sys/fs/aio-nr") <= before);
}

GUEST_MAIN(CASE(setup_checks_its_arguments), CASE(destroyed_context_is_unknown),
           CASE(ring_is_mapped), CASE(fork_leaves_context_behind),
           CASE(write_and_read_at_positions), CASE(errors_of_transfers_are_events),
           CASE(submit_checks_its_arguments), CASE(full_ring_refuses_until_read),
           CASE(program_may_take_events_itself), CASE(scribbled_ring_is_survived),
           CASE(getevents_checks_its_arguments), CASE(getevents_times_out),
           CASE(signal_interrupts_getevents), CASE(pgetevents_unblocks_meanwhile),
           CASE(eventfd_counts_events), CASE(poll_reports_what_is_ready),
           CASE(poll_wakes_sleeper_and_eventfd), CASE(poll_can_be_cancelled),
           CASE(destroy_and_exit_end_polls), CASE(requests_count_against_the_limit))
