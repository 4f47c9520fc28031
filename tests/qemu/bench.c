/* SPDX-License-Identifier: MIT
 *
 * What the hot paths of the backend cost, in nanoseconds each; only with "bench" on the command
 * line.
 */
#include "tests/qemu/fake_kernel.h"

extern const char user_syscall[], user_read[], user_x87[];

enum { ROUNDS = 20000, BASE = 0x10000000 };

static void report(const char *name, uint64_t start, unsigned rounds)
{
    uint64_t ns = (hal_time_monotonic_ns() - start) / rounds;
    char text[24];
    unsigned at = sizeof text - 1;
    text[at] = 0;
    text[--at] = '\n';
    do
        text[--at] = (char)('0' + ns % 10);
    while (ns /= 10);
    print(name);
    print(text + at);
}

static struct hal_context one, two;

static void bounce(void *unused)
{
    (void)unused;
    for (;;)
        hal_context_switch(&two, &one);
}

static void bench_kernel(void)
{
    uint64_t start = hal_time_monotonic_ns();
    for (unsigned i = 0; i < ROUNDS; i++)
        hal_time_monotonic_ns();
    report("clock          ", start, ROUNDS);

    start = hal_time_monotonic_ns();
    for (unsigned i = 0; i < ROUNDS; i++)
        hal_irq_restore(hal_irq_save());
    report("mask, unmask   ", start, ROUNDS);

    hal_context_init(&two, hal_stack_map(pages_alloc(4)), bounce, NULL);
    hal_irq_disable();
    start = hal_time_monotonic_ns();
    for (unsigned i = 0; i < ROUNDS; i++)
        hal_context_switch(&one, &two);
    report("switch twice   ", start, ROUNDS);
    start = hal_time_monotonic_ns();
    for (unsigned i = 0; i < ROUNDS; i++)
        hal_timer_arm(hal_time_monotonic_ns() + 1000000000);
    report("arm later      ", start, ROUNDS);
    start = hal_time_monotonic_ns();
    for (unsigned i = 0; i < 1000; i++)
        hal_timer_arm(hal_time_monotonic_ns() + 1000000000 - i * 100000);
    report("arm sooner     ", start, 1000);
    hal_timer_arm(UINT64_MAX);
    hal_irq_enable();

    start = hal_time_monotonic_ns();
    for (unsigned i = 0; i < 1000; i++)
        hal_cpu_send_ipi(0);
    report("own IPI        ", start, 1000);

    char *a = page_address(pages_alloc(2)), *b = a + 4096;
    start = hal_time_monotonic_ns();
    for (unsigned i = 0; i < 2000; i++)
        memcpy(a, b, 4096);
    report("copy 4 KiB     ", start, 2000);
    start = hal_time_monotonic_ns();
    for (unsigned i = 0; i < 2000; i++)
        memset(a, 0, 4096);
    report("clear 4 KiB    ", start, 2000);
    start = hal_time_monotonic_ns();
    for (unsigned i = 0; i < ROUNDS; i++)
        memcpy(a, b, 24);
    report("copy 24        ", start, ROUNDS);
}

static void bench_user_stops(void)
{
    struct user *user = user_create(user_syscall);
    struct hal_fault fault;
    user_run(user, &fault);
    uint64_t start = hal_time_monotonic_ns();
    for (unsigned i = 0; i < ROUNDS; i++)
        hal_user_run(&user->hal, &fault);
    report("syscall        ", start, ROUNDS);

    start = hal_time_monotonic_ns();
    for (unsigned i = 0; i < ROUNDS; i++)
        user->hal.regs.rcx = 0, hal_user_run(&user->hal, &fault);
    report("syscall, iret  ", start, ROUNDS);

    user_enter(user, user_read);
    start = hal_time_monotonic_ns();
    for (unsigned i = 0; i < ROUNDS; i++)
        hal_user_run(&user->hal, &fault);
    report("fault          ", start, ROUNDS);

    uint64_t frame = page_alloc();
    start = hal_time_monotonic_ns();
    for (unsigned i = 0; i < ROUNDS; i++) {
        hal_aspace_map(user->aspace, BASE, frame, 1, HAL_PROT_READ | HAL_PROT_WRITE);
        hal_aspace_unmap(user->aspace, BASE, 1);
        hal_aspace_flush(user->aspace);
    }
    report("map, unmap     ", start, ROUNDS);

    char buffer[4096];
    start = hal_time_monotonic_ns();
    for (unsigned i = 0; i < 2000; i++)
        hal_copy_from_user(buffer, USER_DATA, 4096);
    report("copy_from 4 KiB ", start, 2000);
    start = hal_time_monotonic_ns();
    for (unsigned i = 0; i < ROUNDS; i++)
        hal_copy_to_user(USER_DATA, buffer, 16);
    report("copy_to 16     ", start, ROUNDS);
    hal_copy_to_user(USER_DATA, "/usr/lib/x86_64/libc.so", 24);
    start = hal_time_monotonic_ns();
    for (unsigned i = 0; i < ROUNDS; i++)
        hal_copy_string_from_user(buffer, USER_DATA, 4096);
    report("string of 24   ", start, ROUNDS);

    user_destroy(user);
}

static void bench_user_switches(void)
{
    struct user *user = user_create(user_syscall), *other = user_create(user_syscall);
    struct hal_fault fault;
    uint64_t frame = page_alloc();
    uint64_t start = hal_time_monotonic_ns();
    for (unsigned i = 0; i < 2000; i++) {
        user_run(user, &fault);
        user_run(other, &fault);
    }
    report("two tasks      ", start, 2000);
    start = hal_time_monotonic_ns();
    for (unsigned i = 0; i < 2000; i++) {
        user_run(user, &fault);
        hal_user_fpu_changed(&user->hal);
    }
    report("FP load        ", start, 2000);
    start = hal_time_monotonic_ns();
    for (unsigned i = 0; i < 2000; i++) {
        user_run(user, &fault);
        hal_user_fpu_sync(&user->hal);
    }
    report("FP save        ", start, 2000);
    hal_irq_disable();
    start = hal_time_monotonic_ns();
    for (unsigned i = 0; i < 2000; i++) {
        hal_aspace_activate(user->aspace);
        hal_aspace_activate(other->aspace);
    }
    report("activate twice ", start, 2000);
    hal_irq_enable();
    start = hal_time_monotonic_ns();
    for (unsigned i = 0; i < 1000; i++) {
        struct hal_aspace *aspace;
        hal_aspace_create(&aspace);
        hal_aspace_map(aspace, BASE, frame, 1, HAL_PROT_READ);
        hal_aspace_map(aspace, 0x7ffff0000000, frame, 1, HAL_PROT_READ);
        hal_aspace_destroy(aspace);
    }
    report("address space  ", start, 1000);
    user_destroy(user);
    user_destroy(other);
}

void bench(void)
{
    bench_kernel();
    bench_user_stops();
    bench_user_switches();
    hal_power_off(0);
}
