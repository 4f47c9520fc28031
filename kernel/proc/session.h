/* SPDX-License-Identifier: MIT
 *
 * Sessions and process groups (setsid(2), setpgid(2)), and their bond with terminals.
 */
#ifndef KERNEL_PROC_SESSION_H
#define KERNEL_PROC_SESSION_H

#include "kernel/proc/task.h"

struct session *session_get(struct session *session);
void session_put(struct session *session);
struct process_group *process_group_get(struct process_group *group);
void process_group_put(struct process_group *group);
struct process_group *process_group_find(struct kernel *kernel, int pgid); /* referenced */

/* No member has a parent in another group of the same session. Process-tree lock held. */
bool process_group_is_orphaned(struct process_group *group);

/* setsid(2), setpgid(2). */
int64_t process_setsid(struct process *process);
int process_setpgid(struct process *self, int pid, int pgid);

/* What proc/ asks of the terminal layer; installed by tty/. Called without locks. */
struct session_tty_ops {
    void (*leader_exited)(struct session *session); /* hang up the controlling terminal */
    void (*get)(struct tty *tty);
    void (*put)(struct tty *tty);
    uint64_t (*number)(struct tty *tty);            /* dev_t for /proc/PID/stat */
    int (*foreground)(struct tty *tty);             /* pgid or -1 */
};
void session_set_tty_ops(struct kernel *kernel, const struct session_tty_ops *ops);
const struct session_tty_ops *session_tty_ops(struct kernel *kernel);

#endif
