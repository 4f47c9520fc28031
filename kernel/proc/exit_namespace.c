/* SPDX-License-Identifier: MIT
 *
 * The end of a pid namespace's init, which is the end of everybody in it (pid_namespaces(7), "The
 * namespace init process").
 *
 * No number is given in the namespace from then on: a fork that has one already looks again, under
 * the process-tree lock, and fails. So whoever is in the table after that is all there is to kill.
 * The children die unseen; those that have a parent outside (setns(2)) are waited for until that
 * has reaped them.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/wait.h"
#include "kernel/lib/assert.h"
#include "kernel/proc/process_internal.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/signal_internal.h"
#include "kernel/security/pid_namespace.h"

static void kill_members(struct pid_namespace *ns, struct process *init)
{
    struct spinlock *tree = process_tree_lock(init->kernel);
    struct pid_slot *slot;
    uint64_t number;

    spin_lock(tree);
    xarray_for_each(&ns->numbers, number, slot)
    {
        struct process *process = slot->process;
        if (process && process != init && process->state == PROCESS_ALIVE)
            signal_send_process(process, SIGKILL, SIGINFO_KERNEL);
    }
    spin_unlock(tree);
}

static void ignore_children(struct process *init)
{
    struct signal_actions *actions = init->actions;
    bool irq = spin_lock_irqsave(&init->signal_lock);
    spin_lock(&actions->lock);
    atomic_store_relaxed(&actions->actions[SIGCHLD - 1].handler, (uint64_t)SIG_IGN);
    spin_unlock(&actions->lock);
    spin_unlock_irqrestore(&init->signal_lock, irq);
}

void process_kill_namespace(struct pid_namespace *ns, int signo)
{
    struct spinlock *tree = process_tree_lock(ns->common.kernel);
    spin_lock(tree);
    atomic_store_relaxed(&ns->exit_status, signo);
    if (ns->init)
        signal_send_process(ns->init, SIGKILL, SIGINFO_KERNEL);
    spin_unlock(tree);
}

void process_end_namespace(struct task *task)
{
    struct process *init = task->process;
    struct pid_namespace *ns = process_pid_namespace(init);
    uint64_t own = task == init->leader ? 1 : 2; /* a dead leader keeps its number */

    pid_namespace_close(ns);
    ignore_children(init);
    kill_members(ns, init);
    process_reap_children();
    wait_event(&ns->freed, pid_namespace_count(ns) <= own);
    int status = atomic_load_relaxed(&ns->exit_status);
    if (status)
        init->group_exit_status = status;
}
