/* SPDX-License-Identifier: MIT
 *
 * Which host CPUs vCPU threads and lanes use, and whether they spin for each other.
 *
 * A vCPU's thread and its lane never work at the same time. With two host CPUs for each vCPU they
 * sit on different ones and spin, which hands over in well under a microsecond; waking an idle CPU
 * would cost tens. With fewer they share one CPU and sleep at once, so that each hand-over is a
 * plain context switch.
 */
#include <sched.h>
#include <unistd.h>

#include "hal-hosted/engine/stub/stub_internal.h"

enum { SPIN_NS = 30000 };

void stub_placement_choose(struct stub_machine *sm)
{
    cpu_set_t allowed;
    int cpus[CPU_SETSIZE];
    unsigned count = 0, start;
    unsigned threads = sm->machine->sim ? 1 : sm->lane_count; /* a world runs one vCPU at a time */
    bool spins;

    CPU_ZERO(&allowed);
    sm->pinned = sched_getaffinity(0, sizeof allowed, &allowed) == 0;
    for (int cpu = 0; sm->pinned && cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &allowed)) {
            cpus[count++] = cpu;
        }
    }
    if (count < 1) {
        sm->pinned = false;
        return; /* more CPUs than a cpu_set_t holds: leave all to the host */
    }
    spins = !sm->traced && !sm->machine->sim && count >= 2 * threads;
    if (spins) {
        sm->spin_pauses = stub_pauses_for(SPIN_NS);
    }
    start = (unsigned)getpid(); /* spread machines over the host */
    for (unsigned i = 0; i < sm->lane_count; i++) {
        unsigned first = start + (spins ? 2 : 1) * (i % threads);

        CPU_ZERO(&sm->vcpu_cpus[i]);
        CPU_ZERO(&sm->lane_cpus[i]);
        CPU_SET(cpus[first % count], &sm->vcpu_cpus[i]);
        CPU_SET(cpus[(spins ? first + 1 : first) % count], &sm->lane_cpus[i]);
    }
}

/* A single vCPU's pagers work while its thread waits for them: on the same CPU, where it need not
 * be woken from idle. The zygote's children inherit this. */
void stub_placement_zygote(const struct stub_machine *sm)
{
    if (sm->pinned && sm->lane_count == 1) {
        sched_setaffinity(sm->zygote, sizeof sm->vcpu_cpus[0], &sm->vcpu_cpus[0]);
    }
}

/* The calling thread becomes a vCPU, or stops being one. */
void stub_placement_enter(struct stub_machine *sm, struct stub_vcpu *sv, unsigned id)
{
    sv->sm = sm;
    if (sm->machine->sim) {
        return; /* the thread is its owner's */
    }
    sv->repin = sm->pinned && sched_getaffinity(0, sizeof sv->old_cpus, &sv->old_cpus) == 0 &&
                sched_setaffinity(0, sizeof sm->vcpu_cpus[id], &sm->vcpu_cpus[id]) == 0;
}

void stub_placement_leave(struct stub_vcpu *sv)
{
    if (sv->repin) {
        sched_setaffinity(0, sizeof sv->old_cpus, &sv->old_cpus);
    }
}
