/* SPDX-License-Identifier: MIT
 *
 * A simulated disk with a volatile write cache. Reads see what was written; what survives a power
 * cut is what was flushed, and of the rest what a seed chooses, sector by sector. All in virtual
 * time, on one host thread; nothing blocks but the reading of the base image.
 *
 * Like a network, a disk must not outlive its clock's events.
 */
#ifndef SIM_DISK_DISK_H
#define SIM_DISK_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/events/clock.h"
#include "sim/faults/plan.h"

enum { DISK_SECTOR = 512, DISK_REQUEST_SECTORS_MAX = 65536 };

struct disk;

/* How the disk behaves. All zero: a perfect and immediate disk with a cache. */
struct disk_quality {
    uint64_t latency_ns, jitter_ns; /* of every request */
    uint64_t bytes_per_s;           /* 0: unlimited */
    uint64_t room_sectors;          /* distinct 4 KiB blocks that may be written, in sectors; then
                                     * writes to new ones fail with -ENOSPC. 0: unlimited */
    uint32_t read_fail_ppm;
    uint32_t read_corrupt_ppm; /* one bit flipped in what is read */
    uint32_t write_fail_ppm;   /* reported, nothing written */
    uint32_t write_lost_ppm;   /* reported as done, nothing written */
    uint32_t write_torn_ppm;   /* reported as done, only the first sectors written */
    uint32_t reorder_ppm;      /* a request is held back, so that later ones overtake it ... */
    uint64_t reorder_ns;       /* ... by 1 .. this time */
    uint32_t cut_lose_ppm;     /* at a power cut, for each write that was not flushed */
    uint32_t cut_tear_ppm;     /* likewise: only some of its sectors survive */
    bool write_through;        /* no cache: a write that is done survives */
};

struct disk_config {
    const char *name; /* copied */
    uint64_t seed;
    uint64_t stream; /* tells this disk's chances from those of others with the same seed */
    struct sim_clock clock;
    struct fault_plan *plan; /* may be NULL */
    uint64_t sectors;
    int base_fd; /* -1: zeros. Duplicated. */
    struct disk_quality quality;
};

enum disk_operation { DISK_READ, DISK_WRITE, DISK_FLUSH };

/* What has become of a request; told when it is finished, in that order. */
struct disk_report {
    enum disk_operation operation;
    uint64_t number; /* of the request, from 0 */
    uint64_t time_ns;
    uint64_t sector, count;
    const uint8_t *bytes;  /* of a read or write */
    int status;            /* as the guest gets it */
    const char *fault;     /* name of the fault that was injected, or NULL */
    uint64_t sectors_kept; /* of a write: how many were really written */
};

/* 0, -EINVAL, -ENOMEM, -errno of dup(2). */
int disk_create(const struct disk_config *config, struct disk **out);
void disk_destroy(struct disk *disk);
void disk_observe(struct disk *disk,
                  void (*observe)(void *context, const struct disk_report *report), void *context);

const char *disk_name(const struct disk *disk);
uint64_t disk_sectors(const struct disk *disk);
const char *disk_quality_check(const struct disk_quality *quality); /* as link_quality_check */
void disk_set_quality(struct disk *disk, const struct disk_quality *quality);

/* A request. The bytes of a write are copied; those of a read are written before done(argument,
 * status) is called with 0, -EIO, -ENOSPC or -EINVAL (outside the disk), from an event, never from
 * this call. After a power cut (or when the disk is destroyed) the status is -ECANCELED: nobody may
 * hear of it, but memory can be freed. 0 or -ENOMEM. */
int disk_submit(struct disk *disk, enum disk_operation operation, uint64_t sector, uint64_t count,
                void *bytes, void (*done)(void *argument, int status), void *argument);

/* Requests that are under way, and writes that a power cut now would endanger. */
size_t disk_pending(const struct disk *disk);
size_t disk_unflushed(const struct disk *disk);

/* The power is gone: requests are forgotten, and each write since the last flush survives, is torn
 * or is lost as cut_lose_ppm, cut_tear_ppm and the seed say. `keep_all`: nothing is lost, as if the
 * disk had a battery. The disk can be used again at once. 0 or -ENOMEM. */
int disk_power_cut(struct disk *disk, bool keep_all);

/* Cut the power by itself when the nth request from now on (1-based; 0: never) is submitted, before
 * it does anything; cut(context) is called instead of it from an event. */
void disk_cut_at(struct disk *disk, uint64_t nth, void (*cut)(void *context), void *context);

/* Fail the nth request from now on (1-based; 0: none) with -EIO. */
void disk_fail_nth(struct disk *disk, uint64_t nth);
/* Requests so far. */
uint64_t disk_requests(const struct disk *disk);

/* A copy of the disk's state: contents, cache, and requests under way, whose events belong to the
 * clock and whose arguments to their submitters. NULL without memory. Going back to it: 0, or
 * -ENOMEM with nothing changed; the memory that reads under way go to is gone by then, so the
 * submitter names it again (by the request's argument). */
struct disk_state;
struct disk_state *disk_state_save(const struct disk *disk);
int disk_state_restore(struct disk *disk, const struct disk_state *state);
void disk_state_free(struct disk_state *state);
void disk_read_into(struct disk *disk, const void *argument, void *bytes);

/* What the disk contains now, cache included. 0 or negative errno. */
int disk_peek(const struct disk *disk, uint64_t sector, uint64_t count, void *out);
/* Likewise, what is on the platter. */
int disk_peek_durable(const struct disk *disk, uint64_t sector, uint64_t count, void *out);
/* Change the contents, cache and platter, while nothing is under way. 0, -EINVAL, -ENOMEM, -EIO. */
int disk_poke(struct disk *disk, uint64_t sector, uint64_t count, const void *bytes);
int disk_save(const struct disk *disk, const char *path);

#endif
