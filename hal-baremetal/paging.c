/* SPDX-License-Identifier: MIT
 *
 * The kernel half of the address space: the image (text r-x, rodata r--, data rw-), the direct map
 * of RAM, kernel stacks, and registers. One set of tables below the top level is shared by all
 * address spaces, so every top-level entry exists from boot on. Nothing is writable and
 * executable. x86_kernel_map and x86_kernel_unmap are called under x86_kernel_map_lock after boot.
 * Intel SDM volume 3, chapter 4.
 */
#include "hal-baremetal/baremetal.h"
#include "hal-baremetal/x86.h"
#include "hal/kernel_on.h"

uint64_t x86_kernel_pml4;
uint64_t x86_phys_base;
struct hal_spin x86_kernel_map_lock;

static bool kernel_gives_pages;
static uint64_t mmio_next = MMIO_AREA;

extern char image_start[], image_text_end[], image_rodata_end[], image_end[];
extern char boot_stack_guard[];

uint64_t x86_table_page_alloc(void)
{
    return kernel_gives_pages ? kernel_on_table_page_alloc() : x86_physmem_alloc(1);
}

void x86_paging_late(void)
{
    kernel_gives_pages = true;
}

static unsigned index_at(uint64_t vaddr, unsigned level)
{
    return vaddr >> (12 + 9 * level) & 511;
}

/* The entry for vaddr at `level` (0: 4 KiB). Tables above it are made when `make`; NULL if there
 * is none, or if a large page is in the way. */
static uint64_t *entry_at(uint64_t vaddr, unsigned level, bool make)
{
    uint64_t *table = phys_to_virt(x86_kernel_pml4);
    for (unsigned l = 3; l > level; l--) {
        uint64_t *entry = &table[index_at(vaddr, l)];
        if (!(*entry & PTE_PRESENT)) {
            uint64_t page = make ? x86_table_page_alloc() : 0;
            if (!page)
                return NULL;
            __atomic_store_n(entry, page | PTE_PRESENT | PTE_WRITE | PTE_ACCESSED,
                             __ATOMIC_RELEASE);
        } else if (*entry & PTE_LARGE) {
            return NULL;
        }
        table = phys_to_virt(*entry & PTE_ADDRESS);
    }
    return &table[index_at(vaddr, level)];
}

uint64_t *x86_kernel_entry(uint64_t vaddr, bool make)
{
    return entry_at(vaddr, 0, make);
}

static unsigned level_for(uint64_t vaddr, uint64_t paddr, uint64_t bytes)
{
    if (vaddr >= STACK_AREA && vaddr < MMIO_AREA_END)
        return 0; /* comes and goes by the page */
    for (unsigned level = x86_features.huge_pages ? 2 : 1; level > 0; level--) {
        uint64_t size = 1ull << (12 + 9 * level);
        if (((vaddr | paddr) & (size - 1)) == 0 && bytes >= size)
            return level;
    }
    return 0;
}

bool x86_kernel_map(uint64_t vaddr, uint64_t paddr, uint64_t bytes, uint64_t flags)
{
    flags |= PTE_PRESENT | PTE_ACCESSED | PTE_GLOBAL | (flags & PTE_WRITE ? PTE_DIRTY : 0);
    if (!x86_features.nx)
        flags &= ~PTE_NX;
    while (bytes > 0) {
        unsigned level = level_for(vaddr, paddr, bytes);
        uint64_t size = 1ull << (12 + 9 * level);
        uint64_t *entry = entry_at(vaddr, level, true);
        if (!entry)
            return false;
        __atomic_store_n(entry, paddr | flags | (level ? PTE_LARGE : 0), __ATOMIC_RELEASE);
        vaddr += size;
        paddr += size;
        bytes -= size;
    }
    return true;
}

void x86_kernel_unmap(uint64_t vaddr, uint64_t bytes)
{
    for (uint64_t at = vaddr; at < vaddr + bytes; at += HAL_PAGE_SIZE) {
        uint64_t *entry = entry_at(at, 0, false);
        if (entry)
            __atomic_store_n(entry, 0, __ATOMIC_RELEASE);
    }
}

bool x86_kernel_translate(uint64_t vaddr, uint64_t *out_entry)
{
    for (unsigned level = 3; level-- > 0;) {
        uint64_t *entry = entry_at(vaddr, level, false);
        if (!entry)
            return false;
        if (!(*entry & PTE_PRESENT))
            return false;
        if (level == 0 || *entry & PTE_LARGE) {
            *out_entry = *entry;
            return true;
        }
    }
    return false;
}

static void map_image_part(const char *start, const char *end, uint64_t flags)
{
    if (!x86_kernel_map((uint64_t)start, (uint64_t)start - KERNEL_VMA, (uint64_t)(end - start),
                        flags))
        x86_boot_panic("cannot map the image");
}

/* An initrd outside usable RAM is still promised to be in the direct map. */
static void map_initrd(const struct phys_range *ram, unsigned count)
{
    const struct phys_range *initrd = &x86_boot_info.initrd;
    for (unsigned i = 0; i < count; i++)
        if (initrd->start >= ram[i].start && initrd->end <= ram[i].end)
            return;
    for (uint64_t at = initrd->start & ~0xfffull; at < initrd->end; at += HAL_PAGE_SIZE) {
        uint64_t entry;
        if (at < 1ull << 46 && !x86_kernel_translate(DIRECT_MAP + at, &entry))
            x86_kernel_map(DIRECT_MAP + at, at, HAL_PAGE_SIZE, PTE_WRITE | PTE_NX);
    }
}

void x86_paging_init(void)
{
    x86_kernel_pml4 = x86_physmem_alloc(1);
    map_image_part(image_start, image_text_end, 0);
    map_image_part(image_text_end, image_rodata_end, PTE_NX);
    map_image_part(image_rodata_end, boot_stack_guard, PTE_WRITE | PTE_NX);
    map_image_part(boot_stack_guard + HAL_PAGE_SIZE, image_end, PTE_WRITE | PTE_NX);

    unsigned count;
    const struct phys_range *ram = x86_physmem_ram(&count);
    for (unsigned i = 0; i < count; i++)
        x86_kernel_map(DIRECT_MAP + ram[i].start, ram[i].start, ram[i].end - ram[i].start,
                       PTE_WRITE | PTE_NX);
    map_initrd(ram, count);
    entry_at(STACK_AREA, 2, true); /* the top-level entry of both areas */

    write_cr3(x86_kernel_pml4);
    write_cr4(read_cr4() | CR4_PGE);
    x86_phys_base = DIRECT_MAP;
}

/* A window on physical memory that nobody else maps; the addresses are not used again. */
static void *window(uint64_t paddr, size_t bytes, uint64_t flags)
{
    uint64_t offset = paddr & (HAL_PAGE_SIZE - 1);
    uint64_t size = (offset + bytes + HAL_PAGE_SIZE - 1) & ~(uint64_t)(HAL_PAGE_SIZE - 1);
    if (bytes == 0 || size < bytes || size > MMIO_AREA_END - MMIO_AREA ||
        paddr >> x86_features.phys_bits || (paddr + bytes - 1) >> x86_features.phys_bits)
        return NULL;
    bool enabled = spin_lock_irq(&x86_kernel_map_lock);
    uint64_t vaddr = mmio_next;
    bool ok = size + HAL_PAGE_SIZE <= MMIO_AREA_END - vaddr;
    if (ok) {
        mmio_next += size + HAL_PAGE_SIZE;
        ok = x86_kernel_map(vaddr, paddr - offset, size, flags);
    }
    spin_unlock_irq(&x86_kernel_map_lock, enabled);
    return ok ? (void *)(vaddr + offset) : NULL;
}

volatile void *hal_mmio_map(uint64_t paddr, size_t bytes)
{
    return window(paddr, bytes, PTE_WRITE | PTE_NX | PTE_PCD | PTE_PWT);
}

void hal_mmio_unmap(volatile void *registers, size_t bytes)
{
    uint64_t start = (uint64_t)registers & ~(uint64_t)(HAL_PAGE_SIZE - 1);
    uint64_t size =
        ((uint64_t)registers + bytes + HAL_PAGE_SIZE - 1 - start) & ~(uint64_t)(HAL_PAGE_SIZE - 1);
    bool enabled = spin_lock_irq(&x86_kernel_map_lock);
    x86_kernel_unmap(start, size);
    spin_unlock_irq(&x86_kernel_map_lock, enabled);
    for (uint64_t at = start; at < start + size; at += HAL_PAGE_SIZE)
        invlpg(at); /* other CPUs: stale but harmless, the addresses are never used again */
}

const void *x86_firmware_map(uint64_t paddr, size_t bytes)
{
    return window(paddr, bytes, PTE_NX);
}

void x86_tlb_flush_all_local(void)
{
    uint64_t cr4 = read_cr4();
    write_cr4(cr4 & ~(uint64_t)CR4_PGE);
    write_cr4(cr4);
}
