/* SPDX-License-Identifier: MIT
 *
 * Totals by user; setrlimit(2) RLIMIT_MSGQUEUE, proc_sys_fs(5).
 *
 * A user has an entry while he has anything. All entries are guarded by one lock.
 */
#include "kernel/ipc/user_totals.h"

#include "kernel/abi/errno.h"
#include "kernel/core/kernel.h"
#include "kernel/ipc/ipc_internal.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"

struct user {
    uint64_t totals[USER_TOTALS];
};

static struct user *find_or_create_locked(struct ipc_state *ipc, uint32_t uid)
{
    struct user *user = xarray_get(&ipc->users, uid);
    if (user)
        return user;
    user = kzalloc(sizeof(*user));
    if (user && xarray_insert(&ipc->users, uid, user)) {
        kfree(user);
        return NULL;
    }
    return user;
}

static void free_if_unused_locked(struct ipc_state *ipc, uint32_t uid, struct user *user)
{
    for (unsigned i = 0; i < USER_TOTALS; i++)
        if (user->totals[i])
            return;
    xarray_erase(&ipc->users, uid);
    kfree(user);
}

int user_total_add(struct kernel *kernel, uint32_t uid, enum user_total which, uint64_t amount,
                   uint64_t limit)
{
    struct ipc_state *ipc = kernel->ipc;
    int error = -ENOMEM;
    uint64_t total;

    spin_lock(&ipc->users_lock);
    struct user *user = find_or_create_locked(ipc, uid);
    if (user) {
        error = add_overflows(user->totals[which], amount, &total) || total > limit ? -EMFILE : 0;
        if (!error)
            user->totals[which] = total;
        free_if_unused_locked(ipc, uid, user);
    }
    spin_unlock(&ipc->users_lock);
    return error;
}

void user_total_sub(struct kernel *kernel, uint32_t uid, enum user_total which, uint64_t amount)
{
    struct ipc_state *ipc = kernel->ipc;
    if (amount == 0)
        return;
    spin_lock(&ipc->users_lock);
    struct user *user = xarray_get(&ipc->users, uid);
    assert(user && user->totals[which] >= amount);
    user->totals[which] -= amount;
    free_if_unused_locked(ipc, uid, user);
    spin_unlock(&ipc->users_lock);
}
