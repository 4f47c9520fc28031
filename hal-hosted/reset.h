/* SPDX-License-Identifier: MIT
 *
 * A machine that runs on the caller's thread, its CPUs taking turns, pauses where its hooks say so,
 * and can be put back to a marked state in microseconds: what fuzzing needs between two inputs.
 *
 * For machines with MACHINE_ENGINE_NONE and hooks that give time, idling, entropy and, for several
 * CPUs, turns. The calling thread is the same all the time. Between these calls the machine stands
 * still.
 */
#ifndef HAL_HOSTED_RESET_H
#define HAL_HOSTED_RESET_H

#include "hal-hosted/machine.h"

struct machine_mark;

/* A machine that machine_pause has interrupted. */
enum { MACHINE_PAUSED = 0x102 };

/* In place of machine_run: power on and run until a hook calls machine_pause (MACHINE_PAUSED) or
 * the machine ends (as machine_run). machine_resume goes on after machine_pause. */
int machine_run_paused(struct machine *machine);
int machine_resume(struct machine *machine);

/* From a hook: return to the caller of machine_run_paused or machine_resume. */
void machine_pause(void);

/* Mark the present state of a paused machine; at most once. 0 or negative errno. */
int machine_mark_create(struct machine *machine, struct machine_mark **out);

/* Put the paused or ended machine back to the mark: RAM, CPU, address spaces. The state that hooks
 * keep is theirs to put back. Costs 10 us and 0.1 us for each page written since. */
void machine_mark_restore(struct machine_mark *mark);

/* Pages of RAM that differ from the mark; slow. For benchmarks. */
size_t machine_mark_dirty_pages(struct machine_mark *mark);

/* Before machine_destroy. */
void machine_mark_destroy(struct machine_mark *mark);

#endif
