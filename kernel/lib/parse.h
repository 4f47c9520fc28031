/* SPDX-License-Identifier: MIT */
/*
 * Numbers from text. The kstrto* functions take the whole string: no leading space, an optional
 * sign, digits, and at most one final newline (as `echo 1 > /proc/...` writes). Base 0 means 0x
 * hexadecimal, 0 octal, otherwise decimal. They return 0, -EINVAL for anything else, -ERANGE if it
 * does not fit; *out is written only on success.
 */
#ifndef KERNEL_LIB_PARSE_H
#define KERNEL_LIB_PARSE_H

#include "kernel/lib/compiler.h"

int kstrtou64(const char *s, unsigned base, uint64_t *out);
int kstrtos64(const char *s, unsigned base, int64_t *out);
int kstrtou32(const char *s, unsigned base, uint32_t *out);
int kstrtos32(const char *s, unsigned base, int32_t *out);
/* 1 y Y t T on, 0 n N f F off, and the words on, off. */
int kstrtobool(const char *s, bool *out);
/* A size: a number with an optional suffix K M G T P E (powers of 1024), either case. */
int kstrtosize(const char *s, uint64_t *out);

/*
 * Reads digits at *cursor and moves it past them. 0; -EINVAL with no digit there; -ERANGE if the
 * number does not fit (the cursor is moved then, too).
 */
int kparse_u64(const char **cursor, unsigned base, uint64_t *out);

#endif
