/* SPDX-License-Identifier: MIT
 *
 * Timers as files (timerfd_create(2)).
 *
 * A period ends when its timer fires; with an interval the next one starts when somebody reads or
 * asks for the expirations, which then counts those missed: a timer that nobody reads costs one
 * interrupt. Locking: timerfd->lock (irqsave, taken by fire).
 */
#include "kernel/proc/timerfd.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/poll.h"
#include "kernel/abi/time.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/strbuf.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/time.h"
#include "kernel/proc/time_namespace.h"
#include "kernel/proc/wall_timer.h"

struct timerfd {
    struct spinlock lock;
    struct wall_timer timer;
    int clock;
    bool realtime;
    uint32_t flags;                   /* TFD_TIMER_* of the last setting */
    uint64_t expires_ns, interval_ns; /* 0: disarmed */
    uint64_t ticks;                   /* expirations not read yet */
    bool expired;                     /* the timer has fired and was not started again */
    struct wait_queue wait;
};

static bool was_cancelled(const struct timerfd *timerfd)
{
    return (timerfd->flags & TFD_TIMER_CANCEL_ON_SET) &&
           atomic_load_acquire(&timerfd->timer.clock_was_set);
}

static void timerfd_fire(struct timer *kernel_timer)
{
    struct timerfd *timerfd = container_of(kernel_timer, struct timerfd, timer.timer);
    bool wake = false;

    bool irq = spin_lock_irqsave(&timerfd->lock);
    if (timerfd->expires_ns && !timerfd->expired) {
        if (wall_timer_is_due(&timerfd->timer)) {
            timerfd->expired = true;
            timerfd->ticks++;
            wake = true;
        } else {
            wake = was_cancelled(timerfd);
            wall_timer_rearm(&timerfd->timer);
        }
    }
    spin_unlock_irqrestore(&timerfd->lock, irq);
    if (wake)
        wait_queue_wake(&timerfd->wait, 0, EPOLLIN | EPOLLRDNORM);
}

/* Start the next period of an expired interval timer; counts the periods missed. */
static void forward_locked(struct timerfd *timerfd)
{
    if (!timerfd->expired || !timerfd->interval_ns)
        return;
    uint64_t now_ns = wall_timer_now(&timerfd->timer);
    uint64_t missed =
        now_ns > timerfd->expires_ns ? (now_ns - timerfd->expires_ns) / timerfd->interval_ns : 0;
    timerfd->ticks += missed;
    timerfd->expires_ns = time_add(timerfd->expires_ns, (missed + 1) * timerfd->interval_ns);
    timerfd->expired = false;
    wall_timer_start(&timerfd->timer, timerfd->expires_ns, timerfd->timer.realtime);
}

/* The ticks, 0 if there are none, -ECANCELED once after the clock was set. */
static int64_t take_ticks(struct timerfd *timerfd)
{
    bool irq = spin_lock_irqsave(&timerfd->lock);
    int64_t result;
    if (was_cancelled(timerfd)) {
        atomic_store_relaxed(&timerfd->timer.clock_was_set, false);
        timerfd->ticks = 0;
        forward_locked(timerfd);
        timerfd->ticks = 0;
        result = -ECANCELED;
    } else {
        if (timerfd->ticks)
            forward_locked(timerfd);
        result = (int64_t)timerfd->ticks;
        timerfd->ticks = 0;
    }
    spin_unlock_irqrestore(&timerfd->lock, irq);
    return result;
}

/* ---- file operations ---- */

static int64_t timerfd_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct timerfd *timerfd = file->private;
    int64_t result;
    (void)pos;

    if (uio->remaining < sizeof(uint64_t))
        return -EINVAL;
    result = take_ticks(timerfd);
    if (result == 0) {
        if (file_is_nonblocking(file))
            return -EAGAIN;
        int error = wait_event_interruptible(&timerfd->wait, (result = take_ticks(timerfd)) != 0);
        if (error)
            return error;
    }
    if (result < 0)
        return result;
    uint64_t ticks = (uint64_t)result;
    return uio_copy_to(uio, &ticks, sizeof(ticks)) == sizeof(ticks) ? (int64_t)sizeof(ticks)
                                                                    : -EFAULT;
}

static uint32_t timerfd_poll(struct file *file, struct poll_table *table)
{
    struct timerfd *timerfd = file->private;
    poll_wait(table, &timerfd->wait);
    bool irq = spin_lock_irqsave(&timerfd->lock);
    bool ready = timerfd->ticks > 0 || was_cancelled(timerfd);
    spin_unlock_irqrestore(&timerfd->lock, irq);
    return ready ? EPOLLIN | EPOLLRDNORM : 0;
}

static void timerfd_release(struct file *file)
{
    struct timerfd *timerfd = file->private;
    wall_timer_destroy(&timerfd->timer);
    kfree(timerfd);
}

static void get_locked(struct timerfd *timerfd, struct timerfd_setting *out)
{
    forward_locked(timerfd);
    out->interval_ns = timerfd->interval_ns;
    out->value_ns = 0;
    if (timerfd->expires_ns && !timerfd->expired) {
        uint64_t now_ns = wall_timer_now(&timerfd->timer);
        out->value_ns = timerfd->expires_ns > now_ns ? timerfd->expires_ns - now_ns : 1;
    }
}

static void timerfd_show(struct file *file, struct strbuf *out)
{
    struct timerfd *timerfd = file->private;
    struct timerfd_setting setting;

    bool irq = spin_lock_irqsave(&timerfd->lock);
    get_locked(timerfd, &setting);
    uint64_t ticks = timerfd->ticks;
    uint32_t flags = timerfd->flags;
    spin_unlock_irqrestore(&timerfd->lock, irq);
    struct linux_timespec value = timespec_from_ns(setting.value_ns);
    struct linux_timespec interval = timespec_from_ns(setting.interval_ns);
    strbuf_printf(out,
                  "clockid: %d\nticks: %llu\nsettime flags: 0%o\n"
                  "it_value: (%lld, %lld)\nit_interval: (%lld, %lld)\n",
                  timerfd->clock, (unsigned long long)ticks, flags, (long long)value.tv_sec,
                  (long long)value.tv_nsec, (long long)interval.tv_sec,
                  (long long)interval.tv_nsec);
}

static const struct file_ops timerfd_ops = {
    .read = timerfd_read,
    .seek = null_seek,
    .poll = timerfd_poll,
    .release = timerfd_release,
    .show_fdinfo = timerfd_show,
};

/* ---- system calls ---- */

int timerfd_file_create(int clock, bool realtime, uint32_t flags)
{
    struct timerfd *timerfd = kzalloc(sizeof(*timerfd));
    struct file *file;
    if (!timerfd)
        return -ENOMEM;
    spin_lock_init(&timerfd->lock, LOCK_RANK_OBJECT);
    wait_queue_init(&timerfd->wait);
    wall_timer_init(&timerfd->timer, timerfd_fire);
    timerfd->clock = clock;
    timerfd->realtime = realtime;
    int error = file_create_anon(this_kernel(), "timerfd", &timerfd_ops, timerfd,
                                 O_RDWR | (flags & O_NONBLOCK), 0, &file);
    if (error) {
        kfree(timerfd);
        return error;
    }
    return fd_add(file, flags & O_CLOEXEC);
}

static void set_locked(struct timerfd *timerfd, uint32_t flags,
                       const struct timerfd_setting *setting)
{
    bool absolute = flags & TFD_TIMER_ABSTIME;
    wall_timer_stop(&timerfd->timer);
    timerfd->flags = flags;
    timerfd->ticks = 0;
    timerfd->expired = false;
    timerfd->interval_ns = setting->interval_ns;
    timerfd->expires_ns = 0;
    timerfd->timer.realtime = timerfd->realtime && absolute;
    timerfd->timer.fire_on_clock_set = timerfd->timer.realtime && (flags & TFD_TIMER_CANCEL_ON_SET);
    if (!setting->value_ns)
        return;
    timerfd->expires_ns = absolute ? time_namespace_to_kernel_ns(timerfd->clock, setting->value_ns)
                                   : time_add(wall_timer_now(&timerfd->timer), setting->value_ns);
    wall_timer_start(&timerfd->timer, timerfd->expires_ns, timerfd->timer.realtime);
}

int timerfd_set(struct file *file, uint32_t flags, const struct timerfd_setting *setting,
                struct timerfd_setting *out_old)
{
    struct timerfd *timerfd = file->private;
    if (file->ops != &timerfd_ops)
        return -EINVAL;
    bool irq = spin_lock_irqsave(&timerfd->lock);
    get_locked(timerfd, out_old);
    int result = was_cancelled(timerfd) && (flags & TFD_TIMER_CANCEL_ON_SET) ? -ECANCELED : 0;
    set_locked(timerfd, flags, setting);
    spin_unlock_irqrestore(&timerfd->lock, irq);
    return result;
}

int timerfd_get(struct file *file, struct timerfd_setting *out)
{
    struct timerfd *timerfd = file->private;
    if (file->ops != &timerfd_ops)
        return -EINVAL;
    bool irq = spin_lock_irqsave(&timerfd->lock);
    get_locked(timerfd, out);
    spin_unlock_irqrestore(&timerfd->lock, irq);
    return 0;
}
