/* SPDX-License-Identifier: MIT
 *
 * I/O APICs: routes device interrupt lines to the boot CPU. Intel 82093AA data sheet; ACPI tells
 * where they are and how ISA interrupts are wired.
 */
#include "hal-baremetal/baremetal.h"
#include "hal-baremetal/errno.h"

enum { REG_VERSION = 1, REG_REDIRECTION = 0x10 };
enum { ENTRY_MASKED = 1 << 16, ENTRY_LEVEL = 1 << 15, ENTRY_ACTIVE_LOW = 1 << 13 };

static struct {
    volatile uint32_t *registers;
    uint32_t gsi_base, lines;
} ioapics[8];
static unsigned ioapic_count;
static struct hal_spin ioapic_lock;

static uint32_t ioapic_read(unsigned i, unsigned reg)
{
    ioapics[i].registers[0] = reg;
    return ioapics[i].registers[4];
}

static void ioapic_write(unsigned i, unsigned reg, uint32_t value)
{
    ioapics[i].registers[0] = reg;
    ioapics[i].registers[4] = value;
}

void x86_ioapic_init(void)
{
    for (unsigned i = 0; i < x86_acpi_info.ioapic_count; i++) {
        volatile uint32_t *registers = hal_mmio_map(x86_acpi_info.ioapics[i].paddr, 0x20);
        if (!registers)
            continue;
        ioapics[ioapic_count].registers = registers;
        ioapics[ioapic_count].gsi_base = x86_acpi_info.ioapics[i].gsi_base;
        ioapics[ioapic_count].lines = (ioapic_read(ioapic_count, REG_VERSION) >> 16 & 0xff) + 1;
        ioapic_count++; /* after reset, and by firmware's care, every line is masked */
    }
}

int x86_ioapic_route(uint32_t gsi, bool level, bool active_low, void (*handler)(void *),
                     void *argument)
{
    for (unsigned i = 0; i < ioapic_count; i++) {
        uint32_t line = gsi - ioapics[i].gsi_base;
        if (gsi < ioapics[i].gsi_base || line >= ioapics[i].lines)
            continue;
        int vector = x86_irq_vector_alloc(handler, argument);
        if (vector < 0)
            return vector;
        bool enabled = spin_lock_irq(&ioapic_lock);
        ioapic_write(i, REG_REDIRECTION + 2 * line, ENTRY_MASKED);
        ioapic_write(i, REG_REDIRECTION + 2 * line + 1, x86_acpi_info.apic_ids[0] << 24);
        ioapic_write(i, REG_REDIRECTION + 2 * line,
                     (uint32_t)vector | (level ? ENTRY_LEVEL : 0) |
                         (active_low ? ENTRY_ACTIVE_LOW : 0));
        spin_unlock_irq(&ioapic_lock, enabled);
        return 0;
    }
    return -ENODEV;
}

int x86_isa_irq_route(unsigned irq, void (*handler)(void *), void *argument)
{
    uint16_t flags =
        x86_acpi_info.isa[irq].flags; /* polarity and trigger: 0 is the bus's default */
    return x86_ioapic_route(x86_acpi_info.isa[irq].gsi, (flags >> 2 & 3) == 3, (flags & 3) == 3,
                            handler, argument);
}
