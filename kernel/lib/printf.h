/* SPDX-License-Identifier: MIT */
/*
 * Formatted output. Conversions: d i u o x X c s p %; flags - + space 0 #; width and precision,
 * also as *; sizes hh h l ll j z t. %p prints 0x and hex digits, (nil) for NULL. No floating
 * point, no %n. Any context, no allocation.
 */
#ifndef KERNEL_LIB_PRINTF_H
#define KERNEL_LIB_PRINTF_H

#include "kernel/lib/compiler.h"

#include <stdarg.h>

/*
 * Writes at most size - 1 characters and a NUL (nothing if size is 0). Returns the length the
 * whole result has; >= size means it was cut. Saturates at INT_MAX.
 */
int kvsnprintf(char *buffer, size_t size, const char *format, va_list args) PRINTF_LIKE(3, 0);
int ksnprintf(char *buffer, size_t size, const char *format, ...) PRINTF_LIKE(3, 4);

/* As above, but returns the number of characters really written, without the NUL. */
int kvscnprintf(char *buffer, size_t size, const char *format, va_list args) PRINTF_LIKE(3, 0);
int kscnprintf(char *buffer, size_t size, const char *format, ...) PRINTF_LIKE(3, 4);

/* Receives pieces of output in order. */
typedef void printf_sink_fn(void *ctx, const char *text, size_t size);

/* Formats into a sink; returns the length. */
int kvprintf_sink(printf_sink_fn *sink, void *ctx, const char *format, va_list args)
    PRINTF_LIKE(3, 0);

#endif
