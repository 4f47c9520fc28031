/* SPDX-License-Identifier: MIT
 *
 * A machine's console and logs on host file descriptors.
 */
#ifndef HAL_HOSTED_CONSOLE_H
#define HAL_HOSTED_CONSOLE_H

struct machine;

int hosted_console_create(struct machine *machine);
void hosted_console_destroy(struct machine *machine);

/* The input thread lives, and the terminal is raw, between start and stop. */
int hosted_console_start(struct machine *machine);
void hosted_console_stop(struct machine *machine);

/* Write out what the line buffers of the log and the trace hold. */
void hosted_console_flush(struct machine *machine);

#endif
