/* SPDX-License-Identifier: MIT
 *
 * adjtimex(2), clock_adjtime(2), settimeofday(2): what may be asked for, what is reported, and that
 * the clock really runs faster. The machine's clock is left as it was found, but for a few
 * milliseconds.
 */
#include "guest.h"

#include <sys/time.h>
#include <sys/timex.h>

#ifndef ADJ_SETOFFSET
#define ADJ_SETOFFSET 0x0100
#endif

enum { TICK_US = 10000 };
static const unsigned int SINGLESHOT = 0x8001, SINGLESHOT_READ = 0xa001;

static void need_right(void)
{
    struct timex timex = {.modes = ADJ_TICK, .tick = TICK_US};
    need_own_machine();
    if (adjtimex(&timex) < 0 && errno == EPERM)
        skip("may not set the clock");
}

static int ask(unsigned modes, struct timex *timex)
{
    timex->modes = modes;
    return adjtimex(timex);
}

static void bad_requests_fail(void)
{
    struct timex timex = {0};
    need_right();
    FAILS(ask(0x8000, &timex), EINVAL);
    FAILS(ask(0xa000, &timex), EINVAL);
    timex.tick = 8999;
    FAILS(ask(ADJ_TICK, &timex), EINVAL);
    timex.tick = 11001;
    FAILS(ask(ADJ_TICK, &timex), EINVAL);
    timex.freq = 1l << 60;
    FAILS(ask(ADJ_FREQUENCY, &timex), EINVAL);
    timex.freq = -(1l << 60);
    FAILS(ask(ADJ_FREQUENCY, &timex), EINVAL);
    timex.time.tv_usec = -1;
    FAILS(ask(ADJ_SETOFFSET, &timex), EINVAL);
    timex.time.tv_usec = 1000000;
    FAILS(ask(ADJ_SETOFFSET, &timex), EINVAL);
    timex.time.tv_usec = 1000000000;
    FAILS(ask(ADJ_SETOFFSET | ADJ_NANO, &timex), EINVAL);
    FAILS(adjtimex(BAD_POINTER), EFAULT);
    FAILS(clock_adjtime(CLOCK_MONOTONIC, &timex), EOPNOTSUPP);
    FAILS(clock_adjtime(99, &timex), EINVAL);
}

static void values_are_remembered(void)
{
    struct timex before = {0}, timex = {0};
    need_right();
    OK(ask(0, &before));
    EQ(before.precision, 1);
    EQ(before.tolerance, 500 << 16);
    timex.freq = 10 << 16;
    OK(ask(ADJ_FREQUENCY, &timex));
    EQ(timex.freq, 10 << 16);
    timex.freq = 1000l << 16;
    OK(ask(ADJ_FREQUENCY, &timex));
    EQ(timex.freq, 500 << 16); /* as much as there is */
    timex.freq = before.freq;
    OK(ask(ADJ_FREQUENCY, &timex));
    timex.constant = 3;
    OK(ask(ADJ_TIMECONST | ADJ_MICRO, &timex));
    EQ(timex.constant, 7);
    timex.constant = 3;
    OK(ask(ADJ_TIMECONST | ADJ_NANO, &timex));
    EQ(timex.constant, 3);
    TRUE(timex.status & STA_NANO);
    TRUE(timex.time.tv_usec < 1000000000);
    OK(ask(ADJ_MICRO, &timex));
    TRUE(!(timex.status & STA_NANO));
    OK(ask(ADJ_NANO, &timex));
    timex.constant = before.constant;
    OK(ask(ADJ_TIMECONST, &timex));
    EQ(timex.constant, before.constant);
    if (!(before.status & STA_NANO))
        OK(ask(ADJ_MICRO, &timex));
}

static void status_says_who_vouches(void)
{
    struct timex before = {0}, timex = {0};
    need_right();
    OK(ask(0, &before));
    timex.status = STA_PLL | STA_CLOCKERR; /* one cannot be set */
    timex.maxerror = timex.esterror = 5;
    EQ(ask(ADJ_STATUS | ADJ_MAXERROR | ADJ_ESTERROR, &timex), TIME_OK);
    EQ(timex.status & (STA_PLL | STA_UNSYNC | STA_CLOCKERR), STA_PLL);
    TRUE(timex.maxerror >= 5 && timex.esterror == 5);
    timex.status = STA_UNSYNC;
    EQ(ask(ADJ_STATUS, &timex), TIME_ERROR);
    EQ(timex.status & (STA_PLL | STA_UNSYNC), STA_UNSYNC);
    OK(ask(ADJ_STATUS | ADJ_MAXERROR | ADJ_ESTERROR, &before));
}

static void adjtime_tells_what_is_left(void)
{
    struct timex timex = {.offset = 2000};
    need_right();
    OK(ask(SINGLESHOT, &timex));
    OK(ask(SINGLESHOT_READ, &timex));
    TRUE(timex.offset >= 1000 && timex.offset <= 2000);
    timex.offset = 0;
    OK(ask(SINGLESHOT, &timex)); /* never mind */
    TRUE(timex.offset >= 1000 && timex.offset <= 2000);
    OK(ask(SINGLESHOT_READ, &timex));
    EQ(timex.offset, 0);
    struct timeval delta = {.tv_usec = 10}, old;
    OK(adjtime(&delta, NULL));
    OK(adjtime(NULL, &old));
    TRUE(old.tv_sec == 0 && old.tv_usec >= 0 && old.tv_usec <= 10);
    delta.tv_usec = 0;
    OK(adjtime(&delta, NULL));
}

static int64_t ns_of(clockid_t clock)
{
    struct timespec now;
    OK(clock_gettime(clock, &now));
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static void tai_has_an_offset(void)
{
    struct timex before = {0}, timex = {0};
    need_right();
    OK(ask(0, &before));
    timex.constant = 37;
    OK(ask(ADJ_TAI, &timex));
    EQ(timex.tai, 37);
    int64_t low = ns_of(CLOCK_REALTIME), tai = ns_of(CLOCK_TAI), high = ns_of(CLOCK_REALTIME);
    TRUE(tai >= low + 37000000000ll && tai <= high + 37000000000ll);
    struct timespec by_call;
    OK(syscall(__NR_clock_gettime, CLOCK_TAI, &by_call));
    TRUE(by_call.tv_sec >= low / 1000000000 + 37);
    by_call.tv_nsec = 0; /* has just passed */
    OK(clock_nanosleep(CLOCK_TAI, TIMER_ABSTIME, &by_call, NULL));
    timex.constant = -1;
    OK(ask(ADJ_TAI, &timex));
    EQ(timex.tai, 37); /* means nothing */
    timex.constant = before.tai;
    OK(ask(ADJ_TAI, &timex));
    EQ(timex.tai, before.tai);
}

/* CLOCK_REALTIME - CLOCK_MONOTONIC_RAW, to a tenth of a millisecond; *out_raw: when. */
static int64_t difference(int64_t *out_raw)
{
    for (;;) {
        int64_t before = ns_of(CLOCK_MONOTONIC_RAW), real = ns_of(CLOCK_REALTIME);
        int64_t after = ns_of(CLOCK_MONOTONIC_RAW);
        if (after - before < 100000) {
            *out_raw = after;
            return real - after;
        }
        sleep_ms(1);
    }
}

/* A tenth more is gained with ticks of 11 ms; Linux takes a moment until it does. */
static void long_ticks_make_it_fast(void)
{
    struct timex timex = {.tick = 11000};
    int64_t since, now;
    need_right();
    int64_t before = difference(&since), gained = 0;
    OK(ask(ADJ_TICK, &timex));
    EQ(timex.tick, 11000);
    do {
        sleep_ms(5);
        gained = difference(&now) - before;
    } while (gained < 3000000 && now - since < 5000000000ll);
    int64_t call = ns_of(CLOCK_REALTIME);
    struct timespec by_call;
    OK(syscall(__NR_clock_gettime, CLOCK_REALTIME, &by_call)); /* the same without the vDSO */
    TRUE(by_call.tv_sec * 1000000000ll + by_call.tv_nsec >= call);
    timex.tick = TICK_US;
    OK(ask(ADJ_TICK, &timex));
    TRUE(gained >= 3000000);
    TRUE(gained <= (now - since) / 9 + 1000000);
}

static void steps_by_nothing_are_fine(void)
{
    struct timex timex = {0};
    need_right();
    OK(ask(ADJ_SETOFFSET, &timex));
    timex = (struct timex){0}; /* the call has put the time there */
    OK(ask(ADJ_SETOFFSET | ADJ_MICRO, &timex));
}

static void time_zones_are_kept(void)
{
    struct timezone before, zone = {.tz_minuteswest = 901}, got;
    need_right();
    OK(syscall(__NR_gettimeofday, NULL, &before));
    FAILS(syscall(__NR_settimeofday, NULL, &zone), EINVAL);
    zone.tz_minuteswest = -901;
    FAILS(syscall(__NR_settimeofday, NULL, &zone), EINVAL);
    /* The first zone ever would also move the clock, unless it is none. */
    zone = (struct timezone){0};
    OK(syscall(__NR_settimeofday, NULL, &zone));
    zone = (struct timezone){.tz_minuteswest = 120, .tz_dsttime = 3};
    OK(syscall(__NR_settimeofday, NULL, &zone));
    OK(syscall(__NR_gettimeofday, NULL, &got));
    EQ(got.tz_minuteswest, 120);
    EQ(got.tz_dsttime, 3);
    OK(syscall(__NR_settimeofday, NULL, &before));
}

static void only_with_the_right(void)
{
    struct timex timex = {0};
    struct timezone zone = {0};
    if (geteuid() == 0)
        OK(setresuid(1000, 1000, 1000));
    OK(ask(0, &timex));
    OK(ask(SINGLESHOT_READ, &timex));
    FAILS(ask(SINGLESHOT, &timex), EPERM);
    FAILS(ask(ADJ_NANO, &timex), EPERM);
    FAILS(ask(ADJ_SETOFFSET, &timex), EPERM);
    FAILS(ask(ADJ_STATUS, &timex), EPERM);
    FAILS(syscall(__NR_settimeofday, NULL, &zone), EPERM);
    FAILS(syscall(__NR_settimeofday, NULL, NULL), EPERM);
}

GUEST_MAIN(CASE(bad_requests_fail), CASE(values_are_remembered), CASE(status_says_who_vouches),
           CASE(adjtime_tells_what_is_left), CASE(tai_has_an_offset), CASE(long_ticks_make_it_fast),
           CASE(steps_by_nothing_are_fine), CASE(time_zones_are_kept), CASE(only_with_the_right))
