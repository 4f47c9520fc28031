/* SPDX-License-Identifier: MIT
 *
 * Shared anonymous memory: a page cache without a file, kept by the VMAs that map it.
 */
#include "kernel/mm/shared_anon.h"

#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm_internal.h"

static const struct page_cache_ops cache_ops = {0};

int shared_anon_create(struct kernel *kernel, uint64_t bytes, bool reserve,
                       struct shared_anon **out)
{
    uint64_t committed = reserve ? DIV_ROUND_UP(bytes, (uint64_t)PAGE_SIZE) : 0;
    int error = commit_charge(kernel, committed);
    if (error)
        return error;
    struct shared_anon *object = kzalloc(sizeof(*object));
    if (!object) {
        commit_uncharge(kernel, committed);
        return -ENOMEM;
    }
    object->committed = committed;
    object->refs = 1;
    object->id = atomic_add_fetch_relaxed(&kernel->mm->next_id, 1);
    object->bytes = ALIGN_UP(bytes, PAGE_SIZE);
    object->kernel = kernel;
    page_cache_init(&object->cache, &cache_ops, object);
    *out = object;
    return 0;
}

void shared_anon_get(struct shared_anon *object)
{
    uint32_t old = atomic_fetch_add_relaxed(&object->refs, 1);
    assert(old != 0);
}

void shared_anon_put(struct shared_anon *object)
{
    if (atomic_sub_fetch_acq_rel(&object->refs, 1) != 0)
        return;
    page_cache_destroy(&object->cache);
    commit_uncharge(object->kernel, object->committed);
    kfree(object);
}

void shared_anon_vma_get(struct vma *vma)
{
    struct shared_anon *object = vma->backing;
    shared_anon_get(object);
    page_cache_map(&object->cache, vma);
}

void shared_anon_vma_put(struct vma *vma)
{
    struct shared_anon *object = vma->backing;
    page_cache_unmap(&object->cache, vma);
    shared_anon_put(object);
}

int shared_anon_vma_get_page(struct vma *vma, uint64_t index, bool write, struct page **out)
{
    struct shared_anon *object = vma->backing;
    (void)write;
    if (index >= object->bytes >> PAGE_SHIFT)
        return -ENXIO;
    return page_cache_get(&object->cache, index, true, out);
}

static void describe(struct vma *vma, uint64_t *dev, uint64_t *ino, char *path, size_t path_bytes)
{
    const struct shared_anon *object = vma->backing;
    *dev = 1; /* 00:01, the internal tmpfs */
    *ino = object->id;
    kstrlcpy(path, "/dev/zero (deleted)", path_bytes);
}

uint64_t shared_anon_vma_identity(struct vma *vma)
{
    const struct shared_anon *object = vma->backing;
    return object->id;
}

int shared_anon_vma_punch(struct vma *vma, uint64_t first, uint64_t end)
{
    page_cache_punch(vma->cache, first << PAGE_SHIFT, end << PAGE_SHIFT);
    return 0;
}

const struct vma_ops shared_anon_vma_ops = {
    .get = shared_anon_vma_get,
    .put = shared_anon_vma_put,
    .get_page = shared_anon_vma_get_page,
    .describe = describe,
    .punch = shared_anon_vma_punch,
    .identity = shared_anon_vma_identity,
};
