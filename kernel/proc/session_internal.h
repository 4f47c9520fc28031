/* SPDX-License-Identifier: MIT
 *
 * Membership of groups and sessions, for the files of proc/. All under the process-tree lock.
 */
#ifndef KERNEL_PROC_SESSION_INTERNAL_H
#define KERNEL_PROC_SESSION_INTERNAL_H

#include "kernel/proc/process_table.h"
#include "kernel/proc/session.h"

/* Unpublished objects with one reference, or NULL. */
struct process_group *process_group_create(int pgid);
struct session *session_create(int sid);

/* Enter the table under their number. Publishing keeps no reference: a group lives by its members
 * and other references, and leaves the table with its last member. */
void session_publish_locked(struct process_table *table, struct session *session);
void process_group_publish_locked(struct process_table *table, struct process_group *group,
                                  struct session *session);

void process_join_group_locked(struct process *process, struct process_group *group);
void process_leave_group_locked(struct process_table *table, struct process *process);

/* As process_group_is_orphaned, as if `leaving` were gone already. */
bool process_group_is_orphaned_without(struct process_group *group, struct process *leaving);

#endif
