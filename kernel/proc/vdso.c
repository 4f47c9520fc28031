/* SPDX-License-Identifier: MIT
 *
 * Mapping the vDSO (vdso_internal.h): [vvar], read-only; then [vdso], the image. [vvar] is the
 * clock page twice, or first the page of the program's time namespace and then the clock page.
 *
 * The pages are allocated once, live as long as the machine, and are shared by all programs; each
 * mapping holds references of its own. A debugger that writes to the image gets a private copy, as
 * from any private mapping; nobody can write to the clock page.
 */
#include "kernel/proc/vdso_internal.h"

#include "kernel/abi/errno.h"
#include "kernel/core/entropy.h"
#include "kernel/core/kernel.h"
#include "kernel/core/user_clock.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/process_table.h"

enum { IMAGE_PAGES_MAX = 4, CLOCK_PAGES = 2, PLACE_BITS = 9 };

struct vdso {
    struct page *clock;
    struct page *image[IMAGE_PAGES_MAX];
};

static int allocate(struct vdso *vdso)
{
    vdso->clock = page_alloc(0, ALLOC_ZERO);
    if (!vdso->clock)
        return -ENOMEM;
    for (unsigned i = 0; i < vdso_image_pages; i++) {
        vdso->image[i] = page_alloc(0, ALLOC_ZERO);
        if (!vdso->image[i])
            return -ENOMEM;
        size_t at = (size_t)i * PAGE_SIZE;
        memcpy(page_address(vdso->image[i]), vdso_image + at,
               MIN((size_t)PAGE_SIZE, vdso_image_bytes - at));
    }
    return 0;
}

int vdso_init(struct kernel *kernel)
{
    if (kernel->options.no_vdso)
        return 0;
    assert(vdso_image_pages <= IMAGE_PAGES_MAX);
    struct vdso *vdso = kzalloc(sizeof(*vdso));
    if (!vdso)
        return -ENOMEM;
    int error = allocate(vdso); /* which fails only where the machine cannot boot anyway */
    if (error)
        return error;
    kernel->processes->vdso = vdso;
    user_clock_start(kernel, page_address(vdso->clock));
    return 0;
}

/* ---- mappings ---- */

static void keep(struct vma *vma)
{
    (void)vma; /* the pages live as long as the machine */
}

static int take(struct page *page, struct page **out)
{
    page_get(page);
    *out = page;
    return 0;
}

static int get_clock_page(struct vma *vma, uint64_t index, bool write, struct page **out)
{
    const struct vdso *vdso = vma->backing;
    (void)write;
    if (index >= CLOCK_PAGES)
        return -ENXIO;
    struct page *first = vma->mm->clock_page;
    return take(index == 0 && first ? first : vdso->clock, out);
}

static int get_image_page(struct vma *vma, uint64_t index, bool write, struct page **out)
{
    const struct vdso *vdso = vma->backing;
    (void)write;
    return index < vdso_image_pages ? take(vdso->image[index], out) : -ENXIO;
}

static void describe_clock(struct vma *vma, uint64_t *dev, uint64_t *ino, char *path, size_t bytes)
{
    (void)vma;
    *dev = *ino = 0;
    kstrlcpy(path, "[vvar]", bytes);
}

static void describe_image(struct vma *vma, uint64_t *dev, uint64_t *ino, char *path, size_t bytes)
{
    (void)vma;
    *dev = *ino = 0;
    kstrlcpy(path, "[vdso]", bytes);
}

static const struct vma_ops clock_vma_ops = {
    .whole = true,
    .get = keep,
    .put = keep,
    .get_page = get_clock_page,
    .describe = describe_clock,
};
static const struct vma_ops image_vma_ops = {
    .whole = true,
    .get = keep,
    .put = keep,
    .get_page = get_image_page,
    .describe = describe_image,
};

void vdso_set_clock_page(struct mm *mm, struct page *page)
{
    mm_set_clock_page(mm, page, &clock_vma_ops);
}

/* Above the stack if there is room, as on Linux, else wherever there is. */
static uint64_t choose_place(const struct mm *mm)
{
    uint64_t random = entropy_u64() & ((1u << PLACE_BITS) - 1);
    return mm->stack_top + (1 + random) * PAGE_SIZE;
}

int vdso_map(struct mm *mm, uint64_t *out_image)
{
    struct vdso *vdso = mm->kernel->processes->vdso;
    *out_image = 0;
    if (!vdso)
        return 0;

    uint64_t start, image_bytes = (uint64_t)vdso_image_pages * PAGE_SIZE;
    const uint64_t clock_bytes = (uint64_t)CLOCK_PAGES * PAGE_SIZE;
    struct mm_map_request both = {.addr = choose_place(mm), .bytes = clock_bytes + image_bytes};
    int error = mm_map(mm, &both, &start); /* finds room */
    if (error)
        return error;
    struct mm_map_request clock = {
        .addr = start,
        .bytes = clock_bytes,
        .vma_flags = VMA_READ | VMA_MAY_READ | VMA_DONTEXPAND | VMA_DONTDUMP | VMA_DEVICE,
        .fixed = true,
        .ops = &clock_vma_ops,
        .backing = vdso,
    };
    error = mm_map(mm, &clock, &start);
    if (error)
        return error;
    struct mm_map_request image = {
        .addr = start + clock_bytes,
        .bytes = image_bytes,
        .vma_flags =
            VMA_READ | VMA_EXEC | VMA_MAY_READ | VMA_MAY_WRITE | VMA_MAY_EXEC | VMA_DONTEXPAND,
        .fixed = true,
        .ops = &image_vma_ops,
        .backing = vdso,
    };
    return mm_map(mm, &image, out_image);
}
