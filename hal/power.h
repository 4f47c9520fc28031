/* SPDX-License-Identifier: MIT
 *
 * End of the machine.
 */
#ifndef HAL_POWER_H
#define HAL_POWER_H

/* Power off; `status` (0..255) becomes the exit status of the run where the environment can carry
 * one. Stops all CPUs. Never returns. Any context. */
__attribute__((noreturn)) void hal_power_off(int status);

/* Reboot; where that is impossible, power off with status 0. Never returns. */
__attribute__((noreturn)) void hal_power_reboot(void);

/* After a kernel panic has been reported: stop everything at once, so that a debugger or the
 * environment sees a crash (exit status 125 where one can be carried). Never returns. */
__attribute__((noreturn)) void hal_power_crash(void);

/* Enter the environment's debugger if there is one; else return. */
void hal_power_debug_break(void);

#endif
