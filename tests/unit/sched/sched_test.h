/* SPDX-License-Identifier: MIT
 *
 * What the scheduler's tests share: each runs on 1, 2 and 4 CPUs.
 */
#ifndef TESTS_UNIT_SCHED_SCHED_TEST_H
#define TESTS_UNIT_SCHED_SCHED_TEST_H

#include "kernel/abi/errno.h"
#include "kernel/abi/sched.h"
#include "kernel/core/clock.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/atomic.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/timer.h"
#include "kernel/sched/wait.h"
#include "tests/unit/support/kernel_fixture.h"
#include "tests/unit/support/unit.h"

static const unsigned cpu_counts[] = {1, 2, 4};

/* A looped Check test that runs body(NULL) in machines of cpu_counts[_i] CPUs. */
#define TEST_ON_CPUS(name, body)                                                                   \
    START_TEST(name)                                                                               \
    {                                                                                              \
        kernel_fixture_run(cpu_counts[_i], body, NULL);                                            \
    }                                                                                              \
    END_TEST

#define ADD_ON_CPUS(tcase, name) tcase_add_loop_test(tcase, name, 0, 3)

/* Until only the calling thread is left: freeing what they used is safe then. */
static inline void wait_for_threads_to_end(void)
{
    struct page_counts counts;

    do {
        kernel_fixture_sleep_ns(200000);
        sched_trim_stacks(this_kernel());
        page_count(this_kernel(), &counts);
    } while (sched_runnable_count(this_kernel()) > 1);
}

/* Until the thread is blocked (it is on nobody's run queue). */
static inline void wait_until_blocked(struct thread *thread)
{
    for (;;) {
        enum thread_state state = atomic_load_acquire(&thread->state);

        if (state != THREAD_RUNNABLE && state != THREAD_NEW &&
            !atomic_load_acquire(&thread->on_cpu)) {
            return;
        }
        kernel_fixture_sleep_ns(100000);
    }
}

#endif
