/* SPDX-License-Identifier: MIT
 *
 * mount(2), umount2(2), pivot_root(2), sysfs(2).
 */
#include "kernel/fs/mount.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/mount.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/syscall/at_path.h"
#include "kernel/syscall/mount_attributes.h"
#include "kernel/syscall/syscalls.h"

/* The strings of mount(2), on the heap; NULL where the address was. */
struct mount_strings {
    char *source, *type, *data;
};

static int copy_string(uint64_t uaddr, char **out)
{
    *out = NULL;
    if (!uaddr)
        return 0;
    char *text = kmalloc(PAGE_SIZE);
    if (!text)
        return -ENOMEM;
    int64_t length = copy_string_from_user(text, uaddr, PAGE_SIZE);
    if (length < 0) {
        kfree(text);
        return length == -ENAMETOOLONG ? -EINVAL : (int)length;
    }
    *out = text;
    return 0;
}

/* The options: up to a page, as much of it as can be read. */
static int copy_options(uint64_t uaddr, char **out)
{
    *out = NULL;
    if (!uaddr)
        return 0;
    char *text = kzalloc(PAGE_SIZE);
    if (!text)
        return -ENOMEM;
    size_t bytes = PAGE_SIZE - (uaddr & (PAGE_SIZE - 1));
    size_t got = copy_from_user_partial(text, uaddr, bytes);
    if (got == bytes && bytes < PAGE_SIZE)
        got += copy_from_user_partial(text + bytes, uaddr + bytes, PAGE_SIZE - bytes);
    text[PAGE_SIZE - 1] = 0;
    if (got == 0) {
        kfree(text);
        return -EFAULT;
    }
    *out = text;
    return 0;
}

static void free_strings(struct mount_strings *strings)
{
    kfree(strings->source);
    kfree(strings->type);
    kfree(strings->data);
}

static int copy_strings(struct mount_strings *strings, uint64_t source, uint64_t type,
                        uint64_t data)
{
    *strings = (struct mount_strings){0};
    int error = copy_string(type, &strings->type);
    if (!error)
        error = copy_string(source, &strings->source);
    if (!error)
        error = copy_options(data, &strings->data);
    if (error)
        free_strings(strings);
    return error;
}

/* Bind or move: from the path in `source`. */
static int from_source(const char *source, const struct path *at, uint64_t flags)
{
    struct path from;
    if (!source || !*source)
        return -EINVAL;
    int error = path_walk(NULL, source, WALK_FOLLOW, &from);
    if (error)
        return error;
    error = flags & MS_BIND ? mount_bind(&from, at, flags & MS_REC) : mount_move(&from, at);
    path_put(&from);
    return error;
}

static int mount_new(const struct mount_strings *strings, const struct path *at, unsigned flags)
{
    if (!strings->type)
        return -EINVAL;
    const struct filesystem *type = vfs_find_filesystem(this_kernel(), strings->type);
    if (!type)
        return -ENODEV;
    if (!filesystem_may_mount(type))
        return -EPERM;
    return mount_attach_new(this_kernel(), type, strings->source, flags, strings->data, at);
}

static int do_mount(const struct mount_strings *strings, const struct path *at, uint64_t flags)
{
    if ((flags & MS_MGC_MSK) == MS_MGC_VAL)
        flags &= ~(uint64_t)MS_MGC_MSK;
    if (flags >> 31) /* MS_NOUSER, and what is beyond all flags */
        return -EINVAL;
    if (!may_change_mounts())
        return -EPERM;
    if ((flags & (MS_REMOUNT | MS_BIND)) == (MS_REMOUNT | MS_BIND))
        return mount_reconfigure(at, (unsigned)flags);
    if (flags & MS_REMOUNT)
        return mount_remount(at, (unsigned)flags, strings->data);
    if (flags & MS_BIND)
        return from_source(strings->source, at, flags);
    if (flags & (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE))
        return mount_set_propagation(at, (unsigned)flags);
    if (flags & MS_MOVE)
        return from_source(strings->source, at, flags);
    return mount_new(strings, at, (unsigned)flags);
}

int64_t sys_mount(uint64_t source, uint64_t target, uint64_t type, uint64_t flags, uint64_t data)
{
    struct mount_strings strings;
    struct path at;
    int error = copy_strings(&strings, source, type, data);
    if (error)
        return error;
    error = path_walk_at(AT_FDCWD, target, WALK_FOLLOW, &at);
    if (!error) {
        error = do_mount(&strings, &at, flags);
        path_put(&at);
    }
    free_strings(&strings);
    return error;
}

int64_t sys_umount2(uint64_t target, uint32_t flags)
{
    struct path at;
    if (flags & ~(uint32_t)(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW))
        return -EINVAL;
    int error = path_walk_at(AT_FDCWD, target, flags & UMOUNT_NOFOLLOW ? 0 : WALK_FOLLOW, &at);
    if (error)
        return error;
    if (!may_change_mounts()) {
        path_put(&at);
        return -EPERM;
    }
    return mount_detach(&at, (int)flags);
}

int64_t sys_pivot_root(uint64_t new_root, uint64_t put_old)
{
    struct path new_path, old_path;
    if (!may_mount())
        return -EPERM;
    int error = path_walk_at(AT_FDCWD, new_root, WALK_FOLLOW | WALK_DIRECTORY, &new_path);
    if (error)
        return error;
    error = path_walk_at(AT_FDCWD, put_old, WALK_FOLLOW | WALK_DIRECTORY, &old_path);
    if (!error) {
        error = may_change_mounts() ? mount_pivot_root(&new_path, &old_path) : -EPERM;
        path_put(&old_path);
    }
    path_put(&new_path);
    return error;
}

static int64_t sysfs_index(uint64_t name_uaddr)
{
    struct user_path name;
    const struct filesystem *type;
    int error = user_path_get(&name, name_uaddr, false);
    if (error)
        return error;
    int64_t result = -EINVAL;
    for (unsigned i = 0; vfs_describe_filesystem(this_kernel(), i, &type) == 0; i++)
        if (kstr_equal(type->name, name.name))
            result = i;
    user_path_put(&name);
    return result;
}

int64_t sys_sysfs(int option, uint64_t arg1, uint64_t arg2)
{
    const struct filesystem *type;
    switch (option) {
    case 1:
        return sysfs_index(arg1);
    case 2:
        if (arg1 > UINT32_MAX || vfs_describe_filesystem(this_kernel(), (unsigned)arg1, &type))
            return -EINVAL;
        return copy_to_user(arg2, type->name, kstrlen(type->name) + 1);
    case 3: {
        unsigned count = 0;
        while (vfs_describe_filesystem(this_kernel(), count, &type) == 0)
            count++;
        return count;
    }
    default:
        return -EINVAL;
    }
}
