/* SPDX-License-Identifier: MIT
 *
 * Short runs of calls that belong together: what makes a thing, and what is done with it. The
 * mutator inserts them (program_mutate), so that most calls of the table succeed now and then.
 */
#ifndef FUZZ_RECIPES_H
#define FUZZ_RECIPES_H

#include "fuzz/program.h"

enum { RECIPE_CALLS_MAX = 10 };

/* The index-th recipe's text, NULL past the last. */
const char *recipe_text(unsigned index);

/* Its calls, for lane 0; where the recipe says nothing of an argument it is drawn from `random`.
 * The count, 0 if the text means nothing. */
unsigned recipe_make(unsigned index, uint64_t *random, struct program_call calls[RECIPE_CALLS_MAX]);

#endif
