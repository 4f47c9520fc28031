/* SPDX-License-Identifier: MIT
 *
 * The ptrace engine, for hosts without seccomp or FSGSBASE: the same stub processes, but lanes have
 * no filter and are traced with PTRACE_SYSEMU, which stops at every system call instead of making
 * it. Simple rather than fast; see ptrace(2).
 *
 * A system call stops the lane in the guest's code; registers and FP state go through ptrace. An
 * exception raises its signal, which is let through: the stub's handler then leaves the host's
 * signal frame, the only place that tells trap number and error code, and stops by its next system
 * call. From there the lane goes on with new registers and an empty signal mask, as if the handler
 * had returned.
 *
 * A lane is traced by the thread of its vCPU, and only that thread may ask ptrace about it. So FP
 * state is fetched at every stop. Waiting for a lane cannot be given a timeout: a timer thread
 * interrupts lanes at their vCPUs' deadlines.
 */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>

#include "hal-hosted/engine/stub/stub_internal.h"

enum {
    SYSCALL_STOP = SIGTRAP | 0x80,
    CODE_SEGMENT = 0x33,
    STACK_SEGMENT = 0x2b,
    TRACE_OPTIONS = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL,
    FLAGS_USER = 0x244dd5, /* what user code may set: ID AC, OF DF TF SF ZF AF PF CF */
};

/* --- the timer thread --- */

static void *timer_main(void *argument)
{
    struct stub_machine *sm = argument;

    pthread_mutex_lock(&sm->traced_lock);
    while (!sm->timer_stop) {
        uint64_t next_ns = UINT64_MAX, now_ns = host_monotonic_ns();

        for (unsigned i = 0; i < sm->lane_count; i++) {
            struct stub_vcpu *sv = &sm->vcpus[i];
            int pidfd = __atomic_load_n(&sv->traced_pidfd, __ATOMIC_RELAXED);

            if (pidfd >= 0 && sv->deadline_ns <= now_ns) {
                stub_pidfd_signal(pidfd, STUB_SIGNAL_INTERRUPT);
                sv->deadline_ns = UINT64_MAX;
            }
            if (pidfd >= 0 && sv->deadline_ns < next_ns) {
                next_ns = sv->deadline_ns;
            }
        }
        if (next_ns == UINT64_MAX) {
            pthread_cond_wait(&sm->traced_changed, &sm->traced_lock);
        } else {
            struct timespec until = {
                .tv_sec = (time_t)(next_ns / 1000000000u),
                .tv_nsec = (long)(next_ns % 1000000000u),
            };
            pthread_cond_timedwait(&sm->traced_changed, &sm->traced_lock, &until);
        }
    }
    pthread_mutex_unlock(&sm->traced_lock);
    return NULL;
}

int stub_traced_start(struct stub_machine *sm)
{
    pthread_condattr_t monotonic;
    sigset_t all, old;
    int error;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&sm->traced_changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    error = pthread_create(&sm->timer, NULL, timer_main, sm);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    sm->timer_started = error == 0;
    return -error;
}

void stub_traced_stop(struct stub_machine *sm)
{
    if (!sm->timer_started) {
        return;
    }
    pthread_mutex_lock(&sm->traced_lock);
    sm->timer_stop = true;
    pthread_cond_signal(&sm->traced_changed);
    pthread_mutex_unlock(&sm->traced_lock);
    pthread_join(sm->timer, NULL);
    pthread_cond_destroy(&sm->traced_changed);
    sm->timer_started = false;
}

/* The lane runs from now on for this vCPU, -1: none does. */
static void running_set(const struct vcpu *vcpu, int pidfd)
{
    struct stub_vcpu *sv = vcpu->engine;
    struct stub_machine *sm = sv->sm;

    pthread_mutex_lock(&sm->traced_lock);
    __atomic_store_n(&sv->traced_pidfd, pidfd, __ATOMIC_SEQ_CST);
    sv->deadline_ns = pidfd >= 0 ? vcpu->deadline_ns : UINT64_MAX;
    if (sv->deadline_ns != UINT64_MAX) {
        pthread_cond_signal(&sm->traced_changed);
    }
    pthread_mutex_unlock(&sm->traced_lock);
}

/* A signal to a lane that has stopped meanwhile stops it again: no harm. */
void stub_traced_kick(struct vcpu *vcpu)
{
    struct stub_vcpu *sv = vcpu->engine;
    int pidfd = sv ? __atomic_load_n(&sv->traced_pidfd, __ATOMIC_SEQ_CST) : -1;
    int saved_errno = errno;

    if (pidfd >= 0) {
        stub_pidfd_signal(pidfd, STUB_SIGNAL_INTERRUPT);
    }
    errno = saved_errno;
}

/* --- registers --- */

static bool state_set(const struct lane *lane, const struct hal_user *user)
{
    const struct hal_regs *regs = &user->regs;
    struct iovec fpu = {.iov_base = user->fpu, .iov_len = hal_fpu_size()};
    struct user_regs_struct g = {
        .r15 = regs->r15,
        .r14 = regs->r14,
        .r13 = regs->r13,
        .r12 = regs->r12,
        .rbp = regs->rbp,
        .rbx = regs->rbx,
        .r11 = regs->r11,
        .r10 = regs->r10,
        .r9 = regs->r9,
        .r8 = regs->r8,
        .rax = regs->rax,
        .rcx = regs->rcx,
        .rdx = regs->rdx,
        .rsi = regs->rsi,
        .rdi = regs->rdi,
        .rip = regs->rip,
        .rsp = regs->rsp,
        .fs_base = regs->fs_base,
        .gs_base = regs->gs_base,
        .orig_rax = UINT64_MAX, /* in no system call: nothing to restart */
        .cs = CODE_SEGMENT,
        .ss = STACK_SEGMENT,
        .eflags = regs->rflags & FLAGS_USER,
    };

    if (regs->fs_base >= STUB_TOP) {
        g.fs_base = 0;
    }
    if (regs->gs_base >= STUB_TOP) {
        g.gs_base = 0;
    }
    if (ptrace(PTRACE_SETREGS, lane->traced_pid, NULL, &g) < 0) {
        return false;
    }
    return ptrace(PTRACE_SETREGSET, lane->traced_pid, NT_X86_XSTATE, &fpu) == 0 ||
           ptrace(PTRACE_SETFPREGS, lane->traced_pid, NULL, user->fpu) == 0;
}

static bool state_get(const struct lane *lane, struct hal_user *user, struct user_regs_struct *g)
{
    struct hal_regs *regs = &user->regs;
    struct iovec fpu = {.iov_base = user->fpu, .iov_len = hal_fpu_size()};

    if (ptrace(PTRACE_GETREGS, lane->traced_pid, NULL, g) < 0 ||
        (ptrace(PTRACE_GETREGSET, lane->traced_pid, NT_X86_XSTATE, &fpu) < 0 &&
         ptrace(PTRACE_GETFPREGS, lane->traced_pid, NULL, user->fpu) < 0)) {
        return false;
    }
    *regs = (struct hal_regs){
        .rax = g->rax,
        .rbx = g->rbx,
        .rcx = g->rcx,
        .rdx = g->rdx,
        .rsi = g->rsi,
        .rdi = g->rdi,
        .rbp = g->rbp,
        .rsp = g->rsp,
        .r8 = g->r8,
        .r9 = g->r9,
        .r10 = g->r10,
        .r11 = g->r11,
        .r12 = g->r12,
        .r13 = g->r13,
        .r14 = g->r14,
        .r15 = g->r15,
        .rip = g->rip,
        .rflags = g->eflags,
        .fs_base = g->fs_base,
        .gs_base = g->gs_base,
    };
    return true;
}

/* --- stops --- */

/* False: the lane is dead. */
static bool wait_stop(struct lane *lane, int *signal)
{
    int status;

    while (waitpid(lane->traced_pid, &status, __WALL) < 0) {
        if (errno != EINTR) {
            return false;
        }
    }
    if (!WIFSTOPPED(status)) {
        lane->traced_pid = 0;
        return false;
    }
    *signal = status >> 16 ? 0 : WSTOPSIG(status); /* 0: no signal, an event of ptrace */
    return true;
}

/* Begin to trace a new lane. It waits for that in trusted code on a word that guest code cannot
 * write, then raises SIGTRAP; let that through to the handler, which builds the first signal frame
 * and stops by a system call. From the SIGTRAP on the lane makes no system calls. */
bool stub_traced_lane(struct lane *lane)
{
    int signal;

    lane->traced_pid = stub_pidfd_pid(lane->pidfd);
    if (lane->traced_pid < 0 ||
        ptrace(PTRACE_SEIZE, lane->traced_pid, NULL, (void *)(intptr_t)TRACE_OPTIONS) < 0) {
        lane->traced_pid = 0;
        return false;
    }
    __atomic_fetch_or(&lane->stub->ctl->traced_lanes, 1ull << lane->index, __ATOMIC_SEQ_CST);
    if (!wait_stop(lane, &signal) || signal != SIGTRAP ||
        ptrace(PTRACE_SYSEMU, lane->traced_pid, NULL, (void *)(intptr_t)SIGTRAP) < 0 ||
        !wait_stop(lane, &signal) || signal != SYSCALL_STOP) {
        return false;
    }
    lane->in_handler = true;
    return true;
}

static bool signals_unblock(struct lane *lane)
{
    uint64_t none = 0;

    if (lane->in_handler) {
        lane->in_handler = false;
        return ptrace(PTRACE_SETSIGMASK, lane->traced_pid, (void *)sizeof none, &none) == 0;
    }
    return true;
}

static bool is_exception(int signal)
{
    return signal == SIGSEGV || signal == SIGBUS || signal == SIGILL || signal == SIGFPE ||
           signal == SIGTRAP;
}

/* Which instruction made the call: 2 bytes before rip. 0f 05 is the only one that counts. */
static bool is_syscall_instruction(const struct hal_user *user)
{
    unsigned char code[2];

    for (unsigned i = 0; i < 2; i++) {
        uint64_t uaddr = user->regs.rip - 2 + i, entry = aspace_entry(user->aspace, uaddr);
        if (!entry) {
            return true; /* a page that the host emulates */
        }
        code[i] =
            (unsigned char)*(machine_pointer(user->aspace->machine, entry & ASPACE_FRAME_MASK) +
                             uaddr % HAL_PAGE_SIZE);
    }
    return code[0] == 0x0f && code[1] == 0x05;
}

static enum hal_stop stop_syscall(struct hal_user *user, const struct user_regs_struct *g,
                                  struct hal_fault *out)
{
    struct hal_regs *regs = &user->regs;

    if (!is_syscall_instruction(user)) {
        *out = (struct hal_fault){.vector = HAL_VECTOR_PROTECTION, .error = 0x80 * 8 + 2};
        regs->rip -= 2;
        regs->rax = g->orig_rax;
        return HAL_STOP_FAULT;
    }
    regs->rax = g->orig_rax;
    regs->rcx = regs->rip;
    regs->r11 = regs->rflags;
    return HAL_STOP_SYSCALL;
}

/* The handler has stopped by its own system call: the frame has the guest's registers. */
static enum hal_stop stop_exception(struct lane *lane, struct hal_user *user, struct hal_fault *out)
{
    uint64_t fs_base = user->regs.fs_base, gs_base = user->regs.gs_base;
    enum hal_stop stop;

    lane->in_handler = true;
    stub_frame_read(lane, &user->regs);
    stub_fp_save(lane, user);     /* signal handlers begin with fresh FP registers */
    user->regs.fs_base = fs_base; /* the handler has not touched these */
    user->regs.gs_base = gs_base;
    stop = stub_frame_decode(lane, &user->regs, out);
    if (stop == HAL_STOP_FAULT && out->vector == HAL_VECTOR_PAGE) {
        stop = stub_solve_fault(user, out);
    }
    return stop;
}

/* Let the lane run until it stops for something that is not passed on to it. */
static enum hal_stop run_once(struct lane *lane, struct hal_user *user, struct hal_fault *out)
{
    struct user_regs_struct g;
    int signal = 0;

    for (;;) {
        if (ptrace(PTRACE_SYSEMU, lane->traced_pid, NULL, (void *)(intptr_t)signal) < 0) {
            return HAL_STOP_DEAD;
        }
        if (!wait_stop(lane, &signal)) {
            return HAL_STOP_DEAD;
        }
        if (is_exception(signal)) {
            continue; /* to the handler */
        }
        if (!state_get(lane, user, &g)) {
            return HAL_STOP_DEAD;
        }
        if (signal != SYSCALL_STOP) {
            return HAL_STOP_INTERRUPT;
        }
        if (g.rip >= stub_labels[LANE_STOP] && g.rip < stub_labels[LANE_RETURN]) {
            return stop_exception(lane, user, out);
        }
        return stop_syscall(user, &g, out);
    }
}

enum hal_stop stub_traced_run(struct vcpu *vcpu, struct hal_user *user, struct hal_fault *out)
{
    struct stub *stub = user->aspace->engine;
    enum hal_stop stop = HAL_STOP_PENDING;
    struct lane *lane;

    if (stub_rip_bad(&user->regs, out)) {
        return HAL_STOP_FAULT;
    }
    lane = __atomic_load_n(&stub->dead, __ATOMIC_RELAXED) ? NULL : stub_lane(stub, vcpu->id);
    if (!lane || !stub_prepare_pages(user)) {
        __atomic_store_n(&stub->dead, 1, __ATOMIC_RELAXED);
        return HAL_STOP_DEAD;
    }
    running_set(vcpu, lane->pidfd);
    do {
        if (vcpu_must_stop(vcpu)) {
            break;
        }
        stop = signals_unblock(lane) && state_set(lane, user) ? run_once(lane, user, out)
                                                              : HAL_STOP_DEAD;
    } while (stop == HAL_STOP_INTERRUPT &&
             (vcpu->deadline_ns == UINT64_MAX || host_monotonic_ns() < vcpu->deadline_ns));
    running_set(vcpu, -1);
    if (stop == HAL_STOP_DEAD) {
        stub_pidfd_signal(stub->pidfd, SIGKILL);
        __atomic_store_n(&stub->dead, 1, __ATOMIC_RELAXED);
    }
    return stop;
}
