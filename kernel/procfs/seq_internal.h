/* SPDX-License-Identifier: MIT
 *
 * Texts of any length, made record by record as they are read: only what one read needs is ever in
 * memory, and nothing is locked while it is copied to the reader.
 */
#ifndef KERNEL_PROCFS_SEQ_INTERNAL_H
#define KERNEL_PROCFS_SEQ_INTERNAL_H

#include "kernel/fs/vfs.h"
#include "kernel/lib/strbuf.h"

/* One open file; file->private. */
struct proc_seq {
    struct mutex lock; /* the fields below */
    char *buffer;
    size_t size, start, length; /* of the buffer; of the part not read yet */
    uint64_t pos;               /* file position of that part */
    uint64_t cursor;            /* where the next record starts; the meaning is the file's */
    bool ended;
    uint64_t stamp; /* for the file's open and poll */
};

struct proc_seq_ops {
    /* May be NULL. An error fails the open. */
    int (*open)(struct file *file, struct proc_seq *seq);
    /* Append the records from *cursor (first 0) on while they fit, and move the cursor behind the
     * last one that did: see proc_seq_fits. 1: that was all; 0: there is more; or negative errno.
     */
    int (*fill)(struct file *file, struct proc_seq *seq, uint64_t *cursor, struct strbuf *out);
};

/* inode->private points to the proc_seq_ops. */
extern const struct file_ops proc_seq_file_ops;
int proc_seq_open(struct inode *inode, struct file *file);
void proc_seq_release(struct file *file);
int64_t proc_seq_read(struct file *file, struct uio *uio, uint64_t *pos);
int64_t proc_seq_seek(struct file *file, int64_t offset, int whence);

/* After a record was written from `start` (out->length before it) on: did it fit? Otherwise it is
 * taken back. */
bool proc_seq_fits(struct strbuf *out, size_t start);

#endif
