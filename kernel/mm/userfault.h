/* SPDX-License-Identifier: MIT
 *
 * Faults that a program resolves, userfaultfd(2): private anonymous memory is registered with a
 * context, and who touches a page of it that is missing (or write-protected by its owner) waits
 * until the context's user has provided it. The descriptor around it is ipc/userfaultfd.c.
 */
#ifndef KERNEL_MM_USERFAULT_H
#define KERNEL_MM_USERFAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/abi/userfaultfd.h"
#include "kernel/core/spinlock.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/sched/wait.h"

struct mm;
struct vma;

enum { USERFAULT_READY = 1u << 31 }; /* among the features: UFFDIO_API was done */

/* References: the descriptor, each VMA registered with it, each waiting thread. */
struct userfault {
    struct refcount refs;
    struct mm *mm;        /* pinned: its shell stays */
    uint32_t features;    /* UFFD_FEATURE_* chosen, and USERFAULT_READY; atomic */
    bool user_mode_only;  /* the kernel's own accesses fail instead of waiting */
    bool released;        /* nobody will provide anything any more; atomic */
    struct spinlock lock; /* the lists */
    struct list pending;  /* faults to be told of, oldest first */
    struct list reported; /* faults that were read */
    struct wait_queue readers;
    struct wait_queue faulters;
};

/* For the current thread's address space. -ENOMEM. */
int userfault_create(bool user_mode_only, struct userfault **out);
/* The descriptor is gone: unregisters everything and lets all waiters go on. May block. Consumes
 * the reference. */
void userfault_release(struct userfault *uffd);

/* Is the range page aligned, not empty, and in user space? */
bool userfault_check_range(const struct userfault *uffd, uint64_t start, uint64_t bytes);

/* Register what is mapped in the range (mode: UFFDIO_REGISTER_MODE_MISSING, _WP). -EINVAL if there
 * is nothing or something else than private anonymous memory, -EBUSY if it is registered with
 * another context, -EPERM, -ENOMEM. */
int userfault_register(struct userfault *uffd, uint64_t start, uint64_t bytes, uint64_t mode);
int userfault_unregister(struct userfault *uffd, uint64_t start, uint64_t bytes);

/* Fill missing pages, from memory of the caller or with zeros. Bytes done, or if none: -ENOENT (not
 * registered memory), -EEXIST (there is a page), -EFAULT, -EINVAL, -ENOMEM, -ESRCH (the address
 * space has gone). */
int64_t userfault_copy(struct userfault *uffd, uint64_t to, uint64_t from, uint64_t bytes,
                       bool write_protected);
int64_t userfault_zero(struct userfault *uffd, uint64_t to, uint64_t bytes);
/* Protect present pages against writing, or no longer. -ENOENT, -ESRCH. */
int userfault_protect(struct userfault *uffd, uint64_t start, uint64_t bytes, bool protect);
/* Let those go on who wait for pages in the range. */
void userfault_wake(struct userfault *uffd, uint64_t start, uint64_t bytes);

/* The oldest fault that nobody was told of, which then counts as reported. False: there is none. */
bool userfault_take(struct userfault *uffd, struct linux_uffd_msg *out);
static inline bool userfault_has_pending(struct userfault *uffd)
{
    spin_lock(&uffd->lock);
    bool pending = !list_empty(&uffd->pending);
    spin_unlock(&uffd->lock);
    return pending;
}
/* How many faults nobody was told of, and all that wait. */
void userfault_count(struct userfault *uffd, unsigned *out_pending, unsigned *out_total);

#endif
