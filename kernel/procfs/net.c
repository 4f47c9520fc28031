/* SPDX-License-Identifier: MIT
 *
 * /proc/PID/net: the network as the process sees it; proc_pid_net(5). /proc/net leads to one's own.
 */
#include "kernel/abi/sched.h"
#include "kernel/ipc/net_namespace.h"
#include "kernel/ipc/unix.h"
#include "kernel/proc/namespaces.h"
#include "kernel/procfs/proc_internal.h"
#include "kernel/procfs/seq_internal.h"

/* The cursor: 0 before the heading, then one more than the last socket's number. */
static int fill_sockets(struct net_namespace *net, uint64_t *cursor, struct strbuf *out)
{
    size_t start = out->length;
    if (*cursor == 0) {
        unix_show_heading(out);
        if (!proc_seq_fits(out, start))
            return 0;
        *cursor = 1;
    }
    for (;;) {
        uint64_t socket = *cursor - 1;
        start = out->length;
        if (!unix_show_next(net, &socket, out))
            return 1;
        if (!proc_seq_fits(out, start))
            return 0;
        *cursor = socket + 1;
    }
}

/* Of a process that is gone there is nothing to see. */
static int fill_unix(struct file *file, struct proc_seq *seq, uint64_t *cursor, struct strbuf *out)
{
    struct task *task = proc_inode_task(file->inode);
    struct ns_common *ns = task ? task_namespace(task, CLONE_NEWNET) : NULL;
    (void)seq;
    int result = ns ? fill_sockets(net_namespace_of(ns), cursor, out) : 1;
    namespace_put(ns);
    if (task)
        task_put(task);
    return result;
}

static const struct proc_seq_ops unix_sockets = {.fill = fill_unix};
static const struct inode_ops plain_ops = {.setattr = proc_setattr_refused};

static const struct proc_entry net_entries[] = {
    {"unix", S_IFREG | 0444, &plain_ops, &proc_seq_file_ops, &unix_sockets},
};

const struct proc_table pid_net_table = PROC_TABLE(net_entries, PROC_TABLE_NET);
