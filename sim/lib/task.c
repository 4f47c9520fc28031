/* SPDX-License-Identifier: MIT */
/*
 * Tasks that make system calls as they are told, and their memory.
 *
 * A handle names a scripted user by its number in its machine, and looks it up each time: the task
 * may have died since, or been undone by a restore.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "sim/lib/sim_internal.h"

enum { BUFFER_BYTES = 64 << 10 };

struct sim_task *task_new(struct sim_machine *machine, uint32_t user)
{
    struct sim_task *task = calloc(1, sizeof *task);

    if (!task) {
        sim_fail(machine->sim, -ENOMEM, "out of memory");
        return NULL;
    }
    task->machine = machine;
    task->boots = machine->boots;
    task->user = user;
    task->next = machine->sim->tasks;
    machine->sim->tasks = task;
    task->pid = sim_task_pid(task);
    return task;
}

struct world_script *task_script(const struct sim_task *task)
{
    return task->user && task->boots == task->machine->boots
               ? world_script_find(task->machine->machine, task->user)
               : NULL;
}

bool sim_task_alive(const struct sim_task *task)
{
    return task_script(task) != NULL;
}

int sim_task_pid(const struct sim_task *task)
{
    const struct world_script *script = task_script(task);

    return script ? (int)kernel_view_tid(world_script_user(script)) : task->pid;
}

uint64_t sim_handler_address(void)
{
    return world_script_handler();
}

unsigned sim_task_signals(const struct sim_task *task, int *out_last)
{
    const struct world_script *script = task_script(task);

    return script ? world_script_signals(script, out_last) : 0;
}

/* --- calls --- */

/* Run until the task has done what it was asked. */
static int64_t wait_done(struct sim_task *task, uint64_t timeout_ns)
{
    struct world *world = task->machine->sim->world;
    uint64_t limit_ns = world_now_ns(world) + timeout_ns;

    if (limit_ns < timeout_ns) {
        limit_ns = UINT64_MAX;
    }
    for (;;) {
        const struct world_script *script = task_script(task);
        enum world_stop stop;

        if (!script) {
            return -ESRCH;
        }
        if (!world_script_busy(script)) {
            return world_script_result(script);
        }
        stop = world_run(world, NULL, NULL, limit_ns);
        if (stop == WORLD_STOP_QUIET || stop == WORLD_STOP_TIME) {
            script = task_script(task);
            return script && world_script_busy(script) ? SIM_BLOCKED
                   : script                            ? world_script_result(script)
                                                       : -ESRCH;
        }
    }
}

int64_t task_wait(struct sim_task *task, uint64_t timeout_ns)
{
    return wait_done(task, timeout_ns);
}

int sim_syscall_begin(struct sim_task *task, unsigned number, const uint64_t arguments[6])
{
    struct world_script *script = task_script(task);

    if (!script) {
        return -ESRCH;
    }
    task->child = NULL;
    task->seen_users = world_user_last(task->machine->machine);
    return world_script_ask(script, number, arguments);
}

bool sim_syscall_done(const struct sim_task *task, int64_t *out_result)
{
    const struct world_script *script = task_script(task);

    if (script && world_script_busy(script)) {
        return false;
    }
    if (out_result) {
        *out_result = script ? world_script_result(script) : -ESRCH;
    }
    return true;
}

int64_t sim_syscall_wait(struct sim_task *task, uint64_t timeout_ns)
{
    return wait_done(task, timeout_ns);
}

int64_t sim_syscall_timeout(struct sim_task *task, uint64_t timeout_ns, unsigned number,
                            const uint64_t arguments[6])
{
    int error = sim_syscall_begin(task, number, arguments);

    return error < 0 ? error : wait_done(task, timeout_ns);
}

int64_t sim_syscall(struct sim_task *task, unsigned number, uint64_t a, uint64_t b, uint64_t c,
                    uint64_t d, uint64_t e, uint64_t f)
{
    const uint64_t arguments[6] = {a, b, c, d, e, f};

    return sim_syscall_timeout(task, UINT64_MAX, number, arguments);
}

/* --- children --- */

/* A child is known when it has run for the first time. */
static uint32_t find_child(const struct sim_task *task, int pid)
{
    struct machine *machine = task->machine->machine;
    uint32_t last = world_user_last(machine);

    for (uint32_t user = (uint32_t)task->seen_users + 1; user <= last; user++) {
        const struct world_script *script = world_script_find(machine, user);

        if (script && (int)kernel_view_tid(world_script_user(script)) == pid) {
            return user;
        }
    }
    return 0;
}

struct sim_task *sim_task_child(const struct sim_task *task)
{
    struct sim_task *self = (struct sim_task *)task;
    struct world *world = task->machine->sim->world;
    const struct world_script *script = task_script(task);
    int pid;

    if (self->child || !script || world_script_busy(script)) {
        return self->child;
    }
    pid = (int)world_script_result(script);
    while (pid > 0) {
        uint32_t user = find_child(task, pid);
        enum world_stop stop;

        if (user) {
            self->child = task_new(task->machine, user);
            if (self->child) { /* memory is copied, or shared with a thread, which needs its own */
                self->child->buffer = 0;
            }
            break;
        }
        stop = world_run(world, NULL, NULL, UINT64_MAX);
        if (stop == WORLD_STOP_QUIET || !world_machine_is_on(task->machine->machine)) {
            break;
        }
    }
    return self->child;
}

static struct sim_task *make_child(struct sim_task *task, uint64_t flags)
{
    int64_t pid = sim_syscall(task, SYS_clone, flags, 0, 0, 0, 0, 0);
    struct sim_task *child = pid > 0 ? sim_task_child(task) : NULL;

    if (!child) {
        sim_fail(task->machine->sim, (int)pid, "cannot make a task: %s",
                 pid < 0 ? strerror((int)-pid) : "it died at once");
    }
    return child;
}

struct sim_task *sim_task_fork(struct sim_task *task)
{
    return make_child(task, SIGCHLD);
}

struct sim_task *sim_task_thread(struct sim_task *task)
{
    return make_child(task, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                                CLONE_SYSVSEM);
}

/* --- memory --- */

static int access_memory(struct sim_task *task, bool write, uint64_t address, void *buffer,
                         size_t bytes)
{
    struct world_script *script = task_script(task);
    int64_t result;
    int error;

    if (!script) {
        return -ESRCH;
    }
    error = world_script_access(script, write, address, buffer, bytes);
    result = error < 0 ? error : wait_done(task, UINT64_MAX);
    return result == SIM_BLOCKED ? -EIO : (int)result;
}

int sim_peek(struct sim_task *task, uint64_t address, void *out, size_t bytes)
{
    return access_memory(task, false, address, out, bytes);
}

int sim_poke(struct sim_task *task, uint64_t address, const void *bytes, size_t count)
{
    return access_memory(task, true, address, (void *)(uintptr_t)bytes, count);
}

uint64_t sim_buffer(struct sim_task *task, const void *bytes, size_t count)
{
    uint64_t at;

    if (!task->buffer) {
        int64_t mapped = sim_syscall(task, SYS_mmap, 0, BUFFER_BYTES, PROT_READ | PROT_WRITE,
                                     MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0);
        if (mapped < 0) {
            return 0;
        }
        task->buffer = (uint64_t)mapped;
        task->buffer_used = 0;
    }
    at = (task->buffer_used + 15) & ~(uint64_t)15;
    if (count > BUFFER_BYTES || at > BUFFER_BYTES - count) {
        return 0;
    }
    task->buffer_used = at + count;
    if (bytes && count && sim_poke(task, task->buffer + at, bytes, count) < 0) {
        return 0;
    }
    return task->buffer + at;
}

uint64_t sim_buffer_string(struct sim_task *task, const char *string)
{
    return sim_buffer(task, string, strlen(string) + 1);
}

void sim_buffer_reset(struct sim_task *task)
{
    task->buffer_used = 0;
}
