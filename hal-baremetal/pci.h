/* SPDX-License-Identifier: MIT
 *
 * PCI functions: between pci.c (what there is, and its registers) and pci_irq.c.
 */
#ifndef HAL_BAREMETAL_PCI_H
#define HAL_BAREMETAL_PCI_H

#include <stdbool.h>
#include <stdint.h>

enum { PCI_BARS = 6 };
enum { PCI_COMMAND = 0x04, PCI_INTERRUPT_LINE = 0x3c, PCI_INTERRUPT_PIN = 0x3d };
enum { PCI_CAPABILITY_MSI = 0x05, PCI_CAPABILITY_MSIX = 0x11 };
enum {
    PCI_COMMAND_IO = 1,
    PCI_COMMAND_MEMORY = 2,
    PCI_COMMAND_MASTER = 4,
    PCI_COMMAND_NO_INTX = 1 << 10
};

struct pci_bar {
    uint64_t base, size; /* size 0: absent */
    bool io;
    volatile void *registers; /* mapped on first use */
};

struct hal_device {
    uint8_t bus, slot, function;
    uint8_t bridge; /* index of the bridge it is behind, plus one; 0 on a root bus */
    bool sized;     /* bar[] is filled in */
    struct pci_bar bar[PCI_BARS];

    volatile uint32_t *msix_table; /* 4 words an entry */
    uint16_t msix_entries;
    uint8_t *msix_vectors; /* per entry; 0 is none */
    uint8_t msi_vector;
    int line; /* index into pci_irq.c's lines plus one */
    void (*line_handler)(void *argument);
    void *line_argument;
};

unsigned x86_pci_find_capability(struct hal_device *device, uint8_t id); /* its offset, or 0 */
volatile void *x86_pci_map_bar(struct hal_device *device, unsigned bar);
struct hal_device *x86_pci_device_at(unsigned index); /* in the list, without scanning */

#endif
