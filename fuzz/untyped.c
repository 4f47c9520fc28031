/* SPDX-License-Identifier: MIT
 *
 * What pointers that the system call table does not describe lead to, by call (program.h).
 */
#include <string.h>

#include "fuzz/values_internal.h"
#include "kernel/abi/aio.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/futex.h"
#include "kernel/abi/io_uring.h"
#include "kernel/abi/ioctl.h"
#include "kernel/abi/ipc.h"
#include "kernel/abi/landlock.h"
#include "kernel/abi/mount.h"
#include "kernel/abi/seccomp.h"
#include "kernel/abi/socket.h"
#include "kernel/abi/termios.h"
#include "kernel/abi/time.h"
#include "kernel/lib/compiler.h"
#include "kernel/syscall/syscalls.h"

static uint64_t put(struct maker *maker, const void *value, size_t bytes)
{
    uint64_t uaddr = maker_alloc(maker, bytes);

    maker_write(maker, uaddr, value, bytes);
    return uaddr;
}

static uint64_t fcntl_argument(struct maker *maker, uint64_t command)
{
    const struct linux_flock lock = {
        .l_type = (int16_t)maker_below(maker, 3),
        .l_whence = (int16_t)maker_below(maker, 3),
        .l_start = (int64_t)maker_below(maker, 64) - 8,
        .l_len = (int64_t)maker_below(maker, 32) - 4,
    };
    const struct linux_f_owner_ex owner = {.type = (int)maker_below(maker, 4), .pid = 0};

    switch (command) {
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
        return put(maker, &lock, sizeof lock);
    case F_SETOWN_EX:
    case F_GETOWN_EX:
        return put(maker, &owner, sizeof owner);
    case F_SETFL:
        return maker_below(maker, 2) ? O_NONBLOCK | O_APPEND : maker_below(maker, 1 << 16);
    case F_SETPIPE_SZ:
        return 4096u << maker_below(maker, 10);
    default:
        return 1 + maker_below(maker, 32);
    }
}

static uint64_t ioctl_argument(struct maker *maker, uint64_t command)
{
    struct linux_termios2 termios = {
        .c_iflag = (uint32_t)program_random(&maker->random),
        .c_oflag = (uint32_t)program_random(&maker->random),
        .c_cflag = (uint32_t)program_random(&maker->random),
        .c_lflag = (uint32_t)program_random(&maker->random),
    };

    switch (command) {
    case TIOCSWINSZ:
    case TIOCSPGRP:
    case TIOCSTI:
    case FIONBIO:
    case TIOCPKT:
    case TIOCSPTLCK:
        return put(maker, &(uint64_t){maker_below(maker, 4)}, 8);
    case TCSBRK:
    case TCXONC:
    case TCFLSH:
    case TIOCSCTTY:
        return 1 + maker_below(maker, 4);
    default:
        for (unsigned i = 0; i < sizeof termios.c_cc; i++)
            termios.c_cc[i] = (uint8_t)maker_below(maker, 32);
        return put(maker, &termios, sizeof termios);
    }
}

static uint64_t mmsg_argument(struct maker *maker)
{
    struct linux_mmsghdr messages[2];

    memset(messages, 0, sizeof messages);
    maker_fill_msghdr(maker, &messages[0].msg_hdr);
    maker_fill_msghdr(maker, &messages[1].msg_hdr);
    return put(maker, messages, sizeof messages);
}

/* What io_uring's rings need before io_uring_enter: entries in the last mapping, the indices and
 * the tail in the one before. The kernel takes the header to be of 64 bytes, and two completions of
 * 16 bytes for each entry. */
static uint64_t uring_entries(struct maker *maker)
{
    static const uint8_t usual[] = {0,  1,  2,  4,  5,  6,  8,  9,  10, 11, 13, 14, 15,
                                    17, 18, 19, 21, 22, 23, 26, 27, 28, 29, 31, 34, 45};
    enum { BATCH = 2, HEADER = 64, TAIL = 4 };
    const uint64_t rings = maker_mapping(maker, 1), entries = maker_mapping(maker, 0);
    static const uint32_t indices[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    uint32_t tail = BATCH;

    for (unsigned i = 0; i < maker->index; i++)
        tail += maker->program->calls[i].number == SYS_io_uring_enter ? BATCH : 0;
    for (unsigned i = 0; i < BATCH; i++) {
        struct linux_io_uring_sqe sqe = {
            .opcode = usual[maker_below(maker, ARRAY_SIZE(usual))],
            .flags = maker_below(maker, 3) ? 0 : (uint8_t)(1u << maker_below(maker, 7)),
            .fd = maker_below(maker, 6) ? maker_some_fd(maker) : (int)maker_below(maker, 4),
            .addr = maker_some_buffer(maker),
            .len = maker_below(maker, 3) ? 1 + maker_below(maker, 64) : maker_below(maker, 3),
            .off = maker_below(maker, 4) ? 0 : maker_some_buffer(maker),
            .op_flags = maker_below(maker, 4) ? 0 : 1u << maker_below(maker, 16),
            .user_data = maker_below(maker, 8),
            .buf_index = (uint16_t)(maker_below(maker, 4) ? 0 : maker_below(maker, 4)),
        };
        if (maker_below(maker, 16) == 0)
            sqe.opcode = (uint8_t)maker_below(maker, 64);
        maker_write(maker, entries + (tail - BATCH + i) % 4 * sizeof sqe, &sqe, sizeof sqe);
    }
    for (unsigned size = 4; size <= 8; size *= 2)
        maker_write(maker, rings + HEADER + 2ull * size * 16, indices, size * sizeof *indices);
    maker_write(maker, rings + TAIL, &tail, sizeof tail);
    return 0;
}

static uint64_t uring_resource(struct maker *maker, uint64_t opcode)
{
    struct linux_iovec buffers[2] = {{.iov_base = maker_some_buffer(maker), .iov_len = 64},
                                     {.iov_base = maker_some_buffer(maker), .iov_len = 4096}};
    int files[4];

    if (opcode == IORING_REGISTER_BUFFERS)
        return put(maker, buffers, sizeof buffers);
    for (unsigned i = 0; i < ARRAY_SIZE(files); i++)
        files[i] = maker_below(maker, 6) ? maker_some_fd(maker) : -1;
    return put(maker, files, sizeof files);
}

static uint64_t uring_params(struct maker *maker)
{
    struct linux_io_uring_params params;

    memset(&params, 0, sizeof params);
    if (maker_below(maker, 4) == 0)
        params.flags = 1u << maker_below(maker, 14);
    params.cq_entries = maker_below(maker, 64);
    return put(maker, &params, sizeof params);
}

static uint64_t iocbs(struct maker *maker)
{
    static const uint16_t opcodes[] = {0, 1, 2, 3, 5, 7, 8};
    uint64_t pointers[2];

    for (unsigned i = 0; i < ARRAY_SIZE(pointers); i++) {
        const struct linux_iocb iocb = {
            .aio_data = i,
            .aio_lio_opcode = opcodes[maker_below(maker, ARRAY_SIZE(opcodes))],
            .aio_fildes = (uint32_t)maker_some_fd(maker),
            .aio_buf = maker_some_buffer(maker),
            .aio_nbytes = maker_below(maker, 128),
        };
        pointers[i] = put(maker, &iocb, sizeof iocb);
    }
    return put(maker, pointers, sizeof pointers);
}

/* A filter that now and then refuses something, and mostly is one. */
static uint64_t filter(struct maker *maker)
{
    static const uint32_t answers[] = {
        SECCOMP_RET_ALLOW, SECCOMP_RET_ALLOW,      SECCOMP_RET_ERRNO | 1, SECCOMP_RET_TRAP,
        SECCOMP_RET_LOG,   SECCOMP_RET_USER_NOTIF, SECCOMP_RET_TRACE,     SECCOMP_RET_KILL_THREAD};
    const uint32_t answer = answers[maker_below(maker, ARRAY_SIZE(answers))];
    struct {
        uint16_t code;
        uint8_t jt, jf;
        uint32_t k;
    } code[4] = {{0x20, 0, 0, 0}, /* load the number of the call */
                 {0x15, 0, 1, maker_below(maker, 460)},
                 {0x06, 0, 0, answer},
                 {0x06, 0, 0, SECCOMP_RET_ALLOW}};
    struct linux_sock_fprog program = {.len = 4};

    if (maker_below(maker, 8) == 0)
        code[maker_below(maker, 4)].code = (uint16_t)maker_below(maker, 256);
    program.filter = put(maker, code, sizeof code);
    return put(maker, &program, sizeof program);
}

static uint64_t landlock_argument(struct maker *maker, bool rule)
{
    struct linux_landlock_path_beneath_attr attr = {.parent_fd = maker_fd(maker, 0, 0)};

    attr.allowed_access = maker_below(maker, 2) ? 0x1fff : 1ull << maker_below(maker, 13);
    return put(maker, &attr, rule ? sizeof attr : sizeof attr.allowed_access);
}

static uint64_t waiters(struct maker *maker)
{
    struct linux_futex_waitv waits[2];

    memset(waits, 0, sizeof waits);
    for (unsigned i = 0; i < ARRAY_SIZE(waits); i++) {
        waits[i].uaddr = PROGRAM_MEMORY + 256 + maker_below(maker, 16) * 4;
        waits[i].flags = 2 | (maker_below(maker, 2) ? 128 : 0);
        waits[i].val = maker_below(maker, 2);
    }
    return put(maker, waits, sizeof waits);
}

static uint64_t mount_attributes(struct maker *maker)
{
    const struct linux_mount_attr attr = {
        .attr_set = 1ull << maker_below(maker, 8),
        .attr_clr = maker_below(maker, 2) ? 0 : 1ull << maker_below(maker, 4),
        .propagation = maker_below(maker, 4) ? 0 : 1ull << (17 + maker_below(maker, 4)),
    };

    return put(maker, &attr, sizeof attr);
}

/* One handle, that name_to_handle_at writes and open_by_handle_at reads. */
static uint64_t handle(struct maker *maker, bool made)
{
    const uint64_t uaddr = PROGRAM_MEMORY + 1024;
    const uint32_t bytes = 128;

    if (!made)
        maker_write(maker, uaddr, &bytes, sizeof bytes);
    return uaddr;
}

static uint64_t message(struct maker *maker)
{
    const uint64_t bytes[3] = {1 + maker_below(maker, 4), 0x6162636465, maker->random};

    return put(maker, bytes, sizeof bytes);
}

static uint64_t queue_attributes(struct maker *maker)
{
    const struct linux_mq_attr attr = {.mq_maxmsg = 1 + (int64_t)maker_below(maker, 12),
                                       .mq_msgsize = 1 + (int64_t)maker_below(maker, 8192)};

    return put(maker, &attr, sizeof attr);
}

uint64_t maker_untyped(struct maker *maker, unsigned number, unsigned arg, uint64_t selector)
{
    switch (number) {
    case SYS_fcntl:
        return fcntl_argument(maker, selector);
    case SYS_ioctl:
        return ioctl_argument(maker, selector);
    case SYS_futex: {
        struct linux_timespec time = {0};
        maker_fill_timespec(maker, &time);
        return arg == 3 && maker_below(maker, 2)
                   ? put(maker, &time, sizeof time)
                   : PROGRAM_MEMORY + 256 + maker_below(maker, 16) * 4;
    }
    case SYS_sendmmsg:
    case SYS_recvmmsg:
        return mmsg_argument(maker);
    case SYS_brk:
        return 0x500000 + maker_below(maker, 64) * 4096;
    case SYS_clone:
        return arg == 1 ? PROGRAM_STACKS + (1 + maker_below(maker, 8)) * 4096 - 64
                        : PROGRAM_MEMORY + 512;
    case SYS_prctl:
        return maker_below(maker, 3) ? maker_below(maker, 66) : PROGRAM_MEMORY + PROGRAM_BUFFERS_AT;
    case SYS_io_uring_setup:
        return uring_params(maker);
    case SYS_io_uring_enter:
        return uring_entries(maker);
    case SYS_io_uring_register:
        return uring_resource(maker, maker->out->args[1]);
    case SYS_io_submit:
        return iocbs(maker);
    case SYS_seccomp:
        return filter(maker);
    case SYS_landlock_create_ruleset:
    case SYS_landlock_add_rule:
        return landlock_argument(maker, number == SYS_landlock_add_rule);
    case SYS_futex_waitv:
        return waiters(maker);
    case SYS_mount_setattr:
        return mount_attributes(maker);
    case SYS_name_to_handle_at:
    case SYS_open_by_handle_at:
        return handle(maker, number == SYS_open_by_handle_at);
    case SYS_mbind:
    case SYS_set_mempolicy:
    case SYS_migrate_pages:
        return put(maker, &(uint64_t){1}, 8); /* the first node */
    case SYS_msgsnd:
        return message(maker);
    case SYS_mq_open:
        return queue_attributes(maker);
    case SYS_getdents:
    case SYS_getdents64:
    case SYS_getcwd:
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
    case SYS_epoll_pwait2:
        return PROGRAM_MEMORY + PROGRAM_BUFFERS_AT;
    default:
        return 0;
    }
}
