/* SPDX-License-Identifier: MIT
 *
 * What an engine's basic operations cost, in microseconds: a null system call, a page fault, the
 * life of an address space; with the lane on a CPU of its own and on the vCPU's. A report, not a
 * test: nothing fails by being slow.
 */
#include <sched.h>

#include "hal/kernel_on.h"
#include "tests/unit/engine/engine_harness.h"

/* Every page of these guests is their own. */
int kernel_on_patch_page(uint64_t uaddr)
{
    (void)uaddr;
    return 0;
}

GUEST_PROGRAM(null_call, "nop\n1: mov $39, %eax\nsyscall\njmp 1b");
GUEST_PROGRAM(walk, "mov %rsi, %rcx\n1: mov (%rdi), %al\nadd $4096, %rdi\ndec %rcx\njnz 1b\n"
                    "mov $1, %eax\nsyscall");
GUEST_PROGRAM(idle_loop, "1: pause\njmp 1b");

static double since_us(uint64_t start_ns, unsigned count)
{
    return (double)(hal_time_monotonic_ns() - start_ns) / 1e3 / count;
}

static void null_call_report(void)
{
    enum { WARM = 2000, COUNT = 100000 };
    struct guest guest;
    uint64_t start;

    guest_create(&guest, null_call, null_call_end);
    for (unsigned i = 0; i < WARM; i++) {
        expect_syscall(&guest, 39);
    }
    start = hal_time_monotonic_ns();
    for (unsigned i = 0; i < COUNT; i++) {
        expect_syscall(&guest, 39);
    }
    printf("  null system call            %8.2f\n", since_us(start, COUNT));
    guest_destroy(&guest);
}

/* Two guests in turn, as in a ping-pong. */
static void switch_report(void)
{
    enum { COUNT = 20000 };
    struct guest guests[2];
    uint64_t start;

    guest_create(&guests[0], null_call, null_call_end);
    guest_create(&guests[1], null_call, null_call_end);
    start = hal_time_monotonic_ns();
    for (unsigned i = 0; i < COUNT; i++) {
        hal_aspace_activate(guests[i % 2].aspace);
        expect_syscall(&guests[i % 2], 39);
    }
    printf("  the same, two guests in turn%8.2f\n", since_us(start, COUNT));
    guest_destroy(&guests[0]);
    guest_destroy(&guests[1]);
}

static void fault_report(void)
{
    enum { COUNT = 2000, STRIDE = 16 };
    const uint64_t base = 0x20000000;
    struct guest guest;
    uint64_t start, frame = page_alloc(1);

    guest_create(&guest, walk, walk_end);
    guest.user.regs.rdi = base;
    guest.user.regs.rsi = COUNT;
    start = hal_time_monotonic_ns();
    while (guest_run(&guest) == HAL_STOP_FAULT) {
        EXPECT_EQ(hal_aspace_map(guest.aspace, guest.fault.address & -4096ull, frame, 1, 1), 0);
    }
    printf("  page fault                  %8.2f\n", since_us(start, COUNT));

    guest.user.regs.rip = GUEST_CODE;
    guest.user.regs.rdi = 2 * base;
    frame = page_alloc(COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        hal_aspace_map(guest.aspace, 2 * base + i * 4096ull, frame + (i ^ 1) * 4096ull, 1, 3);
    }
    start = hal_time_monotonic_ns();
    expect_syscall(&guest, 1);
    printf("  page the table has, each    %8.2f\n", since_us(start, COUNT));

    start = hal_time_monotonic_ns();
    for (unsigned i = 0; i < COUNT; i++) {
        hal_aspace_unmap(guest.aspace, base + i * 4096ull, 1);
        hal_aspace_flush(guest.aspace);
    }
    printf("  unmap and flush             %8.2f\n", since_us(start, COUNT));
    guest_destroy(&guest);
}

static void life_report(void)
{
    enum { COUNT = 400 };
    struct guest parent, guest;
    uint64_t start;

    guest_create(&parent, null_call, null_call_end);
    start = hal_time_monotonic_ns();
    for (unsigned i = 0; i < COUNT; i++) {
        guest_create(&guest, null_call, null_call_end);
        expect_syscall(&guest, 39);
        guest_destroy(&guest);
        hal_aspace_activate(parent.aspace);
        for (unsigned j = 0; j < 20; j++) {
            expect_syscall(&parent, 39);
        }
    }
    printf("  address space, 21 calls     %8.2f\n", since_us(start, COUNT));
    guest_destroy(&parent);
}

static void interrupt_report(void)
{
    enum { COUNT = 200 };
    struct guest guest;
    uint64_t start;

    guest_create(&guest, idle_loop, idle_loop_end);
    start = hal_time_monotonic_ns();
    for (unsigned i = 0; i < COUNT; i++) {
        unsigned timers = fake_cpu_this()->timers;
        hal_irq_disable();
        hal_timer_arm(hal_time_monotonic_ns() + 500000);
        hal_irq_enable();
        while (fake_cpu_this()->timers == timers) {
            hal_user_run(&guest.user, &guest.fault);
        }
    }
    printf("  timer of 500 us, late by    %8.2f\n", since_us(start, COUNT) - 500);
    guest_destroy(&guest);
}

static void report_body(void *argument)
{
    (void)argument;
    null_call_report();
    switch_report();
    fault_report();
    life_report();
    interrupt_report();
}

static void report(const char *title, unsigned cpus, bool trace_exact)
{
    struct fake_kernel kernel = {.main = report_body};

    printf("%s\n", title);
    if (harness_run_kernel(&kernel, cpus, trace_exact) != 0) {
        printf("  failed\n");
    }
}

int main(int argc, char **argv)
{
    cpu_set_t one;

    (void)argc;
    hosted_prepare_process(argv);
    setvbuf(stdout, NULL, _IONBF, 0);
    report("as the machine chooses", 1, false);
    report("without patching", 1, true);
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
    report("one host CPU", 1, false);
    report("one host CPU, without patching", 1, true);
    return 0;
}
