/* SPDX-License-Identifier: MIT
 *
 * Compares two event logs.
 */
#ifndef SIM_LOG_DIFF_H
#define SIM_LOG_DIFF_H

#include <stdio.h>

/* Write to `out` where the second log first differs from the first, with `context` records before
 * and after. 0: equal, 1: different, 2: a log cannot be read, with a line on `errors`. Records of
 * type REPORT, which tell of the host, do not count. */
int log_diff(const char *first, const char *second, unsigned context, FILE *out, FILE *errors);

#endif
