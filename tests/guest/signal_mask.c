/* SPDX-License-Identifier: MIT
 *
 * Blocking, pending, taking: sigprocmask, sigsuspend, ppoll, sigtimedwait, real-time queues, nesting.
 */
#include "signal_check.h"

#include <sys/resource.h>
#include <sys/select.h>

static volatile sig_atomic_t count;
static volatile int order[64];
static volatile int values[64];

static void note(int signo, siginfo_t *info, void *context)
{
    (void)context;
    order[count] = signo;
    values[count] = info->si_value.sival_int;
    count++;
}

static void send_value(int signo, int value)
{
    union sigval v = {.sival_int = value};
    OK(sigqueue(getpid(), signo, v));
}

static uint64_t mask_now(void)
{
    uint64_t mask;
    OK(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, 8));
    return mask;
}

static void masks(void)
{
    uint64_t all = ~0ull, old, none = 0;
    OK(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old, 8));
    EQ(mask_now(), (long long)~(1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1)));
    OK(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, 8));
    EQ(mask_now(), 0);
    FAILS(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, 4), EINVAL);
    FAILS(syscall(SYS_rt_sigprocmask, 3, &none, NULL, 8), EINVAL);
    OK(syscall(SYS_rt_sigprocmask, 3, NULL, &old, 8));
    FAILS(syscall(SYS_rt_sigprocmask, SIG_SETMASK, BAD_POINTER, NULL, 8), EFAULT);
    FAILS(syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, BAD_POINTER, 8), EFAULT);
}

static void actions(void)
{
    struct { void *handler; unsigned long flags; void *restorer; uint64_t mask; } new, old;
    memset(&new, 0, sizeof(new));
    FAILS(syscall(SYS_rt_sigaction, 0, NULL, &old, 8), EINVAL);
    FAILS(syscall(SYS_rt_sigaction, 65, NULL, &old, 8), EINVAL);
    FAILS(syscall(SYS_rt_sigaction, SIGUSR1, NULL, &old, 4), EINVAL);
    FAILS(syscall(SYS_rt_sigaction, SIGKILL, &new, NULL, 8), EINVAL);
    FAILS(syscall(SYS_rt_sigaction, SIGSTOP, &new, NULL, 8), EINVAL);
    OK(syscall(SYS_rt_sigaction, SIGKILL, NULL, &old, 8));
    FAILS(syscall(SYS_rt_sigaction, SIGUSR1, BAD_POINTER, NULL, 8), EFAULT);
    /* Unknown flags are dropped; SIGKILL and SIGSTOP leave the mask. */
    new.flags = 0xffffffff;
    new.mask = ~0ull;
    OK(syscall(SYS_rt_sigaction, SIGUSR1, &new, NULL, 8));
    OK(syscall(SYS_rt_sigaction, SIGUSR1, NULL, &old, 8));
    EQ(old.flags, 0xdc000807);
    EQ(old.mask, (long long)~(1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1)));
    new.flags = 0;
    new.mask = 0;
    OK(syscall(SYS_rt_sigaction, SIGUSR1, &new, NULL, 8));
}

static void standard_signals_are_pending_once(void)
{
    handle(SIGUSR1, note, 0);
    block(SIGUSR1);
    count = 0;
    send_value(SIGUSR1, 1);
    send_value(SIGUSR1, 2);
    TRUE(is_pending(SIGUSR1));
    unblock(SIGUSR1);
    EQ(count, 1);
    EQ(values[0], 1);
    TRUE(!is_pending(SIGUSR1));
}

static void real_time_signals_queue_in_order(void)
{
    int high = SIGRTMIN + 5, low = SIGRTMIN + 2;
    sigset_t both = set_of(high);
    sigaddset(&both, low);
    sigaddset(&both, SIGUSR1);
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO, .sa_mask = both};
    OK(sigaction(high, &action, NULL));
    OK(sigaction(low, &action, NULL));
    OK(sigaction(SIGUSR1, &action, NULL));
    OK(sigprocmask(SIG_BLOCK, &both, NULL));
    count = 0;
    send_value(high, 10);
    send_value(low, 20);
    send_value(high, 11);
    send_value(low, 21);
    send_value(SIGUSR1, 30);
    OK(sigprocmask(SIG_UNBLOCK, &both, NULL));
    EQ(count, 5);
    int wanted_order[] = {SIGUSR1, low, low, high, high}, wanted[] = {30, 20, 21, 10, 11};
    for (int i = 0; i < 5; i++) {
        EQ(order[i], wanted_order[i]);
        EQ(values[i], wanted[i]);
    }
}

static void frames_stack_up(void)
{
    /* Both handlers are entered before the first instruction of either returns: the last signal taken
     * runs first. */
    handle(SIGUSR1, note, 0);
    handle(SIGUSR2, note, 0);
    sigset_t both = set_of(SIGUSR1);
    sigaddset(&both, SIGUSR2);
    OK(sigprocmask(SIG_BLOCK, &both, NULL));
    count = 0;
    OK(kill(getpid(), SIGUSR1));
    OK(kill(getpid(), SIGUSR2));
    OK(sigprocmask(SIG_UNBLOCK, &both, NULL));
    EQ(count, 2);
    EQ(order[0], SIGUSR2);
    EQ(order[1], SIGUSR1);
}

static volatile int depth, deepest;

static void nest(int signo, siginfo_t *info, void *context)
{
    (void)info;
    (void)context;
    if (++depth > deepest)
        deepest = depth;
    if (count++ < 3)
        raise(signo);
    depth--;
}

static void handlers_block_their_signal(void)
{
    count = deepest = 0;
    handle(SIGUSR1, nest, 0);
    raise(SIGUSR1);
    EQ(count, 4);
    EQ(deepest, 1);
    count = deepest = 0;
    handle(SIGUSR1, nest, SA_NODEFER);
    raise(SIGUSR1);
    EQ(count, 4);
    EQ(deepest, 4);
    count = 3;
    handle(SIGUSR1, nest, (int)SA_RESETHAND);
    raise(SIGUSR1);
    struct sigaction action;
    OK(sigaction(SIGUSR1, NULL, &action));
    TRUE(action.sa_handler == SIG_DFL);
}

static volatile uint64_t mask_in_handler;

static void note_mask(int signo, siginfo_t *info, void *context)
{
    note(signo, info, context);
    mask_in_handler = mask_now();
}

static void sigsuspend_is_atomic(void)
{
    sigset_t none = set_of(0);
    handle(SIGUSR1, note_mask, 0);
    block(SIGUSR1);
    block(SIGUSR2);
    count = 0;
    OK(kill(getpid(), SIGUSR1));
    FAILS(sigsuspend(&none), EINTR);
    EQ(count, 1);
    /* The handler ran under the temporary mask and its own; now the old one holds again. */
    EQ(mask_in_handler, 1ull << (SIGUSR1 - 1));
    EQ(mask_now(), 1ull << (SIGUSR1 - 1) | 1ull << (SIGUSR2 - 1));
    FAILS(syscall(SYS_rt_sigsuspend, &none, 16), EINVAL);
    unblock(SIGUSR1);
    unblock(SIGUSR2);
}

static void polling_with_a_mask(void)
{
    int fds[2];
    sigset_t none = set_of(0);
    struct timespec zero = {0}, second = {.tv_sec = 5};
    OK(pipe(fds));
    handle(SIGUSR1, note, 0);
    block(SIGUSR1);
    count = 0;
    OK(kill(getpid(), SIGUSR1));
    struct pollfd fd = {.fd = fds[0], .events = POLLIN};
    FAILS(ppoll(&fd, 1, &second, &none), EINTR);
    EQ(count, 1);
    EQ(mask_now(), 1ull << (SIGUSR1 - 1));

    OK(kill(getpid(), SIGUSR1));
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fds[0], &set);
    FAILS(pselect(fds[0] + 1, &set, NULL, NULL, &second, &none), EINTR);
    EQ(count, 2);

    /* Something to report comes before the signal, which stays pending. */
    EQ(write(fds[1], "x", 1), 1);
    OK(kill(getpid(), SIGUSR1));
    EQ(ppoll(&fd, 1, &zero, &none), 1);
    EQ(count, 2);
    TRUE(is_pending(SIGUSR1));
    EQ(mask_now(), 1ull << (SIGUSR1 - 1));
    unblock(SIGUSR1);
    EQ(count, 3);
    close(fds[0]);
    close(fds[1]);
}

static void sigtimedwait_takes_signals(void)
{
    sigset_t set = set_of(SIGUSR1);
    siginfo_t info;
    struct timespec zero = {0}, ms50 = {.tv_nsec = 50 * MS}, bad = {.tv_nsec = 1000000000};
    sigaddset(&set, SIGRTMIN + 1);
    handle(SIGUSR1, note, 0);
    block(SIGUSR1);
    block(SIGRTMIN + 1);
    count = 0;

    long long before = now_ns(CLOCK_MONOTONIC);
    FAILS(sigtimedwait(&set, &info, &ms50), EAGAIN);
    TRUE(now_ns(CLOCK_MONOTONIC) - before >= 50 * MS);
    FAILS(sigtimedwait(&set, &info, &zero), EAGAIN);
    FAILS(sigtimedwait(&set, &info, &bad), EINVAL);
    send_value(SIGRTMIN + 1, 5);
    send_value(SIGRTMIN + 1, 6);
    send_value(SIGUSR1, 7);
    EQ(sigtimedwait(&set, &info, &zero), SIGUSR1);
    EQ(info.si_value.sival_int, 7);
    EQ(info.si_code, SI_QUEUE);
    EQ(sigwaitinfo(&set, &info), SIGRTMIN + 1);
    EQ(info.si_value.sival_int, 5);
    EQ(sigwaitinfo(&set, NULL), SIGRTMIN + 1);

    /* One that comes while we wait, although it is blocked and has a handler. */
    pid_t self = getpid(), pid = (pid_t)OK(fork());
    if (pid == 0) {
        wait_for_state(self, "S");
        _exit(kill(self, SIGUSR1));
    }
    EQ(sigwaitinfo(&set, &info), SIGUSR1);
    EQ(info.si_pid, pid);
    EQ(count, 0);
    OK(waitpid(pid, NULL, 0));

    /* A default action that would kill does not, while we wait for the signal. */
    block(SIGTERM);
    sigset_t term = set_of(SIGTERM);
    pid = (pid_t)OK(fork());
    if (pid == 0) {
        wait_for_state(self, "S");
        _exit(kill(self, SIGTERM));
    }
    EQ(sigwaitinfo(&term, &info), SIGTERM);
    OK(waitpid(pid, NULL, 0));
    unblock(SIGTERM);
    unblock(SIGUSR1);
    unblock(SIGRTMIN + 1);
}

static void ignoring_drops_what_is_pending(void)
{
    block(SIGUSR1);
    handle(SIGUSR1, note, 0);
    OK(kill(getpid(), SIGUSR1));
    dispose(SIGUSR1, SIG_IGN);
    TRUE(!is_pending(SIGUSR1));
    OK(kill(getpid(), SIGUSR1)); /* blocked: kept, the handler may change */
    TRUE(is_pending(SIGUSR1));
    dispose(SIGUSR1, SIG_IGN);
    block(SIGCHLD);
    OK(kill(getpid(), SIGCHLD));
    TRUE(is_pending(SIGCHLD));
    dispose(SIGCHLD, SIG_DFL);
    TRUE(!is_pending(SIGCHLD));
    unblock(SIGCHLD);
    unblock(SIGUSR1);
}

static void the_queue_is_limited(void)
{
    /* Of the real user, so as a user that has no other processes. */
    OK(syscall(SYS_setresuid, 4321, 4321, 4321));
    struct rlimit limit = {.rlim_cur = 3, .rlim_max = 10};
    OK(setrlimit(RLIMIT_SIGPENDING, &limit));
    union sigval value = {0};
    block(SIGRTMIN);
    block(SIGRTMIN + 1);
    for (int i = 0; i < 3; i++)
        OK(sigqueue(getpid(), SIGRTMIN, value));
    FAILS(sigqueue(getpid(), SIGRTMIN, value), EAGAIN);
    OK(kill(getpid(), SIGRTMIN + 1)); /* gets through without its details */
    TRUE(is_pending(SIGRTMIN + 1));
    sigset_t set = set_of(SIGRTMIN);
    EQ(sigwaitinfo(&set, NULL), SIGRTMIN);
    OK(sigqueue(getpid(), SIGRTMIN, value));
    FAILS(sigqueue(getpid(), SIGRTMIN, value), EAGAIN);
}

int main(void)
{
    masks();
    actions();
    standard_signals_are_pending_once();
    real_time_signals_queue_in_order();
    frames_stack_up();
    handlers_block_their_signal();
    sigsuspend_is_atomic();
    polling_with_a_mask();
    sigtimedwait_takes_signals();
    ignoring_drops_what_is_pending();
    if (geteuid() == 0)
        EQ(status_of(the_queue_is_limited), 0);
    return 0;
}
