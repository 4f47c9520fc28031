/* SPDX-License-Identifier: MIT
 *
 * /dev/kmsg: the kernel log as a device; the format is in Linux's
 * Documentation/ABI/testing/dev-kmsg.
 *
 * Every read gives one record. A reader that the ring overtook gets EPIPE once and goes on with the
 * oldest record. Written lines may start with "<priority>".
 */
#include "kernel/core/klog.h"
#include "kernel/fs/vfs_internal.h"
#include "kernel/lib/log.h"
#include "kernel/lib/parse.h"
#include "kernel/sched/wait.h"

enum { FACILITY_USER = 1, WRITE_MAX = 992 };

struct kmsg_reader {
    struct mutex lock;
    uint64_t sequence;
    struct log_record record;
    char text[LOG_TEXT_MAX];
    char line[LOG_KMSG_MAX];
};

static int kmsg_open(struct inode *inode, struct file *file)
{
    (void)inode;
    if (!(file->mode & FILE_READ))
        return 0;
    struct kmsg_reader *reader = kzalloc(sizeof(*reader));
    if (!reader)
        return -ENOMEM;
    mutex_init(&reader->lock, LOCK_RANK_NONE);
    reader->sequence = klog_first_sequence();
    file->private = reader;
    return 0;
}

static void kmsg_release(struct file *file)
{
    kfree(file->private);
}

/* 1: a record is in reader->record. 0: none yet. */
static int64_t next_record(struct file *file, struct kmsg_reader *reader)
{
    for (;;) {
        int got = klog_read(&reader->sequence, &reader->record, reader->text);
        if (got != 0)
            return got;
        if (file_is_nonblocking(file))
            return -EAGAIN;
        int error =
            wait_event_interruptible(klog_wait_queue(), klog_next_sequence() > reader->sequence);
        if (error)
            return error;
    }
}

static int64_t kmsg_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct kmsg_reader *reader = file->private;
    (void)pos;
    mutex_lock(&reader->lock);
    uint64_t at = reader->sequence;
    int64_t result = next_record(file, reader);
    if (result == 1) {
        size_t length = (size_t)log_format_kmsg(&reader->record, reader->text, reader->line,
                                                sizeof(reader->line));
        if (length > uio->remaining) {
            result = -EINVAL;
            reader->sequence = at;
        } else if (uio_copy_to(uio, reader->line, length) != length) {
            result = -EFAULT;
        } else {
            result = (int64_t)length;
        }
    }
    mutex_unlock(&reader->lock);
    return result;
}

static int64_t kmsg_write(struct file *file, struct uio *uio, uint64_t *pos)
{
    char line[WRITE_MAX + 1];
    int64_t bytes = (int64_t)uio->remaining;
    (void)file;
    (void)pos;
    if (bytes > WRITE_MAX)
        return -EINVAL;
    if (uio_copy_from(line, uio, (size_t)bytes) != (size_t)bytes)
        return -EFAULT;
    line[bytes] = 0;
    const char *text = line;
    unsigned priority = FACILITY_USER << 3 | KLOG_WARNING;
    if (*text == '<') {
        const char *cursor = text + 1;
        uint64_t value;
        if (kparse_u64(&cursor, 10, &value) == 0 && *cursor == '>' && value < 1 << 16) {
            priority = (unsigned)value;
            if (priority >> 3 == 0) /* the kernel's own facility is not for users */
                priority |= FACILITY_USER << 3;
            text = cursor + 1;
        }
    }
    size_t length = kstrlen(text);
    while (length > 0 && text[length - 1] == '\n')
        length--;
    klog_write(priority, text, length);
    return bytes;
}

static int64_t kmsg_seek(struct file *file, int64_t offset, int whence)
{
    struct kmsg_reader *reader = file->private;
    if (!reader)
        return -EBADF;
    if (offset)
        return -ESPIPE;
    mutex_lock(&reader->lock);
    int64_t result = 0;
    switch (whence) {
    case SEEK_SET:
        reader->sequence = klog_first_sequence();
        break;
    case SEEK_DATA: /* after the last SYSLOG_ACTION_CLEAR */
        reader->sequence = MAX(klog_positions()->cleared, klog_first_sequence());
        break;
    case SEEK_END:
        reader->sequence = klog_next_sequence();
        break;
    default:
        result = -EINVAL;
    }
    mutex_unlock(&reader->lock);
    return result;
}

static uint32_t kmsg_poll(struct file *file, struct poll_table *table)
{
    struct kmsg_reader *reader = file->private;
    if (!reader)
        return EPOLLERR | EPOLLNVAL;
    poll_wait(table, klog_wait_queue());
    uint32_t events = 0;
    if (klog_next_sequence() > reader->sequence)
        events = EPOLLIN | EPOLLRDNORM;
    if (klog_first_sequence() > reader->sequence)
        events |= EPOLLERR | EPOLLPRI;
    return events;
}

const struct file_ops kmsg_ops = {
    .open = kmsg_open,
    .release = kmsg_release,
    .read = kmsg_read,
    .write = kmsg_write,
    .seek = kmsg_seek,
    .poll = kmsg_poll,
};
