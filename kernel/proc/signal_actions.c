/* SPDX-License-Identifier: MIT
 *
 * What tasks want done with signals: handlers, blocked masks, alternate stacks (sigaction(2),
 * sigprocmask(2), sigaltstack(2)).
 *
 * Handlers may be shared by several processes (CLONE_SIGHAND), so their lock nests inside the signal
 * lock of any of them. Blocked masks are changed by their own task only, under its signal lock.
 */
#include "kernel/abi/errno.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/signal_internal.h"

/* ---- handlers ---- */

int signal_actions_create(struct signal_actions **out)
{
    struct signal_actions *actions = kzalloc(sizeof(*actions));
    if (!actions)
        return -ENOMEM;
    refcount_init(&actions->refs, 1);
    spin_lock_init(&actions->lock, LOCK_RANK_SIGNAL_ACTIONS);
    *out = actions;
    return 0;
}

static void clear_handlers(struct signal_actions *actions)
{
    for (unsigned i = 0; i < SIGNALS_MAX; i++) {
        struct linux_sigaction *action = &actions->actions[i];
        if (action->handler != SIG_IGN)
            action->handler = SIG_DFL;
        action->flags = 0;
        action->restorer = 0;
        action->mask = 0;
    }
}

int signal_actions_copy(struct signal_actions *from, bool clear, struct signal_actions **out)
{
    struct signal_actions *copy;
    int error = signal_actions_create(&copy);
    if (error)
        return error;
    spin_lock(&from->lock);
    memcpy(copy->actions, from->actions, sizeof(copy->actions));
    spin_unlock(&from->lock);
    if (clear)
        clear_handlers(copy);
    *out = copy;
    return 0;
}

struct signal_actions *signal_actions_get(struct signal_actions *actions)
{
    refcount_inc(&actions->refs);
    return actions;
}

void signal_actions_put(struct signal_actions *actions)
{
    if (actions && refcount_dec_and_test(&actions->refs))
        kfree(actions);
}

int signal_reset_for_exec(struct task *task)
{
    struct process *process = task->process;
    struct signal_actions *fresh, *old;
    int error = signal_actions_copy(process->actions, true, &fresh);
    if (error)
        return error;
    /* Other processes' threads read a child's or parent's handlers under the tree lock. */
    spin_lock(process_tree_lock(process->kernel));
    bool irq = spin_lock_irqsave(&process->signal_lock);
    old = process->actions;
    process->actions = fresh;
    spin_unlock_irqrestore(&process->signal_lock, irq);
    spin_unlock(process_tree_lock(process->kernel));
    signal_actions_put(old);
    task->altstack = (struct linux_stack){.ss_flags = SS_DISABLE};
    return 0;
}

void signal_change_action(int signo, const struct linux_sigaction *action,
                          struct linux_sigaction *out_old)
{
    struct process *process = current_process();
    struct signal_actions *actions = process->actions;
    struct linux_sigaction *slot = &actions->actions[signo - 1];
    const uint64_t known = SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK | SA_RESTART |
                           SA_NODEFER | SA_RESETHAND | SA_RESTORER | SA_EXPOSE_TAGBITS;

    bool irq = spin_lock_irqsave(&process->signal_lock);
    spin_lock(&actions->lock);
    *out_old = *slot;
    if (action) {
        slot->flags = action->flags & known;
        slot->restorer = action->restorer;
        slot->mask = action->mask & ~SIGNALS_UNBLOCKABLE;
        atomic_store_relaxed(&slot->handler, action->handler);
        /* What is pending would be dropped if it came now. */
        if (action->handler == SIG_IGN ||
            (action->handler == SIG_DFL && signal_in(SIGNALS_IGNORED_BY_DEFAULT, signo)))
            signal_discard_everywhere_locked(process, LINUX_SIGMASK(signo));
    }
    spin_unlock(&actions->lock);
    spin_unlock_irqrestore(&process->signal_lock, irq);
}

bool signal_is_ignored(struct process *process, int signo)
{
    bool irq = spin_lock_irqsave(&process->signal_lock);
    bool ignored = signal_handler(process, signo) == SIG_IGN;
    spin_unlock_irqrestore(&process->signal_lock, irq);
    return ignored;
}

/* ---- masks ---- */

void signal_set_blocked_locked(struct task *task, uint64_t blocked)
{
    struct process *process = task->process;
    uint64_t newly = blocked & ~SIGNALS_UNBLOCKABLE & ~task->blocked;
    struct task *other;

    task->blocked = blocked & ~SIGNALS_UNBLOCKABLE;
    signal_recalculate(task);
    /* What was meant for the group and found this task as the one to take it needs another. */
    if (!(process->shared_pending.set & newly) || list_is_singular(&process->tasks))
        return;
    list_for_each_entry(other, &process->tasks, process_node)
    {
        if (other != task && !other->signals_closed)
            signal_recalculate(other);
    }
}

void signal_set_blocked(uint64_t blocked)
{
    struct task *task = current_task();
    if (task->blocked == (blocked & ~SIGNALS_UNBLOCKABLE))
        return;
    bool irq = spin_lock_irqsave(&task->process->signal_lock);
    signal_set_blocked_locked(task, blocked);
    spin_unlock_irqrestore(&task->process->signal_lock, irq);
}

void signal_set_temporary_mask(uint64_t blocked)
{
    struct task *task = current_task();
    if (!task->restore_blocked) {
        task->saved_blocked = task->blocked;
        task->restore_blocked = true;
    }
    signal_set_blocked(blocked);
}

void signal_end_temporary_mask(void)
{
    struct task *task = current_task();
    if (!task->restore_blocked)
        return;
    task->restore_blocked = false;
    signal_set_blocked(task->saved_blocked);
}

int signal_mask_from_user(uint64_t uaddr, uint64_t bytes, uint64_t *out)
{
    if (bytes != sizeof(linux_sigset))
        return -EINVAL;
    if (get_user_u64(out, uaddr))
        return -EFAULT;
    *out &= ~SIGNALS_UNBLOCKABLE;
    return 0;
}

bool signal_is_blocked_current(int signo)
{
    return signal_in(current_task()->blocked, signo);
}

/* ---- alternate stacks ---- */

bool signal_on_altstack(const struct task *task, uint64_t rsp)
{
    const struct linux_stack *stack = &task->altstack;
    /* An auto-disarmed stack has been forgotten while a handler runs on it. */
    if ((uint32_t)stack->ss_flags & SS_AUTODISARM)
        return false;
    return rsp > stack->ss_sp && rsp - stack->ss_sp <= stack->ss_size;
}

/* The stack as sigaltstack(2) reports it. */
static struct linux_stack report_altstack(const struct task *task, uint64_t rsp)
{
    struct linux_stack stack = task->altstack;
    uint32_t state = !stack.ss_size                   ? SS_DISABLE
                     : signal_on_altstack(task, rsp) ? SS_ONSTACK
                                                      : 0;
    stack.ss_flags = (int32_t)(state | ((uint32_t)stack.ss_flags & SS_AUTODISARM));
    stack.pad = 0;
    return stack;
}

int64_t signal_set_altstack(struct task *task, const struct linux_stack *stack, uint64_t rsp)
{
    uint32_t flags = (uint32_t)stack->ss_flags, mode = flags & ~SS_AUTODISARM;
    if (signal_on_altstack(task, rsp))
        return -EPERM;
    if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
        return -EINVAL;
    struct linux_stack fresh = {.ss_flags = stack->ss_flags};
    if (mode != SS_DISABLE) {
        if (stack->ss_size < MINSIGSTKSZ)
            return -ENOMEM;
        fresh.ss_sp = stack->ss_sp;
        fresh.ss_size = stack->ss_size;
    }
    task->altstack = fresh;
    return 0;
}

int64_t signal_change_altstack(const struct linux_stack *stack, struct linux_stack *out_old)
{
    struct task *task = current_task();
    uint64_t rsp = task->user.regs.rsp;
    *out_old = report_altstack(task, rsp);
    return stack ? signal_set_altstack(task, stack, rsp) : 0;
}
