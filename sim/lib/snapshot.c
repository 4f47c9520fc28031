/* SPDX-License-Identifier: MIT */
/*
 * Snapshots: the world's (hal-hosted/world/snapshot.c), and with it what libsim itself and its user
 * remember.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/lib/sim_internal.h"

struct sim_snapshot {
    struct sim *sim;
    struct sim_snapshot *next;
};

int sim_snapshot(struct sim *sim, struct sim_snapshot **out)
{
    (void)out;
    return sim_fail(sim, -ENOSYS, "snapshots are in the making");
}

int sim_restore(struct sim *sim, struct sim_snapshot *snapshot)
{
    (void)snapshot;
    return sim_fail(sim, -ENOSYS, "snapshots are in the making");
}

void sim_snapshot_free(struct sim_snapshot *snapshot)
{
    (void)snapshot;
}

int sim_keep(struct sim *sim, void *memory, size_t bytes, void (*before_restore)(void *memory))
{
    struct kept *kept = realloc(sim->kept, (sim->kept_count + 1) * sizeof *kept);

    if (!kept) {
        return sim_fail(sim, -ENOMEM, "out of memory");
    }
    sim->kept = kept;
    sim->kept[sim->kept_count++] =
        (struct kept){.memory = memory, .bytes = bytes, .before_restore = before_restore};
    return 0;
}

void sim_forget(struct sim *sim, void *memory)
{
    for (size_t i = 0; i < sim->kept_count; i++) {
        if (sim->kept[i].memory == memory) {
            sim->kept[i] = sim->kept[--sim->kept_count];
            return;
        }
    }
}

int sim_fork(struct sim *sim, int (*explore)(struct sim *sim, void *argument), void *argument)
{
    (void)explore;
    (void)argument;
    return sim_fail(sim, -ENOSYS, "snapshots are in the making");
}
