/* SPDX-License-Identifier: MIT
 *
 * The program that runs in stub processes, as a complete ELF file in the host binary's read-only
 * data: stub_image .. stub_image_end. The host writes it to a memfd and executes that.
 *
 * Three roles, one after the other by clone:
 *   zygote  has nothing mapped but this code and a request page; makes a pager on request
 *   pager   one for each guest address space; executes map and unmap operations; makes lanes
 *   lane    runs guest code and catches every trap of it
 *
 * Guest code shares the pager's memory and is hostile. So zygote, pager and a starting lane keep
 * their state in registers, have no stack, and read only memory that guest code cannot write. All
 * lanes' code may be jumped into at any instruction with any registers: it does nothing that guest
 * code could not do itself, except the system calls that the lane filter below lets through.
 */
#include <asm/unistd_64.h>

#include "hal-hosted/engine/stub/layout.h"

#define AT(label) (STUB_BASE + (label) - stub_image)

    .section .rodata.assay_stub, "a", @progbits
    .balign 4096
    .globl stub_image, stub_image_end, stub_labels
    .hidden stub_image, stub_image_end, stub_labels
stub_image:
    /* ELF header: ET_EXEC, x86-64 */
    .byte 0x7f, 'E', 'L', 'F', 2, 1, 1, 0
    .quad 0
    .short 2, 62
    .long 1
    .quad AT(zygote)
    .quad 64
    .quad 0
    .long 0
    .short 64, 56, 2, 0, 0, 0
    /* PT_LOAD, r-x */
    .long 1, 5
    .quad 0, STUB_BASE, STUB_BASE
    .quad stub_image_end - stub_image, stub_image_end - stub_image, 4096
    /* PT_GNU_STACK, rw-: without it old hosts make every readable page executable */
    .long 0x6474e551, 6
    .quad 0, 0, 0, 0, 0, 16

/* Constants */
    .balign 16
zeros:
    .quad 0, 0
ignore_action: /* SIG_IGN */
    .quad 1, 0, 0, 0
lane_action: /* SA_SIGINFO | SA_ONSTACK | SA_RESTORER, all signals blocked */
    .quad AT(lane_stop), 0x0c000004, AT(lane_stop), -1
lane_signals: /* SIGILL SIGTRAP SIGBUS SIGFPE SIGSEGV SIGSYS and the interrupt */
    .byte 4, 5, 7, 8, 11, 31, STUB_SIGNAL_INTERRUPT, 0
hello_byte:
    .ascii "H"
made_byte:
    .ascii "M"
failed_byte:
    .ascii "F"

zygote_name:
    .asciz "assay-zygote"
pager_name:
    .asciz "assay-pager"
lane_name:
    .asciz "assay-lane"

    .balign 8
made_iov:
    .quad AT(made_byte), 1
made_control: /* SCM_RIGHTS with one descriptor, always number STUB_FD_NEXT */
    .quad 20
    .long 1, 1
    .long STUB_FD_NEXT, 0
made_message:
    .quad 0, 0
    .quad AT(made_iov), 1
    .quad AT(made_control), 24
    .quad 0

/* seccomp filters (classic BPF). Offsets in struct seccomp_data: */
#define DATA_NR     0
#define DATA_ARCH   4
#define DATA_IP     8
#define DATA_IP_HI  12
#define DATA_ARG(n) (16 + 8 * (n))
#define ARCH_X86_64 0xc000003e

    .macro LOAD offset
    .short 0x20
    .byte 0, 0
    .long \offset
    .endm
    .macro JUMP code, value, yes, no
771:
    .short \code
    .byte (\yes - 771b - 8) / 8
    .byte (\no - 771b - 8) / 8
    .long \value
    .endm
    .macro JEQ value, yes, no
    JUMP 0x15, \value, \yes, \no
    .endm
    .macro JGE value, yes, no
    JUMP 0x35, \value, \yes, \no
    .endm
    .macro RET value
    .short 0x06
    .byte 0, 0
    .long \value
    .endm
#define RET_ALLOW 0x7fff0000
#define RET_TRAP  0x00030000

    .balign 8
/* What a lane may do once guest code runs: wait and wake on a futex, and return from a signal,
 * each from one place only. Everything else, in whatever mode, is the guest's and traps. */
lane_filter:
    LOAD DATA_IP
    JEQ AT(lane_wait_ip), lf_futex, .Llf1
.Llf1:
    JEQ AT(lane_wake_ip), lf_futex, .Llf6
.Llf6:
    JEQ AT(fast_wait_ip), lf_futex, .Llf7
.Llf7:
    JEQ AT(fast_wake_ip), lf_futex, .Llf2
.Llf2:
    JEQ AT(lane_return_ip), lf_return, lf_trap
lf_return:
    LOAD DATA_NR
    JEQ __NR_rt_sigreturn, lf_check, lf_trap
lf_futex:
    LOAD DATA_NR
    JEQ __NR_futex, .Llf3, lf_trap
.Llf3:
    LOAD DATA_ARG(1) /* FUTEX_WAIT or FUTEX_WAKE, shared */
    JEQ 0, lf_check, .Llf4
.Llf4:
    JEQ 1, lf_check, lf_trap
lf_check:
    LOAD DATA_IP_HI
    JEQ 0, .Llf5, lf_trap
.Llf5:
    LOAD DATA_ARCH
    JEQ ARCH_X86_64, lf_allow, lf_trap
lf_allow:
    RET RET_ALLOW
lf_trap:
    RET RET_TRAP
lane_filter_end:

/* What a pager may do; its lanes inherit this under their own filter. Only calls from this page;
 * nothing may be mapped, unmapped or made writable inside the stub area. */
pager_filter:
    LOAD DATA_IP_HI
    JEQ 0, .Lpf1, pf_trap
.Lpf1:
    LOAD DATA_IP
    JGE AT(stub_image_end), pf_trap, .Lpf2
.Lpf2:
    LOAD DATA_ARCH
    JEQ ARCH_X86_64, .Lpf3, pf_trap
.Lpf3:
    LOAD DATA_NR
    JEQ __NR_futex, pf_allow, .Lpf4
.Lpf4:
    JEQ __NR_rt_sigreturn, pf_allow, .Lpf5
.Lpf5:
    JEQ __NR_mmap, pf_map, .Lpf6
.Lpf6:
    JEQ __NR_munmap, pf_address, .Lpf22
.Lpf22:
    JEQ __NR_mprotect, pf_address, .Lpf7
.Lpf7:
    JEQ __NR_pwrite64, pf_allow, .Lpf8
.Lpf8:
    JEQ __NR_clone, pf_allow, .Lpf9
.Lpf9:
    JEQ __NR_sendmsg, pf_allow, .Lpf10
.Lpf10:
    JEQ __NR_write, pf_allow, .Lpf11
.Lpf11:
    JEQ __NR_close, pf_allow, .Lpf12
.Lpf12:
    JEQ __NR_prctl, pf_allow, .Lpf13
.Lpf13:
    JEQ __NR_getppid, pf_allow, .Lpf14
.Lpf14:
    JEQ __NR_close_range, pf_allow, .Lpf15
.Lpf15:
    JEQ __NR_sched_setaffinity, pf_allow, .Lpf16
.Lpf16:
    JEQ __NR_sigaltstack, pf_allow, .Lpf17
.Lpf17:
    JEQ __NR_rt_sigaction, pf_allow, .Lpf18
.Lpf18:
    JEQ __NR_seccomp, pf_allow, .Lpf19
.Lpf19:
    JEQ __NR_exit_group, pf_allow, pf_trap
pf_map:
    LOAD DATA_ARG(4)
    JEQ STUB_FD_RAM, .Lpf20, pf_trap
.Lpf20:
    LOAD DATA_ARG(3) /* MAP_SHARED | MAP_FIXED | MAP_POPULATE */
    JEQ 0x8011, pf_address, pf_trap
pf_address:
    LOAD DATA_ARG(0) + 4
    JEQ 0, .Lpf21, pf_allow
.Lpf21:
    LOAD DATA_ARG(0)
    JGE STUB_AREA_END, pf_allow, pf_trap
pf_allow:
    RET RET_ALLOW
pf_trap:
    RET RET_TRAP
pager_filter_end:

    .balign 8
lane_program:
    .quad (lane_filter_end - lane_filter) / 8, AT(lane_filter)
pager_program:
    .quad (pager_filter_end - pager_filter) / 8, AT(pager_filter)

    .macro SET_NAME name
    mov $15, %edi /* PR_SET_NAME */
    lea \name(%rip), %rsi
    SYS __NR_prctl
    .endm
    .macro SYS number
    mov $\number, %eax
    syscall
    .endm
    .macro SYS_OR_EXIT number
    SYS \number
    test %rax, %rax
    js stub_exit
    .endm

stub_exit:
    mov $1, %edi
    SYS __NR_exit_group
    hlt

/* ---- Zygote: r13 its pid; rbp, rbx the request ---- */
    .balign 16
zygote:
    SET_NAME zygote_name
    mov $3, %edi
    mov $-1, %esi
    xor %edx, %edx
    SYS_OR_EXIT __NR_close_range
    mov $(STUB_BASE + STUB_CODE_SIZE), %edi /* stack, vdso and whatever else exec has mapped */
    movabs $(STUB_TOP - STUB_BASE - STUB_CODE_SIZE), %rsi
    SYS_OR_EXIT __NR_munmap
    xor %esp, %esp
    xor %edi, %edi
    SYS __NR_personality
    SYS __NR_setsid /* no terminal signals */
    mov $2, %edi
    lea zeros(%rip), %rsi
    xor %edx, %edx
    mov $8, %r10d
    SYS_OR_EXIT __NR_rt_sigprocmask
    mov $17, %edi /* SIGCHLD: children are reaped by the host's kernel */
    lea ignore_action(%rip), %rsi
    xor %edx, %edx
    mov $8, %r10d
    SYS_OR_EXIT __NR_rt_sigaction
    mov $36, %edi /* PR_SET_CHILD_SUBREAPER: of lanes whose pager has died */
    mov $1, %esi
    xor %edx, %edx
    xor %r10d, %r10d
    xor %r8d, %r8d
    SYS_OR_EXIT __NR_prctl
    mov $38, %edi /* PR_SET_NO_NEW_PRIVS */
    mov $1, %esi
    xor %edx, %edx
    xor %r10d, %r10d
    xor %r8d, %r8d
    SYS_OR_EXIT __NR_prctl
    xor %edi, %edi
    mov $4, %esi /* RLIMIT_CORE */
    lea zeros(%rip), %rdx
    xor %r10d, %r10d
    SYS __NR_prlimit64
    mov $STUB_ZYGOTE, %edi
    mov $4096, %esi
    mov $3, %edx
    mov $0x11, %r10d
    mov $STUB_FD_CTL, %r8d
    xor %r9d, %r9d
    SYS_OR_EXIT __NR_mmap
    SYS __NR_getpid
    mov %eax, %r13d
    lea hello_byte(%rip), %rsi
    jmp zygote_reply

zygote_next:
    mov $STUB_FD_SOCKET, %edi
    mov $STUB_ZYGOTE, %esi
    mov $STUB_REQUEST_SIZE, %edx
    SYS __NR_read
    cmp $STUB_REQUEST_SIZE, %rax
    jne zygote_end
    mov STUB_ZYGOTE, %rbp
    mov STUB_ZYGOTE + 8, %rbx
    mov $0x1011, %edi /* CLONE_PIDFD | SIGCHLD */
    xor %esi, %esi
    mov $(STUB_ZYGOTE + STUB_PIDFD_WORD), %edx
    xor %r10d, %r10d
    xor %r8d, %r8d
    SYS __NR_clone
    test %rax, %rax
    jz pager
    js zygote_failed
    mov $STUB_FD_SOCKET, %edi
    lea made_message(%rip), %rsi
    mov $0x4000, %edx
    SYS __NR_sendmsg
    mov $STUB_FD_NEXT, %edi
    SYS __NR_close
    jmp zygote_next
zygote_failed:
    lea failed_byte(%rip), %rsi
zygote_reply:
    mov $STUB_FD_SOCKET, %edi
    mov $1, %edx
    SYS __NR_write
    cmp $1, %rax
    jne stub_exit
    jmp zygote_next

zygote_end: /* end of file: the kernel process is gone. End the pagers, and see them off. */
    mov $15, %edi /* SIGTERM, which only the zygote ignores; lanes die with their pagers */
    lea ignore_action(%rip), %rsi
    xor %edx, %edx
    mov $8, %r10d
    SYS_OR_EXIT __NR_rt_sigaction
    xor %edi, %edi /* our session's only process group */
    mov $15, %esi
    SYS __NR_kill
    mov $-1, %rdi
    xor %esi, %esi
    mov $0x40000000, %edx /* __WALL; returns when there is no child left */
    xor %r10d, %r10d
    SYS __NR_wait4
    jmp stub_exit

/* Die with the parent, whose pid is in r13. */
    .macro DIE_WITH_PARENT
    mov $1, %edi /* PR_SET_PDEATHSIG, SIGKILL */
    mov $9, %esi
    SYS_OR_EXIT __NR_prctl
    SYS __NR_getppid
    cmp %r13d, %eax
    jne stub_exit
    .endm

/* ---- Pager: rbp file offset of the slot, r12 operations done, r14 operations acknowledged,
 * r13 its pid, r15 the current operation ---- */
    .balign 16
pager:
    DIE_WITH_PARENT
    SET_NAME pager_name
    mov $STUB_ZYGOTE, %edi
    mov $4096, %esi
    SYS_OR_EXIT __NR_munmap
    mov $STUB_CTL, %edi
    mov $STUB_CTL_SIZE, %esi
    mov $1, %edx
    mov $0x11, %r10d
    mov $STUB_FD_CTL, %r8d
    mov %rbp, %r9
    SYS_OR_EXIT __NR_mmap
    mov $STUB_FRAMES, %edi
    mov %rbx, %rsi
    mov $3, %edx
    mov $0x11, %r10d
    mov $STUB_FD_CTL, %r8d
    lea SLOT_FRAMES(%rbp), %r9
    SYS_OR_EXIT __NR_mmap
    mov $STUB_TABLE, %edi
    mov $STUB_TABLE_SIZE, %esi
    mov $1, %edx
    mov $0x11, %r10d
    mov $STUB_FD_CTL, %r8d
    lea SLOT_TABLE(%rbp), %r9
    SYS_OR_EXIT __NR_mmap
    mov $STUB_TRAMPOLINES, %edi
    mov $STUB_TRAMPOLINES_SIZE, %esi
    mov $5, %edx
    mov $0x11, %r10d
    mov $STUB_FD_CTL, %r8d
    lea SLOT_TRAMPOLINES(%rbp), %r9
    SYS_OR_EXIT __NR_mmap
    SYS __NR_getpid
    mov %eax, %r13d
    cmpl $0, STUB_CTL + CTL_TRACED
    jne 1f
    mov $1, %edi /* SECCOMP_SET_MODE_FILTER */
    xor %esi, %esi
    lea pager_program(%rip), %rdx
    SYS_OR_EXIT __NR_seccomp
1:  xor %r12d, %r12d
    xor %r14d, %r14d
    lea zeros(%rip), %r15

pager_next:
    cmp STUB_CTL + CTL_HEAD, %r12d
    je pager_idle
    mov %r12d, %r15d
    and $(STUB_RING_OPS - 1), %r15d
    shl $5, %r15d
    add $STUB_RING, %r15d
    inc %r12d
    movzwl OP_KIND(%r15), %eax
    cmp $STUB_OP_MAP, %eax
    je pager_map
    cmp $STUB_OP_UNMAP, %eax
    je pager_unmap
    cmp $STUB_OP_LANE, %eax
    je pager_lane
    mov OP_ADDR(%r15), %rdi
    mov OP_BYTES(%r15), %rsi
    movzwl OP_PROT(%r15), %edx
    SYS __NR_mprotect
    test %eax, %eax
    jz pager_next
    jmp pager_unmap /* more rights than the table gives must not survive either */

pager_map: /* a failure shows as another fault */
    mov OP_ADDR(%r15), %rdi
    mov OP_BYTES(%r15), %rsi
    movzwl OP_PROT(%r15), %edx
    mov $0x8011, %r10d /* MAP_SHARED | MAP_FIXED | MAP_POPULATE */
    mov $STUB_FD_RAM, %r8d
    mov OP_OFFSET(%r15), %r9
    SYS __NR_mmap
    cmp $-4096, %rax
    jbe pager_next
    /* The old mapping must not survive its replacement. */
pager_unmap:
    mov OP_ADDR(%r15), %rdi
    mov OP_BYTES(%r15), %rsi
    SYS __NR_munmap
    test %eax, %eax
    jz pager_next
    mov $STUB_AREA_END, %edi /* too many mappings to split one: drop all, which needs no memory */
    movabs $(STUB_TOP - STUB_AREA_END), %rsi
    SYS_OR_EXIT __NR_munmap
    jmp pager_next

pager_lane:
    mov OP_ADDR(%r15), %rbx
    mov $0x1111, %edi /* CLONE_VM | CLONE_PIDFD | SIGCHLD */
    xor %esi, %esi
    mov $(STUB_FRAMES + FRAME_PIDFD), %edx /* guest code can write it, but the number is known */
    xor %r10d, %r10d
    xor %r8d, %r8d
    SYS __NR_clone
    test %rax, %rax
    jz lane
    js pager_lane_failed
    mov $STUB_FD_SOCKET, %edi
    lea made_message(%rip), %rsi
    mov $0x4000, %edx
    SYS __NR_sendmsg
    mov $STUB_FD_NEXT, %edi
    SYS __NR_close
    jmp pager_next
pager_lane_failed:
    mov $STUB_FD_SOCKET, %edi
    lea failed_byte(%rip), %rsi
    mov $1, %edx
    SYS __NR_write
    jmp pager_next

pager_idle:
    cmp %r12d, %r14d
    je pager_sleep
    mov $STUB_FD_CTL, %edi /* guest code has no descriptors: it cannot forge this */
    lea OP_SEQ(%r15), %rsi
    mov $4, %edx
    lea CTL_ACK(%rbp), %r10
    SYS_OR_EXIT __NR_pwrite64
    mov %r12d, %r14d
    mov $(STUB_CTL + CTL_ACK), %edi
    mov $1, %esi /* FUTEX_WAKE */
    mov $0x7fffffff, %edx
    SYS __NR_futex
    jmp pager_next
pager_sleep:
    mov $(STUB_CTL + CTL_HEAD), %edi
    xor %esi, %esi /* FUTEX_WAIT */
    mov %r12d, %edx
    xor %r10d, %r10d
    SYS __NR_futex
    jmp pager_next

/* ---- Lane: rbx its index ---- */
    .balign 16
lane:
    DIE_WITH_PARENT
    SET_NAME lane_name
    xor %edi, %edi
    mov $-1, %esi
    xor %edx, %edx
    SYS_OR_EXIT __NR_close_range
    mov %ebx, %edx
    cmp $(CTL_MASKS_MAX - 1), %edx
    jb 1f
    mov $(CTL_MASKS_MAX - 1), %edx
1:  shl $7, %edx
    add $(STUB_CTL + CTL_LANE_MASKS), %edx
    xor %edi, %edi
    mov $CTL_MASK_SIZE, %esi
    SYS __NR_sched_setaffinity
    lea (%rbx, %rbx, 2), %edi
    lea STUB_CTL + CTL_LANE_STACKS(, %rdi, 8), %edi
    xor %esi, %esi
    SYS_OR_EXIT __NR_sigaltstack
    mov %rbx, %r14
    lea lane_signals(%rip), %rbx
2:  movzbl (%rbx), %edi
    lea lane_action(%rip), %rsi
    xor %edx, %edx
    mov $8, %r10d
    SYS_OR_EXIT __NR_rt_sigaction
    inc %rbx
    cmpb $0, (%rbx)
    jne 2b
    cmpl $0, STUB_CTL + CTL_TRACED
    jne lane_traced
    mov $1, %edi /* SECCOMP_SET_MODE_FILTER */
    xor %esi, %esi
    lea lane_program(%rip), %rdx
    SYS_OR_EXIT __NR_seccomp
    /* From here on only the lane filter's calls work. The first stop builds the signal frame that
     * the kernel fills for the first run. */
    SYS __NR_exit_group
    hlt
lane_traced: /* nothing may happen that other lanes could influence until the tracer is there */
    bt %r14, STUB_CTL + CTL_TRACED_LANES
    jc 1f
    SYS __NR_sched_yield
    jmp lane_traced
1:  int3 /* the tracer lets the signal through, and then no system call any more */
    hlt

/* The lane's turn word has been given up, its old value is in eax: wake the kernel if it sleeps, and
 * wait until it gives the turn back; then eax is the turn word. Base of the frame in rbx; clobbers
 * rcx, rdx, rdi, rsi, r10, r11. */
    .macro WAIT_FOR_TURN wake_ip, wait_ip
    test $TURN_KERNEL_SLEEPS, %al
    jz \wake_ip
    lea FRAME_TURN(%rbx), %rdi
    mov $1, %esi /* FUTEX_WAKE */
    mov $1, %edx
    SYS __NR_futex
\wake_ip:
    mov STUB_CTL + CTL_SPIN, %ecx
2:  mov FRAME_TURN(%rbx), %eax
    test $(TURN_LANE | TURN_YIELD), %al
    jnz 5f
    dec %ecx
    js 3f
    pause
    jmp 2b
3:  mov %eax, %edx
    or $TURN_LANE_SLEEPS, %edx
    lock cmpxchg %edx, FRAME_TURN(%rbx)
    jne 2b
    lea FRAME_TURN(%rbx), %rdi
    xor %esi, %esi /* FUTEX_WAIT */
    xor %r10d, %r10d
    SYS __NR_futex
\wait_ip:
    xor %ecx, %ecx
    jmp 2b
5:  test $TURN_LANE, %al
    jz 3b
    .endm

/* Signal handler: rdi signal, rsi siginfo, rdx ucontext, rsp the signal frame in the lane's frame.
 * The host has saved every register there; the kernel edits them there. */
    .balign 64
lane_stop:
    mov %rsp, %rbx
    and $-STUB_FRAME_SIZE, %rbx
    add $8, %rsp /* where rt_sigreturn wants it */
    mov %edi, FRAME_SIGNAL(%rbx)
    mov %rdx, FRAME_UCONTEXT(%rbx)
    mov %rsi, FRAME_SIGINFO(%rbx)
    cmpl $0, STUB_CTL + CTL_TRACED
    jne 1f
    rdfsbase %rax
    mov %rax, FRAME_FS(%rbx)
    rdgsbase %rax
    mov %rax, FRAME_GS(%rbx)
1:  mov FRAME_TURN(%rbx), %eax
1:  mov %eax, %edx /* a fast call that the kernel has not yet seen must stay */
    and $TURN_FAST, %edx
    lock cmpxchg %edx, FRAME_TURN(%rbx)
    jne 1b
    WAIT_FOR_TURN lane_wake_ip, lane_wait_ip
    mov FRAME_FS(%rbx), %rax
    wrfsbase %rax
    mov FRAME_GS(%rbx), %rax
    wrgsbase %rax
    SYS __NR_rt_sigreturn
lane_return_ip:
    hlt

/* Fast calls: a patched system call site has jumped to its trampoline, and that to here with the
 * call's number in rax and the return address in rcx; as after a system call, r11 and the flags
 * are free. All lanes share their memory: the one that runs is found by its fs base, which the
 * kernel lists for each lane; if it is not listed, the call goes by a trap after all.
 *
 * The kernel knows from the labels what an interrupt has hit:
 *   fast_entry to fast_saved    registers are the guest's but for r11: a system call
 *   fast_saved to fast_waiting  registers are in the frame: a system call
 *   fast_waiting to fast_end    the kernel's answer is what counts: run from that again
 */
    .balign 64
fast_entry:
    rdfsbase %r11
    .irp lane, 0, 1, 2, 3, 4, 5, 6, 7
    cmp STUB_CTL + CTL_LANE_FS + 8 * \lane, %r11
    je fast_lane_\lane
    .endr
fast_unknown:
    ud2
    .irp lane, 1, 2, 3, 4, 5, 6, 7
fast_lane_\lane:
    mov $(STUB_FRAMES + \lane * STUB_FRAME_SIZE), %r11d
    jmp fast_save
    .endr
    .balign 16
fast_lane_0:
    mov $STUB_FRAMES, %r11d
fast_save:
    mov %rax, FRAME_REGS + 0(%r11)
    mov %rcx, FRAME_REGS + 8(%r11)
    mov %rdi, FRAME_REGS + 16(%r11)
    mov %rsi, FRAME_REGS + 24(%r11)
    mov %rdx, FRAME_REGS + 32(%r11)
    mov %r10, FRAME_REGS + 40(%r11)
    mov %r8, FRAME_REGS + 48(%r11)
    mov %r9, FRAME_REGS + 56(%r11)
    mov %rbx, FRAME_REGS + 64(%r11)
    mov %rbp, FRAME_REGS + 72(%r11)
    mov %rsp, FRAME_REGS + 80(%r11)
    mov %r12, FRAME_REGS + 88(%r11)
    mov %r13, FRAME_REGS + 96(%r11)
    mov %r14, FRAME_REGS + 104(%r11)
    mov %r15, FRAME_REGS + 112(%r11)
fast_saved:
    mov %r11, %rbx
    rdgsbase %rax
    mov %rax, FRAME_REGS + 120(%rbx)
    mov $TURN_FAST, %eax
    xchg %eax, FRAME_TURN(%rbx)
fast_waiting:
    WAIT_FOR_TURN fast_wake_ip, fast_wait_ip
    test $TURN_SETTLE, %al
    jnz 6f
    mov FRAME_REGS + 8(%rbx), %rcx
    mov FRAME_REGS + 16(%rbx), %rdi
    mov FRAME_REGS + 24(%rbx), %rsi
    mov FRAME_REGS + 32(%rbx), %rdx
    mov FRAME_REGS + 40(%rbx), %r10
    mov FRAME_REGS + 0(%rbx), %rax
    mov FRAME_REGS + 64(%rbx), %rbx
    mov $0x246, %r11d
    jmp *%rcx
6:  SYS __NR_exit_group /* traps, into a signal frame with the FP state */
    hlt
fast_end:

/* For the host: where the above are. */
    .balign 8
stub_labels:
    .quad AT(fast_entry), AT(fast_unknown), AT(fast_saved), AT(fast_waiting), AT(fast_end)
    .quad AT(lane_stop), AT(lane_return_ip)

    .org stub_image + STUB_CODE_SIZE, 0xcc
stub_image_end:

    .section .note.GNU-stack, "", @progbits
