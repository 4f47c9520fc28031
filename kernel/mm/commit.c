/* SPDX-License-Identifier: MIT
 *
 * Committed memory: how much programs could come to use, and whether more is promised than there
 * is; proc_sys_vm(5): overcommit_memory and its companions.
 *
 * Private writable mappings carry VMA_ACCOUNT and are summed up in mm->account_pages under
 * mm->lock; the machine's sum follows when the lock is dropped. Shared memory is charged when it is
 * made.
 */
#include "kernel/abi/errno.h"
#include "kernel/mm/mm_internal.h"

enum {
    CERTAIN_PAGES = 1024, /* no machine is that small */
    RATIO_DEFAULT = 50,
    USER_RESERVE_KIB_MAX = 128 << 10,
    ADMIN_RESERVE_KIB_MAX = 8 << 10,
    KIB_SHIFT = PAGE_SHIFT - 10,
    USER_SHARE_SHIFT = 5, /* of one program's size */
};

void commit_init(struct kernel *kernel)
{
    struct page_counts counts;
    page_count(kernel, &counts);
    uint64_t share_kib = (counts.free << KIB_SHIFT) / 32;
    kernel->mm->limits = (struct mm_limits){
        .vmas_max = MM_VMAS_MAX,
        .overcommit = MM_OVERCOMMIT_GUESS,
        .overcommit_ratio = RATIO_DEFAULT,
        .user_reserve_kib = MIN(share_kib, (uint64_t)USER_RESERVE_KIB_MAX),
        .admin_reserve_kib = MIN(share_kib, (uint64_t)ADMIN_RESERVE_KIB_MAX),
    };
}

struct mm_limits *mm_limits(struct kernel *kernel)
{
    return &kernel->mm->limits;
}

static uint64_t memory_pages(struct kernel *kernel)
{
    struct page_counts counts;
    page_count(kernel, &counts);
    return counts.total;
}

uint64_t mm_commit_limit(struct kernel *kernel)
{
    const struct mm_limits *limits = &kernel->mm->limits;
    uint64_t kib = atomic_load_relaxed(&limits->overcommit_kib);
    if (kib)
        return kib >> KIB_SHIFT;
    return memory_pages(kernel) * atomic_load_relaxed(&limits->overcommit_ratio) / 100;
}

uint64_t mm_committed(struct kernel *kernel)
{
    return atomic_load_relaxed(&kernel->mm->committed);
}

static bool fits(struct kernel *kernel, const struct mm *mm, uint64_t pages)
{
    const struct mm_limits *limits = &kernel->mm->limits;
    uint64_t limit = mm_commit_limit(kernel);
    uint64_t used = mm_committed(kernel) + (mm ? mm->account_pages - mm->account_noted : 0);
    uint64_t reserve = 0;
    if (!mm || !mm->may_commit_reserve)
        reserve += atomic_load_relaxed(&limits->admin_reserve_kib) >> KIB_SHIFT;
    if (mm)
        reserve += MIN(atomic_load_relaxed(&limits->user_reserve_kib) >> KIB_SHIFT,
                       mm->total_pages >> USER_SHARE_SHIFT);
    return limit > reserve && used < limit - reserve && pages < limit - reserve - used;
}

bool may_commit(struct kernel *kernel, const struct mm *mm, uint64_t pages)
{
    switch (atomic_load_relaxed(&kernel->mm->limits.overcommit)) {
    case MM_OVERCOMMIT_ALWAYS:
        return true;
    case MM_OVERCOMMIT_NEVER:
        return fits(kernel, mm, pages);
    default: /* only what can never be is refused */
        return pages < CERTAIN_PAGES || pages <= memory_pages(kernel);
    }
}

void commit_note(struct mm *mm)
{
    uint64_t pages = mm->account_pages;
    if (pages == mm->account_noted)
        return;
    atomic_fetch_add_relaxed(&mm->kernel->mm->committed, pages - mm->account_noted);
    mm->account_noted = pages;
}

int commit_charge(struct kernel *kernel, uint64_t pages)
{
    if (!may_commit(kernel, NULL, pages))
        return -ENOMEM;
    atomic_fetch_add_relaxed(&kernel->mm->committed, pages);
    return 0;
}

void commit_uncharge(struct kernel *kernel, uint64_t pages)
{
    atomic_fetch_sub_relaxed(&kernel->mm->committed, pages);
}
