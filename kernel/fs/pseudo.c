/* SPDX-License-Identifier: MIT
 *
 * Files made of text: the content is produced whole when reading starts and kept with the open
 * file, so that a reader who takes it in pieces sees one consistent text.
 */
#include "kernel/fs/pseudo.h"
#include "kernel/fs/vfs_internal.h"

enum { TEXT_INITIAL = 4096, TEXT_MAX = 4 << 20, TEXT_WRITE_MAX = 1 << 20 };

struct text {
    struct mutex lock;
    char *buffer;
    size_t length;
    bool ready;
    struct text_event *event; /* NULL: its changes are not announced */
    uint32_t seen;            /* the event's count when the text was made; atomic */
};

static int text_open(struct inode *inode, struct file *file)
{
    (void)inode;
    struct text *text = kzalloc(sizeof(*text));
    if (!text)
        return -ENOMEM;
    mutex_init(&text->lock, LOCK_RANK_NONE);
    file->private = text;
    return 0;
}

static void text_release(struct file *file)
{
    struct text *text = file->private;
    kfree(text->buffer);
    kfree(text);
}

/* Produce the text, in a buffer that is doubled until it fits. */
static int produce(struct file *file, struct text *text)
{
    const struct text_file_ops *ops = file->inode->private;
    if (text->event)
        atomic_store_relaxed(&text->seen, atomic_load_acquire(&text->event->count));
    for (size_t size = TEXT_INITIAL; size <= TEXT_MAX; size *= 2) {
        char *buffer = kmalloc(size);
        if (!buffer)
            return -ENOMEM;
        struct strbuf out;
        strbuf_init(&out, buffer, size);
        int error = ops->show ? ops->show(file, &out) : -EINVAL;
        if (!error && !strbuf_overflowed(&out)) {
            kfree(text->buffer);
            text->buffer = buffer;
            text->length = out.length;
            text->ready = true;
            return 0;
        }
        kfree(buffer);
        if (error)
            return error;
        while (size <= out.needed && size < TEXT_MAX)
            size *= 2;
    }
    return -ENOMEM;
}

static int64_t text_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct text *text = file->private;
    int64_t result = 0;
    mutex_lock(&text->lock);
    if (*pos == 0 || !text->ready)
        result = produce(file, text);
    if (result == 0 && *pos < text->length && uio->remaining > 0) {
        size_t bytes = uio_copy_to(uio, text->buffer + *pos, text->length - *pos);
        *pos += bytes;
        result = bytes ? (int64_t)bytes : -EFAULT;
    }
    mutex_unlock(&text->lock);
    return result;
}

static int64_t text_write(struct file *file, struct uio *uio, uint64_t *pos)
{
    const struct text_file_ops *ops = file->inode->private;
    if (!ops->write)
        return -EINVAL;
    size_t bytes = MIN(uio->remaining, (uint64_t)TEXT_WRITE_MAX);
    char *buffer = kmalloc(bytes + 1);
    if (!buffer)
        return -ENOMEM;
    int64_t result = -EFAULT;
    if (uio_copy_from(buffer, uio, bytes) == bytes) {
        buffer[bytes] = 0;
        result = ops->write(file, buffer, bytes);
    }
    kfree(buffer);
    if (result > 0)
        *pos += (uint64_t)result;
    return result;
}

static int64_t text_seek(struct file *file, int64_t offset, int whence)
{
    if (whence != SEEK_SET && whence != SEEK_CUR)
        return -EINVAL;
    return generic_seek_size(file, offset, whence, 0);
}

const struct file_ops text_file_operations = {
    .open = text_open,
    .release = text_release,
    .read = text_read,
    .write = text_write,
    .seek = text_seek,
};

/* ---- texts that announce their changes ---- */

/* Nobody has read anything yet, so the first poll finds news. */
void text_event_init(struct text_event *event)
{
    event->count = 1;
    wait_queue_init(&event->wait);
}

void text_event_raise(struct text_event *event)
{
    atomic_fetch_add_release(&event->count, 1);
    wake_all(&event->wait);
}

static int text_event_open(struct inode *inode, struct file *file)
{
    const struct text_event_ops *ops = inode->private;
    int error = text_open(inode, file);
    if (!error)
        ((struct text *)file->private)->event = ops->event(file);
    return error;
}

static uint32_t text_poll(struct file *file, struct poll_table *table)
{
    const struct text *text = file->private;
    struct text_event *event = text->event;
    poll_wait(table, &event->wait);
    uint32_t ready = EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM;
    if (atomic_load_relaxed(&text->seen) != atomic_load_acquire(&event->count))
        ready |= EPOLLERR | EPOLLPRI;
    return ready;
}

const struct file_ops text_event_operations = {
    .open = text_event_open,
    .release = text_release,
    .read = text_read,
    .write = text_write,
    .seek = text_seek,
    .poll = text_poll,
};
