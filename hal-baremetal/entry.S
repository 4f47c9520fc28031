/* SPDX-License-Identifier: MIT
 *
 * Entry of the image in 32-bit protected mode, from a PVH loader (QEMU -kernel) or a Multiboot2
 * loader (GRUB), and the way to 64-bit mode in the top 2 GiB. The tables built here map the first
 * 4 GiB one to one and the image at KERNEL_VMA; boot.c replaces them soon. Xen PVH boot ABI;
 * Multiboot2 specification 2.0.
 */
#include "hal-baremetal/offsets.h"

#define PHYS(symbol) ((symbol) - KERNEL_VMA)

    .section .note.pvh, "a", @note
    .align 4
    .long 4, 4, 18              /* XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long PHYS(pvh_start)

    .section .multiboot2, "a"
    .align 8
multiboot2_header:
    .long 0xe85250d6, 0, multiboot2_header_end - multiboot2_header
    .long -(0xe85250d6 + (multiboot2_header_end - multiboot2_header))
    .align 8
    .short 3, 0                 /* entry address */
    .long 12, PHYS(multiboot2_start)
    .align 8
    .short 6, 0                 /* modules are page aligned */
    .long 8
    .align 8
    .short 0, 0
    .long 8
multiboot2_header_end:

    .section .text.boot, "ax"
    .code32
    .globl pvh_start
pvh_start:
    mov $BOOT_PVH, %esi
    jmp start32

multiboot2_start:
    mov $BOOT_MULTIBOOT2, %esi
    cmp $0x36d76289, %eax
    jne no_boot

start32:                        /* esi: protocol, ebx: its information structure */
    cli
    cld
    mov $PHYS(boot_stack_top), %esp
    mov %ebx, %ebp

    mov $0x80000000, %eax
    cpuid
    cmp $0x80000001, %eax
    jb no_boot
    mov $0x80000001, %eax
    cpuid
    test $(1 << 29), %edx       /* long mode */
    jz no_boot
    mov %edx, %ebx              /* bit 20: NX */

    mov $PHYS(boot_pd), %edi    /* 4 GiB in 2 MiB pages */
    mov $0x83, %eax
    mov $2048, %ecx
1:  mov %eax, (%edi)
    add $0x200000, %eax
    add $8, %edi
    dec %ecx
    jnz 1b
    movl $PHYS(boot_pd) + 0x0003, PHYS(boot_pdpt_low)
    movl $PHYS(boot_pd) + 0x1003, PHYS(boot_pdpt_low) + 8
    movl $PHYS(boot_pd) + 0x2003, PHYS(boot_pdpt_low) + 16
    movl $PHYS(boot_pd) + 0x3003, PHYS(boot_pdpt_low) + 24
    movl $PHYS(boot_pd) + 0x0003, PHYS(boot_pdpt_high) + 510 * 8
    movl $PHYS(boot_pdpt_low) + 3, PHYS(boot_pml4)
    movl $PHYS(boot_pdpt_high) + 3, PHYS(boot_pml4) + 511 * 8

    mov $0x20, %eax             /* PAE */
    mov %eax, %cr4
    mov $PHYS(boot_pml4), %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx       /* EFER: LME, NXE where there is NX */
    rdmsr
    or $0x100, %eax
    test $(1 << 20), %ebx
    jz 2f
    or $0x800, %eax
2:  wrmsr
    mov $0x80010021, %eax       /* PG, WP, NE, PE */
    mov %eax, %cr0
    lgdt PHYS(boot_gdt_pointer)
    ljmp $SELECTOR_KERNEL_CODE, $PHYS(start64_low)

no_boot:                        /* one letter on COM1 and port 0xe9: there is nothing else yet */
    mov $'!', %al
    mov $0x3f8, %dx
    outb %al, %dx
    outb %al, $0xe9
3:  hlt
    jmp 3b

    .code64
start64_low:
    movabs $start64, %rax
    jmp *%rax

    .text
start64:
    mov $SELECTOR_KERNEL_DATA, %eax
    mov %eax, %ss
    xor %eax, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    lea boot_stack_top(%rip), %rsp
    mov %esi, %edi
    mov %ebp, %esi
    xor %ebp, %ebp
    push $0
    push $0
    call x86_boot_main
    ud2

    .section .rodata
    .align 8
    .globl boot_gdt
boot_gdt:
    .quad 0, 0
    .quad 0x00af9b000000ffff    /* 0x10 kernel code */
    .quad 0x00cf93000000ffff    /* 0x18 kernel data */
boot_gdt_end:
boot_gdt_pointer:
    .word boot_gdt_end - boot_gdt - 1
    .long PHYS(boot_gdt)
    .long 0

    .section .bss.boot, "aw", @nobits
    .align 4096
boot_pml4:      .skip 4096
boot_pdpt_low:  .skip 4096
boot_pdpt_high: .skip 4096
boot_pd:        .skip 4 * 4096

    /* The page below the boot stack is left unmapped in the final tables. */
    .section .bss.page, "aw", @nobits
    .align 4096
    .globl boot_stack_guard, boot_stack_top
boot_stack_guard: .skip 4096
    .skip BOOT_STACK_BYTES
boot_stack_top:

    .section .note.GNU-stack, "", @progbits
