/* SPDX-License-Identifier: MIT
 *
 * The vCPUs of one machine as coroutines on one host thread, for machines that are put back to a
 * mark (reset.h): which of them goes on is the `turn` hook's choice, at every lock, wake-up and
 * blocking point of the kernel, so a run with several CPUs is a function of the hooks as one with
 * a single CPU is.
 *
 * A vCPU leaves its kernel context by context_suspend, to the loop in turns_run, which continues
 * the one named by machine->turns.next. A vCPU is ready unless it idles with nothing pending.
 */
#include <errno.h>

#include "hal-hosted/turns_internal.h"

static unsigned cpu_count(const struct machine *machine)
{
    return machine->boot.cpu_count;
}

static bool is_ready(const struct vcpu *vcpu)
{
    return vcpu->turn_started && (vcpu->state != VCPU_IDLE || vcpu->pending);
}

/* The set of vCPUs that could go on; looks at the clock for those that idle. */
static uint32_t ready_set(struct machine *machine)
{
    uint32_t set = 0;

    for (unsigned i = 0; i < cpu_count(machine); i++) {
        struct vcpu *vcpu = &machine->vcpus[i];
        if (vcpu->turn_started && vcpu->state == VCPU_IDLE) {
            vcpu_check_deadline(vcpu);
        }
        set |= is_ready(vcpu) ? 1u << i : 0;
    }
    return set;
}

static void switch_to(struct vcpu *vcpu, unsigned next)
{
    vcpu->machine->turns.next = next;
    context_suspend(vcpu, &vcpu->turn_context);
}

/* Ask who goes on, and let him. `must`: not this vCPU, of which `ready` holds others. */
static void give_turn(struct vcpu *vcpu, uint32_t ready, bool must)
{
    struct machine *machine = vcpu->machine;
    const struct machine_hooks *hooks = machine->config.hooks;

    machine->turns.points_left = UINT64_MAX;
    unsigned next =
        hooks->turn(hooks->argument, vcpu->id, ready, must, &machine->turns.points_left);
    if (next != vcpu->id && ready >> next & 1) {
        switch_to(vcpu, next);
    } else if (must) {
        switch_to(vcpu, (unsigned)__builtin_ctz(ready));
    }
}

void turns_point(struct vcpu *vcpu)
{
    if (--vcpu->machine->turns.points_left == 0) {
        give_turn(vcpu, ready_set(vcpu->machine) | 1u << vcpu->id, false);
    }
}

/* What this one spins on, another has to do, or time. */
void turns_relax(struct vcpu *vcpu)
{
    uint32_t others = ready_set(vcpu->machine) & ~(1u << vcpu->id);

    if (vcpu->pending & VCPU_PENDING_STOP) {
        context_leave(vcpu);
    }
    if (others) {
        give_turn(vcpu, others, true);
    }
}

static uint64_t first_deadline(const struct machine *machine)
{
    uint64_t first = UINT64_MAX;

    for (unsigned i = 0; i < cpu_count(machine); i++) {
        if (machine->vcpus[i].turn_started && machine->vcpus[i].deadline_ns < first) {
            first = machine->vcpus[i].deadline_ns;
        }
    }
    return first;
}

void turns_idle(struct vcpu *vcpu)
{
    struct machine *machine = vcpu->machine;
    const struct machine_hooks *hooks = machine->config.hooks;

    vcpu->state = VCPU_IDLE;
    for (;;) {
        uint32_t ready = ready_set(machine);
        if (ready >> vcpu->id & 1) {
            break;
        }
        if (ready) {
            give_turn(vcpu, ready, true);
        } else {
            vcpu->state = VCPU_KERNEL; /* it may call the kernel */
            hooks->idle(hooks->argument, first_deadline(machine));
            vcpu->state = VCPU_IDLE;
        }
    }
    vcpu->state = VCPU_KERNEL;
}

int turns_start(struct machine *machine, unsigned cpu, void *local)
{
    if (cpu == 0 || cpu >= cpu_count(machine) || machine->vcpus[cpu].turn_started) {
        return -ENODEV;
    }
    machine->vcpus[cpu].local = local;
    machine->vcpus[cpu].turn_started = true;
    return 0;
}

void turns_begin(struct machine *machine)
{
    for (unsigned i = 0; i < cpu_count(machine); i++) {
        machine->vcpus[i].takes_turns = true;
    }
    machine->vcpus[0].turn_started = true;
    machine->turns.points_left = 1;
    __atomic_fetch_add(&hosted_turns, 1, __ATOMIC_RELAXED);
}

void turns_end(struct machine *machine)
{
    if (machine->vcpus && machine->vcpus[0].takes_turns) {
        __atomic_fetch_sub(&hosted_turns, 1, __ATOMIC_RELAXED);
    }
}

void turns_pause(struct vcpu *vcpu)
{
    vcpu->machine->turns.paused = true;
    switch_to(vcpu, vcpu->id);
}

void turns_run(struct machine *machine)
{
    machine->turns.paused = false;
    while (!machine->turns.paused && !machine->ending) {
        vcpu_take_turn(&machine->vcpus[machine->turns.next]);
    }
}
