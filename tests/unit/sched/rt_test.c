/* SPDX-License-Identifier: MIT */
/*
 * The real-time class by itself, then real-time against fair threads in a machine
 * (kernel/sched/rt.c, runqueue.c).
 */
#include "kernel/sched/rt.h"
#include "tests/unit/sched/sched_test.h"

static struct rt_queue queue;
static struct sched_entity entities[8];

static void setup(void)
{
    rt_queue_init(&queue);
    for (unsigned i = 0; i < ARRAY_SIZE(entities); i++) {
        entities[i] = (struct sched_entity){.policy = SCHED_RR, .rr_left_ns = RR_QUANTUM_NS};
    }
}

static struct sched_entity *add(unsigned index, int priority)
{
    entities[index].rt_priority = priority;
    rt_enqueue(&queue, &entities[index], false);
    return &entities[index];
}

START_TEST(highest_priority_is_first_then_oldest)
{
    add(0, 1);
    add(1, 50);
    add(2, 99);
    add(3, 50);
    add(4, 35);
    for (unsigned i = 0; i < 5; i++) {
        static const unsigned order[] = {2, 1, 3, 4, 0};

        ck_assert_ptr_eq(rt_first(&queue), &entities[order[i]]);
        rt_dequeue(&queue, &entities[order[i]]);
    }
    ck_assert_ptr_null(rt_first(&queue));
    ck_assert_uint_eq(queue.count, 0);
}
END_TEST

START_TEST(current_keeps_the_cpu_until_its_quantum_is_over)
{
    struct sched_entity *current = &entities[7];

    current->rt_priority = 10;
    add(0, 10);
    ck_assert_ptr_eq(rt_pick(&queue, current), current);
    ck_assert(!rt_charge(&queue, current, 1, RR_QUANTUM_NS - 1));
    ck_assert_ptr_eq(rt_pick(&queue, current), current);
    ck_assert(rt_charge(&queue, current, 2, 1));
    ck_assert_ptr_eq(rt_pick(&queue, current), &entities[0]);
    add(1, 11);
    current->rr_left_ns = RR_QUANTUM_NS;
    ck_assert_ptr_eq(rt_pick(&queue, current), &entities[1]);
}
END_TEST

START_TEST(quantum_renews_when_alone)
{
    struct sched_entity *current = &entities[7];

    current->rt_priority = 10;
    add(0, 9);
    ck_assert(!rt_charge(&queue, current, 1, 2 * RR_QUANTUM_NS));
    ck_assert_uint_eq(current->rr_left_ns, RR_QUANTUM_NS);
}
END_TEST

START_TEST(class_is_throttled_after_its_share_of_a_period)
{
    struct sched_entity *current = &entities[7];
    uint64_t now_ns = 5000000000ull;

    current->rt_priority = 10;
    current->policy = SCHED_FIFO;
    ck_assert(!rt_throttled(&queue, now_ns));
    now_ns += RT_RUNTIME_NS;
    rt_charge(&queue, current, now_ns, RT_RUNTIME_NS);
    ck_assert(rt_throttled(&queue, now_ns));
    ck_assert(rt_throttled(&queue, now_ns + 1));
    ck_assert(!rt_throttled(&queue, now_ns + RT_PERIOD_NS));
}
END_TEST

/* ---- in a machine ---- */

struct race {
    unsigned order[8];
    unsigned next; /* atomic */
    struct wait_queue done;
};

static void racer(void *argument)
{
    struct race *race = argument;

    race->order[atomic_fetch_add_seq(&race->next, 1)] = (unsigned)this_thread()->se.rt_priority;
    wake_all(&race->done);
}

static void start_pinned(const char *name, void (*entry)(void *), void *argument, int policy,
                         int priority)
{
    struct thread *thread;

    ck_assert_int_eq(thread_create(this_kernel(), name, entry, argument, &thread), 0);
    sched_set_policy(thread, policy, priority, false);
    ck_assert_int_eq(sched_set_affinity(thread, (struct cpu_mask){1}), 0);
    thread_start(thread);
}

/* All are made runnable on CPU 0 while a thread of the highest priority keeps it. */
static void by_priority(void *argument)
{
    static const int priorities[] = {0, 5, 0, 60, 10};
    static const unsigned expected[] = {60, 10, 5, 0, 0};
    struct race *race = kzalloc(sizeof *race);

    (void)argument;
    wait_queue_init(&race->done);
    sched_set_affinity(this_thread(), (struct cpu_mask){1});
    sched_set_policy(this_thread(), SCHED_FIFO, 99, false);
    ck_assert_uint_eq(this_cpu()->id, 0);
    for (unsigned i = 0; i < 5; i++) {
        start_pinned("racer", racer, race, priorities[i] ? SCHED_FIFO : SCHED_NORMAL,
                     priorities[i]);
    }
    ck_assert_uint_eq(atomic_load_seq(&race->next), 0);
    wait_event(&race->done, atomic_load_seq(&race->next) == 5);
    for (unsigned i = 0; i < 5; i++) {
        ck_assert_uint_eq(race->order[i], expected[i]);
    }
    sched_set_policy(this_thread(), SCHED_NORMAL, 0, false);
    wait_for_threads_to_end();
    kfree(race);
}

TEST_ON_CPUS(real_time_threads_run_by_priority_and_before_fair, by_priority)

/* A woken real-time thread sets need_resched under a fair one. */
static void preempts(void *argument)
{
    struct race *race = kzalloc(sizeof *race);

    (void)argument;
    wait_queue_init(&race->done);
    sched_set_affinity(this_thread(), (struct cpu_mask){1});
    start_pinned("urgent", racer, race, SCHED_FIFO, 1);
    ck_assert(this_cpu()->need_resched);
    sched_resched_if_needed();
    ck_assert_uint_eq(atomic_load_seq(&race->next), 1);
    wait_for_threads_to_end();
    kfree(race);
}

TEST_ON_CPUS(real_time_thread_preempts_fair_one, preempts)

static void parameters(void *argument)
{
    struct thread *self = this_thread();
    struct sched_params params;
    struct thread *child;

    (void)argument;
    sched_set_nice(self, 7);
    sched_set_policy(self, SCHED_RR, 33, true);
    sched_get_params(self, &params);
    ck_assert_int_eq(params.policy, SCHED_RR);
    ck_assert_int_eq(params.rt_priority, 33);
    ck_assert_int_eq(params.nice, 7);
    ck_assert(params.reset_on_fork);
    ck_assert_uint_eq(sched_interval_ns(self), RR_QUANTUM_NS);
    ck_assert_int_eq(thread_create(this_kernel(), "child", racer, NULL, &child), 0);
    sched_inherit(child, self);
    sched_get_params(child, &params);
    ck_assert_int_eq(params.policy, SCHED_NORMAL);
    ck_assert_int_eq(params.rt_priority, 0);
    ck_assert_int_eq(params.nice, 7);
    ck_assert(!params.reset_on_fork);
    sched_set_policy(self, SCHED_BATCH, 0, false);
    sched_set_nice(self, -3);
    sched_inherit(child, self);
    sched_get_params(child, &params);
    ck_assert_int_eq(params.policy, SCHED_BATCH);
    ck_assert_int_eq(params.nice, -3);
    thread_discard(child);
    sched_set_policy(self, SCHED_NORMAL, 0, false);
    sched_set_nice(self, 0);
}

TEST_ON_CPUS(parameters_are_set_and_inherited, parameters)

static void add_tests(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, highest_priority_is_first_then_oldest);
    tcase_add_test(tcase, current_keeps_the_cpu_until_its_quantum_is_over);
    tcase_add_test(tcase, quantum_renews_when_alone);
    tcase_add_test(tcase, class_is_throttled_after_its_share_of_a_period);
    ADD_ON_CPUS(tcase, real_time_threads_run_by_priority_and_before_fair);
    ADD_ON_CPUS(tcase, real_time_thread_preempts_fair_one);
    ADD_ON_CPUS(tcase, parameters_are_set_and_inherited);
}

static Suite *suite(void)
{
    return unit_suite("rt", add_tests);
}

UNIT_MAIN(suite)
