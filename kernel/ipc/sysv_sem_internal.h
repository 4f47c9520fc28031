/* SPDX-License-Identifier: MIT
 *
 * Semaphore sets: what their operations (sysv_sem.c), control (sysv_sem_control.c) and undoing
 * (sysv_sem_undo.c) share. All of it is guarded by the lock of the table of semaphores.
 */
#ifndef KERNEL_IPC_SYSV_SEM_INTERNAL_H
#define KERNEL_IPC_SYSV_SEM_INTERNAL_H

#include "kernel/ipc/sysv_internal.h"

struct semaphore {
    int value; /* 0..SEMVMX */
    int pid;   /* that changed it last */
};

struct sem_set {
    struct sysv_object object;
    unsigned count;
    int64_t operation_time;
    struct list readers, writers; /* struct sem_waiter: only wait for zero; change something */
    struct list undos;            /* struct sem_undo.set_node */
    struct semaphore semaphores[];
};

/* What one process would undo in one set. Freed with the set or with the list that it is in. */
struct sem_undo {
    struct list_node list_node, set_node;
    int id;                /* of the set */
    int16_t adjustments[]; /* one for each semaphore */
};

struct sem_waiter {
    struct list_node node;
    const struct linux_sembuf *ops;
    unsigned count;
    const struct linux_sembuf *blocking; /* the operation that cannot be done */
    struct sem_undo *undo;
    int pid;
    int status; /* SEM_WAITING, 0 or negative errno; atomic */
    struct wait_queue wait;
};

enum { SEM_WAITING = 1 };

static inline struct sem_set *sem_set_of(struct sysv_object *object)
{
    return container_of(object, struct sem_set, object);
}

/* Values have changed: complete every waiting operation that has become possible. */
void sem_update_locked(struct sem_set *set);
void sem_end_waiter(struct sem_waiter *waiter, int status);

/* The current thread's entry for a set. 0, -ENOMEM, or -EINVAL if the set is gone. */
int sem_undo_find(struct ipc_namespace *ns, int id, struct sem_undo **out);
void sem_undo_drop_set_locked(struct sem_set *set);          /* the set goes */
void sem_undo_clear_locked(struct sem_set *set, int number); /* -1: all semaphores */

#endif
