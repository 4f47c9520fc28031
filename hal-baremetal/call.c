/* SPDX-License-Identifier: MIT
 *
 * Calls on other CPUs: TLB shoot-downs, and FP state that another CPU holds. One call at a time in
 * the machine; the caller waits for all targets.
 *
 * A waiting CPU serves calls itself, so two CPUs that call each other, even with interrupts
 * masked, both get on.
 */
#include "hal-baremetal/baremetal.h"
#include "hal-baremetal/x86.h"

struct call {
    void (*function)(void *argument);
    void *argument;
    uint64_t waiting_for; /* CPUs that have not run it yet */
};

static unsigned call_lock;
static uint64_t online;

uint64_t x86_cpus_online(void)
{
    return __atomic_load_n(&online, __ATOMIC_SEQ_CST);
}

void x86_cpu_mark_online(unsigned cpu)
{
    x86_percpu_of[cpu]->online = true;
    __atomic_or_fetch(&online, 1ull << cpu, __ATOMIC_SEQ_CST);
}

/* Run what another CPU asks of this one, if anything. Masked. */
void x86_call_poll(void)
{
    struct percpu *cpu = this_percpu();
    struct call *call = __atomic_exchange_n(&cpu->call, NULL, __ATOMIC_ACQ_REL);
    if (!call)
        return;
    call->function(call->argument);
    __atomic_and_fetch(&call->waiting_for, ~(1ull << cpu->id), __ATOMIC_RELEASE);
}

static void wait_a_little(void)
{
    bool enabled = hal_irq_save();
    x86_call_poll();
    hal_irq_restore(enabled);
    cpu_pause();
}

void x86_call_cpus(uint64_t cpus, void (*function)(void *), void *argument)
{
    cpus &= x86_cpus_online() & ~(1ull << hal_cpu_id());
    if (!cpus)
        return;
    while (__atomic_exchange_n(&call_lock, 1, __ATOMIC_ACQUIRE))
        wait_a_little();

    struct call call = {function, argument, cpus};
    for (uint64_t left = cpus; left; left &= left - 1) {
        unsigned target = (unsigned)__builtin_ctzll(left);
        __atomic_store_n(&x86_percpu_of[target]->call, &call, __ATOMIC_RELEASE);
        bool enabled = hal_irq_save();
        x86_apic_send(x86_percpu_of[target]->apic_id, APIC_FIXED | VECTOR_CALL);
        hal_irq_restore(enabled);
    }
    while (__atomic_load_n(&call.waiting_for, __ATOMIC_ACQUIRE))
        wait_a_little();
    __atomic_store_n(&call_lock, 0, __ATOMIC_RELEASE);
}

void hal_cpu_send_ipi(unsigned cpu)
{
    if (cpu >= HAL_CPUS_MAX || !x86_percpu_of[cpu] || !x86_apic_present())
        return;
    bool enabled = hal_irq_save();
    x86_apic_send(x86_percpu_of[cpu]->apic_id, APIC_FIXED | VECTOR_IPI);
    hal_irq_restore(enabled);
}
