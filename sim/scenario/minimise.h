/* SPDX-License-Identifier: MIT
 *
 * Finds few of many parts that still make a test fail: delta debugging (Zeller and Hildebrandt,
 * "Simplifying and Isolating Failure-Inducing Input", 2002, algorithm ddmin).
 */
#ifndef SIM_SCENARIO_MINIMISE_H
#define SIM_SCENARIO_MINIMISE_H

#include <stdbool.h>
#include <stddef.h>

/* fails(context, kept) says whether the test still fails with only the parts that are kept; it
 * fails with all `count`. On return `kept` has a set with which it fails, and from which no single
 * part can be taken, unless trials_max trials were too few. Returns the number of parts kept. */
size_t minimise(size_t count, bool *kept, unsigned trials_max,
                bool (*fails)(void *context, const bool *kept), void *context);

#endif
