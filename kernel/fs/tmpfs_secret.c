/* SPDX-License-Identifier: MIT
 *
 * memfd_secret(2): memory that only those who map it can see.
 *
 * A nameless file of tmpfs that can be neither read nor written, only mapped shared; its mappings
 * are locked, left out of core dumps, and closed to other processes and debuggers (VMA_SECRET).
 * What Linux does besides, taking the pages out of the kernel's own map, is not done.
 */
#include "kernel/abi/mman.h"
#include "kernel/fs/tmpfs_internal.h"
#include "kernel/mm/mm.h"

static int secret_mmap(struct file *file, struct mm_map_request *request)
{
    if (!(request->vma_flags & VMA_SHARED))
        return -EINVAL;
    if (request->vma_flags & VMA_EXEC)
        return -EPERM;
    request->vma_flags &= ~(unsigned)VMA_MAY_EXEC;
    request->vma_flags |= VMA_SECRET | VMA_LOCKED | VMA_LOCK_ON_FAULT | VMA_DONTDUMP;
    return generic_file_mmap(file, request);
}

static const struct file_ops secret_ops = {.mmap = secret_mmap};

int secretmem_create_file(struct kernel *kernel, struct file **out)
{
    int error = tmpfs_create_unlinked(kernel, "secretmem", 0600, out);
    if (error)
        return error;
    struct file *file = *out;
    struct inode *inode = file->inode;
    inode->nlink = 1;
    inode->file_ops = &secret_ops;
    atomic_fetch_or_relaxed(&inode->flags, INODE_SIZE_ONCE);
    file->ops = &secret_ops;
    file->mode = (uint16_t)((file->mode & ~FILE_SEEK) | FILE_STREAM);
    return 0;
}
