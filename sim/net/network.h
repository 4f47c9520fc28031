/* SPDX-License-Identifier: MIT
 *
 * Simulated Ethernet: NICs and switches joined by links that delay, lose, repeat, reorder and
 * damage frames as a seed says, in virtual time. Everything is decided per frame from (seed, link,
 * direction, number of the frame), so that nothing depends on what happens on other links.
 *
 * One host thread. Nothing blocks. Names are copied. A network must not outlive its clock's events:
 * destroy it only when the clock will run none of them any more.
 */
#ifndef SIM_NET_NETWORK_H
#define SIM_NET_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/events/clock.h"
#include "sim/faults/plan.h"

enum {
    NETWORK_FRAME_MAX = 65536, /* bytes, Ethernet header included */
    NETWORK_FRAME_MIN = 14,
    NETWORK_ADDRESSES_MAX = 1024, /* that a switch remembers */
};

struct network;
struct network_node; /* a NIC or a switch */
struct network_link;

struct network_config {
    uint64_t seed;
    struct sim_clock clock;
    struct fault_plan *plan; /* may be NULL */
};

/* How a link treats the frames of one direction. All zero: a perfect wire. */
struct link_quality {
    uint64_t latency_ns;
    uint64_t jitter_ns;   /* 0 .. jitter_ns more, drawn for each frame; keeps the order */
    uint64_t bits_per_s;  /* 0: unlimited */
    uint64_t queue_bytes; /* waiting for bandwidth, then frames are dropped; 0: no limit */
    uint32_t loss_ppm;
    uint32_t duplicate_ppm;
    uint32_t corrupt_ppm; /* one bit flipped */
    uint32_t reorder_ppm; /* held back, so that later frames overtake it ... */
    uint64_t reorder_ns;  /* ... by 1 .. this time */
};

enum link_direction { LINK_FORTH, LINK_BACK }; /* from the first node to the second, or back */

enum frame_event {
    FRAME_SENT,      /* entered the link */
    FRAME_DELIVERED, /* left it at the other end */
    FRAME_LOST,
    FRAME_DUPLICATED,
    FRAME_CORRUPTED,
    FRAME_REORDERED,
    FRAME_OVERFLOW, /* no room in the queue */
    FRAME_REFUSED,  /* the link was down */
};

struct frame_report {
    struct network_link *link;
    enum link_direction direction;
    enum frame_event event;
    uint64_t time_ns;
    uint64_t number; /* of the frame, counted for each direction from 0 */
    const uint8_t *bytes;
    size_t count;
};

/* 0, -EINVAL, -ENOMEM. */
int network_create(const struct network_config *config, struct network **out);
void network_destroy(struct network *network);

/* Every frame event is told to `observe`, which must not call the network. */
void network_observe(struct network *network,
                     void (*observe)(void *context, const struct frame_report *report),
                     void *context);
const char *frame_event_name(enum frame_event event);

/* A NIC: receive is called with each frame that arrives; it may send frames. -EEXIST if the name is
 * taken. */
int network_add_nic(struct network *network, const char *name,
                    void (*receive)(void *owner, const uint8_t *bytes, size_t count), void *owner,
                    struct network_node **out);

/* A switch that learns addresses, with any number of links. */
int network_add_switch(struct network *network, const char *name, struct network_node **out);

struct network_node *network_find(struct network *network, const char *name);
const char *network_node_name(const struct network_node *node);

/* A link with one quality for both directions. -EINVAL: a node to itself, or an impossible quality
 * (see link_quality_check); -EBUSY: the NIC has a link already. */
int network_join(struct network *network, struct network_node *a, struct network_node *b,
                 const struct link_quality *quality, struct network_link **out);
const char *network_link_name(const struct network_link *link); /* "A-B" */
struct network_link *network_link_at(struct network *network,
                                     size_t index); /* NULL past the last */
struct network_node *network_link_end(const struct network_link *link, enum link_direction towards);

/* NULL if the quality is possible, else what is wrong with it. */
const char *link_quality_check(const struct link_quality *quality);

/* From the next frame on. */
void network_link_set(struct network_link *link, enum link_direction direction,
                      const struct link_quality *quality);
const struct link_quality *network_link_quality(const struct network_link *link,
                                                enum link_direction direction);

/* A link that is down loses the frames that enter it and those on their way. Starts up. */
void network_link_up(struct network_link *link, enum link_direction direction, bool up);

/* Nodes of different islands cannot reach each other, however they are linked; all begin on
 * island 0. network_heal brings them all back there. */
void network_node_island(struct network_node *node, unsigned island);
void network_heal(struct network *network);

/* A NIC sends a frame. -EINVAL: size out of range; -ENOTCONN: no link; -ENOMEM. What the network
 * loses is no error. */
int network_send(struct network_node *nic, const uint8_t *bytes, size_t count);

#endif
