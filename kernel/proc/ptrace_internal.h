/* SPDX-License-Identifier: MIT
 *
 * What the files about tracing share, and their hooks for the rest of proc/.
 *
 * A task that has been traced once keeps its struct ptrace_state until it is freed; task->traced
 * says whether it has a tracer now. Both that and `tracer` change under the process-tree lock and
 * the signal lock of the tracee's process, so that either is enough to read them.
 */
#ifndef KERNEL_PROC_PTRACE_INTERNAL_H
#define KERNEL_PROC_PTRACE_INTERNAL_H

#include "kernel/abi/elf.h"
#include "kernel/abi/ptrace.h"
#include "kernel/proc/process_internal.h"
#include "kernel/proc/ptrace.h"

#define FLAG_TF 0x100ull

struct ptrace_state {
    struct task *task;     /* the tracee that this belongs to */
    struct list_node node; /* in tracer->tracees; process-tree lock */
    struct task *tracer;   /* a thread; no reference: it lets go before it exits */
    bool seized;
    uint32_t options;               /* PTRACE_O_* */
    const struct cred *tracer_cred; /* when it attached; referenced; process-tree lock */

    /* Signal lock of the tracee's process. */
    bool stopped;     /* in a stop; the tracer may look and change */
    bool frozen;      /* a request works on it: it stays, even if it is killed */
    bool listening;   /* PTRACE_LISTEN: stays, but counts as running */
    bool trap_stop;   /* is to stop with PTRACE_EVENT_STOP (or for the group's stop) */
    bool trap_notify; /* seized: the group's stop began or ended */
    bool trapping;    /* an attacher waits until a job-control stop has become ours */
    int code;         /* for wait: signal, event in bits 8 and up; 0: has been told. While
                       * the task goes on: the signal to inject */
    bool resumed;     /* by a request, which has chosen `code` */
    int why;          /* CLD_TRAPPED or CLD_STOPPED */
    bool has_info;
    struct linux_siginfo info;
    uint64_t message; /* PTRACE_GETEVENTMSG */

    /* How it was resumed; written while it is stopped. */
    bool trace_calls, emulate_calls; /* PTRACE_SYSCALL; PTRACE_SYSEMU */
    bool step;                       /* one instruction */
    bool step_forced;                /* RFLAGS.TF is ours, not the program's */

    unsigned watching;   /* debug registers in use (ptrace_watch.c): bit n for DRn */
    uint64_t watched[4]; /* what was there */
    uint64_t debug[8];   /* DR0 to DR7 as the tracer sees them */
};

/* What stops a task, as wait and PTRACE_GETSIGINFO report it. */
struct ptrace_stop {
    int code, why;
    uint64_t message;
    struct linux_siginfo *info; /* NULL: none; the tracer may have changed it */
};

/* ---- ptrace.c: who traces whom. "_locked": process-tree lock ---- */

int ptrace_allocate(struct task *task); /* its state: 0 or -ENOMEM; idempotent */
void ptrace_free(struct task *task);
void ptrace_link_locked(struct task *task, struct task *tracer, const struct cred *cred,
                        bool seized, uint32_t options);
/* Let go; a stopped task goes on. */
void ptrace_unlink_locked(struct task *task);
static inline struct task *ptrace_tracer_locked(const struct task *task)
{
    return task->traced ? task->ptrace->tracer : NULL;
}
/* Its tracer is a thread of somebody else than its parent. */
bool ptrace_is_reparented_locked(const struct task *task);
/* A new task, about to be entered in the table: does a tracer want to follow it? */
bool ptrace_follows(const struct task *parent, const struct clone_args *args, int *out_event);
void ptrace_inherit_locked(struct task *child, struct task *parent);
/* A traced task has ended for good: tell the tracer. Not for one whose group lives on in others. */
void ptrace_notify_exit_locked(struct task *task, int signo);
/* A thread exits: let go of what it traces. The last reference to traced dead threads is dropped by
 * the caller: they are collected in `dead` by process_node; of processes in `reaped`, by
 * sibling_node. */
void ptrace_release_tracees_locked(struct task *tracer, struct list *dead, struct list *reaped);
/* A dead thread that is not its group's leader leaves the table: its tracer knows. The caller drops
 * the slot's reference. If its process has waited for that to be announced and nobody waits for it, it
 * is added to `reaped` by its sibling_node. */
void ptrace_bury_locked(struct task *task, struct list *reaped);
/* execve: the capabilities that may be gained under this tracer. */
bool ptrace_tracer_is_capable(struct task *task);
/* A tracer without CAP_SYS_PTRACE loses the task. */
void ptrace_drop_incapable(struct task *task);

/* ---- ptrace_stop.c ---- */

/* The current task stops, if it is still traced, until its tracer (or death) wants it to go on. The
 * signal to inject, 0 for none. Called and returns with the signal lock held. */
int ptrace_stop_locked(struct task *task, const struct ptrace_stop *stop, bool *irq);
/* Pending traps and the group's stop. True if there was one: look again. Signal lock. */
bool ptrace_trap_locked(struct task *task, bool *irq);
/* A signal has been taken: what the tracer makes of it. Signal lock. */
int ptrace_signal_locked(struct task *task, int signo, struct linux_siginfo *info, bool *irq);
/* PTRACE_EVENT_*: stops if the tracer has asked for it. No lock. True if it had asked. */
bool ptrace_event(struct task *task, int event, uint64_t message);
void ptrace_event_exec(struct task *task, int old_tid);
/* What the tracer, if there is one, calls a kernel pid. Takes the process-tree lock. */
int ptrace_tracer_sees(struct task *task, int tid);
/* A handler has been set up for a task that steps. */
void ptrace_report_handler(struct task *task);
/* The tracer's single step ends: RFLAGS.TF is the program's again. */
void ptrace_end_step(struct task *task);

/* Signal lock: something about the group's stop has changed. */
void ptrace_group_changed_locked(struct process *process);

/* Is there a trap to be taken? Signal lock. */
static inline bool ptrace_trap_pending(const struct task *task)
{
    return task->traced && (task->ptrace->trap_stop || task->ptrace->trap_notify);
}

/* ---- ptrace_regs.c: of a stopped task ---- */

int64_t ptrace_regs_request(struct task *task, int64_t request, uint64_t addr, uint64_t data);
void ptrace_get_regs(struct task *task, struct linux_user_regs *out);
int ptrace_peek_user(struct task *task, uint64_t offset, uint64_t *out);
int ptrace_poke_user(struct task *task, uint64_t offset, uint64_t value);
/* The XSAVE area as debuggers know it; `out` holds hal_fpu_size() bytes. */
void ptrace_get_xstate(struct task *task, void *out);

/* ---- ptrace_watch.c: hardware breakpoints and watchpoints ---- */

/* Write a debug register of a stopped task: 0, -EIO, -EINVAL. */
int ptrace_set_debug(struct task *task, uint64_t index, uint64_t value);
/* The task goes on with debug registers in use. */
void ptrace_watch_resume(struct task *task);
/* The current task has executed one instruction: SIGTRAP if a register says so or its tracer steps.
 */
void ptrace_watch_step(struct task *task);

/* ---- ptrace_info.c: signals and system calls of a stopped task ---- */

int64_t ptrace_info_request(struct task *task, int64_t request, uint64_t addr, uint64_t data);

#endif
