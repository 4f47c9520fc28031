/* SPDX-License-Identifier: MIT
 *
 * What every engine owes the kernel (hal/user.h, hal/aspace.h): system calls, faults, mappings,
 * FP state, interrupts, several threads in one address space.
 */
#include <errno.h>
#include <sys/resource.h>

#include "hal/kernel_on.h"
#include "tests/unit/engine/engine_harness.h"

/* Every page of these guests is their own. */
int kernel_on_patch_page(uint64_t uaddr)
{
    (void)uaddr;
    return 0;
}

/* --- system calls --- */

GUEST_PROGRAM(all_registers, "1: mov $0x1234, %eax\n"
                             "syscall\n"
                             "2: jmp 1b");

static void syscall_keeps_registers_body(void *argument)
{
    struct guest guest;
    struct hal_regs in, *regs = &guest.user.regs;

    (void)argument;
    guest_create(&guest, all_registers, all_registers_end);
    for (unsigned i = 0; i < sizeof in / 8; i++) {
        ((uint64_t *)&in)[i] = 0x0101010101010101ull * (i + 1);
    }
    in.rip = GUEST_CODE;
    in.rflags = 0x202;
    in.rsp = 0xdeadbeefcafef00dull; /* not even canonical: no stack is needed */
    in.fs_base = 0x7000deadb000;
    in.gs_base = 0x12345678;
    for (int round = 0; round < 20; round++) {
        *regs = in;
        expect_syscall(&guest, 0x1234);
        EXPECT_EQ(regs->rip, GUEST_CODE + 7);
        EXPECT_EQ(regs->rcx, regs->rip);
        EXPECT_EQ(regs->r11 & 0xcd5, 0);
        EXPECT_EQ(regs->rflags & 0xcd5, 0);
        in.rax = regs->rax;
        in.rip = regs->rip;
        in.rcx = regs->rcx;
        in.r11 = regs->r11;
        in.rflags = regs->rflags;
        EXPECT(memcmp(regs, &in, sizeof in) == 0);
        in.rbx += 0x123456789;
        in.r15 ^= in.rbx;
        in.fs_base += 0x1000;
    }
    guest_destroy(&guest);
}

START_TEST(syscall_keeps_and_restores_every_register)
{
    ck_assert_int_eq(harness_run(1, syscall_keeps_registers_body, NULL), 0);
}
END_TEST

GUEST_PROGRAM(odd_numbers, "mov $-1, %rax\nsyscall\n"
                           "mov $0x40000027, %eax\nsyscall\n" /* x32 */
                           "mov $15, %eax\nsyscall\n"         /* what the stub itself may call */
                           "mov $202, %eax\nsyscall\n"
                           "mov $59, %eax\nsyscall\n"
                           "mov $0x123456789abcdef0, %rax\nsyscall");

static void syscall_odd_numbers_body(void *argument)
{
    static const uint64_t numbers[] = {UINT64_MAX, 0x40000027, 15, 202, 59};
    struct guest guest;

    (void)argument;
    guest_create(&guest, odd_numbers, odd_numbers_end);
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        EXPECT_EQ(guest_run(&guest), HAL_STOP_SYSCALL);
        EXPECT_EQ((uint32_t)guest.user.regs.rax, (uint32_t)numbers[i]);
    }
    EXPECT_EQ(guest_run(&guest), HAL_STOP_SYSCALL);
    EXPECT_EQ((uint32_t)guest.user.regs.rax, 0x9abcdef0);
    guest_destroy(&guest);
}

START_TEST(syscall_stops_whatever_its_number)
{
    ck_assert_int_eq(harness_run(1, syscall_odd_numbers_body, NULL), 0);
}
END_TEST

/* --- faults --- */

GUEST_PROGRAM(divide, "xor %ecx, %ecx\nmov $1, %eax\nxor %edx, %edx\ndiv %ecx");
GUEST_PROGRAM(breakpoint, "int3\nmov $7, %eax\nsyscall");
GUEST_PROGRAM(undefined, "ud2");
GUEST_PROGRAM(privileged, "cli");
GUEST_PROGRAM(in_out, "in $0x60, %al");
GUEST_PROGRAM(noncanonical, "mov $0x8000000000000000, %rax\nmov (%rax), %rax");
GUEST_PROGRAM(software_interrupt, "mov $20, %eax\nint $0x80");
GUEST_PROGRAM(sysenter_call, "sysenter");
GUEST_PROGRAM(simd, "movl $0x1d80, -4(%rsp)\nldmxcsr -4(%rsp)\n"
                    "pxor %xmm0, %xmm0\nmov $1, %eax\ncvtsi2ss %eax, %xmm1\ndivss %xmm0, %xmm1");
GUEST_PROGRAM(x87, "movw $0x37b, -2(%rsp)\nfldcw -2(%rsp)\nfld1\nfldz\nfdivrp\nfwait");
GUEST_PROGRAM(stack_noncanonical, "mov $0x8000000000000000, %rsp\npush %rax");

struct fault_case {
    const char *name, *code, *end;
    unsigned vector;
    unsigned offset; /* of rip */
};

static const struct fault_case fault_cases[] = {
    {"divide", divide, divide_end, HAL_VECTOR_DIVIDE, 9},
    {"breakpoint", breakpoint, breakpoint_end, HAL_VECTOR_BREAKPOINT, 1},
    {"undefined", undefined, undefined_end, HAL_VECTOR_INVALID_OPCODE, 0},
    {"privileged", privileged, privileged_end, HAL_VECTOR_PROTECTION, 0},
    {"in_out", in_out, in_out_end, HAL_VECTOR_PROTECTION, 0},
    {"noncanonical", noncanonical, noncanonical_end, HAL_VECTOR_PROTECTION, 10},
    {"software_interrupt", software_interrupt, software_interrupt_end, HAL_VECTOR_PROTECTION, 5},
    {"simd", simd, simd_end, HAL_VECTOR_SIMD, 26},
    {"x87", x87, x87_end, HAL_VECTOR_X87, 17},
    {"stack", stack_noncanonical, stack_noncanonical_end, HAL_VECTOR_STACK, 10},
};

static int fault_index;

static void fault_body(void *argument)
{
    const struct fault_case *fault = &fault_cases[fault_index];
    struct guest guest;

    (void)argument;
    guest_create(&guest, fault->code, fault->end);
    EXPECT_EQ(guest_run(&guest), HAL_STOP_FAULT);
    EXPECT_EQ(guest.fault.vector, fault->vector);
    EXPECT_EQ(guest.user.regs.rip, GUEST_CODE + fault->offset);
    guest_destroy(&guest);
}

START_TEST(exception_reports_its_vector)
{
    fault_index = _i;
    ck_assert_int_eq(harness_run(1, fault_body, NULL), 0);
}
END_TEST

GUEST_PROGRAM(touch, "1: mov (%rdi), %al\n"
                     "mov $1, %eax\nsyscall\n"
                     "mov %al, (%rdi)\n"
                     "mov $2, %eax\nsyscall\n"
                     "call *%rdi\n"
                     "mov $3, %eax\nsyscall\n"
                     "jmp 1b");

static void page_fault_body(void *argument)
{
    const uint64_t where = 0x10000000;
    struct guest guest;
    uint64_t page = page_alloc(1);

    (void)argument;
    memset(page_pointer(page), 0xc3, 1); /* ret */
    guest_create(&guest, touch, touch_end);
    guest.user.regs.rdi = where;
    for (int round = 0; round < 3; round++) {
        expect_fault(&guest, HAL_VECTOR_PAGE);
        EXPECT_EQ(guest.fault.address, where);
        EXPECT_EQ(guest.fault.error, HAL_PF_USER);
        EXPECT_EQ(hal_aspace_map(guest.aspace, where, page, 1, HAL_PROT_READ), 0);
        expect_syscall(&guest, 1);
        guest.user.regs.rax = 0xc3;
        expect_fault(&guest, HAL_VECTOR_PAGE);
        EXPECT_EQ(guest.fault.address, where);
        EXPECT_EQ(guest.fault.error, HAL_PF_USER | HAL_PF_PRESENT | HAL_PF_WRITE);
        hal_aspace_protect(guest.aspace, where, 1, HAL_PROT_READ | HAL_PROT_WRITE, false);
        expect_syscall(&guest, 2);
        expect_fault(&guest, HAL_VECTOR_PAGE);
        EXPECT_EQ(guest.fault.address, where);
        EXPECT_EQ(guest.user.regs.rip, where);
        EXPECT_EQ(guest.fault.error, HAL_PF_USER | HAL_PF_PRESENT | HAL_PF_FETCH);
        hal_aspace_protect(guest.aspace, where, 1, HAL_PROT_READ | HAL_PROT_EXEC, false);
        expect_syscall(&guest, 3);
        hal_aspace_unmap(guest.aspace, where, 1);
        hal_aspace_flush(guest.aspace);
    }
    guest_destroy(&guest);
}

START_TEST(page_fault_reports_address_and_access)
{
    ck_assert_int_eq(harness_run(1, page_fault_body, NULL), 0);
}
END_TEST

/* Every address that can never be the guest's, the stub's own included. */
static void forbidden_body(void *argument)
{
    static const uint64_t bad[] = {0,        0xfff,     0x10000,        0x2ffff0,   0x7ffffffff000,
                                   0x30000u, 0x100000u, 0xffffffff8000, 1ull << 63, UINT64_MAX};
    struct guest guest;

    (void)argument;
    guest_create(&guest, all_registers, all_registers_end);
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        guest.user.regs.rip = bad[i];
        if (bad[i] >= 0x300000 || bad[i] < 0x10000) {
            EXPECT_EQ(guest_run(&guest), HAL_STOP_FAULT);
            EXPECT(guest.fault.vector == HAL_VECTOR_PAGE ||
                   guest.fault.vector == HAL_VECTOR_PROTECTION);
            EXPECT_EQ(guest.user.regs.rip, bad[i]);
        }
    }
    guest.user.regs.rip = GUEST_CODE;
    guest.user.regs.fs_base = 1ull << 63;
    guest.user.regs.rflags = UINT64_MAX & ~0x100ull;
    expect_syscall(&guest, 0x1234);
    guest_destroy(&guest);
}

START_TEST(run_survives_impossible_registers)
{
    ck_assert_int_eq(harness_run(1, forbidden_body, NULL), 0);
}
END_TEST

GUEST_PROGRAM(stepping, "nop\nnop\nmov $9, %eax\nsyscall\nnop");

static void single_step_body(void *argument)
{
    static const unsigned offsets[] = {1, 2, 7};
    struct guest guest;

    (void)argument;
    guest_create(&guest, stepping, stepping_end);
    for (unsigned i = 0; i < 3; i++) {
        guest.user.regs.rflags |= 0x100;
        expect_fault(&guest, HAL_VECTOR_DEBUG);
        EXPECT_EQ(guest.user.regs.rip, GUEST_CODE + offsets[i]);
    }
    guest.user.regs.rflags &= ~0x100ull;
    expect_syscall(&guest, 9);
    guest_destroy(&guest);
}

START_TEST(trap_flag_stops_after_one_instruction)
{
    ck_assert_int_eq(harness_run(1, single_step_body, NULL), 0);
}
END_TEST

/* --- mappings --- */

GUEST_PROGRAM(sum, "1: xor %eax, %eax\nmov %rdi, %rdx\nmov %rsi, %rcx\n"
                   "2: add (%rdx), %rax\nadd $4096, %rdx\ndec %rcx\njnz 2b\n"
                   "mov %rax, %rbx\nmov $5, %eax\nsyscall\njmp 1b");

enum { SUM_PAGES = 3000 };

/* Far more separate mappings than the ring has places; in both directions of growth. */
static void many_pages_body(void *argument)
{
    const uint64_t base = 0x20000000;
    uint64_t frames = page_alloc(SUM_PAGES), total = 0;
    struct guest guest;

    (void)argument;
    guest_create(&guest, sum, sum_end);
    for (unsigned i = 0; i < SUM_PAGES; i++) {
        uint64_t frame = frames + (uint64_t)(SUM_PAGES - 1 - i) * PAGE;
        *(uint64_t *)page_pointer(frame) = i * 7919;
        total += i * 7919;
        EXPECT_EQ(hal_aspace_map(guest.aspace, base + (uint64_t)i * PAGE, frame, 1,
                                 HAL_PROT_READ | HAL_PROT_WRITE),
                  0);
    }
    guest.user.regs.rdi = base;
    guest.user.regs.rsi = SUM_PAGES;
    for (int round = 0; round < 2; round++) {
        expect_syscall(&guest, 5);
        EXPECT_EQ(guest.user.regs.rbx, total);
        /* Turn the frames around, one at a time. */
        for (unsigned i = 0; i < SUM_PAGES; i++) {
            uint64_t offset = (uint64_t)(round ? SUM_PAGES - 1 - i : i) * PAGE;
            EXPECT_EQ(hal_aspace_map(guest.aspace, base + (uint64_t)i * PAGE, frames + offset, 1,
                                     HAL_PROT_READ | HAL_PROT_WRITE),
                      0);
        }
        hal_aspace_flush(guest.aspace);
    }
    hal_aspace_unmap(guest.aspace, base + 100 * PAGE, 1);
    expect_fault(&guest, HAL_VECTOR_PAGE);
    EXPECT_EQ(guest.fault.address, base + 100 * PAGE);
    hal_aspace_unmap(guest.aspace, 0, (size_t)1 << 35);
    hal_aspace_flush(guest.aspace);
    expect_fault(&guest, HAL_VECTOR_PAGE);
    EXPECT_EQ(guest.fault.address & ~0xfffull, GUEST_CODE);
    guest_destroy(&guest);
}

START_TEST(many_separate_pages_are_seen_changed_and_removed)
{
    ck_assert_int_eq(harness_run(1, many_pages_body, NULL), 0);
}
END_TEST

enum { HOST_LIMIT_PAGES = 80000 };

/* Every page a mapping of its own, more of them than a host allows by default (vm.max_map_count).
 */
static void host_limit_body(void *argument)
{
    const uint64_t base = 0x100000000;
    uint64_t frame = page_alloc(1), last = base + (HOST_LIMIT_PAGES - 1) * (uint64_t)PAGE;
    struct guest guest;

    (void)argument;
    *(uint64_t *)page_pointer(frame) = 3;
    guest_create(&guest, sum, sum_end);
    for (unsigned i = 0; i < HOST_LIMIT_PAGES; i++) {
        EXPECT_EQ(hal_aspace_map(guest.aspace, base + i * (uint64_t)PAGE, frame, 1, HAL_PROT_READ),
                  0);
    }
    guest.user.regs.rdi = base;
    guest.user.regs.rsi = HOST_LIMIT_PAGES;
    expect_syscall(&guest, 5);
    EXPECT_EQ(guest.user.regs.rbx, 3 * HOST_LIMIT_PAGES);
    hal_aspace_unmap(guest.aspace, last, 1);
    hal_aspace_flush(guest.aspace);
    expect_fault(&guest, HAL_VECTOR_PAGE);
    EXPECT_EQ(guest.fault.address, last);
    guest_destroy(&guest);
}

START_TEST(more_mappings_than_the_host_allows_work)
{
    ck_assert_int_eq(harness_run(1, host_limit_body, NULL), 0);
}
END_TEST

GUEST_PROGRAM(load, "1: mov (%rdi), %rbx\nmov $4, %eax\nsyscall\njmp 1b");

static void (*flush)(struct hal_aspace *aspace); /* hal_aspace_flush or hal_aspace_flush_lazy */

static void replace_body(void *argument)
{
    uint64_t frames = page_alloc(64);
    struct guest guest;

    (void)argument;
    guest_create(&guest, load, load_end);
    guest.user.regs.rdi = GUEST_DATA;
    for (unsigned i = 0; i < 64; i++) {
        uint64_t frame = frames + (uint64_t)i * PAGE;
        *(uint64_t *)page_pointer(frame) = i + 1000;
        hal_aspace_map(guest.aspace, GUEST_DATA, frame, 1, i % 2 ? HAL_PROT_READ : 3);
        flush(guest.aspace);
        expect_syscall(&guest, 4);
        EXPECT_EQ(guest.user.regs.rbx, i + 1000);
    }
    guest_destroy(&guest);
}

START_TEST(replaced_frame_is_seen_after_flush)
{
    flush = _i ? hal_aspace_flush_lazy : hal_aspace_flush;
    ck_assert_int_eq(harness_run(1, replace_body, NULL), 0);
}
END_TEST

/* --- FP state --- */

GUEST_PROGRAM(fp_set, "movq %rdi, %xmm5\nvmovq %rdi, %xmm7\nvinserti128 $1, %xmm7, %ymm7, %ymm7\n"
                      "push %rdi\nfildq (%rsp)\npop %rax\n"
                      "1: mov $1, %eax\nsyscall\n"
                      "movq %xmm5, %rbx\nvextracti128 $1, %ymm7, %xmm6\nvmovq %xmm6, %r12\n"
                      "sub $8, %rsp\nfistpq (%rsp)\nfildq (%rsp)\npop %r13\n"
                      "jmp 1b");

static void fp_check(const struct guest *guest, uint64_t value)
{
    EXPECT_EQ(guest->user.regs.rbx, value);
    EXPECT_EQ(guest->user.regs.r12, value);
    EXPECT_EQ(guest->user.regs.r13, value);
}

static void fp_body(void *argument)
{
    struct guest guests[3];

    (void)argument;
    guest_create(&guests[0], fp_set, fp_set_end);
    guest_share(&guests[0], &guests[1]);
    guest_share(&guests[0], &guests[2]);
    for (unsigned i = 0; i < 3; i++) {
        guests[i].user.regs.rsp -= i * 256;
        guests[i].user.regs.rdi = 1000 + i;
        expect_syscall(&guests[i], 1);
    }
    for (unsigned round = 0; round < 6; round++) {
        for (unsigned i = 0; i < 3; i++) {
            expect_syscall(&guests[i], 1);
            fp_check(&guests[i], 1000 + i);
        }
    }
    /* The kernel reads and changes it. xmm5 is at 160 + 5 * 16 of the FXSAVE area. */
    for (unsigned i = 0; i < 3; i++) {
        uint64_t word;
        hal_user_fpu_sync(&guests[i].user);
        memcpy(&word, (char *)guests[i].user.fpu + 160 + 5 * 16, sizeof word);
        EXPECT_EQ(word, 1000 + i);
        word = 77;
        memcpy((char *)guests[i].user.fpu + 160 + 5 * 16, &word, sizeof word);
        hal_user_fpu_changed(&guests[i].user);
    }
    for (unsigned i = 0; i < 3; i++) {
        expect_syscall(&guests[i], 1);
        EXPECT_EQ(guests[i].user.regs.rbx, 77);
        EXPECT_EQ(guests[i].user.regs.r12, 1000 + i);
    }
    hal_user_exit(&guests[1].user);
    hal_user_exit(&guests[2].user);
    guest_destroy(&guests[0]);
}

START_TEST(fp_state_belongs_to_the_user)
{
    ck_assert_int_eq(harness_run(1, fp_body, NULL), 0);
}
END_TEST

GUEST_PROGRAM(fp_initial, "stmxcsr -4(%rsp)\nmov -4(%rsp), %ebx\nfnstcw -8(%rsp)\n"
                          "movzwl -8(%rsp), %r12d\nmovq %xmm3, %r13\nmov $1, %eax\nsyscall");

static void fp_initial_body(void *argument)
{
    struct guest first, second;

    (void)argument;
    guest_create(&first, fp_set, fp_set_end);
    first.user.regs.rdi = UINT64_MAX;
    expect_syscall(&first, 1);
    guest_share(&first, &second);
    second.user.regs.rip = GUEST_CODE;
    memcpy(page_pointer(first.code), fp_initial, (size_t)(fp_initial_end - fp_initial));
    expect_syscall(&second, 1);
    EXPECT_EQ(second.user.regs.rbx, 0x1f80);
    EXPECT_EQ(second.user.regs.r12, 0x37f);
    EXPECT_EQ(second.user.regs.r13, 0);
    hal_user_exit(&second.user);
    guest_destroy(&first);
}

START_TEST(fp_state_is_initial_at_first)
{
    ck_assert_int_eq(harness_run(1, fp_initial_body, NULL), 0);
}
END_TEST

GUEST_PROGRAM(fp_fault, "movq %rdi, %xmm2\nvmovq %rdi, %xmm8\nvinserti128 $1, %xmm8, %ymm8, %ymm8\n"
                        "1: mov (%rsi), %al\nadd $4096, %rsi\n"
                        "movq %xmm2, %rbx\nvextracti128 $1, %ymm8, %xmm6\nvmovq %xmm6, %r12\n"
                        "mov $1, %eax\nsyscall\njmp 1b");

static void fp_fault_body(void *argument)
{
    const uint64_t base = 0x30000000;
    struct guest guest;

    (void)argument;
    guest_create(&guest, fp_fault, fp_fault_end);
    guest.user.regs.rdi = 0x123456789;
    guest.user.regs.rsi = base;
    for (unsigned i = 0; i < 40; i++) {
        if (i % 2) { /* the engine's own business, or the kernel's */
            hal_aspace_map(guest.aspace, base + i * PAGE, guest.data, 1, HAL_PROT_READ);
        } else {
            expect_fault(&guest, HAL_VECTOR_PAGE);
            hal_aspace_map(guest.aspace, guest.fault.address & -4096ull, guest.data, 1,
                           HAL_PROT_READ);
        }
        expect_syscall(&guest, 1);
        EXPECT_EQ(guest.user.regs.rbx, 0x123456789);
        EXPECT_EQ(guest.user.regs.r12, 0x123456789);
    }
    guest_destroy(&guest);
}

START_TEST(fp_state_survives_faults)
{
    ck_assert_int_eq(harness_run(1, fp_fault_body, NULL), 0);
}
END_TEST

/* --- interrupts and several CPUs --- */

GUEST_PROGRAM(count, "1: lock incq (%rdi)\njmp 1b");

/* Run with the timer set to 1 ms until it fires. */
static void run_for_a_while(struct guest *guest)
{
    unsigned timers = fake_cpu_this()->timers;

    hal_irq_disable();
    hal_timer_arm(hal_time_monotonic_ns() + 1000000);
    hal_irq_enable();
    while (fake_cpu_this()->timers == timers) {
        EXPECT(hal_stop_is_interrupt(hal_user_run(&guest->user, &guest->fault)));
    }
}

static void endless_loop_body(void *argument)
{
    struct guest guest;

    (void)argument;
    guest_create(&guest, count, count_end);
    guest.user.regs.rdi = GUEST_DATA;
    for (unsigned i = 0; i < 20; i++) {
        uint64_t before = data_word(&guest, 0);
        while (data_word(&guest, 0) == before) { /* the host may be busy with others */
            run_for_a_while(&guest);
        }
        EXPECT(guest.user.regs.rip >= GUEST_CODE && guest.user.regs.rip < GUEST_CODE + 8);
    }
    guest_destroy(&guest);
}

START_TEST(endless_loop_is_interrupted_by_the_timer)
{
    ck_assert_int_eq(harness_run(1, endless_loop_body, NULL), 0);
}
END_TEST

static struct guest shared_guests[2];
static uint32_t other_state;

static void run_other_cpu(void *argument, unsigned cpu)
{
    (void)argument;
    (void)cpu;
    hal_irq_enable();
    hal_aspace_activate(shared_guests[1].aspace);
    while (__atomic_load_n(&other_state, __ATOMIC_ACQUIRE) == 0) {
        EXPECT(hal_stop_is_interrupt(
            hal_user_run(&shared_guests[1].user, &shared_guests[1].fault)));
    }
    __atomic_store_n(&other_state, 2, __ATOMIC_RELEASE);
}

static void two_lanes_body(void *argument)
{
    (void)argument;
    guest_create(&shared_guests[0], count, count_end);
    guest_share(&shared_guests[0], &shared_guests[1]);
    shared_guests[0].user.regs.rdi = GUEST_DATA;
    shared_guests[1].user.regs.rdi = GUEST_DATA + 64;
    EXPECT_EQ(fake_cpu_start(1), 0);
    while (data_word(&shared_guests[0], 8) == 0) {
        hal_cpu_relax();
    }
    for (unsigned i = 0; i < 10; i++) {
        uint64_t mine = data_word(&shared_guests[0], 0), theirs = data_word(&shared_guests[0], 8);
        while (data_word(&shared_guests[0], 0) == mine ||
               data_word(&shared_guests[0], 8) == theirs) {
            run_for_a_while(&shared_guests[0]);
        }
        hal_cpu_send_ipi(1);
    }
    __atomic_store_n(&other_state, 1, __ATOMIC_RELEASE);
    hal_cpu_send_ipi(1);
    while (__atomic_load_n(&other_state, __ATOMIC_ACQUIRE) != 2) {
        hal_cpu_relax();
    }
    EXPECT(fake_kernel_this()->cpus[1].ipis >= 2);
    hal_user_exit(&shared_guests[1].user);
    guest_destroy(&shared_guests[0]);
}

START_TEST(two_cpus_run_in_one_address_space)
{
    ck_assert_int_eq(harness_run(2, two_lanes_body, run_other_cpu), 0);
}
END_TEST

GUEST_PROGRAM(store_loop, "1: mov %rsi, (%rdi)\njmp 1b");

/* The flush guarantee: after it, a frame that another CPU's user code was writing stays as it is.
 */
static void flush_other_body(void *argument)
{
    uint64_t frames = page_alloc(2);
    volatile uint64_t *old = page_pointer(frames), *new = page_pointer(frames + PAGE);

    (void)argument;
    guest_create(&shared_guests[0], store_loop, store_loop_end);
    hal_aspace_map(shared_guests[0].aspace, GUEST_DATA, frames, 1, 3);
    guest_share(&shared_guests[0], &shared_guests[1]);
    shared_guests[1].user.regs.rdi = GUEST_DATA;
    shared_guests[1].user.regs.rsi = 42;
    EXPECT_EQ(fake_cpu_start(1), 0);
    for (int round = 0; round < 200; round++) {
        while (*old != 42) {
            hal_cpu_relax();
        }
        hal_aspace_map(shared_guests[0].aspace, GUEST_DATA, round % 2 ? frames : frames + PAGE, 1,
                       3);
        flush(shared_guests[0].aspace);
        *old = 1;
        for (int i = 0; i < 1000; i++) {
            EXPECT_EQ(*old, 1);
        }
        volatile uint64_t *swap = old;
        old = new;
        new = swap;
    }
    __atomic_store_n(&other_state, 1, __ATOMIC_RELEASE);
    hal_cpu_send_ipi(1);
    while (__atomic_load_n(&other_state, __ATOMIC_ACQUIRE) != 2) {
        hal_cpu_relax();
    }
    hal_user_exit(&shared_guests[1].user);
    guest_destroy(&shared_guests[0]);
}

START_TEST(flush_ends_use_of_the_old_frame_on_other_cpus)
{
    flush = _i ? hal_aspace_flush_lazy : hal_aspace_flush;
    ck_assert_int_eq(harness_run(2, flush_other_body, run_other_cpu), 0);
}
END_TEST

/* --- life --- */

static void many_aspaces_body(void *argument)
{
    struct guest guests[40];

    (void)argument;
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 40; i++) {
            guest_create(&guests[i], fp_set, fp_set_end);
            guests[i].user.regs.rdi = i;
            expect_syscall(&guests[i], 1);
        }
        for (unsigned i = 0; i < 40; i++) {
            hal_aspace_activate(guests[i].aspace);
            expect_syscall(&guests[i], 1);
            fp_check(&guests[i], i);
        }
        for (unsigned i = 0; i < 40; i++) {
            guest_destroy(&guests[i]);
        }
    }
}

START_TEST(many_address_spaces_come_and_go)
{
    ck_assert_int_eq(harness_run(1, many_aspaces_body, NULL), 0);
}
END_TEST

enum { CROWD = 1200 };

/* As many as the host allows, and when it allows no more, an error and nothing worse. */
static void crowd_body(void *argument)
{
    static struct guest guests[CROWD];
    unsigned count = 0;

    (void)argument;
    for (; count < CROWD; count++) {
        struct hal_aspace *aspace;
        int error = hal_aspace_create(&aspace);
        if (error < 0) {
            EXPECT(error == -EAGAIN || error == -ENOMEM);
            break;
        }
        hal_aspace_destroy(aspace);
        guest_create(&guests[count], fp_set, fp_set_end);
        guests[count].user.regs.rdi = count;
        if (guest_run(&guests[count]) == HAL_STOP_DEAD) { /* no lane for it */
            guest_destroy(&guests[count]);
            break;
        }
    }
    EXPECT(count >= 20);
    for (unsigned i = 0; i < count; i++) {
        hal_aspace_activate(guests[i].aspace);
        expect_syscall(&guests[i], 1);
        fp_check(&guests[i], i);
        guest_destroy(&guests[i]);
    }
}

START_TEST(address_spaces_run_out_politely)
{
    struct rlimit limit = {.rlim_cur = 200, .rlim_max = 200};

    if (_i == 0) {
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    }
    ck_assert_int_eq(harness_run(1, crowd_body, NULL), 0);
}
END_TEST

/* exec: the user goes on in another address space. */
static void exec_body(void *argument)
{
    struct guest first, second;
    struct hal_aspace *old;

    (void)argument;
    guest_create(&first, fp_set, fp_set_end);
    first.user.regs.rdi = 5;
    expect_syscall(&first, 1);
    old = first.aspace;
    guest_create(&second, fp_set, fp_set_end);
    first.user.aspace = second.aspace;
    hal_aspace_destroy(old);
    first.user.regs.rip = GUEST_CODE;
    first.user.regs.rdi = 6;
    expect_syscall(&first, 1);
    expect_syscall(&first, 1);
    fp_check(&first, 6);
    hal_user_exit(&first.user);
    guest_destroy(&second);
}

START_TEST(user_moves_to_another_address_space)
{
    ck_assert_int_eq(harness_run(1, exec_body, NULL), 0);
}
END_TEST

/* The machine ends while user code runs on both CPUs. */
static void end_body(void *argument)
{
    (void)argument;
    guest_create(&shared_guests[0], count, count_end);
    guest_share(&shared_guests[0], &shared_guests[1]);
    shared_guests[1].user.regs.rdi = GUEST_DATA;
    EXPECT_EQ(fake_cpu_start(1), 0);
    while (data_word(&shared_guests[0], 0) == 0) {
        hal_cpu_relax();
    }
}

START_TEST(machine_ends_while_user_code_runs)
{
    ck_assert_int_eq(harness_run(2, end_body, run_other_cpu), 0);
}
END_TEST

static void add_tests(TCase *cases)
{
    tcase_add_test(cases, syscall_keeps_and_restores_every_register);
    tcase_add_test(cases, syscall_stops_whatever_its_number);
    tcase_add_loop_test(cases, exception_reports_its_vector, 0,
                        sizeof fault_cases / sizeof fault_cases[0]);
    tcase_add_test(cases, page_fault_reports_address_and_access);
    tcase_add_test(cases, run_survives_impossible_registers);
    tcase_add_test(cases, trap_flag_stops_after_one_instruction);
    tcase_add_test(cases, many_separate_pages_are_seen_changed_and_removed);
    tcase_add_test(cases, more_mappings_than_the_host_allows_work);
    tcase_add_loop_test(cases, replaced_frame_is_seen_after_flush, 0, 2);
    tcase_add_test(cases, fp_state_belongs_to_the_user);
    tcase_add_test(cases, fp_state_is_initial_at_first);
    tcase_add_test(cases, fp_state_survives_faults);
    tcase_add_test(cases, endless_loop_is_interrupted_by_the_timer);
    tcase_add_test(cases, two_cpus_run_in_one_address_space);
    tcase_add_loop_test(cases, flush_ends_use_of_the_old_frame_on_other_cpus, 0, 2);
    tcase_add_test(cases, many_address_spaces_come_and_go);
    tcase_add_loop_test(cases, address_spaces_run_out_politely, 0, 2);
    tcase_add_test(cases, user_moves_to_another_address_space);
    tcase_add_test(cases, machine_ends_while_user_code_runs);
}

int main(int argc, char **argv)
{
    (void)argc;
    return harness_main(argv, "engine", add_tests);
}
