/* SPDX-License-Identifier: MIT
 *
 * Piping core dumps to a program (core(5), "Piping core dumps to a program").
 *
 * The program is a child of process 1: it has root's rights and the machine's first namespaces,
 * whatever the dying process has. The dumper makes the request, wakes process 1 and waits until the
 * program runs or has failed to; so a request lives on the dumper's stack. After that the pipe
 * alone joins the two.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/signal.h"
#include "kernel/abi/wait.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/vfs.h"
#include "kernel/ipc/pipe.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/core_internal.h"
#include "kernel/proc/process_internal.h"
#include "kernel/proc/session.h"
#include "kernel/proc/user_loop.h"
#include "kernel/sched/sched.h"

struct core_helper {
    struct list_node node; /* in process_table.core_helpers; process-tree lock, like tid */
    int tid;               /* who runs it; 0: nobody yet */
    char **argv;
    struct file *input; /* the helper's descriptor 0; referenced */
    struct wait_queue wait;
    bool done; /* it runs, or error; atomic */
    int error;
};

/* ---- the helper's side ---- */

static struct core_helper *find_helper(struct task *task)
{
    struct process_table *table = task->thread.kernel->processes;
    struct core_helper *helper, *found = NULL;
    spin_lock(&table->lock);
    list_for_each_entry(helper, &table->core_helpers, node)
    {
        if (helper->tid == task->tid)
            found = helper;
    }
    spin_unlock(&table->lock);
    assert(found);
    return found;
}

/* The dumper may go on, and its stack with the request away. */
static void report(struct process_table *table, struct core_helper *helper, int error)
{
    spin_lock(&table->lock);
    list_remove(&helper->node);
    helper->error = error;
    atomic_store_release(&helper->done, true);
    wake_all(&helper->wait);
    spin_unlock(&table->lock);
}

/* A helper that dumps core would be helped by another, without end. */
static void forbid_dumps(struct process *process)
{
    bool irq = spin_lock_irqsave(&process->signal_lock);
    process->rlimits[RLIMIT_CORE] = (struct linux_rlimit64){.rlim_cur = 1, .rlim_max = 1};
    spin_unlock_irqrestore(&process->signal_lock, irq);
}

static NORETURN void helper_main(void *argument)
{
    static char *const envp[] = {NULL};
    struct task *task = argument;
    struct process_table *table = task->thread.kernel->processes;
    struct core_helper *helper = find_helper(task);

    process_setsid(task->process);
    forbid_dumps(task->process);
    int fd = fd_add(file_get(helper->input), false);
    int error = fd < 0 ? fd : task_exec_kernel(helper->argv[0], helper->argv, envp);
    report(table, helper, error);
    if (error)
        process_exit(linux_wait_exited(127));
    user_loop_run(task);
    unreachable_panic();
}

/* ---- process 1 ---- */

static struct core_helper *next_request(struct process_table *table)
{
    struct core_helper *helper, *found = NULL;
    spin_lock(&table->lock);
    list_for_each_entry(helper, &table->core_helpers, node)
    {
        if (!helper->tid) {
            found = helper;
            break;
        }
    }
    spin_unlock(&table->lock);
    return found;
}

void core_start_helpers(struct kernel *kernel)
{
    const struct clone_args args = {.exit_signal = SIGCHLD};
    struct process_table *table = kernel->processes;
    struct core_helper *helper;
    while ((helper = next_request(table))) {
        struct task *task;
        thread_clear_interrupt(this_thread()); /* which no process is made with */
        int error = task_create(&args, helper_main, &task);
        if (error == -ERESTARTNOINTR)
            continue;
        if (error) {
            report(table, helper, error);
            continue;
        }
        spin_lock(&table->lock);
        helper->tid = task->tid;
        spin_unlock(&table->lock);
        thread_start(&task->thread);
    }
}

/* ---- the dumper's side ---- */

int core_open_pipe(struct core *core, char **argv)
{
    struct process_table *table = core->task->thread.kernel->processes;
    struct core_helper helper = {.argv = argv};
    int error = pipe_create(core->task->thread.kernel, 0, &helper.input, &core->file);
    if (error)
        return error;
    list_node_init(&helper.node);
    wait_queue_init(&helper.wait);
    spin_lock(&table->lock);
    list_add_tail(&table->core_helpers, &helper.node);
    thread_interrupt(&table->init->leader->thread, false);
    spin_unlock(&table->lock);
    wait_event(&helper.wait, atomic_load_acquire(&helper.done));
    spin_lock(&table->lock); /* until the reporter is through with the request */
    spin_unlock(&table->lock);
    file_put(helper.input);
    if (helper.error)
        file_put(core->file);
    else
        core->piped = true;
    return helper.error;
}
