/* SPDX-License-Identifier: MIT
 *
 * User mode: registers, every way out of it, floating-point state, and what hostile code tries.
 */
#include "tests/qemu/fake_kernel.h"

extern const char user_syscall[], user_registers[], user_registers_after[], user_loop[],
    user_divide[], user_hlt[], user_undefined[], user_breakpoint[], user_breakpoint_after[],
    user_int80[], user_read[], user_write[], user_jump[], user_steps[], user_align[],
    user_ac_syscall[], user_stack_noncanonical[], user_rsp_syscall[], user_bases[], user_segments[],
    user_x87[], user_ymm[], user_xmm_spin[], user_privileged[], user_sidt[], user_mov_ss[],
    user_far32[], user_swapped[];

enum { PF = HAL_VECTOR_PAGE, GP = HAL_VECTOR_PROTECTION };

static void registers_survive(struct user *user)
{
    struct hal_regs *r = &user->hal.regs;
    struct hal_fault fault;
    user_enter(user, user_registers);
    CHECK_EQUAL(user_run(user, &fault), HAL_STOP_SYSCALL);
    uint64_t after = USER_CODE + (uint64_t)(user_registers_after - user_code);
    const uint64_t *values = &r->rax;
    static const unsigned expected[] = {1, 2, 0, 4, 5, 6, 7, 0, 8, 9, 10, 0, 12, 13, 14, 15};
    for (unsigned i = 0; i < 16; i++)
        if (expected[i])
            CHECK_EQUAL(values[i], expected[i]);
    CHECK_EQUAL(r->rip, after);
    CHECK_EQUAL(r->rcx, after);
    CHECK_EQUAL(r->r11, r->rflags);
    CHECK(r->rflags & 0x400); /* DF, and the kernel runs with it clear */
    CHECK_EQUAL(r->rsp, USER_STACK_TOP - 64);
    r->rflags |= 0x3000 | 1ull << 14 | 1 << 17; /* IOPL, NT, VM: not for user code */
    r->rflags &= ~0x200ull;
    r->rbx = 0x1234;
    CHECK_EQUAL(user_run(user, &fault), HAL_STOP_SYSCALL);
    CHECK_EQUAL(r->rax & 0x23200, 0x200); /* interrupts stay enabled, IOPL 0 */
    CHECK_EQUAL(r->rbx, 0x1234);
}

/* The same from an interrupt, where everything counts: rcx and r11, too. */
static void registers_survive_interrupts(struct user *user)
{
    struct hal_regs *r = &user->hal.regs;
    struct hal_fault fault;
    user_enter(user, user_loop);
    for (uint64_t *p = &r->rax; p <= &r->r15; p++)
        if (p != &r->rsp)
            *p = 0x1111111111111111 * (uint64_t)(p - &r->rax + 1);
    r->rax = 0;
    struct hal_regs before = *r;
    uint64_t last = 0;
    bool enabled = hal_irq_save();
    hal_aspace_activate(user->aspace);
    hal_irq_restore(enabled);
    for (unsigned i = 0; i < 10; i++) {
        unsigned timers = arrivals[0].timers;
        hal_irq_disable();
        hal_timer_arm(hal_time_monotonic_ns() + 1000000);
        hal_irq_enable();
        while (arrivals[0].timers == timers)
            CHECK(hal_stop_is_interrupt(hal_user_run(&user->hal, &fault)));
        CHECK(memcmp(&before.rbx, &r->rbx, 48) == 0);
        CHECK(memcmp(&before.r8, &r->r8, 64) == 0);
        CHECK(r->rsp == before.rsp && r->rax >= last);
        last = r->rax;
    }
    CHECK(last > 0);
    /* An interrupt that came in kernel mode: the kernel must get to look for work again. */
    hal_cpu_send_ipi(0);
    while (arrivals[0].ipis == 0)
        hal_cpu_relax();
    uint64_t rax = r->rax;
    CHECK_EQUAL(hal_user_run(&user->hal, &fault), HAL_STOP_PENDING);
    CHECK_EQUAL(r->rax, rax);
}

static void expect_fault(struct user *user, const char *entry, unsigned vector, uint64_t error,
                         uint64_t address)
{
    struct hal_fault fault = {99, 99, 99};
    user_enter(user, entry);
    enum hal_stop stop = user_run(user, &fault);
    CHECK_EQUAL(stop, HAL_STOP_FAULT);
    if (stop != HAL_STOP_FAULT)
        return;
    CHECK_EQUAL(fault.vector, vector);
    CHECK_EQUAL(fault.error, error);
    CHECK_EQUAL(fault.address, address);
}

static void exceptions_are_faults(struct user *user)
{
    struct hal_regs *r = &user->hal.regs;
    struct hal_fault fault;
    expect_fault(user, user_divide, HAL_VECTOR_DIVIDE, 0, 0);
    expect_fault(user, user_hlt, GP, 0, 0);
    CHECK_EQUAL(r->rip, USER_CODE + (uint64_t)(user_hlt - user_code));
    expect_fault(user, user_undefined, HAL_VECTOR_INVALID_OPCODE, 0, 0);
    expect_fault(user, user_breakpoint, HAL_VECTOR_BREAKPOINT, 0, 0);
    CHECK_EQUAL(r->rip, USER_CODE + (uint64_t)(user_breakpoint_after - user_code));
    user_enter(user, user_int80); /* error code 0x402; QEMU 7.2 says 0x802 */
    CHECK_EQUAL(user_run(user, &fault), HAL_STOP_FAULT);
    CHECK_EQUAL(fault.vector, GP);
    expect_fault(user, user_privileged, GP, 0, 0);
    user_enter(user, user_stack_noncanonical); /* a stack fault; in QEMU 7.2 a #GP */
    CHECK_EQUAL(user_run(user, &fault), HAL_STOP_FAULT);
    CHECK(fault.vector == HAL_VECTOR_STACK || fault.vector == GP);
    r->rdi = 0x1000;
    expect_fault(user, user_read, PF, HAL_PF_USER, 0x1000);
    expect_fault(user, user_write, PF, HAL_PF_USER | HAL_PF_WRITE, 0x1000);
    r->rdi = USER_CODE;
    expect_fault(user, user_write, PF, HAL_PF_USER | HAL_PF_WRITE | HAL_PF_PRESENT, USER_CODE);
    r->rdi = (uint64_t)boot->direct_map + boot->ram[0].paddr; /* the kernel's memory */
    expect_fault(user, user_read, PF, HAL_PF_USER | HAL_PF_PRESENT, r->rdi);
    r->rdi = 0xffffffff80100000;
    expect_fault(user, user_read, PF, HAL_PF_USER | HAL_PF_PRESENT, r->rdi);
    r->rdi = USER_DATA; /* not executable */
    if (!cmdline_has("no-nx"))
        expect_fault(user, user_jump, PF, HAL_PF_USER | HAL_PF_PRESENT | HAL_PF_FETCH, USER_DATA);
    r->rdi = 0x800000000000;
    expect_fault(user, user_jump, GP, 0, 0);
    expect_fault(user, user_read, GP, 0, 0);
    r->rdi = USER_DATA;
    user_enter(user, user_align); /* QEMU 7.2 does not check alignment */
    if (user_run(user, &fault) == HAL_STOP_FAULT)
        CHECK_EQUAL(fault.vector, HAL_VECTOR_ALIGNMENT);
    expect_fault(user, user_far32, GP, 0x20, 0);
    if (cmdline_has("expect-umip")) {
        r->rdi = USER_DATA;
        expect_fault(user, user_sidt, GP, 0, 0);
    }
}

static void bad_registers_are_refused(struct user *user)
{
    struct hal_regs *r = &user->hal.regs;
    struct hal_fault fault;
    static const uint64_t bad[] = {0x800000000000, 0xffff7fffffffffff, 1ull << 63};
    for (unsigned i = 0; i < 3; i++) {
        user_enter(user, user_syscall);
        r->rip = r->rcx = bad[i];
        r->r11 = r->rflags;
        CHECK_EQUAL(user_run(user, &fault), HAL_STOP_FAULT);
        CHECK_EQUAL(fault.vector, GP);
        CHECK_EQUAL(r->rip, bad[i]);
    }
    r->rip = r->rcx = 0xffffffff80100000; /* canonical, but the kernel's */
    r->rflags = r->r11 = 0x202;
    CHECK_EQUAL(user_run(user, &fault), HAL_STOP_FAULT);
    CHECK_EQUAL(fault.vector, PF);
    CHECK_EQUAL(fault.address, 0xffffffff80100000);
    r->rip = r->rcx = 0x7ffffffff000; /* the last page below the hole is never mapped */
    CHECK_EQUAL(user_run(user, &fault), HAL_STOP_FAULT);
    CHECK_EQUAL(fault.vector, PF);
    user_enter(user, user_syscall);
    r->rsp = 0x8000000000000000;
    CHECK_EQUAL(user_run(user, &fault), HAL_STOP_SYSCALL);
    CHECK_EQUAL(r->rsp, 0x8000000000000000);
    user_enter(user, user_rsp_syscall);
    CHECK_EQUAL(user_run(user, &fault), HAL_STOP_SYSCALL);
    CHECK_EQUAL(r->rsp, 0x8000000000000001);
    user_enter(user, user_syscall);
    r->fs_base = 0x800000000000;
    r->gs_base = 0x900000000000;
    CHECK_EQUAL(user_run(user, &fault), HAL_STOP_SYSCALL);
    r->fs_base = r->gs_base = 0;
}

static void single_step(struct user *user)
{
    struct hal_regs *r = &user->hal.regs;
    struct hal_fault fault;
    user_enter(user, user_steps);
    uint64_t start = r->rip;
    for (unsigned i = 1; i <= 2; i++) {
        r->rflags |= 0x100;
        CHECK_EQUAL(user_run(user, &fault), HAL_STOP_FAULT);
        CHECK_EQUAL(fault.vector, HAL_VECTOR_DEBUG);
        CHECK_EQUAL(r->rip, start + i);
    }
    r->rflags |= 0x100;
    CHECK_EQUAL(user_run(user, &fault), HAL_STOP_SYSCALL);
    user_enter(user, user_mov_ss);
    for (unsigned i = 0; i < 4 && user_run(user, &fault) == HAL_STOP_FAULT; i++)
        CHECK_EQUAL(fault.vector, HAL_VECTOR_DEBUG);
    r->rflags = 0x202;
}

static void bases(struct user *user)
{
    struct hal_regs *r = &user->hal.regs;
    struct hal_fault fault;
    uint64_t *data = page_address(user->data_page);
    data[2] = 0xf00d;
    data[3] = 0xbeef;
    user_enter(user, user_segments);
    r->fs_base = USER_DATA + 16;
    r->gs_base = USER_DATA + 16;
    CHECK_EQUAL(user_run(user, &fault), HAL_STOP_SYSCALL);
    CHECK_EQUAL(r->rdi, 0xf00d);
    CHECK_EQUAL(r->rsi, 0xbeef);
    CHECK_EQUAL(r->fs_base, USER_DATA + 16);
    CHECK_EQUAL(r->gs_base, USER_DATA + 16);
    if (!(boot->hwcap2 & 2))
        return;
    user_enter(user, user_bases);
    r->rdi = 0x1234000;
    r->rsi = 0x5678000;
    CHECK_EQUAL(user_run(user, &fault), HAL_STOP_SYSCALL);
    CHECK_EQUAL(r->fs_base, 0x1234000);
    CHECK_EQUAL(r->gs_base, 0x5678000);
    r->fs_base = 0x1111000;
    r->gs_base = 0x2222000;
    CHECK_EQUAL(user_run(user, &fault), HAL_STOP_SYSCALL);
    CHECK_EQUAL(r->rdi, 0x1111000);
    CHECK_EQUAL(r->rsi, 0x2222000);
    user_enter(user, user_swapped); /* GS looks like the kernel's, and interrupts come */
    CHECK_EQUAL(user_run(user, &fault), HAL_STOP_SYSCALL);
    CHECK_EQUAL(r->gs_base, 0xffff800000000000);
    for (unsigned i = 0; i < 100; i++)
        CHECK_EQUAL(user_run(user, &fault), HAL_STOP_SYSCALL);
    CHECK_EQUAL(r->gs_base, 0xffff800000000000);
    r->fs_base = r->gs_base = 0;
}

static void ac_does_not_open_user_memory(struct user *user)
{
    struct hal_fault fault;
    user_enter(user, user_ac_syscall);
    CHECK_EQUAL(user_run(user, &fault), HAL_STOP_SYSCALL);
    uint64_t flags;
    __asm__ volatile("pushfq; pop %0" : "=r"(flags));
    CHECK(!(flags & 0x40000));
    CHECK(user->hal.regs.rflags & 0x40000);
}

void test_user(void)
{
    unsigned before = pages_in_use();
    struct user *user = user_create(user_syscall);
    registers_survive(user);
    registers_survive_interrupts(user);
    exceptions_are_faults(user);
    bad_registers_are_refused(user);
    single_step(user);
    bases(user);
    ac_does_not_open_user_memory(user);
    user_destroy(user);
    CHECK(pages_in_use() <= before + 2); /* the FPU area stays with the test */
}

/* Floating point */

static bool has_avx(void)
{
    return hal_fpu_features() & 4;
}

static void states_are_separate(const char *entry)
{
    enum { USERS = 3 };
    struct user *users[USERS];
    struct hal_fault fault;
    for (unsigned i = 0; i < USERS; i++) {
        users[i] = user_create(entry);
        users[i]->hal.regs.rdi = 1000 + i;
    }
    for (unsigned round = 0; round < 100; round++) {
        unsigned i = round * 7 % 5 % USERS;
        CHECK_EQUAL(user_run(users[i], &fault), HAL_STOP_SYSCALL);
        if (round % 4 == 1)
            hal_user_fpu_sync(&users[i]->hal);
    }
    for (unsigned i = 0; i < USERS; i++)
        user_destroy(users[i]);
}

static void kernel_reads_and_changes(void)
{
    struct user *user = user_create(user_x87);
    struct hal_fault fault;
    user->hal.regs.rdi = 77;
    CHECK_EQUAL(user_run(user, &fault), HAL_STOP_SYSCALL);
    hal_user_fpu_sync(&user->hal);
    uint64_t xmm0;
    memcpy(&xmm0, (char *)user->hal.fpu + 160, sizeof xmm0);
    CHECK_EQUAL(xmm0, 77);
    CHECK_EQUAL(user_run(user, &fault), HAL_STOP_SYSCALL);
    hal_user_fpu_sync(&user->hal);
    xmm0 = 78;
    memcpy((char *)user->hal.fpu + 160, &xmm0, sizeof xmm0);
    hal_user_fpu_changed(&user->hal);
    CHECK_EQUAL(user_run(user, &fault), HAL_STOP_FAULT); /* the user notices */
    CHECK_EQUAL(fault.vector, HAL_VECTOR_INVALID_OPCODE);
    CHECK_EQUAL(user->hal.regs.rsi, 78);
    user_destroy(user);
}

static void sanitized_areas_load(void)
{
    struct user *user = user_create(user_syscall);
    struct hal_fault fault;
    size_t bytes = hal_fpu_size();
    CHECK(bytes >= 512);
    for (unsigned seed = 0; seed < 8; seed++) {
        unsigned char *area = user->hal.fpu;
        for (size_t i = 0; i < bytes; i++)
            area[i] = (unsigned char)((i * 31 + seed * 97) ^ (i >> 5));
        if (bytes > 512)
            area[527] &= 0x7f;
        CHECK_EQUAL(hal_fpu_sanitize(area, bytes), 0);
        hal_user_fpu_changed(&user->hal);
        CHECK_EQUAL(user_run(user, &fault), HAL_STOP_SYSCALL);
    }
    /* An area that nobody sanitized must not take the kernel down. */
    memset(user->hal.fpu, 0xff, bytes);
    hal_user_fpu_changed(&user->hal);
    CHECK_EQUAL(user_run(user, &fault), HAL_STOP_SYSCALL);
    if (bytes > 512) {
        ((unsigned char *)user->hal.fpu)[527] |= 0x80;
        CHECK(hal_fpu_sanitize(user->hal.fpu, bytes) < 0);
    }
    CHECK(hal_fpu_sanitize(user->hal.fpu, 100) < 0);
    hal_fpu_init(user->hal.fpu);
    hal_user_fpu_changed(&user->hal);
    CHECK_EQUAL(user_run(user, &fault), HAL_STOP_SYSCALL);
    user_destroy(user);
}

struct move {
    struct user *user;
    enum hal_stop stop;
    struct hal_fault fault;
};

static void run_there(void *argument)
{
    struct move *move = argument;
    move->stop = user_run(move->user, &move->fault);
}

static void state_follows_to_other_cpus(void)
{
    struct move a = {.user = user_create(user_x87)}, b = {.user = user_create(user_x87)};
    a.user->hal.regs.rdi = 4242;
    b.user->hal.regs.rdi = 777;
    for (unsigned round = 0; round < 40; round++) {
        struct move *move = round % 3 ? &a : &b;
        unsigned cpu = round * 5 % cpus_started;
        if (cpu == 0)
            run_there(move);
        else
            cpu_run(cpu, run_there, move);
        CHECK_EQUAL(move->stop, HAL_STOP_SYSCALL);
        if (round % 7 == 0) {
            uint64_t xmm0;
            hal_user_fpu_sync(&move->user->hal);
            memcpy(&xmm0, (char *)move->user->hal.fpu + 160, sizeof xmm0);
            CHECK_EQUAL(xmm0, move->user->hal.regs.rdi);
        }
    }
    user_destroy(a.user);
    user_destroy(b.user);
}

void test_fpu(void)
{
    print_number("  area bytes ", hal_fpu_size());
    print_number("  features ", hal_fpu_features());
    CHECK(!cmdline_has("expect-avx") || has_avx());
    states_are_separate(user_x87);
    if (has_avx())
        states_are_separate(user_ymm);
    kernel_reads_and_changes();
    sanitized_areas_load();
    state_follows_to_other_cpus();
}
