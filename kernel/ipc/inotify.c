/* SPDX-License-Identifier: MIT
 *
 * inotify(7): a queue of events as a file, and watches that fill it.
 *
 * An event that repeats the last one in the queue is dropped; a full queue ends in one
 * IN_Q_OVERFLOW. Everything but the file itself is guarded by the lock of the marks; user memory is
 * copied without it.
 */
#include "kernel/ipc/inotify.h"

#include "kernel/abi/ioctl.h"
#include "kernel/ipc/ipc_internal.h"
#include "kernel/ipc/notify_marks.h"
#include "kernel/ipc/user_totals.h"
#include "kernel/lib/strbuf.h"
#include "kernel/lib/xarray.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/wait.h"
#include "kernel/security/cred.h"

struct queued_event {
    struct list_node node;
    int number; /* of the watch, -1: overflow */
    uint32_t mask, cookie;
    size_t name_bytes;
    char name[]; /* terminated */
};

struct inotify {
    struct notify_group group;
    struct list events;
    unsigned count;
    uint64_t bytes;                /* what reading everything gives */
    bool overflowed;               /* the overflow event is in the queue */
    struct queued_event *overflow; /* kept for it, NULL while in the queue */
    struct xarray watches;         /* by number */
    uint64_t cursor;
    uint32_t uid;
    struct wait_queue wait;
};

struct watch {
    struct notify_mark mark; /* must be first */
    int number;
    uint32_t flags; /* IN_ONESHOT, IN_EXCL_UNLINK */
};

static struct inotify *inotify_of(struct notify_group *group)
{
    return container_of(group, struct inotify, group);
}

static struct watch *watch_of(struct notify_mark *mark)
{
    return container_of(mark, struct watch, mark);
}

/* ---- the queue ---- */

/* Names are padded to whole events. */
static size_t padded_name(const struct queued_event *event)
{
    return event->name_bytes ? ALIGN_UP(event->name_bytes + 1, sizeof(struct linux_inotify_event))
                             : 0;
}

static size_t event_bytes(const struct queued_event *event)
{
    return sizeof(struct linux_inotify_event) + padded_name(event);
}

static void append_locked(struct inotify *inotify, struct queued_event *event)
{
    list_add_tail(&inotify->events, &event->node);
    inotify->bytes += event_bytes(event);
    atomic_store_relaxed(&inotify->count, inotify->count + 1);
    wait_queue_wake(&inotify->wait, 0, EPOLLIN | EPOLLRDNORM);
}

static void overflow_locked(struct inotify *inotify)
{
    struct queued_event *event = inotify->overflow;
    inotify->overflow = NULL;
    if (event)
        append_locked(inotify, event);
}

static bool repeats(const struct queued_event *last, int number, uint32_t mask, const char *name,
                    size_t name_bytes)
{
    return last && last->number == number && last->mask == mask && !(mask & IN_IGNORED) &&
           last->name_bytes == name_bytes && memcmp(last->name, name, name_bytes) == 0;
}

static void queue_locked(struct inotify *inotify, int number, uint32_t mask, uint32_t cookie,
                         const char *name)
{
    const struct notify_limits *limits = &notify_state_of(inotify->group.kernel)->limits;
    size_t name_bytes = name ? kstrlen(name) : 0;
    const struct queued_event *last = list_last_entry(&inotify->events, struct queued_event, node);
    if (repeats(last, number, mask, name, name_bytes))
        return;
    struct queued_event *event = NULL;
    if (inotify->count < (unsigned)atomic_load_relaxed(&limits->inotify_events))
        event = kmalloc(sizeof(*event) + name_bytes + 1);
    if (!event) {
        overflow_locked(inotify);
        return;
    }
    event->number = number;
    event->mask = mask;
    event->cookie = cookie;
    event->name_bytes = name_bytes;
    if (name)
        memcpy(event->name, name, name_bytes);
    event->name[name_bytes] = 0;
    append_locked(inotify, event);
}

/* ---- what watches hear ---- */

static void forget_locked(struct watch *watch)
{
    struct inotify *inotify = inotify_of(watch->mark.group);
    queue_locked(inotify, watch->number, IN_IGNORED, 0, NULL);
    xarray_erase(&inotify->watches, (uint64_t)watch->number);
}

static void watch_event_locked(struct notify_mark *mark, const struct fs_event *event,
                               bool as_parent, struct list *dead)
{
    struct watch *watch = watch_of(mark);
    uint32_t mask = event->mask & (IN_ALL_EVENTS | IN_ISDIR);
    if (!(mark->mask & mask & IN_ALL_EVENTS))
        return;
    if (as_parent && (mask & (IN_DELETE_SELF | IN_MOVE_SELF)))
        return;
    if (as_parent && event->unlinked && (watch->flags & IN_EXCL_UNLINK))
        return;
    if (mask & (IN_DELETE_SELF | IN_MOVE_SELF))
        mask &= ~IN_ISDIR;
    queue_locked(inotify_of(mark->group), watch->number, mask, event->cookie,
                 as_parent ? event->name : NULL);
    if (watch->flags & IN_ONESHOT) {
        forget_locked(watch);
        notify_mark_detach_locked(mark, dead);
    }
}

static void watch_gone_locked(struct notify_mark *mark, uint32_t event)
{
    struct watch *watch = watch_of(mark);
    if (event)
        queue_locked(inotify_of(mark->group), watch->number, event, 0, NULL);
    forget_locked(watch);
}

static void watch_free(struct notify_mark *mark)
{
    struct inotify *inotify = inotify_of(mark->group);
    user_total_sub(inotify->group.kernel, inotify->uid, USER_INOTIFY_WATCHES, 1);
    kfree(watch_of(mark));
}

static const struct notify_group_ops group_ops = {
    .event_locked = watch_event_locked,
    .gone_locked = watch_gone_locked,
    .free = watch_free,
};

/* ---- reading ---- */

/* The next event if it fits. 0, -EAGAIN, -EINVAL. */
static int take_event(struct inotify *inotify, size_t room, struct queued_event **out)
{
    struct notify_state *state = notify_state_of(inotify->group.kernel);
    int error = 0;
    spin_lock(&state->lock);
    struct queued_event *event = list_first_entry(&inotify->events, struct queued_event, node);
    if (!event) {
        error = -EAGAIN;
    } else if (event_bytes(event) > room) {
        error = -EINVAL;
    } else {
        list_remove(&event->node);
        inotify->bytes -= event_bytes(event);
        atomic_store_relaxed(&inotify->count, inotify->count - 1);
        *out = event;
    }
    spin_unlock(&state->lock);
    return error;
}

static void give_back(struct inotify *inotify, struct queued_event *event)
{
    struct notify_state *state = notify_state_of(inotify->group.kernel);
    if (event->number >= 0) {
        kfree(event);
        return;
    }
    spin_lock(&state->lock);
    inotify->overflow = event;
    spin_unlock(&state->lock);
}

static bool copy_event(struct uio *uio, const struct queued_event *event)
{
    const struct linux_inotify_event out = {
        .wd = event->number,
        .mask = event->mask,
        .cookie = event->cookie,
        .len = (uint32_t)padded_name(event),
    };
    size_t padding = padded_name(event) - event->name_bytes;
    return uio_copy_to(uio, &out, sizeof(out)) == sizeof(out) &&
           uio_copy_to(uio, event->name, event->name_bytes) == event->name_bytes &&
           uio_zero(uio, padding) == padding;
}

static int64_t inotify_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct inotify *inotify = file->private;
    int64_t done = 0;
    (void)pos;
    for (;;) {
        struct queued_event *event;
        int error = take_event(inotify, uio->remaining, &event);
        if (!error) {
            size_t bytes = event_bytes(event);
            bool copied = copy_event(uio, event);
            give_back(inotify, event);
            if (!copied)
                return -EFAULT;
            done += (int64_t)bytes;
            continue;
        }
        if (done)
            return done;
        if (error != -EAGAIN || (atomic_load_relaxed(&file->flags) & O_NONBLOCK))
            return error;
        error = wait_event_interruptible(&inotify->wait, atomic_load_relaxed(&inotify->count) > 0);
        if (error)
            return error;
    }
}

static uint32_t inotify_poll(struct file *file, struct poll_table *table)
{
    struct inotify *inotify = file->private;
    poll_wait(table, &inotify->wait);
    atomic_fence_seq(); /* registered before looking */
    return atomic_load_relaxed(&inotify->count) > 0 ? EPOLLIN | EPOLLRDNORM : 0;
}

static int64_t inotify_ioctl(struct file *file, uint32_t command, uint64_t argument)
{
    struct inotify *inotify = file->private;
    struct notify_state *state = notify_state_of(file->kernel);
    if (command != FIONREAD)
        return -ENOTTY;
    spin_lock(&state->lock);
    uint32_t bytes = (uint32_t)inotify->bytes;
    spin_unlock(&state->lock);
    return put_user_u32(argument, bytes);
}

static void inotify_show(struct file *file, struct strbuf *out)
{
    struct inotify *inotify = file->private;
    struct notify_state *state = notify_state_of(file->kernel);
    struct watch *watch;
    uint64_t number;
    spin_lock(&state->lock);
    xarray_for_each (&inotify->watches, number, watch) {
        const struct inode *inode = watch->mark.object;
        strbuf_printf(out, "inotify wd:%x ino:%llx sdev:%llx mask:%x ignored_mask:0\n",
                      watch->number, (unsigned long long)inode->ino,
                      (unsigned long long)inode->sb->dev, watch->mark.mask | watch->flags);
    }
    spin_unlock(&state->lock);
}

static void inotify_release(struct file *file)
{
    struct inotify *inotify = file->private;
    struct queued_event *event, *next;
    notify_group_clear(&inotify->group);
    list_for_each_entry_safe (event, next, &inotify->events, node)
        kfree(event);
    kfree(inotify->overflow);
    xarray_destroy(&inotify->watches);
    user_total_sub(file->kernel, inotify->uid, USER_INOTIFY_INSTANCES, 1);
    kfree(inotify);
}

static const struct file_ops inotify_file_ops = {
    .read = inotify_read,
    .poll = inotify_poll,
    .ioctl = inotify_ioctl,
    .seek = null_seek,
    .release = inotify_release,
    .show_fdinfo = inotify_show,
};

bool inotify_is_file(const struct file *file)
{
    return file->ops == &inotify_file_ops;
}

/* ---- creation ---- */

static struct inotify *inotify_alloc(struct kernel *kernel, uint32_t uid)
{
    struct inotify *inotify = kzalloc(sizeof(*inotify));
    struct queued_event *overflow = kzalloc(sizeof(*overflow) + 1);
    if (!inotify || !overflow) {
        kfree(inotify);
        kfree(overflow);
        return NULL;
    }
    notify_group_init(&inotify->group, kernel, &group_ops);
    list_init(&inotify->events);
    xarray_init(&inotify->watches, &kmalloc_allocator);
    wait_queue_init(&inotify->wait);
    overflow->number = -1;
    overflow->mask = IN_Q_OVERFLOW;
    inotify->overflow = overflow;
    inotify->uid = uid;
    inotify->cursor = 1;
    return inotify;
}

int inotify_create(struct kernel *kernel, uint32_t flags, struct file **out)
{
    const struct notify_limits *limits = &notify_state_of(kernel)->limits;
    uint32_t uid = current_cred()->uid;
    uint64_t max = (uint64_t)(uint32_t)atomic_load_relaxed(&limits->inotify_instances);
    int error = user_total_add(kernel, uid, USER_INOTIFY_INSTANCES, 1, max);
    if (error)
        return error;
    struct inotify *inotify = inotify_alloc(kernel, uid);
    error = inotify ? file_create_anon(kernel, "inotify", &inotify_file_ops, inotify,
                                       O_RDONLY | (flags & O_NONBLOCK), 0600, out)
                    : -ENOMEM;
    if (!error)
        (*out)->mode |= FILE_STREAM; /* seeking is allowed and does nothing */
    if (error) {
        if (inotify) {
            kfree(inotify->overflow);
            kfree(inotify);
        }
        user_total_sub(kernel, uid, USER_INOTIFY_INSTANCES, 1);
    }
    return error;
}

/* ---- watches ---- */

static uint32_t flags_of(uint32_t mask)
{
    return mask & (IN_ONESHOT | IN_EXCL_UNLINK);
}

static int change_locked(struct watch *watch, uint32_t mask)
{
    if (mask & IN_MASK_CREATE)
        return -EEXIST;
    uint32_t events = mask & IN_ALL_EVENTS, flags = flags_of(mask);
    if (mask & IN_MASK_ADD) {
        events |= watch->mark.mask;
        flags |= watch->flags;
    }
    watch->flags = flags;
    notify_mark_set_mask_locked(&watch->mark, events, 0);
    return watch->number;
}

/* Number the new watch and attach it. */
static int add_locked(struct inotify *inotify, struct watch *watch, struct inode *inode,
                      uint32_t mask)
{
    uint64_t number;
    int error =
        xarray_alloc_cyclic(&inotify->watches, watch, 1, INT32_MAX, &inotify->cursor, &number);
    if (error)
        return error;
    watch->number = (int)number;
    watch->flags = flags_of(mask);
    error = notify_mark_attach_locked(&watch->mark, &inotify->group, NOTIFY_INODE, inode);
    if (error) {
        xarray_erase(&inotify->watches, number);
        return error;
    }
    notify_mark_set_mask_locked(&watch->mark, mask & IN_ALL_EVENTS, 0);
    return watch->number;
}

int inotify_add(struct file *file, struct inode *inode, uint32_t mask)
{
    struct inotify *inotify = file->private;
    struct notify_state *state = notify_state_of(file->kernel);
    uint64_t max = (uint64_t)(uint32_t)atomic_load_relaxed(&state->limits.inotify_watches);
    struct watch *fresh = kzalloc(sizeof(*fresh));
    int error = fresh ? 0 : -ENOMEM, counted = -ENOSPC;
    if (!error)
        counted = user_total_add(file->kernel, inotify->uid, USER_INOTIFY_WATCHES, 1, max);

    spin_lock(&state->lock);
    struct notify_mark *mark = notify_mark_find_locked(&inotify->group, NOTIFY_INODE, inode);
    if (mark)
        error = change_locked(watch_of(mark), mask);
    else if (!error && counted)
        error = counted == -ENOMEM ? -ENOMEM : -ENOSPC;
    else if (!error)
        error = add_locked(inotify, fresh, inode, mask);
    bool used = !mark && error > 0;
    spin_unlock(&state->lock);
    if (!used && !counted)
        user_total_sub(file->kernel, inotify->uid, USER_INOTIFY_WATCHES, 1);
    if (!used)
        kfree(fresh);
    return error;
}

int inotify_remove(struct file *file, int number)
{
    struct inotify *inotify = file->private;
    struct notify_state *state = notify_state_of(file->kernel);
    struct list dead;
    list_init(&dead);
    spin_lock(&state->lock);
    struct watch *watch = number > 0 ? xarray_get(&inotify->watches, (uint64_t)number) : NULL;
    if (watch) {
        forget_locked(watch);
        notify_mark_detach_locked(&watch->mark, &dead);
    }
    spin_unlock(&state->lock);
    notify_marks_free(file->kernel, &dead);
    return watch ? 0 : -EINVAL;
}
