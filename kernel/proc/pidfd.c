/* SPDX-License-Identifier: MIT
 *
 * Process file descriptors (pidfd_open(2)): a reference to a process that no reuse of its number can
 * mislead. Readable when every thread has exited.
 */
#include "kernel/proc/pidfd.h"

#include "kernel/abi/poll.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/strbuf.h"
#include "kernel/proc/task.h"
#include "kernel/security/pid_namespace.h"

static void pidfd_release(struct file *file)
{
    process_put(file->private);
}

static uint32_t pidfd_poll(struct file *file, struct poll_table *table)
{
    struct process *process = file->private;
    poll_wait(table, &process->exit_wait);
    return atomic_load_acquire(&process->state) == PROCESS_ALIVE ? 0 : EPOLLIN | EPOLLRDNORM;
}

static void pidfd_show(struct file *file, struct strbuf *out)
{
    struct process *process = file->private;
    int pid = atomic_load_acquire(&process->state) == PROCESS_REAPED
                  ? -1
                  : current_pid_shown(process->pid);
    strbuf_printf(out, "Pid:\t%d\nNSpid:\t%d", pid, pid);
    /* Those in the namespaces below, as far as there are any. */
    struct pid_slot *slot = pid > 0 ? pid_slot_of(process->kernel, process->pid) : NULL;
    for (unsigned i = current_pid_namespace()->level + 1; slot && i <= slot->level; i++)
        strbuf_printf(out, "\t%d", slot->names[i].number);
    pid_slot_put(slot);
    strbuf_putc(out, '\n');
}

static const struct file_ops pidfd_ops = {
    .release = pidfd_release,
    .poll = pidfd_poll,
    .show_fdinfo = pidfd_show,
};

int pidfd_create(struct process *process, uint32_t flags)
{
    struct file *file;
    int error = file_create_anon(process->kernel, "pidfd", &pidfd_ops, process_get(process),
                                 O_RDWR | flags, 0, &file);
    if (error) {
        process_put(process);
        return error;
    }
    return fd_add(file, true);
}

struct process *pidfd_process(struct file *file)
{
    return file->ops == &pidfd_ops ? process_get(file->private) : NULL;
}
