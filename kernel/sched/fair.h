/* SPDX-License-Identifier: MIT
 *
 * The fair class (SCHED_NORMAL, SCHED_BATCH, SCHED_IDLE): EEVDF over one CPU's entities. The caller
 * holds the run queue's lock; only sched/ and its tests use this.
 */
#ifndef KERNEL_SCHED_FAIR_H
#define KERNEL_SCHED_FAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/lib/rbtree.h"
#include "kernel/sched/thread.h"

#define SLICE_NS 3000000ull /* request size */

enum {
    WEIGHT_NICE_0 = 1024,
    WEIGHT_POLICY_IDLE = 3,
    NICE_MIN = -20,
    NICE_MAX = 19,
};

struct fair_queue {
    struct rb_root tree;          /* queued entities by deadline, without the current one */
    struct sched_entity *current; /* the CPU's current thread if it is fair and runnable */
    unsigned count;               /* in the tree */
    uint64_t load;                /* sum of the weights in the tree */
    uint64_t base;                /* virtual time that `sum` is relative to */
    int64_t sum;                  /* sum of weight * (vruntime - base) over the tree */
};

void fair_queue_init(struct fair_queue *queue);
uint32_t fair_weight(int policy, int nice);
uint64_t fair_average(const struct fair_queue *queue); /* virtual time */
/* Place an entity that becomes runnable and put it in the tree. */
void fair_enqueue(struct fair_queue *queue, struct sched_entity *entity);
/* Remove one that stops being runnable (the current one too); keeps its lag. */
void fair_dequeue(struct fair_queue *queue, struct sched_entity *entity);
/* Place one that becomes fair while it is the CPU's current thread. */
void fair_enqueue_current(struct fair_queue *queue, struct sched_entity *entity);
/* tree -> current and back. */
void fair_set_next(struct fair_queue *queue, struct sched_entity *entity);
void fair_put_prev(struct fair_queue *queue, struct sched_entity *entity);
/* Charge the current entity; true if its slice is used up (a new one has begun). */
bool fair_charge(struct fair_queue *queue, uint64_t exec_ns);
/* Who should run: the current one, one from the tree, NULL if there is neither. */
struct sched_entity *fair_pick(const struct fair_queue *queue);
/* The current entity gives up its claim to run now. */
void fair_yield(struct fair_queue *queue);
/* CPU time until the current entity's slice is over. */
uint64_t fair_slice_left_ns(const struct fair_queue *queue);
/* Change the weight of an entity that is not queued. */
void fair_reweight(struct sched_entity *entity, uint32_t weight);

#endif
