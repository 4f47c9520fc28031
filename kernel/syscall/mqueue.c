/* SPDX-License-Identifier: MIT
 *
 * System calls on POSIX message queues: mq_open(2), mq_unlink(2), mq_timedsend(2),
 * mq_timedreceive(2), mq_notify(2), mq_getsetattr(2).
 */
#include "kernel/ipc/mqueue.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/signal.h"
#include "kernel/abi/time.h"
#include "kernel/core/clock.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/path.h"
#include "kernel/fs/vfs.h"
#include "kernel/ipc/socket.h"
#include "kernel/ipc/sysv.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/task.h"
#include "kernel/proc/time.h"
#include "kernel/syscall/syscalls.h"

int64_t sys_mq_open(uint64_t name, uint32_t flags, uint32_t mode, uint64_t attr_uaddr)
{
    struct linux_mq_attr attr;
    struct user_path path;
    struct file *file;
    if (attr_uaddr && copy_from_user(&attr, attr_uaddr, sizeof(attr)))
        return -EFAULT;
    int error = user_path_get(&path, name, false);
    if (error)
        return error;
    uint32_t umask = atomic_load_relaxed(&this_thread()->fs->umask);
    int fd = fd_reserve(0, true); /* before a queue is made that nobody gets */
    error = fd;
    if (fd >= 0) {
        error = mqueue_open(ipc_namespace_current(), path.name, flags, mode & 0777 & ~umask,
                            attr_uaddr ? &attr : NULL, &file);
        if (error)
            fd_unreserve(fd);
        else
            fd_install(fd, file);
    }
    user_path_put(&path);
    return error < 0 ? error : fd;
}

int64_t sys_mq_unlink(uint64_t name)
{
    struct user_path path;
    int error = user_path_get(&path, name, false);
    if (error)
        return error;
    error = mqueue_unlink(ipc_namespace_current(), path.name);
    user_path_put(&path);
    return error;
}

/* An absolute time of CLOCK_REALTIME, or none. */
static int get_deadline(uint64_t uaddr, uint64_t *out_ns)
{
    struct linux_timespec time;
    *out_ns = UINT64_MAX;
    if (!uaddr)
        return 0;
    if (copy_from_user(&time, uaddr, sizeof(time)))
        return -EFAULT;
    if (!timespec_is_valid(&time))
        return -EINVAL;
    uint64_t at = timespec_to_ns(&time), now = clock_realtime_ns();
    if (at <= now)
        *out_ns = 0;
    else if (add_overflows(clock_monotonic_ns(), at - now, out_ns))
        *out_ns = UINT64_MAX;
    return 0;
}

static int send(struct file *file, uint64_t text, uint64_t length, uint32_t priority,
                uint64_t deadline_ns)
{
    int error = mqueue_check(file, FILE_WRITE);
    if (!error && length > mqueue_message_max(file))
        error = -EMSGSIZE;
    if (error)
        return error;
    struct mq_message *message = mq_message_create(priority, length);
    if (!message)
        return -ENOMEM;
    error = copy_from_user(mq_message_data(message), text, length);
    if (!error)
        error = mqueue_send(file, message, deadline_ns);
    if (error)
        mq_message_free(message);
    return error;
}

int64_t sys_mq_timedsend(int fd, uint64_t message, uint64_t length, uint32_t priority,
                         uint64_t timeout)
{
    uint64_t deadline_ns;
    int error = get_deadline(timeout, &deadline_ns);
    if (!error && priority >= MQ_PRIO_MAX)
        error = -EINVAL;
    if (error)
        return error;
    struct file *file = fd_get(fd);
    if (!file)
        return -EBADF;
    error = send(file, message, length, priority, deadline_ns);
    file_put(file);
    return error;
}

static int64_t receive(struct file *file, uint64_t text, uint64_t length, uint64_t priority,
                       uint64_t deadline_ns)
{
    struct mq_message *message;
    int error = mqueue_check(file, FILE_READ);
    if (!error && length < mqueue_message_max(file))
        error = -EMSGSIZE;
    if (!error)
        error = mqueue_receive(file, deadline_ns, &message);
    if (error)
        return error;
    int64_t result = (int64_t)mq_message_bytes(message);
    if ((priority && put_user_u32(priority, mq_message_priority(message))) ||
        copy_to_user(text, mq_message_data(message), mq_message_bytes(message)))
        result = -EFAULT;
    mq_message_free(message);
    return result;
}

int64_t sys_mq_timedreceive(int fd, uint64_t message, uint64_t length, uint64_t priority,
                            uint64_t timeout)
{
    uint64_t deadline_ns;
    int error = get_deadline(timeout, &deadline_ns);
    if (error)
        return error;
    struct file *file = fd_get(fd);
    if (!file)
        return -EBADF;
    int64_t result = receive(file, message, length, priority, deadline_ns);
    file_put(file);
    return result;
}

static void drop_cookie(struct mqueue_cookie *cookie)
{
    if (cookie->socket)
        file_put(cookie->socket);
    kfree(cookie->datagram);
}

/* SIGEV_THREAD: the signal number is a socket, and the value the address of a cookie. */
static int make_cookie(const struct linux_sigevent *event, struct mqueue_cookie *out)
{
    struct socket_datagram *datagram = kzalloc(sizeof(*datagram) + MQUEUE_COOKIE_BYTES);
    if (!datagram)
        return -ENOMEM;
    out->datagram = datagram;
    datagram->bytes = MQUEUE_COOKIE_BYTES;
    if (copy_from_user(datagram->data, event->sigev_value.sival_ptr, MQUEUE_COOKIE_BYTES))
        return -EFAULT;
    out->socket = fd_get(event->sigev_signo);
    if (!out->socket)
        return -EBADF;
    const struct socket *socket = file_socket(out->socket);
    if (!socket)
        return -ENOTSOCK;
    return socket->ops->deliver ? 0 : -EINVAL;
}

int64_t sys_mq_notify(int fd, uint64_t event_uaddr)
{
    struct linux_sigevent event;
    struct mqueue_cookie cookie = {0};
    int error = 0;
    if (event_uaddr) {
        if (copy_from_user(&event, event_uaddr, sizeof(event)))
            return -EFAULT;
        if (event.sigev_notify < SIGEV_SIGNAL || event.sigev_notify > SIGEV_THREAD)
            return -EINVAL;
        if (event.sigev_notify == SIGEV_SIGNAL &&
            (event.sigev_signo < 0 || event.sigev_signo > SIGNALS_MAX))
            return -EINVAL;
        if (event.sigev_notify == SIGEV_THREAD)
            error = make_cookie(&event, &cookie);
    }
    struct file *file = error ? NULL : fd_get(fd);
    if (!file && !error)
        error = -EBADF;
    if (!error)
        error = mqueue_check(file, 0);
    if (!error)
        error = mqueue_notify(file, event_uaddr ? &event : NULL, &cookie);
    if (file)
        file_put(file);
    if (error)
        drop_cookie(&cookie);
    return error;
}

int64_t sys_mq_getsetattr(int fd, uint64_t attr_uaddr, uint64_t old_uaddr)
{
    struct linux_mq_attr attr, old;
    if (attr_uaddr && copy_from_user(&attr, attr_uaddr, sizeof(attr)))
        return -EFAULT;
    if (attr_uaddr && (attr.mq_flags & ~(int64_t)O_NONBLOCK))
        return -EINVAL;
    struct file *file = fd_get(fd);
    if (!file)
        return -EBADF;
    int error = mqueue_check(file, 0);
    if (!error)
        error = mqueue_attributes(file, attr_uaddr ? &attr : NULL, &old);
    file_put(file);
    if (!error && old_uaddr && copy_to_user(old_uaddr, &old, sizeof(old)))
        return -EFAULT;
    return error;
}
