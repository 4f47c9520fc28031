/* SPDX-License-Identifier: MIT */
/*
 * What a run cannot make deterministic on this host: found out, counted and said in the log.
 */
#include <cpuid.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sim/lib/sim_internal.h"

#ifndef ARCH_SET_CPUID
#define ARCH_SET_CPUID 0x1012
#endif

static bool host_has_rdrand(void)
{
    unsigned a, b, c, d;

    if (__get_cpuid(1, &a, &b, &c, &d) && c & bit_RDRND) {
        return true;
    }
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & bit_RDSEED;
}

/* No engine uses CPUID faulting yet; so it is visible whether the host could hide it or not. */
static bool host_shows_cpuid(void)
{
    return true;
}

void sim_report(const struct sim *sim, struct sim_report *out)
{
    struct world_report world;

    world_get_report(sim->world, &world);
    *out = (struct sim_report){
        .spin_preemptions = world.spin_preemptions,
        .rdrand_visible = host_has_rdrand(),
        .cpuid_visible = host_shows_cpuid(),
        .addresses_vary = world.addresses_vary,
        .tsc_reads = world.tsc_reads,
    };
}

static void say(struct sim *sim, const char *text)
{
    log_event(sim, SIM_EVENT_REPORT, NULL, UINT16_MAX, 0, 0, 0, 0, text, strlen(text));
}

/* When the first machine that can run user code is switched on. */
void report_host(struct sim *sim)
{
    struct sim_report report;

    sim_report(sim, &report);
    if (report.rdrand_visible) {
        say(sim, "host: RDRAND or RDSEED cannot be hidden from user code; programs that use them "
                 "are not deterministic");
    }
    if (report.cpuid_visible) {
        say(sim, syscall(SYS_arch_prctl, ARCH_SET_CPUID, 1ul) == 0
                     ? "host: CPUID is the host's; faulting is available but not used"
                     : "host: CPUID is the host's and cannot be trapped; runs are equal on hosts "
                       "with equal CPUs");
    }
    if (report.addresses_vary) {
        say(sim, "host: a machine's memory is not at its usual address");
    }
}
