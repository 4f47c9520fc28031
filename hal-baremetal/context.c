/* SPDX-License-Identifier: MIT
 *
 * Kernel contexts: the saved stack pointer, with the callee-saved registers on the stack as
 * x86_context_switch in traps.S leaves them.
 */
#include "hal-baremetal/baremetal.h"

void hal_context_init(struct hal_context *context, void *stack, void (*entry)(void *),
                      void *argument)
{
    uint64_t *top = (uint64_t *)((char *)stack + HAL_STACK_SIZE);
    *--top = 0; /* keeps the ABI's alignment: x86_context_start begins at 16n + 8 */
    *--top = (uint64_t)x86_context_start;
    *--top = 0;                  /* rbp: the end of the chain of frames */
    *--top = 0;                  /* rbx */
    *--top = (uint64_t)entry;    /* r12 */
    *--top = (uint64_t)argument; /* r13 */
    *--top = 0;                  /* r14 */
    *--top = 0;                  /* r15 */
    context->priv[0] = (uint64_t)top;
}

void hal_context_switch(struct hal_context *from, struct hal_context *to)
{
    x86_context_switch(&from->priv[0], to->priv[0]);
}

void hal_context_destroy(struct hal_context *context)
{
    context->priv[0] = 0;
}
