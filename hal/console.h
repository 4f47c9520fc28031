/* SPDX-License-Identifier: MIT
 *
 * Character output channels and console input.
 */
#ifndef HAL_CONSOLE_H
#define HAL_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hal_channel {
    HAL_CHANNEL_CONSOLE, /* the terminal: /dev/console */
    HAL_CHANNEL_LOG,     /* kernel log and panics; may be the same device */
    HAL_CHANNEL_TRACE,   /* the syscall trace */
};

/* Write bytes raw (no newline translation). Returns the number taken, which may be short (0 too)
 * when the device is busy: then kernel_on_console_writable follows for HAL_CHANNEL_CONSOLE; the
 * other channels always take everything, blocking the CPU if they must. Any context. */
size_t hal_console_write(enum hal_channel channel, const char *bytes, size_t count);

/* Take up to count bytes of pending console input. 0 if there is none; new input is announced by
 * kernel_on_console_input. Any context. */
size_t hal_console_read(char *bytes, size_t count);

/* True once console input is at its end for good (a closed pipe) and drained: reads then see a
 * hang-up. Any context. */
bool hal_console_input_ended(void);

/* Size of the terminal in characters; false if unknown. Changes are announced by
 * kernel_on_console_resize. */
bool hal_console_size(unsigned *columns, unsigned *rows);

#endif
