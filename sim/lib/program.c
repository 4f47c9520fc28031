/* SPDX-License-Identifier: MIT */
/*
 * Programs: a guest process with its standard output and error captured.
 *
 * Each has a scripted task of its own as parent, the waiter, which holds the reading ends of its
 * pipes and sleeps in poll(2) on them and on a process descriptor; so that a program that never
 * ends keeps no other task busy. The waiter is a child of the machine's first task.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "sim/lib/sim_internal.h"

enum { CHUNK = 16 << 10, STATUS_NOT_STARTED = 127 };

static int64_t call(struct sim_task *task, unsigned number, uint64_t a, uint64_t b, uint64_t c)
{
    return sim_syscall(task, number, a, b, c, 0, 0, 0);
}

/* --- starting --- */

/* An array of strings in the task's buffer; 0 when it is full. */
static uint64_t put_strings(struct sim_task *task, const char *const *strings)
{
    uint64_t addresses[512];
    size_t count = 0;

    for (; strings[count]; count++) {
        if (count == sizeof addresses / sizeof addresses[0] - 1) {
            return 0;
        }
        addresses[count] = sim_buffer_string(task, strings[count]);
        if (!addresses[count]) {
            return 0;
        }
    }
    addresses[count++] = 0;
    return sim_buffer(task, addresses, count * sizeof addresses[0]);
}

/* A pipe of the task: its ends. */
static int make_pipe(struct sim_task *task, int out[2])
{
    uint64_t at = sim_buffer(task, NULL, 8);
    int64_t result = call(task, SYS_pipe2, at, O_CLOEXEC, 0);

    return result < 0 ? (int)result : sim_peek(task, at, out, 8);
}

static int open_input(struct sim_task *task, const struct sim_program_config *config)
{
    int ends[2], error;
    size_t done = 0;
    int64_t result;

    if (!config->input) {
        return (int)sim_syscall(task, SYS_openat, (uint64_t)AT_FDCWD,
                                sim_buffer_string(task, "/dev/null"), O_RDONLY | O_CLOEXEC, 0, 0,
                                0);
    }
    if (config->input_bytes > 65536) {
        return -EFBIG;
    }
    error = make_pipe(task, ends);
    while (error == 0 && done < config->input_bytes) {
        size_t part = config->input_bytes - done < CHUNK ? config->input_bytes - done : CHUNK;

        sim_buffer_reset(task);
        result = call(task, SYS_write, (uint64_t)ends[1],
                      sim_buffer(task, (const char *)config->input + done, part), part);
        error = result < 0 ? (int)result : 0;
        done += result > 0 ? (size_t)result : 0;
    }
    if (error == 0) {
        call(task, SYS_close, (uint64_t)ends[1], 0, 0);
    }
    return error < 0 ? error : ends[0];
}

/* What the child does before it executes the program: its descriptors and folder. */
static void child_prepare(struct sim_task *child, const struct sim_program_config *config,
                          const int fds[3])
{
    for (unsigned i = 0; !config->console && i < 3; i++) {
        call(child, SYS_dup2, (uint64_t)fds[i], i, 0);
    }
    if (config->directory) {
        call(child, SYS_chdir, sim_buffer_string(child, config->directory), 0, 0);
    }
}

static bool child_exec(struct sim_program *program, const struct sim_program_config *config)
{
    static const char *const environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/", NULL};
    struct sim_task *child = program->child;
    uint64_t path = sim_buffer_string(child, config->argv[0]);
    uint64_t argv = put_strings(child, config->argv);
    uint64_t envp = put_strings(child, config->envp ? config->envp : environment);
    const uint64_t arguments[6] = {path, argv, envp};

    return path && argv && envp && sim_syscall_begin(child, SYS_execve, arguments) == 0;
}

static int start(struct sim_program *program, const struct sim_program_config *config)
{
    struct sim_task *waiter = program->waiter;
    int fds[3] = {-1, -1, -1}, ends[2], error = 0;

    if (!config->console) {
        fds[0] = open_input(waiter, config);
        error = fds[0] < 0 ? fds[0] : 0;
        for (unsigned i = 1; error == 0 && i < 3; i++) {
            error = make_pipe(waiter, ends);
            fds[i] = ends[1];
            *(i == 1 ? &program->output.fd : &program->errors.fd) = ends[0];
        }
    }
    if (error < 0) {
        return error;
    }
    program->child = sim_task_fork(waiter);
    if (!program->child) {
        return -EAGAIN;
    }
    program->pid = sim_task_pid(program->child);
    for (unsigned i = 0; !config->console && i < 3; i++) {
        call(waiter, SYS_close, (uint64_t)fds[i], 0, 0);
    }
    program->pidfd = (int)call(waiter, SYS_pidfd_open, (uint64_t)program->pid, 0, 0);
    sim_buffer_reset(waiter);
    if (program->pidfd < 0) {
        return program->pidfd;
    }
    child_prepare(program->child, config, fds);
    return child_exec(program, config) ? 0 : -E2BIG;
}

struct sim_program *sim_spawn(struct sim_machine *machine, const struct sim_program_config *config)
{
    struct sim_task *first = sim_machine_task(machine);
    struct sim_program *program = calloc(1, sizeof *program);
    int error;

    if (!first || !program) {
        sim_fail(machine->sim, -ESRCH, first ? "out of memory" : "machine %s is not on",
                 machine->name);
        free(program);
        return NULL;
    }
    program->sim = machine->sim;
    program->next = machine->sim->programs;
    machine->sim->programs = program;
    program->output.fd = program->errors.fd = program->pidfd = -1;
    program->waiter = sim_task_fork(first);
    error = program->waiter ? start(program, config) : -EAGAIN;
    if (error < 0) {
        sim_fail(machine->sim, error, "%s: cannot start %s: %s", machine->name, config->argv[0],
                 strerror(-error));
        sim_program_free(program);
        return NULL;
    }
    return program;
}

int sim_program_pid(const struct sim_program *program)
{
    return program->pid;
}

/* --- waiting --- */

/* An execve that has failed leaves the child scripted: let it end as a shell would. */
static void check_exec(struct sim_program *program)
{
    int64_t result;

    if (!program->child || !sim_syscall_done(program->child, &result)) {
        return;
    }
    if (result != 0 && sim_task_alive(program->child)) {
        const uint64_t arguments[6] = {STATUS_NOT_STARTED};
        sim_syscall_begin(program->child, SYS_exit_group, arguments);
    }
    program->child = NULL;
}

static bool capture_add(struct capture *capture, struct sim_task *task, uint64_t at, size_t count)
{
    if (capture->fill + count + 1 > capture->room) {
        size_t room = 2 * (capture->fill + count) + 1024;
        char *larger = realloc(capture->bytes, room);

        if (!larger) {
            return false;
        }
        capture->bytes = larger;
        capture->room = room;
    }
    if (sim_peek(task, at, capture->bytes + capture->fill, count) < 0) {
        return false;
    }
    capture->fill += count;
    capture->bytes[capture->fill] = '\0';
    return true;
}

/* Read once; something is there, or it is at its end. */
static void capture_read(struct sim_program *program, struct capture *capture)
{
    struct sim_task *waiter = program->waiter;
    uint64_t at;
    int64_t got;

    sim_buffer_reset(waiter);
    at = sim_buffer(waiter, NULL, CHUNK);
    got = call(waiter, SYS_read, (uint64_t)capture->fd, at, CHUNK);
    if (got <= 0 || !capture_add(capture, waiter, at, (size_t)got)) {
        call(waiter, SYS_close, (uint64_t)capture->fd, 0, 0);
        capture->fd = -1;
    }
}

static void reap(struct sim_program *program)
{
    struct sim_task *waiter = program->waiter;
    uint64_t at;

    sim_buffer_reset(waiter);
    at = sim_buffer(waiter, NULL, 4);
    if (call(waiter, SYS_wait4, (uint64_t)program->pid, at, 0) == program->pid) {
        sim_peek(waiter, at, &program->status, sizeof program->status);
    }
    program->ended = true;
    call(waiter, SYS_close, (uint64_t)program->pidfd, 0, 0);
    program->pidfd = -1;
}

/* Until a point of virtual time; 0 once it has passed, as it may have in any call before. */
static uint64_t time_left(const struct sim_program *program, uint64_t limit_ns)
{
    uint64_t now_ns = sim_now_ns(program->sim);

    if (limit_ns == UINT64_MAX) {
        return UINT64_MAX;
    }
    return limit_ns > now_ns ? limit_ns - now_ns : 0;
}

/* Sleep in the guest until something happens. 1: fds say what; 0: not yet. */
static int poll_once(struct sim_program *program, uint64_t limit_ns, struct pollfd fds[3])
{
    struct sim_task *waiter = program->waiter;
    int64_t result;

    if (!program->polling) {
        uint64_t at;

        fds[0] = (struct pollfd){.fd = program->output.fd, .events = POLLIN};
        fds[1] = (struct pollfd){.fd = program->errors.fd, .events = POLLIN};
        fds[2] = (struct pollfd){.fd = program->dead ? -1 : program->pidfd, .events = POLLIN};
        sim_buffer_reset(waiter);
        at = sim_buffer(waiter, fds, 3 * sizeof fds[0]);
        const uint64_t arguments[6] = {at, 3, program->dead ? 0 : (uint64_t)-1};
        if (sim_syscall_begin(waiter, SYS_poll, arguments) < 0) {
            return -ESRCH;
        }
        program->polling = true;
    }
    result = sim_syscall_wait(waiter, time_left(program, limit_ns));
    if (result == SIM_BLOCKED) {
        return 0;
    }
    program->polling = false;
    if (result < 0) {
        return (int)result;
    }
    return sim_peek(waiter, waiter->buffer, fds, 3 * sizeof fds[0]) < 0 ? -EFAULT : 1;
}

int sim_program_wait(struct sim_program *program, uint64_t timeout_ns)
{
    uint64_t now_ns = sim_now_ns(program->sim);
    uint64_t limit_ns = timeout_ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + timeout_ns;
    struct pollfd fds[3] = {{0}};

    if (!program->waiter) {
        return -ESRCH;
    }
    while (!program->ended) {
        int result;

        if (program->child) {
            int64_t ignored;

            if (!sim_syscall_done(program->child, &ignored)) {
                sim_syscall_wait(program->child, time_left(program, limit_ns));
            }
            check_exec(program);
        }
        result = poll_once(program, limit_ns, fds);
        if (result <= 0) {
            return result < 0 ? result : SIM_BLOCKED;
        }
        if (fds[0].revents) {
            capture_read(program, &program->output);
        }
        if (fds[1].revents) {
            capture_read(program, &program->errors);
        }
        /* It may have written after its pipes were looked at and before its pidfd was. */
        if (fds[2].revents) {
            program->dead = true;
        } else if (program->dead && !fds[0].revents && !fds[1].revents) {
            reap(program);
        }
    }
    return program->status;
}

const char *sim_program_output(struct sim_program *program, size_t *out_bytes)
{
    if (out_bytes) {
        *out_bytes = program->output.fill;
    }
    return program->output.fill ? program->output.bytes : "";
}

const char *sim_program_errors(struct sim_program *program, size_t *out_bytes)
{
    if (out_bytes) {
        *out_bytes = program->errors.fill;
    }
    return program->errors.fill ? program->errors.bytes : "";
}

/* After a restore: as it was, but for the memory that output is gathered in. */
void program_restore(struct sim_program *program, const struct sim_program *copy)
{
    struct sim_program *next = program->next;
    struct capture output = program->output, errors = program->errors;

    *program = *copy;
    program->next = next;
    program->output.bytes = output.bytes;
    program->output.room = output.room;
    program->errors.bytes = errors.bytes;
    program->errors.room = errors.room;
    for (unsigned i = 0; i < 2; i++) {
        struct capture *capture = i ? &program->errors : &program->output;
        if (capture->bytes) {
            capture->bytes[capture->fill] = '\0';
        }
    }
}

/* The guest's process, if it lives, goes on; its waiter with it. */
void sim_program_free(struct sim_program *program)
{
    if (program) {
        struct sim_program **link = &program->sim->programs;

        while (*link != program) {
            link = &(*link)->next;
        }
        *link = program->next;
        free(program->output.bytes);
        free(program->errors.bytes);
        free(program);
    }
}
