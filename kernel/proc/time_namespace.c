/* SPDX-License-Identifier: MIT
 *
 * Time namespaces, time_namespaces(7); see time_namespace.h.
 *
 * The vDSO reads the offsets from a page of the namespace, which is mapped in front of the
 * machine's clock page (proc/vdso/vdso.c) and never changes: it is written before the first program
 * sees it. Offsets are read without the lock: a program that is in the namespace finds them frozen.
 */
#include "kernel/proc/time_namespace.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/sched.h"
#include "kernel/abi/time.h"
#include "kernel/core/clock.h"
#include "kernel/core/kernel.h"
#include "kernel/core/user_clock.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/namespaces.h"
#include "kernel/proc/time.h"
#include "kernel/proc/vdso_internal.h"

static void free_time_namespace(struct ns_common *common)
{
    struct time_namespace *ns = time_namespace_of(common);
    if (ns->clock_page)
        page_put(ns->clock_page);
    kfree(ns);
}

static const struct ns_ops time_ops = {
    .name = "time", .type = CLONE_NEWTIME, .free = free_time_namespace};

struct time_namespace *time_namespace_create(struct kernel *kernel, uint32_t number,
                                             const struct time_namespace *from,
                                             struct user_namespace *owner)
{
    struct time_namespace *ns = kzalloc(sizeof(*ns));
    if (!ns)
        return NULL;
    if (from && !(ns->clock_page = page_alloc(0, ALLOC_ZERO))) {
        kfree(ns);
        return NULL;
    }
    namespace_init(&ns->common, kernel, &time_ops, number, owner);
    spin_lock_init(&ns->lock, LOCK_RANK_OBJECT);
    ns->frozen = !from; /* the initial one */
    for (unsigned i = 0; from && i < TIME_OFFSETS; i++)
        ns->offsets_ns[i] = atomic_load_relaxed(&from->offsets_ns[i]);
    return ns;
}

static void freeze_locked(struct time_namespace *ns)
{
    if (ns->frozen)
        return;
    ns->frozen = true;
    struct user_clock *clock = page_address(ns->clock_page);
    clock->monotonic_offset_ns = ns->offsets_ns[TIME_OFFSET_MONOTONIC];
    clock->boottime_offset_ns = ns->offsets_ns[TIME_OFFSET_BOOTTIME];
    clock->mode = USER_CLOCK_NAMESPACE;
}

void time_namespace_enter(struct time_namespace *ns, struct mm *mm)
{
    spin_lock(&ns->lock);
    freeze_locked(ns);
    spin_unlock(&ns->lock);
    if (mm)
        vdso_set_clock_page(mm, ns->clock_page);
}

/* A clock must not be negative, and must have half its range left. */
static bool in_range(int64_t offset_ns)
{
    int64_t sum;
    return !add_overflows((int64_t)clock_monotonic_ns(), offset_ns, &sum) && sum >= 0 &&
           sum <= INT64_MAX / 2;
}

int time_namespace_set_offsets(struct time_namespace *ns, const int64_t *const offsets[])
{
    int error = 0;
    for (unsigned i = 0; i < TIME_OFFSETS; i++) {
        if (offsets[i] && !in_range(*offsets[i]))
            return -ERANGE;
    }
    spin_lock(&ns->lock);
    if (ns->frozen)
        error = -EACCES;
    for (unsigned i = 0; !error && i < TIME_OFFSETS; i++) {
        if (offsets[i])
            atomic_store_relaxed(&ns->offsets_ns[i], *offsets[i]);
    }
    spin_unlock(&ns->lock);
    return error;
}

/* ---- conversion ---- */

int64_t time_namespace_offset_ns(int clock)
{
    const struct time_namespace *ns = namespaces_current()->time;
    switch (clock) {
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
        return atomic_load_relaxed(&ns->offsets_ns[TIME_OFFSET_MONOTONIC]);
    case CLOCK_BOOTTIME:
    case CLOCK_BOOTTIME_ALARM:
        return atomic_load_relaxed(&ns->offsets_ns[TIME_OFFSET_BOOTTIME]);
    case CLOCK_TAI:
        return clock_tai_offset_ns();
    default:
        return 0;
    }
}

static uint64_t shift(uint64_t time_ns, int64_t by_ns, uint64_t least_ns)
{
    if (by_ns >= 0)
        return time_add(time_ns, (uint64_t)by_ns);
    uint64_t back_ns = -(uint64_t)by_ns;
    return time_ns > back_ns + least_ns ? time_ns - back_ns : least_ns;
}

uint64_t time_namespace_to_kernel_ns(int clock, uint64_t time_ns)
{
    int64_t offset_ns = time_namespace_offset_ns(clock);
    return offset_ns ? shift(time_ns, -offset_ns, 1) : time_ns;
}

uint64_t time_namespace_to_user_ns(int clock, uint64_t time_ns)
{
    return shift(time_ns, time_namespace_offset_ns(clock), 0);
}
