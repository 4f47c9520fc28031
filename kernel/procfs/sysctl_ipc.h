/* SPDX-License-Identifier: MIT
 *
 * The files of inter-process communication below /proc, for the tables that have them.
 */
#ifndef KERNEL_PROCFS_SYSCTL_IPC_H
#define KERNEL_PROCFS_SYSCTL_IPC_H

#include "kernel/procfs/proc_internal.h"

struct ipc_namespace;

/* A parameter that is one or more numbers in a structure. */
struct ipc_parameter {
    struct text_file_ops text; /* must be first */
    void *(*base)(void);       /* the structure; NULL: struct ipc_limits */
    size_t offset;             /* in it */
    unsigned count;            /* numbers in the file */
    bool wide;                 /* uint64_t, else int32_t between: */
    int64_t min, max;
    void (*changed)(struct ipc_namespace *ns);
};

/* Ops of such a file. */
int proc_parameter_show(struct file *file, struct strbuf *out);
int64_t proc_parameter_write(struct file *file, const char *text, size_t bytes);

extern const struct ipc_parameter proc_shmmax, proc_shmall, proc_shmmni, proc_shm_rmid_forced;
extern const struct ipc_parameter proc_msgmax, proc_msgmnb, proc_msgmni, proc_sem;
extern const struct ipc_parameter proc_mq_queues_max, proc_mq_msg_max, proc_mq_msgsize_max;
extern const struct ipc_parameter proc_mq_msg_default, proc_mq_msgsize_default;
extern const struct ipc_parameter proc_inotify_events, proc_inotify_instances;
extern const struct ipc_parameter proc_inotify_watches, proc_fanotify_events;
extern const struct ipc_parameter proc_fanotify_groups, proc_fanotify_marks;
extern const struct ipc_parameter proc_lease_break_time;
extern const struct text_file_ops proc_shm_next_id, proc_sem_next_id, proc_msg_next_id;

extern const struct proc_table proc_sysvipc_table;

#endif
