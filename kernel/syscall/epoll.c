/* SPDX-License-Identifier: MIT
 *
 * epoll_create(2), epoll_create1(2), epoll_ctl(2), epoll_wait(2), epoll_pwait(2), epoll_pwait2(2).
 */
#include "kernel/ipc/epoll.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/poll.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/vfs.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/signal.h"
#include "kernel/syscall/deadline.h"
#include "kernel/syscall/syscalls.h"

int64_t sys_epoll_create1(uint32_t flags)
{
    struct file *file;
    if (flags & ~(uint32_t)EPOLL_CLOEXEC)
        return -EINVAL;
    int error = epoll_file_create(this_kernel(), &file);
    return error ? error : fd_add(file, flags & EPOLL_CLOEXEC);
}

int64_t sys_epoll_create(int size)
{
    return size <= 0 ? -EINVAL : sys_epoll_create1(0);
}

int64_t sys_epoll_ctl(int epoll, int operation, int fd, uint64_t event_uaddr)
{
    struct linux_epoll_event event = {0};
    int64_t result = -EBADF;

    if (operation != EPOLL_CTL_DEL && copy_from_user(&event, event_uaddr, sizeof(event)))
        return -EFAULT;
    struct fd_borrow set = fd_borrow(epoll);
    /* Counted: the item is to be gone before the file's last reference is. */
    struct file *file = set.file ? fd_get(fd) : NULL;
    if (!file)
        goto out;
    if (!file->ops->poll)
        result = -EPERM;
    else if (!file_is_epoll(set.file))
        result = -EINVAL;
    else
        result = epoll_control(set.file, operation, fd, file, &event);
    file_put(file);
out:
    if (set.file)
        fd_release(set);
    return result;
}

static int64_t do_epoll_wait(int epoll, uint64_t events, int count, uint64_t deadline_ns)
{
    if (count <= 0 || count > INT32_MAX / (int)sizeof(struct linux_epoll_event))
        return -EINVAL;
    uint64_t limit = this_kernel()->boot->user_addr_limit;
    if (events > limit || (uint64_t)count * sizeof(struct linux_epoll_event) > limit - events)
        return -EFAULT;
    struct fd_borrow set = fd_borrow(epoll);
    if (!set.file)
        return -EBADF;
    int64_t result = -EINVAL;
    if (file_is_epoll(set.file))
        result = epoll_wait_events(set.file, events, (unsigned)count, deadline_ns);
    fd_release(set);
    return result;
}

int64_t sys_epoll_wait(int epoll, uint64_t events, int count, int timeout_ms)
{
    return do_epoll_wait(epoll, events, count, deadline_after_ms(timeout_ms));
}

static int64_t wait_with_mask(int epoll, uint64_t events, int count, uint64_t deadline_ns,
                              uint64_t mask, uint64_t sigsetsize)
{
    uint64_t blocked;
    if (mask) {
        int error = signal_mask_from_user(mask, sigsetsize, &blocked);
        if (error)
            return error;
        signal_set_temporary_mask(blocked);
    }
    int64_t result = do_epoll_wait(epoll, events, count, deadline_ns);
    if (mask && result != -EINTR)
        signal_end_temporary_mask();
    return result;
}

int64_t sys_epoll_pwait(int epoll, uint64_t events, int count, int timeout_ms, uint64_t mask,
                        uint64_t sigsetsize)
{
    return wait_with_mask(epoll, events, count, deadline_after_ms(timeout_ms), mask, sigsetsize);
}

int64_t sys_epoll_pwait2(int epoll, uint64_t events, int count, uint64_t timeout, uint64_t mask,
                         uint64_t sigsetsize)
{
    uint64_t deadline_ns;
    int error = deadline_from_user(timeout, &deadline_ns);
    if (error)
        return error;
    return wait_with_mask(epoll, events, count, deadline_ns, mask, sigsetsize);
}
