/* SPDX-License-Identifier: MIT */
/*
 * Formatted output: the integer and string conversions of printf(3). One engine produces pieces
 * for a sink; the buffer functions are sinks. No state, no allocation, bounded stack; any context.
 */
#include "kernel/lib/printf.h"

#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"

#include <limits.h>

/* Room for 64 bits in octal. */
#define DIGITS_MAX 22

enum conversion_flags {
    FLAG_LEFT = 1,
    FLAG_PLUS = 2,
    FLAG_SPACE = 4,
    FLAG_ZERO = 8,
    FLAG_ALTERNATE = 16,
    FLAG_UPPER = 32,
};

struct conversion {
    unsigned flags;
    int width;     /* 0 if not given */
    int precision; /* -1 if not given */
    int size;      /* bytes of the integer argument */
};

struct output {
    printf_sink_fn *sink;
    void *ctx;
    size_t length;
};

static void emit(struct output *out, const char *text, size_t size)
{
    if (size == 0)
        return;
    out->sink(out->ctx, text, size);
    out->length += size;
}

static void emit_repeated(struct output *out, char c, size_t count)
{
    char block[32];
    memset(block, c, sizeof(block));
    for (; count > sizeof(block); count -= sizeof(block))
        emit(out, block, sizeof(block));
    emit(out, block, count);
}

/* Text in a field of the given width. */
static void emit_field(struct output *out, const struct conversion *conv, const char *text,
                       size_t size)
{
    size_t padding = (size_t)conv->width > size ? (size_t)conv->width - size : 0;
    if (!(conv->flags & FLAG_LEFT))
        emit_repeated(out, ' ', padding);
    emit(out, text, size);
    if (conv->flags & FLAG_LEFT)
        emit_repeated(out, ' ', padding);
}

/* Writes digits backwards from `end`; returns their number, 0 for the value 0. */
static size_t put_digits(char *end, uint64_t value, unsigned base, bool upper)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    size_t count = 0;
    for (; value != 0; value /= base)
        end[-(int)++count] = digits[value % base];
    return count;
}

/* An integer: padding, prefix, zeros, digits, padding. */
static void emit_integer(struct output *out, const struct conversion *conv, uint64_t value,
                         unsigned base, const char *prefix)
{
    char buffer[DIGITS_MAX];
    size_t digits = put_digits(buffer + DIGITS_MAX, value, base, conv->flags & FLAG_UPPER);
    size_t prefix_size = kstrlen(prefix);
    size_t wanted = conv->precision < 0 ? 1 : (size_t)conv->precision;
    if (base == 8 && (conv->flags & FLAG_ALTERNATE) && wanted <= digits)
        wanted = digits + 1;
    size_t zeros = wanted > digits ? wanted - digits : 0;
    size_t total = prefix_size + zeros + digits;
    size_t padding = (size_t)conv->width > total ? (size_t)conv->width - total : 0;

    if ((conv->flags & FLAG_ZERO) && !(conv->flags & FLAG_LEFT) && conv->precision < 0) {
        zeros += padding;
        padding = 0;
    }
    if (!(conv->flags & FLAG_LEFT))
        emit_repeated(out, ' ', padding);
    emit(out, prefix, prefix_size);
    emit_repeated(out, '0', zeros);
    emit(out, buffer + DIGITS_MAX - digits, digits);
    if (conv->flags & FLAG_LEFT)
        emit_repeated(out, ' ', padding);
}

static void emit_signed(struct output *out, const struct conversion *conv, int64_t value)
{
    const char *prefix = "";
    if (value < 0)
        prefix = "-";
    else if (conv->flags & FLAG_PLUS)
        prefix = "+";
    else if (conv->flags & FLAG_SPACE)
        prefix = " ";
    emit_integer(out, conv, value < 0 ? -(uint64_t)value : (uint64_t)value, 10, prefix);
}

static void emit_string(struct output *out, const struct conversion *conv, const char *text)
{
    if (text == NULL)
        text = "(null)";
    size_t max = conv->precision < 0 ? SIZE_MAX : (size_t)conv->precision;
    emit_field(out, conv, text, kstrnlen(text, max));
}

static void emit_pointer(struct output *out, const struct conversion *conv, const void *pointer)
{
    if (pointer == NULL)
        emit_field(out, conv, "(nil)", 5);
    else
        emit_integer(out, conv, (uintptr_t)pointer, 16, "0x");
}

/* A decimal number in the format itself; saturates. */
static const char *parse_number(const char *p, int *out)
{
    int value = 0;
    for (; kisdigit(*p); p++)
        value = value > (INT_MAX - 9) / 10 ? INT_MAX - 9 : value * 10 + (*p - '0');
    *out = value;
    return p;
}

static const char *parse_flags(const char *p, struct conversion *conv)
{
    for (;; p++) {
        switch (*p) {
        case '-':
            conv->flags |= FLAG_LEFT;
            break;
        case '+':
            conv->flags |= FLAG_PLUS;
            break;
        case ' ':
            conv->flags |= FLAG_SPACE;
            break;
        case '0':
            conv->flags |= FLAG_ZERO;
            break;
        case '#':
            conv->flags |= FLAG_ALTERNATE;
            break;
        default:
            return p;
        }
    }
}

static const char *parse_size(const char *p, struct conversion *conv)
{
    switch (*p) {
    case 'h':
        conv->size = p[1] == 'h' ? sizeof(char) : sizeof(short);
        return p[1] == 'h' ? p + 2 : p + 1;
    case 'l':
        conv->size = sizeof(long);
        return p[1] == 'l' ? p + 2 : p + 1;
    case 'j':
    case 'z':
    case 't':
        conv->size = sizeof(uint64_t);
        return p + 1;
    default:
        return p;
    }
}

/* A va_list in a struct, so that it can be passed by address on every ABI. */
struct arguments {
    va_list list;
};

/* Flags, width, precision and size after a '%'; returns the place of the conversion letter. */
static const char *parse_conversion(const char *p, struct conversion *conv, struct arguments *args)
{
    *conv = (struct conversion){.precision = -1, .size = sizeof(int)};
    p = parse_flags(p, conv);
    if (*p == '*') {
        p++;
        int width = va_arg(args->list, int);
        if (width < 0)
            conv->flags |= FLAG_LEFT;
        conv->width = width == INT_MIN ? INT_MAX : width < 0 ? -width : width;
    } else {
        p = parse_number(p, &conv->width);
    }
    if (*p == '.') {
        p++;
        if (*p == '*') {
            p++;
            conv->precision = va_arg(args->list, int);
            if (conv->precision < 0)
                conv->precision = -1;
        } else {
            p = parse_number(p, &conv->precision);
        }
    }
    return parse_size(p, conv);
}

static uint64_t take_unsigned(const struct conversion *conv, struct arguments *args)
{
    if (conv->size == sizeof(uint64_t))
        return va_arg(args->list, uint64_t);
    unsigned value = va_arg(args->list, unsigned);
    if (conv->size == sizeof(char))
        return (unsigned char)value;
    return conv->size == sizeof(short) ? (unsigned short)value : value;
}

static int64_t take_signed(const struct conversion *conv, struct arguments *args)
{
    if (conv->size == sizeof(int64_t))
        return va_arg(args->list, int64_t);
    int value = va_arg(args->list, int);
    if (conv->size == sizeof(char))
        return (signed char)value;
    return conv->size == sizeof(short) ? (short)value : value;
}

static void emit_unsigned(struct output *out, struct conversion *conv, char letter, uint64_t value)
{
    const char *prefix = "";
    if (letter == 'X')
        conv->flags |= FLAG_UPPER;
    if ((letter == 'x' || letter == 'X') && (conv->flags & FLAG_ALTERNATE) && value != 0)
        prefix = letter == 'X' ? "0X" : "0x";
    emit_integer(out, conv, value, letter == 'u' ? 10 : letter == 'o' ? 8 : 16, prefix);
}

/* Performs one conversion; false if the letter is unknown. */
static bool convert(struct output *out, struct conversion *conv, char letter,
                    struct arguments *args)
{
    char c;
    switch (letter) {
    case 'd':
    case 'i':
        emit_signed(out, conv, take_signed(conv, args));
        return true;
    case 'u':
    case 'o':
    case 'x':
    case 'X':
        emit_unsigned(out, conv, letter, take_unsigned(conv, args));
        return true;
    case 'c':
        c = (char)va_arg(args->list, int);
        emit_field(out, conv, &c, 1);
        return true;
    case 's':
        emit_string(out, conv, va_arg(args->list, const char *));
        return true;
    case 'p':
        emit_pointer(out, conv, va_arg(args->list, const void *));
        return true;
    case '%':
        emit(out, "%", 1);
        return true;
    default:
        return false;
    }
}

int kvprintf_sink(printf_sink_fn *sink, void *ctx, const char *format, va_list list)
{
    struct output out = {.sink = sink, .ctx = ctx};
    struct arguments args;
    va_copy(args.list, list);
    for (const char *p = format; *p != '\0';) {
        size_t plain = kstrcspn(p, "%");
        emit(&out, p, plain);
        p += plain;
        if (*p == '\0')
            break;
        struct conversion conv;
        const char *letter = parse_conversion(p + 1, &conv, &args);
        if (!convert(&out, &conv, *letter, &args)) {
            /* Shown as it is; the arguments that follow would be misread, so the rest, too. */
            emit(&out, p, kstrlen(p));
            break;
        }
        p = letter + 1;
    }
    va_end(args.list);
    return (int)MIN(out.length, (size_t)INT_MAX);
}

struct buffer_sink {
    char *buffer;
    size_t size;
    size_t fill; /* <= size - 1 if size > 0 */
};

static void sink_to_buffer(void *ctx, const char *text, size_t size)
{
    struct buffer_sink *sink = ctx;
    if (sink->size == 0)
        return;
    size_t copied = MIN(size, sink->size - 1 - sink->fill);
    memcpy(sink->buffer + sink->fill, text, copied);
    sink->fill += copied;
}

int kvsnprintf(char *buffer, size_t size, const char *format, va_list args)
{
    struct buffer_sink sink = {.buffer = buffer, .size = size};
    int length = kvprintf_sink(sink_to_buffer, &sink, format, args);
    assert(size == 0 || sink.fill < size);
    if (size > 0)
        buffer[sink.fill] = '\0';
    return length;
}

int ksnprintf(char *buffer, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = kvsnprintf(buffer, size, format, args);
    va_end(args);
    return length;
}

int kvscnprintf(char *buffer, size_t size, const char *format, va_list args)
{
    int length = kvsnprintf(buffer, size, format, args);
    if (size == 0)
        return 0;
    return (size_t)length < size ? length : (int)MIN(size - 1, (size_t)INT_MAX);
}

int kscnprintf(char *buffer, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = kvscnprintf(buffer, size, format, args);
    va_end(args);
    return length;
}
