/* SPDX-License-Identifier: MIT
 *
 * Pages of the kernel that programs map and both sides write: rings. Referenced by their owner and
 * by every mapping. What is in them is hostile: read a word once, then check it.
 */
#ifndef KERNEL_MM_SHARED_PAGES_H
#define KERNEL_MM_SHARED_PAGES_H

#include <stddef.h>
#include <stdint.h>

struct mm_map_request;
struct page;

struct shared_pages {
    uint32_t refs; /* atomic */
    unsigned count;
    const char *name; /* in /proc/PID/maps; constant text */
    struct page *pages[];
};

/* Zeroed. One reference; NULL without memory. May block. */
struct shared_pages *shared_pages_create(unsigned count, const char *name);
void shared_pages_get(struct shared_pages *pages);
void shared_pages_put(struct shared_pages *pages);

/* The kernel's address of a byte offset; what lies there must not straddle a page. */
void *shared_pages_at(const struct shared_pages *pages, size_t offset);

/* Describe a shared, writable mapping of them from page `first` on. */
void shared_pages_request(struct shared_pages *pages, uint64_t first,
                          struct mm_map_request *request);

#endif
