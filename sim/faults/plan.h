/* SPDX-License-Identifier: MIT
 *
 * The faults of one run: which were injected, and which may be. A failing run is minimised by
 * running it again with fewer and fewer of the faults that it had.
 *
 * A fault is known by its kind, its source ("link a-b", "disk db.0", "machine db") and a number
 * that the source counts. It stays the same fault in another run of the same seed as long as what
 * came before it at its source stays the same.
 */
#ifndef SIM_FAULTS_PLAN_H
#define SIM_FAULTS_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum fault_kind {
    FAULT_FRAME_LOST,
    FAULT_FRAME_DUPLICATED,
    FAULT_FRAME_REORDERED,
    FAULT_FRAME_CORRUPTED,
    FAULT_LINK_DOWN,
    FAULT_READ_FAILED,
    FAULT_READ_CORRUPTED,
    FAULT_WRITE_FAILED,
    FAULT_WRITE_LOST,
    FAULT_WRITE_TORN,
    FAULT_WRITE_REORDERED,
    FAULT_DISK_FULL,
    FAULT_POWER_CUT,
    FAULT_ALLOCATION,
    FAULT_CLOCK,
    FAULT_STARVATION,
    FAULT_KILL,
    FAULT_PAUSE,
    FAULT_KINDS, /* their number */
};

struct fault {
    uint64_t time_ns;
    enum fault_kind kind;
    uint32_t source; /* an index of plan->sources */
    uint64_t ordinal;
};

struct fault_plan;

/* An empty plan that allows every fault. NULL without memory. */
struct fault_plan *fault_plan_create(void);
void fault_plan_destroy(struct fault_plan *plan);

/* The number that stands for a source; the same text gives the same number. The text is copied.
 * Sources must be named in the same order in every run. UINT32_MAX without memory. */
uint32_t fault_plan_source(struct fault_plan *plan, const char *name);
const char *fault_plan_source_name(const struct fault_plan *plan, uint32_t source);
const char *fault_kind_name(enum fault_kind kind);

/* A source wants this fault now. True: inject it; it is noted. False: this run does without it. A
 * NULL plan allows everything and notes nothing. */
bool fault_plan_fire(struct fault_plan *plan, uint64_t time_ns, enum fault_kind kind,
                     uint32_t source, uint64_t ordinal);

/* What was injected so far, in order. */
size_t fault_plan_count(const struct fault_plan *plan);
const struct fault *fault_plan_at(const struct fault_plan *plan, size_t index);

/* From now on allow only faults that were named by fault_plan_allow. */
void fault_plan_restrict(struct fault_plan *plan);
int fault_plan_allow(struct fault_plan *plan, enum fault_kind kind, const char *source,
                     uint64_t ordinal);

/* One fault a line: "TIME KIND ORDINAL SOURCE", TIME in ns. Reading allows (fault_plan_allow) what
 * is read and returns 0 or -ENOMEM, or the number of the first line that is no fault. */
void fault_plan_write(const struct fault_plan *plan, FILE *out);
int fault_plan_read(struct fault_plan *plan, FILE *in);

#endif
