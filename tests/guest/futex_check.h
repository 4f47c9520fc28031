/* SPDX-License-Identifier: MIT
 *
 * futex(2) for guest tests: musl comes without the kernel's headers.
 */
#ifndef TESTS_GUEST_FUTEX_CHECK_H
#define TESTS_GUEST_FUTEX_CHECK_H

#include "signal_check.h"

enum {
    FUTEX_WAIT = 0,
    FUTEX_WAKE = 1,
    FUTEX_REQUEUE = 3,
    FUTEX_CMP_REQUEUE = 4,
    FUTEX_WAKE_OP = 5,
    FUTEX_LOCK_PI = 6,
    FUTEX_UNLOCK_PI = 7,
    FUTEX_TRYLOCK_PI = 8,
    FUTEX_WAIT_BITSET = 9,
    FUTEX_WAKE_BITSET = 10,
    FUTEX_WAIT_REQUEUE_PI = 11,
    FUTEX_CMP_REQUEUE_PI = 12,
    FUTEX_LOCK_PI2 = 13,
    FUTEX_PRIVATE = 128,
    FUTEX_REALTIME = 256,
    FUTEX_32 = 2,
};
#define FUTEX_WAITERS 0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_TID_MASK 0x3fffffffu

static inline long futex(volatile uint32_t *word, int op, uint32_t value,
                         const struct timespec *timeout, volatile uint32_t *word2, uint32_t value3)
{
    return syscall(SYS_futex, word, op, value, timeout, word2, value3);
}

/* With a number in place of the timeout. */
static inline long futex2(volatile uint32_t *word, int op, uint32_t value, unsigned long value2,
                          volatile uint32_t *word2, uint32_t value3)
{
    return syscall(SYS_futex, word, op, value, value2, word2, value3);
}

#endif
