/* SPDX-License-Identifier: MIT
 *
 * What each CPU has of its own. %gs:0 is the struct percpu of the running CPU in kernel mode; the
 * first fields are known to assembly by offset.
 */
#ifndef HAL_BAREMETAL_PERCPU_H
#define HAL_BAREMETAL_PERCPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal-baremetal/offsets.h"

struct hal_aspace;
struct hal_user;

struct tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map_base;
} __attribute__((packed));

enum { IST_NMI = 1, IST_DEBUG = 2, IST_FATAL = 3, IST_COUNT = 3 };

struct percpu {
    struct percpu *self;
    void *local;               /* hal_cpu_set_local */
    struct hal_user *run_user; /* in user mode: whose; traps.S */
    uint64_t run_rsp; /* in user mode: the stack inside hal_user_run; an AP's first stack */
    uint64_t scratch;
    struct hal_user *fpu_ready; /* whom the FP registers are ready for; fpu.c */
    uint64_t user_limit;        /* user copies end here; 0 while no address space is active */
    uint32_t irq_seen;          /* an interrupt was handled since hal_user_run last looked */
    uint32_t id;
    uint64_t loaded_fs; /* without FSGSBASE: what the base registers hold */
    uint64_t loaded_gs;

    struct hal_user *fpu_live; /* whose state the FP registers hold */
    bool fpu_trapping;         /* CR0.TS: using them in user mode traps */

    uint32_t apic_id;
    bool online;
    struct hal_aspace *loaded; /* whose tables CR3 holds; NULL for the kernel's own */
    uint64_t timer_deadline_ns;
    uint64_t timer_armed_ns; /* when the hardware fires; UINT64_MAX if it will not */

    struct call *volatile call; /* pending request of another CPU; call.c */

    uint64_t gdt[10] __attribute__((aligned(16)));
    struct tss tss;
    uint64_t entry_stack[32] __attribute__((aligned(16))); /* TSS rsp0: one frame at a time */
};

static inline struct percpu *this_percpu(void)
{
    struct percpu *cpu;
    __asm__ volatile("mov %%gs:%c1, %0" : "=r"(cpu) : "i"(PERCPU_SELF));
    return cpu;
}

#endif
