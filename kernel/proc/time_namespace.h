/* SPDX-License-Identifier: MIT
 *
 * Time namespaces, time_namespaces(7): what a program adds to the monotonic and boot-time clocks.
 *
 * The kernel itself knows CLOCK_MONOTONIC alone; times of programs are converted where they come in
 * and go out. The offsets may be set until the first task enters the namespace.
 */
#ifndef KERNEL_PROC_TIME_NAMESPACE_H
#define KERNEL_PROC_TIME_NAMESPACE_H

#include "kernel/core/spinlock.h"
#include "kernel/security/namespace.h"

struct mm;
struct page;

enum time_offset { TIME_OFFSET_MONOTONIC, TIME_OFFSET_BOOTTIME, TIME_OFFSETS };

struct time_namespace {
    struct ns_common common;
    struct spinlock lock;             /* LOCK_RANK_OBJECT */
    bool frozen;                      /* somebody is in it: the offsets are constant */
    int64_t offsets_ns[TIME_OFFSETS]; /* added to the kernel's clock; atomic */
    struct page *clock_page;          /* what [vvar] starts with here; NULL: the machine's */
};

/* number 0: a new one; with the offsets of `from` unless that is NULL. NULL: out of memory. */
struct time_namespace *time_namespace_create(struct kernel *kernel, uint32_t number,
                                             const struct time_namespace *from,
                                             struct user_namespace *owner);
static inline struct time_namespace *time_namespace_of(struct ns_common *common)
{
    return (struct time_namespace *)common;
}

/* The address space's clocks become the namespace's, which is frozen. The mm is the current one or
 * nobody's yet. */
void time_namespace_enter(struct time_namespace *ns, struct mm *mm);

/* All or nothing: -EACCES once frozen, -ERANGE if a clock would start before 0 or end too soon.
 * NULL: stays. */
int time_namespace_set_offsets(struct time_namespace *ns, const int64_t *const offsets[]);

/* What the current thread's programs see added to the kernel's clock behind a CLOCK_*: by the
 * namespace; CLOCK_TAI is CLOCK_REALTIME and an offset; 0 for the others. */
int64_t time_namespace_offset_ns(int clock);
/* A point of a clock, as the kernel counts: never 0, at most TIME_MAX_NS. */
uint64_t time_namespace_to_kernel_ns(int clock, uint64_t time_ns);
/* And the other way: never negative. */
uint64_t time_namespace_to_user_ns(int clock, uint64_t time_ns);

#endif
