/* SPDX-License-Identifier: MIT
 *
 * Adjusting CLOCK_REALTIME gradually, adjtimex(2): its rate, an offset that is worked off, and what
 * programs that keep the time tell each other through the kernel.
 */
#ifndef KERNEL_CORE_CLOCK_ADJUST_H
#define KERNEL_CORE_CLOCK_ADJUST_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/abi/time.h"

/* Everything of adjtimex(2) but ADJ_SETOFFSET; permissions and ranges have been checked. Fills in
 * what the call reports, except for the time. TIME_OK or TIME_ERROR. Thread context. */
int clock_adjust(struct linux_timex *timex);

/* The clock was set: nothing is worked off any more, and nobody vouches for the time. */
void clock_adjust_reset(void);

/* Of programs: settimeofday(2)'s time zone, which means nothing to the kernel. */
struct linux_timezone clock_timezone(void);
/* Whether it is the first that anybody has set. */
bool clock_set_timezone(const struct linux_timezone *zone);

#endif
