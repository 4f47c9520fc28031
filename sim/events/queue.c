/* SPDX-License-Identifier: MIT */
/*
 * Events in a binary heap, ordered by time and then by age (sim/events/queue.h).
 */
#include "sim/events/queue.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct event {
    uint64_t when_ns;
    uint64_t number; /* of the request: keeps equal times in order */
    void (*run)(void *argument);
    void *argument;
};

struct event_queue {
    uint64_t now_ns, asked;
    struct event *heap;
    size_t count, room;
};

static bool is_before(const struct event *a, const struct event *b)
{
    return a->when_ns != b->when_ns ? a->when_ns < b->when_ns : a->number < b->number;
}

struct event_queue *event_queue_create(void)
{
    return calloc(1, sizeof(struct event_queue));
}

void event_queue_destroy(struct event_queue *queue)
{
    if (queue != NULL) {
        free(queue->heap);
        free(queue);
    }
}

static uint64_t clock_now(void *context)
{
    return ((struct event_queue *)context)->now_ns;
}

static int clock_call_at(void *context, uint64_t when_ns, void (*run)(void *argument),
                         void *argument)
{
    struct event_queue *queue = context;

    if (queue->count == queue->room) {
        size_t room = queue->room == 0 ? 64 : queue->room * 2;
        struct event *heap = realloc(queue->heap, room * sizeof(*heap));
        if (heap == NULL) {
            return -ENOMEM;
        }
        queue->heap = heap;
        queue->room = room;
    }
    if (when_ns < queue->now_ns) {
        when_ns = queue->now_ns;
    }
    const struct event event = {when_ns, queue->asked++, run, argument};
    size_t at = queue->count++;
    while (at > 0 && is_before(&event, &queue->heap[(at - 1) / 2])) {
        queue->heap[at] = queue->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    queue->heap[at] = event;
    return 0;
}

struct sim_clock event_queue_clock(struct event_queue *queue)
{
    return (struct sim_clock){clock_now, clock_call_at, queue};
}

/* Take the first event off the heap. */
static struct event pop(struct event_queue *queue)
{
    struct event first = queue->heap[0];
    struct event last = queue->heap[--queue->count];
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= queue->count) {
            break;
        }
        if (child + 1 < queue->count && is_before(&queue->heap[child + 1], &queue->heap[child])) {
            child++;
        }
        if (!is_before(&queue->heap[child], &last)) {
            break;
        }
        queue->heap[at] = queue->heap[child];
        at = child;
    }
    if (queue->count > 0) {
        queue->heap[at] = last;
    }
    return first;
}

bool event_queue_step(struct event_queue *queue)
{
    if (queue->count == 0) {
        return false;
    }
    struct event event = pop(queue);
    assert(event.when_ns >= queue->now_ns);
    queue->now_ns = event.when_ns;
    event.run(event.argument);
    return true;
}

void event_queue_run(struct event_queue *queue, uint64_t until_ns)
{
    while (event_queue_next(queue) <= until_ns && event_queue_step(queue)) {
    }
    if (queue->now_ns < until_ns) {
        queue->now_ns = until_ns;
    }
}

bool event_queue_drain(struct event_queue *queue, uint64_t events_max)
{
    for (uint64_t i = 0; i < events_max && event_queue_step(queue); i++) {
    }
    return queue->count == 0;
}

uint64_t event_queue_now(const struct event_queue *queue)
{
    return queue->now_ns;
}

uint64_t event_queue_next(const struct event_queue *queue)
{
    return queue->count == 0 ? UINT64_MAX : queue->heap[0].when_ns;
}
