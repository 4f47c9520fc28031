/* SPDX-License-Identifier: MIT
 *
 * How single values are written in a trace: flags, signals, strings. The forms are those of
 * strace(1). Memory that cannot be read shows as its address.
 */
#include "kernel/lib/bits.h"
#include "kernel/lib/string.h"
#include "kernel/mm/uaccess.h"
#include "kernel/syscall/trace_internal.h"

static const struct trace_name *find_name(const struct trace_set *set, uint64_t value)
{
    for (unsigned i = 0; i < set->count; i++) {
        const struct trace_name *name = &set->names[i];
        if (name->value == value && (name->mask == 0 || (name->mask & value) == name->value))
            return name;
    }
    return NULL;
}

void trace_put_enum(struct strbuf *out, const struct trace_set *set, uint64_t value)
{
    const struct trace_name *name = find_name(set, value);
    if (name)
        strbuf_puts(out, name->text);
    else
        strbuf_printf(out, "%#llx /* %s */", (unsigned long long)value, set->unknown);
}

void trace_put_flags(struct strbuf *out, const struct trace_set *set, uint64_t value)
{
    uint64_t left = value;
    bool first = true;
    for (unsigned i = 0; i < set->count; i++) {
        const struct trace_name *name = &set->names[i];
        uint64_t mask = name->mask ? name->mask : name->value;
        if (!mask || (value & mask) != name->value || (name->value & left) != name->value)
            continue;
        strbuf_printf(out, "%s%s", first ? "" : "|", name->text);
        left &= ~name->value;
        first = false;
    }
    if (left)
        strbuf_printf(out, "%s%#llx", first ? "" : "|", (unsigned long long)left);
    if (left && first)
        strbuf_printf(out, " /* %s */", set->unknown);
    else if (first)
        strbuf_putc(out, '0');
}

void trace_put_signal(struct strbuf *out, int signo)
{
    const char *name = trace_signal_name(signo);
    if (name)
        strbuf_puts(out, name);
    else if (signo >= 32 && signo <= 64)
        strbuf_printf(out, signo == 32 ? "SIGRTMIN" : "SIGRT_%d", signo - 32);
    else
        strbuf_printf(out, "%d", signo);
}

void trace_put_pointer(struct strbuf *out, uint64_t uaddr)
{
    if (uaddr)
        strbuf_printf(out, "%#llx", (unsigned long long)uaddr);
    else
        strbuf_puts(out, "NULL");
}

static void put_escaped(struct strbuf *out, unsigned char c, unsigned char next)
{
    static const char plain[] = "\t\n\v\f\r\"\\", letters[] = "tnvfr\"\\";
    const char *at = c ? kstrchr(plain, c) : NULL;
    if (at)
        strbuf_printf(out, "\\%c", letters[at - plain]);
    else if (kisprint(c))
        strbuf_putc(out, (char)c);
    else if (next >= '0' && next <= '7')
        strbuf_printf(out, "\\%03o", c);
    else
        strbuf_printf(out, "\\%o", c);
}

void trace_put_quoted(struct strbuf *out, const char *text, size_t bytes, bool more)
{
    strbuf_putc(out, '"');
    for (size_t i = 0; i < bytes; i++)
        put_escaped(out, (unsigned char)text[i], i + 1 < bytes ? (unsigned char)text[i + 1] : 0);
    strbuf_puts(out, more ? "\"..." : "\"");
}

void trace_put_user_bytes(struct strbuf *out, uint64_t uaddr, uint64_t bytes)
{
    char text[TRACE_STRING_MAX];
    size_t wanted = (size_t)MIN(bytes, (uint64_t)TRACE_STRING_MAX);
    if (!uaddr || copy_from_user_partial(text, uaddr, wanted) != wanted)
        trace_put_pointer(out, uaddr);
    else
        trace_put_quoted(out, text, wanted, bytes > wanted);
}

void trace_put_user_string(struct strbuf *out, uint64_t uaddr, size_t shown_max)
{
    char text[256];
    size_t wanted = MIN(shown_max + 1, sizeof(text));
    if (!uaddr) {
        strbuf_puts(out, "NULL");
        return;
    }
    size_t bytes = copy_from_user_partial(text, uaddr, wanted);
    size_t length = kstrnlen(text, bytes);
    if (length == bytes && bytes < wanted)
        trace_put_pointer(out, uaddr);
    else
        trace_put_quoted(out, text, MIN(length, wanted - 1), length == bytes);
}

/* A path is shown whole, in pieces. */
void trace_put_user_path(struct strbuf *out, uint64_t uaddr)
{
    enum { PIECE = 128, PATH_LIMIT = 4096 };
    char text[PIECE];
    if (!uaddr) {
        strbuf_puts(out, "NULL");
        return;
    }
    struct strbuf start = *out;
    char terminator_place = out->text[out->length];
    strbuf_putc(out, '"');
    for (size_t done = 0; done < PATH_LIMIT; done += PIECE) {
        size_t bytes = copy_from_user_partial(text, uaddr + done, PIECE);
        size_t length = kstrnlen(text, bytes);
        for (size_t i = 0; i < length; i++)
            put_escaped(out, (unsigned char)text[i],
                        i + 1 < length ? (unsigned char)text[i + 1] : 0);
        if (length < bytes) {
            strbuf_putc(out, '"');
            return;
        }
        if (bytes < PIECE) {
            *out = start;
            out->text[out->length] = terminator_place;
            trace_put_pointer(out, uaddr);
            return;
        }
    }
    strbuf_puts(out, "\"...");
}

void trace_put_sigset(struct strbuf *out, uint64_t set)
{
    bool inverted = bits_count(set) > 32, first = true;
    uint64_t shown = inverted ? ~set : set;
    strbuf_puts(out, inverted ? "~[" : "[");
    for (int signo = 1; signo <= 64; signo++) {
        if (!((shown >> (signo - 1)) & 1))
            continue;
        const char *name = trace_signal_name(signo);
        if (!first)
            strbuf_putc(out, ' ');
        first = false;
        if (name)
            strbuf_puts(out, name + 3); /* without SIG, as strace does */
        else
            strbuf_printf(out, signo == 32 ? "RTMIN" : "RT_%d", signo - 32);
    }
    strbuf_putc(out, ']');
}

void trace_put_vector(struct strbuf *out, uint64_t uaddr)
{
    uint64_t string;
    if (!uaddr || get_user_u64(&string, uaddr)) {
        trace_put_pointer(out, uaddr);
        return;
    }
    strbuf_putc(out, '[');
    for (unsigned i = 0; i <= TRACE_ELEMENTS_MAX; i++) {
        if (get_user_u64(&string, uaddr + i * 8ull) || !string)
            break;
        if (i)
            strbuf_puts(out, ", ");
        if (i == TRACE_ELEMENTS_MAX) {
            strbuf_puts(out, "...");
            break;
        }
        trace_put_user_string(out, string, TRACE_STRING_MAX);
    }
    strbuf_putc(out, ']');
}
