/* SPDX-License-Identifier: MIT
 *
 * Interrupt vectors: who handles which, and the one place where they all arrive.
 */
#include "hal-baremetal/baremetal.h"
#include "hal-baremetal/errno.h"
#include "hal/kernel_on.h"

static struct {
    void (*handler)(void *);
    void *argument;
} handlers[VECTOR_DEVICE_LAST - VECTOR_DEVICE_FIRST + 1];
static struct hal_spin handlers_lock;

int x86_irq_vector_alloc(void (*handler)(void *), void *argument)
{
    int vector = -ENOSPC;
    bool enabled = spin_lock_irq(&handlers_lock);
    for (unsigned i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
        if (handlers[i].handler)
            continue;
        handlers[i].argument = argument;
        __atomic_store_n(&handlers[i].handler, handler, __ATOMIC_RELEASE);
        vector = (int)(VECTOR_DEVICE_FIRST + i);
        break;
    }
    spin_unlock_irq(&handlers_lock, enabled);
    return vector;
}

void x86_irq_vector_free(unsigned vector)
{
    __atomic_store_n(&handlers[vector - VECTOR_DEVICE_FIRST].handler, NULL, __ATOMIC_RELEASE);
}

/* Interrupts masked, on the interrupted thread's kernel stack. */
void x86_irq_dispatch(unsigned vector)
{
    this_percpu()->irq_seen = 1;
    switch (vector) {
    case VECTOR_TIMER:
        x86_apic_eoi();
        x86_timer_interrupt();
        return;
    case VECTOR_IPI:
        x86_apic_eoi();
        kernel_on_ipi();
        return;
    case VECTOR_CALL:
        x86_apic_eoi();
        x86_call_poll();
        return;
    case VECTOR_SPURIOUS:
        return;
    default:
        break;
    }
    if (vector >= VECTOR_DEVICE_FIRST && vector <= VECTOR_DEVICE_LAST) {
        void (*handler)(void *) =
            __atomic_load_n(&handlers[vector - VECTOR_DEVICE_FIRST].handler, __ATOMIC_ACQUIRE);
        if (handler)
            handler(handlers[vector - VECTOR_DEVICE_FIRST].argument);
    }
    x86_apic_eoi();
}
