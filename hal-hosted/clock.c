/* SPDX-License-Identifier: MIT
 *
 * Monotonic time of a machine (hal/time.h).
 *
 * Where the host itself keeps time by the time stamp counter, so does the machine, with a rate of
 * its own: then user code can read the same clock without a call (hal_time_user_clock). Otherwise
 * the host's CLOCK_MONOTONIC is the machine's clock. Until the rate is known the machine uses that
 * clock, too; its own takes over at the value that the host's shows, and so never jumps.
 *
 * The rate is what CPUID says or is measured against CLOCK_MONOTONIC from the creation of the
 * machine on, and measured again over ever longer stretches. Like a machine's own oscillator it is
 * not steered afterwards. So the host's clock, by which vCPUs sleep, may differ by some millionths:
 * a deadline is converted when it is armed and checked on the machine's clock when it is over.
 *
 * Readers take the rate by one atomic load; it points to one of a few structures that are never
 * changed once published.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <x86intrin.h>

#include "hal-hosted/cpuid.h"
#include "hal-hosted/host.h"
#include "hal-hosted/machine_internal.h"
#include "hal/kernel_on.h"
#include "hal/time.h"

enum { RATE_SHIFT = 32, SAMPLES = 4 };

#define NS_PER_SECOND 1000000000ull
#define REFINE_FIRST_NS (NS_PER_SECOND / 100)
#define MEASURE_MIN_NS 1000000 /* a shorter stretch says nothing about the rate */
#define HZ_MIN 100000000ull
#define HZ_MAX 10000000000ull

static bool host_trusts_counter(void)
{
    char name[16] = "";
    int fd = open("/sys/devices/system/clocksource/clocksource0/current_clocksource",
                  O_RDONLY | O_CLOEXEC);
    ssize_t bytes = fd < 0 ? 0 : read(fd, name, sizeof(name) - 1);

    if (fd >= 0) {
        close(fd);
    }
    return bytes >= 3 && strncmp(name, "tsc", 3) == 0 && (name[3] == '\n' || name[3] == '\0');
}

/* One moment on both clocks: the tightest of a few brackets, as whatever interrupts us makes them
 * wide. The counter's reading is the one before the clock's, so the clock is never behind. */
static void take_sample(uint64_t *out_tsc, uint64_t *out_ns)
{
    uint64_t best_width = UINT64_MAX;

    *out_tsc = *out_ns = 0;
    for (unsigned i = 0; i < SAMPLES; i++) {
        uint64_t before = __rdtsc();
        uint64_t ns = host_monotonic_ns();
        uint64_t width = __rdtsc() - before;

        if (width < best_width) {
            best_width = width;
            *out_tsc = before;
            *out_ns = ns;
        }
    }
}

static uint64_t convert(const struct hal_user_clock *clock, uint64_t tsc)
{
    if (tsc < clock->tsc) { /* another CPU's counter may lag by a little */
        return clock->ns;
    }
    return clock->ns +
           (uint64_t)((unsigned __int128)(tsc - clock->tsc) * clock->ns_per_tsc >> RATE_SHIFT);
}

static void publish(struct machine_clock *clock, uint64_t ns_per_tsc)
{
    const struct clock_rate *old = clock->rate;
    struct clock_rate *rate = &clock->rates[clock->used++];
    struct hal_user_clock *conversion = &rate->conversion;

    take_sample(&conversion->tsc, &conversion->ns);
    if (old) {
        conversion->ns = convert(&old->conversion, conversion->tsc);
    }
    conversion->ns_per_tsc = ns_per_tsc;
    __atomic_store_n(&clock->rate, rate, __ATOMIC_RELEASE);
}

/* Against the first sample; 0 if it is too early or makes no sense. */
static uint64_t measure(const struct machine_clock *clock)
{
    uint64_t tsc, ns;

    take_sample(&tsc, &ns);
    if (ns - clock->first_ns < MEASURE_MIN_NS || tsc <= clock->first_tsc) {
        return 0;
    }
    return (uint64_t)(((unsigned __int128)(ns - clock->first_ns) << RATE_SHIFT) /
                      (tsc - clock->first_tsc));
}

static bool makes_sense(uint64_t ns_per_tsc)
{
    return ns_per_tsc >= (NS_PER_SECOND << RATE_SHIFT) / HZ_MAX &&
           ns_per_tsc <= (uint64_t)(((unsigned __int128)NS_PER_SECOND << RATE_SHIFT) / HZ_MIN);
}

void clock_machine_init(struct machine *machine)
{
    struct machine_clock *clock = &machine->clock;
    uint64_t hz = machine->boot.tsc_hz;

    clock->refine_ns = UINT64_MAX;
    clock->usable = !(machine->config.hooks && machine->config.hooks->monotonic_ns) &&
                    host_trusts_counter();
    if (!clock->usable) {
        return;
    }
    take_sample(&clock->first_tsc, &clock->first_ns);
    clock->refine_ns = clock->first_ns + REFINE_FIRST_NS;
    if (hz >= HZ_MIN && hz <= HZ_MAX) {
        publish(clock, (uint64_t)(((unsigned __int128)NS_PER_SECOND << RATE_SHIFT) / hz));
    }
}

/* Measure and publish, one vCPU at a time. Each time the stretch is ten times as long, until there
 * is nothing to gain. True if there is a new rate. */
static bool refine(struct machine_clock *clock)
{
    bool changed = false;

    if (__atomic_exchange_n(&clock->refining, 1, __ATOMIC_ACQUIRE)) {
        return false;
    }
    uint64_t due_ns = __atomic_load_n(&clock->refine_ns, __ATOMIC_RELAXED), rate = measure(clock);
    if (makes_sense(rate)) {
        publish(clock, rate);
        changed = true;
        due_ns = clock->used < sizeof(clock->rates) / sizeof(clock->rates[0])
                     ? clock->first_ns + 10 * (due_ns - clock->first_ns)
                     : UINT64_MAX;
    } else {
        due_ns += REFINE_FIRST_NS;
    }
    __atomic_store_n(&clock->refine_ns, due_ns, __ATOMIC_RELAXED);
    __atomic_store_n(&clock->refining, 0, __ATOMIC_RELEASE);
    return changed;
}

void clock_refine(struct machine *machine)
{
    uint64_t due_ns = __atomic_load_n(&machine->clock.refine_ns, __ATOMIC_RELAXED);

    if (due_ns != UINT64_MAX && host_monotonic_ns() >= due_ns && refine(&machine->clock) &&
        kernel_on_clock_change) {
        kernel_on_clock_change();
    }
}

uint64_t clock_now_ns(const struct machine *machine)
{
    const struct clock_rate *rate = __atomic_load_n(&machine->clock.rate, __ATOMIC_ACQUIRE);

    return rate ? convert(&rate->conversion, __rdtsc()) : host_monotonic_ns();
}

uint64_t clock_host_deadline_ns(const struct machine *machine, uint64_t machine_ns)
{
    const struct clock_rate *rate = __atomic_load_n(&machine->clock.rate, __ATOMIC_ACQUIRE);

    if (!rate || machine_ns == UINT64_MAX) {
        return machine_ns;
    }
    uint64_t now_ns = convert(&rate->conversion, __rdtsc()), host_ns = host_monotonic_ns();
    if (machine_ns <= now_ns) {
        return host_ns;
    }
    return machine_ns - now_ns < UINT64_MAX - 1 - host_ns ? host_ns + (machine_ns - now_ns)
                                                          : UINT64_MAX - 1;
}

bool hal_time_user_clock(struct hal_user_clock *out)
{
    struct machine_clock *clock = &vcpu_current()->machine->clock;
    const struct clock_rate *rate = __atomic_load_n(&clock->rate, __ATOMIC_ACQUIRE);

    if (!rate && clock->usable && refine(clock)) { /* boot has taken long enough to measure it */
        rate = __atomic_load_n(&clock->rate, __ATOMIC_ACQUIRE);
    }
    if (rate) {
        *out = rate->conversion;
    }
    return rate != NULL;
}
