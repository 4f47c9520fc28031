/* SPDX-License-Identifier: MIT
 *
 * Control groups, version 2: cgroups(7).
 */
#ifndef KERNEL_CGROUP_CGROUP_H
#define KERNEL_CGROUP_CGROUP_H

struct kernel;
struct strbuf;
struct task;

/* Lines of /proc/PID/cgroup, as seen from the current cgroup namespace, and of /proc/cgroups. */
int cgroup_show_task(struct task *task, struct strbuf *out);
int cgroup_show_controllers(struct kernel *kernel, struct strbuf *out);

#endif
