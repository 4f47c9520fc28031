/* SPDX-License-Identifier: MIT
 *
 * /proc/kmsg: the kernel log for one logger: what is read is gone; proc(5), syslog(2). Rights are
 * asked for at open.
 */
#include "kernel/abi/capability.h"
#include "kernel/core/klog.h"
#include "kernel/fs/syslog.h"
#include "kernel/procfs/proc_internal.h"
#include "kernel/sched/wait.h"
#include "kernel/security/cred.h"

static int proc_kmsg_open(struct inode *inode, struct file *file)
{
    (void)inode;
    (void)file;
    return capable(CAP_SYSLOG) || capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
}

static int64_t proc_kmsg_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    (void)pos;
    if (file_is_nonblocking(file) && !syslog_has_unread())
        return -EAGAIN;
    return uio->remaining ? syslog_read(uio) : 0;
}

static int64_t proc_kmsg_write(struct file *file, struct uio *uio, uint64_t *pos)
{
    (void)file;
    (void)uio;
    (void)pos;
    return -EIO;
}

static uint32_t proc_kmsg_poll(struct file *file, struct poll_table *table)
{
    (void)file;
    poll_wait(table, klog_wait_queue());
    return syslog_has_unread() ? EPOLLIN | EPOLLRDNORM : 0;
}

const struct file_ops proc_kmsg_file_ops = {
    .open = proc_kmsg_open,
    .read = proc_kmsg_read,
    .write = proc_kmsg_write,
    .seek = generic_file_seek,
    .poll = proc_kmsg_poll,
};
