/* SPDX-License-Identifier: MIT */
/*
 * Snapshots: the world's (hal-hosted/world/snapshot.c), and with it what libsim itself and its user
 * remember outside the machines: handles, random streams, consoles, kept memory.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "sim/lib/sim_internal.h"

/* A copy of host memory, to be put back where it was. */
struct saved {
    void *memory;
    size_t bytes;
    void (*before_restore)(void *memory);
    char *copy;
};

struct saved_task {
    struct sim_task *task;
    struct sim_task copy;
};

struct saved_program {
    struct sim_program *program;
    struct sim_program copy;
};

struct saved_device {
    struct sim_device *device;
    void *state;
};

struct saved_machine {
    unsigned boots;
    struct sim_task *first;
    size_t console_bytes;
    void *faults;
};

struct sim_snapshot {
    struct sim *sim;
    struct sim_snapshot *next;
    struct world_snapshot *world;
    struct schedule schedule;
    struct sim_config config;
    struct saved *saved;
    struct saved_task *tasks;
    struct saved_program *programs;
    struct saved_machine *machines;
    struct saved_device *devices;
    size_t device_count;
    size_t saved_count, task_count, program_count, machine_count;
};

/* --- taking --- */

static int save_kept(struct sim_snapshot *snapshot)
{
    struct sim *sim = snapshot->sim;

    snapshot->saved = calloc(sim->kept_count + 1, sizeof *snapshot->saved);
    if (!snapshot->saved) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < sim->kept_count; i++) {
        struct saved *saved = &snapshot->saved[i];

        *saved = (struct saved){.memory = sim->kept[i].memory,
                                .bytes = sim->kept[i].bytes,
                                .before_restore = sim->kept[i].before_restore,
                                .copy = malloc(sim->kept[i].bytes + 1)};
        if (!saved->copy) {
            return -ENOMEM;
        }
        memcpy(saved->copy, saved->memory, saved->bytes);
        snapshot->saved_count++;
    }
    return 0;
}

static int save_handles(struct sim_snapshot *snapshot)
{
    struct sim *sim = snapshot->sim;
    size_t tasks = 0, programs = 0;

    for (const struct sim_task *task = sim->tasks; task; task = task->next) {
        tasks++;
    }
    for (const struct sim_program *program = sim->programs; program; program = program->next) {
        programs++;
    }
    snapshot->tasks = calloc(tasks + 1, sizeof *snapshot->tasks);
    snapshot->programs = calloc(programs + 1, sizeof *snapshot->programs);
    snapshot->machines = calloc(sim->machine_count + 1, sizeof *snapshot->machines);
    if (!snapshot->tasks || !snapshot->programs || !snapshot->machines) {
        return -ENOMEM;
    }
    for (struct sim_task *task = sim->tasks; task; task = task->next) {
        snapshot->tasks[snapshot->task_count++] = (struct saved_task){.task = task, .copy = *task};
    }
    for (struct sim_program *program = sim->programs; program; program = program->next) {
        snapshot->programs[snapshot->program_count++] =
            (struct saved_program){.program = program, .copy = *program};
    }
    for (unsigned i = 0; i < sim->machine_count; i++) {
        const struct sim_machine *machine = sim->machines[i];
        snapshot->machines[i] = (struct saved_machine){.boots = machine->boots,
                                                       .first = machine->first,
                                                       .console_bytes = machine->console_bytes,
                                                       .faults = machine->faults};
    }
    snapshot->machine_count = sim->machine_count;
    return 0;
}

static int save_devices(struct sim_snapshot *snapshot)
{
    struct sim *sim = snapshot->sim;
    size_t count = 0;

    for (unsigned i = 0; i < sim->machine_count; i++) {
        for (struct sim_device *device = sim->machines[i]->devices; device; device = device->next) {
            count += device->ops.save != NULL;
        }
    }
    snapshot->devices = calloc(count + 1, sizeof *snapshot->devices);
    for (unsigned i = 0; snapshot->devices && i < sim->machine_count; i++) {
        for (struct sim_device *device = sim->machines[i]->devices; device; device = device->next) {
            struct saved_device *saved = &snapshot->devices[snapshot->device_count];

            if (!device->ops.save) {
                continue;
            }
            *saved = (struct saved_device){device, device->ops.save(device->model)};
            if (!saved->state) {
                return -ENOMEM;
            }
            snapshot->device_count++;
        }
    }
    return snapshot->devices ? 0 : -ENOMEM;
}

static void snapshot_delete(struct sim_snapshot *snapshot)
{
    for (size_t i = 0; snapshot->saved && i < snapshot->saved_count; i++) {
        free(snapshot->saved[i].copy);
    }
    for (size_t i = 0; i < snapshot->device_count; i++) {
        snapshot->devices[i].device->ops.saved_free(snapshot->devices[i].state);
    }
    world_snapshot_free(snapshot->world);
    free(snapshot->devices);
    free(snapshot->saved);
    free(snapshot->tasks);
    free(snapshot->programs);
    free(snapshot->machines);
    free(snapshot);
}

static void note(struct sim *sim, uint64_t what)
{
    log_event(sim, SIM_EVENT_SNAPSHOT, NULL, UINT16_MAX, 0, 0, what, 0, NULL, 0);
}

int sim_snapshot(struct sim *sim, struct sim_snapshot **out)
{
    struct sim_snapshot *snapshot = calloc(1, sizeof *snapshot);
    int error = -ENOMEM;

    if (!snapshot) {
        return sim_fail(sim, error, "out of memory");
    }
    note(sim, 0);
    snapshot->sim = sim;
    snapshot->schedule = sim->schedule;
    snapshot->config = sim->config;
    error = save_kept(snapshot);
    if (error == 0) {
        error = save_handles(snapshot);
    }
    if (error == 0) {
        error = save_devices(snapshot);
    }
    if (error == 0) {
        error = world_snapshot_take(sim->world, &snapshot->world);
    }
    if (error < 0) {
        snapshot_delete(snapshot);
        return sim_fail(sim, error, "cannot take a snapshot: out of memory");
    }
    snapshot->next = sim->snapshots;
    sim->snapshots = snapshot;
    *out = snapshot;
    return 0;
}

void sim_snapshot_free(struct sim_snapshot *snapshot)
{
    struct sim_snapshot **link;

    if (!snapshot) {
        return;
    }
    for (link = &snapshot->sim->snapshots; *link != snapshot; link = &(*link)->next) {
    }
    *link = snapshot->next;
    snapshot_delete(snapshot);
}

/* --- restoring --- */

/* Handles made since are dead; the others are what they were. Newer ones stand before older ones.
 */
static void restore_handles(const struct sim_snapshot *snapshot)
{
    struct sim *sim = snapshot->sim;
    struct sim_task *oldest = snapshot->task_count ? snapshot->tasks[0].task : NULL;
    struct sim_program *first = snapshot->program_count ? snapshot->programs[0].program : NULL;

    while (sim->tasks != oldest) {
        struct sim_task *task = sim->tasks;
        sim->tasks = task->next;
        free(task);
    }
    for (size_t i = 0; i < snapshot->task_count; i++) {
        *snapshot->tasks[i].task = snapshot->tasks[i].copy;
    }
    for (struct sim_program *program = sim->programs; program != first; program = program->next) {
        program->waiter = program->child = NULL;
    }
    for (size_t i = 0; i < snapshot->program_count; i++) {
        program_restore(snapshot->programs[i].program, &snapshot->programs[i].copy);
    }
    for (size_t i = 0; i < snapshot->machine_count; i++) {
        struct sim_machine *machine = sim->machines[i];
        machine->boots = snapshot->machines[i].boots;
        machine->first = snapshot->machines[i].first;
        machine->faults = snapshot->machines[i].faults;
        if (machine->console_bytes > snapshot->machines[i].console_bytes) {
            machine->console_bytes = snapshot->machines[i].console_bytes;
            machine->console[machine->console_bytes] = '\0';
        }
    }
}

int sim_restore(struct sim *sim, struct sim_snapshot *snapshot)
{
    int error = world_snapshot_restore(sim->world, snapshot->world);

    for (size_t i = 0; error == 0 && i < snapshot->device_count; i++) {
        const struct saved_device *saved = &snapshot->devices[i];
        error = saved->device->ops.restore(saved->device->model, saved->state);
    }
    if (error < 0) {
        return sim_fail(sim, error, "cannot restore a snapshot: out of memory");
    }
    for (size_t i = 0; i < snapshot->saved_count; i++) {
        const struct saved *saved = &snapshot->saved[i];
        if (saved->before_restore) {
            saved->before_restore(saved->memory);
        }
        memcpy(saved->memory, saved->copy, saved->bytes);
    }
    restore_handles(snapshot);
    sim->schedule = snapshot->schedule;
    sim->config = snapshot->config;
    note(sim, 1);
    return 0;
}

size_t sim_snapshot_pages(const struct sim_snapshot *snapshot)
{
    return world_snapshot_pages(snapshot->world);
}

int sim_keep(struct sim *sim, void *memory, size_t bytes, void (*before_restore)(void *memory))
{
    struct kept *kept = realloc(sim->kept, (sim->kept_count + 1) * sizeof *kept);

    if (!kept) {
        return sim_fail(sim, -ENOMEM, "out of memory");
    }
    sim->kept = kept;
    sim->kept[sim->kept_count++] =
        (struct kept){.memory = memory, .bytes = bytes, .before_restore = before_restore};
    return 0;
}

void sim_forget(struct sim *sim, void *memory)
{
    for (size_t i = 0; i < sim->kept_count; i++) {
        if (sim->kept[i].memory == memory) {
            sim->kept[i] = sim->kept[--sim->kept_count];
            return;
        }
    }
}

/* --- forking --- */

static _Noreturn void
explore_in_child(struct sim *sim, int (*explore)(struct sim *sim, void *argument), void *argument)
{
    int status = 125;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sim->log.fd = -1; /* the parent's */
    if (world_fork_child(sim->world) == 0) {
        status = explore(sim, argument);
    }
    sim_destroy(sim);
    fflush(NULL);
    _exit(status);
}

int sim_fork(struct sim *sim, int (*explore)(struct sim *sim, void *argument), void *argument)
{
    pid_t pid;

    world_fork_prepare(sim->world);
    sim_log_flush(sim);
    fflush(NULL);
    note(sim, 2);
    pid = fork();
    if (pid == 0) {
        explore_in_child(sim, explore, argument);
    }
    return pid < 0 ? sim_fail(sim, -errno, "cannot start a process: %s", strerror(errno)) : pid;
}
