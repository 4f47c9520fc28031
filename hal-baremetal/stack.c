/* SPDX-License-Identifier: MIT
 *
 * Kernel stacks in their own area: a slot is a guard of unmapped pages and a stack above it.
 *
 * Other CPUs may remember the translation of a slot that was unmapped, so a slot is not used again
 * before every TLB has been flushed. Slots are handed out in rising order; at the end of the area
 * in use one flush makes all the freed ones ready ("dirty" ones become "cleaning", then free), or,
 * if most are taken, the area grows. Under x86_kernel_map_lock. Slot states are bits of the entry
 * of the slot's last page, ignored by the CPU while it is not present.
 */
#include "hal-baremetal/baremetal.h"
#include "hal-baremetal/x86.h"

enum { STACK_PAGES = HAL_STACK_SIZE / HAL_PAGE_SIZE, SLOT_PAGES = 2 * STACK_PAGES };
enum { SLOT_BYTES = SLOT_PAGES * HAL_PAGE_SIZE, SLOTS_MAX = 1 << 20 };
enum { ENTRY_FREE = 0, ENTRY_DIRTY = 2, ENTRY_CLEANING = 4 };

static unsigned slots = 512, slot_next, slots_used;
static bool cleaning;

static uint64_t slot_end(unsigned slot)
{
    return STACK_AREA + (uint64_t)(slot + 1) * SLOT_BYTES;
}

static uint64_t *slot_entry(unsigned slot, bool make)
{
    return x86_kernel_entry(slot_end(slot) - HAL_PAGE_SIZE, make);
}

/* A free slot at or after slot_next, or -1. */
static int slot_find(void)
{
    while (slot_next < slots) {
        unsigned slot = slot_next++;
        uint64_t *entry = slot_entry(slot, false);
        if (!entry || *entry == ENTRY_FREE)
            return (int)slot;
    }
    return -1;
}

static void change_all(uint64_t from, uint64_t to)
{
    for (unsigned slot = 0; slot < slots; slot++) {
        uint64_t *entry = slot_entry(slot, false);
        if (entry && *entry == from)
            *entry = to;
    }
}

static void flush_local(void *unused)
{
    (void)unused;
    x86_tlb_flush_all_local();
}

/* The end is reached: clean what was freed, or grow. Called and returns locked; unlocks between. */
static bool slots_more(bool *enabled)
{
    if (!cleaning && slots_used < slots / 2) {
        cleaning = true;
        change_all(ENTRY_DIRTY, ENTRY_CLEANING);
        spin_unlock_irq(&x86_kernel_map_lock, *enabled);
        flush_local(NULL);
        x86_call_cpus(x86_cpus_online(), flush_local, NULL);
        *enabled = spin_lock_irq(&x86_kernel_map_lock);
        change_all(ENTRY_CLEANING, ENTRY_FREE);
        cleaning = false;
        slot_next = 0;
        return true;
    }
    if (slots == SLOTS_MAX)
        return false;
    slots *= 2;
    return true;
}

static bool slot_fill(unsigned slot, const uint64_t *frames, size_t pages)
{
    uint64_t at = slot_end(slot) - pages * HAL_PAGE_SIZE;
    for (size_t i = 0; i < pages; i++, at += HAL_PAGE_SIZE) {
        uint64_t *entry = x86_kernel_entry(at, true);
        if (!entry)
            return false;
        uint64_t flags = PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY | PTE_GLOBAL;
        if (x86_features.nx)
            flags |= PTE_NX;
        __atomic_store_n(entry, frames[i] | flags, __ATOMIC_RELEASE);
    }
    return true;
}

static void slot_clear(unsigned slot)
{
    for (unsigned i = 0; i < STACK_PAGES; i++) {
        uint64_t *entry = x86_kernel_entry(slot_end(slot) - (i + 1) * HAL_PAGE_SIZE, false);
        if (entry)
            __atomic_store_n(entry, i == 0 ? ENTRY_DIRTY : 0, __ATOMIC_RELEASE);
    }
}

/* Map a stack of up to STACK_PAGES frames; its lowest address, or NULL. */
void *x86_stack_map_pages(const uint64_t *frames, size_t pages)
{
    void *stack = NULL;
    bool enabled = spin_lock_irq(&x86_kernel_map_lock);
    int slot;
    while ((slot = slot_find()) < 0 && slots_more(&enabled))
        ;
    if (slot >= 0 && slot_fill((unsigned)slot, frames, pages)) {
        stack = (void *)(slot_end((unsigned)slot) - pages * HAL_PAGE_SIZE);
        slots_used++;
    } else if (slot >= 0) {
        slot_clear((unsigned)slot);
    }
    spin_unlock_irq(&x86_kernel_map_lock, enabled);
    return stack;
}

size_t hal_stack_size(void)
{
    return HAL_STACK_SIZE;
}

void *hal_stack_map(uint64_t paddr)
{
    uint64_t frames[STACK_PAGES];
    for (unsigned i = 0; i < STACK_PAGES; i++)
        frames[i] = paddr + (uint64_t)i * HAL_PAGE_SIZE;
    return x86_stack_map_pages(frames, STACK_PAGES);
}

void hal_stack_unmap(void *stack)
{
    bool enabled = spin_lock_irq(&x86_kernel_map_lock);
    slot_clear((unsigned)(((uint64_t)stack - STACK_AREA) / SLOT_BYTES));
    slots_used--;
    spin_unlock_irq(&x86_kernel_map_lock, enabled);
}
