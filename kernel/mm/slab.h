/* SPDX-License-Identifier: MIT
 *
 * Kernel object allocation: slab caches and kmalloc. All memory is machine memory.
 *
 * Any context (interrupts are masked inside). Every allocation may fail: NULL. Tests make the n-th
 * one fail (fault_injection.h).
 */
#ifndef KERNEL_MM_SLAB_H
#define KERNEL_MM_SLAB_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/lib/allocator.h"

struct slab_cache;
struct kernel;

/* Objects of one size. The name is for /proc/slabinfo and leak reports and is not copied. */
struct slab_cache *slab_cache_create(const char *name, size_t size, size_t align);
void slab_cache_destroy(struct slab_cache *cache); /* asserts that it is empty */
void *slab_alloc(struct slab_cache *cache);
void *slab_alloc_zeroed(struct slab_cache *cache);
void slab_free(struct slab_cache *cache, void *object);

/* General sizes, aligned to min(size rounded to a power of two, page). Up to 4 MiB. kfree(NULL) is
 * fine. */
void *kmalloc(size_t bytes);
void *kzalloc(size_t bytes);
void *krealloc(void *old, size_t bytes);
void kfree(const void *object);
char *kstrdup(const char *string);
extern const struct lib_allocator kmalloc_allocator; /* for containers of kernel/lib */

/* Live objects over all caches, for leak checks in tests; and by cache for /proc/slabinfo. */
uint64_t slab_live_objects(struct kernel *kernel);
int slab_describe(struct kernel *kernel, unsigned index, const char **out_name, size_t *out_size,
                  uint64_t *out_live, uint64_t *out_pages); /* -ENOENT past the last */

#endif
