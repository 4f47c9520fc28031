/* SPDX-License-Identifier: MIT */
#include "tests/unit/proc/task_fixture.h"

#include "kernel/abi/time.h"
#include "kernel/proc/itimer.h"
#include "kernel/proc/posix_timers.h"
#include "kernel/proc/signal_internal.h"
#include "kernel/proc/time.h"
#include "kernel/proc/timerfd.h"
#include "kernel/proc/wall_timer.h"

enum { MS = 1000000 };

static int take(int signo, struct linux_siginfo *info)
{
    return signal_take(current_task(), LINUX_SIGMASK(signo), info);
}

static bool is_pending(int signo)
{
    return signal_in(signal_pending_set(current_task()), signo);
}

static void await_pending(int signo)
{
    while (!is_pending(signo))
        kernel_fixture_sleep_ns(MS / 10);
}

static int create_timer(int clock, int signo)
{
    struct linux_sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = signo};
    event.sigev_value.sival_int = 55;
    int id;
    ck_assert_int_eq(posix_timer_create(clock, &event, &id), 0);
    return id;
}

static void set_timer(int id, bool absolute, uint64_t value_ns, uint64_t interval_ns)
{
    struct posix_timer_setting setting = {.value_ns = value_ns, .interval_ns = interval_ns}, old;
    ck_assert_int_eq(posix_timer_set(id, absolute, &setting, &old), 0);
}

static uint64_t time_left(int id)
{
    struct posix_timer_setting setting;
    ck_assert_int_eq(posix_timer_get(id, &setting), 0);
    return setting.value_ns;
}

static void overrun_body(void)
{
    struct linux_siginfo info;
    signal_set_blocked(~0ull);
    int id = create_timer(CLOCK_MONOTONIC, SIGRTMIN);
    uint64_t start_ns = clock_monotonic_ns();
    set_timer(id, false, 2 * MS, MS);
    kernel_fixture_sleep_ns(20 * MS);
    ck_assert_int_eq(take(SIGRTMIN, &info), SIGRTMIN);
    uint64_t end_ns = clock_monotonic_ns();
    ck_assert_int_eq(info.si_code, SI_TIMER);
    ck_assert_int_eq(info.timer.value.sival_int, 55);
    ck_assert_int_ge(info.timer.overrun, 17);
    ck_assert_int_le(info.timer.overrun, (int)((end_ns - start_ns) / MS));
    ck_assert_int_eq(posix_timer_overrun(id), info.timer.overrun);
    await_pending(SIGRTMIN); /* it goes on */
    ck_assert_int_eq(posix_timer_delete(id), 0);
    ck_assert_int_eq(posix_timer_delete(id), -EINVAL);
    ck_assert(is_pending(SIGRTMIN)); /* what was sent stays sent */
    ck_assert_int_eq(take(SIGRTMIN, &info), SIGRTMIN);
    ck_assert_uint_eq(current_process()->signals_queued, 0);
}
TASK_TEST(overruns_are_the_periods_missed_until_the_signal_is_taken, 2, overrun_body)

static void reset_body(void)
{
    struct linux_siginfo info;
    signal_set_blocked(~0ull);
    int id = create_timer(CLOCK_MONOTONIC, SIGUSR1);
    set_timer(id, true, 1, 0);
    await_pending(SIGUSR1);
    set_timer(id, true, 1, 0); /* expires again while its signal is still queued */
    kernel_fixture_sleep_ns(2 * MS);
    ck_assert_int_eq(take(SIGUSR1, &info), SIGUSR1);
    ck_assert_int_eq(info.timer.overrun, 1);
    ck_assert_int_eq(take(SIGUSR1, &info), 0);
    set_timer(id, false, 3600 * NSEC_PER_SEC, 0);
    ck_assert_uint_gt(time_left(id), 3500 * NSEC_PER_SEC);
    set_timer(id, false, 0, 0);
    ck_assert_uint_eq(time_left(id), 0);
    /* The process ends with a timer: it must go with it. */
    set_timer(id, false, MS, MS);
}
TASK_TEST(a_timer_set_anew_counts_what_is_queued, 2, reset_body)

static void clock_set_body(void)
{
    struct linux_siginfo info;
    uint64_t hour_ns = 3600 * NSEC_PER_SEC;
    signal_set_blocked(~0ull);
    int absolute = create_timer(CLOCK_REALTIME, SIGUSR1);
    int relative = create_timer(CLOCK_REALTIME, SIGUSR2);
    set_timer(absolute, true, clock_realtime_ns() + hour_ns, 0);
    set_timer(relative, false, hour_ns, 0);
    wall_clock_set(clock_realtime_ns() + hour_ns / 2);
    kernel_fixture_sleep_ns(2 * MS);
    ck_assert(!is_pending(SIGUSR1));
    ck_assert_uint_le(time_left(absolute), hour_ns / 2);
    wall_clock_set(clock_realtime_ns() + hour_ns / 2);
    await_pending(SIGUSR1);
    ck_assert(!is_pending(SIGUSR2));
    ck_assert_uint_gt(time_left(relative), hour_ns / 2);
    take(SIGUSR1, &info);
    /* Back: an absolute timer waits longer. */
    set_timer(absolute, true, clock_realtime_ns() + 5 * MS, 0);
    wall_clock_set(clock_realtime_ns() - hour_ns);
    kernel_fixture_sleep_ns(10 * MS);
    ck_assert(!is_pending(SIGUSR1));
    ck_assert_uint_gt(time_left(absolute), hour_ns / 2);
}
TASK_TEST(absolute_realtime_timers_follow_the_clock, 2, clock_set_body)

static void create_failure_body(void)
{
    struct linux_sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct fault_injection faults;
    int id, error = -1;
    for (uint64_t n = 1; error; n++) {
        fail_allocation(&faults, n);
        error = posix_timer_create(CLOCK_MONOTONIC, &event, &id);
        fail_allocation(&faults, 0);
        ck_assert(!error || error == -EAGAIN || error == -ENOMEM);
        ck_assert_uint_le(n, 10);
        ck_assert_uint_eq(current_process()->signals_queued, error ? 0 : 1);
    }
    ck_assert_int_eq(posix_timer_delete(id), 0);
    current_process()->rlimits[RLIMIT_SIGPENDING].rlim_cur = 0;
    ck_assert_int_eq(posix_timer_create(CLOCK_MONOTONIC, &event, &id), -EAGAIN);
}
TASK_TEST(create_survives_failure_of_nth_allocation, 1, create_failure_body)

/* ---- CPU time ---- */

static void burn_ns(uint64_t ns)
{
    uint64_t until_ns = task_cpu_ns(current_task(), false) + ns;
    while (task_cpu_ns(current_task(), false) < until_ns)
        sched_resched_if_needed();
}

static void cpu_body(void)
{
    struct linux_siginfo info;
    signal_set_blocked(~0ull);
    int id = create_timer(CLOCK_PROCESS_CPUTIME_ID, SIGUSR1);
    set_timer(id, false, 5 * MS, 0);
    kernel_fixture_sleep_ns(20 * MS);
    ck_assert(!is_pending(SIGUSR1));
    while (!is_pending(SIGUSR1))
        burn_ns(MS / 2);
    ck_assert_uint_ge(process_cpu_ns(current_process(), false), 5 * MS);
    take(SIGUSR1, &info);

    struct itimer_setting setting = {.value_ns = 3 * MS, .interval_ns = 3 * MS}, old;
    itimer_set(ITIMER_PROF, &setting, &old);
    for (int i = 0; i < 3; i++) {
        while (!is_pending(SIGPROF))
            burn_ns(MS / 2);
        take(SIGPROF, &info);
    }
    setting = (struct itimer_setting){0};
    itimer_set(ITIMER_PROF, &setting, &old);
    ck_assert_uint_eq(old.interval_ns, 3 * MS);
}
TASK_TEST(cpu_timers_count_only_cpu_time, 2, cpu_body)

static void real_body(void)
{
    struct itimer_setting setting = {.value_ns = 2 * MS, .interval_ns = 2 * MS}, old;
    struct linux_siginfo info;
    signal_set_blocked(~0ull);
    itimer_set(ITIMER_REAL, &setting, &old);
    ck_assert_uint_eq(old.value_ns, 0);
    for (int i = 0; i < 3; i++) {
        await_pending(SIGALRM);
        take(SIGALRM, &info);
        ck_assert_int_eq(info.si_code, SI_KERNEL);
    }
    setting.value_ns = 0;
    itimer_set(ITIMER_REAL, &setting, &old);
    ck_assert_uint_gt(old.value_ns, 0);
    ck_assert_uint_le(old.value_ns, 2 * MS);
    kernel_fixture_sleep_ns(5 * MS);
    ck_assert(!is_pending(SIGALRM));
    /* Left running for the exit. */
    setting.value_ns = setting.interval_ns = MS;
    itimer_set(ITIMER_REAL, &setting, &old);
}
TASK_TEST(the_interval_timer_goes_on_when_its_signal_is_taken, 2, real_body)

/* ---- timerfd ---- */

static int64_t read_ticks(int fd, uint64_t *ticks)
{
    struct file *file = fd_get(fd);
    struct uio uio;
    uio_init_kernel(&uio, ticks, sizeof(*ticks));
    int64_t result = vfs_read(file, &uio, NULL);
    file_put(file);
    return result;
}

static void timerfd_body(void)
{
    struct timerfd_setting setting = {.value_ns = clock_realtime_ns() + 3600 * NSEC_PER_SEC}, old;
    uint64_t ticks;
    int fd = timerfd_file_create(CLOCK_REALTIME, true, O_NONBLOCK);
    ck_assert_int_ge(fd, 0);
    struct file *file = fd_get(fd);
    ck_assert_int_eq(
        timerfd_set(file, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &setting, &old), 0);
    ck_assert_int_eq(read_ticks(fd, &ticks), -EAGAIN);
    ck_assert_uint_eq(vfs_poll(file, NULL), 0);
    wall_clock_set(clock_realtime_ns() + 1);
    ck_assert_uint_ne(vfs_poll(file, NULL), 0);
    ck_assert_int_eq(read_ticks(fd, &ticks), -ECANCELED);
    ck_assert_int_eq(read_ticks(fd, &ticks), -EAGAIN);

    setting = (struct timerfd_setting){.value_ns = MS, .interval_ns = MS};
    ck_assert_int_eq(timerfd_set(file, 0, &setting, &old), 0);
    ck_assert_uint_gt(old.value_ns, 3500 * NSEC_PER_SEC);
    kernel_fixture_sleep_ns(10 * MS);
    ck_assert_int_eq(read_ticks(fd, &ticks), 8);
    ck_assert_uint_ge(ticks, 9);
    file_put(file);
    ck_assert_int_eq(fd_close(fd), 0);
}
TASK_TEST(timerfd_counts_periods_and_notices_clock_changes, 2, timerfd_body)

/* ---- arithmetic ---- */

START_TEST(times_saturate_and_are_checked)
{
    struct linux_timespec time = {.tv_sec = INT64_MAX, .tv_nsec = 999999999};
    ck_assert(timespec_is_valid(&time));
    ck_assert_uint_eq(timespec_to_ns(&time), TIME_MAX_NS);
    ck_assert_uint_eq(time_add(TIME_MAX_NS, TIME_MAX_NS), TIME_MAX_NS);
    ck_assert_uint_eq(time_add(UINT64_MAX, 1), TIME_MAX_NS);
    ck_assert_uint_eq(time_add(1, 2), 3);
    time = (struct linux_timespec){.tv_nsec = 1000000000};
    ck_assert(!timespec_is_valid(&time));
    time = (struct linux_timespec){.tv_nsec = -1};
    ck_assert(!timespec_is_valid(&time));
    time = (struct linux_timespec){.tv_sec = -1};
    ck_assert(!timespec_is_valid(&time));
    time = timespec_from_ns(1999999999);
    ck_assert_int_eq(time.tv_sec, 1);
    ck_assert_int_eq(time.tv_nsec, 999999999);
    struct linux_timeval tv = {.tv_sec = 2, .tv_usec = 3};
    ck_assert(timeval_is_valid(&tv));
    ck_assert_uint_eq(timeval_to_ns(&tv), 2000003000);
    tv.tv_usec = 1000000;
    ck_assert(!timeval_is_valid(&tv));
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, overruns_are_the_periods_missed_until_the_signal_is_taken);
    tcase_add_test(tcase, a_timer_set_anew_counts_what_is_queued);
    tcase_add_test(tcase, absolute_realtime_timers_follow_the_clock);
    tcase_add_test(tcase, create_survives_failure_of_nth_allocation);
    tcase_add_test(tcase, cpu_timers_count_only_cpu_time);
    tcase_add_test(tcase, the_interval_timer_goes_on_when_its_signal_is_taken);
    tcase_add_test(tcase, timerfd_counts_periods_and_notices_clock_changes);
    tcase_add_test(tcase, times_saturate_and_are_checked);
}

static Suite *suite(void)
{
    return unit_suite("timer", add);
}

UNIT_MAIN(suite)
