/* SPDX-License-Identifier: MIT
 *
 * pipe(2), pipe2(2), eventfd(2), eventfd2(2).
 */
#include "kernel/ipc/pipe.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/poll.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/vfs.h"
#include "kernel/ipc/eventfd.h"
#include "kernel/mm/uaccess.h"
#include "kernel/syscall/syscalls.h"

int64_t sys_pipe2(uint64_t fds, uint32_t flags)
{
    struct file *read_end, *write_end;
    bool cloexec = flags & O_CLOEXEC;

    if (flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK | O_DIRECT | O_EXCL))
        return -EINVAL;
    if (flags & O_EXCL)
        return -ENOPKG; /* a notification pipe: built without CONFIG_WATCH_QUEUE */
    int error = pipe_create(this_kernel(), flags, &read_end, &write_end);
    if (error)
        return error;

    int32_t numbers[2];
    numbers[0] = fd_reserve(0, cloexec);
    if (numbers[0] < 0) {
        error = numbers[0];
        goto put_files;
    }
    numbers[1] = fd_reserve(0, cloexec);
    if (numbers[1] < 0) {
        error = numbers[1];
        goto unreserve_first;
    }
    if (copy_to_user(fds, numbers, sizeof(numbers))) {
        error = -EFAULT;
        goto unreserve_both;
    }
    fd_install(numbers[0], read_end);
    fd_install(numbers[1], write_end);
    return 0;

unreserve_both:
    fd_unreserve(numbers[1]);
unreserve_first:
    fd_unreserve(numbers[0]);
put_files:
    file_put(write_end);
    file_put(read_end);
    return error;
}

int64_t sys_pipe(uint64_t fds)
{
    return sys_pipe2(fds, 0);
}

int64_t sys_eventfd2(uint32_t initial, uint32_t flags)
{
    struct file *file;
    if (flags & ~(uint32_t)(EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK))
        return -EINVAL;
    int error = eventfd_create(this_kernel(), initial, flags, &file);
    return error ? error : fd_add(file, flags & EFD_CLOEXEC);
}

int64_t sys_eventfd(uint32_t initial)
{
    return sys_eventfd2(initial, 0);
}
