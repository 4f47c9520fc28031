/* SPDX-License-Identifier: MIT
 *
 * Calls from the backend into the kernel.
 */
#ifndef HAL_KERNEL_ON_H
#define HAL_KERNEL_ON_H

#include <stdint.h>

struct hal_boot;

/* The boot CPU, interrupts masked, on a boot stack. Never returns; ends as CPU 0's idle thread. */
__attribute__((noreturn)) void kernel_on_boot(const struct hal_boot *boot);

/* A CPU started by hal_cpu_start, interrupts masked. Never returns. */
__attribute__((noreturn)) void kernel_on_cpu_start(unsigned cpu);

/* Interrupts; interrupts masked, must not block. */
void kernel_on_timer(void);             /* this CPU's deadline has passed */
void kernel_on_ipi(void);               /* hal_cpu_send_ipi to this CPU */
void kernel_on_console_input(void);     /* hal_console_read has something, or input ended */
void kernel_on_console_writable(void);  /* after a short hal_console_write */
void kernel_on_console_resize(void);    /* hal_console_size changed */
void kernel_on_power_button(void);      /* the environment asks for an orderly shutdown */

/* hal_time_user_clock has another answer; the clock itself goes on without a jump. Interrupts masked,
 * must not block. Optional (weak). */
__attribute__((weak)) void kernel_on_clock_change(void);

/* A page (zeroed) for the backend's translation tables, or 0 when there is none; and back. Called
 * from hal_aspace_* in their caller's context. */
uint64_t kernel_on_table_page_alloc(void);
void kernel_on_table_page_free(uint64_t paddr);

/* The backend wants to change instructions in the executable page at uaddr (page aligned) of the
 * current task's address space: system calls that user code makes often become jumps. See to it that
 * the page is present and belongs to this address space alone, as after a private write: break
 * copy-on-write, copy a private mapping's file page. 0, or negative errno to leave it alone: shared
 * mappings, writable ones, traced tasks, lack of memory. Thread context in hal_user_run, interrupts
 * enabled, no lock held; may block. Optional (weak): without it nothing is ever changed. A kernel
 * that has it must call hal_aspace_fork. */
__attribute__((weak)) int kernel_on_patch_page(uint64_t uaddr);

/* user->waiting of a user that stopped with HAL_STOP_WAIT has become 0: let its task run. Interrupt;
 * optional (weak): without it no user ever stops so. */
struct hal_user;
__attribute__((weak)) void kernel_on_user_wake(struct hal_user *user);

/* The schedule of a simulation wants this CPU to run another thread, if it has one, before it goes
 * back to user mode. Interrupt; optional (weak). */
__attribute__((weak)) void kernel_on_preempt(void);

/* A kernel-mode exception that no fixup covers: report and stop. rip and rsp locate it. */
__attribute__((noreturn)) void kernel_on_fatal_exception(unsigned vector, uint64_t error,
                                                         uint64_t address, uint64_t rip,
                                                         uint64_t rsp);

#endif
