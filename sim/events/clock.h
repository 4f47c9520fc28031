/* SPDX-License-Identifier: MIT
 *
 * Virtual time as models of devices see it. Who owns time implements this: the simulator, or an
 * event queue in a test.
 */
#ifndef SIM_EVENTS_CLOCK_H
#define SIM_EVENTS_CLOCK_H

#include <stdint.h>

struct sim_clock {
    /* Nanoseconds since the simulation began; never goes back. */
    uint64_t (*now_ns)(void *context);

    /* Call run(argument) once, when now_ns is at least when_ns, outside the caller. Calls for the
     * same time come in the order in which they were asked for. 0 or -ENOMEM. */
    int (*call_at)(void *context, uint64_t when_ns, void (*run)(void *argument), void *argument);

    void *context;
};

static inline uint64_t sim_clock_now(const struct sim_clock *clock)
{
    return clock->now_ns(clock->context);
}

static inline int sim_clock_call_at(const struct sim_clock *clock, uint64_t when_ns,
                                    void (*run)(void *argument), void *argument)
{
    return clock->call_at(clock->context, when_ns, run, argument);
}

#endif
