/* SPDX-License-Identifier: MIT
 *
 * fanotify(7): which groups an event is for, and their queues.
 *
 * What a group wants is summed up over all its marks on the directory, the inode, the mount and the
 * file system; then the group gets one event. Events of one process about one object are merged
 * while they wait to be read. Who needs permission waits for an answer to an event of its own; all
 * groups are asked at once.
 */
#include "kernel/ipc/fanotify_internal.h"

#include "kernel/sched/thread.h"

enum { MERGE_STEPS_MAX = 128 };

/* Which object a mark is on, in the order of fanotify_event_locked's sources. */
enum source { SOURCE_DIR, SOURCE_INODE, SOURCE_MOUNT, SOURCE_SUPERBLOCK, SOURCE_NEW_DIR, SOURCES };

/* ---- events ---- */

void fan_event_put(struct fan_event *event)
{
    if (atomic_sub_fetch_acq_rel(&event->refs, 1) != 0)
        return;
    path_put(&event->path);
    kfree(event->name);
    kfree(event->new_name);
    kfree(event);
}

void fan_answer_locked(struct fan_event *event, uint32_t response)
{
    event->response = response;
    atomic_store_release(&event->state, FAN_ANSWERED);
    wake_all(&event->answered);
}

static struct fan_id id_of(const struct inode *inode)
{
    return inode ? (struct fan_id){.dev = inode->sb->dev, .ino = inode->ino} : (struct fan_id){0};
}

static bool same_id(struct fan_id a, struct fan_id b)
{
    return a.dev == b.dev && a.ino == b.ino;
}

static bool same_name(const char *a, const char *b)
{
    return a && b ? kstr_equal(a, b) : a == b;
}

/* What the group is told of the objects: ids instead of a path. */
static int describe(struct fan_group *group, const struct fs_event *event, struct fan_event *out)
{
    uint32_t mode = group->flags & FAN_FID_BITS;
    bool entry = event->mask & NOTIFY_NAME_EVENTS, ondir = event->mask & IN_ISDIR;
    if (!mode) {
        out->path = *event->path;
        path_get(event->path);
        return 0;
    }
    const struct inode *inode =
        entry && !(mode & FAN_REPORT_TARGET_FID) ? event->dir : event->inode;
    const struct inode *dir = !entry && ondir ? event->inode : event->dir;
    if (!(mode & FAN_REPORT_DIR_FID) || !dir) {
        out->object = id_of(inode);
        return 0;
    }
    out->dir = id_of(dir);
    if ((mode & FAN_REPORT_FID) && inode != dir)
        out->object = id_of(inode);
    if ((mode & FAN_REPORT_NAME) && (entry || !ondir) && event->name) {
        out->name = kstrdup(event->name);
        if (!out->name)
            return -ENOMEM;
    }
    if (event->new_dir) {
        out->new_dir = id_of(event->new_dir);
        out->new_name = kstrdup(event->new_name);
        if (!out->new_name)
            return -ENOMEM;
    }
    return 0;
}

static bool may_merge(const struct fan_event *queued, const struct fan_event *fresh)
{
    return !(queued->mask & (FAN_PERMISSION_EVENTS | FAN_Q_OVERFLOW)) &&
           queued->pid == fresh->pid &&
           !((queued->mask ^ fresh->mask) & (FAN_ONDIR | FAN_RENAME)) &&
           path_equal(&queued->path, &fresh->path) && same_id(queued->object, fresh->object) &&
           same_id(queued->dir, fresh->dir) && same_id(queued->new_dir, fresh->new_dir) &&
           same_name(queued->name, fresh->name) && same_name(queued->new_name, fresh->new_name);
}

static bool merge_locked(struct fan_group *group, const struct fan_event *fresh)
{
    struct fan_event *queued;
    unsigned steps = 0;
    list_for_each_entry_reverse (queued, &group->events, node) {
        if (may_merge(queued, fresh)) {
            queued->mask |= fresh->mask;
            return true;
        }
        if (++steps == MERGE_STEPS_MAX)
            break;
    }
    return false;
}

static void append_locked(struct fan_group *group, struct fan_event *event)
{
    list_add_tail(&group->events, &event->node);
    atomic_store_relaxed(&group->count, group->count + 1);
    wait_queue_wake(&group->wait, 0, EPOLLIN | EPOLLRDNORM);
}

static void overflow_locked(struct fan_group *group)
{
    struct fan_event *event = group->overflowed ? NULL : kzalloc(sizeof(*event));
    if (!event)
        return;
    event->refs = 1;
    event->mask = FAN_Q_OVERFLOW;
    group->overflowed = true;
    append_locked(group, event);
}

/* The new event of a group, not queued; NULL: it overflowed. */
static struct fan_event *make_event_locked(struct fan_group *group, const struct fs_event *event,
                                           uint32_t mask, struct list *garbage)
{
    struct fan_event *fresh = group->count < group->events_max ? kzalloc(sizeof(*fresh)) : NULL;
    if (!fresh) {
        overflow_locked(group);
        return NULL;
    }
    fresh->refs = 1;
    fresh->mask = mask;
    fresh->pid = group->flags & FAN_REPORT_TID ? this_thread()->tid : this_thread()->tgid;
    wait_queue_init(&fresh->answered);
    if (describe(group, event, fresh)) {
        list_add_tail(garbage, &fresh->node);
        overflow_locked(group);
        return NULL;
    }
    return fresh;
}

static void put_all(struct list *garbage)
{
    struct fan_event *event;
    while ((event = list_pop_head_entry(garbage, struct fan_event, node)))
        fan_event_put(event);
}

/* ---- who wants it ---- */

static bool mark_applies(const struct notify_mark *mark, enum source source,
                         const struct fs_event *event)
{
    bool entry = event->mask & NOTIFY_NAME_EVENTS;
    switch (source) {
    case SOURCE_DIR:
        return entry || ((mark->mask & FAN_EVENT_ON_CHILD) &&
                         !(event->mask & (FAN_DELETE_SELF | FAN_MOVE_SELF)));
    case SOURCE_INODE:
        return !entry;
    case SOURCE_NEW_DIR:
        return event->mask & FAN_RENAME;
    default:
        return true;
    }
}

static void consider_mark(struct notify_mark *mark, enum source source,
                          const struct fs_event *event, uint64_t serial, struct list *candidates)
{
    struct fan_group *group = fan_group_of(mark->group);
    if (mark->group->serial != serial) {
        mark->group->serial = serial;
        group->want = group->ignore = 0;
        list_add_tail(candidates, &group->candidate);
    }
    /* A change of the file ends what does not survive it. */
    if ((event->mask & FAN_MODIFY) && mark->ignored && source == SOURCE_INODE &&
        !(fan_mark_of(mark)->flags & FAN_MARK_IGNORED_SURV_MODIFY))
        mark->ignored = 0;
    if (!mark_applies(mark, source, event))
        return;
    group->ignore |= mark->ignored;
    if (!(event->mask & IN_ISDIR) || (mark->mask & FAN_ONDIR))
        group->want |= mark->mask;
}

static void find_candidates(struct kernel *kernel, const struct fs_event *event,
                            struct fs_marks *const sources[], unsigned count,
                            struct list *candidates)
{
    uint64_t serial = ++notify_state_of(kernel)->serial;
    for (unsigned source = 0; source < count; source++) {
        struct notify_mark *mark;
        if (!sources[source])
            continue;
        list_for_each_entry (mark, &sources[source]->marks, object_node)
            if (mark->group->ops == &fanotify_group_ops)
                consider_mark(mark, (enum source)source, event, serial, candidates);
    }
}

/* What of the event the group gets; 0: nothing. */
static uint32_t wanted_mask(const struct fan_group *group, const struct fs_event *event)
{
    uint32_t mask = event->mask & group->want & ~group->ignore & ~(uint32_t)IN_ISDIR;
    if (!mask)
        return 0;
    if (group->flags & FAN_FID_BITS)
        return mask | (event->mask & IN_ISDIR);
    if (!event->path)
        return 0;
    uint32_t mode = inode_mode(event->inode);
    return S_ISREG(mode) || S_ISDIR(mode) ? mask : 0;
}

void fanotify_event_locked(struct kernel *kernel, const struct fs_event *event,
                           struct fs_marks *const sources[], unsigned count, struct list *garbage)
{
    struct list candidates;
    struct list_node *node, *next;
    list_init(&candidates);
    find_candidates(kernel, event, sources, count, &candidates);
    list_for_each_safe (node, next, &candidates) {
        struct fan_group *group = container_of(node, struct fan_group, candidate);
        list_remove(node);
        uint32_t mask = wanted_mask(group, event);
        struct fan_event *fresh = mask ? make_event_locked(group, event, mask, garbage) : NULL;
        if (!fresh)
            continue;
        if (merge_locked(group, fresh))
            list_add_tail(garbage, &fresh->node);
        else
            append_locked(group, fresh);
    }
}

void fanotify_discard(struct list *garbage)
{
    put_all(garbage);
}

/* ---- permission ---- */

/* Ask every group that wants to be asked: their questions in `asked`. */
static void ask_locked(struct kernel *kernel, const struct fs_event *event,
                       struct fs_marks *const sources[], unsigned count, struct list *asked,
                       struct list *garbage)
{
    struct list candidates;
    struct list_node *node, *next;
    list_init(&candidates);
    find_candidates(kernel, event, sources, count, &candidates);
    list_for_each_safe (node, next, &candidates) {
        struct fan_group *group = container_of(node, struct fan_group, candidate);
        list_remove(node);
        uint32_t mask = wanted_mask(group, event);
        struct fan_event *fresh = mask ? make_event_locked(group, event, mask, garbage) : NULL;
        if (!fresh)
            continue;
        fresh->refs = 2;
        list_add_tail(asked, &fresh->asking);
        append_locked(group, fresh);
    }
}

static int wait_for_answer(struct notify_state *state, struct fan_event *event)
{
    int error =
        wait_event_killable(&event->answered, atomic_load_acquire(&event->state) == FAN_ANSWERED);
    spin_lock(&state->lock);
    if (event->state != FAN_ANSWERED) /* killed; whoever reads it later asks nobody */
        event->state = FAN_ANSWERED;
    else
        error = (event->response & FAN_DENY) ? -EPERM : 0;
    spin_unlock(&state->lock);
    return error ? -EPERM : 0;
}

int fanotify_permission(struct file *file, uint32_t mask)
{
    struct notify_state *state = notify_state_of(file->kernel);
    struct inode *inode = file->inode;
    struct dentry *parent = dentry_parent(file->path.dentry);
    struct inode *dir = parent != file->path.dentry ? dentry_inode(parent) : NULL;
    const struct fs_event event = {
        .dir = dir,
        .inode = inode,
        .path = &file->path,
        .mask = mask | (S_ISDIR(inode_mode(inode)) ? IN_ISDIR : 0),
    };
    struct list asked, garbage;
    struct fan_event *question;
    int result = 0;

    list_init(&asked);
    list_init(&garbage);
    spin_lock(&state->lock);
    struct fs_marks *const sources[] = {dir ? dir->marks : NULL, inode->marks,
                                        file->path.mount->marks, inode->sb->marks};
    ask_locked(file->kernel, &event, sources, ARRAY_SIZE(sources), &asked, &garbage);
    spin_unlock(&state->lock);
    put_all(&garbage);
    while ((question = list_pop_head_entry(&asked, struct fan_event, asking))) {
        int error = wait_for_answer(state, question);
        result = result ? result : error;
        fan_event_put(question);
    }
    dentry_put(parent);
    return result;
}
