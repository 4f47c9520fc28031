/* SPDX-License-Identifier: MIT */
/*
 * Kernel timers (kernel/sched/timer.c): never early, in order, cancelling from anywhere.
 */
#include "tests/unit/sched/sched_test.h"

struct probe {
    struct timer timer;
    unsigned fired;        /* atomic */
    uint64_t fired_ns;     /* atomic */
    unsigned rearm;        /* fire arms it again so many times */
    struct wait_queue wait;
};

static void probe_fire(struct timer *timer)
{
    struct probe *probe = container_of(timer, struct probe, timer);

    atomic_store_seq(&probe->fired_ns, clock_monotonic_ns());
    atomic_fetch_add_seq(&probe->fired, 1);
    if (probe->rearm > 0) {
        probe->rearm--;
        timer_arm(timer, clock_monotonic_ns() + 50000);
    }
    wake_all(&probe->wait);
}

static struct probe *probe_create(void)
{
    struct probe *probe = kzalloc(sizeof *probe);

    timer_init(&probe->timer, probe_fire);
    wait_queue_init(&probe->wait);
    return probe;
}

static void probe_destroy(struct probe *probe)
{
    timer_cancel_sync(&probe->timer);
    kfree(probe);
}

static void never_early(void *argument)
{
    struct probe *probe = probe_create();

    (void)argument;
    for (unsigned i = 0; i < 60; i++) {
        uint64_t deadline_ns = clock_monotonic_ns() + (i % 7) * 40000;

        timer_arm(&probe->timer, deadline_ns);
        wait_event(&probe->wait, atomic_load_seq(&probe->fired) == i + 1);
        ck_assert_uint_ge(atomic_load_seq(&probe->fired_ns), deadline_ns);
    }
    probe_destroy(probe);
}

TEST_ON_CPUS(timer_fires_and_never_early, never_early)

enum { ORDERED = 20 };

static void in_order(void *argument)
{
    struct probe *probes[ORDERED];
    uint64_t base_ns = clock_monotonic_ns() + 1000000;

    (void)argument;
    for (unsigned i = 0; i < ORDERED; i++) {
        probes[i] = probe_create();
        timer_arm(&probes[i]->timer, base_ns + (i * 7 % ORDERED) * 30000);
    }
    for (unsigned i = 0; i < ORDERED; i++) {
        wait_event(&probes[i]->wait, atomic_load_seq(&probes[i]->fired) == 1);
    }
    for (unsigned i = 0; i < ORDERED; i++) {
        ck_assert_uint_ge(atomic_load_seq(&probes[i]->fired_ns), probes[i]->timer.deadline_ns);
        for (unsigned j = 0; j < ORDERED; j++) {
            if (probes[i]->timer.deadline_ns < probes[j]->timer.deadline_ns) {
                ck_assert_uint_le(probes[i]->fired_ns, probes[j]->fired_ns);
            }
        }
    }
    for (unsigned i = 0; i < ORDERED; i++) {
        probe_destroy(probes[i]);
    }
}

/* All armed on one CPU: pin the arming thread. */
static void in_order_pinned(void *argument)
{
    sched_set_affinity(this_thread(), (struct cpu_mask){1});
    in_order(argument);
}

TEST_ON_CPUS(timers_fire_in_order_of_deadline, in_order_pinned)

static void cancelling(void *argument)
{
    struct probe *probe = probe_create();

    (void)argument;
    ck_assert(!timer_cancel(&probe->timer));
    timer_arm(&probe->timer, clock_monotonic_ns() + 3000000);
    ck_assert(timer_cancel(&probe->timer));
    ck_assert(!timer_cancel_sync(&probe->timer));
    timer_arm(&probe->timer, UINT64_MAX);
    kernel_fixture_sleep_ns(5000000);
    ck_assert_uint_eq(atomic_load_seq(&probe->fired), 0);
    timer_arm(&probe->timer, clock_monotonic_ns() + 1000000); /* moves it forward */
    wait_event(&probe->wait, atomic_load_seq(&probe->fired) == 1);
    ck_assert(!timer_cancel(&probe->timer));
    probe_destroy(probe);
}

TEST_ON_CPUS(cancelled_timer_does_not_fire, cancelling)

static void rearming(void *argument)
{
    struct probe *probe = probe_create();

    (void)argument;
    probe->rearm = 20;
    timer_arm(&probe->timer, 0);
    wait_event(&probe->wait, atomic_load_seq(&probe->fired) == 21);
    probe_destroy(probe);
}

TEST_ON_CPUS(timer_may_arm_itself_again, rearming)

/* Several CPUs arm and cancel the same timers; after cancel_sync nothing fires. */
enum { TORTURERS = 4, TORTURE_ROUNDS = 400 };

struct torture {
    struct probe *probes[3];
    unsigned ended; /* atomic */
    struct wait_queue done;
};

static void torturer(void *argument)
{
    struct torture *torture = argument;
    uint64_t random = (uintptr_t)this_thread();

    for (unsigned i = 0; i < TORTURE_ROUNDS; i++) {
        struct timer *timer;

        random = random * 6364136223846793005ull + 1442695040888963407ull;
        timer = &torture->probes[(random >> 33) % 3]->timer;
        switch ((random >> 40) % 4) {
        case 0:
            timer_cancel(timer);
            break;
        case 1:
            timer_cancel_sync(timer);
            break;
        default:
            timer_arm(timer, clock_monotonic_ns() + (random >> 50) % 20000);
            break;
        }
        if (i % 16 == 0) {
            sched_yield_cpu();
        }
    }
    atomic_fetch_add_seq(&torture->ended, 1);
    wake_all(&torture->done);
}

static void torture_timers(void *argument)
{
    struct torture *torture = kzalloc(sizeof *torture);

    (void)argument;
    wait_queue_init(&torture->done);
    for (unsigned i = 0; i < 3; i++) {
        torture->probes[i] = probe_create();
    }
    for (unsigned i = 0; i < TORTURERS; i++) {
        kernel_fixture_thread("torturer", torturer, torture);
    }
    wait_event(&torture->done, atomic_load_seq(&torture->ended) == TORTURERS);
    for (unsigned i = 0; i < 3; i++) {
        probe_destroy(torture->probes[i]);
    }
    wait_for_threads_to_end();
    kfree(torture);
}

TEST_ON_CPUS(concurrent_arming_and_cancelling_is_safe, torture_timers)

static void add_tests(TCase *tcase)
{
    tcase_set_timeout(tcase, 60);
    ADD_ON_CPUS(tcase, timer_fires_and_never_early);
    ADD_ON_CPUS(tcase, timers_fire_in_order_of_deadline);
    ADD_ON_CPUS(tcase, cancelled_timer_does_not_fire);
    ADD_ON_CPUS(tcase, timer_may_arm_itself_again);
    ADD_ON_CPUS(tcase, concurrent_arming_and_cancelling_is_safe);
}

static Suite *suite(void)
{
    return unit_suite("timer", add_tests);
}

UNIT_MAIN(suite)
