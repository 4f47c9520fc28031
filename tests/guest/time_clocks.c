/* SPDX-License-Identifier: MIT
 *
 * Clocks and sleeping: clock_gettime and its relatives, CPU clocks, never too short a sleep, errors.
 */
#include "signal_check.h"

#include <sys/times.h>
#include <sys/timex.h>

static void clocks_run_forward(void)
{
    clockid_t clocks[] = {CLOCK_REALTIME,      CLOCK_MONOTONIC,        CLOCK_PROCESS_CPUTIME_ID,
                          CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE,
                          CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME,      11 /* TAI */};
    struct timespec time, resolution;
    for (unsigned i = 0; i < sizeof(clocks) / sizeof(*clocks); i++) {
        long long before = now_ns(clocks[i]);
        TRUE(before > 0);
        for (int j = 0; j < 200; j++) {
            long long after = now_ns(clocks[i]);
            TRUE(after >= before);
            before = after;
        }
        OK(clock_getres(clocks[i], &resolution));
        TRUE(resolution.tv_sec == 0 && resolution.tv_nsec > 0);
        OK(syscall(SYS_clock_getres, clocks[i], NULL));
        OK(syscall(SYS_clock_gettime, clocks[i], &time));
        FAILS(syscall(SYS_clock_gettime, clocks[i], BAD_POINTER), EFAULT);
    }
    FAILS(syscall(SYS_clock_gettime, 12, &time), EINVAL);
    FAILS(syscall(SYS_clock_gettime, 99, &time), EINVAL);
    FAILS(syscall(SYS_clock_getres, 99, &time), EINVAL);
}

static void wall_clocks_agree(void)
{
    struct timeval tv;
    struct timezone tz = {.tz_minuteswest = 1};
    time_t seconds, same;
    OK(gettimeofday(&tv, &tz));
    long long precise = now_ns(CLOCK_REALTIME) / 1000;
    TRUE(precise - (tv.tv_sec * 1000000ll + tv.tv_usec) >= 0);
    TRUE(precise - (tv.tv_sec * 1000000ll + tv.tv_usec) < 5000000);
    OK(syscall(SYS_gettimeofday, NULL, NULL));
    FAILS(syscall(SYS_gettimeofday, BAD_POINTER, NULL), EFAULT);
    seconds = time(&same);
    EQ(seconds, same);
    TRUE(seconds >= tv.tv_sec && seconds < tv.tv_sec + 5);
    FAILS(syscall(SYS_time, BAD_POINTER), EFAULT);
    TRUE(tv.tv_sec > 1600000000);
}

static void *burn(void *argument)
{
    long long until = now_ns(CLOCK_THREAD_CPUTIME_ID) + 80 * MS;
    while (now_ns(CLOCK_THREAD_CPUTIME_ID) < until)
        for (volatile int i = 0; i < 1000; i++)
            ;
    *(long long *)argument = now_ns(CLOCK_THREAD_CPUTIME_ID);
    return NULL;
}

static void cpu_clocks(void)
{
    long long process = now_ns(CLOCK_PROCESS_CPUTIME_ID), mine = now_ns(CLOCK_THREAD_CPUTIME_ID);
    long long thread_time;
    pthread_t thread;
    EQ(pthread_create(&thread, NULL, burn, &thread_time), 0);
    EQ(pthread_join(thread, NULL), 0);
    TRUE(now_ns(CLOCK_PROCESS_CPUTIME_ID) - process >= 80 * MS);
    TRUE(now_ns(CLOCK_THREAD_CPUTIME_ID) - mine < 80 * MS);
    TRUE(thread_time >= 80 * MS);

    clockid_t clock;
    EQ(clock_getcpuclockid(0, &clock), 0);
    TRUE(now_ns(clock) > 0);
    EQ(clock_getcpuclockid(getpid(), &clock), 0);
    TRUE(now_ns(clock) >= process);
    EQ(pthread_getcpuclockid(pthread_self(), &clock), 0);
    TRUE(now_ns(clock) >= mine);
    clock = (clockid_t)(~(unsigned)getppid() << 3 | 2 /* its process */);
    TRUE(now_ns(clock) >= 0);
    struct timespec time;
    clock = (clockid_t)(~(unsigned)getppid() << 3 | 6 /* its thread: of another process */);
    FAILS(clock_gettime(clock, &time), EINVAL);
    clock = (clockid_t)(~0x3fffffu << 3 | 2 /* nobody */);
    FAILS(clock_gettime(clock, &time), EINVAL);
    struct tms tms;
    OK(times(&tms));
    TRUE(tms.tms_utime + tms.tms_stime >= 1);
}

static void sleeps_are_long_enough(void)
{
    for (long long ns = 1; ns <= 20 * MS; ns *= 10) {
        struct timespec time = {.tv_nsec = ns};
        long long before = now_ns(CLOCK_MONOTONIC);
        OK(nanosleep(&time, NULL));
        TRUE(now_ns(CLOCK_MONOTONIC) - before >= ns);
    }
    clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, 11 /* TAI */};
    for (int i = 0; i < 4; i++) {
        struct timespec time = {.tv_nsec = 5 * MS};
        long long before = now_ns(CLOCK_MONOTONIC);
        EQ(clock_nanosleep(clocks[i], 0, &time, NULL), 0);
        TRUE(now_ns(CLOCK_MONOTONIC) - before >= 5 * MS);
        long long until = now_ns(clocks[i]) + 5 * MS;
        time = (struct timespec){until / 1000000000, until % 1000000000};
        EQ(clock_nanosleep(clocks[i], TIMER_ABSTIME, &time, NULL), 0);
        TRUE(now_ns(clocks[i]) >= until);
        EQ(clock_nanosleep(clocks[i], TIMER_ABSTIME, &(struct timespec){0}, NULL), 0);
    }
}

static void sleep_errors(void)
{
    struct timespec bad = {.tv_nsec = 1000000000}, negative = {.tv_sec = -1}, zero = {0};
    FAILS(nanosleep(&bad, NULL), EINVAL);
    FAILS(nanosleep(&negative, NULL), EINVAL);
    FAILS(syscall(SYS_nanosleep, BAD_POINTER, NULL), EFAULT);
    FAILS(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &zero, NULL), EOPNOTSUPP);
    FAILS(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_COARSE, 0, &zero, NULL), EOPNOTSUPP);
    FAILS(syscall(SYS_clock_nanosleep, 99, 0, &zero, NULL), EINVAL);
    FAILS(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &bad, NULL), EINVAL);
}

static void setting_errors(void)
{
    struct timespec bad = {.tv_nsec = 1000000000}, time = {.tv_sec = 1};
    struct timeval bad_tv = {.tv_usec = 1000000};
    FAILS(clock_settime(CLOCK_REALTIME, &bad), EINVAL);
    FAILS(clock_settime(CLOCK_MONOTONIC, &time), EINVAL);
    const clockid_t own_process = (clockid_t)(~0u << 3 | 2);
    FAILS(syscall(SYS_clock_settime, own_process, &time), EPERM);
    FAILS(syscall(SYS_clock_settime, own_process, NULL), EFAULT);
    FAILS(syscall(SYS_settimeofday, &bad_tv, NULL), EINVAL);
    FAILS(syscall(SYS_settimeofday, BAD_POINTER, NULL), EFAULT);
}

static void not_for_everyone(void)
{
    struct timespec time = {.tv_sec = 2000000000};
    struct timeval tv = {.tv_sec = 2000000000};
    struct timex timex = {.modes = 0x0100 /* ADJ_SETOFFSET */};
    FAILS(clock_settime(CLOCK_REALTIME, &time), EPERM);
    FAILS(syscall(SYS_settimeofday, &tv, NULL), EPERM);
    FAILS(adjtimex(&timex), EPERM);
}

static void adjtimex_reads(void)
{
    struct timex timex = {.modes = 0};
    int state = (int)OK(adjtimex(&timex));
    TRUE(state >= 0 && state <= 5);
    EQ(timex.tick, 10000);
    TRUE(timex.time.tv_sec > 1600000000);
    FAILS(syscall(SYS_adjtimex, BAD_POINTER), EFAULT);
    FAILS(syscall(SYS_clock_adjtime, 99, &timex), EINVAL);
}

int main(void)
{
    clocks_run_forward();
    wall_clocks_agree();
    cpu_clocks();
    sleeps_are_long_enough();
    sleep_errors();
    setting_errors();
    adjtimex_reads();
    if (geteuid() == 0)
        as_user(4321, 4321, not_for_everyone);
    return 0;
}
