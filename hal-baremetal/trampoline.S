/* SPDX-License-Identifier: MIT
 *
 * First instructions of an application processor: copied to a page below 1 MiB, entered in real
 * mode by a start-up IPI with CS = page >> 4. smp.c fills in the words at the end of the page.
 * The tables at TRAMPOLINE_CR3 map this page one to one, and the kernel.
 */
#include "hal-baremetal/offsets.h"

#define HERE(symbol) ((symbol) - trampoline_start)

    .section .rodata
    .balign 16
    .globl trampoline_start, trampoline_end
trampoline_start:
    .code16
    cli
    cld
    mov %cs, %ax
    mov %ax, %ds
    xor %ebx, %ebx
    mov %ax, %bx
    shl $4, %ebx                /* physical address of the page */
    lea HERE(trampoline_gdt)(%ebx), %eax
    mov %eax, HERE(trampoline_gdt_pointer) + 2
    lgdtl HERE(trampoline_gdt_pointer)
    lea HERE(trampoline32)(%ebx), %eax
    mov %eax, HERE(trampoline_far32)
    lea HERE(trampoline64)(%ebx), %eax
    mov %eax, HERE(trampoline_far64)
    mov $0x11, %eax             /* PE, ET */
    mov %eax, %cr0
    ljmpl *HERE(trampoline_far32)

    .code32
trampoline32:
    mov $0x18, %eax
    mov %eax, %ds
    mov %eax, %ss
    mov $0x20, %eax             /* PAE */
    mov %eax, %cr4
    mov TRAMPOLINE_CR3(%ebx), %eax
    mov %eax, %cr3
    mov $0x80000001, %eax
    mov %ebx, %esi
    cpuid
    mov %esi, %ebx
    mov %edx, %edi
    mov $0xc0000080, %ecx       /* EFER: LME, NXE where there is NX */
    rdmsr
    or $0x100, %eax
    test $(1 << 20), %edi
    jz 1f
    or $0x800, %eax
1:  wrmsr
    mov $0x80010031, %eax
    mov %eax, %cr0
    ljmp *HERE(trampoline_far64)(%ebx)

    .code64
trampoline64:
    mov TRAMPOLINE_PERCPU(%rbx), %rdi
    mov TRAMPOLINE_ENTRY(%rbx), %rax
    jmp *%rax

    .balign 8
trampoline_gdt:
    .quad 0
    .quad 0x00cf9b000000ffff    /* 0x08 32-bit code */
    .quad 0x00af9b000000ffff    /* 0x10 64-bit code */
    .quad 0x00cf93000000ffff    /* 0x18 data */
trampoline_gdt_pointer:
    .word 31
    .long 0
    .balign 4
trampoline_far32:
    .long 0
    .word 0x08
    .balign 4
trampoline_far64:
    .long 0
    .word 0x10
trampoline_end:

/* The AP in 64-bit mode, rdi = its percpu: onto its own stack (percpu->boot_stack is the first
 * thing after the fields that assembly knows). */
    .text
    .globl x86_ap_start64
x86_ap_start64:
    mov $SELECTOR_KERNEL_DATA, %eax
    mov %eax, %ss
    xor %eax, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    mov PERCPU_RUN_RSP(%rdi), %rsp
    xor %ebp, %ebp
    push $0
    push $0
    call x86_ap_main
    ud2

    .section .note.GNU-stack, "", @progbits
