/* SPDX-License-Identifier: MIT
 *
 * The fake kernel: what the backend calls, memory, other CPUs, and user tasks for the tests.
 */
#include "tests/qemu/fake_kernel.h"

const struct hal_boot *boot;
struct arrivals arrivals[HAL_CPUS_MAX];
unsigned cpus_started = 1;

static unsigned failures;
static uint64_t free_pages, bump_next, bump_end, bump_range;
static unsigned used;
static unsigned memory_lock;

static struct {
    void (*volatile job)(void *argument);
    void *argument;
} cpu_jobs[HAL_CPUS_MAX];

void print(const char *text)
{
    size_t n = 0;
    while (text[n])
        n++;
    hal_console_write(HAL_CHANNEL_LOG, text, n);
}

void print_number(const char *name, uint64_t value)
{
    char digits[18];
    for (unsigned i = 0; i < 16; i++)
        digits[i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
    digits[16] = '\n';
    digits[17] = 0;
    print(name);
    print(digits);
}

void check_failed(const char *file, unsigned line, const char *what)
{
    __atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);
    print("FAILED ");
    print(file);
    print(": ");
    print(what);
    print_number(" line ", line);
}

bool cmdline_has(const char *word)
{
    size_t n = 0;
    while (word[n])
        n++;
    for (const char *at = boot->cmdline; *at; at++) {
        bool starts = at == boot->cmdline || at[-1] == ' ';
        size_t i = 0;
        while (starts && i < n && at[i] == word[i])
            i++;
        if (starts && i == n && (at[n] == 0 || at[n] == ' '))
            return true;
    }
    return false;
}

/* Memory */

static bool memory_take(void)
{
    bool enabled = hal_irq_save();
    while (__atomic_exchange_n(&memory_lock, 1, __ATOMIC_ACQUIRE))
        hal_cpu_relax();
    return enabled;
}

static void memory_give(bool enabled)
{
    __atomic_store_n(&memory_lock, 0, __ATOMIC_RELEASE);
    hal_irq_restore(enabled);
}

uint64_t pages_alloc(unsigned count)
{
    bool enabled = memory_take();
    uint64_t bytes = (uint64_t)count * HAL_PAGE_SIZE;
    while (bump_range < boot->ram_count && bump_end - bump_next < bytes) {
        bump_next = boot->ram[bump_range].paddr;
        bump_end = bump_next + boot->ram[bump_range].bytes;
        bump_range++;
    }
    uint64_t paddr = bump_end - bump_next < bytes ? 0 : bump_next;
    if (paddr)
        bump_next += bytes;
    used += count;
    memory_give(enabled);
    if (paddr)
        memset(page_address(paddr), 0, bytes);
    return paddr;
}

uint64_t page_alloc(void)
{
    bool enabled = memory_take();
    uint64_t paddr = free_pages;
    if (paddr) {
        free_pages = *(uint64_t *)page_address(paddr);
        used++;
    }
    memory_give(enabled);
    if (!paddr)
        return pages_alloc(1);
    memset(page_address(paddr), 0, HAL_PAGE_SIZE);
    return paddr;
}

void page_free(uint64_t paddr)
{
    bool enabled = memory_take();
    memset(page_address(paddr), 0xdb, HAL_PAGE_SIZE); /* a stale use will show */
    *(uint64_t *)page_address(paddr) = free_pages;
    free_pages = paddr;
    used--;
    memory_give(enabled);
}

unsigned pages_in_use(void)
{
    return used;
}

uint64_t kernel_on_table_page_alloc(void)
{
    return page_alloc();
}

void kernel_on_table_page_free(uint64_t paddr)
{
    page_free(paddr);
}

/* Interrupts */

void kernel_on_timer(void)
{
    struct arrivals *a = &arrivals[hal_cpu_id()];
    a->last_timer_ns = hal_time_monotonic_ns();
    a->timers++;
}

void kernel_on_ipi(void)
{
    arrivals[hal_cpu_id()].ipis++;
}

void kernel_on_console_resize(void) {}

void kernel_on_power_button(void)
{
    print("power button\n");
    hal_power_off(0);
}

void kernel_on_fatal_exception(unsigned vector, uint64_t error, uint64_t address, uint64_t rip,
                               uint64_t rsp)
{
    if (fatal_expected(vector, error, address, rip, rsp))
        hal_power_off(0);
    print_number("fatal exception ", vector);
    print_number("address ", address);
    print_number("rip ", rip);
    hal_power_crash();
}

/* Other CPUs */

void kernel_on_cpu_start(unsigned cpu)
{
    CHECK_EQUAL(cpu, hal_cpu_id());
    CHECK_EQUAL(hal_cpu_local(), &cpu_jobs[cpu]);
    CHECK(!hal_irq_enabled());
    for (;;) {
        while (!cpu_jobs[cpu].job)
            hal_cpu_idle();
        hal_irq_enable();
        cpu_jobs[cpu].job(cpu_jobs[cpu].argument);
        hal_irq_disable();
        hal_aspace_activate(NULL);
        __atomic_store_n(&cpu_jobs[cpu].job, NULL, __ATOMIC_RELEASE);
    }
}

void cpu_begin(unsigned cpu, void (*job)(void *), void *argument)
{
    cpu_jobs[cpu].argument = argument;
    __atomic_store_n(&cpu_jobs[cpu].job, job, __ATOMIC_RELEASE);
    hal_cpu_send_ipi(cpu);
}

void cpu_finish(unsigned cpu)
{
    while (__atomic_load_n(&cpu_jobs[cpu].job, __ATOMIC_ACQUIRE))
        hal_cpu_relax();
}

void cpu_run(unsigned cpu, void (*job)(void *), void *argument)
{
    cpu_begin(cpu, job, argument);
    cpu_finish(cpu);
}

static void start_cpus(void)
{
    for (unsigned cpu = 1; cpu < boot->cpu_count; cpu++) {
        CHECK_EQUAL(hal_cpu_start(cpu, &cpu_jobs[cpu]), 0);
        cpus_started++;
    }
    CHECK(hal_cpu_start(0, NULL) != 0);
    CHECK(hal_cpu_start(boot->cpu_count, NULL) != 0);
    print_number("cpus ", cpus_started);
}

/* User tasks */

struct user *user_create(const char *entry)
{
    uint64_t page = page_alloc();
    struct user *user = page_address(page);
    CHECK_EQUAL(hal_aspace_create(&user->aspace), 0);
    uint64_t code = page_alloc();
    memcpy(page_address(code), user_code, (size_t)(user_code_end - user_code));
    user->data_page = page_alloc();
    user->stack_page = page_alloc();
    user->fpu_page = pages_alloc((unsigned)(hal_fpu_size() + HAL_PAGE_SIZE - 1) / HAL_PAGE_SIZE);
    const unsigned rw = HAL_PROT_READ | HAL_PROT_WRITE;
    CHECK_EQUAL(hal_aspace_map(user->aspace, USER_CODE, code, 1, HAL_PROT_READ | HAL_PROT_EXEC), 0);
    CHECK_EQUAL(hal_aspace_map(user->aspace, USER_DATA, user->data_page, 1, rw), 0);
    CHECK_EQUAL(
        hal_aspace_map(user->aspace, USER_STACK_TOP - HAL_PAGE_SIZE, user->stack_page, 1, rw), 0);
    user->hal.aspace = user->aspace;
    user->hal.fpu = page_address(user->fpu_page);
    hal_fpu_init(user->hal.fpu);
    hal_user_init(&user->hal);
    user_enter(user, entry);
    return user;
}

void user_enter(struct user *user, const char *entry)
{
    user->hal.regs.rip = USER_CODE + (uint64_t)(entry - user_code);
    user->hal.regs.rsp = USER_STACK_TOP - 64;
    user->hal.regs.rflags = 0x202;
}

void user_destroy(struct user *user)
{
    uint64_t code;
    unsigned prot;
    CHECK(hal_aspace_lookup(user->aspace, USER_CODE, &code, &prot));
    hal_user_exit(&user->hal);
    hal_aspace_destroy(user->aspace);
    page_free(code);
    page_free(user->data_page);
    page_free(user->stack_page);
    page_free((uint64_t)((char *)user - boot->direct_map));
}

enum hal_stop user_run(struct user *user, struct hal_fault *fault)
{
    enum hal_stop stop;
    bool enabled = hal_irq_save();
    hal_aspace_activate(user->aspace);
    hal_irq_restore(enabled);
    while (hal_stop_is_interrupt(stop = hal_user_run(&user->hal, fault)))
        CHECK(hal_irq_enabled());
    CHECK(hal_irq_enabled());
    return stop;
}

static void run(const char *name, void (*test)(void))
{
    uint64_t start = hal_time_monotonic_ns();
    unsigned before = failures;
    print(name);
    print("\n");
    test();
    if (failures != before)
        print("  failed\n");
    if (cmdline_has("times"))
        print_number("  us ", (hal_time_monotonic_ns() - start) / 1000);
}

void kernel_on_boot(const struct hal_boot *b)
{
    boot = b;
    CHECK(!hal_irq_enabled());
    CHECK_EQUAL(hal_cpu_id(), 0);
    CHECK_EQUAL(hal_cpu_local(), 0);
    hal_cpu_set_local(&cpu_jobs[0]);
    CHECK_EQUAL(hal_cpu_local(), &cpu_jobs[0]);
    print_number("boot us ", hal_time_monotonic_ns() / 1000);
    hal_irq_enable();
    CHECK(hal_irq_enabled());
    run("string", test_string);
    run("image", test_image);
    run("time", test_time);
    start_cpus();
    test_fatal();
    if (cmdline_has("bench"))
        bench();
    run("context", test_context);
    run("aspace", test_aspace);
    run("copy", test_copy);
    run("user", test_user);
    run("fpu", test_fpu);
    run("smp", test_smp);
    run("device", test_device);
    if (cmdline_has("console"))
        run("console", test_console);
    print_number("failed ", failures);
    if (cmdline_has("reboot"))
        hal_power_reboot();
    if (cmdline_has("button"))
        for (;;)
            hal_cpu_relax();
    hal_power_off(failures > 100 ? 100 : (int)failures);
}
