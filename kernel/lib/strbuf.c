/* SPDX-License-Identifier: MIT */
/*
 * Text building. Invariants: length < size, text[length] is NUL, needed >= length, and once
 * something was left out nothing more is added (the text is a prefix of the whole).
 */
#include "kernel/lib/strbuf.h"

#include "kernel/lib/assert.h"
#include "kernel/lib/printf.h"
#include "kernel/lib/string.h"

void strbuf_init(struct strbuf *buf, char *buffer, size_t size)
{
    assert(size > 0);
    *buf = (struct strbuf){.text = buffer, .size = size};
    buffer[0] = '\0';
}

void strbuf_write(struct strbuf *buf, const void *text, size_t size)
{
    if (!strbuf_overflowed(buf)) {
        size_t copied = MIN(size, buf->size - 1 - buf->length);
        memcpy(buf->text + buf->length, text, copied);
        buf->length += copied;
        buf->text[buf->length] = '\0';
    }
    buf->needed += size;
}

void strbuf_putc(struct strbuf *buf, char c)
{
    strbuf_write(buf, &c, 1);
}

void strbuf_puts(struct strbuf *buf, const char *text)
{
    strbuf_write(buf, text, kstrlen(text));
}

static void sink_to_strbuf(void *ctx, const char *text, size_t size)
{
    strbuf_write(ctx, text, size);
}

void strbuf_vprintf(struct strbuf *buf, const char *format, va_list args)
{
    kvprintf_sink(sink_to_strbuf, buf, format, args);
}

void strbuf_printf(struct strbuf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    strbuf_vprintf(buf, format, args);
    va_end(args);
}

void strbuf_put_escaped(struct strbuf *buf, const char *text, const char *set)
{
    for (; *text != '\0'; text++) {
        if (*text == '\\' || kstrchr(set, *text) != NULL)
            strbuf_printf(buf, "\\%03o", (unsigned)(uint8_t)*text);
        else
            strbuf_putc(buf, *text);
    }
}
