/* SPDX-License-Identifier: MIT
 *
 * The built-in strace(1): what each task asked and got, one line per system call.
 *
 * What a call is given is written when it begins, into a line of its own, because the call may
 * change that memory; what it gives back is added at the end, when the line goes out in one piece.
 * So lines of several tasks never mix. A call that does not return (exit) is written at its
 * beginning.
 *
 * The lines of calls in progress hang in a table by task. Only a task itself adds and takes its
 * line.
 */
#include "kernel/syscall/trace.h"

#include "hal/console.h"
#include "hal/user.h"
#include "kernel/abi/errno.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/hash.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/task.h"
#include "kernel/syscall/syscalls.h"
#include "kernel/syscall/trace_struct_internal.h"

enum { TRACE_LINE_BYTES = 3072, TRACE_BUCKETS = 64 };

struct trace_line {
    struct list_node node;
    const struct task *task;
    uint64_t number;
    uint64_t args[6];
    struct strbuf text;
    char buffer[TRACE_LINE_BYTES];
};

struct trace_state {
    struct spinlock lock; /* LOCK_RANK_OBJECT: the lists */
    struct list lines[TRACE_BUCKETS];
};

int trace_init(struct kernel *kernel)
{
    struct trace_state *state = kmalloc(sizeof(*state));
    if (!state)
        return -ENOMEM;
    spin_lock_init(&state->lock, LOCK_RANK_OBJECT);
    for (unsigned i = 0; i < TRACE_BUCKETS; i++)
        list_init(&state->lines[i]);
    kernel->trace = state;
    return 0;
}

static struct list *bucket_of(struct trace_state *state, const struct task *task)
{
    return &state->lines[hash_u64((uint64_t)(uintptr_t)task) % TRACE_BUCKETS];
}

static void line_keep(struct trace_state *state, struct trace_line *line)
{
    spin_lock(&state->lock);
    list_add_head(bucket_of(state, line->task), &line->node);
    spin_unlock(&state->lock);
}

static struct trace_line *line_take(struct trace_state *state, const struct task *task)
{
    struct trace_line *line, *found = NULL;
    spin_lock(&state->lock);
    list_for_each_entry(line, bucket_of(state, task), node)
    {
        if (line->task == task) {
            found = line;
            list_remove(&line->node);
            break;
        }
    }
    spin_unlock(&state->lock);
    return found;
}

/* Write the line out whole, cut if it was too long, and free it. */
static void line_finish(struct trace_line *line)
{
    if (strbuf_overflowed(&line->text)) {
        static const char mark[] = "...<cut>";
        memcpy(line->buffer + sizeof(line->buffer) - 1 - sizeof(mark), mark, sizeof(mark) - 1);
        line->text.length = sizeof(line->buffer) - 2;
    }
    line->buffer[line->text.length] = '\n';
    hal_console_write(HAL_CHANNEL_TRACE, line->buffer, line->text.length + 1);
    kfree(line);
}

static struct trace_line *line_begin(struct task *task)
{
    struct trace_line *line = kmalloc(sizeof(*line));
    if (!line)
        return NULL;
    line->task = task;
    /* The last byte is for the newline. */
    strbuf_init(&line->text, line->buffer, sizeof(line->buffer) - 1);
    strbuf_printf(&line->text, "[%d] ", task->tid);
    return line;
}

void trace_enter(struct task *task, const struct hal_regs *regs)
{
    struct trace_state *state = task->thread.kernel->trace;
    struct trace_line *line = line_begin(task);
    if (!line)
        return;
    line->number = regs->rax;
    const uint64_t args[6] = {regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8, regs->r9};
    memcpy(line->args, args, sizeof(args));
    trace_put_begin(&line->text, line->number, line->args);
    if (line->number == SYS_exit || line->number == SYS_exit_group) {
        strbuf_puts(&line->text, ") = ?");
        line_finish(line);
        return;
    }
    line_keep(state, line);
}

void trace_leave(struct task *task, const struct hal_regs *regs)
{
    struct trace_line *line = line_take(task->thread.kernel->trace, task);
    if (!line)
        return;
    trace_put_end(&line->text, line->number, line->args, (int64_t)regs->rax);
    line_finish(line);
}

void trace_signal(struct task *task, const struct linux_siginfo *info)
{
    struct trace_line *line = line_begin(task);
    if (!line)
        return;
    struct trace_call call = {.out = &line->text};
    strbuf_puts(&line->text, "--- ");
    trace_put_signal(&line->text, info->si_signo);
    strbuf_putc(&line->text, ' ');
    trace_put_siginfo(&call, info);
    strbuf_puts(&line->text, " ---");
    line_finish(line);
}
