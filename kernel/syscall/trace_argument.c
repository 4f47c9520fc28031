/* SPDX-License-Identifier: MIT
 *
 * How the arguments of a call are written in a trace, by their kind in syscalls.tbl, and what is
 * special about those of a few calls.
 */
#include "kernel/abi/fcntl.h"
#include "kernel/lib/string.h"
#include "kernel/mm/uaccess.h"
#include "kernel/syscall/syscalls.h"
#include "kernel/syscall/trace_internal.h"

/* The third argument of fcntl(2) means something only for some commands. */
static bool fcntl_uses_argument(uint64_t command)
{
    switch (command) {
    case F_GETFD:
    case F_GETFL:
    case F_GETOWN:
    case F_GETSIG:
    case F_GETLEASE:
    case F_GETPIPE_SZ:
    case F_GET_SEALS:
        return false;
    default:
        return true;
    }
}

/* The mode of open(2) means something only for a file that is to be created. */
static bool is_omitted(const struct trace_call *call, const struct trace_argument *argument)
{
    uint64_t flags = 0;
    if (call->number == SYS_fcntl && argument->kind == TRACE_PTR)
        return !fcntl_uses_argument((uint32_t)call->args[1]);
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

/* The size of an address that the call returned is in the argument behind it. */
static uint64_t address_bytes(const struct trace_call *call, unsigned index)
{
    uint32_t bytes;
    if (index + 1 < call->syscall->count &&
        call->syscall->args[index + 1].type == TRACE_TYPE_SOCKLEN && call->args[index + 1] &&
        get_user_u32(&bytes, call->args[index + 1]) == 0)
        return bytes;
    return 0;
}

/* Memory that this call has not filled, though it could have: shown by its address. */
static bool is_unfilled(const struct trace_call *call, const struct trace_argument *argument)
{
    if (argument->kind != TRACE_OUT)
        return false;
    /* clone(2) fills these in the child, or in the parent before it returns there: no news. */
    if (call->number == SYS_clone)
        return true;
    bool sleeps = call->number == SYS_nanosleep || call->number == SYS_clock_nanosleep;
    return sleeps ? call->result == 0 : call->leaving && call->result < 0;
}

static void put_memory(struct trace_call *call, const struct trace_argument *argument,
                       unsigned index)
{
    uint64_t uaddr = call->args[index], count = element_count(call, argument);
    if (!uaddr || is_unfilled(call, argument))
        trace_put_pointer(call->out, uaddr);
    else if (argument->type == TRACE_TYPE_BYTES)
        trace_put_user_bytes(call->out, uaddr, count);
    else if (argument->type == TRACE_TYPE_SOCKADDR)
        trace_put_structs(call, argument->type, uaddr,
                          argument->count ? count : address_bytes(call, index), false);
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

static void put_fcntl_argument(struct trace_call *call, uint64_t value)
{
    switch ((uint32_t)call->args[1]) {
    case F_SETFD:
        strbuf_puts(call->out, value == FD_CLOEXEC ? "FD_CLOEXEC" : "0");
        break;
    case F_SETFL:
        trace_put_flags(call->out, &trace_set_open, (uint32_t)value);
        break;
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
    case F_SETOWN:
    case F_SETPIPE_SZ:
        strbuf_printf(call->out, "%d", (int)value);
        break;
    default:
        trace_put_pointer(call->out, value);
    }
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
        if (call->number == SYS_fcntl)
            put_fcntl_argument(call, value);
        else
            trace_put_pointer(out, value);
        break;
    default:
        strbuf_printf(out, "%llu", (unsigned long long)value);
    }
}

/* Arguments of which the end of the call tells more than its beginning. */
bool trace_is_filled_by_call(const struct trace_argument *argument)
{
    if (argument->kind == TRACE_OUT)
        return true;
    return argument->kind == TRACE_IO &&
           (argument->type == TRACE_TYPE_POLLFD || argument->type == TRACE_TYPE_MSGHDR ||
            argument->type == TRACE_TYPE_SOCKLEN);
}

void trace_put_argument(struct trace_call *call, unsigned index)
{
    const struct trace_argument *argument = &call->syscall->args[index];
    uint64_t value = call->args[index];
    if (is_omitted(call, argument))
        return;
    if (index)
        strbuf_puts(call->out, ", ");
    switch (argument->kind) {
    case TRACE_PATH:
        trace_put_user_path(call->out, value);
        return;
    case TRACE_STR:
        trace_put_user_string(call->out, value, TRACE_STRING_MAX);
        return;
    case TRACE_STRV:
        trace_put_vector(call->out, value);
        return;
    case TRACE_OUT:
    case TRACE_IN:
    case TRACE_IO:
        put_memory(call, argument, index);
        return;
    default:
        put_scalar(call, argument, value);
        return;
    }
}

void trace_put_changes(struct trace_call *call)
{
    static const char *const names[] = {"in", "out", "except"};
    bool first = true;
    if ((call->number != SYS_select && call->number != SYS_pselect6) || call->result < 0)
        return;
    if (call->result == 0) {
        strbuf_puts(call->out, " (Timeout)");
        return;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (!call->args[1 + i])
            continue;
        strbuf_printf(call->out, "%s%s ", first ? " (" : ", ", names[i]);
        put_memory(call, &call->syscall->args[1 + i], 1 + i);
        first = false;
    }
    strbuf_puts(call->out, first ? "" : ")");
}
