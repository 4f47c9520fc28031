/* SPDX-License-Identifier: MIT
 *
 * Making allocations, and transfers of pages between the page cache and what is behind it, fail on
 * purpose. Present in every build, costs one load per allocation;
 * kernel->faults is NULL unless a test (through sim/) installs one.
 */
#ifndef KERNEL_MM_FAULT_INJECTION_H
#define KERNEL_MM_FAULT_INJECTION_H

#include <stdbool.h>
#include <stdint.h>

struct fault_injection {
    uint64_t allocations;     /* counted since installed; atomic */
    uint64_t fail_at;         /* fail the n-th (1-based); 0: none */
    bool fail_after;          /* and all later ones */
    uint32_t probability_ppm; /* fail at random with this probability */
    uint64_t random_state;    /* seed for that */
    uint64_t failed;          /* how many were failed */

    uint64_t transfers;        /* of pages, counted since installed; atomic */
    uint64_t transfer_fail_at; /* fail the n-th (1-based) with EIO; 0: none */
    bool transfer_fail_after;  /* and all later ones */
    uint64_t transfers_failed;
};

/* True if this allocation has to fail. */
bool fault_injection_hit(void);

/* True if this transfer has to fail. */
bool fault_injection_transfer_hit(void);

#endif
