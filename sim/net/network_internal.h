/* SPDX-License-Identifier: MIT
 *
 * The objects of a simulated network, for sim/net only. All are owned by the network.
 */
#ifndef SIM_NET_NETWORK_INTERNAL_H
#define SIM_NET_NETWORK_INTERNAL_H

#include "sim/net/network.h"

/* A frame on its way through a link. In the network's list until it arrives. */
struct flight {
    struct network_link *link;
    enum link_direction direction;
    uint64_t number;
    unsigned epoch; /* of the lane when it entered; another one later means that the link was cut */
    struct flight *previous, *next;
    unsigned island; /* of the NIC that sent it */
    size_t count;
    uint8_t bytes[];
};

/* One direction of a link. */
struct lane {
    struct link_quality quality;
    bool up;
    unsigned epoch;
    uint32_t source;     /* its name in the fault plan */
    uint32_t decider;    /* its number for chance */
    uint64_t frames;     /* entered so far */
    uint64_t free_at_ns; /* when bandwidth is free again */
    uint64_t last_ns;    /* arrival of the last frame that keeps the order */
};

struct network_link {
    struct network *network;
    char *name;
    struct network_node *ends[2];
    struct lane lanes[2];
    struct network_link *next;
};

struct address {
    uint8_t bytes[6];
    uint16_t used;
    struct network_link *link;
};

struct network_node {
    struct network *network;
    char *name;
    unsigned island;
    struct network_node *next;

    /* A NIC, or NULL for a switch. */
    void (*receive)(void *owner, const uint8_t *bytes, size_t count);
    void *owner;

    struct network_link **links; /* a NIC has at most one */
    size_t link_count;
    struct address *addresses; /* NETWORK_ADDRESSES_MAX of them, of a switch */
    size_t address_count, address_oldest;
};

struct network {
    struct network_config config;
    struct network_node *nodes, **nodes_end;
    struct network_link *links, **links_end;
    size_t link_count;
    struct flight *flights;
    void (*observe)(void *context, const struct frame_report *report);
    void *observe_context;
};

/* Put a frame from a NIC of this island on a link, to travel in `direction`. 0 or -ENOMEM. */
int link_carry(struct network_link *link, enum link_direction direction, unsigned island,
               const uint8_t *bytes, size_t count);

/* A frame has arrived at a switch. */
void switch_forward(struct network_node *node, const struct flight *flight);

#endif
