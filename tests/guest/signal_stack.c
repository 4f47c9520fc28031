/* SPDX-License-Identifier: MIT
 *
 * Signal frames and stacks: alternate stacks, red zone, alignment, floating-point and vector state,
 * frames that were tampered with.
 */
#include "signal_check.h"

#include <cpuid.h>
#include <setjmp.h>

static volatile sig_atomic_t count;
static volatile uintptr_t stack_pointer;
static char stack[65536];

static uintptr_t __attribute__((noinline)) here(void)
{
    return (uintptr_t)__builtin_frame_address(0);
}

static bool on_stack(uintptr_t address)
{
    return address > (uintptr_t)stack && address <= (uintptr_t)stack + sizeof(stack);
}

/* ---- alternate stacks ---- */

static volatile int inner_flags, inner_error;
static stack_t context_stack;

static void note(int signo, siginfo_t *info, void *uc)
{
    stack_t now, other = {.ss_sp = stack, .ss_size = sizeof(stack) / 2};
    (void)signo;
    (void)info;
    stack_pointer = here();
    count++;
    OK(sigaltstack(NULL, &now));
    inner_flags = now.ss_flags;
    inner_error = sigaltstack(&other, NULL) ? errno : 0;
    context_stack = ((ucontext_t *)uc)->uc_stack;
}

static void alternate_stack(void)
{
    stack_t new = {.ss_sp = stack, .ss_size = sizeof(stack)}, old;
    OK(sigaltstack(NULL, &old));
    EQ(old.ss_flags, SS_DISABLE);
    OK(sigaltstack(&new, NULL));
    OK(sigaltstack(NULL, &old));
    EQ(old.ss_flags, 0);
    EQ((uintptr_t)old.ss_sp, (uintptr_t)stack);
    EQ(old.ss_size, sizeof(stack));

    handle(SIGUSR1, note, 0);
    raise(SIGUSR1);
    TRUE(!on_stack(stack_pointer));
    EQ(inner_error, 0); /* and it has changed the size */
    OK(sigaltstack(&new, NULL));

    handle(SIGUSR1, note, SA_ONSTACK);
    raise(SIGUSR1);
    TRUE(on_stack(stack_pointer));
    EQ(inner_flags, SS_ONSTACK);
    EQ(inner_error, EPERM);
    EQ((uintptr_t)context_stack.ss_sp, (uintptr_t)stack);
    EQ(context_stack.ss_size, sizeof(stack));

    new.ss_flags = 0x10;
    FAILS(sigaltstack(&new, NULL), EINVAL);
    new.ss_flags = 0;
    new.ss_size = 1024;
    FAILS(syscall(SYS_sigaltstack, &new, NULL), ENOMEM);
    FAILS(syscall(SYS_sigaltstack, BAD_POINTER, NULL), EFAULT);
    FAILS(syscall(SYS_sigaltstack, NULL, BAD_POINTER), EFAULT);
}

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1u << 31)
#endif

static void auto_disarm(void)
{
    stack_t new = {.ss_sp = stack, .ss_size = sizeof(stack), .ss_flags = (int)SS_AUTODISARM}, old;
    OK(sigaltstack(&new, NULL));
    handle(SIGUSR1, note, SA_ONSTACK);
    raise(SIGUSR1);
    TRUE(on_stack(stack_pointer));
    EQ(inner_flags, SS_DISABLE);
    EQ(inner_error, 0);
    OK(sigaltstack(NULL, &old)); /* rt_sigreturn has brought the old one back */
    EQ((unsigned)old.ss_flags, SS_AUTODISARM);
    EQ(old.ss_size, sizeof(stack));
    new.ss_flags = SS_DISABLE;
    OK(sigaltstack(&new, NULL));
}

/* A stack overflow can be handled on the other stack. */
static sigjmp_buf back;
static void jump(int signo, siginfo_t *info, void *uc)
{
    (void)signo;
    (void)info;
    (void)uc;
    TRUE(on_stack(here()));
    siglongjmp(back, 1);
}

static int __attribute__((noinline)) recurse(volatile char *above)
{
    volatile char block[4096];
    block[0] = above ? above[0] : 1;
    return hidden((uintptr_t)block) ? recurse(block) + block[0] : 0;
}

static void overflow(void)
{
    stack_t new = {.ss_sp = stack, .ss_size = sizeof(stack)};
    OK(sigaltstack(&new, NULL));
    handle(SIGSEGV, jump, SA_ONSTACK);
    for (int i = 0; i < 2; i++) {
        if (sigsetjmp(back, 1) == 0)
            recurse(NULL);
    }
    new.ss_flags = SS_DISABLE;
    OK(sigaltstack(&new, NULL));
    dispose(SIGSEGV, SIG_DFL);
}

/* No room for the frame: killed by SIGSEGV. */
static void no_stack_at_all(void)
{
    handle(SIGUSR1, note, 0);
    handle(SIGSEGV, note, 0);
    __asm__ volatile("movq $64, %%rsp\n\tsyscall\n\thlt" ::"a"((long)SYS_tkill),
                     "D"((long)thread_id()), "S"((long)SIGUSR1)
                     : "memory");
    _exit(1);
}

/* A handler without a restorer cannot return: the kernel refuses to run it. */
static void no_restorer(void)
{
    struct { void *handler; unsigned long flags; void *restorer; uint64_t mask; } action;
    memset(&action, 0, sizeof(action));
    action.handler = (void *)note;
    OK(syscall(SYS_rt_sigaction, SIGUSR1, &action, NULL, 8));
    raise(SIGUSR1);
    _exit(1);
}

/* ---- what the handler finds ---- */

static volatile uintptr_t entry_rsp;
static volatile uint64_t entry_flags;
void entry_point(int signo, siginfo_t *info, void *uc);
void after_entry(int signo, siginfo_t *info, void *uc, uintptr_t rsp, uint64_t flags);

__asm__(".globl entry_point\n"
        "entry_point:\n\t"
        "movq %rsp, %rcx\n\t"
        "pushfq\n\t"
        "popq %r8\n\t"
        "jmp after_entry\n");

void after_entry(int signo, siginfo_t *info, void *uc, uintptr_t rsp, uint64_t flags)
{
    (void)signo;
    entry_rsp = rsp;
    entry_flags = flags;
    TRUE((uintptr_t)info > rsp && (uintptr_t)uc > rsp);
    count++;
}

static void alignment_and_red_zone(void)
{
    handle(SIGUSR1, entry_point, 0);
    for (int shift = 0; shift < 16; shift += 4) {
        uint64_t bad = 0;
        /* Fill the red zone below an odd stack pointer, send, and compare. DF must be clear in the
         * handler although it is set here. */
        __asm__ volatile("movq %%rsp, %%rbx\n\t"
                         "subq $512, %%rsp\n\t"
                         "subq %[shift], %%rsp\n\t"
                         "movl $16, %%ecx\n"
                         "1:\tnegq %%rcx\n\t"
                         "movq %%rcx, (%%rsp,%%rcx,8)\n\t"
                         "negq %%rcx\n\t"
                         "loop 1b\n\t"
                         "std\n\t"
                         "syscall\n\t"
                         "cld\n\t"
                         "movl $16, %%ecx\n"
                         "2:\tnegq %%rcx\n\t"
                         "cmpq %%rcx, (%%rsp,%%rcx,8)\n\t"
                         "je 3f\n\t"
                         "incq %[bad]\n"
                         "3:\tnegq %%rcx\n\t"
                         "loop 2b\n\t"
                         "movq %%rbx, %%rsp"
                         : [bad] "+r"(bad)
                         : "a"((long)SYS_tkill), "D"((long)thread_id()), "S"((long)SIGUSR1),
                           [shift] "r"((long)shift)
                         : "rbx", "rcx", "r11", "memory", "cc");
        EQ(bad, 0);
        EQ((entry_rsp + 8) % 16, 0);
        EQ(entry_flags & 0x400, 0);
    }
}

/* ---- vector registers ---- */

static bool has_avx(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_OSXSAVE) && (c & bit_AVX);
}

static void clobber_vectors(int signo, siginfo_t *info, void *uc)
{
    (void)signo;
    (void)info;
    mcontext_t *m = &((ucontext_t *)uc)->uc_mcontext;
    TRUE((uintptr_t)m->fpregs % 64 == 0);
    if (has_avx())
        __asm__ volatile("vpcmpeqd %%xmm0, %%xmm0, %%xmm0\n\tvzeroall" ::: "memory");
    __asm__ volatile("pcmpeqd %%xmm5, %%xmm5\n\tpxor %%xmm6, %%xmm6\n\tfninit\n\tfldz" ::: "memory");
    unsigned csr = 0x1f80 | 0x8000;
    __asm__ volatile("ldmxcsr %0" ::"m"(csr));
    count++;
}

static void vectors_survive(void)
{
    static uint8_t before[64] __attribute__((aligned(64))), after[64] __attribute__((aligned(64)));
    unsigned csr = 0x1f80 | 0x6000, csr_after = 0;
    double one = 0;
    handle(SIGUSR1, clobber_vectors, 0);
    for (unsigned i = 0; i < sizeof(before); i++)
        before[i] = (uint8_t)(i * 7 + 1);
    count = 0;
    __asm__ volatile("ldmxcsr %0" ::"m"(csr));
    if (has_avx()) {
        __asm__ volatile("vmovdqa (%[before]), %%ymm5\n\tfld1\n\tsyscall\n\tfstpl %[one]\n\t"
                         "vmovdqa %%ymm5, (%[after])\n\tvzeroupper"
                         : [one] "=m"(one)
                         : "a"((long)SYS_tkill), "D"((long)thread_id()), "S"((long)SIGUSR1),
                           [before] "r"(before), [after] "r"(after)
                         : "rcx", "r11", "memory");
        EQ(memcmp(before, after, 32), 0);
    } else {
        __asm__ volatile("movdqa (%[before]), %%xmm5\n\tfld1\n\tsyscall\n\tfstpl %[one]\n\t"
                         "movdqa %%xmm5, (%[after])"
                         : [one] "=m"(one)
                         : "a"((long)SYS_tkill), "D"((long)thread_id()), "S"((long)SIGUSR1),
                           [before] "r"(before), [after] "r"(after)
                         : "rcx", "r11", "memory");
        EQ(memcmp(before, after, 16), 0);
    }
    __asm__ volatile("stmxcsr %0" : "=m"(csr_after));
    EQ(csr_after & 0x6000, 0x6000);
    csr = 0x1f80;
    __asm__ volatile("ldmxcsr %0" ::"m"(csr));
    EQ(count, 1);
    TRUE(one == 1.0);
}

/* The frame's copy is what the registers become. */
static void edit_vector(int signo, siginfo_t *info, void *uc)
{
    (void)signo;
    (void)info;
    uint8_t *area = (uint8_t *)((ucontext_t *)uc)->uc_mcontext.fpregs;
    uint32_t magic, size, magic2;
    memcpy(&magic, area + 464, 4);
    memcpy(&size, area + 468, 4);
    if (((ucontext_t *)uc)->uc_flags & 1) {
        EQ(magic, 0x46505853);
        memcpy(&magic2, area + size - 4, 4);
        EQ(magic2, 0x46505845);
    }
    memset(area + 160 + 5 * 16, 0x5a, 16); /* xmm5 */
    count++;
}

static void frame_can_be_edited(void)
{
    uint8_t after[16];
    handle(SIGUSR1, edit_vector, 0);
    __asm__ volatile("pxor %%xmm5, %%xmm5\n\tsyscall\n\tmovdqu %%xmm5, %[after]"
                     : [after] "=m"(after)
                     : "a"((long)SYS_tkill), "D"((long)thread_id()), "S"((long)SIGUSR1)
                     : "rcx", "r11", "memory", "xmm5");
    for (int i = 0; i < 16; i++)
        EQ(after[i], 0x5a);
}

/* ---- bad frames ---- */

static int tamper_kind;

static void tamper(int signo, siginfo_t *info, void *uc)
{
    ucontext_t *c = uc;
    uint8_t *area = (uint8_t *)c->uc_mcontext.fpregs;
    (void)signo;
    (void)info;
    switch (tamper_kind) {
    case 0: /* privileged flags are not taken over */
        c->uc_mcontext.gregs[REG_EFL] |= 0x3000 /* IOPL */ | 0x20000 /* VM */ | 0x4000 /* NT */;
        break;
    case 1: /* reserved bits of MXCSR */
        memset(area + 24, 0xff, 4);
        break;
    case 2: /* code segment of the kernel */
        c->uc_mcontext.gregs[REG_CSGSFS] = 0x10;
        break;
    case 3: /* a frame pointer into nowhere */
        c->uc_mcontext.fpregs = (void *)hidden(16);
        break;
    case 4: /* not canonical */
        c->uc_mcontext.gregs[REG_RIP] = (long long)0x8000000000000000ull;
        break;
    case 5: /* no FPU state: the registers are reset, and that is fine */
        c->uc_mcontext.fpregs = NULL;
        break;
    case 6: /* without the magic numbers only the FXSAVE part counts */
        memset(area + 464, 0, 48);
        break;
    case 7: /* unknown features in the XSAVE header */
        memset(area + 512, 0xff, 8);
        break;
    }
}

static void tampered(void)
{
    handle(SIGUSR1, tamper, 0);
    raise(SIGUSR1);
}

static void bare_sigreturn(void)
{
    static uint64_t zeros[256] __attribute__((aligned(64)));
    __asm__ volatile("movq %1, %%rsp\n\tsyscall\n\thlt" ::"a"((long)SYS_rt_sigreturn), "r"(zeros + 8)
                     : "memory");
    _exit(1);
}

static void bad_frames(void)
{
    int wanted[] = {0, -1, SIGSEGV, SIGSEGV, SIGSEGV, 0, 0, -1};
    for (tamper_kind = 0; tamper_kind < 8; tamper_kind++) {
        int status = status_of(tampered);
        if (wanted[tamper_kind] >= 0)
            EQ(WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), wanted[tamper_kind]);
        else /* the CPU's business: fine or SIGSEGV, but nothing else */
            TRUE(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV));
    }
    int status = status_of(bare_sigreturn);
    TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

int main(void)
{
    alternate_stack();
    auto_disarm();
    overflow();
    int status = status_of(no_stack_at_all);
    TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    status = status_of(no_restorer);
    TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    alignment_and_red_zone();
    vectors_survive();
    frame_can_be_edited();
    bad_frames();
    return 0;
}
