/* SPDX-License-Identifier: MIT
 *
 * dnotify, fcntl(2) F_NOTIFY: a signal when something in a directory changes.
 *
 * A mark stands for one open file in one descriptor table. Events only note that its signal is due,
 * as signals are sent without the lock of the marks. While a mark exists its table holds the file,
 * or the caller that
 * sets it.
 */
#include "kernel/ipc/dnotify.h"

#include "kernel/abi/fcntl.h"
#include "kernel/fs/file_table.h"
#include "kernel/ipc/notify_marks.h"
#include "kernel/sched/thread.h"

enum { POLL_MSG = 3 };

struct dnotify {
    struct notify_group group;
    struct list due; /* struct dnotify_mark */
};

struct dnotify_mark {
    struct notify_mark mark; /* must be first */
    struct file *file;
    const void *owner; /* the descriptor table */
    int fd;
    bool once;
    struct list_node due_node;
};

static struct dnotify_mark *dnotify_mark_of(struct notify_mark *mark)
{
    return container_of(mark, struct dnotify_mark, mark);
}

static void on_event(struct notify_mark *mark, const struct fs_event *event, bool as_parent,
                     struct list *dead)
{
    struct dnotify *dnotify = container_of(mark->group, struct dnotify, group);
    struct dnotify_mark *self = dnotify_mark_of(mark);
    (void)dead;
    if (!as_parent || !(mark->mask & event->mask & ~(uint32_t)IN_ISDIR) ||
        (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF)))
        return;
    if (!list_node_linked(&self->due_node))
        list_add_tail(&dnotify->due, &self->due_node);
    atomic_store_relaxed(&notify_state_of(mark->group->kernel)->signals_due, true);
}

static void on_gone(struct notify_mark *mark, uint32_t event)
{
    (void)event;
    list_remove(&dnotify_mark_of(mark)->due_node);
}

static void on_free(struct notify_mark *mark)
{
    kfree(dnotify_mark_of(mark));
}

static const struct notify_group_ops group_ops = {
    .event_locked = on_event,
    .gone_locked = on_gone,
    .free = on_free,
};

static struct dnotify *state_locked(struct kernel *kernel)
{
    struct notify_state *state = notify_state_of(kernel);
    if (!state->dnotify) {
        struct dnotify *dnotify = kzalloc(sizeof(*dnotify));
        if (!dnotify)
            return NULL;
        notify_group_init(&dnotify->group, kernel, &group_ops);
        list_init(&dnotify->due);
        state->dnotify = dnotify;
    }
    return state->dnotify;
}

static uint32_t events_of(uint32_t mask)
{
    return (mask & DN_ACCESS ? IN_ACCESS : 0) | (mask & DN_MODIFY ? IN_MODIFY : 0) |
           (mask & DN_CREATE ? IN_CREATE | IN_MOVED_TO : 0) |
           (mask & DN_DELETE ? IN_DELETE | IN_MOVED_FROM : 0) |
           (mask & DN_RENAME ? FAN_RENAME : 0) | (mask & DN_ATTRIB ? IN_ATTRIB : 0);
}

static struct dnotify_mark *find_locked(struct file *file, const void *owner)
{
    struct notify_state *state = notify_state_of(file->kernel);
    struct fs_marks *marks = file->inode->marks;
    struct notify_mark *mark;
    if (!marks || !state->dnotify)
        return NULL;
    list_for_each_entry(mark, &marks->marks, object_node)
    {
        if (mark->group == &state->dnotify->group && dnotify_mark_of(mark)->file == file &&
            dnotify_mark_of(mark)->owner == owner)
            return dnotify_mark_of(mark);
    }
    return NULL;
}

static void drop_locked(struct dnotify_mark *mark, struct list *dead)
{
    list_remove(&mark->due_node);
    notify_mark_detach_locked(&mark->mark, dead);
}

void dnotify_close(struct file *file, struct file_table *owner)
{
    struct notify_state *state = notify_state_of(file->kernel);
    struct list dead;
    list_init(&dead);
    spin_lock(&state->lock);
    struct dnotify_mark *mark = find_locked(file, owner);
    if (mark)
        drop_locked(mark, &dead);
    spin_unlock(&state->lock);
    notify_marks_free(file->kernel, &dead);
}

static int add_locked(struct file *file, int fd, uint32_t mask, struct dnotify_mark *fresh)
{
    struct dnotify *dnotify = state_locked(file->kernel);
    if (!dnotify)
        return -ENOMEM;
    fresh->file = file;
    fresh->owner = this_thread()->files;
    fresh->fd = fd;
    fresh->once = !(mask & DN_MULTISHOT);
    int error = notify_mark_attach_locked(&fresh->mark, &dnotify->group, NOTIFY_INODE, file->inode);
    if (!error)
        notify_mark_set_mask_locked(&fresh->mark, events_of(mask), 0);
    return error;
}

/* Another thread may have closed the descriptor, and found no mark yet. */
static void drop_if_closed(struct file *file, int fd)
{
    struct file *now = fd_get_any(fd);
    if (now != file)
        dnotify_close(file, this_thread()->files);
    if (now)
        file_put(now);
}

int dnotify_set(struct file *file, int fd, uint32_t mask)
{
    struct notify_state *state = notify_state_of(file->kernel);
    if (!(mask & ~(uint32_t)DN_MULTISHOT)) {
        dnotify_close(file, this_thread()->files);
        return 0;
    }
    if (!S_ISDIR(inode_mode(file->inode)))
        return -ENOTDIR;
    struct dnotify_mark *fresh = kzalloc(sizeof(*fresh));
    if (!fresh)
        return -ENOMEM;
    int error = 0;
    spin_lock(&state->lock);
    struct dnotify_mark *mark = find_locked(file, this_thread()->files);
    if (mark) { /* the events add up */
        mark->fd = fd;
        mark->once = mark->once && !(mask & DN_MULTISHOT);
        notify_mark_set_mask_locked(&mark->mark, mark->mark.mask | events_of(mask), 0);
    } else {
        error = add_locked(file, fd, mask, fresh);
    }
    spin_unlock(&state->lock);
    if (mark || error)
        kfree(fresh);
    else
        drop_if_closed(file, fd);
    return error;
}

void dnotify_deliver(struct kernel *kernel)
{
    struct notify_state *state = notify_state_of(kernel);
    struct list dead;
    list_init(&dead);
    atomic_store_relaxed(&state->signals_due, false);
    for (;;) {
        spin_lock(&state->lock);
        struct dnotify_mark *mark =
            state->dnotify
                ? list_pop_head_entry(&state->dnotify->due, struct dnotify_mark, due_node)
                : NULL;
        struct file *file = mark ? file_get(mark->file) : NULL;
        int fd = mark ? mark->fd : -1;
        if (mark && mark->once)
            drop_locked(mark, &dead);
        spin_unlock(&state->lock);
        notify_marks_free(kernel, &dead);
        if (!file)
            return;
        vfs_signal_owner(file, fd, POLL_MSG);
        file_put(file);
    }
}
