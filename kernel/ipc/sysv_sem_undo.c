/* SPDX-License-Identifier: MIT
 *
 * SEM_UNDO of semop(2): what a process did to semaphores is taken back when it exits.
 *
 * A list has an entry for each set, with one adjustment for each semaphore. Threads that were made
 * with CLONE_SYSVSEM share a list; the last one to leave undoes. A list belongs to one namespace,
 * and the lock of that one's semaphores guards its entries.
 */
#include "kernel/ipc/sysv_sem_internal.h"
#include "kernel/lib/assert.h"

struct sem_undo_list {
    uint32_t refs; /* atomic */
    struct ipc_namespace *ns;
    struct list entries;
};

static int list_of_current(struct ipc_namespace *ns, struct sem_undo_list **out)
{
    struct thread *thread = this_thread();
    if (thread->sem_undo && thread->sem_undo->ns != ns)
        sem_undo_exit();
    struct sem_undo_list *list = thread->sem_undo;
    if (!list) {
        list = kzalloc(sizeof(*list));
        if (!list)
            return -ENOMEM;
        list->refs = 1;
        list->ns = ipc_namespace_get(ns);
        list_init(&list->entries);
        thread->sem_undo = list;
    }
    *out = list;
    return 0;
}

static struct sem_undo *find_locked(struct sem_undo_list *list, int id)
{
    struct sem_undo *undo;
    list_for_each_entry(undo, &list->entries, list_node) if (undo->id == id) return undo;
    return NULL;
}

int sem_undo_find(struct ipc_namespace *ns, int id, struct sem_undo **out)
{
    struct sysv_table *table = sysv_table_of(ns, IPC_SEM);
    struct sem_undo_list *list;
    int error = list_of_current(ns, &list);
    if (error)
        return error;
    spin_lock(&table->lock);
    struct sysv_object *object = sysv_find_locked(table, id);
    unsigned count = object ? sem_set_of(object)->count : 0;
    *out = object ? find_locked(list, id) : NULL;
    spin_unlock(&table->lock);
    if (*out || !object)
        return object ? 0 : -EINVAL;

    struct sem_undo *fresh = kzalloc(sizeof(*fresh) + count * sizeof(fresh->adjustments[0]));
    if (!fresh)
        return -ENOMEM;
    fresh->id = id;
    spin_lock(&table->lock);
    object = sysv_find_locked(table, id); /* the number says that it is still the same set */
    *out = object ? find_locked(list, id) : NULL;
    if (object && !*out) {
        list_add_tail(&list->entries, &fresh->list_node);
        list_add_tail(&sem_set_of(object)->undos, &fresh->set_node);
        *out = fresh;
        fresh = NULL;
    }
    spin_unlock(&table->lock);
    kfree(fresh);
    return object ? 0 : -EIDRM;
}

static void drop_locked(struct sem_undo *undo)
{
    list_remove(&undo->list_node);
    list_remove(&undo->set_node);
    kfree(undo);
}

void sem_undo_drop_set_locked(struct sem_set *set)
{
    struct sem_undo *undo, *next;
    list_for_each_entry_safe(undo, next, &set->undos, set_node) drop_locked(undo);
}

void sem_undo_clear_locked(struct sem_set *set, int number)
{
    struct sem_undo *undo;
    list_for_each_entry(undo, &set->undos,
                        set_node) for (unsigned i = 0; i < set->count;
                                       i++) if (number < 0 || (unsigned)number == i)
        undo->adjustments[i] = 0;
}

int sem_undo_share(struct thread *child)
{
    struct sem_undo_list *list;
    int error = list_of_current(ipc_namespace_current(), &list);
    if (error)
        return error;
    atomic_fetch_add_relaxed(&list->refs, 1);
    child->sem_undo = list;
    return 0;
}

/* What was done is undone as far as the limits of a value allow. */
static void undo_locked(struct sem_set *set, const struct sem_undo *undo)
{
    for (unsigned i = 0; i < set->count; i++) {
        if (!undo->adjustments[i])
            continue;
        int value = set->semaphores[i].value + undo->adjustments[i];
        set->semaphores[i].value = CLAMP(value, 0, SEMVMX);
        set->semaphores[i].pid = this_thread()->tgid;
    }
    set->operation_time = sysv_now();
    sem_update_locked(set);
}

void sem_undo_unshare(struct thread *child)
{
    struct sem_undo_list *list = child->sem_undo;
    child->sem_undo = NULL;
    if (!list || atomic_sub_fetch_acq_rel(&list->refs, 1) != 0)
        return;
    struct sysv_table *table = sysv_table_of(list->ns, IPC_SEM);
    struct sem_undo *undo, *next;
    spin_lock(&table->lock);
    list_for_each_entry_safe(undo, next, &list->entries, list_node)
    {
        struct sysv_object *object = sysv_find_locked(table, undo->id);
        assert(object);
        undo_locked(sem_set_of(object), undo);
        drop_locked(undo);
    }
    spin_unlock(&table->lock);
    ipc_namespace_put(list->ns);
    kfree(list);
}

void sem_undo_exit(void)
{
    sem_undo_unshare(this_thread());
}
