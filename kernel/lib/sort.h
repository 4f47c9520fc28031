/* SPDX-License-Identifier: MIT */
/* Sorting and searching arrays in place: no recursion, no allocation, O(n log n) always. */
#ifndef KERNEL_LIB_SORT_H
#define KERNEL_LIB_SORT_H

#include "kernel/lib/compiler.h"

/* Negative, zero, positive as a sorts before, with, after b. */
typedef int sort_compare_fn(const void *a, const void *b, void *ctx);

/* Sorts `count` elements of `size` bytes; not stable. */
void ksort(void *base, size_t count, size_t size, sort_compare_fn *compare, void *ctx);

/* An element that compares equal to key (passed as `a`), or NULL. The array is sorted. */
void *kbsearch(const void *key, const void *base, size_t count, size_t size,
               sort_compare_fn *compare, void *ctx);

#endif
