/* SPDX-License-Identifier: MIT
 *
 * CPUs: the current one, its interrupt mask, starting, signalling and idling.
 *
 * Interrupts set a bit: on the hosted backend a timer expiry, an IPI or a device event only marks
 * itself pending, and is delivered (kernel_on_*) inside hal_irq_enable/hal_irq_restore when they
 * unmask, inside hal_cpu_idle, and around hal_user_run. On bare metal they are hardware
 * interrupts. In both, handlers run with interrupts masked on the interrupted thread's stack,
 * must not block, and must not switch contexts.
 */
#ifndef HAL_CPU_H
#define HAL_CPU_H

#include <stdbool.h>
#include <stdint.h>

/* The pointer last given to hal_cpu_set_local on this CPU (before: NULL, or what
 * hal_cpu_start gave it). Any context. Its value
 * must not be kept across hal_context_switch: a thread may continue on another CPU. */
void *hal_cpu_local(void);
void hal_cpu_set_local(void *local);

/* Number of the current CPU, 0 .. cpu_count-1. Any context. */
unsigned hal_cpu_id(void);

/* Start CPU `cpu`: it enters kernel_on_cpu_start(cpu) with interrupts masked, on a boot stack of
 * the backend's own; there hal_cpu_local() returns `local` from the start (a kernel without globals
 * has no other way to find itself). 0, -ENODEV if there is no such CPU, -ETIMEDOUT if it did not
 * come up. Thread context; returns once the CPU runs. */
int hal_cpu_start(unsigned cpu, void *local);

/* Make kernel_on_ipi() run soon on `cpu` (also the current one); it interrupts idle and user code.
 * Any context. Several sends before delivery may merge. */
void hal_cpu_send_ipi(unsigned cpu);

/* Called with interrupts masked: unmask and wait until at least one interrupt has been delivered,
 * then return with interrupts masked. No wake-up is lost between the caller's last check and the
 * wait. Only the idle thread calls it. */
void hal_cpu_idle(void);

/* Interrupt mask of the current CPU. save returns whether interrupts were enabled, and masks. */
bool hal_irq_save(void);
void hal_irq_restore(bool were_enabled);
void hal_irq_enable(void);
void hal_irq_disable(void);
bool hal_irq_enabled(void);

/* One iteration of a busy wait: PAUSE on hardware; under simulation a scheduling point that lets
 * other CPUs run and advances virtual time. Every spin loop in kernel/ calls it. Any context. */
void hal_cpu_relax(void);

/* A place where another schedule could have happened (lock, wake-up, syscall return). No-op
 * except under simulation. `kind` is a small constant that names the place in event logs. */
void hal_cpu_schedule_point(unsigned kind);

#endif
