/* SPDX-License-Identifier: MIT */
/*
 * Faults that libsim injects itself: failing allocations, clocks that run fast, slow or jump.
 * (Links and disks have their own; starvation is in schedule.c.)
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "sim/lib/sim_internal.h"

static void inject(struct sim_machine *machine, uint64_t a, uint64_t b, const char *text)
{
    sim_event(machine->sim, machine, SIM_EVENT_INJECT, a, b, text, strlen(text));
}

void sim_fail_allocations(struct sim_machine *machine, uint64_t nth, bool and_after,
                          uint32_t probability_ppm)
{
    void *local = world_machine_local(machine->machine);

    if (!local) {
        return;
    }
    if (!machine->faults) {
        machine->faults = world_machine_allocate(machine->machine, kernel_view_faults_bytes());
    }
    if (machine->faults) {
        inject(machine, nth, (uint64_t)and_after << 32 | probability_ppm, "allocation failures");
        kernel_view_set_faults(local, machine->faults, nth, and_after, probability_ppm,
                               machine->sim->config.seed);
    }
}

void sim_allocations(const struct sim_machine *machine, uint64_t *out_count, uint64_t *out_failed)
{
    *out_count = *out_failed = 0;
    if (machine->faults) {
        kernel_view_get_faults(machine->faults, out_count, out_failed);
    }
}

void sim_clock_skew(struct sim_machine *machine, int32_t ppm)
{
    inject(machine, (uint64_t)(int64_t)ppm, 0, "clock skew");
    world_machine_skew(machine->machine, ppm);
}

int sim_clock_jump(struct sim_machine *machine, int64_t jump_ns)
{
    struct sim_task *task = sim_machine_task(machine);
    struct timespec now;
    uint64_t at;
    int64_t total_ns, result;

    if (!task) {
        return sim_fail(machine->sim, -ESRCH, "machine %s is not on", machine->name);
    }
    inject(machine, (uint64_t)jump_ns, 0, "clock jump");
    sim_buffer_reset(task);
    at = sim_buffer(task, NULL, sizeof now);
    result = sim_syscall(task, SYS_clock_gettime, CLOCK_REALTIME, at, 0, 0, 0, 0);
    if (result < 0 || sim_peek(task, at, &now, sizeof now) < 0) {
        return (int)(result < 0 ? result : -EFAULT);
    }
    total_ns = now.tv_sec * 1000000000ll + now.tv_nsec + jump_ns;
    if (total_ns < 0) {
        return -EINVAL;
    }
    now.tv_sec = total_ns / 1000000000;
    now.tv_nsec = total_ns % 1000000000;
    sim_poke(task, at, &now, sizeof now);
    return (int)sim_syscall(task, SYS_clock_settime, CLOCK_REALTIME, at, 0, 0, 0, 0);
}
