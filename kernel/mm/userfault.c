/* SPDX-License-Identifier: MIT
 *
 * Waiting for pages that a program provides, userfaultfd(2).
 *
 * A fault finds out under mm->lock (read) that it must wait, puts itself on the context's list,
 * looks once more whether the page has come, and only then drops the lock and sleeps: whoever
 * provides a page first enters it and then looks at the list, so no waiter is missed. Unregistering
 * needs mm->lock for writing, so that a waiter's context is the VMA's.
 *
 * Locks: mm->lock, then table_lock or uffd->lock, never both of these. Waiters sleep without any.
 */
#include "kernel/mm/userfault.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/poll.h"
#include "kernel/lib/string.h"
#include "kernel/mm/mm_internal.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/thread.h"

struct waiter {
    struct list_node node; /* uffd->lock */
    struct linux_uffd_msg message;
    uint64_t page;
    bool woken; /* and off the list; atomic */
};

/* ---- contexts ---- */

int userfault_create(bool user_mode_only, struct userfault **out)
{
    struct mm *mm = this_thread()->mm;
    struct userfault *uffd = kzalloc(sizeof(*uffd));
    if (!uffd)
        return -ENOMEM;
    refcount_init(&uffd->refs, 1);
    spin_lock_init(&uffd->lock, LOCK_RANK_OBJECT);
    list_init(&uffd->pending);
    list_init(&uffd->reported);
    wait_queue_init(&uffd->readers);
    wait_queue_init(&uffd->faulters);
    uffd->user_mode_only = user_mode_only;
    uffd->mm = mm;
    mm_pin(mm);
    *out = uffd;
    return 0;
}

struct userfault *userfault_get(struct userfault *uffd)
{
    if (uffd)
        refcount_inc(&uffd->refs);
    return uffd;
}

void userfault_put(struct userfault *uffd)
{
    if (!uffd || !refcount_dec_and_test(&uffd->refs))
        return;
    assert(list_empty(&uffd->pending) && list_empty(&uffd->reported));
    mm_unpin(uffd->mm);
    kfree(uffd);
}

/* ---- registering ---- */

bool userfault_check_range(const struct userfault *uffd, uint64_t start, uint64_t bytes)
{
    uint64_t end;
    return bytes && IS_ALIGNED(start, PAGE_SIZE) && IS_ALIGNED(bytes, PAGE_SIZE) &&
           start >= user_min(uffd->mm) && user_range(uffd->mm, start, bytes, &end);
}

static void forget_protection(struct mm *mm, uint64_t start, uint64_t end)
{
    spin_lock(&mm->table_lock);
    struct mm_region *region = region_at_or_after(mm, start);
    for (; region && region->base < end; region = region_next(region))
        region->protected &= ~region_mask(region, start, end);
    spin_unlock(&mm->table_lock);
}

void userfault_forget_vma(struct vma *vma)
{
    struct userfault *uffd = vma->userfault;
    vma->flags &= ~(unsigned)VMA_USERFAULT;
    vma->userfault = NULL;
    userfault_put(uffd);
}

/* Give [at, stop) of a VMA to a context, or to none. The caller holds references of its own. */
static int assign(struct mm *mm, struct vma *vma, uint64_t at, uint64_t stop,
                  struct userfault *uffd, unsigned flags)
{
    if (vma->userfault == uffd && (vma->flags & VMA_USERFAULT) == flags)
        return 0;
    int error = vma_isolate_locked(mm, &vma, at, stop);
    if (error)
        return error;
    if (!(flags & VMA_USERFAULT_WP))
        forget_protection(mm, at, stop);
    userfault_forget_vma(vma);
    vma->userfault = userfault_get(uffd);
    vma->flags |= flags;
    vma_merge_locked(mm, vma);
    return 0;
}

static int check_vma(const struct userfault *uffd, const struct vma *vma)
{
    if (vma->ops || (vma->flags & VMA_SHARED))
        return -EINVAL;
    if (!(vma->flags & VMA_MAY_WRITE))
        return -EPERM;
    return vma->userfault && vma->userfault != uffd ? -EBUSY : 0;
}

static int register_locked(struct userfault *uffd, uint64_t start, uint64_t end, unsigned flags)
{
    struct mm *mm = uffd->mm;
    struct vma *vma = vma_find_overlap(mm, start, end);
    if (!vma)
        return -EINVAL;
    for (; vma && vma->start < end; vma = mm_next_vma(vma)) {
        int error = check_vma(uffd, vma);
        if (error)
            return error;
    }
    for (uint64_t at = start; at < end && (vma = vma_find_overlap(mm, at, end));) {
        uint64_t from = MAX(vma->start, at), stop = MIN(vma->end, end);
        int error = assign(mm, vma, from, stop, uffd, flags);
        if (error)
            return error;
        at = stop;
    }
    return 0;
}

int userfault_register(struct userfault *uffd, uint64_t start, uint64_t bytes, uint64_t mode)
{
    unsigned flags = (mode & UFFDIO_REGISTER_MODE_MISSING ? VMA_USERFAULT_MISSING : 0) |
                     (mode & UFFDIO_REGISTER_MODE_WP ? VMA_USERFAULT_WP : 0);
    if (!mm_try_get(uffd->mm))
        return -ENOMEM;
    mm_write_lock(uffd->mm);
    int error = register_locked(uffd, start, start + bytes, flags);
    mm_write_unlock(uffd->mm);
    mm_put(uffd->mm);
    return error;
}

static int unregister_locked(struct mm *mm, uint64_t start, uint64_t end)
{
    struct vma *vma = vma_find_overlap(mm, start, end);
    if (!vma)
        return -EINVAL;
    for (; vma && vma->start < end; vma = mm_next_vma(vma))
        if (vma->ops || (vma->flags & VMA_SHARED))
            return -EINVAL;
    for (uint64_t at = start; at < end && (vma = vma_find_overlap(mm, at, end));) {
        uint64_t from = MAX(vma->start, at), stop = MIN(vma->end, end);
        struct userfault *uffd = userfault_get(vma->userfault);
        int error = assign(mm, vma, from, stop, NULL, 0);
        if (!error && uffd)
            userfault_wake(uffd, from, stop - from);
        userfault_put(uffd);
        if (error)
            return error;
        at = stop;
    }
    return 0;
}

int userfault_unregister(struct userfault *uffd, uint64_t start, uint64_t bytes)
{
    if (!mm_try_get(uffd->mm))
        return -ENOMEM;
    mm_write_lock(uffd->mm);
    int error = unregister_locked(uffd->mm, start, start + bytes);
    mm_write_unlock(uffd->mm);
    mm_put(uffd->mm);
    return error;
}

void userfault_release(struct userfault *uffd)
{
    struct mm *mm = uffd->mm;
    atomic_store_release(&uffd->released, true);
    if (mm_try_get(mm)) {
        struct vma *vma, *next;
        mm_write_lock(mm);
        for (vma = mm_find_vma(mm, 0); vma; vma = next) {
            next = mm_next_vma(vma);
            if (vma->userfault == uffd) {
                forget_protection(mm, vma->start, vma->end);
                userfault_forget_vma(vma);
                vma = vma_merge_locked(mm, vma);
                next = mm_next_vma(vma);
            }
        }
        mm_write_unlock(mm);
        mm_put(mm);
    }
    userfault_wake(uffd, 0, UINT64_MAX);
    wait_queue_wake(&uffd->readers, 0, EPOLLHUP);
    userfault_put(uffd);
}

/* ---- waiting ---- */

/* Does an access still meet what made it wait? mm->lock is held for reading. */
static bool must_wait(struct mm *mm, const struct vma *vma, uint64_t page, unsigned flags)
{
    unsigned index = region_index(page);
    spin_lock(&mm->table_lock);
    const struct mm_region *region = region_find(mm, page);
    bool present = region && ((region->present >> index) & 1);
    bool protected = present && ((region->protected >> index) & 1);
    spin_unlock(&mm->table_lock);
    return present ? protected && (flags & FAULT_WRITE) : vma->flags & VMA_USERFAULT_MISSING;
}

static void describe(const struct userfault *uffd, uint64_t uaddr, unsigned flags, bool missing,
                     struct waiter *out)
{
    uint32_t features = atomic_load_relaxed(&uffd->features);
    *out = (struct waiter){.page = ALIGN_DOWN(uaddr, PAGE_SIZE)};
    out->message.event = UFFD_EVENT_PAGEFAULT;
    out->message.address = features & UFFD_FEATURE_EXACT_ADDRESS ? uaddr : out->page;
    if (flags & FAULT_WRITE)
        out->message.flags |= UFFD_PAGEFAULT_FLAG_WRITE;
    if (!missing)
        out->message.flags |= UFFD_PAGEFAULT_FLAG_WP;
    if (features & UFFD_FEATURE_THREAD_ID)
        out->message.ptid = (uint32_t)this_thread()->tid;
}

static void leave(struct userfault *uffd, struct waiter *waiter)
{
    spin_lock(&uffd->lock);
    if (!waiter->woken)
        list_remove(&waiter->node);
    spin_unlock(&uffd->lock);
}

static bool may_go_on(struct userfault *uffd, struct waiter *waiter)
{
    return atomic_load_acquire(&waiter->woken) || atomic_load_acquire(&uffd->released);
}

int userfault_wait(struct mm *mm, struct vma *vma, uint64_t uaddr, unsigned flags)
{
    struct userfault *uffd = userfault_get(vma->userfault);
    struct waiter waiter;
    unsigned index = region_index(uaddr);
    bool sigbus = (atomic_load_relaxed(&uffd->features) & UFFD_FEATURE_SIGBUS) ||
                  (uffd->user_mode_only && !(flags & FAULT_USER));
    if (sigbus) {
        rwlock_read_unlock(&mm->lock);
        userfault_put(uffd);
        return -ENXIO;
    }
    spin_lock(&mm->table_lock);
    const struct mm_region *region = region_find(mm, uaddr);
    bool missing = !region || !((region->present >> index) & 1);
    spin_unlock(&mm->table_lock);
    describe(uffd, uaddr, flags, missing, &waiter);
    spin_lock(&uffd->lock);
    list_add_tail(&uffd->pending, &waiter.node);
    spin_unlock(&uffd->lock);
    bool wait = must_wait(mm, vma, waiter.page, flags);
    rwlock_read_unlock(&mm->lock);

    int error = 0;
    if (wait) {
        wait_queue_wake(&uffd->readers, 0, EPOLLIN);
        error = flags & FAULT_USER
                    ? wait_event_interruptible(&uffd->faulters, may_go_on(uffd, &waiter))
                    : wait_event_killable(&uffd->faulters, may_go_on(uffd, &waiter));
    }
    leave(uffd, &waiter);
    userfault_put(uffd);
    return error;
}

static void wake_list(struct list *list, uint64_t start, uint64_t bytes)
{
    struct waiter *waiter, *next;
    list_for_each_entry_safe(waiter, next, list, node)
    {
        if (waiter->page - start >= bytes)
            continue;
        list_remove(&waiter->node);
        atomic_store_release(&waiter->woken, true);
    }
}

void userfault_wake(struct userfault *uffd, uint64_t start, uint64_t bytes)
{
    spin_lock(&uffd->lock);
    wake_list(&uffd->pending, start, bytes);
    wake_list(&uffd->reported, start, bytes);
    spin_unlock(&uffd->lock);
    wake_all(&uffd->faulters);
}

bool userfault_take(struct userfault *uffd, struct linux_uffd_msg *out)
{
    spin_lock(&uffd->lock);
    bool found = !list_empty(&uffd->pending);
    if (found) {
        struct waiter *waiter = list_entry(list_first(&uffd->pending), struct waiter, node);
        *out = waiter->message;
        list_remove(&waiter->node);
        list_add_tail(&uffd->reported, &waiter->node);
    }
    spin_unlock(&uffd->lock);
    return found;
}

void userfault_count(struct userfault *uffd, unsigned *out_pending, unsigned *out_total)
{
    struct waiter *waiter;
    *out_pending = *out_total = 0;
    spin_lock(&uffd->lock);
    list_for_each_entry(waiter, &uffd->pending, node)++ *out_pending;
    list_for_each_entry(waiter, &uffd->reported, node)++ *out_total;
    spin_unlock(&uffd->lock);
    *out_total += *out_pending;
}
