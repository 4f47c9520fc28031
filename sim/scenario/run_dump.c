/* SPDX-License-Identifier: MIT */
/*
 * What a run leaves behind for its bundle: consoles, disks, and after a failure core files of the
 * machines' kernels and of the programs that had not ended.
 *
 * A program's core is written by the machine's own kernel: the program gets SIGABRT, after the
 * event log has been closed, so that this is no part of the run.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sim/scenario/run_internal.h"

static const char GUEST_CORE[] = "/.assay-core";

static void save(const char *path, const void *bytes, size_t count)
{
    FILE *file = fopen(path, "wbe");

    if (file != NULL) {
        fwrite(bytes, 1, count, file);
        if (fclose(file) != 0) {
            unlink(path);
        }
    }
}

static void write_consoles(const struct run *run)
{
    char path[4096];
    size_t bytes;

    for (size_t i = 0; i < run->scenario->machine_count && run->machines[i] != NULL; i++) {
        snprintf(path, sizeof(path), "%s/%s.console", run->options->folder,
                 run->scenario->machines[i].name);
        const char *console = sim_machine_console(run->machines[i], &bytes);
        save(path, console, bytes);
    }
}

/* The machines as the failure has found them. */
static void write_machine_cores(const struct run *run)
{
    char path[4096];

    for (size_t i = 0; i < run->scenario->machine_count && run->machines[i] != NULL; i++) {
        snprintf(path, sizeof(path), "%s/%s.core", run->options->folder,
                 run->scenario->machines[i].name);
        if (sim_machine_state(run->machines[i]) != SIM_MACHINE_OFF &&
            sim_machine_core(run->machines[i], path) != 0) {
            unlink(path);
        }
    }
}

static bool ask_for_core(struct sim_machine *machine, int pid)
{
    static const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
    struct sim_task *task = sim_machine_task(machine);

    sim_buffer_reset(task);
    const uint64_t limit = sim_buffer(task, &unlimited, sizeof(unlimited));
    return limit != 0 &&
           sim_file_write(machine, "/proc/sys/kernel/core_pattern", GUEST_CORE,
                          sizeof(GUEST_CORE) - 1, 0644) == 0 &&
           sim_syscall(task, SYS_prlimit64, (uint64_t)pid, RLIMIT_CORE, limit, 0, 0, 0) == 0 &&
           sim_syscall(task, SYS_kill, (uint64_t)pid, SIGABRT, 0, 0, 0, 0) == 0;
}

static void write_program_core(const struct run *run, size_t index)
{
    static const uint64_t DUMP_NS = UINT64_C(10) * 1000000000;
    const struct scenario_program *program = &run->scenario->programs[index];
    struct sim_program *process = run->programs[index].process;
    struct sim_machine *machine = run->machines[program->machine];
    const int pid = sim_program_pid(process);
    char path[4096], *bytes;
    size_t count;

    sim_fail_allocations(machine, 0, false, 0);
    if (!ask_for_core(machine, pid) || sim_program_wait(process, DUMP_NS) == SIM_BLOCKED ||
        sim_file_read(machine, GUEST_CORE, &bytes, &count) != 0) {
        return; /* it handles the signal, or there is no room for a core */
    }
    snprintf(path, sizeof(path), "%s/%s.%d.core", run->options->folder,
             run->scenario->machines[program->machine].name, pid);
    save(path, bytes, count);
    free(bytes);
}

void run_dump(struct run *run)
{
    write_consoles(run);
    run_devices_save_disks(run);
    if (run->result->outcome != RUN_FAILED) {
        return;
    }
    write_machine_cores(run);
    sim_log_to_fd(run->sim, -1);
    for (size_t i = 0; i < run->scenario->program_count; i++) {
        const struct run_program *program = &run->programs[i];
        if (program->process != NULL && !program->ended &&
            sim_machine_state(run->machines[run->scenario->programs[i].machine]) ==
                SIM_MACHINE_ON) {
            write_program_core(run, i);
        }
    }
}
