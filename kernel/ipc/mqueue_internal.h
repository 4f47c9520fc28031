/* SPDX-License-Identifier: MIT
 *
 * A POSIX message queue as mqueue.c (messages) and mqueue_fs.c (names and files) see it.
 */
#ifndef KERNEL_IPC_MQUEUE_INTERNAL_H
#define KERNEL_IPC_MQUEUE_INTERNAL_H

#include "kernel/abi/errno.h"
#include "kernel/abi/signal.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/vfs.h"
#include "kernel/ipc/ipc.h"
#include "kernel/ipc/mqueue.h"
#include "kernel/ipc/sysv_internal.h"

struct mq_message {
    struct list_node node;
    unsigned priority;
    size_t bytes;
    char data[];
};

/* All queues of a namespace: superblock->private. */
struct mqueue_fs {
    struct ipc_namespace *ns; /* NULL once that is gone; atomic */
    struct list queues;       /* struct mqueue; the root directory's mutex */
    uint64_t next_position;
    uint32_t count; /* with and without a name; atomic */
};

struct mqueue {
    struct list_node node; /* in fs->queues while it has a name; holds the inode then */
    struct inode *inode;
    char name[VFS_NAME_MAX + 1];
    uint64_t position;            /* in the directory */
    struct mqueue_fs *counted_in; /* NULL: not counted yet */
    uint32_t uid;
    uint64_t charged; /* bytes of RLIMIT_MSGQUEUE */

    struct spinlock lock; /* LOCK_RANK_OBJECT; all below */
    int64_t messages_max, bytes_max, count;
    uint64_t bytes;
    struct list messages; /* by priority, then age */
    struct list senders;  /* struct mq_waiter, first to be served first */
    struct list receivers;
    struct wait_queue poll_wait;
    void *notify_process; /* a process of ipc_hooks, or NULL */
    struct linux_sigevent notify_event;
    struct mqueue_cookie notify_cookie; /* SIGEV_THREAD */
};

static inline struct mqueue *mqueue_of(const struct file *file)
{
    return file->inode->private;
}

extern const struct file_ops mqueue_file_ops;

void mqueue_init_messages(struct mqueue *queue, const struct linux_mq_attr *attr);
void mqueue_free_messages(struct mqueue *queue);
uint32_t mqueue_poll(struct file *file, struct poll_table *table);
/* The current process closes a descriptor: its notification is over. */
void mqueue_notify_close(struct mqueue *queue);
/* Nobody uses the queue any more. */
void mqueue_notify_drop(struct mqueue *queue);
/* "QSIZE:…" */
void mqueue_describe(struct mqueue *queue, struct strbuf *out);

#endif
