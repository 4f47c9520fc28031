/* SPDX-License-Identifier: MIT
 *
 * The process table: which numbers are in use, by whom. Internal to proc/.
 */
#ifndef KERNEL_PROC_PROCESS_TABLE_H
#define KERNEL_PROC_PROCESS_TABLE_H

#include "kernel/abi/uname.h"
#include "kernel/core/spinlock.h"
#include "kernel/lib/xarray.h"
#include "kernel/proc/task.h"
#include "kernel/security/pid_namespace.h"

struct cgroup_ops;
struct file;
struct futex_table;
struct session_tty_ops;
struct slab_cache;
struct user_loop_ops;
struct vdso;

struct process_table {
    struct spinlock lock;       /* LOCK_RANK_PROCESS_TREE; the fields below */
    struct pid_namespace *pids; /* the initial one; constant */
    unsigned task_count;
    uint64_t forks;
    struct xarray users; /* uid -> struct user_count */
    struct process *init;
    unsigned ptrace_scope;    /* Yama's; atomic */
    char core_pattern[128];   /* see core_dump.h */
    bool core_uses_pid;       /* atomic */
    struct list core_helpers; /* requests for programs that take dumps; core_pipe.c */
    struct file *acct_file;   /* see acct.h; NULL: no accounting; also atomic */
    bool acct_suspended;      /* for want of room; atomic */
    bool power_requested;     /* by the power button; atomic */

    struct slab_cache *task_cache, *process_cache, *fpu_cache; /* constant */
    struct futex_table *futexes;
    struct vdso *vdso;           /* constant after boot; NULL: programs get none */
    struct wait_queue clock_set; /* woken after each change of CLOCK_REALTIME */

    const struct session_tty_ops *tty_ops;
    const struct user_loop_ops *user_ops;
    const struct cgroup_ops *cgroup_ops; /* constant after boot */
    bool cgroup_news; /* something for cgroup_ops->settle; atomic */
};

/* A new number, as pid_slot_create does it, with an empty slot. */
int pid_alloc(struct pid_namespace *ns, const int *wanted, unsigned count, struct pid_slot **out);
struct pid_slot *pid_slot_find(struct process_table *table, int pid) MUST_HOLD(&table->lock);
/* Free the slot if nothing uses the number any more. */
void pid_slot_release(struct process_table *table, int pid) MUST_HOLD(&table->lock);

#endif
