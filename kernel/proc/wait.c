/* SPDX-License-Identifier: MIT
 *
 * Waiting for children (wait4(2), waitid(2)).
 *
 * A scan of the children, and of the tasks that the process traces (ptrace(2)), runs under the
 * process-tree lock and takes the first event that fits; if there is none but one could still come, the
 * caller sleeps on its process's child_wait, which every such event wakes.
 *
 * A traced child is the tracer's business as long as it is traced: its parent, if that is somebody
 * else, sees only the group's stops, and its end when the tracer has seen it.
 */
#include "kernel/abi/wait.h"
#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/proc/process_internal.h"
#include "kernel/proc/ptrace_internal.h"
#include "kernel/proc/signal.h"
#include "kernel/sched/wait.h"
#include "kernel/security/cred.h"
#include "kernel/security/landlock.h"
#include "kernel/security/pid_namespace.h"
#include "kernel/security/user_namespace.h"

struct wait_request {
    int type, id;               /* P_PGID: id is a number, never 0 */
    unsigned options;
    struct wait_result *out;
    struct process *zombie; /* found; to be reaped after the lock is dropped */
    struct task *dead;      /* a traced thread that has been waited for */
    struct list reaped;     /* traced processes that nobody else waits for */
};

static bool id_matches(const struct wait_request *request, const struct process *process, int tid)
{
    switch (request->type) {
    case P_PID:
    case P_PIDFD:
        return tid == request->id;
    case P_PGID:
        return process->group && process->group->pgid == request->id;
    default:
        return true;
    }
}

static bool child_matches(const struct wait_request *request, const struct process *child)
{
    /* Children whose exit does not send SIGCHLD ("clone children") need __WCLONE or __WALL. */
    bool clone_child = child->exit_signal != SIGCHLD;
    if (!(request->options & __WALL) && clone_child != !!(request->options & __WCLONE))
        return false;
    if ((request->options & __WNOTHREAD) && child->creator != current_task())
        return false;
    return id_matches(request, child, child->pid);
}

static void fill_result(struct wait_result *out, struct process *child, int status, int si_code,
                        int si_status)
{
    out->pid = current_pid_shown(child->pid);
    out->uid = (int)current_uid_shown(child->leader->thread.cred->uid);
    out->status = status;
    out->si_code = si_code;
    out->si_status = si_status;
    process_usage_locked(child, NULL, USAGE_BOTH, &out->usage);
}

static void fill_exit(struct wait_result *out, struct process *child, int status)
{
    bool killed = (status & 0x7f) != 0;
    fill_result(out, child, status,
                !killed                      ? CLD_EXITED
                : (status & LINUX_WAIT_CORE) ? CLD_DUMPED
                                             : CLD_KILLED,
                killed ? status & 0x7f : status >> 8 & 0xff);
}

static bool take_exit(struct wait_request *request, struct process *self, struct process *child)
{
    if (child->state != PROCESS_ZOMBIE || child->unburied > 0 || !(request->options & WEXITED))
        return false;
    fill_exit(request->out, child, child->exit_status);
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

/* ---- tracees ---- */

/* A dead thread, or a dead process by its leader. */
static bool take_tracee_exit(struct wait_request *request, struct process *self, struct task *task)
{
    struct process *process = task->process;
    if (!(request->options & WEXITED))
        return false;
    if (task == process->leader) {
        if (process->state != PROCESS_ZOMBIE || process->unburied > 0 || process->reaping)
            return false;
        if (process->parent == self)
            return take_exit(request, self, process);
        /* The parent gets it when we have had it. */
        fill_exit(request->out, process, process->exit_status);
        if (!(request->options & WNOWAIT)) {
            ptrace_unlink_locked(task);
            process_announce_again_locked(process, self, &request->reaped);
        }
        return true;
    }
    fill_exit(request->out, process, task->exit_status);
    request->out->pid = current_pid_shown(task->tid);
    if (!(request->options & WNOWAIT)) {
        ptrace_bury_locked(task, &request->reaped);
        request->dead = task;
    }
    return true;
}

static bool take_tracee_stop(struct wait_request *request, struct task *task)
{
    struct process *process = task->process;
    struct ptrace_state *trace = task->ptrace;
    bool irq = spin_lock_irqsave(&process->signal_lock);
    int code = trace->stopped && !trace->listening ? trace->code : 0;
    if (code && !(request->options & WNOWAIT))
        trace->code = 0;
    spin_unlock_irqrestore(&process->signal_lock, irq);
    if (!code)
        return false;
    fill_result(request->out, process, linux_wait_stopped(code), CLD_TRAPPED, code);
    request->out->pid = current_pid_shown(task->tid);
    return true;
}

/* A continued tracee is reported like a continued child. */
static bool take_tracee(struct wait_request *request, struct process *self, struct task *task)
{
    if (task->exited)
        return take_tracee_exit(request, self, task);
    if (take_tracee_stop(request, task))
        return true;
    struct wait_request continued = *request;
    continued.options &= ~(unsigned)WUNTRACED;
    if (task->process->state != PROCESS_ALIVE || !take_stop(&continued, task->process))
        return false;
    request->out->pid = current_pid_shown(task->tid);
    return true;
}

/* As scan_children, for what one thread traces. */
static int64_t scan_tracees(struct wait_request *request, struct process *self, struct task *tracer)
{
    struct ptrace_state *trace;
    int64_t result = -ECHILD;

    list_for_each_entry(trace, &tracer->tracees, node)
    {
        struct task *task = trace->task;
        if (!id_matches(request, task->process, task->tid))
            continue;
        int tid = task->tid;
        if (take_tracee(request, self, task))
            return tid;
        if (!task->exited || (request->options & WEXITED))
            result = 0;
    }
    return result;
}

static int64_t scan_all_tracees(struct wait_request *request, struct process *self)
{
    struct task *tracer;
    int64_t result = -ECHILD;

    list_for_each_entry(tracer, &self->tasks, process_node)
    {
        if ((request->options & __WNOTHREAD) && tracer != current_task())
            continue;
        if (list_empty(&tracer->tracees))
            continue;
        int64_t found = scan_tracees(request, self, tracer);
        if (found > 0)
            return found;
        result = MAX(result, found);
    }
    return result;
}

/* A child that this process, or another one, traces. */
static bool is_tracee_of(const struct process *child, const struct process *self)
{
    const struct task *tracer = ptrace_tracer_locked(child->leader);
    return tracer && tracer->process == self;
}

/* ---- children ---- */

static bool take_child(struct wait_request *request, struct process *self, struct process *child)
{
    if (child->state == PROCESS_ZOMBIE && child->leader->traced)
        return false;
    return take_exit(request, self, child) || take_stop(request, child);
}

/* The pid of a child with an event, 0 if one may come, -ECHILD if none can. */
static int64_t scan_children(struct wait_request *request, struct process *self)
{
    struct process *child;
    int64_t result = -ECHILD;

    list_for_each_entry(child, &self->children, sibling_node)
    {
        /* Being reaped by another thread of ours that has not unlinked it yet. */
        if (child->reaping || is_tracee_of(child, self) || !child_matches(request, child))
            continue;
        if (take_child(request, self, child))
            return child->pid;
        /* A zombie has no other events to come than the one that nobody asks for here, or the one
         * that its tracer, or that of a thread, keeps from us. */
        if (child->state == PROCESS_ALIVE || child->unburied > 0 || child->leader->traced)
            result = 0;
    }
    return result;
}

static int64_t scan(struct wait_request *request, struct process *self)
{
    spin_lock(process_tree_lock(self->kernel));
    int64_t result = scan_children(request, self);
    if (result <= 0)
        result = MAX(result, scan_all_tracees(request, self));
    if (request->zombie)
        request->zombie->reaping = true;
    spin_unlock(process_tree_lock(self->kernel));
    return result;
}

/* Drop what a scan has taken out of the tree. */
static void bury(struct wait_request *request)
{
    struct process *process, *following;
    if (request->zombie) {
        process_reap(request->zombie);
        process_put(request->zombie);
    }
    if (request->dead)
        task_put(request->dead);
    list_for_each_entry_safe(process, following, &request->reaped, sibling_node)
    {
        list_remove(&process->sibling_node);
        process_put_reaped(process);
    }
    landlock_reap(this_kernel());
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
    list_init(&request.reaped);
    int64_t found = scan(&request, self);

    if (found == 0 && !(options & WNOHANG)) {
        int error =
            wait_event_interruptible(&self->child_wait, (found = scan(&request, self)) != 0);
        if (error && found <= 0)
            return error;
    }
    bury(&request);
    return found > 0 ? out->pid : found;
}

void process_reap_children(void)
{
    struct process *self = current_process();
    struct wait_result result;
    int64_t found;
    do {
        struct wait_request request = {.type = P_ALL, .options = WEXITED | __WALL, .out = &result};
        list_init(&request.reaped);
        wait_event(&self->child_wait, (found = scan(&request, self)) != 0);
        bury(&request);
    } while (found > 0);
}
