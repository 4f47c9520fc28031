/* SPDX-License-Identifier: MIT
 *
 * Programs of system calls as text: for people, and as C that compiles on Linux.
 */
#ifndef FUZZ_PRINT_PROGRAM_H
#define FUZZ_PRINT_PROGRAM_H

#include <stdio.h>

#include "fuzz/program.h"

/* The call, as far as its arguments are known now: "openat(AT_FDCWD, "/tmp/a", O_RDWR, 0)". */
void print_call(FILE *out, const struct prepared_call *call);

/* The errno's name, or NULL. */
const char *print_errno(int64_t result);

/* A C program that makes the calls which a run has made; call print_c_call for each in between. */
void print_c_begin(FILE *out, const char *title);
void print_c_call(FILE *out, unsigned index, unsigned lane, const struct prepared_call *call);
void print_c_end(FILE *out, const struct program *program);

#endif
