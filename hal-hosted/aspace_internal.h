/* SPDX-License-Identifier: MIT
 *
 * The software page table of an address space; engines read it to install host mappings.
 *
 * Four levels of 512 entries in pages of machine RAM. A leaf entry is the frame's physical address
 * or'ed with its HAL_PROT_* bits, zero when nothing is mapped. An upper entry is the table's
 * physical address or'ed with ASPACE_TABLE. Writers are serialised by the kernel (one mm lock for
 * each address space); readers run at any time, so entries are accessed atomically and tables live
 * until the address space is destroyed.
 */
#ifndef HAL_HOSTED_ASPACE_INTERNAL_H
#define HAL_HOSTED_ASPACE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "hal-hosted/machine_internal.h"
#include "hal/aspace.h"

enum { ASPACE_LEVELS = 4, ASPACE_ENTRIES = 512, ASPACE_TABLE = 1 };
#define ASPACE_PROT_MASK 7ull
#define ASPACE_FRAME_MASK (~(uint64_t)(HAL_PAGE_SIZE - 1))

struct hal_aspace {
    struct machine *machine;
    uint64_t *root;
    uint64_t root_paddr;
    void *engine;                   /* the engine's own */
    struct hal_aspace *next, *prev; /* machine->aspaces */

    bool marked, dead;              /* part of a machine's mark (reset.c); destroyed since */
    struct hal_aspace *marked_next; /* in the list of these */
};

/* The leaf entry for uaddr (frame | prot), or 0. Any thread, while the address space lives. */
static inline uint64_t aspace_entry(const struct hal_aspace *aspace, uint64_t uaddr)
{
    const uint64_t *table = aspace->root;

    if (uaddr >> 47) {
        return 0;
    }
    for (int shift = 39; shift > HAL_PAGE_SHIFT; shift -= 9) {
        uint64_t entry =
            __atomic_load_n(&table[(uaddr >> shift) % ASPACE_ENTRIES], __ATOMIC_ACQUIRE);
        if (!entry) {
            return 0;
        }
        table = (const uint64_t *)machine_pointer(aspace->machine, entry & ASPACE_FRAME_MASK);
    }
    return __atomic_load_n(&table[(uaddr >> HAL_PAGE_SHIFT) % ASPACE_ENTRIES], __ATOMIC_SEQ_CST);
}

#endif
