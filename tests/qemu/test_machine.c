/* SPDX-License-Identifier: MIT
 *
 * Time, contexts, stacks, memory functions, the protection of the kernel's own image, devices and
 * the console.
 */
#include "tests/qemu/fake_kernel.h"

enum { MS = 1000000 };

static void wait_for_timer(unsigned count, uint64_t limit_ns)
{
    uint64_t end = hal_time_monotonic_ns() + limit_ns;
    while (arrivals[0].timers == count && hal_time_monotonic_ns() < end)
        hal_cpu_relax();
}

static void arm(uint64_t deadline)
{
    hal_irq_disable();
    hal_timer_arm(deadline);
    hal_irq_enable();
}

void test_time(void)
{
    uint64_t start = hal_time_monotonic_ns(), last = start;
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t now = hal_time_monotonic_ns();
        CHECK(now >= last);
        last = now;
    }
    for (unsigned i = 1; i <= 4; i++) {
        unsigned before = arrivals[0].timers;
        uint64_t deadline = hal_time_monotonic_ns() + i * 3 * MS;
        arm(deadline);
        wait_for_timer(before, 2000 * MS);
        CHECK_EQUAL(arrivals[0].timers, before + 1);
        CHECK(arrivals[0].last_timer_ns >= deadline);
        CHECK(arrivals[0].last_timer_ns < deadline + 500 * MS);
    }
    unsigned before = arrivals[0].timers;
    arm(hal_time_monotonic_ns() - 5); /* past: at once */
    wait_for_timer(before, 2000 * MS);
    CHECK_EQUAL(arrivals[0].timers, before + 1);

    before = arrivals[0].timers; /* replaced by a later one, by an earlier one, disarmed */
    uint64_t now = hal_time_monotonic_ns();
    hal_irq_disable();
    hal_timer_arm(now + 5 * MS);
    hal_timer_arm(now + 20 * MS);
    hal_irq_enable();
    wait_for_timer(before, 2000 * MS);
    CHECK(arrivals[0].last_timer_ns >= now + 20 * MS);
    before = arrivals[0].timers;
    arm(hal_time_monotonic_ns() + 10000ull * MS);
    arm(hal_time_monotonic_ns() + 3 * MS);
    wait_for_timer(before, 2000 * MS);
    CHECK_EQUAL(arrivals[0].timers, before + 1);
    before = arrivals[0].timers;
    hal_irq_disable();
    hal_timer_arm(hal_time_monotonic_ns() + 3 * MS);
    hal_timer_arm(UINT64_MAX);
    hal_irq_enable();
    wait_for_timer(before, 10 * MS);
    CHECK_EQUAL(arrivals[0].timers, before);

    hal_irq_disable(); /* idle returns masked, once something has come */
    before = arrivals[0].timers;
    hal_timer_arm(hal_time_monotonic_ns() + MS);
    while (arrivals[0].timers == before)
        hal_cpu_idle();
    CHECK(!hal_irq_enabled());
    hal_irq_enable();

    uint64_t wall = hal_time_realtime_ns() / 1000000000;
    CHECK(wall > 1600000000 && wall < 4000000000);

    uint64_t word = 0;
    size_t got = hal_entropy_read(&word, sizeof word);
    CHECK(got == 0 || (got == sizeof word && word != 0));
}

/* Contexts */

static struct hal_context main_context, other_context;
static volatile unsigned switches;
static uint64_t other_stack_pointer;

static void other_entry(void *argument)
{
    CHECK_EQUAL(argument, &switches);
    CHECK(!hal_irq_enabled());
    other_stack_pointer = (uint64_t)__builtin_frame_address(0);
    CHECK_EQUAL(other_stack_pointer % 16, 0);
    for (;;) {
        switches++;
        hal_context_switch(&other_context, &main_context);
    }
}

static void stacks_come_and_go(void)
{
    enum { LIVE = 64, ROUNDS = 40 };
    static char *stacks[LIVE];
    unsigned pages = (unsigned)(hal_stack_size() / HAL_PAGE_SIZE);
    uint64_t frames = pages_alloc(LIVE * pages);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < LIVE; i++) {
            /* The other frames each round: a stale translation would hit the wrong ones. */
            uint64_t paddr = frames + (uint64_t)((i + round) % LIVE) * hal_stack_size();
            stacks[i] = hal_stack_map(paddr);
            CHECK(stacks[i] != NULL);
            stacks[i][0] = (char)i;
            stacks[i][hal_stack_size() - 1] = (char)(i ^ 0x55);
            CHECK_EQUAL(*(char *)page_address(paddr), (char)i);
        }
        for (unsigned i = 0; i < LIVE; i++) {
            CHECK_EQUAL(stacks[i][0], (char)i);
            CHECK_EQUAL(stacks[i][hal_stack_size() - 1], (char)(i ^ 0x55));
            hal_stack_unmap(stacks[i]);
        }
    }
}

void test_context(void)
{
    CHECK(hal_stack_size() >= HAL_STACK_SIZE);
    void *stack = hal_stack_map(pages_alloc((unsigned)(hal_stack_size() / HAL_PAGE_SIZE)));
    CHECK(stack != NULL);
    hal_context_init(&other_context, stack, other_entry, (void *)&switches);
    hal_irq_disable();
    for (unsigned i = 1; i <= 1000; i++) {
        hal_context_switch(&main_context, &other_context);
        CHECK_EQUAL(switches, i);
    }
    hal_irq_enable();
    CHECK(other_stack_pointer > (uint64_t)stack &&
          other_stack_pointer < (uint64_t)stack + hal_stack_size());
    hal_context_destroy(&other_context);
    hal_stack_unmap(stack);
    stacks_come_and_go();

    uint64_t trace[16];
    unsigned n = hal_debug_backtrace(trace, 16);
    CHECK(n >= 2 && n < 16);
    for (unsigned i = 0; i < n; i++)
        CHECK(trace[i] > 0xffffffff80100000);
}

/* memcpy and friends, against loops that cannot be wrong. */
void test_string(void)
{
    enum { SIZE = 400 };
    static unsigned char a[SIZE], b[SIZE], expected[SIZE];
    static const unsigned sizes[] = {0,  1,  2,  3,  4,  5,  7,  8,  9,   15,  16,  17,  24, 31,
                                     32, 33, 39, 40, 63, 64, 65, 71, 100, 128, 131, 260, 300};
    for (unsigned s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        unsigned n = sizes[s];
        for (unsigned shift = 0; shift < 20; shift++) {
            for (unsigned i = 0; i < SIZE; i++) {
                a[i] = (unsigned char)(i * 7 + 1);
                b[i] = expected[i] = (unsigned char)(i ^ 0xa5);
            }
            for (unsigned i = 0; i < n; i++)
                expected[shift + i] = a[i + 3];
            CHECK_EQUAL(memcpy(b + shift, a + 3, n), b + shift);
            CHECK(memcmp(b, expected, SIZE) == 0);
            /* Overlapping, both ways. */
            for (unsigned i = 0; i < SIZE; i++)
                expected[i] = a[i] = (unsigned char)(i * 7 + 1);
            for (unsigned i = 0; i < n; i++)
                expected[20 + i] = (unsigned char)((20 + i + shift - 10) * 7 + 1);
            CHECK_EQUAL(memmove(a + 20, a + 20 + shift - 10, n), a + 20);
            CHECK(memcmp(a, expected, SIZE) == 0);
            for (unsigned i = 0; i < n; i++)
                expected[shift + i] = 0x9c;
            CHECK_EQUAL(memset(a + shift, 0x39c, n), a + shift);
            for (unsigned i = 0; i < SIZE; i++)
                if (a[i] != expected[i]) {
                    CHECK_EQUAL(a[i], expected[i]);
                    break;
                }
        }
    }
    static const unsigned char x[] = "abcdefgh0123456789", y[] = "abcdefgh01\xff"
                                                                 "3456789";
    CHECK(memcmp(x, y, 10) == 0);
    CHECK(memcmp(x, y, 18) < 0);
    CHECK(memcmp(y, x, 18) > 0);
    CHECK(memcmp(x, x + 1, 9) < 0);
}

/* Every leaf of the kernel half, walked: nothing may be writable and executable, and the direct
 * map covers RAM. */

static struct {
    uint64_t writable, executable, readonly;
} image_pages;

static void walk(uint64_t table_paddr, unsigned level, uint64_t vaddr)
{
    const uint64_t *table = page_address(table_paddr);
    for (unsigned i = level == 3 ? 256 : 0; i < 512; i++) {
        uint64_t entry = table[i], at = vaddr + ((uint64_t)i << (12 + 9 * level));
        if (!(entry & 1))
            continue;
        if (level == 3)
            at |= 0xffff000000000000;
        CHECK(!(entry & 4) || level > 0); /* no user access to the kernel half */
        if (level > 0 && !(entry & 0x80)) {
            walk(entry & 0x000ffffffffff000, level - 1, at);
            continue;
        }
        bool writable = entry & 2, executable = !cmdline_has("no-nx") && !(entry >> 63);
        if (writable && executable)
            print_number("writable and executable ", at);
        CHECK(!(writable && executable));
        CHECK(!executable || at >= 0xffffffff80000000);
        if (at >= 0xffffffff80000000) {
            image_pages.writable += writable;
            image_pages.executable += executable;
            image_pages.readonly += !writable && !executable;
        }
    }
}

void test_image(void)
{
    uint64_t cr0, cr3, cr4;
    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    CHECK(cr0 & 1 << 16);
    walk(cr3 & 0x000ffffffffff000, 3, 0);
    CHECK(image_pages.executable > 0 || cmdline_has("no-nx"));
    CHECK(image_pages.readonly > 0 && image_pages.writable > 0);
    CHECK_EQUAL(*(const uint64_t *)page_address(cr3) & 1, 0); /* no identity map left */
    if (cmdline_has("expect-smap"))
        CHECK((cr4 & 0x300000) == 0x300000);
    if (cmdline_has("expect-umip"))
        CHECK(cr4 & 1 << 11);
    if (cmdline_has("expect-fsgsbase"))
        CHECK(boot->hwcap2 & 2);

    uint64_t total = 0, last_end = 0;
    CHECK(boot->ram_count > 0 && boot->ram_count <= HAL_RAM_RANGES_MAX);
    for (unsigned i = 0; i < boot->ram_count; i++) {
        const struct hal_ram_range *r = &boot->ram[i];
        CHECK(r->paddr >= last_end && r->paddr > 0 && r->bytes > 0);
        CHECK_EQUAL((r->paddr | r->bytes) % HAL_PAGE_SIZE, 0);
        last_end = r->paddr + r->bytes;
        total += r->bytes;
        CHECK((last_end - 1) >> boot->phys_bits == 0);
        if (i > 0) { /* the first range has memory in use */
            volatile uint64_t *word = page_address(last_end - 8);
            uint64_t old = *word;
            *word = 0x1122334455667788;
            CHECK_EQUAL(*word, 0x1122334455667788);
            *word = old;
        }
    }
    print_number("ram KiB ", total / 1024);
    if (boot->initrd) {
        const char *text = boot->initrd;
        CHECK(boot->initrd_bytes >= 6 && memcmp(text, "initrd", 6) == 0);
        CHECK(boot->initrd_paddr == 0 || page_address(boot->initrd_paddr) == text);
        CHECK(memcmp(text + boot->initrd_bytes - 3, "end", 3) == 0);
        for (unsigned i = 0; i < boot->ram_count; i++)
            CHECK(boot->initrd_paddr + boot->initrd_bytes <= boot->ram[i].paddr ||
                  boot->initrd_paddr >= boot->ram[i].paddr + boot->ram[i].bytes);
    }
    CHECK(!cmdline_has("expect-initrd") || boot->initrd);
    CHECK(boot->user_addr_limit == 0x7ffffffff000);
    CHECK(boot->hwcap & 1 << 26); /* SSE2 */
}

/* Console: echo the input until "end". */

static volatile bool input_seen, writable_seen;

void kernel_on_console_input(void)
{
    input_seen = true;
}

void kernel_on_console_writable(void)
{
    writable_seen = true;
}

void test_console(void)
{
    char line[64];
    size_t fill = 0;
    uint64_t end = hal_time_monotonic_ns() + 10000ull * MS;
    while (hal_time_monotonic_ns() < end && fill < sizeof line) {
        if (!input_seen) {
            hal_cpu_relax();
            continue;
        }
        input_seen = false;
        size_t n = hal_console_read(line + fill, sizeof line - fill);
        for (size_t done = 0; done < n;) {
            size_t took = hal_console_write(HAL_CHANNEL_CONSOLE, line + fill + done, n - done);
            done += took;
            while (took == 0 && !writable_seen)
                hal_cpu_relax();
            writable_seen = false;
        }
        fill += n;
        if (fill >= 3 && memcmp(line + fill - 3, "end", 3) == 0)
            break;
    }
    CHECK(fill >= 3 && memcmp(line + fill - 3, "end", 3) == 0);
    CHECK(!hal_console_input_ended());
    CHECK_EQUAL(hal_console_write(HAL_CHANNEL_TRACE, "trace\n", 6), 6);
}
