/* SPDX-License-Identifier: MIT
 *
 * struct thread: what the scheduler schedules. Kernel threads are bare; struct task
 * (proc/task.h) embeds one as its first member.
 */
#ifndef KERNEL_SCHED_THREAD_H
#define KERNEL_SCHED_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/boot.h"
#include "hal/context.h"
#include "kernel/core/spinlock.h"
#include "kernel/lib/list.h"
#include "kernel/lib/rbtree.h"

struct cred;
struct file;
struct file_table;
struct fs_context;
struct hal_aspace;
struct kernel;
struct mm;
struct sem_undo_list;
struct namespaces;
struct pid_namespace;
struct thread;
struct cpu;

enum thread_state {
    THREAD_NEW,
    THREAD_RUNNABLE,        /* on a run queue or running: R */
    THREAD_INTERRUPTIBLE,   /* blocked; thread_interrupt wakes it: S */
    THREAD_UNINTERRUPTIBLE, /* blocked until its event: D */
    THREAD_KILLABLE,        /* blocked; only a fatal thread_interrupt wakes it: D */
    THREAD_STOPPED,         /* job control or ptrace stop: T/t */
    THREAD_DEAD,
};

enum { THREAD_NAME_MAX = 16 };

/* CPUs as a bit set; HAL_CPUS_MAX fits one word. */
struct cpu_mask {
    uint64_t bits;
};

/* Scheduling parameters and EEVDF state; owned by sched/, guarded by the run queue's lock. */
struct sched_entity {
    struct rb_node run_node;
    struct list_node rt_node;
    uint64_t vruntime, deadline, min_vruntime; /* min_* maintained by the rbtree augmentation */
    uint64_t picked_deadline; /* deadline when picked: until then it is not preempted lightly */
    int64_t vlag;             /* while not queued: how much service it was owed, virtual ns */
    uint64_t slice_ns;
    uint64_t exec_start_ns;   /* when it last got the CPU */
    uint64_t sum_exec_ns;     /* CPU time consumed, ever */
    uint32_t weight;
    int policy;               /* SCHED_NORMAL, SCHED_FIFO …: what it runs by */
    int nice;                 /* -20..19 */
    int rt_priority;          /* 1..99 for FIFO/RR, else 0: likewise */
    int own_policy, own_rt_priority; /* as was asked for it: without the next */
    int lent_rt_priority;            /* of the highest thread that waits for it; 0: none */
    uint64_t rr_left_ns;
    uint64_t rt_from_ns;      /* sum_exec_ns when it last woke, or became real-time */
    bool reset_on_fork;
    bool queued;              /* runnable: on a run queue, or its current thread */
    bool placed;              /* has been on a run queue before */
};

struct thread {
    struct hal_context context;
    struct kernel *kernel;
    void *stack;                  /* from hal_stack_map; NULL for a CPU's boot/idle thread */
    struct page *stack_pages;

    enum thread_state state;      /* changed under the run queue lock of `cpu`; read anywhere */
    unsigned cpu;                 /* CPU whose run queue it is on, or last ran on */
    bool on_cpu;                  /* is executing (its stack is in use) */
    struct sched_entity se;
    struct cpu_mask affinity;

    /* Does it usually block soon after it has woken another thread? Then the other is queued behind
     * it instead of interrupting an idle CPU (wakeup.c). Its own CPU, interrupts masked. */
    uint8_t sync_score;           /* saturating counter 0..SYNC_SCORE_MAX */
    uint64_t woke_ns;             /* when it last woke a thread onto its own CPU's queue or an idle
                                   * CPU, and has not been judged by it; 0: none */

    /* Set by thread_interrupt: a signal (or kill) wants attention. Interruptible waits end with
     * -ERESTARTSYS while `interrupted` is set, killable ones while `killed` is. Atomic. */
    bool interrupted;
    bool killed;

    /* Address space that user copies of this thread refer to; NULL for kernel threads. Activated by
     * the scheduler at each switch; change it only with thread_set_aspace. */
    struct hal_aspace *aspace;
    struct mm *mm;                /* user address space, NULL for kernel threads */
    const struct cred *cred;
    struct fs_context *fs;        /* root, cwd, umask */
    struct file_table *files;
    struct file *request_file;    /* what FD_OF_REQUEST names; own thread */
    bool no_wait;                 /* files act as if they were O_NONBLOCK; own thread */
    struct sem_undo_list *sem_undo; /* SEM_UNDO of semop(2); NULL mostly. Own thread */
    struct namespaces *namespaces; /* UTS, IPC …; proc/namespaces.h; changed like cred */

    int tid, tgid;                /* kernel pids (security/pid_namespace.h); 0 for idle threads */
    struct pid_namespace *pid_ns; /* what its numbers are of; the process's; NULL: initial */
    char name[THREAD_NAME_MAX];   /* comm */

    void (*entry)(void *argument); /* kernel threads */
    void *argument;
    /* Releases the containing object after the last switch. Interrupts masked, any thread: must not
     * block. NULL: plain kfree. */
    void (*on_free)(struct thread *thread);
    struct lock_trace locks;      /* sleeping locks held, debug builds */
    uint32_t user_ticks, system_ticks; /* samples of its CPU time; own CPU writes, atomic */
    uint64_t utime_ns, stime_ns;  /* how sched_cpu_times last divided it; run queue's lock */
    uint64_t start_ns;            /* clock_monotonic_ns at creation */
    uint64_t voluntary_switches, involuntary_switches;
    uint64_t minor_faults, major_faults;
};

/* Initialise an embedded or fresh thread: allocates the kernel stack. State NEW. 0 or -ENOMEM.
 * Inherits nothing; the caller fills mm, cred, fs, files, ids. */
int thread_init(struct thread *thread, struct kernel *kernel, const char *name,
                void (*entry)(void *argument), void *argument);

/* Create a bare kernel thread in state NEW (cred: root, no mm). thread_start lets it run. */
int thread_create(struct kernel *kernel, const char *name, void (*entry)(void *), void *argument,
                  struct thread **out);

/* Make a NEW thread runnable. The fair class places it relative to its creator. */
void thread_start(struct thread *thread);

/* Undo thread_init for a thread never started. */
void thread_discard(struct thread *thread);

/* The current thread's address space becomes `aspace` (exec, exit: NULL), at once. It must not be
 * destroyed while it is any thread's; no CPU keeps one active after its thread has let go of it. */
void thread_set_aspace(struct hal_aspace *aspace);

/* End the current thread: switches away for good; the stack is released and on_free (or a plain
 * free for thread_create'd ones) is called by the next thread on that CPU. */
__attribute__((noreturn)) void thread_exit(void);

/* Set `interrupted` (and `killed` if fatal) and wake the thread if it is in a wait that this ends.
 * Any context. The flag is cleared by thread_clear_interrupt once signals have been handled. */
void thread_interrupt(struct thread *thread, bool fatal);
void thread_clear_interrupt(struct thread *thread);

#endif
