/* SPDX-License-Identifier: MIT
 *
 * Texts made record by record. A reader that goes on where it stopped costs one step; one that
 * jumps makes the text run again from its beginning.
 */
#include "kernel/procfs/seq_internal.h"

#include "kernel/abi/errno.h"
#include "kernel/mm/slab.h"

enum { SEQ_BUFFER = 4096, SEQ_BUFFER_MAX = 1 << 20 };

bool proc_seq_fits(struct strbuf *out, size_t start)
{
    if (!strbuf_overflowed(out))
        return true;
    out->length = out->needed = start;
    out->text[start] = 0;
    return false;
}

int proc_seq_open(struct inode *inode, struct file *file)
{
    const struct proc_seq_ops *ops = inode->private;
    struct proc_seq *seq = kzalloc(sizeof(*seq));
    if (!seq)
        return -ENOMEM;
    mutex_init(&seq->lock, LOCK_RANK_NONE);
    int error = ops->open ? ops->open(file, seq) : 0;
    if (error) {
        kfree(seq);
        return error;
    }
    file->private = seq;
    file->mode |= FILE_NO_PWRITE;
    return 0;
}

void proc_seq_release(struct file *file)
{
    struct proc_seq *seq = file->private;
    kfree(seq->buffer);
    kfree(seq);
}

static void rewind_locked(struct proc_seq *seq)
{
    seq->start = seq->length = 0;
    seq->pos = seq->cursor = 0;
    seq->ended = false;
}

static int grow_locked(struct proc_seq *seq)
{
    size_t size = seq->size ? seq->size * 2 : SEQ_BUFFER;
    if (size > SEQ_BUFFER_MAX)
        return -ENOMEM;
    char *buffer = kmalloc(size);
    if (!buffer)
        return -ENOMEM;
    kfree(seq->buffer);
    seq->buffer = buffer;
    seq->size = size;
    return 0;
}

/* Have at least one unread byte in the buffer, unless the text has ended. */
static int advance_locked(struct file *file, struct proc_seq *seq)
{
    const struct proc_seq_ops *ops = file->inode->private;
    while (seq->length == 0 && !seq->ended) {
        struct strbuf out;
        int error = seq->buffer ? 0 : grow_locked(seq);
        if (error)
            return error;
        strbuf_init(&out, seq->buffer, seq->size);
        int result = ops->fill(file, seq, &seq->cursor, &out);
        if (result < 0)
            return result;
        seq->start = 0;
        seq->length = out.length;
        seq->ended = result == 1;
        if (seq->length == 0 && !seq->ended) { /* not even one record fits */
            error = grow_locked(seq);
            if (error)
                return error;
        }
    }
    return 0;
}

static void consume_locked(struct proc_seq *seq, size_t bytes)
{
    seq->start += bytes;
    seq->length -= bytes;
    seq->pos += bytes;
}

static int seek_locked(struct file *file, struct proc_seq *seq, uint64_t pos)
{
    if (pos < seq->pos || pos == 0)
        rewind_locked(seq);
    while (seq->pos < pos) {
        int error = advance_locked(file, seq);
        if (error)
            return error;
        if (seq->length == 0)
            return 0;
        consume_locked(seq, (size_t)MIN(pos - seq->pos, (uint64_t)seq->length));
    }
    return 0;
}

int64_t proc_seq_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct proc_seq *seq = file->private;
    mutex_lock(&seq->lock);
    int64_t result = seek_locked(file, seq, *pos);
    if (result == 0 && uio->remaining > 0)
        result = advance_locked(file, seq);
    if (result == 0 && uio->remaining > 0 && seq->length > 0 && seq->pos == *pos) {
        size_t bytes = uio_copy_to(uio, seq->buffer + seq->start, seq->length);
        consume_locked(seq, bytes);
        *pos += bytes;
        result = bytes ? (int64_t)bytes : -EFAULT;
    }
    mutex_unlock(&seq->lock);
    return result;
}

int64_t proc_seq_seek(struct file *file, int64_t offset, int whence)
{
    if (whence != SEEK_SET && whence != SEEK_CUR)
        return -EINVAL;
    return generic_seek_size(file, offset, whence, 0);
}

const struct file_ops proc_seq_file_ops = {
    .open = proc_seq_open,
    .release = proc_seq_release,
    .read = proc_seq_read,
    .seek = proc_seq_seek,
};
