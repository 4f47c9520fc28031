/* SPDX-License-Identifier: MIT
 *
 * What shared memory, semaphores and message queues have in common: objects with a key, an
 * identifier and permissions, in a table of their kind.
 *
 * Lock: table->lock (LOCK_RANK_OBJECT) guards the table and all objects in it. Nobody sleeps or
 * copies user memory with it; whoever waits for an object keeps a record on its own stack, in a
 * list of the object, and is told by that record when the object is gone. So objects need no
 * reference counts.
 */
#ifndef KERNEL_IPC_SYSV_INTERNAL_H
#define KERNEL_IPC_SYSV_INTERNAL_H

#include "kernel/security/namespace.h"
#include "kernel/abi/errno.h"
#include "kernel/core/kernel.h"
#include "kernel/ipc/sysv.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/lib/string.h"
#include "kernel/lib/xarray.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/wait.h"
#include "kernel/security/cred.h"

struct mount;

enum {
    SYSV_KEY_BUCKETS = 256,
    SYSV_INDEX_BITS = 15,
    SYSV_OBJECTS_MAX = 1 << SYSV_INDEX_BITS,
    SYSV_READ = 0444, /* what to ask sysv_permission for */
    SYSV_WRITE = 0222,
    SYSV_EXEC = 0111,
};

struct sysv_object { /* first member of every kind */
    struct hlist_node key_node;
    int32_t key, first_key; /* now, IPC_PRIVATE after removal; at creation */
    int32_t id;             /* sequence << SYSV_INDEX_BITS | index */
    uint32_t uid, gid, cuid, cgid;
    uint32_t mode;       /* permissions, SHM_DEST, SHM_LOCKED */
    int64_t change_time; /* seconds */
};

struct sysv_table {
    struct spinlock lock;
    struct xarray objects;               /* by index */
    struct hlist keys[SYSV_KEY_BUCKETS]; /* those with a key */
    uint64_t cursor;
    int last_index; /* given out; -1: none yet */
    uint32_t sequence;
    int32_t next_id; /* wished for, or -1 */
};

struct ipc_namespace {
    struct ns_common common;
    struct kernel *kernel;
    struct ipc_limits limits; /* atomic */
    struct sysv_table tables[IPC_KINDS];

    uint64_t shm_pages;                    /* tables[IPC_SHM].lock */
    uint64_t semaphores;                   /* tables[IPC_SEM].lock */
    uint64_t message_bytes, message_count; /* tables[IPC_MSG].lock */

    struct mount *mq_mount; /* POSIX message queues; mqueue.c */
};

#define LIMIT(ns_, field_) atomic_load_relaxed(&(ns_)->limits.field_)

/* ---- sysv.c ---- */

void sysv_table_init(struct sysv_table *table);

/* By identifier or, for the _STAT commands, index; NULL: -EINVAL. */
struct sysv_object *sysv_find_locked(struct sysv_table *table, int id);
struct sysv_object *sysv_at_locked(struct sysv_table *table, int index);
/* What the commands IPC_STAT, XXX_STAT and XXX_STAT_ANY look at: `stat` and `stat_any` are the
 * kind's numbers of the latter. 0, -EINVAL, -EACCES. */
int sysv_stat_locked(struct sysv_table *table, int id, int command, int stat, int stat_any,
                     struct sysv_object **out);
/* For IPC_SET, IPC_RMID and others of the owner: 0, -EINVAL, -EPERM. */
int sysv_owned_locked(struct sysv_table *table, int id, struct sysv_object **out);
void sysv_remove_locked(struct sysv_table *table, struct sysv_object *object);
/* It can no longer be found by its key. */
void sysv_forget_key_locked(struct sysv_table *table, struct sysv_object *object);
/* The highest index in use, 0 if there is none: what the _INFO commands return. */
int sysv_highest_locked(struct sysv_table *table);

/* `access`: a mode; any of its three digits counts. 0 or -EACCES. */
int sysv_permission(const struct sysv_object *object, unsigned access);
void sysv_fill_perm(const struct sysv_object *object, struct linux_ipc_perm *out);
int sysv_set_perm_locked(struct sysv_object *object, const struct linux_ipc_perm *perm);
int64_t sysv_now(void); /* seconds */

/* The way of xxxget(2) to an identifier. */
struct sysv_get {
    struct ipc_namespace *ns;
    enum ipc_kind kind;
    int key, flags;
    int64_t size;
    unsigned count_max;
    /* Is this existing object good enough? 0 or -EINVAL. */
    int (*check_locked)(const struct sysv_object *object, int64_t size);
    /* A new object that only lacks key and owner. */
    int (*create)(struct ipc_namespace *ns, int64_t size, int flags, struct sysv_object **out);
    /* Count it: 0 or -ENOSPC; after 0 the object is in the table. */
    int (*charge_locked)(struct ipc_namespace *ns, struct sysv_object *object);
    void (*uncharge_locked)(struct ipc_namespace *ns, struct sysv_object *object);
    void (*discard)(struct sysv_object *object);
};
int sysv_get(const struct sysv_get *get);

static inline struct sysv_table *sysv_table_of(struct ipc_namespace *ns, enum ipc_kind kind)
{
    return &ns->tables[kind];
}

#define sysv_for_each_locked(index_, object_, table_)                                              \
    xarray_for_each(&(table_)->objects, index_, object_)

/* ---- of the kinds ---- */

void shm_show_locked(struct sysv_object *object, struct strbuf *out);
void sem_show_locked(struct sysv_object *object, struct strbuf *out);
void msg_show_locked(struct sysv_object *object, struct strbuf *out);
/* The namespace goes: remove everything. */
void shm_remove_all(struct ipc_namespace *ns);
void sem_remove_all(struct ipc_namespace *ns);
void msg_remove_all(struct ipc_namespace *ns);

#endif
