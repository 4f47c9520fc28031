/* SPDX-License-Identifier: MIT
 *
 * Address spaces and user copies; and, with more CPUs, TLB shoot-down between them.
 */
#include "tests/qemu/fake_kernel.h"

extern const char user_syscall[], user_reader[], user_xmm_spin[], user_loop[];

enum { R = HAL_PROT_READ, W = HAL_PROT_WRITE, X = HAL_PROT_EXEC };
enum { BASE = 0x10000000 };

static void activate(struct hal_aspace *aspace)
{
    bool enabled = hal_irq_save();
    hal_aspace_activate(aspace);
    hal_irq_restore(enabled);
}

static void check_page(struct hal_aspace *aspace, uint64_t uaddr, uint64_t paddr, unsigned prot)
{
    uint64_t got = 0;
    unsigned got_prot = 0;
    bool present = hal_aspace_lookup(aspace, uaddr, &got, &got_prot);
    CHECK_EQUAL(present, prot != 0);
    if (present && prot) {
        CHECK_EQUAL(got, paddr);
        CHECK_EQUAL(got_prot & (R | W), prot & (R | W));
        if (!cmdline_has("no-nx"))
            CHECK_EQUAL(got_prot, prot);
    }
}

static void translations(void)
{
    enum { PAGES = 600 };
    struct hal_aspace *aspace;
    uint64_t frames = pages_alloc(PAGES);
    CHECK_EQUAL(hal_aspace_create(&aspace), 0);
    check_page(aspace, BASE, 0, 0);
    CHECK_EQUAL(hal_aspace_map(aspace, BASE, frames, PAGES, R | W), 0);
    for (unsigned i = 0; i < PAGES; i++)
        check_page(aspace, BASE + i * 4096ull, frames + i * 4096ull, R | W);
    check_page(aspace, BASE - 4096, 0, 0);
    check_page(aspace, BASE + PAGES * 4096ull, 0, 0);
    hal_aspace_protect(aspace, BASE + 4096, 2, R, false);
    check_page(aspace, BASE + 4096, frames + 4096, R);
    hal_aspace_protect(aspace, BASE, 4, R | W | X, true);
    check_page(aspace, BASE, frames, R | W | X);
    check_page(aspace, BASE + 4096, frames + 4096, R | X);
    check_page(aspace, BASE + 3 * 4096, frames + 3 * 4096, R | W | X);
    hal_aspace_protect(aspace, BASE + 2 * 4096, 1, 0, false);
    check_page(aspace, BASE + 2 * 4096, 0, 0);
    hal_aspace_unmap(aspace, 0, 0x7ffffffff000 / 4096);
    hal_aspace_flush(aspace);
    for (unsigned i = 0; i < PAGES; i++)
        check_page(aspace, BASE + i * 4096ull, 0, 0);
    /* The ends of the address space, and beyond. */
    CHECK_EQUAL(hal_aspace_map(aspace, 0x7fffffffe000, frames, 1, R), 0);
    check_page(aspace, 0x7fffffffe000, frames, R);
    CHECK(hal_aspace_map(aspace, 0x7fffffffe000, frames, 2, R) != 0);
    CHECK(hal_aspace_map(aspace, 0xffff800000000000, frames, 1, R) != 0);
    check_page(aspace, 0xffff800000001000, 0, 0);
    hal_aspace_destroy(aspace);
}

/* Tables come back when their pages are gone, not only at the end. */
static void empty_tables_are_freed(void)
{
    struct hal_aspace *aspace;
    uint64_t frame = page_alloc();
    CHECK_EQUAL(hal_aspace_create(&aspace), 0);
    unsigned before = pages_in_use();
    for (unsigned i = 0; i < 500; i++) {
        uint64_t uaddr = BASE + (uint64_t)i * 0x50000000;
        CHECK_EQUAL(hal_aspace_map(aspace, uaddr, frame, 1, R | W), 0);
        check_page(aspace, uaddr, frame, R | W);
        hal_aspace_unmap(aspace, uaddr, 1);
        hal_aspace_flush(aspace);
    }
    CHECK(pages_in_use() < before + 60);
    hal_aspace_destroy(aspace);
    CHECK(pages_in_use() <= before); /* with the top-level table */
    page_free(frame);
}

void test_aspace(void)
{
    unsigned before = pages_in_use();
    translations();
    CHECK(pages_in_use() <= before + 601); /* the frames, and the pool of structures */
    empty_tables_are_freed();
}

/* Copies: a page at DATA, a read-only page after it, then nothing. */

enum { DATA = 0x20000000, READONLY = DATA + 4096, HOLE = DATA + 8192 };

static void copies_stop_at_the_hole(void)
{
    static unsigned char from[9000], to[9000];
    static const unsigned sizes[] = {1, 2, 7, 8, 9, 63, 64, 65, 130, 1000, 4096, 5000, 8192};
    for (unsigned i = 0; i < sizeof from; i++)
        from[i] = (unsigned char)(i * 13 + (i >> 8));
    for (unsigned s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        unsigned n = sizes[s];
        for (unsigned beyond = 0; beyond <= n && beyond < 70; beyond += beyond < 10 ? 1 : 17) {
            uint64_t start = HOLE - n + beyond;
            memset(to, 0xee, sizeof to);
            CHECK_EQUAL(hal_copy_from_user(to, start, n), beyond);
            for (unsigned i = n - beyond; i < n; i++)
                CHECK_EQUAL(to[i], 0xee);
            if (n <= 4096) {
                start -= 4096; /* writing stops at the read-only page */
                CHECK_EQUAL(hal_copy_to_user(start, from, n), beyond);
                memset(to, 0xee, sizeof to);
                CHECK_EQUAL(hal_copy_from_user(to, start, n - beyond), 0);
                CHECK(memcmp(to, from, n - beyond) == 0);
                CHECK_EQUAL(hal_clear_user(start, n), beyond);
                CHECK_EQUAL(hal_copy_from_user(to, start, n - beyond), 0);
                for (unsigned i = 0; i < n - beyond; i++)
                    if (to[i])
                        CHECK_EQUAL(to[i], 0);
            }
        }
    }
}

static void ranges_are_checked(void)
{
    char byte = 1;
    static const uint64_t bad[] = {0x7ffffffff000,     0x7fffffffffff,     0x800000000000,
                                   0xffff800000001000, 0xffffffff80100000, UINT64_MAX};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint32_t word;
        CHECK_EQUAL(hal_copy_from_user(&byte, bad[i], 1), 1);
        CHECK_EQUAL(hal_copy_to_user(bad[i], &byte, 1), 1);
        CHECK_EQUAL(hal_clear_user(bad[i], 1), 1);
        CHECK_EQUAL(hal_copy_string_from_user(&byte, bad[i], 1), 0);
        CHECK(hal_user_load32(bad[i] & ~3ull, &word) < 0);
        CHECK(hal_user_cmpxchg32(bad[i] & ~3ull, 0, 0, &word) < 0);
    }
    CHECK_EQUAL(hal_copy_from_user(&byte, DATA, UINT64_MAX - 8), UINT64_MAX - 8);
    CHECK_EQUAL(hal_copy_from_user(&byte, DATA, 0), 0);
}

static void strings(void)
{
    char text[64];
    CHECK_EQUAL(hal_copy_to_user(DATA, "hello", 6), 0);
    memset(text, 'x', sizeof text);
    CHECK_EQUAL(hal_copy_string_from_user(text, DATA, sizeof text), 6);
    CHECK(memcmp(text, "hello\0x", 7) == 0);
    CHECK_EQUAL(hal_copy_string_from_user(text, DATA, 3), 3);
    CHECK_EQUAL(hal_copy_string_from_user(text, DATA, 6), 6);
    CHECK_EQUAL(hal_copy_string_from_user(text, DATA, 0), 0);
    CHECK_EQUAL(hal_copy_string_from_user(text, HOLE, 10), 0);
    /* READONLY's page has 'r' all over. */
    CHECK_EQUAL(hal_copy_string_from_user(text, HOLE - 5, 64), 5);
    CHECK(memcmp(text, "rrrrr", 5) == 0);
}

static void words(void)
{
    uint32_t old = 9, value = 5;
    CHECK_EQUAL(hal_copy_to_user(DATA + 16, &value, 4), 0);
    CHECK_EQUAL(hal_user_load32(DATA + 16, &old), 0);
    CHECK_EQUAL(old, 5);
    CHECK_EQUAL(hal_user_cmpxchg32(DATA + 16, 4, 6, &old), 0);
    CHECK_EQUAL(old, 5);
    CHECK_EQUAL(hal_user_cmpxchg32(DATA + 16, 5, 6, &old), 0);
    CHECK_EQUAL(hal_user_load32(DATA + 16, &old), 0);
    CHECK_EQUAL(old, 6);
    CHECK_EQUAL(hal_user_load32(READONLY, &old), 0);
    CHECK_EQUAL(hal_user_cmpxchg32(READONLY, old, 6, &old), -14);
    CHECK_EQUAL(hal_user_load32(HOLE, &old), -14);
    CHECK_EQUAL(hal_user_cmpxchg32(HOLE, 0, 6, &old), -14);
}

void test_copy(void)
{
    struct hal_aspace *aspace, *other;
    uint64_t page = page_alloc(), readonly = page_alloc();
    memset(page_address(readonly), 'r', 4096);
    CHECK_EQUAL(hal_aspace_create(&aspace), 0);
    CHECK_EQUAL(hal_aspace_create(&other), 0);
    CHECK_EQUAL(hal_aspace_map(aspace, DATA, page, 1, R | W), 0);
    CHECK_EQUAL(hal_aspace_map(aspace, READONLY, readonly, 1, R), 0);
    char byte = 7;
    CHECK_EQUAL(hal_copy_to_user(DATA, &byte, 1), 1); /* none is active */
    activate(aspace);
    CHECK_EQUAL(hal_copy_to_user(DATA, &byte, 1), 0);
    CHECK_EQUAL(*(char *)page_address(page), 7);
    copies_stop_at_the_hole();
    ranges_are_checked();
    strings();
    words();
    activate(other);
    CHECK_EQUAL(hal_copy_from_user(&byte, DATA, 1), 1);
    activate(aspace);
    CHECK_EQUAL(hal_copy_from_user(&byte, DATA, 1), 0);
    hal_aspace_unmap(aspace, DATA, 1);
    hal_aspace_flush(aspace);
    CHECK_EQUAL(hal_copy_from_user(&byte, DATA, 1), 1);
    /* More than a flush by the page is good for. */
    uint64_t many = pages_alloc(200);
    CHECK_EQUAL(hal_aspace_map(aspace, BASE, many, 200, R | W), 0);
    for (unsigned i = 0; i < 200; i++)
        CHECK_EQUAL(hal_copy_to_user(BASE + i * 4096ull, &byte, 1), 0);
    hal_aspace_protect(aspace, BASE, 200, R, false);
    hal_aspace_flush(aspace);
    for (unsigned i = 0; i < 200; i++)
        CHECK_EQUAL(hal_copy_to_user(BASE + i * 4096ull, &byte, 1), 1);
    activate(NULL);
    CHECK_EQUAL(hal_copy_from_user(&byte, BASE, 1), 1);
    hal_aspace_destroy(aspace);
    hal_aspace_destroy(other);
    page_free(page);
    page_free(readonly);
}

/* Other CPUs */

struct runner {
    struct user *user;
    struct hal_fault fault;
    enum hal_stop stop;
    volatile bool running, stop_asked;
};

static void run_until_fault(void *argument)
{
    struct runner *r = argument;
    activate(r->user->aspace);
    r->running = true;
    while (hal_stop_is_interrupt(r->stop = hal_user_run(&r->user->hal, &r->fault)))
        if (r->stop_asked)
            return;
}

static void shoot_down(unsigned cpu)
{
    struct runner r = {.user = user_create(user_reader)};
    volatile uint64_t *out = page_address(r.user->data_page);
    uint64_t a = page_alloc(), b = page_alloc();
    *(uint64_t *)page_address(a) = 1;
    *(uint64_t *)page_address(b) = 2;
    CHECK_EQUAL(hal_aspace_map(r.user->aspace, BASE, a, 1, R), 0);
    r.user->hal.regs.rdi = BASE;
    r.user->hal.regs.rsi = USER_DATA;
    cpu_begin(cpu, run_until_fault, &r);
    while (out[1] != 1)
        hal_cpu_relax();
    for (unsigned i = 0; i < 20; i++) {
        uint64_t value = 2 - i % 2;
        CHECK_EQUAL(hal_aspace_map(r.user->aspace, BASE, value == 2 ? b : a, 1, R), 0);
        hal_aspace_flush(r.user->aspace);
        out[1] = 0; /* one stale read may still be stored */
        while (out[1] == 0)
            hal_cpu_relax();
        out[1] = 0;
        while (out[1] == 0)
            hal_cpu_relax();
        CHECK_EQUAL(out[1], value);
    }
    hal_aspace_unmap(r.user->aspace, BASE, 1);
    hal_aspace_flush(r.user->aspace);
    cpu_finish(cpu);
    CHECK_EQUAL(r.stop, HAL_STOP_FAULT);
    CHECK_EQUAL(r.fault.vector, HAL_VECTOR_PAGE);
    CHECK_EQUAL(r.fault.address, BASE);
    user_destroy(r.user); /* the other CPU still has its tables loaded */
    page_free(a);
    page_free(b);
}

/* Many CPUs in one address space, flushed by several at once. */
struct crowd {
    struct hal_aspace *aspace;
    uint64_t frames;
    volatile unsigned errors;
};

static void map_and_unmap(void *argument)
{
    struct crowd *crowd = argument;
    unsigned cpu = hal_cpu_id();
    uint64_t uaddr = BASE + cpu * 0x200000ull, frame = crowd->frames + cpu * 4096ull;
    activate(crowd->aspace);
    for (unsigned i = 0; i < 80 / cpus_started; i++) {
        uint32_t value = i, got = 0;
        /* map and unmap are serialised by the kernel; here by keeping to one's own tables */
        if (hal_aspace_map(crowd->aspace, uaddr, frame, 1, R | W) ||
            hal_copy_to_user(uaddr, &value, 4) || hal_copy_from_user(&got, uaddr, 4) || got != i)
            crowd->errors++;
        hal_aspace_protect(crowd->aspace, uaddr, 1, 0, false);
        hal_aspace_flush(crowd->aspace);
        if (hal_copy_from_user(&got, uaddr, 4) != 4)
            crowd->errors++;
    }
}

static void ipis(void)
{
    for (unsigned cpu = 0; cpu < cpus_started; cpu++) {
        unsigned before = arrivals[cpu].ipis;
        hal_cpu_send_ipi(cpu);
        uint64_t end = hal_time_monotonic_ns() + 2000000000;
        while (arrivals[cpu].ipis == before && hal_time_monotonic_ns() < end)
            hal_cpu_relax();
        CHECK(arrivals[cpu].ipis > before);
    }
}

static void timer_there(void *unused)
{
    (void)unused;
    unsigned cpu = hal_cpu_id(), before = arrivals[cpu].timers;
    uint64_t deadline = hal_time_monotonic_ns() + 2000000;
    hal_irq_disable();
    hal_timer_arm(deadline);
    while (arrivals[cpu].timers == before)
        hal_cpu_idle();
    hal_irq_enable();
    CHECK(arrivals[cpu].last_timer_ns >= deadline);
    CHECK(arrivals[cpu].last_timer_ns < deadline + 500000000);
}

/* An IPI takes a CPU out of user code. */
static void ipi_stops_user_code(unsigned cpu)
{
    struct runner r = {.user = user_create(user_xmm_spin)};
    r.user->hal.regs.rdi = 99;
    cpu_begin(cpu, run_until_fault, &r);
    while (!r.running)
        hal_cpu_relax();
    r.stop_asked = true;
    hal_cpu_send_ipi(cpu);
    cpu_finish(cpu);
    CHECK(hal_stop_is_interrupt(r.stop));
    user_destroy(r.user);
}

void test_smp(void)
{
    ipis();
    for (unsigned cpu = 1; cpu < cpus_started; cpu++) {
        cpu_run(cpu, timer_there, NULL);
        shoot_down(cpu);
        ipi_stops_user_code(cpu);
    }
    struct crowd crowd = {.frames = pages_alloc(HAL_CPUS_MAX)};
    CHECK_EQUAL(hal_aspace_create(&crowd.aspace), 0);
    for (unsigned cpu = 0; cpu < cpus_started; cpu++) /* tables exist before the race */
        CHECK_EQUAL(
            hal_aspace_map(crowd.aspace, BASE + cpu * 0x200000ull + 4096, crowd.frames, 1, R), 0);
    for (unsigned cpu = 1; cpu < cpus_started; cpu++)
        cpu_begin(cpu, map_and_unmap, &crowd);
    map_and_unmap(&crowd);
    for (unsigned cpu = 1; cpu < cpus_started; cpu++)
        cpu_finish(cpu);
    CHECK_EQUAL(crowd.errors, 0);
    activate(NULL);
    hal_aspace_destroy(crowd.aspace);
}
