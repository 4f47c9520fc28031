/* SPDX-License-Identifier: MIT */
/*
 * The fair class by itself: a CPU is simulated by handing out time step by step, so shares are
 * exact and do not depend on the host (kernel/sched/fair.c).
 */
#include <string.h>

#include "kernel/abi/sched.h"
#include "kernel/sched/fair.h"
#include "tests/unit/support/unit.h"

enum { ENTITIES_MAX = 16, STEP_NS = 500000 };

struct simulation {
    struct fair_queue queue;
    struct sched_entity entities[ENTITIES_MAX];
    unsigned count;
};

static struct sched_entity *add(struct simulation *sim, int policy, int nice)
{
    struct sched_entity *entity = &sim->entities[sim->count++];

    memset(entity, 0, sizeof *entity);
    entity->policy = policy;
    entity->nice = nice;
    entity->weight = fair_weight(policy, nice);
    entity->slice_ns = SLICE_NS;
    entity->queued = true;
    fair_enqueue(&sim->queue, entity);
    return entity;
}

static void sleep_entity(struct simulation *sim, struct sched_entity *entity)
{
    fair_dequeue(&sim->queue, entity);
    entity->queued = false;
}

static void wake_entity(struct simulation *sim, struct sched_entity *entity)
{
    entity->queued = true;
    fair_enqueue(&sim->queue, entity);
}

/* Everything that must hold at any time. */
static void check_invariants(const struct simulation *sim)
{
    const struct fair_queue *queue = &sim->queue;
    __int128 lag_sum = 0;
    uint64_t load = 0, all = 0;
    unsigned count = 0;
    uint64_t average = fair_average(queue);

    for (unsigned i = 0; i < sim->count; i++) {
        const struct sched_entity *entity = &sim->entities[i];

        if (!entity->queued) {
            continue;
        }
        lag_sum += (__int128)(int64_t)(average - entity->vruntime) * entity->weight;
        all += entity->weight;
        if (queue->current != entity) {
            load += entity->weight;
            count++;
        }
    }
    ck_assert_uint_eq(queue->count, count);
    ck_assert_uint_eq(queue->load, load);
    ck_assert_int_gt(rb_check(&queue->tree) + 1, 0);
    /* The lags sum up to zero, but for rounding of the average. */
    ck_assert(lag_sum <= 0 && lag_sum > -(__int128)all - 1);
}

/* Run for a while as a CPU with a tick at the end of each step would. */
static void run(struct simulation *sim, uint64_t total_ns)
{
    struct fair_queue *queue = &sim->queue;

    for (uint64_t done_ns = 0; done_ns < total_ns;) {
        struct sched_entity *next = fair_pick(queue);
        uint64_t step_ns = STEP_NS;

        ck_assert_ptr_nonnull(next);
        if (next != queue->current) {
            if (queue->current != NULL) {
                fair_put_prev(queue, queue->current);
            }
            fair_set_next(queue, next);
        } else {
            next->picked_deadline = next->deadline;
        }
        next->sum_exec_ns += step_ns;
        fair_charge(queue, step_ns);
        done_ns += step_ns;
        check_invariants(sim);
    }
}

static double share(const struct simulation *sim, const struct sched_entity *entity)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < sim->count; i++) {
        total += sim->entities[i].sum_exec_ns;
    }
    return (double)entity->sum_exec_ns / (double)total;
}

static struct simulation sim;

static void setup(void)
{
    memset(&sim, 0, sizeof sim);
    fair_queue_init(&sim.queue);
}

START_TEST(weights_follow_the_quarter_rule)
{
    ck_assert_uint_eq(fair_weight(SCHED_NORMAL, 0), 1024);
    for (int nice = -20; nice < 19; nice++) {
        double ratio = (double)fair_weight(SCHED_NORMAL, nice) /
                       (double)fair_weight(SCHED_NORMAL, nice + 1);

        ck_assert_msg(ratio > 1.18 && ratio < 1.31, "nice %d: ratio %f", nice, ratio);
    }
    ck_assert_uint_lt(fair_weight(SCHED_IDLE, -20), fair_weight(SCHED_NORMAL, 19));
}
END_TEST

START_TEST(equal_entities_share_equally)
{
    for (unsigned i = 0; i < 7; i++) {
        add(&sim, SCHED_NORMAL, 0);
    }
    run(&sim, 7 * 1000000000ull);
    for (unsigned i = 0; i < 7; i++) {
        ck_assert_double_eq_tol(share(&sim, &sim.entities[i]), 1.0 / 7, 0.002);
    }
}
END_TEST

START_TEST(shares_are_proportional_to_weights)
{
    static const int nices[] = {-20, -5, 0, 1, 5, 19};
    double total = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(nices); i++) {
        total += add(&sim, SCHED_NORMAL, nices[i])->weight;
    }
    run(&sim, 60000000000ull);
    for (unsigned i = 0; i < ARRAY_SIZE(nices); i++) {
        double want = sim.entities[i].weight / total;

        ck_assert_msg(share(&sim, &sim.entities[i]) > want * 0.97 - 0.0001 &&
                          share(&sim, &sim.entities[i]) < want * 1.03 + 0.0001,
                      "nice %d: %f instead of %f", nices[i], share(&sim, &sim.entities[i]), want);
    }
}
END_TEST

START_TEST(one_nice_step_is_a_tenth)
{
    struct sched_entity *a = add(&sim, SCHED_NORMAL, 0), *b = add(&sim, SCHED_NORMAL, 1);

    run(&sim, 20000000000ull);
    ck_assert_double_eq_tol(share(&sim, a), 0.555, 0.005);
    ck_assert_double_eq_tol(share(&sim, b), 0.445, 0.005);
}
END_TEST

START_TEST(lag_stays_below_two_slices)
{
    for (unsigned i = 0; i < 5; i++) {
        add(&sim, SCHED_NORMAL, (int)i - 2);
    }
    for (unsigned step = 0; step < 4000; step++) {
        uint64_t average;

        run(&sim, STEP_NS);
        average = fair_average(&sim.queue);
        for (unsigned i = 0; i < 5; i++) {
            int64_t lag_ns = (int64_t)(average - sim.entities[i].vruntime) *
                             (int64_t)sim.entities[i].weight / WEIGHT_NICE_0;

            ck_assert_int_le(lag_ns, (int64_t)(2 * SLICE_NS));
            ck_assert_int_ge(lag_ns, -(int64_t)(2 * SLICE_NS));
        }
    }
}
END_TEST

/* One that sleeps half of the time cannot take more than its share while awake, nor lose by it. */
START_TEST(sleeping_neither_earns_nor_loses)
{
    struct sched_entity *hog = add(&sim, SCHED_NORMAL, 0), *sleeper = add(&sim, SCHED_NORMAL, 0);
    uint64_t awake_total = 0, awake_sleeper = 0;

    for (unsigned i = 0; i < 400; i++) {
        uint64_t before = sleeper->sum_exec_ns;

        run(&sim, 20000000);
        awake_total += 20000000;
        awake_sleeper += sleeper->sum_exec_ns - before;
        sleep_entity(&sim, sleeper);
        run(&sim, 20000000);
        wake_entity(&sim, sleeper);
    }
    ck_assert_double_eq_tol((double)awake_sleeper / (double)awake_total, 0.5, 0.03);
    (void)hog;
}
END_TEST

START_TEST(waker_of_short_sleeper_is_displaced_at_once)
{
    struct sched_entity *hog = add(&sim, SCHED_NORMAL, 0), *sleeper = add(&sim, SCHED_NORMAL, 0);

    sleep_entity(&sim, sleeper);
    run(&sim, 50000000);
    wake_entity(&sim, sleeper);
    fair_charge(&sim.queue, 100000);
    ck_assert_ptr_eq(fair_pick(&sim.queue), sleeper);
    ck_assert_ptr_eq(sim.queue.current, hog);
}
END_TEST

START_TEST(idle_policy_gets_next_to_nothing_but_not_nothing)
{
    struct sched_entity *idle = add(&sim, SCHED_IDLE, 0);

    add(&sim, SCHED_NORMAL, 0);
    run(&sim, 20000000000ull);
    ck_assert_double_gt(share(&sim, idle), 0.0005);
    ck_assert_double_lt(share(&sim, idle), 0.01);
}
END_TEST

START_TEST(yield_lets_the_other_run)
{
    struct sched_entity *a = add(&sim, SCHED_NORMAL, 0);
    struct sched_entity *other;
    unsigned yields = 0;

    add(&sim, SCHED_NORMAL, 0);
    run(&sim, STEP_NS);
    a = sim.queue.current;
    do {
        fair_charge(&sim.queue, 1000);
        fair_yield(&sim.queue);
        other = fair_pick(&sim.queue);
        check_invariants(&sim);
        ck_assert_uint_lt(++yields, 40);
    } while (other == a);
}
END_TEST

START_TEST(reweighting_keeps_the_lag)
{
    struct sched_entity *a = add(&sim, SCHED_NORMAL, 0), *b = add(&sim, SCHED_NORMAL, 0);

    run(&sim, 30000000);
    for (int nice = -20; nice <= 19; nice++) {
        int64_t before, after;

        sleep_entity(&sim, b);
        before = b->vlag * (int64_t)b->weight;
        fair_reweight(b, fair_weight(SCHED_NORMAL, nice));
        after = b->vlag * (int64_t)b->weight;
        ck_assert_int_le(llabs(before - after), (int64_t)b->weight);
        wake_entity(&sim, b);
        run(&sim, 10000000);
    }
    (void)a;
}
END_TEST

/* Random joining, leaving and running: the invariants hold (run checks them), nobody starves. */
START_TEST(random_traffic_starves_nobody)
{
    uint64_t random = 12345 + (unsigned)_i, last_run[ENTITIES_MAX] = {0};

    for (unsigned i = 0; i < ENTITIES_MAX; i++) {
        add(&sim, SCHED_NORMAL, (int)(i * 7 % 40) - 20);
    }
    for (unsigned step = 0; step < 20000; step++) {
        struct sched_entity *entity;

        random = random * 6364136223846793005ull + 1442695040888963407ull;
        entity = &sim.entities[(random >> 33) % ENTITIES_MAX];
        if ((random >> 60) == 0) {
            if (!entity->queued) {
                wake_entity(&sim, entity);
            } else if (sim.queue.count > 0) {
                sleep_entity(&sim, entity);
            }
        }
        if (sim.queue.count == 0 && sim.queue.current == NULL) {
            wake_entity(&sim, entity);
        }
        run(&sim, STEP_NS);
        last_run[sim.queue.current - sim.entities] = step;
    }
    for (unsigned i = 0; i < ENTITIES_MAX; i++) {
        ck_assert_uint_gt(last_run[i], 0);
    }
}
END_TEST

START_TEST(empty_queue_picks_nobody)
{
    ck_assert_ptr_null(fair_pick(&sim.queue));
    add(&sim, SCHED_NORMAL, 0);
    run(&sim, 10000000);
    sleep_entity(&sim, &sim.entities[0]);
    ck_assert_ptr_null(fair_pick(&sim.queue));
    wake_entity(&sim, &sim.entities[0]);
    ck_assert_ptr_eq(fair_pick(&sim.queue), &sim.entities[0]);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, weights_follow_the_quarter_rule);
    tcase_add_test(tcase, equal_entities_share_equally);
    tcase_add_test(tcase, shares_are_proportional_to_weights);
    tcase_add_test(tcase, one_nice_step_is_a_tenth);
    tcase_add_test(tcase, lag_stays_below_two_slices);
    tcase_add_test(tcase, sleeping_neither_earns_nor_loses);
    tcase_add_test(tcase, waker_of_short_sleeper_is_displaced_at_once);
    tcase_add_test(tcase, idle_policy_gets_next_to_nothing_but_not_nothing);
    tcase_add_test(tcase, yield_lets_the_other_run);
    tcase_add_test(tcase, reweighting_keeps_the_lag);
    tcase_add_loop_test(tcase, random_traffic_starves_nobody, 0, 5);
    tcase_add_test(tcase, empty_queue_picks_nobody);
}

static Suite *suite(void)
{
    return unit_suite("fair", add_tests);
}

UNIT_MAIN(suite)
