/* SPDX-License-Identifier: MIT
 *
 * ptrace(2): attaching, resuming, and the requests that need no more than a line or two; registers
 * and information about stops have files of their own.
 *
 * A request on a stopped tracee freezes it: whatever happens, it stays until the request is done,
 * so that its registers do not change under the tracer's hands.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/bits.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/ptrace_internal.h"
#include "kernel/proc/seccomp.h"
#include "kernel/proc/signal_internal.h"
#include "kernel/sched/sched.h"
#include "kernel/security/cred.h"
#include "kernel/security/landlock.h"

/* ---- becoming a tracee, and a tracer ---- */

static int check_options(uint64_t options)
{
    if (options & ~(uint64_t)PTRACE_O_MASK)
        return -EINVAL;
    if ((options & PTRACE_O_SUSPEND_SECCOMP) && !seccomp_may_suspend())
        return -EPERM;
    return 0;
}

/* The thread that counts as the parent of a process. */
static struct task *parent_thread_locked(struct process *process)
{
    struct process *parent = process->parent;
    struct task *task;
    if (!parent || parent == process)
        return NULL;
    if (process->creator)
        return process->creator;
    list_for_each_entry(task, &parent->tasks, process_node)
    {
        if (!task->exiting)
            return task;
    }
    return NULL;
}

static int64_t trace_me(void)
{
    struct task *task = current_task();
    struct spinlock *tree = process_tree_lock(task->thread.kernel);
    int error = ptrace_allocate(task);
    if (error)
        return error;
    spin_lock(tree);
    struct task *parent = parent_thread_locked(task->process);
    const struct cred *theirs = parent ? parent->thread.cred : NULL;
    unsigned scope = ptrace_scope(task->thread.kernel);
    if (task->traced)
        error = -EPERM;
    else if (theirs && !cred_has_cap(theirs, CAP_SYS_PTRACE) &&
             ((task->thread.cred->cap_permitted & ~theirs->cap_permitted) || scope == 2))
        error = -EPERM;
    else if (scope == PTRACE_SCOPE_MAX)
        error = -EPERM;
    else if (theirs && !landlock_may_trace(theirs->landlock, task->thread.cred->landlock))
        error = -EPERM;
    else if (parent)
        ptrace_link_locked(task, parent, task->thread.cred, false, 0);
    spin_unlock(tree);
    return error;
}

/* The tree lock is held. */
static int attach_locked(struct task *task, bool seize, uint32_t options)
{
    if (task->process == current_process() || task->process->is_init)
        return -EPERM;
    int error = ptrace_check_access_locked(task, PTRACE_MODE_ATTACH | PTRACE_MODE_REALCREDS);
    if (error)
        return error;
    if (task->exited || task->exiting || task->traced)
        return -EPERM;
    ptrace_link_locked(task, current_task(), current_cred(), seize, options);
    return 0;
}

/* A task that job control has stopped becomes one that ptrace has stopped. */
static void take_over_stop_locked(struct task *task)
{
    struct process *process = task->process;
    bool irq = spin_lock_irqsave(&process->signal_lock);
    if (process->group_stopping && task->stop_counted) {
        task->ptrace->trap_stop = task->ptrace->trapping = true;
        signal_recalculate(task);
        thread_wake_state(&task->thread, 1u << THREAD_STOPPED);
    }
    spin_unlock_irqrestore(&process->signal_lock, irq);
}

static int64_t attach(struct task *task, bool seize, uint64_t addr, uint64_t options)
{
    struct spinlock *tree = process_tree_lock(task->thread.kernel);
    if (seize && (addr || (options & ~(uint64_t)PTRACE_O_MASK)))
        return -EIO;
    int error = seize ? check_options(options) : 0;
    if (!error)
        error = ptrace_allocate(task);
    if (error)
        return error;
    spin_lock(tree);
    error = attach_locked(task, seize, seize ? (uint32_t)options : 0);
    if (!error) {
        if (!seize)
            signal_send_task(task, SIGSTOP, SIGINFO_KERNEL);
        take_over_stop_locked(task);
    }
    spin_unlock(tree);
    if (!error)
        wait_event_killable(&current_process()->child_wait,
                            !atomic_load_acquire(&task->ptrace->trapping) ||
                                atomic_load_acquire(&task->exiting));
    return error;
}

/* ---- freezing ---- */

static bool is_mine_locked(const struct task *task)
{
    return ptrace_tracer_locked(task) == current_task();
}

static int freeze(struct task *task)
{
    struct process *process = task->process;
    struct spinlock *tree = process_tree_lock(process->kernel);
    int error = -ESRCH;
    spin_lock(tree);
    if (is_mine_locked(task)) {
        struct ptrace_state *trace = task->ptrace;
        bool irq = spin_lock_irqsave(&process->signal_lock);
        if (trace->stopped && !trace->listening && !atomic_load_relaxed(&task->thread.killed)) {
            atomic_store_release(&trace->frozen, true);
            error = 0;
        }
        spin_unlock_irqrestore(&process->signal_lock, irq);
    }
    spin_unlock(tree);
    return error;
}

static void thaw(struct task *task)
{
    struct process *process = task->process;
    bool irq = spin_lock_irqsave(&process->signal_lock);
    atomic_store_release(&task->ptrace->frozen, false);
    if (!task->ptrace->stopped || atomic_load_relaxed(&task->thread.killed))
        thread_wake_state(&task->thread, 1u << THREAD_STOPPED);
    spin_unlock_irqrestore(&process->signal_lock, irq);
}

/* ---- going on ---- */

static void set_step(struct task *task, bool step)
{
    struct ptrace_state *trace = task->ptrace;
    struct hal_regs *regs = &task->user.regs;
    trace->step = step;
    if (step && !(regs->rflags & FLAG_TF)) {
        regs->rflags |= FLAG_TF;
        trace->step_forced = true;
    }
}

static int64_t resume(struct task *task, int64_t request, uint64_t signo)
{
    struct process *process = task->process;
    struct ptrace_state *trace = task->ptrace;
    bool step = request == PTRACE_SINGLESTEP || request == PTRACE_SYSEMU_SINGLESTEP;

    if (signo > SIGNALS_MAX)
        return -EIO;
    set_step(task, step);
    if (trace->watching)
        ptrace_watch_resume(task); /* may block: frozen, the task does not change meanwhile */
    bool irq = spin_lock_irqsave(&process->signal_lock);
    trace->trace_calls = request == PTRACE_SYSCALL;
    trace->emulate_calls = request == PTRACE_SYSEMU || request == PTRACE_SYSEMU_SINGLESTEP;
    if (trace->trace_calls || trace->emulate_calls || step)
        task_set_syscall_work(task, SYSCALL_WORK_PTRACE);
    else
        task_clear_syscall_work(task, SYSCALL_WORK_PTRACE);
    trace->code = (int)signo;
    trace->resumed = true;
    atomic_store_release(&trace->stopped, false);
    spin_unlock_irqrestore(&process->signal_lock, irq);
    return 0;
}

static int64_t detach(struct task *task, uint64_t signo)
{
    struct spinlock *tree = process_tree_lock(task->thread.kernel);
    if (signo > SIGNALS_MAX)
        return -EIO;
    spin_lock(tree);
    if (is_mine_locked(task)) {
        task->ptrace->code = (int)signo;
        task->ptrace->resumed = true;
        ptrace_unlink_locked(task);
    }
    spin_unlock(tree);
    return 0;
}

/* PTRACE_LISTEN: a group's stop is left to job control. */
static int64_t listen(struct task *task)
{
    struct process *process = task->process;
    struct ptrace_state *trace = task->ptrace;
    int64_t result = -EIO;
    bool irq = spin_lock_irqsave(&process->signal_lock);
    if (trace->seized && trace->has_info && trace->info.si_code >> 8 == PTRACE_EVENT_STOP) {
        trace->listening = true;
        if (trace->trap_notify) { /* something has happened since */
            trace->listening = false;
            atomic_store_release(&trace->stopped, false);
        }
        result = 0;
    }
    spin_unlock_irqrestore(&process->signal_lock, irq);
    return result;
}

static int64_t interrupt(struct task *task)
{
    struct process *process = task->process;
    struct ptrace_state *trace = task->ptrace;
    if (!trace->seized)
        return -EIO;
    bool irq = spin_lock_irqsave(&process->signal_lock);
    trace->trap_stop = true;
    if (trace->listening) {
        trace->listening = false;
        atomic_store_release(&trace->stopped, false);
        thread_wake_state(&task->thread, 1u << THREAD_STOPPED);
    } else {
        thread_interrupt(&task->thread, false);
    }
    spin_unlock_irqrestore(&process->signal_lock, irq);
    return 0;
}

/* ---- memory ---- */

static int64_t peek(struct task *task, uint64_t addr, uint64_t data)
{
    uint64_t word;
    struct mm *mm = task_mm(task);
    if (!mm)
        return -EIO;
    int64_t got = mm_access_remote(mm, addr, &word, sizeof(word), false, true);
    mm_put(mm);
    return got == sizeof(word) ? put_user_u64(data, word) : -EIO;
}

static int64_t poke(struct task *task, uint64_t addr, uint64_t word)
{
    struct mm *mm = task_mm(task);
    if (!mm)
        return -EIO;
    int64_t put = mm_access_remote(mm, addr, &word, sizeof(word), true, true);
    mm_put(mm);
    return put == sizeof(word) ? 0 : -EIO;
}

/* ---- dispatch ---- */

static int64_t set_options(struct task *task, uint64_t options)
{
    int error = check_options(options);
    if (!error)
        task->ptrace->options = (uint32_t)options;
    return error;
}

/* The tracee is frozen, or is about to be told something that needs no stop. */
static int64_t act(struct task *task, int64_t request, uint64_t addr, uint64_t data)
{
    switch (request) {
    case PTRACE_PEEKTEXT:
    case PTRACE_PEEKDATA:
        return peek(task, addr, data);
    case PTRACE_POKETEXT:
    case PTRACE_POKEDATA:
        return poke(task, addr, data);
    case PTRACE_CONT:
    case PTRACE_SYSCALL:
    case PTRACE_SYSEMU:
    case PTRACE_SINGLESTEP:
    case PTRACE_SYSEMU_SINGLESTEP:
        return resume(task, request, data);
    case PTRACE_DETACH:
        return detach(task, data);
    case PTRACE_LISTEN:
        return listen(task);
    case PTRACE_SETOPTIONS:
        return set_options(task, data);
    case PTRACE_GETEVENTMSG:
        return put_user_u64(data, task->ptrace->message);
    case PTRACE_GETSIGINFO:
    case PTRACE_SETSIGINFO:
    case PTRACE_PEEKSIGINFO:
    case PTRACE_GETSIGMASK:
    case PTRACE_SETSIGMASK:
    case PTRACE_GET_SYSCALL_INFO:
    case PTRACE_GET_RSEQ_CONFIGURATION:
        return ptrace_info_request(task, request, addr, data);
    case PTRACE_SECCOMP_GET_FILTER:
        return seccomp_get_filter(task, addr, data);
    case PTRACE_SECCOMP_GET_METADATA:
        return seccomp_get_metadata(task, addr, data);
    default:
        return ptrace_regs_request(task, request, addr, data);
    }
}

/* Requests on a tracee that need not be stopped. */
static int64_t act_running(struct task *task, int64_t request)
{
    struct spinlock *tree = process_tree_lock(task->thread.kernel);
    int64_t result = -ESRCH;
    spin_lock(tree);
    if (is_mine_locked(task)) {
        if (request == PTRACE_INTERRUPT) {
            result = interrupt(task);
        } else {
            signal_send_task(task, SIGKILL, NULL); /* fails if it is dying: so be it */
            result = 0;
        }
    }
    spin_unlock(tree);
    return result;
}

static int64_t request_on(struct task *task, int64_t request, uint64_t addr, uint64_t data)
{
    if (request == PTRACE_ATTACH || request == PTRACE_SEIZE)
        return attach(task, request == PTRACE_SEIZE, addr, data);
    if (request == PTRACE_KILL || request == PTRACE_INTERRUPT)
        return act_running(task, request);
    int64_t result = freeze(task);
    if (result)
        return result;
    result = act(task, request, addr, data);
    thaw(task);
    return result;
}

int64_t ptrace_request(int64_t request, int pid, uint64_t addr, uint64_t data)
{
    if (request == PTRACE_TRACEME)
        return trace_me();
    struct task *task = task_find_given(pid);
    if (!task)
        return -ESRCH;
    int64_t result = request_on(task, request, addr, data);
    task_put(task);
    return result;
}
