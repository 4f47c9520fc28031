/* SPDX-License-Identifier: MIT
 *
 * Monotonic time. The TSC where it runs at a constant rate, scaled by a multiply; else the counter
 * that would have calibrated it. The rate comes from CPUID, or is measured against the HPET, the
 * ACPI timer or the PIT: first over the millisecond in which boot goes on anyway, then twice
 * again over longer stretches, so that boot waits for nothing and time is still accurate.
 *
 * Readers take `rate` by one atomic load; it points to one of a few structures that are never
 * changed once published.
 */
#include "hal-baremetal/baremetal.h"
#include "hal-baremetal/x86.h"
#include "hal/kernel_on.h"

struct rate {
    uint64_t tsc, ns;    /* ns was the time when the TSC read tsc */
    uint64_t ns_per_tsc; /* << 32 */
    uint64_t tsc_per_ns; /* << 30 */
    uint64_t tsc_hz;
};

static struct reference {
    uint32_t (*read)(void);
    uint32_t mask;
    uint64_t hz;
} reference;

static struct rate rates[4];
static const struct rate *rate;
static unsigned rates_used;

static volatile uint32_t *hpet;

/* The fallback clock, when the TSC is unusable: the reference, extended to 64 bits. */
static struct hal_spin fallback_lock;
static uint32_t fallback_last;
static uint64_t fallback_count;

/* One simultaneous reading of both counters. */
struct sample {
    uint64_t tsc;
    uint32_t reference;
};
static struct sample first_sample;
static uint64_t apic_started_tsc;

static uint32_t hpet_read(void)
{
    return hpet[0xf0 / 4];
}

static uint32_t pm_timer_read(void)
{
    return inl(x86_acpi_info.pm_timer);
}

static uint32_t pit_read(void)
{
    outb(0x43, 0x80); /* latch channel 2 */
    uint32_t low = inb(0x42);
    return 0xffff - (low | (uint32_t)inb(0x42) << 8);
}

static bool hpet_start(void)
{
    if (!x86_acpi_info.hpet)
        return false;
    hpet = hal_mmio_map(x86_acpi_info.hpet, 0x400);
    if (!hpet || hpet[1] == 0 || hpet[1] > 100000000) /* femtoseconds a tick; at most 100 ns */
        return false;
    hpet[0x10 / 4] |= 1; /* run */
    reference = (struct reference){hpet_read, UINT32_MAX, 1000000000000000ull / hpet[1]};
    return true;
}

static void reference_start(void)
{
    if (hpet_start())
        return;
    if (x86_acpi_info.pm_timer) {
        reference = (struct reference){
            pm_timer_read, x86_acpi_info.pm_timer_32bit ? UINT32_MAX : 0xffffff, 3579545};
        return;
    }
    outb(0x61, (inb(0x61) & 0xfc) | 1); /* channel 2 counts, the speaker stays silent */
    outb(0x43, 0xb0);
    outb(0x42, 0xff);
    outb(0x42, 0xff);
    reference = (struct reference){pit_read, 0xffff, 1193182};
}

/* The reading of the reference is bracketed by two of the TSC; the tightest of a few brackets is
 * the best guess, as whatever interrupts us makes them wide. */
static struct sample take_sample(void)
{
    struct sample best = {0, 0};
    uint64_t best_width = UINT64_MAX;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t before = rdtsc();
        uint32_t value = reference.read();
        uint64_t width = rdtsc() - before;
        if (width < best_width) {
            best_width = width;
            best = (struct sample){before + width / 2, value};
        }
    }
    return best;
}

static uint32_t ticks_between(uint32_t from, uint32_t to)
{
    return (to - from) & reference.mask;
}

static uint64_t ns_at(const struct rate *r, uint64_t tsc)
{
    if (tsc < r->tsc) /* another CPU's TSC may lag by a little */
        return r->ns;
    return r->ns + (uint64_t)((unsigned __int128)(tsc - r->tsc) * r->ns_per_tsc >> 32);
}

static void set_rate(uint64_t tsc_hz)
{
    if (tsc_hz < 1000000)
        tsc_hz = 1000000;
    const struct rate *old = rate;
    struct rate *r = &rates[rates_used++];
    r->tsc = old ? rdtsc() : first_sample.tsc;
    r->ns = old ? ns_at(old, r->tsc) : 0;
    r->tsc_hz = tsc_hz;
    r->ns_per_tsc = (1000000000ull << 32) / tsc_hz;
    r->tsc_per_ns = mul_div(tsc_hz, 1ull << 30, 1000000000);
    __atomic_store_n(&rate, r, __ATOMIC_RELEASE);
}

static uint64_t known_tsc_hz(void)
{
    if (x86_features.max_leaf >= 0x15) {
        struct cpuid_regs r = cpuid(0x15, 0); /* crystal ecx, ratio ebx / eax */
        if (r.eax && r.ebx && r.ecx)
            return (uint64_t)r.ecx * r.ebx / r.eax;
    }
    if (x86_features.max_hypervisor_leaf >= 0x40000010)
        return (uint64_t)cpuid(0x40000010, 0).eax * 1000;
    return 0;
}

/* Against the first sample; 0 if no time has passed. */
static uint64_t measured_tsc_hz(void)
{
    struct sample now = take_sample();
    uint64_t ticks = ticks_between(first_sample.reference, now.reference);
    if (!ticks)
        return 0;
    return mul_div(now.tsc - first_sample.tsc, reference.hz, ticks);
}

/* The APIC's counter and the TSC at one moment: restarts, or readings, until nothing came between.
 */
static void apic_timer_begin(void)
{
    for (unsigned i = 0; i < 8; i++) {
        uint64_t before = rdtsc();
        x86_apic_timer_calibrate_start();
        uint64_t width = rdtsc() - before;
        apic_started_tsc = before + width / 2;
        if (width < 10000)
            break;
    }
}

static uint64_t apic_timer_hz(void)
{
    uint64_t best_tsc = 0, best_count = 0, best_width = UINT64_MAX;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t before = rdtsc(), count = x86_apic_timer_elapsed(), width = rdtsc() - before;
        if (width < best_width) {
            best_width = width;
            best_tsc = before + width / 2;
            best_count = count;
        }
    }
    if (best_tsc <= apic_started_tsc)
        return 0;
    return mul_div(best_count, rate->tsc_hz, best_tsc - apic_started_tsc);
}

void x86_clock_init_start(void)
{
    reference_start();
    first_sample = take_sample();
    fallback_last = first_sample.reference;
    if (x86_apic_present() && !x86_features.tsc_deadline)
        apic_timer_begin();
}

void x86_clock_init_finish(void)
{
    uint64_t known = known_tsc_hz();
    if (!known) {
        /* A dead reference must not hang boot: a bound in TSC ticks, too. */
        uint32_t wanted = (uint32_t)(reference.hz / 1000);
        uint64_t give_up = first_sample.tsc + 2000000000;
        while (ticks_between(first_sample.reference, reference.read()) < wanted &&
               rdtsc() < give_up)
            cpu_pause();
        known = measured_tsc_hz();
        set_rate(known ? known : 1000000000);
    } else {
        set_rate(known);
        rates_used = sizeof rates / sizeof rates[0]; /* nothing to improve */
    }
    bool counts = x86_apic_present() && !x86_features.tsc_deadline;
    x86_timer_init(counts ? apic_timer_hz() : 0);
}

/* Called now and then on the boot CPU by its timer, masked: improves the rate after 0.1 and 1 s. */
void x86_clock_refine(void)
{
    if (rates_used >= 3)
        return;
    uint64_t ticks_ns = ns_at(rate, rdtsc()), due = rates_used == 1 ? 100000000 : 1000000000;
    if (ticks_ns < due)
        return;
    /* Not if the reference may have wrapped since the first sample. */
    if (ticks_ns / 1000 * (reference.hz / 1000) / 1000 > reference.mask / 8 * 7) {
        rates_used = sizeof rates / sizeof rates[0];
        return;
    }
    uint64_t hz = measured_tsc_hz();
    if (!hz)
        return;
    set_rate(hz);
    if (kernel_on_clock_change)
        kernel_on_clock_change();
}

bool hal_time_user_clock(struct hal_user_clock *out)
{
    const struct rate *r = __atomic_load_n(&rate, __ATOMIC_ACQUIRE);
    if (!x86_features.tsc_usable || !r)
        return false;
    *out = (struct hal_user_clock){.tsc = r->tsc, .ns = r->ns, .ns_per_tsc = r->ns_per_tsc};
    return true;
}

static uint64_t fallback_ns(void)
{
    bool enabled = spin_lock_irq(&fallback_lock);
    uint32_t now = reference.read();
    fallback_count += ticks_between(fallback_last, now);
    fallback_last = now;
    uint64_t count = fallback_count;
    spin_unlock_irq(&fallback_lock, enabled);
    return (uint64_t)((unsigned __int128)count * ((1000000000ull << 32) / reference.hz) >> 32);
}

uint64_t hal_time_monotonic_ns(void)
{
    if (__builtin_expect(!x86_features.tsc_usable, 0))
        return fallback_ns();
    uint64_t tsc = rdtsc();
    return ns_at(__atomic_load_n(&rate, __ATOMIC_ACQUIRE), tsc);
}

uint64_t x86_clock_tsc_hz(void)
{
    return rate->tsc_hz;
}

uint64_t x86_clock_ns_to_tsc(uint64_t ns)
{
    const struct rate *r = __atomic_load_n(&rate, __ATOMIC_ACQUIRE);
    if (ns <= r->ns)
        return r->tsc;
    return r->tsc + (uint64_t)((unsigned __int128)(ns - r->ns) * r->tsc_per_ns >> 30);
}

/* How long the timer may sleep without the fallback clock losing a wrap of its counter. */
uint64_t x86_clock_max_sleep_ns(void)
{
    return x86_features.tsc_usable ? UINT64_MAX
                                   : reference.mask / 2 * (1000000000ull / reference.hz + 1) / 2;
}

void x86_clock_delay_us(unsigned us)
{
    if (!rate)
        return; /* boot failed early */
    uint64_t end = hal_time_monotonic_ns() + us * 1000ull;
    while (hal_time_monotonic_ns() < end)
        cpu_pause();
}
