/* SPDX-License-Identifier: MIT
 *
 * Making a program that fails smaller: calls go, then arguments, lanes and the header become zero,
 * as long as it fails in the same way.
 */
#ifndef FUZZ_MINIMIZE_H
#define FUZZ_MINIMIZE_H

#include "fuzz/run_program.h"

/* The line that says what failed, without its digits: two runs that fail alike have the same. */
enum { MINIMIZE_SIGNATURE_MAX = 200 };

/* False, and the program as it was, if it does not fail. `how` says what is checked. */
bool minimize_program(struct program *it, const struct run_options *how,
                      char signature[MINIMIZE_SIGNATURE_MAX]);

#endif
