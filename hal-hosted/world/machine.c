/* SPDX-License-Identifier: MIT */
/*
 * Machines of a world: memory at an address of their own, the arena behind it, power.
 *
 * The arena holds what the backend itself allocates for a machine, so that it is part of a
 * snapshot: blocks of powers of two, with free lists.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "hal-hosted/engine/engine.h"
#include "hal-hosted/ram.h"
#include "hal-hosted/sanitizer.h"
#include "hal-hosted/world/world_internal.h"

/* Machine i wants to be here: far from where hosts put programs, libraries and stacks. */
#define MEMORY_BASE 0x110000000000ull
#define MEMORY_STRIDE 0x1000000000ull /* 64 GiB */

/* 0 is not a time: kernels may subtract. */
#define CLOCK_START_NS 1000000000ull

enum { ARENA_BYTES_MIN = 1 << 20, ARENA_SHARE = 64, ALLOCATION_MIN_SHIFT = 5 };

/* --- the arena --- */

static unsigned class_of(size_t bytes)
{
    unsigned class = 0;

    while ((size_t)1 << (class + ALLOCATION_MIN_SHIFT) < bytes) {
        class ++;
    }
    return class;
}

void *world_arena_alloc(struct machine *machine, size_t bytes)
{
    struct world_arena *arena = machine->sim->arena;
    unsigned class = class_of(bytes);
    size_t size = (size_t)1 << (class + ALLOCATION_MIN_SHIFT);
    char *memory;

    if (class >= ARENA_CLASSES) { /* never freed: boot stacks */
        size = (bytes + HAL_PAGE_SIZE - 1) & ~(size_t)(HAL_PAGE_SIZE - 1);
    } else if (arena->free[class]) {
        memory = arena->free[class];
        memcpy(&arena->free[class], memory, sizeof(void *));
        memset(memory, 0, size);
        return memory;
    }
    if (size >= HAL_PAGE_SIZE) {
        arena->used = (arena->used + HAL_PAGE_SIZE - 1) & ~(size_t)(HAL_PAGE_SIZE - 1);
    }
    if (size > machine->arena_bytes - arena->used) {
        return NULL;
    }
    memory = (char *)arena + arena->used;
    arena->used += size;
    return memory; /* never used before: zero */
}

void world_arena_free(struct machine *machine, void *memory, size_t bytes)
{
    struct world_arena *arena = machine->sim->arena;
    unsigned class = class_of(bytes);

    if (class < ARENA_CLASSES) {
        memcpy(memory, &arena->free[class], sizeof(void *));
        arena->free[class] = memory;
    }
}

void *world_machine_allocate(struct machine *machine, size_t bytes)
{
    return world_arena_alloc(machine, bytes);
}

/* --- clocks --- */

uint64_t world_machine_clock(const struct machine *machine)
{
    const struct world_machine *sim = machine->sim;
    uint64_t passed = sim->world->state.now_ns - sim->clock_since_ns;

    if (sim->skew_ppm) {
        __int128 extra = (__int128)(int64_t)passed * sim->skew_ppm / 1000000;
        passed = (uint64_t)((int64_t)passed + (int64_t)extra);
    }
    return sim->clock_base_ns + passed;
}

/* The first virtual time at which the machine's clock shows at least this. */
uint64_t world_machine_clock_to_world(const struct machine *machine, uint64_t clock_ns)
{
    const struct world_machine *sim = machine->sim;
    uint64_t ahead = clock_ns > sim->clock_base_ns ? clock_ns - sim->clock_base_ns : 0;
    unsigned __int128 scaled = ahead;

    if (sim->skew_ppm) {
        unsigned __int128 rate = (unsigned __int128)(1000000 + sim->skew_ppm);
        scaled = (scaled * 1000000 + rate - 1) / rate + 1;
    }
    if (scaled > UINT64_MAX - sim->clock_since_ns - 1) {
        return UINT64_MAX - 1;
    }
    return sim->clock_since_ns + (uint64_t)scaled;
}

void world_machine_skew(struct machine *machine, int32_t ppm)
{
    struct world_machine *sim = machine->sim;

    sim->clock_base_ns = world_machine_clock(machine);
    sim->clock_since_ns = sim->world->state.now_ns;
    sim->skew_ppm = ppm < -900000 ? -900000 : ppm;
    for (unsigned i = 0; sim->on && i < machine->boot.cpu_count; i++) {
        struct world_vcpu *vcpu = machine->vcpus[i].sim;
        if (vcpu->timer) {
            world_timer_set(vcpu, world_machine_clock_to_world(machine, vcpu->deadline_ns));
        }
    }
}

/* --- creation --- */

static int join(struct world *world, struct machine *machine)
{
    struct machine **machines =
        realloc(world->machines, (world->machine_count + 1) * sizeof(struct machine *));

    if (!machines) {
        return -ENOMEM;
    }
    world->machines = machines;
    machine->sim->index = world->machine_count;
    world->machines[world->machine_count++] = machine;
    return world_runnable_room(world, machine->config.cpus);
}

static int create_memory(struct world *world, struct machine *machine)
{
    uintptr_t wanted = MEMORY_BASE + machine->sim->index * MEMORY_STRIDE;
    int error;

    machine->arena_bytes = machine->ram_bytes / ARENA_SHARE;
    if (machine->arena_bytes < ARENA_BYTES_MIN) {
        machine->arena_bytes = ARENA_BYTES_MIN;
    }
    machine->arena_bytes += (machine->config.cpus + 1) * (2 * hal_stack_size());
    machine->arena_bytes &= ~(uint64_t)(HAL_PAGE_SIZE - 1);
    machine->ram_hint = HOSTED_TSAN ? NULL : (void *)wanted; /* not where its shadow has none */
    error = machine_ram_create(machine);
    if (error == 0 && (uintptr_t)machine->ram != wanted) {
        world->addresses_vary = true;
    }
    return error;
}

int world_machine_create(struct world *world, const struct machine_config *config,
                         struct machine **out, char *message, size_t message_bytes)
{
    struct machine *machine;
    int error = machine_config_check(config, message, message_bytes);

    if (error < 0) {
        return error;
    }
    machine = calloc(1, sizeof *machine);
    if (!machine) {
        return -ENOMEM;
    }
    machine->ram_fd = -1;
    machine->config = *config;
    machine->config.trace_exact = true; /* user code stays what it is */
    machine->ram_bytes = config->ram_bytes & ~(uint64_t)(HAL_PAGE_SIZE - 1);
    pthread_mutex_init(&machine->aspaces_lock, NULL);
    pthread_mutex_init(&machine->fibers_lock, NULL);
    error = -ENOMEM;
    machine->cmdline = strdup(config->cmdline ? config->cmdline : "");
    machine->sim = calloc(1, sizeof *machine->sim);
    if (!machine->cmdline || !machine->sim) {
        goto destroy;
    }
    machine->config.cmdline = machine->cmdline;
    machine->sim->world = world;
    machine->sim->status = -1;
    machine->sim->clock_base_ns = CLOCK_START_NS;
    machine->boot.cpu_count = config->cpus;
    error = join(world, machine);
    if (error < 0) {
        goto destroy;
    }
    error = create_memory(world, machine);
    if (error < 0) {
        snprintf(message, message_bytes, "cannot allocate %llu MiB of RAM: %s",
                 (unsigned long long)machine->ram_bytes >> 20, strerror(-error));
        goto destroy;
    }
    machine->engine = &engine_world;
    *out = machine;
    return 0;

destroy:
    world_machine_destroy(machine);
    machine->sim = NULL;
    machine_destroy(machine);
    return error;
}

/* What machine_destroy does not know of. */
void world_machine_destroy(struct machine *machine)
{
    struct world_machine *sim = machine->sim;

    if (!sim) {
        return;
    }
    world_machine_kill(machine);
    world_tracking_free(machine);
    if (sim->index < sim->world->machine_count && sim->world->machines[sim->index] == machine) {
        sim->world->machines[sim->index] = NULL;
    }
    free(sim);
    machine->vcpus = NULL; /* in the arena */
}

unsigned world_machine_index(const struct machine *machine)
{
    return machine->sim->index;
}

/* --- power --- */

static int memory_empty(struct machine *machine)
{
    uint64_t bytes = machine->ram_bytes + machine->arena_bytes;

#if HOSTED_ASAN
    __asan_unpoison_memory_region(machine->ram, bytes);
#endif
    world_tracking_lost(machine);
    if (fallocate(machine->ram_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)bytes) <
        0) {
        return -errno;
    }
    machine->sim->arena = (struct world_arena *)(machine->ram + machine->ram_bytes);
    machine->lines = &machine->sim->arena->device_lines;
    machine->sim->arena->used = (sizeof(struct world_arena) + 63) & ~(size_t)63;
    return 0;
}

static int create_vcpus(struct machine *machine)
{
    unsigned count = machine->config.cpus;
    struct world_arena *arena = machine->sim->arena;

    arena->vcpus = world_arena_alloc(machine, count * sizeof(struct vcpu));
    arena->world_vcpus = world_arena_alloc(machine, count * sizeof(struct world_vcpu));
    machine->vcpus = arena->vcpus;
    if (!arena->vcpus || !arena->world_vcpus) {
        return -ENOMEM;
    }
    for (unsigned i = 0; i < count; i++) {
        struct vcpu *vcpu = &arena->vcpus[i];

        vcpu->machine = machine;
        vcpu->id = i;
        vcpu->deadline_ns = UINT64_MAX; /* host time: never */
        vcpu->sim = &arena->world_vcpus[i];
        *vcpu->sim = (struct world_vcpu){
            .vcpu = vcpu, .world = machine->sim->world, .slot = -1, .deadline_ns = UINT64_MAX};
        vcpu->boot_stack = world_arena_alloc(machine, hal_stack_size());
        if (!vcpu->boot_stack) {
            return -ENOMEM;
        }
        context_stack_prepare(vcpu->boot_stack);
    }
    return 0;
}

/* What the guest sees of its CPU is the same on all hosts, as far as that is in our hands. */
static void boot_fix(struct machine *machine)
{
    struct hal_boot *boot = &machine->boot;

    strcpy(machine->cpu_model, "Assay simulated CPU");
    boot->tsc_hz = 1000000000;
    boot->hwcap = 0x178bfbff;
    boot->hwcap2 = 2;
    memset(&machine->clock, 0, sizeof machine->clock); /* the host's clocks are of no interest */
    machine->clock.refine_ns = UINT64_MAX;
}

int world_machine_power_on(struct machine *machine)
{
    struct world_machine *sim = machine->sim;
    int error;

    if (sim->on) {
        return -EALREADY;
    }
    error = memory_empty(machine);
    if (error == 0) {
        memset(&machine->boot, 0, sizeof machine->boot);
        machine_boot_fill(machine);
        boot_fix(machine);
        error = create_vcpus(machine);
    }
    if (error == 0) {
        error = machine->engine->machine_init(machine, NULL, 0);
    }
    if (error < 0) {
        return error;
    }
    machine->ending = 0;
    sim->status = -1;
    sim->on = true;
    sim->paused = false;
    sim->clock_base_ns = world_machine_clock(machine);
    sim->clock_since_ns = sim->world->state.now_ns;
    world_emit(sim->world, WORLD_EVENT_POWER, machine, NULL, NULL, 1, 0);
    machine->vcpus[0].sim->started = true;
    world_wake(machine->vcpus[0].sim);
    return 0;
}

/* Its vCPUs never run again. */
static void vcpus_stop(struct machine *machine)
{
    for (unsigned i = 0; i < machine->boot.cpu_count; i++) {
        struct world_vcpu *vcpu = machine->vcpus[i].sim;

        world_unqueue(vcpu);
        if (vcpu->timer) {
            world_timer_set(vcpu, UINT64_MAX);
        }
        vcpu->started = false;
        vcpu->held = HOLD_PAUSED;
        if (machine->sim->world->state.last == vcpu) {
            machine->sim->world->state.last = NULL;
        }
    }
}

/* The guest, or its panic, has ended the machine; its own vCPU leaves when it has returned. */
void world_machine_ended(struct machine *machine, int status)
{
    struct world_machine *sim = machine->sim;

    if (!sim->on) {
        return;
    }
    sim->on = false;
    sim->status = status;
    vcpus_stop(machine);
    world_emit(sim->world, WORLD_EVENT_POWER, machine, NULL, NULL,
               status == MACHINE_CRASHED ? 4 : 3, (uint64_t)status);
    world_attention(sim->world);
}

void world_machine_kill(struct machine *machine)
{
    struct world_machine *sim = machine->sim;

    if (sim->on) {
        sim->on = false;
        vcpus_stop(machine);
        world_emit(sim->world, WORLD_EVENT_POWER, machine, NULL, NULL, 0, 0);
    }
    if (sim->arena) {
        aspace_machine_exit(machine);
        context_machine_exit(machine);
    }
    sim->status = -1;
}

bool world_machine_is_on(const struct machine *machine)
{
    return machine->sim->on;
}

int world_machine_status(const struct machine *machine)
{
    return machine->sim->status;
}

void world_machine_hold(struct machine *machine, bool hold)
{
    struct world_machine *sim = machine->sim;

    if (!sim->on || sim->paused == hold) {
        return;
    }
    sim->paused = hold;
    world_emit(sim->world, WORLD_EVENT_POWER, machine, NULL, NULL, hold ? 2 : 1, 0);
    for (unsigned i = 0; i < machine->boot.cpu_count; i++) {
        struct world_vcpu *vcpu = machine->vcpus[i].sim;

        if (hold) {
            vcpu->held |= HOLD_PAUSED;
            world_unqueue(vcpu);
        } else {
            vcpu->held &= (uint8_t)~HOLD_PAUSED;
            if (!vcpu->held && vcpu->started && vcpu->vcpu->state != VCPU_IDLE) {
                world_wake(vcpu);
            }
        }
    }
}

bool world_machine_is_held(const struct machine *machine)
{
    return machine->sim->paused;
}

void world_machine_power_button(struct machine *machine)
{
    if (machine->sim->on) {
        vcpu_kick(&machine->vcpus[0], VCPU_PENDING_POWER);
    }
}

/* --- looking inside --- */

void *world_machine_memory(struct machine *machine, uint64_t paddr, size_t bytes)
{
    if (paddr > machine->ram_bytes || bytes > machine->ram_bytes - paddr) {
        return NULL;
    }
    return machine_pointer(machine, paddr);
}

void *world_machine_local(const struct machine *machine)
{
    return machine->sim->on ? machine->vcpus[0].local : NULL;
}

struct world_vcpu *world_machine_vcpu(struct machine *machine, unsigned cpu)
{
    return cpu < machine->boot.cpu_count && machine->sim->on ? machine->vcpus[cpu].sim : NULL;
}
