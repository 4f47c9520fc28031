/* SPDX-License-Identifier: MIT */
/*
 * Which pages of a machine have been written since its memory was equal to a copy.
 *
 * Writes by this process: userfaultfd(2) in its asynchronous write-protect mode (Linux 6.7), where
 * the host notes a first write without telling anybody and PAGEMAP_SCAN (ioctl on
 * /proc/self/pagemap) lists the pages. Writes by stubs, which map the same file: every page that is
 * mapped writable into one counts as written (world_note_written); stubs are dropped at each
 * snapshot and restore, so no older mapping is left. Under AddressSanitizer, changes of the shadow
 * alone count too.
 *
 * A page that is written again and again is not protected any more after a few restores: copying it
 * always is cheaper than a fault.
 *
 * On hosts that have not got this, restores copy everything.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hal-hosted/world/tracking_internal.h"

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
#ifndef UFFDIO_WRITEPROTECT_MODE_WP
#error "the host's headers are older than Linux 5.7"
#endif

/* Linux 6.7; the headers of the build host may be older. */
#define FEATURE_PAGEFAULT_FLAG_WP (1ull << 0)
#define FEATURE_WP_HUGETLBFS_SHMEM (1ull << 12)
#define FEATURE_WP_UNPOPULATED (1ull << 13)
#define FEATURE_WP_ASYNC (1ull << 15)

struct scan_region {
    uint64_t start, end, categories;
};
struct scan_argument {
    uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
    uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
#define SCAN_PAGEMAP _IOWR('f', 16, struct scan_argument)
#define SCAN_PAGE_IS_WRITTEN (1ull << 1)

enum { REGIONS = 256, HOT = 3 };

struct world_tracking {
    int uffd, pagemap;
    bool valid;        /* everything written since the last begin or restore is known */
    uint8_t *heat;     /* for each page: restores that had to copy it; HOT: never protected */
    uint64_t *written; /* bit set of pages, by stubs and sanitizer */
    bool any_written;
    uint64_t pages;
};

static int open_uffd(void)
{
    struct uffdio_api api = {.api = UFFD_API,
                             .features = FEATURE_PAGEFAULT_FLAG_WP | FEATURE_WP_HUGETLBFS_SHMEM |
                                         FEATURE_WP_UNPOPULATED | FEATURE_WP_ASYNC};
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

    if (fd >= 0 && ioctl(fd, UFFDIO_API, &api) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static bool start(struct machine *machine, struct world_tracking *tracking)
{
    struct uffdio_register range = {
        .range = {.start = (uintptr_t)machine->ram, .len = machine_memory_bytes(machine)},
        .mode = UFFDIO_REGISTER_MODE_WP};

    if (tracking->uffd >= 0) {
        return true;
    }
    tracking->uffd = open_uffd();
    tracking->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (tracking->uffd < 0 || tracking->pagemap < 0 ||
        ioctl(tracking->uffd, UFFDIO_REGISTER, &range) < 0) {
        world_tracking_forget(machine);
        return false;
    }
    return true;
}

static bool protect(const struct machine *machine, const struct world_tracking *tracking,
                    uint64_t first, uint64_t pages)
{
    struct uffdio_writeprotect argument = {
        .range = {.start = (uintptr_t)machine->ram + first * HAL_PAGE_SIZE,
                  .len = pages * HAL_PAGE_SIZE},
        .mode = UFFDIO_WRITEPROTECT_MODE_WP};

    return pages == 0 || ioctl(tracking->uffd, UFFDIO_WRITEPROTECT, &argument) == 0;
}

static struct world_tracking *tracking_get(struct machine *machine)
{
    struct world_tracking *tracking = machine->sim->tracking;

    if (tracking) {
        return tracking;
    }
    tracking = calloc(1, sizeof *tracking);
    if (!tracking) {
        return NULL;
    }
    tracking->pages = machine_memory_bytes(machine) / HAL_PAGE_SIZE;
    tracking->uffd = tracking->pagemap = -1;
    tracking->heat = calloc(tracking->pages, 1);
    tracking->written = calloc(tracking->pages / 64 + 1, sizeof(uint64_t));
    if (!tracking->heat || !tracking->written) {
        free(tracking->heat);
        free(tracking->written);
        free(tracking);
        return NULL;
    }
    machine->sim->tracking = tracking;
    return tracking;
}

static void written_clear(struct world_tracking *tracking)
{
    if (tracking->any_written) {
        memset(tracking->written, 0, (tracking->pages / 64 + 1) * sizeof(uint64_t));
        tracking->any_written = false;
    }
}

void world_tracking_begin(struct machine *machine)
{
    struct world_tracking *tracking = tracking_get(machine);

    if (!tracking) {
        return;
    }
    tracking->valid = start(machine, tracking) && protect(machine, tracking, 0, tracking->pages);
    memset(tracking->heat, 0, tracking->pages);
    written_clear(tracking);
}

void world_tracking_lost(struct machine *machine)
{
    if (machine->sim->tracking) {
        machine->sim->tracking->valid = false;
    }
}

void world_tracking_forget(struct machine *machine)
{
    struct world_tracking *tracking = machine->sim->tracking;

    if (tracking) {
        tracking->valid = false;
        if (tracking->uffd >= 0) {
            close(tracking->uffd);
        }
        if (tracking->pagemap >= 0) {
            close(tracking->pagemap);
        }
        tracking->uffd = tracking->pagemap = -1;
    }
}

void world_tracking_free(struct machine *machine)
{
    struct world_tracking *tracking = machine->sim->tracking;

    if (tracking) {
        world_tracking_forget(machine);
        free(tracking->heat);
        free(tracking->written);
        free(tracking);
        machine->sim->tracking = NULL;
    }
}

/* --- writes that the host does not see here --- */

void world_note_written(struct machine *machine, uint64_t paddr)
{
    struct world_tracking *tracking = machine->sim->tracking;

    if (tracking && tracking->valid) {
        uint64_t page = paddr / HAL_PAGE_SIZE;

        tracking->written[page / 64] |= 1ull << page % 64;
        tracking->any_written = true;
    }
}

void world_note_shadow(const void *address, size_t bytes)
{
    struct vcpu *vcpu = vcpu_current();
    uint64_t first, last;

    if (!vcpu || !vcpu->sim || bytes == 0) {
        return;
    }
    first = (uint64_t)((const char *)address - vcpu->machine->ram) / HAL_PAGE_SIZE;
    last = first + (bytes + HAL_PAGE_SIZE - 1) / HAL_PAGE_SIZE;
    for (uint64_t page = first; page <= last; page++) {
        if (page * HAL_PAGE_SIZE < machine_memory_bytes(vcpu->machine)) {
            world_note_written(vcpu->machine, page * HAL_PAGE_SIZE);
        }
    }
}

/* --- going back --- */

/* Copy a stretch of pages; protect again what is not hot. */
static void restore_pages(struct machine *machine, const struct memory_copy *copy, uint64_t first,
                          uint64_t end)
{
    struct world_tracking *tracking = machine->sim->tracking;
    uint64_t cold = first;

    for (uint64_t page = first; page < end; page++) {
        memory_copy_page(copy, machine, page * HAL_PAGE_SIZE);
        if (tracking->heat[page] < HOT) {
            tracking->heat[page]++;
        }
        if (tracking->heat[page] == HOT) {
            protect(machine, tracking, cold, page - cold);
            cold = page + 1;
        }
    }
    protect(machine, tracking, cold, end - cold);
}

/* The first regions written at or after *at; returns how many, or -1. */
static int scan(const struct machine *machine, const struct world_tracking *tracking, uint64_t *at,
                struct scan_region *regions)
{
    struct scan_argument argument = {
        .size = sizeof argument,
        .start = (uintptr_t)machine->ram + *at,
        .end = (uintptr_t)machine->ram + machine_memory_bytes(machine),
        .vec = (uintptr_t)regions,
        .vec_len = REGIONS,
        .category_mask = SCAN_PAGE_IS_WRITTEN,
        .return_mask = SCAN_PAGE_IS_WRITTEN,
    };
    int found = ioctl(tracking->pagemap, SCAN_PAGEMAP, &argument);

    *at = argument.walk_end - (uintptr_t)machine->ram;
    return found;
}

/* Pages that only stubs or the sanitizer may have changed. */
static void restore_noted(struct machine *machine, const struct memory_copy *copy, size_t *pages)
{
    struct world_tracking *tracking = machine->sim->tracking;

    for (uint64_t word = 0; tracking->any_written && word <= tracking->pages / 64; word++) {
        for (uint64_t bits = tracking->written[word]; bits; bits &= bits - 1) {
            uint64_t page = word * 64 + (uint64_t)__builtin_ctzll(bits);

            memory_copy_page(copy, machine, page * HAL_PAGE_SIZE);
            if (tracking->heat[page] < HOT) {
                protect(machine, tracking, page, 1);
            }
            *pages += 1;
        }
    }
    written_clear(tracking);
}

bool world_tracking_restore(struct machine *machine, const struct memory_copy *copy, size_t *pages)
{
    struct world_tracking *tracking = machine->sim->tracking;
    struct scan_region regions[REGIONS];
    uint64_t at = 0;

    if (!tracking || !tracking->valid) {
        return false;
    }
    while (at < machine_memory_bytes(machine)) {
        int found = scan(machine, tracking, &at, regions);

        if (found < 0) {
            tracking->valid = false;
            return false;
        }
        for (int i = 0; i < found; i++) {
            uint64_t first = (regions[i].start - (uintptr_t)machine->ram) / HAL_PAGE_SIZE;
            uint64_t end = (regions[i].end - (uintptr_t)machine->ram) / HAL_PAGE_SIZE;

            restore_pages(machine, copy, first, end);
            *pages += end - first;
        }
    }
    restore_noted(machine, copy, pages);
    return true;
}
