/* SPDX-License-Identifier: MIT
 *
 * How single values are written in a trace: numbers, flags, strings, arguments of every kind of
 * syscalls.tbl. The forms are those of strace(1). Memory that cannot be read shows as its address.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/string.h"
#include "kernel/mm/uaccess.h"
#include "kernel/syscall/syscalls.h"
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
static void put_user_path(struct strbuf *out, uint64_t uaddr)
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

static void put_vector(struct strbuf *out, uint64_t uaddr)
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

/* The mode of open(2) means something only for a file that is to be created. */
static bool is_omitted(const struct trace_call *call, const struct trace_argument *argument)
{
    uint64_t flags = 0;
    if (argument->kind != TRACE_MODE)
        return false;
    if (call->number == SYS_open)
        flags = call->args[1];
    else if (call->number == SYS_openat)
        flags = call->args[2];
    else
        return false;
    return !(flags & (O_CREAT | __O_TMPFILE));
}

/* How many elements an array argument has: in the end never more than a call says it filled. */
static uint64_t element_count(const struct trace_call *call, const struct trace_argument *argument)
{
    if (!argument->count)
        return 1;
    uint64_t count = call->args[argument->count - 1];
    bool bytes_out = argument->kind == TRACE_OUT && argument->type == TRACE_TYPE_BYTES;
    if (bytes_out && call->leaving)
        count = call->result < 0 ? 0 : MIN(count, (uint64_t)call->result);
    return count;
}

static void put_memory(struct trace_call *call, const struct trace_argument *argument,
                       uint64_t uaddr)
{
    uint64_t count = element_count(call, argument);
    bool failed = call->leaving && call->result < 0;
    /* clone(2) fills these in the child, or in the parent before it returns there: no news. */
    bool pointer = call->number == SYS_clone;
    if (!uaddr || pointer || (argument->kind == TRACE_OUT && failed))
        trace_put_pointer(call->out, uaddr);
    else if (argument->type == TRACE_TYPE_BYTES)
        trace_put_user_bytes(call->out, uaddr, count);
    else if (argument->type == TRACE_TYPE_SOCKADDR)
        trace_put_structs(call, argument->type, uaddr, argument->count ? count : 128, false);
    else
        trace_put_structs(call, argument->type, uaddr, count, argument->count != 0);
}

/* Flags of pipe2(2) and the like have the names, but not the access mode of open(2). */
static const struct trace_set *flag_set(const struct trace_call *call,
                                        const struct trace_argument *argument)
{
    bool opens = call->number == SYS_open || call->number == SYS_openat ||
                 call->number == SYS_mq_open || call->number == SYS_open_by_handle_at;
    return argument->set == &trace_set_open && !opens ? &trace_set_fdflags : argument->set;
}

static void put_scalar(struct trace_call *call, const struct trace_argument *argument,
                       uint64_t value)
{
    struct strbuf *out = call->out;
    switch (argument->kind) {
    case TRACE_DIRFD:
        if ((int)value == AT_FDCWD) {
            strbuf_puts(out, "AT_FDCWD");
            break;
        }
        /* fall through */
    case TRACE_FD:
    case TRACE_INT:
    case TRACE_PID:
        strbuf_printf(out, "%d", (int)value);
        break;
    case TRACE_SIG:
        trace_put_signal(out, (int)value);
        break;
    case TRACE_MODE:
        strbuf_printf(out, "%#03o", (unsigned)value);
        break;
    case TRACE_UID:
        if ((uint32_t)value == UINT32_MAX) {
            strbuf_puts(out, "-1");
            break;
        }
        /* fall through */
    case TRACE_UINT:
        strbuf_printf(out, "%u", (unsigned)value);
        break;
    case TRACE_ENUM:
        trace_put_enum(out, argument->set, (uint32_t)value);
        break;
    case TRACE_FLAGS:
        trace_put_flags(out, flag_set(call, argument), (uint32_t)value);
        break;
    case TRACE_FLAGS64:
        trace_put_flags(out, argument->set, value);
        break;
    case TRACE_LONG:
    case TRACE_OFF:
        strbuf_printf(out, "%lld", (long long)value);
        break;
    case TRACE_PTR:
        trace_put_pointer(out, value);
        break;
    default:
        strbuf_printf(out, "%llu", (unsigned long long)value);
    }
}

bool trace_put_argument(struct trace_call *call, const struct trace_argument *argument,
                        unsigned index)
{
    uint64_t value = call->args[index];
    if (argument->kind == TRACE_OUT && !call->leaving)
        return false;
    if (is_omitted(call, argument))
        return true;
    if (index)
        strbuf_puts(call->out, ", ");
    switch (argument->kind) {
    case TRACE_PATH:
        put_user_path(call->out, value);
        return true;
    case TRACE_STR:
        trace_put_user_string(call->out, value, TRACE_STRING_MAX);
        return true;
    case TRACE_STRV:
        put_vector(call->out, value);
        return true;
    case TRACE_OUT:
    case TRACE_IN:
    case TRACE_IO:
        put_memory(call, argument, value);
        return true;
    default:
        put_scalar(call, argument, value);
        return true;
    }
}
