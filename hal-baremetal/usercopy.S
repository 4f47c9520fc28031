/* SPDX-License-Identifier: MIT
 *
 * Accesses that may fault: user memory, and kernel memory whose validity is in doubt. Each
 * instruction that may fault has an entry in .extable; trap.c continues at its fixup. With SMAP,
 * user pages are open to the kernel only between STAC and CLAC.
 *
 * The block loops keep all loads before all stores, so that a fault leaves the registers at the
 * start of the block, and `rep movsb` from there stops at the exact byte.
 */
#include "hal-baremetal/offsets.h"

.macro EX fixup
    .pushsection .extable, "a"
    .quad 9100f, \fixup
    .popsection
9100:
.endm

.macro STAC
    .pushsection .patch, "a"
    .quad 9000f
    .long PATCH_SMAP, 3
    .byte 0x0f, 0x01, 0xcb, 0, 0, 0, 0, 0
    .popsection
9000:
    .byte 0x0f, 0x1f, 0x00
.endm

.macro CLAC
    .pushsection .patch, "a"
    .quad 9000f
    .long PATCH_SMAP, 3
    .byte 0x0f, 0x01, 0xca, 0, 0, 0, 0, 0
    .popsection
9000:
    .byte 0x0f, 0x1f, 0x00
.endm

/* Fail with everything uncopied unless [user, user + bytes) is below the CPU's limit. */
.macro CHECK_RANGE user, bytes, fail
    mov \user, %rax
    add \bytes, %rax
    jc \fail
    cmp %gs:PERCPU_USER_LIMIT, %rax
    ja \fail
.endm

    .text
/* size_t hal_copy_from_user(void *dst, uint64_t uaddr, size_t bytes) */
    .balign 16
    .globl hal_copy_from_user
hal_copy_from_user:
    CHECK_RANGE %rsi, %rdx, copy_refuse
    jmp copy_start

/* size_t hal_copy_to_user(uint64_t uaddr, const void *src, size_t bytes) */
    .balign 16
    .globl hal_copy_to_user
hal_copy_to_user:
    CHECK_RANGE %rdi, %rdx, copy_refuse
copy_start:
    STAC
    mov %rdx, %rcx
    cmp $64, %rcx
    jae copy_large
copy_words:                     /* below 64 bytes */
    cmp $8, %rcx
    jb copy_bytes
    EX copy_bytes
    mov (%rsi), %rax
    EX copy_bytes
    mov %rax, (%rdi)
    add $8, %rsi
    add $8, %rdi
    sub $8, %rcx
    jmp copy_words
copy_bytes:
    EX copy_end
    rep movsb
copy_end:
    CLAC
    mov %rcx, %rax
    ret
copy_refuse:
    mov %rdx, %rax
    ret

copy_large:
    cmpb $0, x86_string_instructions_fast(%rip)
    jne copy_bytes
copy_block:
    EX copy_bytes
    mov (%rsi), %rax
    EX copy_bytes
    mov 8(%rsi), %rdx
    EX copy_bytes
    mov 16(%rsi), %r8
    EX copy_bytes
    mov 24(%rsi), %r9
    EX copy_bytes
    mov %rax, (%rdi)
    EX copy_bytes
    mov %rdx, 8(%rdi)
    EX copy_bytes
    mov %r8, 16(%rdi)
    EX copy_bytes
    mov %r9, 24(%rdi)
    EX copy_bytes
    mov 32(%rsi), %rax
    EX copy_bytes
    mov 40(%rsi), %rdx
    EX copy_bytes
    mov 48(%rsi), %r8
    EX copy_bytes
    mov 56(%rsi), %r9
    EX copy_bytes
    mov %rax, 32(%rdi)
    EX copy_bytes
    mov %rdx, 40(%rdi)
    EX copy_bytes
    mov %r8, 48(%rdi)
    EX copy_bytes
    mov %r9, 56(%rdi)
    add $64, %rsi
    add $64, %rdi
    sub $64, %rcx
    cmp $64, %rcx
    jae copy_block
    jmp copy_words

/* size_t hal_clear_user(uint64_t uaddr, size_t bytes) */
    .balign 16
    .globl hal_clear_user
hal_clear_user:
    mov %rsi, %rcx
    CHECK_RANGE %rdi, %rsi, clear_refuse
    xor %eax, %eax
    STAC
1:  cmp $64, %rcx
    jb 2f
    EX clear_bytes
    mov %rax, (%rdi)
    EX clear_bytes
    mov %rax, 8(%rdi)
    EX clear_bytes
    mov %rax, 16(%rdi)
    EX clear_bytes
    mov %rax, 24(%rdi)
    EX clear_bytes
    mov %rax, 32(%rdi)
    EX clear_bytes
    mov %rax, 40(%rdi)
    EX clear_bytes
    mov %rax, 48(%rdi)
    EX clear_bytes
    mov %rax, 56(%rdi)
    add $64, %rdi
    sub $64, %rcx
    jmp 1b
2:  cmp $8, %rcx
    jb clear_bytes
    EX clear_bytes
    mov %rax, (%rdi)
    add $8, %rdi
    sub $8, %rcx
    jmp 2b
clear_bytes:
    EX clear_end
    rep stosb
clear_end:
    CLAC
clear_refuse:
    mov %rcx, %rax
    ret

/* size_t hal_copy_string_from_user(char *dst, uint64_t uaddr, size_t bytes) */
    .balign 16
    .globl hal_copy_string_from_user
hal_copy_string_from_user:
    mov %gs:PERCPU_USER_LIMIT, %rcx
    sub %rsi, %rcx
    jbe string_none
    cmp %rdx, %rcx
    cmova %rdx, %rcx            /* bytes that are below the limit, too */
    mov %rdi, %r8
    test %rcx, %rcx
    jz string_none
    STAC
1:  EX string_end
    movzbl (%rsi), %eax
    mov %al, (%rdi)
    inc %rsi
    inc %rdi
    test %al, %al
    jz string_end
    dec %rcx
    jnz 1b
string_end:
    CLAC
    mov %rdi, %rax
    sub %r8, %rax
    ret
string_none:
    xor %eax, %eax
    ret

/* int hal_user_load32(uint64_t uaddr, uint32_t *out) */
    .globl hal_user_load32
hal_user_load32:
    CHECK_RANGE %rdi, $4, word_fault
    STAC
    EX word_fault_clac
    mov (%rdi), %eax
    CLAC
    mov %eax, (%rsi)
    xor %eax, %eax
    ret

/* int hal_user_cmpxchg32(uint64_t uaddr, uint32_t expected, uint32_t desired, uint32_t *old) */
    .globl hal_user_cmpxchg32
hal_user_cmpxchg32:
    CHECK_RANGE %rdi, $4, word_fault
    mov %esi, %eax
    STAC
    EX word_fault_clac
    lock cmpxchg %edx, (%rdi)
    CLAC
    mov %eax, (%rcx)
    xor %eax, %eax
    ret
word_fault_clac:
    CLAC
word_fault:
    mov $-14, %eax              /* -EFAULT */
    ret

/* bool x86_kernel_load64_safe(uint64_t vaddr, uint64_t *out): false where nothing is mapped */
    .globl x86_kernel_load64_safe
x86_kernel_load64_safe:
    EX load64_fault
    mov (%rdi), %rax
    mov %rax, (%rsi)
    mov $1, %eax
    ret
load64_fault:
    xor %eax, %eax
    ret

    .section .note.GNU-stack, "", @progbits
