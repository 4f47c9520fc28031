/* SPDX-License-Identifier: MIT */
/*
 * Blocking, waking, yielding, starting and ending threads, on one and several CPUs
 * (kernel/sched/schedule.c, wakeup.c, thread.c, wait.c).
 */
#include "tests/unit/sched/sched_test.h"

/* ---- start and end ---- */

struct counter {
    unsigned count; /* atomic */
    struct wait_queue done;
};

static void count_and_wake(void *argument)
{
    struct counter *counter = argument;

    atomic_fetch_add_seq(&counter->count, 1);
    wake_all(&counter->done);
}

static void start_many(void *argument)
{
    struct counter *counter = kzalloc(sizeof *counter);
    unsigned total = 0;

    (void)argument;
    wait_queue_init(&counter->done);
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 10; i++) {
            kernel_fixture_thread("child", count_and_wake, counter);
            total++;
        }
        wait_event(&counter->done, atomic_load_seq(&counter->count) == total);
    }
    /* A waker may still be inside wake_all: it holds the queue's lock then. */
    wait_for_threads_to_end();
    kfree(counter);
}

TEST_ON_CPUS(threads_start_run_and_are_freed, start_many)

/* ---- ping-pong ---- */

struct pingpong {
    unsigned turn; /* atomic */
    unsigned rounds;
    struct wait_queue wait;
    struct counter *ended;
};

static void play(struct pingpong *game, unsigned me)
{
    for (unsigned i = 0; i < game->rounds; i++) {
        wait_event(&game->wait, atomic_load_acquire(&game->turn) == me);
        atomic_store_release(&game->turn, !me);
        wake_all(&game->wait);
    }
}

static void player(void *argument)
{
    struct pingpong *game = argument;

    play(game, 1);
    count_and_wake(game->ended);
}

static void ping_pong(void *argument)
{
    struct pingpong *game = kzalloc(sizeof *game);
    struct counter *ended = kzalloc(sizeof *ended);

    (void)argument;
    wait_queue_init(&game->wait);
    wait_queue_init(&ended->done);
    game->rounds = 2000;
    game->ended = ended;
    kernel_fixture_thread("player", player, game);
    play(game, 0);
    wait_event(&ended->done, atomic_load_seq(&ended->count) == 1);
    wait_for_threads_to_end();
    kfree(game);
    kfree(ended);
}

TEST_ON_CPUS(two_threads_alternate, ping_pong)

/* ---- a storm of wake-ups ---- */

enum { STORM_WAITERS = 12, STORM_TICKETS = 3000 };

struct storm {
    struct wait_queue wait;
    unsigned tickets; /* atomic: available */
    unsigned taken;   /* atomic */
    struct counter ended;
};

static bool take_ticket(struct storm *storm)
{
    unsigned have = atomic_load_seq(&storm->tickets);

    while (have > 0) {
        if (atomic_cmpxchg_seq(&storm->tickets, &have, have - 1)) {
            return true;
        }
    }
    return false;
}

static void storm_waiter(void *argument)
{
    struct storm *storm = argument;

    for (;;) {
        int error = wait_event_exclusive(&storm->wait, take_ticket(storm));

        ck_assert_int_eq(error, 0);
        if (atomic_add_fetch_seq(&storm->taken, 1) > STORM_TICKETS - STORM_WAITERS) {
            break;
        }
    }
    count_and_wake(&storm->ended);
}

static void wake_storm(void *argument)
{
    struct storm *storm = kzalloc(sizeof *storm);

    (void)argument;
    wait_queue_init(&storm->wait);
    wait_queue_init(&storm->ended.done);
    for (unsigned i = 0; i < STORM_WAITERS; i++) {
        kernel_fixture_thread("waiter", storm_waiter, storm);
    }
    for (unsigned i = 0; i < STORM_TICKETS; i++) {
        atomic_fetch_add_seq(&storm->tickets, 1);
        wake_one(&storm->wait);
        if (i % 64 == 0) {
            sched_yield_cpu();
        }
    }
    wait_event(&storm->ended.done, atomic_load_seq(&storm->ended.count) == STORM_WAITERS);
    wait_for_threads_to_end();
    kfree(storm);
}

TEST_ON_CPUS(exclusive_wakeups_are_never_lost, wake_storm)

/* ---- interrupting ---- */

struct interruptee {
    struct wait_queue wait;
    enum thread_state state;
    int result; /* atomic */
    struct counter ended;
};

static void wait_for_ever(void *argument)
{
    struct interruptee *i = argument;

    atomic_store_seq(&i->result, wait_event_state(&i->wait, false, i->state, UINT64_MAX, false));
    count_and_wake(&i->ended);
}

static void interrupt_in(enum thread_state state, bool fatal)
{
    struct interruptee *i = kzalloc(sizeof *i);
    struct thread *thread;

    wait_queue_init(&i->wait);
    wait_queue_init(&i->ended.done);
    i->state = state;
    thread = kernel_fixture_thread("interruptee", wait_for_ever, i);
    wait_until_blocked(thread);
    ck_assert_uint_eq(atomic_load_seq(&i->ended.count), 0);
    thread_interrupt(thread, fatal);
    wait_event(&i->ended.done, atomic_load_seq(&i->ended.count) == 1);
    ck_assert_int_eq(atomic_load_seq(&i->result), -ERESTARTSYS);
    wait_for_threads_to_end();
    kfree(i);
}

static void interrupts(void *argument)
{
    (void)argument;
    interrupt_in(THREAD_INTERRUPTIBLE, false);
    interrupt_in(THREAD_INTERRUPTIBLE, true);
    interrupt_in(THREAD_KILLABLE, true);
}

TEST_ON_CPUS(interrupting_ends_interruptible_and_killable_waits, interrupts)

static void not_killable(void *argument)
{
    struct interruptee *i = kzalloc(sizeof *i);
    struct thread *thread;

    (void)argument;
    wait_queue_init(&i->wait);
    wait_queue_init(&i->ended.done);
    i->state = THREAD_KILLABLE;
    thread = kernel_fixture_thread("interruptee", wait_for_ever, i);
    wait_until_blocked(thread);
    thread_interrupt(thread, false);
    kernel_fixture_sleep_ns(2000000);
    ck_assert_uint_eq(atomic_load_seq(&i->ended.count), 0);
    thread_interrupt(thread, true);
    wait_event(&i->ended.done, atomic_load_seq(&i->ended.count) == 1);
    wait_for_threads_to_end();
    kfree(i);
}

TEST_ON_CPUS(killable_wait_ignores_what_is_not_fatal, not_killable)

/* ---- deadlines ---- */

static void time_outs(void *argument)
{
    struct wait_queue never;

    (void)argument;
    wait_queue_init(&never);
    for (unsigned i = 0; i < 20; i++) {
        uint64_t deadline_ns = clock_monotonic_ns() + i * 100000;

        ck_assert_int_eq(wait_event_until(&never, false, deadline_ns), -ETIMEDOUT);
        ck_assert_uint_ge(clock_monotonic_ns(), deadline_ns);
    }
    ck_assert_int_eq(wait_event_until(&never, true, 0), 0);
    ck_assert_int_eq(wait_event_until(&never, false, 0), -ETIMEDOUT);
}

TEST_ON_CPUS(waits_time_out_and_never_early, time_outs)

/* ---- yield ---- */

struct yielders {
    unsigned order[64];
    unsigned next; /* atomic */
    struct counter ended;
};

static void yielder(void *argument)
{
    struct yielders *y = argument;

    for (unsigned i = 0; i < 16; i++) {
        y->order[atomic_fetch_add_seq(&y->next, 1)] = (unsigned)this_thread()->se.rt_priority;
        sched_yield_cpu();
    }
    count_and_wake(&y->ended);
}

static void yields(void *argument)
{
    struct yielders *y = kzalloc(sizeof *y);
    struct counter *gate = kzalloc(sizeof *gate);

    (void)argument;
    (void)gate;
    wait_queue_init(&y->ended.done);
    kernel_fixture_thread("a", yielder, y);
    kernel_fixture_thread("b", yielder, y);
    wait_event(&y->ended.done, atomic_load_seq(&y->ended.count) == 2);
    ck_assert_uint_eq(y->next, 32);
    wait_for_threads_to_end();
    kfree(gate);
    kfree(y);
}

TEST_ON_CPUS(yielding_threads_all_finish, yields)

static void add_tests(TCase *tcase)
{
    tcase_set_timeout(tcase, 60);
    ADD_ON_CPUS(tcase, threads_start_run_and_are_freed);
    ADD_ON_CPUS(tcase, two_threads_alternate);
    ADD_ON_CPUS(tcase, exclusive_wakeups_are_never_lost);
    ADD_ON_CPUS(tcase, interrupting_ends_interruptible_and_killable_waits);
    ADD_ON_CPUS(tcase, killable_wait_ignores_what_is_not_fatal);
    ADD_ON_CPUS(tcase, waits_time_out_and_never_early);
    ADD_ON_CPUS(tcase, yielding_threads_all_finish);
}

static Suite *suite(void)
{
    return unit_suite("schedule", add_tests);
}

UNIT_MAIN(suite)
