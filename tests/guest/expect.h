/* SPDX-License-Identifier: MIT
 *
 * What a guest test expects of a call. For the headers that tests include: each first says in
 * fail_at(line, format, ...) how a failure is told.
 */
#ifndef TESTS_GUEST_EXPECT_H
#define TESTS_GUEST_EXPECT_H

#include <errno.h>
#include <stdint.h>
#include <string.h>

/* A value that the compiler does not see through: bad pointers and sizes on purpose. */
static inline uintptr_t hidden(uintptr_t value)
{
    volatile uintptr_t copy = value;
    return copy;
}
#define BAD_POINTER ((void *)hidden(8))

/* The call succeeds; its value. */
#define OK(call)                                                                                   \
    ({                                                                                             \
        errno = 0;                                                                                 \
        long ok_ = (long)(call);                                                                   \
        if (ok_ == -1)                                                                             \
            fail_at(__LINE__, "%s: %s", #call, strerror(errno));                                   \
        ok_;                                                                                       \
    })

/* The call fails with this errno. */
#define FAILS(call, wanted)                                                                        \
    do {                                                                                           \
        errno = 0;                                                                                 \
        long got_ = (long)(call);                                                                  \
        if (got_ != -1)                                                                            \
            fail_at(__LINE__, "%s: %ld, not %s", #call, got_, #wanted);                            \
        if (errno != (wanted))                                                                     \
            fail_at(__LINE__, "%s: %s, not %s", #call, strerror(errno), #wanted);                  \
    } while (0)

#define EQ(a, b)                                                                                   \
    do {                                                                                           \
        long long a_ = (long long)(a), b_ = (long long)(b);                                        \
        if (a_ != b_)                                                                              \
            fail_at(__LINE__, "%s is %lld, %s is %lld", #a, a_, #b, b_);                           \
    } while (0)

#define TRUE(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_at(__LINE__, "not true: %s", #condition);                                         \
    } while (0)

#endif
