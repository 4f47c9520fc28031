/* SPDX-License-Identifier: MIT
 *
 * What pointers in arguments lead to: structures with fields that often make sense (program.h).
 */
#include <string.h>

#include "fuzz/values_internal.h"
#include "kernel/abi/capability.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/ipc.h"
#include "kernel/abi/poll.h"
#include "kernel/abi/resource.h"
#include "kernel/abi/sched.h"
#include "kernel/abi/signal.h"
#include "kernel/abi/socket.h"
#include "kernel/abi/time.h"
#include "kernel/lib/compiler.h"

typedef void fill_struct(struct maker *maker, void *value);

int maker_some_fd(struct maker *maker)
{
    return maker_fd(maker, (uint8_t)maker_below(maker, 8), (uint16_t)maker_below(maker, 16));
}

uint64_t maker_some_buffer(struct maker *maker)
{
    return maker_buffer(maker, (uint8_t)maker_below(maker, 14), (uint16_t)maker_below(maker, 64));
}

static int some_signal(struct maker *maker)
{
    static const int usual[] = {SIGUSR1, SIGUSR2, SIGALRM, SIGCHLD, SIGTERM, SIGRTMIN, SIGHUP};

    return maker_below(maker, 4) ? usual[maker_below(maker, ARRAY_SIZE(usual))]
                                 : (int)maker_below(maker, 66);
}

static linux_sigset some_sigset(struct maker *maker)
{
    linux_sigset set = 0;

    for (unsigned i = maker_below(maker, 4); i > 0; i--)
        set |= 1ull << ((unsigned)some_signal(maker) % 64);
    return set;
}

static int64_t some_nanoseconds(struct maker *maker)
{
    static const int64_t usual[] = {0, 1, 1000, 50000, 1000000, 999999999, 1000000000, -1};

    return usual[maker_below(maker, ARRAY_SIZE(usual))];
}

static int64_t some_seconds(struct maker *maker)
{
    return maker_below(maker, 4) ? 0 : (int64_t)maker_below(maker, 4) - 1;
}

void maker_fill_timespec(struct maker *maker, void *value)
{
    struct linux_timespec *time = value;

    time->tv_sec = some_seconds(maker);
    time->tv_nsec = some_nanoseconds(maker);
}

static void fill_timeval(struct maker *maker, void *value)
{
    struct linux_timeval *time = value;

    time->tv_sec = some_seconds(maker);
    time->tv_usec = some_nanoseconds(maker) % 1000001;
}

static void fill_itimerspec(struct maker *maker, void *value)
{
    struct linux_itimerspec *timer = value;

    maker_fill_timespec(maker, &timer->it_interval);
    maker_fill_timespec(maker, &timer->it_value);
}

static void fill_itimerval(struct maker *maker, void *value)
{
    struct linux_itimerval *timer = value;

    fill_timeval(maker, &timer->it_interval);
    fill_timeval(maker, &timer->it_value);
}

static void fill_sigset(struct maker *maker, void *value)
{
    *(linux_sigset *)value = some_sigset(maker);
}

static void fill_sigaction(struct maker *maker, void *value)
{
    static const uint64_t flags[] = {0,          SA_RESTART,   SA_SIGINFO,   SA_ONSTACK,
                                     SA_NODEFER, SA_RESETHAND, SA_NOCLDSTOP, SA_NOCLDWAIT};
    struct linux_sigaction *action = value;
    const unsigned kind = maker_below(maker, 6);

    action->handler = kind < 2 ? kind : PROGRAM_HANDLER + kind;
    action->flags = SA_RESTORER | flags[maker_below(maker, ARRAY_SIZE(flags))] |
                    flags[maker_below(maker, ARRAY_SIZE(flags))];
    action->restorer = PROGRAM_RESTORER;
    action->mask = some_sigset(maker);
}

static void fill_sigevent(struct maker *maker, void *value)
{
    struct linux_sigevent *event = value;

    event->sigev_signo = some_signal(maker);
    event->sigev_notify = (int)maker_below(maker, 5);
    event->tid = maker_pid(maker, (uint8_t)maker_below(maker, 8), 0);
}

static void fill_siginfo(struct maker *maker, void *value)
{
    struct linux_siginfo *info = value;

    info->si_signo = some_signal(maker);
    info->si_code = maker_below(maker, 2) ? -1 : (int)maker_below(maker, 4) - 8;
}

static void fill_stack(struct maker *maker, void *value)
{
    struct linux_stack *stack = value;

    stack->ss_sp = PROGRAM_STACKS + maker_below(maker, 16) * 512;
    stack->ss_flags = maker_below(maker, 4) ? 0 : (int)maker_below(maker, 4);
    stack->ss_size = maker_below(maker, 4) ? 4096 : maker_below(maker, 4096);
}

static void fill_iovec(struct maker *maker, void *value)
{
    static const uint64_t sizes[] = {0, 1, 7, 64, 512, 4096, 5000, 1 << 16, 1ull << 63};
    struct linux_iovec *vec = value;

    vec->iov_base = maker_some_buffer(maker);
    vec->iov_len = sizes[maker_below(maker, maker_below(maker, 4) ? 6 : ARRAY_SIZE(sizes))];
}

static void fill_pollfd(struct maker *maker, void *value)
{
    struct linux_pollfd *poll = value;

    poll->fd = maker_some_fd(maker);
    poll->events = (int16_t)(1u << maker_below(maker, 8));
}

static void fill_epoll_event(struct maker *maker, void *value)
{
    struct linux_epoll_event *event = value;

    event->events = maker_below(maker, 64);
    if (maker_below(maker, 4) == 0)
        event->events |= 1u << (28 + maker_below(maker, 4));
    event->data = maker_below(maker, 100);
}

static void fill_sockaddr(struct maker *maker, void *value)
{
    struct linux_sockaddr_un *address = value;
    static const char *const names[] = {"/tmp/sock", "/tmp/s2", "", "/tmp/a", "x"};

    address->sun_family = maker_below(maker, 8) ? AF_UNIX : (uint16_t)maker_below(maker, 20);
    if (maker_below(maker, 3) == 0)
        strcpy(address->sun_path + 1, names[maker_below(maker, ARRAY_SIZE(names))]); /* abstract */
    else
        strcpy(address->sun_path, names[maker_below(maker, ARRAY_SIZE(names))]);
}

static void fill_socklen(struct maker *maker, void *value)
{
    static const int lengths[] = {110, 128, 2, 0, 16, 12, 3, -1};

    *(int *)value = lengths[maker_below(maker, ARRAY_SIZE(lengths))];
}

static uint64_t make_control(struct maker *maker, uint64_t *out_bytes)
{
    struct {
        struct linux_cmsghdr header;
        int32_t data[4];
    } control = {.header = {.cmsg_level = SOL_SOCKET}};

    memset(control.data, 0, sizeof control.data);
    if (maker_below(maker, 3)) {
        control.header.cmsg_type = SCM_RIGHTS;
        const unsigned count = 1 + maker_below(maker, 3);
        for (unsigned i = 0; i < count; i++)
            control.data[i] = maker_some_fd(maker);
        control.header.cmsg_len = LINUX_CMSG_LEN(count * sizeof(int32_t));
    } else {
        control.header.cmsg_type = (int)maker_below(maker, 4);
        control.header.cmsg_len = LINUX_CMSG_LEN(12);
    }
    if (maker_below(maker, 16) == 0)
        control.header.cmsg_len = maker_below(maker, 64);
    *out_bytes = maker_below(maker, 8) ? sizeof control : maker_below(maker, sizeof control);
    uint64_t uaddr = maker_alloc(maker, sizeof control);
    maker_write(maker, uaddr, &control, sizeof control);
    return uaddr;
}

void maker_fill_msghdr(struct maker *maker, void *value)
{
    struct linux_msghdr *message = value;

    message->msg_iovlen = maker_below(maker, 4);
    message->msg_iov = maker_structs(maker, TRACE_TYPE_IOVEC, 3, true);
    if (maker_below(maker, 2))
        message->msg_control = make_control(maker, &message->msg_controllen);
    if (maker_below(maker, 3) == 0) {
        message->msg_name = maker_structs(maker, TRACE_TYPE_SOCKADDR, 1, true);
        message->msg_namelen = maker_below(maker, 2) ? 110 : (int)maker_below(maker, 120);
    }
}

static void fill_rlimit(struct maker *maker, void *value)
{
    static const uint64_t limits[] = {0, 1, 8, 64, 4096, 1 << 20, 1ull << 40, UINT64_MAX};
    struct linux_rlimit64 *limit = value;

    limit->rlim_cur = limits[maker_below(maker, ARRAY_SIZE(limits))];
    limit->rlim_max = limits[maker_below(maker, ARRAY_SIZE(limits))];
}

static void fill_open_how(struct maker *maker, void *value)
{
    static const uint32_t flags[] = {O_RDONLY, O_RDWR | O_CREAT, O_PATH, O_DIRECTORY,
                                     O_TMPFILE | O_RDWR};
    struct linux_open_how *how = value;

    how->flags = flags[maker_below(maker, ARRAY_SIZE(flags))];
    how->mode = how->flags & O_CREAT ? 0644 : 0;
    how->resolve = maker_below(maker, 64);
}

static void fill_clone_args(struct maker *maker, void *value)
{
    static const uint64_t flags[] = {
        0,
        CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD,
        CLONE_VM,
        CLONE_FILES,
        CLONE_PIDFD,
        CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID,
        CLONE_VM | CLONE_VFORK,
        CLONE_PARENT,
        CLONE_CLEAR_SIGHAND};
    struct linux_clone_args *args = value;

    args->flags = flags[maker_below(maker, ARRAY_SIZE(flags))];
    args->exit_signal = args->flags & CLONE_THREAD ? 0 : SIGCHLD;
    args->pidfd = args->parent_tid = args->child_tid = PROGRAM_MEMORY + 512;
    args->stack = args->flags & CLONE_VM ? PROGRAM_STACKS + 5 * 4096 : 0;
    args->stack_size = args->stack ? 4096 : 0;
}

static void fill_sched_attr(struct maker *maker, void *value)
{
    struct linux_sched_attr *attr = value;

    attr->size = maker_below(maker, 4) ? sizeof *attr : maker_below(maker, 64);
    attr->sched_policy = maker_below(maker, 8);
    attr->sched_priority = maker_below(maker, 4);
    attr->sched_nice = (int)maker_below(maker, 40) - 20;
}

static void fill_capheader(struct maker *maker, void *value)
{
    struct linux_cap_header *header = value;

    header->version = maker_below(maker, 4) ? 0x20080522 : 0x19980330;
    header->pid = maker_below(maker, 2) ? 0 : (int)maker_below(maker, 64);
}

static void fill_int(struct maker *maker, void *value)
{
    *(int *)value = (int)maker_below(maker, 16) - 2;
}

static void fill_off(struct maker *maker, void *value)
{
    *(int64_t *)value = (int64_t)maker_below(maker, 8192) - 16;
}

static void fill_fdset(struct maker *maker, void *value)
{
    uint64_t *set = value;

    for (unsigned i = maker_below(maker, 4); i > 0; i--)
        set[0] |= 1ull << ((unsigned)maker_some_fd(maker) % 64);
}

static void fill_utimbuf(struct maker *maker, void *value)
{
    ((int64_t *)value)[0] = some_seconds(maker);
    ((int64_t *)value)[1] = (int64_t)maker_below(maker, 1 << 30);
}

static void fill_sembuf(struct maker *maker, void *value)
{
    struct linux_sembuf *op = value;

    op->sem_num = (uint16_t)maker_below(maker, 2);
    op->sem_op = (int16_t)((int)maker_below(maker, 3) - 1);
    op->sem_flg = (int16_t)(maker_below(maker, 3)   ? IPC_NOWAIT
                            : maker_below(maker, 2) ? SEM_UNDO
                                                    : 0);
}

/* Types that are not listed are zero, and large enough for whatever the kernel writes. */
static const struct filler {
    fill_struct *fill;
    unsigned bytes;
} fillers[] = {
    [TRACE_TYPE_CAPHEADER] = {fill_capheader, sizeof(struct linux_cap_header)},
    [TRACE_TYPE_CLONE_ARGS] = {fill_clone_args, sizeof(struct linux_clone_args)},
    [TRACE_TYPE_EPOLL_EVENT] = {fill_epoll_event, sizeof(struct linux_epoll_event)},
    [TRACE_TYPE_FDSET] = {fill_fdset, 128},
    [TRACE_TYPE_INT] = {fill_int, sizeof(int)},
    [TRACE_TYPE_IOVEC] = {fill_iovec, sizeof(struct linux_iovec)},
    [TRACE_TYPE_ITIMERSPEC] = {fill_itimerspec, sizeof(struct linux_itimerspec)},
    [TRACE_TYPE_ITIMERVAL] = {fill_itimerval, sizeof(struct linux_itimerval)},
    [TRACE_TYPE_MSGHDR] = {maker_fill_msghdr, sizeof(struct linux_msghdr)},
    [TRACE_TYPE_OFF] = {fill_off, sizeof(int64_t)},
    [TRACE_TYPE_OPEN_HOW] = {fill_open_how, sizeof(struct linux_open_how)},
    [TRACE_TYPE_POLLFD] = {fill_pollfd, sizeof(struct linux_pollfd)},
    [TRACE_TYPE_RLIMIT] = {fill_rlimit, sizeof(struct linux_rlimit64)},
    [TRACE_TYPE_SCHED_ATTR] = {fill_sched_attr, sizeof(struct linux_sched_attr)},
    [TRACE_TYPE_SEMBUF] = {fill_sembuf, sizeof(struct linux_sembuf)},
    [TRACE_TYPE_SIGACTION] = {fill_sigaction, sizeof(struct linux_sigaction)},
    [TRACE_TYPE_SIGEVENT] = {fill_sigevent, sizeof(struct linux_sigevent)},
    [TRACE_TYPE_SIGINFO] = {fill_siginfo, sizeof(struct linux_siginfo)},
    [TRACE_TYPE_SIGSET] = {fill_sigset, sizeof(linux_sigset)},
    [TRACE_TYPE_SOCKADDR] = {fill_sockaddr, sizeof(struct linux_sockaddr_un)},
    [TRACE_TYPE_SOCKLEN] = {fill_socklen, sizeof(int)},
    [TRACE_TYPE_STACK] = {fill_stack, sizeof(struct linux_stack)},
    [TRACE_TYPE_TIMESPEC] = {maker_fill_timespec, sizeof(struct linux_timespec)},
    [TRACE_TYPE_TIMEVAL] = {fill_timeval, sizeof(struct linux_timeval)},
    [TRACE_TYPE_UTIMBUF] = {fill_utimbuf, 16},
};

enum { STRUCT_MAX = 256, OUTPUT_MAX = 512 };

uint64_t maker_structs(struct maker *maker, enum trace_type type, unsigned count, bool filled)
{
    const struct filler none = {NULL, OUTPUT_MAX};
    const struct filler *filler =
        (unsigned)type < ARRAY_SIZE(fillers) && fillers[type].fill ? &fillers[type] : &none;
    uint64_t value[STRUCT_MAX / 8];
    uint64_t uaddr;

    if (filler->bytes * count > PROGRAM_SLOT_BYTES / 2)
        count = 1;
    /* Times come in pairs in utimensat(2) and its like. */
    if (type == TRACE_TYPE_TIMESPEC || type == TRACE_TYPE_TIMEVAL)
        count = 2;
    uaddr = maker_alloc(maker, filler->bytes * count);
    for (unsigned i = 0; filled && filler->fill && i < count; i++) {
        memset(value, 0, sizeof value);
        filler->fill(maker, value);
        maker_write(maker, uaddr + i * filler->bytes, value, filler->bytes);
    }
    return uaddr;
}
