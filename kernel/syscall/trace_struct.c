/* SPDX-License-Identifier: MIT
 *
 * How structures are written in a trace. Each is copied from the user once, then printed.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/poll.h"
#include "kernel/abi/resource.h"
#include "kernel/abi/sched.h"
#include "kernel/abi/stat.h"
#include "kernel/abi/sysinfo.h"
#include "kernel/abi/time.h"
#include "kernel/abi/uname.h"
#include "kernel/abi/wait.h"
#include "kernel/lib/string.h"
#include "kernel/mm/uaccess.h"
#include "kernel/syscall/syscalls.h"
#include "kernel/syscall/trace_struct_internal.h"

typedef void put_struct(struct trace_call *call, const void *value);

static void put_timespec(struct trace_call *call, const void *value)
{
    const struct linux_timespec *time = value;
    strbuf_printf(call->out, "{tv_sec=%lld, tv_nsec=%lld}", (long long)time->tv_sec,
                  (long long)time->tv_nsec);
}

static void put_timeval(struct trace_call *call, const void *value)
{
    const struct linux_timeval *time = value;
    strbuf_printf(call->out, "{tv_sec=%lld, tv_usec=%lld}", (long long)time->tv_sec,
                  (long long)time->tv_usec);
}

static void put_itimerspec(struct trace_call *call, const void *value)
{
    const struct linux_itimerspec *timer = value;
    strbuf_puts(call->out, "{it_interval=");
    put_timespec(call, &timer->it_interval);
    strbuf_puts(call->out, ", it_value=");
    put_timespec(call, &timer->it_value);
    strbuf_putc(call->out, '}');
}

static void put_itimerval(struct trace_call *call, const void *value)
{
    const struct linux_itimerval *timer = value;
    strbuf_puts(call->out, "{it_interval=");
    put_timeval(call, &timer->it_interval);
    strbuf_puts(call->out, ", it_value=");
    put_timeval(call, &timer->it_value);
    strbuf_putc(call->out, '}');
}

static void put_timezone(struct trace_call *call, const void *value)
{
    const struct linux_timezone *zone = value;
    strbuf_printf(call->out, "{tz_minuteswest=%d, tz_dsttime=%d}", zone->tz_minuteswest,
                  zone->tz_dsttime);
}

static void put_tms(struct trace_call *call, const void *value)
{
    const struct linux_tms *tms = value;
    strbuf_printf(call->out, "{tms_utime=%lld, tms_stime=%lld, tms_cutime=%lld, tms_cstime=%lld}",
                  (long long)tms->tms_utime, (long long)tms->tms_stime, (long long)tms->tms_cutime,
                  (long long)tms->tms_cstime);
}

static void put_utimbuf(struct trace_call *call, const void *value)
{
    const struct linux_utimbuf *times = value;
    strbuf_printf(call->out, "{actime=%lld, modtime=%lld}", (long long)times->actime,
                  (long long)times->modtime);
}

static void put_mode(struct strbuf *out, uint32_t mode)
{
    if (mode & S_IFMT) {
        trace_put_enum(out, &trace_set_statmode, mode & S_IFMT);
        strbuf_putc(out, '|');
    }
    strbuf_printf(out, "%#03o", mode & 07777);
}

static bool is_device(uint32_t mode)
{
    return S_ISCHR(mode) || S_ISBLK(mode);
}

static void put_stat(struct trace_call *call, const void *value)
{
    const struct linux_stat *stat = value;
    strbuf_puts(call->out, "{st_mode=");
    put_mode(call->out, stat->st_mode);
    if (is_device(stat->st_mode))
        strbuf_printf(call->out, ", st_rdev=makedev(%#x, %#x)", linux_major(stat->st_rdev),
                      linux_minor(stat->st_rdev));
    else
        strbuf_printf(call->out, ", st_size=%lld", (long long)stat->st_size);
    strbuf_puts(call->out, ", ...}");
}

static void put_statx(struct trace_call *call, const void *value)
{
    const struct linux_statx *stat = value;
    strbuf_puts(call->out, "{stx_mode=");
    put_mode(call->out, stat->stx_mode);
    strbuf_printf(call->out, ", stx_size=%llu, ...}", (unsigned long long)stat->stx_size);
}

static void put_statfs(struct trace_call *call, const void *value)
{
    const struct linux_statfs *fs = value;
    strbuf_printf(call->out, "{f_type=%#llx, f_bsize=%lld, f_blocks=%llu, f_bfree=%llu, ...}",
                  (unsigned long long)fs->f_type, (long long)fs->f_bsize,
                  (unsigned long long)fs->f_blocks, (unsigned long long)fs->f_bfree);
}

static void put_pollfd(struct trace_call *call, const void *value)
{
    const struct linux_pollfd *fd = value;
    strbuf_printf(call->out, "{fd=%d, events=", fd->fd);
    trace_put_flags(call->out, &trace_set_poll, (uint16_t)fd->events);
    if (call->leaving) {
        strbuf_puts(call->out, ", revents=");
        trace_put_flags(call->out, &trace_set_poll, (uint16_t)fd->revents);
    }
    strbuf_putc(call->out, '}');
}

static void put_epoll_event(struct trace_call *call, const void *value)
{
    const struct linux_epoll_event *event = value;
    strbuf_puts(call->out, "{events=");
    trace_put_flags(call->out, &trace_set_epoll, event->events);
    strbuf_printf(call->out, ", data=%#llx}", (unsigned long long)event->data);
}

static void put_fdset(struct trace_call *call, const void *value)
{
    const uint64_t *bits = value;
    unsigned count = (unsigned)MIN(call->args[0], (uint64_t)FD_SETSIZE);
    bool first = true;
    strbuf_putc(call->out, '[');
    for (unsigned fd = 0; fd < count; fd++) {
        if (!((bits[fd / 64] >> (fd % 64)) & 1))
            continue;
        strbuf_printf(call->out, "%s%u", first ? "" : " ", fd);
        first = false;
    }
    strbuf_putc(call->out, ']');
}

static void put_fdpair(struct trace_call *call, const void *value)
{
    const int32_t *fds = value;
    strbuf_printf(call->out, "[%d, %d]", fds[0], fds[1]);
}

/* The status word of wait(2), by the macros that take it apart. */
static void put_wait_status(struct strbuf *out, int status)
{
    if ((status & 0x7f) == 0) {
        strbuf_printf(out, "[{WIFEXITED(s) && WEXITSTATUS(s) == %d}]", status >> 8 & 0xff);
    } else if ((status & 0xff) == 0x7f) {
        strbuf_puts(out, "[{WIFSTOPPED(s) && WSTOPSIG(s) == ");
        trace_put_signal(out, status >> 8 & 0xff);
        strbuf_puts(out, "}]");
    } else if (status == LINUX_WAIT_CONTINUED) {
        strbuf_puts(out, "[{WIFCONTINUED(s)}]");
    } else {
        strbuf_puts(out, "[{WIFSIGNALED(s) && WTERMSIG(s) == ");
        trace_put_signal(out, status & 0x7f);
        strbuf_puts(out, status & LINUX_WAIT_CORE ? " && WCOREDUMP(s)}]" : "}]");
    }
}

static void put_int(struct trace_call *call, const void *value)
{
    if (call->number == SYS_wait4) {
        if (call->result > 0)
            put_wait_status(call->out, *(const int32_t *)value);
        else
            trace_put_pointer(call->out, call->args[1]);
        return;
    }
    strbuf_printf(call->out, "[%d]", *(const int32_t *)value);
}

static void put_off(struct trace_call *call, const void *value)
{
    strbuf_printf(call->out, "[%lld]", (long long)*(const int64_t *)value);
}

static void put_limit(struct strbuf *out, uint64_t limit)
{
    if (limit == RLIM_INFINITY)
        strbuf_puts(out, "RLIM64_INFINITY");
    else if (limit > 1024 && limit % 1024 == 0)
        strbuf_printf(out, "%llu*1024", (unsigned long long)limit / 1024);
    else
        strbuf_printf(out, "%llu", (unsigned long long)limit);
}

static void put_rlimit(struct trace_call *call, const void *value)
{
    const struct linux_rlimit64 *limit = value;
    strbuf_puts(call->out, "{rlim_cur=");
    put_limit(call->out, limit->rlim_cur);
    strbuf_puts(call->out, ", rlim_max=");
    put_limit(call->out, limit->rlim_max);
    strbuf_putc(call->out, '}');
}

static void put_rusage(struct trace_call *call, const void *value)
{
    const struct linux_rusage *usage = value;
    strbuf_puts(call->out, "{ru_utime=");
    put_timeval(call, &usage->ru_utime);
    strbuf_puts(call->out, ", ru_stime=");
    put_timeval(call, &usage->ru_stime);
    strbuf_puts(call->out, ", ...}");
}

static void put_sysinfo(struct trace_call *call, const void *value)
{
    const struct linux_sysinfo *info = value;
    strbuf_printf(call->out, "{uptime=%lld, totalram=%llu, freeram=%llu, procs=%u, ...}",
                  (long long)info->uptime, (unsigned long long)info->totalram,
                  (unsigned long long)info->freeram, info->procs);
}

static void put_utsname(struct trace_call *call, const void *value)
{
    const struct linux_utsname *name = value;
    strbuf_puts(call->out, "{sysname=");
    trace_put_quoted(call->out, name->sysname, kstrnlen(name->sysname, UTSNAME_LENGTH), false);
    strbuf_puts(call->out, ", nodename=");
    trace_put_quoted(call->out, name->nodename, kstrnlen(name->nodename, UTSNAME_LENGTH), false);
    strbuf_puts(call->out, ", ...}");
}

static void put_sched_attr(struct trace_call *call, const void *value)
{
    const struct linux_sched_attr *attr = value;
    strbuf_printf(call->out, "{size=%u, sched_policy=", attr->size);
    trace_put_enum(call->out, &trace_set_sched, attr->sched_policy);
    strbuf_printf(call->out, ", sched_nice=%d, sched_priority=%u, ...}", attr->sched_nice,
                  attr->sched_priority);
}

static void put_clone_args(struct trace_call *call, const void *value)
{
    const struct linux_clone_args *args = value;
    strbuf_puts(call->out, "{flags=");
    trace_put_flags(call->out, &trace_set_clone, args->flags);
    strbuf_puts(call->out, ", exit_signal=");
    trace_put_signal(call->out, (int)args->exit_signal);
    strbuf_puts(call->out, ", stack=");
    trace_put_pointer(call->out, args->stack);
    strbuf_printf(call->out, ", stack_size=%#llx, ...}", (unsigned long long)args->stack_size);
}

static void put_open_how(struct trace_call *call, const void *value)
{
    const uint64_t *how = value; /* flags, mode, resolve */
    strbuf_puts(call->out, "{flags=");
    trace_put_flags(call->out, &trace_set_open, how[0]);
    strbuf_printf(call->out, ", mode=%#03llo, resolve=%#llx}", (unsigned long long)how[1],
                  (unsigned long long)how[2]);
}

static void put_capheader(struct trace_call *call, const void *value)
{
    const uint32_t *header = value;
    strbuf_printf(call->out, "{version=%#x, pid=%d}", header[0], (int)header[1]);
}

static void put_sembuf(struct trace_call *call, const void *value)
{
    const int16_t *op = value;
    strbuf_printf(call->out, "{sem_num=%u, sem_op=%d, sem_flg=%#x}", (uint16_t)op[0], op[1],
                  (uint16_t)op[2]);
}

struct struct_form {
    unsigned bytes;
    put_struct *put;
};

static const struct struct_form forms[] = {
    [TRACE_TYPE_CAPHEADER] = {8, put_capheader},
    [TRACE_TYPE_CLONE_ARGS] = {64, put_clone_args},
    [TRACE_TYPE_EPOLL_EVENT] = {sizeof(struct linux_epoll_event), put_epoll_event},
    [TRACE_TYPE_FDPAIR] = {8, put_fdpair},
    [TRACE_TYPE_FDSET] = {FD_SETSIZE / 8, put_fdset},
    [TRACE_TYPE_INT] = {4, put_int},
    [TRACE_TYPE_IOVEC] = {sizeof(struct linux_iovec), trace_put_iovec},
    [TRACE_TYPE_ITIMERSPEC] = {sizeof(struct linux_itimerspec), put_itimerspec},
    [TRACE_TYPE_ITIMERVAL] = {sizeof(struct linux_itimerval), put_itimerval},
    [TRACE_TYPE_MSGHDR] = {sizeof(struct linux_msghdr), trace_put_msghdr},
    [TRACE_TYPE_OFF] = {8, put_off},
    [TRACE_TYPE_OPEN_HOW] = {24, put_open_how},
    [TRACE_TYPE_POLLFD] = {sizeof(struct linux_pollfd), put_pollfd},
    [TRACE_TYPE_RLIMIT] = {sizeof(struct linux_rlimit64), put_rlimit},
    [TRACE_TYPE_RUSAGE] = {sizeof(struct linux_rusage), put_rusage},
    [TRACE_TYPE_SCHED_ATTR] = {SCHED_ATTR_SIZE_VER0, put_sched_attr},
    [TRACE_TYPE_SEMBUF] = {6, put_sembuf},
    [TRACE_TYPE_SIGACTION] = {sizeof(struct linux_sigaction), trace_put_sigaction},
    [TRACE_TYPE_SIGEVENT] = {sizeof(struct linux_sigevent), trace_put_sigevent},
    [TRACE_TYPE_SIGINFO] = {sizeof(struct linux_siginfo), trace_put_siginfo},
    [TRACE_TYPE_SIGSET] = {8, trace_put_sigset_struct},
    [TRACE_TYPE_SOCKLEN] = {4, put_int},
    [TRACE_TYPE_STACK] = {sizeof(struct linux_stack), trace_put_stack},
    [TRACE_TYPE_STAT] = {sizeof(struct linux_stat), put_stat},
    [TRACE_TYPE_STATFS] = {sizeof(struct linux_statfs), put_statfs},
    [TRACE_TYPE_STATX] = {sizeof(struct linux_statx), put_statx},
    [TRACE_TYPE_SYSINFO] = {sizeof(struct linux_sysinfo), put_sysinfo},
    [TRACE_TYPE_TIMESPEC] = {sizeof(struct linux_timespec), put_timespec},
    [TRACE_TYPE_TIMEVAL] = {sizeof(struct linux_timeval), put_timeval},
    [TRACE_TYPE_TIMEZONE] = {sizeof(struct linux_timezone), put_timezone},
    [TRACE_TYPE_TMS] = {sizeof(struct linux_tms), put_tms},
    [TRACE_TYPE_UTIMBUF] = {sizeof(struct linux_utimbuf), put_utimbuf},
    [TRACE_TYPE_UTSNAME] = {sizeof(struct linux_utsname), put_utsname},
};

/* One struct; false if it cannot be read. */
static bool put_one(struct trace_call *call, const struct struct_form *form, uint64_t uaddr)
{
    union {
        uint64_t align;
        char bytes[512];
    } value = {0};
    _Static_assert(sizeof(value) >= sizeof(struct linux_utsname), "the largest struct");
    if (copy_from_user(&value, uaddr, form->bytes))
        return false;
    form->put(call, &value);
    return true;
}

void trace_put_structs(struct trace_call *call, enum trace_type type, uint64_t uaddr,
                       uint64_t count, bool array)
{
    if (type == TRACE_TYPE_SOCKADDR) {
        trace_put_sockaddr(call, uaddr, count);
        return;
    }
    const struct struct_form *form = (size_t)type < ARRAY_SIZE(forms) ? &forms[type] : NULL;
    if (!form || !form->put) {
        trace_put_pointer(call->out, uaddr);
        return;
    }
    if (!array) {
        if (!put_one(call, form, uaddr))
            trace_put_pointer(call->out, uaddr);
        return;
    }
    strbuf_putc(call->out, '[');
    for (uint64_t i = 0; i < count; i++) {
        if (i)
            strbuf_puts(call->out, ", ");
        if (i == TRACE_ELEMENTS_MAX) {
            strbuf_puts(call->out, "...");
            break;
        }
        if (!put_one(call, form, uaddr + i * form->bytes)) {
            strbuf_printf(call->out, "... /* %#llx */",
                          (unsigned long long)(uaddr + i * form->bytes));
            break;
        }
    }
    strbuf_putc(call->out, ']');
}
