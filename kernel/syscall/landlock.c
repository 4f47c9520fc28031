/* SPDX-License-Identifier: MIT
 *
 * landlock_create_ruleset(2), landlock_add_rule(2), landlock_restrict_self(2).
 */
#include "kernel/abi/landlock.h"
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/landlock.h"
#include "kernel/lib/atomic.h"
#include "kernel/mm/page.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/task.h"
#include "kernel/security/landlock.h"
#include "kernel/syscall/syscalls.h"

enum { ABI_VERSION = 2, ERRATA = 0 /* corrections of ABI versions that this one has */ };

int64_t sys_landlock_create_ruleset(uint64_t uattr, uint64_t size, uint32_t flags)
{
    struct linux_landlock_ruleset_attr attr;
    struct landlock_ruleset *ruleset;
    struct file *file;

    if (flags) {
        if (uattr || size)
            return -EINVAL;
        if (flags == LANDLOCK_CREATE_RULESET_VERSION)
            return ABI_VERSION;
        return flags == LANDLOCK_CREATE_RULESET_ERRATA ? ERRATA : -EINVAL;
    }
    if (!uattr)
        return -EFAULT;
    if (size < sizeof(attr))
        return -EINVAL;
    int error = copy_struct_from_user(&attr, sizeof(attr), uattr, size, sizeof(attr));
    if (error)
        return error;
    if (attr.handled_access_fs & ~(uint64_t)LANDLOCK_RIGHTS_ALL)
        return -EINVAL;
    if (!attr.handled_access_fs)
        return -ENOMSG;
    landlock_reap_all(this_kernel());
    error =
        landlock_ruleset_create((uint32_t)attr.handled_access_fs, &landlock_inode_ops, &ruleset);
    if (error)
        return error;
    error = landlock_file_create(this_kernel(), ruleset, &file);
    if (error) {
        landlock_ruleset_put(ruleset);
        return error;
    }
    return fd_add(file, true);
}

static int add_path_rule(struct landlock_ruleset *ruleset, uint64_t uattr)
{
    struct linux_landlock_path_beneath_attr attr;
    if (copy_from_user(&attr, uattr, sizeof(attr)))
        return -EFAULT;
    if (!attr.allowed_access)
        return -ENOMSG;
    if (attr.allowed_access & ~(uint64_t)landlock_ruleset_handled(ruleset))
        return -EINVAL;
    struct file *file = fd_get_any(attr.parent_fd);
    if (!file)
        return -EBADF;
    int error = landlock_allow_file(ruleset, file, (uint32_t)attr.allowed_access);
    file_put(file);
    return error;
}

int64_t sys_landlock_add_rule(int ruleset_fd, int type, uint64_t attr, uint32_t flags)
{
    struct landlock_ruleset *ruleset;
    if (flags)
        return -EINVAL;
    int error = landlock_ruleset_of_fd(ruleset_fd, FILE_WRITE, &ruleset);
    if (error)
        return error;
    error = type == LANDLOCK_RULE_PATH_BENEATH ? add_path_rule(ruleset, attr) : -EINVAL;
    landlock_ruleset_put(ruleset);
    return error;
}

static int restrict_self(struct landlock_ruleset *ruleset)
{
    struct cred *cred = cred_copy(current_cred());
    struct landlock_layer *layer;
    if (!cred)
        return -ENOMEM;
    int error = landlock_layer_create(cred->landlock, ruleset, &layer);
    if (error) {
        cred_put(cred);
        return error;
    }
    landlock_layer_put(this_kernel(), cred->landlock);
    cred->landlock = layer;
    cred_install(cred);
    return 0;
}

int64_t sys_landlock_restrict_self(int ruleset_fd, uint32_t flags)
{
    struct landlock_ruleset *ruleset;
    if (!atomic_load_relaxed(&current_task()->no_new_privs) && !capable_here(CAP_SYS_ADMIN))
        return -EPERM;
    if (flags)
        return -EINVAL;
    int error = landlock_ruleset_of_fd(ruleset_fd, FILE_READ, &ruleset);
    if (error)
        return error;
    error = restrict_self(ruleset);
    landlock_ruleset_put(ruleset);
    return error;
}
