/* SPDX-License-Identifier: MIT
 *
 * The life of an address space, and what all address spaces of a machine share.
 *
 * The users of an mm together hold one pin. When the last user goes, mappings and pages are
 * released under the write lock; the shell stays for those who pinned it while they found it
 * through a page cache's list of mappings (page_cache_map.c).
 */
#include "kernel/abi/errno.h"
#include "kernel/core/init.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm_internal.h"
#include "kernel/mm/page_internal.h"
#include "kernel/mm/slab_internal.h"

static void *xarray_node_alloc(void *ctx, size_t size)
{
    (void)ctx;
    return kmalloc(size);
}

static void xarray_node_free(void *ctx, void *memory, size_t size)
{
    (void)ctx;
    (void)size;
    kfree(memory);
}

static int state_init(struct kernel *kernel)
{
    struct mm_state *state = kzalloc(sizeof(*state));
    if (!state)
        return -ENOMEM;
    state->mms = slab_cache_create("mm", sizeof(struct mm), 64);
    state->vmas = slab_cache_create("vma", sizeof(struct vma), 8);
    state->regions = slab_cache_create("mm_region", sizeof(struct mm_region), 8);
    state->zero_page = page_alloc(0, ALLOC_ZERO);
    if (!state->mms || !state->vmas || !state->regions || !state->zero_page)
        return -ENOMEM; /* the boot fails as a whole: nothing is undone */
    page_mark(state->zero_page, PAGE_RESERVED);
    spin_lock_init(&state->caches_lock, LOCK_RANK_INODE_STATE);
    list_init(&state->caches);
    state->xarray_nodes.alloc = xarray_node_alloc;
    state->xarray_nodes.free = xarray_node_free;
    kernel->mm = state;
    commit_init(kernel);
    return 0;
}

int mm_init(struct kernel *kernel)
{
    kernel->pages = page_boot_create(kernel);
    if (!kernel->pages)
        return -ENOMEM;
    int error = slab_init(kernel);
    return error ? error : state_init(kernel);
}

int mm_create(struct kernel *kernel, struct mm **out)
{
    struct mm *mm = slab_alloc_zeroed(kernel->mm->mms);
    if (!mm)
        return -ENOMEM;
    int error = hal_aspace_create(&mm->aspace);
    if (error) {
        slab_free(kernel->mm->mms, mm);
        return error;
    }
    mm->users = mm->pins = 1;
    mm->id = atomic_add_fetch_relaxed(&kernel->mm->next_id, 1);
    mm->kernel = kernel;
    rwlock_init(&mm->lock, LOCK_RANK_MM);
    spin_lock_init(&mm->table_lock, LOCK_RANK_OBJECT);
    rb_root_init(&mm->vmas);
    rb_root_init(&mm->regions);
    /* Until execve lays the program out: one stack's room below the top. */
    mm->mmap_base = ALIGN_DOWN(user_limit(mm) - MIN(user_limit(mm) / 8, 1ull << 30), PAGE_SIZE);
    mm->limit_as = mm->limit_data = mm->limit_stack = mm->limit_memlock = UINT64_MAX;
    mm->dumpable = true;
    mm->core_filter = MM_CORE_FILTER_DEFAULT;
    *out = mm;
    return 0;
}

struct mm *mm_get(struct mm *mm)
{
    uint32_t old = atomic_fetch_add_relaxed(&mm->users, 1);
    assert(old != 0);
    return mm;
}

bool mm_try_get(struct mm *mm)
{
    uint32_t users = atomic_load_relaxed(&mm->users);
    do {
        if (users == 0)
            return false;
    } while (!atomic_cmpxchg_acquire(&mm->users, &users, users + 1));
    return true;
}

void mm_pin(struct mm *mm)
{
    atomic_fetch_add_relaxed(&mm->pins, 1);
}

void mm_unpin(struct mm *mm)
{
    if (atomic_sub_fetch_acq_rel(&mm->pins, 1) == 0)
        slab_free(mm->kernel->mm->mms, mm);
}

/* Drop every resident page. No translation is left, so nothing needs flushing. */
static void release_pages(struct mm *mm)
{
    const struct page *zero_page = mm->kernel->mm->zero_page;
    struct rb_node *node;
    while ((node = mm->regions.node)) {
        /* Take the tree apart from the leaves: no rebalancing. */
        while (node->left || node->right)
            node = node->left ? node->left : node->right;
        if (!node->parent)
            mm->regions.node = NULL;
        else if (node->parent->left == node)
            node->parent->left = NULL;
        else
            node->parent->right = NULL;

        struct mm_region *region = rb_entry(node, struct mm_region, node);
        for (uint64_t left = region->present; left; left &= left - 1) {
            struct page *page = region->pages[bits_lowest(left)];
            if (page == zero_page)
                continue;
            atomic_fetch_sub_relaxed(&page->map_count, 1);
            page_put(page);
        }
        slab_free(mm->kernel->mm->regions, region);
    }
    mm->region_hint = NULL;
    mm->resident_anon = mm->resident_file = mm->resident_memory = 0;
}

static void tear_down(struct mm *mm)
{
    mm_write_lock(mm);
    hal_aspace_destroy(mm->aspace);
    mm->aspace = NULL;
    release_pages(mm);
    struct vma *vma, *following;
    rb_for_each_entry_safe(vma, following, &mm->vmas, node)
    {
        vma->next_dead = mm->dead;
        mm->dead = vma;
    }
    rb_root_init(&mm->vmas);
    mm->cached_vma = NULL;
    mm->vma_count = 0;
    mm->account_pages = 0;
    mm_write_unlock(mm);
}

void mm_put(struct mm *mm)
{
    if (!mm || atomic_sub_fetch_acq_rel(&mm->users, 1) != 0)
        return;
    if (mm->aio)
        mm->aio_release(mm->aio);
    tear_down(mm);
    if (mm->exe && mm->exe_put)
        mm->exe_put(mm->exe);
    if (mm->clock_page)
        page_put(mm->clock_page);
    mm_unpin(mm);
}

void mm_set_oom_ops(struct kernel *kernel, const struct mm_oom_ops *ops)
{
    kernel->mm->oom_ops = ops;
}
