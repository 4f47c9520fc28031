/* SPDX-License-Identifier: MIT
 *
 * Every way into and out of the kernel: interrupt and exception stubs, SYSCALL, hal_user_run, and
 * the context switch.
 *
 * While user code runs, %gs:PERCPU_RUN_USER is its struct hal_user and %gs:PERCPU_RUN_RSP the
 * kernel stack inside hal_user_run. Any entry from user mode stores the registers straight into
 * the structure, moves to that stack and returns from hal_user_run. Nothing outlives an entry on
 * the TSS stack, so that stack is one small per-CPU area and never needs to be switched.
 *
 * GS holds struct percpu in kernel mode, except in the last instructions before user mode. NMI,
 * #DB, #DF and #MC can come there too; they have IST stacks, and the top word of each IST stack
 * holds the percpu pointer: what user code keeps in GS is never trusted.
 */
#include "hal-baremetal/offsets.h"

#define FLAG_TF 0x100
#define FLAG_RF 0x10000
#define USER_FLAGS 0x254dd5     /* CF PF AF ZF SF TF DF OF NT RF AC ID */

#define MSR_FS_BASE 0xc0000100
#define MSR_GS_BASE 0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102

/* A place that boot.c overwrites with `replacement` (hex bytes) when the CPU has `feature`. */
.macro PATCH_SITE feature, length, replacement:vararg
    .pushsection .patch, "a"
    .quad 9000f
    .long \feature, \length
    .byte \replacement
    .balign 8
    .popsection
9000:
.endm

.macro CLAC
    PATCH_SITE PATCH_SMAP, 3, 0x0f, 0x01, 0xca, 0, 0, 0, 0, 0
    .byte 0x0f, 0x1f, 0x00      /* 3-byte nop */
.endm

.macro JUMP_UNLESS_FSGSBASE target
    PATCH_SITE PATCH_FSGSBASE, 5, 0x0f, 0x1f, 0x44, 0x00, 0x00, 0, 0, 0
    .byte 0xe9                  /* jmp rel32, whatever its distance */
    .long \target - . - 4
.endm

/* All user registers but rsp, rip and rflags; `skip` is the base register itself. */
.macro STORE_REGS base
    mov %rbx, REGS_RBX(\base)
    mov %rcx, REGS_RCX(\base)
    mov %rdx, REGS_RDX(\base)
    mov %rsi, REGS_RSI(\base)
    mov %rbp, REGS_RBP(\base)
    mov %r8, REGS_R8(\base)
    mov %r9, REGS_R9(\base)
    mov %r10, REGS_R10(\base)
    mov %r11, REGS_R11(\base)
    mov %r12, REGS_R12(\base)
    mov %r13, REGS_R13(\base)
    mov %r14, REGS_R14(\base)
    mov %r15, REGS_R15(\base)
    mov %rax, REGS_RAX(\base)
.endm

.macro STORE_BASES base         /* kernel GS in place; spoils rax */
    JUMP_UNLESS_FSGSBASE 8f
    rdfsbase %rax
    mov %rax, REGS_FS_BASE(\base)
    swapgs
    rdgsbase %rax
    swapgs
    mov %rax, REGS_GS_BASE(\base)
8:
.endm

    .text
    .balign 16
    .globl x86_entry_syscall
x86_entry_syscall:
    swapgs
    mov %rsp, %gs:PERCPU_SCRATCH
    mov %gs:PERCPU_RUN_USER, %rsp
    STORE_REGS %rsp
    mov %rdi, REGS_RDI(%rsp)
    mov %rcx, REGS_RIP(%rsp)
    mov %r11, REGS_RFLAGS(%rsp)
    mov %gs:PERCPU_SCRATCH, %rax
    mov %rax, REGS_RSP(%rsp)
    STORE_BASES %rsp
    mov %gs:PERCPU_RUN_RSP, %rsp
    xor %eax, %eax              /* STOP_SYSCALL */
    add $8, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    sti
    ret

/* enum hal_stop hal_user_run(struct hal_user *user, struct hal_fault *out) */
    .balign 16
    .globl hal_user_run
hal_user_run:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    push %rsi
    cli
.Luser_check:
    cmpl $0, %gs:PERCPU_IRQ_SEEN
    jne .Luser_pending
    cmp %rdi, %gs:PERCPU_FPU_READY
    jne .Luser_fpu
    mov REGS_RIP(%rdi), %r10
    mov %r10, %rax
    sar $47, %rax
    inc %rax
    cmp $1, %rax
    ja .Luser_bad_rip
    mov %rdi, %gs:PERCPU_RUN_USER
    mov %rsp, %gs:PERCPU_RUN_RSP
    mov REGS_RFLAGS(%rdi), %r11d
    and $USER_FLAGS, %r11d
    or $0x202, %r11d
    mov REGS_FS_BASE(%rdi), %rdx
    mov REGS_GS_BASE(%rdi), %rsi
    JUMP_UNLESS_FSGSBASE .Luser_bases_msr
    rdfsbase %rax
    cmp %rax, %rdx
    jne .Luser_set_fs
.Luser_fs_set:
    swapgs                      /* from here to user mode: user GS */
    rdgsbase %rax
    cmp %rax, %rsi
    jne .Luser_set_gs
.Luser_bases_set:
    cmp %r10, REGS_RCX(%rdi)    /* SYSRET loads rip from rcx and rflags from r11 */
    jne .Luser_iret
    cmp %r11, REGS_R11(%rdi)
    jne .Luser_iret
    test %r10, %r10             /* below 1 << 47, as it is canonical */
    js .Luser_iret
    test $(FLAG_TF | FLAG_RF), %r11d
    jnz .Luser_iret
    mov %rdi, %rsp
    mov %r10, %rcx
    mov REGS_RAX(%rsp), %rax
    mov REGS_RBX(%rsp), %rbx
    mov REGS_RDX(%rsp), %rdx
    mov REGS_RSI(%rsp), %rsi
    mov REGS_RDI(%rsp), %rdi
    mov REGS_RBP(%rsp), %rbp
    mov REGS_R8(%rsp), %r8
    mov REGS_R9(%rsp), %r9
    mov REGS_R10(%rsp), %r10
    mov REGS_R12(%rsp), %r12
    mov REGS_R13(%rsp), %r13
    mov REGS_R14(%rsp), %r14
    mov REGS_R15(%rsp), %r15
    mov REGS_RSP(%rsp), %rsp
    sysretq

.Luser_iret:
    push $SELECTOR_USER_DATA
    push REGS_RSP(%rdi)
    push %r11
    push $SELECTOR_USER_CODE
    push %r10
    mov REGS_RAX(%rdi), %rax
    mov REGS_RBX(%rdi), %rbx
    mov REGS_RCX(%rdi), %rcx
    mov REGS_RDX(%rdi), %rdx
    mov REGS_RSI(%rdi), %rsi
    mov REGS_RBP(%rdi), %rbp
    mov REGS_R8(%rdi), %r8
    mov REGS_R9(%rdi), %r9
    mov REGS_R10(%rdi), %r10
    mov REGS_R11(%rdi), %r11
    mov REGS_R12(%rdi), %r12
    mov REGS_R13(%rdi), %r13
    mov REGS_R14(%rdi), %r14
    mov REGS_R15(%rdi), %r15
    mov REGS_RDI(%rdi), %rdi
    iretq

.Luser_set_fs:                  /* a base that is not canonical is left unset */
    mov %rdx, %rax
    sar $47, %rax
    inc %rax
    cmp $1, %rax
    ja .Luser_fs_set
    wrfsbase %rdx
    jmp .Luser_fs_set
.Luser_set_gs:
    mov %rsi, %rax
    sar $47, %rax
    inc %rax
    cmp $1, %rax
    ja .Luser_bases_set
    wrgsbase %rsi
    jmp .Luser_bases_set

.Luser_bases_msr:               /* without FSGSBASE user code cannot change them itself */
    cmp %rdx, %gs:PERCPU_LOADED_FS
    je 1f
    mov %rdx, %rax
    sar $47, %rax
    inc %rax
    cmp $1, %rax
    ja 1f
    mov %rdx, %gs:PERCPU_LOADED_FS
    mov %edx, %eax
    shr $32, %rdx
    mov $MSR_FS_BASE, %ecx
    wrmsr
1:  cmp %rsi, %gs:PERCPU_LOADED_GS
    je 2f
    mov %rsi, %rax
    sar $47, %rax
    inc %rax
    cmp $1, %rax
    ja 2f
    mov %rsi, %gs:PERCPU_LOADED_GS
    mov %esi, %eax
    mov %rsi, %rdx
    shr $32, %rdx
    mov $MSR_KERNEL_GS_BASE, %ecx
    wrmsr
2:  swapgs
    jmp .Luser_bases_set

.Luser_fpu:                     /* may let interrupts in: check again */
    mov %rdi, %rbx
    call x86_fpu_switch
    mov %rbx, %rdi
    jmp .Luser_check

.Luser_bad_rip:
    mov (%rsp), %rsi
    movl $13, FAULT_VECTOR(%rsi)
    movq $0, FAULT_ERROR(%rsi)
    movq $0, FAULT_ADDRESS(%rsi)
    mov $STOP_FAULT, %eax
    jmp .Luser_return

/* An interrupt came since the kernel last looked for work: let it look again. */
.Luser_pending:
    mov $STOP_PENDING, %eax
    jmp 1f
.Luser_interrupted:
    mov $STOP_INTERRUPT, %eax
1:  movl $0, %gs:PERCPU_IRQ_SEEN
.Luser_return:
    add $8, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    sti
    ret

/* Entry from user mode. Stack: vector, error, rip, cs, rflags, rsp, ss. */
from_user:
    swapgs
    push %rdi
    mov %gs:PERCPU_RUN_USER, %rdi
    STORE_REGS %rdi
    pop %rax
    mov %rax, REGS_RDI(%rdi)
    pop %rbx                    /* vector */
    pop %r12                    /* error */
    pop %rax
    mov %rax, REGS_RIP(%rdi)
    pop %rax
    pop %rax
    mov %rax, REGS_RFLAGS(%rdi)
    pop %rax
    mov %rax, REGS_RSP(%rdi)
    STORE_BASES %rdi
    mov %gs:PERCPU_RUN_RSP, %rsp
    cmp $32, %ebx
    jae .Lfrom_user_irq
    cmp $7, %ebx
    je .Lfrom_user_no_fpu
.Lfrom_user_fault:
    xor %eax, %eax
    cmp $14, %ebx
    jne 1f
    mov %cr2, %rax
1:  mov (%rsp), %rsi
    mov %ebx, FAULT_VECTOR(%rsi)
    mov %r12, FAULT_ERROR(%rsi)
    mov %rax, FAULT_ADDRESS(%rsi)
    mov $STOP_FAULT, %eax
    jmp .Luser_return
.Lfrom_user_no_fpu:             /* FP registers that are only now loaded: go on where it was */
    mov %rdi, %r13
    call x86_fpu_trap
    mov %r13, %rdi
    test %al, %al
    jnz .Luser_check
    jmp .Lfrom_user_fault
.Lfrom_user_irq:
    mov %ebx, %edi
    call x86_irq_dispatch
    jmp .Luser_interrupted

/* Exceptions. Kernel mode: a whole struct trap_frame, and a frame record for backtraces. */
trap_common:
    cld
    CLAC
    testb $3, 24(%rsp)
    jnz from_user
trap_kernel_mode:
    push %rax
    push %rbx
    push %rcx
    push %rdx
    push %rsi
    push %rdi
    push %rbp
    push %r8
    push %r9
    push %r10
    push %r11
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, %rdi
    push 136(%rsp)              /* rip */
    push %rbp
    mov %rsp, %rbp
    call x86_trap_kernel
    add $16, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rbp
    pop %rdi
    pop %rsi
    pop %rdx
    pop %rcx
    pop %rbx
    pop %rax
    add $16, %rsp
    iretq

/* Interrupts. */
irq_common:
    cld
    CLAC
    testb $3, 24(%rsp)
    jnz from_user
    push %rax
    push %rcx
    push %rdx
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r11
    mov 72(%rsp), %edi
    call x86_irq_dispatch
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rdx
    pop %rcx
    pop %rax
    add $16, %rsp
    iretq

/* #DB from user mode is an ordinary fault (the TSS stack is as good as this one); everything else
 * that arrives on an IST stack keeps GS as it was, whatever that is. */
trap_debug:
    cld
    CLAC
    testb $3, 24(%rsp)
    jnz from_user
trap_ist:
    cld
    CLAC
    push %rax
    push %rbx
    push %rcx
    push %rdx
    push %rsi
    push %rdi
    push %rbp
    push %r8
    push %r9
    push %r10
    push %r11
    push %r12
    push %r13
    push %r14
    push %r15
    mov $MSR_GS_BASE, %ecx
    rdmsr
    mov %eax, %r12d
    mov %edx, %r13d
    mov %rsp, %rbx
    or $(IST_STACK_BYTES - 1), %rbx
    mov -15(%rbx), %rdx         /* the percpu pointer: IST_STACK_BYTES - 16 */
    mov %edx, %eax
    shr $32, %rdx
    wrmsr
    mov %rsp, %rdi
    push 136(%rsp)
    push %rbp
    mov %rsp, %rbp
    call x86_trap_ist_kernel
    add $16, %rsp
    mov $MSR_GS_BASE, %ecx
    mov %r12d, %eax
    mov %r13d, %edx
    wrmsr
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rbp
    pop %rdi
    pop %rsi
    pop %rdx
    pop %rcx
    pop %rbx
    pop %rax
    add $16, %rsp
    iretq

/* 256 stubs of 16 bytes each. */
    .balign 16
    .globl x86_trap_stubs
x86_trap_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21)
    push $0
    .endif
    pushq $vector
    .if vector == 1
    jmp trap_debug
    .elseif vector == 2 || vector == 8 || vector == 18
    jmp trap_ist
    .elseif vector < 32
    jmp trap_common
    .else
    jmp irq_common
    .endif
    .set vector, vector + 1
    .endr

/* void x86_context_switch(uint64_t *from_rsp, uint64_t to_rsp) */
    .balign 16
    .globl x86_context_switch
x86_context_switch:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, (%rdi)
    mov %rsi, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret

/* First run of a context: r12(r13). A zero frame record ends backtraces. */
    .globl x86_context_start
x86_context_start:
    mov %r13, %rdi
    xor %ebp, %ebp
    push $0
    call *%r12
    ud2

/* x86_call_on_stack(frame, stack_top, function): leave a stack that cannot be trusted, keeping the
 * backtrace into `frame`; function(frame) does not return. */
    .globl x86_call_on_stack
x86_call_on_stack:
    mov %rsi, %rsp
    push 136(%rdi)              /* frame->rip */
    push 64(%rdi)               /* frame->rbp */
    mov %rsp, %rbp
    call *%rdx
    ud2

    .section .note.GNU-stack, "", @progbits
