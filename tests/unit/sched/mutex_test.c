/* SPDX-License-Identifier: MIT */
/*
 * Sleeping locks under contention (kernel/sched/mutex.c, rwlock.c), and what debug builds catch.
 */
#include "hal-hosted/machine.h"
#include "tests/unit/sched/sched_test.h"
#include "tests/unit/support/test_machine.h"

enum { WORKERS = 6, ROUNDS = 400 };

struct shared {
    struct mutex mutex;
    struct rwlock rwlock;
    uint64_t a, b;         /* plain: equal whenever nobody writes */
    unsigned ended;        /* atomic */
    struct wait_queue done;
};

static struct shared *shared_create(void)
{
    struct shared *shared = kzalloc(sizeof *shared);

    mutex_init(&shared->mutex, LOCK_RANK_INODE);
    rwlock_init(&shared->rwlock, LOCK_RANK_MM);
    wait_queue_init(&shared->done);
    return shared;
}

static void run_workers(void (*worker)(void *), struct shared *shared)
{
    for (unsigned i = 0; i < WORKERS; i++) {
        kernel_fixture_thread("worker", worker, shared);
    }
    wait_event(&shared->done, atomic_load_seq(&shared->ended) == WORKERS);
    wait_for_threads_to_end();
}

static void worker_ends(struct shared *shared)
{
    atomic_fetch_add_seq(&shared->ended, 1);
    wake_all(&shared->done);
}

static void mutex_worker(void *argument)
{
    struct shared *shared = argument;

    for (unsigned i = 0; i < ROUNDS; i++) {
        if (i % 5 == 0) {
            while (!mutex_trylock(&shared->mutex)) {
                sched_yield_cpu();
            }
        } else if (i % 5 == 1) {
            ck_assert_int_eq(mutex_lock_interruptible(&shared->mutex), 0);
        } else {
            mutex_lock(&shared->mutex);
        }
        ck_assert(mutex_is_held(&shared->mutex));
        shared->a++;
        if (i % 16 == 0) {
            sched_yield_cpu();
        }
        shared->b++;
        ck_assert_uint_eq(shared->a, shared->b);
        mutex_unlock(&shared->mutex);
    }
    worker_ends(shared);
}

static void mutex_torture(void *argument)
{
    struct shared *shared = shared_create();

    (void)argument;
    run_workers(mutex_worker, shared);
    ck_assert_uint_eq(shared->a, WORKERS * ROUNDS);
    kfree(shared);
}

TEST_ON_CPUS(mutex_excludes, mutex_torture)

static void rwlock_worker(void *argument)
{
    struct shared *shared = argument;

    for (unsigned i = 0; i < ROUNDS; i++) {
        if (i % 4 == 0) {
            rwlock_write_lock(&shared->rwlock);
            shared->a++;
            if (i % 16 == 0) {
                sched_yield_cpu();
            }
            shared->b++;
            rwlock_write_unlock(&shared->rwlock);
        } else {
            rwlock_read_lock(&shared->rwlock);
            ck_assert_uint_eq(shared->a, shared->b);
            if (i % 16 == 1) {
                sched_yield_cpu();
            }
            rwlock_read_unlock(&shared->rwlock);
        }
    }
    worker_ends(shared);
}

static void rwlock_torture(void *argument)
{
    struct shared *shared = shared_create();

    (void)argument;
    run_workers(rwlock_worker, shared);
    ck_assert_uint_eq(shared->a, WORKERS * ROUNDS / 4);
    kfree(shared);
}

TEST_ON_CPUS(rwlock_excludes_writers, rwlock_torture)

static void read_then_end(void *argument)
{
    struct shared *shared = argument;

    rwlock_read_lock(&shared->rwlock);
    worker_ends(shared);
    rwlock_read_unlock(&shared->rwlock);
}

static void readers_share(void *argument)
{
    struct shared *shared = shared_create();

    (void)argument;
    rwlock_read_lock(&shared->rwlock);
    run_workers(read_then_end, shared);
    rwlock_read_unlock(&shared->rwlock);
    kfree(shared);
}

TEST_ON_CPUS(readers_share_the_lock, readers_share)

static void lock_interruptibly(void *argument)
{
    struct shared *shared = argument;

    ck_assert_int_eq(mutex_lock_interruptible(&shared->mutex), -ERESTARTSYS);
    worker_ends(shared);
}

static void interrupted(void *argument)
{
    struct shared *shared = shared_create();
    struct thread *thread;

    (void)argument;
    mutex_lock(&shared->mutex);
    thread = kernel_fixture_thread("waiter", lock_interruptibly, shared);
    wait_until_blocked(thread);
    thread_interrupt(thread, false);
    wait_event(&shared->done, atomic_load_seq(&shared->ended) == 1);
    mutex_unlock(&shared->mutex);
    wait_for_threads_to_end();
    kfree(shared);
}

TEST_ON_CPUS(waiting_for_a_mutex_can_be_interrupted, interrupted)

/* ---- debug builds: a crash is the right answer ---- */

static void invert_mutexes(void *argument)
{
    struct mutex low, high;

    (void)argument;
    mutex_init(&low, LOCK_RANK_INODE_DIR);
    mutex_init(&high, LOCK_RANK_INODE);
    mutex_lock(&high);
    mutex_lock(&low);
}

static void same_rank_twice(void *argument)
{
    struct mutex a, b;

    (void)argument;
    mutex_init(&a, LOCK_RANK_PIPE);
    mutex_init(&b, LOCK_RANK_PIPE);
    mutex_lock(&a);
    mutex_lock(&b);
}

static void mutex_under_spinlock(void *argument)
{
    struct spinlock spin;
    struct mutex mutex;

    (void)argument;
    spin_lock_init(&spin, LOCK_RANK_OBJECT);
    mutex_init(&mutex, LOCK_RANK_INODE);
    spin_lock(&spin);
    mutex_lock(&mutex);
}

static void relock(void *argument)
{
    struct mutex mutex;

    (void)argument;
    mutex_init(&mutex, LOCK_RANK_INODE);
    mutex_lock(&mutex);
    mutex_lock(&mutex);
}

static void block_under_spinlock(void *argument)
{
    struct spinlock spin;

    (void)argument;
    spin_lock_init(&spin, LOCK_RANK_OBJECT);
    spin_lock(&spin);
    kernel_fixture_sleep_ns(1000);
}

static void (*const mistakes[])(void *) = {
    invert_mutexes, same_rank_twice, mutex_under_spinlock, relock, block_under_spinlock,
};

START_TEST(mistake_is_caught_in_debug_builds)
{
    if (ASSAY_DEBUG) {
        ck_assert_int_eq(test_machine_run(mistakes[_i], NULL, 1), MACHINE_CRASHED);
    }
}
END_TEST

static void nested(void *argument)
{
    struct mutex a, b;

    (void)argument;
    mutex_init(&a, LOCK_RANK_PIPE);
    mutex_init(&b, LOCK_RANK_PIPE);
    mutex_lock(&a);
    mutex_lock_nested(&b);
    mutex_unlock(&a);
    ck_assert(mutex_trylock(&a)); /* what cannot wait may come in any order */
    mutex_unlock(&a);
    mutex_unlock(&b);
}

TEST_ON_CPUS(nested_locks_of_one_rank_are_allowed_on_request, nested)

static void add_tests(TCase *tcase)
{
    tcase_set_timeout(tcase, 60);
    ADD_ON_CPUS(tcase, mutex_excludes);
    ADD_ON_CPUS(tcase, rwlock_excludes_writers);
    ADD_ON_CPUS(tcase, readers_share_the_lock);
    ADD_ON_CPUS(tcase, waiting_for_a_mutex_can_be_interrupted);
    ADD_ON_CPUS(tcase, nested_locks_of_one_rank_are_allowed_on_request);
    tcase_add_loop_test(tcase, mistake_is_caught_in_debug_builds, 0,
                        (int)(sizeof mistakes / sizeof mistakes[0]));
}

static Suite *suite(void)
{
    return unit_suite("mutex", add_tests);
}

UNIT_MAIN(suite)
