/* SPDX-License-Identifier: MIT
 *
 * Interval timers (setitimer(2)) and CPU-time clocks (clock_getcpuclockid(3)).
 */
#ifndef KERNEL_PROC_ITIMER_H
#define KERNEL_PROC_ITIMER_H

#include <stdbool.h>
#include <stdint.h>

struct process;
struct task;

/* value_ns: time left, 0: off. */
struct itimer_setting {
    uint64_t value_ns, interval_ns;
};

/* which: ITIMER_*, already checked. The current process. */
void itimer_get(int which, struct itimer_setting *out);
void itimer_set(int which, const struct itimer_setting *setting, struct itimer_setting *out_old);

/* CPU time of a process, its exited threads included; `user_only` leaves out system time. Any
 * context that may take the signal lock. */
uint64_t process_cpu_ns(struct process *process, bool user_only);
uint64_t task_cpu_ns(struct task *task, bool user_only);

/* RLIMIT_CPU or RLIMIT_RTTIME of the process has been set or inherited, or one of its tasks is
 * real-time now. */
void process_cpu_limits_changed(struct process *process);

#endif
