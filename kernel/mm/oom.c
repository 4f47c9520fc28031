/* SPDX-License-Identifier: MIT
 *
 * When memory runs out: give back what is cached, then ask the process layer to kill something, and
 * wait a moment for it to die. Always ends: after a bounded number of attempts the caller fails.
 */
#include "kernel/core/clock.h"
#include "kernel/mm/mm_internal.h"
#include "kernel/mm/page_cache.h"
#include "kernel/mm/page_internal.h"
#include "kernel/mm/slab_internal.h"
#include "kernel/sched/sched.h"

enum { RECLAIM_PAGES = 64, ATTEMPTS_MAX = 100 };
#define VICTIM_WAIT_NS 2000000u

bool mm_out_of_memory(struct kernel *kernel, unsigned attempt)
{
    struct thread *thread = this_thread();
    if (attempt >= ATTEMPTS_MAX || (thread && atomic_load_acquire(&thread->killed)))
        return false;
    uint64_t freed = page_cache_shrink(kernel, RECLAIM_PAGES) + slab_trim(kernel);
    if (freed)
        return true;
    const struct mm_oom_ops *ops = kernel->mm->oom_ops;
    if (!ops || !thread || !ops->kill_something(kernel))
        return false;
    if (atomic_load_acquire(&thread->killed))
        return false; /* it was us: return to handle the signal */
    sched_prepare_block(THREAD_KILLABLE);
    sched_block_until(clock_monotonic_ns() + VICTIM_WAIT_NS);
    sched_finish_block();
    return true;
}
