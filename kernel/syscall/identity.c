/* SPDX-License-Identifier: MIT
 *
 * User and group ids, supplementary groups, capabilities (credentials(7), capabilities(7)).
 *
 * Every change copies the credentials, edits the copy and installs it, so that others see either the
 * old set or the new one.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/sort.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/task.h"
#include "kernel/security/cred.h"
#include "kernel/security/user_namespace.h"
#include "kernel/syscall/syscalls.h"

#define KEEP UINT32_MAX /* an id of -1: leave it */

int64_t sys_getuid(void)
{
    return current_uid_shown(current_cred()->uid);
}

int64_t sys_geteuid(void)
{
    return current_uid_shown(current_cred()->euid);
}

int64_t sys_getgid(void)
{
    return current_gid_shown(current_cred()->gid);
}

int64_t sys_getegid(void)
{
    return current_gid_shown(current_cred()->egid);
}

static int64_t put_three(uint64_t a, uint64_t b, uint64_t c, const uint32_t values[3])
{
    if (put_user_u32(a, values[0]) || put_user_u32(b, values[1]) || put_user_u32(c, values[2]))
        return -EFAULT;
    return 0;
}

int64_t sys_getresuid(uint64_t ruid, uint64_t euid, uint64_t suid)
{
    const struct cred *cred = current_cred();
    return put_three(ruid, euid, suid, (uint32_t[]){current_uid_shown(cred->uid), current_uid_shown(cred->euid),
                                  current_uid_shown(cred->suid)});
}

int64_t sys_getresgid(uint64_t rgid, uint64_t egid, uint64_t sgid)
{
    const struct cred *cred = current_cred();
    return put_three(rgid, egid, sgid, (uint32_t[]){current_gid_shown(cred->gid), current_gid_shown(cred->egid),
                                  current_gid_shown(cred->sgid)});
}

/* capabilities(7), "Effect of user ID changes on capabilities". */
static void adjust_capabilities(struct cred *cred, const struct cred *old)
{
    uint32_t root = user_namespace_root(cred->user_ns);
    bool had_root = old->uid == root || old->euid == root || old->suid == root;
    bool has_root = cred->uid == root || cred->euid == root || cred->suid == root;

    if (cred->securebits & SECBIT_NO_SETUID_FIXUP)
        return;
    if (had_root && !has_root) {
        if (!cred->keep_caps)
            cred->cap_permitted = cred->cap_effective = 0;
        cred->cap_ambient = 0;
    }
    if (old->euid == root && cred->euid != root)
        cred->cap_effective = 0;
    else if (old->euid != root && cred->euid == root)
        cred->cap_effective = cred->cap_permitted;
}

/* A change of effective ids makes the process undumpable (proc(5), suid_dumpable), and it no longer
 * hears of its parent's death (prctl(2), PR_SET_PDEATHSIG). */
static void install_cred(struct cred *cred, const struct cred *old)
{
    if (cred->euid != old->euid || cred->egid != old->egid || cred->fsuid != old->fsuid ||
        cred->fsgid != old->fsgid) {
        atomic_store_relaxed(&current_process()->dumpable, (uint32_t)tunable(suid_dumpable));
        atomic_store_relaxed(&current_task()->parent_death_signal, 0);
    }
    cred_install(cred);
}

static void install_ids(struct cred *cred, const struct cred *old)
{
    adjust_capabilities(cred, old);
    install_cred(cred, old);
}

/* An id from user space: false if it has no meaning here. KEEP stays KEEP. */
static bool uid_in(uint32_t *uid)
{
    uint32_t given = *uid;
    *uid = given == KEEP ? KEEP : uid_from_user(current_user_namespace(), given);
    return given == KEEP || *uid != ID_NONE;
}

static bool gid_in(uint32_t *gid)
{
    uint32_t given = *gid;
    *gid = given == KEEP ? KEEP : gid_from_user(current_user_namespace(), given);
    return given == KEEP || *gid != ID_NONE;
}

static bool uid_is_ours(const struct cred *cred, uint32_t uid)
{
    return uid == KEEP || uid == cred->uid || uid == cred->euid || uid == cred->suid;
}

static bool gid_is_ours(const struct cred *cred, uint32_t gid)
{
    return gid == KEEP || gid == cred->gid || gid == cred->egid || gid == cred->sgid;
}

static int64_t change_uids(uint32_t ruid, uint32_t euid, uint32_t suid)
{
    const struct cred *old = current_cred();
    struct cred *cred = cred_copy(old);
    if (!cred)
        return -ENOMEM;
    if (ruid != KEEP)
        cred->uid = ruid;
    if (euid != KEEP)
        cred->euid = euid;
    if (suid != KEEP)
        cred->suid = suid;
    cred->fsuid = cred->euid;
    int error = cred->uid != old->uid ? task_change_user(cred->uid) : 0;
    if (error)
        cred_put(cred);
    else
        install_ids(cred, old);
    return error;
}

static int64_t change_gids(uint32_t rgid, uint32_t egid, uint32_t sgid)
{
    const struct cred *old = current_cred();
    struct cred *cred = cred_copy(old);
    if (!cred)
        return -ENOMEM;
    if (rgid != KEEP)
        cred->gid = rgid;
    if (egid != KEEP)
        cred->egid = egid;
    if (sgid != KEEP)
        cred->sgid = sgid;
    cred->fsgid = cred->egid;
    install_ids(cred, old);
    return 0;
}

int64_t sys_setuid(uint32_t uid)
{
    const struct cred *old = current_cred();
    if (uid == KEEP || !uid_in(&uid))
        return -EINVAL;
    if (capable_here(CAP_SETUID))
        return change_uids(uid, uid, uid);
    return uid == old->uid || uid == old->suid ? change_uids(KEEP, uid, KEEP) : -EPERM;
}

int64_t sys_setgid(uint32_t gid)
{
    const struct cred *old = current_cred();
    if (gid == KEEP || !gid_in(&gid))
        return -EINVAL;
    if (capable_here(CAP_SETGID))
        return change_gids(gid, gid, gid);
    return gid == old->gid || gid == old->sgid ? change_gids(KEEP, gid, KEEP) : -EPERM;
}

int64_t sys_setreuid(uint32_t ruid, uint32_t euid)
{
    const struct cred *old = current_cred();
    if (!uid_in(&ruid) || !uid_in(&euid))
        return -EINVAL;
    if (!capable_here(CAP_SETUID)) {
        if (ruid != KEEP && ruid != old->uid && ruid != old->euid)
            return -EPERM;
        if (!uid_is_ours(old, euid))
            return -EPERM;
    }
    bool save = ruid != KEEP || (euid != KEEP && euid != old->uid);
    return change_uids(ruid, euid, !save ? KEEP : euid != KEEP ? euid : old->euid);
}

int64_t sys_setregid(uint32_t rgid, uint32_t egid)
{
    const struct cred *old = current_cred();
    if (!gid_in(&rgid) || !gid_in(&egid))
        return -EINVAL;
    if (!capable_here(CAP_SETGID)) {
        if (rgid != KEEP && rgid != old->gid && rgid != old->egid)
            return -EPERM;
        if (!gid_is_ours(old, egid))
            return -EPERM;
    }
    bool save = rgid != KEEP || (egid != KEEP && egid != old->gid);
    return change_gids(rgid, egid, !save ? KEEP : egid != KEEP ? egid : old->egid);
}

int64_t sys_setresuid(uint32_t ruid, uint32_t euid, uint32_t suid)
{
    const struct cred *old = current_cred();
    if (!uid_in(&ruid) || !uid_in(&euid) || !uid_in(&suid))
        return -EINVAL;
    if (!capable_here(CAP_SETUID) &&
        !(uid_is_ours(old, ruid) && uid_is_ours(old, euid) && uid_is_ours(old, suid)))
        return -EPERM;
    return change_uids(ruid, euid, suid);
}

int64_t sys_setresgid(uint32_t rgid, uint32_t egid, uint32_t sgid)
{
    const struct cred *old = current_cred();
    if (!gid_in(&rgid) || !gid_in(&egid) || !gid_in(&sgid))
        return -EINVAL;
    if (!capable_here(CAP_SETGID) &&
        !(gid_is_ours(old, rgid) && gid_is_ours(old, egid) && gid_is_ours(old, sgid)))
        return -EPERM;
    return change_gids(rgid, egid, sgid);
}

/* setfsuid(2): always answers the old id; a refused or invalid one changes nothing. */
int64_t sys_setfsuid(uint32_t uid)
{
    const uint64_t file_caps = BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_DAC_READ_SEARCH) |
                               BIT(CAP_FOWNER) | BIT(CAP_FSETID) | BIT(CAP_LINUX_IMMUTABLE) |
                               BIT(CAP_MAC_OVERRIDE) | BIT(CAP_MKNOD);
    const struct cred *old = current_cred();
    uint32_t before = old->fsuid, shown = current_uid_shown(before);
    if (!uid_in(&uid) || uid == KEEP || uid == before ||
        !(uid_is_ours(old, uid) || uid == before || capable_here(CAP_SETUID)))
        return shown;
    struct cred *cred = cred_copy(old);
    if (!cred)
        return shown;
    cred->fsuid = uid;
    if (!(cred->securebits & SECBIT_NO_SETUID_FIXUP)) {
        if (before == user_namespace_root(old->user_ns))
            cred->cap_effective &= ~file_caps;
        else if (uid == user_namespace_root(old->user_ns))
            cred->cap_effective |= cred->cap_permitted & file_caps;
    }
    install_cred(cred, old);
    return shown;
}

int64_t sys_setfsgid(uint32_t gid)
{
    const struct cred *old = current_cred();
    uint32_t before = old->fsgid, shown = current_gid_shown(before);

    if (!gid_in(&gid) || gid == KEEP || gid == before || !(gid_is_ours(old, gid) || capable_here(CAP_SETGID)))
        return shown;
    struct cred *cred = cred_copy(old);
    if (!cred)
        return shown;
    cred->fsgid = gid;
    install_cred(cred, old);
    return shown;
}

/* ---- supplementary groups ---- */

int64_t sys_getgroups(int size, uint64_t list)
{
    const struct cred *cred = current_cred();
    if (size < 0 || (size && (uint32_t)size < cred->group_count))
        return -EINVAL;
    for (uint32_t i = 0; size && i < cred->group_count; i++)
        if (put_user_u32(list + i * sizeof(uint32_t), current_gid_shown(cred->groups[i])))
            return -EFAULT;
    return cred->group_count;
}

static int compare_gids(const void *a, const void *b, void *ctx)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    (void)ctx;
    return (x > y) - (x < y);
}

/* Groups take rights away, too: a user namespace may be denied to drop them. */
static bool may_set_groups(void)
{
    const struct user_namespace *ns = current_user_namespace();
    return !ns || (atomic_load_acquire(&ns->maps[ID_GROUPS].count) &&
                   !atomic_load_relaxed(&ns->setgroups_denied));
}

int64_t sys_setgroups(int size, uint64_t list)
{
    uint32_t *groups = NULL;

    if (!capable_here(CAP_SETGID) || !may_set_groups())
        return -EPERM;
    if (size < 0 || size > CRED_GROUPS_MAX)
        return -EINVAL;
    if (size) {
        size_t bytes = (size_t)size * sizeof(*groups);
        groups = kmalloc(bytes);
        if (!groups)
            return -ENOMEM;
        if (copy_from_user(groups, list, bytes)) {
            kfree(groups);
            return -EFAULT;
        }
        for (int i = 0; i < size; i++) {
            if (groups[i] == KEEP || !gid_in(&groups[i])) {
                kfree(groups);
                return -EINVAL;
            }
        }
        ksort(groups, (size_t)size, sizeof(*groups), compare_gids, NULL);
    }
    struct cred *cred = cred_copy(current_cred());
    if (!cred) {
        kfree(groups);
        return -ENOMEM;
    }
    kfree(cred->groups);
    cred->groups = groups;
    cred->group_count = (uint32_t)size;
    cred_install(cred);
    return 0;
}

/* ---- capget(2), capset(2) ---- */

/* Number of 32-bit sets that this header version carries; an unknown version is answered with ours. */
static int read_cap_header(uint64_t header, struct linux_cap_header *out, unsigned *out_words)
{
    if (get_user_u32(&out->version, header + offsetof(struct linux_cap_header, version)))
        return -EFAULT;
    switch (out->version) {
    case _LINUX_CAPABILITY_VERSION_1:
        *out_words = 1;
        return 0;
    case _LINUX_CAPABILITY_VERSION_2:
    case _LINUX_CAPABILITY_VERSION_3:
        *out_words = 2;
        return 0;
    default:
        return put_user_u32(header, _LINUX_CAPABILITY_VERSION_3) ? -EFAULT : -EINVAL;
    }
}

int64_t sys_capget(uint64_t header_uaddr, uint64_t data)
{
    struct linux_cap_header header;
    struct linux_cap_data sets[2];
    unsigned words;

    int error = read_cap_header(header_uaddr, &header, &words);
    if (!data) /* only asks which version we speak */
        return error == -EINVAL ? 0 : error;
    if (error)
        return error;
    if (copy_from_user(&header, header_uaddr, sizeof(header)))
        return -EFAULT;
    if (header.pid < 0)
        return -EINVAL;
    struct task *task = header.pid ? task_find_unreaped_given(header.pid) : task_get(current_task());
    if (!task)
        return -ESRCH;
    spin_lock(process_tree_lock(this_kernel()));
    const struct cred *cred = cred_get(task->thread.cred);
    spin_unlock(process_tree_lock(this_kernel()));
    for (unsigned i = 0; i < 2; i++)
        sets[i] = (struct linux_cap_data){.effective = (uint32_t)(cred->cap_effective >> 32 * i),
                                          .permitted = (uint32_t)(cred->cap_permitted >> 32 * i),
                                          .inheritable =
                                              (uint32_t)(cred->cap_inheritable >> 32 * i)};
    cred_put(cred);
    task_put(task);
    return copy_to_user(data, sets, words * sizeof(sets[0]));
}

int64_t sys_capset(uint64_t header_uaddr, uint64_t data)
{
    struct linux_cap_header header;
    struct linux_cap_data sets[2] = {{0}};
    const struct cred *old = current_cred();
    unsigned words;

    int error = read_cap_header(header_uaddr, &header, &words);
    if (error)
        return error;
    if (copy_from_user(&header, header_uaddr, sizeof(header)))
        return -EFAULT;
    if (header.pid && header.pid != current_task()->own_tid)
        return -EPERM;
    if (copy_from_user(sets, data, words * sizeof(sets[0])))
        return -EFAULT;
    uint64_t effective = (sets[0].effective | (uint64_t)sets[1].effective << 32) & LINUX_CAP_FULL;
    uint64_t permitted = (sets[0].permitted | (uint64_t)sets[1].permitted << 32) & LINUX_CAP_FULL;
    uint64_t inheritable =
        (sets[0].inheritable | (uint64_t)sets[1].inheritable << 32) & LINUX_CAP_FULL;

    uint64_t may_inherit = old->cap_inheritable | (capable_here(CAP_SETPCAP) ? old->cap_bounding
                                                                        : old->cap_permitted);
    if ((inheritable & ~may_inherit) || (inheritable & ~(old->cap_inheritable | old->cap_bounding)) ||
        (permitted & ~old->cap_permitted) || (effective & ~permitted))
        return -EPERM;
    struct cred *cred = cred_copy(old);
    if (!cred)
        return -ENOMEM;
    cred->cap_effective = effective;
    cred->cap_permitted = permitted;
    cred->cap_inheritable = inheritable;
    cred->cap_ambient &= permitted & inheritable;
    cred_install(cred);
    return 0;
}
