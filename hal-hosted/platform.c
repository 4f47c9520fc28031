/* SPDX-License-Identifier: MIT
 *
 * The small parts of the HAL: time, entropy, power, debugging hooks.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "hal-hosted/console.h"
#include "hal-hosted/machine_internal.h"
#include "hal-hosted/sanitizer.h"
#include "hal-hosted/world/world_internal.h"
#include "hal/debug.h"
#include "hal/entropy.h"
#include "hal/power.h"
#include "hal/time.h"

/* --- time --- */

/* When a machine with a clock of its own is switched on: 2024-01-01 00:00 UTC. */
#define VIRTUAL_EPOCH_NS (1704067200ull * 1000000000u)

uint64_t hal_time_monotonic_ns(void)
{
    if (__builtin_expect(hosted_worlds > 0, 0) && vcpu_current()->sim) {
        return world_machine_clock(vcpu_current()->machine);
    }
    return machine_now_ns(vcpu_current()->machine);
}

uint64_t hal_time_realtime_ns(void)
{
    const struct machine *machine = vcpu_current()->machine;
    struct timespec now;
    const struct vcpu *vcpu = vcpu_current();

    if (machine->config.hooks && machine->config.hooks->monotonic_ns) {
        return VIRTUAL_EPOCH_NS + machine_now_ns(machine);
    }
    if (vcpu && vcpu->sim) {
        const struct world *world = vcpu->sim->world;
        return world->config.realtime_ns + world->state.now_ns;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* --- entropy --- */

size_t hal_entropy_read(void *out, size_t bytes)
{
    const struct machine_hooks *hooks = vcpu_current()->machine->config.hooks;
    size_t filled = 0;
    struct vcpu *vcpu = vcpu_current();

    if (hooks && hooks->entropy) {
        hooks->entropy(hooks->argument, out, bytes);
        return bytes;
    }
    if (vcpu && vcpu->sim) {
        const struct world_config *config = &vcpu->sim->world->config;
        config->ops.entropy(config->context, vcpu->machine, out, bytes);
        world_emit(vcpu->sim->world, WORLD_EVENT_ENTROPY, vcpu->machine, vcpu->sim, NULL, bytes, 0);
        return bytes;
    }
    while (filled < bytes) {
        ssize_t got = getrandom((char *)out + filled, bytes - filled, 0);
        if (got <= 0) {
            break;
        }
        filled += (size_t)got;
    }
    return filled;
}

/* --- power --- */

void hal_power_off(int status)
{
    struct vcpu *vcpu = vcpu_current();

    machine_end(vcpu->machine, status & 0xff);
    context_leave(vcpu);
}

void hal_power_reboot(void)
{
    hal_power_off(0);
}

/* A place for a debugger's breakpoint: the panicking context is still whole. */
__attribute__((noinline)) void hosted_machine_crashed(struct machine *machine)
{
    if (!machine->sim) {
        hosted_console_flush(machine);
    }
    __asm__ volatile("" : : : "memory");
}

void hal_power_crash(void)
{
    struct vcpu *vcpu = vcpu_current();

    hosted_machine_crashed(vcpu->machine);
    if (vcpu->machine->config.hooks && vcpu->machine->config.hooks->crashed) {
        vcpu->machine->config.hooks->crashed(vcpu->machine->config.hooks->argument);
    }
    if (getenv("ASSAY_ABORT_ON_CRASH")) {
        abort(); /* a core file with the panicking stack */
    }
    machine_end(vcpu->machine, MACHINE_CRASHED);
    context_leave(vcpu);
}

static bool debugger_attached(void)
{
    char status[4096];
    const char *line;
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t bytes = fd < 0 ? -1 : read(fd, status, sizeof status - 1);

    if (fd >= 0) {
        close(fd);
    }
    if (bytes <= 0) {
        return false;
    }
    status[bytes] = '\0';
    line = strstr(status, "\nTracerPid:\t");
    return line && line[12] != '0';
}

void hal_power_debug_break(void)
{
    if (debugger_attached()) {
        raise(SIGTRAP);
    }
}

/* --- debugging --- */

void hal_debug_poison(const void *address, size_t bytes)
{
#if HOSTED_ASAN
    if (hosted_worlds) {
        world_note_shadow(address, bytes);
    }
    __asan_poison_memory_region(address, bytes);
#else
    (void)address;
    (void)bytes;
#endif
}

void hal_debug_unpoison(const void *address, size_t bytes)
{
#if HOSTED_ASAN
    if (hosted_worlds) {
        world_note_shadow(address, bytes);
    }
    __asan_unpoison_memory_region(address, bytes);
#else
    (void)address;
    (void)bytes;
#endif
}

/* Follow the frame pointers while they stay on this kernel stack. */
__attribute__((noinline)) unsigned hal_debug_backtrace(uint64_t *out, unsigned max)
{
    const struct context_stack *stack = &vcpu_current()->stack;
    uintptr_t low = (uintptr_t)stack->bottom, high = low + stack->bytes;
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    unsigned count = 0;

    while (count < max && frame >= low && frame <= high - 16 && frame % 8 == 0) {
        const uint64_t *words = (const uint64_t *)frame;
        if (!words[1]) {
            break;
        }
        out[count++] = words[1];
        if (words[0] <= frame) {
            break;
        }
        frame = words[0];
    }
    return count;
}
