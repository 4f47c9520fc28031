/* SPDX-License-Identifier: MIT
 *
 * Structures of signals and sockets in a trace (trace_signal.c, trace_socket.c).
 */
#ifndef KERNEL_SYSCALL_TRACE_STRUCT_INTERNAL_H
#define KERNEL_SYSCALL_TRACE_STRUCT_INTERNAL_H

#include "kernel/abi/signal.h"
#include "kernel/abi/socket.h"
#include "kernel/syscall/trace_internal.h"

/* `value` is the struct in kernel memory. */
void trace_put_sigaction(struct trace_call *call, const void *value);
void trace_put_sigset_struct(struct trace_call *call, const void *value);
void trace_put_sigevent(struct trace_call *call, const void *value);
void trace_put_siginfo(struct trace_call *call, const void *value);
void trace_put_stack(struct trace_call *call, const void *value);
void trace_put_iovec(struct trace_call *call, const void *value);
void trace_put_msghdr(struct trace_call *call, const void *value);
void trace_put_sockaddr(struct trace_call *call, uint64_t uaddr, uint64_t bytes);

#endif
