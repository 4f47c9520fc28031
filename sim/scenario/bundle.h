/* SPDX-License-Identifier: MIT
 *
 * A failure in one file: everything that is needed to run it again, and what it left behind. A
 * compressed tar archive of plain files, written and read with libarchive.
 *
 *     manifest.json    seed, message, hash of the event log
 *     scenario.yaml    as it was
 *     plan             the faults, if they were minimised
 *     NAME.cpio        root file system of machine NAME
 *     log              event log
 *     NAME.console     console output of machine NAME
 *     NAME.core        its kernel: gdb assay NAME.core
 *     NAME.PID.core    a program of it that had not ended: gdb PROGRAM NAME.PID.core
 *     A-B.pcap         frames of link A-B
 *     NAME.DISK.disk   a disk at the end
 *     NAME.DISK.image  its base image, if it has one
 */
#ifndef SIM_SCENARIO_BUNDLE_H
#define SIM_SCENARIO_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/scenario/run.h"

struct bundle {
    uint64_t seed;
    bool restricted; /* the plan is all that may happen */
    int allocation_machine;
    uint64_t allocation_nth;
    enum run_explore explore; /* of the disk MACHINE.DISK; the number of its request or state */
    char disk[256];
    uint64_t disk_nth;
    struct crash_limits limits;
    uint64_t hash[2];
    char message[1024];
};

/* Write a manifest, and all files of a folder, to a new bundle. 0 or negative errno with a line in
 * message; then nothing is left. */
int bundle_write(const char *path, const char *folder, const struct bundle *bundle, char *message,
                 size_t message_bytes);

/* Unpack a bundle to a folder (empty so far) and read its manifest. 0 or -EINVAL with a line in
 * message: what is there is the caller's to remove. */
int bundle_read(const char *path, const char *folder, struct bundle *out, char *message,
                size_t message_bytes);

/* Where scratch folders are made: $TMPDIR, or /tmp. */
const char *scratch_parent(void);

/* A new folder for scratch files; NULL without. To be freed. */
char *scratch_create(void);
/* Remove a folder of plain files, and free its name. NULL is allowed. */
void scratch_remove(char *folder);

#endif
