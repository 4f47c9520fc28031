/* SPDX-License-Identifier: MIT
 *
 * What a struct hal_context holds on the hosted backend.
 */
#ifndef HAL_HOSTED_CONTEXT_INTERNAL_H
#define HAL_HOSTED_CONTEXT_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "hal/context.h"

struct machine;
struct vcpu;

/* Bounds of the stack that a context runs on; kept in the vCPU for the running one. */
struct context_stack {
    char *bottom;
    size_t bytes;
};

struct context {
    uint64_t rsp; /* saved stack pointer; offset 0 is known to context_switch.S */
    struct context_stack stack;
    void *fiber;      /* ThreadSanitizer's fiber */
    void *fake_stack; /* AddressSanitizer's fake stack */
    void (*entry)(void *);
    void *argument;
    struct context_fiber *fiber_node; /* owner of `fiber`, for contexts made by hal_context_init */
};

_Static_assert(sizeof(struct context) <= sizeof(struct hal_context), "hal_context is too small");

static inline struct context *context_of(struct hal_context *context)
{
    return (struct context *)context;
}

/* Written at the lowest address of every kernel stack and checked at each switch. */
enum { CONTEXT_CANARY_BYTES = 16 };

/* Run entry(argument) on vcpu->boot_stack, from the vCPU's host thread; returns when
 * context_leave is called on this vCPU. */
void context_enter(struct vcpu *vcpu, void (*entry)(void *), void *argument);

/* Give up the running kernel context and return from context_enter. */
__attribute__((noreturn)) void context_leave(struct vcpu *vcpu);

/* Leave the running kernel context, as context_leave does, but such that context_resume goes on
 * with it. */
void context_pause(struct vcpu *vcpu);
void context_resume(struct vcpu *vcpu);

/* From the host's side: let a suspended vCPU go on where context_suspend was called. Returns when
 * it suspends itself again, or leaves. */
void context_continue(struct vcpu *vcpu, struct hal_context *suspended);
/* From the vCPU's side. */
void context_suspend(struct vcpu *vcpu, struct hal_context *suspended);

/* Make memory (hal_stack_size() bytes) usable as a boot stack. */
void context_stack_prepare(char *stack);

/* Boot stacks: host memory with a guard page. */
char *context_boot_stack_create(void);
void context_boot_stack_destroy(char *stack);

/* A snapshot of the machine was restored: contexts are in other calls than they were. From the
 * host's side. */
void context_machine_restored(struct machine *machine);

/* Release what contexts that were not destroyed still hold. */
void context_machine_exit(struct machine *machine);

#endif
