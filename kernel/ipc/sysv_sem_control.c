/* SPDX-License-Identifier: MIT
 *
 * semctl(2): values, permissions, removal and what /proc/sysvipc/sem shows.
 */
#include "kernel/ipc/sysv_sem_internal.h"
#include "kernel/lib/strbuf.h"
#include "kernel/security/pid_namespace.h"
#include "kernel/security/user_namespace.h"

static void detach_locked(struct ipc_namespace *ns, struct sem_set *set)
{
    struct sem_waiter *waiter, *next;
    sysv_remove_locked(sysv_table_of(ns, IPC_SEM), &set->object);
    ns->semaphores -= set->count;
    sem_undo_drop_set_locked(set);
    list_for_each_entry_safe(waiter, next, &set->readers, node) sem_end_waiter(waiter, -EIDRM);
    list_for_each_entry_safe(waiter, next, &set->writers, node) sem_end_waiter(waiter, -EIDRM);
}

int sem_remove(struct ipc_namespace *ns, int id)
{
    struct sysv_table *table = sysv_table_of(ns, IPC_SEM);
    struct sysv_object *object;
    spin_lock(&table->lock);
    int error = sysv_owned_locked(table, id, &object);
    if (!error)
        detach_locked(ns, sem_set_of(object));
    spin_unlock(&table->lock);
    if (!error)
        kfree(sem_set_of(object));
    return error;
}

void sem_remove_all(struct ipc_namespace *ns)
{
    struct sysv_table *table = sysv_table_of(ns, IPC_SEM);
    struct sysv_object *object;
    uint64_t index;
    sysv_for_each_locked(index, object, table)
    { /* nobody else is left */
        detach_locked(ns, sem_set_of(object));
        kfree(sem_set_of(object));
    }
}

int sem_stat(struct ipc_namespace *ns, int id, int command, struct linux_semid_ds *out)
{
    struct sysv_table *table = sysv_table_of(ns, IPC_SEM);
    struct sysv_object *object;
    spin_lock(&table->lock);
    int result = sysv_stat_locked(table, id, command, SEM_STAT, SEM_STAT_ANY, &object);
    if (!result) {
        const struct sem_set *set = sem_set_of(object);
        *out = (struct linux_semid_ds){
            .sem_otime = set->operation_time,
            .sem_ctime = object->change_time,
            .sem_nsems = set->count,
        };
        sysv_fill_perm(object, &out->sem_perm);
        result = command == IPC_STAT ? 0 : object->id;
    }
    spin_unlock(&table->lock);
    return result;
}

/* Waiting calls whose first impossible operation is on this semaphore. */
static int count_waiting(const struct list *list, int number, bool for_zero)
{
    const struct sem_waiter *waiter;
    int count = 0;
    list_for_each_entry(waiter, list, node) count +=
        waiter->blocking->sem_num == number && (waiter->blocking->sem_op == 0) == for_zero;
    return count;
}

static int number_of(const struct sem_set *set, int number, int command)
{
    bool for_zero = command == GETZCNT;
    switch (command) {
    case GETVAL:
        return set->semaphores[number].value;
    case GETPID:
        return current_pid_shown(set->semaphores[number].pid);
    default:
        return count_waiting(&set->readers, number, for_zero) +
               count_waiting(&set->writers, number, for_zero);
    }
}

int sem_get_number(struct ipc_namespace *ns, int id, int number, int command)
{
    struct sysv_table *table = sysv_table_of(ns, IPC_SEM);
    spin_lock(&table->lock);
    struct sysv_object *object = sysv_find_locked(table, id);
    int result = object ? sysv_permission(object, SYSV_READ) : -EINVAL;
    if (!result) {
        const struct sem_set *set = sem_set_of(object);
        bool valid = number >= 0 && (unsigned)number < set->count;
        result = valid ? number_of(set, number, command) : -EINVAL;
    }
    spin_unlock(&table->lock);
    return result;
}

static void store(struct sem_set *set, unsigned number, int value)
{
    set->semaphores[number].value = value;
    set->semaphores[number].pid = this_thread()->tgid;
}

int sem_set_value(struct ipc_namespace *ns, int id, int number, int value)
{
    struct sysv_table *table = sysv_table_of(ns, IPC_SEM);
    if (value < 0 || value > SEMVMX)
        return -ERANGE;
    spin_lock(&table->lock);
    struct sysv_object *object = sysv_find_locked(table, id);
    int error = object ? 0 : -EINVAL;
    if (!error && (number < 0 || (unsigned)number >= sem_set_of(object)->count))
        error = -EINVAL;
    if (!error)
        error = sysv_permission(object, SYSV_WRITE);
    if (!error) {
        struct sem_set *set = sem_set_of(object);
        sem_undo_clear_locked(set, number);
        store(set, (unsigned)number, value);
        object->change_time = sysv_now();
        sem_update_locked(set);
    }
    spin_unlock(&table->lock);
    return error;
}

/* How many values the set has, if the caller may `access` it. */
static int count_of(struct ipc_namespace *ns, int id, unsigned access)
{
    struct sysv_table *table = sysv_table_of(ns, IPC_SEM);
    spin_lock(&table->lock);
    struct sysv_object *object = sysv_find_locked(table, id);
    int result = object ? sysv_permission(object, access) : -EINVAL;
    if (!result)
        result = (int)sem_set_of(object)->count;
    spin_unlock(&table->lock);
    return result;
}

int sem_get_values(struct ipc_namespace *ns, int id, uint16_t **out, unsigned *out_count)
{
    struct sysv_table *table = sysv_table_of(ns, IPC_SEM);
    int count = count_of(ns, id, SYSV_READ);
    if (count < 0)
        return count;
    uint16_t *values = kmalloc((size_t)count * sizeof(*values));
    if (!values)
        return -ENOMEM;
    spin_lock(&table->lock);
    struct sysv_object *object = sysv_find_locked(table, id);
    for (int i = 0; object && i < count; i++)
        values[i] = (uint16_t)sem_set_of(object)->semaphores[i].value;
    spin_unlock(&table->lock);
    if (!object) {
        kfree(values);
        return -EIDRM;
    }
    *out = values;
    *out_count = (unsigned)count;
    return 0;
}

int sem_count_for_write(struct ipc_namespace *ns, int id)
{
    return count_of(ns, id, SYSV_WRITE);
}

int sem_set_values(struct ipc_namespace *ns, int id, const uint16_t *values, unsigned count)
{
    struct sysv_table *table = sysv_table_of(ns, IPC_SEM);
    for (unsigned i = 0; i < count; i++)
        if (values[i] > SEMVMX)
            return -ERANGE;
    spin_lock(&table->lock);
    struct sysv_object *object = sysv_find_locked(table, id);
    if (object) {
        struct sem_set *set = sem_set_of(object);
        for (unsigned i = 0; i < set->count; i++)
            store(set, i, values[i]);
        sem_undo_clear_locked(set, -1);
        object->change_time = sysv_now();
        sem_update_locked(set);
    }
    spin_unlock(&table->lock);
    return object ? 0 : -EIDRM;
}

int sem_info(struct ipc_namespace *ns, bool use, struct linux_seminfo *out)
{
    struct sysv_table *table = sysv_table_of(ns, IPC_SEM);
    *out = (struct linux_seminfo){
        .semmap = SEMMNS,
        .semmni = LIMIT(ns, sem[3]),
        .semmns = LIMIT(ns, sem[1]),
        .semmnu = SEMMNS,
        .semmsl = LIMIT(ns, sem[0]),
        .semopm = LIMIT(ns, sem[2]),
        .semume = SEMOPM,
        .semusz = 20,
        .semvmx = SEMVMX,
        .semaem = SEMAEM,
    };
    spin_lock(&table->lock);
    if (use) {
        out->semusz = (int)table->objects.count;
        out->semaem = (int)ns->semaphores;
    }
    int highest = sysv_highest_locked(table);
    spin_unlock(&table->lock);
    return highest;
}

void sem_show_locked(struct sysv_object *object, struct strbuf *out)
{
    const struct sem_set *set = sem_set_of(object);
    strbuf_printf(out, "%10d %10d  %4o %10u %5u %5u %5u %5u %10lld %10lld\n", object->key,
                  object->id, object->mode, set->count, current_uid_shown(object->uid),
                  current_gid_shown(object->gid), current_uid_shown(object->cuid),
                  current_gid_shown(object->cgid), (long long)set->operation_time,
                  (long long)object->change_time);
}
