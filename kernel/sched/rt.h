/* SPDX-License-Identifier: MIT
 *
 * The real-time class (SCHED_FIFO, SCHED_RR) of one CPU. The caller holds the run queue's lock;
 * only sched/ and its tests use this.
 */
#ifndef KERNEL_SCHED_RT_H
#define KERNEL_SCHED_RT_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/abi/sched.h"
#include "kernel/lib/list.h"
#include "kernel/sched/thread.h"

#define RR_QUANTUM_NS 100000000ull
#define RT_PERIOD_NS  1000000000ull /* the class gets RT_RUNTIME_NS of each period ... */
#define RT_RUNTIME_NS 950000000ull  /* ... when fair threads want to run */

enum { RT_PRIORITY_MAX = 99 };

struct rt_queue {
    struct list lists[RT_PRIORITY_MAX + 1]; /* index RT_PRIORITY_MAX - priority */
    uint64_t bitmap[2];           /* lists that are not empty */
    unsigned count;               /* queued, without the current one */
    uint64_t period_start_ns, used_ns;
};

void rt_queue_init(struct rt_queue *queue);
void rt_enqueue(struct rt_queue *queue, struct sched_entity *entity, bool at_head);
void rt_dequeue(struct rt_queue *queue, struct sched_entity *entity);
struct sched_entity *rt_first(const struct rt_queue *queue);
/* Choose between the current entity (NULL if not real-time or not runnable) and the queued. */
struct sched_entity *rt_pick(const struct rt_queue *queue, struct sched_entity *current);
/* Account CPU time of the current entity; true if someone else of its priority has the turn. */
bool rt_charge(struct rt_queue *queue, struct sched_entity *current, uint64_t now_ns,
               uint64_t exec_ns);
/* Has the class used up its share of this period? */
bool rt_throttled(struct rt_queue *queue, uint64_t now_ns);

static inline bool policy_is_rt(int policy)
{
    return policy == SCHED_FIFO || policy == SCHED_RR;
}

#endif
