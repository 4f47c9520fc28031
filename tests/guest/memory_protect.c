/* SPDX-License-Identifier: MIT */
/* mprotect(2), brk(2), and what a fault tells its handler. */
#include "memory_check.h"

static void protections(void)
{
    char *area = map_at(NULL, 4, RW, ANON);
    memset(area, 'a', 4 * PAGE);
    FAILS(syscall(SYS_mprotect, area + 1, PAGE, PROT_READ), EINVAL);
    FAILS(mprotect(area, PAGE, 0x40), EINVAL);
    FAILS(mprotect(area, PAGE, PROT_READ | PROT_GROWSDOWN | PROT_GROWSUP), EINVAL);
    FAILS(mprotect(area, PAGE, PROT_READ | PROT_GROWSUP), EINVAL);
    FAILS(mprotect((void *)0x10000, PAGE, PROT_READ | PROT_GROWSUP), ENOMEM);
    FAILS(mprotect(area, PAGE, PROT_READ | PROT_GROWSDOWN), EINVAL);
    FAILS(mprotect(area, SIZE_MAX - PAGE, PROT_READ), ENOMEM);
    OK(mprotect(area, 0, PROT_READ));
    OK(mprotect(area + PAGE, PAGE, PROT_READ));
    FAULTS(write_signal(area + PAGE + 3, 'b'), SIGSEGV, SEGV_ACCERR, area + PAGE + 3);
    EQ(area[PAGE + 3], 'a');
    EQ(write_signal(area, 'b'), 0);
    EQ(write_signal(area + 2 * PAGE, 'b'), 0);
    OK(mprotect(area + PAGE, 2 * PAGE, PROT_NONE));
    FAULTS(read_signal(area + PAGE), SIGSEGV, SEGV_ACCERR, area + PAGE);
    FAULTS(read_signal(area + 2 * PAGE), SIGSEGV, SEGV_ACCERR, area + 2 * PAGE);
    OK(mprotect(area, 4 * PAGE, RW));
    EQ(area[PAGE], 'a');
    EQ(area[2 * PAGE], 'b');
    /* Write-only is readable on this machine. */
    OK(mprotect(area, PAGE, PROT_WRITE));
    EQ(read_signal(area), 0);
    /* A hole: what is before it has changed. */
    OK(munmap(area + 2 * PAGE, PAGE));
    FAILS(mprotect(area, 4 * PAGE, PROT_READ), ENOMEM);
    EQ(write_signal(area + PAGE, 1), SIGSEGV);
    EQ(write_signal(area + 3 * PAGE, 1), 0);
    OK(munmap(area, 4 * PAGE));
}

static void execution(void)
{
    static const unsigned char code[] = {0xb8, 0x2a, 0, 0, 0, 0xc3}; /* mov $42, %eax; ret */
    char *area = map_at(NULL, 1, RW, ANON);
    memcpy(area, code, sizeof(code));
    int (*volatile function)(void) = (int (*)(void))(void *)area;
    if (sigsetjmp(probe_env, 0) == 0) {
        function();
        fail_at(__LINE__, "executed a page without PROT_EXEC");
    }
    EQ(probe_signal, SIGSEGV);
    EQ(probe_code, SEGV_ACCERR);
    OK(mprotect(area, PAGE, PROT_READ | PROT_EXEC));
    EQ(function(), 42);
    OK(mprotect(area, PAGE, RW | PROT_EXEC));
    area[1] = 43;
    EQ(function(), 43);
    OK(munmap(area, PAGE));
}

static void null_and_kernel_addresses(void)
{
    char *volatile null = NULL;
    FAULTS(read_signal(null + 16), SIGSEGV, SEGV_MAPERR, 16);
    FAULTS(write_signal(null, 1), SIGSEGV, SEGV_MAPERR, 0);
    FAULTS(read_signal((char *)hidden(0x7ffffffff000)), SIGSEGV, SEGV_MAPERR, 0x7ffffffff000);
    char buffer[8];
    int pipe_ends[2];
    OK(pipe(pipe_ends));
    FAILS(write(pipe_ends[1], (void *)hidden(16), 8), EFAULT);
    FAILS(write(pipe_ends[1], (void *)hidden(1ul << 63), 8), EFAULT);
    OK(write(pipe_ends[1], "12345678", 8));
    FAILS(read(pipe_ends[0], (void *)hidden(16), 8), EFAULT);
    char *area = map_at(NULL, 2, PROT_READ, ANON);
    FAILS(read(pipe_ends[0], area, 8), EFAULT);
    EQ(OK(read(pipe_ends[0], buffer, 8)), 8);
    OK(munmap(area, 2 * PAGE));
}

static void program_break(void)
{
    char *start = (char *)sbrk(0);
    EQ((uintptr_t)sbrk(0), (uintptr_t)start);
    EQ((uintptr_t)syscall(SYS_brk, 0), (uintptr_t)start);
    EQ((uintptr_t)syscall(SYS_brk, start + 5 * PAGE), (uintptr_t)(start + 5 * PAGE));
    memset(start, 'h', 5 * PAGE);
    EQ((uintptr_t)syscall(SYS_brk, start + PAGE), (uintptr_t)(start + PAGE));
    EQ(start[PAGE - 1], 'h');
    EQ((uintptr_t)syscall(SYS_brk, start + 5 * PAGE), (uintptr_t)(start + 5 * PAGE));
    EQ(start[3 * PAGE], 0);
    /* Something in the way, or too much: the break stays. */
    char *wall = (char *)(((uintptr_t)start + 20 * PAGE) & ~(PAGE - 1));
    map_at(wall, 1, PROT_READ, ANON | MAP_FIXED);
    EQ((uintptr_t)syscall(SYS_brk, wall + PAGE), (uintptr_t)(start + 5 * PAGE));
    EQ((uintptr_t)syscall(SYS_brk, 1), (uintptr_t)(start + 5 * PAGE));
    OK(munmap(wall, PAGE));
    struct rlimit old, limit;
    OK(getrlimit(RLIMIT_DATA, &old));
    limit = old;
    limit.rlim_cur = 8 * PAGE;
    OK(setrlimit(RLIMIT_DATA, &limit));
    EQ((uintptr_t)syscall(SYS_brk, start + 100 * PAGE), (uintptr_t)(start + 5 * PAGE));
    OK(setrlimit(RLIMIT_DATA, &old));
    EQ((uintptr_t)syscall(SYS_brk, start), (uintptr_t)start);
}

static int depth(int levels)
{
    volatile char frame[PAGE];
    frame[0] = (char)levels;
    return levels ? depth(levels - 1) + frame[0] - frame[0] : 1;
}

static void stack_grows(void)
{
    EQ(depth(900), 1); /* 3.6 MiB of 8 */
}

int main(void)
{
    catch_faults();
    protections();
    execution();
    null_and_kernel_addresses();
    program_break();
    stack_grows();
    return 0;
}
