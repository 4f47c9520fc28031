/* SPDX-License-Identifier: MIT
 *
 * Pairs the beginnings of system calls in a log with their results. A task has one call at a time.
 */
#ifndef SIM_LOG_PAIRS_H
#define SIM_LOG_PAIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/sim.h"

struct pair {
    uint16_t machine;
    uint32_t user, pid;
    uint64_t number, begin_ns;
    bool open;
    char *text; /* the call's beginning, or NULL */
};

/* Zeroed at first. */
struct pairs {
    struct pair *items;
    size_t count, room;
};

/* A SYSCALL record with its text; replaces a call of the same task that has no result. 0 or
 * -ENOMEM. */
int pairs_begin(struct pairs *pairs, const struct sim_event *event, const void *text);

/* A RESULT record; false if the log has not shown the call's beginning. The text is good until the
 * task's next call. */
bool pairs_end(struct pairs *pairs, const struct sim_event *event, struct pair *out);

/* The calls that are still open, in the order in which their tasks first made one. */
void pairs_each(const struct pairs *pairs, void (*visit)(void *context, const struct pair *pair),
                void *context);
void pairs_free(struct pairs *pairs);

#endif
