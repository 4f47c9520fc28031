/* SPDX-License-Identifier: MIT
 *
 * A system call as strace(1) would write it, in two pieces: what is known when it begins, and what
 * it gives back. For the tracer (trace.c), and for simulators that keep the pieces in their log.
 */
#include "kernel/abi/errno.h"
#include "kernel/syscall/syscalls.h"
#include "kernel/syscall/trace.h"
#include "kernel/syscall/trace_internal.h"

static const struct trace_syscall *find_call(uint64_t number)
{
    if (number >= SYSCALLS_MAX || !trace_syscalls[number].name)
        return NULL;
    return &trace_syscalls[number];
}

unsigned trace_argument_count(uint64_t number)
{
    const struct trace_syscall *syscall = find_call(number);
    return syscall ? syscall->count : 6;
}

/* Arguments in order; before the end of the call, up to the first that it will fill; at its end,
 * from there on. */
static void put_arguments(struct trace_call *call)
{
    unsigned count = call->syscall ? call->syscall->count : 6;
    for (unsigned i = 0; i < count; i++) {
        if (!call->syscall) {
            if (!call->leaving)
                strbuf_printf(call->out, "%s%#llx", i ? ", " : "",
                              (unsigned long long)call->args[i]);
            continue;
        }
        if (trace_is_filled_by_call(&call->syscall->args[i])) {
            if (!call->leaving)
                return;
            for (; i < count; i++)
                trace_put_argument(call, i);
            return;
        }
        if (!call->leaving)
            trace_put_argument(call, i);
    }
}

void trace_put_begin(struct strbuf *out, uint64_t number, const uint64_t args[6])
{
    struct trace_call call = {
        .out = out, .number = number, .syscall = find_call(number), .args = args};
    if (call.syscall)
        strbuf_printf(out, "%s(", call.syscall->name);
    else
        strbuf_printf(out, "syscall_%#llx(", (unsigned long long)number);
    put_arguments(&call);
}

static bool returns_address(uint64_t number)
{
    return number == SYS_mmap || number == SYS_mremap || number == SYS_brk || number == SYS_shmat;
}

void trace_put_end(struct strbuf *out, uint64_t number, const uint64_t args[6], int64_t result)
{
    struct trace_call call = {.out = out,
                              .number = number,
                              .syscall = find_call(number),
                              .args = args,
                              .leaving = true,
                              .result = result};
    int error = result < 0 && result >= -4095 ? (int)-result : 0;
    const char *name = error ? trace_errno_name(error) : NULL;
    put_arguments(&call);
    if (error && error >= ERESTARTSYS)
        strbuf_printf(out, ") = ? %s (%s)", name ? name : "ERESTART",
                      name ? trace_errno_text(error) : "");
    else if (error && name)
        strbuf_printf(out, ") = -1 %s (%s)", name, trace_errno_text(error));
    else if (returns_address(number))
        strbuf_printf(out, ") = %#llx", (unsigned long long)result);
    else
        strbuf_printf(out, ") = %lld", (long long)result);
    trace_put_changes(&call);
}

/* How much of a text that was cut is whole. */
static size_t finish(const struct strbuf *text, size_t bytes)
{
    return strbuf_overflowed(text) ? bytes - 1 : text->length;
}

size_t trace_write_begin(char *out, size_t bytes, uint64_t number, const uint64_t args[6])
{
    struct strbuf text;
    strbuf_init(&text, out, bytes);
    trace_put_begin(&text, number, args);
    return finish(&text, bytes);
}

size_t trace_write_end(char *out, size_t bytes, uint64_t number, const uint64_t args[6],
                       int64_t result)
{
    struct strbuf text;
    strbuf_init(&text, out, bytes);
    trace_put_end(&text, number, args, result);
    return finish(&text, bytes);
}
