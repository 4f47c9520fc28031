/* SPDX-License-Identifier: MIT
 *
 * User memory access by system calls: the HAL copies what is mapped, faults are resolved in
 * between.
 *
 * mm->lock is taken for reading by every fault, so a caller must not hold it, nor any spinlock.
 */
#include "kernel/mm/uaccess.h"

#include "hal/aspace.h"
#include "kernel/abi/errno.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm_internal.h"
#include "kernel/sched/thread.h"

/* The part of [uaddr, uaddr + bytes) that lies in user space. */
static size_t clamp_to_user(uint64_t uaddr, size_t bytes)
{
    uint64_t limit = this_kernel()->boot->user_addr_limit;
    if (uaddr >= limit)
        return 0;
    return MIN(bytes, limit - uaddr);
}

bool user_range_ok(uint64_t uaddr, uint64_t bytes)
{
    uint64_t limit = this_kernel()->boot->user_addr_limit;
    return bytes <= limit && uaddr <= limit - bytes;
}

static bool resolve(uint64_t uaddr, enum mm_access access)
{
    struct mm *mm = this_thread()->mm;
    return mm && mm_handle_fault(mm, uaddr, access) == 0;
}

size_t copy_from_user_partial(void *dst, uint64_t uaddr, size_t bytes)
{
    size_t wanted = clamp_to_user(uaddr, bytes), done = 0;
    while (done < wanted) {
        size_t left = hal_copy_from_user((char *)dst + done, uaddr + done, wanted - done);
        done = wanted - left;
        if (left && !resolve(uaddr + done, MM_READ))
            break;
    }
    return done;
}

size_t copy_to_user_partial(uint64_t uaddr, const void *src, size_t bytes)
{
    size_t wanted = clamp_to_user(uaddr, bytes), done = 0;
    while (done < wanted) {
        size_t left = hal_copy_to_user(uaddr + done, (const char *)src + done, wanted - done);
        done = wanted - left;
        if (left && !resolve(uaddr + done, MM_WRITE))
            break;
    }
    return done;
}

size_t clear_user_partial(uint64_t uaddr, size_t bytes)
{
    size_t wanted = clamp_to_user(uaddr, bytes), done = 0;
    while (done < wanted) {
        size_t left = hal_clear_user(uaddr + done, wanted - done);
        done = wanted - left;
        if (left && !resolve(uaddr + done, MM_WRITE))
            break;
    }
    return done;
}

int copy_from_user(void *dst, uint64_t uaddr, size_t bytes)
{
    size_t done = copy_from_user_partial(dst, uaddr, bytes);
    if (likely(done == bytes))
        return 0;
    memset((char *)dst + done, 0, bytes - done); /* nobody gets to see stale kernel memory */
    return -EFAULT;
}

int copy_to_user(uint64_t uaddr, const void *src, size_t bytes)
{
    return copy_to_user_partial(uaddr, src, bytes) == bytes ? 0 : -EFAULT;
}

int clear_user(uint64_t uaddr, size_t bytes)
{
    return clear_user_partial(uaddr, bytes) == bytes ? 0 : -EFAULT;
}

int64_t copy_string_from_user(char *dst, uint64_t uaddr, size_t bytes)
{
    size_t room = clamp_to_user(uaddr, bytes), done = 0;
    while (done < room) {
        size_t copied = hal_copy_string_from_user(dst + done, uaddr + done, room - done);
        done += copied;
        if (copied && dst[done - 1] == '\0')
            return (int64_t)done - 1;
        if (done < room && !resolve(uaddr + done, MM_READ))
            return -EFAULT;
    }
    return room < bytes ? -EFAULT : -ENAMETOOLONG;
}

/* Are the user's bytes all zero? 1, 0 or -EFAULT. */
static int user_is_zero(uint64_t uaddr, size_t bytes)
{
    char buffer[64];
    while (bytes) {
        size_t part = MIN(bytes, sizeof(buffer));
        if (copy_from_user(buffer, uaddr, part))
            return -EFAULT;
        if (!kmem_is_zero(buffer, part))
            return 0;
        uaddr += part;
        bytes -= part;
    }
    return 1;
}

int copy_struct_from_user(void *dst, size_t bytes, uint64_t uaddr, size_t size, size_t min_size)
{
    if (size < min_size)
        return -EINVAL;
    if (size > PAGE_SIZE)
        return -E2BIG;
    if (size > bytes) {
        int zero = user_is_zero(uaddr + bytes, size - bytes);
        if (zero <= 0)
            return zero ? zero : -E2BIG;
    }
    size_t copied = MIN(size, bytes);
    memset((char *)dst + copied, 0, bytes - copied);
    return copy_from_user(dst, uaddr, copied);
}

int get_user_u32(uint32_t *out, uint64_t uaddr)
{
    return copy_from_user(out, uaddr, sizeof(*out));
}

int get_user_u64(uint64_t *out, uint64_t uaddr)
{
    return copy_from_user(out, uaddr, sizeof(*out));
}

int put_user_u32(uint64_t uaddr, uint32_t value)
{
    return copy_to_user(uaddr, &value, sizeof(value));
}

int put_user_u64(uint64_t uaddr, uint64_t value)
{
    return copy_to_user(uaddr, &value, sizeof(value));
}

int cmpxchg_user_u32(uint64_t uaddr, uint32_t expected, uint32_t desired, uint32_t *out_old)
{
    if (!IS_ALIGNED(uaddr, 4))
        return -EINVAL;
    if (clamp_to_user(uaddr, 4) != 4)
        return -EFAULT;
    while (hal_user_cmpxchg32(uaddr, expected, desired, out_old)) {
        if (!resolve(uaddr, MM_WRITE))
            return -EFAULT;
    }
    return 0;
}

/* Futexes of private memory are named by the mm's id, with the top bit set so that they never meet
 * the identity of a shared object. */
int futex_key_get(uint64_t uaddr, bool private_only, struct futex_key *out)
{
    struct mm *mm = this_thread()->mm;
    if (!mm || clamp_to_user(uaddr, 4) != 4)
        return -EFAULT;
    *out = (struct futex_key){.object = mm->id | 1ull << 63, .offset = uaddr};
    if (private_only)
        return 0;

    uint32_t value; /* the word must be there, as for Linux */
    if (get_user_u32(&value, uaddr))
        return -EFAULT;
    int error = 0;
    rwlock_read_lock(&mm->lock);
    struct vma *vma = mm_find_vma(mm, uaddr);
    if (!vma || vma->start > uaddr)
        error = -EFAULT;
    else if (!vma->ops && !(vma->flags & VMA_WRITE))
        error = -EFAULT; /* anonymous memory that nobody can change: nothing to wait for */
    else if ((vma->flags & VMA_SHARED) && vma->ops && vma->ops->identity)
        *out = (struct futex_key){
            .object = vma->ops->identity(vma),
            .offset = (vma_object_page(vma, uaddr) << PAGE_SHIFT) + uaddr % PAGE_SIZE,
        };
    rwlock_read_unlock(&mm->lock);
    return error;
}
