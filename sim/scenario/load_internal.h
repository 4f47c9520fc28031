/* SPDX-License-Identifier: MIT
 *
 * What the files that read a scenario share. The document's owner is the scenario.
 */
#ifndef SIM_SCENARIO_LOAD_INTERNAL_H
#define SIM_SCENARIO_LOAD_INTERNAL_H

#include "sim/scenario/scenario.h"

/* A copy of a list with one zeroed item more; NULL after noting the failure. */
void *load_grow(struct document *document, void *list, size_t *count, size_t bytes);

/* A host path as the scenario means it: relative to its own folder. NULL: out of memory. */
const char *load_path(struct document *document, const char *path);

taker load_machine_name; /* int: its index */
taker load_switches;     /* struct scenario */
taker load_links;
taker load_faults;

#endif
