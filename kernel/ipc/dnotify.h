/* SPDX-License-Identifier: MIT
 *
 * Directory notification by signals (fcntl(2) F_NOTIFY).
 */
#ifndef KERNEL_IPC_DNOTIFY_H
#define KERNEL_IPC_DNOTIFY_H

#include <stdint.h>

struct file;
struct file_table;
struct kernel;
struct notify_state;

/* mask: DN_*; without events: no more. 0, -ENOTDIR, -ENOMEM. */
int dnotify_set(struct file *file, int fd, uint32_t mask);
/* A descriptor of the file is closed in the table: its owner hears no more. */
void dnotify_close(struct file *file, struct file_table *owner);
/* Send the signals that events have asked for; without locks. */
void dnotify_deliver(struct kernel *kernel);

#endif
