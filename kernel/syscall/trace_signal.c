/* SPDX-License-Identifier: MIT
 *
 * How signals are written in a trace: their structures.
 */
#include "kernel/syscall/trace_struct_internal.h"

void trace_put_sigaction(struct trace_call *call, const void *value)
{
    const struct linux_sigaction *action = value;
    strbuf_puts(call->out, "{sa_handler=");
    if (action->handler == SIG_DFL)
        strbuf_puts(call->out, "SIG_DFL");
    else if (action->handler == SIG_IGN)
        strbuf_puts(call->out, "SIG_IGN");
    else
        trace_put_pointer(call->out, action->handler);
    strbuf_puts(call->out, ", sa_mask=");
    trace_put_sigset(call->out, action->mask);
    strbuf_puts(call->out, ", sa_flags=");
    trace_put_flags(call->out, &trace_set_sigflags, (uint32_t)action->flags);
    if (action->flags & SA_RESTORER) {
        strbuf_puts(call->out, ", sa_restorer=");
        trace_put_pointer(call->out, action->restorer);
    }
    strbuf_putc(call->out, '}');
}

void trace_put_sigset_struct(struct trace_call *call, const void *value)
{
    trace_put_sigset(call->out, *(const uint64_t *)value);
}

void trace_put_sigevent(struct trace_call *call, const void *value)
{
    const struct linux_sigevent *event = value;
    strbuf_printf(call->out, "{sigev_value=%#llx, sigev_signo=",
                  (unsigned long long)event->sigev_value.sival_ptr);
    trace_put_signal(call->out, event->sigev_signo);
    strbuf_puts(call->out, ", sigev_notify=");
    trace_put_enum(call->out, &trace_set_sigev, (uint32_t)event->sigev_notify);
    strbuf_putc(call->out, '}');
}

void trace_put_stack(struct trace_call *call, const void *value)
{
    const struct linux_stack *stack = value;
    strbuf_puts(call->out, "{ss_sp=");
    trace_put_pointer(call->out, stack->ss_sp);
    strbuf_puts(call->out, ", ss_flags=");
    trace_put_flags(call->out, &trace_set_sigstack, (uint32_t)stack->ss_flags);
    strbuf_printf(call->out, ", ss_size=%llu}", (unsigned long long)stack->ss_size);
}

/* The codes above zero mean something else for each signal. */
static const struct trace_set *code_names(int signo, int code)
{
    if (code <= 0 || code >= SI_KERNEL)
        return &trace_set_sicode;
    switch (signo) {
    case SIGCHLD:
        return &trace_set_cldcode;
    case SIGSEGV:
        return &trace_set_segvcode;
    case SIGBUS:
        return &trace_set_buscode;
    case SIGFPE:
        return &trace_set_fpecode;
    case SIGILL:
        return &trace_set_illcode;
    case SIGTRAP:
        return &trace_set_trapcode;
    default:
        return &trace_set_sicode;
    }
}

static void put_details(struct strbuf *out, const struct linux_siginfo *info)
{
    if (info->si_code == SI_KERNEL)
        return;
    if (info->si_code == SI_TIMER) {
        strbuf_printf(out, ", si_timerid=%d, si_overrun=%d, si_value=%#llx", info->timer.tid,
                      info->timer.overrun, (unsigned long long)info->timer.value.sival_ptr);
    } else if (info->si_code <= 0) {
        strbuf_printf(out, ", si_pid=%d, si_uid=%u", info->kill.pid, info->kill.uid);
        if (info->si_code == SI_QUEUE)
            strbuf_printf(out, ", si_value=%#llx", (unsigned long long)info->rt.value.sival_ptr);
    } else if (info->si_signo == SIGCHLD) {
        strbuf_printf(out, ", si_pid=%d, si_uid=%u, si_status=", info->chld.pid, info->chld.uid);
        if (info->si_code == CLD_EXITED)
            strbuf_printf(out, "%d", info->chld.status);
        else
            trace_put_signal(out, info->chld.status);
        strbuf_printf(out, ", si_utime=%lld, si_stime=%lld", (long long)info->chld.utime,
                      (long long)info->chld.stime);
    } else if (info->si_signo == SIGSYS) {
        strbuf_printf(out, ", si_call_addr=%#llx, si_syscall=%d, si_arch=%#x",
                      (unsigned long long)info->sys.call_addr, info->sys.syscall, info->sys.arch);
    } else if (info->si_signo == SIGIO) {
        strbuf_printf(out, ", si_band=%lld, si_fd=%d", (long long)info->poll.band, info->poll.fd);
    } else {
        strbuf_puts(out, ", si_addr=");
        trace_put_pointer(out, info->fault.addr);
    }
}

void trace_put_siginfo(struct trace_call *call, const void *value)
{
    const struct linux_siginfo *info = value;
    strbuf_puts(call->out, "{si_signo=");
    trace_put_signal(call->out, info->si_signo);
    strbuf_puts(call->out, ", si_code=");
    trace_put_enum(call->out, code_names(info->si_signo, info->si_code), (uint32_t)info->si_code);
    if (info->si_errno)
        strbuf_printf(call->out, ", si_errno=%d", info->si_errno);
    put_details(call->out, info);
    strbuf_putc(call->out, '}');
}
