/* SPDX-License-Identifier: MIT */
/*
 * Snapshots of a world. (In the making: see world.h.)
 */
#include <errno.h>

#include "hal-hosted/world/world_internal.h"

void world_note_written(struct machine *machine, uint64_t paddr)
{
    (void)machine;
    (void)paddr;
}

void world_note_shadow(const void *address, size_t bytes)
{
    (void)address;
    (void)bytes;
}

void world_tracking_free(struct machine *machine)
{
    (void)machine;
}

void world_tracking_lost(struct machine *machine)
{
    (void)machine;
}
