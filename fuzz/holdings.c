/* SPDX-License-Identifier: MIT
 *
 * Pages and objects that the kernel holds, compared (holdings.h).
 */
#include "fuzz/holdings.h"

#include <string.h>

#include "kernel/core/kernel.h"
#include "kernel/lib/printf.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/task.h"
#include "kernel/security/pid_namespace.h"

void holdings_take(struct holdings *out)
{
    const char *name;
    size_t size;
    uint64_t pages;

    memset(out, 0, sizeof *out);
    out->usage = fuzz_usage();
    for (unsigned i = 0; i < ARRAY_SIZE(out->live); i++) {
        if (slab_describe(this_kernel(), i, &name, &size, &out->live[i], &pages) < 0)
            break;
        out->general[i] = kstr_starts_with(name, "kmalloc");
        if (kstr_equal(name, "slab")) /* the allocator's own; it keeps empty slabs */
            out->live[i] = 0;
    }
}

bool holdings_grew(const struct holdings *before, const struct holdings *after, bool lenient)
{
    if (after->usage.pages > before->usage.pages)
        return true;
    for (unsigned i = 0; i < ARRAY_SIZE(before->live); i++) {
        if (after->live[i] > before->live[i] && !(lenient && after->general[i]))
            return true;
    }
    return false;
}

void holdings_allow(struct holdings *before, const struct holdings *after)
{
    for (unsigned i = 0; i < ARRAY_SIZE(before->live); i++) {
        if (after->live[i] > before->live[i])
            before->live[i] = after->live[i];
    }
}

const char *holdings_describe_tasks(void)
{
    static char report[2048];
    size_t used = 0;

    int number = 0;
    for (struct process *process = NULL, *next;; process = next) {
        next = process_next(&this_kernel()->pids->initial, &number);
        if (process)
            process_put(process);
        if (!next)
            return report;
        used += (size_t)kscnprintf(
            report + used, sizeof report - used, "; %d(parent %d, state %d%s", next->pid,
            next->parent ? next->parent->pid : 0, next->state, next->group_exiting ? ", ends" : "");
        for (struct task *task = process_next_task(next, 0), *other; task; task = other) {
            used += (size_t)kscnprintf(
                report + used, sizeof report - used, " task %d: state %d%s%s cpu %u call %d",
                task->tid, task->thread.state, task->thread.killed ? " killed" : "",
                task->thread.on_cpu ? " running" : "", task->thread.cpu, (int)task->syscall_nr);
            other = process_next_task(next, task->tid);
            task_put(task);
        }
        used += (size_t)kscnprintf(report + used, sizeof report - used, ")");
    }
}

void holdings_fail(const struct holdings *before, const struct holdings *after)
{
    static char report[1024];
    const char *name;
    size_t size;
    uint64_t live, pages, used = 0;

    report[0] = '\0';
    for (unsigned i = 0; i < ARRAY_SIZE(before->live); i++) {
        if (slab_describe(this_kernel(), i, &name, &size, &live, &pages) < 0)
            break;
        if (after->live[i] > before->live[i] && used + 80 < sizeof report)
            used += (uint64_t)ksnprintf(report + used, sizeof report - used, " %s +%llu", name,
                                        (unsigned long long)(after->live[i] - before->live[i]));
    }
    fuzz_fail("leak: pages %+lld, objects:%s%s",
              (long long)(after->usage.pages - before->usage.pages), report,
              holdings_describe_tasks());
}
