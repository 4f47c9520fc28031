/* SPDX-License-Identifier: MIT */
/*
 * Creating and discarding threads, what they account, load averages, learning where to wake
 * (kernel/sched/thread.c, schedule.c, loadavg.c, wakeup.c).
 */
#include "hal/boot.h"
#include "hal/time.h"
#include "kernel/mm/fault_injection.h"
#include "tests/unit/sched/sched_test.h"

static void nothing(void *argument)
{
    (void)argument;
}

static void out_of_memory(void *argument)
{
    struct fault_injection faults = {0};
    struct thread *thread = NULL;
    unsigned failures = 0;
    int error = -ENOMEM;

    (void)argument;
    this_kernel()->faults = &faults;
    for (faults.fail_at = 1; error < 0; faults.fail_at++) {
        sched_trim_stacks(this_kernel());
        faults.allocations = 0;
        error = thread_create(this_kernel(), "thread", nothing, NULL, &thread);
        ck_assert(error == 0 || error == -ENOMEM);
        failures += error < 0;
    }
    this_kernel()->faults = NULL;
    ck_assert_uint_ge(failures, 2); /* the thread, its stack */
    thread_discard(thread);
}

TEST_ON_CPUS(create_survives_failure_of_nth_allocation, out_of_memory)

static void fresh(void *argument)
{
    struct thread *thread;

    (void)argument;
    ck_assert_int_eq(
        thread_create(this_kernel(), "a name that is far too long", nothing, NULL, &thread), 0);
    ck_assert_int_eq(thread->state, THREAD_NEW);
    ck_assert_str_eq(thread->name, "a name that is ");
    ck_assert_ptr_nonnull(thread->cred);
    ck_assert_ptr_null(thread->mm);
    ck_assert_uint_eq(thread->affinity.bits, sched_online_mask(this_kernel()).bits);
    ck_assert(!thread_wake(thread));
    ck_assert_uint_eq(sched_cpu_time_ns(thread), 0);
    thread_discard(thread);
}

TEST_ON_CPUS(new_thread_has_defaults, fresh)

/* ---- accounting ---- */

static void burn_ns(uint64_t ns)
{
    uint64_t end_ns = sched_cpu_time_ns(this_thread()) + ns;

    while (sched_cpu_time_ns(this_thread()) < end_ns) {
        hal_cpu_relax();
    }
}

static void accounting(void *argument)
{
    struct thread *self = this_thread();
    uint64_t user_before_ns, system_before_ns, self_user_ns, self_system_ns;
    uint64_t before_ns = sched_cpu_time_ns(self);
    struct sched_cpu_usage usage;
    uint64_t user_ns = 0, system_ns = 0, idle_ns = 0;

    (void)argument;
    burn_ns(15000000);
    sched_account_ticks(false);
    ck_assert_uint_eq(this_cpu()->ticks_due, 0);
    sched_cpu_times(self, &user_before_ns, &system_before_ns);
    ck_assert_uint_ge(system_before_ns, 15000000);
    ck_assert_uint_eq(self->user_ticks, 0);
    burn_ns(10000000);
    sched_account_ticks(true);
    ck_assert_uint_ge(self->user_ticks, 1);
    sched_cpu_times(self, &self_user_ns, &self_system_ns);
    ck_assert_uint_ge(self_user_ns, 2000000); /* of 25 ms, one tick in twelve at least */
    ck_assert_uint_ge(self_system_ns, system_before_ns);
    ck_assert_uint_ge(self_user_ns + self_system_ns, before_ns + 25000000);
    kernel_fixture_sleep_ns(4000000);
    ck_assert_uint_ge(sched_cpu_time_ns(self), before_ns + 25000000);
    ck_assert_uint_gt(self->voluntary_switches, 0);
    for (unsigned cpu = 0; cpu < this_kernel()->cpu_count; cpu++) {
        sched_cpu_usage(this_kernel(), cpu, &usage);
        user_ns += usage.user_ns;
        system_ns += usage.system_ns;
        idle_ns += usage.idle_ns;
    }
    ck_assert_uint_ge(user_ns, 4000000);
    ck_assert_uint_ge(system_ns, 4000000);
    ck_assert_uint_ge(idle_ns, 3000000); /* it slept for four */
}

TEST_ON_CPUS(time_is_accounted_to_user_system_and_idle, accounting)

/* Masked interrupts are as good as a host that runs something else: no tick comes. */
static void stolen(void *argument)
{
    struct thread *self = this_thread();
    uint64_t before_ns = sched_cpu_time_ns(self), end_ns = hal_time_monotonic_ns() + 30000000;
    bool irq = hal_irq_save();

    (void)argument;
    while (hal_time_monotonic_ns() < end_ns) {
        hal_cpu_relax();
    }
    uint64_t used_ns = sched_cpu_time_ns(self) - before_ns;
    uint64_t stolen_ns = this_cpu()->stolen_ns;
    hal_irq_restore(irq);
    ck_assert_uint_le(used_ns, 6100000); /* to the next tick, and as late as a tick may be */
    ck_assert_uint_ge(stolen_ns, 23900000);
    burn_ns(10000000); /* and on it goes */
}

TEST_ON_CPUS(time_that_the_host_took_is_nobodys, stolen)

static void loads(void *argument)
{
    uint64_t load[3];

    (void)argument;
    sched_load_average(this_kernel(), load);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_le(load[i], 4 << 16);
    }
    ck_assert_uint_ge(sched_runnable_count(this_kernel()), 1);
}

TEST_ON_CPUS(load_average_is_small_after_boot, loads)

/* ---- where to wake ---- */

struct pair {
    struct wait_queue to, from;
    unsigned asked, answered; /* atomic */
    unsigned stop;            /* atomic */
    unsigned elsewhere;       /* atomic: answers from another CPU than 0 */
    unsigned ended;           /* atomic */
};

static void answerer(void *argument)
{
    struct pair *pair = argument;

    for (;;) {
        wait_event(&pair->to, atomic_load_seq(&pair->asked) != atomic_load_seq(&pair->answered) ||
                                  atomic_load_seq(&pair->stop));
        if (atomic_load_seq(&pair->stop)) {
            break;
        }
        if (this_cpu()->id != 0) {
            atomic_fetch_add_seq(&pair->elsewhere, 1);
        }
        atomic_fetch_add_seq(&pair->answered, 1);
        wake_all(&pair->from);
    }
    atomic_store_seq(&pair->ended, 1);
}

static void ask(struct pair *pair, uint64_t busy_ns)
{
    unsigned number = atomic_add_fetch_seq(&pair->asked, 1);

    wake_all(&pair->to);
    if (busy_ns > 0) {
        burn_ns(busy_ns);
    }
    wait_event(&pair->from, atomic_load_seq(&pair->answered) == number);
}

static void learning(void *argument)
{
    struct pair *pair = kzalloc(sizeof *pair);
    struct thread *self = this_thread();

    (void)argument;
    wait_queue_init(&pair->to);
    wait_queue_init(&pair->from);
    sched_set_affinity(self, (struct cpu_mask){1});
    kernel_fixture_thread("answerer", answerer, pair);
    kernel_fixture_sleep_ns(1000000);
    for (unsigned i = 0; i < 50; i++) {
        ask(pair, 0);
    }
    atomic_store_seq(&pair->elsewhere, 0);
    for (unsigned i = 0; i < 20; i++) {
        ask(pair, 300000); /* does not block: the other must not have to wait for us */
    }
    if (this_kernel()->cpu_count > 1) {
        ck_assert_uint_ge(atomic_load_seq(&pair->elsewhere), 10);
    }
    atomic_store_seq(&pair->stop, 1);
    wake_all(&pair->to);
    while (!atomic_load_seq(&pair->ended)) {
        kernel_fixture_sleep_ns(100000);
    }
    wait_for_threads_to_end();
    kfree(pair);
}

TEST_ON_CPUS(busy_waker_learns_to_wake_onto_other_cpus, learning)

static void add_tests(TCase *tcase)
{
    tcase_set_timeout(tcase, 60);
    ADD_ON_CPUS(tcase, create_survives_failure_of_nth_allocation);
    ADD_ON_CPUS(tcase, new_thread_has_defaults);
    ADD_ON_CPUS(tcase, time_is_accounted_to_user_system_and_idle);
    ADD_ON_CPUS(tcase, time_that_the_host_took_is_nobodys);
    ADD_ON_CPUS(tcase, load_average_is_small_after_boot);
    ADD_ON_CPUS(tcase, busy_waker_learns_to_wake_onto_other_cpus);
}

static Suite *suite(void)
{
    return unit_suite("thread", add_tests);
}

UNIT_MAIN(suite)
