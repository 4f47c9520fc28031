/* SPDX-License-Identifier: MIT
 *
 * Faults that the checks of run_program.c have to find, as its `observe` (planted.c).
 */
#ifndef FUZZ_PLANTED_H
#define FUZZ_PLANTED_H

#include "fuzz/run_program.h"
#include "kernel/core/spinlock.h"

/* Locks are checked in this build. */
enum { PLANTED_DEBUG = ASSAY_DEBUG };

typedef void plant_fault(void *argument, unsigned index, unsigned lane,
                         const struct prepared_call *call, const int64_t *result);

#define PLANTED_FAULT(name)                                                                        \
    void name(void *argument, unsigned index, unsigned lane, const struct prepared_call *call,     \
              const int64_t *result)

PLANTED_FAULT(no_fault);
PLANTED_FAULT(leak_object);
PLANTED_FAULT(leak_page);
PLANTED_FAULT(return_foreign_error);
PLANTED_FAULT(sleep_for_ever);
PLANTED_FAULT(keep_lock);
PLANTED_FAULT(take_locks_in_the_wrong_order);

#endif
