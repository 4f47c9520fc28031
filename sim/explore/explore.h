/* SPDX-License-Identifier: MIT
 *
 * Explorers of disks: run a user's check over all states in which a power cut can leave a disk, and
 * a user's workload with each of its requests failing once, in parallel processes, with a summary.
 * (For kernel allocations: `assay sim --allocations`.)
 */
#ifndef SIM_EXPLORE_EXPLORE_H
#define SIM_EXPLORE_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/disk/crash.h"
#include "sim/disk/disk.h"
#include "sim/disk/store.h"

struct explore_summary {
    uint64_t cases, failed;
    uint64_t first;     /* number of the first case that failed */
    char message[1024]; /* what it is, and what its check said */
};

struct explore_crashes {
    const struct crash_trace *trace; /* of the workload: see explore_record */
    struct crash_limits limits;
    uint64_t sectors; /* of the disk; base_fd as in struct disk_config */
    int base_fd;
    unsigned jobs;      /* processes at a time; at least 1 */
    unsigned timeout_s; /* host time that the check may take for 64 states; 0: no limit */
    void *context;

    /* Whether the disk is as it may be after the crash. Runs in another process; may write to the
     * disk (recovery), and say in message what is wrong. */
    bool (*check)(void *context, const struct crash_state *state, struct store *disk, char *message,
                  size_t message_bytes);
};

/* Record a disk's writes and flushes in a trace, from now on: becomes the disk's observer. Writes
 * that fail are not recorded. */
void explore_record(struct disk *disk, struct crash_trace *trace);

/* Check every state. 0; -EINTR after a signal; -errno. Blocks. */
int explore_crashes(const struct explore_crashes *explorer, struct explore_summary *out);

struct explore_requests {
    unsigned jobs;
    unsigned timeout_s; /* for one workload */
    void *context;

    /* Run the workload on a disk of its own and call disk_fail_nth(disk, nth) before (0: no
     * failure), then check: true if all is as it should be. *out_requests is the number of requests
     * made. */
    bool (*workload)(void *context, uint64_t nth, uint64_t *out_requests, char *message,
                     size_t message_bytes);
};

/* Run the workload once, and once for each of its requests. As explore_crashes; -EINVAL if it fails
 * without any failure (then the summary has the message). */
int explore_requests(const struct explore_requests *explorer, struct explore_summary *out);

#endif
