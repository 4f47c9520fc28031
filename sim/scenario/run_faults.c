/* SPDX-License-Identifier: MIT */
/*
 * Faults over time (sim/scenario/run_internal.h). Which happen and when is drawn from the seed
 * before the machines start, so that it depends on nothing else.
 */
#include <stdio.h>

#include "sim/faults/chance.h"
#include "sim/scenario/run_internal.h"

/* Tells these draws from those of links and disks. */
static const uint64_t FAULT_STREAM = UINT64_C(3) << 32;

static enum fault_kind plan_kind(enum scenario_fault_kind kind)
{
    switch (kind) {
    case SCENARIO_KILL:
    case SCENARIO_RESTART:
        return FAULT_KILL;
    case SCENARIO_PAUSE:
    case SCENARIO_RESUME:
        return FAULT_PAUSE;
    case SCENARIO_ALLOCATIONS:
        return FAULT_ALLOCATION;
    case SCENARIO_CLOCK:
        return FAULT_CLOCK;
    case SCENARIO_STARVE:
        return FAULT_STARVATION;
    default:
        return FAULT_LINK_DOWN;
    }
}

static const char *kind_name(enum scenario_fault_kind kind)
{
    static const char *const names[] = {[SCENARIO_KILL] = "kill",
                                        [SCENARIO_RESTART] = "restart",
                                        [SCENARIO_PAUSE] = "pause",
                                        [SCENARIO_RESUME] = "resume",
                                        [SCENARIO_PARTITION] = "partition",
                                        [SCENARIO_HEAL] = "heal",
                                        [SCENARIO_LINK_DOWN] = "down",
                                        [SCENARIO_LINK] = "link",
                                        [SCENARIO_ALLOCATIONS] = "allocations",
                                        [SCENARIO_CLOCK] = "clock",
                                        [SCENARIO_STARVE] = "starve"};

    return names[kind];
}

void run_faults_draw(struct run *run)
{
    for (size_t i = 0; i < run->scenario->fault_count; i++) {
        const struct scenario_fault *fault = &run->scenario->faults[i];
        struct chance chance = chance_start(run->options->seed, FAULT_STREAM, i);
        run->faults[i].chosen = chance_hit(&chance, fault->chance_ppm);
        run->faults[i].at_ns = run->start_ns + fault->at.from_ns +
                               chance_below(&chance, fault->at.to_ns - fault->at.from_ns + 1);
    }
}

static uint64_t end_of(const struct run *run, size_t index)
{
    uint64_t for_ns = run->scenario->faults[index].for_ns;

    return for_ns == 0 ? UINT64_MAX : run->faults[index].at_ns + for_ns;
}

uint64_t run_faults_next(const struct run *run)
{
    uint64_t next_ns = UINT64_MAX;

    for (size_t i = 0; i < run->scenario->fault_count; i++) {
        const struct run_fault *fault = &run->faults[i];
        uint64_t due_ns = !fault->chosen  ? UINT64_MAX
                          : !fault->begun ? fault->at_ns
                          : fault->undone ? UINT64_MAX
                                          : end_of(run, i);
        if (due_ns < next_ns) {
            next_ns = due_ns;
        }
    }
    return next_ns;
}

static void set_islands(struct run *run, const unsigned *islands)
{
    for (size_t i = 0; run->network != NULL && i < 2 * run->scenario->link_count; i++) {
        if (run->nics[i] != NULL) {
            const int machine = run->scenario->links[i / 2].ends[i % 2].machine;
            network_node_island(run->nics[i], islands == NULL ? 0 : islands[machine]);
        }
    }
}

static void set_link_up(struct run *run, int link, bool up)
{
    network_link_up(run->links[link], LINK_FORTH, up);
    network_link_up(run->links[link], LINK_BACK, up);
}

static void set_link_quality(struct run *run, int link, const struct link_quality *quality)
{
    network_link_set(run->links[link], LINK_FORTH, quality);
    network_link_set(run->links[link], LINK_BACK, quality);
}

static void kill_machine(struct run *run, int machine)
{
    sim_machine_kill(run->machines[machine]);
    run_programs_lose(run, machine);
}

static void boot_machine(struct run *run, const struct scenario_fault *fault)
{
    if (sim_machine_state(run->machines[fault->machine]) == SIM_MACHINE_ON) {
        kill_machine(run, fault->machine);
    }
    if (sim_machine_boot(run->machines[fault->machine]) != 0) {
        run_fail(run, fault->line, "the machine %s did not come up again: %s",
                 run->scenario->machines[fault->machine].name, sim_message(run->sim));
        return;
    }
    run_programs_restart(run, fault->machine);
}

static void begin(struct run *run, const struct scenario_fault *fault)
{
    struct sim_machine *machine =
        fault->machine == SCENARIO_NO_INDEX ? NULL : run->machines[fault->machine];

    switch (fault->kind) {
    case SCENARIO_KILL:
        kill_machine(run, fault->machine);
        break;
    case SCENARIO_RESTART:
        boot_machine(run, fault);
        break;
    case SCENARIO_PAUSE:
        sim_machine_pause(machine);
        break;
    case SCENARIO_RESUME:
        sim_machine_resume(machine);
        break;
    case SCENARIO_PARTITION:
        set_islands(run, fault->islands);
        break;
    case SCENARIO_HEAL:
        set_islands(run, NULL);
        break;
    case SCENARIO_LINK_DOWN:
        set_link_up(run, fault->link, false);
        break;
    case SCENARIO_LINK:
        set_link_quality(run, fault->link, &fault->quality);
        break;
    case SCENARIO_ALLOCATIONS:
        if (run->options->allocation_machine == fault->machine) {
            break; /* the explorer counts them */
        }
        sim_fail_allocations(machine, fault->nth, fault->and_after, fault->probability_ppm);
        break;
    case SCENARIO_CLOCK:
        sim_clock_skew(machine, fault->skew_ppm);
        if (fault->jump_ns != 0) {
            (void)sim_clock_jump(machine, fault->jump_ns);
        }
        break;
    case SCENARIO_STARVE:
        sim_cpu_starve(machine, fault->cpu, sim_now_ns(run->sim) + fault->for_ns);
        break;
    }
}

/* The fault's time is over. */
static void undo(struct run *run, const struct scenario_fault *fault)
{
    switch (fault->kind) {
    case SCENARIO_KILL:
        boot_machine(run, fault);
        break;
    case SCENARIO_PAUSE:
        sim_machine_resume(run->machines[fault->machine]);
        break;
    case SCENARIO_PARTITION:
        set_islands(run, NULL);
        break;
    case SCENARIO_LINK_DOWN:
        set_link_up(run, fault->link, true);
        break;
    case SCENARIO_LINK:
        set_link_quality(run, fault->link, &run->scenario->links[fault->link].quality);
        break;
    case SCENARIO_ALLOCATIONS:
        if (run->options->allocation_machine != fault->machine) {
            sim_fail_allocations(run->machines[fault->machine], 0, false, 0);
        }
        break;
    case SCENARIO_CLOCK:
        sim_clock_skew(run->machines[fault->machine], 0);
        break;
    default:
        break;
    }
}

static void note(struct run *run, const struct scenario_fault *fault, const char *what)
{
    char text[160];

    snprintf(text, sizeof(text), "%s (line %u) %s", kind_name(fault->kind), fault->line, what);
    sim_note(run->sim, fault->machine == SCENARIO_NO_INDEX ? NULL : run->machines[fault->machine],
             text);
}

void run_faults_apply(struct run *run)
{
    const uint64_t now_ns = sim_now_ns(run->sim);

    for (size_t i = 0; i < run->scenario->fault_count && !run_is_over(run); i++) {
        const struct scenario_fault *fault = &run->scenario->faults[i];
        struct run_fault *state = &run->faults[i];
        const uint32_t source =
            fault->machine == SCENARIO_NO_INDEX ? 0 : run->sources[fault->machine];
        if (!state->chosen || (state->begun && state->undone)) {
            continue;
        }
        if (!state->begun && state->at_ns <= now_ns) {
            state->begun = true;
            if (!fault_plan_fire(run->options->plan, now_ns, plan_kind(fault->kind), source, i)) {
                state->undone = true;
                continue;
            }
            note(run, fault, "begins");
            begin(run, fault);
        }
        if (state->begun && !state->undone && end_of(run, i) <= now_ns) {
            state->undone = true;
            note(run, fault, "ends");
            undo(run, fault);
        }
    }
}
