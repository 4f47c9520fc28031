/* SPDX-License-Identifier: MIT
 *
 * RAM before the kernel owns it: the firmware's map made sane (page aligned, sorted, disjoint, cut
 * by everything that is not usable), a bump allocator for the backend's own tables, and the rest
 * as struct hal_boot ram[]. Boot CPU only.
 *
 * `ram` is everything that is mapped: it leaves out page 0 and the image. `spare` is what nobody
 * uses yet.
 */
#include "hal-baremetal/baremetal.h"

struct range_list {
    struct phys_range range[2 * BOOT_RANGES_MAX];
    unsigned count;
};

static struct range_list ram, spare;

extern char image_start[], image_end[], image_boot_end[];

static void list_insert(struct range_list *list, uint64_t start, uint64_t end)
{
    if (start >= end || list->count == sizeof list->range / sizeof list->range[0])
        return;
    unsigned i = list->count++;
    for (; i > 0 && list->range[i - 1].start > start; i--)
        list->range[i] = list->range[i - 1];
    list->range[i] = (struct phys_range){start, end};
}

static void list_merge(struct range_list *list)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < list->count; i++) {
        struct phys_range *last = kept ? &list->range[kept - 1] : NULL;
        if (last && list->range[i].start <= last->end) {
            if (list->range[i].end > last->end)
                last->end = list->range[i].end;
        } else {
            list->range[kept++] = list->range[i];
        }
    }
    list->count = kept;
}

/* Remove [start, end) from a sorted, merged list. */
static void list_cut(struct range_list *list, uint64_t start, uint64_t end)
{
    if (start >= end)
        return;
    struct range_list out = {.count = 0};
    for (unsigned i = 0; i < list->count; i++) {
        struct phys_range r = list->range[i];
        if (r.end <= start || r.start >= end) {
            list_insert(&out, r.start, r.end);
        } else {
            list_insert(&out, r.start, start);
            list_insert(&out, end, r.end);
        }
    }
    *list = out;
}

static uint64_t page_down(uint64_t paddr)
{
    return paddr & ~(uint64_t)(HAL_PAGE_SIZE - 1);
}

static uint64_t page_up(uint64_t paddr)
{
    uint64_t up = paddr + HAL_PAGE_SIZE - 1;
    return up < paddr ? page_down(UINT64_MAX) : page_down(up);
}

void x86_physmem_init(void)
{
    const struct boot_info *b = &x86_boot_info;
    unsigned bits = x86_features.phys_bits < 46 ? x86_features.phys_bits : 46;
    for (unsigned i = 0; i < b->usable_count; i++) {
        uint64_t end = page_down(b->usable[i].end);
        if (end > 1ull << bits)
            end = 1ull << bits;
        list_insert(&ram, page_up(b->usable[i].start), end);
    }
    list_merge(&ram);
    for (unsigned i = 0; i < b->unusable_count; i++)
        list_cut(&ram, page_down(b->unusable[i].start), page_up(b->unusable[i].end));
    list_cut(&ram, 0, HAL_PAGE_SIZE);
    list_cut(&ram, (uint64_t)image_start - KERNEL_VMA, (uint64_t)image_end - KERNEL_VMA);
    spare = ram;
    /* The boot tables are still in use; x86_physmem_finish gives them back. */
    list_cut(&spare, (uint64_t)image_end - KERNEL_VMA, (uint64_t)image_boot_end - KERNEL_VMA);
    list_cut(&spare, page_down(b->initrd.start), page_up(b->initrd.end));
    if (ram.count == 0)
        x86_boot_panic("no memory");
}

static uint64_t take(uint64_t limit, size_t pages)
{
    uint64_t bytes = (uint64_t)pages * HAL_PAGE_SIZE;
    for (unsigned i = spare.count; i-- > 0;) {
        struct phys_range *r = &spare.range[i];
        if (r->start >= limit)
            continue;
        uint64_t end = r->end < limit ? r->end : limit;
        if (end - r->start < bytes)
            continue;
        uint64_t start = end - bytes;
        list_cut(&spare, start, end);
        memset(phys_to_virt(start), 0, bytes);
        return start;
    }
    return 0;
}

uint64_t x86_physmem_alloc(size_t pages)
{
    uint64_t paddr = take(1ull << 32, pages);
    if (!paddr)
        x86_boot_panic("out of memory");
    return paddr;
}

uint64_t x86_physmem_alloc_low(size_t pages)
{
    return take(1ull << 20, pages);
}

const struct phys_range *x86_physmem_ram(unsigned *count)
{
    *count = ram.count;
    return ram.range;
}

void x86_physmem_finish(struct hal_boot *boot)
{
    list_insert(&spare, (uint64_t)image_end - KERNEL_VMA, (uint64_t)image_boot_end - KERNEL_VMA);
    list_merge(&spare);
    /* More pieces than the kernel takes: leave out the smallest. */
    while (spare.count > HAL_RAM_RANGES_MAX) {
        unsigned smallest = 0;
        for (unsigned i = 1; i < spare.count; i++)
            if (spare.range[i].end - spare.range[i].start <
                spare.range[smallest].end - spare.range[smallest].start)
                smallest = i;
        list_cut(&spare, spare.range[smallest].start, spare.range[smallest].end);
    }
    boot->ram_count = spare.count;
    for (unsigned i = 0; i < spare.count; i++) {
        boot->ram[i].paddr = spare.range[i].start;
        boot->ram[i].bytes = spare.range[i].end - spare.range[i].start;
    }
}
