/* SPDX-License-Identifier: MIT */
/* ptrace(2): registers, memory, system call stops, single steps. */
#include "ptrace_check.h"

#include <cpuid.h>
#include <linux/audit.h>
#include <sys/mman.h>

#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif

/* ---- system calls ---- */

struct call_info {
    uint8_t op, pad[3];
    uint32_t arch;
    uint64_t ip, sp;
    union {
        struct {
            uint64_t nr, args[6];
        } entry;
        struct {
            int64_t rval;
            uint8_t is_error;
        } exit;
    };
};

static void make_a_call(void *unused)
{
    (void)unused;
    long result = syscall(SYS_kill, 0x11111111, 0, 3, 4, 5, 6);
    _exit(result == -1 ? errno & 0x7f : (int)result);
}

/* The child just before a certain call: entry stop. */
static pid_t child_at_call(long number)
{
    pid_t pid = traced_child(make_a_call, NULL);
    OK(request(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
    do {
        let_go(pid, PTRACE_SYSCALL, 0);
        EQ(WAIT(pid), (SIGTRAP | 0x80) << 8 | 0x7f);
    } while ((long)regs_of(pid).orig_rax != number || (long)regs_of(pid).rax != -ENOSYS);
    return pid;
}

static void calls_stop_at_entry_and_exit(void)
{
    struct call_info info;
    pid_t pid = child_at_call(SYS_kill);
    struct user_regs_struct regs = regs_of(pid);
    EQ(regs.rdi, 0x11111111);
    EQ(regs.rdx, 3);
    EQ(OK(request(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), (uintptr_t)&info)), 80);
    EQ(info.op, 1);
    EQ(info.arch, AUDIT_ARCH_X86_64);
    EQ(info.ip, regs.rip);
    EQ(info.sp, regs.rsp);
    EQ(info.entry.nr, SYS_kill);
    EQ(info.entry.args[2], 3);
    EQ(info.entry.args[5], 6);
    let_go(pid, PTRACE_SYSCALL, 0);
    EQ(WAIT(pid), (SIGTRAP | 0x80) << 8 | 0x7f);
    EQ((long)regs_of(pid).rax, -ESRCH);
    EQ(OK(request(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), (uintptr_t)&info)), 33);
    EQ(info.op, 2);
    EQ(info.exit.rval, -ESRCH);
    EQ(info.exit.is_error, 1);
    let_go(pid, PTRACE_CONT, 0);
    EQ(WAIT(pid), ESRCH << 8);
}

static void a_call_can_be_changed(void)
{
    pid_t pid = child_at_call(SYS_kill);
    struct user_regs_struct regs = regs_of(pid);
    regs.orig_rax = SYS_getpid;
    OK(request(PTRACE_SETREGS, pid, 0, (uintptr_t)&regs));
    let_go(pid, PTRACE_SYSCALL, 0);
    WAIT(pid);
    EQ(regs_of(pid).rax, pid);
    regs = regs_of(pid);
    regs.rax = 77;
    OK(request(PTRACE_SETREGS, pid, 0, (uintptr_t)&regs));
    let_go(pid, PTRACE_CONT, 0);
    EQ(WAIT(pid), 77 << 8);
}

static void a_call_can_be_skipped(void)
{
    pid_t pid = child_at_call(SYS_kill);
    OK(request(PTRACE_POKEUSER, pid, ORIG_RAX * 8, (uintptr_t)-1));
    OK(request(PTRACE_POKEUSER, pid, RAX * 8, 55));
    let_go(pid, PTRACE_CONT, 0);
    EQ(WAIT(pid), 55 << 8);
}

static void sysemu_makes_no_calls(void)
{
    pid_t pid = traced_child(make_a_call, NULL);
    for (;;) {
        let_go(pid, PTRACE_SYSEMU, 0);
        STOPPED_BY(WAIT(pid), SIGTRAP);
        if (regs_of(pid).orig_rax == SYS_kill)
            break;
        OK(request(PTRACE_POKEUSER, pid, RAX * 8, 0));
    }
    OK(request(PTRACE_POKEUSER, pid, RAX * 8, 44));
    let_go(pid, PTRACE_CONT, 0);
    EQ(WAIT(pid), 44 << 8);
}

/* ---- registers ---- */

static void known_registers(void *unused)
{
    (void)unused;
    register long r12 __asm__("r12") = 0x1212121212121212;
    register long r15 __asm__("r15") = 0x1515151515151515;
    static const double value = 2.5;
    __asm__ volatile("movsd %2, %%xmm5\n int3" : "+r"(r12), "+r"(r15) : "m"(value) : "xmm5");
    double changed;
    __asm__ volatile("movsd %%xmm5, %0" : "=m"(changed));
    _exit(r12 == 1 && r15 == 2 && changed == 7.25 ? 9 : 1);
}

static void registers_can_be_read_and_written(void)
{
    struct user_regs_struct regs;
    struct user_fpregs_struct fp;
    double value;
    pid_t pid = traced_child(known_registers, NULL);
    let_go(pid, PTRACE_CONT, 0);
    STOPPED_BY(WAIT(pid), SIGTRAP);
    regs = regs_of(pid);
    EQ(regs.r12, 0x1212121212121212);
    EQ(regs.r15, 0x1515151515151515);
    EQ(regs.cs, 0x33);
    EQ(regs.ss, 0x2b);
    EQ((long)regs.orig_rax, -1);
    errno = 0;
    EQ(ptrace(PTRACE_PEEKUSER, pid, R12 * 8, NULL), 0x1212121212121212);
    OK(request(PTRACE_POKEUSER, pid, R12 * 8, 1));
    regs = regs_of(pid);
    regs.r15 = 2;
    OK(request(PTRACE_SETREGS, pid, 0, (uintptr_t)&regs));
    OK(request(PTRACE_GETFPREGS, pid, 0, (uintptr_t)&fp));
    memcpy(&value, &fp.xmm_space[5 * 4], sizeof(value));
    TRUE(value == 2.5);
    value = 7.25;
    memcpy(&fp.xmm_space[5 * 4], &value, sizeof(value));
    OK(request(PTRACE_SETFPREGS, pid, 0, (uintptr_t)&fp));
    let_go(pid, PTRACE_CONT, 0);
    EQ(WAIT(pid), 9 << 8);
}

static void register_sets_are_the_same_registers(void)
{
    static char area[16384], again[16384];
    struct user_regs_struct regs, set;
    struct iovec iov = {.iov_base = &set, .iov_len = sizeof(set)};
    pid_t pid = traced_child(pause_forever, NULL);
    regs = regs_of(pid);
    OK(request(PTRACE_GETREGSET, pid, NT_PRSTATUS, (uintptr_t)&iov));
    EQ(iov.iov_len, sizeof(set));
    EQ(memcmp(&regs, &set, sizeof(set)), 0);
    iov = (struct iovec){.iov_base = area, .iov_len = sizeof(area)};
    OK(request(PTRACE_GETREGSET, pid, NT_PRFPREG, (uintptr_t)&iov));
    EQ(iov.iov_len, 512);
    iov = (struct iovec){.iov_base = area, .iov_len = sizeof(area)};
    OK(request(PTRACE_SETREGSET, pid, NT_PRSTATUS,
               (uintptr_t) & (struct iovec){.iov_base = &set, .iov_len = sizeof(set)}));
    unsigned a, b, c, d;
    __cpuid(1, a, b, c, d);
    if (c & bit_OSXSAVE) {
        uint64_t features;
        OK(request(PTRACE_GETREGSET, pid, NT_X86_XSTATE, (uintptr_t)&iov));
        memcpy(&features, area + 464, sizeof(features));
        TRUE((features & 3) == 3);
        TRUE(iov.iov_len >= 576 && iov.iov_len < sizeof(area));
        size_t bytes = iov.iov_len;
        OK(request(PTRACE_SETREGSET, pid, NT_X86_XSTATE, (uintptr_t)&iov));
        iov = (struct iovec){.iov_base = again, .iov_len = sizeof(again)};
        OK(request(PTRACE_GETREGSET, pid, NT_X86_XSTATE, (uintptr_t)&iov));
        EQ(iov.iov_len, bytes);
        EQ(memcmp(area, again, bytes), 0);
        memset(area + 512, 0xff, 64);
        iov = (struct iovec){.iov_base = area, .iov_len = bytes};
        FAILS(request(PTRACE_SETREGSET, pid, NT_X86_XSTATE, (uintptr_t)&iov), EINVAL);
    }
    FAILS(request(PTRACE_GETREGSET, pid, 0x7777, (uintptr_t)&iov), EINVAL);
    iov.iov_len = 7;
    FAILS(request(PTRACE_GETREGSET, pid, NT_PRSTATUS, (uintptr_t)&iov), EINVAL);
    FAILS(request(PTRACE_GETREGSET, pid, NT_PRSTATUS, (uintptr_t)BAD_POINTER), EFAULT);
    end_tracee(pid);
}

static void bad_registers_are_refused(void)
{
    pid_t pid = traced_child(pause_forever, NULL);
    struct user_regs_struct regs = regs_of(pid), changed = regs;
    FAILS(request(PTRACE_PEEKUSER, pid, 3, (uintptr_t)&regs), EIO);
    FAILS(request(PTRACE_PEEKUSER, pid, 928, (uintptr_t)&changed), EIO);
    FAILS(request(PTRACE_PEEKUSER, pid, (uintptr_t)-8, (uintptr_t)&changed), EIO);
    FAILS(request(PTRACE_POKEUSER, pid, offsetof(struct user, u_tsize), 1), EIO);
    FAILS(request(PTRACE_POKEUSER, pid, FS_BASE * 8, 1ul << 63), EIO);
    FAILS(request(PTRACE_POKEUSER, pid, CS * 8, 0), EIO);
    FAILS(request(PTRACE_POKEUSER, pid, SS * 8, 0x10), EIO);
    FAILS(request(PTRACE_GETREGS, pid, 0, (uintptr_t)BAD_POINTER), EFAULT);
    FAILS(request(PTRACE_SETREGS, pid, 0, (uintptr_t)BAD_POINTER), EFAULT);
    FAILS(request(PTRACE_GETFPREGS, pid, 0, (uintptr_t)BAD_POINTER), EFAULT);
    OK(request(PTRACE_POKEUSER, pid, EFLAGS * 8, ~0ul & ~0x100ul)); /* only some flags change */
    TRUE((regs_of(pid).eflags & 0x3000) == 0);
    end_tracee(pid);
}

/* ---- memory ---- */

static void memory_can_be_read_and_written(void)
{
    static long word = 0x1234567890;
    static const long constant = 77;
    long got;
    pid_t pid = traced_child(pause_forever, NULL);
    OK(request(PTRACE_PEEKDATA, pid, (uintptr_t)&word, (uintptr_t)&got));
    EQ(got, 0x1234567890);
    OK(request(PTRACE_POKEDATA, pid, (uintptr_t)&word, 42));
    EQ(word, 0x1234567890);
    OK(request(PTRACE_PEEKTEXT, pid, (uintptr_t)&word, (uintptr_t)&got));
    EQ(got, 42);
    OK(request(PTRACE_POKETEXT, pid, (uintptr_t)&constant, 78)); /* read-only: a private copy */
    OK(request(PTRACE_PEEKTEXT, pid, (uintptr_t)&constant, (uintptr_t)&got));
    EQ(got, 78);
    EQ(*(volatile const long *)&constant, 77);
    FAILS(request(PTRACE_PEEKDATA, pid, 8, (uintptr_t)&got), EIO);
    FAILS(request(PTRACE_PEEKDATA, pid, (uintptr_t)-8, (uintptr_t)&got), EIO);
    FAILS(request(PTRACE_POKEDATA, pid, 8, 1), EIO);
    FAILS(request(PTRACE_PEEKDATA, pid, (uintptr_t)&word, (uintptr_t)BAD_POINTER), EFAULT);
    end_tracee(pid);
}

/* ---- single steps ---- */

static void three_instructions(void *unused)
{
    (void)unused;
    __asm__ volatile("int3\n nop\n nop\n nop\n" ::: "memory");
    _exit(4);
}

static void steps_go_one_instruction(void)
{
    siginfo_t info;
    pid_t pid = traced_child(three_instructions, NULL);
    let_go(pid, PTRACE_CONT, 0);
    STOPPED_BY(WAIT(pid), SIGTRAP);
    OK(request(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&info));
    EQ(info.si_code, SI_KERNEL);
    uint64_t rip = regs_of(pid).rip;
    for (unsigned i = 1; i <= 3; i++) {
        let_go(pid, PTRACE_SINGLESTEP, 0);
        STOPPED_BY(WAIT(pid), SIGTRAP);
        EQ(regs_of(pid).rip, rip + i);
        EQ(regs_of(pid).eflags & 0x100, 0);
        OK(request(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&info));
        EQ(info.si_code, TRAP_TRACE);
    }
    let_go(pid, PTRACE_CONT, 0);
    EQ(WAIT(pid), 4 << 8);
}

static void a_call(void *unused)
{
    (void)unused;
    long result;
    __asm__ volatile("int3\n syscall\n nop\n"
                     : "=a"(result)
                     : "a"(SYS_getpid)
                     : "rcx", "r11", "memory");
    _exit(result == getpid() ? 4 : 5);
}

static void a_step_over_a_call_ends_behind_it(void)
{
    pid_t pid = traced_child(a_call, NULL);
    let_go(pid, PTRACE_CONT, 0);
    STOPPED_BY(WAIT(pid), SIGTRAP);
    uint64_t rip = regs_of(pid).rip;
    let_go(pid, PTRACE_SINGLESTEP, 0);
    STOPPED_BY(WAIT(pid), SIGTRAP);
    EQ(regs_of(pid).rip, rip + 2);
    EQ(regs_of(pid).rax, pid);
    let_go(pid, PTRACE_SINGLESTEP, 0);
    STOPPED_BY(WAIT(pid), SIGTRAP);
    EQ(regs_of(pid).rip, rip + 3);
    let_go(pid, PTRACE_CONT, 0);
    EQ(WAIT(pid), 4 << 8);
}

__attribute__((noinline)) static void handler(int signo)
{
    (void)signo;
    __asm__ volatile("");
}

static void raise_with_handler(void *unused)
{
    (void)unused;
    signal(SIGUSR1, handler);
    raise(SIGUSR1);
    _exit(4);
}

/* A step with a signal ends at the first instruction of its handler. */
static void a_step_into_a_handler_stops_there(void)
{
    pid_t pid = traced_child(raise_with_handler, NULL);
    let_go(pid, PTRACE_CONT, 0);
    STOPPED_BY(WAIT(pid), SIGUSR1);
    let_go(pid, PTRACE_SINGLESTEP, SIGUSR1);
    STOPPED_BY(WAIT(pid), SIGTRAP);
    EQ(regs_of(pid).rip, (uintptr_t)handler);
    let_go(pid, PTRACE_CONT, 0);
    EQ(WAIT(pid), 4 << 8);
}

/* ---- debug registers ---- */

static volatile long watched;

static void change_a_word(void *unused)
{
    (void)unused;
    for (volatile int i = 0; i < 100; i++)
        continue;
    watched = 1;
    watched = 2;
    handler(0);
    _exit((int)watched);
}

static void set_debug(pid_t pid, unsigned index, uint64_t value)
{
    OK(request(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg) + index * 8, value));
}

static uint64_t debug(pid_t pid, unsigned index)
{
    uint64_t value;
    OK(request(PTRACE_PEEKUSER, pid, offsetof(struct user, u_debugreg) + index * 8,
               (uintptr_t)&value));
    return value;
}

static void watchpoints_stop_after_a_write(void)
{
    siginfo_t info;
    long value;
    pid_t pid = traced_child(change_a_word, NULL);
    set_debug(pid, 0, (uintptr_t)&watched);
    set_debug(pid, 7, 0x90001); /* local, on writes, eight bytes */
    EQ(debug(pid, 0), (uintptr_t)&watched);
    for (int i = 1; i <= 2; i++) {
        let_go(pid, PTRACE_CONT, 0);
        STOPPED_BY(WAIT(pid), SIGTRAP);
        OK(request(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&info));
        EQ(info.si_code, TRAP_HWBKPT);
        EQ(debug(pid, 6) & 0xf, 1);
        EQ(regs_of(pid).eflags & 0x100, 0);
        OK(request(PTRACE_PEEKDATA, pid, (uintptr_t)&watched, (uintptr_t)&value));
        EQ(value, i);
    }
    set_debug(pid, 7, 0);
    let_go(pid, PTRACE_CONT, 0);
    EQ(WAIT(pid), 2 << 8);
}

static void hardware_breakpoints_stop_before_the_instruction(void)
{
    siginfo_t info;
    pid_t pid = traced_child(change_a_word, NULL);
    set_debug(pid, 1, (uintptr_t)handler);
    set_debug(pid, 7, 4);
    let_go(pid, PTRACE_CONT, 0);
    STOPPED_BY(WAIT(pid), SIGTRAP);
    OK(request(PTRACE_GETSIGINFO, pid, 0, (uintptr_t)&info));
    EQ(info.si_code, TRAP_HWBKPT);
    EQ(debug(pid, 6) & 0xf, 2);
    EQ(regs_of(pid).rip, (uintptr_t)handler);
    let_go(pid, PTRACE_CONT, 0);
    EQ(WAIT(pid), 2 << 8);
}

static void bad_debug_registers_are_refused(void)
{
    pid_t pid = traced_child(pause_forever, NULL);
    const uintptr_t first = offsetof(struct user, u_debugreg);
    FAILS(request(PTRACE_POKEUSER, pid, first + 4 * 8, 1), EIO);
    FAILS(request(PTRACE_POKEUSER, pid, first + 5 * 8, 1), EIO);
    FAILS(request(PTRACE_POKEUSER, pid, first, ~0ul), EINVAL);
    EQ(debug(pid, 4), 0);
    end_tracee(pid);
}

static void requests_check_their_arguments(void)
{
    pid_t pid = traced_child(pause_forever, NULL);
    FAILS(request(PTRACE_CONT, pid, 0, 65), EIO);
    FAILS(request(PTRACE_DETACH, pid, 0, 1000), EIO);
    FAILS(request(12345, pid, 0, 0), EIO);
    FAILS(request(PTRACE_CONT, getpid(), 0, 0), ESRCH);
    FAILS(request(PTRACE_CONT, 0x3fffffff, 0, 0), ESRCH);
    FAILS(request(PTRACE_CONT, -1, 0, 0), ESRCH);
    let_go(pid, PTRACE_CONT, 0);
    FAILS(request(PTRACE_CONT, pid, 0, 0), ESRCH); /* it runs */
    FAILS(request(PTRACE_GETEVENTMSG, pid, 0, 0), ESRCH);
    OK(request(PTRACE_KILL, pid, 0, 0));
    EQ(WAIT(pid), SIGKILL);
}

GUEST_MAIN(CASE(calls_stop_at_entry_and_exit), CASE(a_call_can_be_changed),
           CASE(a_call_can_be_skipped), CASE(sysemu_makes_no_calls),
           CASE(registers_can_be_read_and_written), CASE(register_sets_are_the_same_registers),
           CASE(bad_registers_are_refused), CASE(memory_can_be_read_and_written),
           CASE(steps_go_one_instruction), CASE(a_step_over_a_call_ends_behind_it),
           CASE(a_step_into_a_handler_stops_there), CASE(watchpoints_stop_after_a_write),
           CASE(hardware_breakpoints_stop_before_the_instruction),
           CASE(bad_debug_registers_are_refused), CASE(requests_check_their_arguments))
