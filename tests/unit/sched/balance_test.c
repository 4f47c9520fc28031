/* SPDX-License-Identifier: MIT */
/*
 * Where threads run: affinity, spreading over idle CPUs, moving while queued, running or asleep
 * (kernel/sched/balance.c, params.c, wakeup.c).
 */
#include "tests/unit/sched/sched_test.h"

struct roamer {
    unsigned stop;      /* atomic */
    uint64_t seen;      /* CPUs it ran on; atomic */
    uint64_t allowed;   /* atomic */
    unsigned strayed;   /* atomic: ran where it must not */
    unsigned ended;     /* atomic */
    bool sleeps;
};

/* Note where we run. The affinity may change between the two looks, so only a CPU that neither the
 * mask before nor the one after allows counts as straying. */
static void note_cpu(struct roamer *roamer)
{
    uint64_t before = atomic_load_seq(&roamer->allowed);
    uint64_t here = 1ull << this_cpu()->id;

    atomic_fetch_or_seq(&roamer->seen, here);
    if (((before | atomic_load_seq(&roamer->allowed)) & here) == 0) {
        atomic_fetch_add_seq(&roamer->strayed, 1);
    }
}

static void roam(void *argument)
{
    struct roamer *roamer = argument;

    while (!atomic_load_seq(&roamer->stop)) {
        if (roamer->sleeps) {
            kernel_fixture_sleep_ns(20000);
        } else {
            sched_yield_cpu();
        }
        hal_cpu_relax();
    }
    atomic_store_seq(&roamer->ended, 1);
}

static void stop_all(struct roamer **roamers, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        atomic_store_seq(&roamers[i]->stop, 1);
        while (!atomic_load_seq(&roamers[i]->ended)) {
            kernel_fixture_sleep_ns(100000);
        }
    }
    wait_for_threads_to_end();
    for (unsigned i = 0; i < count; i++) {
        kfree(roamers[i]);
    }
}

static void pinned(void *argument)
{
    struct kernel *kernel = this_kernel();

    (void)argument;
    for (unsigned cpu = 0; cpu < kernel->cpu_count; cpu++) {
        ck_assert_int_eq(sched_set_affinity(this_thread(), (struct cpu_mask){1ull << cpu}), 0);
        for (unsigned i = 0; i < 20; i++) {
            ck_assert_uint_eq(this_cpu()->id, cpu);
            sched_yield_cpu();
            ck_assert_uint_eq(this_cpu()->id, cpu);
            kernel_fixture_sleep_ns(1000);
        }
    }
    ck_assert_int_eq(sched_set_affinity(this_thread(), (struct cpu_mask){0}), -EINVAL);
    ck_assert_int_eq(sched_set_affinity(this_thread(), (struct cpu_mask){1ull << 63}), -EINVAL);
}

TEST_ON_CPUS(own_affinity_takes_effect_at_once, pinned)

static void roam_noting(void *argument)
{
    struct roamer *roamer = argument;

    while (!atomic_load_seq(&roamer->stop)) {
        if (roamer->sleeps) {
            kernel_fixture_sleep_ns(20000);
        }
        sched_resched_if_needed();
        note_cpu(roamer);
        hal_cpu_relax();
        hal_irq_restore(true); /* a place where interrupts are delivered */
    }
    atomic_store_seq(&roamer->ended, 1);
}

static void move_about(bool sleeps)
{
    struct kernel *kernel = this_kernel();
    struct roamer *roamer = kzalloc(sizeof *roamer);
    struct thread *thread;

    roamer->sleeps = sleeps;
    roamer->allowed = ~0ull;
    thread = kernel_fixture_thread("roamer", roam_noting, roamer);
    for (unsigned round = 0; round < 12; round++) {
        uint64_t mask = 1ull << (round % kernel->cpu_count);

        ck_assert_int_eq(sched_set_affinity(thread, (struct cpu_mask){mask}), 0);
        /* It may finish a step elsewhere; after it has been seen on the new CPU, never again. */
        atomic_store_seq(&roamer->seen, 0);
        while (!(atomic_load_seq(&roamer->seen) & mask)) {
            kernel_fixture_sleep_ns(50000);
        }
        atomic_store_seq(&roamer->allowed, mask);
        kernel_fixture_sleep_ns(300000);
        ck_assert_uint_eq(atomic_load_seq(&roamer->strayed), 0);
        atomic_store_seq(&roamer->allowed, ~0ull);
    }
    stop_all(&roamer, 1);
}

static void move_running(void *argument)
{
    (void)argument;
    move_about(false);
}

static void move_sleeping(void *argument)
{
    (void)argument;
    move_about(true);
}

TEST_ON_CPUS(affinity_moves_a_running_thread, move_running)
TEST_ON_CPUS(affinity_moves_a_sleeping_thread, move_sleeping)

/* As many busy threads as CPUs: each CPU gets one. */
static void spread(void *argument)
{
    struct kernel *kernel = this_kernel();
    struct roamer *roamers[4];
    uint64_t all = 0;
    unsigned rounds = 0;

    (void)argument;
    for (unsigned i = 0; i < kernel->cpu_count; i++) {
        roamers[i] = kzalloc(sizeof *roamers[i]);
        roamers[i]->allowed = ~0ull;
        kernel_fixture_thread("busy", roam_noting, roamers[i]);
    }
    do {
        kernel_fixture_sleep_ns(1000000);
        all = 0;
        for (unsigned i = 0; i < kernel->cpu_count; i++) {
            all |= atomic_load_seq(&roamers[i]->seen);
        }
        ck_assert_uint_lt(++rounds, 3000);
    } while (all != sched_online_mask(kernel).bits);
    stop_all(roamers, kernel->cpu_count);
}

TEST_ON_CPUS(busy_threads_spread_over_all_cpus, spread)

/* Threads queued behind a busy one are pulled by a CPU that becomes idle. */
static void pulled(void *argument)
{
    struct kernel *kernel = this_kernel();
    struct roamer *busy = kzalloc(sizeof *busy), *queued = kzalloc(sizeof *queued);
    struct thread *thread;

    (void)argument;
    busy->allowed = queued->allowed = ~0ull;
    ck_assert_int_eq(sched_set_affinity(this_thread(), (struct cpu_mask){1}), 0);
    ck_assert_int_eq(thread_create(kernel, "busy", roam_noting, busy, &thread), 0);
    sched_set_affinity(thread, (struct cpu_mask){1});
    thread_start(thread);
    ck_assert_int_eq(thread_create(kernel, "queued", roam_noting, queued, &thread), 0);
    sched_set_affinity(thread, (struct cpu_mask){1});
    thread_start(thread);
    sched_set_affinity(thread, sched_online_mask(kernel));
    while (kernel->cpu_count > 1 && !(atomic_load_seq(&queued->seen) & ~1ull)) {
        kernel_fixture_sleep_ns(500000);
    }
    stop_all((struct roamer *[]){busy, queued}, 2);
}

TEST_ON_CPUS(queued_thread_is_given_to_an_idle_cpu, pulled)

/* Parameters change under threads in every state. */
enum { CHURNERS = 4 };

static void churn(void *argument)
{
    struct kernel *kernel = this_kernel();
    struct thread *threads[CHURNERS];
    struct roamer *roamers[CHURNERS];
    uint64_t random = 99;

    (void)argument;
    for (unsigned i = 0; i < CHURNERS; i++) {
        roamers[i] = kzalloc(sizeof *roamers[i]);
        roamers[i]->sleeps = i % 2;
        threads[i] = kernel_fixture_thread("churner", roam, roamers[i]);
    }
    for (unsigned i = 0; i < 600; i++) {
        struct thread *thread;

        random = random * 6364136223846793005ull + 1442695040888963407ull;
        thread = threads[(random >> 33) % CHURNERS];
        switch ((random >> 40) % 4) {
        case 0:
            sched_set_nice(thread, (int)((random >> 45) % 40) - 20);
            break;
        case 1:
            sched_set_policy(thread, SCHED_BATCH, 0, false);
            break;
        case 2:
            sched_set_affinity(
                thread, (struct cpu_mask){1ull << ((random >> 45) % kernel->cpu_count)});
            break;
        case 3:
            sched_set_policy(thread, SCHED_RR, 1, false);
            break;
        }
        if (i % 8 == 0) {
            kernel_fixture_sleep_ns(20000);
        } else if (i % 8 == 4) {
            sched_yield_cpu();
        }
    }
    for (unsigned i = 0; i < CHURNERS; i++) {
        sched_set_policy(threads[i], SCHED_NORMAL, 0, false);
    }
    stop_all(roamers, CHURNERS);
}

TEST_ON_CPUS(parameters_may_change_at_any_moment, churn)

static void add_tests(TCase *tcase)
{
    tcase_set_timeout(tcase, 60);
    ADD_ON_CPUS(tcase, own_affinity_takes_effect_at_once);
    ADD_ON_CPUS(tcase, affinity_moves_a_running_thread);
    ADD_ON_CPUS(tcase, affinity_moves_a_sleeping_thread);
    ADD_ON_CPUS(tcase, busy_threads_spread_over_all_cpus);
    ADD_ON_CPUS(tcase, queued_thread_is_given_to_an_idle_cpu);
    ADD_ON_CPUS(tcase, parameters_may_change_at_any_moment);
}

static Suite *suite(void)
{
    return unit_suite("balance", add_tests);
}

UNIT_MAIN(suite)
