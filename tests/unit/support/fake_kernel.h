/* SPDX-License-Identifier: MIT
 *
 * A minimal kernel for tests of a backend: it boots into a function of the test, hands out pages,
 * counts interrupts and lets tests hook them.
 *
 * Its kernel_on_* functions are weak: a test that links the real kernel gets the real ones.
 */
#ifndef TESTS_UNIT_SUPPORT_FAKE_KERNEL_H
#define TESTS_UNIT_SUPPORT_FAKE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/boot.h"

struct machine_config;

struct fake_cpu {
    struct fake_kernel *kernel;
    unsigned id;
    unsigned timers, ipis; /* delivered to this CPU; atomic */
};

struct fake_kernel {
    /* Set by the test. */
    void (*main)(void *argument); /* on CPU 0, interrupts masked; power-off 0 when it returns */
    void (*cpu_main)(void *argument, unsigned cpu); /* on other CPUs; then, or if NULL, they idle */
    void (*on_timer)(void *argument);
    void (*on_ipi)(void *argument);
    void *argument;      /* of all of them */
    unsigned tables_max; /* table pages that may be in use; 0: no limit */

    /* For the test to look at. */
    const struct hal_boot *boot;
    struct fake_cpu cpus[HAL_CPUS_MAX];
    unsigned tables_used;                /* atomic */
    unsigned inputs, writables, resizes; /* console interrupts; atomic */

    /* Private. */
    uint64_t next_paddr;  /* atomic: bump allocator */
    uint64_t free_tables; /* paddr of the first free table page, linked through its first word */
    unsigned lock;
};

/* Power on a machine with the fake kernel, 16 MiB of RAM and no console; returns machine_run's
 * status, or -1 if the machine could not be made. _config takes the caller's configuration (its
 * cmdline is replaced). */
int fake_kernel_run(struct fake_kernel *kernel, unsigned cpus);
int fake_kernel_run_config(struct fake_kernel *kernel, struct machine_config config);

/* Of the machine that this CPU belongs to; look up anew after a context switch. */
struct fake_kernel *fake_kernel_this(void);
struct fake_cpu *fake_cpu_this(void);

/* hal_cpu_start with this kernel; CPU 0 only. */
int fake_cpu_start(unsigned cpu);

/* Physically contiguous pages, never freed, zero; aligned to `align` bytes. 0 when RAM is used up.
 */
uint64_t fake_pages_alloc(size_t bytes, size_t align);

/* hal_stack_map on fresh pages. */
void *fake_stack_alloc(void);

#endif
