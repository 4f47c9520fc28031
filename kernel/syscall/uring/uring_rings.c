/* SPDX-License-Identifier: MIT
 *
 * Registered rings: a task names its rings by small numbers in io_uring_enter(2) with
 * IORING_ENTER_REGISTERED_RING instead of by descriptors, and need not look them up each time.
 * IORING_REGISTER_RING_FDS, io_uring_register(2).
 *
 * The numbers are the task's own and only it touches them; they end with it, or with exec.
 */
#include "kernel/syscall/uring/uring_internal.h"

static int put_in(struct uring_task *mine, uint32_t fd, unsigned first, unsigned end)
{
    struct file *file = fd_get((int)fd);
    if (!file)
        return -EBADF;
    int result = file_is_uring(file) ? -EBUSY : -EOPNOTSUPP;
    for (unsigned i = first; i < end && result == -EBUSY; i++) {
        if (mine->rings[i])
            continue;
        mine->rings[i] = file;
        return (int)i;
    }
    file_put(file);
    return result;
}

static void take_out(struct uring_task *mine, unsigned index)
{
    struct file *file = mine->rings[index];
    mine->rings[index] = NULL;
    if (file)
        file_put(file);
}

static int register_one(struct uring_task *mine, uint64_t uaddr)
{
    struct linux_io_uring_rsrc_update update;
    unsigned first = 0, end = URING_RINGS_MAX;
    if (copy_from_user(&update, uaddr, sizeof(update)))
        return -EFAULT;
    if (update.resv)
        return -EINVAL;
    if (update.offset != UINT32_MAX) {
        if (update.offset >= URING_RINGS_MAX)
            return -EINVAL;
        first = update.offset;
        end = first + 1;
    }
    int index = put_in(mine, (uint32_t)update.data, first, end);
    if (index < 0)
        return index;
    update.offset = (uint32_t)index;
    if (copy_to_user(uaddr, &update, sizeof(update))) {
        take_out(mine, (unsigned)index);
        return -EFAULT;
    }
    return 0;
}

static int unregister_one(struct uring_task *mine, uint64_t uaddr)
{
    struct linux_io_uring_rsrc_update update;
    if (copy_from_user(&update, uaddr, sizeof(update)))
        return -EFAULT;
    if (update.resv || update.data || update.offset >= URING_RINGS_MAX)
        return -EINVAL;
    take_out(mine, update.offset);
    return 0;
}

int64_t uring_register_rings(uint64_t uaddr, uint32_t count, bool add)
{
    if (!count || count > URING_RINGS_MAX)
        return -EINVAL;
    struct uring_task *mine = add ? uring_task_current() : current_task()->uring;
    if (!mine)
        return add ? -ENOMEM : 0;
    int64_t done = 0;
    int error = 0;
    while (done < count) {
        uint64_t at = uaddr + (uint64_t)done * sizeof(struct linux_io_uring_rsrc_update);
        error = add ? register_one(mine, at) : unregister_one(mine, at);
        if (error)
            break;
        done++;
    }
    return done ? done : error;
}

int uring_registered_ring(uint32_t index, struct file **out)
{
    struct uring_task *mine = current_task()->uring;
    if (!mine || index >= URING_RINGS_MAX)
        return -EINVAL;
    if (!mine->rings[index])
        return -EBADF;
    *out = file_get(mine->rings[index]);
    return 0;
}

void uring_forget_rings(struct uring_task *mine)
{
    for (unsigned i = 0; i < URING_RINGS_MAX; i++)
        take_out(mine, i);
}
