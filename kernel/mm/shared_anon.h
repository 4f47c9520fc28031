/* SPDX-License-Identifier: MIT
 *
 * Shared anonymous memory as an object that VMAs map: MAP_SHARED|MAP_ANONYMOUS, System V shared
 * memory. Reference counted; each VMA holds one reference.
 */
#ifndef KERNEL_MM_SHARED_ANON_H
#define KERNEL_MM_SHARED_ANON_H

#include <stdint.h>

#include "kernel/mm/page_cache.h"

struct kernel;

struct shared_anon {
    uint32_t refs;  /* atomic */
    uint64_t id;    /* inode number in /proc/PID/maps */
    uint64_t bytes; /* constant */
    struct page_cache cache;
    struct kernel *kernel;
    uint64_t committed; /* pages; constant */
};

/* 0 or -ENOMEM; one reference. `reserve`: all of it counts as committed memory. */
int shared_anon_create(struct kernel *kernel, uint64_t bytes, bool reserve,
                       struct shared_anon **out);
void shared_anon_get(struct shared_anon *object);
void shared_anon_put(struct shared_anon *object);

/* For mm_map_request.ops, with the object as backing. Another user (SysV shm) that wants its own
 * `describe` copies the table. */
extern const struct vma_ops shared_anon_vma_ops;
void shared_anon_vma_get(struct vma *vma);
void shared_anon_vma_put(struct vma *vma);
int shared_anon_vma_get_page(struct vma *vma, uint64_t index, bool write, struct page **out);
int shared_anon_vma_punch(struct vma *vma, uint64_t first, uint64_t end);
uint64_t shared_anon_vma_identity(struct vma *vma);

#endif
