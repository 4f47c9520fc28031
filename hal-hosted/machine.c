/* SPDX-License-Identifier: MIT
 *
 * Machines: creation, the run from power-on to the end, destruction (machine.h).
 *
 * The end: whoever ends the machine first (power-off, panic, machine_stop) leaves its status and
 * kicks all vCPUs with VCPU_PENDING_STOP; each gives up the kernel context that it runs and returns
 * to its host thread, and machine_run joins them.
 */
#include "hal-hosted/machine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "hal-hosted/console.h"
#include "hal-hosted/cpuid.h"
#include "hal-hosted/engine/engine.h"
#include "hal-hosted/machine_internal.h"
#include "hal-hosted/ram.h"
#include "hal-hosted/terminal.h"
#include "hal-hosted/turns_internal.h"
#include "hal-hosted/world/world_internal.h"

enum { RAM_START = HAL_PAGE_SIZE }; /* physical page 0 stays unused: 0 means "no page" */

static const uint64_t user_addr_min = 0x10000;
static const uint64_t user_addr_limit = 0x7ffffffff000;

__attribute__((format(printf, 4, 5))) static int fail(char *message, size_t message_bytes,
                                                      int error, const char *format, ...)
{
    va_list arguments;

    if (message && message_bytes) {
        va_start(arguments, format);
        vsnprintf(message, message_bytes, format, arguments);
        va_end(arguments);
    }
    return error;
}

int machine_config_check(const struct machine_config *config, char *message, size_t bytes)
{
    if (config->ram_bytes < MACHINE_RAM_MIN) {
        return fail(message, bytes, -EINVAL, "a machine needs at least %d MiB of RAM",
                    MACHINE_RAM_MIN >> 20);
    }
    if (config->ram_bytes >> 40) {
        return fail(message, bytes, -EINVAL, "a machine can have at most 1 TiB of RAM");
    }
    if (config->cpus < 1 || config->cpus > HAL_CPUS_MAX) {
        return fail(message, bytes, -EINVAL, "a machine can have 1 to %d CPUs", HAL_CPUS_MAX);
    }
    return 0;
}

/* RAM from page 1 on is usable. The initrd is no part of it: machines share its pages. */
void machine_boot_fill(struct machine *machine)
{
    const struct machine_config *config = &machine->config;
    struct hal_boot *boot = &machine->boot;

    if (config->initrd_bytes) {
        boot->initrd = config->initrd;
        boot->initrd_bytes = config->initrd_bytes;
    }
    boot->direct_map = machine->ram;
    boot->ram[0] =
        (struct hal_ram_range){.paddr = RAM_START, .bytes = machine->ram_bytes - RAM_START};
    boot->ram_count = 1;
    boot->cpu_count = config->cpus;
    boot->phys_bits = 64 - (unsigned)__builtin_clzll(machine->ram_bytes - 1);
    boot->cmdline = machine->cmdline;
    boot->user_addr_min = user_addr_min;
    boot->user_addr_limit = user_addr_limit;
    boot->backend = "hosted";
    boot->cpu_model = machine->cpu_model;
    cpuid_model(machine->cpu_model);
    boot->tsc_hz = cpuid_tsc_hz();
    boot->hwcap = getauxval(AT_HWCAP);
    boot->hwcap2 = getauxval(AT_HWCAP2);
    clock_machine_init(machine);
}

static int engine_start(struct machine *machine, char *message, size_t message_bytes)
{
    int error = -ENOSYS;

    for (unsigned i = 0;; i++) {
        machine->engine = engine_candidate(machine->config.engine, i);
        if (!machine->engine) {
            if (i == 0) {
                snprintf(message, message_bytes, "that engine is not part of this program");
            }
            return error;
        }
        error = machine->engine->machine_init(machine, message, message_bytes);
        if (error == 0) {
            return 0;
        }
    }
}

int machine_create(const struct machine_config *config, struct machine **out, char *message,
                   size_t message_bytes)
{
    struct machine *machine;
    int error = machine_config_check(config, message, message_bytes);

    if (error < 0) {
        return error;
    }
    if (message && message_bytes) {
        message[0] = '\0';
    }
    machine = calloc(1, sizeof *machine);
    if (!machine) {
        return -ENOMEM;
    }
    machine->config = *config;
    machine->ram_fd = -1;
    machine->ram_bytes = config->ram_bytes & ~(uint64_t)(HAL_PAGE_SIZE - 1);
    pthread_mutex_init(&machine->aspaces_lock, NULL);
    pthread_mutex_init(&machine->fibers_lock, NULL);
    error = -ENOMEM;
    machine->cmdline = strdup(config->cmdline ? config->cmdline : "");
    machine->vcpus = calloc(config->cpus, sizeof *machine->vcpus);
    if (!machine->cmdline || !machine->vcpus) {
        goto destroy;
    }
    error = machine_ram_create(machine);
    if (error < 0) {
        fail(message, message_bytes, error, "cannot allocate %llu MiB of RAM: %s",
             (unsigned long long)machine->ram_bytes >> 20, strerror(-error));
        goto destroy;
    }
    machine_boot_fill(machine);
    for (unsigned i = 0; error == 0 && i < config->cpus; i++) {
        error = vcpu_init(&machine->vcpus[i], machine, i);
    }
    if (error == 0) {
        error = hosted_console_create(machine);
    }
    if (error < 0) {
        goto destroy;
    }
    error = engine_start(machine, message, message_bytes);
    if (error < 0) {
        goto destroy;
    }
    /* The caller's memory is its own again. */
    machine->config.cmdline = machine->cmdline;
    *out = machine;
    return 0;

destroy:
    machine_destroy(machine);
    return error;
}

void machine_destroy(struct machine *machine)
{
    if (!machine) {
        return;
    }
    if (machine->sim) {
        world_machine_kill(machine);
    }
    if (machine->engine) {
        aspace_machine_exit(machine);
        machine->engine->machine_exit(machine);
    }
    context_machine_exit(machine);
    hosted_console_destroy(machine);
    device_machine_exit(machine);
    world_machine_destroy(machine);
    turns_end(machine);
    for (unsigned i = 0; machine->vcpus && i < machine->config.cpus; i++) {
        vcpu_exit(&machine->vcpus[i]);
    }
    machine_ram_destroy(machine);
    pthread_mutex_destroy(&machine->fibers_lock);
    pthread_mutex_destroy(&machine->aspaces_lock);
    free(machine->vcpus);
    free(machine->cmdline);
    free(machine);
}

void machine_end(struct machine *machine, int status)
{
    uint32_t running = 0;

    if (machine->sim) {
        world_machine_ended(machine, status);
        return;
    }

    if (!__atomic_compare_exchange_n(&machine->ending, &running, (uint32_t)status + 1, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        return;
    }
    for (unsigned i = 0; i < machine->boot.cpu_count; i++) {
        vcpu_kick(&machine->vcpus[i], VCPU_PENDING_STOP);
    }
}

int machine_run(struct machine *machine)
{
    sigset_t old;
    int error;

    if (machine->started) {
        return MACHINE_CRASHED; /* a machine runs once */
    }
    machine->started = true;
    error = hosted_console_start(machine); /* its thread takes the signals that vCPUs block */
    if (error < 0) {
        return MACHINE_CRASHED;
    }
    vcpu_signals_block(&old);
    vcpu_run(&machine->vcpus[0]);
    for (unsigned i = 1; i < machine->boot.cpu_count; i++) {
        if (machine->vcpus[i].thread_started) {
            pthread_join(machine->vcpus[i].thread, NULL);
        }
    }
    vcpu_signals_restore(&old);
    hosted_console_stop(machine);
    return (int)__atomic_load_n(&machine->ending, __ATOMIC_ACQUIRE) - 1;
}

void machine_stop(struct machine *machine)
{
    machine_end(machine, MACHINE_STOPPED);
}

void machine_console_resized(struct machine *machine)
{
    vcpu_kick(&machine->vcpus[0], VCPU_PENDING_RESIZE);
}
