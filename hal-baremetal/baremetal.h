/* SPDX-License-Identifier: MIT
 *
 * What the files of this backend offer each other.
 */
#ifndef HAL_BAREMETAL_BAREMETAL_H
#define HAL_BAREMETAL_BAREMETAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal-baremetal/percpu.h"
#include "hal/hal.h"

/* Layout of the upper half of every address space. */
#define DIRECT_MAP 0xffff800000000000ull
#define STACK_AREA 0xffffc00000000000ull /* kernel stacks, with holes between */
#define MMIO_AREA 0xffffc04000000000ull  /* device registers and firmware tables */
#define MMIO_AREA_END 0xffffc08000000000ull
#define USER_LIMIT 0x00007ffffffff000ull

enum { VECTOR_DEVICE_FIRST = 0x30, VECTOR_DEVICE_LAST = 0xdf };
enum { VECTOR_TIMER = 0xf0, VECTOR_IPI = 0xf1, VECTOR_CALL = 0xf2, VECTOR_SPURIOUS = 0xff };

/* string.S, boot.c */
void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);

/* lock.h in one function pair: a spinlock that masks interrupts. */
struct hal_spin {
    unsigned held;
};

static inline bool spin_lock_irq(struct hal_spin *lock)
{
    bool enabled = hal_irq_save();
    while (__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE))
        while (__atomic_load_n(&lock->held, __ATOMIC_RELAXED))
            __builtin_ia32_pause();
    return enabled;
}

static inline void spin_unlock_irq(struct hal_spin *lock, bool enabled)
{
    __atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
    hal_irq_restore(enabled);
}

/* features.c */
struct cpu_features {
    bool nx, huge_pages, smep, smap, umip, fsgsbase, xsave, x2apic, tsc_deadline;
    bool rdrand, rdseed, tcg, hypervisor, tsc_usable;
    uint32_t max_leaf, max_hypervisor_leaf;
    uint32_t leaf1_edx;
    unsigned phys_bits;
    char model[49];
};
extern struct cpu_features x86_features;
extern uint8_t x86_string_instructions_fast;
void x86_features_detect(void);

/* bootinfo.c: what the loader said, copied out of its memory */
struct phys_range {
    uint64_t start, end;
};
enum { BOOT_RANGES_MAX = 64 };
struct boot_info {
    struct phys_range usable[BOOT_RANGES_MAX], unusable[BOOT_RANGES_MAX];
    unsigned usable_count, unusable_count;
    struct phys_range initrd;
    uint64_t rsdp; /* physical address, 0 if unknown */
    uint8_t rsdp_copy[36];
    bool rsdp_copied;
    char cmdline[4096];
};
extern struct boot_info x86_boot_info;
void x86_bootinfo_read(unsigned protocol, uint64_t info);

/* physmem.c: RAM before the kernel has it */
void x86_physmem_init(void);
uint64_t x86_physmem_alloc(size_t pages);     /* zeroed; panics when there is none */
uint64_t x86_physmem_alloc_low(size_t pages); /* below 1 MiB, zeroed; 0 when there is none */
const struct phys_range *x86_physmem_ram(unsigned *count); /* everything that is to be mapped */
void x86_physmem_finish(struct hal_boot *boot);            /* the rest is the kernel's */

/* paging.c */
extern uint64_t x86_kernel_pml4; /* physical */
extern uint64_t x86_phys_base;   /* where physical memory is seen: 0 early, later DIRECT_MAP */
static inline void *phys_to_virt(uint64_t paddr)
{
    return (void *)(x86_phys_base + paddr);
}
void x86_paging_init(void);          /* the final tables; loads them */
void x86_paging_late(void);          /* from now on table pages come from the kernel */
uint64_t x86_table_page_alloc(void); /* 0 when there is none */
/* Translations of the kernel half. flags without PRESENT; false when out of table pages. */
bool x86_kernel_map(uint64_t vaddr, uint64_t paddr, uint64_t bytes, uint64_t flags);
void x86_kernel_unmap(uint64_t vaddr,
                      uint64_t bytes); /* no TLB flush; pages that were mapped 4 KiB */
uint64_t *x86_kernel_entry(uint64_t vaddr, bool make); /* the 4 KiB entry; NULL if no table */
bool x86_kernel_translate(uint64_t vaddr,
                          uint64_t *out_entry); /* leaf entry; for tests and dumps */
const void *x86_firmware_map(uint64_t paddr,
                             size_t bytes); /* read-only, cached; NULL if impossible */
void x86_tlb_flush_all_local(void);

/* aspace.c, tlb.c */
extern struct hal_spin x86_kernel_map_lock;
void tlb_flush_kernel_everywhere(void);

/* call.c: run function(argument) with interrupts masked on the CPUs of the mask (not the current
 * one), and wait for all of them. */
void x86_call_cpus(uint64_t cpus, void (*function)(void *), void *argument);
void x86_call_poll(void);
uint64_t x86_cpus_online(void);
void x86_cpu_mark_online(unsigned cpu);

/* cpu.c */
extern struct percpu *x86_percpu_of[HAL_CPUS_MAX];
void x86_cpu_setup_tables(struct percpu *cpu); /* GDT, TSS, IDT, GS of the running CPU */
void x86_cpu_setup_registers(void);            /* CR0, CR4, EFER, SYSCALL MSRs */
bool x86_cpu_alloc_stacks(struct percpu *cpu); /* IST stacks */
void x86_idt_init(void);

/* acpi.c */
struct acpi_info {
    unsigned cpu_count;
    uint32_t apic_ids[HAL_CPUS_MAX]; /* [0] is the boot CPU */
    uint64_t local_apic;
    struct {
        uint64_t paddr;
        uint32_t gsi_base;
    } ioapics[8];
    unsigned ioapic_count;
    struct {
        uint32_t gsi;
        uint16_t flags;
    } isa[16];
    uint64_t hpet;
    uint16_t pm1a_event, pm1a_control, pm1b_control, pm_timer;
    uint8_t pm1_event_bytes, century_register;
    bool pm_timer_32bit, hardware_reduced, reset_supported;
    uint16_t smi_command;
    uint8_t acpi_enable, reset_value;
    uint16_t sci_interrupt;
    uint64_t dsdt, ecam;
    uint8_t ecam_bus_first, ecam_bus_last;
    struct acpi_address {
        uint8_t space, width, offset, access;
        uint64_t address;
    } __attribute__((packed)) reset, sleep_control;
};
extern struct acpi_info x86_acpi_info;
void x86_acpi_init(void);
bool x86_acpi_find_s5(uint8_t *type_a, uint8_t *type_b);
void x86_acpi_write(const struct acpi_address *address, uint8_t value);

/* apic.c, ioapic.c, irq.c */
void x86_apic_init(void);     /* the boot CPU's; also finds out the mode */
void x86_apic_init_cpu(void); /* any CPU's */
uint32_t x86_apic_id(void);
void x86_apic_eoi(void);
void x86_apic_send(uint32_t target_apic_id, uint32_t command); /* command: ICR low word */
void x86_apic_send_all_others(uint32_t command);
void x86_apic_timer_start(uint32_t count);
void x86_apic_timer_calibrate_start(void);
uint32_t x86_apic_timer_elapsed(void);
bool x86_apic_present(void);
enum { APIC_FIXED = 0x4000, APIC_NMI = 0x4400, APIC_INIT = 0x4500, APIC_STARTUP = 0x4600 };

void x86_ioapic_init(void);
/* Route a global interrupt to a handler. 0 or -ENOSPC, -ENODEV. */
int x86_ioapic_route(uint32_t gsi, bool level, bool active_low, void (*handler)(void *),
                     void *argument);
int x86_isa_irq_route(unsigned irq, void (*handler)(void *), void *argument);

int x86_irq_vector_alloc(void (*handler)(void *), void *argument); /* vector or -ENOSPC */
void x86_irq_vector_free(unsigned vector);
void x86_irq_dispatch(unsigned vector);

/* clock.c, timer.c */
void x86_clock_init_start(void);  /* choose and start the reference; calibration begins */
void x86_clock_init_finish(void); /* calibration ends */
uint64_t x86_clock_tsc_hz(void);
uint64_t x86_clock_ns_to_tsc(uint64_t ns); /* monotonic time to TSC value */
void x86_clock_delay_us(unsigned us);
void x86_clock_refine(void);
uint64_t x86_clock_max_sleep_ns(void);
void x86_timer_init(uint64_t apic_timer_hz);
void x86_timer_interrupt(void);

/* serial.c */
void x86_serial_init(void);
void x86_serial_init_interrupts(void);
void x86_serial_drain(void);

/* fpu.c */
void x86_fpu_init_cpu(void);

/* trap.c */
struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector, error, rip, cs, rflags, rsp, ss;
};
__attribute__((noreturn)) void x86_boot_panic(const char *message);

/* smp.c, power.c, stack.c */
void x86_smp_init(void);
void x86_smp_stop_others(void);
void x86_smp_stop_self_if_asked(void);
void x86_power_init(void);
void *x86_stack_map_pages(const uint64_t *frames,
                          size_t pages); /* contiguous or not; guard below */

/* log.c: small formatted lines on the log channel, for what the kernel cannot report itself */
void x86_log_text(const char *text);
void x86_log_hex(const char *name, uint64_t value);

/* traps.S, usercopy.S */
extern char x86_trap_stubs[];
void x86_entry_syscall(void);
void x86_context_switch(uint64_t *from_rsp, uint64_t to_rsp);
void x86_context_start(void);
void x86_call_on_stack(struct trap_frame *frame, void *stack_top,
                       void (*function)(struct trap_frame *));
bool x86_kernel_load64_safe(uint64_t vaddr, uint64_t *out);

#endif
