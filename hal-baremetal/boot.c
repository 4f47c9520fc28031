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

__attribute__((noreturn)) void x86_boot_main(uint32_t protocol, uint32_t info);

/* While the boot tables are loaded, text is still writable. */
static void patch_text(void)
{
    for (const struct patch_site *site = patch_start; site < patch_end; site++) {
        bool wanted = (site->feature == PATCH_SMAP && x86_features.smap) ||
                      (site->feature == PATCH_FSGSBASE && x86_features.fsgsbase);
        if (wanted)
            memcpy((void *)site->address, site->bytes, site->length);
    }
    cpuid(0, 0); /* serialises: what was fetched ahead is forgotten */
}

static void cpu_init(void)
{
    struct percpu *cpu = &boot_percpu;
    x86_percpu_of[0] = cpu;
    cpu->apic_id = x86_apic_id();
    cpu->timer_deadline_ns = cpu->timer_armed_ns = UINT64_MAX;
    x86_idt_init();
    x86_cpu_alloc_stacks(cpu);
    x86_cpu_setup_tables(cpu);
    x86_cpu_setup_registers();
    x86_cpu_mark_online(0);
}

static void fill_boot(void)
{
    x86_physmem_finish(&boot);
    boot.direct_map = (char *)DIRECT_MAP;
    boot.cpu_count = x86_acpi_info.cpu_count;
    boot.phys_bits = x86_features.phys_bits;
    boot.cmdline = x86_boot_info.cmdline;
    const struct phys_range *initrd = &x86_boot_info.initrd;
    if (initrd->end != 0) {
        boot.initrd = boot.direct_map + initrd->start;
        boot.initrd_bytes = initrd->end - initrd->start;
        boot.initrd_paddr = initrd->start % HAL_PAGE_SIZE == 0 ? initrd->start : 0;
    }
    boot.user_addr_min = MMAP_MIN_ADDRESS;
    boot.user_addr_limit = USER_LIMIT;
    boot.backend = "baremetal";
    boot.cpu_model = x86_features.model;
    boot.tsc_hz = x86_features.tsc_usable ? x86_clock_tsc_hz() : 0;
    boot.hwcap = x86_features.leaf1_edx;
    boot.hwcap2 = x86_features.fsgsbase ? 2 : 0;
}

void x86_boot_main(uint32_t protocol, uint32_t info)
{
    x86_features_detect();
    x86_bootinfo_read(protocol, info);
    patch_text();
    cpu_init();
    x86_physmem_init();
    x86_paging_init();
    x86_acpi_init();
    x86_apic_init();
    x86_clock_init_start();
    x86_serial_init();
    x86_ioapic_init();
    x86_smp_init();
    x86_serial_init_interrupts();
    x86_power_init();
    x86_clock_init_finish();
    fill_boot();
    x86_paging_late();
    kernel_on_boot(&boot);
}
