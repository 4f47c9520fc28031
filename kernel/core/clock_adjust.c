/* SPDX-License-Identifier: MIT
 *
 * Adjusting CLOCK_REALTIME gradually: adjtimex(2), adjtime(3), the kernel model of RFC 1589.
 *
 * The clock's rate (core/clock.c) is the sum of a frequency, of the length of a tick, and of what
 * is being worked off: an offset of adjtime, 500 us a second, or one of the phase-locked loop, a
 * fraction of which goes every second. While anything is worked off a timer looks once a second
 * what to do in the next; otherwise nothing runs. Insertion of leap seconds is only remembered.
 *
 * Everything here is under adjust->lock (irqsave: the timer takes it), which comes before the lock
 * of the clock itself. CLOCK_MONOTONIC keeps the hardware's rate.
 */
#include "kernel/core/clock_adjust.h"

#include "kernel/core/clock.h"
#include "kernel/core/core_internal.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/compiler.h"

enum {
    SINGLESHOT_STEP_US = 500, /* a second */
    LIMIT_US = 16000000,      /* of the errors; reached, the clock is not synchronised */
    ERROR_GROWTH_US = 500,    /* a second */
    TICK_US = 10000,          /* with USER_HZ ticks a second */
    TOLERANCE_PPM = 500,
    PHASE_MAX_NS = 500000000,
    CONSTANT_MAX = 10,
    TAI_MAX_S = 100000,
    LOOP_SHIFT = 2,       /* gain of the phase-locked loop */
    FREQUENCY_SHIFT = 16, /* ppm in `freq` */
    FLL_SECONDS_MIN = 256,
    FLL_SECONDS_MAX = 2048,
    FLL_SHIFT = 2,
};

/* ---- the clock's rate ---- */

static int64_t from_ppb(int64_t ppb)
{
    return ppb * ((1ll << CLOCK_RATE_SHIFT) / 1000) / 1000000;
}

/* ns a second, and so parts in 10^9. */
static int64_t frequency_ppb(const struct clock_adjust *adjust)
{
    return adjust->frequency * 1000 >> FREQUENCY_SHIFT;
}

static void apply_locked(struct clock_adjust *adjust)
{
    int64_t ppb = frequency_ppb(adjust) + (adjust->tick_us - TICK_US) * (1000000000 / TICK_US) +
                  adjust->now_ppb;
    clock_set_rate(from_ppb(ppb));
}

/* What goes in the next second is taken from what is left. */
static void next_second_locked(struct clock_adjust *adjust)
{
    int64_t phase_ns = adjust->offset_ns >> (LOOP_SHIFT + adjust->constant);
    if (adjust->offset_ns < 0 && phase_ns == -1)
        phase_ns = 0; /* too little to go on with */
    if (phase_ns == 0)
        adjust->offset_ns = 0;
    adjust->offset_ns -= phase_ns;
    int64_t step_us =
        CLAMP(adjust->singleshot_us, (int64_t)-SINGLESHOT_STEP_US, (int64_t)SINGLESHOT_STEP_US);
    adjust->singleshot_us -= step_us;
    adjust->now_ppb = phase_ns + step_us * 1000;
    adjust->running = adjust->now_ppb != 0;
    if (adjust->running)
        timer_arm(&adjust->timer, clock_monotonic_ns() + NSEC_PER_SEC);
}

/* Something is to be worked off, from the next full second on. */
static void start_locked(struct clock_adjust *adjust)
{
    if (adjust->running)
        return;
    adjust->running = true;
    timer_arm(&adjust->timer,
              clock_monotonic_ns() + NSEC_PER_SEC - clock_realtime_ns() % NSEC_PER_SEC);
}

static void on_second(struct timer *timer)
{
    struct clock_adjust *adjust = container_of(timer, struct clock_adjust, timer);
    bool irq = spin_lock_irqsave(&adjust->lock);
    next_second_locked(adjust);
    apply_locked(adjust);
    spin_unlock_irqrestore(&adjust->lock, irq);
}

void clock_adjust_init(struct clock_adjust *adjust)
{
    spin_lock_init(&adjust->lock, LOCK_RANK_OBJECT);
    timer_init(&adjust->timer, on_second);
    adjust->status = STA_UNSYNC;
    adjust->constant = LOOP_SHIFT;
    adjust->tick_us = TICK_US;
    adjust->max_error_us = adjust->estimated_error_us = LIMIT_US;
}

/* ---- the modes ---- */

static uint64_t seconds_now(void)
{
    return clock_monotonic_ns() / NSEC_PER_SEC;
}

/* The error that is possible grows as long as nobody says what it is. */
static void grow_error_locked(struct clock_adjust *adjust)
{
    uint64_t now_s = seconds_now();
    uint64_t grown = (now_s - adjust->error_since_s) * ERROR_GROWTH_US;
    adjust->error_since_s = now_s;
    if (adjust->max_error_us + (int64_t)MIN(grown, (uint64_t)LIMIT_US) >= LIMIT_US) {
        adjust->max_error_us = LIMIT_US;
        adjust->status |= STA_UNSYNC;
    } else {
        adjust->max_error_us += (int64_t)grown;
    }
}

static void set_status_locked(struct clock_adjust *adjust, int32_t status)
{
    if ((adjust->status & STA_PLL) && !(status & STA_PLL))
        adjust->status = STA_UNSYNC;
    if (!(adjust->status & STA_PLL) && (status & STA_PLL))
        adjust->loop_since_s = seconds_now();
    adjust->status = (adjust->status & STA_RONLY) | (status & ~STA_RONLY);
}

static int64_t clamp_frequency(int64_t frequency)
{
    const int64_t limit = (int64_t)TOLERANCE_PPM << FREQUENCY_SHIFT;
    return CLAMP(frequency, -limit, limit);
}

/* A measured offset: it is worked off, and the frequency follows what the offsets say, by the time
 * between them. */
static void set_offset_locked(struct clock_adjust *adjust, int64_t offset)
{
    if (!(adjust->status & STA_PLL))
        return;
    if (!(adjust->status & STA_NANO))
        offset = CLAMP(offset, -(int64_t)USEC_PER_SEC, (int64_t)USEC_PER_SEC) * 1000;
    offset = CLAMP(offset, -(int64_t)PHASE_MAX_NS, (int64_t)PHASE_MAX_NS);
    uint64_t now_s = seconds_now();
    int64_t seconds = adjust->status & STA_FREQHOLD ? 0 : (int64_t)(now_s - adjust->loop_since_s);
    adjust->loop_since_s = now_s;

    int64_t change_ppb = 0;
    adjust->status &= ~STA_MODE;
    if (seconds >= FLL_SECONDS_MIN && ((adjust->status & STA_FLL) || seconds > FLL_SECONDS_MAX)) {
        adjust->status |= STA_MODE;
        change_ppb = offset / (seconds << FLL_SHIFT);
    }
    unsigned shift = LOOP_SHIFT + adjust->constant;
    seconds = MIN(seconds, (int64_t)1 << (shift + 1));
    change_ppb += offset * seconds >> (2 * (shift + 2));
    adjust->frequency =
        clamp_frequency(adjust->frequency + change_ppb * (1 << FREQUENCY_SHIFT) / 1000);
    adjust->offset_ns = offset;
}

static void set_constant_locked(struct clock_adjust *adjust, int64_t constant)
{
    constant = CLAMP(constant, (int64_t)0, (int64_t)CONSTANT_MAX);
    if (!(adjust->status & STA_NANO))
        constant = MIN(constant + 4, (int64_t)CONSTANT_MAX);
    adjust->constant = (unsigned)constant;
}

static void set_modes_locked(struct clock_adjust *adjust, const struct linux_timex *in)
{
    uint32_t modes = in->modes;
    if (modes & ADJ_STATUS)
        set_status_locked(adjust, in->status);
    if (modes & ADJ_NANO)
        adjust->status |= STA_NANO;
    if (modes & ADJ_MICRO)
        adjust->status &= ~STA_NANO;
    if (modes & ADJ_FREQUENCY)
        adjust->frequency = clamp_frequency(in->freq);
    if (modes & ADJ_MAXERROR)
        adjust->max_error_us = CLAMP(in->maxerror, (int64_t)0, (int64_t)LIMIT_US);
    if (modes & ADJ_ESTERROR)
        adjust->estimated_error_us = CLAMP(in->esterror, (int64_t)0, (int64_t)LIMIT_US);
    if (modes & ADJ_TIMECONST)
        set_constant_locked(adjust, in->constant);
    if ((modes & ADJ_TAI) && in->constant >= 0 && in->constant <= TAI_MAX_S)
        clock_set_tai((int32_t)in->constant);
    if (modes & ADJ_OFFSET)
        set_offset_locked(adjust, in->offset);
    if (modes & ADJ_TICK)
        adjust->tick_us = in->tick;
    if (modes & ADJ_OFFSET)
        start_locked(adjust);
    if (modes & (ADJ_TICK | ADJ_FREQUENCY | ADJ_OFFSET))
        apply_locked(adjust);
}

/* adjtime(3): what is left of the last offset, which a new one replaces. */
static int64_t single_shot_locked(struct clock_adjust *adjust, const struct linux_timex *in)
{
    int64_t left_us = adjust->singleshot_us;
    if (!(in->modes & ADJ_OFFSET_READONLY)) {
        adjust->singleshot_us = in->offset;
        start_locked(adjust);
    }
    return left_us;
}

static void report_locked(const struct clock_adjust *adjust, struct linux_timex *out)
{
    out->freq = adjust->frequency;
    out->maxerror = adjust->max_error_us;
    out->esterror = adjust->estimated_error_us;
    out->status = adjust->status;
    out->constant = adjust->constant;
    out->precision = 1;
    out->tolerance = (int64_t)TOLERANCE_PPM << FREQUENCY_SHIFT;
    out->tick = adjust->tick_us;
    out->tai = (int32_t)(clock_tai_offset_ns() / (int64_t)NSEC_PER_SEC);
    out->ppsfreq = out->jitter = out->stabil = 0;
    out->jitcnt = out->calcnt = out->errcnt = out->stbcnt = 0;
    out->shift = 0;
}

int clock_adjust(struct linux_timex *timex)
{
    struct clock_adjust *adjust = &this_kernel()->time->adjust;
    bool irq = spin_lock_irqsave(&adjust->lock);
    grow_error_locked(adjust);
    if (timex->modes & ADJ_ADJTIME) {
        timex->offset = single_shot_locked(adjust, timex);
    } else {
        set_modes_locked(adjust, timex);
        timex->offset = adjust->status & STA_NANO ? adjust->offset_ns : adjust->offset_ns / 1000;
    }
    report_locked(adjust, timex);
    int state = adjust->status & (STA_UNSYNC | STA_CLOCKERR) ? TIME_ERROR : TIME_OK;
    spin_unlock_irqrestore(&adjust->lock, irq);
    return state;
}

void clock_adjust_reset(void)
{
    struct clock_adjust *adjust = &this_kernel()->time->adjust;
    bool irq = spin_lock_irqsave(&adjust->lock);
    adjust->singleshot_us = adjust->offset_ns = adjust->now_ppb = 0;
    adjust->status |= STA_UNSYNC;
    adjust->max_error_us = adjust->estimated_error_us = LIMIT_US;
    apply_locked(adjust);
    spin_unlock_irqrestore(&adjust->lock, irq);
}

/* ---- the time zone ---- */

struct linux_timezone clock_timezone(void)
{
    struct clock_adjust *adjust = &this_kernel()->time->adjust;
    bool irq = spin_lock_irqsave(&adjust->lock);
    struct linux_timezone zone = adjust->zone;
    spin_unlock_irqrestore(&adjust->lock, irq);
    return zone;
}

bool clock_set_timezone(const struct linux_timezone *zone)
{
    struct clock_adjust *adjust = &this_kernel()->time->adjust;
    bool irq = spin_lock_irqsave(&adjust->lock);
    bool first = !adjust->zone_was_set;
    adjust->zone = *zone;
    adjust->zone_was_set = true;
    spin_unlock_irqrestore(&adjust->lock, irq);
    return first;
}
