/* SPDX-License-Identifier: MIT
 *
 * How many tasks each real user has, for RLIMIT_NPROC (setrlimit(2)).
 *
 * A task counts from fork until it is reaped (a thread: until it exits) for the user whose id it
 * had last. There is an entry for each user with a task; all under the process-tree lock.
 */
#include "kernel/proc/user_count.h"

#include "kernel/abi/errno.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "kernel/security/cred.h"

struct user_count {
    uint64_t tasks;
};

void user_count_init(struct process_table *table)
{
    xarray_init(&table->users, &kmalloc_allocator);
}

/* The user's entry, a new one if need be; NULL without memory. */
static struct user_count *find_or_create_locked(struct process_table *table, uint32_t uid)
{
    struct user_count *user = xarray_get(&table->users, uid);
    if (user)
        return user;
    user = kzalloc(sizeof(*user));
    if (user && xarray_insert(&table->users, uid, user)) {
        kfree(user);
        return NULL;
    }
    return user;
}

static void drop_one_locked(struct process_table *table, uint32_t uid)
{
    struct user_count *user = xarray_get(&table->users, uid);
    assert(user && user->tasks > 0);
    if (--user->tasks == 0) {
        xarray_erase(&table->users, uid);
        kfree(user);
    }
}

int user_count_add(struct process_table *table, struct task *task, uint32_t uid, uint64_t limit)
{
    int error = 0;
    spin_lock(&table->lock);
    struct user_count *user = xarray_get(&table->users, uid);
    if (limit == 0 || (user && user->tasks >= limit)) {
        error = -EAGAIN;
    } else if (!(user = find_or_create_locked(table, uid))) {
        error = -ENOMEM;
    } else {
        user->tasks++;
        task->counted = true;
        task->counted_uid = uid;
    }
    spin_unlock(&table->lock);
    return error;
}

void user_count_remove_locked(struct process_table *table, struct task *task)
{
    if (!task->counted)
        return;
    task->counted = false;
    drop_one_locked(table, task->counted_uid);
}

/* ---- setuid(2) and its relatives ---- */

static bool over_limit_locked(struct process_table *table, uint32_t uid, uint64_t limit)
{
    struct user_count *user = xarray_get(&table->users, uid);
    return user && user->tasks > limit;
}

int task_change_user(uint32_t uid)
{
    struct task *task = current_task();
    struct process_table *table = task->thread.kernel->processes;
    uint64_t limit = current_limit(RLIMIT_NPROC);
    int error = 0;

    spin_lock(&table->lock);
    if (!task->counted || task->counted_uid != uid) {
        struct user_count *user = find_or_create_locked(table, uid);
        if (user) {
            /* The call may not fail, but the execve that usually follows will. The task itself
             * does not count yet. */
            task->over_process_limit = uid != 0 && user->tasks > limit;
            user->tasks++;
            user_count_remove_locked(table, task);
            task->counted = true;
            task->counted_uid = uid;
        } else {
            error = -EAGAIN;
        }
    }
    spin_unlock(&table->lock);
    return error;
}

int task_check_exec_limit(void)
{
    struct task *task = current_task();
    struct process_table *table = task->thread.kernel->processes;

    if (!task->over_process_limit)
        return 0;
    spin_lock(&table->lock);
    bool over = over_limit_locked(table, task->counted_uid, current_limit(RLIMIT_NPROC));
    spin_unlock(&table->lock);
    task->over_process_limit = over;
    return over ? -EAGAIN : 0;
}
