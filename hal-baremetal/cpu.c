/* SPDX-License-Identifier: MIT
 *
 * Setting up a CPU: descriptor tables, control registers, SYSCALL; and the small operations on the
 * running one. Intel SDM volume 3, chapters 2, 3 and 6.
 */
#include "hal-baremetal/baremetal.h"
#include "hal-baremetal/x86.h"

struct percpu *x86_percpu_of[HAL_CPUS_MAX];

struct idt_gate {
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
};

struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

static struct idt_gate idt[256];

_Static_assert(offsetof(struct percpu, local) == PERCPU_LOCAL, "offsets.h");
_Static_assert(offsetof(struct percpu, run_user) == PERCPU_RUN_USER, "offsets.h");
_Static_assert(offsetof(struct percpu, run_rsp) == PERCPU_RUN_RSP, "offsets.h");
_Static_assert(offsetof(struct percpu, scratch) == PERCPU_SCRATCH, "offsets.h");
_Static_assert(offsetof(struct percpu, fpu_ready) == PERCPU_FPU_READY, "offsets.h");
_Static_assert(offsetof(struct percpu, user_limit) == PERCPU_USER_LIMIT, "offsets.h");
_Static_assert(offsetof(struct percpu, irq_seen) == PERCPU_IRQ_SEEN, "offsets.h");
_Static_assert(offsetof(struct percpu, id) == PERCPU_ID, "offsets.h");
_Static_assert(offsetof(struct percpu, loaded_fs) == PERCPU_LOADED_FS, "offsets.h");
_Static_assert(offsetof(struct percpu, loaded_gs) == PERCPU_LOADED_GS, "offsets.h");
_Static_assert(offsetof(struct hal_user, regs) == 0, "offsets.h");
_Static_assert(offsetof(struct hal_regs, rax) == REGS_RAX, "offsets.h");
_Static_assert(offsetof(struct hal_regs, rsp) == REGS_RSP, "offsets.h");
_Static_assert(offsetof(struct hal_regs, r8) == REGS_R8, "offsets.h");
_Static_assert(offsetof(struct hal_regs, rip) == REGS_RIP, "offsets.h");
_Static_assert(offsetof(struct hal_regs, rflags) == REGS_RFLAGS, "offsets.h");
_Static_assert(offsetof(struct hal_regs, gs_base) == REGS_GS_BASE, "offsets.h");
_Static_assert(offsetof(struct hal_fault, error) == FAULT_ERROR, "offsets.h");
_Static_assert(offsetof(struct hal_fault, address) == FAULT_ADDRESS, "offsets.h");
_Static_assert(HAL_STOP_SYSCALL == STOP_SYSCALL && HAL_STOP_FAULT == STOP_FAULT &&
                   HAL_STOP_INTERRUPT == STOP_INTERRUPT && HAL_STOP_PENDING == STOP_PENDING,
               "offsets.h");

void x86_idt_init(void)
{
    for (unsigned vector = 0; vector < 256; vector++) {
        uint64_t stub = (uint64_t)x86_trap_stubs + 16 * vector;
        struct idt_gate *gate = &idt[vector];
        gate->offset_low = (uint16_t)stub;
        gate->offset_middle = (uint16_t)(stub >> 16);
        gate->offset_high = (uint32_t)(stub >> 32);
        gate->selector = SELECTOR_KERNEL_CODE;
        gate->type = 0x8e; /* interrupt gate: masked on entry; not for INT n in user mode */
    }
    idt[HAL_VECTOR_BREAKPOINT].type = 0xee; /* INT3 and INTO are for everyone */
    idt[HAL_VECTOR_OVERFLOW].type = 0xee;
    idt[HAL_VECTOR_DEBUG].ist = IST_DEBUG;
    idt[2].ist = IST_NMI;
    idt[8].ist = IST_FATAL;
    idt[18].ist = IST_FATAL;
}

static void set_ist(struct percpu *cpu, unsigned index, uint64_t stack)
{
    uint64_t top = stack + IST_STACK_BYTES - 16;
    *(struct percpu **)top = cpu; /* traps.S finds it there */
    cpu->tss.ist[index - 1] = top;
}

bool x86_cpu_alloc_stacks(struct percpu *cpu)
{
    static char boot_ist[IST_COUNT][IST_STACK_BYTES] __attribute__((aligned(IST_STACK_BYTES)));
    for (unsigned i = 0; i < IST_COUNT; i++) {
        uint64_t stack = (uint64_t)boot_ist[i];
        if (cpu->id != 0) {
            uint64_t frame = x86_table_page_alloc();
            stack = frame ? (uint64_t)x86_stack_map_pages(&frame, 1) : 0;
            if (!stack)
                return false;
        }
        set_ist(cpu, i + 1, stack);
    }
    return true;
}

void x86_cpu_setup_tables(struct percpu *cpu)
{
    uint64_t tss = (uint64_t)&cpu->tss;
    cpu->self = cpu;
    cpu->tss.rsp[0] = (uint64_t)(cpu->entry_stack + sizeof cpu->entry_stack / 8);
    cpu->tss.io_map_base = sizeof cpu->tss;
    cpu->gdt[SELECTOR_KERNEL_CODE / 8] = 0x00af9b000000ffffull;
    cpu->gdt[SELECTOR_KERNEL_DATA / 8] = 0x00cf93000000ffffull;
    cpu->gdt[SELECTOR_USER_DATA / 8] = 0x00cff3000000ffffull;
    cpu->gdt[SELECTOR_USER_CODE / 8] = 0x00affb000000ffffull;
    cpu->gdt[SELECTOR_TSS / 8] =
        (sizeof cpu->tss - 1) | (tss & 0xffffff) << 16 | 0x89ull << 40 | (tss >> 24 & 0xff) << 56;
    cpu->gdt[SELECTOR_TSS / 8 + 1] = tss >> 32;

    struct table_pointer gdtr = {sizeof cpu->gdt - 1, (uint64_t)cpu->gdt};
    struct table_pointer idtr = {sizeof idt - 1, (uint64_t)idt};
    uint64_t code = SELECTOR_KERNEL_CODE;
    __asm__ volatile("lgdt %0\n\t"
                     "push %2\n\t"
                     "lea 1f(%%rip), %%rax\n\t"
                     "push %%rax\n\t"
                     "lretq\n"
                     "1:\n\t"
                     "mov %3, %%ss\n\t"
                     "lidt %1\n\t"
                     "ltr %w4\n\t"
                     "xor %%eax, %%eax\n\t"
                     "lldt %%ax"
                     :
                     : "m"(gdtr), "m"(idtr), "r"(code), "r"(SELECTOR_KERNEL_DATA), "r"(SELECTOR_TSS)
                     : "rax", "memory");
    wrmsr(MSR_GS_BASE, (uint64_t)cpu);
    wrmsr(MSR_KERNEL_GS_BASE, 0);
    wrmsr(MSR_FS_BASE, 0);
}

void x86_cpu_setup_registers(void)
{
    const struct cpu_features *f = &x86_features;
    uint64_t cr0 = read_cr0() & ~(uint64_t)(CR0_EM | CR0_TS);
    write_cr0(cr0 | CR0_MP | CR0_NE | CR0_WP | CR0_AM);
    uint64_t cr4 = read_cr4() | CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    cr4 |= f->umip ? CR4_UMIP : 0;
    cr4 |= f->fsgsbase ? CR4_FSGSBASE : 0;
    cr4 |= f->xsave ? CR4_OSXSAVE : 0;
    cr4 |= f->smep ? CR4_SMEP : 0;
    cr4 |= f->smap ? CR4_SMAP : 0;
    write_cr4(cr4);

    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE);
    /* SYSRET takes SS from this + 8 and CS from this + 16 */
    wrmsr(MSR_STAR,
          (uint64_t)(SELECTOR_USER_DATA - 8) << 48 | (uint64_t)SELECTOR_KERNEL_CODE << 32);
    wrmsr(MSR_LSTAR, (uint64_t)x86_entry_syscall);
    wrmsr(MSR_CSTAR,
          (uint64_t)x86_entry_syscall); /* there is no 32-bit code segment to call from */
    wrmsr(MSR_SFMASK, 0x257fd5);        /* all but the fixed bit, RF and the virtual-8086 bits */
    x86_fpu_init_cpu();
}

void *hal_cpu_local(void)
{
    void *local;
    __asm__ volatile("mov %%gs:%c1, %0" : "=r"(local) : "i"(PERCPU_LOCAL));
    return local;
}

void hal_cpu_set_local(void *local)
{
    this_percpu()->local = local;
}

unsigned hal_cpu_id(void)
{
    uint32_t id;
    __asm__ volatile("movl %%gs:%c1, %0" : "=r"(id) : "i"(PERCPU_ID));
    return id;
}

void hal_cpu_idle(void)
{
    /* STI takes effect after the next instruction: nothing can come between it and HLT. */
    __asm__ volatile("sti; hlt; cli" ::: "memory");
}

bool hal_irq_enabled(void)
{
    return read_rflags() & 0x200;
}

bool hal_irq_save(void)
{
    bool enabled = read_rflags() & 0x200;
    __asm__ volatile("cli" ::: "memory");
    return enabled;
}

void hal_irq_restore(bool were_enabled)
{
    if (were_enabled)
        __asm__ volatile("sti" ::: "memory");
}

void hal_irq_enable(void)
{
    __asm__ volatile("sti" ::: "memory");
}

void hal_irq_disable(void)
{
    __asm__ volatile("cli" ::: "memory");
}

void hal_cpu_relax(void)
{
    cpu_pause();
}

void hal_cpu_schedule_point(unsigned kind)
{
    (void)kind;
}
