/* SPDX-License-Identifier: MIT
 *
 * The host terminal in raw mode while a machine uses it, and restored whatever happens.
 *
 * Raw mode and signal dispositions belong to the process, so this is process-wide state; only one
 * terminal is raw at a time, a second host_terminal_raw_begin is ignored.
 */
#ifndef HAL_HOSTED_TERMINAL_H
#define HAL_HOSTED_TERMINAL_H

/* Make the terminal raw: every key goes to the guest, Ctrl-C and Ctrl-Z too. Until raw_end, a
 * signal that ends or stops the process restores the terminal first, and continuing in the
 * foreground makes it raw again. resized(argument) runs in signal context on SIGWINCH. */
void host_terminal_raw_begin(int fd, void (*resized)(void *argument), void *argument);

/* Restore the terminal and the signal handlers if fd is the raw one. */
void host_terminal_raw_end(int fd);

/* Restore the terminal, if any is raw, because the process ends. Async-signal-safe. */
void host_terminal_restore_all(void);

#endif
