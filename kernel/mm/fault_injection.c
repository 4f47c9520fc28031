/* SPDX-License-Identifier: MIT
 *
 * Deciding which allocations and transfers fail when a test asked for failures (fault_injection.h).
 */
#include "kernel/mm/fault_injection.h"

#include "kernel/core/kernel.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/hash.h"

static bool decide(struct fault_injection *faults)
{
    uint64_t number = atomic_add_fetch_relaxed(&faults->allocations, 1);
    if (faults->fail_at &&
        (number == faults->fail_at || (faults->fail_after && number > faults->fail_at)))
        return true;
    if (!faults->probability_ppm)
        return false;
    /* A function of seed and number: no shared generator state to race for. */
    uint64_t random = hash_combine(faults->random_state, number);
    return random % 1000000 < faults->probability_ppm;
}

bool fault_injection_hit(void)
{
    struct fault_injection *faults = atomic_load_relaxed(&this_kernel()->faults);
    if (likely(!faults))
        return false;
    bool hit = decide(faults);
    if (hit)
        atomic_fetch_add_relaxed(&faults->failed, 1);
    return hit;
}

bool fault_injection_transfer_hit(void)
{
    struct fault_injection *faults = atomic_load_relaxed(&this_kernel()->faults);
    if (likely(!faults) || !faults->transfer_fail_at)
        return false;
    uint64_t number = atomic_add_fetch_relaxed(&faults->transfers, 1);
    bool hit = number == faults->transfer_fail_at ||
               (faults->transfer_fail_after && number > faults->transfer_fail_at);
    if (hit)
        atomic_fetch_add_relaxed(&faults->transfers_failed, 1);
    return hit;
}
