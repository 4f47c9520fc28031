/* SPDX-License-Identifier: MIT */
/*
 * Wait queues: who is woken, callbacks, keys (kernel/sched/wait.c).
 */
#include "tests/unit/sched/sched_test.h"

struct callback {
    struct wait_entry entry;
    unsigned calls;
    uint32_t key;
    bool consumes;
};

static bool on_wake(struct wait_entry *entry, uint32_t key)
{
    struct callback *callback = container_of(entry, struct callback, entry);

    callback->calls++;
    callback->key = key;
    return callback->consumes;
}

static void add_callback(struct wait_queue *queue, struct callback *callback, bool exclusive,
                         bool consumes)
{
    *callback = (struct callback){.consumes = consumes};
    wait_entry_init_callback(&callback->entry, on_wake);
    callback->entry.exclusive = exclusive;
    wait_queue_add(queue, &callback->entry);
}

static void callbacks(void *argument)
{
    struct wait_queue queue;
    struct callback a, b;

    (void)argument;
    wait_queue_init(&queue);
    ck_assert(!wait_queue_has_waiters(&queue));
    wake_all(&queue);
    add_callback(&queue, &a, false, false);
    add_callback(&queue, &b, false, true);
    ck_assert(wait_queue_has_waiters(&queue));
    wait_queue_add(&queue, &a.entry); /* idempotent */
    wait_queue_wake(&queue, 1, 0x14);
    ck_assert_uint_eq(a.calls, 1);
    ck_assert_uint_eq(a.key, 0x14);
    ck_assert_uint_eq(b.calls, 1);
    wait_queue_remove(&a.entry);
    wait_queue_remove(&a.entry);
    wake_all(&queue);
    ck_assert_uint_eq(a.calls, 1);
    ck_assert_uint_eq(b.calls, 2);
    wait_queue_remove(&b.entry);
    ck_assert(!wait_queue_has_waiters(&queue));
}

TEST_ON_CPUS(callbacks_get_the_key_until_removed, callbacks)

static void exclusive(void *argument)
{
    struct wait_queue queue;
    struct callback shared, refuses, first, second;

    (void)argument;
    wait_queue_init(&queue);
    add_callback(&queue, &refuses, true, false);
    add_callback(&queue, &first, true, true);
    add_callback(&queue, &second, true, true);
    add_callback(&queue, &shared, false, true);
    wake_one(&queue);
    ck_assert_uint_eq(shared.calls, 1); /* not exclusive: always */
    ck_assert_uint_eq(refuses.calls, 1);
    ck_assert_uint_eq(first.calls, 1); /* took over from the one that refused */
    ck_assert_uint_eq(second.calls, 0);
    wait_queue_wake(&queue, 2, 0);
    ck_assert_uint_eq(first.calls, 2);
    ck_assert_uint_eq(second.calls, 1);
    wake_all(&queue);
    ck_assert_uint_eq(second.calls, 2);
    wait_queue_remove(&shared.entry);
    wait_queue_remove(&refuses.entry);
    wait_queue_remove(&first.entry);
    wait_queue_remove(&second.entry);
}

TEST_ON_CPUS(exclusive_wakeup_goes_to_the_first_that_takes_it, exclusive)

struct sleepers {
    struct wait_queue queue;
    unsigned go;    /* atomic */
    unsigned woken; /* atomic */
    unsigned ended; /* atomic */
};

static void sleeper(void *argument)
{
    struct sleepers *sleepers = argument;
    struct wait_entry entry;

    wait_entry_init(&entry);
    entry.exclusive = true;
    wait_queue_add(&sleepers->queue, &entry);
    for (;;) {
        sched_prepare_block(THREAD_INTERRUPTIBLE);
        if (atomic_load_seq(&sleepers->go)) {
            break;
        }
        sched_block();
        atomic_fetch_add_seq(&sleepers->woken, 1);
    }
    sched_finish_block();
    wait_queue_remove(&entry);
    atomic_fetch_add_seq(&sleepers->ended, 1);
}

static void wake_some(void *argument)
{
    struct sleepers *sleepers = kzalloc(sizeof *sleepers);
    struct thread *threads[5];

    (void)argument;
    wait_queue_init(&sleepers->queue);
    for (unsigned i = 0; i < 5; i++) {
        threads[i] = kernel_fixture_thread("sleeper", sleeper, sleepers);
        wait_until_blocked(threads[i]);
    }
    for (unsigned n = 1; n <= 3; n++) {
        unsigned before = atomic_load_seq(&sleepers->woken);

        wait_queue_wake(&sleepers->queue, n, 0);
        for (unsigned i = 0; i < 5; i++) {
            wait_until_blocked(threads[i]);
        }
        ck_assert_uint_eq(atomic_load_seq(&sleepers->woken), before + n);
    }
    atomic_store_seq(&sleepers->go, 1);
    wake_all(&sleepers->queue);
    while (atomic_load_seq(&sleepers->ended) < 5) {
        kernel_fixture_sleep_ns(100000);
    }
    wait_for_threads_to_end();
    kfree(sleepers);
}

TEST_ON_CPUS(wake_wakes_as_many_exclusive_waiters_as_asked, wake_some)

/* A wake-up between prepare and block: block returns at once. */
static void early(void *argument)
{
    (void)argument;
    sched_prepare_block(THREAD_UNINTERRUPTIBLE);
    ck_assert(thread_wake(this_thread()));
    sched_block();
    ck_assert_int_eq(this_thread()->state, THREAD_RUNNABLE);
    ck_assert(!thread_wake(this_thread()));
    sched_prepare_block(THREAD_STOPPED);
    ck_assert(!thread_wake(this_thread()));
    ck_assert(thread_wake_state(this_thread(), 1 << THREAD_STOPPED));
    sched_block();
    sched_finish_block();
}

TEST_ON_CPUS(wakeup_before_blocking_is_kept, early)

static void interrupted_first(void *argument)
{
    struct wait_queue queue;

    (void)argument;
    wait_queue_init(&queue);
    thread_interrupt(this_thread(), false);
    ck_assert_int_eq(wait_event_interruptible(&queue, false), -ERESTARTSYS);
    ck_assert_int_eq(wait_event_interruptible(&queue, true), 0);
    ck_assert_int_eq(wait_interrupted(THREAD_UNINTERRUPTIBLE), 0);
    ck_assert_int_eq(wait_interrupted(THREAD_KILLABLE), 0);
    thread_clear_interrupt(this_thread());
    ck_assert_int_eq(wait_interrupted(THREAD_INTERRUPTIBLE), 0);
}

TEST_ON_CPUS(pending_interrupt_ends_a_wait_before_it_begins, interrupted_first)

static void add_tests(TCase *tcase)
{
    tcase_set_timeout(tcase, 60);
    ADD_ON_CPUS(tcase, callbacks_get_the_key_until_removed);
    ADD_ON_CPUS(tcase, exclusive_wakeup_goes_to_the_first_that_takes_it);
    ADD_ON_CPUS(tcase, wake_wakes_as_many_exclusive_waiters_as_asked);
    ADD_ON_CPUS(tcase, wakeup_before_blocking_is_kept);
    ADD_ON_CPUS(tcase, pending_interrupt_ends_a_wait_before_it_begins);
}

static Suite *suite(void)
{
    return unit_suite("wait", add_tests);
}

UNIT_MAIN(suite)
