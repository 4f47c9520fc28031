/* SPDX-License-Identifier: MIT
 *
 * What the files of fanotify share. The lock of the marks guards groups and their queues.
 */
#ifndef KERNEL_IPC_FANOTIFY_INTERNAL_H
#define KERNEL_IPC_FANOTIFY_INTERNAL_H

#include "kernel/ipc/fanotify.h"
#include "kernel/ipc/notify_marks.h"
#include "kernel/sched/wait.h"

#define FAN_FID_BITS (FAN_REPORT_FID | FAN_REPORT_DIR_FID | FAN_REPORT_NAME | FAN_REPORT_TARGET_FID)
#define FAN_PERMISSION_EVENTS (FAN_OPEN_PERM | FAN_ACCESS_PERM | FAN_OPEN_EXEC_PERM)

/* A file as a handle names it; handles of all file systems here look alike. */
struct fan_id {
    uint64_t dev, ino; /* ino 0: none */
};

enum fan_state { FAN_QUEUED, FAN_REPORTED, FAN_ANSWERED };

struct fan_event {
    struct list_node node; /* in events, or in access once a permission was asked for */
    uint32_t refs;         /* queue; who waits for permission; atomic */
    uint32_t mask;
    int pid;
    struct path path; /* mount NULL: none */
    struct fan_id object, dir, new_dir;
    char *name, *new_name; /* owned; NULL: none */

    /* FAN_*_PERM */
    struct list_node asking; /* of the one who waits */
    enum fan_state state;    /* atomic */
    uint32_t response;
    int fd; /* that was reported */
    struct wait_queue answered;
};

struct fan_group {
    struct notify_group group;
    uint32_t flags, event_flags;
    bool limited;
    uint32_t uid;
    unsigned events_max;
    struct list events; /* to be read */
    unsigned count;     /* atomic */
    struct list access; /* reported, no answer yet */
    bool closed;
    bool overflowed; /* the overflow event is in the queue */
    struct wait_queue wait;

    /* While an event is looked at. */
    struct list_node candidate;
    uint32_t want, ignore;
};

struct fan_mark {
    struct notify_mark mark; /* must be first */
    uint32_t flags;          /* FAN_MARK_IGNORED_SURV_MODIFY, FAN_MARK_EVICTABLE, FAN_MARK_IGNORE */
};

static inline struct fan_group *fan_group_of(struct notify_group *group)
{
    return container_of(group, struct fan_group, group);
}

static inline struct fan_mark *fan_mark_of(struct notify_mark *mark)
{
    return container_of(mark, struct fan_mark, mark);
}

void fan_event_put(struct fan_event *event); /* without the lock: may drop a path */
/* Answer a question that was asked; lock held. */
void fan_answer_locked(struct fan_event *event, uint32_t response);

#endif
