/* SPDX-License-Identifier: MIT
 *
 * Numbers that assembly and C share: segment selectors and structure offsets (percpu.h and cpu.c
 * assert that they are right).
 */
#ifndef HAL_BAREMETAL_OFFSETS_H
#define HAL_BAREMETAL_OFFSETS_H

/* The same user selectors as Linux, because debuggers know them. */
#define SELECTOR_KERNEL_CODE 0x10
#define SELECTOR_KERNEL_DATA 0x18
#define SELECTOR_USER_DATA 0x2b
#define SELECTOR_USER_CODE 0x33
#define SELECTOR_TSS 0x40

#define KERNEL_VMA 0xffffffff80000000

/* struct percpu, at %gs:0 in kernel mode */
#define PERCPU_SELF 0
#define PERCPU_LOCAL 8
#define PERCPU_RUN_USER 16
#define PERCPU_RUN_RSP 24
#define PERCPU_SCRATCH 32
#define PERCPU_FPU_READY 40
#define PERCPU_USER_LIMIT 48
#define PERCPU_IRQ_SEEN 56
#define PERCPU_ID 60
#define PERCPU_LOADED_FS 64
#define PERCPU_LOADED_GS 72

/* struct hal_regs, at the start of struct hal_user */
#define REGS_RAX 0
#define REGS_RBX 8
#define REGS_RCX 16
#define REGS_RDX 24
#define REGS_RSI 32
#define REGS_RDI 40
#define REGS_RBP 48
#define REGS_RSP 56
#define REGS_R8 64
#define REGS_R9 72
#define REGS_R10 80
#define REGS_R11 88
#define REGS_R12 96
#define REGS_R13 104
#define REGS_R14 112
#define REGS_R15 120
#define REGS_RIP 128
#define REGS_RFLAGS 136
#define REGS_FS_BASE 144
#define REGS_GS_BASE 152

/* struct hal_fault */
#define FAULT_VECTOR 0
#define FAULT_ERROR 8
#define FAULT_ADDRESS 16

/* enum hal_stop */
#define STOP_SYSCALL 0
#define STOP_FAULT 1
#define STOP_INTERRUPT 2
#define STOP_PENDING 4

/* patch.c: what a patch site waits for */
#define PATCH_SMAP 1
#define PATCH_FSGSBASE 2

#define BOOT_STACK_BYTES 16384
#define IST_STACK_BYTES 4096

/* trampoline.S: words that smp.c fills in the copy, from the start of the page */
#define TRAMPOLINE_CR3 0xfe0
#define TRAMPOLINE_ENTRY 0xfe8
#define TRAMPOLINE_PERCPU 0xff0

/* How the image was started */
#define BOOT_PVH 0
#define BOOT_MULTIBOOT2 1

#endif
