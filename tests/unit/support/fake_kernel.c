/* SPDX-License-Identifier: MIT
 *
 * The fake kernel (fake_kernel.h). The machine's command line carries its address.
 */
#include "tests/unit/support/fake_kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal-hosted/machine.h"
#include "hal/hal.h"
#include "hal/kernel_on.h"

#define WEAK __attribute__((weak))

enum { FAKE_RAM_BYTES = 16 << 20 };

int fake_kernel_run_config(struct fake_kernel *kernel, struct machine_config config)
{
    struct machine *machine;
    char cmdline[40], message[200];
    int status;

    snprintf(cmdline, sizeof cmdline, "fake_kernel=%p", (void *)kernel);
    config.cmdline = cmdline;
    if (machine_create(&config, &machine, message, sizeof message) < 0) {
        fprintf(stderr, "machine_create: %s\n", message);
        return -1;
    }
    status = machine_run(machine);
    machine_destroy(machine);
    return status;
}

int fake_kernel_run(struct fake_kernel *kernel, unsigned cpus)
{
    struct machine_config config = {
        .ram_bytes = FAKE_RAM_BYTES,
        .cpus = cpus,
        .engine = MACHINE_ENGINE_NONE,
        .input_fd = -1,
        .output_fd = -1,
        .log_fd = 2,
        .trace_fd = -1,
    };

    return fake_kernel_run_config(kernel, config);
}

struct fake_cpu *fake_cpu_this(void)
{
    return hal_cpu_local();
}

struct fake_kernel *fake_kernel_this(void)
{
    return fake_cpu_this()->kernel;
}

static struct fake_cpu *cpu_prepare(struct fake_kernel *kernel, unsigned id)
{
    struct fake_cpu *cpu = &kernel->cpus[id];

    cpu->kernel = kernel;
    cpu->id = id;
    return cpu;
}

WEAK void kernel_on_boot(const struct hal_boot *boot)
{
    struct fake_kernel *kernel =
        (void *)(uintptr_t)strtoull(strchr(boot->cmdline, '=') + 1, NULL, 16);

    kernel->boot = boot;
    kernel->next_paddr = boot->ram[0].paddr;
    hal_cpu_set_local(cpu_prepare(kernel, 0));
    kernel->main(kernel->argument);
    hal_power_off(0);
}

WEAK void kernel_on_cpu_start(unsigned cpu)
{
    struct fake_kernel *kernel = fake_kernel_this();

    if (kernel->cpu_main) {
        kernel->cpu_main(kernel->argument, cpu);
    }
    for (;;) {
        hal_cpu_idle();
    }
}

int fake_cpu_start(unsigned cpu)
{
    return hal_cpu_start(cpu, cpu_prepare(fake_kernel_this(), cpu));
}

static void count(unsigned *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

WEAK void kernel_on_timer(void)
{
    struct fake_cpu *cpu = fake_cpu_this();

    count(&cpu->timers);
    if (cpu->kernel->on_timer) {
        cpu->kernel->on_timer(cpu->kernel->argument);
    }
}

WEAK void kernel_on_ipi(void)
{
    struct fake_cpu *cpu = fake_cpu_this();

    count(&cpu->ipis);
    if (cpu->kernel->on_ipi) {
        cpu->kernel->on_ipi(cpu->kernel->argument);
    }
}

WEAK void kernel_on_console_input(void)
{
    count(&fake_kernel_this()->inputs);
}

WEAK void kernel_on_console_writable(void)
{
    count(&fake_kernel_this()->writables);
}

WEAK void kernel_on_console_resize(void)
{
    count(&fake_kernel_this()->resizes);
}

WEAK void kernel_on_power_button(void)
{
    hal_power_off(0);
}

WEAK void kernel_on_fatal_exception(unsigned vector, uint64_t error, uint64_t address, uint64_t rip,
                                    uint64_t rsp)
{
    (void)vector;
    (void)error;
    (void)address;
    (void)rip;
    (void)rsp;
    hal_power_crash();
}

/* --- memory --- */

uint64_t fake_pages_alloc(size_t bytes, size_t align)
{
    struct fake_kernel *kernel = fake_kernel_this();
    uint64_t end = kernel->boot->ram[0].paddr + kernel->boot->ram[0].bytes;
    uint64_t next = __atomic_load_n(&kernel->next_paddr, __ATOMIC_RELAXED);
    uint64_t paddr;

    do {
        paddr = (next + align - 1) / align * align;
        if (paddr + bytes > end) {
            return 0;
        }
    } while (!__atomic_compare_exchange_n(&kernel->next_paddr, &next, paddr + bytes, false,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return paddr;
}

void *fake_stack_alloc(void)
{
    return hal_stack_map(fake_pages_alloc(hal_stack_size(), hal_stack_size()));
}

static void tables_lock(struct fake_kernel *kernel)
{
    while (__atomic_exchange_n(&kernel->lock, 1, __ATOMIC_ACQUIRE)) {
        hal_cpu_relax();
    }
}

static void tables_unlock(struct fake_kernel *kernel)
{
    __atomic_store_n(&kernel->lock, 0, __ATOMIC_RELEASE);
}

WEAK uint64_t kernel_on_table_page_alloc(void)
{
    struct fake_kernel *kernel = fake_kernel_this();
    uint64_t paddr = 0;

    tables_lock(kernel);
    if (!kernel->tables_max || kernel->tables_used < kernel->tables_max) {
        paddr = kernel->free_tables;
        if (paddr) {
            memcpy(&kernel->free_tables, kernel->boot->direct_map + paddr, sizeof(uint64_t));
            memset(kernel->boot->direct_map + paddr, 0, HAL_PAGE_SIZE);
        } else {
            paddr = fake_pages_alloc(HAL_PAGE_SIZE, HAL_PAGE_SIZE);
        }
        kernel->tables_used += paddr != 0;
    }
    tables_unlock(kernel);
    return paddr;
}

WEAK void kernel_on_table_page_free(uint64_t paddr)
{
    struct fake_kernel *kernel = fake_kernel_this();

    tables_lock(kernel);
    memcpy(kernel->boot->direct_map + paddr, &kernel->free_tables, sizeof(uint64_t));
    kernel->free_tables = paddr;
    kernel->tables_used--;
    tables_unlock(kernel);
}
