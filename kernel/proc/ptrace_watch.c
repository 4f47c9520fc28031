/* SPDX-License-Identifier: MIT
 *
 * Hardware breakpoints and watchpoints (ptrace(2), PTRACE_POKEUSER of u_debugreg; Intel SDM volume
 * 3, "Debug Registers"), the same on every backend: the task executes single instructions, and
 * after each one its program counter and the watched memory are looked at.
 *
 * Slower than a CPU's own registers, which a process on a host does not get, and quicker than a
 * debugger that steps. A watchpoint shows when the value has changed, not when the same is written
 * again; one that waits for reads cannot be had and is refused. What the kernel writes in a system
 * call is seen after the next instruction.
 */
#include "kernel/abi/errno.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/string.h"
#include "kernel/proc/ptrace_internal.h"
#include "kernel/proc/signal.h"

enum { DR_COUNT = 4, DR_STATUS = 6, DR_CONTROL = 7, CONTROL_SHIFT = 16, CONTROL_BITS = 4 };
enum { TYPE_EXECUTE = 0, TYPE_WRITE = 1 };

#define STATUS_TRAPS 0xfull
#define STATUS_STEP 0x4000ull

static bool is_enabled(uint64_t control, unsigned index)
{
    return control >> (index * 2) & 3;
}

static unsigned type_of(uint64_t control, unsigned index)
{
    return control >> (CONTROL_SHIFT + index * CONTROL_BITS) & 3;
}

static unsigned bytes_of(uint64_t control, unsigned index)
{
    static const uint8_t bytes[] = {1, 2, 8, 4};
    return bytes[control >> (CONTROL_SHIFT + index * CONTROL_BITS + 2) & 3];
}

static uint64_t value_at(const struct ptrace_state *trace, unsigned index)
{
    uint64_t value = 0;
    mm_access_remote(trace->task->thread.mm, trace->debug[index], &value,
                     bytes_of(trace->debug[DR_CONTROL], index), false, true);
    return value;
}

static void look(struct ptrace_state *trace)
{
    for (unsigned i = 0; i < DR_COUNT; i++) {
        if (trace->watching & 1u << i)
            trace->watched[i] = value_at(trace, i);
    }
}

/* ---- setting ---- */

static int check_register(const struct ptrace_state *trace, uint64_t control, unsigned index)
{
    unsigned type = type_of(control, index), bytes = bytes_of(control, index);
    uint64_t limit = trace->task->thread.kernel->boot->user_addr_limit;
    if (trace->debug[index] >= limit - 8)
        return -EINVAL;
    if (type == TYPE_EXECUTE)
        return bytes == 1 ? 0 : -EINVAL;
    if (type != TYPE_WRITE || trace->debug[index] % bytes)
        return -EINVAL;
    return 0;
}

static int set_control(struct ptrace_state *trace, uint64_t control)
{
    unsigned watching = 0;
    for (unsigned i = 0; i < DR_COUNT; i++) {
        if (!is_enabled(control, i))
            continue;
        int error = check_register(trace, control, i);
        if (error)
            return error;
        watching |= 1u << i;
    }
    trace->debug[DR_CONTROL] = control;
    trace->watching = watching;
    return 0;
}

int ptrace_set_debug(struct task *task, uint64_t index, uint64_t value)
{
    struct ptrace_state *trace = task->ptrace;
    uint64_t limit = task->thread.kernel->boot->user_addr_limit;
    if (index == 4 || index == 5)
        return -EIO;
    if (index == DR_CONTROL)
        return set_control(trace, value);
    if (index < DR_COUNT && value >= limit)
        return -EINVAL;
    trace->debug[index] = value;
    return 0;
}

/* ---- watching ---- */

void ptrace_watch_resume(struct task *task)
{
    struct ptrace_state *trace = task->ptrace;
    if (!(task->user.regs.rflags & FLAG_TF)) {
        task->user.regs.rflags |= FLAG_TF;
        trace->step_forced = true;
    }
    if (task->thread.mm)
        look(trace);
}

/* The registers that what has just happened is for. */
static unsigned find_hits(struct ptrace_state *trace)
{
    uint64_t control = trace->debug[DR_CONTROL];
    unsigned hits = 0;
    for (unsigned i = 0; i < DR_COUNT; i++) {
        if (!(trace->watching & 1u << i))
            continue;
        if (type_of(control, i) == TYPE_EXECUTE) {
            if (trace->task->user.regs.rip == trace->debug[i])
                hits |= 1u << i;
        } else if (value_at(trace, i) != trace->watched[i]) {
            hits |= 1u << i;
        }
    }
    return hits;
}

void ptrace_watch_step(struct task *task)
{
    struct ptrace_state *trace = task->ptrace;
    if (!task_is_traced(task)) { /* the tracer that wanted it is gone */
        ptrace_end_step(task);
        return;
    }
    unsigned hits = find_hits(trace);
    bool step = trace->step || !trace->watching;
    look(trace);
    if (!hits && !step) {
        task->user.regs.rflags |= FLAG_TF;
        return;
    }
    trace->debug[DR_STATUS] &= ~(STATUS_TRAPS | STATUS_STEP);
    trace->debug[DR_STATUS] |= hits | (step ? STATUS_STEP : 0);
    signal_force_fault(SIGTRAP, step ? TRAP_TRACE : TRAP_HWBKPT, task->user.regs.rip);
}
