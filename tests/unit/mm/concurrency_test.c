/* SPDX-License-Identifier: MIT */
/*
 * kernel/mm under several CPUs: faults, unmaps, forks and truncations of the same memory at the
 * same time. Interesting mostly under ThreadSanitizer and AddressSanitizer.
 */
#include "tests/unit/mm/mm_fixture.h"

#include "kernel/mm/shared_anon.h"
#include "kernel/sched/sched.h"

enum { WORKERS = 4, ROUNDS = 150, AREA_PAGES = 96 };
#define BASE 0x10000000ull

struct shared {
    struct mm *mm;
    unsigned running; /* atomic */
    unsigned errors;  /* atomic */
    uint64_t object;  /* address of shared anonymous memory */
};

struct worker {
    struct shared *shared;
    unsigned index;
    void (*step)(struct worker *worker, struct prng *prng);
};

static void worker_main(void *argument)
{
    struct worker *worker = argument;
    struct prng prng;
    prng_seed(&prng, worker->index + 1);
    this_thread()->mm = worker->shared->mm;
    thread_set_aspace(worker->shared->mm->aspace);
    for (unsigned round = 0; round < ROUNDS; round++) {
        worker->step(worker, &prng);
        if (round % 8 == 0)
            sched_yield_cpu();
    }
    thread_set_aspace(NULL);
    this_thread()->mm = NULL;
    atomic_fetch_sub_release(&worker->shared->running, 1);
    thread_exit();
}

static void run_workers(struct shared *shared,
                        void (*step)(struct worker *worker, struct prng *prng))
{
    struct worker workers[WORKERS];
    shared->running = WORKERS;
    for (unsigned i = 0; i < WORKERS; i++) {
        struct thread *thread;
        workers[i] = (struct worker){shared, i, step};
        ck_assert_int_eq(thread_create(this_kernel(), "worker", worker_main, &workers[i], &thread),
                         0);
        thread_start(thread);
    }
    while (atomic_load_acquire(&shared->running))
        sched_yield_cpu();
    ck_assert_uint_eq(shared->errors, 0);
}

static void expect(struct worker *worker, bool condition)
{
    if (!condition)
        atomic_fetch_add_relaxed(&worker->shared->errors, 1);
}

/* Each worker owns one word of each page and writes it; nobody's value may be lost. */
static void step_fault(struct worker *worker, struct prng *prng)
{
    uint64_t at = BASE + prng_below(prng, AREA_PAGES) * PAGE_SIZE + worker->index * 4;
    uint32_t value;
    expect(worker, get_user_u32(&value, at) == 0 && (value == 0 || value == worker->index + 1));
    expect(worker, put_user_u32(at, worker->index + 1) == 0);
    expect(worker, get_user_u32(&value, at) == 0 && value == worker->index + 1);
}

static void body_fault(void *argument)
{
    (void)argument;
    struct shared shared = {.mm = begin_mm()};
    map_anon(shared.mm, BASE, AREA_PAGES * PAGE_SIZE, RW);
    run_workers(&shared, step_fault);
    end_mm(shared.mm);
}

/* The same while the area is forked, protected and partly dropped: values may become 0 by the
 * drops, never another worker's. */
static void step_churn(struct worker *worker, struct prng *prng)
{
    struct mm *mm = worker->shared->mm, *child;
    uint64_t page = BASE + prng_below(prng, AREA_PAGES) * PAGE_SIZE, addr;
    uint32_t value = 0;
    switch (prng_below(prng, 12)) {
    case 0:
        if (mm_fork(mm, &child) == 0) {
            int64_t got =
                mm_access_remote(child, page + worker->index * 4, &value, 4, false, false);
            expect(worker, got < 0 || value == 0 || value == worker->index + 1);
            mm_put(child);
        }
        break;
    case 1:
        mm_advise(mm, page, 4 * PAGE_SIZE, MADV_DONTNEED);
        break;
    case 2:
        mm_protect(mm, page, 2 * PAGE_SIZE, VMA_READ);
        mm_protect(mm, page, 2 * PAGE_SIZE, VMA_READ | VMA_WRITE);
        break;
    case 3:
        addr = map_anon(mm, 0, 8 * PAGE_SIZE, RW);
        expect(worker, put_user_u32(addr, 1) == 0);
        expect(worker, mm_unmap(mm, addr, 8 * PAGE_SIZE) == 0);
        break;
    case 4:
        mm_advise(mm, worker->shared->object, 4 * PAGE_SIZE, MADV_REMOVE);
        break;
    default:
        put_user_u32(page + worker->index * 4, worker->index + 1);
        if (get_user_u32(&value, page + worker->index * 4) == 0)
            expect(worker, value == 0 || value == worker->index + 1);
        put_user_u32(worker->shared->object + prng_below(prng, 8) * PAGE_SIZE, 1);
    }
}

static void body_churn(void *argument)
{
    (void)argument;
    struct shared shared = {.mm = begin_mm()};
    const struct mm_map_request request = {
        .bytes = 8 * PAGE_SIZE,
        .vma_flags = RW | VMA_SHARED,
    };
    map_anon(shared.mm, BASE, (AREA_PAGES + 8) * PAGE_SIZE, RW);
    ck_assert_int_eq(mm_map(shared.mm, &request, &shared.object), 0);
    run_workers(&shared, step_churn);
    end_mm(shared.mm);
    page_check(this_kernel());
}

/* Objects and pages allocated on one CPU and freed on another. */
static void step_allocate(struct worker *worker, struct prng *prng)
{
    void *objects[32] = {0};
    for (unsigned i = 0; i < 64; i++) {
        unsigned slot = (unsigned)prng_below(prng, 32);
        if (objects[slot]) {
            expect(worker, *(unsigned *)objects[slot] == worker->index);
            kfree(objects[slot]);
            objects[slot] = NULL;
        } else if ((objects[slot] = kmalloc(8 + (size_t)prng_below(prng, 6000)))) {
            *(unsigned *)objects[slot] = worker->index;
        }
        if (i % 16 == 0)
            sched_yield_cpu();
    }
    for (unsigned i = 0; i < 32; i++)
        kfree(objects[i]);
}

static void body_allocate(void *argument)
{
    (void)argument;
    struct shared shared = {.mm = begin_mm()};
    uint64_t live = slab_live_objects(this_kernel());
    run_workers(&shared, step_allocate);
    /* The workers' threads themselves may not be quite gone. */
    ck_assert_uint_le(slab_live_objects(this_kernel()), live + 2 * WORKERS);
    end_mm(shared.mm);
    page_check(this_kernel());
}

START_TEST(parallel_faults_lose_no_write)
{
    ck_assert_int_eq(test_machine_run(body_fault, NULL, (unsigned)_i), 0);
}
END_TEST

START_TEST(parallel_changes_keep_the_address_space_consistent)
{
    ck_assert_int_eq(test_machine_run(body_churn, NULL, (unsigned)_i), 0);
}
END_TEST

START_TEST(parallel_allocations_keep_the_allocators_consistent)
{
    ck_assert_int_eq(test_machine_run(body_allocate, NULL, (unsigned)_i), 0);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, parallel_faults_lose_no_write, 1, 4);
    tcase_add_loop_test(tcase, parallel_changes_keep_the_address_space_consistent, 1, 4);
    tcase_add_loop_test(tcase, parallel_allocations_keep_the_allocators_consistent, 1, 4);
}

static Suite *suite(void)
{
    return unit_suite("mm/concurrency", add_tests);
}

UNIT_MAIN(suite)
