/* SPDX-License-Identifier: MIT */
/*
 * The real-time class: SCHED_FIFO and SCHED_RR, sched(7).
 *
 * One list per priority and a bitmap of the lists that have somebody. The current thread is in no
 * list. rr_left_ns is what is left of its quantum; 0 means that its turn is over (also set by
 * sched_yield_cpu for FIFO), and that it queues behind its equals.
 *
 * So that a runaway real-time thread leaves the machine usable, the class gets RT_RUNTIME_NS of
 * every RT_PERIOD_NS when fair threads want to run. Caller holds the run queue's lock.
 */
#include "kernel/sched/rt.h"

#include "kernel/lib/bits.h"

static inline unsigned list_index(const struct sched_entity *entity)
{
    return (unsigned)(RT_PRIORITY_MAX - entity->rt_priority);
}

static inline struct sched_entity *entity_of(struct list_node *node)
{
    return list_entry(node, struct sched_entity, rt_node);
}

void rt_queue_init(struct rt_queue *queue)
{
    for (unsigned i = 0; i <= RT_PRIORITY_MAX; i++) {
        list_init(&queue->lists[i]);
    }
    queue->bitmap[0] = queue->bitmap[1] = 0;
    queue->count = 0;
    queue->period_start_ns = 0;
    queue->used_ns = 0;
}

void rt_enqueue(struct rt_queue *queue, struct sched_entity *entity, bool at_head)
{
    unsigned index = list_index(entity);

    if (at_head) {
        list_add_head(&queue->lists[index], &entity->rt_node);
    } else {
        list_add_tail(&queue->lists[index], &entity->rt_node);
    }
    queue->bitmap[index / 64] |= 1ull << (index % 64);
    queue->count++;
}

void rt_dequeue(struct rt_queue *queue, struct sched_entity *entity)
{
    unsigned index = list_index(entity);

    list_remove(&entity->rt_node);
    if (list_empty(&queue->lists[index])) {
        queue->bitmap[index / 64] &= ~(1ull << (index % 64));
    }
    queue->count--;
}

struct sched_entity *rt_first(const struct rt_queue *queue)
{
    unsigned index;

    if (queue->bitmap[0] != 0) {
        index = bits_lowest(queue->bitmap[0]);
    } else if (queue->bitmap[1] != 0) {
        index = 64 + bits_lowest(queue->bitmap[1]);
    } else {
        return NULL;
    }
    return entity_of(list_first(&queue->lists[index]));
}

struct sched_entity *rt_pick(const struct rt_queue *queue, struct sched_entity *current)
{
    struct sched_entity *first = rt_first(queue);

    if (first == NULL || current == NULL) {
        return first != NULL ? first : current;
    }
    if (first->rt_priority == current->rt_priority) {
        return current->rr_left_ns == 0 ? first : current;
    }
    return first->rt_priority > current->rt_priority ? first : current;
}

static void roll_period(struct rt_queue *queue, uint64_t now_ns)
{
    if (now_ns - queue->period_start_ns >= RT_PERIOD_NS) {
        queue->period_start_ns = now_ns;
        queue->used_ns = 0;
    }
}

bool rt_charge(struct rt_queue *queue, struct sched_entity *current, uint64_t now_ns,
               uint64_t exec_ns)
{
    roll_period(queue, now_ns);
    queue->used_ns += exec_ns;
    if (current->policy != SCHED_RR) {
        return false;
    }
    if (current->rr_left_ns > exec_ns) {
        current->rr_left_ns -= exec_ns;
        return false;
    }
    if (list_empty(&queue->lists[list_index(current)])) {
        current->rr_left_ns = RR_QUANTUM_NS; /* nobody else's turn */
        return false;
    }
    current->rr_left_ns = 0;
    return true;
}

bool rt_throttled(struct rt_queue *queue, uint64_t now_ns)
{
    roll_period(queue, now_ns);
    return queue->used_ns >= RT_RUNTIME_NS;
}
