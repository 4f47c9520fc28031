/* SPDX-License-Identifier: MIT
 *
 * Slab caches and kmalloc: shared state.
 */
#ifndef KERNEL_MM_SLAB_INTERNAL_H
#define KERNEL_MM_SLAB_INTERNAL_H

#include "kernel/core/spinlock.h"
#include "kernel/lib/list.h"
#include "kernel/mm/slab.h"

enum { SLAB_OBJECTS_MAX = 256, SLAB_MAGAZINE_MAX = 30, SLAB_ORDER_MAX = 3 };
enum {
    KMALLOC_MIN_SHIFT = 4,
    KMALLOC_MAX_SHIFT = 11, /* larger: whole pages */
    KMALLOC_CLASSES = KMALLOC_MAX_SHIFT - KMALLOC_MIN_SHIFT + 1
};

/* A block of pages cut into objects. In front of them, or apart for large objects. */
struct slab {
    struct list_node node; /* cache->partial, ->full or ->empty */
    struct slab_cache *cache;
    char *objects;
    unsigned free_count;
    uint64_t free_map[SLAB_OBJECTS_MAX / 64]; /* bit set: free */
};

/* Free objects at hand for one CPU; used with interrupts masked. */
struct slab_magazine {
    unsigned count;
    int64_t live; /* allocated minus freed on this CPU */
    void *objects[SLAB_MAGAZINE_MAX];
};

struct slab_cache {
    const char *name;
    uint32_t size, align; /* size is a multiple of align */
    uint32_t per_slab;
    uint32_t magazine; /* capacity in use */
    uint8_t order;
    bool apart;            /* struct slab is not inside the slab */
    bool boot;             /* embedded in struct slab_state */
    struct list_node node; /* slab_state.caches */

    struct spinlock lock; /* LOCK_RANK_SLAB, interrupts masked: the rest */
    struct list partial, full, empty;
    unsigned empty_count;
    uint64_t pages;

    struct slab_magazine *cpus; /* [cpu_count] */
};

struct slab_state {
    struct spinlock lock; /* LOCK_RANK_NONE: the list; taken around the caches' own locks */
    struct list caches;
    uint64_t large_live;       /* kmalloc blocks of whole pages; atomic */
    struct slab_cache headers; /* struct slab of `apart` caches */
    struct slab_cache objects; /* struct slab_cache */
    struct slab_cache classes[KMALLOC_CLASSES];
    struct slab_magazine magazines[];
};

struct kernel;

/* Boot: kernel->slab. 0 or -ENOMEM. */
int slab_init(struct kernel *kernel);

/* Give back what this CPU's magazines and empty slabs hold: under memory pressure, and in tests
 * that compare free memory. Returns pages freed. */
uint64_t slab_trim(struct kernel *kernel);

#endif
