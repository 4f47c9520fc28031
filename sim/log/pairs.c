/* SPDX-License-Identifier: MIT */
/*
 * System calls that have begun (sim/log/pairs.h). One entry a task; the most recent tasks are
 * looked at first, as a task's next record is rarely far away.
 */
#include "sim/log/pairs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct pair *find(struct pairs *pairs, const struct sim_event *event)
{
    for (size_t i = pairs->count; i-- > 0;) {
        struct pair *pair = &pairs->items[i];
        if (pair->user == event->user && pair->machine == event->machine) {
            return pair;
        }
    }
    return NULL;
}

int pairs_begin(struct pairs *pairs, const struct sim_event *event, const void *text)
{
    struct pair *pair = find(pairs, event);

    if (pair == NULL) {
        if (pairs->count == pairs->room) {
            size_t room = pairs->room == 0 ? 64 : 2 * pairs->room;
            struct pair *items = realloc(pairs->items, room * sizeof(*items));
            if (items == NULL) {
                return -ENOMEM;
            }
            pairs->items = items;
            pairs->room = room;
        }
        pair = &pairs->items[pairs->count++];
        pair->text = NULL;
    }
    free(pair->text);
    *pair = (struct pair){.machine = event->machine,
                          .user = event->user,
                          .pid = event->pid,
                          .number = event->a,
                          .begin_ns = event->time_ns,
                          .open = true,
                          .text = event->bytes > 0 ? strndup(text, event->bytes) : NULL};
    return 0;
}

bool pairs_end(struct pairs *pairs, const struct sim_event *event, struct pair *out)
{
    struct pair *pair = find(pairs, event);

    if (pair == NULL || !pair->open || pair->number != event->a) {
        return false;
    }
    *out = *pair;
    pair->open = false;
    return true;
}

void pairs_each(const struct pairs *pairs, void (*visit)(void *context, const struct pair *pair),
                void *context)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (pairs->items[i].open) {
            visit(context, &pairs->items[i]);
        }
    }
}

void pairs_free(struct pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        free(pairs->items[i].text);
    }
    free(pairs->items);
    *pairs = (struct pairs){0};
}
