/* SPDX-License-Identifier: MIT */
/*
 * Running user code in a world: the engine that puts scripted users and native ones side by side.
 *
 * Native code runs by the stub engine, which is started when the first native user of a machine
 * runs, and given a stub for each address space when that first runs; so machines that only make
 * system calls by script need no host processes. Nothing else happens while native code runs: it
 * stops only by itself, after a number of single steps that the schedule has chosen, or, if it has
 * used more CPU time than allowed without stopping, by the host's clock, which is reported.
 *
 * RDTSC traps (prctl(2), PR_SET_TSC) and is answered from the machine's clock at 1 GHz.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "hal-hosted/engine/engine.h"
#include "hal-hosted/engine/stub/layout.h"
#include "hal-hosted/engine/stub/stub_internal.h"
#include "hal-hosted/world/world_internal.h"

enum { FLAG_TRAP = 0x100, WORLD_POINT_USER = 4 };

/* --- the engine --- */

static int world_machine_init(struct machine *machine, char *message, size_t message_bytes)
{
    (void)message;
    (void)message_bytes;
    machine->boot.user_addr_min = STUB_AREA_END;
    return 0;
}

static void world_machine_exit(struct machine *machine)
{
    if (machine->sim && machine->sim->native) {
        machine->sim->native = false;
        engine_stub.machine_exit(machine);
    }
}

static int world_aspace_create(struct hal_aspace *aspace)
{
    aspace->engine = NULL;
    return 0;
}

static void world_aspace_destroy(struct hal_aspace *aspace)
{
    if (aspace->engine) {
        engine_stub.aspace_destroy(aspace);
    }
}

static void world_aspace_changed(struct hal_aspace *aspace, uint64_t uaddr, size_t pages,
                                 enum aspace_change change)
{
    if (aspace->engine) {
        engine_stub.aspace_changed(aspace, uaddr, pages, change);
    }
}

static void world_aspace_flush(struct hal_aspace *aspace)
{
    if (aspace->engine) {
        engine_stub.aspace_flush(aspace);
    }
}

/* Every lane waits for what was posted before it starts, and none runs now. */
static void world_aspace_flush_lazy(struct hal_aspace *aspace)
{
    if (aspace->engine) {
        engine_stub.aspace_flush_lazy(aspace);
    }
}

static void world_user_init(struct hal_user *user)
{
    struct machine *machine = vcpu_current()->machine;
    struct world_arena *arena = machine->sim->arena;
    struct world_script *self = world_arena_alloc(machine, sizeof *self);

    memset(user->priv, 0, sizeof user->priv);
    if (!self) {
        host_fatal("a simulated machine's arena is full: too many tasks");
    }
    self->user = user;
    self->number = ++arena->last_user;
    self->next = arena->scripts;
    if (self->next) {
        self->next->prev = self;
    }
    arena->scripts = self;
    user->priv[WORLD_USER] = (uintptr_t)self;
}

static void world_user_exit(struct hal_user *user)
{
    struct machine *machine = vcpu_current()->machine;
    struct world_arena *arena = machine->sim->arena;
    struct world_script *self = world_user_of(user);

    if (machine->sim->native) {
        engine_stub.user_exit(user);
    }
    if (self) {
        *(self->prev ? &self->prev->next : &arena->scripts) = self->next;
        if (self->next) {
            self->next->prev = self->prev;
        }
        user->priv[WORLD_USER] = 0;
        if (self->scripted && self->busy) {
            world_attention(machine->sim->world); /* who waits for it need not */
        }
        world_arena_free(machine, self, sizeof *self);
    }
}

static void world_user_fpu_sync(struct hal_user *user)
{
    if (vcpu_current()->machine->sim->native) {
        engine_stub.user_fpu_sync(user);
    }
}

static void world_user_fpu_changed(struct hal_user *user)
{
    if (vcpu_current()->machine->sim->native) {
        engine_stub.user_fpu_changed(user);
    }
}

static enum hal_stop world_run_nothing(struct vcpu *vcpu, struct hal_user *user,
                                       struct hal_fault *out)
{
    (void)vcpu;
    (void)user;
    (void)out;
    return HAL_STOP_DEAD; /* world_user_run is used instead */
}

static void world_kick(struct vcpu *vcpu)
{
    (void)vcpu; /* nothing runs at the same time */
}

const struct engine_ops engine_world = {
    .name = "world",
    .machine_init = world_machine_init,
    .machine_exit = world_machine_exit,
    .aspace_create = world_aspace_create,
    .aspace_destroy = world_aspace_destroy,
    .aspace_changed = world_aspace_changed,
    .aspace_flush = world_aspace_flush,
    .aspace_flush_lazy = world_aspace_flush_lazy,
    .user_init = world_user_init,
    .user_exit = world_user_exit,
    .user_fpu_sync = world_user_fpu_sync,
    .user_fpu_changed = world_user_fpu_changed,
    .run = world_run_nothing,
    .kick = world_kick,
};

uint32_t world_user_number(const struct hal_user *user)
{
    const struct world_script *self = user ? world_user_of(user) : NULL;

    return self ? self->number : 0;
}

const struct world_call *world_user_call(const struct hal_user *user)
{
    return &world_user_of(user)->call;
}

/* --- the stub engine, on demand --- */

/* Stubs and this thread never work at the same time: on one host CPU each hand-over is a plain
 * context switch, however busy the others are. */
static void share_cpu(struct world *world, const struct stub_machine *sm)
{
    if (!world->pinned && sm->pinned &&
        sched_getaffinity(0, sizeof world->old_cpus, &world->old_cpus) == 0) {
        world->pinned = sched_setaffinity(0, sizeof sm->vcpu_cpus[0], &sm->vcpu_cpus[0]) == 0;
    }
}

static bool native_ready(struct vcpu *vcpu, struct hal_aspace *aspace)
{
    struct machine *machine = vcpu->machine;
    char message[256] = "";

    if (machine->config.engine == MACHINE_ENGINE_NONE) {
        return false;
    }
    if (!machine->sim->native) {
        uint64_t user_addr_min = machine->boot.user_addr_min;

        if (engine_stub.machine_init(machine, message, sizeof message) < 0) {
            return false;
        }
        machine->boot.user_addr_min = user_addr_min;
        machine->sim->native = true;
        share_cpu(machine->sim->world, machine->engine_data);
    }
    if (!vcpu->engine && engine_stub.vcpu_init(vcpu) < 0) {
        return false;
    }
    return aspace->engine || engine_stub.aspace_create(aspace) == 0;
}

/* All FP state goes to where the kernel keeps it, and no stub is any address space's: what is in
 * the machine's memory is all there is. */
void world_native_drop(struct machine *machine)
{
    for (struct hal_aspace *aspace = machine->aspaces; aspace; aspace = aspace->next) {
        if (aspace->engine) {
            engine_stub.aspace_destroy(aspace);
        }
    }
}

/* In the child of a fork: the machine's stubs are the parent's. */
void world_native_abandon(struct machine *machine)
{
    struct stub_machine *sm = machine->engine_data;

    if (!machine->sim->native) {
        return;
    }
    close(sm->socket); /* else the stubs would outlive the parent */
    close(sm->ctl_fd);
    machine->engine_data = NULL;
    machine->sim->native = false;
    for (unsigned i = 0; i < machine->boot.cpu_count; i++) {
        machine->vcpus[i].engine = NULL;
    }
}

/* --- a run --- */

static bool is_rdtsc(const uint8_t *code, size_t bytes, unsigned *out_length)
{
    if (bytes >= 2 && code[0] == 0x0f && code[1] == 0x31) {
        *out_length = 2;
        return true;
    }
    *out_length = 3;
    return bytes >= 3 && code[0] == 0x0f && code[1] == 0x01 && code[2] == 0xf9; /* rdtscp */
}

static size_t read_code(const struct hal_aspace *aspace, uint64_t uaddr, uint8_t *out, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        uint64_t entry = aspace_entry(aspace, uaddr + i);

        if (!(entry & HAL_PROT_EXEC)) {
            return i;
        }
        out[i] = (uint8_t)machine_pointer(aspace->machine,
                                          entry & ASPACE_FRAME_MASK)[(uaddr + i) % HAL_PAGE_SIZE];
    }
    return bytes;
}

static bool emulate_tsc(struct vcpu *vcpu, struct hal_user *user, const struct hal_fault *fault)
{
    struct world *world = vcpu->sim->world;
    uint8_t code[3];
    unsigned length;
    size_t bytes;
    uint64_t now_ns;

    if (fault->vector != HAL_VECTOR_PROTECTION || fault->error != 0) {
        return false;
    }
    bytes = read_code(user->aspace, user->regs.rip, code, sizeof code);
    if (!is_rdtsc(code, bytes, &length)) {
        return false;
    }
    world_charge(world, COST_TSC);
    world->state.tsc_reads++;
    now_ns = world_machine_clock(vcpu->machine);
    user->regs.rax = (uint32_t)now_ns;
    user->regs.rdx = now_ns >> 32;
    if (length == 3) {
        user->regs.rcx = vcpu->id;
    }
    user->regs.rip += length;
    world_emit(world, WORLD_EVENT_TSC, vcpu->machine, vcpu->sim, user, 0, now_ns);
    return true;
}

/* User code has been stopped by the host's clock. */
static void note_spin(struct vcpu *vcpu, struct hal_user *user)
{
    struct world *world = vcpu->sim->world;

    world->state.spin_preemptions++;
    world_charge(world, COST_SPIN);
    world_emit(world, WORLD_EVENT_SPIN, vcpu->machine, vcpu->sim, user, 0, user->regs.rip);
}

/* After a single step: true when it was the last. */
static bool step_done(struct vcpu *vcpu, struct hal_user *user, unsigned planned)
{
    world_charge(vcpu->sim->world, 1);
    if (--vcpu->sim->steps > 0) {
        return false;
    }
    world_emit(vcpu->sim->world, WORLD_EVENT_STEP, vcpu->machine, vcpu->sim, user, planned,
               user->regs.rip);
    vcpu->pending |= VCPU_PENDING_PREEMPT;
    return true;
}

/* How many instructions to step before a preemption: what the schedule wants, or else as many as a
 * program may spin, if there is anything that it could keep waiting. 0: none. */
static unsigned steps_planned(const struct world_vcpu *self)
{
    return self->steps > 0 || !world_others_wait(self) ? self->steps
                                                       : self->world->config.spin_steps;
}

static enum hal_stop native_run(struct vcpu *vcpu, struct hal_user *user, struct hal_fault *out)
{
    unsigned planned = steps_planned(vcpu->sim);
    bool stepping;
    enum hal_stop stop;

    world_script_leave(user);
    if (!native_ready(vcpu, user->aspace)) {
        return HAL_STOP_DEAD;
    }
    vcpu->sim->steps = planned;
    for (;;) {
        stepping = vcpu->sim->steps > 0 && !(user->regs.rflags & FLAG_TRAP);
        if (stepping) {
            user->regs.rflags |= FLAG_TRAP;
        }
        vcpu->sim->spin_base_ns = 0;
        stop = engine_stub.run(vcpu, user, out);
        if (stepping) {
            user->regs.rflags &= ~(uint64_t)FLAG_TRAP;
            if (stop == HAL_STOP_SYSCALL) {
                user->regs.r11 &= ~(uint64_t)FLAG_TRAP;
            }
        }
        if (stop == HAL_STOP_INTERRUPT) {
            note_spin(vcpu, user);
        } else if (stop == HAL_STOP_FAULT && stepping && out->vector == HAL_VECTOR_DEBUG) {
            if (!step_done(vcpu, user, planned)) {
                continue;
            }
            stop = HAL_STOP_INTERRUPT;
        } else if (stop == HAL_STOP_FAULT && emulate_tsc(vcpu, user, out)) {
            continue;
        }
        vcpu->sim->steps = 0;
        return stop;
    }
}

/* --- hal_user_run --- */

static void note_return(struct vcpu *vcpu, struct hal_user *user)
{
    struct world *world = vcpu->sim->world;
    struct world_script *self = world_user_of(user);

    if (self->in_call) {
        self->in_call = false;
        world_emit(world, WORLD_EVENT_RESULT, vcpu->machine, vcpu->sim, user, self->call.number,
                   user->regs.rax);
    }
    world_charge(world, COST_USER);
}

static void note_call(struct world_call *call, const struct hal_regs *regs)
{
    *call = (struct world_call){
        .number = (uint32_t)regs->rax,
        .rip = regs->rip,
        .arguments = {regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8, regs->r9},
    };
}

static void note_stop(struct vcpu *vcpu, struct hal_user *user, enum hal_stop stop,
                      const struct hal_fault *fault)
{
    struct world *world = vcpu->sim->world;
    struct world_script *self = world_user_of(user);

    if (stop == HAL_STOP_SYSCALL) {
        world_charge(world, COST_SYSCALL);
        self->in_call = true;
        note_call(&self->call, &user->regs);
        world_emit(world, WORLD_EVENT_SYSCALL, vcpu->machine, vcpu->sim, user, self->call.number,
                   0);
    } else if (stop == HAL_STOP_FAULT) {
        world_charge(world, COST_FAULT);
        world_emit(world, WORLD_EVENT_FAULT, vcpu->machine, vcpu->sim, user,
                   fault->vector | fault->error << 32, fault->address);
    }
}

/* The schedule may want another thread to run first, at once or a few instructions on. */
static void maybe_preempt(struct vcpu *vcpu, struct hal_user *user)
{
    struct world *world = vcpu->sim->world;
    unsigned steps = 0;

    if (--world->state.returns_left > 0 ||
        !world->config.ops.preempt(world->config.context, vcpu->sim, &steps,
                                   &world->state.returns_left)) {
        return;
    }
    if (steps > 0) {
        vcpu->sim->steps = steps;
        return;
    }
    world_emit(world, WORLD_EVENT_PREEMPT, vcpu->machine, vcpu->sim, user, 0, 0);
    vcpu->pending |= VCPU_PENDING_PREEMPT;
}

enum hal_stop world_user_run(struct vcpu *vcpu, struct hal_user *user, struct hal_fault *out)
{
    struct world *world = vcpu->sim->world;
    enum hal_stop stop = HAL_STOP_INTERRUPT;

    note_return(vcpu, user);
    maybe_preempt(vcpu, user);
    if (world->poll_users) {
        context_suspend(vcpu, &vcpu->sim->suspended);
    }
    world_cpu_point(vcpu, WORLD_POINT_USER);
    world_check_deadline(vcpu);
    if (!vcpu->pending) {
        vcpu->state = VCPU_USER;
        stop = world_script_owns(user) ? world_script_run(vcpu, user, out)
                                       : native_run(vcpu, user, out);
        vcpu->state = VCPU_KERNEL;
        note_stop(vcpu, user, stop, out);
        world_check_deadline(vcpu);
    }
    if (vcpu->pending) {
        vcpu_deliver(vcpu);
    }
    return stop;
}
