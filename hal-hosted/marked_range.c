/* SPDX-License-Identifier: MIT
 *
 * Memory that goes back to what a file holds (marked_range.h).
 *
 * The memory is a private mapping of the file: a page that is written becomes a copy of the
 * process's own. To drop the copies puts the memory back, but then the next write to such a page is
 * a page fault and a new copy, about two microseconds. Much the same pages are written each time,
 * so the copies are kept and get the file's bytes again: less than a tenth of a microsecond. Which
 * pages are copies Linux says since 6.7 (PAGEMAP_SCAN, linux/fs.h). Now and then all are dropped,
 * or they would become more and more. Where Linux does not say, all are dropped each time.
 */
#include "hal-hosted/marked_range.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hal-hosted/sanitizer.h"
#include "hal/boot.h"

enum { DROP_EVERY = 256, REGIONS_MAX = 256 };

/* Of linux/fs.h, which may be older than 6.7 here. */
struct page_region {
    uint64_t start, end, categories;
};

struct pagemap_scan {
    uint64_t size, flags, start, end, walk_end, regions, region_count, pages_max;
    uint64_t inverted, all_of, any_of, reported;
};

enum { PAGE_OF_FILE = 1 << 2, PAGE_PRESENT = 1 << 3, PAGE_SWAPPED = 1 << 4 };
#define SCAN_PAGEMAP _IOWR('f', 16, struct pagemap_scan)

/* Of this process: a child of the one that made the mark has memory of its own. */
static void open_pagemap(struct marked_range *range)
{
    if (range->pagemap_fd >= 0) {
        close(range->pagemap_fd);
    }
    range->pagemap_fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    range->owner = getpid();
}

int marked_range_create(struct marked_range *range, char *start, size_t bytes, int fd)
{
    const int flags = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE;
    char *pristine = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);

    if (pristine == MAP_FAILED) {
        return -errno;
    }
    if (mmap(start, bytes, PROT_READ | PROT_WRITE, flags, fd, 0) == MAP_FAILED) {
        int error = errno;
        munmap(pristine, bytes);
        return -error;
    }
    madvise(start, bytes, MADV_DONTDUMP);
    *range = (struct marked_range){
        .start = start, .bytes = bytes, .pristine = pristine, .pagemap_fd = -1};
    open_pagemap(range);
    return 0;
}

/* Copy the file's bytes over the pages that are copies; false if Linux does not say which. */
static bool copy_back(struct marked_range *range)
{
    struct page_region regions[REGIONS_MAX];
    struct pagemap_scan scan = {
        .size = sizeof scan,
        .start = (uintptr_t)range->start,
        .end = (uintptr_t)range->start + range->bytes,
        .regions = (uintptr_t)regions,
        .region_count = REGIONS_MAX,
        .inverted = PAGE_OF_FILE,
        .all_of = PAGE_OF_FILE,
        .any_of = PAGE_PRESENT | PAGE_SWAPPED,
        .reported = PAGE_OF_FILE,
    };

    for (; scan.start < scan.end; scan.start = scan.walk_end) {
        int count = ioctl(range->pagemap_fd, SCAN_PAGEMAP, &scan);
        if (count < 0) {
            return false;
        }
        for (int i = 0; i < count; i++) {
            const size_t at = regions[i].start - (uintptr_t)range->start;
            raw_copy(range->start + at, range->pristine + at, regions[i].end - regions[i].start);
        }
    }
    return true;
}

void marked_range_restore(struct marked_range *range)
{
    if (range->pagemap_fd >= 0 && range->owner != getpid()) {
        open_pagemap(range);
    }
    if (++range->restores % DROP_EVERY == 0 || range->pagemap_fd < 0) {
        madvise(range->start, range->bytes, MADV_DONTNEED);
    } else if (!copy_back(range)) {
        madvise(range->start, range->bytes, MADV_DONTNEED);
        close(range->pagemap_fd);
        range->pagemap_fd = -1;
    }
}

size_t marked_range_pages_changed(const struct marked_range *range)
{
    char now[HAL_PAGE_SIZE];
    size_t changed = 0;

    for (size_t at = 0; at < range->bytes; at += HAL_PAGE_SIZE) {
        raw_copy(now, range->start + at, HAL_PAGE_SIZE);
        changed += memcmp(now, range->pristine + at, HAL_PAGE_SIZE) != 0;
    }
    return changed;
}

void marked_range_destroy(struct marked_range *range)
{
    if (range->pristine) {
        munmap((void *)(uintptr_t)range->pristine, range->bytes);
        if (range->pagemap_fd >= 0) {
            close(range->pagemap_fd);
        }
    }
}
