/* SPDX-License-Identifier: MIT
 *
 * POSIX per-process timers (timer_create(2)) of the current process.
 */
#ifndef KERNEL_PROC_POSIX_TIMERS_H
#define KERNEL_PROC_POSIX_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

struct linux_sigevent;
struct pid_namespace;
struct process;
struct strbuf;

struct posix_timer_setting {
    uint64_t value_ns, interval_ns; /* value 0: disarmed */
};

/* clock: CLOCK_* or an encoded CPU clock. -EINVAL -EAGAIN -ENOMEM -EPERM. */
int posix_timer_create(int clock, const struct linux_sigevent *event, int *out_id);
/* -EINVAL: there is no such timer. */
int posix_timer_set(int id, bool absolute, const struct posix_timer_setting *setting,
                    struct posix_timer_setting *out_old);
int posix_timer_get(int id, struct posix_timer_setting *out);
int posix_timer_overrun(int id);
int posix_timer_delete(int id);

/* /proc/PID/timers: all of a process, the newest first, tasks by their numbers in the namespace. */
void posix_timers_show(struct process *process, struct pid_namespace *ns, struct strbuf *out);

#endif
