/* SPDX-License-Identifier: MIT
 *
 * PCI: finds the functions that firmware has set up and gives drivers their configuration space
 * and register windows. PCI Local Bus specification 3.0, chapter 6; configuration mechanism #1.
 *
 * The buses are scanned when a device is first asked for, depth first in the order of bus, slot
 * and function, and never again.
 */
#include "hal-baremetal/pci.h"
#include "hal-baremetal/baremetal.h"
#include "hal-baremetal/x86.h"

enum { DEVICES_MAX = 64, BUSES_MAX = 256, CONFIG_BYTES = 256 };
enum { HEADER_TYPE = 0x0e, HEADER_BRIDGE = 1, HEADER_MULTI = 0x80, SECONDARY_BUS = 0x19 };
enum { STATUS = 0x06, STATUS_CAPABILITIES = 0x10, CAPABILITIES = 0x34 };

static struct hal_device devices[DEVICES_MAX];
static unsigned device_count;
static bool scanned;
static struct hal_spin config_lock, scan_lock;

static uint32_t config_address(unsigned bus, unsigned slot, unsigned function, unsigned offset)
{
    return 1u << 31 | bus << 16 | slot << 11 | function << 8 | (offset & 0xfc);
}

static uint32_t read_at(unsigned bus, unsigned slot, unsigned function, unsigned offset,
                        unsigned width)
{
    bool enabled = spin_lock_irq(&config_lock);
    outl(0xcf8, config_address(bus, slot, function, offset));
    uint32_t value = width == 1   ? inb(0xcfc + (offset & 3))
                     : width == 2 ? inw(0xcfc + (offset & 2))
                                  : inl(0xcfc);
    spin_unlock_irq(&config_lock, enabled);
    return value;
}

uint32_t hal_device_config_read(struct hal_device *d, unsigned offset, unsigned width)
{
    if (offset >= CONFIG_BYTES || (width != 1 && width != 2 && width != 4) || offset % width)
        return UINT32_MAX;
    return read_at(d->bus, d->slot, d->function, offset, width);
}

void hal_device_config_write(struct hal_device *d, unsigned offset, unsigned width, uint32_t value)
{
    if (offset >= CONFIG_BYTES || (width != 1 && width != 2 && width != 4) || offset % width)
        return;
    bool enabled = spin_lock_irq(&config_lock);
    outl(0xcf8, config_address(d->bus, d->slot, d->function, offset));
    if (width == 1)
        outb(0xcfc + (offset & 3), (uint8_t)value);
    else if (width == 2)
        outw(0xcfc + (offset & 2), (uint16_t)value);
    else
        outl(0xcfc, value);
    spin_unlock_irq(&config_lock, enabled);
}

static void scan_bus(unsigned bus, unsigned bridge, uint8_t *seen)
{
    if (seen[bus / 8] & 1 << bus % 8)
        return; /* bridges that point at each other */
    seen[bus / 8] |= (uint8_t)(1 << bus % 8);
    for (unsigned slot = 0; slot < 32; slot++) {
        for (unsigned function = 0; function < 8; function++) {
            if (device_count == DEVICES_MAX)
                return;
            if (read_at(bus, slot, function, 0, 2) == 0xffff) {
                if (function == 0)
                    break;
                continue;
            }
            struct hal_device *d = &devices[device_count++];
            d->bus = (uint8_t)bus;
            d->slot = (uint8_t)slot;
            d->function = (uint8_t)function;
            d->bridge = (uint8_t)bridge;
            uint32_t header = read_at(bus, slot, function, HEADER_TYPE, 1);
            if ((header & 0x7f) == HEADER_BRIDGE) {
                unsigned secondary = read_at(bus, slot, function, SECONDARY_BUS, 1);
                if (secondary > bus)
                    scan_bus(secondary, device_count, seen);
            }
            if (function == 0 && !(header & HEADER_MULTI))
                break;
        }
    }
}

static bool config_mechanism_works(void)
{
    outl(0xcf8, 1u << 31);
    return inl(0xcf8) == 1u << 31;
}

struct hal_device *hal_device_get(unsigned index)
{
    bool enabled = spin_lock_irq(&scan_lock);
    if (!scanned) {
        uint8_t seen[BUSES_MAX / 8] = {0};
        if (config_mechanism_works())
            scan_bus(0, 0, seen);
        scanned = true;
    }
    spin_unlock_irq(&scan_lock, enabled);
    return x86_pci_device_at(index);
}

struct hal_device *x86_pci_device_at(unsigned index)
{
    return index < device_count ? &devices[index] : NULL;
}

void hal_device_identify(struct hal_device *d, struct hal_device_id *out)
{
    out->vendor = (uint16_t)hal_device_config_read(d, 0x00, 2);
    out->device = (uint16_t)hal_device_config_read(d, 0x02, 2);
    out->class_code = hal_device_config_read(d, 0x08, 4) >> 8;
    bool plain = (hal_device_config_read(d, HEADER_TYPE, 1) & 0x7f) == 0;
    out->subsystem_vendor = plain ? (uint16_t)hal_device_config_read(d, 0x2c, 2) : 0;
    out->subsystem = plain ? (uint16_t)hal_device_config_read(d, 0x2e, 2) : 0;
}

unsigned x86_pci_find_capability(struct hal_device *d, uint8_t id)
{
    if (!(hal_device_config_read(d, STATUS, 2) & STATUS_CAPABILITIES))
        return 0;
    unsigned offset = hal_device_config_read(d, CAPABILITIES, 1) & 0xfc;
    for (unsigned i = 0; i < 48 && offset >= 0x40; i++) { /* the list may be a circle */
        if (hal_device_config_read(d, offset, 1) == id)
            return offset;
        offset = hal_device_config_read(d, offset + 1, 1) & 0xfc;
    }
    return 0;
}

/* The bits that stay zero after writing ones tell the size. Decoding is off meanwhile. */
static void size_bars(struct hal_device *d)
{
    if (d->sized)
        return;
    d->sized = true;
    unsigned count = (hal_device_config_read(d, HEADER_TYPE, 1) & 0x7f) == 0 ? PCI_BARS : 2;
    uint32_t command = hal_device_config_read(d, PCI_COMMAND, 2);
    hal_device_config_write(d, PCI_COMMAND, 2,
                            command & ~(uint32_t)(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
    for (unsigned i = 0; i < count; i++) {
        unsigned offset = 0x10 + 4 * i;
        uint32_t low = hal_device_config_read(d, offset, 4);
        bool io = low & 1, wide = !io && (low >> 1 & 3) == 2 && i + 1 < count;
        hal_device_config_write(d, offset, 4, UINT32_MAX);
        uint64_t mask = hal_device_config_read(d, offset, 4);
        hal_device_config_write(d, offset, 4, low);
        uint64_t base = low & ~(io ? 3u : 15u);
        mask &= ~(io ? 3ull : 15ull);
        if (wide) {
            uint32_t high = hal_device_config_read(d, offset + 4, 4);
            hal_device_config_write(d, offset + 4, 4, UINT32_MAX);
            mask |= (uint64_t)hal_device_config_read(d, offset + 4, 4) << 32;
            hal_device_config_write(d, offset + 4, 4, high);
            base |= (uint64_t)high << 32;
        } else if (mask) {
            mask |= io ? 0xffffffffffff0000ull : 0xffffffff00000000ull;
        }
        if (mask && base)
            d->bar[i] = (struct pci_bar){.base = base, .size = ~mask + 1, .io = io};
        i += wide;
    }
    hal_device_config_write(d, PCI_COMMAND, 2, command | PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
}

uint64_t hal_device_bar_size(struct hal_device *d, unsigned bar)
{
    size_bars(d);
    return bar < PCI_BARS ? d->bar[bar].size : 0;
}

volatile void *x86_pci_map_bar(struct hal_device *d, unsigned bar)
{
    struct pci_bar *b = &d->bar[bar];
    if (!b->registers)
        b->registers = hal_mmio_map(b->base, b->size);
    return b->registers;
}

static struct pci_bar *access(struct hal_device *d, unsigned bar, uint64_t offset, unsigned width)
{
    uint64_t size = hal_device_bar_size(d, bar);
    if (width > size || offset > size - width || offset % width)
        return NULL;
    return d->bar[bar].io || x86_pci_map_bar(d, bar) ? &d->bar[bar] : NULL;
}

uint64_t hal_device_read(struct hal_device *d, unsigned bar, uint64_t offset, unsigned width)
{
    const struct pci_bar *b = access(d, bar, offset, width);
    if (!b)
        return UINT64_MAX;
    if (b->io) {
        uint16_t port = (uint16_t)(b->base + offset);
        switch (width) {
        case 1:
            return inb(port);
        case 2:
            return inw(port);
        case 4:
            return inl(port);
        default:
            return inl(port) | (uint64_t)inl(port + 4) << 32;
        }
    }
    volatile char *at = (volatile char *)b->registers + offset;
    switch (width) {
    case 1:
        return *(volatile uint8_t *)at;
    case 2:
        return *(volatile uint16_t *)at;
    case 4:
        return *(volatile uint32_t *)at;
    default:
        return *(volatile uint64_t *)at;
    }
}

void hal_device_write(struct hal_device *d, unsigned bar, uint64_t offset, unsigned width,
                      uint64_t value)
{
    const struct pci_bar *b = access(d, bar, offset, width);
    if (!b)
        return;
    if (b->io) {
        uint16_t port = (uint16_t)(b->base + offset);
        switch (width) {
        case 1:
            outb(port, (uint8_t)value);
            break;
        case 2:
            outw(port, (uint16_t)value);
            break;
        case 4:
            outl(port, (uint32_t)value);
            break;
        default:
            outl(port, (uint32_t)value);
            outl(port + 4, (uint32_t)(value >> 32));
            break;
        }
        return;
    }
    volatile char *at = (volatile char *)b->registers + offset;
    switch (width) {
    case 1:
        *(volatile uint8_t *)at = (uint8_t)value;
        break;
    case 2:
        *(volatile uint16_t *)at = (uint16_t)value;
        break;
    case 4:
        *(volatile uint32_t *)at = (uint32_t)value;
        break;
    default:
        *(volatile uint64_t *)at = value;
        break;
    }
}

uint64_t hal_device_dma_address(struct hal_device *device, uint64_t paddr)
{
    (void)device;
    return paddr;
}
