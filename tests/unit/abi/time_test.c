/* SPDX-License-Identifier: MIT */
/* kernel/abi/time.h against the host's headers. */
#define _GNU_SOURCE
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/timex.h>
#include <time.h>
#include <utime.h>

#include "tests/unit/abi/host_compare.h"

/* clang-format off */
#define NAMES(V) \
    V(CLOCK_REALTIME) V(CLOCK_MONOTONIC) V(CLOCK_PROCESS_CPUTIME_ID) V(CLOCK_THREAD_CPUTIME_ID) \
    V(CLOCK_MONOTONIC_RAW) V(CLOCK_REALTIME_COARSE) V(CLOCK_MONOTONIC_COARSE) V(CLOCK_BOOTTIME) \
    V(CLOCK_REALTIME_ALARM) V(CLOCK_BOOTTIME_ALARM) V(CLOCK_TAI) V(TIMER_ABSTIME) V(ITIMER_REAL) \
    V(ITIMER_VIRTUAL) V(ITIMER_PROF) V(TFD_TIMER_ABSTIME) V(TFD_TIMER_CANCEL_ON_SET) \
    V(TFD_CLOEXEC) V(TFD_NONBLOCK) V(ADJ_OFFSET) V(ADJ_FREQUENCY) V(ADJ_MAXERROR) \
    V(ADJ_ESTERROR) V(ADJ_STATUS) V(ADJ_TIMECONST) V(ADJ_TAI) V(ADJ_SETOFFSET) V(ADJ_MICRO) \
    V(ADJ_NANO) V(ADJ_TICK) V(ADJ_OFFSET_SINGLESHOT) V(ADJ_OFFSET_SS_READ) V(STA_PLL) \
    V(STA_UNSYNC) V(STA_NANO) V(TIME_OK) V(TIME_INS) V(TIME_DEL) V(TIME_OOP) V(TIME_WAIT) \
    V(TIME_ERROR)
/* clang-format on */

HOST_TABLE(NAMES);

#define ABI_HEADER "kernel/abi/time.h"
#include "tests/unit/abi/quiet_include.h"

ABI_TABLE(NAMES);

ABI_VALUES_TEST

static const struct abi_layout layouts[] = {
    SAME_SIZE(struct linux_timespec, struct timespec),
    SAME_FIELD(struct linux_timespec, tv_sec, struct timespec, tv_sec),
    SAME_FIELD(struct linux_timespec, tv_nsec, struct timespec, tv_nsec),
    SAME_SIZE(struct linux_timeval, struct timeval),
    SAME_FIELD(struct linux_timeval, tv_sec, struct timeval, tv_sec),
    SAME_FIELD(struct linux_timeval, tv_usec, struct timeval, tv_usec),
    SAME_SIZE(struct linux_timezone, struct timezone),
    SAME_FIELD(struct linux_timezone, tz_minuteswest, struct timezone, tz_minuteswest),
    SAME_FIELD(struct linux_timezone, tz_dsttime, struct timezone, tz_dsttime),
    SAME_SIZE(struct linux_itimerspec, struct itimerspec),
    SAME_FIELD(struct linux_itimerspec, it_interval, struct itimerspec, it_interval),
    SAME_FIELD(struct linux_itimerspec, it_value, struct itimerspec, it_value),
    SAME_SIZE(struct linux_itimerval, struct itimerval),
    SAME_FIELD(struct linux_itimerval, it_interval, struct itimerval, it_interval),
    SAME_FIELD(struct linux_itimerval, it_value, struct itimerval, it_value),
    SAME_SIZE(struct linux_tms, struct tms),
    SAME_FIELD(struct linux_tms, tms_utime, struct tms, tms_utime),
    SAME_FIELD(struct linux_tms, tms_stime, struct tms, tms_stime),
    SAME_FIELD(struct linux_tms, tms_cutime, struct tms, tms_cutime),
    SAME_FIELD(struct linux_tms, tms_cstime, struct tms, tms_cstime),
    SAME_SIZE(struct linux_utimbuf, struct utimbuf),
    SAME_FIELD(struct linux_utimbuf, actime, struct utimbuf, actime),
    SAME_FIELD(struct linux_utimbuf, modtime, struct utimbuf, modtime),
    SAME_SIZE(struct linux_timex, struct timex),
    SAME_FIELD(struct linux_timex, modes, struct timex, modes),
    SAME_FIELD(struct linux_timex, offset, struct timex, offset),
    SAME_FIELD(struct linux_timex, freq, struct timex, freq),
    SAME_FIELD(struct linux_timex, maxerror, struct timex, maxerror),
    SAME_FIELD(struct linux_timex, esterror, struct timex, esterror),
    SAME_FIELD(struct linux_timex, status, struct timex, status),
    SAME_FIELD(struct linux_timex, constant, struct timex, constant),
    SAME_FIELD(struct linux_timex, precision, struct timex, precision),
    SAME_FIELD(struct linux_timex, tolerance, struct timex, tolerance),
    SAME_FIELD(struct linux_timex, time, struct timex, time),
    SAME_FIELD(struct linux_timex, tick, struct timex, tick),
    SAME_FIELD(struct linux_timex, ppsfreq, struct timex, ppsfreq),
    SAME_FIELD(struct linux_timex, jitter, struct timex, jitter),
    SAME_FIELD(struct linux_timex, shift, struct timex, shift),
    SAME_FIELD(struct linux_timex, stabil, struct timex, stabil),
    SAME_FIELD(struct linux_timex, jitcnt, struct timex, jitcnt),
    SAME_FIELD(struct linux_timex, calcnt, struct timex, calcnt),
    SAME_FIELD(struct linux_timex, errcnt, struct timex, errcnt),
    SAME_FIELD(struct linux_timex, stbcnt, struct timex, stbcnt),
    SAME_FIELD(struct linux_timex, tai, struct timex, tai),
};

ABI_LAYOUTS_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, values_equal_those_of_the_host);
    tcase_add_test(tcase, structures_are_laid_out_as_on_the_host);
}

static Suite *time_suite(void)
{
    return unit_suite("time", add);
}

UNIT_MAIN(time_suite)
