/* SPDX-License-Identifier: MIT
 *
 * What a handler is told: siginfo of every origin, registers and fault details in the context.
 */
#include "signal_check.h"

#include <sys/syscall.h>

static volatile sig_atomic_t caught;
static volatile siginfo_t last;
static volatile ucontext_t context;

static void note(int signo, siginfo_t *info, void *uc)
{
    caught = signo;
    last = *info;
    context = *(ucontext_t *)uc;
}

static void expect(int signo, int code)
{
    EQ(caught, signo);
    EQ(last.si_signo, signo);
    EQ(last.si_code, code);
    caught = 0;
}

static void sent_by_programs(void)
{
    handle(SIGUSR1, note, 0);
    OK(kill(getpid(), SIGUSR1));
    expect(SIGUSR1, SI_USER);
    EQ(last.si_pid, getpid());
    EQ(last.si_uid, getuid());

    OK(syscall(SYS_tgkill, getpid(), thread_id(), SIGUSR1));
    expect(SIGUSR1, SI_TKILL);
    EQ(last.si_pid, getpid());
    OK(syscall(SYS_tkill, thread_id(), SIGUSR1));
    expect(SIGUSR1, SI_TKILL);

    union sigval value = {.sival_ptr = (void *)0x123456789abcul};
    OK(sigqueue(getpid(), SIGUSR1, value));
    expect(SIGUSR1, SI_QUEUE);
    EQ(last.si_pid, getpid());
    EQ((uintptr_t)last.si_value.sival_ptr, 0x123456789abcul);

    siginfo_t made_up = {.si_code = -42, .si_errno = 7};
    OK(syscall(SYS_rt_tgsigqueueinfo, getpid(), thread_id(), SIGUSR1, &made_up));
    expect(SIGUSR1, -42);
    EQ(last.si_errno, 7);

    FAILS(kill(getpid(), 65), EINVAL);
    FAILS(kill(getpid(), -1), EINVAL);
    FAILS(kill(0x7ffffff, 0), ESRCH);
    OK(kill(getpid(), 0));
    FAILS(syscall(SYS_tgkill, getpid(), 0, SIGUSR1), EINVAL);
    FAILS(syscall(SYS_tgkill, getpid() + 1, thread_id(), SIGUSR1), ESRCH);
    FAILS(syscall(SYS_tkill, -1, SIGUSR1), EINVAL);
    /* Nobody else may be told that the kernel sent it. */
    made_up.si_code = SI_KERNEL;
    FAILS(syscall(SYS_rt_sigqueueinfo, getppid(), SIGUSR1, &made_up), EPERM);
    made_up.si_code = SI_TKILL;
    FAILS(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &made_up), EPERM);
}

static void of_children(void)
{
    handle(SIGCHLD, note, 0);
    block(SIGCHLD);
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0)
        _exit(42);
    sigset_t none = set_of(0);
    FAILS(sigsuspend(&none), EINTR);
    expect(SIGCHLD, CLD_EXITED);
    EQ(last.si_pid, pid);
    EQ(last.si_status, 42);
    EQ(last.si_uid, getuid());
    EQ(waitpid(pid, NULL, 0), pid);

    pid = (pid_t)OK(fork());
    if (pid == 0) {
        raise(SIGKILL);
        _exit(1);
    }
    FAILS(sigsuspend(&none), EINTR);
    expect(SIGCHLD, CLD_KILLED);
    EQ(last.si_status, SIGKILL);
    EQ(waitpid(pid, NULL, 0), pid);
    unblock(SIGCHLD);
    dispose(SIGCHLD, SIG_DFL);
}

static void of_timers(void)
{
    handle(SIGALRM, note, 0);
    struct itimerval soon = {.it_value.tv_usec = 1000};
    OK(setitimer(ITIMER_REAL, &soon, NULL));
    while (!caught)
        usleep(100);
    expect(SIGALRM, SI_KERNEL);

    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    event.sigev_value.sival_ptr = (void *)0xfedcba987ul;
    struct itimerspec spec = {.it_value.tv_nsec = 1000000};
    OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
    OK(timer_settime(timer, 0, &spec, NULL));
    while (!caught)
        usleep(100);
    expect(SIGUSR1, SI_TIMER);
    EQ((uintptr_t)last.si_value.sival_ptr, 0xfedcba987ul);
    EQ(last.si_overrun, 0);
    OK(timer_delete(timer));
}

/* ---- faults: the handler steps over the instruction ---- */

static size_t skip;

static void note_and_skip(int signo, siginfo_t *info, void *uc)
{
    note(signo, info, uc);
    ((ucontext_t *)uc)->uc_mcontext.gregs[REG_RIP] += (long)skip;
}

static char *fault_page;

static void __attribute__((noinline)) read_byte(volatile char *address)
{
    skip = 2;
    char value = 0;
    __asm__ volatile("movb (%1), %%al\n\tmovb %%al, %0" : "+m"(value) : "r"(address) : "rax", "memory");
}

static void __attribute__((noinline)) write_byte(volatile char *address)
{
    skip = 2;
    __asm__ volatile("xorl %%eax, %%eax\n\tmovb %%al, (%0)" ::"r"(address) : "rax", "memory");
}

static void of_memory_faults(void)
{
    handle(SIGSEGV, note_and_skip, 0);
    handle(SIGBUS, note_and_skip, 0);
    fault_page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TRUE(fault_page != MAP_FAILED);
    read_byte(fault_page + 123);
    expect(SIGSEGV, SEGV_ACCERR);
    EQ((uintptr_t)last.si_addr, (uintptr_t)fault_page + 123);
    EQ(context.uc_mcontext.gregs[REG_CR2], (uintptr_t)fault_page + 123);
    EQ(context.uc_mcontext.gregs[REG_TRAPNO], 14);
    EQ(context.uc_mcontext.gregs[REG_ERR] & 0x16, 4); /* user, read, no fetch */

    OK(mprotect(fault_page, 4096, PROT_READ));
    read_byte(fault_page);
    EQ(caught, 0);
    write_byte(fault_page + 8);
    expect(SIGSEGV, SEGV_ACCERR);
    EQ((uintptr_t)last.si_addr, (uintptr_t)fault_page + 8);
    EQ(context.uc_mcontext.gregs[REG_ERR] & 0x16, 6);

    OK(munmap(fault_page, 4096));
    write_byte(fault_page + 5);
    expect(SIGSEGV, SEGV_MAPERR);
    EQ((uintptr_t)last.si_addr, (uintptr_t)fault_page + 5);

    /* Not canonical: a general protection fault, which knows no address. */
    read_byte((char *)hidden(0x8000000000000000ul));
    expect(SIGSEGV, SI_KERNEL);
    EQ((uintptr_t)last.si_addr, 0);

    int fd = (int)OK(open("short", O_RDWR | O_CREAT, 0600));
    char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    TRUE(map != MAP_FAILED);
    read_byte(map + 4096);
    expect(SIGBUS, BUS_ADRERR);
    EQ((uintptr_t)last.si_addr, (uintptr_t)map + 4096);
    OK(munmap(map, 8192));
    close(fd);
    unlink("short");
}

static void of_instructions(void)
{
    uintptr_t here;
    handle(SIGFPE, note_and_skip, 0);
    handle(SIGILL, note_and_skip, 0);
    handle(SIGTRAP, note, 0);

    skip = 2; /* divl %ecx */
    __asm__ volatile("leaq 1f(%%rip), %0\n\txorl %%ecx, %%ecx\n\tmovl $1, %%eax\n\tcltd\n1:\tdivl %%ecx"
                     : "=&r"(here)::"rax", "rcx", "rdx", "cc");
    expect(SIGFPE, FPE_INTDIV);
    EQ((uintptr_t)last.si_addr, here);
    EQ(context.uc_mcontext.gregs[REG_TRAPNO], 0);

    skip = 2; /* ud2 */
    __asm__ volatile("leaq 1f(%%rip), %0\n1:\tud2" : "=&r"(here));
    expect(SIGILL, ILL_ILLOPN);
    EQ((uintptr_t)last.si_addr, here);

    __asm__ volatile("leaq 1f(%%rip), %0\n\tint3\n1:" : "=&r"(here));
    expect(SIGTRAP, SI_KERNEL);
    EQ(context.uc_mcontext.gregs[REG_RIP], here);

    skip = 1; /* hlt is privileged */
    __asm__ volatile("hlt");
    expect(SIGSEGV, SI_KERNEL);
}

/* The context shows the registers, and what the handler changes there is what continues. */
static void change_registers(int signo, siginfo_t *info, void *uc)
{
    ucontext_t *c = uc;
    note(signo, info, uc);
    c->uc_mcontext.gregs[REG_R12] = 0x1111111111111111;
    c->uc_mcontext.gregs[REG_RBX] = 0x2222222222222222;
    c->uc_mcontext.gregs[REG_EFL] ^= 1; /* carry */
}

static void shows_and_restores_registers(void)
{
    uint64_t r12 = 0x0123456789abcdef, rbx = 0xfedcba9876543210;
    uint8_t carry;
    handle(SIGUSR2, change_registers, 0);
    register uint64_t a __asm__("r12") = r12;
    uint64_t b = rbx;
    __asm__ volatile("stc\n\tsyscall\n\tsetc %[carry]"
                     : "+r"(a), "+b"(b), [carry] "=&r"(carry)
                     : "a"((long)SYS_tkill), "D"((long)thread_id()), "S"((long)SIGUSR2)
                     : "rcx", "r11", "memory", "cc");
    EQ(caught, SIGUSR2);
    caught = 0;
    EQ(context.uc_mcontext.gregs[REG_R12], 0x0123456789abcdefll);
    EQ(context.uc_mcontext.gregs[REG_RBX], (long long)0xfedcba9876543210ull);
    EQ(a, 0x1111111111111111ll);
    EQ(b, 0x2222222222222222ll);
    EQ(carry, 0);
    EQ(context.uc_mcontext.gregs[REG_EFL] & 1, 1);
    /* cs gs fs ss in one word */
    EQ(context.uc_mcontext.gregs[REG_CSGSFS] & 0xffff, 0x33);
    EQ((uint64_t)context.uc_mcontext.gregs[REG_CSGSFS] >> 48, 0x2b);
    TRUE(context.uc_mcontext.fpregs != NULL);
    EQ(context.uc_flags & 6, 6);
    EQ((uintptr_t)context.uc_link, 0);
}

int main(void)
{
    sent_by_programs();
    of_children();
    of_timers();
    of_memory_faults();
    of_instructions();
    shows_and_restores_registers();
    return 0;
}
