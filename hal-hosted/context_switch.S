/* SPDX-License-Identifier: MIT
 *
 * Switching kernel contexts: void hosted_context_switch(uint64_t *save_rsp, uint64_t rsp).
 *
 * Both stacks have the same frame when the stack pointer changes, so the unwind information stays
 * true throughout. A new context's first frame is built by hal_context_init (context.c):
 *   rsp + 0   MXCSR, x87 control word
 *   rsp + 8   r15 r14 r13 r12 rbx rbp
 *   rsp + 56  return address
 */
        .text
        .globl  hosted_context_switch
        .type   hosted_context_switch, @function
hosted_context_switch:
        .cfi_startproc
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset rbp, 0
        pushq   %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset rbx, 0
        pushq   %r12
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset r12, 0
        pushq   %r13
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset r13, 0
        pushq   %r14
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset r14, 0
        pushq   %r15
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset r15, 0
        subq    $8, %rsp
        .cfi_adjust_cfa_offset 8
        stmxcsr (%rsp)
        fnstcw  4(%rsp)

        movq    %rsp, (%rdi)
        movq    %rsi, %rsp

        ldmxcsr (%rsp)
        fldcw   4(%rsp)
        addq    $8, %rsp
        .cfi_adjust_cfa_offset -8
        popq    %r15
        .cfi_adjust_cfa_offset -8
        .cfi_restore r15
        popq    %r14
        .cfi_adjust_cfa_offset -8
        .cfi_restore r14
        popq    %r13
        .cfi_adjust_cfa_offset -8
        .cfi_restore r13
        popq    %r12
        .cfi_adjust_cfa_offset -8
        .cfi_restore r12
        popq    %rbx
        .cfi_adjust_cfa_offset -8
        .cfi_restore rbx
        popq    %rbp
        .cfi_adjust_cfa_offset -8
        .cfi_restore rbp
        ret
        .cfi_endproc
        .size   hosted_context_switch, . - hosted_context_switch

/* First code of a new context: rbx = its struct context. The outermost frame: unwinders stop. */
        .globl  hosted_context_start
        .type   hosted_context_start, @function
        .cfi_startproc
        .cfi_undefined rip
        nop     /* return addresses are looked up one byte back */
hosted_context_start:
        xorl    %ebp, %ebp
        movq    %rbx, %rdi
        call    hosted_context_main
        ud2
        .cfi_endproc
        .size   hosted_context_start, . - hosted_context_start

        .section .note.GNU-stack, "", @progbits
