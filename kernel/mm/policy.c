/* SPDX-License-Identifier: MIT
 *
 * Memory policies of mappings, mbind(2): on a machine with one node they are only remembered.
 *
 * A policy is a mode and its MPOL_F_ flags in 16 bits; 0: the task's.
 */
#include "kernel/abi/errno.h"
#include "kernel/mm/mm_internal.h"

/* Is [start, end) mapped without a hole? */
static bool is_covered(struct mm *mm, uint64_t start, uint64_t end)
{
    struct vma *vma = mm_find_vma(mm, start);
    while (vma && vma->start <= start) {
        if (vma->end >= end)
            return true;
        start = vma->end;
        vma = mm_next_vma(vma);
    }
    return false;
}

int mm_set_policy(struct mm *mm, uint64_t start, uint64_t end, uint16_t policy)
{
    mm_write_lock(mm);
    int error = is_covered(mm, start, end) ? 0 : -EFAULT;
    struct vma *vma = error ? NULL : mm_find_vma(mm, start);
    while (vma && vma->start < end && !error) {
        if (vma->policy != policy) {
            error = vma_isolate_locked(mm, &vma, MAX(start, vma->start), MIN(end, vma->end));
            if (error)
                break;
            vma->policy = policy;
            vma = vma_merge_locked(mm, vma);
        }
        vma = mm_next_vma(vma);
    }
    mm_write_unlock(mm);
    return error;
}

int mm_policy_at(struct mm *mm, uint64_t uaddr, uint16_t *out)
{
    rwlock_read_lock(&mm->lock);
    const struct vma *vma = mm_find_vma(mm, uaddr);
    int error = vma && vma->start <= uaddr ? 0 : -EFAULT;
    if (!error)
        *out = vma->policy;
    rwlock_read_unlock(&mm->lock);
    return error;
}

int mm_check_policies(struct mm *mm, uint64_t start, uint64_t end, bool (*accept)(uint16_t policy))
{
    int result = -ENOENT;
    rwlock_read_lock(&mm->lock);
    const struct vma *vma = mm_find_vma(mm, start);
    for (; vma && vma->start < end; vma = mm_next_vma((struct vma *)vma)) {
        if (!vma->policy)
            continue;
        result = accept(vma->policy) ? 0 : -EOPNOTSUPP;
        if (result)
            break;
    }
    rwlock_read_unlock(&mm->lock);
    return result;
}

int mm_page_present(struct mm *mm, uint64_t uaddr)
{
    unsigned char present;
    rwlock_read_lock(&mm->lock);
    const struct vma *vma = mm_find_vma(mm, uaddr);
    bool mapped = vma && vma->start <= uaddr;
    struct mm_region *region = NULL;
    if (mapped) {
        spin_lock(&mm->table_lock);
        region = region_find(mm, uaddr);
        present = region && (region->present >> region_index(uaddr) & 1);
        spin_unlock(&mm->table_lock);
    }
    rwlock_read_unlock(&mm->lock);
    return !mapped ? -EFAULT : present ? 0 : -ENOENT;
}
