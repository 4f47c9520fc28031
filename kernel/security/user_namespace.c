/* SPDX-License-Identifier: MIT
 *
 * User namespaces and their maps of ids, user_namespaces(7).
 *
 * A map is written once, by whom the manual page allows it, and never changes after that: readers
 * need no lock. A namespace holds its parent.
 */
#include "kernel/security/user_namespace.h"

#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/sched.h"
#include "kernel/core/kernel.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/thread.h"
#include "kernel/security/cred.h"

static void free_user_namespace(struct ns_common *common)
{
    struct user_namespace *ns = container_of(common, struct user_namespace, common);
    for (unsigned kind = 0; kind < ID_KINDS; kind++)
        kfree(ns->maps[kind].extents);
    kfree(ns); /* the parent is the common part's owner */
}

static const struct ns_ops user_ops = {
    .name = "user", .type = CLONE_NEWUSER, .free = free_user_namespace};

int user_namespace_create(struct kernel *kernel, const struct cred *cred,
                          struct user_namespace **out)
{
    struct user_namespace *parent = cred->user_ns;
    unsigned level = parent ? parent->level + 1 : 1;
    if (level > USER_NAMESPACE_LEVELS)
        return -ENOSPC;
    if (uid_to_user(parent, cred->euid) == ID_NONE || gid_to_user(parent, cred->egid) == ID_NONE)
        return -EPERM;
    struct user_namespace *ns = kzalloc(sizeof(*ns));
    if (!ns)
        return -ENOMEM;
    namespace_init(&ns->common, kernel, &user_ops, 0, parent);
    ns->parent = parent;
    ns->level = level;
    ns->owner = cred->euid;
    ns->group = cred->egid;
    ns->setgroups_denied = parent && atomic_load_relaxed(&parent->setgroups_denied);
    ns->parent_could_set_fcap = cred->cap_effective & BIT(CAP_SETFCAP);
    *out = ns;
    return 0;
}

struct user_namespace *user_namespace_get(struct user_namespace *ns)
{
    if (ns)
        namespace_get(&ns->common);
    return ns;
}

void user_namespace_put(struct user_namespace *ns)
{
    if (ns)
        namespace_put(&ns->common);
}

bool user_namespace_is_below(const struct user_namespace *ns, const struct user_namespace *ancestor)
{
    while (ns && ns != ancestor)
        ns = ns->parent;
    return ns == ancestor;
}

/* ---- translation ---- */

static uint32_t map_down(const struct id_map *map, uint32_t id, uint32_t span)
{
    uint32_t count = atomic_load_acquire(&map->count);
    for (uint32_t i = 0; i < count; i++) {
        const struct id_extent *extent = &map->extents[i];
        if (id >= extent->first && id - extent->first < extent->count &&
            extent->count - (id - extent->first) >= span)
            return extent->lower_first + (id - extent->first);
    }
    return ID_NONE;
}

static uint32_t map_up(const struct id_map *map, uint32_t kernel_id)
{
    uint32_t count = atomic_load_acquire(&map->count);
    for (uint32_t i = 0; i < count; i++) {
        const struct id_extent *extent = &map->extents[i];
        if (kernel_id >= extent->lower_first && kernel_id - extent->lower_first < extent->count)
            return extent->first + (kernel_id - extent->lower_first);
    }
    return ID_NONE;
}

uint32_t uid_from_user(const struct user_namespace *ns, uint32_t uid)
{
    return likely(!ns) ? uid : map_down(&ns->maps[ID_USERS], uid, 1);
}

uint32_t gid_from_user(const struct user_namespace *ns, uint32_t gid)
{
    return likely(!ns) ? gid : map_down(&ns->maps[ID_GROUPS], gid, 1);
}

uint32_t id_to_user(const struct user_namespace *ns, enum id_kind kind, uint32_t kernel_id)
{
    return likely(!ns) ? kernel_id : map_up(&ns->maps[kind], kernel_id);
}

uint32_t uid_to_user(const struct user_namespace *ns, uint32_t kernel_uid)
{
    return id_to_user(ns, ID_USERS, kernel_uid);
}

uint32_t gid_to_user(const struct user_namespace *ns, uint32_t kernel_gid)
{
    return id_to_user(ns, ID_GROUPS, kernel_gid);
}

uint32_t uid_shown(const struct user_namespace *ns, uint32_t kernel_uid)
{
    uint32_t uid = uid_to_user(ns, kernel_uid);
    return uid == ID_NONE ? ID_OVERFLOW : uid;
}

uint32_t gid_shown(const struct user_namespace *ns, uint32_t kernel_gid)
{
    uint32_t gid = gid_to_user(ns, kernel_gid);
    return gid == ID_NONE ? ID_OVERFLOW : gid;
}

struct user_namespace *current_user_namespace(void)
{
    const struct cred *cred = current_cred();
    return cred ? cred->user_ns : NULL;
}

uint32_t current_uid_shown(uint32_t kernel_uid)
{
    return uid_shown(current_user_namespace(), kernel_uid);
}

uint32_t current_gid_shown(uint32_t kernel_gid)
{
    return gid_shown(current_user_namespace(), kernel_gid);
}

/* ---- maps ---- */

static bool ranges_overlap(uint32_t a, uint32_t a_count, uint32_t b, uint32_t b_count)
{
    return a < (uint64_t)b + b_count && b < (uint64_t)a + a_count;
}

static bool extents_are_sound(const struct id_extent *extents, size_t count)
{
    if (count == 0 || count > ID_EXTENTS_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct id_extent *one = &extents[i];
        if (one->first == ID_NONE || one->lower_first == ID_NONE || one->count == 0 ||
            (uint64_t)one->first + one->count > UINT32_MAX ||
            (uint64_t)one->lower_first + one->count > UINT32_MAX)
            return false;
        for (size_t j = 0; j < i; j++)
            if (ranges_overlap(one->first, one->count, extents[j].first, extents[j].count) ||
                ranges_overlap(one->lower_first, one->count, extents[j].lower_first,
                               extents[j].count))
                return false;
    }
    return true;
}

/* "Updating uid_map and gid_map": either the creator maps its own id alone, or the writer and the
 * opener are capable in the parent. Anybody maps projects. */
static bool may_map(struct user_namespace *ns, enum id_kind kind, const struct id_extent *extents,
                    size_t count, const struct cred *writer, const struct cred *opener)
{
    bool groups = kind == ID_GROUPS;
    unsigned cap = groups ? CAP_SETGID : CAP_SETUID;
    if (kind == ID_PROJECTS)
        return true;
    if (!groups && !ns->parent_could_set_fcap) {
        for (size_t i = 0; i < count; i++) { /* uid 0 of the parent gives file capabilities away */
            if (uid_from_user(ns->parent, extents[i].lower_first) == 0 &&
                !(writer->user_ns != ns && cred_has_cap_in(writer, ns->parent, CAP_SETFCAP)))
                return false;
        }
    }
    if (count == 1 && extents->count == 1 && writer->euid == ns->owner) {
        uint32_t id = extents->lower_first;
        if (!groups && uid_from_user(ns->parent, id) == writer->euid)
            return true;
        if (groups && atomic_load_relaxed(&ns->setgroups_denied) &&
            gid_from_user(ns->parent, id) == writer->egid)
            return true;
    }
    return cred_has_cap_in(writer, ns->parent, cap) && cred_has_cap_in(opener, ns->parent, cap);
}

int user_namespace_set_map(struct user_namespace *ns, enum id_kind kind, struct id_extent *extents,
                           size_t count, const struct cred *writer, const struct cred *opener)
{
    struct id_map *map = &ns->maps[kind];
    int error = 0;

    if (atomic_exchange_acquire(&ns->mapping, true))
        return -EPERM; /* two at once: as if the other had been faster */
    if (atomic_load_relaxed(&map->count) != 0 ||
        (kind != ID_PROJECTS && !cred_has_cap_in(writer, ns, CAP_SYS_ADMIN)))
        error = -EPERM;
    else if (!extents_are_sound(extents, count))
        error = -EINVAL;
    else if (!may_map(ns, kind, extents, count, writer, opener))
        error = -EPERM;
    for (size_t i = 0; !error && i < count && ns->parent; i++) {
        const struct id_map *above = &ns->parent->maps[kind];
        extents[i].lower_first = map_down(above, extents[i].lower_first, extents[i].count);
        if (extents[i].lower_first == ID_NONE)
            error = -EPERM;
    }
    if (!error) {
        map->extents = kmalloc(count * sizeof(*extents));
        error = map->extents ? 0 : -ENOMEM;
    }
    if (!error) {
        for (size_t i = 0; i < count; i++)
            map->extents[i] = extents[i];
        atomic_store_release(&map->count, (uint32_t)count);
    }
    atomic_store_release(&ns->mapping, false);
    return error;
}
