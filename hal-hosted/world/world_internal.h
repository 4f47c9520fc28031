/* SPDX-License-Identifier: MIT
 *
 * The state of a world and of the machines in it.
 *
 * What changes while a world runs is in one of two places, so that a snapshot can keep it: in the
 * machine's memory (RAM, and after its end an arena for vCPUs, address spaces and scripts), or in
 * struct world_state and the two arrays behind it.
 */
#ifndef HAL_HOSTED_WORLD_WORLD_INTERNAL_H
#define HAL_HOSTED_WORLD_WORLD_INTERNAL_H

#include <sched.h>

#include "hal-hosted/machine_internal.h"
#include "hal-hosted/world/world.h"
#include "hal/user.h"

/* What things cost, in nanoseconds of CPU time. */
enum {
    COST_SYSCALL = 300,
    COST_FAULT = 600,
    COST_USER = 100,
    COST_INTERRUPT = 200,
    COST_THREAD_SWITCH = 200,
    COST_RELAX = 50,
    COST_TSC = 10,
    COST_SPIN = 1000000,
};

enum { ARENA_CLASSES = 16, CONSOLE_INPUT_MAX = 4096 };

/* A timer or a handler. */
struct world_timer {
    uint64_t at_ns, number;  /* in this order */
    struct world_vcpu *vcpu; /* NULL: handler */
    void (*handler)(void *argument);
    void *argument;
};

struct world_state {
    uint64_t now_ns, charge_rest;
    uint64_t last_number; /* of timers */
    uint64_t points_left, returns_left;
    uint64_t tsc_reads, spin_preemptions;
    unsigned runnable_count, timer_count;
    bool reconsider;         /* a vCPU has got work: the choice may be another now */
    struct world_vcpu *last; /* ran last */
};

struct world {
    struct world_config config;
    struct world_state state;
    struct world_vcpu **runnable;
    struct world_timer *timers; /* binary heap */
    unsigned runnable_room, timer_room;

    struct machine **machines; /* by index; NULL: destroyed */
    unsigned machine_count;
    bool addresses_vary;
    bool pinned; /* the thread, to one host CPU, since native code runs */
    cpu_set_t old_cpus;

    /* Only while world_run runs. */
    struct world_vcpu *current;
    bool attention, spinning, poll_users;
    uint64_t until_ns;
    uint64_t due_ns;             /* min(first timer, until_ns) */
    struct world_snapshot *base; /* what the memory was equal to when tracking began */
};

struct world_vcpu {
    struct vcpu *vcpu;
    struct world *world;
    struct hal_context suspended;
    bool started, entered;
    uint8_t held;          /* reasons to give it no time: enum world_hold */
    int slot;              /* in world->runnable, or -1 */
    uint32_t timer;        /* 1 + position in world->timers, or 0 */
    uint64_t deadline_ns;  /* of its machine's clock; UINT64_MAX: disarmed */
    uint64_t spin_base_ns; /* CPU time of user code when first looked at in this run; 0: not yet */
    unsigned steps;
    uint64_t note;
};

enum world_hold { HOLD_PAUSED = 1, HOLD_STARVED = 2 };

/* A machine's own data at the beginning of its arena. */
struct world_arena {
    size_t used; /* bytes of the arena */
    void *free[ARENA_CLASSES];
    struct vcpu *vcpus;
    struct world_vcpu *world_vcpus;
    struct world_script *scripts;
    uint32_t last_user, last_script;
    uint32_t user_wakes; /* scripts to be woken */
    size_t input_head, input_fill;
    char input[CONSOLE_INPUT_MAX];
    struct device_lines device_lines;
};

/* machine->sim */
struct world_machine {
    struct world *world;
    unsigned index;
    struct world_arena *arena;
    bool on;
    bool paused;
    int status;
    /* Clock: base + (now - since) * (1 + ppm / 1e6). */
    int32_t skew_ppm;
    uint64_t clock_base_ns, clock_since_ns;
    bool native; /* machine->engine_data is set */

    struct world_tracking *tracking; /* snapshot.c */
};

/* user->priv[WORLD_USER]; in the arena. The other words belong to the engine of native code. */
enum { WORLD_USER = 7 };

struct world_script {
    struct world_script *next, *prev; /* all users of the machine */
    struct hal_user *user;
    uint32_t number;
    bool scripted;
    bool in_call; /* has made a system call */
    struct world_call call;

    bool asked, busy, parked, memory, write;
    uint64_t request_number, arguments[6];
    uint64_t address;
    char *buffer;
    size_t bytes, tries;
    int64_t result;
    uint32_t signals;
    int last_signal;
};

static inline struct world_script *world_user_of(const struct hal_user *user)
{
    return (struct world_script *)(uintptr_t)user->priv[WORLD_USER];
}

static inline struct world_vcpu *world_vcpu_of(const struct vcpu *vcpu)
{
    return vcpu->sim;
}

static inline void world_emit(struct world *world, enum world_event type, struct machine *machine,
                              struct world_vcpu *vcpu, struct hal_user *user, uint64_t a,
                              uint64_t b)
{
    world->config.ops.event(world->config.context, type, machine, vcpu, user, a, b, NULL, 0);
}

/* world.c */
void world_charge(struct world *world, uint64_t ns);
void world_wake(struct world_vcpu *vcpu);
void world_unqueue(struct world_vcpu *vcpu);
void world_timer_set(struct world_vcpu *vcpu, uint64_t at_ns);
void world_due_update(struct world *world);
int world_runnable_room(struct world *world, unsigned more);

/* machine.c */
uint64_t world_machine_clock(const struct machine *machine);
uint64_t world_machine_clock_to_world(const struct machine *machine, uint64_t clock_ns);
void *world_arena_alloc(struct machine *machine, size_t bytes);
void world_arena_free(struct machine *machine, void *memory, size_t bytes);
void world_machine_ended(struct machine *machine, int status);

/* cpu.c: what hal-hosted calls instead of its own for vCPUs of a world */
void world_cpu_idle(struct vcpu *vcpu);
void world_cpu_relax(struct vcpu *vcpu);
void world_cpu_point(struct vcpu *vcpu, unsigned kind);
void world_cpu_poll(struct vcpu *vcpu);
int world_cpu_start(struct machine *machine, unsigned cpu, void *local);
void world_timer_arm(struct vcpu *vcpu, uint64_t deadline_ns);
void world_check_deadline(struct vcpu *vcpu);
void world_note_interrupts(struct vcpu *vcpu, uint32_t bits);
void world_note_switch(struct vcpu *vcpu, const struct hal_context *from,
                       const struct hal_context *to);
bool world_others_wait(const struct world_vcpu *self);
void world_user_spins(struct vcpu *vcpu, uint64_t cpu_ns);

/* user.c */
extern const struct engine_ops engine_world;
enum hal_stop world_user_run(struct vcpu *vcpu, struct hal_user *user, struct hal_fault *out);
void world_native_drop(struct machine *machine);
void world_native_abandon(struct machine *machine);

/* script.c */
enum hal_stop world_script_run(struct vcpu *vcpu, struct hal_user *user, struct hal_fault *out);
bool world_script_owns(const struct hal_user *user);
void world_script_leave(struct hal_user *user);
void world_script_deliver(struct machine *machine);

/* console.c */
size_t world_console_write(struct vcpu *vcpu, bool console, const char *bytes, size_t count);
size_t world_console_read(struct machine *machine, char *bytes, size_t count);

/* tracking.c */
void world_note_written(struct machine *machine, uint64_t paddr);
void world_note_shadow(const void *address, size_t bytes);
void world_tracking_free(struct machine *machine);
void world_tracking_lost(struct machine *machine);

#endif
