/* SPDX-License-Identifier: MIT
 *
 * One one-shot timer per CPU: the local APIC's, by TSC deadline or by count.
 *
 * Writing the timer is slow (an exit to the emulator), so a deadline later than the one in the
 * hardware is only remembered: the interrupt comes early, finds that, and arms the rest.
 */
#include "hal-baremetal/baremetal.h"
#include "hal-baremetal/x86.h"
#include "hal/kernel_on.h"

static uint64_t counts_per_ns; /* << 32 */

void x86_timer_init(uint64_t apic_timer_hz)
{
    counts_per_ns = mul_div(apic_timer_hz, 1ull << 32, 1000000000);
    if (x86_apic_present() && !x86_features.tsc_deadline) {
        x86_apic_timer_start(0);
        x86_apic_init_cpu(); /* now with interrupts */
    }
}

static void program(struct percpu *cpu, uint64_t deadline_ns, uint64_t now_ns)
{
    uint64_t delta = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
    uint64_t limit = x86_clock_max_sleep_ns();
    if (delta > limit)
        delta = limit;
    if (delta > 3600000000000ull)
        delta = 3600000000000ull;
    cpu->timer_armed_ns = now_ns + delta;
    if (x86_features.tsc_deadline) {
        wrmsr(MSR_TSC_DEADLINE, x86_clock_ns_to_tsc(now_ns + delta) + 1);
        return;
    }
    unsigned __int128 count = ((unsigned __int128)delta * counts_per_ns >> 32) + 1;
    if (count > UINT32_MAX)
        count = UINT32_MAX; /* early: x86_timer_interrupt arms the rest */
    if (x86_apic_present())
        x86_apic_timer_start((uint32_t)count);
}

void hal_timer_arm(uint64_t deadline_ns)
{
    struct percpu *cpu = this_percpu();
    cpu->timer_deadline_ns = deadline_ns;
    if (deadline_ns >= cpu->timer_armed_ns)
        return;
    program(cpu, deadline_ns, hal_time_monotonic_ns());
}

void x86_timer_interrupt(void)
{
    struct percpu *cpu = this_percpu();
    uint64_t now = hal_time_monotonic_ns();
    cpu->timer_armed_ns = UINT64_MAX;
    if (cpu->id == 0)
        x86_clock_refine();
    if (cpu->timer_deadline_ns == UINT64_MAX)
        return;
    if (now < cpu->timer_deadline_ns) {
        program(cpu, cpu->timer_deadline_ns, now);
        return;
    }
    cpu->timer_deadline_ns = UINT64_MAX;
    kernel_on_timer();
}
