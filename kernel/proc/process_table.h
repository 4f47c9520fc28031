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

enum { PID_INIT = 1, PID_MAX = 32768 };

struct futex_table;
struct session_tty_ops;
struct slab_cache;
struct user_loop_ops;
struct vdso;

/* Everything that one number means. It stays taken while any of these is set, so that a pid is
 * not reused while it still names a group or a session. */
struct pid_slot {
    struct task *task;
    struct process *process;
    struct process_group *group;
    struct session *session;
};

struct process_table {
    struct spinlock lock;        /* LOCK_RANK_PROCESS_TREE; the fields below */
    struct xarray slots;         /* number -> struct pid_slot */
    uint64_t cursor;
    unsigned task_count;
    int last_pid;
    uint64_t forks;
    struct xarray users;         /* uid -> struct user_count */
    struct process *init;
    unsigned ptrace_scope;       /* Yama's; atomic */
    char core_pattern[128];      /* see core_dump.h */
    bool core_uses_pid;          /* atomic */
    bool power_requested;        /* by the power button; atomic */

    struct slab_cache *task_cache, *process_cache, *fpu_cache; /* constant */
    struct futex_table *futexes;
    struct vdso *vdso;           /* constant after boot; NULL: programs get none */
    struct wait_queue clock_set; /* woken after each change of CLOCK_REALTIME */

    const struct session_tty_ops *tty_ops;
    const struct user_loop_ops *user_ops;
};

/* Allocate a number (want 0: the next free one) with an empty slot. -EAGAIN, -EEXIST, -ENOMEM. */
int pid_alloc(struct process_table *table, int want, struct pid_slot **out_slot, int *out_pid);
struct pid_slot *pid_slot_find(struct process_table *table, int pid) MUST_HOLD(&table->lock);
/* Free the slot if nothing uses the number any more. */
void pid_slot_release(struct process_table *table, int pid) MUST_HOLD(&table->lock);

#endif
