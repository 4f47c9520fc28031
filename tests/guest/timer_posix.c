/* SPDX-License-Identifier: MIT
 *
 * POSIX timers and interval timers: never early, overruns, remaining time, CPU time, errors.
 */
#include "signal_check.h"

#include <sched.h>
#include <sys/resource.h>

static volatile sig_atomic_t count;
static volatile int last_value, last_overrun, most_overrun, last_code;
static volatile long long at_ns;

static void note(int signo, siginfo_t *info, void *uc)
{
    (void)signo;
    (void)uc;
    at_ns = now_ns(CLOCK_MONOTONIC);
    last_value = info->si_value.sival_int;
    last_overrun = info->si_overrun;
    if (last_overrun > most_overrun)
        most_overrun = last_overrun;
    last_code = info->si_code;
    count++;
}

static void await(int wanted)
{
    while (count < wanted)
        usleep(500);
}

static struct itimerspec spec(long long first_ns, long long interval_ns)
{
    struct itimerspec s;
    s.it_value = (struct timespec){first_ns / 1000000000, first_ns % 1000000000};
    s.it_interval = (struct timespec){interval_ns / 1000000000, interval_ns % 1000000000};
    return s;
}

static timer_t create(clockid_t clock, int signo, int value)
{
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = signo};
    event.sigev_value.sival_int = value;
    OK(timer_create(clock, &event, &timer));
    return timer;
}

static void set(timer_t timer, int flags, long long first_ns, long long interval_ns)
{
    struct itimerspec s = spec(first_ns, interval_ns);
    OK(timer_settime(timer, flags, &s, NULL));
}

static long long left(timer_t timer)
{
    struct itimerspec s;
    OK(timer_gettime(timer, &s));
    return s.it_value.tv_sec * 1000000000ll + s.it_value.tv_nsec;
}

static void one_shot(void)
{
    clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME};
    handle(SIGUSR1, note, 0);
    for (int i = 0; i < 3; i++) {
        for (int absolute = 0; absolute < 2; absolute++) {
            timer_t timer = create(clocks[i], SIGUSR1, 10 + i);
            EQ(left(timer), 0);
            count = 0;
            long long before = now_ns(CLOCK_MONOTONIC);
            long long when = 20 * MS + (absolute ? now_ns(clocks[i]) : 0);
            set(timer, absolute ? TIMER_ABSTIME : 0, when, 0);
            TRUE(left(timer) > 0 && left(timer) <= 20 * MS);
            await(1);
            TRUE(at_ns - before >= 20 * MS - (absolute ? 1 * MS : 0));
            EQ(last_value, 10 + i);
            EQ(last_code, SI_TIMER);
            EQ(left(timer), 0);
            /* In the past: at once. */
            set(timer, TIMER_ABSTIME, 1, 0);
            await(2);
            OK(timer_delete(timer));
        }
    }
}

static void intervals_do_not_drift(void)
{
    timer_t timer = create(CLOCK_MONOTONIC, SIGUSR1, 0);
    count = 0;
    long long before = now_ns(CLOCK_MONOTONIC);
    set(timer, 0, 10 * MS, 10 * MS);
    int overruns = 0, seen = 0;
    while (seen < 10) {
        await(seen + 1);
        overruns += last_overrun;
        seen = count;
    }
    TRUE(at_ns - before >= (seen + overruns) * 10 * MS);
    TRUE(left(timer) <= 10 * MS);
    set(timer, 0, 0, 0);
    EQ(left(timer), 0);
    usleep(30000);
    int after = count;
    usleep(30000);
    EQ(count, after);
    OK(timer_delete(timer));
}

static void overruns_are_counted(void)
{
    timer_t timer = create(CLOCK_MONOTONIC, SIGUSR1, 0);
    block(SIGUSR1);
    count = most_overrun = 0;
    set(timer, 0, 5 * MS, 5 * MS);
    sleep_ms(52);
    TRUE(is_pending(SIGUSR1));
    unblock(SIGUSR1);
    await(1);
    TRUE(most_overrun >= 8); /* the next signal may be here as well */
    TRUE(timer_getoverrun(timer) >= 0);
    OK(timer_delete(timer));
    FAILS(timer_getoverrun(timer), EINVAL);
}

static void *receive(void *argument)
{
    sigset_t set = set_of(SIGUSR2);
    siginfo_t info;
    *(volatile pid_t *)argument = thread_id();
    while (sigwaitinfo(&set, &info) < 0)
        ;
    return (void *)(intptr_t)info.si_value.sival_int;
}

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static void to_one_thread(void)
{
    static volatile pid_t tid;
    pthread_t thread;
    void *result;
    timer_t timer;
    block(SIGUSR2);
    EQ(pthread_create(&thread, NULL, receive, (void *)&tid), 0);
    while (!tid)
        usleep(100);
    struct sigevent event = {.sigev_notify = 4 /* SIGEV_THREAD_ID */, .sigev_signo = SIGUSR2};
    event.sigev_value.sival_int = 77;
    event.sigev_notify_thread_id = tid;
    OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
    set(timer, 0, 1 * MS, 0);
    EQ(pthread_join(thread, &result), 0);
    EQ((intptr_t)result, 77);
    OK(timer_delete(timer));
    event.sigev_notify_thread_id = 1;
    FAILS(timer_create(CLOCK_MONOTONIC, &event, &timer), EINVAL);
    unblock(SIGUSR2);
}

static void silent_timers(void)
{
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_NONE};
    OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
    set(timer, 0, 10 * MS, 0);
    TRUE(left(timer) > 0);
    sleep_ms(15);
    EQ(left(timer), 0);
    set(timer, 0, 10 * MS, 10 * MS);
    sleep_ms(25);
    TRUE(left(timer) > 0 && left(timer) <= 10 * MS);
    OK(timer_delete(timer));
}

static void errors(void)
{
    timer_t timer;
    struct itimerspec s = spec(1, 0);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 0};
    FAILS(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer), EINVAL);
    event.sigev_signo = SIGUSR1;
    FAILS(syscall(SYS_timer_create, 77, &event, &timer), EINVAL);
    event.sigev_notify = 3;
    FAILS(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer), EINVAL);
    FAILS(syscall(SYS_timer_create, CLOCK_MONOTONIC, BAD_POINTER, &timer), EFAULT);
    FAILS(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, BAD_POINTER), EFAULT);
    FAILS(syscall(SYS_timer_settime, 1234, 0, &s, NULL), EINVAL);
    FAILS(syscall(SYS_timer_delete, 1234), EINVAL);
    timer = create(CLOCK_MONOTONIC, SIGUSR1, 0);
    s.it_value.tv_nsec = 1000000000;
    FAILS(timer_settime(timer, 0, &s, NULL), EINVAL);
    s.it_value = (struct timespec){.tv_sec = -1};
    FAILS(timer_settime(timer, 0, &s, NULL), EINVAL);
    /* The far future is no problem. */
    s.it_value = (struct timespec){.tv_sec = 0x7fffffffffffffff};
    OK(timer_settime(timer, 0, &s, NULL));
    TRUE(left(timer) > 0);
    OK(timer_delete(timer));
}

/* The old setting is reported; a deleted timer's signal is not taken back. */
static void setting_again(void)
{
    timer_t timer = create(CLOCK_MONOTONIC, SIGUSR1, 0);
    struct itimerspec s = spec(5000 * MS, 700 * MS), old;
    OK(timer_settime(timer, 0, &s, &old));
    EQ(old.it_value.tv_sec, 0);
    s = spec(0, 0);
    OK(timer_settime(timer, 0, &s, &old));
    TRUE(old.it_value.tv_sec == 4);
    EQ(old.it_interval.tv_nsec, 700 * MS);
    OK(timer_delete(timer));
}

/* ---- CPU time ---- */

static void burn_ms(long long ms)
{
    long long until = now_ns(CLOCK_PROCESS_CPUTIME_ID) + ms * MS;
    while (now_ns(CLOCK_PROCESS_CPUTIME_ID) < until)
        for (volatile int i = 0; i < 10000; i++)
            ;
}

static void cpu_timers(void)
{
    clockid_t clocks[] = {CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID};
    for (int i = 0; i < 2; i++) {
        timer_t timer = create(clocks[i], SIGUSR1, 0);
        count = 0;
        long long before = now_ns(clocks[i]);
        set(timer, 0, 30 * MS, 0);
        sleep_ms(60);
        EQ(count, 0);
        while (!count)
            burn_ms(1);
        TRUE(now_ns(clocks[i]) - before >= 30 * MS);
        OK(timer_delete(timer));
    }
}

/* A stopped ITIMER_REAL has no interval; the others keep what was set. */
static void stopped_interval_timers(void)
{
    struct itimerval zero = {{0, 0}, {0, 0}}, stopped = {.it_interval = {10, 0}}, old;
    int which[] = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};
    for (int i = 0; i < 3; i++) {
        OK(setitimer(which[i], &stopped, NULL));
        OK(setitimer(which[i], &zero, &old));
        EQ(old.it_interval.tv_sec, which[i] == ITIMER_REAL ? 0 : 10);
        EQ(old.it_value.tv_sec, 0);
        EQ(old.it_value.tv_usec, 0);
    }
}

static void interval_timers(void)
{
    int which[] = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF},
        signo[] = {SIGALRM, SIGVTALRM, SIGPROF};
    struct itimerval value = {.it_value.tv_usec = 20000, .it_interval.tv_usec = 10000}, old,
                     zero = {0};
    for (int i = 0; i < 3; i++) {
        handle(signo[i], note, SA_RESTART);
        count = 0;
        long long before = now_ns(CLOCK_MONOTONIC);
        OK(setitimer(which[i], &value, NULL));
        OK(getitimer(which[i], &old));
        EQ(old.it_interval.tv_usec, 10000);
        TRUE(old.it_value.tv_usec > 0 && old.it_value.tv_usec <= 30000);
        while (count < 3)
            burn_ms(1);
        TRUE(at_ns - before >= 39 * MS);
        OK(setitimer(which[i], &zero, &old));
        EQ(old.it_interval.tv_usec, 10000);
        OK(getitimer(which[i], &old));
        EQ(old.it_value.tv_usec, 0);
    }
    value.it_value.tv_usec = 1000000;
    FAILS(setitimer(ITIMER_REAL, &value, NULL), EINVAL);
    FAILS(setitimer(3, &zero, NULL), EINVAL);
    stopped_interval_timers();
    FAILS(getitimer(3, &zero), EINVAL);
    EQ(alarm(100), 0);
    EQ(alarm(0), 100);
}

static void outlive_cpu_limit(void)
{
    struct rlimit limit = {.rlim_cur = 1, .rlim_max = 10};
    OK(setrlimit(RLIMIT_CPU, &limit));
    for (;;)
        ;
}

static volatile sig_atomic_t spins; /* for ever; or sleep after each 10 ms of CPU time */

static void raised_limit(int signo)
{
    struct rlimit limit;
    (void)signo;
    OK(getrlimit(RLIMIT_RTTIME, &limit));
    EQ(limit.rlim_cur, 1050000);
    count++;
}

static void run_in_real_time(void)
{
    struct rlimit limit = {.rlim_cur = 50000, .rlim_max = 200000};
    struct sched_param param = {.sched_priority = 1};
    OK(setrlimit(RLIMIT_RTTIME, &limit));
    if (syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &param)) {
        EQ(errno, EPERM);
        _exit(77);
    }
    for (int i = 0; spins || i < 10; i++) {
        long long until_ns = now_ns(CLOCK_THREAD_CPUTIME_ID) + 10000000;
        while (spins || now_ns(CLOCK_THREAD_CPUTIME_ID) < until_ns)
            ;
        usleep(1000);
    }
}

static void run_past_soft_limit(void)
{
    count = 0;
    signal(SIGXCPU, raised_limit);
    run_in_real_time();
}

/* RLIMIT_RTTIME: of CPU time without sleep, and of real-time tasks only. */
static void real_time_limit(void)
{
    spins = 0;
    int status = status_of(run_in_real_time);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        return;
    EQ(status, 0);
    spins = 1;
    EQ(WTERMSIG(status_of(run_in_real_time)), SIGXCPU);
    EQ(WTERMSIG(status_of(run_past_soft_limit)), SIGKILL);
}

/* exec keeps alarm and drops POSIX timers; fork drops both. */
static void of_a_child(void)
{
    struct itimerval value;
    OK(getitimer(ITIMER_REAL, &value));
    EQ(value.it_value.tv_sec, 0);
    FAILS(syscall(SYS_timer_delete, 0), EINVAL);
}

static void children(void)
{
    timer_t timer = create(CLOCK_MONOTONIC, SIGUSR1, 0);
    alarm(100);
    EQ(status_of(of_a_child), 0);
    TRUE(alarm(0) > 90);
    OK(timer_delete(timer));
    EQ(WTERMSIG(status_of(outlive_cpu_limit)), SIGXCPU);
}

int main(void)
{
    one_shot();
    intervals_do_not_drift();
    overruns_are_counted();
    to_one_thread();
    silent_timers();
    errors();
    setting_again();
    cpu_timers();
    interval_timers();
    children();
    real_time_limit();
    return 0;
}
