/* SPDX-License-Identifier: MIT
 *
 * The kernel's side of a pager: posting operations, waiting for them, and deciding which are
 * needed to make the stub's mappings agree with the software table.
 *
 * Everything about what a stub has mapped is under stub->lock. An installer reads the table with
 * the lock held; a writer changes the table first and then calls stub_changed, which takes the
 * lock. So a stale entry is either never installed or seen by stub_changed, and the operations
 * stand in the ring in an order that ends with the table's state.
 *
 * The ring never blocks a poster: when it is full, its last place is taken by "unmap everything".
 */
#include "hal-hosted/engine/stub/stub_internal.h"
#include "hal-hosted/world/world_internal.h"

enum {
    WINDOW_PAGES = 16,   /* map around a fault, aligned */
    EXTEND_PAGES = 64,   /* and on, as far as frames stay contiguous */
    FIRST_OPS = 24,      /* map so much before a new address space runs */
    GUARD_NS = 10000000, /* how long to sleep before looking whether the pager lives */
};

static const struct stub_op drop_all = {
    .kind = STUB_OP_UNMAP,
    .addr = STUB_AREA_END,
    .bytes = STUB_TOP - STUB_AREA_END,
};

static uint32_t ring_room(const struct stub *stub)
{
    return STUB_RING_OPS - (stub->head - __atomic_load_n(&stub->ctl->ack, __ATOMIC_ACQUIRE));
}

static void ring_write(struct stub *stub, struct stub_op op)
{
    op.seq = stub->head + 1;
    stub->ring[stub->head % STUB_RING_OPS] = op;
    stub->head++;
    __atomic_store_n(&stub->ctl->head, stub->head, __ATOMIC_SEQ_CST);
}

/* Post an operation; false if it was replaced by dropping every mapping, which has also cleared
 * the shadow and invalidated all pointers into it. */
bool stub_post_locked(struct stub *stub, struct stub_op op)
{
    uint32_t room = ring_room(stub);

    if (room > 1 && stub->mappings < stub->sm->mappings_max) {
        stub->mappings += 2;
        ring_write(stub, op);
        return true;
    }
    shadow_clear(&stub->shadow);
    if (room > 0) { /* else the last operation posted was this one */
        stub->mappings = 0;
        ring_write(stub, drop_all);
    }
    return false;
}

bool stub_sync(struct stub *stub, uint32_t seq)
{
    uint32_t *ack = &stub->ctl->ack;
    uint32_t seen = __atomic_load_n(ack, __ATOMIC_ACQUIRE);

    if ((int32_t)(seen - seq) >= 0) {
        return true;
    }
    for (;;) {
        stub_futex_wake(&stub->ctl->head);
        do {
            stub_futex_wait(ack, seen, GUARD_NS);
            if (__atomic_load_n(ack, __ATOMIC_ACQUIRE) == seen) {
                break;
            }
            seen = __atomic_load_n(ack, __ATOMIC_ACQUIRE);
        } while ((int32_t)(seen - seq) < 0);
        if ((int32_t)(seen - seq) >= 0) {
            return true;
        }
        if (__atomic_load_n(&stub->dead, __ATOMIC_RELAXED) || stub_pidfd_dead(stub->pidfd)) {
            __atomic_store_n(&stub->dead, 1, __ATOMIC_RELAXED);
            return false;
        }
    }
}

/* The leaf table for a 2 MiB region, or NULL. */
static const uint64_t *leaf_find(const struct hal_aspace *aspace, uint64_t index)
{
    const uint64_t *table = aspace->root;
    uint64_t uaddr = index << SHADOW_SHIFT;

    for (int shift = HAL_PAGE_SHIFT + 9 * (ASPACE_LEVELS - 1); shift > HAL_PAGE_SHIFT; shift -= 9) {
        uint64_t entry =
            __atomic_load_n(&table[(uaddr >> shift) % ASPACE_ENTRIES], __ATOMIC_ACQUIRE);
        if (!entry) {
            return NULL;
        }
        table = (const uint64_t *)machine_pointer(aspace->machine, entry & ASPACE_FRAME_MASK);
    }
    return table;
}

static uint64_t leaf_entry(const uint64_t *leaf, unsigned page)
{
    return leaf ? __atomic_load_n(&leaf[page], __ATOMIC_SEQ_CST) : 0;
}

static uint16_t host_prot(uint64_t entry)
{
    uint16_t prot = HAL_PROT_READ; /* x86 has no pages that can be written or executed only */

    _Static_assert(HAL_PROT_READ == 1 && HAL_PROT_WRITE == 2 && HAL_PROT_EXEC == 4,
                   "HAL_PROT_* are PROT_*");
    return prot | (entry & (HAL_PROT_WRITE | HAL_PROT_EXEC));
}

/* Consecutive pages that one operation covers. */
struct run {
    struct stub_op op;
    bool open;
};

static bool run_close(struct stub *stub, struct run *run)
{
    bool was_open = run->open;

    run->open = false;
    return !was_open || stub_post_locked(stub, run->op);
}

static bool run_add(struct stub *stub, struct run *run, unsigned kind, uint64_t uaddr,
                    uint64_t entry)
{
    struct stub_op op = {
        .kind = (uint16_t)kind,
        .prot = kind == STUB_OP_UNMAP ? 0 : host_prot(entry),
        .addr = uaddr,
        .bytes = HAL_PAGE_SIZE,
        .offset = kind == STUB_OP_MAP ? entry & ASPACE_FRAME_MASK : 0,
    };
    struct stub_op *last = &run->op;

    if (stub->sm->machine->sim && entry & HAL_PROT_WRITE) {
        world_note_written(stub->sm->machine, entry & ASPACE_FRAME_MASK);
    }

    if (run->open && last->kind == op.kind && last->prot == op.prot) {
        bool adjacent = last->addr + last->bytes == uaddr;
        if (kind == STUB_OP_UNMAP ||
            (adjacent && (kind != STUB_OP_MAP || last->offset + last->bytes == op.offset))) {
            last->bytes = uaddr + HAL_PAGE_SIZE - last->addr;
            return true;
        }
    }
    if (!run_close(stub, run)) {
        return false;
    }
    run->op = op;
    run->open = true;
    return true;
}

/* Make what is installed of pages [first, last] of a region agree with the table. False if all was
 * dropped. */
static bool region_reconcile(struct stub *stub, const struct hal_aspace *aspace,
                             struct shadow_region *region, unsigned first, unsigned last)
{
    const uint64_t *leaf = leaf_find(aspace, region->index);
    struct run run = {.open = false};

    for (unsigned page = first; page <= last && region->installed; page++) {
        uint64_t old = region->entries[page], entry;
        unsigned kind = STUB_OP_MAP;

        if (!old) {
            continue; /* an unmap may run over it */
        }
        entry = leaf_entry(leaf, page);
        if (entry == old) {
            if (!run_close(stub, &run)) {
                return false;
            }
            continue;
        }
        if (!entry) {
            kind = STUB_OP_UNMAP;
        } else if (((entry ^ old) & ASPACE_FRAME_MASK) == 0) {
            kind = STUB_OP_PROTECT;
        }
        if (!run_add(stub, &run, kind,
                     (region->index << SHADOW_SHIFT) + (uint64_t)page * HAL_PAGE_SIZE, entry)) {
            return false;
        }
        shadow_set(region, page, entry);
    }
    return run_close(stub, &run);
}

void stub_changed(struct hal_aspace *aspace, uint64_t uaddr, size_t pages)
{
    struct stub *stub = aspace->engine;
    uint64_t first = uaddr >> HAL_PAGE_SHIFT, last = first + pages - 1;
    uint64_t region_first = first / ASPACE_ENTRIES, region_last = last / ASPACE_ENTRIES;
    struct shadow *shadow = &stub->shadow;

    pthread_mutex_lock(&stub->lock);
    if (region_last - region_first < 8) {
        for (uint64_t index = region_first; index <= region_last; index++) {
            struct shadow_region *region = shadow_region_find(shadow, index);
            if (region && !region_reconcile(stub, aspace, region,
                                            index == region_first ? first % ASPACE_ENTRIES : 0,
                                            index == region_last ? last % ASPACE_ENTRIES
                                                                 : ASPACE_ENTRIES - 1)) {
                break;
            }
        }
    } else {
        for (size_t i = 0; i < shadow->slot_count; i++) {
            struct shadow_region *region = shadow->slots[i];
            if (region && region->index >= region_first && region->index <= region_last &&
                !region_reconcile(stub, aspace, region, 0, ASPACE_ENTRIES - 1)) {
                break;
            }
        }
    }
    pthread_mutex_unlock(&stub->lock);
}

/* Post maps for the page at uaddr and what is worth mapping with it; with `again`, for that page
 * even if it should be mapped already. False if all mappings were dropped instead. */
static bool install_locked(struct hal_aspace *aspace, uint64_t uaddr, bool again)
{
    struct stub *stub = aspace->engine;
    uint64_t index = uaddr >> SHADOW_SHIFT;
    unsigned fault = (uaddr >> HAL_PAGE_SHIFT) % ASPACE_ENTRIES;
    unsigned window = fault & ~(WINDOW_PAGES - 1u);
    const uint64_t *leaf = leaf_find(aspace, index);
    struct shadow_region *region;
    struct run run = {.open = false};

    if (!leaf_entry(leaf, fault)) {
        return true; /* unmapped meanwhile */
    }
    region = shadow_region_get(&stub->shadow, index);
    if (!region) {
        stub_post_locked(stub, drop_all); /* no memory to remember it by: it will fault again */
        return false;
    }
    for (unsigned page = window; page < ASPACE_ENTRIES && page < window + EXTEND_PAGES; page++) {
        uint64_t entry = leaf_entry(leaf, page);

        if (page >= window + WINDOW_PAGES &&
            (!run.open || !entry || run.op.prot != host_prot(entry) ||
             run.op.offset + run.op.bytes != (entry & ASPACE_FRAME_MASK) ||
             entry == region->entries[page])) {
            break;
        }
        if (!entry || (entry == region->entries[page] && !(again && page == fault))) {
            if (!run_close(stub, &run)) {
                return false;
            }
            continue;
        }
        if (!run_add(stub, &run, STUB_OP_MAP,
                     (index << SHADOW_SHIFT) + (uint64_t)page * HAL_PAGE_SIZE, entry)) {
            return false;
        }
        shadow_set(region, page, entry);
    }
    return run_close(stub, &run);
}

bool stub_install(struct hal_aspace *aspace, uint64_t uaddr, bool again)
{
    struct stub *stub = aspace->engine;
    uint32_t seq;
    bool posted;

    do {
        pthread_mutex_lock(&stub->lock);
        posted = ring_room(stub) > EXTEND_PAGES && install_locked(aspace, uaddr, again);
        seq = stub->head;
        pthread_mutex_unlock(&stub->lock);
        if (!stub_sync(stub, seq)) {
            return false;
        }
    } while (!posted);
    return true;
}

/* Walk the leaf tables in address order until one installs no more; false to stop. */
static bool install_table_locked(struct hal_aspace *aspace, const uint64_t *table, uint64_t uaddr,
                                 int shift, uint32_t ops_end)
{
    struct stub *stub = aspace->engine;

    for (unsigned i = 0; i < ASPACE_ENTRIES; i++) {
        uint64_t entry = __atomic_load_n(&table[i], __ATOMIC_ACQUIRE);
        uint64_t at = uaddr + ((uint64_t)i << shift);

        if (!entry) {
            continue;
        }
        if (shift == HAL_PAGE_SHIFT) {
            if (!install_locked(aspace, at, false)) {
                return false;
            }
            i |= WINDOW_PAGES - 1; /* the rest of the window has been seen to */
        } else if (!install_table_locked(aspace,
                                         (const uint64_t *)machine_pointer(
                                             aspace->machine, entry & ASPACE_FRAME_MASK),
                                         at, shift - 9, ops_end)) {
            return false;
        }
        if ((int32_t)(stub->head - ops_end) >= 0) {
            return false;
        }
    }
    return true;
}

/* A new address space runs for the first time: map what it has, if that is little. */
bool stub_install_first(struct hal_aspace *aspace, uint64_t rip, uint64_t rsp)
{
    struct stub *stub = aspace->engine;
    uint64_t wanted[2] = {rip, rsp - 8};
    uint32_t seq;

    pthread_mutex_lock(&stub->lock);
    if (stub->shadow.used == 0) {
        for (unsigned i = 0; i < 2; i++) {
            if (wanted[i] >= STUB_AREA_END && wanted[i] < STUB_TOP) {
                install_locked(aspace, wanted[i], false);
            }
        }
        install_table_locked(aspace, aspace->root, 0, HAL_PAGE_SHIFT + 9 * (ASPACE_LEVELS - 1),
                             stub->head + FIRST_OPS);
    }
    seq = stub->head;
    __atomic_store_n(&stub->installed_first, true, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&stub->lock);
    return stub_sync(stub, seq);
}

/* Drop every mapping, for instance because the host has run out of room for them. */
void stub_drop_all(struct stub *stub)
{
    pthread_mutex_lock(&stub->lock);
    shadow_clear(&stub->shadow);
    if (stub_post_locked(stub, drop_all)) {
        stub->mappings = 0;
    }
    pthread_mutex_unlock(&stub->lock);
}

bool stub_flush(struct stub *stub)
{
    uint32_t seq;

    pthread_mutex_lock(&stub->lock);
    seq = stub->head;
    pthread_mutex_unlock(&stub->lock);
    return stub_sync(stub, seq);
}
