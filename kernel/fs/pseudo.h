/* SPDX-License-Identifier: MIT
 *
 * Building blocks for file systems whose files are made of text on the fly (procfs, sysfs).
 */
#ifndef KERNEL_FS_PSEUDO_H
#define KERNEL_FS_PSEUDO_H

#include "kernel/fs/vfs.h"
#include "kernel/lib/strbuf.h"

/* A file whose content is produced whole at the first read from position 0 (seq_file): show fills
 * the growing buffer. 0 or negative errno. */
struct text_file_ops {
    int (*show)(struct file *file, struct strbuf *out);
    int64_t (*write)(struct file *file, const char *text, size_t bytes); /* NULL: -EINVAL/EACCES */
};
/* Counts the changes of a text that may be polled for. */
struct text_event {
    uint32_t count; /* atomic */
    struct wait_queue wait;
};
void text_event_init(struct text_event *event);
void text_event_raise(struct text_event *event); /* it has changed; wakes who polls */

/* file_ops that serve it; inode->private points to the text_file_ops. */
extern const struct file_ops text_file_operations;
/* The same where inode->private points to this: EPOLLPRI and EPOLLERR while the text is another
 * than was read last. The event lives as long as the inode. */
struct text_event_ops {
    struct text_file_ops text; /* must be first */
    struct text_event *(*event)(struct file *file);
};
extern const struct file_ops text_event_operations;

#endif
