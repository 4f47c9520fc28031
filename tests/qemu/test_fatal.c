/* SPDX-License-Identifier: MIT
 *
 * Things that kernel code must not be able to do. The command line names one (fatal=...); it must
 * end in kernel_on_fatal_exception with the right facts, which counts as success.
 */
#include "tests/qemu/fake_kernel.h"

extern const char user_syscall[];

static struct {
    bool armed;
    unsigned vector;
    uint64_t error, address_min, address_max;
} expected;

bool fatal_expected(unsigned vector, uint64_t error, uint64_t address, uint64_t rip, uint64_t rsp)
{
    (void)rsp;
    if (!expected.armed || vector != expected.vector || error != expected.error ||
        address < expected.address_min || address > expected.address_max)
        return false;
    uint64_t trace[32];
    unsigned n = hal_debug_backtrace(trace, 32);
    bool found = expected.error & HAL_PF_FETCH; /* rip is of no use where it jumped to */
    for (unsigned i = 0; i < n; i++)
        found |= trace[i] == rip;
    if (!found)
        print("the backtrace does not lead to the exception\n");
    return found;
}

static void expect(unsigned vector, uint64_t error, uint64_t address, uint64_t bytes)
{
    expected.vector = vector;
    expected.error = error;
    expected.address_min = address;
    expected.address_max = address + bytes;
    expected.armed = true;
    __asm__ volatile("" ::: "memory"); /* before what is going to fault */
}

__attribute__((noinline)) static unsigned recurse(volatile unsigned char *above)
{
    volatile unsigned char here[256];
    here[0] = above[0];
    if (here[0] == 0) /* never */
        return 0;
    return recurse(here) + here[0];
}

static void overflow_here(void *stack)
{
    volatile unsigned char start[1] = {1};
    expect(8, 0, (uint64_t)stack - HAL_STACK_SIZE, HAL_STACK_SIZE);
    recurse(start);
}

static void overflow_stack(void)
{
    static struct hal_context from, to;
    void *stack = hal_stack_map(pages_alloc((unsigned)(hal_stack_size() / HAL_PAGE_SIZE)));
    hal_context_init(&to, stack, overflow_here, stack);
    hal_irq_disable();
    hal_context_switch(&from, &to);
}

static void overflow_boot_stack(void)
{
    volatile unsigned char start[1] = {1};
    uint64_t here = (uint64_t)start;
    expect(8, 0, here - 65536, 65536);
    recurse(start);
}

static uint64_t user_page(void)
{
    struct user *user = user_create(user_syscall);
    hal_irq_disable();
    hal_aspace_activate(user->aspace);
    hal_irq_enable();
    return USER_CODE;
}

void test_fatal(void)
{
    static const char code[] = {(char)0xc3};
    static char data[] = {(char)0xc3};
    if (cmdline_has("fatal=null")) {
        expect(HAL_VECTOR_PAGE, HAL_PF_WRITE, 0, 0);
        uint64_t null = 0;
        __asm__ volatile("movb $1, (%0)" ::"r"(null) : "memory");
    } else if (cmdline_has("fatal=text")) {
        expect(HAL_VECTOR_PAGE, HAL_PF_WRITE | HAL_PF_PRESENT, (uint64_t)test_fatal, 0);
        *(volatile char *)test_fatal = 0;
    } else if (cmdline_has("fatal=rodata")) {
        expect(HAL_VECTOR_PAGE, HAL_PF_WRITE | HAL_PF_PRESENT, (uint64_t)code, 0);
        *(volatile char *)(uint64_t)code = 0;
    } else if (cmdline_has("fatal=execute")) {
        expect(HAL_VECTOR_PAGE, HAL_PF_FETCH | HAL_PF_PRESENT, (uint64_t)data, 0);
        ((void (*)(void))(uint64_t)data)();
    } else if (cmdline_has("fatal=smap")) {
        uint64_t page = user_page();
        expect(HAL_VECTOR_PAGE, HAL_PF_PRESENT, page, 0);
        (void)*(volatile char *)page;
    } else if (cmdline_has("fatal=smep")) {
        uint64_t page = user_page();
        expect(HAL_VECTOR_PAGE, HAL_PF_FETCH | HAL_PF_PRESENT, page, 0);
        ((void (*)(void))page)();
    } else if (cmdline_has("fatal=ud")) {
        expect(HAL_VECTOR_INVALID_OPCODE, 0, 0, 0);
        __builtin_trap();
    } else if (cmdline_has("fatal=stack")) {
        overflow_stack();
    } else if (cmdline_has("fatal=bootstack")) {
        overflow_boot_stack();
    } else if (cmdline_has("fatal=crash")) {
        hal_power_crash();
    } else {
        return;
    }
    print("nothing stopped it\n");
    hal_power_off(99);
}
