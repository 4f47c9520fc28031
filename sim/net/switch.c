/* SPDX-License-Identifier: MIT */
/*
 * A switch that learns which address is behind which of its links and floods what it does not know
 * (IEEE 802.1D, 7.7 to 7.9, without ageing and spanning tree: a network of links must not contain a
 * circle). A full table forgets its oldest entry.
 */
#include <string.h>

#include "sim/net/network_internal.h"

static struct address *find(struct network_node *node, const uint8_t *address)
{
    for (size_t i = 0; i < node->address_count; i++) {
        if (memcmp(node->addresses[i].bytes, address, 6) == 0) {
            return &node->addresses[i];
        }
    }
    return NULL;
}

static bool is_group(const uint8_t *address)
{
    return address[0] & 1;
}

static void learn(struct network_node *node, struct network_link *from, const uint8_t *address)
{
    struct address *entry = find(node, address);

    if (is_group(address)) {
        return;
    }
    if (entry == NULL && node->address_count < NETWORK_ADDRESSES_MAX) {
        entry = &node->addresses[node->address_count++];
    } else if (entry == NULL) {
        entry = &node->addresses[node->address_oldest++ % NETWORK_ADDRESSES_MAX];
    }
    memcpy(entry->bytes, address, 6);
    entry->link = from;
}

void switch_forward(struct network_node *node, const struct flight *flight)
{
    const struct address *known = NULL;

    if (flight->count < NETWORK_FRAME_MIN) {
        return;
    }
    learn(node, flight->link, flight->bytes + 6);
    if (!is_group(flight->bytes)) {
        known = find(node, flight->bytes);
    }
    for (size_t i = 0; i < node->link_count; i++) {
        struct network_link *link = node->links[i];
        if (link != flight->link && (known == NULL || known->link == link)) {
            /* Without memory the frame is lost, as in a real switch. */
            (void)link_carry(link, link->ends[0] == node ? LINK_FORTH : LINK_BACK, flight->island,
                             flight->bytes, flight->count);
        }
    }
}
