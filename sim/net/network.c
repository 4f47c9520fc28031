/* SPDX-License-Identifier: MIT */
/*
 * The nodes and links of a simulated network (sim/net/network.h), and their lifetime: everything
 * belongs to the network and ends with it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/net/network_internal.h"

/* Longer than a simulation should ever last; keeps sums of times far from overflow. */
static const uint64_t TIME_MAX_NS = UINT64_C(1) << 60;

int network_create(const struct network_config *config, struct network **out)
{
    struct network *network = calloc(1, sizeof(*network));

    if (network == NULL) {
        return -ENOMEM;
    }
    network->config = *config;
    network->nodes_end = &network->nodes;
    network->links_end = &network->links;
    *out = network;
    return 0;
}

static void destroy_node(struct network_node *node)
{
    free(node->name);
    free(node->links);
    free(node->addresses);
    free(node);
}

void network_destroy(struct network *network)
{
    if (network == NULL) {
        return;
    }
    while (network->flights != NULL) {
        struct flight *flight = network->flights;
        network->flights = flight->next;
        free(flight);
    }
    while (network->links != NULL) {
        struct network_link *link = network->links;
        network->links = link->next;
        free(link->name);
        free(link);
    }
    while (network->nodes != NULL) {
        struct network_node *node = network->nodes;
        network->nodes = node->next;
        destroy_node(node);
    }
    free(network);
}

void network_observe(struct network *network,
                     void (*observe)(void *context, const struct frame_report *report),
                     void *context)
{
    network->observe = observe;
    network->observe_context = context;
}

const char *frame_event_name(enum frame_event event)
{
    static const char *const names[] = {"sent",      "delivered", "lost",     "duplicated",
                                        "corrupted", "reordered", "overflow", "refused"};

    return (unsigned)event < sizeof(names) / sizeof(names[0]) ? names[event] : "unknown";
}

struct network_node *network_find(struct network *network, const char *name)
{
    struct network_node *node = network->nodes;

    while (node != NULL && strcmp(node->name, name) != 0) {
        node = node->next;
    }
    return node;
}

static int add_node(struct network *network, const char *name, struct network_node **out)
{
    if (network_find(network, name) != NULL) {
        return -EEXIST;
    }
    struct network_node *node = calloc(1, sizeof(*node));
    if (node == NULL) {
        return -ENOMEM;
    }
    node->network = network;
    node->name = strdup(name);
    if (node->name == NULL) {
        free(node);
        return -ENOMEM;
    }
    *network->nodes_end = node;
    network->nodes_end = &node->next;
    *out = node;
    return 0;
}

int network_add_nic(struct network *network, const char *name,
                    void (*receive)(void *owner, const uint8_t *bytes, size_t count), void *owner,
                    struct network_node **out)
{
    int error = add_node(network, name, out);

    if (error == 0) {
        (*out)->receive = receive;
        (*out)->owner = owner;
    }
    return error;
}

int network_add_switch(struct network *network, const char *name, struct network_node **out)
{
    struct address *addresses = calloc(NETWORK_ADDRESSES_MAX, sizeof(*addresses));

    if (addresses == NULL) {
        return -ENOMEM;
    }
    int error = add_node(network, name, out);
    if (error != 0) {
        free(addresses);
        return error;
    }
    (*out)->addresses = addresses;
    return 0;
}

const char *network_node_name(const struct network_node *node)
{
    return node->name;
}

const char *link_quality_check(const struct link_quality *quality)
{
    const uint32_t ppm[] = {quality->loss_ppm, quality->duplicate_ppm, quality->corrupt_ppm,
                            quality->reorder_ppm};

    for (size_t i = 0; i < sizeof(ppm) / sizeof(ppm[0]); i++) {
        if (ppm[i] > 1000000) {
            return "a probability is larger than 1";
        }
    }
    if (quality->latency_ns > TIME_MAX_NS || quality->jitter_ns > TIME_MAX_NS ||
        quality->reorder_ns > TIME_MAX_NS) {
        return "a time is longer than 36 years";
    }
    if (quality->reorder_ppm > 0 && quality->reorder_ns == 0) {
        return "reordering needs a time to hold frames back";
    }
    if (quality->queue_bytes > 0 && quality->bits_per_s == 0) {
        return "a queue needs a bandwidth";
    }
    return NULL;
}

static int reserve_end(struct network_node *node)
{
    struct network_link **links =
        realloc(node->links, (node->link_count + 1) * sizeof(node->links[0]));

    if (links == NULL) {
        return -ENOMEM;
    }
    node->links = links;
    return 0;
}

/* Names a direction in the fault plan: "link A-B" or "link B-A". */
static int name_lane(struct network_link *link, enum link_direction direction)
{
    struct network *network = link->network;
    struct lane *lane = &link->lanes[direction];
    char *text;

    lane->decider = (uint32_t)(2 * network->link_count + (direction == LINK_BACK));
    if (network->config.plan == NULL) {
        return 0;
    }
    if (asprintf(&text, "link %s-%s", link->ends[direction == LINK_BACK]->name,
                 link->ends[direction == LINK_FORTH]->name) < 0) {
        return -ENOMEM;
    }
    lane->source = fault_plan_source(network->config.plan, text);
    free(text);
    return lane->source == UINT32_MAX ? -ENOMEM : 0;
}

int network_join(struct network *network, struct network_node *a, struct network_node *b,
                 const struct link_quality *quality, struct network_link **out)
{
    if (a == b || link_quality_check(quality) != NULL) {
        return -EINVAL;
    }
    if ((a->receive != NULL && a->link_count > 0) || (b->receive != NULL && b->link_count > 0)) {
        return -EBUSY;
    }
    struct network_link *link = calloc(1, sizeof(*link));
    if (link == NULL) {
        return -ENOMEM;
    }
    link->network = network;
    link->ends[0] = a;
    link->ends[1] = b;
    for (int i = 0; i < 2; i++) {
        link->lanes[i].quality = *quality;
        link->lanes[i].up = true;
    }
    if (asprintf(&link->name, "%s-%s", a->name, b->name) < 0) {
        free(link);
        return -ENOMEM;
    }
    if (reserve_end(a) != 0 || reserve_end(b) != 0 || name_lane(link, LINK_FORTH) != 0 ||
        name_lane(link, LINK_BACK) != 0) {
        free(link->name);
        free(link);
        return -ENOMEM;
    }
    a->links[a->link_count++] = link;
    b->links[b->link_count++] = link;
    network->link_count++;
    *network->links_end = link;
    network->links_end = &link->next;
    *out = link;
    return 0;
}

const char *network_link_name(const struct network_link *link)
{
    return link->name;
}

struct network_link *network_link_at(struct network *network, size_t index)
{
    struct network_link *link = network->links;

    while (link != NULL && index-- > 0) {
        link = link->next;
    }
    return link;
}

struct network_node *network_link_end(const struct network_link *link, enum link_direction towards)
{
    return link->ends[towards == LINK_FORTH];
}

void network_link_set(struct network_link *link, enum link_direction direction,
                      const struct link_quality *quality)
{
    link->lanes[direction].quality = *quality;
}

const struct link_quality *network_link_quality(const struct network_link *link,
                                                enum link_direction direction)
{
    return &link->lanes[direction].quality;
}

void network_link_up(struct network_link *link, enum link_direction direction, bool up)
{
    struct lane *lane = &link->lanes[direction];

    if (lane->up && !up) {
        lane->epoch++;
    }
    lane->up = up;
}

void network_node_island(struct network_node *node, unsigned island)
{
    node->island = island;
}

void network_heal(struct network *network)
{
    for (struct network_node *node = network->nodes; node != NULL; node = node->next) {
        node->island = 0;
    }
}

int network_send(struct network_node *nic, const uint8_t *bytes, size_t count)
{
    if (count < NETWORK_FRAME_MIN || count > NETWORK_FRAME_MAX) {
        return -EINVAL;
    }
    if (nic->link_count == 0) {
        return -ENOTCONN;
    }
    struct network_link *link = nic->links[0];
    return link_carry(link, link->ends[0] == nic ? LINK_FORTH : LINK_BACK, nic->island, bytes,
                      count);
}
