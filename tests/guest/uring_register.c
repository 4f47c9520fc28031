/* SPDX-License-Identifier: MIT */
/* io_uring_register(2): rings by number, sparse tables, ranges, cancelling at once, and operations
 * on attributes and other rings. */
#include "uring_check.h"

#include <sys/xattr.h>

static void registered_rings_are_entered_by_number(void)
{
    struct ring ring = ring_make(4);
    struct io_uring_rsrc_update update = {.offset = -1U, .data = (uint64_t)ring.fd};
    int other = (int)OK(open("/dev/null", O_RDONLY));
    FAILS(uring_register(&ring, IORING_REGISTER_RING_FDS, &update, 0), EINVAL);
    FAILS(uring_register(&ring, IORING_REGISTER_RING_FDS, &update, 17), EINVAL);
    struct ring none = ring;
    none.fd = 3;
    FAILS(uring_enter(&none, 0, 0, IORING_ENTER_REGISTERED_RING), EBADF);
    EQ(uring_register(&ring, IORING_REGISTER_RING_FDS, &update, 1), 1);
    EQ(update.offset, 0);
    struct io_uring_rsrc_update again = {.offset = 0, .data = (uint64_t)ring.fd};
    FAILS(uring_register(&ring, IORING_REGISTER_RING_FDS, &again, 1), EBUSY);
    again = (struct io_uring_rsrc_update){.offset = 16, .data = (uint64_t)ring.fd};
    FAILS(uring_register(&ring, IORING_REGISTER_RING_FDS, &again, 1), EINVAL);
    again = (struct io_uring_rsrc_update){.offset = 2, .data = (uint64_t)other};
    FAILS(uring_register(&ring, IORING_REGISTER_RING_FDS, &again, 1), EOPNOTSUPP);
    again.data = 999;
    FAILS(uring_register(&ring, IORING_REGISTER_RING_FDS, &again, 1), EBADF);

    struct ring numbered = ring;
    numbered.fd = 0;
    ring_sqe(&ring, IORING_OP_NOP, -1, NULL, 0, 0)->user_data = 7;
    EQ(uring_enter(&numbered, 1, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_REGISTERED_RING), 1);
    EQ(ring_take(&ring).user_data, 7);
    numbered.fd = 16;
    FAILS(uring_enter(&numbered, 0, 0, IORING_ENTER_REGISTERED_RING), EINVAL);

    again = (struct io_uring_rsrc_update){.offset = 0, .data = 1};
    FAILS(uring_register(&ring, IORING_UNREGISTER_RING_FDS, &again, 1), EINVAL);
    again.data = 0;
    EQ(uring_register(&ring, IORING_UNREGISTER_RING_FDS, &again, 1), 1);
    numbered.fd = 0;
    FAILS(uring_enter(&numbered, 0, 0, IORING_ENTER_REGISTERED_RING), EBADF);
    /* One that is left registered goes with its task. */
    EQ(uring_register(&ring, IORING_REGISTER_RING_FDS, &update, 1), 1);
}

static void sparse_tables_are_filled_later(void)
{
    struct ring ring = ring_make(4);
    struct io_uring_rsrc_register sparse = {.nr = 4, .flags = IORING_RSRC_REGISTER_SPARSE};
    int fds[2], zero = (int)OK(open("/dev/zero", O_RDONLY));
    FAILS(uring_register(&ring, IORING_REGISTER_FILES2, &sparse, 8), EINVAL);
    OK(uring_register(&ring, IORING_REGISTER_FILES2, &sparse, sizeof(sparse)));
    FAILS(uring_register(&ring, IORING_REGISTER_FILES2, &sparse, sizeof(sparse)), EBUSY);
    fds[0] = fds[1] = zero;
    struct io_uring_rsrc_update2 update = {.offset = 1, .data = (uintptr_t)fds, .nr = 1};
    EQ(uring_register(&ring, IORING_REGISTER_FILES_UPDATE2, &update, sizeof(update)), 1);
    char byte = 'x';
    ring_sqe(&ring, IORING_OP_READ, 1, &byte, 1, 0)->flags = IOSQE_FIXED_FILE;
    EQ(ring_run(&ring), 1);
    EQ(byte, 0);
    ring_sqe(&ring, IORING_OP_READ, 2, &byte, 1, 0)->flags = IOSQE_FIXED_FILE;
    EQ(ring_run(&ring), -EBADF);
    /* New descriptors go to a range. */
    struct io_uring_file_index_range range = {.off = 3, .len = 1};
    OK(uring_register(&ring, IORING_REGISTER_FILE_ALLOC_RANGE, &range, 0));
    range.len = 2;
    FAILS(uring_register(&ring, IORING_REGISTER_FILE_ALLOC_RANGE, &range, 0), EINVAL);
    range.len = -1U;
    FAILS(uring_register(&ring, IORING_REGISTER_FILE_ALLOC_RANGE, &range, 0), EOVERFLOW);
    struct io_uring_sqe *sqe = ring_sqe(&ring, IORING_OP_OPENAT, AT_FDCWD, "/dev/null", 0, 0);
    sqe->file_index = IORING_FILE_INDEX_ALLOC;
    EQ(ring_run(&ring), 3);
    sqe = ring_sqe(&ring, IORING_OP_OPENAT, AT_FDCWD, "/dev/null", 0, 0);
    sqe->file_index = IORING_FILE_INDEX_ALLOC;
    EQ(ring_run(&ring), -ENFILE);
    /* Buffers. */
    char text[8] = "";
    struct iovec iov = {.iov_base = text, .iov_len = sizeof(text)};
    OK(uring_register(&ring, IORING_REGISTER_BUFFERS2, &sparse, sizeof(sparse)));
    update = (struct io_uring_rsrc_update2){.offset = 2, .data = (uintptr_t)&iov, .nr = 1};
    EQ(uring_register(&ring, IORING_REGISTER_BUFFERS_UPDATE, &update, sizeof(update)), 1);
    text[0] = 'x';
    ring_sqe(&ring, IORING_OP_READ_FIXED, zero, text, 4, 0)->buf_index = 2;
    EQ(ring_run(&ring), 4);
    EQ(text[0], 0);
}

static void requests_are_cancelled_at_once(void)
{
    struct ring ring = ring_make(4);
    int ends[2];
    char byte;
    OK(pipe(ends));
    ring_sqe(&ring, IORING_OP_READ, ends[0], &byte, 1, 0)->user_data = 5;
    EQ(uring_enter(&ring, 1, 0, 0), 1);
    struct io_uring_sync_cancel_reg cancel = {.addr = 4, .timeout = {.tv_sec = -1, .tv_nsec = -1}};
    FAILS(uring_register(&ring, IORING_REGISTER_SYNC_CANCEL, &cancel, 1), ENOENT);
    cancel.addr = 5;
    cancel.flags = 1u << 30;
    FAILS(uring_register(&ring, IORING_REGISTER_SYNC_CANCEL, &cancel, 1), EINVAL);
    cancel.flags = 0;
    OK(uring_register(&ring, IORING_REGISTER_SYNC_CANCEL, &cancel, 1));
    struct completion done = ring_take(&ring);
    EQ(done.user_data, 5);
    EQ(done.res, -ECANCELED);
}

static void limits_of_workers_are_told(void)
{
    struct ring ring = ring_make(4);
    uint32_t counts[2] = {3, 4}, before[2] = {0, 0};
    ring_sqe(&ring, IORING_OP_NOP, -1, NULL, 0, 0);
    EQ(ring_run(&ring), 0);
    FAILS(uring_register(&ring, IORING_REGISTER_IOWQ_MAX_WORKERS, counts, 1), EINVAL);
    OK(uring_register(&ring, IORING_REGISTER_IOWQ_MAX_WORKERS, before, 2));
    TRUE(before[0] > 0 && before[1] > 0);
    OK(uring_register(&ring, IORING_REGISTER_IOWQ_MAX_WORKERS, counts, 2));
    EQ(counts[0], before[0]);
    OK(uring_register(&ring, IORING_REGISTER_IOWQ_MAX_WORKERS, before, 2));
    EQ(before[0], 3);
    EQ(before[1], 4);
}

static void rings_send_each_other_completions(void)
{
    struct ring from = ring_make(4), to = ring_make(4);
    int null = (int)OK(open("/dev/null", O_RDONLY));
    ring_sqe(&from, IORING_OP_MSG_RING, to.fd, NULL, 42, 99);
    EQ(ring_run(&from), 0);
    struct completion got = ring_take(&to);
    EQ(got.user_data, 99);
    EQ(got.res, 42);
    ring_sqe(&from, IORING_OP_MSG_RING, null, NULL, 1, 1);
    EQ(ring_run(&from), -EBADFD);
}

static void attributes_are_set_and_read(void)
{
    struct ring ring = ring_make(4);
    char value[8];
    int fd = (int)OK(open("attributes", O_RDWR | O_CREAT, 0600));
    if (fsetxattr(fd, "trusted.x", "1", 1, 0) != 0)
        skip("no attributes on this file system");
    ring_sqe(&ring, IORING_OP_FSETXATTR, fd, "trusted.y", 2, (uintptr_t) "ab");
    EQ(ring_run(&ring), 0);
    ring_sqe(&ring, IORING_OP_FGETXATTR, fd, "trusted.y", sizeof(value), (uintptr_t)value);
    EQ(ring_run(&ring), 2);
    TRUE(memcmp(value, "ab", 2) == 0);
    ring_sqe(&ring, IORING_OP_GETXATTR, 0, "trusted.none", sizeof(value), (uintptr_t)value)->addr3 =
        (uintptr_t) "attributes";
    EQ(ring_run(&ring), -ENODATA);
    ring_sqe(&ring, IORING_OP_SETXATTR, 0, "trusted.z", 3, (uintptr_t) "abc")->addr3 =
        (uintptr_t) "attributes";
    EQ(ring_run(&ring), 0);
    EQ(getxattr("attributes", "trusted.z", value, sizeof(value)), 3);
}

GUEST_MAIN(CASE(registered_rings_are_entered_by_number), CASE(sparse_tables_are_filled_later),
           CASE(requests_are_cancelled_at_once), CASE(limits_of_workers_are_told),
           CASE(rings_send_each_other_completions), CASE(attributes_are_set_and_read))
