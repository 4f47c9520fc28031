/* SPDX-License-Identifier: MIT
 *
 * Running a program of system calls in the machine, with every check that there is.
 */
#ifndef FUZZ_RUN_PROGRAM_H
#define FUZZ_RUN_PROGRAM_H

#include "fuzz/program.h"

struct run_options {
    /* After the program, kill its tasks and compare what the kernel holds with what it held before:
     * aborts if anything was left. */
    bool check_leaks;
    /* Do not fail for errors that Linux does not return (errno_sets.h). */
    bool any_errno;
    /* Called before and after each call; may be NULL. `result` is NULL before. */
    void (*observe)(void *argument, unsigned index, unsigned lane, const struct prepared_call *call,
                    const int64_t *result);
    void *argument;
    /* Called in the machine, by its first task, before the first call; may be NULL. */
    void (*begin)(void);
};

struct run_outcome {
    struct program_results results;
    unsigned calls;    /* that were made */
    uint64_t digest;   /* of calls and results, in order */
    bool switched_off; /* by the program */
};

/* Put the machine back, and run. A failed check prints what it found and aborts. */
void run_program(const struct program *program, const struct run_options *options,
                 struct run_outcome *out);

/* Just put it back; and pages written since: for benchmarks. */
void run_reset(void);
size_t run_dirty_pages(void);

#endif
