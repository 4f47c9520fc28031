/* SPDX-License-Identifier: MIT
 *
 * Kernel contexts: switching, migration between CPUs, many of them, abandoning them at power-off.
 */
#include <string.h>

#include "tests/unit/hal-hosted/hosted_test.h"

enum { ROUNDS = 2000 };

struct coroutine {
    struct hal_context context;
    struct hal_context *back;
    unsigned calls;
    unsigned local_sum;
};

static void coroutine_main(void *argument)
{
    struct coroutine *self = argument;
    volatile unsigned char on_stack[3000]; /* a switch must keep the whole stack */

    memset((void *)on_stack, 0x5a, sizeof on_stack);
    for (;;) {
        self->calls++;
        hal_context_switch(&self->context, self->back);
        for (unsigned i = 0; i < sizeof on_stack; i += 997) {
            EXPECT(on_stack[i] == 0x5a);
        }
    }
}

static void ping_pong(void *argument)
{
    unsigned *total = argument;
    struct hal_context boot = {0};
    struct coroutine coroutines[4] = {0};

    for (unsigned i = 0; i < 4; i++) {
        coroutines[i].back = &boot;
        hal_context_init(&coroutines[i].context, fake_stack_alloc(), coroutine_main,
                         &coroutines[i]);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        hal_context_switch(&boot, &coroutines[round % 4].context);
    }
    for (unsigned i = 0; i < 4; i++) {
        *total += coroutines[i].calls;
        hal_context_destroy(&coroutines[i].context);
    }
}

START_TEST(switch_runs_each_context_where_it_left_off)
{
    unsigned total = 0;
    struct fake_kernel kernel = {.main = ping_pong, .argument = &total};

    ck_assert_int_eq(fake_kernel_run(&kernel, 1), 0);
    ck_assert_uint_eq(total, ROUNDS);
}
END_TEST

/* One context that two CPUs run in turn. */
struct migration {
    struct hal_context traveller, home[2];
    unsigned turn; /* atomic: the CPU that may run the traveller */
    unsigned rounds;
    bool failed;
};

static void traveller_main(void *argument)
{
    struct migration *migration = argument;

    for (;;) {
        unsigned cpu = hal_cpu_id();

        if (cpu != migration->rounds % 2 || fake_cpu_this()->id != cpu) {
            migration->failed = true;
        }
        migration->rounds++;
        hal_context_switch(&migration->traveller, &migration->home[cpu]);
    }
}

static void migration_take_turns(struct migration *migration, unsigned cpu)
{
    for (unsigned round = 0; round < ROUNDS / 4; round++) {
        while (__atomic_load_n(&migration->turn, __ATOMIC_ACQUIRE) != cpu) {
            hal_cpu_relax();
        }
        hal_context_switch(&migration->home[cpu], &migration->traveller);
        __atomic_store_n(&migration->turn, 1 - cpu, __ATOMIC_RELEASE);
    }
}

static void migration_cpu_main(void *argument, unsigned cpu)
{
    migration_take_turns(argument, cpu);
}

static void migration_main(void *argument)
{
    struct migration *migration = argument;

    hal_context_init(&migration->traveller, fake_stack_alloc(), traveller_main, migration);
    EXPECT(fake_cpu_start(1) == 0);
    migration_take_turns(migration, 0);
    while (__atomic_load_n(&migration->turn, __ATOMIC_ACQUIRE) != 0) {
        hal_cpu_relax();
    }
    hal_context_destroy(&migration->traveller);
}

START_TEST(context_continues_on_another_cpu)
{
    struct migration migration = {0};
    struct fake_kernel kernel = {
        .main = migration_main,
        .cpu_main = migration_cpu_main,
        .argument = &migration,
    };

    ck_assert_int_eq(fake_kernel_run(&kernel, 2), 0);
    ck_assert(!migration.failed);
    ck_assert_uint_eq(migration.rounds, ROUNDS / 4 * 2);
}
END_TEST

static void chain_main(void *argument)
{
    struct hal_context self = {0}, next;
    unsigned *depth = argument;

    if (++*depth == 20) {
        hal_power_off(7);
    }
    hal_context_init(&next, fake_stack_alloc(), chain_main, depth);
    hal_context_switch(&self, &next);
}

START_TEST(power_off_abandons_contexts_and_returns_status)
{
    unsigned depth = 0;
    struct fake_kernel kernel = {.main = chain_main, .argument = &depth};

    ck_assert_int_eq(fake_kernel_run(&kernel, 1), 7);
    ck_assert_uint_eq(depth, 20);
}
END_TEST

static void stack_reuse_main(void *argument)
{
    struct hal_context boot = {0};
    struct coroutine coroutine = {.back = &boot};
    void *stack = fake_stack_alloc();

    for (unsigned i = 0; i < 50; i++) {
        hal_context_init(&coroutine.context, stack, coroutine_main, &coroutine);
        hal_context_switch(&boot, &coroutine.context);
        hal_context_destroy(&coroutine.context);
    }
    hal_stack_unmap(stack);
    *(unsigned *)argument = coroutine.calls;
}

START_TEST(stack_of_dead_context_can_be_reused)
{
    unsigned calls = 0;
    struct fake_kernel kernel = {.main = stack_reuse_main, .argument = &calls};

    ck_assert_int_eq(fake_kernel_run(&kernel, 1), 0);
    ck_assert_uint_eq(calls, 50);
}
END_TEST

static void backtrace_main(void *argument)
{
    uint64_t frames[16];

    *(unsigned *)argument = hal_debug_backtrace(frames, 16);
}

START_TEST(backtrace_stays_on_the_stack)
{
    unsigned count = 99;
    struct fake_kernel kernel = {.main = backtrace_main, .argument = &count};

    ck_assert_int_eq(fake_kernel_run(&kernel, 1), 0);
    ck_assert_uint_le(count, 16);
}
END_TEST

HOSTED_MAIN("context", switch_runs_each_context_where_it_left_off, context_continues_on_another_cpu,
            power_off_abandons_contexts_and_returns_status, stack_of_dead_context_can_be_reused,
            backtrace_stays_on_the_stack)
