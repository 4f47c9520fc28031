/* SPDX-License-Identifier: MIT
 *
 * System calls that another process decides, seccomp_unotify(2).
 */
#ifndef KERNEL_PROC_SECCOMP_NOTIFY_H
#define KERNEL_PROC_SECCOMP_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

struct file;
struct kernel;
struct linux_seccomp_data;
struct seccomp_notifier;
struct task;

/* What connects a filter and its listener: one reference for each. The file consumes its own. */
int seccomp_notifier_create(bool killable_after_receipt, struct seccomp_notifier **out);
void seccomp_notifier_put(struct seccomp_notifier *notifier);
int seccomp_notifier_open(struct kernel *kernel, struct seccomp_notifier *notifier,
                          struct file **out);
/* Is the listener still there? */
bool seccomp_notifier_listens(const struct seccomp_notifier *notifier);
/* The filter goes, and with it everybody whom it could stop. Any context. Drops its reference. */
void seccomp_notifier_orphan(struct seccomp_notifier *notifier);

/* The current task waits for the listener's answer (notifier NULL: there never was one). True: the
 * call goes on. False: *out_result is its result, maybe -ERESTARTSYS. */
bool seccomp_notify(struct seccomp_notifier *notifier, struct task *task,
                    const struct linux_seccomp_data *data, int64_t *out_result);

#endif
