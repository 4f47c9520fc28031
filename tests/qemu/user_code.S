/* SPDX-License-Identifier: MIT
 *
 * Pieces of user code for the tests, copied to a page at USER_CODE.
 */
#define USER_CODE 0x400000

    .section .rodata
    .balign 64
    .globl user_code, user_code_end
user_code:

    .globl user_syscall
user_syscall:                   /* again and again, with whatever registers there are */
    syscall
    jmp user_syscall

    .globl user_registers
user_registers:                 /* every register to a known value, then a syscall */
    mov $1, %eax
    mov $2, %ebx
    mov $4, %edx
    mov $5, %esi
    mov $6, %edi
    mov $7, %ebp
    mov $8, %r8d
    mov $9, %r9d
    mov $10, %r10d
    mov $12, %r12d
    mov $13, %r13d
    mov $14, %r14d
    mov $15, %r15d
    std
    syscall
    .globl user_registers_after
user_registers_after:
    pushfq
    pop %rax
    syscall

    .globl user_loop
user_loop:
    inc %rax
    jmp user_loop

    .globl user_divide
user_divide:
    xor %ecx, %ecx
    div %ecx
    .globl user_hlt
user_hlt:
    hlt
    .globl user_undefined
user_undefined:
    ud2
    .globl user_breakpoint
user_breakpoint:
    int3
    .globl user_breakpoint_after
user_breakpoint_after:
    nop
    .globl user_int80
user_int80:
    int $0x80
    .globl user_read
user_read:
    mov (%rdi), %rax
    syscall
    .globl user_write
user_write:
    mov %rsi, (%rdi)
    syscall
    .globl user_jump
user_jump:
    jmp *%rdi
    .globl user_steps
user_steps:
    nop
    nop
    syscall
    .globl user_align
user_align:                     /* AC set: a misaligned access is an alignment check */
    pushfq
    orl $0x40000, (%rsp)
    popfq
    mov 1(%rdi), %eax
    syscall
    .globl user_ac_syscall
user_ac_syscall:                /* AC must not open user memory to the kernel */
    pushfq
    orl $0x40000, (%rsp)
    popfq
    syscall
    .globl user_stack_noncanonical
user_stack_noncanonical:
    movabs $0x8000000000000000, %rsp
    push %rax
    .globl user_rsp_syscall
user_rsp_syscall:               /* a syscall with nonsense in rsp */
    movabs $0x8000000000000001, %rsp
    syscall
    .globl user_bases
user_bases:
    wrfsbase %rdi
    wrgsbase %rsi
    xor %eax, %eax
1:  syscall
    rdfsbase %rdi
    rdgsbase %rsi
    jmp 1b
    .globl user_segments
user_segments:                  /* loads through fs and gs: the bases must be in effect */
    mov %fs:0, %rdi
    mov %gs:8, %rsi
    syscall
    .globl user_x87
user_x87:                       /* xmm and x87 registers from rdi, kept over syscalls */
    movq %rdi, %xmm0
    movq %rdi, %xmm15
    push %rdi
    fildq (%rsp)
    pop %rdi
1:  syscall
    movq %xmm0, %rsi
    movq %xmm15, %rdx
    cmp %rdi, %rsi
    jne 2f
    cmp %rdi, %rdx
    jne 2f
    fld %st(0)
    sub $8, %rsp
    fistpq (%rsp)
    pop %rsi
    cmp %rdi, %rsi
    jne 2f
    xor %eax, %eax
    jmp 1b
2:  ud2
    .globl user_ymm
user_ymm:
    movq %rdi, %xmm3
    vinsertf128 $1, %xmm3, %ymm3, %ymm3
1:  syscall
    vextractf128 $1, %ymm3, %xmm4
    movq %xmm4, %rsi
    cmp %rdi, %rsi
    jne 2f
    xor %eax, %eax
    jmp 1b
2:  ud2
    .globl user_xmm_spin
user_xmm_spin:                  /* checks xmm5 for ever; stops only when it is wrong */
    movq %rdi, %xmm5
1:  movq %xmm5, %rsi
    cmp %rdi, %rsi
    je 1b
    ud2
    .globl user_reader
user_reader:                    /* reads a word again and again until it faults */
    mov (%rdi), %rax
    mov %rax, 8(%rsi)
    jmp user_reader
    .globl user_privileged
user_privileged:
    mov %cr3, %rax
    .globl user_sidt
user_sidt:
    sidt (%rdi)
    syscall
    .globl user_mov_ss
user_mov_ss:                    /* a data breakpoint or step is held back over MOV SS */
    mov %ss, %eax
    pushfq
    orl $0x100, (%rsp)
    popfq
    mov %eax, %ss
    syscall
    syscall
    .globl user_far32
user_far32:                     /* there is no 32-bit code segment */
    movl $USER_CODE, (%rdi)
    movl $0x23, 4(%rdi)
    ljmpl *(%rdi)
    .globl user_swapped
user_swapped:                   /* a GS base that looks like the kernel's */
    movabs $0xffff800000000000, %rdi
    wrgsbase %rdi
1:  syscall
    jmp 1b
user_code_end:

    .section .note.GNU-stack, "", @progbits
