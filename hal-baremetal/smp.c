/* SPDX-License-Identifier: MIT
 *
 * Starting the other CPUs, and stopping them for good. Intel SDM volume 3, 9.4 (MP initialization).
 *
 * A started CPU goes from a page below 1 MiB (trampoline.S) on tables that map this page one to one
 * and the kernel, straight to its own stack and the kernel's tables.
 */
#include "hal-baremetal/baremetal.h"
#include "hal-baremetal/errno.h"
#include "hal-baremetal/x86.h"
#include "hal/kernel_on.h"

enum { TRAMPOLINE_PAGES = 4 }; /* code, and three tables */

extern const char trampoline_start[], trampoline_end[];
void x86_ap_start64(void);
__attribute__((noreturn)) void x86_ap_main(struct percpu *cpu);

static uint64_t trampoline;
static bool stopping;

_Static_assert(sizeof(struct percpu) <= HAL_PAGE_SIZE, "one page each");

/* At boot, while RAM is still ours. */
void x86_smp_init(void)
{
    if (x86_acpi_info.cpu_count == 1 || !x86_apic_present())
        return;
    trampoline = x86_physmem_alloc_low(TRAMPOLINE_PAGES);
    if (!trampoline)
        return;
    memcpy(phys_to_virt(trampoline), trampoline_start, (size_t)(trampoline_end - trampoline_start));
    uint64_t pml4 = trampoline + HAL_PAGE_SIZE, pdpt = pml4 + HAL_PAGE_SIZE;
    uint64_t directory = pdpt + HAL_PAGE_SIZE;
    uint64_t *table = phys_to_virt(pml4);
    memcpy(table, phys_to_virt(x86_kernel_pml4), HAL_PAGE_SIZE);
    table[0] = pdpt | PTE_PRESENT;
    *(uint64_t *)phys_to_virt(pdpt) = directory | PTE_PRESENT;
    *(uint64_t *)phys_to_virt(directory) = PTE_PRESENT | PTE_LARGE; /* the first 2 MiB, r-x */
}

static void trampoline_word(unsigned offset, uint64_t value)
{
    __atomic_store_n((uint64_t *)((char *)phys_to_virt(trampoline) + offset), value,
                     __ATOMIC_RELEASE);
}

/* Memory of a CPU: its percpu page and stacks. Kept when the CPU does not come up: it still may. */
static struct percpu *cpu_prepare(unsigned id)
{
    if (x86_percpu_of[id])
        return x86_percpu_of[id];
    uint64_t page = x86_table_page_alloc(), frames[BOOT_STACK_BYTES / HAL_PAGE_SIZE];
    if (!page)
        return NULL;
    struct percpu *cpu = phys_to_virt(page);
    cpu->id = id;
    cpu->apic_id = x86_acpi_info.apic_ids[id];
    cpu->timer_deadline_ns = cpu->timer_armed_ns = UINT64_MAX;
    for (unsigned i = 0; i < sizeof frames / sizeof frames[0]; i++)
        if (!(frames[i] = x86_table_page_alloc()))
            return NULL;
    char *stack = x86_stack_map_pages(frames, sizeof frames / sizeof frames[0]);
    if (!stack || !x86_cpu_alloc_stacks(cpu))
        return NULL;
    cpu->run_rsp = (uint64_t)(stack + BOOT_STACK_BYTES);
    x86_percpu_of[id] = cpu;
    return cpu;
}

static bool wait_online(const struct percpu *cpu, unsigned us)
{
    uint64_t end = hal_time_monotonic_ns() + us * 1000ull;
    do {
        if (__atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE))
            return true;
        hal_cpu_relax();
    } while (hal_time_monotonic_ns() < end);
    return false;
}

int hal_cpu_start(unsigned id, void *local)
{
    if (id == 0 || id >= x86_acpi_info.cpu_count || !trampoline)
        return -ENODEV;
    struct percpu *cpu = cpu_prepare(id);
    if (!cpu || cpu->online)
        return -ENODEV;
    cpu->local = local;
    trampoline_word(TRAMPOLINE_CR3, trampoline + HAL_PAGE_SIZE);
    trampoline_word(TRAMPOLINE_ENTRY, (uint64_t)x86_ap_start64);
    trampoline_word(TRAMPOLINE_PERCPU, (uint64_t)cpu);

    bool enabled = hal_irq_save();
    x86_apic_send(cpu->apic_id, APIC_INIT);
    hal_irq_restore(enabled);
    x86_clock_delay_us(x86_features.hypervisor ? 10 : 10000);
    static const unsigned waits_us[] = {1000, 10000, 100000, 900000};
    for (unsigned i = 0; i < sizeof waits_us / sizeof waits_us[0]; i++) {
        enabled = hal_irq_save();
        x86_apic_send(cpu->apic_id, APIC_STARTUP | (uint32_t)(trampoline >> 12));
        hal_irq_restore(enabled);
        if (wait_online(cpu, waits_us[i]))
            return 0;
    }
    return -ETIMEDOUT;
}

void x86_ap_main(struct percpu *cpu)
{
    write_cr3(x86_kernel_pml4);
    write_cr4(read_cr4() | CR4_PGE);
    x86_cpu_setup_tables(cpu);
    x86_cpu_setup_registers();
    x86_apic_init_cpu();
    x86_cpu_mark_online(cpu->id);
    kernel_on_cpu_start(cpu->id);
}

/* The NMI that x86_smp_stop_others sends. */
void x86_smp_stop_self_if_asked(void)
{
    if (__atomic_load_n(&stopping, __ATOMIC_ACQUIRE))
        cpu_halt_forever();
}

/* Stop all other CPUs where they are. If another CPU is already doing this, stop here. */
void x86_smp_stop_others(void)
{
    hal_irq_disable();
    if (__atomic_exchange_n(&stopping, true, __ATOMIC_ACQ_REL))
        return;
    if (x86_apic_present() && x86_cpus_online() & (x86_cpus_online() - 1))
        x86_apic_send_all_others(APIC_NMI);
}
