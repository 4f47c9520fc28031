/* SPDX-License-Identifier: MIT */
/*
 * Tests inside a machine, with a check for leaks (kernel_fixture.h).
 */
#include "tests/unit/support/kernel_fixture.h"

#include <check.h>
#include <stdint.h>
#include <stdio.h>

#include "kernel/core/clock.h"
#include "kernel/core/kernel.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/thread.h"
#include "tests/unit/support/test_machine.h"

#pragma weak clock_monotonic_ns
#pragma weak page_count
#pragma weak sched_block_until
#pragma weak sched_finish_block
#pragma weak sched_prepare_block
#pragma weak sched_trim_stacks
#pragma weak slab_live_objects
#pragma weak slab_describe
#pragma weak thread_create
#pragma weak thread_start

enum { SETTLE_ROUNDS = 500 };

struct run {
    void (*test)(void *argument);
    void *argument;
};

struct usage {
    uint64_t objects;
    uint64_t stack_pages;
    uint64_t anon_pages;
};

void kernel_fixture_sleep_ns(unsigned long long ns)
{
    uint64_t deadline_ns = clock_monotonic_ns() + ns;

    while (clock_monotonic_ns() < deadline_ns) {
        sched_prepare_block(THREAD_UNINTERRUPTIBLE);
        sched_block_until(deadline_ns);
        sched_finish_block();
    }
}

struct thread *kernel_fixture_thread(const char *name, void (*entry)(void *), void *argument)
{
    struct thread *thread;
    int error = thread_create(this_kernel(), name, entry, argument, &thread);

    ck_assert_int_eq(error, 0);
    thread_start(thread);
    return thread;
}

static struct usage usage_now(struct kernel *kernel)
{
    struct page_counts pages;
    struct usage usage;

    sched_trim_stacks(kernel);
    page_count(kernel, &pages);
    usage.objects = slab_live_objects(kernel);
    usage.stack_pages = pages.kernel_stack;
    usage.anon_pages = pages.anon;
    return usage;
}

static void describe_slabs(struct kernel *kernel)
{
    const char *name;
    size_t size;
    uint64_t live, pages;

    for (unsigned i = 0; slab_describe(kernel, i, &name, &size, &live, &pages) == 0; i++) {
        if (live > 0) {
            fprintf(stderr, "  %-24s %6zu bytes: %llu live\n", name, size,
                    (unsigned long long)live);
        }
    }
}

static bool leaked(const struct usage *before, const struct usage *after)
{
    return after->objects > before->objects || after->stack_pages > before->stack_pages ||
           after->anon_pages > before->anon_pages;
}

static void run_checked(void *argument)
{
    const struct run *run = argument;
    struct kernel *kernel = this_kernel();
    struct usage before, after;

    if (!slab_live_objects || !sched_trim_stacks) {
        run->test(run->argument);
        return;
    }
    before = usage_now(kernel);
    run->test(run->argument);
    after = usage_now(kernel);
    for (unsigned i = 0; i < SETTLE_ROUNDS && leaked(&before, &after); i++) {
        kernel_fixture_sleep_ns(1000000);
        after = usage_now(kernel);
    }
    if (leaked(&before, &after)) {
        describe_slabs(kernel);
        ck_abort_msg("leak: slab objects %llu -> %llu, anonymous pages %llu -> %llu",
                     (unsigned long long)before.objects, (unsigned long long)after.objects,
                     (unsigned long long)before.anon_pages, (unsigned long long)after.anon_pages);
    }
}

void kernel_fixture_run(unsigned cpus, void (*test)(void *argument), void *argument)
{
    struct run run = {.test = test, .argument = argument};

    ck_assert_int_eq(test_machine_run(run_checked, &run, cpus), 0);
}

void kernel_fixture_run_leaky(unsigned cpus, void (*test)(void *argument), void *argument)
{
    ck_assert_int_eq(test_machine_run(test, argument, cpus), 0);
}
