/* SPDX-License-Identifier: MIT
 *
 * System V IPC in general: namespaces, keys, identifiers and permissions; svipc(7).
 *
 * Identifiers are an index and a sequence number above it, which grows whenever the search for a
 * free index starts over, so an old identifier does not soon mean a new object.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/sched.h"
#include "kernel/core/clock.h"
#include "kernel/ipc/ipc_internal.h"
#include "kernel/ipc/mqueue.h"
#include "kernel/ipc/sysv_internal.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/hash.h"
#include "kernel/lib/strbuf.h"
#include "kernel/security/user_namespace.h"

enum { CYCLE_MIN = 64, SEQUENCE_MAX = INT32_MAX >> SYSV_INDEX_BITS };

/* ---- namespaces ---- */

static const struct ipc_limits default_limits = {
    .shm_max = SHMMAX,
    .shm_all = SHMALL,
    .shm_count_max = SHMMNI,
    .msg_max = MSGMAX,
    .msg_queue_max = MSGMNB,
    .msg_count_max = MSGMNI,
    .sem = {SEMMSL, SEMMNS, SEMOPM, SEMMNI},
    .mq_queues_max = 256,
    .mq_msg_max = 10,
    .mq_msgsize_max = 8192,
    .mq_msg_default = 10,
    .mq_msgsize_default = 8192,
};

static void free_ipc_namespace(struct ns_common *common)
{
    struct ipc_namespace *ns = ipc_namespace_of(common);
    shm_remove_all(ns);
    sem_remove_all(ns);
    msg_remove_all(ns);
    mqueue_mount_destroy(ns);
    kfree(ns);
}

int ipc_namespace_create(struct kernel *kernel, struct user_namespace *owner,
                         struct ipc_namespace **out)
{
    static const struct ns_ops ops = {
        .name = "ipc", .type = CLONE_NEWIPC, .free = free_ipc_namespace};
    struct ipc_namespace *ns = kzalloc(sizeof(*ns));
    if (!ns)
        return -ENOMEM;
    namespace_init(&ns->common, kernel, &ops, kernel->ipc->namespace ? 0 : NAMESPACE_NUMBER_IPC,
                   owner);
    ns->kernel = kernel;
    ns->limits = default_limits;
    for (unsigned kind = 0; kind < IPC_KINDS; kind++)
        sysv_table_init(&ns->tables[kind]);
    int error = mqueue_mount_create(ns);
    if (error) {
        user_namespace_put(owner);
        kfree(ns);
        return error;
    }
    *out = ns;
    return 0;
}

struct ipc_namespace *ipc_namespace_get(struct ipc_namespace *ns)
{
    namespace_get(&ns->common);
    return ns;
}

void ipc_namespace_put(struct ipc_namespace *ns)
{
    namespace_put(&ns->common);
}

struct ns_common *ipc_namespace_common(struct ipc_namespace *ns)
{
    return &ns->common;
}

struct ipc_namespace *ipc_namespace_of(struct ns_common *common)
{
    return container_of(common, struct ipc_namespace, common);
}

struct ipc_namespace *ipc_namespace_current(void)
{
    const struct namespaces *set = this_thread()->namespaces;
    return set && set->ipc ? set->ipc : this_kernel()->ipc->namespace;
}

struct ipc_limits *ipc_namespace_limits(struct ipc_namespace *ns)
{
    return &ns->limits;
}

int ipc_next_id(struct ipc_namespace *ns, enum ipc_kind kind)
{
    return atomic_load_relaxed(&ns->tables[kind].next_id);
}

void ipc_set_next_id(struct ipc_namespace *ns, enum ipc_kind kind, int id)
{
    atomic_store_relaxed(&ns->tables[kind].next_id, id);
}

/* ---- tables ---- */

void sysv_table_init(struct sysv_table *table)
{
    spin_lock_init(&table->lock, LOCK_RANK_OBJECT);
    xarray_init(&table->objects, &kmalloc_allocator);
    table->last_index = -1;
    table->next_id = -1;
}

static struct hlist *bucket_of(struct sysv_table *table, int key)
{
    return &table->keys[hash_u64((uint32_t)key) % SYSV_KEY_BUCKETS];
}

static struct sysv_object *find_key_locked(struct sysv_table *table, int key)
{
    struct sysv_object *object;
    hlist_for_each_entry(object, bucket_of(table, key),
                         key_node) if (object->key == key) return object;
    return NULL;
}

struct sysv_object *sysv_at_locked(struct sysv_table *table, int index)
{
    return index < 0 ? NULL : xarray_get(&table->objects, (uint64_t)index);
}

struct sysv_object *sysv_find_locked(struct sysv_table *table, int id)
{
    struct sysv_object *object = id < 0 ? NULL : sysv_at_locked(table, id & (SYSV_OBJECTS_MAX - 1));
    return object && object->id == id ? object : NULL;
}

int sysv_stat_locked(struct sysv_table *table, int id, int command, int stat, int stat_any,
                     struct sysv_object **out)
{
    bool by_index = command == stat || command == stat_any;
    *out =
        by_index ? sysv_at_locked(table, id & (SYSV_OBJECTS_MAX - 1)) : sysv_find_locked(table, id);
    if (!*out)
        return -EINVAL;
    return command == stat_any ? 0 : sysv_permission(*out, SYSV_READ);
}

int sysv_owned_locked(struct sysv_table *table, int id, struct sysv_object **out)
{
    struct sysv_object *object = sysv_find_locked(table, id);
    uint32_t euid = current_cred()->euid;
    if (!object)
        return -EINVAL;
    if (euid != object->cuid && euid != object->uid &&
        !capable_in(ipc_namespace_current()->common.owner, CAP_SYS_ADMIN))
        return -EPERM;
    *out = object;
    return 0;
}

/* Take an index, and make the identifier. */
static int number_locked(struct sysv_table *table, struct sysv_object *object)
{
    uint64_t index;
    uint32_t sequence;
    int wanted = atomic_load_relaxed(&table->next_id), error;

    if (wanted >= 0) {
        error = xarray_alloc(&table->objects, object, (uint64_t)wanted & (SYSV_OBJECTS_MAX - 1),
                             SYSV_OBJECTS_MAX - 1, &index);
        sequence = (uint32_t)wanted >> SYSV_INDEX_BITS;
        atomic_store_relaxed(&table->next_id, -1);
    } else {
        uint64_t cycle = MAX(table->objects.count * 3 / 2, (uint64_t)CYCLE_MIN);
        uint64_t last = MIN(cycle, (uint64_t)SYSV_OBJECTS_MAX) - 1;
        if (table->cursor > last)
            table->cursor = 0;
        error = xarray_alloc_cyclic(&table->objects, object, 0, last, &table->cursor, &index);
        if (!error && (int)index <= table->last_index)
            table->sequence = table->sequence + 1 < SEQUENCE_MAX ? table->sequence + 1 : 0;
        sequence = table->sequence;
        if (!error)
            table->last_index = (int)index;
    }
    if (error)
        return error;
    object->id = (int)(sequence << SYSV_INDEX_BITS | (uint32_t)index);
    return 0;
}

static int add_locked(const struct sysv_get *get, struct sysv_object *object)
{
    struct sysv_table *table = sysv_table_of(get->ns, get->kind);
    const struct cred *cred = current_cred();
    if (table->objects.count >= MIN(get->count_max, (unsigned)SYSV_OBJECTS_MAX))
        return -ENOSPC;
    int error = get->charge_locked(get->ns, object);
    if (error)
        return error;
    object->key = object->first_key = get->key;
    object->mode = (uint32_t)get->flags & 0777;
    object->uid = object->cuid = cred->euid;
    object->gid = object->cgid = cred->egid;
    object->change_time = sysv_now();
    error = number_locked(table, object);
    if (error) {
        get->uncharge_locked(get->ns, object);
        return error;
    }
    if (object->key != IPC_PRIVATE)
        hlist_add_head(bucket_of(table, object->key), &object->key_node);
    return 0;
}

void sysv_forget_key_locked(struct sysv_table *table, struct sysv_object *object)
{
    (void)table;
    hlist_remove(&object->key_node);
    object->key = IPC_PRIVATE;
}

void sysv_remove_locked(struct sysv_table *table, struct sysv_object *object)
{
    sysv_forget_key_locked(table, object);
    void *removed = xarray_erase(&table->objects, (uint64_t)object->id & (SYSV_OBJECTS_MAX - 1));
    assert(removed == object);
}

int sysv_highest_locked(struct sysv_table *table)
{
    uint64_t index = UINT64_MAX;
    return xarray_find_last(&table->objects, &index) ? (int)index : 0;
}

/* An object with the key exists: its identifier, or why not. */
static int open_locked(const struct sysv_get *get, const struct sysv_object *object)
{
    if ((get->flags & IPC_CREAT) && (get->flags & IPC_EXCL))
        return -EEXIST;
    int error = get->check_locked ? get->check_locked(object, get->size) : 0;
    if (!error)
        error = sysv_permission(object, (unsigned)get->flags);
    return error ? error : object->id;
}

int sysv_get(const struct sysv_get *get)
{
    struct sysv_table *table = sysv_table_of(get->ns, get->kind);
    struct sysv_object *object = NULL, *fresh;
    int result = -ENOENT;

    if (get->key != IPC_PRIVATE) {
        spin_lock(&table->lock);
        object = find_key_locked(table, get->key);
        if (object)
            result = open_locked(get, object);
        spin_unlock(&table->lock);
        if (object || !(get->flags & IPC_CREAT))
            return result;
    }
    int error = get->create(get->ns, get->size, get->flags, &fresh);
    if (error)
        return error;
    spin_lock(&table->lock);
    if (get->key != IPC_PRIVATE)
        object = find_key_locked(table, get->key); /* someone was faster */
    if (object) {
        result = open_locked(get, object);
    } else {
        result = add_locked(get, fresh);
        if (!result) {
            result = fresh->id;
            fresh = NULL;
        }
    }
    spin_unlock(&table->lock);
    if (fresh)
        get->discard(fresh);
    return result;
}

/* ---- permissions ---- */

int sysv_permission(const struct sysv_object *object, unsigned access)
{
    const struct cred *cred = current_cred();
    unsigned wanted = access >> 6 | access >> 3 | access, granted = object->mode;
    if (cred->euid == object->cuid || cred->euid == object->uid)
        granted >>= 6;
    else if (cred_in_group(cred, object->cgid) || cred_in_group(cred, object->gid))
        granted >>= 3;
    return (wanted & ~granted & 7) &&
                   !capable_in(ipc_namespace_current()->common.owner, CAP_IPC_OWNER)
               ? -EACCES
               : 0;
}

void sysv_fill_perm(const struct sysv_object *object, struct linux_ipc_perm *out)
{
    *out = (struct linux_ipc_perm){
        .key = object->key,
        .uid = current_uid_shown(object->uid),
        .gid = current_gid_shown(object->gid),
        .cuid = current_uid_shown(object->cuid),
        .cgid = current_gid_shown(object->cgid),
        .mode = object->mode,
        .seq = (uint16_t)((uint32_t)object->id >> SYSV_INDEX_BITS),
    };
}

int sysv_set_perm_locked(struct sysv_object *object, const struct linux_ipc_perm *perm)
{
    const struct user_namespace *ns = current_user_namespace();
    uint32_t uid = uid_from_user(ns, perm->uid), gid = gid_from_user(ns, perm->gid);
    if (uid == ID_NONE || gid == ID_NONE)
        return -EINVAL;
    object->uid = uid;
    object->gid = gid;
    object->mode = (object->mode & ~0777u) | (perm->mode & 0777);
    object->change_time = sysv_now();
    return 0;
}

int sysv_set_perm(struct ipc_namespace *ns, enum ipc_kind kind, int id,
                  const struct linux_ipc_perm *perm)
{
    struct sysv_table *table = sysv_table_of(ns, kind);
    struct sysv_object *object;
    spin_lock(&table->lock);
    int error = sysv_owned_locked(table, id, &object);
    if (!error)
        error = sysv_set_perm_locked(object, perm);
    spin_unlock(&table->lock);
    return error;
}

int64_t sysv_now(void)
{
    return (int64_t)(clock_realtime_ns() / 1000000000u);
}

/* ---- /proc/sysvipc ---- */

void ipc_show(struct ipc_namespace *ns, enum ipc_kind kind, struct strbuf *out)
{
    static const char *const headers[IPC_KINDS] = {
        "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  "
        "cgid      atime      dtime      ctime                   rss                  swap\n",
        "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n",
        "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid    "
        "  stime      rtime      ctime\n",
    };
    static void (*const rows[IPC_KINDS])(struct sysv_object * object, struct strbuf * out) = {
        shm_show_locked, sem_show_locked, msg_show_locked};
    struct sysv_table *table = sysv_table_of(ns, kind);
    struct sysv_object *object;
    uint64_t index;

    strbuf_puts(out, headers[kind]);
    spin_lock(&table->lock);
    sysv_for_each_locked(index, object, table) rows[kind](object, out);
    spin_unlock(&table->lock);
}
