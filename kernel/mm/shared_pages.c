/* SPDX-License-Identifier: MIT
 *
 * Pages that the kernel shares with programs (shared_pages.h).
 */
#include "kernel/mm/shared_pages.h"

#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm_internal.h"

struct shared_pages *shared_pages_create(unsigned count, const char *name)
{
    struct shared_pages *pages = kzalloc(sizeof(*pages) + count * sizeof(pages->pages[0]));
    if (!pages)
        return NULL;
    pages->refs = 1;
    pages->name = name;
    while (pages->count < count) {
        struct page *page = page_alloc(0, ALLOC_ZERO | ALLOC_USER);
        if (!page) {
            shared_pages_put(pages);
            return NULL;
        }
        pages->pages[pages->count++] = page;
    }
    return pages;
}

void shared_pages_get(struct shared_pages *pages)
{
    atomic_fetch_add_relaxed(&pages->refs, 1);
}

void shared_pages_put(struct shared_pages *pages)
{
    if (!pages || atomic_sub_fetch_acq_rel(&pages->refs, 1) != 0)
        return;
    for (unsigned i = 0; i < pages->count; i++)
        page_put(pages->pages[i]);
    kfree(pages);
}

void *shared_pages_at(const struct shared_pages *pages, size_t offset)
{
    assert(offset >> PAGE_SHIFT < pages->count);
    return (char *)page_address(pages->pages[offset >> PAGE_SHIFT]) + offset % PAGE_SIZE;
}

/* ---- mappings ---- */

static void vma_get(struct vma *vma)
{
    shared_pages_get(vma->backing);
}

static void vma_put(struct vma *vma)
{
    shared_pages_put(vma->backing);
}

static int vma_get_page(struct vma *vma, uint64_t index, bool write, struct page **out)
{
    const struct shared_pages *pages = vma->backing;
    (void)write;
    if (index >= pages->count)
        return -ENXIO;
    page_get(pages->pages[index]);
    *out = pages->pages[index];
    return 0;
}

static void vma_describe(struct vma *vma, uint64_t *dev, uint64_t *ino, char *path, size_t bytes)
{
    const struct shared_pages *pages = vma->backing;
    *dev = *ino = 0;
    kstrlcpy(path, pages->name, bytes);
}

static uint64_t vma_identity(struct vma *vma)
{
    const struct shared_pages *pages = vma->backing;
    return 1ull << 63 | page_to_phys(pages->pages[0]); /* others are counted from 1 */
}

static const struct vma_ops shared_pages_vma_ops = {
    .get = vma_get,
    .put = vma_put,
    .get_page = vma_get_page,
    .describe = vma_describe,
    .identity = vma_identity,
};

void shared_pages_request(struct shared_pages *pages, uint64_t first,
                          struct mm_map_request *request)
{
    request->ops = &shared_pages_vma_ops;
    request->backing = pages;
    request->page_offset = first;
}
