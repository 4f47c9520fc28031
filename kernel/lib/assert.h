/* SPDX-License-Identifier: MIT */
/*
 * Assertions, which stay on in release builds. They state what the kernel itself guarantees;
 * user input is checked and answered with an errno, never asserted.
 */
#ifndef KERNEL_LIB_ASSERT_H
#define KERNEL_LIB_ASSERT_H

#include "kernel/lib/compiler.h"

/* Stops the machine, naming the failed expression. Implemented in kernel/core. Any context. */
NORETURN void kernel_panic_at(const char *file, int line, const char *expr);

#undef assert
#define assert(cond) (likely(cond) ? (void)0 : kernel_panic_at(__FILE__, __LINE__, #cond))

/* Marks a point that no execution reaches. */
#define unreachable_panic() kernel_panic_at(__FILE__, __LINE__, "unreachable")

#endif
