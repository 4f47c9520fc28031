/* SPDX-License-Identifier: MIT
 *
 * unshare(2), setns(2).
 */
#include "kernel/proc/namespaces.h"

#include "kernel/abi/errno.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/vfs.h"
#include "kernel/syscall/syscalls.h"

int64_t sys_unshare(uint64_t flags)
{
    return task_unshare(flags);
}

int64_t sys_setns(int fd, uint64_t type)
{
    struct file *file = fd_get(fd);
    if (!file)
        return -EBADF;
    int64_t result = task_set_namespace(file, (uint32_t)type);
    file_put(file);
    return result;
}
