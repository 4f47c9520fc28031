/* SPDX-License-Identifier: MIT
 *
 * Signals as files (signalfd(2)).
 *
 * A signalfd belongs to no process: whoever reads or polls it gets his own signals. Pollers register
 * on a queue inside their process, which may be gone long before the file (an epoll set that a child
 * inherited); so the file keeps a reference to every process that ever polled it.
 */
#include "kernel/proc/signalfd.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/poll.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/strbuf.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/signal.h"

struct polling_process {
    struct polling_process *next;
    struct process *process;     /* referenced */
};

struct signalfd {
    uint64_t set;                /* atomic */
    struct spinlock lock;
    struct polling_process *pollers;
};

/* ---- who polls ---- */

static bool knows_poller(struct signalfd *signalfd, const struct process *process)
{
    const struct polling_process *poller = signalfd->pollers;
    while (poller && poller->process != process)
        poller = poller->next;
    return poller != NULL;
}

/* False without memory. */
static bool remember_poller(struct signalfd *signalfd, struct process *process)
{
    spin_lock(&signalfd->lock);
    bool known = knows_poller(signalfd, process);
    spin_unlock(&signalfd->lock);
    if (known)
        return true;
    struct polling_process *poller = kmalloc(sizeof(*poller));
    if (!poller)
        return false;
    poller->process = process_get(process);
    spin_lock(&signalfd->lock);
    poller->next = signalfd->pollers;
    signalfd->pollers = poller;
    spin_unlock(&signalfd->lock);
    return true;
}

static void signalfd_release(struct file *file)
{
    struct signalfd *signalfd = file->private;
    while (signalfd->pollers) {
        struct polling_process *poller = signalfd->pollers;
        signalfd->pollers = poller->next;
        process_put(poller->process);
        kfree(poller);
    }
    kfree(signalfd);
}

static uint32_t signalfd_poll(struct file *file, struct poll_table *table)
{
    struct signalfd *signalfd = file->private;
    struct task *task = current_task();
    if (table && remember_poller(signalfd, task->process))
        poll_wait(table, &task->process->signalfd_wait);
    uint64_t ready = signal_pending_set(task) & atomic_load_relaxed(&signalfd->set);
    return ready ? EPOLLIN | EPOLLRDNORM : 0;
}

/* ---- reading ---- */

static void describe(struct linux_signalfd_siginfo *out, const struct linux_siginfo *info)
{
    *out = (struct linux_signalfd_siginfo){
        .ssi_signo = (uint32_t)info->si_signo,
        .ssi_errno = info->si_errno,
        .ssi_code = info->si_code,
    };
    switch (info->si_code) {
    case SI_TIMER:
        out->ssi_tid = (uint32_t)info->timer.tid;
        out->ssi_overrun = (uint32_t)info->timer.overrun;
        out->ssi_ptr = info->timer.value.sival_ptr;
        out->ssi_int = info->timer.value.sival_int;
        return;
    case SI_USER:
    case SI_TKILL:
        out->ssi_pid = (uint32_t)info->kill.pid;
        out->ssi_uid = info->kill.uid;
        return;
    case SI_KERNEL:
        return;
    default:
        break;
    }
    if (info->si_code < 0) { /* SI_QUEUE, SI_MESGQ and what programs made up */
        out->ssi_pid = (uint32_t)info->rt.pid;
        out->ssi_uid = info->rt.uid;
        out->ssi_ptr = info->rt.value.sival_ptr;
        out->ssi_int = info->rt.value.sival_int;
        return;
    }
    switch (info->si_signo) {
    case SIGCHLD:
        out->ssi_pid = (uint32_t)info->chld.pid;
        out->ssi_uid = info->chld.uid;
        out->ssi_status = info->chld.status;
        out->ssi_utime = (uint64_t)info->chld.utime;
        out->ssi_stime = (uint64_t)info->chld.stime;
        break;
    case SIGIO:
        out->ssi_band = (uint32_t)info->poll.band;
        out->ssi_fd = info->poll.fd;
        break;
    case SIGILL:
    case SIGFPE:
    case SIGSEGV:
    case SIGBUS:
    case SIGTRAP:
        out->ssi_addr = info->fault.addr;
        break;
    case SIGSYS:
        out->ssi_call_addr = info->sys.call_addr;
        out->ssi_syscall = info->sys.syscall;
        out->ssi_arch = info->sys.arch;
        break;
    default:
        out->ssi_pid = (uint32_t)info->kill.pid;
        out->ssi_uid = info->kill.uid;
        break;
    }
}

/* Take the next signal, waiting for it if `block`. Its number, -EAGAIN, -ERESTARTSYS. */
static int take(struct signalfd *signalfd, bool block, struct linux_siginfo *info)
{
    struct task *task = current_task();
    int signo = signal_take(task, atomic_load_relaxed(&signalfd->set), info);
    if (signo || !block)
        return signo ? signo : -EAGAIN;
    int error = wait_event_interruptible(
        &task->process->signalfd_wait,
        (signo = signal_take(task, atomic_load_relaxed(&signalfd->set), info)) != 0);
    return error ? error : signo;
}

static int64_t signalfd_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct linux_signalfd_siginfo out;
    struct linux_siginfo info;
    int64_t total = 0;
    bool block = !file_is_nonblocking(file);
    (void)pos;

    if (uio->remaining < sizeof(out))
        return -EINVAL;
    while (uio->remaining >= sizeof(out)) {
        int signo = take(file->private, block, &info);
        if (signo < 0)
            return total ? total : signo;
        describe(&out, &info);
        if (uio_copy_to(uio, &out, sizeof(out)) != sizeof(out))
            return total ? total : -EFAULT;
        total += (int64_t)sizeof(out);
        block = false;
    }
    return total;
}

static void signalfd_show(struct file *file, struct strbuf *out)
{
    const struct signalfd *signalfd = file->private;
    strbuf_printf(out, "sigmask:\t%016llx\n",
                  (unsigned long long)atomic_load_relaxed(&signalfd->set));
}

static const struct file_ops signalfd_ops = {
    .read = signalfd_read,
    .seek = null_seek,
    .poll = signalfd_poll,
    .release = signalfd_release,
    .show_fdinfo = signalfd_show,
};

/* ---- system calls ---- */

int signalfd_create(uint64_t set, uint32_t flags)
{
    struct signalfd *signalfd = kzalloc(sizeof(*signalfd));
    struct file *file;
    if (!signalfd)
        return -ENOMEM;
    signalfd->set = set;
    spin_lock_init(&signalfd->lock, LOCK_RANK_OBJECT);
    int error = file_create_anon(this_kernel(), "signalfd", &signalfd_ops, signalfd,
                                 O_RDWR | (flags & O_NONBLOCK), 0, &file);
    if (error) {
        kfree(signalfd);
        return error;
    }
    return fd_add(file, flags & O_CLOEXEC);
}

int signalfd_set_mask(struct file *file, uint64_t set)
{
    struct signalfd *signalfd = file->private;
    if (file->ops != &signalfd_ops)
        return -EINVAL;
    atomic_store_relaxed(&signalfd->set, set);
    wake_all(&current_process()->signalfd_wait);
    return 0;
}
