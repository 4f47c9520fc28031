/* SPDX-License-Identifier: MIT
 *
 * Tasks (threads of user programs) and processes (thread groups).
 *
 * Lifetimes: a task holds its process; the process table holds a zombie process until it is waited
 * for. Tasks and processes are looked up by pid under the process-tree lock and kept by
 * reference (task_get/process_get).
 * Locks: processes->lock (LOCK_RANK_PROCESS_TREE) guards the tree: pids, parent/children, groups,
 * sessions, exit states. process->signal_lock (LOCK_RANK_SIGNAL) guards everything about signals of
 * the process and its tasks.
 */
#ifndef KERNEL_PROC_TASK_H
#define KERNEL_PROC_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/user.h"
#include "kernel/abi/resource.h"
#include "kernel/abi/signal.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/lib/xarray.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/timer.h"
#include "kernel/sched/wait.h"

struct cgroup;
struct file;
struct key;
struct pid_namespace;
struct pi_waiter;
struct posix_timers;
struct process;
struct ptrace_state;
struct seccomp_filter;
struct task;
struct tty;
struct vfork_wait;

enum { SIGNALS_MAX = 64, TIMER_SLACK_DEFAULT_NS = 50000 };

/* A queued signal. */
struct signal_info {
    struct list_node node;
    struct linux_siginfo info;
    void *owner;                 /* posix timer that it belongs to, or NULL */
};

struct signal_pending {
    uint64_t set;                /* bit n-1: signal n is pending */
    struct list queue;           /* struct signal_info, in order */
};

/* Handlers; shared with CLONE_SIGHAND. The lock nests inside signal_lock. */
struct signal_actions {
    struct refcount refs;
    struct spinlock lock;        /* LOCK_RANK_SIGNAL_ACTIONS */
    struct linux_sigaction actions[SIGNALS_MAX]; /* [signo - 1] */
};

struct session {
    struct refcount refs;
    int sid;
    unsigned group_count;        /* groups with members; process-tree lock */
    struct process *leader;      /* NULL after it exited */
    struct tty *tty;             /* controlling terminal; tty layer's reference; process-tree lock */
};

struct process_group {
    struct refcount refs;
    int pgid;
    struct session *session;
    struct list members;         /* process.group_node */
    struct list_node node;
};

enum process_state { PROCESS_ALIVE, PROCESS_ZOMBIE, PROCESS_REAPED };

/* What wait4 has to report about a living child. */
enum { CHILD_STOPPED_UNREPORTED = 1, CHILD_CONTINUED_UNREPORTED = 2 };

struct process {
    struct refcount refs;
    struct kernel *kernel;
    int pid;                      /* = tgid; the kernel's number for it */
    int own_pid;                  /* in its own namespace; constant once it runs */
    struct pid_namespace *pid_ns; /* that; referenced; NULL: the initial one; constant */
    struct task *leader;         /* main thread; may be a dead one until the group is gone */

    /* process-tree lock */
    struct list tasks;           /* task.process_node; changed under the signal lock too */
    unsigned task_count;         /* not yet exited */
    unsigned unburied;           /* exited threads that their tracer has yet to wait for: until then
                                  * nobody hears of the process's end */
    struct process *parent;      /* referenced; init at the top has itself = NULL */
    struct task *creator;        /* the parent's thread that it belongs to (prctl(2), PDEATHSIG;
                                  * __WNOTHREAD); NULL: none; no reference */
    struct list children;        /* process.sibling_node */
    struct list_node sibling_node;
    struct process_group *group;
    struct list_node group_node;
    enum process_state state;
    bool reaping;                /* a wait has taken the zombie and is about to unlink it */
    int exit_status;             /* wait status word */
    int exit_signal;             /* to the parent when the group is gone: SIGCHLD, 0 … */
    bool did_exec;               /* setpgid: EACCES */
    bool is_subreaper;           /* PR_SET_CHILD_SUBREAPER */
    bool gave_up_tty;            /* TIOCNOTTY: has no controlling terminal, whatever the session has */
    bool is_init;                /* pid 1 of the machine: it never ends */
    bool is_unkillable; /* pid 1 of its namespace: no signal without a handler kills it, but
                         * SIGKILL from above; signal lock to change */
    struct wait_queue child_wait; /* parents wait here for their children (and tracees) */
    struct wait_queue exit_wait;  /* pidfd poll, group exec */

    struct spinlock signal_lock; /* LOCK_RANK_SIGNAL, irqsave; the fields down to rlimits */
    struct signal_actions *actions;
    struct wait_queue signalfd_wait; /* woken when a signal becomes pending */
    struct signal_pending shared_pending;
    bool group_exiting;          /* every task must exit with group_exit_status */
    int group_exit_status;
    struct task *core_task;      /* writes a core dump; the others wait for it; atomic */
    struct task *exec_task;      /* a task execs: the others die, exit_status untouched */
    bool group_stopping;         /* a stop signal was taken: tasks stop; atomic */
    bool group_stopped;          /* all of them have; wait has been told */
    int stop_signal;
    uint32_t child_flags;        /* CHILD_* */
    int notify_code;             /* SIGCONT came: CLD_* that the next task reports to the parent, or 0 */
    unsigned signals_queued;     /* signal_info allocated, against RLIMIT_SIGPENDING */

    struct linux_rlimit64 rlimits[16]; /* RLIM_NLIMITS; signal lock */
    struct timer itimer_real;
    uint64_t itimer_real_expires_ns, itimer_real_interval_ns; /* monotonic; 0: off */
    bool itimer_real_waits;      /* expired; the next interval starts when SIGALRM is taken */
    struct { uint64_t expires_ns, interval_ns; } itimer_virtual, itimer_prof; /* CPU time; 0: off */
    struct timer cpu_check;      /* looks at everything that expires in CPU time; cpu_timers.c */
    uint64_t cpu_checked_ns;     /* CPU time at the last look */
    struct posix_timers *timers; /* NULL until the first timer_create */
    bool timers_closed;          /* the last task is exiting: nothing is armed any more */
    uint32_t dumpable;           /* PR_SET_DUMPABLE; atomic */
    int ptracer_pid;             /* PR_SET_PTRACER: 0 nobody, -1 anybody; process-tree lock */
    uint64_t ptracer_start_ns;   /* of that process: numbers are used again */
    bool huge_pages_off;         /* PR_SET_THP_DISABLE */
    bool io_flusher;             /* PR_SET_IO_FLUSHER */
    uint8_t memory_error_policy; /* PR_MCE_KILL_DEFAULT less what PR_MCE_KILL set */

    /* Accumulated from exited threads, and from waited-for children (getrusage, times). */
    uint64_t dead_utime_ns, dead_stime_ns, dead_minor_faults, dead_major_faults;
    uint64_t dead_voluntary_switches, dead_involuntary_switches;
    uint64_t children_utime_ns, children_stime_ns, children_minor_faults, children_major_faults;
    uint64_t children_voluntary_switches, children_involuntary_switches;
    uint64_t children_max_rss_pages, max_rss_pages;
    uint64_t read_bytes, written_bytes, read_calls, write_calls; /* /proc/PID/io; atomic */
    uint64_t start_ns;
    struct key *process_keyring; /* the key mutex; NULL until asked for */
};

/* What the next system call of a task has to pass before (and after) its handler: one word, tested
 * once per call. Set by the task itself or by others (tracers, SECCOMP_FILTER_FLAG_TSYNC). */
enum syscall_work {
    SYSCALL_WORK_STRACE = 1,     /* the machine's own trace (--trace) */
    SYSCALL_WORK_PTRACE = 2,     /* a tracer wants entry and exit stops */
    SYSCALL_WORK_SECCOMP = 4,    /* seccomp_mode is not DISABLED */
    SYSCALL_WORK_USER_DISPATCH = 8, /* calls may be handed back to the program */
};

struct task {
    struct thread thread;        /* must be first */
    struct hal_user user;
    struct process *process;
    struct refcount refs;
    int tid;     /* the kernel's number for it */
    int own_tid; /* in its process's namespace */
    struct list_node process_node;
    bool exiting;                /* in task_exit; changed under the process-tree lock; atomic */
    bool exited;

    /* Signals: the process's signal lock. */
    uint64_t blocked;
    uint64_t saved_blocked;      /* rt_sigsuspend, ppoll …: mask to restore */
    bool restore_blocked;
    uint64_t real_blocked;       /* sigtimedwait: what counts as blocked meanwhile */
    struct signal_pending pending;
    int ending_signal;           /* ends it without asking a tracer; 0: none */
    bool stop_dequeued;          /* took a stop signal that no SIGCONT has undone yet */
    bool stop_counted;           /* has done its part in the group's stop; atomic */
    bool core_joined;            /* exiting: waits for the core dump; atomic */
    bool signals_closed;         /* exiting: takes no signals any more */
    struct linux_stack altstack; /* own thread only */

    /* System call in progress; own thread only. */
    int64_t syscall_nr;          /* -1 outside */
    uint64_t orig_rax;
    uint32_t syscall_work;       /* enum syscall_work; atomic */
    struct { uint64_t offset, bytes, selector; } user_dispatch; /* syscall_user_dispatch.c */
    int64_t (*restart)(struct task *task); /* ERESTART_RESTARTBLOCK: what restart_syscall calls */
    struct { uint64_t args[6]; } restart_args;

    uint64_t clear_child_tid;    /* CLONE_CHILD_CLEARTID: uaddr or 0 */
    uint64_t robust_list, robust_list_bytes;
    struct pi_waiter *pi_waiter; /* waits for a PI futex; these three: futex_table.pi_lock */
    struct list pi_owned;        /* struct pi_lock: PI futexes that others wait for */
    bool futexes_closed;         /* exiting: its futexes have been given away */
    struct list works;           /* task_work.c; these three: the process's signal lock */
    bool works_pending;          /* the list is not empty; atomic */
    bool works_closed;
    void *uring;                 /* requests of io_uring that this task has to finish; own thread */
    uint64_t rseq_uaddr;         /* rseq.c; own thread only. 0: no area */
    uint32_t rseq_bytes, rseq_signature;
    uint64_t rseq_switches;      /* how often it had lost its CPU when the area was last updated */
    struct vfork_wait *vfork;    /* a parent waits until this task execs or exits; process-tree lock */
    int parent_death_signal;     /* PR_SET_PDEATHSIG; atomic */
    uint64_t timer_slack_ns, timer_slack_default_ns;
    uint32_t personality;
    uint16_t io_priority;        /* ioprio_set(2); atomic */
    uint16_t memory_policy;      /* set_mempolicy(2): mode and flags; own thread */
    uint64_t memory_nodes;       /* the low nodes that were asked for with it */
    bool counted;                /* in counted_uid's number of tasks; process-tree lock */
    uint32_t counted_uid;
    bool over_process_limit;     /* by setuid: execve fails while it is so; own thread */
    uint64_t last_fault_address; int last_trap; uint64_t last_error; /* for signal frames */

    /* Tracing (ptrace_internal.h): process-tree lock and signal lock to change. */
    bool traced;                 /* has a tracer; atomic: task_is_traced */
    struct ptrace_state *ptrace; /* NULL until it has one for the first time */
    struct list tracees;         /* ptrace_state.node of those that it traces; process-tree lock */
    int exit_status;             /* of a dead thread, for its tracer; process-tree lock */

    /* proc/seccomp.c: changed under the signal lock, by the task itself or by SECCOMP_*_TSYNC. */
    struct seccomp_filter *seccomp;
    int seccomp_mode;            /* atomic */
    struct key *thread_keyring, *session_keyring; /* referenced; the key mutex; proc/keyrings.c */
    uint8_t request_key_default; /* KEYCTL_SET_REQKEY_KEYRING */
    bool keyrings_closed;        /* exiting: gets no session any more; atomic */
    bool no_new_privs;           /* PR_SET_NO_NEW_PRIVS; atomic, never cleared */
    bool freeze;                 /* its control group is frozen; tree and signal lock to change */
    bool parked;                 /* sits still, see freeze.c; these: process-tree lock */
    struct cgroup *cgroup;       /* referenced until the task is reaped; NULL: the root group */
    struct list_node cgroup_node; /* of the group's members, until it exits */
    uint64_t cgroup_user_ns, cgroup_system_ns; /* its CPU time before it came into the group */
};

static inline struct task *task_of(struct thread *thread)
{
    return (struct task *)thread;
}

/* The current user task. Only where the current thread is one (system calls, the user loop). */
static inline struct task *current_task(void)
{
    return task_of(this_thread());
}
static inline struct process *current_process(void)
{
    return current_task()->process;
}

/* Has it a tracer at this moment? */
static inline bool task_is_traced(const struct task *task)
{
    return atomic_load_acquire(&task->traced);
}

static inline void task_set_syscall_work(struct task *task, uint32_t work)
{
    atomic_fetch_or_release(&task->syscall_work, work);
}
static inline void task_clear_syscall_work(struct task *task, uint32_t work)
{
    atomic_fetch_and_release(&task->syscall_work, ~work);
}

struct task *task_get(struct task *task);
void task_put(struct task *task);
struct process *process_get(struct process *process);
void process_put(struct process *process);

/* ---- lookup (pid.c) ---- */

/* Referenced, or NULL. task_find: by tid, exited ones not included. process_find: zombies included. */
struct task *task_find(struct kernel *kernel, int tid);
struct process *process_find(struct kernel *kernel, int pid);
/* The same by a number that the current thread has given, in its namespace. */
struct task *task_find_given(int number);
/* The same, and an exited leader too as long as its process was not waited for. */
struct task *task_find_unreaped_given(int number);
struct process *process_find_given(int number);
/* The process that a number means: its own, or that of one of its threads. Referenced, or NULL. */
struct process *process_find_any(struct kernel *kernel, int tid);
/* The next process that the namespace has behind *number, which becomes its number there;
 * referenced; NULL at the end. For /proc and kill(-1). */
struct process *process_next(struct pid_namespace *ns, int *number);
/* Whose numbers own_pid and own_tid are; as long as the process lives. */
struct pid_namespace *process_pid_namespace(const struct process *process);
/* The next task of the process with tid > after; referenced. */
struct task *process_next_task(struct process *process, int after);
unsigned task_count(struct kernel *kernel);
uint64_t process_forks(struct kernel *kernel); /* since boot */

struct spinlock *process_tree_lock(struct kernel *kernel);

/* ---- life (fork.c, exec.c, exit.c, wait.c) ---- */

struct clone_args { /* decoded and checked clone/clone3 arguments */
    uint64_t flags;              /* CLONE_* without the exit signal */
    int exit_signal;
    uint64_t stack;              /* new rsp or 0 */
    uint64_t tls;
    uint64_t parent_tid, child_tid, pidfd; /* user addresses */
    unsigned set_tid_count;                /* numbers wanted, the innermost namespace's first */
    int set_tid[33];
    int cgroup_fd;               /* CLONE_INTO_CGROUP */
};
/* New task or process that continues from the current task's registers with rax 0. Its tid or
 * -EAGAIN -ENOMEM … With CLONE_VFORK returns after the child execs or exits. */
int64_t task_clone(const struct clone_args *args);

/* Replace the current program. Path walking, binfmt (ELF64, #!), credentials. On success the caller
 * returns to user mode with the new registers. argv/envp are user pointers arrays unless kernel. */
struct exec_strings {
    bool kernel;
    bool name_is_closed;         /* filename is below /dev/fd/N and N closes: no name for a script */
    uint64_t argv, envp;         /* user arrays, or const char *const * */
};
int task_exec(struct file *file, const char *filename, const struct exec_strings *strings);

/* The current task leaves its address space (exec, exit): wakes a vfork parent, clears and wakes
 * clear_child_tid, hands over robust futexes. */
void task_release_mm(struct task *task);

/* Install `mm` (consumes the reference; NULL: none) as the current task's and drop the old one. */
void task_set_mm(struct task *task, struct mm *mm);

/* The address space of any task, referenced; NULL if it has none (any more). process_mm: of the first
 * of its tasks that has one. */
struct mm *task_mm(struct task *task);
struct mm *process_mm(struct process *process);

/* End the current task; status is a wait status word (W_EXITCODE). Never returns. */
__attribute__((noreturn)) void task_exit(int status);
/* End the whole process (exit_group, fatal signals). Never returns. */
__attribute__((noreturn)) void process_exit(int status);

/* The init of a pid namespace is killed, and everybody in it with it; its parent sees it ended by
 * `signo`. */
void process_kill_namespace(struct pid_namespace *ns, int signo);

/* What wait4/waitid found. status is a wait status word; pid and uid are the caller's for it. */
struct wait_result {
    int pid, status, uid;
    int si_code;                 /* CLD_* */
    int si_status;
    struct linux_rusage usage;
};
/* wait4(2), waitid(2): type P_*, id (the kernel's); options W*. The pid as out->pid, or 0
 * (WNOHANG), -ECHILD, -ERESTARTSYS. */
int64_t process_wait(int type, int id, unsigned options, struct wait_result *out);

/* getrusage(2) figures. */
enum usage_who { USAGE_SELF, USAGE_CHILDREN, USAGE_THREAD, USAGE_BOTH };
void process_usage(struct process *process, struct task *task, enum usage_who who,
                   struct linux_rusage *out);
void process_cpu_time(struct process *process, uint64_t *out_user_ns, uint64_t *out_system_ns);

/* The first user process: pid 1 is the kernel's init thread's task, which mounts /proc /dev /sys
 * /tmp, runs the job as its child, reaps orphans and powers off with the job's status. init.c */

/* ---- limits ---- */

/* The real user of the current task is about to be `uid`, for RLIMIT_NPROC. 0 or -EAGAIN (memory). */
int task_change_user(uint32_t uid);
/* execve after such a change: -EAGAIN while the user has more tasks than RLIMIT_NPROC. */
int task_check_exec_limit(void);

uint64_t process_limit(struct process *process, unsigned resource); /* soft limit */
static inline uint64_t current_limit(unsigned resource)
{
    return process_limit(current_process(), resource);
}

#endif
