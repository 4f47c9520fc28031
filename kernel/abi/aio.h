/* SPDX-License-Identifier: MIT */
/* Linux asynchronous I/O: io_setup(2), io_submit(2), io_getevents(2). */
#ifndef KERNEL_ABI_AIO_H
#define KERNEL_ABI_AIO_H

#include <stdint.h>

#define IOCB_CMD_PREAD 0
#define IOCB_CMD_PWRITE 1
#define IOCB_CMD_FSYNC 2
#define IOCB_CMD_FDSYNC 3
#define IOCB_CMD_POLL 5
#define IOCB_CMD_NOOP 6
#define IOCB_CMD_PREADV 7
#define IOCB_CMD_PWRITEV 8

#define IOCB_FLAG_RESFD (1 << 0)
#define IOCB_FLAG_IOPRIO (1 << 1)

#define KIOCB_KEY 0

struct linux_io_event {
    uint64_t data; /* aio_data of the iocb */
    uint64_t obj;  /* its address */
    int64_t res, res2;
};

struct linux_iocb {
    uint64_t aio_data;
    uint32_t aio_key, aio_rw_flags;
    uint16_t aio_lio_opcode;
    int16_t aio_reqprio;
    uint32_t aio_fildes;
    uint64_t aio_buf, aio_nbytes;
    int64_t aio_offset;
    uint64_t aio_reserved2;
    uint32_t aio_flags, aio_resfd;
};

#define AIO_RING_MAGIC 0xa10a10a1
#define AIO_RING_COMPAT_FEATURES 1
#define AIO_RING_INCOMPAT_FEATURES 0

/* In the memory that io_setup maps: libraries read it; the events follow. */
struct linux_aio_ring {
    uint32_t id, nr, head, tail, magic, compat_features, incompat_features, header_length;
};

/* The last argument of io_pgetevents. */
struct linux_aio_sigset {
    uint64_t sigmask, sigsetsize;
};

/* Sizes that programs rely on. */
_Static_assert(sizeof(struct linux_io_event) == 32, "linux_io_event");
_Static_assert(sizeof(struct linux_iocb) == 64, "linux_iocb");
_Static_assert(sizeof(struct linux_aio_ring) == 32, "linux_aio_ring");

#endif
