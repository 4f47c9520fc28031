/* SPDX-License-Identifier: MIT */
/*
 * Spinlocks on several CPUs, and what debug builds catch (kernel/core/spinlock.c, lock_trace.c,
 * panic.c).
 */
#include "hal-hosted/machine.h"
#include "hal/cpu.h"
#include "kernel/core/clock.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/atomic.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/timer.h"
#include "tests/unit/support/kernel_fixture.h"
#include "tests/unit/support/test_machine.h"
#include "tests/unit/support/unit.h"

static const unsigned cpu_counts[] = {1, 2, 4};

enum { WORKERS = 4, ROUNDS = 5000 };

struct shared {
    struct spinlock lock;
    uint64_t a, b; /* plain */
    unsigned ended; /* atomic */
};

static void worker(void *argument)
{
    struct shared *shared = argument;

    for (unsigned i = 0; i < ROUNDS; i++) {
        bool irq = false, masked = i % 2;

        if (i % 3 == 0) {
            irq = hal_irq_save();
            while (!spin_trylock(&shared->lock)) {
                hal_cpu_relax();
            }
            masked = true;
        } else if (masked) {
            irq = spin_lock_irqsave(&shared->lock);
        } else {
            spin_lock(&shared->lock);
        }
        ck_assert(spin_is_held(&shared->lock));
        shared->a++;
        shared->b++;
        ck_assert_uint_eq(shared->a, shared->b);
        spin_unlock(&shared->lock);
        if (masked) {
            hal_irq_restore(irq);
        }
    }
    atomic_fetch_add_seq(&shared->ended, 1);
}

static void torture(void *argument)
{
    struct shared *shared = kzalloc(sizeof *shared);

    (void)argument;
    spin_lock_init(&shared->lock, LOCK_RANK_OBJECT);
    for (unsigned i = 0; i < WORKERS; i++) {
        kernel_fixture_thread("worker", worker, shared);
    }
    while (atomic_load_seq(&shared->ended) < WORKERS) {
        kernel_fixture_sleep_ns(100000);
    }
    ck_assert(!spin_is_held(&shared->lock));
    ck_assert_uint_eq(shared->a, WORKERS * ROUNDS);
    kfree(shared);
}

START_TEST(spinlock_excludes)
{
    kernel_fixture_run(cpu_counts[_i], torture, NULL);
}
END_TEST

static void trylock(void *argument)
{
    struct spinlock lock;

    (void)argument;
    spin_lock_init(&lock, LOCK_RANK_OBJECT);
    ck_assert(spin_trylock(&lock));
    ck_assert(!spin_trylock(&lock));
    spin_unlock(&lock);
    ck_assert(spin_trylock(&lock));
    spin_unlock(&lock);
}

START_TEST(trylock_fails_on_a_held_lock)
{
    kernel_fixture_run(1, trylock, NULL);
}
END_TEST

/* ---- mistakes ---- */

static void inverted(void *argument)
{
    struct spinlock low, high;

    (void)argument;
    spin_lock_init(&low, LOCK_RANK_FUTEX);
    spin_lock_init(&high, LOCK_RANK_TIMER);
    spin_lock(&high);
    spin_lock(&low);
}

static void inverted_under_trylock(void *argument)
{
    struct spinlock low, high;

    (void)argument;
    spin_lock_init(&low, LOCK_RANK_FUTEX);
    spin_lock_init(&high, LOCK_RANK_TIMER);
    if (spin_trylock(&high)) {
        spin_lock(&low);
    }
}

static void twice(void *argument)
{
    struct spinlock lock;

    (void)argument;
    spin_lock_init(&lock, LOCK_RANK_OBJECT);
    spin_lock(&lock);
    spin_lock(&lock);
}

static void released_by_nobody(void *argument)
{
    struct spinlock lock;

    (void)argument;
    spin_lock_init(&lock, LOCK_RANK_OBJECT);
    spin_unlock(&lock);
}

struct irq_user {
    struct timer timer;
    struct spinlock lock;
    unsigned fired; /* atomic */
};

static void lock_in_interrupt(struct timer *timer)
{
    struct irq_user *user = container_of(timer, struct irq_user, timer);

    spin_lock(&user->lock);
    spin_unlock(&user->lock);
    atomic_store_seq(&user->fired, 1);
}

static void unmasked_and_in_interrupt(void *argument)
{
    struct irq_user *user = kzalloc(sizeof *user);

    (void)argument;
    spin_lock_init(&user->lock, LOCK_RANK_OBJECT);
    timer_init(&user->timer, lock_in_interrupt);
    timer_arm(&user->timer, 0);
    while (!atomic_load_seq(&user->fired)) {
        kernel_fixture_sleep_ns(10000);
    }
    spin_lock(&user->lock);
}

static void too_many(void *argument)
{
    struct spinlock locks[LOCKS_HELD_MAX + 1];

    (void)argument;
    for (unsigned i = 0; i <= LOCKS_HELD_MAX; i++) {
        spin_lock_init(&locks[i], LOCK_RANK_NONE);
        spin_lock(&locks[i]);
    }
}

static void (*const mistakes[])(void *) = {
    inverted,           inverted_under_trylock,    twice,
    released_by_nobody, unmasked_and_in_interrupt, too_many,
};

START_TEST(mistake_is_caught_in_debug_builds)
{
    if (ASSAY_DEBUG) {
        ck_assert_int_eq(test_machine_run(mistakes[_i], NULL, 1), MACHINE_CRASHED);
    }
}
END_TEST

static void fail_assertion(void *argument)
{
    assert(argument != NULL);
}

START_TEST(failed_assertion_crashes_the_machine)
{
    ck_assert_int_eq(test_machine_run(fail_assertion, NULL, cpu_counts[_i]), MACHINE_CRASHED);
}
END_TEST

static void panic_everywhere(void *argument)
{
    (void)argument;
    kernel_panic("test: several CPUs panic at once");
}

static void start_panics(void *argument)
{
    for (unsigned i = 0; i < 4; i++) {
        kernel_fixture_thread("panicker", panic_everywhere, argument);
    }
    panic_everywhere(argument);
}

START_TEST(panics_of_several_cpus_end_the_machine_once)
{
    ck_assert_int_eq(test_machine_run(start_panics, NULL, cpu_counts[_i]), MACHINE_CRASHED);
}
END_TEST

START_TEST(every_rank_has_a_name)
{
    ck_assert_str_eq(lock_rank_name(LOCK_RANK_RUNQUEUE), "run-queue");
    ck_assert_str_eq(lock_rank_name(12345), "unknown");
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, spinlock_excludes, 0, 3);
    tcase_add_test(tcase, trylock_fails_on_a_held_lock);
    tcase_add_loop_test(tcase, mistake_is_caught_in_debug_builds, 0,
                        (int)(sizeof mistakes / sizeof mistakes[0]));
    tcase_add_loop_test(tcase, failed_assertion_crashes_the_machine, 0, 2);
    tcase_add_loop_test(tcase, panics_of_several_cpus_end_the_machine_once, 0, 3);
    tcase_add_test(tcase, every_rank_has_a_name);
}

static Suite *suite(void)
{
    return unit_suite("spinlock", add_tests);
}

UNIT_MAIN(suite)
