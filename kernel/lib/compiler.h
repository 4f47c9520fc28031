/* SPDX-License-Identifier: MIT */
/*
 * Everything the kernel asks of the compiler beyond C11: attributes, checked arithmetic helpers,
 * and clang's thread-safety annotations. The only file in kernel/ that may test which compiler
 * is in use.
 */
#ifndef KERNEL_LIB_COMPILER_H
#define KERNEL_LIB_COMPILER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#ifndef offsetof
#define offsetof(type, member) __builtin_offsetof(type, member)
#endif

/* The object of `type` whose field `member` is at `ptr`; a wrong member type fails to compile. */
#define container_of(ptr, type, member)                                                            \
    ((type *)((uintptr_t)(1 ? (ptr) : &((type *)0)->member) - offsetof(type, member)))

#define STATIC_ASSERT(cond, ...) _Static_assert(cond, #cond " " __VA_ARGS__)

/* Number of elements; refuses pointers. */
#define ARRAY_SIZE(array)                                                                          \
    (sizeof(array) / sizeof((array)[0]) +                                                          \
     0 * sizeof(struct {                                                                           \
         int array_size_of_pointer : 1 -                                                           \
             2 * __builtin_types_compatible_p(__typeof__(array), __typeof__(&(array)[0]));         \
     }))

/* True if x is an integer constant expression. */
#define IS_CONSTANT_EXPR(x) (sizeof(int) == sizeof(*(8 ? ((void *)((intptr_t)(x)*0l)) : (int *)8)))
#define TYPE_IS_SIGNED(x) ((__typeof__((x) + 0))(-1) < (__typeof__((x) + 0))1)
#define CONSTANT_NOT_NEGATIVE(x) ((int64_t) __builtin_choose_expr(IS_CONSTANT_EXPR(x), x, -1) >= 0)
#define MIXABLE_SIGNS(a, b)                                                                        \
    (TYPE_IS_SIGNED(a) == TYPE_IS_SIGNED(b) || CONSTANT_NOT_NEGATIVE(a) || CONSTANT_NOT_NEGATIVE(b))

/*
 * Minimum and maximum; each argument is evaluated once. Mixing signed and unsigned fails to
 * compile unless one side is a non-negative constant. Use the _CONST forms in constant
 * expressions (array sizes, case labels).
 */
#define MIN(a, b)                                                                                  \
    ({                                                                                             \
        _Static_assert(MIXABLE_SIGNS(a, b), "MIN mixes signed and unsigned");                      \
        __auto_type min_a_ = (a);                                                                  \
        __auto_type min_b_ = (b);                                                                  \
        __typeof__(1 ? min_a_ : min_b_) min_x_ = min_a_, min_y_ = min_b_;                          \
        min_x_ < min_y_ ? min_x_ : min_y_;                                                         \
    })
#define MAX(a, b)                                                                                  \
    ({                                                                                             \
        _Static_assert(MIXABLE_SIGNS(a, b), "MAX mixes signed and unsigned");                      \
        __auto_type max_a_ = (a);                                                                  \
        __auto_type max_b_ = (b);                                                                  \
        __typeof__(1 ? max_a_ : max_b_) max_x_ = max_a_, max_y_ = max_b_;                          \
        max_x_ > max_y_ ? max_x_ : max_y_;                                                         \
    })
#define CLAMP(x, low, high) MIN(MAX(x, low), high)
#define MIN_CONST(a, b) ((a) < (b) ? (a) : (b))
#define MAX_CONST(a, b) ((a) > (b) ? (a) : (b))

/* Rounding of unsigned integers; `align` is a power of two. ALIGN_UP wraps near the type's end. */
#define ALIGN_DOWN(x, align) ((x) & ~((__typeof__(x))(align)-1))
#define ALIGN_UP(x, align) (((x) + ((__typeof__(x))(align)-1)) & ~((__typeof__(x))(align)-1))
#define IS_ALIGNED(x, align) (((x) & ((__typeof__(x))(align)-1)) == 0)
#define DIV_ROUND_UP(n, d) (((n) + (d)-1) / (d))

#define BIT(n) (1ull << (n))
/* Bits low..high inclusive, 0 <= low <= high <= 63. */
#define BIT_MASK(high, low) ((~0ull >> (63 - (high))) & (~0ull << (low)))

/* True on overflow; *out always holds the wrapped result. */
#define add_overflows(a, b, out) __builtin_add_overflow(a, b, out)
#define sub_overflows(a, b, out) __builtin_sub_overflow(a, b, out)
#define mul_overflows(a, b, out) __builtin_mul_overflow(a, b, out)

/* One untorn access the compiler may not repeat or drop; orders nothing (see atomic.h). */
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, value) ((void)(*(volatile __typeof__(x) *)&(x) = (value)))
#define compiler_barrier() __asm__ volatile("" ::: "memory")

#define NORETURN __attribute__((noreturn))
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))
#define PACKED __attribute__((packed))
#define ALIGNED(n) __attribute__((aligned(n)))
#define UNUSED __attribute__((unused))
#define USED __attribute__((used))
#define WEAK __attribute__((weak))
#define MUST_CHECK __attribute__((warn_unused_result))
#define FALLTHROUGH __attribute__((fallthrough))
#define PRINTF_LIKE(format_arg, first_arg) __attribute__((format(printf, format_arg, first_arg)))

/*
 * Lock annotations. A lock type is declared `struct CAPABILITY("spinlock") spinlock { ... };`,
 * functions say what they need or change: `void f(struct pipe *p) MUST_HOLD(&p->lock);`.
 * clang -Wthread-safety checks them at calls. GUARDED_BY on a field is documentation only: in C,
 * clang cannot see a sibling field from an attribute.
 */
#define GUARDED_BY(lock)
#ifdef __clang__
/* Annotations may stand on definitions as on declarations. */
#pragma clang diagnostic ignored "-Wgcc-compat"
#define THREAD_SAFETY(...) __attribute__((__VA_ARGS__))
#else
#define THREAD_SAFETY(...)
#endif
#define CAPABILITY(name) THREAD_SAFETY(capability(name))
#define MUST_HOLD(...) THREAD_SAFETY(requires_capability(__VA_ARGS__))
#define MUST_HOLD_SHARED(...) THREAD_SAFETY(requires_shared_capability(__VA_ARGS__))
#define MUST_NOT_HOLD(...) THREAD_SAFETY(locks_excluded(__VA_ARGS__))
#define ACQUIRES(...) THREAD_SAFETY(acquire_capability(__VA_ARGS__))
#define ACQUIRES_SHARED(...) THREAD_SAFETY(acquire_shared_capability(__VA_ARGS__))
#define RELEASES(...) THREAD_SAFETY(release_capability(__VA_ARGS__))
#define RELEASES_SHARED(...) THREAD_SAFETY(release_shared_capability(__VA_ARGS__))
#define TRY_ACQUIRES(result, ...) THREAD_SAFETY(try_acquire_capability(result, __VA_ARGS__))
#define ASSERTS_HELD(...) THREAD_SAFETY(assert_capability(__VA_ARGS__))
#define NO_THREAD_SAFETY THREAD_SAFETY(no_thread_safety_analysis)

#endif
