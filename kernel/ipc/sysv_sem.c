/* SPDX-License-Identifier: MIT
 *
 * System V semaphores: semget(2), semop(2).
 *
 * The operations of one call happen all at once or not at all: they are applied in order and taken
 * back at the first that cannot be done. Whoever changes a value completes the waiting calls that
 * have become possible, those that only wait for zero first, then in order of arrival.
 */
#include "kernel/ipc/sysv_sem_internal.h"

/* ---- creation ---- */

static int create(struct ipc_namespace *ns, int64_t size, int flags, struct sysv_object **out)
{
    (void)ns;
    (void)flags;
    if (size == 0)
        return -EINVAL;
    struct sem_set *set = kzalloc(sizeof(*set) + (size_t)size * sizeof(set->semaphores[0]));
    if (!set)
        return -ENOMEM;
    set->count = (unsigned)size;
    list_init(&set->readers);
    list_init(&set->writers);
    list_init(&set->undos);
    *out = &set->object;
    return 0;
}

static int check_locked(const struct sysv_object *object, int64_t size)
{
    return size > (int64_t)container_of(object, const struct sem_set, object)->count ? -EINVAL : 0;
}

static int charge_locked(struct ipc_namespace *ns, struct sysv_object *object)
{
    unsigned count = sem_set_of(object)->count;
    if (ns->semaphores + count > (uint64_t)MAX(LIMIT(ns, sem[1]), 0))
        return -ENOSPC;
    ns->semaphores += count;
    return 0;
}

static void uncharge_locked(struct ipc_namespace *ns, struct sysv_object *object)
{
    ns->semaphores -= sem_set_of(object)->count;
}

static void discard(struct sysv_object *object)
{
    kfree(sem_set_of(object));
}

int sem_get(struct ipc_namespace *ns, int key, int count, int flags)
{
    if (count < 0 || count > LIMIT(ns, sem[0]))
        return -EINVAL;
    const struct sysv_get get = {
        .ns = ns,
        .kind = IPC_SEM,
        .key = key,
        .flags = flags,
        .size = count,
        .count_max = (unsigned)LIMIT(ns, sem[3]),
        .check_locked = check_locked,
        .create = create,
        .charge_locked = charge_locked,
        .uncharge_locked = uncharge_locked,
        .discard = discard,
    };
    return sysv_get(&get);
}

/* ---- operations ---- */

static void take_back(struct sem_set *set, const struct linux_sembuf *ops, unsigned done,
                      struct sem_undo *undo)
{
    while (done-- > 0) {
        set->semaphores[ops[done].sem_num].value -= ops[done].sem_op;
        if (ops[done].sem_flg & SEM_UNDO)
            undo->adjustments[ops[done].sem_num] += ops[done].sem_op;
    }
}

/* One operation: 0 if it was applied, SEM_WAITING if it cannot be done yet, -ERANGE. */
static int apply(struct sem_set *set, const struct linux_sembuf *op, struct sem_undo *undo)
{
    struct semaphore *semaphore = &set->semaphores[op->sem_num];
    int value = semaphore->value + op->sem_op;
    if ((op->sem_op == 0 && semaphore->value != 0) || value < 0)
        return SEM_WAITING;
    if (value > SEMVMX)
        return -ERANGE;
    if (op->sem_flg & SEM_UNDO) {
        int adjustment = undo->adjustments[op->sem_num] - op->sem_op;
        if (adjustment < -SEMAEM - 1 || adjustment > SEMAEM)
            return -ERANGE;
        undo->adjustments[op->sem_num] = (int16_t)adjustment;
    }
    semaphore->value = value;
    return 0;
}

/* All or nothing: 0, SEM_WAITING (waiter->blocking is why), -EAGAIN, -ERANGE. */
static int try_all(struct sem_set *set, struct sem_waiter *waiter)
{
    for (unsigned i = 0; i < waiter->count; i++) {
        const struct linux_sembuf *op = &waiter->ops[i];
        int result = apply(set, op, waiter->undo);
        if (result) {
            take_back(set, waiter->ops, i, waiter->undo);
            waiter->blocking = op;
            return result == SEM_WAITING && (op->sem_flg & IPC_NOWAIT) ? -EAGAIN : result;
        }
    }
    for (unsigned i = 0; i < waiter->count; i++)
        set->semaphores[waiter->ops[i].sem_num].pid = waiter->pid;
    set->operation_time = sysv_now();
    return 0;
}

void sem_end_waiter(struct sem_waiter *waiter, int status)
{
    list_remove(&waiter->node);
    atomic_store_release(&waiter->status, status);
    wake_all(&waiter->wait);
}

/* True if one of them went through. */
static bool update_list_locked(struct sem_set *set, struct list *list, bool stop_at_first)
{
    struct sem_waiter *waiter, *next;
    bool changed = false;
    list_for_each_entry_safe(waiter, next, list, node)
    {
        int result = try_all(set, waiter);
        if (result == SEM_WAITING)
            continue;
        sem_end_waiter(waiter, result);
        changed |= result == 0;
        if (changed && stop_at_first)
            break;
    }
    return changed;
}

void sem_update_locked(struct sem_set *set)
{
    do {
        update_list_locked(set, &set->readers, false);
    } while (update_list_locked(set, &set->writers, true));
}

static bool alters(const struct linux_sembuf *ops, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (ops[i].sem_op != 0)
            return true;
    return false;
}

static int check_locked_operation(struct sysv_object *object, const struct linux_sembuf *ops,
                                  unsigned count, bool alter)
{
    if (!object)
        return -EINVAL;
    for (unsigned i = 0; i < count; i++)
        if (ops[i].sem_num >= sem_set_of(object)->count)
            return -EFBIG;
    return sysv_permission(object, alter ? SYSV_WRITE : SYSV_READ);
}

/* Try, and queue the waiter if it has to wait: 0, SEM_WAITING or an error. */
static int begin(struct sysv_table *table, int id, struct sem_waiter *waiter, bool alter)
{
    spin_lock(&table->lock);
    struct sysv_object *object = sysv_find_locked(table, id);
    int result = check_locked_operation(object, waiter->ops, waiter->count, alter);
    if (!result) {
        struct sem_set *set = sem_set_of(object);
        result = try_all(set, waiter);
        if (result == 0 && alter)
            sem_update_locked(set);
        else if (result == SEM_WAITING)
            list_add_tail(alter ? &set->writers : &set->readers, &waiter->node);
    }
    spin_unlock(&table->lock);
    return result;
}

int sem_operate(struct ipc_namespace *ns, int id, const struct linux_sembuf *ops, unsigned count,
                uint64_t deadline_ns)
{
    struct sysv_table *table = sysv_table_of(ns, IPC_SEM);
    struct sem_waiter waiter = {
        .ops = ops, .count = count, .pid = this_thread()->tgid, .status = SEM_WAITING};
    bool alter = alters(ops, count), undo = false;

    if (id < 0)
        return -EINVAL;
    wait_queue_init(&waiter.wait);
    for (unsigned i = 0; i < count; i++)
        undo |= (ops[i].sem_flg & SEM_UNDO) != 0;
    int result = undo ? sem_undo_find(ns, id, &waiter.undo) : 0;
    if (!result)
        result = begin(table, id, &waiter, alter);
    if (result != SEM_WAITING)
        return result;

    int error = wait_event_until(&waiter.wait, atomic_load_acquire(&waiter.status) != SEM_WAITING,
                                 deadline_ns);
    spin_lock(&table->lock);
    result = waiter.status;
    if (result == SEM_WAITING) {
        list_remove(&waiter.node);
        result = error == -ETIMEDOUT ? -EAGAIN : -EINTR;
    }
    spin_unlock(&table->lock);
    return result;
}
