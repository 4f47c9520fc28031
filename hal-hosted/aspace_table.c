/* SPDX-License-Identifier: MIT
 *
 * Address spaces (hal/aspace.h): the software page table that aspace_internal.h describes.
 *
 * Writers hold the kernel's mm lock of the address space. Readers hold nothing: entries are atomic
 * and tables are freed only by destroy. A user copy on another vCPU may have read an entry just
 * before it was removed; hal_aspace_flush waits for such copies (vcpu->copying, user_copy.c).
 */
#include <errno.h>
#include <stdlib.h>

#include "hal-hosted/aspace_internal.h"
#include "hal-hosted/engine/engine.h"
#include "hal-hosted/machine_internal.h"
#include "hal-hosted/world/world_internal.h"
#include "hal/kernel_on.h"

enum { LEAF_SHIFT = HAL_PAGE_SHIFT, ROOT_SHIFT = HAL_PAGE_SHIFT + 9 * (ASPACE_LEVELS - 1) };

/* Part of the range that really changed, for the engine. */
struct changed {
    uint64_t first, last; /* page addresses; empty while first > last */
};

static void changed_add(struct changed *changed, uint64_t uaddr)
{
    if (uaddr < changed->first) {
        changed->first = uaddr;
    }
    if (uaddr > changed->last) {
        changed->last = uaddr;
    }
}

static void changed_report(const struct changed *changed, struct hal_aspace *aspace,
                           enum aspace_change change)
{
    if (changed->first <= changed->last) {
        size_t pages = ((changed->last - changed->first) >> HAL_PAGE_SHIFT) + 1;
        aspace->machine->engine->aspace_changed(aspace, changed->first, pages, change);
    }
}

static const struct changed changed_nothing = {.first = UINT64_MAX, .last = 0};

static uint64_t *table_at(const struct hal_aspace *aspace, uint64_t entry)
{
    return (uint64_t *)machine_pointer(aspace->machine, entry & ASPACE_FRAME_MASK);
}

static unsigned table_index(uint64_t uaddr, int shift)
{
    return (uaddr >> shift) % ASPACE_ENTRIES;
}

/* The leaf table that holds uaddr's entry; creates what is missing if `create`. NULL if there is
 * none; *skip is then the first address past the hole. */
static uint64_t *leaf_table(struct hal_aspace *aspace, uint64_t uaddr, bool create, uint64_t *skip)
{
    uint64_t *table = aspace->root;

    for (int shift = ROOT_SHIFT; shift > LEAF_SHIFT; shift -= 9) {
        uint64_t *slot = &table[table_index(uaddr, shift)];
        uint64_t entry = *slot; /* only writers store, and we are the writer */

        if (!entry) {
            uint64_t paddr = create ? kernel_on_table_page_alloc() : 0;
            if (!paddr) {
                *skip = ((uaddr >> shift) + 1) << shift;
                return NULL;
            }
            entry = paddr | ASPACE_TABLE;
            __atomic_store_n(slot, entry, __ATOMIC_RELEASE);
        }
        table = table_at(aspace, entry);
    }
    return table;
}

static void table_free(struct hal_aspace *aspace, uint64_t paddr, int shift)
{
    if (shift > LEAF_SHIFT) {
        const uint64_t *table = table_at(aspace, paddr);
        for (unsigned i = 0; i < ASPACE_ENTRIES; i++) {
            if (table[i]) {
                table_free(aspace, table[i] & ASPACE_FRAME_MASK, shift - 9);
            }
        }
    }
    kernel_on_table_page_free(paddr);
}

static struct hal_aspace *aspace_allocate(struct machine *machine)
{
    return machine->sim ? world_arena_alloc(machine, sizeof(struct hal_aspace))
                        : calloc(1, sizeof(struct hal_aspace));
}

/* One that belongs to a mark comes back when the machine does. */
static void aspace_free(struct hal_aspace *aspace)
{
    if (aspace->machine->sim) {
        world_arena_free(aspace->machine, aspace, sizeof *aspace);
    } else if (aspace->marked) {
        aspace->dead = true;
    } else {
        free(aspace);
    }
}

int hal_aspace_create(struct hal_aspace **out)
{
    struct machine *machine = vcpu_current()->machine;
    struct hal_aspace *aspace = aspace_allocate(machine);
    int error = -ENOMEM;

    if (!aspace) {
        return -ENOMEM;
    }
    aspace->machine = machine;
    aspace->root_paddr = kernel_on_table_page_alloc();
    if (!aspace->root_paddr) {
        goto free_aspace;
    }
    aspace->root = table_at(aspace, aspace->root_paddr);
    error = machine->engine->aspace_create(aspace);
    if (error < 0) {
        goto free_root;
    }
    pthread_mutex_lock(&machine->aspaces_lock);
    aspace->next = machine->aspaces;
    if (aspace->next) {
        aspace->next->prev = aspace;
    }
    machine->aspaces = aspace;
    pthread_mutex_unlock(&machine->aspaces_lock);
    *out = aspace;
    return 0;

free_root:
    kernel_on_table_page_free(aspace->root_paddr);
free_aspace:
    aspace_free(aspace);
    return error;
}

static void aspace_forget(struct hal_aspace *aspace)
{
    struct machine *machine = aspace->machine;

    pthread_mutex_lock(&machine->aspaces_lock);
    *(aspace->prev ? &aspace->prev->next : &machine->aspaces) = aspace->next;
    if (aspace->next) {
        aspace->next->prev = aspace->prev;
    }
    pthread_mutex_unlock(&machine->aspaces_lock);
    machine->engine->aspace_destroy(aspace);
}

void hal_aspace_destroy(struct hal_aspace *aspace)
{
    aspace_forget(aspace);
    table_free(aspace, aspace->root_paddr, ROOT_SHIFT);
    aspace_free(aspace);
}

void aspace_machine_exit(struct machine *machine)
{
    while (machine->aspaces) {
        struct hal_aspace *aspace = machine->aspaces;
        aspace_forget(aspace);
        aspace_free(aspace);
    }
}

int hal_aspace_map(struct hal_aspace *aspace, uint64_t uaddr, uint64_t paddr, size_t pages,
                   unsigned prot)
{
    enum aspace_change change = ASPACE_MAPPED;
    struct changed changed = changed_nothing;
    uint64_t *leaf = NULL;
    uint64_t skip;
    int error = 0;

    for (size_t i = 0; i < pages; i++, uaddr += HAL_PAGE_SIZE, paddr += HAL_PAGE_SIZE) {
        unsigned index = table_index(uaddr, LEAF_SHIFT);
        uint64_t entry = paddr | (prot & ASPACE_PROT_MASK);

        if (!leaf || index == 0) {
            leaf = leaf_table(aspace, uaddr, true, &skip);
        }
        if (!leaf) {
            error = -ENOMEM;
            break;
        }
        if (leaf[index] != entry) {
            if (leaf[index]) {
                change = ASPACE_REPLACED;
            }
            __atomic_store_n(&leaf[index], entry, __ATOMIC_SEQ_CST);
            changed_add(&changed, uaddr);
        }
    }
    changed_report(&changed, aspace, change);
    return error;
}

void hal_aspace_unmap(struct hal_aspace *aspace, uint64_t uaddr, size_t pages)
{
    hal_aspace_protect(aspace, uaddr, pages, 0, false);
}

static uint64_t entry_protected(uint64_t entry, unsigned prot, bool keep_readonly)
{
    if (!prot) {
        return 0;
    }
    if (keep_readonly && !(entry & HAL_PROT_WRITE)) {
        prot &= ~(unsigned)HAL_PROT_WRITE;
    }
    return (entry & ASPACE_FRAME_MASK) | (prot & ASPACE_PROT_MASK);
}

void hal_aspace_protect(struct hal_aspace *aspace, uint64_t uaddr, size_t pages, unsigned prot,
                        bool keep_readonly)
{
    uint64_t end = uaddr + (uint64_t)pages * HAL_PAGE_SIZE;
    struct changed changed = changed_nothing;

    while (uaddr < end) {
        uint64_t skip = 0;
        uint64_t *leaf = leaf_table(aspace, uaddr, false, &skip);

        if (!leaf) {
            uaddr = skip;
            continue;
        }
        do {
            uint64_t *slot = &leaf[table_index(uaddr, LEAF_SHIFT)];
            uint64_t entry = *slot ? entry_protected(*slot, prot, keep_readonly) : 0;

            if (entry != *slot) {
                __atomic_store_n(slot, entry, __ATOMIC_SEQ_CST);
                changed_add(&changed, uaddr);
            }
            uaddr += HAL_PAGE_SIZE;
        } while (uaddr < end && table_index(uaddr, LEAF_SHIFT) != 0);
    }
    changed_report(&changed, aspace, prot ? ASPACE_PROTECTED : ASPACE_UNMAPPED);
}

bool hal_aspace_lookup(struct hal_aspace *aspace, uint64_t uaddr, uint64_t *out_paddr,
                       unsigned *out_prot)
{
    uint64_t entry = aspace_entry(aspace, uaddr);

    if (!entry) {
        return false;
    }
    *out_paddr = entry & ASPACE_FRAME_MASK;
    *out_prot = entry & ASPACE_PROT_MASK;
    return true;
}

/* Wait until the copy that a vCPU may be in the middle of is over. */
static void vcpu_wait_copy(const struct vcpu *vcpu)
{
    uint32_t seen = __atomic_load_n(&vcpu->copying, __ATOMIC_SEQ_CST);

    for (unsigned i = 1; seen % 2 && __atomic_load_n(&vcpu->copying, __ATOMIC_ACQUIRE) == seen;
         i++) {
        if (i % 64 == 0) {
            host_yield();
        } else {
            __builtin_ia32_pause();
        }
    }
}

/* Wait until no copy uses a translation that is no longer in the table. */
static void wait_copies(struct machine *machine)
{
    struct vcpu *self = vcpu_current();

    for (unsigned i = 0; i < machine->boot.cpu_count; i++) {
        if (&machine->vcpus[i] != self) {
            vcpu_wait_copy(&machine->vcpus[i]);
        }
    }
}

void hal_aspace_flush(struct hal_aspace *aspace)
{
    wait_copies(aspace->machine);
    aspace->machine->engine->aspace_flush(aspace);
}

void hal_aspace_flush_lazy(struct hal_aspace *aspace)
{
    const struct engine_ops *engine = aspace->machine->engine;

    wait_copies(aspace->machine);
    (engine->aspace_flush_lazy ? engine->aspace_flush_lazy : engine->aspace_flush)(aspace);
}

void hal_aspace_fork(struct hal_aspace *child, struct hal_aspace *parent)
{
    const struct engine_ops *engine = parent->machine->engine;

    if (engine->aspace_fork) {
        engine->aspace_fork(child, parent);
    }
}

void hal_aspace_activate(struct hal_aspace *aspace)
{
    vcpu_current()->aspace = aspace;
}
