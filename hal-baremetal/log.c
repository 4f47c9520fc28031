/* SPDX-License-Identifier: MIT
 *
 * A few words on the log channel where the kernel's own log cannot be used.
 */
#include "hal-baremetal/baremetal.h"

void x86_log_text(const char *text)
{
    size_t n = 0;
    while (text[n])
        n++;
    hal_console_write(HAL_CHANNEL_LOG, text, n);
}

void x86_log_hex(const char *name, uint64_t value)
{
    char digits[17];
    for (unsigned i = 0; i < 16; i++)
        digits[i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
    digits[16] = 0;
    x86_log_text(name);
    x86_log_text(value >> 32 ? digits : digits + 8);
}

void x86_boot_panic(const char *message)
{
    x86_serial_init();
    x86_log_text("assay: cannot boot: ");
    x86_log_text(message);
    x86_log_text("\n");
    hal_power_crash();
}
