/* SPDX-License-Identifier: MIT
 *
 * The code of the vDSO (vdso(7)): clocks that user programs read without entering the kernel. It
 * runs in user mode, in every program, from a page that it shares with all others: no data of its
 * own, no relocations, nothing but the clock pages in front of it (core/user_clock.h).
 *
 * What the page cannot answer is a system call, with the same results and errors.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/abi/time.h"
#include "kernel/core/user_clock.h"

#define EXPORT __attribute__((visibility("default")))
#define EXPORT_ALSO_AS(name) __attribute__((visibility("default"), weak, alias(#name)))

enum {
    NR_GETTIMEOFDAY = 96,
    NR_TIME = 201,
    NR_CLOCK_GETTIME = 228,
    NR_CLOCK_GETRES = 229,
    NR_GETCPU = 309
};
enum { COARSE_RESOLUTION_NS = 4000000 };

/* Placed by vdso.ld, two pages before the image. */
extern const volatile struct user_clock vdso_user_clock __attribute__((visibility("hidden")));
enum { PAGE_BYTES = 4096 };

static inline long system_call(long number, long a, long b, long c)
{
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return result;
}

/* ---- the clock page ---- */

/* Not before what the program did before. */
static inline uint64_t read_counter(void)
{
    uint32_t low, high;
    __asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

/* In a time namespace the machine's clock is on the second page. */
static inline const volatile struct user_clock *machine_clock(void)
{
    const volatile struct user_clock *clock = &vdso_user_clock;
    return __builtin_expect(clock->mode == USER_CLOCK_NAMESPACE, 0)
               ? (const volatile void *)((const volatile char *)clock + PAGE_BYTES)
               : clock;
}

/* What the namespace adds to the clock. */
static inline uint64_t namespace_offset(int clock)
{
    const volatile struct user_clock *page = &vdso_user_clock;
    if (__builtin_expect(page->mode != USER_CLOCK_NAMESPACE, 1))
        return 0;
    return (uint64_t)(clock == CLOCK_BOOTTIME ? page->boottime_offset_ns
                                              : page->monotonic_offset_ns);
}

static inline uint64_t realtime_offset(const volatile struct user_clock *clock,
                                       uint64_t monotonic_ns)
{
    int64_t rate = clock->realtime_rate, offset_ns = clock->realtime_offset_ns;
    if (__builtin_expect(rate != 0, 0)) {
        int64_t elapsed_ns = (int64_t)(monotonic_ns - clock->realtime_base_ns);
        offset_ns += (int64_t)((__int128)elapsed_ns * rate >> 32);
    }
    return (uint64_t)offset_ns;
}

static inline bool read_page(bool realtime, uint64_t *out_ns)
{
    const volatile struct user_clock *clock = machine_clock();
    uint32_t sequence;
    uint64_t ns;

    do {
        while ((sequence = __atomic_load_n(&clock->sequence, __ATOMIC_ACQUIRE)) & 1)
            __builtin_ia32_pause();
        if (clock->mode != USER_CLOCK_COUNTER)
            return false;
        uint64_t counter = read_counter(), since = clock->tsc;
        ns = clock->monotonic_ns;
        if (counter > since)
            ns += (uint64_t)((unsigned __int128)(counter - since) * clock->ns_per_tsc >> 32);
        if (realtime)
            ns += realtime_offset(clock, ns);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (__atomic_load_n(&clock->sequence, __ATOMIC_RELAXED) != sequence);
    *out_ns = ns;
    return true;
}

/* The kernel's clocks are two: syscall/time.c. */
static inline bool read_clock(int clock, uint64_t *out_ns)
{
    const uint32_t realtime = 1u << CLOCK_REALTIME | 1u << CLOCK_REALTIME_COARSE | 1u << CLOCK_TAI;
    const uint32_t monotonic = 1u << CLOCK_MONOTONIC | 1u << CLOCK_MONOTONIC_RAW |
                               1u << CLOCK_MONOTONIC_COARSE | 1u << CLOCK_BOOTTIME;
    uint32_t bit = (uint32_t)clock < 32 ? 1u << clock : 0;

    if (!(bit & (realtime | monotonic)))
        return false;
    if (!read_page(bit & realtime, out_ns))
        return false;
    if (bit & monotonic)
        *out_ns += namespace_offset(clock);
    else if (clock == CLOCK_TAI)
        *out_ns += (uint64_t)machine_clock()->tai_s * 1000000000;
    return true;
}

/* ---- the functions ---- */

EXPORT long __vdso_clock_gettime(int clock, struct linux_timespec *time);
EXPORT long __vdso_clock_gettime(int clock, struct linux_timespec *time)
{
    uint64_t ns;
    if (!read_clock(clock, &ns))
        return system_call(NR_CLOCK_GETTIME, clock, (long)time, 0);
    time->tv_sec = (int64_t)(ns / 1000000000);
    time->tv_nsec = (int64_t)(ns % 1000000000);
    return 0;
}

EXPORT long __vdso_gettimeofday(struct linux_timeval *time, struct linux_timezone *zone);
EXPORT long __vdso_gettimeofday(struct linux_timeval *time, struct linux_timezone *zone)
{
    uint64_t ns;
    if (zone || !time || !read_page(true, &ns))
        return system_call(NR_GETTIMEOFDAY, (long)time, (long)zone, 0);
    time->tv_sec = (int64_t)(ns / 1000000000);
    time->tv_usec = (int64_t)(ns % 1000000000 / 1000);
    return 0;
}

EXPORT int64_t __vdso_time(int64_t *time);
EXPORT int64_t __vdso_time(int64_t *time)
{
    uint64_t ns;
    if (!read_page(true, &ns))
        return system_call(NR_TIME, (long)time, 0, 0);
    int64_t seconds = (int64_t)(ns / 1000000000);
    if (time)
        *time = seconds;
    return seconds;
}

EXPORT long __vdso_clock_getres(int clock, struct linux_timespec *resolution);
EXPORT long __vdso_clock_getres(int clock, struct linux_timespec *resolution)
{
    uint64_t ignored_ns;
    if (!resolution || !read_clock(clock, &ignored_ns))
        return system_call(NR_CLOCK_GETRES, clock, (long)resolution, 0);
    bool coarse = clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE;
    resolution->tv_sec = 0;
    resolution->tv_nsec = coarse ? COARSE_RESOLUTION_NS : 1;
    return 0;
}

/* User mode cannot tell on which of the machine's CPUs it runs; rseq(2) is the quick way. */
EXPORT long __vdso_getcpu(uint32_t *cpu, uint32_t *node, void *unused);
EXPORT long __vdso_getcpu(uint32_t *cpu, uint32_t *node, void *unused)
{
    return system_call(NR_GETCPU, (long)cpu, (long)node, (long)unused);
}

EXPORT_ALSO_AS(__vdso_clock_gettime) long clock_gettime(int clock, struct linux_timespec *time);
EXPORT_ALSO_AS(__vdso_gettimeofday)
long gettimeofday(struct linux_timeval *time, struct linux_timezone *zone);
EXPORT_ALSO_AS(__vdso_time) int64_t time(int64_t *time);
EXPORT_ALSO_AS(__vdso_clock_getres)
long clock_getres(int clock, struct linux_timespec *resolution);
EXPORT_ALSO_AS(__vdso_getcpu) long getcpu(uint32_t *cpu, uint32_t *node, void *unused);
