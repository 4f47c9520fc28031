/* SPDX-License-Identifier: MIT
 *
 * Marks: who watches which inode, mount or file system. What inotify, fanotify and F_NOTIFY share.
 *
 * A mark belongs to a group (an open inotify file …) and is on one object, which it holds. One lock
 * for each machine, notify->lock, guards all marks and the queues of all groups: it is taken only
 * for events that somebody has asked for.
 */
#ifndef KERNEL_IPC_NOTIFY_MARKS_H
#define KERNEL_IPC_NOTIFY_MARKS_H

#include "kernel/abi/errno.h"
#include "kernel/abi/fanotify.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/notify.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"

struct notify_group;
struct notify_mark;

enum notify_object { NOTIFY_INODE, NOTIFY_MOUNT, NOTIFY_SUPERBLOCK, NOTIFY_OBJECTS };

/* Events about a name in a directory: nobody but the directory hears of them. */
#define NOTIFY_NAME_EVENTS (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | FAN_RENAME)

struct notify_group_ops {
    /* An event that the mark may want; `as_parent`: it happened to an entry of the marked
     * directory. The mark may be detached (to `dead`). Lock held. */
    void (*event_locked)(struct notify_mark *mark, const struct fs_event *event, bool as_parent,
                         struct list *dead);
    /* The object is going: tell the owner. Lock held. */
    void (*gone_locked)(struct notify_mark *mark, uint32_t event);
    /* The mark has been detached from everything. */
    void (*free)(struct notify_mark *mark);
};

struct notify_group {
    const struct notify_group_ops *ops;
    struct kernel *kernel;
    struct list marks;   /* notify_mark.group_node */
    uint32_t mark_count; /* not freed yet; atomic */
    uint64_t serial;     /* fanotify: the event that was last looked at for the group */
};

struct notify_mark {
    struct list_node object_node, group_node;
    struct notify_group *group;
    enum notify_object type;
    void *object; /* struct inode, mount, superblock; referenced but for mounts */
    uint32_t mask, ignored;
};

/* Limits in /proc/sys/fs; atomic. */
struct notify_limits {
    int32_t inotify_events, inotify_instances, inotify_watches;
    int32_t fanotify_events, fanotify_groups, fanotify_marks;
};

struct notify_state {
    struct spinlock lock; /* LOCK_RANK_OBJECT */
    struct notify_limits limits;
    unsigned mark_count;
    uint32_t interest;  /* all that any mark has wanted since there were none */
    uint64_t serial;    /* of events */
    uint32_t releasing; /* marks detached but not freed; atomic */
    struct wait_queue released;
    struct dnotify *dnotify; /* see dnotify.c; NULL until used */
    bool signals_due;        /* ...and it has some to send; atomic */
};

int notify_init(struct kernel *kernel);
struct notify_state *notify_state_of(struct kernel *kernel);

void notify_group_init(struct notify_group *group, struct kernel *kernel,
                       const struct notify_group_ops *ops);
/* All its marks go. Waits for those that others are just freeing; nothing of the group is touched
 * afterwards. */
void notify_group_clear(struct notify_group *group);

/* The group's mark on an object, or NULL. */
struct notify_mark *notify_mark_find_locked(struct notify_group *group, enum notify_object type,
                                            const void *object);
/* Put a mark with its mask on an object. 0 or -ENOMEM. */
int notify_mark_attach_locked(struct notify_mark *mark, struct notify_group *group,
                              enum notify_object type, void *object);
void notify_mark_set_mask_locked(struct notify_mark *mark, uint32_t mask, uint32_t ignored);
/* Take it off; it is freed by notify_marks_free, which must follow without the lock. */
void notify_mark_detach_locked(struct notify_mark *mark, struct list *dead);
/* The same for whoever does not go through the object's marks just now. */
void notify_mark_remove_locked(struct notify_mark *mark, struct list *dead);
void notify_marks_free(struct kernel *kernel, struct list *dead);

/* fanotify: the groups that want an event are found over all their marks. */
void fanotify_event_locked(struct kernel *kernel, const struct fs_event *event,
                           struct fs_marks *const sources[], unsigned count, struct list *garbage);
void fanotify_discard(struct list *garbage); /* without the lock */
int fanotify_permission(struct file *file, uint32_t mask);
extern const struct notify_group_ops fanotify_group_ops;

/* What hangs on an object. */
struct fs_marks {
    struct list marks; /* notify_mark.object_node */
};

#endif
