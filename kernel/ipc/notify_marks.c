/* SPDX-License-Identifier: MIT
 *
 * Marks on inodes, mounts and superblocks, and the way of an event to them; inotify(7),
 * fanotify(7).
 *
 * A mark holds its inode in memory until it is taken off: by its owner, when the inode has lost its
 * last name and use, or when its file system is unmounted. Unmounting waits for marks that others
 * have just taken off.
 */
#include "kernel/ipc/notify_marks.h"

#include "kernel/ipc/dnotify.h"
#include "kernel/ipc/ipc_internal.h"
#include "kernel/sched/wait.h"

static const struct notify_limits default_limits = {
    .inotify_events = 16384,
    .inotify_instances = 128,
    .inotify_watches = 65536,
    .fanotify_events = 16384,
    .fanotify_groups = 128,
    .fanotify_marks = 65536,
};

struct notify_state *notify_state_of(struct kernel *kernel)
{
    return kernel->ipc->notify;
}

/* ---- marks ---- */

static struct fs_marks **slot_of(enum notify_object type, const void *object)
{
    switch (type) {
    case NOTIFY_INODE:
        return &((struct inode *)(uintptr_t)object)->marks;
    case NOTIFY_MOUNT:
        return &((struct mount *)(uintptr_t)object)->marks;
    default:
        return &((struct superblock *)(uintptr_t)object)->marks;
    }
}

static void prune_locked(struct fs_marks **slot)
{
    struct fs_marks *marks = *slot;
    if (marks && list_empty(&marks->marks)) {
        atomic_store_release(slot, NULL);
        kfree(marks);
    }
}

void notify_group_init(struct notify_group *group, struct kernel *kernel,
                       const struct notify_group_ops *ops)
{
    group->ops = ops;
    group->kernel = kernel;
    group->serial = 0;
    group->mark_count = 0;
    list_init(&group->marks);
}

struct notify_mark *notify_mark_find_locked(struct notify_group *group, enum notify_object type,
                                            const void *object)
{
    struct fs_marks *marks = *slot_of(type, object);
    struct notify_mark *mark;
    if (!marks)
        return NULL;
    list_for_each_entry (mark, &marks->marks, object_node)
        if (mark->group == group)
            return mark;
    return NULL;
}

static const struct fs_notify_ops listener_ops;

void notify_mark_set_mask_locked(struct notify_mark *mark, uint32_t mask, uint32_t ignored)
{
    struct notify_state *state = notify_state_of(mark->group->kernel);
    mark->mask = mask;
    mark->ignored = ignored;
    state->interest |= mask;
    if (ignored)
        state->interest |= IN_MODIFY; /* ends ignoring */
    fs_notify_listen(mark->group->kernel, &listener_ops, state->interest);
}

int notify_mark_attach_locked(struct notify_mark *mark, struct notify_group *group,
                              enum notify_object type, void *object)
{
    struct fs_marks **slot = slot_of(type, object);
    if (!*slot) {
        struct fs_marks *marks = kmalloc(sizeof(*marks));
        if (!marks)
            return -ENOMEM;
        list_init(&marks->marks);
        atomic_store_release(slot, marks);
    }
    mark->group = group;
    mark->type = type;
    mark->object = object;
    if (type == NOTIFY_INODE)
        inode_get(object);
    list_add_tail(&(*slot)->marks, &mark->object_node);
    list_add_tail(&group->marks, &mark->group_node);
    atomic_fetch_add_relaxed(&group->mark_count, 1);
    notify_state_of(group->kernel)->mark_count++;
    return 0;
}

void notify_mark_detach_locked(struct notify_mark *mark, struct list *dead)
{
    struct notify_state *state = notify_state_of(mark->group->kernel);
    list_remove(&mark->object_node);
    list_remove(&mark->group_node);
    list_add_tail(dead, &mark->group_node);
    atomic_fetch_add_relaxed(&state->releasing, 1);
    if (--state->mark_count == 0) {
        state->interest = 0;
        fs_notify_listen(mark->group->kernel, &listener_ops, 0);
    }
}

void notify_marks_free(struct kernel *kernel, struct list *dead)
{
    struct notify_state *state = notify_state_of(kernel);
    struct notify_mark *mark;
    while ((mark = list_pop_head_entry(dead, struct notify_mark, group_node))) {
        struct inode *inode = mark->type == NOTIFY_INODE ? mark->object : NULL;
        struct notify_group *group = mark->group;
        if (inode) {
            spin_lock(&state->lock);
            prune_locked(&inode->marks);
            spin_unlock(&state->lock);
        }
        group->ops->free(mark);
        if (atomic_sub_fetch_acq_rel(&group->mark_count, 1) == 0) /* it may be gone now */
            wake_all(&state->released);
        if (inode)
            inode_put(inode);
        if (atomic_sub_fetch_acq_rel(&state->releasing, 1) == 0)
            wake_all(&state->released);
    }
}

void notify_mark_remove_locked(struct notify_mark *mark, struct list *dead)
{
    struct fs_marks **slot = slot_of(mark->type, mark->object);
    bool held = mark->type == NOTIFY_INODE;
    notify_mark_detach_locked(mark, dead);
    if (!held) /* the object may be gone before the mark is freed */
        prune_locked(slot);
}

void notify_group_clear(struct notify_group *group)
{
    struct notify_state *state = notify_state_of(group->kernel);
    struct notify_mark *mark, *next;
    struct list dead;
    list_init(&dead);
    spin_lock(&state->lock);
    list_for_each_entry_safe (mark, next, &group->marks, group_node)
        notify_mark_remove_locked(mark, &dead);
    spin_unlock(&state->lock);
    notify_marks_free(group->kernel, &dead);
    wait_event(&state->released, atomic_load_acquire(&group->mark_count) == 0);
}

/* ---- events ---- */

static void tell_marks_locked(struct fs_marks *marks, const struct fs_event *event, bool as_parent,
                              struct list *dead)
{
    struct notify_mark *mark, *next;
    if (!marks)
        return;
    list_for_each_entry_safe (mark, next, &marks->marks, object_node)
        if (mark->group->ops->event_locked)
            mark->group->ops->event_locked(mark, event, as_parent, dead);
}

static void on_event(struct kernel *kernel, const struct fs_event *event)
{
    struct notify_state *state = notify_state_of(kernel);
    const struct mount *mount = event->path ? event->path->mount : NULL;
    struct fs_marks *const *sb_slot = &event->inode->sb->marks;
    struct list dead, garbage;

    if ((!event->dir || !atomic_load_relaxed(&event->dir->marks)) &&
        !atomic_load_relaxed(&event->inode->marks) && !atomic_load_relaxed(sb_slot) &&
        (!event->new_dir || !atomic_load_relaxed(&event->new_dir->marks)) &&
        (!mount || !atomic_load_relaxed(&mount->marks)))
        return;
    list_init(&dead);
    list_init(&garbage);
    spin_lock(&state->lock);
    if (event->dir)
        tell_marks_locked(event->dir->marks, event, true, &dead);
    if (!(event->mask & NOTIFY_NAME_EVENTS))
        tell_marks_locked(event->inode->marks, event, false, &dead);
    struct fs_marks *const sources[] = {
        event->dir ? event->dir->marks : NULL,
        event->inode->marks,
        mount ? mount->marks : NULL,
        *sb_slot,
        event->new_dir ? event->new_dir->marks : NULL,
    };
    fanotify_event_locked(kernel, event, sources, ARRAY_SIZE(sources), &garbage);
    spin_unlock(&state->lock);
    notify_marks_free(kernel, &dead);
    fanotify_discard(&garbage);
    if (unlikely(atomic_load_relaxed(&state->signals_due)))
        dnotify_deliver(kernel);
}

/* All marks of an object hear `event` and go. */
static void end_marks_locked(struct fs_marks *marks, uint32_t event, struct list *dead)
{
    struct notify_mark *mark, *next;
    if (!marks)
        return;
    list_for_each_entry_safe (mark, next, &marks->marks, object_node) {
        if (mark->group->ops->gone_locked)
            mark->group->ops->gone_locked(mark, event);
        notify_mark_detach_locked(mark, dead);
    }
}

static void on_inode_removed(struct inode *inode)
{
    struct kernel *kernel = inode->sb->kernel;
    struct notify_state *state = notify_state_of(kernel);
    const struct fs_event event = {
        .inode = inode,
        .mask = IN_DELETE_SELF | (S_ISDIR(inode_mode(inode)) ? IN_ISDIR : 0),
    };
    struct list dead;
    on_event(kernel, &event);
    list_init(&dead);
    spin_lock(&state->lock);
    end_marks_locked(inode->marks, 0, &dead);
    spin_unlock(&state->lock);
    notify_marks_free(kernel, &dead);
}

static void on_superblock_gone(struct superblock *sb)
{
    struct notify_state *state = notify_state_of(sb->kernel);
    struct inode *inode;
    struct list dead;
    list_init(&dead);
    spin_lock(&sb->lock); /* the list; a mark holds its inode, so it stays in it */
    spin_lock(&state->lock);
    list_for_each_entry (inode, &sb->inodes, sb_node)
        end_marks_locked(inode->marks, IN_UNMOUNT | (S_ISDIR(inode_mode(inode)) ? IN_ISDIR : 0),
                         &dead);
    end_marks_locked(sb->marks, IN_UNMOUNT, &dead);
    prune_locked(&sb->marks);
    spin_unlock(&state->lock);
    spin_unlock(&sb->lock);
    notify_marks_free(sb->kernel, &dead);
    wait_event(&state->released, atomic_load_acquire(&state->releasing) == 0);
}

static void on_mount_gone(struct mount *mount)
{
    struct notify_state *state = notify_state_of(mount->kernel);
    struct list dead;
    if (!atomic_load_acquire(&mount->marks))
        return;
    list_init(&dead);
    spin_lock(&state->lock);
    end_marks_locked(mount->marks, 0, &dead);
    prune_locked(&mount->marks);
    spin_unlock(&state->lock);
    notify_marks_free(mount->kernel, &dead);
}

static const struct fs_notify_ops listener_ops = {
    .event = on_event,
    .permission = fanotify_permission,
    .inode_removed = on_inode_removed,
    .superblock_gone = on_superblock_gone,
    .mount_gone = on_mount_gone,
    .file_closed = dnotify_close,
};

int notify_init(struct kernel *kernel)
{
    struct notify_state *state = kzalloc(sizeof(*state));
    if (!state)
        return -ENOMEM;
    spin_lock_init(&state->lock, LOCK_RANK_OBJECT);
    wait_queue_init(&state->released);
    state->limits = default_limits;
    state->serial = 1;
    kernel->ipc->notify = state;
    return 0;
}
