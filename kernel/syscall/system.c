/* SPDX-License-Identifier: MIT
 *
 * The machine as a whole: uname(2), sysinfo(2), host name, reboot(2), getrandom(2).
 */
#include "hal/power.h"
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/random.h"
#include "kernel/abi/reboot.h"
#include "kernel/abi/sysinfo.h"
#include "kernel/abi/uname.h"
#include "kernel/core/clock.h"
#include "kernel/core/entropy.h"
#include "kernel/core/kernel.h"
#include "kernel/core/klog.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/namespaces.h"
#include "kernel/proc/task.h"
#include "kernel/proc/time_namespace.h"
#include "kernel/proc/uts.h"
#include "kernel/sched/sched.h"
#include "kernel/security/cred.h"
#include "kernel/security/pid_namespace.h"
#include "kernel/syscall/syscalls.h"

int64_t sys_uname(uint64_t name)
{
    struct linux_utsname out;
    uts_get(&out);
    return copy_to_user(name, &out, sizeof(out));
}

static int64_t set_name(uint64_t name, int length, bool domain)
{
    char text[UTSNAME_LENGTH] = "";
    if (!capable_in(namespaces_current()->uts->common.owner, CAP_SYS_ADMIN))
        return -EPERM;
    if (length < 0 || length >= UTSNAME_LENGTH)
        return -EINVAL;
    if (copy_from_user(text, name, (size_t)length))
        return -EFAULT;
    uts_set(domain ? UTS_DOMAINNAME : UTS_NODENAME, text);
    return 0;
}

int64_t sys_sethostname(uint64_t name, int length)
{
    return set_name(name, length, false);
}

int64_t sys_setdomainname(uint64_t name, int length)
{
    return set_name(name, length, true);
}

int64_t sys_sysinfo(uint64_t info)
{
    struct kernel *kernel = this_kernel();
    struct page_counts pages;
    struct linux_sysinfo out = {0};

    page_count(kernel, &pages);
    out.uptime =
        (int64_t)(time_namespace_to_user_ns(CLOCK_BOOTTIME, clock_monotonic_ns()) / 1000000000u);
    sched_load_average(kernel, out.loads);
    out.totalram = pages.total * PAGE_SIZE;
    out.freeram = pages.free * PAGE_SIZE;
    out.sharedram = pages.shared * PAGE_SIZE;
    out.procs = (uint16_t)task_count(kernel);
    out.mem_unit = 1;
    return copy_to_user(info, &out, sizeof(out));
}

static bool reboot_magic_is_right(uint32_t magic1, uint32_t magic2)
{
    return magic1 == LINUX_REBOOT_MAGIC1 &&
           (magic2 == LINUX_REBOOT_MAGIC2 || magic2 == LINUX_REBOOT_MAGIC2A ||
            magic2 == LINUX_REBOOT_MAGIC2B || magic2 == LINUX_REBOOT_MAGIC2C);
}

/* In a pid namespace of its own: its init ends as if by a signal that says which it was. */
static int64_t reboot_namespace(struct pid_namespace *ns, uint32_t command)
{
    bool restart = command == LINUX_REBOOT_CMD_RESTART || command == LINUX_REBOOT_CMD_RESTART2;
    if (!restart && command != LINUX_REBOOT_CMD_HALT && command != LINUX_REBOOT_CMD_POWER_OFF)
        return -EINVAL;
    process_kill_namespace(ns, restart ? SIGHUP : SIGINT);
    process_exit(0);
}

int64_t sys_reboot(uint32_t magic1, uint32_t magic2, uint32_t command, uint64_t argument)
{
    struct pid_namespace *ns = current_pid_namespace();
    (void)argument;
    if (!capable_in(ns->common.owner, CAP_SYS_BOOT))
        return -EPERM;
    if (!reboot_magic_is_right(magic1, magic2))
        return -EINVAL;
    if (ns->parent)
        return reboot_namespace(ns, command);
    switch (command) {
    case LINUX_REBOOT_CMD_RESTART:
    case LINUX_REBOOT_CMD_RESTART2:
        klog_info("reboot: restarting");
        hal_power_reboot();
    case LINUX_REBOOT_CMD_HALT:
    case LINUX_REBOOT_CMD_POWER_OFF:
        klog_info("reboot: power down");
        hal_power_off(0);
    case LINUX_REBOOT_CMD_CAD_ON: /* there is no such key */
    case LINUX_REBOOT_CMD_CAD_OFF:
        return 0;
    default:
        return -EINVAL;
    }
}

int64_t sys_getrandom(uint64_t buf, uint64_t count, uint32_t flags)
{
    uint8_t chunk[256];
    uint64_t done = 0;

    if (flags & ~(uint32_t)(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE))
        return -EINVAL;
    if ((flags & GRND_RANDOM) && (flags & GRND_INSECURE))
        return -EINVAL;
    count = MIN(count, (uint64_t)INT32_MAX);
    while (done < count) {
        size_t want = MIN(count - done, (uint64_t)sizeof(chunk));
        entropy_bytes(chunk, want);
        size_t copied = copy_to_user_partial(buf + done, chunk, want);
        done += copied;
        if (copied < want)
            break;
        if (atomic_load_relaxed(&this_thread()->interrupted) && done < count)
            break;
        sched_resched_if_needed();
    }
    kmem_wipe(chunk, sizeof(chunk));
    return done == 0 && count ? -EFAULT : (int64_t)done;
}
