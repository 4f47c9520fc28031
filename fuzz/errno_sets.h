/* SPDX-License-Identifier: MIT
 *
 * Which errors Linux returns for which system call: those of the manual pages, and what is known of
 * it beyond. An error outside of a call's set is a bug of the kernel, or a gap in errno_sets.c.
 */
#ifndef FUZZ_ERRNO_SETS_H
#define FUZZ_ERRNO_SETS_H

#include <stdbool.h>

/* May a call of this number end with this error (positive)? True for unknown numbers and ENOSYS. */
bool errno_is_possible(unsigned number, int error);

/* The name of a call in the table that is no call, or that has a word that is no error; NULL: none.
 * For the test. */
const char *errno_sets_check(void);

#endif
