/* SPDX-License-Identifier: MIT
 *
 * Mounts as descriptors: open_tree(2), move_mount(2), mount_setattr(2).
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/mount.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/mount_namespace.h"
#include "kernel/mm/page.h"
#include "kernel/mm/uaccess.h"
#include "kernel/security/cred.h"
#include "kernel/syscall/at_path.h"
#include "kernel/syscall/mount_attributes.h"
#include "kernel/syscall/syscalls.h"

bool may_mount(void)
{
    return capable_in(mount_namespace_current()->common.owner, CAP_SYS_ADMIN);
}

bool may_change_mounts(void)
{
    return may_mount() && !current_cred()->landlock;
}

/* ---- open_tree(2) ---- */

static int open_clone(const struct path *path, bool recursive, struct file **out)
{
    struct path copy;
    int error = mount_clone_detached(path, recursive, &copy);
    if (error)
        return error;
    error = mount_open_detached(&copy, out);
    if (error)
        mount_dissolve(&copy);
    path_put(&copy);
    return error;
}

int64_t sys_open_tree(int dir, uint64_t name, uint32_t flags)
{
    const uint32_t known = AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW |
                           OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
    struct path path;
    struct file *file;

    if ((flags & ~known) || (flags & (AT_RECURSIVE | OPEN_TREE_CLONE)) == AT_RECURSIVE)
        return -EINVAL;
    if ((flags & OPEN_TREE_CLONE) && !may_mount())
        return -EPERM;
    int error = path_walk_at(dir, name, at_walk_flags(flags), &path);
    if (error)
        return error;
    error = flags & OPEN_TREE_CLONE ? open_clone(&path, flags & AT_RECURSIVE, &file)
                                    : vfs_open_path(&path, O_PATH, &file);
    path_put(&path);
    return error ? error : fd_add(file, flags & OPEN_TREE_CLOEXEC);
}

/* ---- move_mount(2) ---- */

static unsigned walk_flags(uint32_t flags, uint32_t symlinks, uint32_t empty)
{
    return (flags & symlinks ? WALK_FOLLOW : 0) | (flags & empty ? WALK_EMPTY : 0);
}

int64_t sys_move_mount(int from_dir, uint64_t from_name, int to_dir, uint64_t to_name,
                       uint32_t flags)
{
    const uint32_t known = MOVE_MOUNT_F_SYMLINKS | MOVE_MOUNT_F_AUTOMOUNTS |
                           MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS |
                           MOVE_MOUNT_T_AUTOMOUNTS | MOVE_MOUNT_T_EMPTY_PATH | MOVE_MOUNT_SET_GROUP;
    struct path from, to;

    if (!may_mount())
        return -EPERM;
    if (flags & ~known)
        return -EINVAL;
    int error =
        path_walk_at(from_dir, from_name,
                     walk_flags(flags, MOVE_MOUNT_F_SYMLINKS, MOVE_MOUNT_F_EMPTY_PATH), &from);
    if (error)
        return error;
    error = path_walk_at(to_dir, to_name,
                         walk_flags(flags, MOVE_MOUNT_T_SYMLINKS, MOVE_MOUNT_T_EMPTY_PATH), &to);
    if (!error) {
        if (!may_change_mounts())
            error = -EPERM;
        else
            error = flags & MOVE_MOUNT_SET_GROUP ? mount_copy_group(&from, &to)
                                                 : mount_move(&from, &to);
        path_put(&to);
    }
    path_put(&from);
    return error;
}

/* ---- mount_setattr(2) ---- */

static unsigned plain_flags(uint64_t attributes)
{
    return (attributes & MOUNT_ATTR_RDONLY ? MS_RDONLY : 0) |
           (attributes & MOUNT_ATTR_NOSUID ? MS_NOSUID : 0) |
           (attributes & MOUNT_ATTR_NODEV ? MS_NODEV : 0) |
           (attributes & MOUNT_ATTR_NOEXEC ? MS_NOEXEC : 0) |
           (attributes & MOUNT_ATTR_NODIRATIME ? MS_NODIRATIME : 0) |
           (attributes & MOUNT_ATTR_NOSYMFOLLOW ? MS_NOSYMFOLLOW : 0);
}

int mount_attributes_to_flags(uint64_t attributes, unsigned *out)
{
    *out = plain_flags(attributes);
    switch (attributes & MOUNT_ATTR__ATIME) {
    case MOUNT_ATTR_RELATIME:
        *out |= MS_RELATIME;
        return 0;
    case MOUNT_ATTR_NOATIME:
        *out |= MS_NOATIME;
        return 0;
    case MOUNT_ATTR_STRICTATIME:
        return 0;
    default:
        return -EINVAL;
    }
}

/* What to set and to clear; the three ways to treat access times are one value. */
static int decode_attributes(const struct linux_mount_attr *attr, unsigned *set, unsigned *clear)
{
    const uint64_t known = MOUNT_ATTR_PLAIN | MOUNT_ATTR__ATIME | MOUNT_ATTR_IDMAP;
    uint64_t atime_set = attr->attr_set & MOUNT_ATTR__ATIME;
    uint64_t atime_clear = attr->attr_clr & MOUNT_ATTR__ATIME;

    if ((attr->attr_set | attr->attr_clr) & ~known)
        return -EINVAL;
    *set = plain_flags(attr->attr_set);
    *clear = plain_flags(attr->attr_clr);
    if (atime_clear) {
        if (atime_clear != MOUNT_ATTR__ATIME || mount_attributes_to_flags(attr->attr_set, set))
            return -EINVAL;
        *clear |= MS_RELATIME | MS_NOATIME;
    } else if (atime_set) {
        return -EINVAL;
    }
    /* No file system here allows other ids (FS_ALLOW_IDMAP). */
    return (attr->attr_set | attr->attr_clr) & MOUNT_ATTR_IDMAP ? -EINVAL : 0;
}

static int decode_propagation(uint64_t propagation)
{
    const uint64_t known = MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE;
    return (propagation & ~known) || (propagation & (propagation - 1)) ? -EINVAL : 0;
}

int64_t sys_mount_setattr(int dir, uint64_t name, uint32_t flags, uint64_t uattr, uint64_t size)
{
    const uint32_t known = AT_EMPTY_PATH | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
    struct linux_mount_attr attr;
    unsigned set = 0, clear = 0;
    struct path path;

    if (flags & ~known)
        return -EINVAL;
    if (size > PAGE_SIZE)
        return -E2BIG;
    if (size < MOUNT_ATTR_SIZE_VER0)
        return -EINVAL;
    if (!may_mount())
        return -EPERM;
    int error = copy_struct_from_user(&attr, sizeof(attr), uattr, size, MOUNT_ATTR_SIZE_VER0);
    if (error)
        return error;
    if (!attr.attr_set && !attr.attr_clr && !attr.propagation)
        return 0;
    error = decode_propagation(attr.propagation);
    if (!error)
        error = decode_attributes(&attr, &set, &clear);
    if (!error)
        error = path_walk_at(dir, name, at_walk_flags(flags), &path);
    if (error)
        return error;
    error =
        mount_set_attributes(&path, flags & AT_RECURSIVE, set, clear, (unsigned)attr.propagation);
    path_put(&path);
    return error;
}
