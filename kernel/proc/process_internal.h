/* SPDX-License-Identifier: MIT
 *
 * What the files of proc/ share about tasks, processes and signals; not for others.
 */
#ifndef KERNEL_PROC_PROCESS_INTERNAL_H
#define KERNEL_PROC_PROCESS_INTERNAL_H

#include "kernel/proc/process_table.h"
#include "kernel/proc/task.h"

/* ---- task.c ---- */

/* A task with stack, FPU area and empty signal state, in no process yet, entry(task). One reference:
 * the thread's. */
int task_allocate(struct kernel *kernel, const char *name, void (*entry)(void *), struct task **out);
void task_discard(struct task *task); /* never started */
int process_allocate(struct kernel *kernel, struct process **out);
void process_set_default_limits(struct process *process);

/* Under the process-tree lock. */
void process_usage_locked(struct process *process, struct task *task, enum usage_who who,
                          struct linux_rusage *out);
void process_absorb_task_locked(struct process *process, struct task *task);
void process_absorb_child_locked(struct process *parent, struct process *child);

/* ---- fork.c ---- */

/* task_clone in general: the new task starts in entry(task) instead of returning from a system
 * call, and is not started yet. */
int task_create(const struct clone_args *args, void (*entry)(void *), struct task **out);

/* Who waits for a vfork child. Lives on the parent's stack; task->vfork points to it until the
 * child has called task_release_mm or the parent has given up. Process-tree lock. */
struct vfork_wait {
    struct wait_queue wait;
    bool done;
};

/* What a process calls a kernel pid (0: it does not see it) and a kernel uid. For a signal's
 * information and the like; the process-tree lock, or it is the current one's. */
static inline int pid_seen_by(const struct process *viewer, int pid)
{
    return likely(!viewer->pid_ns) ? pid : pid_number_in(viewer->pid_ns, pid);
}
uint32_t uid_seen_by(const struct process *viewer, uint32_t kernel_uid);

/* ---- wait.c ---- */

/* Reap all children of the current process, which must be dying or dead; blocks until they are. */
void process_reap_children(void);

/* ---- exit_namespace.c ---- */

/* The last task of a pid namespace's init ends: everybody in it is killed and gone when this
 * returns. Blocks. */
void process_end_namespace(struct task *task);

/* ---- exit.c ---- */

/* Take a zombie out of the tree and drop the table's reference. */
void process_reap(struct process *process);
/* Tell the parent about a stop or continue of its child (SIGCHLD, wait). Process-tree lock not held. */
void process_notify_parent_of_stop(struct process *process, int si_code, int signo);
void process_notify_parent_of_stop_locked(struct process *process, int si_code, int signo);
/* Tell the tracer or the parent of a zombie, whose threads are all gone and buried. If nobody waits
 * for it, it is added to `reaped` by its sibling_node. Process-tree lock. */
void process_announce_locked(struct process *process, struct list *reaped);
/* The tracer of a zombie lets go of it: its parent hears of it now. If nobody waits for it, it is
 * added to `reaped` by its sibling_node. Process-tree lock. */
void process_announce_again_locked(struct process *process, struct process *tracer,
                                   struct list *reaped);
/* Drop what is left of a process that was unlinked, as process_announce_again_locked does. */
void process_put_reaped(struct process *process);

/* ---- exec.c ---- */

/* Run a program from kernel space: the machine's job. argv and envp are kernel pointers. */
int task_exec_kernel(const char *path, char *const *argv, char *const *envp);
/* All other threads of the group die; the current one becomes the leader. 0 or -EAGAIN when the group
 * is already exiting. */
int task_become_only_thread(struct task *task);

/* ---- signal.c and friends ---- */

void signal_pending_init(struct signal_pending *pending);
void signal_pending_flush(struct signal_pending *pending); /* frees the queue */
int signal_actions_create(struct signal_actions **out);    /* all SIG_DFL */
int signal_actions_copy(struct signal_actions *from, bool clear_handlers,
                        struct signal_actions **out);
struct signal_actions *signal_actions_get(struct signal_actions *actions);
void signal_actions_put(struct signal_actions *actions);
/* execve: handlers become SIG_DFL, ignored stay, the alternate stack is gone; actions are unshared. */
int signal_reset_for_exec(struct task *task);

/* Start killing the whole group with this wait status, unless it is being killed already; the current
 * task goes on and exits at its next look. */
void signal_kill_group(struct process *process, int status);
/* The task exits: pending signals that it could have taken go to other threads; a group stop no
 * longer waits for it. */
void signal_task_exit(struct task *task);

/* ---- timers: posix_timers.c ---- */

void signal_timers_init(struct process *process);      /* interval timers at process creation */
void signal_timers_exec(struct process *process);      /* posix timers are deleted at exec */
void signal_timers_exit(struct process *process);      /* last task is exiting: cancel all, may block */

/* ---- futex.c ---- */

int futex_init(struct kernel *kernel);
/* A task leaves its mm: robust list, then clear_child_tid. */
void futex_release_task(struct task *task);

#endif
