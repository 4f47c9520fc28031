/* SPDX-License-Identifier: MIT
 *
 * memcpy, memmove, memset and memcmp for the freestanding build. `rep` instructions are used where
 * the CPU makes them fast (x86_string_instructions_fast); emulators run them a byte at a time, so
 * there the loops move 64 bytes a round. No SSE: FP registers belong to user code.
 */
    .text
    .balign 16
    .globl memcpy
memcpy:
    mov %rdi, %rax
    mov %rdx, %rcx
    cmp $16, %rcx
    jb copy_small
    cmp $32, %rcx
    ja copy_more
    mov (%rsi), %r8             /* 16..32: both ends, overlapping in the middle */
    mov 8(%rsi), %r9
    mov -16(%rsi,%rcx), %r10
    mov -8(%rsi,%rcx), %r11
    mov %r8, (%rdi)
    mov %r9, 8(%rdi)
    mov %r10, -16(%rdi,%rcx)
    mov %r11, -8(%rdi,%rcx)
    ret
copy_small:                     /* also right for overlapping areas: loads come first */
    cmp $8, %ecx
    jae 1f
    cmp $4, %ecx
    jae 2f
    test %ecx, %ecx
    jz 3f
    movzbl (%rsi), %r8d
    movzbl -1(%rsi,%rcx), %r9d
    shr $1, %ecx
    movzbl (%rsi,%rcx), %r10d
    mov %r10b, (%rdi,%rcx)
    mov %r8b, (%rdi)
    mov %r9b, -1(%rdi,%rdx)
3:  ret
1:  mov (%rsi), %r8
    mov -8(%rsi,%rcx), %r9
    mov %r8, (%rdi)
    mov %r9, -8(%rdi,%rcx)
    ret
2:  mov (%rsi), %r8d
    mov -4(%rsi,%rcx), %r9d
    mov %r8d, (%rdi)
    mov %r9d, -4(%rdi,%rcx)
    ret
copy_more:
    cmp $256, %rcx
    jb 1f
    cmpb $0, x86_string_instructions_fast(%rip)
    je 1f
    rep movsb
    ret
1:  sub $64, %rcx
    jb 3f
2:  mov (%rsi), %r8
    mov 8(%rsi), %r9
    mov 16(%rsi), %r10
    mov 24(%rsi), %r11
    mov %r8, (%rdi)
    mov %r9, 8(%rdi)
    mov %r10, 16(%rdi)
    mov %r11, 24(%rdi)
    mov 32(%rsi), %r8
    mov 40(%rsi), %r9
    mov 48(%rsi), %r10
    mov 56(%rsi), %r11
    mov %r8, 32(%rdi)
    mov %r9, 40(%rdi)
    mov %r10, 48(%rdi)
    mov %r11, 56(%rdi)
    add $64, %rsi
    add $64, %rdi
    sub $64, %rcx
    jae 2b
3:  add $64, %rcx
    jz 5f
4:  cmp $8, %rcx
    jb 6f
    mov (%rsi), %r8
    mov %r8, (%rdi)
    add $8, %rsi
    add $8, %rdi
    sub $8, %rcx
    jnz 4b
5:  ret
6:  test $4, %cl                /* the last 1..7 bytes; none twice, memmove comes here too */
    jz 7f
    mov (%rsi), %r8d
    mov %r8d, (%rdi)
    add $4, %rsi
    add $4, %rdi
7:  test $2, %cl
    jz 8f
    movzwl (%rsi), %r8d
    mov %r8w, (%rdi)
    add $2, %rsi
    add $2, %rdi
8:  test $1, %cl
    jz 9f
    movzbl (%rsi), %r8d
    mov %r8b, (%rdi)
9:  ret

    .balign 16
    .globl memmove
memmove:
    mov %rdi, %rax
    sub %rsi, %rax
    cmp %rdx, %rax              /* dst - src as unsigned: below n means dst is inside src */
    jae memcpy
    mov %rdi, %rax
    mov %rdx, %rcx
    cmp $16, %rcx
    jb copy_small
1:  cmp $16, %rcx               /* from the end */
    jb 2f
    mov -8(%rsi,%rcx), %r8
    mov -16(%rsi,%rcx), %r9
    mov %r8, -8(%rdi,%rcx)
    mov %r9, -16(%rdi,%rcx)
    sub $16, %rcx
    jmp 1b
2:  test %rcx, %rcx
    jz 3f
    movzbl -1(%rsi,%rcx), %r8d
    mov %r8b, -1(%rdi,%rcx)
    dec %rcx
    jmp 2b
3:  ret

    .balign 16
    .globl memset
memset:
    mov %rdi, %r9
    mov %rdx, %rcx
    movzbl %sil, %eax
    movabs $0x0101010101010101, %r8
    imul %r8, %rax
    cmp $8, %rcx
    jb 4f
    cmp $512, %rcx
    jb 1f
    cmpb $0, x86_string_instructions_fast(%rip)
    jne 5f
1:  mov %rax, -8(%rdi,%rcx)     /* the tail first, whatever its alignment */
2:  sub $64, %rcx
    jb 3f
    mov %rax, (%rdi)
    mov %rax, 8(%rdi)
    mov %rax, 16(%rdi)
    mov %rax, 24(%rdi)
    mov %rax, 32(%rdi)
    mov %rax, 40(%rdi)
    mov %rax, 48(%rdi)
    mov %rax, 56(%rdi)
    add $64, %rdi
    jmp 2b
3:  add $64, %rcx
6:  sub $8, %rcx
    jb 7f
    mov %rax, (%rdi)
    add $8, %rdi
    jmp 6b
4:  test %ecx, %ecx
    jz 7f
    mov %al, (%rdi)
    inc %rdi
    dec %ecx
    jmp 4b
5:  rep stosb
7:  mov %r9, %rax
    ret

    .balign 16
    .globl memcmp
memcmp:
1:  cmp $8, %rdx
    jb 3f
    mov (%rdi), %rax
    mov (%rsi), %rcx
    cmp %rcx, %rax
    jne 2f
    add $8, %rdi
    add $8, %rsi
    sub $8, %rdx
    jmp 1b
2:  bswap %rax                  /* the first differing byte decides */
    bswap %rcx
    cmp %rcx, %rax
    sbb %eax, %eax
    or $1, %eax
    ret
3:  test %edx, %edx
    jz 4f
    movzbl (%rdi), %eax
    movzbl (%rsi), %ecx
    inc %rdi
    inc %rsi
    dec %edx
    sub %ecx, %eax
    jz 3b
    ret
4:  xor %eax, %eax
    ret

    .section .note.GNU-stack, "", @progbits
