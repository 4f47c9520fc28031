/* SPDX-License-Identifier: MIT
 *
 * From the first C instruction to kernel_on_boot: the order in which the machine comes up.
 */
#include "hal-baremetal/baremetal.h"
#include "hal-baremetal/x86.h"
#include "hal/kernel_on.h"

enum { MMAP_MIN_ADDRESS = 65536 };

struct patch_site {
    uint64_t address;
    uint32_t feature, length;
    uint8_t bytes[8];
};
extern const struct patch_site patch_start[], patch_end[];

static struct hal_boot boot;
static struct percpu boot_percpu;

__attribute__((noreturn)) void boot_main(uint32_t protocol, uint32_t info);

/* While the boot tables are loaded, text is still writable. */
static void patch_text(void)
{
    for (const struct patch_site *site = patch_start; site < patch_end; site++) {
        bool wanted = (site->feature == PATCH_SMAP && cpu_features.smap) ||
                      (site->feature == PATCH_FSGSBASE && cpu_features.fsgsbase);
        if (wanted)
            memcpy((void *)site->address, site->bytes, site->length);
    }
    cpuid(0, 0); /* serialises: what was fetched ahead is forgotten */
}

static void cpu_init(void)
{
    struct percpu *cpu = &boot_percpu;
    percpu_of[0] = cpu;
    cpu->apic_id = apic_id();
    cpu->timer_deadline_ns = cpu->timer_armed_ns = UINT64_MAX;
    idt_init();
    cpu_alloc_stacks(cpu);
    cpu_setup_tables(cpu);
    cpu_setup_registers();
    cpu_mark_online(0);
}

static void fill_boot(void)
{
    physmem_finish(&boot);
    boot.direct_map = (char *)DIRECT_MAP;
    boot.cpu_count = acpi_info.cpu_count;
    boot.phys_bits = cpu_features.phys_bits;
    boot.cmdline = boot_info.cmdline;
    const struct phys_range *initrd = &boot_info.initrd;
    if (initrd->end != 0) {
        boot.initrd = boot.direct_map + initrd->start;
        boot.initrd_bytes = initrd->end - initrd->start;
        boot.initrd_paddr = initrd->start % HAL_PAGE_SIZE == 0 ? initrd->start : 0;
    }
    boot.user_addr_min = MMAP_MIN_ADDRESS;
    boot.user_addr_limit = USER_LIMIT;
    boot.backend = "baremetal";
    boot.cpu_model = cpu_features.model;
    boot.tsc_hz = cpu_features.tsc_usable ? clock_tsc_hz() : 0;
    boot.hwcap = cpu_features.leaf1_edx;
    boot.hwcap2 = cpu_features.fsgsbase ? 2 : 0;
}

void boot_main(uint32_t protocol, uint32_t info)
{
    features_detect();
    bootinfo_read(protocol, info);
    patch_text();
    cpu_init();
    physmem_init();
    paging_init();
    acpi_init();
    apic_init();
    clock_init_start();
    serial_init();
    ioapic_init();
    smp_init();
    serial_init_interrupts();
    power_init();
    clock_init_finish();
    fill_boot();
    paging_late();
    kernel_on_boot(&boot);
}
