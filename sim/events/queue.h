/* SPDX-License-Identifier: MIT
 *
 * A queue of events in virtual time: the clock of tests, and of models that run without machines.
 */
#ifndef SIM_EVENTS_QUEUE_H
#define SIM_EVENTS_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/events/clock.h"

struct event_queue;

/* Time starts at 0. NULL without memory. */
struct event_queue *event_queue_create(void);

/* Events that are left never run. */
void event_queue_destroy(struct event_queue *queue);

struct sim_clock event_queue_clock(struct event_queue *queue);

/* Run the next event, after setting the time to its time. False: there is none. */
bool event_queue_step(struct event_queue *queue);

/* Run events until none is due at `until_ns`, and set the time to it. */
void event_queue_run(struct event_queue *queue, uint64_t until_ns);

/* Run until nothing is left; false if there still is after `events_max`. */
bool event_queue_drain(struct event_queue *queue, uint64_t events_max);

uint64_t event_queue_now(const struct event_queue *queue);

/* The time of the next event, UINT64_MAX if there is none. */
uint64_t event_queue_next(const struct event_queue *queue);

#endif
