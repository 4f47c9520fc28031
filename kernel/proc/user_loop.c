/* SPDX-License-Identifier: MIT
 *
 * The life of a user task: run user code, take the stop, act, and before going back handle
 * signals and let others run. See user_loop.h.
 */
#include "kernel/proc/user_loop.h"

#include "hal/kernel_on.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/signal.h"
#include "kernel/core/kernel.h"
#include "kernel/proc/process_internal.h"
#include "kernel/proc/ptrace_internal.h"
#include "kernel/proc/rseq.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/task_work.h"
#include "kernel/sched/sched.h"

void user_loop_set_ops(struct kernel *kernel, const struct user_loop_ops *ops)
{
    kernel->processes->user_ops = ops;
}

static void remember_fault(struct task *task, const struct hal_fault *fault)
{
    task->last_trap = (int)fault->vector;
    task->last_error = fault->error;
    task->last_fault_address = fault->address;
}

static void handle_page_fault(struct task *task, const struct hal_fault *fault)
{
    enum mm_access access = (fault->error & HAL_PF_FETCH)   ? MM_EXEC
                            : (fault->error & HAL_PF_WRITE) ? MM_WRITE
                                                            : MM_READ;
    int error = mm_handle_fault(task->thread.mm, fault->address, access | MM_USER);

    if (likely(error == 0))
        return;
    remember_fault(task, fault);
    switch (error) {
    case -EFAULT:
        signal_force_fault(SIGSEGV, SEGV_MAPERR, fault->address);
        break;
    case -EACCES:
        signal_force_fault(SIGSEGV, SEGV_ACCERR, fault->address);
        break;
    case -ENOMEM: /* the out-of-memory killer has chosen: us, or somebody whose memory we retry */
        sched_yield_cpu();
        break;
    default:
        signal_force_fault(SIGBUS, BUS_ADRERR, fault->address);
        break;
    }
}

static int floating_point_code(struct task *task, bool simd)
{
    /* Status and mask bits of the x87 control words, or of MXCSR: same order, 0..5. */
    hal_user_fpu_sync(&task->user);
    const struct linux_fpstate *state = task->user.fpu;
    unsigned pending =
        simd ? state->mxcsr & ~(state->mxcsr >> 7) : state->swd & ~(unsigned)state->cwd;
    if (pending & 0x01)
        return FPE_FLTINV;
    if (pending & 0x04)
        return FPE_FLTDIV;
    if (pending & 0x08)
        return FPE_FLTOVF;
    if (pending & 0x12)
        return FPE_FLTUND;
    if (pending & 0x20)
        return FPE_FLTRES;
    return FPE_FLTUNK;
}

static void handle_exception(struct task *task, const struct hal_fault *fault)
{
    uint64_t rip = task->user.regs.rip;

    remember_fault(task, fault);
    switch (fault->vector) {
    case HAL_VECTOR_DIVIDE:
        signal_force_fault(SIGFPE, FPE_INTDIV, rip);
        break;
    case HAL_VECTOR_DEBUG:
        if (atomic_load_acquire(&task->ptrace) && task->ptrace->step_forced)
            ptrace_watch_step(task);
        else
            signal_force_fault(SIGTRAP, TRAP_TRACE, rip);
        break;
    case HAL_VECTOR_BREAKPOINT:
        signal_force(SIGTRAP, SIGINFO_KERNEL);
        break;
    case HAL_VECTOR_INVALID_OPCODE:
        signal_force_fault(SIGILL, ILL_ILLOPN, rip);
        break;
    case HAL_VECTOR_X87:
        signal_force_fault(SIGFPE, floating_point_code(task, false), rip);
        break;
    case HAL_VECTOR_SIMD:
        signal_force_fault(SIGFPE, floating_point_code(task, true), rip);
        break;
    case HAL_VECTOR_ALIGNMENT:
        signal_force_fault(SIGBUS, BUS_ADRALN, fault->address);
        break;
    case HAL_VECTOR_STACK:
        signal_force(SIGBUS, SIGINFO_KERNEL);
        break;
    default: /* general protection and everything that means the same to a program */
        signal_force(SIGSEGV, SIGINFO_KERNEL);
        break;
    }
}

/* Results that signal_deliver has to look at even if no signal is pending. */
static inline bool is_restart_code(uint64_t rax)
{
    return rax - (uint64_t)-ERESTART_RESTARTBLOCK <=
           (uint64_t)-ERESTARTSYS - (uint64_t)-ERESTART_RESTARTBLOCK;
}

static void prepare_for_user(struct task *task, bool after_syscall)
{
    while (unlikely(atomic_load_acquire(&task->thread.interrupted) || this_cpu()->need_resched ||
                    this_cpu()->ticks_due || rseq_is_due(task) ||
                    (after_syscall && is_restart_code(task->user.regs.rax)))) {
        if (this_cpu()->ticks_due)
            sched_account_ticks(false);
        sched_resched_if_needed();
        if (unlikely(task_work_pending(task)))
            task_work_run();
        if (atomic_load_acquire(&task->thread.interrupted) ||
            (after_syscall && is_restart_code(task->user.regs.rax)))
            signal_deliver(task);
        if (rseq_is_due(task))
            rseq_resume(task);
        after_syscall = false;
    }
}

/* HAL_STOP_WAIT: nothing to run until the backend says so, or a signal comes. */
static void wait_for_backend(struct task *task)
{
    sched_prepare_block(THREAD_INTERRUPTIBLE);
    if (atomic_load_acquire(&task->user.waiting) && !atomic_load_acquire(&task->thread.interrupted))
        sched_block();
    sched_finish_block();
}

void kernel_on_user_wake(struct hal_user *user)
{
    irq_enter();
    thread_wake(&container_of(user, struct task, user)->thread);
    irq_exit();
}

void user_loop_run(void *argument)
{
    struct task *task = argument;
    const struct user_loop_ops *ops = task->thread.kernel->processes->user_ops;
    bool after_syscall = false;
    struct hal_fault fault;

    for (;;) {
        prepare_for_user(task, after_syscall);
        enum hal_stop stop = hal_user_run(&task->user, &fault);
        after_syscall = stop == HAL_STOP_SYSCALL;
        if (likely(after_syscall)) {
            ops->syscall(&task->user.regs);
            continue;
        }
        task->orig_rax = UINT64_MAX;
        if (stop == HAL_STOP_INTERRUPT) {
            if (this_cpu()->ticks_due)
                sched_account_ticks(true);
        } else if (stop == HAL_STOP_FAULT) {
            if (fault.vector == HAL_VECTOR_PAGE)
                handle_page_fault(task, &fault);
            else
                handle_exception(task, &fault);
        } else if (stop == HAL_STOP_WAIT) {
            wait_for_backend(task);
        } else if (stop == HAL_STOP_DEAD) {
            signal_kill_group(task->process, SIGKILL);
        }
    }
}
