/* SPDX-License-Identifier: MIT
 *
 * fanotify(7) as a file: reading events, answering questions, marks.
 *
 * Reading makes a descriptor for each event that has a path, or writes records with file handles.
 * A handle is the number of the inode (with generation 0), as file systems here never use one
 * twice.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/ioctl.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/path.h"
#include "kernel/ipc/fanotify_internal.h"
#include "kernel/ipc/ipc.h"
#include "kernel/ipc/user_totals.h"
#include "kernel/lib/strbuf.h"
#include "kernel/mm/uaccess.h"
#include "kernel/security/cred.h"
#include "kernel/security/pid_namespace.h"

enum { HANDLE_BYTES = 12, HANDLE_TYPE = 1, RECORD_ALIGN = 4 };

struct id_record { /* struct fanotify_event_info_fid with its struct file_handle */
    struct linux_fanotify_event_info_fid info;
    uint32_t handle_bytes;
    int32_t handle_type;
    uint32_t handle[HANDLE_BYTES / 4]; /* generation, inode number */
};

/* ---- records ---- */

/* The records of an event in the order they are written. */
struct record {
    uint8_t type;
    struct fan_id id;
    const char *name; /* NULL: none */
};
enum { RECORDS_MAX = 3 };

static unsigned records_of(const struct fan_group *group, const struct fan_event *event,
                           struct record records[RECORDS_MAX])
{
    unsigned count = 0;
    uint32_t mode = group->flags & FAN_FID_BITS;
    if (!mode || (event->mask & FAN_Q_OVERFLOW))
        return 0;
    if (event->dir.ino) {
        struct record *record = &records[count++];
        *record = (struct record){
            .type = FAN_EVENT_INFO_TYPE_DFID, .id = event->dir, .name = event->name};
        if (!event->name && (mode & FAN_REPORT_NAME) && (event->mask & FAN_ONDIR))
            record->name = "."; /* the directory itself */
        if (record->name)
            record->type = FAN_EVENT_INFO_TYPE_DFID_NAME;
        if (event->mask & FAN_RENAME)
            record->type = FAN_EVENT_INFO_TYPE_OLD_DFID_NAME;
    }
    if (event->new_dir.ino)
        records[count++] = (struct record){.type = FAN_EVENT_INFO_TYPE_NEW_DFID_NAME,
                                           .id = event->new_dir,
                                           .name = event->new_name};
    if (event->object.ino)
        records[count++] = (struct record){.type = FAN_EVENT_INFO_TYPE_FID, .id = event->object};
    return count;
}

static size_t record_bytes(const struct record *record)
{
    size_t name = record->name ? kstrlen(record->name) + 1 : 0;
    return ALIGN_UP(sizeof(struct id_record) + name, (size_t)RECORD_ALIGN);
}

static size_t event_bytes(const struct fan_group *group, const struct fan_event *event)
{
    struct record records[RECORDS_MAX];
    unsigned count = records_of(group, event, records);
    size_t bytes = sizeof(struct linux_fanotify_event_metadata);
    if (group->flags & FAN_REPORT_PIDFD)
        bytes += sizeof(struct linux_fanotify_event_info_pidfd);
    for (unsigned i = 0; i < count; i++)
        bytes += record_bytes(&records[i]);
    return bytes;
}

static bool put_record(struct uio *uio, const struct record *record)
{
    size_t name = record->name ? kstrlen(record->name) + 1 : 0;
    size_t padding = record_bytes(record) - sizeof(struct id_record) - name;
    const struct id_record out = {
        .info = {.hdr = {.info_type = record->type, .len = (uint16_t)record_bytes(record)},
                 .fsid = {(int32_t)record->id.dev, (int32_t)(record->id.dev >> 32)}},
        .handle_bytes = HANDLE_BYTES,
        .handle_type = HANDLE_TYPE,
        .handle = {0, (uint32_t)record->id.ino, (uint32_t)(record->id.ino >> 32)},
    };
    return uio_copy_to(uio, &out, sizeof(out)) == sizeof(out) &&
           uio_copy_to(uio, record->name, name) == name && uio_zero(uio, padding) == padding;
}

/* Who did it, as a pidfd: FAN_NOPIDFD if the process is gone. */
static int open_process(const struct fan_group *group, const struct fan_event *event)
{
    if (!(group->flags & FAN_REPORT_PIDFD) || !event->pid)
        return FAN_NOPIDFD;
    int fd = ipc_process_open(event->pid);
    return fd >= 0 ? fd : fd == -ESRCH ? FAN_NOPIDFD : FAN_EPIDFD;
}

static bool put_process(struct uio *uio, int pidfd)
{
    const struct linux_fanotify_event_info_pidfd out = {
        .hdr = {.info_type = FAN_EVENT_INFO_TYPE_PIDFD, .len = sizeof(out)}, .pidfd = pidfd};
    return uio_copy_to(uio, &out, sizeof(out)) == sizeof(out);
}

/* ---- reading ---- */

static void dequeue_locked(struct fan_group *group, struct fan_event *event)
{
    list_remove(&event->node);
    atomic_store_relaxed(&group->count, group->count - 1);
}

/* The first event; questions of those who were killed while they waited go to `garbage`. */
static struct fan_event *first_event_locked(struct fan_group *group, struct list *garbage)
{
    struct fan_event *event;
    while ((event = list_first_entry(&group->events, struct fan_event, node))) {
        if (!(event->mask & FAN_PERMISSION_EVENTS) || event->state != FAN_ANSWERED)
            break;
        dequeue_locked(group, event);
        list_add_tail(garbage, &event->node);
    }
    return event;
}

/* The next event if it fits. 0, -EAGAIN, -EINVAL. */
static int take_event(struct fan_group *group, size_t room, struct fan_event **out)
{
    struct notify_state *state = notify_state_of(group->group.kernel);
    struct list garbage;
    int error = 0;
    list_init(&garbage);
    spin_lock(&state->lock);
    struct fan_event *event = first_event_locked(group, &garbage);
    if (!event) {
        error = -EAGAIN;
    } else if (event_bytes(group, event) > room) {
        error = -EINVAL;
    } else {
        dequeue_locked(group, event);
        if (event->mask & FAN_Q_OVERFLOW)
            group->overflowed = false;
        *out = event;
    }
    spin_unlock(&state->lock);
    fanotify_discard(&garbage);
    return error;
}

/* The descriptor that shows the file of the event, reserved; *out: what to install. */
static int open_for_reader(const struct fan_group *group, struct fan_event *event,
                           struct file **out)
{
    *out = NULL;
    if (!event->path.mount)
        return FAN_NOFD;
    int fd = fd_reserve(0, group->event_flags & O_CLOEXEC);
    if (fd < 0)
        return fd;
    int error = vfs_open_unnoticed(&event->path, group->event_flags, out);
    if (error) {
        fd_unreserve(fd);
        return error;
    }
    return fd;
}

static bool put_event(struct uio *uio, const struct fan_group *group, const struct fan_event *event,
                      int fd, int pidfd)
{
    struct record records[RECORDS_MAX];
    unsigned count = records_of(group, event, records);
    const struct linux_fanotify_event_metadata out = {
        .event_len = (uint32_t)event_bytes(group, event),
        .vers = FANOTIFY_METADATA_VERSION,
        .metadata_len = sizeof(out),
        .mask = event->mask,
        .fd = fd,
        .pid = current_pid_shown(event->pid),
    };
    if (uio_copy_to(uio, &out, sizeof(out)) != sizeof(out))
        return false;
    for (unsigned i = 0; i < count; i++)
        if (!put_record(uio, &records[i]))
            return false;
    return !(group->flags & FAN_REPORT_PIDFD) || put_process(uio, pidfd);
}

/* After reporting: a question waits for its answer in another list; all else is done with. */
static void finish_event(struct fan_group *group, struct fan_event *event, int fd, bool reported)
{
    struct notify_state *state = notify_state_of(group->group.kernel);
    bool keep = false;
    spin_lock(&state->lock);
    if ((event->mask & FAN_PERMISSION_EVENTS) && event->state == FAN_QUEUED) {
        if (reported) {
            event->state = FAN_REPORTED;
            event->fd = fd;
            list_add_tail(&group->access, &event->node);
            keep = true;
        } else {
            fan_answer_locked(event, FAN_DENY);
        }
    }
    spin_unlock(&state->lock);
    if (!keep)
        fan_event_put(event);
}

static int64_t report(struct fan_group *group, struct fan_event *event, struct uio *uio)
{
    struct file *opened;
    size_t bytes = event_bytes(group, event);
    int fd = open_for_reader(group, event, &opened);
    if (fd < 0 && fd != FAN_NOFD) {
        finish_event(group, event, fd, false);
        return fd;
    }
    int pidfd = open_process(group, event);
    bool done = put_event(uio, group, event, fd, pidfd);
    if (!done && pidfd >= 0)
        fd_close(pidfd);
    finish_event(group, event, fd, done);
    if (opened && done) {
        fd_install(fd, opened);
    } else if (opened) {
        fd_unreserve(fd);
        file_put(opened);
    }
    return done ? (int64_t)bytes : -EFAULT;
}

static int64_t fan_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct fan_group *group = file->private;
    int64_t done = 0;
    (void)pos;
    for (;;) {
        struct fan_event *event;
        int64_t result = take_event(group, uio->remaining, &event);
        if (!result) {
            result = report(group, event, uio);
            if (result > 0) {
                done += result;
                continue;
            }
            return done && result != -EFAULT ? done : result;
        }
        if (done)
            return done;
        if (result != -EAGAIN || (atomic_load_relaxed(&file->flags) & O_NONBLOCK))
            return result;
        result = wait_event_interruptible(&group->wait, atomic_load_relaxed(&group->count) > 0);
        if (result)
            return result;
    }
}

/* Answers: struct fanotify_response. */
static int64_t fan_write(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct fan_group *group = file->private;
    struct notify_state *state = notify_state_of(file->kernel);
    struct linux_fanotify_response answer;
    struct fan_event *event, *found = NULL;
    (void)pos;
    if (uio->remaining < sizeof(answer))
        return -EINVAL;
    if (uio_copy_from(&answer, uio, sizeof(answer)) != sizeof(answer))
        return -EFAULT;
    if ((answer.response != FAN_ALLOW && answer.response != FAN_DENY) || answer.fd < 0)
        return -EINVAL;
    spin_lock(&state->lock);
    list_for_each_entry (event, &group->access, node) {
        if (event->fd == answer.fd) {
            found = event;
            break;
        }
    }
    if (found) {
        list_remove(&found->node);
        fan_answer_locked(found, answer.response);
    }
    spin_unlock(&state->lock);
    if (!found)
        return -ENOENT;
    fan_event_put(found);
    return sizeof(answer);
}

static uint32_t fan_poll(struct file *file, struct poll_table *table)
{
    struct fan_group *group = file->private;
    poll_wait(table, &group->wait);
    atomic_fence_seq(); /* registered before looking */
    return atomic_load_relaxed(&group->count) > 0 ? EPOLLIN | EPOLLRDNORM : 0;
}

static int64_t fan_ioctl(struct file *file, uint32_t command, uint64_t argument)
{
    const struct fan_group *group = file->private;
    if (command != FIONREAD)
        return -ENOTTY;
    uint32_t bytes =
        atomic_load_relaxed(&group->count) * (uint32_t)sizeof(struct linux_fanotify_event_metadata);
    return put_user_u32(argument, bytes);
}

static void fan_show(struct file *file, struct strbuf *out)
{
    struct fan_group *group = file->private;
    struct notify_state *state = notify_state_of(file->kernel);
    struct notify_mark *mark;
    strbuf_printf(out, "fanotify flags:%x event-flags:%x\n", group->flags, group->event_flags);
    spin_lock(&state->lock);
    list_for_each_entry (mark, &group->group.marks, group_node) {
        const struct inode *inode = mark->object;
        unsigned flags = fan_mark_of(mark)->flags;
        if (mark->type == NOTIFY_INODE)
            strbuf_printf(out, "fanotify ino:%llx sdev:%llx ", (unsigned long long)inode->ino,
                          (unsigned long long)inode->sb->dev);
        else if (mark->type == NOTIFY_MOUNT)
            strbuf_printf(out, "fanotify mnt_id:%x ", ((const struct mount *)mark->object)->id);
        else
            strbuf_printf(out, "fanotify sdev:%llx ",
                          (unsigned long long)((const struct superblock *)mark->object)->dev);
        strbuf_printf(out, "mflags:%x mask:%x ignored_mask:%x\n", flags, mark->mask, mark->ignored);
    }
    spin_unlock(&state->lock);
}

/* Nobody is left to answer: everybody may go on. */
static void fan_release(struct file *file)
{
    struct fan_group *group = file->private;
    struct notify_state *state = notify_state_of(file->kernel);
    struct fan_event *event;
    struct list rest;
    list_init(&rest);
    notify_group_clear(&group->group);
    spin_lock(&state->lock);
    list_splice_tail(&rest, &group->events);
    list_splice_tail(&rest, &group->access);
    list_for_each_entry (event, &rest, node)
        if ((event->mask & FAN_PERMISSION_EVENTS) && event->state != FAN_ANSWERED)
            fan_answer_locked(event, FAN_ALLOW);
    spin_unlock(&state->lock);
    while ((event = list_pop_head_entry(&rest, struct fan_event, node)))
        fan_event_put(event);
    user_total_sub(file->kernel, group->uid, USER_FANOTIFY_GROUPS, 1);
    kfree(group);
}

static const struct file_ops fan_file_ops = {
    .read = fan_read,
    .write = fan_write,
    .poll = fan_poll,
    .ioctl = fan_ioctl,
    .seek = null_seek,
    .release = fan_release,
    .show_fdinfo = fan_show,
};

bool fanotify_is_file(const struct file *file)
{
    return file->ops == &fan_file_ops;
}

uint32_t fanotify_flags(const struct file *file)
{
    return ((const struct fan_group *)file->private)->flags;
}

bool fanotify_is_limited(const struct file *file)
{
    return ((const struct fan_group *)file->private)->limited;
}

static void free_mark(struct notify_mark *mark)
{
    struct fan_group *group = fan_group_of(mark->group);
    if (!(group->flags & FAN_UNLIMITED_MARKS))
        user_total_sub(group->group.kernel, group->uid, USER_FANOTIFY_MARKS, 1);
    kfree(fan_mark_of(mark));
}

const struct notify_group_ops fanotify_group_ops = {.free = free_mark};

int fanotify_create(struct kernel *kernel, uint32_t flags, uint32_t event_flags, bool limited,
                    struct file **out)
{
    const struct notify_limits *limits = &notify_state_of(kernel)->limits;
    uint32_t uid = current_cred()->uid;
    uint64_t max = (uint64_t)(uint32_t)atomic_load_relaxed(&limits->fanotify_groups);
    int error = user_total_add(kernel, uid, USER_FANOTIFY_GROUPS, 1, max);
    if (error)
        return error;
    struct fan_group *group = kzalloc(sizeof(*group));
    error = -ENOMEM;
    if (group) {
        notify_group_init(&group->group, kernel, &fanotify_group_ops);
        group->flags = flags;
        group->event_flags = event_flags;
        group->limited = limited;
        group->uid = uid;
        group->events_max = flags & FAN_UNLIMITED_QUEUE
                                ? UINT32_MAX
                                : (unsigned)atomic_load_relaxed(&limits->fanotify_events);
        list_init(&group->events);
        list_init(&group->access);
        wait_queue_init(&group->wait);
        error = file_create_anon(kernel, "fanotify", &fan_file_ops, group,
                                 O_RDWR | (flags & FAN_NONBLOCK ? O_NONBLOCK : 0), 0600, out);
    }
    if (error) {
        kfree(group);
        user_total_sub(kernel, uid, USER_FANOTIFY_GROUPS, 1);
        return error;
    }
    (*out)->mode |= FILE_STREAM | FILE_NO_NOTIFY;
    return 0;
}

/* ---- marks ---- */

static enum notify_object object_of(const struct path *path, uint32_t flags, void **out)
{
    if (flags & FAN_MARK_MOUNT) {
        *out = path->mount;
        return NOTIFY_MOUNT;
    }
    if (flags & FAN_MARK_FILESYSTEM) {
        *out = path->mount->sb;
        return NOTIFY_SUPERBLOCK;
    }
    *out = dentry_inode(path->dentry);
    return NOTIFY_INODE;
}

enum {
    IGNORE_BITS = FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORE,
    KEPT_BITS = FAN_MARK_IGNORED_SURV_MODIFY | FAN_MARK_EVICTABLE | FAN_MARK_IGNORE,
};

/* The mark's sum with the mask. -EEXIST: one that stays cannot become evictable. */
static int add_to_mark_locked(struct fan_mark *mark, uint32_t flags, uint32_t mask, bool fresh)
{
    if (!fresh && (flags & FAN_MARK_EVICTABLE) && !(mark->flags & FAN_MARK_EVICTABLE))
        return -EEXIST;
    if (!fresh && !(flags & FAN_MARK_EVICTABLE))
        mark->flags &= ~(uint32_t)FAN_MARK_EVICTABLE;
    mark->flags |= flags & KEPT_BITS;
    bool ignore = flags & IGNORE_BITS;
    notify_mark_set_mask_locked(&mark->mark, mark->mark.mask | (ignore ? 0 : mask),
                                mark->mark.ignored | (ignore ? mask : 0));
    return 0;
}

int fanotify_add(struct file *file, const struct path *path, uint32_t flags, uint32_t mask)
{
    struct fan_group *group = file->private;
    struct notify_state *state = notify_state_of(file->kernel);
    uint64_t max = (uint64_t)(uint32_t)atomic_load_relaxed(&state->limits.fanotify_marks);
    bool counted = !(group->flags & FAN_UNLIMITED_MARKS);
    void *object;
    enum notify_object type = object_of(path, flags, &object);
    struct fan_mark *fresh = kzalloc(sizeof(*fresh));
    if (!fresh)
        return -ENOMEM;
    int full = counted ? user_total_add(file->kernel, group->uid, USER_FANOTIFY_MARKS, 1, max) : 0;

    spin_lock(&state->lock);
    struct notify_mark *mark = notify_mark_find_locked(&group->group, type, object);
    int error = 0;
    bool used = false;
    if (!mark) {
        error =
            full ? -ENOSPC : notify_mark_attach_locked(&fresh->mark, &group->group, type, object);
        used = !error;
    }
    if (!error)
        error = add_to_mark_locked(mark ? fan_mark_of(mark) : fresh, flags, mask, !mark);
    spin_unlock(&state->lock);
    if (!used) {
        if (counted && !full)
            user_total_sub(file->kernel, group->uid, USER_FANOTIFY_MARKS, 1);
        kfree(fresh);
    }
    return error;
}

int fanotify_remove(struct file *file, const struct path *path, uint32_t flags, uint32_t mask)
{
    struct fan_group *group = file->private;
    struct notify_state *state = notify_state_of(file->kernel);
    struct list dead;
    void *object;
    enum notify_object type = object_of(path, flags, &object);
    list_init(&dead);
    spin_lock(&state->lock);
    struct notify_mark *mark = notify_mark_find_locked(&group->group, type, object);
    if (mark) {
        if (flags & IGNORE_BITS)
            mark->ignored &= ~mask;
        else
            mark->mask &= ~mask;
        if (!(mark->mask & ~(uint32_t)(FAN_ONDIR | FAN_EVENT_ON_CHILD)) && !mark->ignored)
            notify_mark_remove_locked(mark, &dead);
    }
    spin_unlock(&state->lock);
    notify_marks_free(file->kernel, &dead);
    return mark ? 0 : -ENOENT;
}

void fanotify_flush(struct file *file, uint32_t flags)
{
    struct fan_group *group = file->private;
    struct notify_state *state = notify_state_of(file->kernel);
    enum notify_object type = flags & FAN_MARK_MOUNT        ? NOTIFY_MOUNT
                              : flags & FAN_MARK_FILESYSTEM ? NOTIFY_SUPERBLOCK
                                                            : NOTIFY_INODE;
    struct notify_mark *mark, *next;
    struct list dead;
    list_init(&dead);
    spin_lock(&state->lock);
    list_for_each_entry_safe (mark, next, &group->group.marks, group_node)
        if (mark->type == type)
            notify_mark_remove_locked(mark, &dead);
    spin_unlock(&state->lock);
    notify_marks_free(file->kernel, &dead);
}
