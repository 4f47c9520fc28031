/* SPDX-License-Identifier: MIT
 *
 * ptrace(2): what a stopped tracee's signals are, and its system call.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/seccomp.h"
#include "kernel/lib/string.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/ptrace_internal.h"
#include "kernel/proc/signal_internal.h"

/* ---- information of the stop ---- */

static int64_t get_info(struct ptrace_state *trace, uint64_t data)
{
    if (!trace->has_info)
        return -EINVAL;
    return copy_to_user(data, &trace->info, sizeof(trace->info));
}

static int64_t set_info(struct ptrace_state *trace, uint64_t data)
{
    struct linux_siginfo info;
    if (copy_from_user(&info, data, sizeof(info)))
        return -EFAULT;
    if (!trace->has_info)
        return -EINVAL;
    trace->info = info;
    return 0;
}

/* ---- pending signals ---- */

/* The information at a place in the queue. */
static bool queued_info(struct task *task, bool shared, uint64_t index, struct linux_siginfo *out)
{
    struct process *process = task->process;
    struct signal_pending *pending = shared ? &process->shared_pending : &task->pending;
    struct signal_info *entry;
    bool found = false;

    bool irq = spin_lock_irqsave(&process->signal_lock);
    list_for_each_entry(entry, &pending->queue, node)
    {
        if (index-- > 0)
            continue;
        *out = entry->info;
        found = true;
        break;
    }
    spin_unlock_irqrestore(&process->signal_lock, irq);
    return found;
}

static int64_t peek_infos(struct task *task, uint64_t addr, uint64_t data)
{
    struct linux_ptrace_peeksiginfo_args args;
    struct linux_siginfo info;
    int64_t count = 0;

    if (copy_from_user(&args, addr, sizeof(args)))
        return -EFAULT;
    if ((args.flags & ~(uint32_t)PTRACE_PEEKSIGINFO_SHARED) || args.nr < 0)
        return -EINVAL;
    bool shared = args.flags & PTRACE_PEEKSIGINFO_SHARED;
    for (; count < args.nr; count++) {
        if (!queued_info(task, shared, args.off + (uint64_t)count, &info))
            break;
        if (copy_to_user(data + (uint64_t)count * sizeof(info), &info, sizeof(info)))
            return count ? count : -EFAULT;
        if (signal_pending_current())
            return count + 1;
    }
    return count;
}

static int64_t set_mask(struct task *task, uint64_t data)
{
    struct process *process = task->process;
    uint64_t mask;
    if (get_user_u64(&mask, data))
        return -EFAULT;
    bool irq = spin_lock_irqsave(&process->signal_lock);
    task->restore_blocked = false;
    signal_set_blocked_locked(task, mask);
    spin_unlock_irqrestore(&process->signal_lock, irq);
    return 0;
}

/* ---- the system call ---- */

static void fill_entry(const struct hal_regs *regs, struct linux_ptrace_syscall_info *out,
                       const struct task *task)
{
    out->entry.nr = (uint64_t)(int32_t)task->orig_rax;
    out->entry.args[0] = regs->rdi;
    out->entry.args[1] = regs->rsi;
    out->entry.args[2] = regs->rdx;
    out->entry.args[3] = regs->r10;
    out->entry.args[4] = regs->r8;
    out->entry.args[5] = regs->r9;
}

/* Bytes of it that count. */
static size_t fill_call(struct task *task, struct linux_ptrace_syscall_info *out)
{
    const struct ptrace_state *trace = task->ptrace;
    const struct hal_regs *regs = &task->user.regs;
    int code = trace->has_info ? trace->info.si_code : 0;

    *out = (struct linux_ptrace_syscall_info){
        .arch = AUDIT_ARCH_X86_64,
        .instruction_pointer = regs->rip,
        .stack_pointer = regs->rsp,
    };
    if (code == (SIGTRAP | 0x80) && trace->message == PTRACE_EVENTMSG_SYSCALL_ENTRY) {
        out->op = PTRACE_SYSCALL_INFO_ENTRY;
        fill_entry(regs, out, task);
        return offsetof(struct linux_ptrace_syscall_info, entry.args) + sizeof(out->entry.args);
    }
    if (code == (SIGTRAP | 0x80) && trace->message == PTRACE_EVENTMSG_SYSCALL_EXIT) {
        out->op = PTRACE_SYSCALL_INFO_EXIT;
        out->exit.rval = (int64_t)regs->rax;
        out->exit.is_error = regs->rax >= (uint64_t)-4095;
        return offsetof(struct linux_ptrace_syscall_info, exit.is_error) + 1;
    }
    if (code == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8)) {
        out->op = PTRACE_SYSCALL_INFO_SECCOMP;
        fill_entry(regs, out, task);
        out->seccomp.ret_data = (uint32_t)trace->message;
        return offsetof(struct linux_ptrace_syscall_info, seccomp.ret_data) + sizeof(uint32_t);
    }
    return offsetof(struct linux_ptrace_syscall_info, entry);
}

static int64_t get_call(struct task *task, uint64_t bytes, uint64_t data)
{
    struct linux_ptrace_syscall_info info;
    size_t actual = fill_call(task, &info);
    return copy_to_user(data, &info, MIN(bytes, (uint64_t)actual)) ? -EFAULT : (int64_t)actual;
}

static int64_t get_rseq(const struct task *task, uint64_t bytes, uint64_t data)
{
    const struct linux_ptrace_rseq_configuration config = {
        .rseq_abi_pointer = task->rseq_uaddr,
        .rseq_abi_size = task->rseq_bytes,
        .signature = task->rseq_signature,
    };
    return copy_to_user(data, &config, MIN(bytes, (uint64_t)sizeof(config)))
               ? -EFAULT
               : (int64_t)sizeof(config);
}

int64_t ptrace_info_request(struct task *task, int64_t request, uint64_t addr, uint64_t data)
{
    switch (request) {
    case PTRACE_GETSIGINFO:
        return get_info(task->ptrace, data);
    case PTRACE_SETSIGINFO:
        return set_info(task->ptrace, data);
    case PTRACE_PEEKSIGINFO:
        return peek_infos(task, addr, data);
    case PTRACE_GETSIGMASK:
        if (addr != sizeof(linux_sigset))
            return -EINVAL;
        return put_user_u64(data, task->restore_blocked ? task->saved_blocked : task->blocked);
    case PTRACE_SETSIGMASK:
        return addr == sizeof(linux_sigset) ? set_mask(task, data) : -EINVAL;
    case PTRACE_GET_SYSCALL_INFO:
        return get_call(task, addr, data);
    case PTRACE_GET_RSEQ_CONFIGURATION:
        return get_rseq(task, addr, data);
    default:
        return -EIO;
    }
}
