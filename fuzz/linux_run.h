/* SPDX-License-Identifier: MIT
 *
 * Running a program of system calls on this host's Linux, in a process that is thrown away: its own
 * mount, IPC and network namespaces, a tmpfs for a root, limits, no descriptors, and only calls
 * from a list of harmless ones.
 */
#ifndef FUZZ_LINUX_RUN_H
#define FUZZ_LINUX_RUN_H

#include "fuzz/program.h"

struct linux_outcome {
    bool ran; /* false: there is no sandbox to be had here */
    struct program_results results;
    uint64_t output[PROGRAM_CALLS_MAX]; /* digests of what calls wrote */
};

/* Keep only calls of lane 0 that are harmless and whose results can be compared. */
void linux_filter(struct program *program);

void linux_run(const struct program *program, struct linux_outcome *out);

/* The argument that the call writes its result's worth of bytes to; false if there is none. */
bool linux_output_argument(unsigned number, unsigned *out_arg);
uint64_t linux_digest(const uint8_t *bytes, size_t count);

#endif
