/* SPDX-License-Identifier: MIT
 *
 * The test machine (test_machine.h): kernel_on_boot in place of kernel/boot, and stand-ins for
 * every call from the backend into a part of the kernel that is not linked.
 *
 * What may be missing is declared weak: a NULL function is a part that is not there.
 */
#include "tests/unit/support/test_machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hal-hosted/device.h"
#include "hal-hosted/machine.h"
#include "hal/hal.h"
#include "hal/kernel_on.h"
#include "kernel/core/init.h"
#include "kernel/core/kernel.h"
#include "kernel/sched/thread.h"

#define WEAK __attribute__((weak))

#pragma weak core_early_init
#pragma weak mm_init
#pragma weak core_init
#pragma weak sched_init
#pragma weak sched_start_cpus
#pragma weak drivers_init
#pragma weak vfs_init
#pragma weak ipc_init
#pragma weak proc_init
#pragma weak tty_init
#pragma weak cgroup_init
#pragma weak procfs_init
#pragma weak syscall_init
#pragma weak thread_create
#pragma weak thread_start
void sched_idle_loop(void) __attribute__((weak, noreturn));

enum { TEST_RAM_BYTES = 64 << 20 };

struct test_run {
    void (*function)(void *argument);
    void *argument;
};

/* What its machine consists of. */
struct test_parts {
    unsigned cpus;
    unsigned long ram_bytes;
    const struct machine_device_id *id; /* NULL: no device */
    const struct machine_device_ops *ops;
    void *model;
};

/* Set as if for the first program, so that the kernel lets it pass. */
static const char run_prefix[] = "env=TEST_RUN=";

static void run_body(void *argument)
{
    const struct test_run *run = argument;

    run->function(run->argument);
    hal_power_off(0);
}

static void init_part(struct kernel *kernel, const char *name, int (*init)(struct kernel *))
{
    int error = init ? init(kernel) : 0;

    if (error < 0) {
        fprintf(stderr, "test machine: %s failed: %s\n", name, strerror(-error));
        hal_power_crash();
    }
}

#define INIT_PART(init) init_part(kernel, #init, init)

static void init_kernel(struct kernel *kernel)
{
    INIT_PART(mm_init);
    INIT_PART(core_init);
    INIT_PART(sched_init);
    INIT_PART(drivers_init);
    INIT_PART(vfs_init);
    INIT_PART(ipc_init);
    INIT_PART(proc_init);
    INIT_PART(tty_init);
    INIT_PART(cgroup_init);
    INIT_PART(procfs_init);
    INIT_PART(syscall_init);
}

WEAK void kernel_on_boot(const struct hal_boot *boot)
{
    const char *pointer = strstr(boot->cmdline, run_prefix) + strlen(run_prefix);
    struct test_run *run = (void *)(uintptr_t)strtoull(pointer, NULL, 16);
    struct kernel *kernel;
    struct thread *thread;

    if (!core_early_init) {
        run_body(run);
    }
    kernel = core_early_init(boot);
    init_kernel(kernel);
    if (!thread_create || !sched_init || !sched_idle_loop) {
        hal_irq_enable();
        run_body(run);
    }
    if (thread_create(kernel, "test", run_body, run, &thread) < 0) {
        hal_power_crash();
    }
    if (sched_start_cpus && boot->cpu_count > 1) {
        sched_start_cpus(kernel);
    }
    thread_start(thread);
    sched_idle_loop();
}

static int run_machine(struct test_run run, const struct test_parts *parts)
{
    char cmdline[sizeof run_prefix + 40], message[200];
    struct machine_config config = {
        .ram_bytes = parts->ram_bytes,
        .cpus = parts->cpus,
        .cmdline = cmdline,
        .engine = MACHINE_ENGINE_NONE,
        .input_fd = -1,
        .output_fd = -1,
        .log_fd = STDERR_FILENO,
        .trace_fd = -1,
    };
    struct machine_device *device;
    struct machine *machine;
    int status;

    snprintf(cmdline, sizeof cmdline, "%s%s%p", getenv("ASSAY_TEST_LOG") ? "" : "quiet ",
             run_prefix, (void *)&run);
    if (machine_create(&config, &machine, message, sizeof message) < 0) {
        fprintf(stderr, "machine_create: %s\n", message);
        return -1;
    }
    if (parts->id &&
        machine_device_add(machine, parts->id, parts->ops, parts->model, &device) < 0) {
        machine_destroy(machine);
        return -1;
    }
    status = machine_run(machine);
    machine_destroy(machine);
    return status;
}

int test_machine_run_ram(void (*function)(void *argument), void *argument, unsigned cpus,
                         unsigned long ram_bytes)
{
    const struct test_parts parts = {.cpus = cpus, .ram_bytes = ram_bytes};

    return run_machine((struct test_run){function, argument}, &parts);
}

int test_machine_run_device(void (*function)(void *argument), void *argument,
                            const struct machine_device_id *id,
                            const struct machine_device_ops *ops, void *model)
{
    const struct test_parts parts = {
        .cpus = 1, .ram_bytes = TEST_RAM_BYTES, .id = id, .ops = ops, .model = model};

    return run_machine((struct test_run){function, argument}, &parts);
}

int test_machine_run(void (*function)(void *argument), void *argument, unsigned cpus)
{
    return test_machine_run_ram(function, argument, cpus, TEST_RAM_BYTES);
}

/* --- stand-ins for parts that are not linked --- */

WEAK void kernel_on_cpu_start(unsigned cpu)
{
    (void)cpu;
    for (;;) {
        hal_cpu_idle();
    }
}

WEAK void kernel_on_timer(void) {}

WEAK void kernel_on_ipi(void) {}

WEAK void kernel_on_console_input(void) {}

WEAK void kernel_on_console_writable(void) {}

WEAK void kernel_on_console_resize(void) {}

WEAK void kernel_on_power_button(void)
{
    hal_power_off(0);
}

WEAK uint64_t kernel_on_table_page_alloc(void)
{
    return 0;
}

WEAK void kernel_on_table_page_free(uint64_t paddr)
{
    (void)paddr;
}

WEAK void kernel_on_fatal_exception(unsigned vector, uint64_t error, uint64_t address, uint64_t rip,
                                    uint64_t rsp)
{
    (void)error;
    (void)address;
    (void)rsp;
    fprintf(stderr, "kernel exception %u at %#llx\n", vector, (unsigned long long)rip);
    hal_power_crash();
}
