/* SPDX-License-Identifier: MIT
 *
 * io_uring(7): setup, rings, submission, files and names, chains, buffers, registration.
 */
#include "uring_check.h"

#include <linux/stat.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

static int scratch(void)
{
    return (int)OK(open("scratch", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
}

/* ---- setup ---- */

static void setup_checks_its_arguments(void)
{
    struct io_uring_params params = {0};
    ring_make(1);
    FAILS(uring_setup(0, &params), EINVAL);
    FAILS(uring_setup(1, BAD_POINTER), EFAULT);
    FAILS(uring_setup(32769, &params), EINVAL);
    params.resv[1] = 1;
    FAILS(uring_setup(1, &params), EINVAL);
    params = (struct io_uring_params){.flags = 1u << 30};
    FAILS(uring_setup(1, &params), EINVAL);
    params = (struct io_uring_params){.flags = IORING_SETUP_CQSIZE};
    FAILS(uring_setup(4, &params), EINVAL);
    params = (struct io_uring_params){.flags = IORING_SETUP_CQSIZE, .cq_entries = 2};
    FAILS(uring_setup(4, &params), EINVAL);
    params = (struct io_uring_params){.flags = IORING_SETUP_CQSIZE, .cq_entries = 100};
    int fd = (int)OK(uring_setup(5, &params));
    EQ(params.sq_entries, 8);
    EQ(params.cq_entries, 128);
    EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    TRUE(params.features & IORING_FEAT_NODROP);
    TRUE(params.features & IORING_FEAT_EXT_ARG);
    FAILS(read(fd, &params, 1), EINVAL);
}

static void completions_can_be_mapped_alone(void)
{
    struct ring ring = ring_make(4);
    TRUE(mmap(NULL, 4096, PROT_READ, MAP_SHARED, ring.fd, IORING_OFF_CQ_RING) != MAP_FAILED);
}

static void enter_checks_its_arguments(void)
{
    struct ring ring = ring_make(4), none = {.fd = -1}, other = {.fd = scratch()};
    FAILS(uring_enter(&none, 0, 0, 0), EBADF);
    FAILS(uring_enter(&other, 0, 0, 0), EOPNOTSUPP);
    FAILS(uring_enter(&ring, 0, 0, 1u << 20), EINVAL);
    FAILS(syscall(SYS_io_uring_enter, ring.fd, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG,
                  BAD_POINTER, 24),
          EFAULT);
    FAILS(syscall(SYS_io_uring_enter, ring.fd, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG,
                  &ring, 23),
          EINVAL);
    EQ(OK(uring_enter(&ring, 4, 0, 0)), 0);
}

/* ---- submission ---- */

static void nops_complete_in_order(void)
{
    struct ring ring = ring_make(4);
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 0; i < 4; i++)
            ring_sqe(&ring, IORING_OP_NOP, -1, NULL, 0, 0)->user_data = round * 4 + i;
        EQ(OK(uring_enter(&ring, 4, 4, IORING_ENTER_GETEVENTS)), 4);
        for (unsigned i = 0; i < 4; i++) {
            struct completion cqe = ring_take(&ring);
            EQ(cqe.user_data, round * 4 + i);
            EQ(cqe.res, 0);
        }
    }
}

static void bad_entries_fail_alone(void)
{
    struct ring ring = ring_make(8);
    ring_sqe(&ring, 250, -1, NULL, 0, 0);
    EQ(ring_run(&ring), -EINVAL);
    ring_sqe(&ring, IORING_OP_NOP, -1, NULL, 0, 0)->flags = 0x80;
    EQ(ring_run(&ring), -EINVAL);
    ring_sqe(&ring, IORING_OP_FSYNC, -1, NULL, 0, 0)->flags = IOSQE_BUFFER_SELECT;
    EQ(ring_run(&ring), -EOPNOTSUPP);
    ring_sqe(&ring, IORING_OP_FSYNC, -1, NULL, 0, 0)->ioprio = 1;
    EQ(ring_run(&ring), -EINVAL);
    ring_sqe(&ring, IORING_OP_FSYNC, -1, NULL, 0, 0)->personality = 7;
    EQ(ring_run(&ring), -EINVAL);
    ring_sqe(&ring, IORING_OP_READ, 12345, &ring, 1, 0);
    EQ(ring_run(&ring), -EBADF);

    /* Submission stops behind a bad one. */
    ring_sqe(&ring, 250, -1, NULL, 0, 0);
    ring_sqe(&ring, IORING_OP_NOP, -1, NULL, 0, 0);
    EQ(OK(uring_enter(&ring, 2, 0, 0)), 1);
    EQ(ring_take(&ring).res, -EINVAL);
    EQ(OK(uring_enter(&ring, 1, 0, 0)), 1);
    EQ(ring_take(&ring).res, 0);
}

static void reserved_fields_must_be_zero(void)
{
    struct ring ring = ring_make(4);
    int fd = scratch();
    struct io_uring_sqe *sqe;
#define REFUSED(opcode_, change_)                                                                  \
    do {                                                                                           \
        sqe = ring_sqe(&ring, opcode_, fd, NULL, 0, 0);                                            \
        change_;                                                                                   \
        int refused_ = ring_run(&ring);                                                            \
        if (refused_ != -EINVAL)                                                                   \
            fail_at(__LINE__, "%s with %s: %d", #opcode_, #change_, refused_);                     \
    } while (0)
    REFUSED(IORING_OP_FSYNC, sqe->addr = 1);
    REFUSED(IORING_OP_FSYNC, sqe->buf_index = 1);
    REFUSED(IORING_OP_FSYNC, sqe->splice_fd_in = 1);
    REFUSED(IORING_OP_FSYNC, sqe->fsync_flags = 2);
    REFUSED(IORING_OP_FALLOCATE, sqe->buf_index = 1);
    REFUSED(IORING_OP_FALLOCATE, sqe->rw_flags = 1);
    REFUSED(IORING_OP_OPENAT, sqe->buf_index = 1);
    REFUSED(IORING_OP_CLOSE, sqe->len = 1);
    REFUSED(IORING_OP_CLOSE, sqe->off = 1);
    REFUSED(IORING_OP_STATX, sqe->buf_index = 1);
    REFUSED(IORING_OP_ACCEPT, sqe->len = 1);
    REFUSED(IORING_OP_CONNECT, sqe->len = 1);
    REFUSED(IORING_OP_SHUTDOWN, sqe->addr = 1);
    REFUSED(IORING_OP_RENAMEAT, sqe->buf_index = 1);
    REFUSED(IORING_OP_UNLINKAT, sqe->len = 1);
    REFUSED(IORING_OP_UNLINKAT, sqe->unlink_flags = 1);
    REFUSED(IORING_OP_MKDIRAT, sqe->off = 1);
    REFUSED(IORING_OP_SYMLINKAT, sqe->len = 1);
    REFUSED(IORING_OP_POLL_ADD, sqe->addr = 1);
    REFUSED(IORING_OP_POLL_ADD, sqe->buf_index = 1);
    REFUSED(IORING_OP_TIMEOUT, sqe->len = 2);
    REFUSED(IORING_OP_TIMEOUT_REMOVE, sqe->len = 1);
    REFUSED(IORING_OP_ASYNC_CANCEL, sqe->off = 1);
    REFUSED(IORING_OP_SPLICE, sqe->splice_flags = 1u << 20);
    REFUSED(IORING_OP_TEE, sqe->off = 1);
    REFUSED(IORING_OP_FILES_UPDATE, sqe->rw_flags = 1);
    REFUSED(IORING_OP_PROVIDE_BUFFERS, sqe->rw_flags = 1);
    REFUSED(IORING_OP_REMOVE_BUFFERS, sqe->addr = 1);
}

/* Nonsense in the shared rings must not hurt anybody but their owner. */
static void scribbled_rings_are_survived(void)
{
    struct ring ring = ring_make(8);
    for (uint32_t i = 1; i < 300; i++) {
        for (unsigned slot = 0; slot < 8; slot++)
            ring.array[slot] = i * 0x9e3779b9u >> (slot & 31);
        *ring.sq_tail = i * 0x7f4a7c15u;
        *ring.sq_head = i * 0x2545f491u;
        *ring.cq_head = i * 0x94d049bbu;
        *ring.cq_tail = i;
        uring_enter(&ring, 8, 0, 0);
    }
    OK(close(ring.fd));
}

static void overflow_is_kept(void)
{
    struct ring ring = ring_make(4);
    unsigned total = 4 * ring.params.cq_entries;
    for (unsigned i = 0; i < total; i++) {
        ring_sqe(&ring, IORING_OP_NOP, -1, NULL, 0, 0)->user_data = i;
        EQ(OK(uring_enter(&ring, 1, 0, 0)), 1);
    }
    TRUE(*ring.sq_flags & IORING_SQ_CQ_OVERFLOW);
    for (unsigned i = 0; i < total; i++) {
        if (ring_empty(&ring))
            OK(uring_enter(&ring, 0, 0, IORING_ENTER_GETEVENTS));
        EQ(ring_take(&ring).user_data, i);
    }
    TRUE(!(*ring.sq_flags & IORING_SQ_CQ_OVERFLOW));
    TRUE(ring_empty(&ring));
    EQ(*ring.cq_overflow, 0);
}

/* ---- reading and writing ---- */

static void reads_and_writes_at_positions(void)
{
    struct ring ring = ring_make(4);
    int fd = scratch();
    char buffer[16] = "";
    ring_sqe(&ring, IORING_OP_WRITE, fd, "hello world", 11, 100);
    EQ(ring_run(&ring), 11);
    ring_sqe(&ring, IORING_OP_READ, fd, buffer, 5, 106);
    EQ(ring_run(&ring), 5);
    STR_EQ(buffer, "world");
    EQ(lseek(fd, 0, SEEK_CUR), 0);
    OK(lseek(fd, 100, SEEK_SET));
    ring_sqe(&ring, IORING_OP_READ, fd, buffer, 5, (uint64_t)-1);
    EQ(ring_run(&ring), 5);
    STR_EQ(buffer, "hello");
    EQ(lseek(fd, 0, SEEK_CUR), 105);

    char first[4] = "", second[16] = "";
    struct iovec vector[2] = {{first, 3}, {second, 4}};
    ring_sqe(&ring, IORING_OP_READV, fd, vector, 2, 100);
    EQ(ring_run(&ring), 7);
    STR_EQ(first, "hel");
    STR_EQ(second, "lo w");
    ring_sqe(&ring, IORING_OP_WRITEV, fd, vector, 2, 0);
    EQ(ring_run(&ring), 7);
    ring_sqe(&ring, IORING_OP_READ, fd, BAD_POINTER, 5, 0);
    EQ(ring_run(&ring), -EFAULT);
    ring_sqe(&ring, IORING_OP_READ, fd, buffer, 5, 0)->rw_flags = 0x40000000;
    EQ(ring_run(&ring), -EOPNOTSUPP);
    ring_sqe(&ring, IORING_OP_READ, fd, buffer, 5, 0)->flags = IOSQE_ASYNC;
    EQ(ring_run(&ring), 5);
    ring_sqe(&ring, IORING_OP_FSYNC, fd, NULL, 0, 0);
    EQ(ring_run(&ring), 0);
}

static void registered_buffers_are_bounds(void)
{
    struct ring ring = ring_make(4);
    int fd = scratch();
    static char memory[8192] __attribute__((aligned(4096)));
    struct iovec vector = {memory, sizeof(memory)};
    FAILS(uring_register(&ring, IORING_UNREGISTER_BUFFERS, NULL, 0), ENXIO);
    FAILS(uring_register(&ring, IORING_REGISTER_BUFFERS, &vector, 0), EINVAL);
    OK(uring_register(&ring, IORING_REGISTER_BUFFERS, &vector, 1));
    FAILS(uring_register(&ring, IORING_REGISTER_BUFFERS, &vector, 1), EBUSY);
    strcpy(memory, "fixed");
    ring_sqe(&ring, IORING_OP_WRITE_FIXED, fd, memory, 5, 0);
    EQ(ring_run(&ring), 5);
    ring_sqe(&ring, IORING_OP_READ_FIXED, fd, memory + 100, 5, 0);
    EQ(ring_run(&ring), 5);
    STR_EQ(memory + 100, "fixed");
    ring_sqe(&ring, IORING_OP_READ_FIXED, fd, memory + sizeof(memory) - 4, 5, 0);
    EQ(ring_run(&ring), -EFAULT);
    ring_sqe(&ring, IORING_OP_READ_FIXED, fd, memory, 5, 0)->buf_index = 1;
    EQ(ring_run(&ring), -EFAULT);
    OK(uring_register(&ring, IORING_UNREGISTER_BUFFERS, NULL, 0));
}

/* ---- names ---- */

static void names_are_made_and_removed(void)
{
    struct ring ring = ring_make(4);
    struct statx status;
    ring_sqe(&ring, IORING_OP_MKDIRAT, AT_FDCWD, "folder", 0700, 0);
    EQ(ring_run(&ring), 0);
    struct io_uring_sqe *sqe = ring_sqe(&ring, IORING_OP_OPENAT, AT_FDCWD, "folder/file", 0600, 0);
    sqe->open_flags = O_CREAT | O_RDWR | O_CLOEXEC;
    int fd = ring_run(&ring);
    TRUE(fd >= 0);
    ring_sqe(&ring, IORING_OP_FALLOCATE, fd, (void *)(uintptr_t)5000, 0, 0);
    EQ(ring_run(&ring), 0);
    ring_sqe(&ring, IORING_OP_CLOSE, fd, NULL, 0, 0);
    EQ(ring_run(&ring), 0);
    FAILS(fcntl(fd, F_GETFD), EBADF);
    sqe = ring_sqe(&ring, IORING_OP_STATX, AT_FDCWD, "folder/file", STATX_SIZE, (uintptr_t)&status);
    EQ(ring_run(&ring), 0);
    EQ(status.stx_size, 5000);
    ring_sqe(&ring, IORING_OP_RENAMEAT, AT_FDCWD, "folder/file", (unsigned)AT_FDCWD,
             (uintptr_t) "folder/other");
    EQ(ring_run(&ring), 0);
    ring_sqe(&ring, IORING_OP_SYMLINKAT, AT_FDCWD, "other", 0, (uintptr_t) "folder/link");
    EQ(ring_run(&ring), 0);
    ring_sqe(&ring, IORING_OP_LINKAT, AT_FDCWD, "folder/other", (unsigned)AT_FDCWD,
             (uintptr_t) "folder/hard");
    EQ(ring_run(&ring), 0);
    OK(access("folder/hard", F_OK));
    struct {
        uint64_t flags, mode, resolve;
    } how = {.flags = O_RDONLY};
    ring_sqe(&ring, IORING_OP_OPENAT2, AT_FDCWD, "folder/link", sizeof(how), (uintptr_t)&how);
    fd = ring_run(&ring);
    TRUE(fd >= 0);
    OK(close(fd));
    static const char *const names[] = {"folder/other", "folder/link", "folder/hard"};
    for (unsigned i = 0; i < 3; i++) {
        ring_sqe(&ring, IORING_OP_UNLINKAT, AT_FDCWD, names[i], 0, 0);
        EQ(ring_run(&ring), 0);
    }
    ring_sqe(&ring, IORING_OP_UNLINKAT, AT_FDCWD, "folder", 0, 0)->unlink_flags = AT_REMOVEDIR;
    EQ(ring_run(&ring), 0);
    ring_sqe(&ring, IORING_OP_OPENAT, AT_FDCWD, "folder", 0, 0);
    EQ(ring_run(&ring), -ENOENT);
    ring_sqe(&ring, IORING_OP_CLOSE, ring.fd, NULL, 0, 0);
    EQ(ring_run(&ring), -EBADF);
}

static void splice_moves_data(void)
{
    struct ring ring = ring_make(4);
    int fd = scratch(), pipes[2], other[2];
    char buffer[8] = "";
    OK(pipe2(pipes, O_CLOEXEC));
    OK(pipe2(other, O_CLOEXEC));
    EQ(write(fd, "moved", 5), 5);
    struct io_uring_sqe *sqe = ring_sqe(&ring, IORING_OP_SPLICE, pipes[1], NULL, 5, (uint64_t)-1);
    sqe->splice_fd_in = fd;
    EQ(ring_run(&ring), 5);
    sqe = ring_sqe(&ring, IORING_OP_TEE, other[1], NULL, 5, 0);
    sqe->splice_fd_in = pipes[0];
    EQ(ring_run(&ring), 5);
    EQ(read(other[0], buffer, 8), 5);
    EQ(read(pipes[0], buffer, 8), 5);
    STR_EQ(buffer, "moved");
    sqe = ring_sqe(&ring, IORING_OP_SPLICE, pipes[1], NULL, 5, (uint64_t)-1);
    sqe->splice_fd_in = -1;
    EQ(ring_run(&ring), -EBADF);
}

/* ---- chains ---- */

static void chain_breaks_at_failure(void)
{
    struct ring ring = ring_make(8);
    int fd = scratch();
    char buffer[4];
    ring_sqe(&ring, IORING_OP_NOP, -1, NULL, 0, 0)->flags = IOSQE_IO_LINK;
    ring_sqe(&ring, IORING_OP_READ, fd, buffer, 4, 0)->flags = IOSQE_IO_LINK; /* short */
    ring_sqe(&ring, IORING_OP_NOP, -1, NULL, 0, 0)->flags = IOSQE_IO_LINK;
    ring_sqe(&ring, IORING_OP_NOP, -1, NULL, 0, 0);
    ring_sqe(&ring, IORING_OP_NOP, -1, NULL, 0, 0)->user_data = 5;
    EQ(OK(uring_enter(&ring, 5, 5, IORING_ENTER_GETEVENTS)), 5);
    unsigned cancelled = 0;
    for (unsigned i = 0; i < 5; i++) {
        struct completion completion = ring_take(&ring);
        cancelled += completion.res == -ECANCELED;
        TRUE(completion.res == 0 || (completion.res == -ECANCELED && completion.user_data != 5));
    }
    EQ(cancelled, 2);
}

static void hard_chain_goes_on(void)
{
    struct ring ring = ring_make(8);
    ring_sqe(&ring, IORING_OP_READ, -1, NULL, 4, 0)->flags = IOSQE_IO_HARDLINK;
    ring_sqe(&ring, IORING_OP_NOP, -1, NULL, 0, 0);
    EQ(OK(uring_enter(&ring, 2, 2, IORING_ENTER_GETEVENTS)), 2);
    EQ(ring_take(&ring).res, -EBADF);
    EQ(ring_take(&ring).res, 0);
}

static void success_can_be_silent(void)
{
    struct ring ring = ring_make(8);
    ring_sqe(&ring, IORING_OP_NOP, -1, NULL, 0, 0)->flags = IOSQE_CQE_SKIP_SUCCESS;
    struct io_uring_sqe *sqe = ring_sqe(&ring, IORING_OP_NOP, -1, NULL, 0, 0);
    sqe->user_data = 5;
    EQ(OK(uring_enter(&ring, 2, 1, IORING_ENTER_GETEVENTS)), 2);
    EQ(ring_take(&ring).user_data, 5);
    TRUE(ring_empty(&ring));
}

static void drain_waits_for_earlier_ones(void)
{
    struct ring ring = ring_make(8);
    int pipes[2];
    char byte;
    OK(pipe2(pipes, O_CLOEXEC));
    ring_sqe(&ring, IORING_OP_READ, pipes[0], &byte, 1, 0)->user_data = 1;
    struct io_uring_sqe *sqe = ring_sqe(&ring, IORING_OP_NOP, -1, NULL, 0, 0);
    sqe->user_data = 2;
    sqe->flags = IOSQE_IO_DRAIN;
    ring_sqe(&ring, IORING_OP_NOP, -1, NULL, 0, 0)->user_data = 3;
    EQ(OK(uring_enter(&ring, 3, 0, 0)), 3);
    TRUE(ring_empty(&ring));
    EQ(write(pipes[1], "x", 1), 1);
    EQ(ring_take(&ring).user_data, 1);
    EQ(ring_take(&ring).user_data, 2);
    EQ(ring_take(&ring).user_data, 3);
}

/* ---- registration ---- */

static void registered_files_replace_descriptors(void)
{
    struct ring ring = ring_make(4);
    int fd = scratch(), fds[3] = {fd, -1, -1}, ring_itself = ring.fd;
    char buffer[8] = "";
    FAILS(uring_register(&ring, IORING_UNREGISTER_FILES, NULL, 0), ENXIO);
    FAILS(uring_register(&ring, IORING_REGISTER_FILES, &ring_itself, 1), EBADF);
    OK(uring_register(&ring, IORING_REGISTER_FILES, fds, 3));
    FAILS(uring_register(&ring, IORING_REGISTER_FILES, fds, 3), EBUSY);
    OK(close(fd));
    ring_sqe(&ring, IORING_OP_WRITE, 0, "x", 1, 0)->flags = IOSQE_FIXED_FILE;
    EQ(ring_run(&ring), 1);
    ring_sqe(&ring, IORING_OP_READ, 0, buffer, 8, 0)->flags = IOSQE_FIXED_FILE;
    EQ(ring_run(&ring), 1);
    ring_sqe(&ring, IORING_OP_READ, 1, buffer, 8, 0)->flags = IOSQE_FIXED_FILE;
    EQ(ring_run(&ring), -EBADF);
    ring_sqe(&ring, IORING_OP_READ, 3, buffer, 8, 0)->flags = IOSQE_FIXED_FILE;
    EQ(ring_run(&ring), -EBADF);

    fd = (int)OK(open("scratch", O_RDONLY | O_CLOEXEC));
    ring_sqe(&ring, IORING_OP_FILES_UPDATE, -1, &fd, 1, 1);
    EQ(ring_run(&ring), 1);
    ring_sqe(&ring, IORING_OP_READ, 1, buffer, 8, 0)->flags = IOSQE_FIXED_FILE;
    EQ(ring_run(&ring), 1);
    struct io_uring_files_update update = {.offset = 1, .fds = (uintptr_t)&fds[1]};
    EQ(OK(uring_register(&ring, IORING_REGISTER_FILES_UPDATE, &update, 1)), 1);
    ring_sqe(&ring, IORING_OP_READ, 1, buffer, 8, 0)->flags = IOSQE_FIXED_FILE;
    EQ(ring_run(&ring), -EBADF);
    update.offset = 3;
    FAILS(uring_register(&ring, IORING_REGISTER_FILES_UPDATE, &update, 1), EINVAL);

    /* Opened straight into the table, and closed there. */
    struct io_uring_sqe *sqe = ring_sqe(&ring, IORING_OP_OPENAT, AT_FDCWD, "scratch", 0, 0);
    sqe->file_index = 3;
    EQ(ring_run(&ring), 0);
    ring_sqe(&ring, IORING_OP_READ, 2, buffer, 8, 0)->flags = IOSQE_FIXED_FILE;
    EQ(ring_run(&ring), 1);
    ring_sqe(&ring, IORING_OP_CLOSE, 0, NULL, 0, 0)->file_index = 3;
    EQ(ring_run(&ring), 0);
    ring_sqe(&ring, IORING_OP_CLOSE, 0, NULL, 0, 0)->file_index = 3;
    EQ(ring_run(&ring), -EBADF);
    OK(uring_register(&ring, IORING_UNREGISTER_FILES, NULL, 0));
}

static void eventfd_counts_completions(void)
{
    struct ring ring = ring_make(4);
    int event = (int)OK(eventfd(0, EFD_NONBLOCK)), file = scratch();
    FAILS(uring_register(&ring, IORING_UNREGISTER_EVENTFD, NULL, 0), ENXIO);
    FAILS(uring_register(&ring, IORING_REGISTER_EVENTFD, &file, 1), EINVAL);
    FAILS(uring_register(&ring, IORING_REGISTER_EVENTFD, BAD_POINTER, 1), EFAULT);
    OK(uring_register(&ring, IORING_REGISTER_EVENTFD, &event, 1));
    FAILS(uring_register(&ring, IORING_REGISTER_EVENTFD, &event, 1), EBUSY);
    ring_sqe(&ring, IORING_OP_NOP, -1, NULL, 0, 0);
    EQ(ring_run(&ring), 0);
    uint64_t count = 0;
    EQ(OK(read(event, &count, sizeof(count))), sizeof(count));
    EQ(count, 1);
    OK(uring_register(&ring, IORING_UNREGISTER_EVENTFD, NULL, 0));
}

static void probe_tells_operations(void)
{
    struct ring ring = ring_make(1);
    enum { COUNT = 64 };
    size_t bytes = sizeof(struct io_uring_probe) + COUNT * sizeof(struct io_uring_probe_op);
    struct io_uring_probe *probe = calloc(1, bytes);
    OK(uring_register(&ring, IORING_REGISTER_PROBE, probe, COUNT));
    TRUE(probe->last_op >= IORING_OP_LINKAT);
    static const unsigned wanted[] = {IORING_OP_NOP,  IORING_OP_READ,   IORING_OP_POLL_ADD,
                                      IORING_OP_SEND, IORING_OP_SPLICE, IORING_OP_LINKAT};
    for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        TRUE(probe->ops[wanted[i]].flags & IO_URING_OP_SUPPORTED);
    FAILS(uring_register(&ring, IORING_REGISTER_PROBE, probe, COUNT), EINVAL); /* not zero */
    FAILS(uring_register(&ring, 12345, NULL, 0), EINVAL);
}

static void restricted_ring_refuses(void)
{
    struct ring ring =
        ring_make_with(4, (struct io_uring_params){.flags = IORING_SETUP_R_DISABLED});
    struct io_uring_restriction list[2] = {
        {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_NOP},
        {.opcode = IORING_RESTRICTION_REGISTER_OP, .register_op = IORING_REGISTER_PROBE},
    };
    int fd = scratch();
    FAILS(uring_enter(&ring, 0, 0, 0), EBADFD);
    OK(uring_register(&ring, IORING_REGISTER_RESTRICTIONS, list, 2));
    FAILS(uring_register(&ring, IORING_REGISTER_RESTRICTIONS, list, 2), EBUSY);
    OK(uring_register(&ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0));
    FAILS(uring_register(&ring, IORING_REGISTER_FILES, &fd, 1), EACCES);
    ring_sqe(&ring, IORING_OP_NOP, -1, NULL, 0, 0);
    EQ(ring_run(&ring), 0);
    ring_sqe(&ring, IORING_OP_FSYNC, fd, NULL, 0, 0);
    EQ(ring_run(&ring), -EACCES);
    ring_sqe(&ring, IORING_OP_NOP, -1, NULL, 0, 0)->flags = IOSQE_ASYNC;
    EQ(ring_run(&ring), -EACCES);
}

GUEST_MAIN(CASE(setup_checks_its_arguments), CASE(completions_can_be_mapped_alone),
           CASE(enter_checks_its_arguments), CASE(nops_complete_in_order),
           CASE(bad_entries_fail_alone), CASE(reserved_fields_must_be_zero),
           CASE(scribbled_rings_are_survived), CASE(overflow_is_kept),
           CASE(reads_and_writes_at_positions), CASE(registered_buffers_are_bounds),
           CASE(names_are_made_and_removed), CASE(splice_moves_data), CASE(chain_breaks_at_failure),
           CASE(hard_chain_goes_on), CASE(success_can_be_silent),
           CASE(drain_waits_for_earlier_ones), CASE(registered_files_replace_descriptors),
           CASE(eventfd_counts_completions), CASE(probe_tells_operations),
           CASE(restricted_ring_refuses))
