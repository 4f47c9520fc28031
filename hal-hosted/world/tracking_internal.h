/* SPDX-License-Identifier: MIT
 *
 * Copies of a machine's memory (memory_copy.c), and knowing what has been written (tracking.c).
 */
#ifndef HAL_HOSTED_WORLD_TRACKING_INTERNAL_H
#define HAL_HOSTED_WORLD_TRACKING_INTERNAL_H

#include "hal-hosted/world/world_internal.h"

/* RAM and arena; what was never touched is never touched here. */
struct memory_copy {
    char *bytes;
    uint64_t size;
    char *shadow; /* AddressSanitizer's, or NULL */
};

static inline uint64_t machine_memory_bytes(const struct machine *machine)
{
    return machine->ram_bytes + machine->arena_bytes;
}

int memory_copy_take(struct memory_copy *copy, struct machine *machine);
int memory_copy_restore(const struct memory_copy *copy, struct machine *machine, size_t *pages);
/* One page at this offset. */
void memory_copy_page(const struct memory_copy *copy, struct machine *machine, uint64_t offset);
void memory_copy_free(struct memory_copy *copy);
int memory_make_own(struct machine *machine);

/* From now on remember writes; without means to do so, world_tracking_restore will refuse. */
void world_tracking_begin(struct machine *machine);
/* Copy back what has been written since, counting pages. False: not known, nothing done. */
bool world_tracking_restore(struct machine *machine, const struct memory_copy *copy, size_t *pages);
/* In a forked child: the means are the parent's. */
void world_tracking_forget(struct machine *machine);

#endif
