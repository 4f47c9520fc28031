/* SPDX-License-Identifier: MIT
 *
 * Names of the flags and commands of system calls that confine programs or watch over their memory.
 */
#include "kernel/abi/fcntl.h"
#include "kernel/abi/landlock.h"
#include "kernel/abi/seccomp.h"
#include "kernel/abi/userfaultfd.h"
#include "kernel/lib/compiler.h"
#include "kernel/syscall/trace_internal.h"

#define V(text, number, mask)                                                                      \
    {                                                                                              \
        text, (uint64_t)(number), (uint64_t)(mask)                                                 \
    }
#define N(constant) V(#constant, (uint32_t)(constant), 0)
#define SET(id, what)                                                                              \
    const struct trace_set trace_set_##id = {                                                      \
        .names = id##_names, .count = ARRAY_SIZE(id##_names), .unknown = what}

static const struct trace_name landlock_create_names[] = {
    N(LANDLOCK_CREATE_RULESET_VERSION),
};
SET(landlock_create, "LANDLOCK_CREATE_RULESET_???");

static const struct trace_name landlock_rule_names[] = {
    N(LANDLOCK_RULE_PATH_BENEATH),
};
SET(landlock_rule, "LANDLOCK_RULE_???");

static const struct trace_name seccomp_names[] = {
    V("SECCOMP_SET_MODE_STRICT", SECCOMP_SET_MODE_STRICT, ~0ull),
    N(SECCOMP_SET_MODE_FILTER),
    N(SECCOMP_GET_ACTION_AVAIL),
    N(SECCOMP_GET_NOTIF_SIZES),
};
SET(seccomp, "SECCOMP_???");

static const struct trace_name seccomp_filter_names[] = {
    N(SECCOMP_FILTER_FLAG_TSYNC),       N(SECCOMP_FILTER_FLAG_LOG),
    N(SECCOMP_FILTER_FLAG_SPEC_ALLOW),  N(SECCOMP_FILTER_FLAG_NEW_LISTENER),
    N(SECCOMP_FILTER_FLAG_TSYNC_ESRCH), N(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV),
};
SET(seccomp_filter, "SECCOMP_FILTER_FLAG_???");

static const struct trace_name userfaultfd_names[] = {
    N(O_CLOEXEC),
    N(O_NONBLOCK),
    N(UFFD_USER_MODE_ONLY),
};
SET(userfaultfd, "UFFD_???");
