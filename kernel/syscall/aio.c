/* SPDX-License-Identifier: MIT
 *
 * Linux asynchronous I/O: io_setup(2), io_destroy(2), io_submit(2), io_getevents(2),
 * io_pgetevents(2), io_cancel(2).
 *
 * As on Linux, reads and writes are done by io_submit itself, except that their results come as
 * events; only polls are asynchronous.
 */
#include "kernel/ipc/aio.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/poll.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/vfs.h"
#include "kernel/ipc/eventfd.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/signal.h"
#include "kernel/syscall/deadline.h"
#include "kernel/syscall/syscalls.h"

int64_t sys_io_setup(uint32_t count, uint64_t context)
{
    uint64_t id;
    if (get_user_u64(&id, context))
        return -EFAULT;
    if (id != 0 || count == 0)
        return -EINVAL;
    int error = aio_create(count, &id);
    if (!error && put_user_u64(context, id)) {
        aio_destroy(id);
        error = -EFAULT;
    }
    return error;
}

int64_t sys_io_destroy(uint64_t context)
{
    return aio_destroy(context);
}

/* ---- submission ---- */

struct request {
    struct linux_iocb iocb;
    struct aio_context *context;
    struct file *file, *eventfd;
    struct linux_io_event event;
};

/* The event of a request that is over. */
static void complete(struct request *request, int64_t result)
{
    if (result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK)
        result = -EINTR; /* nobody could restart it */
    request->event.res = result;
    aio_post(request->context, &request->event);
    if (request->eventfd)
        eventfd_signal(request->eventfd);
}

static int check_rw(const struct request *request, bool write)
{
    const struct file *file = request->file;
    enum { FLAGS = RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND };
    if (request->iocb.aio_rw_flags & ~(uint32_t)FLAGS)
        return -EOPNOTSUPP;
    if (!(file->mode & (write ? FILE_WRITE : FILE_READ)))
        return -EBADF;
    return (write ? !file->ops->write : !file->ops->read) ? -EINVAL : 0;
}

static int64_t transfer(struct request *request, struct uio *uio, bool write)
{
    struct file *file = request->file;
    uint32_t flags = request->iocb.aio_rw_flags;
    uint64_t pos = (uint64_t)request->iocb.aio_offset;
    if (!write)
        return vfs_read(file, uio, &pos);
    if ((flags & RWF_APPEND) && (file->mode & FILE_SEEK))
        pos = VFS_POS_END;
    int64_t result = vfs_write(file, uio, &pos);
    if (result > 0 && (flags & (RWF_DSYNC | RWF_SYNC)) && file->ops->fsync) {
        int error = file->ops->fsync(file, !(flags & RWF_SYNC));
        return error ? error : result;
    }
    return result;
}

static int submit_rw(struct request *request, bool write, bool vectored)
{
    struct uio_segment stack[UIO_FAST], *allocated = NULL;
    struct uio uio;
    const struct linux_iocb *iocb = &request->iocb;
    int error = check_rw(request, write);
    if (!error && vectored)
        error = uio_import(&uio, iocb->aio_buf, iocb->aio_nbytes, stack, &allocated);
    else if (!error)
        uio_init_user(&uio, iocb->aio_buf, MIN(iocb->aio_nbytes, (uint64_t)MAX_RW_COUNT));
    if (!error)
        complete(request, iocb->aio_offset < 0 && (request->file->mode & FILE_SEEK)
                              ? -EINVAL
                              : transfer(request, &uio, write));
    kfree(allocated);
    return error;
}

static int submit_fsync(struct request *request, bool data_only)
{
    const struct linux_iocb *iocb = &request->iocb;
    if (iocb->aio_buf || iocb->aio_offset || iocb->aio_nbytes || iocb->aio_rw_flags)
        return -EINVAL;
    if (!request->file->ops->fsync)
        return -EINVAL;
    complete(request, request->file->ops->fsync(request->file, data_only));
    return 0;
}

static int submit_poll(struct request *request)
{
    const struct linux_iocb *iocb = &request->iocb;
    if (!request->file->ops->poll && !(iocb->aio_buf & (EPOLLIN | EPOLLOUT)))
        return -EINVAL;
    if (iocb->aio_buf > UINT16_MAX || iocb->aio_offset || iocb->aio_nbytes || iocb->aio_rw_flags)
        return -EINVAL;
    return aio_poll(request->context, request->file, (uint32_t)iocb->aio_buf, &request->event,
                    request->eventfd);
}

static int submit_operation(struct request *request)
{
    switch (request->iocb.aio_lio_opcode) {
    case IOCB_CMD_PREAD:
        return submit_rw(request, false, false);
    case IOCB_CMD_PWRITE:
        return submit_rw(request, true, false);
    case IOCB_CMD_PREADV:
        return submit_rw(request, false, true);
    case IOCB_CMD_PWRITEV:
        return submit_rw(request, true, true);
    case IOCB_CMD_FSYNC:
        return submit_fsync(request, false);
    case IOCB_CMD_FDSYNC:
        return submit_fsync(request, true);
    case IOCB_CMD_POLL:
        return submit_poll(request);
    default:
        return -EINVAL;
    }
}

static int take_eventfd(struct request *request)
{
    if (!(request->iocb.aio_flags & IOCB_FLAG_RESFD))
        return 0;
    request->eventfd = fd_get((int)request->iocb.aio_resfd);
    if (!request->eventfd)
        return -EBADF;
    return file_is_eventfd(request->eventfd) ? 0 : -EINVAL;
}

/* With a slot taken, which the event uses if there will be one. */
static int submit_with_slot(struct request *request, uint64_t uaddr)
{
    request->file = fd_get((int)request->iocb.aio_fildes);
    if (!request->file)
        return -EBADF;
    int error = take_eventfd(request);
    if (!error && put_user_u32(uaddr + offsetof(struct linux_iocb, aio_key), KIOCB_KEY))
        error = -EFAULT;
    if (!error)
        error = submit_operation(request);
    file_put(request->file);
    if (request->eventfd)
        file_put(request->eventfd);
    return error;
}

static int submit_one(struct aio_context *context, uint64_t uaddr)
{
    struct request request = {.context = context};
    struct linux_iocb *iocb = &request.iocb;
    if (copy_from_user(iocb, uaddr, sizeof(*iocb)))
        return -EFAULT;
    if (iocb->aio_reserved2 || (int64_t)iocb->aio_nbytes < 0)
        return -EINVAL;
    int error = aio_take_slot(context);
    if (error)
        return error;
    request.event = (struct linux_io_event){.data = iocb->aio_data, .obj = uaddr};
    error = submit_with_slot(&request, uaddr);
    if (error)
        aio_return_slot(context);
    return error;
}

int64_t sys_io_submit(uint64_t context_id, int64_t count, uint64_t iocbs)
{
    if (count < 0)
        return -EINVAL;
    struct aio_context *context = aio_find(context_id);
    if (!context)
        return -EINVAL;
    count = MIN(count, (int64_t)aio_slots(context));
    int64_t done = 0;
    int error = 0;
    for (; done < count && !error; done += !error) {
        uint64_t uaddr;
        error = get_user_u64(&uaddr, iocbs + (uint64_t)done * sizeof(uaddr));
        if (!error)
            error = submit_one(context, uaddr);
    }
    aio_put(context);
    return done ? done : error;
}

/* ---- events ---- */

/* Like Linux, which looks at no bounds here: a time that is over does not wait. */
static int deadline(uint64_t uaddr, uint64_t *out_ns)
{
    struct linux_timespec time;
    *out_ns = UINT64_MAX;
    if (!uaddr)
        return 0;
    if (copy_from_user(&time, uaddr, sizeof(time)))
        return -EFAULT;
    if (time.tv_sec < 0 || (time.tv_sec == 0 && time.tv_nsec <= 0))
        *out_ns = 0;
    else if (deadline_from_timespec(&time, out_ns))
        *out_ns = deadline_after_ns(0);
    return 0;
}

static int64_t get_events(uint64_t context_id, int64_t min, int64_t count, uint64_t events,
                          uint64_t deadline_ns)
{
    struct aio_context *context = aio_find(context_id);
    if (!context)
        return -EINVAL;
    int64_t result = -EINVAL;
    if (min >= 0 && min <= count)
        result = aio_read_events(context, min, count, events, deadline_ns);
    aio_put(context);
    return result;
}

int64_t sys_io_getevents(uint64_t context, int64_t min, int64_t count, uint64_t events,
                         uint64_t timeout)
{
    uint64_t deadline_ns;
    int error = deadline(timeout, &deadline_ns);
    return error ? error : get_events(context, min, count, events, deadline_ns);
}

int64_t sys_io_pgetevents(uint64_t context, int64_t min, int64_t count, uint64_t events,
                          uint64_t timeout, uint64_t mask)
{
    struct linux_aio_sigset set = {0};
    uint64_t deadline_ns, blocked;
    int error = deadline(timeout, &deadline_ns);
    if (!error && mask)
        error = copy_from_user(&set, mask, sizeof(set));
    if (!error && set.sigmask)
        error = signal_mask_from_user(set.sigmask, set.sigsetsize, &blocked);
    if (error)
        return error;
    if (set.sigmask)
        signal_set_temporary_mask(blocked);
    int64_t result = get_events(context, min, count, events, deadline_ns);
    if (set.sigmask && result != -EINTR)
        signal_end_temporary_mask();
    return result;
}

int64_t sys_io_cancel(uint64_t context_id, uint64_t iocb, uint64_t result_uaddr)
{
    uint32_t key;
    (void)result_uaddr; /* the result comes as an event */
    if (get_user_u32(&key, iocb + offsetof(struct linux_iocb, aio_key)))
        return -EFAULT;
    if (key != KIOCB_KEY)
        return -EINVAL;
    struct aio_context *context = aio_find(context_id);
    if (!context)
        return -EINVAL;
    int result = aio_cancel_request(context, iocb);
    aio_put(context);
    return result;
}
