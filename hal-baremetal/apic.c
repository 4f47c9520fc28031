/* SPDX-License-Identifier: MIT
 *
 * The local APIC: end of interrupt, inter-processor interrupts, and its timer. Registers are
 * memory (xAPIC), or MSRs where firmware left x2APIC on or IDs need it. Intel SDM volume 3,
 * chapter 11.
 */
#include "hal-baremetal/baremetal.h"
#include "hal-baremetal/x86.h"

enum {
    APIC_ID = 0x20,
    APIC_TPR = 0x80,
    APIC_EOI = 0xb0,
    APIC_SPURIOUS = 0xf0,
    APIC_ICR_LOW = 0x300,
    APIC_ICR_HIGH = 0x310,
    APIC_LVT_TIMER = 0x320,
    APIC_LVT_LINT0 = 0x350,
    APIC_LVT_LINT1 = 0x360,
    APIC_LVT_ERROR = 0x370,
    APIC_TIMER_INITIAL = 0x380,
    APIC_TIMER_CURRENT = 0x390,
    APIC_TIMER_DIVIDE = 0x3e0,
};

enum { LVT_MASKED = 1 << 16, LVT_TSC_DEADLINE = 2 << 17, LVT_NMI = 4 << 8 };
enum { BASE_X2APIC = 1 << 10, BASE_ENABLED = 1 << 11 };

static volatile uint32_t *registers;
static bool x2apic;

static uint32_t apic_read(unsigned reg)
{
    return x2apic ? (uint32_t)rdmsr(MSR_X2APIC + reg / 16) : registers[reg / 4];
}

static void apic_write(unsigned reg, uint32_t value)
{
    if (x2apic)
        wrmsr(MSR_X2APIC + reg / 16, value);
    else
        registers[reg / 4] = value;
}

/* By CPUID: valid before the registers can be reached. */
uint32_t x86_apic_id(void)
{
    if (x86_features.max_leaf >= 0xb && cpuid(0xb, 0).ebx)
        return cpuid(0xb, 0).edx;
    return cpuid(1, 0).ebx >> 24;
}

bool x86_apic_present(void)
{
    return registers != NULL || x2apic;
}

void x86_apic_eoi(void)
{
    if (__builtin_expect(!x2apic, 1))
        registers[APIC_EOI / 4] = 0;
    else
        wrmsr(MSR_X2APIC + APIC_EOI / 16, 0);
}

/* Interrupts masked, or the two halves could be torn by an interrupt that sends too. */
void x86_apic_send(uint32_t target, uint32_t command)
{
    if (x2apic) {
        __asm__ volatile("mfence; lfence" ::: "memory");
        wrmsr(MSR_X2APIC + APIC_ICR_LOW / 16, (uint64_t)target << 32 | command);
        return;
    }
    registers[APIC_ICR_HIGH / 4] = target << 24;
    registers[APIC_ICR_LOW / 4] = command;
    while (registers[APIC_ICR_LOW / 4] & (1u << 12))
        cpu_pause();
}

void x86_apic_send_all_others(uint32_t command)
{
    x86_apic_send(0, command | 3u << 18);
}

void x86_apic_timer_start(uint32_t count)
{
    apic_write(APIC_TIMER_INITIAL, count);
}

void x86_apic_timer_calibrate_start(void)
{
    apic_write(APIC_TIMER_INITIAL, UINT32_MAX);
}

uint32_t x86_apic_timer_elapsed(void)
{
    return UINT32_MAX - apic_read(APIC_TIMER_CURRENT);
}

void x86_apic_init_cpu(void)
{
    if (!x86_apic_present())
        return;
    if (x2apic)
        wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | BASE_ENABLED | BASE_X2APIC);
    else
        wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | BASE_ENABLED);
    apic_write(APIC_TPR, 0);
    apic_write(APIC_LVT_LINT0, LVT_MASKED); /* the PIC's line */
    apic_write(APIC_LVT_LINT1, LVT_NMI);
    apic_write(APIC_LVT_ERROR, LVT_MASKED);
    apic_write(APIC_TIMER_DIVIDE, 0xb); /* by 1 */
    apic_write(APIC_LVT_TIMER, VECTOR_TIMER | (x86_features.tsc_deadline ? LVT_TSC_DEADLINE : 0));
    apic_write(APIC_SPURIOUS, VECTOR_SPURIOUS | 1 << 8);
    /* The timer's mode is in place before anyone writes the deadline. */
    __asm__ volatile("mfence" ::: "memory");
}

void x86_apic_init(void)
{
    outb(0x21, 0xff); /* the PICs: everything masked for good */
    outb(0xa1, 0xff);
    if (!(x86_features.leaf1_edx & (1u << 9)))
        return;
    uint64_t base = rdmsr(MSR_APIC_BASE);
    bool wide_ids = false;
    for (unsigned i = 0; i < x86_acpi_info.cpu_count; i++)
        wide_ids |= x86_acpi_info.apic_ids[i] > 254;
    x2apic = x86_features.x2apic && (base & BASE_X2APIC || wide_ids || x86_features.hypervisor);
    if (!x2apic) {
        /* Firmware's address and the CPU's should agree; the CPU is right. */
        registers = hal_mmio_map(base & PTE_ADDRESS & ~0xfffull, HAL_PAGE_SIZE);
        if (!registers)
            return;
    }
    x86_apic_init_cpu();
    /* Until the clock is calibrated the timer counts without interrupting. */
    if (!x86_features.tsc_deadline)
        apic_write(APIC_LVT_TIMER, VECTOR_TIMER | LVT_MASKED);
}
