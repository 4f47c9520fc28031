/* SPDX-License-Identifier: MIT */
/*
 * One run of a scenario (sim/scenario/run.h).
 *
 * The loop alternates between the simulation and what the scenario does to it. It waits for one
 * program after the other; while it waits for one, all run. Times in the scenario count from the
 * moment when all machines stand.
 */
#include "sim/scenario/run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "sim/faults/chance.h"
#include "sim/scenario/run_internal.h"

static const uint64_t PROGRAM_STREAM = UINT64_C(4) << 32;
static const uint64_t CHECK_NS = UINT64_C(60) * 1000000000;

static void set_result(struct run *run, enum run_outcome outcome, unsigned line, const char *format,
                       va_list args)
{
    struct run_result *result = run->result;
    int used = 0;

    if (result->outcome != RUN_PASSED) {
        return;
    }
    result->outcome = outcome;
    if (line > 0) {
        used = snprintf(result->message, sizeof(result->message),
                        "%s:%u: ", run->scenario->document.path, line);
    }
    if ((size_t)used < sizeof(result->message)) {
        vsnprintf(result->message + used, sizeof(result->message) - (size_t)used, format, args);
    }
}

void run_fail(struct run *run, unsigned line, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set_result(run, RUN_FAILED, line, format, args);
    va_end(args);
}

void run_invalid(struct run *run, unsigned line, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set_result(run, RUN_INVALID, line, format, args);
    va_end(args);
}

bool run_is_over(const struct run *run)
{
    return run->result->outcome != RUN_PASSED;
}

__attribute__((noinline)) void scenario_failed(const struct run_result *result)
{
    __asm__ volatile("" ::"r"(result) : "memory");
}

/* ---- machines ---- */

static void add_machine(struct run *run, size_t index)
{
    const struct scenario_machine *machine = &run->scenario->machines[index];
    const struct scenario_image *image = &run->options->images[index];
    const struct sim_machine_config config = {
        .name = machine->name,
        .ram_bytes = machine->ram_bytes,
        .cpus = machine->cpus,
        .image = image->bytes,
        .image_bytes = image->count,
        .options = machine->options,
    };
    char source[160];

    if (run->options->plan != NULL) {
        snprintf(source, sizeof(source), "machine %s", machine->name);
        run->sources[index] = fault_plan_source(run->options->plan, source);
    }
    int error = sim_machine_add(run->sim, &config, &run->machines[index]);
    if (error != 0) {
        run_invalid(run, machine->line, "the machine %s cannot be made: %s", machine->name,
                    sim_message(run->sim)[0] != '\0' ? sim_message(run->sim) : strerror(-error));
    }
}

static bool all_stand(void *argument)
{
    const struct run *run = argument;

    for (size_t i = 0; i < run->scenario->machine_count; i++) {
        if (sim_machine_task(run->machines[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static void boot_machines(struct run *run)
{
    static const uint64_t BOOT_NS = UINT64_C(60) * 1000000000;

    for (size_t i = 0; i < run->scenario->machine_count; i++) {
        int error = sim_machine_power_on(run->machines[i]);
        if (error != 0) {
            run_invalid(run, run->scenario->machines[i].line, "cannot switch the machine on: %s",
                        strerror(-error));
            return;
        }
    }
    if (sim_run(run->sim, all_stand, run, BOOT_NS) != SIM_STOP_PREDICATE) {
        for (size_t i = 0; i < run->scenario->machine_count; i++) {
            if (sim_machine_task(run->machines[i]) == NULL) {
                run_fail(run, run->scenario->machines[i].line, "the machine %s does not boot",
                         run->scenario->machines[i].name);
            }
        }
    }
    run->start_ns = sim_now_ns(run->sim);
}

static void check_machines(struct run *run)
{
    for (size_t i = 0; i < run->scenario->machine_count; i++) {
        if (sim_machine_state(run->machines[i]) == SIM_MACHINE_CRASHED) {
            size_t bytes;
            const char *console = sim_machine_console(run->machines[i], &bytes);
            const size_t shown = bytes < 300 ? bytes : 300;
            run_fail(run, run->scenario->machines[i].line,
                     "the kernel of machine %s crashed; its console ends with:\n%.*s",
                     run->scenario->machines[i].name, (int)shown, console + bytes - shown);
        }
    }
}

/* ---- programs ---- */

static void draw_programs(struct run *run)
{
    for (size_t i = 0; i < run->scenario->program_count; i++) {
        const struct moment *at = &run->scenario->programs[i].at;
        struct chance chance = chance_start(run->options->seed, PROGRAM_STREAM, i);
        run->programs[i].at_ns =
            run->start_ns + at->from_ns + chance_below(&chance, at->to_ns - at->from_ns + 1);
    }
}

static bool may_start(const struct run *run, size_t index, uint64_t now_ns)
{
    const struct scenario_program *program = &run->scenario->programs[index];
    const struct run_program *state = &run->programs[index];

    return !state->started && state->at_ns <= now_ns &&
           (program->after == SCENARIO_NO_INDEX || run->programs[program->after].ended) &&
           sim_machine_state(run->machines[program->machine]) == SIM_MACHINE_ON;
}

/* While allocations or requests of a disk fail, a program may not even start. */
static bool may_fail(const struct run *run, const struct scenario_program *program)
{
    const struct run_disk_explorer *disk = run->options->disk;

    return (run->options->allocation_machine == program->machine &&
            run->options->allocation_nth > 0) ||
           (disk != NULL && disk->kind == RUN_EXPLORE_REQUESTS &&
            disk->machine == program->machine && disk->nth > 0);
}

static void start_program(struct run *run, size_t index)
{
    const struct scenario_program *program = &run->scenario->programs[index];
    struct run_program *state = &run->programs[index];
    const struct sim_program_config config = {
        .argv = program->argv,
        .envp = program->env,
        .input = program->input,
        .input_bytes = program->input == NULL ? 0 : strlen(program->input),
        .directory = program->directory,
    };

    state->started = true;
    state->process = sim_spawn(run->machines[program->machine], &config);
    if (state->process == NULL && may_fail(run, program)) {
        state->ended = true;
    } else if (state->process == NULL) {
        run_fail(run, program->line, "%s cannot be started: %s", program->name,
                 sim_message(run->sim));
    }
}

static uint64_t programs_next(const struct run *run)
{
    uint64_t next_ns = UINT64_MAX;

    for (size_t i = 0; i < run->scenario->program_count; i++) {
        const struct run_program *state = &run->programs[i];
        const int after = run->scenario->programs[i].after;
        if (!state->started && (after == SCENARIO_NO_INDEX || run->programs[after].ended) &&
            state->at_ns < next_ns) {
            next_ns = state->at_ns;
        }
    }
    return next_ns;
}

void run_programs_lose(struct run *run, int machine)
{
    for (size_t i = 0; i < run->scenario->program_count; i++) {
        struct run_program *state = &run->programs[i];
        if (run->scenario->programs[i].machine == machine && state->process != NULL) {
            if (!state->ended) {
                state->lost = state->ended = true;
            }
            sim_program_free(state->process);
            state->process = NULL;
        }
    }
}

void run_programs_restart(struct run *run, int machine)
{
    for (size_t i = 0; i < run->scenario->program_count; i++) {
        struct run_program *state = &run->programs[i];
        if (run->scenario->programs[i].machine == machine && state->lost &&
            run->scenario->programs[i].service) {
            *state = (struct run_program){.at_ns = sim_now_ns(run->sim)};
        }
    }
}

static int exit_status(int wait_status)
{
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

/* The end of a text, for messages. */
static const char *tail(const char *text, size_t bytes, size_t max)
{
    return bytes > max ? text + bytes - max : text;
}

static void judge_program(struct run *run, size_t index)
{
    const struct scenario_program *program = &run->scenario->programs[index];
    struct run_program *state = &run->programs[index];
    size_t output_bytes, error_bytes;
    const char *errors = sim_program_errors(state->process, &error_bytes);
    const char *output = sim_program_output(state->process, &output_bytes);
    const int status = exit_status(state->status);

    if (may_fail(run, program)) {
        if (WIFSIGNALED(state->status)) {
            run->result->signals++;
        } else if ((!program->any_status && status != program->status) ||
                   (program->output != NULL && strcmp(program->output, output) != 0)) {
            run->result->own_errors++;
        }
        return;
    }
    if (!program->any_status && status != program->status) {
        run_fail(run, program->line, "%s ended with status %d, not %d%s%s%s%s", program->name,
                 status, program->status, output_bytes > 0 ? "; its output ends with:\n" : "",
                 tail(output, output_bytes, 300), error_bytes > 0 ? "\nits errors with:\n" : "",
                 tail(errors, error_bytes, 300));
    } else if (program->output != NULL && strcmp(program->output, output) != 0) {
        run_fail(run, program->line, "the output of %s is not what is wanted:\n%s", program->name,
                 tail(output, output_bytes, 600));
    } else if (program->contains != NULL && strstr(output, program->contains) == NULL) {
        run_fail(run, program->line, "the output of %s does not contain %s:\n%s", program->name,
                 program->contains, tail(output, output_bytes, 600));
    }
}

/* Run until the program ends or the time comes. True if anything happened to it. */
static bool wait_for_program(struct run *run, size_t index, uint64_t until_ns)
{
    struct run_program *state = &run->programs[index];
    const uint64_t now_ns = sim_now_ns(run->sim);
    size_t before, after;

    (void)sim_program_output(state->process, &before);
    int status = sim_program_wait(state->process, until_ns > now_ns ? until_ns - now_ns : 0);
    check_machines(run);
    if (run_is_over(run)) {
        return true;
    }
    if (status == SIM_BLOCKED) {
        (void)sim_program_output(state->process, &after);
        return after != before;
    }
    if (status < 0) {
        run_fail(run, run->scenario->programs[index].line, "%s was lost: %s",
                 run->scenario->programs[index].name, sim_message(run->sim));
        return true;
    }
    state->ended = true;
    state->status = status;
    judge_program(run, index);
    return true;
}

/* Programs whose end the run waits for; SIZE_MAX if there is none. */
static size_t first_running(const struct run *run, bool services)
{
    for (size_t i = 0; i < run->scenario->program_count; i++) {
        const struct run_program *state = &run->programs[i];
        if (state->process != NULL && !state->ended &&
            (services || !run->scenario->programs[i].service)) {
            return i;
        }
    }
    return SIZE_MAX;
}

/* Take output and ends of all programs, without running. True if anything happened. */
static bool poll_programs(struct run *run)
{
    bool happened = false;

    for (size_t i = 0; i < run->scenario->program_count && !run_is_over(run); i++) {
        if (run->programs[i].process != NULL && !run->programs[i].ended) {
            happened = wait_for_program(run, i, 0) || happened;
        }
    }
    return happened;
}

static bool all_done(const struct run *run)
{
    for (size_t i = 0; i < run->scenario->program_count; i++) {
        if (!run->programs[i].ended && !run->scenario->programs[i].service) {
            return false;
        }
    }
    return run_faults_next(run) == UINT64_MAX;
}

/* Not all is done, but nothing can happen any more, or the time is over. */
static void fail_stuck(struct run *run, bool time_is_over)
{
    static const uint64_t LATER_NS = 1000000000;
    const uint64_t before = sim_log_count(run->sim);

    if (time_is_over) {
        /* Does anything go on? One record says that time passed. */
        sim_run_for(run->sim, LATER_NS);
        time_is_over = sim_log_count(run->sim) > before + 1;
    }
    for (size_t i = 0; i < run->scenario->program_count; i++) {
        const struct scenario_program *program = &run->scenario->programs[i];
        if (!run->programs[i].ended && !program->service) {
            run_fail(run, program->line,
                     time_is_over ? "%s has not ended when the time is over"
                     : run->programs[i].started
                         ? "%s hangs: it has not ended, and nothing happens any more"
                         : "%s was never started: what it waits for has not happened",
                     program->name);
        }
    }
}

/* One turn: do what is due, then run until something is due or ends. */
static void turn(struct run *run, uint64_t end_ns)
{
    const uint64_t now_ns = sim_now_ns(run->sim);

    run_faults_apply(run);
    for (size_t i = 0; i < run->scenario->program_count && !run_is_over(run); i++) {
        if (may_start(run, i, now_ns)) {
            start_program(run, i);
        }
    }
    if (run_is_over(run)) {
        return;
    }
    uint64_t next_ns = run_faults_next(run);
    if (programs_next(run) > now_ns && programs_next(run) < next_ns) {
        next_ns = programs_next(run);
    }
    const uint64_t until_ns = next_ns < end_ns ? next_ns : end_ns;
    const size_t index = first_running(run, false);
    bool happened = index != SIZE_MAX && wait_for_program(run, index, until_ns);
    happened = !run_is_over(run) && (poll_programs(run) || happened);
    if (run_is_over(run) || happened || all_done(run) || sim_now_ns(run->sim) >= until_ns) {
        return;
    }
    if (until_ns == end_ns && index != SIZE_MAX) {
        fail_stuck(run, false);
    } else {
        sim_run_for(run->sim, until_ns - sim_now_ns(run->sim));
        check_machines(run);
    }
}

static void run_programs(struct run *run)
{
    const uint64_t end_ns = run->start_ns + run->scenario->time_ns;

    while (!run_is_over(run) && !all_done(run)) {
        if (sim_now_ns(run->sim) >= end_ns) {
            fail_stuck(run, true);
            return;
        }
        turn(run, end_ns);
    }
}

/* ---- checks ---- */

static void check_file(struct run *run, const struct scenario_check *check)
{
    char *content;
    size_t bytes;
    int error = sim_file_read(run->machines[check->machine], check->path, &content, &bytes);

    if (error != 0) {
        run_fail(run, check->line, "%s: %s", check->path, strerror(-error));
        return;
    }
    if (check->equals != NULL && strcmp(check->equals, content) != 0) {
        run_fail(run, check->line, "%s is not what is wanted:\n%s", check->path,
                 tail(content, bytes, 600));
    } else if (check->contains != NULL && strstr(content, check->contains) == NULL) {
        run_fail(run, check->line, "%s does not contain %s:\n%s", check->path, check->contains,
                 tail(content, bytes, 600));
    }
    free(content);
}

static void check_program(struct run *run, const struct scenario_check *check)
{
    struct sim_program_config config = {.argv = check->argv};
    if (run_is_after_crash(run)) {
        const struct run_disk_explorer *disk = run->options->disk;
        const uint64_t mark = crash_state_mark(disk->trace, disk->state);
        config.input = disk->console;
        config.input_bytes = mark < disk->console_bytes ? (size_t)mark : disk->console_bytes;
    }
    struct sim_program *process = sim_spawn(run->machines[check->machine], &config);
    int status = process == NULL ? -1 : sim_program_wait(process, CHECK_NS);
    size_t bytes;

    if (process == NULL) {
        run_fail(run, check->line, "%s cannot be started: %s", check->argv[0],
                 sim_message(run->sim));
    } else if (status == SIM_BLOCKED || status < 0) {
        run_fail(run, check->line, "the check %s hangs", check->argv[0]);
    } else if (exit_status(status) != 0) {
        run_fail(run, check->line, "the check %s ended with status %d:\n%s", check->argv[0],
                 exit_status(status), sim_program_output(process, &bytes));
    }
    if (process != NULL) {
        sim_program_free(process);
    }
}

static void run_checks(struct run *run)
{
    for (size_t i = 0; i < run->scenario->check_count && !run_is_over(run); i++) {
        const struct scenario_check *check = &run->scenario->checks[i];
        if (sim_machine_state(run->machines[check->machine]) != SIM_MACHINE_ON) {
            run_fail(run, check->line, "the machine of this check is off");
        } else if (check->argv != NULL) {
            check_program(run, check);
        } else {
            check_file(run, check);
        }
    }
    check_machines(run);
}

/* ---- the whole ---- */

static void execute(struct run *run)
{
    const struct run_options *options = run->options;

    for (size_t i = 0; i < run->scenario->machine_count && !run_is_over(run); i++) {
        add_machine(run, i);
    }
    if (!run_is_over(run)) {
        run_network_create(run);
        run_devices_add_disks(run);
    }
    if (!run_is_over(run)) {
        boot_machines(run);
    }
    if (run_is_over(run)) {
        return;
    }
    if (run_is_after_crash(run)) {
        run_checks(run);
        return;
    }
    draw_programs(run);
    run_faults_draw(run);
    run_devices_explore(run, true);
    if (options->allocation_machine >= 0) {
        sim_fail_allocations(run->machines[options->allocation_machine], options->allocation_nth,
                             false, 0);
    }
    run_programs(run);
    if (options->allocation_machine >= 0) {
        uint64_t failed;
        struct sim_machine *machine = run->machines[options->allocation_machine];
        sim_allocations(machine, &run->result->allocations, &failed);
        sim_fail_allocations(machine, 0, false, 0);
    }
    run_devices_explore(run, false);
    if (!run_is_over(run)) {
        run_checks(run);
    }
}

static void finish(struct run *run)
{
    struct run_result *result = run->result;

    sim_log_flush(run->sim);
    sim_log_hash(run->sim, result->hash);
    result->records = sim_log_count(run->sim);
    result->time_ns = sim_now_ns(run->sim);
    sim_report(run->sim, &result->report);
    if (run->options->plan != NULL) {
        result->faults = fault_plan_count(run->options->plan);
    }
    if (run->options->folder != NULL) {
        run_dump(run);
    }
    if (result->outcome == RUN_FAILED) {
        scenario_failed(result);
    }
    for (size_t i = 0; i < run->scenario->program_count; i++) {
        if (run->programs[i].process != NULL) {
            sim_program_free(run->programs[i].process);
        }
    }
}

void scenario_run(const struct scenario *scenario, const struct run_options *options,
                  struct run_result *out)
{
    struct run run = {.scenario = scenario, .options = options, .result = out};
    struct sim_config config = scenario->config;

    *out = (struct run_result){.outcome = RUN_PASSED};
    config.seed = options->seed;
    config.hash_texts = true;
    run.machines = calloc(scenario->machine_count, sizeof(run.machines[0]));
    run.sources = calloc(scenario->machine_count, sizeof(run.sources[0]));
    run.programs = calloc(scenario->program_count + 1, sizeof(run.programs[0]));
    run.faults = calloc(scenario->fault_count + 1, sizeof(run.faults[0]));
    if (run.machines == NULL || run.sources == NULL || run.programs == NULL || run.faults == NULL ||
        sim_create(&config, &run.sim) != 0) {
        run_invalid(&run, 0, "the simulation cannot be made: out of memory");
    } else {
        if (options->log_fd >= 0 && sim_log_to_fd(run.sim, options->log_fd) != 0) {
            run_invalid(&run, 0, "the event log cannot be written");
        }
        execute(&run);
        finish(&run);
        sim_destroy(run.sim);
        run_devices_destroy(&run);
        run_network_destroy(&run);
    }
    free(run.machines);
    free(run.sources);
    free(run.programs);
    free(run.faults);
}
