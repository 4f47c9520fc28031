/* SPDX-License-Identifier: MIT
 *
 * The shadow of what a pager has been told to map: table entries by page, in nodes of 2 MiB, found
 * through an open-addressing hash table keyed by the node's index.
 *
 * Locking: the stub's lock. Nodes live until shadow_clear.
 */
#include <stdlib.h>
#include <string.h>

#include "hal-hosted/engine/stub/stub_internal.h"

enum { SLOTS_MIN = 32 };

static size_t slot_of(const struct shadow *shadow, uint64_t index)
{
    return (size_t)(index * 0x9e3779b97f4a7c15ull >> 32) & (shadow->slot_count - 1);
}

static struct shadow_region **region_slot(const struct shadow *shadow, uint64_t index)
{
    size_t slot = slot_of(shadow, index);

    while (shadow->slots[slot] && shadow->slots[slot]->index != index) {
        slot = (slot + 1) & (shadow->slot_count - 1);
    }
    return &shadow->slots[slot];
}

struct shadow_region *shadow_region_find(const struct shadow *shadow, uint64_t index)
{
    return shadow->slot_count ? *region_slot(shadow, index) : NULL;
}

static bool shadow_grow(struct shadow *shadow)
{
    struct shadow bigger = {
        .slot_count = shadow->slot_count ? 2 * shadow->slot_count : SLOTS_MIN,
        .used = shadow->used,
    };

    bigger.slots = calloc(bigger.slot_count, sizeof *bigger.slots);
    if (!bigger.slots) {
        return false;
    }
    for (size_t i = 0; i < shadow->slot_count; i++) {
        if (shadow->slots[i]) {
            *region_slot(&bigger, shadow->slots[i]->index) = shadow->slots[i];
        }
    }
    free(shadow->slots);
    *shadow = bigger;
    return true;
}

struct shadow_region *shadow_region_get(struct shadow *shadow, uint64_t index)
{
    struct shadow_region *region = shadow_region_find(shadow, index);

    if (region) {
        return region;
    }
    if (2 * (shadow->used + 1) > shadow->slot_count && !shadow_grow(shadow)) {
        return NULL;
    }
    region = calloc(1, sizeof *region);
    if (region) {
        region->index = index;
        *region_slot(shadow, index) = region;
        shadow->used++;
    }
    return region;
}

void shadow_set(struct shadow_region *region, unsigned page, uint64_t entry)
{
    region->installed += (entry != 0) - (region->entries[page] != 0);
    region->entries[page] = entry;
}

void shadow_clear(struct shadow *shadow)
{
    for (size_t i = 0; i < shadow->slot_count; i++) {
        free(shadow->slots[i]);
    }
    free(shadow->slots);
    memset(shadow, 0, sizeof *shadow);
}
