/* SPDX-License-Identifier: MIT
 *
 * Filters of secure computing: how they are kept (seccomp.c) and what asks them (seccomp_enter.c).
 */
#ifndef KERNEL_PROC_SECCOMP_INTERNAL_H
#define KERNEL_PROC_SECCOMP_INTERNAL_H

#include "kernel/abi/seccomp.h"
#include "kernel/lib/atomic.h"
#include "kernel/proc/seccomp.h"

enum {
    SECCOMP_CALLS_CACHED = 512,
    SECCOMP_MODE_DEAD = 3, /* internal: the task is being killed, no call passes any more */
};

struct seccomp_filter {
    struct refcount refs;
    struct seccomp_filter *previous;   /* referenced, or NULL */
    struct seccomp_notifier *notifier; /* who decides on SECCOMP_RET_USER_NOTIF; or NULL */
    uint32_t instructions;             /* of the whole chain, penalties included */
    uint16_t depth;                    /* filters in the chain */
    uint16_t count;
    bool log; /* SECCOMP_FILTER_FLAG_LOG */
    uint64_t allowed[SECCOMP_CALLS_CACHED /
                     64]; /* calls that the whole chain allows without looking further */
    struct linux_sock_filter program[];
};

/* Has its tracer lifted the filters (PTRACE_O_SUSPEND_SECCOMP)? */
bool seccomp_is_suspended(const struct task *task);

#endif
