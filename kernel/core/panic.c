/* SPDX-License-Identifier: MIT */
/*
 * The end of a machine that found itself broken: say so on the log channel, with a backtrace, and
 * crash. No lock is taken and nothing allocated, because any of it may be what is broken.
 * hal_power_crash stops the other CPUs.
 */
#include "hal/console.h"
#include "hal/cpu.h"
#include "hal/debug.h"
#include "hal/kernel_on.h"
#include "hal/power.h"
#include "kernel/core/core_internal.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/printf.h"
#include "kernel/lib/string.h"
#include "kernel/sched/thread.h"

enum { PANIC_TEXT_MAX = 512, BACKTRACE_MAX = 24 };

void log_channel_write(const char *text, size_t bytes)
{
    while (bytes > 0) {
        size_t taken = hal_console_write(HAL_CHANNEL_LOG, text, bytes);

        if (taken == 0) {
            return; /* not allowed for this channel; never hang on it */
        }
        text += taken;
        bytes -= taken;
    }
}

static PRINTF_LIKE(1, 2) void report(const char *format, ...)
{
    char line[PANIC_TEXT_MAX];
    va_list args;

    va_start(args, format);
    log_channel_write(line, (size_t)kvscnprintf(line, sizeof line, format, args));
    va_end(args);
}

/* True for the one CPU that may report; the others just stop, and so does a panic in a panic. */
static bool panic_begin(void)
{
    struct cpu *cpu = this_cpu();
    uint32_t nobody = 0;

    hal_irq_disable();
    return cpu == NULL || cpu->kernel == NULL ||
           atomic_cmpxchg_seq(&cpu->kernel->panicking, &nobody, cpu->id + 1);
}

static void report_context(void)
{
    const struct cpu *cpu = this_cpu();
    uint64_t frames[BACKTRACE_MAX];
    unsigned count;

    if (cpu != NULL && cpu->current != NULL) {
        report("  CPU %u, thread %s, tid %d%s\n", cpu->id, cpu->current->name, cpu->current->tid,
               cpu->irq_depth > 0 ? ", in an interrupt" : "");
    }
    count = hal_debug_backtrace(frames, BACKTRACE_MAX);
    for (unsigned i = 0; i < count; i++) {
        report("  #%u %#llx\n", i, (unsigned long long)frames[i]);
    }
}

void kernel_panic(const char *format, ...)
{
    char text[PANIC_TEXT_MAX];
    va_list args;

    if (panic_begin()) {
        va_start(args, format);
        kvsnprintf(text, sizeof text, format, args);
        va_end(args);
        report("kernel panic: %s\n", text);
        report_context();
        hal_power_debug_break();
    }
    hal_power_crash();
}

void kernel_panic_at(const char *file, int line, const char *expr)
{
    kernel_panic("%s:%d: assertion failed: %s", file, line, expr);
}

void kernel_on_fatal_exception(unsigned vector, uint64_t error, uint64_t address, uint64_t rip,
                               uint64_t rsp)
{
    kernel_panic("exception %u, error %#llx, address %#llx, at rip %#llx, rsp %#llx", vector,
                 (unsigned long long)error, (unsigned long long)address, (unsigned long long)rip,
                 (unsigned long long)rsp);
}
