/* SPDX-License-Identifier: MIT
 *
 * Waiting for children (wait4(2), waitid(2)).
 *
 * A scan of the children runs under the process-tree lock and takes the first event that fits; if
 * there is none but a child could still have one, the caller sleeps on its process's child_wait,
 * which every child event wakes.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/wait.h"
#include "kernel/lib/string.h"
#include "kernel/proc/process_internal.h"
#include "kernel/proc/signal.h"
#include "kernel/sched/wait.h"
#include "kernel/security/cred.h"

struct wait_request {
    int type, id;               /* P_PGID: id is a number, never 0 */
    unsigned options;
    struct wait_result *out;
    struct process *zombie; /* found; to be reaped after the lock is dropped */
};

static bool child_matches(const struct wait_request *request, const struct process *child)
{
    /* Children whose exit does not send SIGCHLD ("clone children") need __WCLONE or __WALL. */
    bool clone_child = child->exit_signal != SIGCHLD;
    if (!(request->options & __WALL) && clone_child != !!(request->options & __WCLONE))
        return false;
    if ((request->options & __WNOTHREAD) && child->creator != current_task())
        return false;
    switch (request->type) {
    case P_PID:
    case P_PIDFD:
        return child->pid == request->id;
    case P_PGID:
        return child->group && child->group->pgid == request->id;
    default:
        return true;
    }
}

static void fill_result(struct wait_result *out, struct process *child, int status, int si_code,
                        int si_status)
{
    out->pid = child->pid;
    out->uid = (int)child->leader->thread.cred->uid;
    out->status = status;
    out->si_code = si_code;
    out->si_status = si_status;
    process_usage_locked(child, NULL, USAGE_BOTH, &out->usage);
}

static bool take_exit(struct wait_request *request, struct process *self, struct process *child)
{
    if (child->state != PROCESS_ZOMBIE || !(request->options & WEXITED))
        return false;
    int status = child->exit_status;
    bool killed = (status & 0x7f) != 0;
    fill_result(request->out, child, status,
                !killed                      ? CLD_EXITED
                : (status & LINUX_WAIT_CORE) ? CLD_DUMPED
                                             : CLD_KILLED,
                killed ? status & 0x7f : status >> 8 & 0xff);
    if (!(request->options & WNOWAIT)) {
        process_absorb_child_locked(self, child);
        request->zombie = process_get(child);
    }
    return true;
}

/* The CHILD_* flag to report (0: none), with the stop signal; it is reported only once. */
static uint32_t take_child_flag(const struct wait_request *request, struct process *child,
                                int *out_stop_signal)
{
    uint32_t wanted = ((request->options & WUNTRACED) ? CHILD_STOPPED_UNREPORTED : 0) |
                      ((request->options & WCONTINUED) ? CHILD_CONTINUED_UNREPORTED : 0);
    bool irq = spin_lock_irqsave(&child->signal_lock);
    uint32_t flag = child->child_flags & wanted;
    if (flag & CHILD_STOPPED_UNREPORTED)
        flag = CHILD_STOPPED_UNREPORTED;
    if (!(request->options & WNOWAIT))
        child->child_flags &= ~flag;
    *out_stop_signal = child->stop_signal;
    spin_unlock_irqrestore(&child->signal_lock, irq);
    return flag;
}

static bool take_stop(struct wait_request *request, struct process *child)
{
    int stop_signal;
    if (child->state != PROCESS_ALIVE)
        return false;
    switch (take_child_flag(request, child, &stop_signal)) {
    case CHILD_STOPPED_UNREPORTED:
        fill_result(request->out, child, linux_wait_stopped(stop_signal), CLD_STOPPED,
                    stop_signal);
        return true;
    case CHILD_CONTINUED_UNREPORTED:
        fill_result(request->out, child, LINUX_WAIT_CONTINUED, CLD_CONTINUED, SIGCONT);
        return true;
    default:
        return false;
    }
}

/* The pid of a child with an event, 0 if one may come, -ECHILD if none can. */
static int64_t scan_children(struct wait_request *request, struct process *self)
{
    struct process *child;
    int64_t result = -ECHILD;

    spin_lock(process_tree_lock(self->kernel));
    list_for_each_entry(child, &self->children, sibling_node)
    {
        /* Being reaped by another thread of ours that has not unlinked it yet. */
        if (child->reaping || !child_matches(request, child))
            continue;
        if (take_exit(request, self, child) || take_stop(request, child)) {
            result = child->pid;
            child->reaping = request->zombie != NULL;
            break;
        }
        /* A zombie has no other events to come than the one that nobody asks for here. */
        if (child->state == PROCESS_ALIVE)
            result = 0;
    }
    spin_unlock(process_tree_lock(self->kernel));
    return result;
}

static int own_group(struct process *self)
{
    spin_lock(process_tree_lock(self->kernel));
    int pgid = self->group->pgid;
    spin_unlock(process_tree_lock(self->kernel));
    return pgid;
}

int64_t process_wait(int type, int id, unsigned options, struct wait_result *out)
{
    struct process *self = current_process();
    struct wait_request request = {.type = type, .id = id, .options = options, .out = out};
    if (type == P_PGID && id == 0) /* the group that is ours now, even if we leave it meanwhile */
        request.id = own_group(self);
    int64_t found = scan_children(&request, self);

    if (found == 0 && !(options & WNOHANG)) {
        int error = wait_event_interruptible(&self->child_wait,
                                             (found = scan_children(&request, self)) != 0);
        if (error && found <= 0)
            return error;
    }
    if (request.zombie) {
        process_reap(request.zombie);
        process_put(request.zombie);
    }
    return found;
}
