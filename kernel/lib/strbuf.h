/* SPDX-License-Identifier: MIT */
/*
 * Text being built in a caller's buffer, as for the files of /proc. Appending past the end is
 * remembered, not an error at once: build everything, then ask. The text is always terminated.
 */
#ifndef KERNEL_LIB_STRBUF_H
#define KERNEL_LIB_STRBUF_H

#include "kernel/lib/compiler.h"

#include <stdarg.h>

struct strbuf {
    char *text;
    size_t size;   /* of the buffer, > 0 */
    size_t length; /* of the text, < size */
    size_t needed; /* length the text would have with room for everything */
};

void strbuf_init(struct strbuf *buf, char *buffer, size_t size);
void strbuf_putc(struct strbuf *buf, char c);
void strbuf_puts(struct strbuf *buf, const char *text);
void strbuf_write(struct strbuf *buf, const void *text, size_t size);
void strbuf_printf(struct strbuf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void strbuf_vprintf(struct strbuf *buf, const char *format, va_list args) PRINTF_LIKE(2, 0);
/* Appends text with every character of `set`, and backslash, written as \ooo. */
void strbuf_put_escaped(struct strbuf *buf, const char *text, const char *set);

static inline bool strbuf_overflowed(const struct strbuf *buf)
{
    return buf->needed > buf->length;
}

#endif
