/* SPDX-License-Identifier: MIT
 *
 * System calls that look into other processes: ptrace(2), process_vm_readv(2),
 * process_vm_writev(2), kcmp(2).
 */
#include "kernel/abi/ptrace.h"
#include "kernel/abi/errno.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/path.h"
#include "kernel/fs/vfs.h"
#include "kernel/ipc/epoll.h"
#include "kernel/lib/bits.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/mm/uio.h"
#include "kernel/proc/ptrace.h"
#include "kernel/syscall/syscalls.h"

int64_t sys_ptrace(int64_t request, int pid, uint64_t addr, uint64_t data)
{
    return ptrace_request(request, pid, addr, data);
}

/* ---- process_vm_readv(2), process_vm_writev(2) ---- */

enum { COPY_PIECE = 4096 };

/* Copy between the caller's scattered buffer and one piece of the other's memory. Bytes; short
 * where either side ends or cannot be accessed. */
static uint64_t copy_piece(struct mm *mm, struct uio *local, uint64_t remote, uint64_t bytes,
                           bool write, char *piece)
{
    uint64_t done = 0;
    bytes = MIN(bytes, local->remaining);
    while (done < bytes) {
        size_t wanted = (size_t)MIN(bytes - done, COPY_PIECE - (remote + done) % COPY_PIECE);
        int64_t moved;
        if (write) {
            moved = (int64_t)uio_copy_from(piece, local, wanted);
            if (moved > 0)
                moved = mm_access_remote(mm, remote + done, piece, (size_t)moved, true, false);
        } else {
            moved = mm_access_remote(mm, remote + done, piece, wanted, false, false);
            if (moved > 0)
                moved = (int64_t)uio_copy_to(local, piece, (size_t)moved);
        }
        if (moved <= 0)
            break;
        done += (uint64_t)moved;
        if ((size_t)moved < wanted || atomic_load_relaxed(&this_thread()->killed))
            break;
    }
    return done;
}

static int64_t copy_all(struct mm *mm, struct uio *local, const struct uio_segment *remote,
                        uint64_t count, bool write)
{
    char *piece = kmalloc(COPY_PIECE);
    uint64_t done = 0;
    if (!piece)
        return -ENOMEM;
    for (uint64_t i = 0; i < count && local->remaining > 0; i++) {
        uint64_t wanted = MIN(remote[i].bytes, local->remaining);
        uint64_t moved = copy_piece(mm, local, remote[i].base, wanted, write, piece);
        done += moved;
        if (moved < wanted) {
            kfree(piece);
            return done ? (int64_t)done : -EFAULT;
        }
    }
    kfree(piece);
    return (int64_t)done;
}

/* The other side's vector; the addresses in it are none of ours. */
static int import_remote(uint64_t uaddr, uint64_t count, struct uio_segment **out)
{
    *out = NULL;
    if (count > UIO_SEGMENTS_MAX)
        return -EINVAL;
    if (count == 0)
        return 0;
    struct uio_segment *segments = kmalloc(count * sizeof(*segments));
    if (!segments)
        return -ENOMEM;
    int error = copy_from_user(segments, uaddr, count * sizeof(*segments));
    for (uint64_t i = 0; i < count && !error; i++)
        error = (int64_t)segments[i].bytes < 0 ? -EINVAL : 0;
    if (error)
        kfree(segments);
    else
        *out = segments;
    return error;
}

static int64_t copy_with(int pid, struct uio *local, const struct uio_segment *remote,
                         uint64_t count, bool write)
{
    struct mm *mm;
    uint64_t total = 0;
    for (uint64_t i = 0; i < count; i++)
        total |= remote[i].bytes;
    if (!total)
        return 0;
    struct task *task = task_find_given(pid);
    if (!task)
        return -ESRCH;
    int64_t result = ptrace_access_mm(task, PTRACE_MODE_ATTACH | PTRACE_MODE_REALCREDS, &mm);
    task_put(task);
    if (result)
        return result;
    result = copy_all(mm, local, remote, count, write);
    mm_put(mm);
    return result;
}

static int64_t process_vm(int pid, uint64_t local, uint64_t local_count, uint64_t remote,
                          uint64_t remote_count, uint64_t flags, bool write)
{
    struct uio_segment stack[UIO_FAST], *allocated, *segments;
    struct uio uio;

    if (flags)
        return -EINVAL;
    int64_t result = uio_import(&uio, local, local_count, stack, &allocated);
    if (result)
        return result;
    if (uio.remaining > 0) {
        result = import_remote(remote, remote_count, &segments);
        if (!result)
            result = copy_with(pid, &uio, segments, remote_count, write);
        kfree(segments);
    }
    kfree(allocated);
    return result;
}

int64_t sys_process_vm_readv(int pid, uint64_t local, uint64_t local_count, uint64_t remote,
                             uint64_t remote_count, uint64_t flags)
{
    return process_vm(pid, local, local_count, remote, remote_count, flags, false);
}

int64_t sys_process_vm_writev(int pid, uint64_t local, uint64_t local_count, uint64_t remote,
                              uint64_t remote_count, uint64_t flags)
{
    return process_vm(pid, local, local_count, remote, remote_count, flags, true);
}

/* ---- kcmp(2) ---- */

static struct file_table *table_of(struct task *task)
{
    struct spinlock *tree = process_tree_lock(task->thread.kernel);
    spin_lock(tree);
    struct file_table *files =
        !task->exiting && task->thread.files ? file_table_get(task->thread.files) : NULL;
    spin_unlock(tree);
    return files;
}

static struct file *file_of(struct task *task, uint64_t fd)
{
    struct file_table *files = table_of(task);
    if (!files)
        return NULL;
    struct file *file = fd <= INT32_MAX ? file_table_lookup(files, (int)fd) : NULL;
    file_table_put(files);
    return file;
}

/* 0 equal, 1 less, 2 greater: by where the objects are in the machine's memory. */
static int64_t compare(const void *a, const void *b)
{
    uint64_t x = a ? virt_to_phys(a) : 0, y = b ? virt_to_phys(b) : 0;
    return x < y ? 1 : x > y ? 2 : 0;
}

static int64_t compare_files(struct task *a, struct task *b, uint64_t fd_a, uint64_t fd_b)
{
    struct file *file_a = file_of(a, fd_a), *file_b = file_of(b, fd_b);
    int64_t result = file_a && file_b ? compare(file_a, file_b) : -EBADF;
    if (file_a)
        file_put(file_a);
    if (file_b)
        file_put(file_b);
    return result;
}

/* A file of one task with what an epoll set of the other watches. */
static int64_t compare_epoll_target(struct task *a, struct task *b, uint64_t fd, uint64_t uslot)
{
    struct {
        uint32_t epoll, target, offset;
    } slot;
    if (copy_from_user(&slot, uslot, sizeof(slot)))
        return -EFAULT;
    struct file *file = file_of(a, fd), *epoll = file ? file_of(b, slot.epoll) : NULL;
    int64_t result = -EBADF;
    if (epoll && !file_is_epoll(epoll)) {
        result = -EINVAL;
    } else if (epoll) {
        const struct file *target = epoll_target(epoll, (int)slot.target, slot.offset);
        result = target ? compare(file, target) : -ENOENT;
    }
    if (epoll)
        file_put(epoll);
    if (file)
        file_put(file);
    return result;
}

static int64_t compare_tasks(struct task *a, struct task *b, int type)
{
    struct spinlock *tree = process_tree_lock(a->thread.kernel);
    int64_t result;
    spin_lock(tree); /* what a task has changes under it, or while it is the current one */
    switch (type) {
    case KCMP_VM:
        result = compare(a->thread.mm, b->thread.mm);
        break;
    case KCMP_FILES:
        result = compare(a->thread.files, b->thread.files);
        break;
    case KCMP_FS:
        result = compare(a->thread.fs, b->thread.fs);
        break;
    case KCMP_SIGHAND:
        result = compare(a->process->actions, b->process->actions);
        break;
    case KCMP_IO: /* nobody has an I/O context of his own, nor semaphore undo lists to share */
    case KCMP_SYSVSEM:
        result = 0;
        break;
    default:
        result = -EINVAL;
        break;
    }
    spin_unlock(tree);
    return result;
}

int64_t sys_kcmp(int pid1, int pid2, int type, uint64_t idx1, uint64_t idx2)
{
    const unsigned mode = PTRACE_MODE_READ | PTRACE_MODE_REALCREDS;
    struct task *a = task_find_given(pid1), *b = task_find_given(pid2);
    int64_t result = -ESRCH;

    if (a && b) {
        result = ptrace_check_access(a, mode);
        if (!result)
            result = ptrace_check_access(b, mode);
        if (!result && type == KCMP_FILE)
            result = compare_files(a, b, idx1, idx2);
        else if (!result && type == KCMP_EPOLL_TFD)
            result = compare_epoll_target(a, b, idx1, idx2);
        else if (!result)
            result = compare_tasks(a, b, type);
    }
    if (a)
        task_put(a);
    if (b)
        task_put(b);
    return result;
}
