/* SPDX-License-Identifier: MIT
 *
 * Interrupts of PCI functions: MSI-X where there is a table, MSI for the first interrupt, else the
 * legacy line, which several functions may share. PCI Local Bus specification 3.0, 6.8 and 2.2.6.
 *
 * Which I/O APIC input a legacy line reaches is told by AML that is not interpreted here; the two
 * chipsets of PCs in emulators are known, and elsewhere the line that firmware noted is taken.
 */
#include "hal-baremetal/baremetal.h"
#include "hal-baremetal/errno.h"
#include "hal-baremetal/pci.h"

enum { MSIX_ENABLE = 1 << 15, MSIX_MASK_ALL = 1 << 14, MSI_ENABLE = 1, MSI_64BIT = 1 << 7 };
enum { LINES_MAX = 24, ICH9_LPC = 0x29188086 };

struct line {
    uint32_t gsi;
    bool routed;
};

static struct line lines[LINES_MAX];
static unsigned line_count;
static struct hal_spin attach_lock;

static uint32_t message_address(void)
{
    return 0xfee00000u | x86_acpi_info.apic_ids[0] << 12;
}

static void master_without_intx(struct hal_device *d)
{
    uint32_t command = hal_device_config_read(d, PCI_COMMAND, 2);
    hal_device_config_write(d, PCI_COMMAND, 2, command | PCI_COMMAND_MASTER | PCI_COMMAND_NO_INTX);
}

/* The table is mapped and enabled with every entry masked. 0 or -ENOSPC. */
static int msix_prepare(struct hal_device *d, unsigned capability)
{
    if (d->msix_table)
        return 0;
    uint32_t control = hal_device_config_read(d, capability + 2, 2);
    uint32_t where = hal_device_config_read(d, capability + 4, 4);
    unsigned bar = where & 7, entries = (control & 0x7ff) + 1;
    uint64_t offset = where & ~7u, size = hal_device_bar_size(d, bar);
    if (size < offset || size - offset < entries * 16ull || d->bar[bar].io ||
        !x86_pci_map_bar(d, bar))
        return -ENOSPC;
    uint64_t page = x86_table_page_alloc();
    if (!page)
        return -ENOSPC;
    d->msix_vectors = phys_to_virt(page);
    d->msix_entries = (uint16_t)entries;
    d->msix_table = (volatile uint32_t *)((volatile char *)d->bar[bar].registers + offset);
    hal_device_config_write(d, capability + 2, 2, control | MSIX_ENABLE | MSIX_MASK_ALL);
    for (unsigned i = 0; i < entries; i++)
        d->msix_table[4 * i + 3] |= 1;
    hal_device_config_write(d, capability + 2, 2, (control | MSIX_ENABLE) & ~MSIX_MASK_ALL);
    master_without_intx(d);
    return 0;
}

static int msix_attach(struct hal_device *d, unsigned capability, unsigned index,
                       void (*handler)(void *), void *argument)
{
    int error = msix_prepare(d, capability);
    if (error || index >= d->msix_entries)
        return error ? error : -ENOSPC;
    volatile uint32_t *entry = d->msix_table + 4 * index;
    entry[3] |= 1;
    if (d->msix_vectors[index]) {
        x86_irq_vector_free(d->msix_vectors[index]);
        d->msix_vectors[index] = 0;
    }
    if (!handler)
        return 0;
    int vector = x86_irq_vector_alloc(handler, argument);
    if (vector < 0)
        return vector;
    d->msix_vectors[index] = (uint8_t)vector;
    entry[0] = message_address();
    entry[1] = 0;
    entry[2] = (uint32_t)vector;
    entry[3] &= ~1u;
    return 0;
}

static int msi_attach(struct hal_device *d, unsigned capability, void (*handler)(void *),
                      void *argument)
{
    uint32_t control = hal_device_config_read(d, capability + 2, 2);
    hal_device_config_write(d, capability + 2, 2, control & ~(uint32_t)(MSI_ENABLE | 0x70));
    if (d->msi_vector) {
        x86_irq_vector_free(d->msi_vector);
        d->msi_vector = 0;
    }
    if (!handler)
        return 0;
    int vector = x86_irq_vector_alloc(handler, argument);
    if (vector < 0)
        return vector;
    d->msi_vector = (uint8_t)vector;
    hal_device_config_write(d, capability + 4, 4, message_address());
    if (control & MSI_64BIT)
        hal_device_config_write(d, capability + 8, 4, 0);
    hal_device_config_write(d, capability + (control & MSI_64BIT ? 12 : 8), 2, (uint32_t)vector);
    master_without_intx(d);
    hal_device_config_write(d, capability + 2, 2, (control & ~0x70u) | MSI_ENABLE);
    return 0;
}

static bool chipset_is_ich9(void)
{
    struct hal_device *d;
    for (unsigned i = 0; (d = x86_pci_device_at(i)) != NULL; i++)
        if (d->bus == 0 && d->slot == 31 && d->function == 0)
            return hal_device_config_read(d, 0, 4) == ICH9_LPC;
    return false;
}

/* The I/O APIC input of a function's line. Bridges turn the pins by the slot number. */
static uint32_t line_gsi(const struct hal_device *d, unsigned pin, bool *level, bool *active_low)
{
    uint32_t noted = hal_device_config_read((struct hal_device *)d, PCI_INTERRUPT_LINE, 1);
    while (d->bridge) {
        pin = (pin + d->slot) % 4;
        d = x86_pci_device_at(d->bridge - 1u);
    }
    *level = true;
    *active_low = true;
    if (chipset_is_ich9()) {
        *active_low = false;
        if (d->slot == 30)
            return 20 + pin;
        return d->slot < 25 ? 20 + (d->slot + pin) % 4 : 16 + pin;
    }
    if (noted < 16) {
        uint16_t flags = x86_acpi_info.isa[noted].flags;
        *active_low = (flags & 3) != 1;
        *level = (flags >> 2 & 3) != 1;
        return x86_acpi_info.isa[noted].gsi;
    }
    return noted;
}

static void line_interrupt(void *argument)
{
    int index = (int)((struct line *)argument - lines) + 1;
    struct hal_device *d;
    for (unsigned i = 0; (d = x86_pci_device_at(i)) != NULL; i++) {
        void (*handler)(void *) = __atomic_load_n(&d->line_handler, __ATOMIC_ACQUIRE);
        if (d->line == index && handler)
            handler(d->line_argument);
    }
}

static int line_attach(struct hal_device *d, void (*handler)(void *), void *argument)
{
    __atomic_store_n(&d->line_handler, NULL, __ATOMIC_RELEASE);
    unsigned pin = hal_device_config_read(d, PCI_INTERRUPT_PIN, 1);
    uint32_t command = hal_device_config_read(d, PCI_COMMAND, 2);
    if (!handler) {
        hal_device_config_write(d, PCI_COMMAND, 2, command | PCI_COMMAND_NO_INTX);
        return 0;
    }
    if (pin < 1 || pin > 4)
        return -ENOSPC;
    bool level, active_low;
    uint32_t gsi = line_gsi(d, pin - 1, &level, &active_low);
    unsigned i = 0;
    while (i < line_count && lines[i].gsi != gsi)
        i++;
    if (i == LINES_MAX)
        return -ENOSPC;
    if (i == line_count)
        lines[line_count++].gsi = gsi;
    d->line = (int)i + 1;
    d->line_argument = argument;
    __atomic_store_n(&d->line_handler, handler, __ATOMIC_RELEASE);
    if (!lines[i].routed) {
        int error = x86_ioapic_route(gsi, level, active_low, line_interrupt, &lines[i]);
        if (error) {
            d->line_handler = NULL;
            return error == -ENODEV ? -ENOSPC : error;
        }
        lines[i].routed = true;
    }
    hal_device_config_write(d, PCI_COMMAND, 2,
                            (command | PCI_COMMAND_MASTER) & ~(uint32_t)PCI_COMMAND_NO_INTX);
    return 0;
}

int hal_device_interrupt(struct hal_device *d, unsigned index, void (*handler)(void *),
                         void *argument)
{
    bool enabled = spin_lock_irq(&attach_lock);
    unsigned msix = x86_pci_find_capability(d, PCI_CAPABILITY_MSIX);
    unsigned msi = msix ? 0 : x86_pci_find_capability(d, PCI_CAPABILITY_MSI);
    int result = -ENOSPC;
    if (msix && x86_apic_present())
        result = msix_attach(d, msix, index, handler, argument);
    else if (index == 0 && msi && x86_apic_present())
        result = msi_attach(d, msi, handler, argument);
    else if (index == 0)
        result = line_attach(d, handler, argument);
    spin_unlock_irq(&attach_lock, enabled);
    return result;
}
