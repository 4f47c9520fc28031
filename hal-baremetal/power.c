/* SPDX-License-Identifier: MIT
 *
 * The end of the machine. ACPI sleep state S5 and reset (ACPI specification 6.5, 4.8 and 16);
 * before that the exit status, as a line on QEMU's debug console (port 0xe9).
 */
#include "hal-baremetal/baremetal.h"
#include "hal-baremetal/x86.h"
#include "hal/kernel_on.h"

enum { DEBUG_CONSOLE = 0xe9, QEMU_EXIT = 0x501 };
enum { SLEEP_ENABLE = 1 << 13, SCI_ENABLED = 1 };
enum { POWER_BUTTON = 1 << 8 }; /* in the fixed event registers */

static void report_status(int status)
{
    char line[16] = "exit ";
    unsigned n = 5;
    status &= 0xff;
    if (status >= 100)
        line[n++] = (char)('0' + status / 100);
    if (status >= 10)
        line[n++] = (char)('0' + status / 10 % 10);
    line[n++] = (char)('0' + status % 10);
    line[n++] = '\n';
    for (unsigned i = 0; i < n; i++)
        outb(DEBUG_CONSOLE, (uint8_t)line[i]);
}

static void acpi_mode_enable(void)
{
    if (!x86_acpi_info.pm1a_control || !x86_acpi_info.smi_command || !x86_acpi_info.acpi_enable)
        return;
    if (inw(x86_acpi_info.pm1a_control) & SCI_ENABLED)
        return;
    outb(x86_acpi_info.smi_command, x86_acpi_info.acpi_enable);
    for (unsigned i = 0; i < 100000 && !(inw(x86_acpi_info.pm1a_control) & SCI_ENABLED); i++)
        cpu_pause();
}

__attribute__((noreturn)) static void stop_machine(int status)
{
    x86_smp_stop_others();
    x86_serial_drain();
    report_status(status);
    uint8_t type_a = 0, type_b = 0;
    bool known = x86_acpi_find_s5(&type_a, &type_b);
    if (known && x86_acpi_info.pm1a_control) {
        acpi_mode_enable();
        outw(x86_acpi_info.pm1a_control, (uint16_t)(type_a << 10 | SLEEP_ENABLE));
        if (x86_acpi_info.pm1b_control)
            outw(x86_acpi_info.pm1b_control, (uint16_t)(type_b << 10 | SLEEP_ENABLE));
    } else if (known && x86_acpi_info.hardware_reduced) {
        x86_acpi_write(&x86_acpi_info.sleep_control, (uint8_t)(type_a << 2 | 1 << 5));
    }
    x86_clock_delay_us(100000);
    outb(QEMU_EXIT, (uint8_t)status);
    cpu_halt_forever();
}

void hal_power_off(int status)
{
    stop_machine(status);
}

void hal_power_crash(void)
{
    stop_machine(125);
}

void hal_power_reboot(void)
{
    x86_smp_stop_others();
    x86_serial_drain();
    report_status(0);
    if (x86_acpi_info.reset_supported)
        x86_acpi_write(&x86_acpi_info.reset, x86_acpi_info.reset_value);
    for (unsigned i = 0; i < 100000 && inb(0x64) & 2; i++)
        cpu_pause();
    outb(0x64, 0xfe); /* the keyboard controller's reset line */
    x86_clock_delay_us(1000);
    static const struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) none = {0, 0};
    __asm__ volatile("lidt %0; int3" ::"m"(none)); /* triple fault */
    cpu_halt_forever();
}

void hal_power_debug_break(void)
{
    /* A debugger on QEMU's gdb stub stops here by a breakpoint of its own. */
}

static void power_interrupt(void *argument)
{
    (void)argument;
    uint16_t status = inw(x86_acpi_info.pm1a_event);
    outw(x86_acpi_info.pm1a_event, status); /* writing a one clears it, and lowers the line */
    if (status & POWER_BUTTON)
        kernel_on_power_button();
}

/* Have the power button reported. */
void x86_power_init(void)
{
    const struct acpi_info *a = &x86_acpi_info;
    if (!a->pm1a_event || a->pm1_event_bytes < 4 || a->sci_interrupt >= 16)
        return;
    /* The SCI is level triggered, active low unless ACPI's override says otherwise. */
    uint16_t flags = a->isa[a->sci_interrupt].flags;
    bool active_low = (flags & 3) != 1, level = (flags >> 2 & 3) != 1;
    uint16_t enable = a->pm1a_event + a->pm1_event_bytes / 2;
    outw(a->pm1a_event, 0xffff);
    if (x86_ioapic_route(a->isa[a->sci_interrupt].gsi, level, active_low, power_interrupt, NULL))
        return;
    acpi_mode_enable();
    outw(enable, POWER_BUTTON);
}
