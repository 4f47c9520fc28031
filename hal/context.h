/* SPDX-License-Identifier: MIT
 *
 * Kernel contexts: a stack and a saved stack pointer. The kernel's scheduler decides who runs;
 * the backend only switches.
 */
#ifndef HAL_CONTEXT_H
#define HAL_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

enum { HAL_STACK_SIZE = 16384 }; /* kernel stack bytes; the sanitizer builds use more */

/* Embedded in struct thread; private to the backend. */
struct hal_context {
    uint64_t priv[8];
};

/* Bytes of stack a context needs; a power of two of pages, at least HAL_STACK_SIZE. */
size_t hal_stack_size(void);

/* Turn physically contiguous pages (hal_stack_size() bytes at paddr) into a stack with a guard
 * page below where the backend can have one. Returns the lowest usable address or NULL when out
 * of address space. hal_stack_unmap undoes it; the stack must not be in use. Thread context. */
void *hal_stack_map(uint64_t paddr);
void hal_stack_unmap(void *stack);

/* Make `context` start in entry(argument) on `stack` when first switched to, interrupts masked.
 * entry must not return. */
void hal_context_init(struct hal_context *context, void *stack, void (*entry)(void *),
                      void *argument);

/* Save the running context in `from` and continue `to`. Interrupts masked on entry and on return;
 * may return on another CPU. */
void hal_context_switch(struct hal_context *from, struct hal_context *to);

/* The context that called kernel_on_boot / kernel_on_cpu_start needs no init: it is saved by its
 * first switch. hal_context_destroy releases what the backend remembers; the context must not be
 * running. */
void hal_context_destroy(struct hal_context *context);

#endif
