/* SPDX-License-Identifier: MIT */
/*
 * What libsim looks at inside a machine's kernel. The only file of libsim that knows its
 * structures; apart from others, because the kernel's constants have the names of the C library's.
 */
#include "sim/lib/kernel_view.h"

#include "hal-hosted/world/world.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/signal.h"
#include "kernel/core/kernel.h"
#include "kernel/mm/fault_injection.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/task.h"
#include "kernel/sched/thread.h"
#include "kernel/syscall/syscalls.h"
#include "kernel/syscall/trace.h"

enum { SYSCALL_BYTES = 2 }; /* of the instruction */

uint32_t kernel_view_tid(const struct hal_user *user)
{
    return (uint32_t)container_of((struct hal_user *)user, struct task, user)->tid;
}

/* Of a call's arguments, as many as it has: what else is in registers is the compiler's. */
uint64_t kernel_view_arguments_hash(const struct hal_user *user)
{
    const struct hal_regs *regs = &user->regs;
    const uint64_t words[6] = {regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8, regs->r9};
    unsigned count = trace_argument_count((uint32_t)regs->rax);
    uint64_t hash = 0xcbf29ce484222325u;

    for (unsigned i = 0; i < count && i < 6; i++) {
        hash = (hash ^ words[i]) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    return hash;
}

/* Looking must not change anything: without an mm, pages that are not there stay away. */
static struct mm *look_begin(void)
{
    struct mm *mm = this_thread()->mm;

    this_thread()->mm = NULL;
    return mm;
}

static void look_end(struct mm *mm)
{
    this_thread()->mm = mm;
}

size_t kernel_view_call_text(const struct world_call *call, char *out, size_t bytes)
{
    struct mm *mm = look_begin();
    size_t length = trace_write_begin(out, bytes, call->number, call->arguments);

    look_end(mm);
    return length;
}

size_t kernel_view_result_text(const struct world_call *call, int64_t result, char *out,
                               size_t bytes)
{
    struct mm *mm = look_begin();
    size_t length = trace_write_end(out, bytes, call->number, call->arguments, result);

    look_end(mm);
    return length;
}

/* Handlers that are about to run, the last one first, have what the call has left in their frames.
 */
static int64_t result_below_handlers(const struct hal_regs *regs, uint64_t rip)
{
    enum { HANDLERS_MAX = 16 };
    struct linux_rt_sigframe frame;
    uint64_t sp = regs->rsp;

    for (unsigned i = 0; i < HANDLERS_MAX; i++) {
        if (copy_from_user(&frame, sp, sizeof(frame)) != 0) {
            break;
        }
        if (frame.uc.uc_mcontext.ip == rip) {
            return (int64_t)frame.uc.uc_mcontext.ax;
        }
        if (frame.uc.uc_mcontext.ip == rip - SYSCALL_BYTES) {
            return -ERESTARTSYS;
        }
        sp = frame.uc.uc_mcontext.sp;
    }
    return (int64_t)regs->rax;
}

int64_t kernel_view_result(const struct hal_user *user, const struct world_call *call)
{
    const struct hal_regs *regs = &user->regs;
    struct mm *mm;
    int64_t result;

    if (regs->rip == call->rip || call->number == SYS_rt_sigreturn || call->number == SYS_execve ||
        call->number == SYS_execveat) {
        return (int64_t)regs->rax;
    }
    if (regs->rip == call->rip - SYSCALL_BYTES) {
        return regs->rax == SYS_restart_syscall ? -ERESTART_RESTARTBLOCK : -ERESTARTSYS;
    }
    mm = look_begin();
    result = result_below_handlers(regs, call->rip);
    look_end(mm);
    return result;
}

uint32_t kernel_view_thread(const struct hal_context *context)
{
    return (uint32_t)container_of((struct hal_context *)context, struct thread, context)->tid;
}

const struct hal_context *kernel_view_context(const struct hal_user *user)
{
    const struct thread *thread = &container_of((struct hal_user *)user, struct task, user)->thread;

    return thread->on_cpu ? NULL : &thread->context;
}

size_t kernel_view_faults_bytes(void)
{
    return sizeof(struct fault_injection);
}

void kernel_view_set_faults(void *cpu_local, void *memory, uint64_t nth, bool and_after,
                            uint32_t probability_ppm, uint64_t seed)
{
    struct cpu *cpu = cpu_local;
    struct fault_injection *faults = memory;

    *faults = (struct fault_injection){.fail_at = nth,
                                       .fail_after = and_after,
                                       .probability_ppm = probability_ppm,
                                       .random_state = seed};
    cpu->kernel->faults = faults;
}

void kernel_view_get_faults(const void *memory, uint64_t *out_count, uint64_t *out_failed)
{
    const struct fault_injection *faults = memory;

    *out_count = faults->allocations;
    *out_failed = faults->failed;
}
