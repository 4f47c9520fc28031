/* SPDX-License-Identifier: MIT
 *
 * The scheduler (sched(7)): per-CPU run queues; EEVDF for SCHED_NORMAL/BATCH/IDLE, FIFO and RR
 * above it; blocking and waking. The kernel is not preempted inside itself: a thread gives up its
 * CPU in sched_block, sched_yield_cpu, sched_resched_if_needed, or on the way back to user mode.
 */
#ifndef KERNEL_SCHED_SCHED_H
#define KERNEL_SCHED_SCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/sched/thread.h"

/* Boot: the run queue of this CPU and its idle thread (the caller's own context). */
int sched_init_cpu(struct kernel *kernel, struct cpu *cpu);
__attribute__((noreturn)) void sched_idle_loop(void);

/* The blocking protocol (wait.h wraps it):
 *   sched_prepare_block(state); if (!condition) sched_block(); sched_finish_block();
 * A thread_wake between prepare and block makes sched_block return at once. */
void sched_prepare_block(enum thread_state state);
void sched_block(void);
void sched_finish_block(void);

/* Block with a deadline (clock_monotonic_ns scale, UINT64_MAX: none). True if it timed out. */
bool sched_block_until(uint64_t deadline_ns);

/* Make a blocked thread runnable; no effect on a runnable one (but see the protocol above). True if
 * it was blocked. Any context; takes run queue locks. thread_wake_state wakes only if the state is
 * in the set. */
bool thread_wake(struct thread *thread);
bool thread_wake_state(struct thread *thread, unsigned state_set /* 1 << enum thread_state */);

/* sched_yield(2), under a name that libc does not have. */
void sched_yield_cpu(void);

/* Switch if this CPU's need_resched is set. Called on the way to user mode and in long kernel
 * loops. Thread context, no spinlock held. */
void sched_resched_if_needed(void);

/* Make a thread that is running on another CPU pass through the kernel soon (it has a new
 * signal, or lost its address space). Any context. */
void sched_kick(struct thread *thread);

/* Interrupt side. */
void sched_on_tick(void);  /* from the timer interrupt when the current slice is over */
void sched_on_ipi(void);

/* sched_setscheduler(2), setpriority(2), sched_setaffinity(2): arguments already checked. */
void sched_set_policy(struct thread *thread, int policy, int rt_priority, bool reset_on_fork);
void sched_set_nice(struct thread *thread, int nice);
int sched_set_affinity(struct thread *thread, struct cpu_mask mask); /* -EINVAL if no CPU is left */

/* Priority inheritance: until the next call the thread runs with at least this real-time priority,
 * which others see in effective_rt_priority alone; 0 ends it. A thread that would not be real-time
 * by itself runs like SCHED_FIFO meanwhile. Any context. Returns what it runs with now. */
int sched_lend_priority(struct thread *thread, int rt_priority);

/* Current parameters, read together. */
struct sched_params {
    int policy, nice, rt_priority;
    int effective_rt_priority; /* with what was lent; 0: runs as a fair thread */
    bool reset_on_fork;
    struct cpu_mask affinity;
};
void sched_get_params(struct thread *thread, struct sched_params *out);

/* sched_rr_get_interval(2): the quantum or slice; 0 for FIFO. */
uint64_t sched_interval_ns(struct thread *thread);

/* The CPUs that run. */
struct cpu_mask sched_online_mask(const struct kernel *kernel);

/* A child's parameters from its parent's (fork), before thread_start. */
void sched_inherit(struct thread *child, const struct thread *parent);

/* CPU time used so far, including the current stretch if running. Any thread. */
uint64_t sched_cpu_time_ns(struct thread *thread);

/* Is it a real-time thread, and how much CPU time has it used since it last slept? Any context. */
bool sched_rt_time(struct thread *thread, uint64_t *out_ns);

/* The ticks that are due (cpu.ticks_due) met the current thread in user mode, or in the kernel. Called
 * by the user-mode loop. */
void sched_account_ticks(bool user);

/* The thread's CPU time, divided into user and system time as the ticks that it met suggest. Any
 * context. */
void sched_cpu_times(struct thread *thread, uint64_t *out_user_ns, uint64_t *out_system_ns);

/* For /proc/loadavg and /proc/stat. */
unsigned sched_runnable_count(struct kernel *kernel);
struct sched_cpu_usage {
    uint64_t user_ns, system_ns, idle_ns;
    uint64_t stolen_ns; /* the machine's host ran others meanwhile */
    uint64_t context_switches, interrupts;
};
void sched_cpu_usage(struct kernel *kernel, unsigned cpu, struct sched_cpu_usage *out);

/* Give cached kernel stacks back (out of memory, tests). Thread context. */
void sched_trim_stacks(struct kernel *kernel);
void sched_load_average(struct kernel *kernel, uint64_t out_fixed16[3]);

#endif
