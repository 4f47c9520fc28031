/* SPDX-License-Identifier: MIT
 *
 * How many tasks each real user has (RLIMIT_NPROC of setrlimit(2)). Internal to proc/.
 */
#ifndef KERNEL_PROC_USER_COUNT_H
#define KERNEL_PROC_USER_COUNT_H

#include "kernel/proc/process_table.h"

void user_count_init(struct process_table *table);

/* Count `task` for the user `uid` unless he has limit tasks already. 0, -EAGAIN, -ENOMEM. Without
 * locks. */
int user_count_add(struct process_table *table, struct task *task, uint32_t uid, uint64_t limit);
/* The task is no longer counted; no effect if it is not. */
void user_count_remove_locked(struct process_table *table, struct task *task)
    MUST_HOLD(&table->lock);

#endif
