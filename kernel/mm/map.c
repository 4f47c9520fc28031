/* SPDX-License-Identifier: MIT
 *
 * mmap(2): choosing addresses and creating mappings.
 *
 * Nothing is changed before every check has passed and every object has been allocated, except that
 * a MAP_FIXED mapping replaces what was there in the last step that can fail (splitting).
 */
#include "kernel/abi/errno.h"
#include "kernel/mm/mm_internal.h"
#include "kernel/mm/shared_anon.h"

int find_range_locked(struct mm *mm, uint64_t hint, uint64_t bytes, uint64_t *out)
{
    if (hint) {
        uint64_t start = MAX(ALIGN_UP(hint, PAGE_SIZE), user_min(mm)), end;
        if (user_range(mm, start, bytes, &end)) {
            struct vma *above = mm_find_vma(mm, start);
            if (!above || end <= vma_guarded_start(above)) {
                *out = start;
                return 0;
            }
        }
    }
    uint64_t start = gap_find_below(mm, bytes, user_min(mm), mm->mmap_base);
    if (!start)
        start = gap_find_below(mm, bytes, user_min(mm), user_limit(mm));
    if (!start)
        return -ENOMEM;
    *out = start;
    return 0;
}

/* MAP_32BIT: at the hint if that is low, else below a limit. */
static int choose_low_address(struct mm *mm, const struct mm_map_request *request, uint64_t bytes,
                              uint64_t *out)
{
    uint64_t hint = request->addr;
    if (hint && bytes <= request->below && hint <= request->below - bytes && hint >= user_min(mm)) {
        struct vma *above = mm_find_vma(mm, hint);
        if (!above || hint + bytes <= vma_guarded_start(above)) {
            *out = hint;
            return 0;
        }
    }
    *out = gap_find_below(mm, bytes, MAX(user_min(mm), request->from), request->below);
    if (!*out)
        *out = gap_find_below(mm, bytes, user_min(mm), request->below);
    return *out ? 0 : -ENOMEM;
}

static int choose_address(struct mm *mm, const struct mm_map_request *request, uint64_t bytes,
                          uint64_t *out)
{
    if (bytes > user_limit(mm))
        return -ENOMEM;
    if (request->below)
        return choose_low_address(mm, request, bytes, out);
    if (!request->fixed && !request->no_replace)
        return find_range_locked(mm, request->addr, bytes, out);

    uint64_t end;
    if (!user_range(mm, request->addr, bytes, &end))
        return -ENOMEM;
    if (!IS_ALIGNED(request->addr, PAGE_SIZE))
        return -EINVAL;
    if (request->addr < user_min(mm))
        return -EPERM;
    if (request->no_replace && vma_find_overlap(mm, request->addr, end))
        return -EEXIST;
    *out = request->addr;
    return 0;
}

/* Pages of [start, end) that are mapped now: a fixed mapping replaces them. */
static uint64_t pages_mapped(struct mm *mm, uint64_t start, uint64_t end)
{
    uint64_t pages = 0;
    for (struct vma *vma = vma_find_overlap(mm, start, end); vma && vma->start < end;
         vma = mm_next_vma(vma))
        pages += (MIN(vma->end, end) - MAX(vma->start, start)) >> PAGE_SHIFT;
    return pages;
}

static int check_limits(struct mm *mm, uint64_t start, uint64_t bytes, unsigned flags)
{
    uint64_t pages = bytes >> PAGE_SHIFT;
    if ((flags & VMA_LOCKED) && limit_check_locked_memory(mm, pages))
        return -EAGAIN;
    if (mm->vma_count > vmas_max(mm))
        return -ENOMEM;
    int error = limit_check(mm, pages, flags);
    if (error && limit_check(mm, pages - pages_mapped(mm, start, start + bytes), flags))
        return error;
    return is_accountable(flags) && !may_commit(mm->kernel, mm, pages) ? -ENOMEM : 0;
}

/* The mapping itself, at `start`; the lock is held. */
static int map_locked(struct mm *mm, const struct mm_map_request *request, uint64_t start,
                      uint64_t bytes, unsigned flags)
{
    if (atomic_load_relaxed(&mm->kernel->mm->limits.overcommit) == MM_OVERCOMMIT_NEVER)
        flags &= ~(unsigned)VMA_NORESERVE;
    int error = check_limits(mm, start, bytes, flags);
    if (error)
        return error;
    if (is_accountable(flags))
        flags |= VMA_ACCOUNT;
    struct vma *vma = vma_create(mm, start, start + bytes, flags, request->ops, request->backing,
                                 request->page_offset);
    if (!vma)
        return -ENOMEM;
    if (request->fixed) {
        error = unmap_locked(mm, start, start + bytes);
        if (error) {
            vma->next_dead = mm->dead; /* put when the lock is dropped */
            mm->dead = vma;
            return error;
        }
    }
    vma_insert_locked(mm, vma);
    vma_merge_locked(mm, vma);
    return 0;
}

static int map_object(struct mm *mm, const struct mm_map_request *request, uint64_t *out_addr)
{
    uint64_t bytes = ALIGN_UP(request->bytes, PAGE_SIZE);
    uint64_t start = 0;
    unsigned flags = request->vma_flags;
    mm_write_lock(mm);
    flags |= mm->future_flags;
    int error = choose_address(mm, request, bytes, &start);
    if (!error)
        error = map_locked(mm, request, start, bytes, flags);
    mm_write_unlock(mm);
    if (error)
        return error;
    *out_addr = start;
    /* Like Linux, population is best effort: the mapping exists either way. */
    if (request->populate || (flags & (VMA_LOCKED | VMA_LOCK_ON_FAULT)) == VMA_LOCKED)
        mm_populate(mm, start, bytes);
    return 0;
}

int mm_map(struct mm *mm, const struct mm_map_request *request, uint64_t *out_addr)
{
    if (request->bytes == 0)
        return -EINVAL;
    uint64_t bytes = ALIGN_UP(request->bytes, PAGE_SIZE), last;
    if (bytes == 0)
        return -ENOMEM;
    if (add_overflows(request->page_offset, bytes >> PAGE_SHIFT, &last))
        return -EOVERFLOW;
    if (request->ops || !(request->vma_flags & VMA_SHARED))
        return map_object(mm, request, out_addr);

    if (bytes > user_limit(mm))
        return -ENOMEM;
    struct mm_map_request shared = *request;
    struct shared_anon *object;
    bool reserve = !(request->vma_flags & VMA_NORESERVE);
    int error = shared_anon_create(mm->kernel, bytes, reserve, &object);
    if (error)
        return error;
    shared.ops = &shared_anon_vma_ops;
    shared.backing = object;
    shared.page_offset = 0;
    error = map_object(mm, &shared, out_addr);
    shared_anon_put(object); /* the mapping holds its own */
    return error;
}

int mm_map_stack(struct mm *mm, uint64_t top, uint64_t bytes, bool executable)
{
    const struct mm_map_request request = {
        .addr = ALIGN_DOWN(top - bytes, PAGE_SIZE),
        .bytes = ALIGN_UP(bytes, PAGE_SIZE),
        .vma_flags = VMA_READ | VMA_WRITE | VMA_MAY_ALL | VMA_GROWSDOWN | VMA_STACK |
                     (executable ? VMA_EXEC : 0),
        .no_replace = true,
    };
    uint64_t addr;
    return mm_map(mm, &request, &addr);
}
