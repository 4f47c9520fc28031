/* SPDX-License-Identifier: MIT */
/*
 * The CPU side of hal/cpu.h and hal/time.h for vCPUs of a world. All of it runs on the vCPU's own
 * kernel stack; suspend() goes back to the loop in world.c and returns when the vCPU is chosen
 * again.
 */
#include <errno.h>

#include "hal-hosted/world/world_internal.h"
#include "hal/kernel_on.h"

static void suspend(struct vcpu *vcpu)
{
    context_suspend(vcpu, &vcpu->sim->suspended);
}

/* Time is up for something that happens outside vCPUs. */
static inline bool loop_wanted(const struct world *world)
{
    return world->due_ns <= world->state.now_ns || world->attention;
}

void world_check_deadline(struct vcpu *vcpu)
{
    if (vcpu->sim->deadline_ns != UINT64_MAX &&
        world_machine_clock(vcpu->machine) >= vcpu->sim->deadline_ns) {
        vcpu->pending |= VCPU_PENDING_TIMER;
    }
}

void world_cpu_poll(struct vcpu *vcpu)
{
    world_check_deadline(vcpu);
    if (vcpu->pending) {
        vcpu_deliver(vcpu);
    }
}

void world_timer_arm(struct vcpu *vcpu, uint64_t deadline_ns)
{
    vcpu->sim->deadline_ns = deadline_ns;
    vcpu->pending &= ~(uint32_t)VCPU_PENDING_TIMER;
    world_check_deadline(vcpu);
}

void world_cpu_idle(struct vcpu *vcpu)
{
    struct world_vcpu *self = vcpu->sim;

    for (;;) {
        world_check_deadline(vcpu);
        if (vcpu->pending) {
            break;
        }
        vcpu->state = VCPU_IDLE;
        world_unqueue(self);
        if (self->deadline_ns != UINT64_MAX) {
            world_timer_set(self, world_machine_clock_to_world(vcpu->machine, self->deadline_ns));
        }
        suspend(vcpu); /* world_wake has put the state back */
    }
    vcpu_deliver(vcpu);
    vcpu->irq_enabled = false;
}

/* Spinning: somebody else has to run, or time to pass. */
void world_cpu_relax(struct vcpu *vcpu)
{
    struct world *world = vcpu->sim->world;

    world_charge(world, COST_RELAX);
    if (world->state.runnable_count > 1 || loop_wanted(world)) {
        world->spinning = true;
        suspend(vcpu);
    }
}

void world_cpu_point(struct vcpu *vcpu, unsigned kind)
{
    struct world *world = vcpu->sim->world;
    bool change = false;

    if (world->state.runnable_count > 1 && --world->state.points_left == 0) {
        change = world->config.ops.point(world->config.context, vcpu->sim, kind,
                                         &world->state.points_left);
    }
    if (change || world->state.reconsider || loop_wanted(world)) {
        world->state.reconsider = false;
        suspend(vcpu);
    }
}

int world_cpu_start(struct machine *machine, unsigned cpu, void *local)
{
    struct vcpu *target;

    if (cpu == 0 || cpu >= machine->boot.cpu_count || machine->vcpus[cpu].sim->started) {
        return -ENODEV;
    }
    target = &machine->vcpus[cpu];
    target->local = local;
    target->sim->started = true;
    world_wake(target->sim);
    return 0;
}

void world_note_interrupts(struct vcpu *vcpu, uint32_t bits)
{
    struct world *world = vcpu->sim->world;

    world_charge(world, COST_INTERRUPT);
    world_emit(world, WORLD_EVENT_INTERRUPT, vcpu->machine, vcpu->sim, NULL, bits, 0);
    if (bits & VCPU_PENDING_TIMER) {
        vcpu->sim->deadline_ns = UINT64_MAX;
    }
}

/* What the threads are called is for the world's owner to find out: a build's addresses are its
 * own. */
void world_note_switch(struct vcpu *vcpu, const struct hal_context *from,
                       const struct hal_context *to)
{
    world_charge(vcpu->sim->world, COST_THREAD_SWITCH);
    world_emit(vcpu->sim->world, WORLD_EVENT_THREAD, vcpu->machine, vcpu->sim, NULL,
               (uintptr_t)from, (uintptr_t)to);
}

/* There is something that user code could wait for, or keep waiting. */
bool world_others_wait(const struct world_vcpu *self)
{
    const struct world_state *state = &self->world->state;

    return state->runnable_count > 1 || state->timer_count > 0 || self->deadline_ns != UINT64_MAX;
}

/* User code has not stopped for a while, and has used this much CPU time by now. */
void world_user_spins(struct vcpu *vcpu, uint64_t cpu_ns)
{
    struct world_vcpu *self = vcpu->sim;

    if (!world_others_wait(self)) {
        return;
    }
    if (!self->spin_base_ns) {
        self->spin_base_ns = cpu_ns ? cpu_ns : 1;
    } else if (cpu_ns > self->spin_base_ns &&
               cpu_ns - self->spin_base_ns >= self->world->config.spin_limit_ns) {
        vcpu->pending |= VCPU_PENDING_PREEMPT;
    }
}
