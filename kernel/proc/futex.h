/* SPDX-License-Identifier: MIT
 *
 * Fast user-space locks (futex(2)): the operations behind the system calls. All act on the current
 * task's memory, may block, and return what futex(2) says.
 *
 * Deadlines are absolute; `realtime` says on which clock, FUTEX_NO_TIMEOUT that there is none.
 */
#ifndef KERNEL_PROC_FUTEX_H
#define KERNEL_PROC_FUTEX_H

#include <stdbool.h>
#include <stdint.h>

struct linux_futex_waitv;
struct task;

#define FUTEX_NO_TIMEOUT UINT64_MAX

struct futex_timeout {
    uint64_t deadline_ns;
    bool realtime;
};

/* -ERESTARTSYS if interrupted: the caller decides how the call is restarted. */
int64_t futex_wait(uint64_t uaddr, bool private, uint32_t value, struct futex_timeout timeout,
                   uint32_t bitset);
int64_t futex_wake(uint64_t uaddr, bool private, int count, uint32_t bitset);

/* FUTEX_CMP_REQUEUE; compare NULL: FUTEX_REQUEUE. */
int64_t futex_requeue(uint64_t uaddr, uint64_t uaddr2, bool private, int wake_count,
                      int requeue_count, const uint32_t *compare);
int64_t futex_wake_op(uint64_t uaddr, uint64_t uaddr2, bool private, int count, int count2,
                      uint32_t operation);
/* The index of a waiter that was woken. */
int64_t futex_waitv(const struct linux_futex_waitv *waiters, unsigned count,
                    struct futex_timeout timeout);

int64_t futex_lock_pi(uint64_t uaddr, bool private, struct futex_timeout timeout, bool try_only);
int64_t futex_unlock_pi(uint64_t uaddr, bool private);
int64_t futex_wait_requeue_pi(uint64_t uaddr, bool private, uint32_t value,
                              struct futex_timeout timeout, uint32_t bitset, uint64_t uaddr2);
int64_t futex_cmp_requeue_pi(uint64_t uaddr, uint64_t uaddr2, bool private, int wake_count,
                             int requeue_count, uint32_t compare);

/* The task's scheduling parameters have changed: if it waits for a PI futex, so do its place there
 * and what it lends to the owner. */
void futex_pi_priority_changed(struct task *task);

#endif
