/* SPDX-License-Identifier: MIT */
/*
 * Credentials objects, credentials(7) and capabilities(7).
 *
 * Lifetime: reference counted; the last cred_put frees. Immutable once another thread can see them,
 * so reading needs no lock. A copy owns its own group list.
 */
#include "kernel/security/cred.h"

#include "kernel/abi/capability.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/thread.h"
#include "kernel/security/landlock.h"
#include "kernel/security/user_namespace.h"

#define CAP_ALL (~0ull >> (63 - CAP_LAST_CAP))

struct cred *cred_create_root(void)
{
    struct cred *cred = kzalloc(sizeof *cred);

    if (cred == NULL) {
        return NULL;
    }
    cred->refs = 1;
    cred->cap_permitted = CAP_ALL;
    cred->cap_effective = CAP_ALL;
    cred->cap_bounding = CAP_ALL;
    return cred;
}

struct cred *cred_copy(const struct cred *from)
{
    struct cred *cred = kmalloc(sizeof *cred);

    if (cred == NULL) {
        return NULL;
    }
    /* Not refs: others may be changing it. All else is immutable. */
    memcpy((char *)cred + sizeof cred->refs, (const char *)from + sizeof from->refs,
           sizeof *cred - sizeof cred->refs);
    STATIC_ASSERT(offsetof(struct cred, refs) == 0);
    cred->refs = 1;
    cred->groups = NULL;
    user_namespace_get(cred->user_ns);
    landlock_layer_get(cred->landlock);
    if (from->group_count > 0) {
        cred->groups = kmalloc(from->group_count * sizeof *cred->groups);
        if (cred->groups == NULL) {
            landlock_layer_put(this_kernel(), cred->landlock);
            user_namespace_put(cred->user_ns);
            kfree(cred);
            return NULL;
        }
        memcpy(cred->groups, from->groups, from->group_count * sizeof *cred->groups);
    }
    return cred;
}

struct cred *cred_get(const struct cred *cred)
{
    struct cred *shared = (struct cred *)cred; /* the count is not part of what const promises */
    uint32_t old = atomic_fetch_add_relaxed(&shared->refs, 1);

    assert(old > 0);
    return shared;
}

void cred_put(const struct cred *cred)
{
    struct cred *shared = (struct cred *)cred;
    uint32_t left;

    if (shared == NULL) {
        return;
    }
    left = atomic_sub_fetch_acq_rel(&shared->refs, 1);
    assert(left != UINT32_MAX);
    if (left == 0) {
        landlock_layer_put(this_kernel(), shared->landlock);
        user_namespace_put(shared->user_ns);
        kfree(shared->groups);
        kfree(shared);
    }
}

const struct cred *current_cred(void)
{
    return this_thread()->cred;
}

void cred_install(struct cred *cred)
{
    struct thread *thread = this_thread();
    struct spinlock *lock = thread->kernel->cred_lock;
    const struct cred *old = thread->cred;

    if (lock != NULL) {
        spin_lock(lock);
    }
    thread->cred = cred;
    if (lock != NULL) {
        spin_unlock(lock);
    }
    cred_put(old);
}

const struct cred *thread_cred_get(struct thread *thread)
{
    struct spinlock *lock = thread->kernel->cred_lock;
    const struct cred *cred;

    if (lock == NULL) {
        return cred_get(thread->cred);
    }
    spin_lock(lock);
    cred = cred_get(thread->cred);
    spin_unlock(lock);
    return cred;
}

bool cred_in_group(const struct cred *cred, uint32_t gid)
{
    uint32_t low = 0, high = cred->group_count;

    if (cred->fsgid == gid) {
        return true;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (cred->groups[middle] == gid) {
            return true;
        }
        if (cred->groups[middle] < gid) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

bool cred_has_cap_here(const struct cred *cred, unsigned cap)
{
    return cap <= CAP_LAST_CAP && (cred->cap_effective & BIT(cap)) != 0;
}

bool cred_has_cap(const struct cred *cred, unsigned cap)
{
    return cred->user_ns == NULL && cred_has_cap_here(cred, cap);
}

bool cred_has_cap_in(const struct cred *cred, const struct user_namespace *ns, unsigned cap)
{
    for (; ns != cred->user_ns; ns = ns->parent) {
        if (ns == NULL) {
            return false;
        }
        /* Who made a namespace has every capability in it, from the parent. */
        if (ns->parent == cred->user_ns && ns->owner == cred->euid) {
            return true;
        }
    }
    return cred_has_cap_here(cred, cap);
}

bool cred_has_cap_over(const struct cred *cred, uint32_t uid, uint32_t gid, unsigned cap)
{
    if (!cred_has_cap_here(cred, cap)) {
        return false;
    }
    return cred->user_ns == NULL || (uid_to_user(cred->user_ns, uid) != ID_NONE &&
                                     gid_to_user(cred->user_ns, gid) != ID_NONE);
}

void cred_enter_user_namespace(struct cred *cred, struct user_namespace *ns)
{
    user_namespace_get(ns);
    user_namespace_put(cred->user_ns);
    cred->user_ns = ns;
    cred->securebits = 0;
    cred->keep_caps = false;
    cred->cap_inheritable = cred->cap_ambient = 0;
    cred->cap_permitted = cred->cap_effective = cred->cap_bounding = CAP_ALL;
}
