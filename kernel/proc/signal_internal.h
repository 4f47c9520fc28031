/* SPDX-License-Identifier: MIT
 *
 * What the files about signals share. All "_locked" functions: the process's signal lock is held.
 */
#ifndef KERNEL_PROC_SIGNAL_INTERNAL_H
#define KERNEL_PROC_SIGNAL_INTERNAL_H

#include "kernel/proc/process_internal.h"
#include "kernel/proc/signal.h"

#define SIGNALS_UNBLOCKABLE (LINUX_SIGMASK(SIGKILL) | LINUX_SIGMASK(SIGSTOP))
#define SIGNALS_STOPPING                                                                           \
    (LINUX_SIGMASK(SIGSTOP) | LINUX_SIGMASK(SIGTSTP) | LINUX_SIGMASK(SIGTTIN) |                    \
     LINUX_SIGMASK(SIGTTOU))
#define SIGNALS_IGNORED_BY_DEFAULT                                                                 \
    (LINUX_SIGMASK(SIGCONT) | LINUX_SIGMASK(SIGCHLD) | LINUX_SIGMASK(SIGWINCH) |                   \
     LINUX_SIGMASK(SIGURG))
/* Raised by the instruction that is running: they go first. */
#define SIGNALS_SYNCHRONOUS                                                                        \
    (LINUX_SIGMASK(SIGSEGV) | LINUX_SIGMASK(SIGBUS) | LINUX_SIGMASK(SIGILL) |                      \
     LINUX_SIGMASK(SIGTRAP) | LINUX_SIGMASK(SIGFPE) | LINUX_SIGMASK(SIGSYS))
#define SIGNALS_DUMPING_CORE                                                                       \
    (LINUX_SIGMASK(SIGQUIT) | LINUX_SIGMASK(SIGILL) | LINUX_SIGMASK(SIGTRAP) |                     \
     LINUX_SIGMASK(SIGABRT) | LINUX_SIGMASK(SIGFPE) | LINUX_SIGMASK(SIGSEGV) |                     \
     LINUX_SIGMASK(SIGBUS) | LINUX_SIGMASK(SIGSYS) | LINUX_SIGMASK(SIGXCPU) |                      \
     LINUX_SIGMASK(SIGXFSZ))

static inline bool signal_in(uint64_t set, int signo)
{
    return (set & LINUX_SIGMASK(signo)) != 0;
}

static inline bool signal_number_valid(int signo)
{
    return signo >= 1 && signo <= SIGNALS_MAX;
}

/* ---- signal.c ---- */

/* As signal_send_process (task NULL) or signal_send_task. */
int signal_send_locked(struct process *process, struct task *task, int signo,
                       const struct linux_siginfo *info);
/* A posix timer's own entry (entry->owner set), which is never allocated nor freed here. 1: queued;
 * 0: the signal is ignored; -EAGAIN: this entry is queued already; -ESRCH: nobody is left. */
int signal_send_entry_locked(struct process *process, struct task *task, struct signal_info *entry);
void signal_kill_group_locked(struct process *process, int status);
/* Has the current thread a number in the target's pid namespace? */
bool signal_sender_is_seen(const struct process *target);
/* Does the information name a process and a user as the sender? */
bool signal_has_sender(const struct linux_siginfo *info);
/* Forget the signals of the set, the group's and every task's. */
void signal_discard_everywhere_locked(struct process *process, uint64_t set);
/* The handler word, also without actions->lock. */
uint64_t signal_handler(struct process *process, int signo);

/* ---- signal_pending.c ---- */

/* Append; `forced` ignores the limit. -EAGAIN. */
int signal_queue_locked(struct process *process, struct signal_pending *pending, int signo,
                        const struct linux_siginfo *info);
/* Forget every pending signal of the set. */
void signal_discard_locked(struct process *process, struct signal_pending *pending, uint64_t set);
/* execve: pending signals of POSIX timers are gone with the timers. */
void signal_discard_timer_signals_locked(struct process *process);
/* Take one that is not in `blocked`, the task's own first. 0: none. */
int signal_dequeue_locked(struct task *task, uint64_t blocked, struct linux_siginfo *out);

/* ---- signal_deliver.c ---- */

/* True once for each stop of the group: the last task has stopped. */
bool signal_complete_stop_locked(struct process *process);

/* ---- signal_frame.c ---- */

/* Make the current task run a handler: 0, or -EFAULT if the frame cannot be written. */
int signal_frame_push(struct task *task, int signo, const struct linux_siginfo *info,
                      const struct linux_sigaction *action);

/* ---- signal_actions.c ---- */

int64_t signal_set_altstack(struct task *task, const struct linux_stack *stack, uint64_t rsp);
bool signal_on_altstack(const struct task *task, uint64_t rsp);

void signal_set_blocked_locked(struct task *task, uint64_t blocked);

/* ---- itimer.c ---- */

/* SIGALRM has been taken: the interval timer goes on. */
void itimer_real_taken_locked(struct process *process);
void itimer_real_fire(struct timer *timer);

/* ---- cpu_timers.c ---- */

/* Something that expires in CPU time was set or cleared: look at the right time. */
void cpu_timers_update_locked(struct process *process);
void cpu_timers_fire(struct timer *timer);
uint64_t process_cpu_ns_locked(struct process *process, bool user_only);

/* ---- posix_timers.c ---- */

/* A posix timer's signal has been taken: fills in the overrun count, starts the next interval. */
void posix_timer_taken_locked(struct signal_info *entry, struct linux_siginfo *info);
/* Deal with timers on CPU clocks that have expired; the least CPU time that is left to one of them
 * (UINT64_MAX: there is none). */
uint64_t posix_timers_check_cpu_locked(struct process *process);

#endif
