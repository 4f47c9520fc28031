/* SPDX-License-Identifier: MIT
 *
 * A few words on the log channel where the kernel's own log cannot be used.
 */
#include "hal-baremetal/baremetal.h"

void log_text(const char *text)
{
    size_t n = 0;
    while (text[n])
        n++;
    hal_console_write(HAL_CHANNEL_LOG, text, n);
}

void log_hex(const char *name, uint64_t value)
{
    char digits[17];
    for (unsigned i = 0; i < 16; i++)
        digits[i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
    digits[16] = 0;
    log_text(name);
    log_text(value >> 32 ? digits : digits + 8);
}

void boot_panic(const char *message)
{
    serial_init();
    log_text("assay: cannot boot: ");
    log_text(message);
    log_text("\n");
    hal_power_crash();
}
