/* SPDX-License-Identifier: MIT */
/*
 * Boot: bring everything up in the order of core/init.h, start the other CPUs and pid 1, and become
 * CPU 0's idle thread. Runs on the backend's boot stack with interrupts masked.
 */
#include "hal/kernel_on.h"
#include "kernel/abi/uname.h"
#include "kernel/core/init.h"
#include "kernel/core/kernel.h"
#include "kernel/core/klog.h"
#include "kernel/mm/page.h"
#include "kernel/proc/task.h"
#include "kernel/proc/uts.h"
#include "kernel/sched/sched.h"

struct boot_step {
    const char *name;
    int (*init)(struct kernel *kernel);
};

static int start_cpus(struct kernel *kernel)
{
    sched_start_cpus(kernel);
    return 0;
}

static int publish_cred_lock(struct kernel *kernel)
{
    kernel->cred_lock = process_tree_lock(kernel);
    return 0;
}

/* What dmesg(1) shows of the machine. */
static int report_machine(struct kernel *kernel)
{
    struct linux_utsname name;
    struct page_counts pages;

    uts_get(&name);
    page_count(kernel, &pages);
    klog_info("%s version %s %s (%s)", name.sysname, name.release, name.version,
              kernel->boot->backend);
    klog_info("Command line: %s", kernel->boot->cmdline);
    klog_info("Memory: %lluK/%lluK available", (unsigned long long)pages.free << (PAGE_SHIFT - 10),
              (unsigned long long)pages.total << (PAGE_SHIFT - 10));
    klog_info("smp: Brought up 1 node, %u CPU%s", kernel->cpu_count,
              kernel->cpu_count == 1 ? "" : "s");
    return 0;
}

static const struct boot_step boot_steps[] = {
    {"mm", mm_init},           {"core", core_init},     {"sched", sched_init},
    {"drivers", drivers_init}, {"vfs", vfs_init},       {"ipc", ipc_init},
    {"net", net_init},         {"proc", proc_init},     {"cred", publish_cred_lock},
    {"tty", tty_init},         {"cgroup", cgroup_init}, {"procfs", procfs_init},
    {"syscall", syscall_init}, {"cpus", start_cpus},    {"report", report_machine},
    {"init", proc_start_init},
};

void kernel_on_boot(const struct hal_boot *boot)
{
    struct kernel *kernel = core_early_init(boot);

    for (unsigned i = 0; i < ARRAY_SIZE(boot_steps); i++) {
        int error = boot_steps[i].init(kernel);

        if (error < 0) {
            kernel_panic("boot: %s failed: error %d", boot_steps[i].name, -error);
        }
    }
    sched_idle_loop();
}
