/* SPDX-License-Identifier: MIT */
/*
 * What libsim looks at inside a machine's kernel. The only file of libsim that knows its
 * structures; apart from others, because the kernel's constants have the names of the C library's.
 */
#include "kernel/core/kernel.h"
#include "kernel/mm/fault_injection.h"
#include "kernel/proc/task.h"
#include "kernel/syscall/trace.h"

uint32_t kernel_view_tid(const struct hal_user *user);
uint64_t kernel_view_arguments_hash(const struct hal_user *user);
size_t kernel_view_faults_bytes(void);
void kernel_view_set_faults(void *cpu_local, void *faults, uint64_t nth, bool and_after,
                            uint32_t probability_ppm, uint64_t seed);
void kernel_view_get_faults(const void *faults, uint64_t *out_count, uint64_t *out_failed);

uint32_t kernel_view_tid(const struct hal_user *user)
{
    return (uint32_t)container_of((struct hal_user *)user, struct task, user)->tid;
}

/* Of a call's arguments, as many as it has: what else is in registers is the compiler's. */
uint64_t kernel_view_arguments_hash(const struct hal_user *user)
{
    const struct hal_regs *regs = &user->regs;
    const uint64_t words[6] = {regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8, regs->r9};
    unsigned count = trace_argument_count((uint32_t)regs->rax);
    uint64_t hash = 0xcbf29ce484222325u;

    for (unsigned i = 0; i < count && i < 6; i++) {
        hash = (hash ^ words[i]) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    return hash;
}

size_t kernel_view_faults_bytes(void)
{
    return sizeof(struct fault_injection);
}

void kernel_view_set_faults(void *cpu_local, void *memory, uint64_t nth, bool and_after,
                            uint32_t probability_ppm, uint64_t seed)
{
    struct cpu *cpu = cpu_local;
    struct fault_injection *faults = memory;

    *faults = (struct fault_injection){.fail_at = nth,
                                       .fail_after = and_after,
                                       .probability_ppm = probability_ppm,
                                       .random_state = seed};
    cpu->kernel->faults = faults;
}

void kernel_view_get_faults(const void *memory, uint64_t *out_count, uint64_t *out_failed)
{
    const struct fault_injection *faults = memory;

    *out_count = faults->allocations;
    *out_failed = faults->failed;
}
