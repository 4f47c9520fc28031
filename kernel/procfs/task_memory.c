/* SPDX-License-Identifier: MIT
 *
 * /proc/PID/mem, environ and auxv: a task's memory as a file; proc_pid_mem(5), proc_pid_environ(5),
 * proc_pid_auxv(5).
 *
 * Who may look is decided when the file is opened, for the program that runs then. If the task
 * executes another program, the file is empty from then on: an open file must not become a way into
 * a program with more rights.
 */
#include "kernel/mm/slab.h"
#include "kernel/procfs/proc_internal.h"

enum { COPY_PIECE = 4096 };

int proc_task_mm_open(struct inode *inode, uint64_t *out_id)
{
    struct task *task = proc_inode_task(inode);
    *out_id = 0;
    if (!task)
        return -ESRCH;
    int error = 0;
    if (!proc_may_access(task)) {
        error = -EACCES;
    } else {
        struct mm *mm = task_mm(task);
        if (mm) {
            *out_id = mm->id;
            mm_put(mm);
        }
    }
    task_put(task);
    return error;
}

struct mm *proc_task_mm_as_opened(struct inode *inode, uint64_t id)
{
    struct task *task = proc_inode_task(inode);
    if (!task)
        return NULL;
    struct mm *mm = task_mm(task);
    task_put(task);
    if (mm && mm->id != id) {
        mm_put(mm);
        mm = NULL;
    }
    return mm;
}

static int memory_open(struct inode *inode, struct file *file)
{
    uint64_t id;
    int error = proc_task_mm_open(inode, &id);
    file->private = (void *)(uintptr_t)id;
    return error;
}

static struct mm *file_mm(struct file *file)
{
    return proc_task_mm_as_opened(file->inode, (uint64_t)(uintptr_t)file->private);
}

/* Copy memory from uaddr to the reader, piece by piece: bytes, or the first error. */
static int64_t read_memory(struct mm *mm, uint64_t uaddr, uint64_t bytes, struct uio *uio)
{
    char *piece = kmalloc(COPY_PIECE);
    int64_t done = 0;
    if (!piece)
        return -ENOMEM;
    bytes = MIN(bytes, uio->remaining);
    while ((uint64_t)done < bytes) {
        size_t wanted = (size_t)MIN(bytes - (uint64_t)done, (uint64_t)COPY_PIECE);
        int64_t got = mm_access_remote(mm, uaddr + (uint64_t)done, piece, wanted, false, true);
        if (got <= 0) {
            done = done ? done : -EIO;
            break;
        }
        size_t copied = uio_copy_to(uio, piece, (size_t)got);
        done += (int64_t)copied;
        if (copied < (size_t)got) {
            done = done ? done : -EFAULT;
            break;
        }
        if ((size_t)got < wanted)
            break;
    }
    kfree(piece);
    return done;
}

static int64_t mem_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct mm *mm = file_mm(file);
    if (!mm)
        return 0;
    int64_t result = read_memory(mm, *pos, UINT64_MAX, uio);
    if (result > 0)
        *pos += (uint64_t)result;
    mm_put(mm);
    return result;
}

static int64_t write_memory(struct mm *mm, uint64_t uaddr, struct uio *uio)
{
    char *piece = kmalloc(COPY_PIECE);
    int64_t done = 0;
    if (!piece)
        return -ENOMEM;
    while (uio->remaining > 0) {
        size_t wanted = (size_t)MIN(uio->remaining, (uint64_t)COPY_PIECE);
        size_t copied = uio_copy_from(piece, uio, wanted);
        if (copied == 0) {
            done = done ? done : -EFAULT;
            break;
        }
        int64_t put = mm_access_remote(mm, uaddr + (uint64_t)done, piece, copied, true, true);
        if (put <= 0) {
            done = done ? done : -EIO;
            break;
        }
        done += put;
        if ((size_t)put < wanted)
            break;
    }
    kfree(piece);
    return done;
}

static int64_t mem_write(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct mm *mm = file_mm(file);
    if (!mm)
        return 0;
    int64_t result = write_memory(mm, *pos, uio);
    if (result > 0)
        *pos += (uint64_t)result;
    mm_put(mm);
    return result;
}

int64_t proc_memory_seek(struct file *file, int64_t offset, int whence)
{
    if (whence == SEEK_CUR)
        offset = (int64_t)((uint64_t)offset + file->pos);
    else if (whence != SEEK_SET)
        return -EINVAL;
    file->pos = (uint64_t)offset;
    return offset;
}

const struct file_ops pid_mem_file_ops = {
    .open = memory_open,
    .read = mem_read,
    .write = mem_write,
    .seek = proc_memory_seek,
};

static int64_t environ_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct mm *mm = file_mm(file);
    int64_t result = 0;
    if (!mm)
        return 0;
    uint64_t start = atomic_load_relaxed(&mm->env_start), end = atomic_load_relaxed(&mm->env_end);
    uint64_t bytes = end - start;
    if (end > start && *pos < bytes && uio->remaining > 0)
        result = read_memory(mm, start + *pos, bytes - *pos, uio);
    if (result > 0)
        *pos += (uint64_t)result;
    mm_put(mm);
    return result;
}

static int64_t memory_seek(struct file *file, int64_t offset, int whence)
{
    return generic_seek_size(file, offset, whence, 0);
}

const struct file_ops pid_environ_file_ops = {
    .open = memory_open,
    .read = environ_read,
    .seek = proc_memory_seek,
};

static int64_t auxv_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct mm *mm = file_mm(file);
    uint64_t auxv[ARRAY_SIZE(mm->auxv)];
    int64_t result = 0;
    size_t bytes = 0;
    if (!mm)
        return 0;
    for (unsigned i = 0; i < ARRAY_SIZE(auxv); i++)
        auxv[i] = atomic_load_relaxed(&mm->auxv[i]);
    mm_put(mm);
    do
        bytes += 2 * sizeof(auxv[0]);
    while (auxv[bytes / sizeof(auxv[0]) - 2] && bytes < sizeof(auxv));
    if (*pos < bytes && uio->remaining > 0) {
        size_t copied = uio_copy_to(uio, (const char *)auxv + *pos, bytes - *pos);
        *pos += copied;
        result = copied ? (int64_t)copied : -EFAULT;
    }
    return result;
}

const struct file_ops pid_auxv_file_ops = {
    .open = memory_open,
    .read = auxv_read,
    .seek = memory_seek,
};
