/* SPDX-License-Identifier: MIT
 *
 * System V shared memory: shmget(2), shmop(2), shmctl(2).
 *
 * A segment is shared anonymous memory with an identity. Every mapping of it counts as an
 * attachment (fork and splits included); a segment that was marked for removal goes with the last
 * one, and then the mapping that lets go frees it. Attachments keep the namespace.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/mman.h"
#include "kernel/ipc/ipc.h"
#include "kernel/ipc/sysv_internal.h"
#include "kernel/lib/printf.h"
#include "kernel/lib/strbuf.h"
#include "kernel/mm/mm.h"
#include "kernel/mm/shared_anon.h"
#include "kernel/security/pid_namespace.h"
#include "kernel/security/user_namespace.h"

enum { SHM_ALIGN = PAGE_SIZE };

struct shm_segment {
    struct sysv_object object;
    struct ipc_namespace *ns;
    struct shared_anon *memory;
    uint64_t bytes;
    uint64_t attached;
    int64_t attach_time, detach_time;
    int creator_pid, last_pid;
    uint32_t locker; /* the user who locked it, if it is locked */
};

static struct shm_segment *segment_of(struct sysv_object *object)
{
    return container_of(object, struct shm_segment, object);
}

static uint64_t pages_of(const struct shm_segment *segment)
{
    return DIV_ROUND_UP(segment->bytes, (uint64_t)PAGE_SIZE);
}

/* ---- creation and removal ---- */

/* There is not one huge page: reserving some fails as on a Linux without any. */
static int check_huge(int flags)
{
    unsigned log = (unsigned)flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK;
    if (log != 0 && log != 21 && log != 30)
        return -EINVAL;
    return capable(CAP_IPC_LOCK) ? -ENOMEM : -EPERM;
}

static int create(struct ipc_namespace *ns, int64_t size, int flags, struct sysv_object **out)
{
    uint64_t bytes = (uint64_t)size;
    if (bytes < SHMMIN || bytes > LIMIT(ns, shm_max))
        return -EINVAL;
    if (ALIGN_UP(bytes, (uint64_t)PAGE_SIZE) < bytes)
        return -ENOSPC;
    if (flags & SHM_HUGETLB)
        return check_huge(flags);
    if (size < 0)
        return -EINVAL;
    struct page_counts pages;
    page_count(ns->common.kernel, &pages);
    if (!(flags & SHM_NORESERVE) && bytes >> PAGE_SHIFT > pages.total)
        return -ENOMEM; /* more than the machine has */
    struct shm_segment *segment = kzalloc(sizeof(*segment));
    if (!segment)
        return -ENOMEM;
    int error =
        shared_anon_create(ns->common.kernel, bytes, !(flags & SHM_NORESERVE), &segment->memory);
    if (error) {
        kfree(segment);
        return error;
    }
    segment->ns = ns;
    segment->bytes = bytes;
    segment->creator_pid = this_thread()->tgid;
    *out = &segment->object;
    return 0;
}

static int check_locked(const struct sysv_object *object, int64_t size)
{
    const struct shm_segment *segment = container_of(object, const struct shm_segment, object);
    return segment->bytes < (uint64_t)size ? -EINVAL : 0;
}

static int charge_locked(struct ipc_namespace *ns, struct sysv_object *object)
{
    uint64_t total;
    if (add_overflows(ns->shm_pages, pages_of(segment_of(object)), &total) ||
        total > LIMIT(ns, shm_all))
        return -ENOSPC;
    ns->shm_pages = total;
    return 0;
}

static void uncharge_locked(struct ipc_namespace *ns, struct sysv_object *object)
{
    ns->shm_pages -= pages_of(segment_of(object));
}

static void discard(struct sysv_object *object)
{
    shared_anon_put(segment_of(object)->memory);
    kfree(segment_of(object));
}

int shm_get(struct ipc_namespace *ns, int key, uint64_t bytes, int flags)
{
    const struct sysv_get get = {
        .ns = ns,
        .kind = IPC_SHM,
        .key = key,
        .flags = flags,
        .size = (int64_t)bytes,
        .count_max = (unsigned)LIMIT(ns, shm_count_max),
        .check_locked = check_locked,
        .create = create,
        .charge_locked = charge_locked,
        .uncharge_locked = uncharge_locked,
        .discard = discard,
    };
    return sysv_get(&get);
}

static void detach_locked(struct shm_segment *segment)
{
    uncharge_locked(segment->ns, &segment->object);
    sysv_remove_locked(sysv_table_of(segment->ns, IPC_SHM), &segment->object);
}

static bool may_go(const struct shm_segment *segment)
{
    return segment->attached == 0 &&
           ((segment->object.mode & SHM_DEST) || LIMIT(segment->ns, shm_rmid_forced));
}

int shm_remove(struct ipc_namespace *ns, int id)
{
    struct sysv_table *table = sysv_table_of(ns, IPC_SHM);
    struct sysv_object *object;
    bool gone = false;
    spin_lock(&table->lock);
    int error = sysv_owned_locked(table, id, &object);
    if (!error) {
        struct shm_segment *segment = segment_of(object);
        gone = segment->attached == 0;
        if (gone) {
            detach_locked(segment);
        } else {
            object->mode |= SHM_DEST;
            sysv_forget_key_locked(table, object);
        }
    }
    spin_unlock(&table->lock);
    if (gone)
        discard(object);
    return error;
}

void shm_remove_all(struct ipc_namespace *ns)
{
    struct sysv_table *table = sysv_table_of(ns, IPC_SHM);
    struct sysv_object *object;
    uint64_t index;
    sysv_for_each_locked(index, object, table)
    { /* nobody else is left */
        detach_locked(segment_of(object));
        discard(object);
    }
}

/* Remove what nobody attaches and `creator` (0: any process that is gone) has made. */
static void remove_unused(struct ipc_namespace *ns, int creator)
{
    struct sysv_table *table = sysv_table_of(ns, IPC_SHM);
    for (uint64_t index = 0;; index++) {
        spin_lock(&table->lock);
        struct sysv_object *object = xarray_find(&table->objects, &index);
        struct shm_segment *segment = object ? segment_of(object) : NULL;
        bool unused = object && segment->attached == 0;
        int pid = object ? segment->creator_pid : 0;
        int id = object ? object->id : -1;
        spin_unlock(&table->lock);
        if (!object)
            return;
        if (!unused || (creator ? pid != creator : ipc_process_exists(pid)))
            continue;
        spin_lock(&table->lock);
        object = sysv_find_locked(table, id);
        unused = object && segment_of(object)->attached == 0;
        if (unused)
            detach_locked(segment_of(object));
        spin_unlock(&table->lock);
        if (unused)
            discard(object);
    }
}

void shm_destroy_orphans(struct ipc_namespace *ns)
{
    remove_unused(ns, 0);
}

void shm_process_exit(struct ipc_namespace *ns, int pid)
{
    if (unlikely(LIMIT(ns, shm_rmid_forced)))
        remove_unused(ns, pid);
}

/* ---- attachments ---- */

/* One attachment less; `noted`: a real one, which leaves its time. */
static void detach(struct shm_segment *segment, bool noted)
{
    struct ipc_namespace *ns = segment->ns;
    struct sysv_table *table = sysv_table_of(ns, IPC_SHM);
    spin_lock(&table->lock);
    segment->attached--;
    if (noted) {
        segment->detach_time = sysv_now();
        segment->last_pid = this_thread()->tgid;
    }
    bool gone = may_go(segment);
    if (gone)
        detach_locked(segment);
    spin_unlock(&table->lock);
    if (gone)
        discard(&segment->object);
    ipc_namespace_put(ns);
}

static void vma_get(struct vma *vma)
{
    struct shm_segment *segment = vma->backing;
    struct sysv_table *table = sysv_table_of(segment->ns, IPC_SHM);
    ipc_namespace_get(segment->ns);
    spin_lock(&table->lock);
    segment->attached++;
    segment->attach_time = sysv_now();
    segment->last_pid = this_thread()->tgid;
    spin_unlock(&table->lock);
    page_cache_map(&segment->memory->cache, vma);
}

static void vma_put(struct vma *vma)
{
    struct shm_segment *segment = vma->backing;
    page_cache_unmap(&segment->memory->cache, vma);
    detach(segment, true);
}

static int vma_get_page(struct vma *vma, uint64_t index, bool write, struct page **out)
{
    const struct shm_segment *segment = vma->backing;
    (void)write;
    if (index >= pages_of(segment))
        return -ENXIO;
    return page_cache_get(&segment->memory->cache, index, true, out);
}

static void vma_describe(struct vma *vma, uint64_t *dev, uint64_t *ino, char *path, size_t bytes)
{
    const struct shm_segment *segment = vma->backing;
    *dev = 1; /* 00:01, the internal tmpfs */
    *ino = (uint64_t)segment->object.id;
    ksnprintf(path, bytes, "/SYSV%08x (deleted)", (unsigned)segment->object.first_key);
}

static uint64_t vma_identity(struct vma *vma)
{
    const struct shm_segment *segment = vma->backing;
    return segment->memory->id;
}

static const struct vma_ops shm_vma_ops = {
    .get = vma_get,
    .put = vma_put,
    .get_page = vma_get_page,
    .describe = vma_describe,
    .punch = shared_anon_vma_punch,
    .identity = vma_identity,
};

/* Where the attachment goes: the address in the request, or -EINVAL. */
static int decode_address(uint64_t addr, int flags, struct mm_map_request *request)
{
    if (addr) {
        if (!IS_ALIGNED(addr, (uint64_t)SHM_ALIGN)) {
            if (!(flags & SHM_RND))
                return -EINVAL;
            addr = ALIGN_DOWN(addr, (uint64_t)SHM_ALIGN);
            if (!addr && (flags & SHM_REMAP))
                return -EINVAL;
        }
        request->fixed = true;
        request->no_replace = !(flags & SHM_REMAP);
    } else if (flags & SHM_REMAP) {
        return -EINVAL;
    }
    request->addr = addr;
    return 0;
}

static unsigned decode_access(int flags, struct mm_map_request *request)
{
    unsigned access = SYSV_READ;
    request->vma_flags = VMA_READ | VMA_MAY_READ | VMA_MAY_EXEC | VMA_SHARED;
    if (!(flags & SHM_RDONLY)) {
        request->vma_flags |= VMA_WRITE | VMA_MAY_WRITE;
        access |= SYSV_WRITE;
    }
    if (flags & SHM_EXEC) {
        request->vma_flags |= VMA_EXEC;
        access |= SYSV_EXEC;
    }
    return access;
}

int64_t shm_attach(struct ipc_namespace *ns, int id, uint64_t addr, int flags)
{
    struct sysv_table *table = sysv_table_of(ns, IPC_SHM);
    struct mm_map_request request = {.ops = &shm_vma_ops};
    if (id < 0)
        return -EINVAL;
    int error = decode_address(addr, flags, &request);
    if (error)
        return error;
    unsigned access = decode_access(flags, &request);
    spin_lock(&table->lock);
    struct sysv_object *object = sysv_find_locked(table, id);
    error = object ? sysv_permission(object, access) : -EINVAL;
    if (!error)
        segment_of(object)->attached++; /* keeps it until the mapping does */
    spin_unlock(&table->lock);
    if (error)
        return error;

    struct shm_segment *segment = segment_of(object);
    ipc_namespace_get(ns);
    request.backing = segment;
    request.bytes = segment->bytes;
    error = mm_map(this_thread()->mm, &request, &addr);
    if (error == -EEXIST || (error == -ENOMEM && request.no_replace && addr + request.bytes < addr))
        error = -EINVAL;
    detach(segment, false);
    return error ? error : (int64_t)addr;
}

int shm_detach(uint64_t addr)
{
    if (!IS_ALIGNED(addr, (uint64_t)PAGE_SIZE))
        return -EINVAL;
    return mm_unmap_object(this_thread()->mm, addr, &shm_vma_ops);
}

/* ---- shmctl ---- */

int shm_stat(struct ipc_namespace *ns, int id, int command, struct linux_shmid_ds *out)
{
    struct sysv_table *table = sysv_table_of(ns, IPC_SHM);
    struct sysv_object *object;
    spin_lock(&table->lock);
    int result = sysv_stat_locked(table, id, command, SHM_STAT, SHM_STAT_ANY, &object);
    if (!result) {
        const struct shm_segment *segment = segment_of(object);
        *out = (struct linux_shmid_ds){
            .shm_segsz = segment->bytes,
            .shm_atime = segment->attach_time,
            .shm_dtime = segment->detach_time,
            .shm_ctime = object->change_time,
            .shm_cpid = current_pid_shown(segment->creator_pid),
            .shm_lpid = current_pid_shown(segment->last_pid),
            .shm_nattch = segment->attached,
        };
        sysv_fill_perm(object, &out->shm_perm);
        result = command == IPC_STAT ? 0 : object->id;
    }
    spin_unlock(&table->lock);
    return result;
}

/* Bytes of the segments in this namespace that a user has locked. */
static uint64_t locked_bytes_locked(struct sysv_table *table, uint32_t uid)
{
    struct sysv_object *object;
    uint64_t index, bytes = 0;
    sysv_for_each_locked(index, object, table)
    {
        if ((object->mode & SHM_LOCKED) && segment_of(object)->locker == uid)
            bytes += pages_of(segment_of(object)) * PAGE_SIZE;
    }
    return bytes;
}

int shm_lock(struct ipc_namespace *ns, int id, bool lock, uint64_t limit_bytes)
{
    struct sysv_table *table = sysv_table_of(ns, IPC_SHM);
    const struct cred *cred = current_cred();
    bool limited = !capable(CAP_IPC_LOCK);
    spin_lock(&table->lock);
    struct sysv_object *object = sysv_find_locked(table, id);
    int error = object ? 0 : -EINVAL;
    if (!error && limited &&
        ((cred->euid != object->uid && cred->euid != object->cuid) || (lock && !limit_bytes)))
        error = -EPERM;
    if (!error && lock && !(object->mode & SHM_LOCKED)) {
        uint64_t bytes = pages_of(segment_of(object)) * PAGE_SIZE;
        uint64_t used = limited ? locked_bytes_locked(table, cred->uid) : 0;
        if (limited && (bytes > limit_bytes || used > limit_bytes - bytes))
            error = -ENOMEM;
        else
            segment_of(object)->locker = cred->uid;
    }
    if (!error) /* memory never leaves the machine's RAM */
        object->mode = lock ? object->mode | SHM_LOCKED : object->mode & ~(uint32_t)SHM_LOCKED;
    spin_unlock(&table->lock);
    return error;
}

int shm_info(struct ipc_namespace *ns, struct linux_shminfo64 *limits, struct linux_shm_info *use)
{
    struct sysv_table *table = sysv_table_of(ns, IPC_SHM);
    struct sysv_object *object;
    uint64_t index;
    *limits = (struct linux_shminfo64){
        .shmmax = LIMIT(ns, shm_max),
        .shmmin = SHMMIN,
        .shmmni = (uint64_t)LIMIT(ns, shm_count_max),
        .shmseg = (uint64_t)LIMIT(ns, shm_count_max),
        .shmall = LIMIT(ns, shm_all),
    };
    *use = (struct linux_shm_info){0};
    spin_lock(&table->lock);
    use->used_ids = (int)table->objects.count;
    use->shm_tot = ns->shm_pages;
    sysv_for_each_locked(index, object, table) use->shm_rss +=
        atomic_load_relaxed(&segment_of(object)->memory->cache.count);
    int highest = sysv_highest_locked(table);
    spin_unlock(&table->lock);
    return highest;
}

void shm_show_locked(struct sysv_object *object, struct strbuf *out)
{
    const struct shm_segment *segment = segment_of(object);
    strbuf_printf(
        out,
        "%10d %10d  %4o %21llu %5d %5d  %5llu %5u %5u %5u %5u %10lld %10lld %10lld "
        "%21llu %21d\n",
        object->key, object->id, object->mode, (unsigned long long)segment->bytes,
        current_pid_shown(segment->creator_pid), current_pid_shown(segment->last_pid),
        (unsigned long long)segment->attached, current_uid_shown(object->uid),
        current_gid_shown(object->gid), current_uid_shown(object->cuid),
        current_gid_shown(object->cgid), (long long)segment->attach_time,
        (long long)segment->detach_time, (long long)object->change_time,
        (unsigned long long)atomic_load_relaxed(&segment->memory->cache.count) * PAGE_SIZE, 0);
}
