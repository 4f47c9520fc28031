/* SPDX-License-Identifier: MIT
 *
 * /proc/cpuinfo, stat, uptime, loadavg, interrupts, softirqs: what the CPUs are and did; proc(5).
 */
#include "kernel/abi/time.h"
#include "kernel/core/clock.h"
#include "kernel/proc/time_namespace.h"
#include "kernel/procfs/proc_internal.h"
#include "kernel/sched/sched.h"

static struct kernel *kernel_of(struct file *file)
{
    return file->kernel;
}

static uint64_t ticks(uint64_t ns)
{
    return ns / (NSEC_PER_SEC / USER_HZ);
}

/* ---- cpuinfo ---- */

/* Names of the bits of CPUID.1:EDX (boot->hwcap), as /proc/cpuinfo has always called them. */
static const char *const feature_names[32] = {
    "fpu",  "vme",  "de",   "pse", "tsc",  "msr", "pae",   "mce", "cx8",     "apic", NULL,
    "sep",  "mtrr", "pge",  "mca", "cmov", "pat", "pse36", "pn",  "clflush", NULL,   "dts",
    "acpi", "mmx",  "fxsr", "sse", "sse2", "ss",  "ht",    "tm",  "ia64",    "pbe",
};

/* What no CPU that runs 64-bit code lacks: fpu tsc msr pae cx8 apic cmov clflush mmx fxsr sse sse2.
 */
#define FEATURES_ALWAYS 0x07888371u

static void put_flags(const struct hal_boot *boot, struct strbuf *out)
{
    uint64_t features = boot->hwcap | FEATURES_ALWAYS;
    strbuf_puts(out, "flags\t\t:");
    for (unsigned i = 0; i < ARRAY_SIZE(feature_names); i++) {
        if (((features >> i) & 1) && feature_names[i])
            strbuf_printf(out, " %s", feature_names[i]);
    }
    strbuf_puts(out, " syscall nx lm constant_tsc nonstop_tsc");
    if (boot->hwcap2 & 2)
        strbuf_puts(out, " fsgsbase");
    strbuf_putc(out, '\n');
}

static void put_cpu(struct kernel *kernel, unsigned cpu, struct strbuf *out)
{
    const struct hal_boot *boot = kernel->boot;
    const char *model = boot->cpu_model ? boot->cpu_model : "unknown";
    const char *vendor = kstr_starts_with(model, "AMD") ? "AuthenticAMD" : "GenuineIntel";
    uint64_t khz = boot->tsc_hz / 1000;
    strbuf_printf(out,
                  "processor\t: %u\nvendor_id\t: %s\ncpu family\t: 6\nmodel\t\t: 0\n"
                  "model name\t: %s\nstepping\t: 0\n",
                  cpu, vendor, model);
    if (khz)
        strbuf_printf(out, "cpu MHz\t\t: %llu.%03llu\n", (unsigned long long)khz / 1000,
                      (unsigned long long)khz % 1000);
    strbuf_printf(out,
                  "physical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: %u\n"
                  "apicid\t\t: %u\ninitial apicid\t: %u\nfpu\t\t: yes\nfpu_exception\t: yes\n"
                  "cpuid level\t: 13\nwp\t\t: yes\n",
                  kernel->cpu_count, cpu, kernel->cpu_count, cpu, cpu);
    put_flags(boot, out);
    strbuf_printf(out, "bugs\t\t:\nbogomips\t: %llu.%02llu\n", (unsigned long long)khz * 2 / 1000,
                  (unsigned long long)khz * 2 % 1000 / 10);
    strbuf_printf(out,
                  "clflush size\t: 64\ncache_alignment\t: 64\n"
                  "address sizes\t: %u bits physical, 48 bits virtual\npower management:\n\n",
                  boot->phys_bits);
}

static int show_cpuinfo(struct file *file, struct strbuf *out)
{
    struct kernel *kernel = kernel_of(file);
    for (unsigned cpu = 0; cpu < kernel->cpu_count; cpu++)
        put_cpu(kernel, cpu, out);
    return 0;
}

const struct text_file_ops proc_cpuinfo = {.show = show_cpuinfo};

/* ---- stat ---- */

static void put_usage(struct strbuf *out, const struct sched_cpu_usage *usage)
{
    strbuf_printf(
        out, " %llu 0 %llu %llu 0 0 0 %llu 0 0\n", (unsigned long long)ticks(usage->user_ns),
        (unsigned long long)ticks(usage->system_ns), (unsigned long long)ticks(usage->idle_ns),
        (unsigned long long)ticks(usage->stolen_ns));
}

static struct sched_cpu_usage total_usage(struct kernel *kernel)
{
    struct sched_cpu_usage total = {0}, one;
    for (unsigned cpu = 0; cpu < kernel->cpu_count; cpu++) {
        sched_cpu_usage(kernel, cpu, &one);
        total.user_ns += one.user_ns;
        total.system_ns += one.system_ns;
        total.idle_ns += one.idle_ns;
        total.stolen_ns += one.stolen_ns;
        total.context_switches += one.context_switches;
        total.interrupts += one.interrupts;
    }
    return total;
}

static int show_stat(struct file *file, struct strbuf *out)
{
    struct kernel *kernel = kernel_of(file);
    struct sched_cpu_usage usage, total = total_usage(kernel);
    strbuf_puts(out, "cpu ");
    put_usage(out, &total);
    for (unsigned cpu = 0; cpu < kernel->cpu_count; cpu++) {
        sched_cpu_usage(kernel, cpu, &usage);
        strbuf_printf(out, "cpu%u", cpu);
        put_usage(out, &usage);
    }
    uint64_t uptime_ns = time_namespace_to_user_ns(CLOCK_BOOTTIME, clock_monotonic_ns());
    uint64_t boot_s = (clock_realtime_ns() - uptime_ns) / NSEC_PER_SEC;
    strbuf_printf(out, "intr %llu\nctxt %llu\nbtime %llu\nprocesses %llu\n",
                  (unsigned long long)total.interrupts, (unsigned long long)total.context_switches,
                  (unsigned long long)boot_s, (unsigned long long)process_forks(kernel));
    strbuf_printf(out, "procs_running %u\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n",
                  sched_runnable_count(kernel));
    return 0;
}

const struct text_file_ops proc_stat = {.show = show_stat};

static void put_seconds(struct strbuf *out, uint64_t ns)
{
    strbuf_printf(out, "%llu.%02llu", (unsigned long long)(ns / NSEC_PER_SEC),
                  (unsigned long long)(ns % NSEC_PER_SEC / 10000000));
}

static int show_uptime(struct file *file, struct strbuf *out)
{
    put_seconds(out, time_namespace_to_user_ns(CLOCK_BOOTTIME, clock_monotonic_ns()));
    strbuf_putc(out, ' ');
    put_seconds(out, total_usage(kernel_of(file)).idle_ns);
    strbuf_putc(out, '\n');
    return 0;
}

const struct text_file_ops proc_uptime = {.show = show_uptime};

static int show_loadavg(struct file *file, struct strbuf *out)
{
    struct kernel *kernel = kernel_of(file);
    uint64_t load[3];
    sched_load_average(kernel, load);
    for (unsigned i = 0; i < 3; i++) {
        uint64_t hundredths = (load[i] * 100 + 32768) >> 16;
        strbuf_printf(out, "%llu.%02llu ", (unsigned long long)hundredths / 100,
                      (unsigned long long)hundredths % 100);
    }
    strbuf_printf(out, "%u/%u %d\n", sched_runnable_count(kernel), task_count(kernel),
                  pid_namespace_last(current_pid_namespace()));
    return 0;
}

const struct text_file_ops proc_loadavg = {.show = show_loadavg};

static int show_interrupts(struct file *file, struct strbuf *out)
{
    struct kernel *kernel = kernel_of(file);
    strbuf_puts(out, "     ");
    for (unsigned cpu = 0; cpu < kernel->cpu_count; cpu++)
        strbuf_printf(out, "       CPU%u", cpu);
    strbuf_puts(out, "\nLOC:");
    for (unsigned cpu = 0; cpu < kernel->cpu_count; cpu++) {
        struct sched_cpu_usage usage;
        sched_cpu_usage(kernel, cpu, &usage);
        strbuf_printf(out, " %10llu", (unsigned long long)usage.interrupts);
    }
    strbuf_puts(out, "   Local timer interrupts\n");
    return 0;
}

const struct text_file_ops proc_interrupts = {.show = show_interrupts};

/* No interrupt puts work off here: the names are Linux's, and /proc/stat agrees. */
static int show_softirqs(struct file *file, struct strbuf *out)
{
    static const char *const names[] = {"HI",       "TIMER",   "NET_TX", "NET_RX",  "BLOCK",
                                        "IRQ_POLL", "TASKLET", "SCHED",  "HRTIMER", "RCU"};
    struct kernel *kernel = kernel_of(file);
    strbuf_printf(out, "%20s", "");
    for (unsigned cpu = 0; cpu < kernel->cpu_count; cpu++)
        strbuf_printf(out, "CPU%-8u", cpu);
    strbuf_putc(out, '\n');
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        strbuf_printf(out, "%12s:", names[i]);
        for (unsigned cpu = 0; cpu < kernel->cpu_count; cpu++)
            strbuf_printf(out, " %10u", 0u);
        strbuf_putc(out, '\n');
    }
    return 0;
}

const struct text_file_ops proc_softirqs = {.show = show_softirqs};
