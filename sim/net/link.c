/* SPDX-License-Identifier: MIT */
/*
 * How a link treats a frame (sim/net/network.h).
 *
 * Every frame draws the same numbers in the same order, whatever becomes of it, so that forbidding
 * one fault when a plan is minimised leaves the others as they were.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/faults/chance.h"
#include "sim/net/network_internal.h"

enum { NS_PER_S = 1000000000 };

/* What chance says about one frame. */
struct fate {
    bool lost, duplicated, corrupted, reordered;
    uint64_t corrupt_draw; /* which bit */
    uint64_t delay_ns;     /* jitter */
    uint64_t hold_ns;      /* reordering */
    uint64_t copy_ns;      /* how much later the duplicate is */
};

static void report(const struct network_link *link, enum link_direction direction,
                   enum frame_event event, uint64_t number, const uint8_t *bytes, size_t count)
{
    struct network *network = link->network;

    if (network->observe != NULL) {
        const struct frame_report told = {
            .link = (struct network_link *)link,
            .direction = direction,
            .event = event,
            .time_ns = sim_clock_now(&network->config.clock),
            .number = number,
            .bytes = bytes,
            .count = count,
        };
        network->observe(network->observe_context, &told);
    }
}

static bool fire(struct network_link *link, const struct lane *lane, enum fault_kind kind,
                 uint64_t number)
{
    const struct network_config *config = &link->network->config;

    return fault_plan_fire(config->plan, sim_clock_now(&config->clock), kind, lane->source, number);
}

static struct fate draw_fate(const struct network_link *link, const struct lane *lane,
                             uint64_t number)
{
    const struct link_quality *quality = &lane->quality;
    struct chance chance = chance_start(link->network->config.seed, lane->decider, number);
    struct fate fate;

    fate.lost = chance_hit(&chance, quality->loss_ppm);
    fate.duplicated = chance_hit(&chance, quality->duplicate_ppm);
    fate.corrupted = chance_hit(&chance, quality->corrupt_ppm);
    fate.reordered = chance_hit(&chance, quality->reorder_ppm) && quality->reorder_ns > 0;
    fate.delay_ns = chance_below(&chance, quality->jitter_ns + 1);
    fate.hold_ns = 1 + chance_below(&chance, quality->reorder_ns);
    fate.copy_ns = chance_below(&chance, quality->latency_ns + quality->jitter_ns + 1);
    fate.corrupt_draw = chance_next(&chance);
    return fate;
}

static void forget(struct network *network, struct flight *flight)
{
    if (flight->previous != NULL) {
        flight->previous->next = flight->next;
    } else {
        network->flights = flight->next;
    }
    if (flight->next != NULL) {
        flight->next->previous = flight->previous;
    }
}

/* Islands are told apart where a NIC would get the frame; switches belong to all of them. */
static bool may_arrive(const struct flight *flight)
{
    const struct lane *lane = &flight->link->lanes[flight->direction];
    const struct network_node *to = network_link_end(flight->link, flight->direction);

    return lane->up && flight->epoch == lane->epoch &&
           (to->receive == NULL || to->island == flight->island);
}

static void arrive(void *argument)
{
    struct flight *flight = argument;
    struct network_link *link = flight->link;
    struct network_node *to = network_link_end(link, flight->direction);
    bool welcome = may_arrive(flight);

    forget(link->network, flight);
    report(link, flight->direction, welcome ? FRAME_DELIVERED : FRAME_REFUSED, flight->number,
           flight->bytes, flight->count);
    if (welcome && to->receive != NULL) {
        to->receive(to->owner, flight->bytes, flight->count);
    } else if (welcome) {
        switch_forward(to, flight);
    }
    free(flight);
}

/* A copy of the template takes off, with these bytes. */
static int start_flight(const struct flight *template, uint64_t when_ns, const uint8_t *bytes)
{
    struct network *network = template->link->network;
    struct flight *flight = malloc(sizeof(*flight) + template->count);

    if (flight == NULL) {
        return -ENOMEM;
    }
    *flight = *template;
    flight->previous = NULL;
    flight->next = network->flights;
    memcpy(flight->bytes, bytes, template->count);
    int error = sim_clock_call_at(&network->config.clock, when_ns, arrive, flight);
    if (error != 0) {
        free(flight);
        return error;
    }
    if (network->flights != NULL) {
        network->flights->previous = flight;
    }
    network->flights = flight;
    return 0;
}

/* When the frame has been put on the wire; false if the queue before the wire is full. */
static bool take_bandwidth(struct lane *lane, uint64_t now_ns, size_t count, uint64_t *sent_ns)
{
    const struct link_quality *quality = &lane->quality;

    *sent_ns = now_ns;
    if (quality->bits_per_s == 0) {
        return true;
    }
    uint64_t start_ns = lane->free_at_ns > now_ns ? lane->free_at_ns : now_ns;
    unsigned __int128 waiting_bits =
        (unsigned __int128)(start_ns - now_ns) * quality->bits_per_s / NS_PER_S;
    if (quality->queue_bytes > 0 && waiting_bits / 8 + count > quality->queue_bytes &&
        waiting_bits > 0) {
        return false;
    }
    lane->free_at_ns =
        start_ns + (uint64_t)((unsigned __int128)count * 8 * NS_PER_S / quality->bits_per_s);
    *sent_ns = lane->free_at_ns;
    return true;
}

/* A reordered frame leaves the line: it does not hold up those behind it. */
static uint64_t arrival_time(struct lane *lane, const struct fate *fate, uint64_t sent_ns)
{
    uint64_t when_ns = sent_ns + lane->quality.latency_ns + fate->delay_ns;

    if (fate->reordered) {
        return when_ns + fate->hold_ns;
    }
    if (when_ns < lane->last_ns) {
        when_ns = lane->last_ns;
    }
    lane->last_ns = when_ns;
    return when_ns;
}

/* The frame has entered a link that is up: fly, as its fate wants. The bytes are the caller's own
 * copy and may be damaged. */
static int take_off(const struct flight *flight, struct fate *fate, uint8_t *bytes)
{
    struct network_link *link = flight->link;
    struct lane *lane = &link->lanes[flight->direction];
    const uint64_t number = flight->number;
    const size_t count = flight->count;
    uint64_t sent_ns;

    if (!take_bandwidth(lane, sim_clock_now(&link->network->config.clock), count, &sent_ns)) {
        report(link, flight->direction, FRAME_OVERFLOW, number, bytes, count);
        return 0;
    }
    if (fate->lost && fire(link, lane, FAULT_FRAME_LOST, number)) {
        report(link, flight->direction, FRAME_LOST, number, bytes, count);
        return 0;
    }
    if (fate->corrupted && fire(link, lane, FAULT_FRAME_CORRUPTED, number)) {
        uint64_t bit = fate->corrupt_draw % (count * 8);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        report(link, flight->direction, FRAME_CORRUPTED, number, bytes, count);
    }
    fate->reordered = fate->reordered && fire(link, lane, FAULT_FRAME_REORDERED, number);
    if (fate->reordered) {
        report(link, flight->direction, FRAME_REORDERED, number, bytes, count);
    }
    uint64_t when_ns = arrival_time(lane, fate, sent_ns);
    int error = start_flight(flight, when_ns, bytes);
    if (error == 0 && fate->duplicated && fire(link, lane, FAULT_FRAME_DUPLICATED, number)) {
        report(link, flight->direction, FRAME_DUPLICATED, number, bytes, count);
        error = start_flight(flight, when_ns + fate->copy_ns, bytes);
    }
    return error;
}

int link_carry(struct network_link *link, enum link_direction direction, unsigned island,
               const uint8_t *bytes, size_t count)
{
    struct lane *lane = &link->lanes[direction];
    const struct flight flight = {
        .link = link,
        .direction = direction,
        .number = lane->frames++,
        .epoch = lane->epoch,
        .island = island,
        .count = count,
    };
    struct fate fate = draw_fate(link, lane, flight.number);

    report(link, direction, FRAME_SENT, flight.number, bytes, count);
    if (!lane->up) {
        report(link, direction, FRAME_REFUSED, flight.number, bytes, count);
        return 0;
    }
    uint8_t *copy = malloc(count);
    if (copy == NULL) {
        return -ENOMEM;
    }
    memcpy(copy, bytes, count);
    int error = take_off(&flight, &fate, copy);
    free(copy);
    return error;
}
