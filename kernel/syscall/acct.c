/* SPDX-License-Identifier: MIT
 *
 * acct(2).
 */
#include "kernel/proc/acct.h"

#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/stat.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/path.h"
#include "kernel/security/cred.h"
#include "kernel/syscall/syscalls.h"

static int open_file(uint64_t name_uaddr, struct file **out)
{
    struct user_path name;
    int error = user_path_get(&name, name_uaddr, false);
    if (error)
        return error;
    error = vfs_open(NULL, name.name, O_WRONLY | O_APPEND | O_LARGEFILE, 0, WALK_FOLLOW, out);
    user_path_put(&name);
    if (error)
        return error;
    if (!S_ISREG(inode_mode((*out)->inode)))
        error = -EACCES;
    else if (!(*out)->ops->write)
        error = -EIO;
    if (error)
        file_put(*out);
    return error;
}

int64_t sys_acct(uint64_t name)
{
    struct file *file = NULL;
    if (!capable(CAP_SYS_PACCT))
        return -EPERM;
    int error = name ? open_file(name, &file) : 0;
    if (!error)
        acct_set_file(this_kernel(), file);
    return error;
}
