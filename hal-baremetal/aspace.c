/* SPDX-License-Identifier: MIT
 *
 * User address spaces: 4-level page tables of 4 KiB pages. The upper half of each top-level table
 * is the kernel's. Intel SDM volume 3, chapter 4.
 *
 * Tables: an entry that points to a last-level table counts the pages present there in bits 52-61,
 * which the CPU ignores. A table that gets empty stays (its pages often come back) until there are
 * too many such; then they are unlinked, and freed when no CPU can walk them any more.
 *
 * Locking: the kernel serialises map, unmap and protect. Lookups and the CPUs' own walks run at
 * the same time: entries change by single stores, and a lookup runs with interrupts masked, so
 * that the call which ends every flush waits for it too.
 *
 * TLB: translations that were removed or lost rights are collected in `stale`, up to a number
 * where flushing everything is cheaper. Flushes of one address space are one at a time: whoever
 * comes second must not return before the first has finished. A CPU that runs kernel threads keeps
 * the last user tables loaded; the first flush that finds it so makes it drop them.
 */
#include "hal-baremetal/baremetal.h"
#include "hal-baremetal/errno.h"
#include "hal-baremetal/x86.h"
#include "hal/kernel_on.h"

enum { STALE_MAX = 48, LISTED_MAX = 32, ENTRIES = 512, USER_ENTRIES = 256 };

struct stale {
    unsigned count; /* above STALE_MAX: everything */
    uint64_t pages[STALE_MAX];
};

struct hal_aspace {
    uint64_t pml4;   /* physical */
    uint64_t cpus;   /* that have it loaded */
    unsigned tables; /* last-level tables, and how many of them are empty */
    unsigned empty;
    unsigned flushing;    /* held by a flush in progress */
    struct hal_spin lock; /* the fields below */
    uint64_t dead_tables; /* unlinked; each page's first word is the next one's address */
    /* All table pages below the top, as long as there are few and none was unlinked: then the end
     * of a small address space needs no search. */
    unsigned listed;    /* above LISTED_MAX: the list is not complete */
    struct stale stale; /* under `lock`, too; from here on nothing needs to start as zeros */
    uint64_t list[LISTED_MAX];
};

#define COUNT_SHIFT 52
#define COUNT_ONE (1ull << COUNT_SHIFT)
#define COUNT_OF(entry) ((entry) >> COUNT_SHIFT & 1023)

/* Structures come from pages that are cut up and never given back. */
static struct hal_spin pool_lock;
static struct hal_aspace *pool;

static struct hal_aspace *aspace_alloc(void)
{
    bool enabled = spin_lock_irq(&pool_lock);
    if (!pool) {
        uint64_t page = kernel_on_table_page_alloc();
        struct hal_aspace *fresh = page ? phys_to_virt(page) : NULL;
        for (size_t i = 0; fresh && i < HAL_PAGE_SIZE / sizeof *fresh; i++) {
            *(struct hal_aspace **)&fresh[i] = pool;
            pool = &fresh[i];
        }
    }
    struct hal_aspace *aspace = pool;
    if (aspace)
        pool = *(struct hal_aspace **)aspace;
    spin_unlock_irq(&pool_lock, enabled);
    return aspace;
}

static void aspace_free(struct hal_aspace *aspace)
{
    bool enabled = spin_lock_irq(&pool_lock);
    *(struct hal_aspace **)aspace = pool;
    pool = aspace;
    spin_unlock_irq(&pool_lock, enabled);
}

int hal_aspace_create(struct hal_aspace **out)
{
    struct hal_aspace *aspace = aspace_alloc();
    if (!aspace)
        return -ENOMEM;
    memset(aspace, 0, offsetof(struct hal_aspace, stale.pages));
    aspace->pml4 = kernel_on_table_page_alloc();
    if (!aspace->pml4) {
        aspace_free(aspace);
        return -ENOMEM;
    }
    memcpy((uint64_t *)phys_to_virt(aspace->pml4) + USER_ENTRIES,
           (uint64_t *)phys_to_virt(x86_kernel_pml4) + USER_ENTRIES, (ENTRIES - USER_ENTRIES) * 8);
    *out = aspace;
    return 0;
}

static unsigned index_at(uint64_t uaddr, unsigned level)
{
    return uaddr >> (12 + 9 * level) & (ENTRIES - 1);
}

static uint64_t *table_of(uint64_t entry)
{
    return phys_to_virt(entry & PTE_ADDRESS);
}

/* The entry of the last-level table that covers uaddr, or NULL; made with all above it if asked. */
static uint64_t *directory_entry(struct hal_aspace *aspace, uint64_t uaddr, bool make)
{
    uint64_t *table = phys_to_virt(aspace->pml4);
    for (unsigned level = 3;; level--) {
        uint64_t *entry = &table[index_at(uaddr, level)];
        uint64_t value = __atomic_load_n(entry, __ATOMIC_ACQUIRE);
        if (!(value & PTE_PRESENT)) {
            uint64_t page = make ? kernel_on_table_page_alloc() : 0;
            if (!page)
                return NULL;
            value = page | PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED;
            __atomic_store_n(entry, value, __ATOMIC_RELEASE);
            if (level == 1) {
                aspace->tables++;
                aspace->empty++;
            }
            if (aspace->listed < LISTED_MAX)
                aspace->list[aspace->listed] = page;
            if (aspace->listed <= LISTED_MAX)
                aspace->listed++;
        }
        if (level == 1)
            return entry;
        table = table_of(value);
    }
}

/* Whatever comes first: the end of the range, or of the last-level table. */
static uint64_t part_end(uint64_t uaddr, uint64_t end)
{
    uint64_t next = (uaddr | 0x1fffff) + 1;
    return next < end ? next : end;
}

static void count_change(struct hal_aspace *aspace, uint64_t *directory, int64_t change)
{
    if (change == 0)
        return;
    bool was_empty = COUNT_OF(*directory) == 0;
    __atomic_fetch_add(directory, (uint64_t)change * COUNT_ONE, __ATOMIC_RELAXED);
    bool is_empty = COUNT_OF(*directory) == 0;
    aspace->empty += (unsigned)is_empty - (unsigned)was_empty;
}

/* Stale translations of one call, collected without the lock. */
static void stale_add(struct stale *stale, uint64_t uaddr)
{
    if (stale->count < STALE_MAX)
        stale->pages[stale->count] = uaddr;
    if (stale->count <= STALE_MAX)
        stale->count++;
}

static void stale_merge(struct hal_aspace *aspace, const struct stale *from)
{
    if (from->count == 0)
        return;
    bool enabled = spin_lock_irq(&aspace->lock);
    if (from->count > STALE_MAX)
        aspace->stale.count = STALE_MAX + 1;
    for (unsigned i = 0; i < from->count && aspace->stale.count <= STALE_MAX; i++)
        stale_add(&aspace->stale, from->pages[i]);
    spin_unlock_irq(&aspace->lock, enabled);
}

static bool range_ok(uint64_t uaddr, size_t pages)
{
    return uaddr < USER_LIMIT && pages <= (USER_LIMIT - uaddr) / HAL_PAGE_SIZE;
}

static uint64_t entry_flags(unsigned prot)
{
    uint64_t flags = PTE_PRESENT | PTE_USER | PTE_ACCESSED;
    if (prot & HAL_PROT_WRITE)
        flags |= PTE_WRITE | PTE_DIRTY;
    if (!(prot & HAL_PROT_EXEC) && x86_features.nx)
        flags |= PTE_NX;
    return flags;
}

/* Whether a CPU may use `old` where it should use `fresh`: then it must be flushed. Rights that
 * are only gained come by themselves: a fault makes the CPU look again. */
static bool lost_by(uint64_t old, uint64_t fresh)
{
    return old & PTE_PRESENT && (!(fresh & PTE_PRESENT) || (old ^ fresh) & PTE_ADDRESS ||
                                 old & ~fresh & PTE_WRITE || fresh & ~old & PTE_NX);
}

int hal_aspace_map(struct hal_aspace *aspace, uint64_t uaddr, uint64_t paddr, size_t pages,
                   unsigned prot)
{
    if (!range_ok(uaddr, pages) || prot == 0)
        return -EINVAL;
    struct stale stale;
    stale.count = 0;
    int result = 0;
    uint64_t end = uaddr + pages * HAL_PAGE_SIZE, fresh = paddr | entry_flags(prot);
    while (uaddr < end) {
        uint64_t *directory = directory_entry(aspace, uaddr, true);
        if (!directory) {
            result = -ENOMEM;
            break;
        }
        uint64_t *entry = table_of(*directory) + index_at(uaddr, 0);
        int64_t added = 0;
        for (uint64_t stop = part_end(uaddr, end); uaddr < stop; uaddr += HAL_PAGE_SIZE) {
            uint64_t old = *entry;
            added += !(old & PTE_PRESENT);
            if (lost_by(old, fresh))
                stale_add(&stale, uaddr);
            __atomic_store_n(entry++, fresh, __ATOMIC_RELEASE);
            fresh += HAL_PAGE_SIZE;
        }
        count_change(aspace, directory, added);
    }
    stale_merge(aspace, &stale);
    return result;
}

/* True if the directory table at `page` has no entry left. */
static bool table_is_clear(const uint64_t *table, unsigned entries)
{
    for (unsigned i = 0; i < entries; i++)
        if (table[i])
            return false;
    return true;
}

static void bury(struct hal_aspace *aspace, uint64_t *entry)
{
    uint64_t page = *entry & PTE_ADDRESS;
    __atomic_store_n(entry, 0, __ATOMIC_RELEASE);
    bool enabled = spin_lock_irq(&aspace->lock);
    *(uint64_t *)phys_to_virt(page) = aspace->dead_tables; /* as an entry: not present */
    aspace->dead_tables = page;
    spin_unlock_irq(&aspace->lock, enabled);
}

/* Unlink every empty table, and the tables above that this leaves empty. */
static void sweep(struct hal_aspace *aspace)
{
    uint64_t *pml4 = phys_to_virt(aspace->pml4);
    aspace->listed = LISTED_MAX + 1;
    for (unsigned i = 0; i < USER_ENTRIES; i++) {
        if (!(pml4[i] & PTE_PRESENT))
            continue;
        uint64_t *pdpt = table_of(pml4[i]);
        for (unsigned j = 0; j < ENTRIES; j++) {
            if (!(pdpt[j] & PTE_PRESENT))
                continue;
            uint64_t *directory = table_of(pdpt[j]);
            for (unsigned k = 0; k < ENTRIES; k++) {
                if (directory[k] & PTE_PRESENT && COUNT_OF(directory[k]) == 0) {
                    bury(aspace, &directory[k]);
                    aspace->tables--;
                    aspace->empty--;
                }
            }
            if (table_is_clear(directory, ENTRIES))
                bury(aspace, &pdpt[j]);
        }
        if (table_is_clear(pdpt, ENTRIES))
            bury(aspace, &pml4[i]);
    }
}

void hal_aspace_unmap(struct hal_aspace *aspace, uint64_t uaddr, size_t pages)
{
    hal_aspace_protect(aspace, uaddr, pages, 0, false);
    if (aspace->empty > 8 + aspace->tables / 2)
        sweep(aspace);
}

/* Skip over the part of the address space that a missing table covers. */
static uint64_t next_present(struct hal_aspace *aspace, uint64_t uaddr)
{
    uint64_t *table = phys_to_virt(aspace->pml4);
    for (unsigned level = 3; level > 0; level--) {
        uint64_t value = table[index_at(uaddr, level)];
        uint64_t size = 1ull << (12 + 9 * level);
        if (!(value & PTE_PRESENT))
            return (uaddr | (size - 1)) + 1;
        table = table_of(value);
    }
    return uaddr;
}

void hal_aspace_protect(struct hal_aspace *aspace, uint64_t uaddr, size_t pages, unsigned prot,
                        bool keep_readonly)
{
    if (!range_ok(uaddr, pages))
        return;
    struct stale stale;
    stale.count = 0;
    uint64_t end = uaddr + pages * HAL_PAGE_SIZE;
    while (uaddr < end) {
        uint64_t *directory = directory_entry(aspace, uaddr, false);
        if (!directory || COUNT_OF(*directory) == 0) {
            uint64_t next = directory ? part_end(uaddr, end) : next_present(aspace, uaddr);
            uaddr = next;
            continue;
        }
        uint64_t *entry = table_of(*directory) + index_at(uaddr, 0);
        int64_t removed = 0;
        for (uint64_t stop = part_end(uaddr, end); uaddr < stop; uaddr += HAL_PAGE_SIZE, entry++) {
            uint64_t old = *entry, fresh = 0;
            if (!(old & PTE_PRESENT))
                continue;
            if (prot) {
                fresh = (old & PTE_ADDRESS) | entry_flags(prot);
                if (keep_readonly && !(old & PTE_WRITE))
                    fresh &= ~(PTE_WRITE | PTE_DIRTY);
            } else {
                removed++;
            }
            if (lost_by(old, fresh))
                stale_add(&stale, uaddr);
            __atomic_store_n(entry, fresh, __ATOMIC_RELEASE);
        }
        count_change(aspace, directory, -removed);
    }
    stale_merge(aspace, &stale);
}

bool hal_aspace_lookup(struct hal_aspace *aspace, uint64_t uaddr, uint64_t *out_paddr,
                       unsigned *out_prot)
{
    if (uaddr >= USER_LIMIT)
        return false;
    bool enabled = hal_irq_save();
    uint64_t *directory = directory_entry(aspace, uaddr, false);
    uint64_t entry = directory ? table_of(*directory)[index_at(uaddr, 0)] : 0;
    hal_irq_restore(enabled);
    if (!(entry & PTE_PRESENT))
        return false;
    *out_paddr = entry & PTE_ADDRESS;
    *out_prot = HAL_PROT_READ | (entry & PTE_WRITE ? HAL_PROT_WRITE : 0) |
                (entry & PTE_NX ? 0 : HAL_PROT_EXEC);
    return true;
}

/* This CPU stops using any user tables. Masked. */
static void drop_here(void)
{
    struct percpu *cpu = this_percpu();
    struct hal_aspace *old = cpu->loaded;
    cpu->loaded = NULL;
    cpu->user_limit = 0;
    write_cr3(x86_kernel_pml4);
    __atomic_and_fetch(&old->cpus, ~(1ull << cpu->id), __ATOMIC_RELEASE);
}

struct flush {
    struct hal_aspace *aspace;
    struct stale stale;
};

static void flush_here(void *argument)
{
    const struct flush *flush = argument;
    struct percpu *cpu = this_percpu();
    if (cpu->loaded != flush->aspace)
        return;
    if (cpu->user_limit == 0) {
        drop_here();
    } else if (flush->stale.count > STALE_MAX) {
        write_cr3(flush->aspace->pml4);
    } else {
        for (unsigned i = 0; i < flush->stale.count; i++)
            invlpg(flush->stale.pages[i]);
    }
}

static void flush_lock(struct hal_aspace *aspace)
{
    while (__atomic_exchange_n(&aspace->flushing, 1, __ATOMIC_ACQUIRE)) {
        bool enabled = hal_irq_save();
        x86_call_poll();
        hal_irq_restore(enabled);
        cpu_pause();
    }
}

void hal_aspace_flush(struct hal_aspace *aspace)
{
    struct flush flush; /* large, and mostly unused: not initialised */
    flush.aspace = aspace;
    flush_lock(aspace);
    bool enabled = spin_lock_irq(&aspace->lock);
    flush.stale.count = aspace->stale.count;
    if (flush.stale.count <= STALE_MAX)
        memcpy(flush.stale.pages, aspace->stale.pages,
               flush.stale.count * sizeof flush.stale.pages[0]);
    aspace->stale.count = 0;
    uint64_t dead = aspace->dead_tables;
    aspace->dead_tables = 0;
    if (dead) /* the CPU caches upper levels, too */
        flush.stale.count = STALE_MAX + 1;
    spin_unlock_irq(&aspace->lock, enabled);

    if (flush.stale.count > 0) {
        __atomic_thread_fence(__ATOMIC_SEQ_CST); /* entries first, then who has it loaded */
        uint64_t cpus = dead ? x86_cpus_online() : __atomic_load_n(&aspace->cpus, __ATOMIC_SEQ_CST);
        enabled = hal_irq_save();
        flush_here(&flush);
        hal_irq_restore(enabled);
        x86_call_cpus(cpus, flush_here, &flush);
    }
    while (dead) {
        uint64_t next = *(uint64_t *)phys_to_virt(dead);
        kernel_on_table_page_free(dead);
        dead = next;
    }
    __atomic_store_n(&aspace->flushing, 0, __ATOMIC_RELEASE);
}

void hal_aspace_activate(struct hal_aspace *aspace)
{
    struct percpu *cpu = this_percpu();
    cpu->user_limit = aspace ? USER_LIMIT : 0;
    if (!aspace || cpu->loaded == aspace)
        return;
    struct hal_aspace *old = cpu->loaded;
    __atomic_or_fetch(&aspace->cpus, 1ull << cpu->id, __ATOMIC_SEQ_CST);
    cpu->loaded = aspace;
    write_cr3(aspace->pml4);
    if (old)
        __atomic_and_fetch(&old->cpus, ~(1ull << cpu->id), __ATOMIC_RELEASE);
}

void hal_aspace_fork(struct hal_aspace *child, struct hal_aspace *parent)
{
    (void)child; /* user code runs as it is: nothing is kept about its pages */
    (void)parent;
}

static void leave(void *aspace)
{
    if (this_percpu()->loaded == aspace)
        drop_here();
}

static void free_tables(uint64_t page, unsigned level)
{
    uint64_t *table = phys_to_virt(page);
    unsigned entries = level == 3 ? USER_ENTRIES : ENTRIES;
    for (unsigned i = 0; level > 0 && i < entries; i++)
        if (table[i] & PTE_PRESENT)
            free_tables(table[i] & PTE_ADDRESS, level - 1);
    kernel_on_table_page_free(page);
}

void hal_aspace_destroy(struct hal_aspace *aspace)
{
    bool enabled = hal_irq_save();
    leave(aspace);
    hal_irq_restore(enabled);
    x86_call_cpus(__atomic_load_n(&aspace->cpus, __ATOMIC_SEQ_CST), leave, aspace);
    while (aspace->dead_tables) {
        uint64_t page = aspace->dead_tables;
        aspace->dead_tables = *(uint64_t *)phys_to_virt(page);
        kernel_on_table_page_free(page);
    }
    if (aspace->listed <= LISTED_MAX) {
        for (unsigned i = 0; i < aspace->listed; i++)
            kernel_on_table_page_free(aspace->list[i]);
        kernel_on_table_page_free(aspace->pml4);
    } else {
        free_tables(aspace->pml4, 3);
    }
    aspace_free(aspace);
}
