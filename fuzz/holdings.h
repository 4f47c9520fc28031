/* SPDX-License-Identifier: MIT
 *
 * What the kernel holds at a moment: pages, and objects of each slab cache. A program of system
 * calls that has ended must leave no more than there was before it.
 */
#ifndef FUZZ_HOLDINGS_H
#define FUZZ_HOLDINGS_H

#include "fuzz/inside.h"

enum { HOLDINGS_CACHES = 48 };

struct holdings {
    struct fuzz_usage usage;
    uint64_t live[HOLDINGS_CACHES];
    bool general[HOLDINGS_CACHES]; /* one of kmalloc's */
};

void holdings_take(struct holdings *out);

/* Anything more in `after`; `lenient`: kmalloc's own caches do not count. */
bool holdings_grew(const struct holdings *before, const struct holdings *after, bool lenient);

/* What even an empty program leaves, because the kernel makes it once and keeps it: into `before`.
 */
void holdings_allow(struct holdings *before, const struct holdings *after);

/* Fail the input: says what is more. */
__attribute__((noreturn)) void holdings_fail(const struct holdings *before,
                                             const struct holdings *after);

/* Every task, with what it does and on which CPU; valid until the next call. */
const char *holdings_describe_tasks(void);

#endif
