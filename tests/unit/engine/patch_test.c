/* SPDX-License-Identifier: MIT
 *
 * System call sites that the engine replaces by jumps: nothing but the speed may differ.
 */
#include "hal/kernel_on.h"
#include "tests/unit/engine/engine_harness.h"

enum { CALLS = 400 };

static uint32_t pages_asked, refuse;

int kernel_on_patch_page(uint64_t uaddr)
{
    EXPECT_EQ(uaddr % PAGE, 0);
    __atomic_fetch_add(&pages_asked, 1, __ATOMIC_RELAXED);
    return refuse ? -1 : 0;
}

/* Counts its calls in rbx and hands the previous result back in r12. */
#define LOAD_SITE "mov $39, %eax\nsyscall\n"
#define XOR_SITE "mov $39, %ecx\nxor %eax, %eax\nadd %ecx, %eax\nsyscall\n"

GUEST_PROGRAM(load_loop, "1: inc %rbx\n" LOAD_SITE "mov %rax, %r12\njmp 1b");
GUEST_PROGRAM(near_loop, "1: inc %rbx\ncall 2f\nmov %rax, %r12\njmp 1b\n"
                         ".balign 16\n"
                         "2: " XOR_SITE "cmp $-4096, %rax\nja 3f\nret\n"
                         ".byte 0x0f, 0x1f, 0x80, 0, 0, 0, 0\n"
                         "3: ud2");
/* As in the C library's syscall(): its error path comes between the return and the padding. */
#define ERRNO_PATH                                                                                 \
    "mov 16(%rip), %rcx\nneg %eax\nmov %eax, %fs:(%rcx)\nor $-1, %rax\nret\n"                      \
    ".byte 0x0f, 0x1f, 0x80, 0, 0, 0, 0\n"
GUEST_PROGRAM(errno_loop, "1: inc %rbx\ncall 2f\nmov %rax, %r12\njmp 1b\n"
                          ".balign 16\n"
                          "2: " XOR_SITE "cmp $-4095, %rax\njae 3f\nret\n"
                          "3: " ERRNO_PATH "ud2");
GUEST_PROGRAM(stray_loop, "1: inc %rbx\ncall 2f\nmov %rax, %r12\njmp 1b\n"
                          ".balign 16\n"
                          "2: " XOR_SITE "cmp $-4095, %rax\njae 3f\nret\n" ERRNO_PATH "3: ud2");
GUEST_PROGRAM(unknown_loop, "1: inc %rbx\ncall 2f\nmov %rax, %r12\njmp 1b\n"
                            ".balign 16\n"
                            "2: " XOR_SITE "cmp $-4095, %rax\njae 3f\nret\n"
                            "3: mov 16(%rip), %rcx\nneg %eax\nsti\nret\nud2");
GUEST_PROGRAM(plain_loop, "1: inc %rbx\n" XOR_SITE "mov %rax, %r12\njmp 1b");
GUEST_PROGRAM(prefix_loop, "1: inc %rbx\nmov $39, %eax\nmov $39, %r8d\nsyscall\n"
                           "mov %rax, %r12\njmp 1b");

static const struct {
    const char *code, *end;
    bool patched;
    unsigned at; /* first byte that changes */
} sites[] = {
    {load_loop, load_loop_end, true, 3},         {near_loop, near_loop_end, true, 25},
    {errno_loop, errno_loop_end, true, 25},      {stray_loop, stray_loop_end, false, 25},
    {unknown_loop, unknown_loop_end, false, 25}, {plain_loop, plain_loop_end, false, 3},
    {prefix_loop, prefix_loop_end, false, 8},
};

static void expect_calls(struct guest *guest, unsigned count)
{
    struct hal_regs *regs = &guest->user.regs;

    for (unsigned i = 0; i < count; i++) {
        uint64_t calls = regs->rbx, answer = regs->rax;
        struct hal_regs before = *regs;

        expect_syscall(guest, 39);
        EXPECT_EQ(regs->rbx, calls + 1);
        if (calls) {
            EXPECT_EQ(regs->r12, answer);
        }
        EXPECT_EQ(regs->rcx, regs->rip);
        EXPECT_EQ(regs->rbp, before.rbp);
        EXPECT_EQ(regs->r15, before.r15);
        EXPECT_EQ(regs->fs_base, before.fs_base);
        EXPECT_EQ(regs->gs_base, before.gs_base);
        regs->rax = calls * 12345;
    }
}

static void guest_prepare(struct guest *guest, const char *code, const char *end)
{
    guest_create(guest, code, end);
    guest->user.regs.rbp = 0x1122334455667788;
    guest->user.regs.r15 = 0x99aabbccddeeff00;
    guest->user.regs.fs_base = 0x7f0000001000;
    guest->user.regs.gs_base = 0x1234;
}

static unsigned site_index;

static void site_body(void *argument)
{
    struct guest guest;
    const char *code = sites[site_index].code;
    size_t bytes = (size_t)(sites[site_index].end - code);
    const char *page;

    (void)argument;
    guest_prepare(&guest, code, sites[site_index].end);
    page = page_pointer(guest.code);
    expect_calls(&guest, CALLS);
    EXPECT_EQ(memcmp(page, code, bytes) != 0, sites[site_index].patched);
    EXPECT(memcmp(page, code, sites[site_index].at) == 0);
    if (sites[site_index].patched) {
        EXPECT(page[sites[site_index].at] != code[sites[site_index].at]);
    }

    /* The kernel changes other registers, and has the call made again. */
    guest.user.regs.r15 = 1;
    guest.user.regs.fs_base += 0x1000;
    guest.user.regs.rbp = 2;
    expect_calls(&guest, CALLS);
    for (unsigned i = 0; i < 10; i++) {
        guest.user.regs.rip -= 2;
        guest.user.regs.rax = 39;
        guest.user.regs.rbx--;
        guest.user.regs.rcx = 1;
        expect_syscall(&guest, 39);
        EXPECT_EQ(guest.user.regs.rbx, 2 * CALLS - 1);
        EXPECT_EQ(guest.user.regs.rcx, guest.user.regs.rip);
        guest.user.regs.rbx = 2 * CALLS;
    }
    expect_calls(&guest, CALLS);
    guest_destroy(&guest);
}

START_TEST(patched_site_behaves_as_before)
{
    site_index = (unsigned)_i;
    ck_assert_int_eq(harness_run(1, site_body, NULL), 0);
}
END_TEST

static void refused_body(void *argument)
{
    struct guest guest;

    (void)argument;
    refuse = 1;
    guest_prepare(&guest, load_loop, load_loop_end);
    expect_calls(&guest, CALLS);
    EXPECT_EQ(pages_asked, 1);
    EXPECT(memcmp(page_pointer(guest.code), load_loop, 8) == 0);
    guest_destroy(&guest);
}

START_TEST(refused_page_is_left_alone)
{
    ck_assert_int_eq(harness_run(1, refused_body, NULL), 0);
}
END_TEST

static void exact_body(void *argument)
{
    struct guest guest;

    (void)argument;
    guest_prepare(&guest, load_loop, load_loop_end);
    expect_calls(&guest, CALLS);
    EXPECT_EQ(pages_asked, 0);
    guest_destroy(&guest);
}

START_TEST(trace_exact_patches_nothing)
{
    struct fake_kernel kernel = {.main = exact_body};

    ck_assert_int_eq(harness_run_kernel(&kernel, 1, true), 0);
}
END_TEST

static void fork_body(void *argument)
{
    struct guest parent, child;

    (void)argument;
    for (site_index = 0; site_index < 2; site_index++) {
        guest_prepare(&parent, sites[site_index].code, sites[site_index].end);
        expect_calls(&parent, CALLS);
        child = parent;
        EXPECT_EQ(hal_aspace_create(&child.aspace), 0);
        hal_aspace_map(child.aspace, GUEST_CODE, parent.code, 1, HAL_PROT_READ | HAL_PROT_EXEC);
        hal_aspace_map(child.aspace, GUEST_STACK - PAGE, page_alloc(1), 1,
                       HAL_PROT_READ | HAL_PROT_WRITE);
        hal_aspace_fork(child.aspace, parent.aspace);
        guest_user_create(&child);
        child.user.regs = parent.user.regs;
        if (site_index == 1) { /* the return address is on the parent's stack */
            child.user.regs.rip = GUEST_CODE;
            child.user.regs.rbx = 0;
            child.user.regs.rsp = GUEST_STACK;
        }
        hal_aspace_activate(child.aspace);
        expect_calls(&child, CALLS);
        hal_aspace_activate(parent.aspace);
        expect_calls(&parent, CALLS);
        hal_aspace_activate(child.aspace);
        expect_calls(&child, CALLS);
        guest_destroy(&parent);
        expect_calls(&child, CALLS);
        guest_destroy(&child);
    }
}

START_TEST(forked_child_runs_patched_code)
{
    ck_assert_int_eq(harness_run(1, fork_body, NULL), 0);
}
END_TEST

/* Interrupts at every point of the way, which the timer hits at random. */
static void interrupted_body(void *argument)
{
    struct guest guest;

    (void)argument;
    guest_prepare(&guest, sites[site_index].code, sites[site_index].end);
    expect_calls(&guest, CALLS);
    for (unsigned i = 0; i < 20000; i++) {
        hal_irq_disable();
        hal_timer_arm(hal_time_monotonic_ns() + i % 1024 * 4);
        hal_irq_enable();
        expect_calls(&guest, 1);
        if (i % 7 == 0) {
            guest.user.regs.r15++; /* takes the long way back */
        }
    }
    EXPECT(fake_cpu_this()->timers > 100);
    guest_destroy(&guest);
}

START_TEST(interrupts_lose_and_repeat_no_call)
{
    site_index = (unsigned)_i;
    ck_assert_int_eq(harness_run(1, interrupted_body, NULL), 0);
}
END_TEST

/* FP state stays with its user though fast calls leave it in the CPU. */
GUEST_PROGRAM(fp_loop, "movq %rdi, %xmm9\n1: inc %rbx\n" LOAD_SITE
                       "mov %rax, %r12\nmovq %xmm9, %r15\njmp 1b");

static void fp_body(void *argument)
{
    struct guest guests[2];

    (void)argument;
    guest_create(&guests[0], fp_loop, fp_loop_end);
    guest_share(&guests[0], &guests[1]);
    for (unsigned i = 0; i < 2; i++) {
        guests[i].user.regs.rdi = guests[i].user.regs.r15 = 1000 + i;
        expect_calls(&guests[i], CALLS);
    }
    for (unsigned round = 0; round < CALLS; round++) {
        uint64_t word;
        expect_calls(&guests[round % 2], 1 + round % 3);
        hal_user_fpu_sync(&guests[round % 2].user);
        memcpy(&word, (char *)guests[round % 2].user.fpu + 160 + 9 * 16, sizeof word);
        EXPECT_EQ(word, 1000 + round % 2);
        if (round % 5 == 0) {
            guests[round % 2].user.regs.rip = GUEST_CODE; /* sets xmm9 again, from rdi */
            guests[round % 2].user.regs.r12 = guests[round % 2].user.regs.rax;
        }
    }
    hal_user_exit(&guests[1].user);
    guest_destroy(&guests[0]);
}

START_TEST(fp_state_survives_fast_calls)
{
    ck_assert_int_eq(harness_run(1, fp_body, NULL), 0);
}
END_TEST

/* Two threads make fast calls at the same time, with the same fs base and with their own. */
static struct guest shared[2];
static uint32_t other_done, same_fs;

static void thread_cpu(void *argument, unsigned cpu)
{
    (void)argument;
    (void)cpu;
    hal_irq_enable();
    hal_aspace_activate(shared[1].aspace);
    for (unsigned i = 0; i < 50; i++) {
        expect_calls(&shared[1], CALLS);
        shared[1].user.regs.r15++;
    }
    __atomic_store_n(&other_done, 1, __ATOMIC_RELEASE);
}

static void threads_body(void *argument)
{
    (void)argument;
    guest_prepare(&shared[0], load_loop, load_loop_end);
    guest_share(&shared[0], &shared[1]);
    shared[1].user.regs = shared[0].user.regs;
    if (!same_fs) {
        shared[1].user.regs.fs_base += 0x2000;
    }
    EXPECT_EQ(fake_cpu_start(1), 0);
    for (unsigned i = 0; i < 50; i++) {
        expect_calls(&shared[0], CALLS);
        shared[0].user.regs.r15++;
    }
    while (!__atomic_load_n(&other_done, __ATOMIC_ACQUIRE)) {
        hal_cpu_relax();
    }
    /* The users change places. */
    expect_calls(&shared[1], CALLS);
    expect_calls(&shared[0], CALLS);
    hal_user_exit(&shared[1].user);
    guest_destroy(&shared[0]);
}

START_TEST(two_threads_make_fast_calls)
{
    same_fs = (uint32_t)_i;
    ck_assert_int_eq(harness_run(2, threads_body, thread_cpu), 0);
}
END_TEST

/* One user moves from CPU to CPU, with its FP state, in the middle of fast calls. */
static uint32_t turn_of_cpu;

enum { MOVES = 100 };

static void moving_user_run(unsigned cpu)
{
    for (unsigned i = 0; i < MOVES; i++) {
        while (__atomic_load_n(&turn_of_cpu, __ATOMIC_ACQUIRE) != cpu) {
            hal_cpu_relax();
        }
        expect_calls(&shared[0], 1 + i % 40);
        EXPECT_EQ(shared[0].user.regs.r15, 4711);
        __atomic_store_n(&turn_of_cpu, 1 - cpu, __ATOMIC_RELEASE);
    }
}

static void moving_cpu(void *argument, unsigned cpu)
{
    (void)argument;
    hal_irq_enable();
    hal_aspace_activate(shared[0].aspace);
    moving_user_run(cpu);
    __atomic_store_n(&other_done, 1, __ATOMIC_RELEASE);
}

static void moving_body(void *argument)
{
    (void)argument;
    guest_create(&shared[0], fp_loop, fp_loop_end);
    shared[0].user.regs.rdi = shared[0].user.regs.r15 = 4711;
    expect_calls(&shared[0], CALLS);
    EXPECT_EQ(fake_cpu_start(1), 0);
    moving_user_run(0);
    while (!__atomic_load_n(&other_done, __ATOMIC_ACQUIRE)) {
        hal_cpu_relax();
    }
    guest_destroy(&shared[0]);
}

START_TEST(user_moves_between_cpus)
{
    ck_assert_int_eq(harness_run(2, moving_body, moving_cpu), 0);
}
END_TEST

/* A stub that has served patched code serves another address space. */
static void reuse_body(void *argument)
{
    struct guest guest;

    (void)argument;
    for (unsigned i = 0; i < 50; i++) {
        site_index = i % 4;
        guest_prepare(&guest, sites[site_index].code, sites[site_index].end);
        expect_calls(&guest, 20 + i);
        guest_destroy(&guest);
    }
}

START_TEST(used_stub_forgets_its_sites)
{
    ck_assert_int_eq(harness_run(1, reuse_body, NULL), 0);
}
END_TEST

static void reset(void)
{
    pages_asked = refuse = other_done = turn_of_cpu = 0;
}

static void add_tests(TCase *cases)
{
    tcase_add_checked_fixture(cases, reset, NULL);
    tcase_add_loop_test(cases, patched_site_behaves_as_before, 0,
                        (int)(sizeof sites / sizeof *sites));
    tcase_add_test(cases, refused_page_is_left_alone);
    tcase_add_test(cases, trace_exact_patches_nothing);
    tcase_add_test(cases, forked_child_runs_patched_code);
    tcase_add_loop_test(cases, interrupts_lose_and_repeat_no_call, 0, 2);
    tcase_add_test(cases, fp_state_survives_fast_calls);
    tcase_add_loop_test(cases, two_threads_make_fast_calls, 0, 2);
    tcase_add_test(cases, user_moves_between_cpus);
    tcase_add_test(cases, used_stub_forgets_its_sites);
}

int main(int argc, char **argv)
{
    (void)argc;
    return harness_main(argv, "patch", add_tests);
}
