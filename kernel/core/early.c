/* SPDX-License-Identifier: MIT */
/*
 * The first step of boot: the memory that exists before the allocator.
 *
 * One block at the start of the machine's largest RAM range holds struct kernel, CPU 0, the log,
 * the clock, the random pool and the parsed command line. It is never freed. mm_init keeps the page
 * allocator off it (kernel->early_paddr, early_bytes).
 */
#include "hal/boot.h"
#include "hal/cpu.h"
#include "hal/debug.h"
#include "kernel/core/clock.h"
#include "kernel/core/core_internal.h"
#include "kernel/core/entropy.h"
#include "kernel/core/init.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/string.h"

enum { LOG_BYTES = 64 << 10 };

/* The fixed part of the block; the log's buffer and the options' memory follow. */
struct early {
    struct kernel kernel;
    struct cpu cpu;
    struct lock_trace cpu_locks;
    struct klog log;
    struct time_state time;
    struct entropy_pool entropy;
};

static const struct hal_ram_range *largest_range(const struct hal_boot *boot)
{
    const struct hal_ram_range *best = &boot->ram[0];

    for (unsigned i = 1; i < boot->ram_count; i++) {
        if (boot->ram[i].bytes > best->bytes) {
            best = &boot->ram[i];
        }
    }
    return best;
}

struct kernel *core_early_init(const struct hal_boot *boot)
{
    const struct hal_ram_range *range = largest_range(boot);
    size_t head_bytes = ALIGN_UP(sizeof(struct early), 64);
    size_t options_bytes = ALIGN_UP(options_memory_bytes(kstrlen(boot->cmdline)), 8);
    uint64_t bytes = ALIGN_UP((uint64_t)head_bytes + options_bytes + LOG_BYTES, HAL_PAGE_SIZE);
    char *memory = boot->direct_map + range->paddr;
    struct early *early = (struct early *)memory;
    struct kernel *kernel = &early->kernel;

    if (boot->ram_count == 0 || range->bytes < bytes) {
        kernel_panic("not enough RAM to start: %llu bytes", (unsigned long long)range->bytes);
    }
    hal_debug_unpoison(memory, bytes);
    memset(memory, 0, head_bytes + options_bytes);
    kernel->boot = boot;
    kernel->tunables = (struct tunables)TUNABLES_DEFAULT;
    kernel->early_paddr = range->paddr;
    kernel->early_bytes = bytes;
    kernel->cpus[0] = &early->cpu;
    kernel->cpu_count = 1;
    kernel->time = &early->time;
    kernel->entropy = &early->entropy;
    early->cpu.kernel = kernel;
    early->cpu.locks = &early->cpu_locks;
    hal_cpu_set_local(&early->cpu);
    clock_init(kernel);
    klog_setup(&early->log, memory + head_bytes + options_bytes, LOG_BYTES);
    kernel->log = &early->log;
    boot_options_parse(kernel, boot->cmdline, memory + head_bytes, options_bytes);
    return kernel;
}

int core_init(struct kernel *kernel)
{
    return entropy_init(kernel);
}

void cpu_request(struct cpu *cpu, uint32_t work)
{
    /* A bit that is still set belongs to an interrupt that is still to come and will see all of
     * what was stored before this. */
    if ((atomic_fetch_or_seq(&cpu->work, work) & work) != work) {
        hal_cpu_send_ipi(cpu->id);
    }
}
