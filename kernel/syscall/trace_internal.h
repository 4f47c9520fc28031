/* SPDX-License-Identifier: MIT
 *
 * The parts of the tracer: the descriptions that generate.py makes from syscalls.tbl, the names of
 * constants, and the writers of values. Internal to syscall/.
 */
#ifndef KERNEL_SYSCALL_TRACE_INTERNAL_H
#define KERNEL_SYSCALL_TRACE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/lib/strbuf.h"
#include "kernel/syscall/trace_types.h"

/* ---- descriptions ---- */

struct trace_argument {
    const char *name;
    enum trace_kind kind;
    const struct trace_set *set; /* of flags and enum */
    enum trace_type type;        /* of in, out, io */
    unsigned count; /* argument (from 1) with the number of elements or bytes; 0: none */
};

struct trace_syscall {
    const char *name; /* NULL: no such call */
    const struct trace_argument *args;
    unsigned count;
};

extern const struct trace_syscall trace_syscalls[]; /* SYSCALLS_MAX */

/* ---- names of constants ---- */

/* Matches where (value & mask) == value; mask 0 stands for value itself. */
struct trace_name {
    const char *text;
    uint64_t value, mask;
};

struct trace_set {
    const struct trace_name *names; /* those with several bits first */
    unsigned count;
    const char *unknown; /* "O_???" */
};

extern const struct trace_set trace_set_sigflags, trace_set_poll, trace_set_epoll,
    trace_set_siflags;
extern const struct trace_set trace_set_statmode, trace_set_sicode, trace_set_cldcode;
extern const struct trace_set trace_set_segvcode, trace_set_buscode, trace_set_fpecode;
extern const struct trace_set trace_set_illcode, trace_set_trapcode, trace_set_sigstack;
extern const struct trace_set trace_set_sigev, trace_set_fdflags;

/* "EINVAL" and "Invalid argument"; NULL if the number has no name. */
const char *trace_errno_name(int number);
const char *trace_errno_text(int number);
/* "SIGHUP"; NULL for real-time signals and numbers that are none. */
const char *trace_signal_name(int signo);

/* ---- writers (trace_value.c, trace_argument.c, trace_struct.c) ---- */

/* Where the values come from. Reads user memory of the current task. */
struct trace_call {
    struct strbuf *out;
    uint64_t number;
    const struct trace_syscall *syscall; /* NULL: not in the table */
    const uint64_t *args;                /* the six registers */
    bool leaving;                        /* the call is over: output arguments have been filled */
    int64_t result;
};

enum { TRACE_STRING_MAX = 32, TRACE_ELEMENTS_MAX = 16 };

void trace_put_flags(struct strbuf *out, const struct trace_set *set, uint64_t value);
void trace_put_enum(struct strbuf *out, const struct trace_set *set, uint64_t value);
void trace_put_signal(struct strbuf *out, int signo);
void trace_put_pointer(struct strbuf *out, uint64_t uaddr);
/* A quoted string of `bytes` bytes in kernel memory; `more`: it goes on. */
void trace_put_quoted(struct strbuf *out, const char *text, size_t bytes, bool more);
void trace_put_user_bytes(struct strbuf *out, uint64_t uaddr, uint64_t bytes);
void trace_put_user_string(struct strbuf *out, uint64_t uaddr, size_t shown_max);
void trace_put_user_path(struct strbuf *out, uint64_t uaddr); /* whole */
void trace_put_vector(struct strbuf *out, uint64_t uaddr);    /* of strings, as for execve(2) */
void trace_put_sigset(struct strbuf *out, uint64_t set);

/* One argument, with a comma before all but the first. */
void trace_put_argument(struct trace_call *call, unsigned index);
/* Whether the end of the call tells more of this argument than its beginning. */
bool trace_is_filled_by_call(const struct trace_argument *argument);
/* What the call left in arguments that were written at its beginning: select(2). */
void trace_put_changes(struct trace_call *call);

/* `count` structs of the type at uaddr. */
void trace_put_structs(struct trace_call *call, enum trace_type type, uint64_t uaddr,
                       uint64_t count, bool array);

/* A call's name and arguments, up to the first that it fills; and the rest, with the result. */
void trace_put_begin(struct strbuf *out, uint64_t number, const uint64_t args[6]);
void trace_put_end(struct strbuf *out, uint64_t number, const uint64_t args[6], int64_t result);

#endif
