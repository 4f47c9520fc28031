/* SPDX-License-Identifier: MIT
 *
 * User memory access from system calls: copies that resolve page faults. They act on the current
 * thread's mm, may block, and must not be called with a spinlock held.
 */
#ifndef KERNEL_MM_UACCESS_H
#define KERNEL_MM_UACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Does [uaddr, uaddr + bytes) lie where user memory can be? Says nothing of what is mapped there. */
bool user_range_ok(uint64_t uaddr, uint64_t bytes);

/* 0 or -EFAULT; a partial copy may have happened. */
int copy_from_user(void *dst, uint64_t uaddr, size_t bytes);
int copy_to_user(uint64_t uaddr, const void *src, size_t bytes);
int clear_user(uint64_t uaddr, size_t bytes);

/* As above but returns the bytes that could be copied (read/write return short counts). */
size_t copy_from_user_partial(void *dst, uint64_t uaddr, size_t bytes);
size_t copy_to_user_partial(uint64_t uaddr, const void *src, size_t bytes);
size_t clear_user_partial(uint64_t uaddr, size_t bytes);

/* A NUL-terminated string of less than `bytes` bytes. Length without the NUL, -EFAULT, or
 * -ENAMETOOLONG if there is no NUL within `bytes`. */
int64_t copy_string_from_user(char *dst, uint64_t uaddr, size_t bytes);

/* Extensible structs (clone3, openat2): copy min(size, bytes), zero the rest of dst; -E2BIG if the
 * user's extra bytes are not zero, -EINVAL if size < min_size. */
int copy_struct_from_user(void *dst, size_t bytes, uint64_t uaddr, size_t size, size_t min_size);

/* Single values. */
int get_user_u32(uint32_t *out, uint64_t uaddr);
int get_user_u64(uint64_t *out, uint64_t uaddr);
int put_user_u32(uint64_t uaddr, uint32_t value);
int put_user_u64(uint64_t uaddr, uint64_t value);

/* Atomic compare-and-exchange on an aligned user word, resolving faults. 0 or -EFAULT/-EINVAL. */
int cmpxchg_user_u32(uint64_t uaddr, uint32_t expected, uint32_t desired, uint32_t *out_old);

/* What a futex on this address is a futex on: for private mappings (mm, address), for shared ones
 * (object, offset). 0 or -EFAULT. */
struct futex_key {
    uint64_t object, offset;
};
int futex_key_get(uint64_t uaddr, _Bool private_only, struct futex_key *out);

#endif
