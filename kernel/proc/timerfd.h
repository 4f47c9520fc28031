/* SPDX-License-Identifier: MIT
 *
 * Timers as files (timerfd_create(2)).
 */
#ifndef KERNEL_PROC_TIMERFD_H
#define KERNEL_PROC_TIMERFD_H

#include <stdbool.h>
#include <stdint.h>

struct file;

struct timerfd_setting {
    uint64_t value_ns, interval_ns; /* value 0: disarmed */
};

/* realtime: on CLOCK_REALTIME, else CLOCK_MONOTONIC; clock is for /proc. flags: O_NONBLOCK,
 * O_CLOEXEC. A descriptor or a negative errno. */
int timerfd_file_create(int clock, bool realtime, uint32_t flags);

/* -EINVAL: the file is no timerfd. flags: TFD_TIMER_*, checked. -ECANCELED: as read(2) does. */
int timerfd_set(struct file *file, uint32_t flags, const struct timerfd_setting *setting,
                struct timerfd_setting *out_old);
int timerfd_get(struct file *file, struct timerfd_setting *out);

#endif
