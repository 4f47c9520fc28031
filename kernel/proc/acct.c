/* SPDX-License-Identifier: MIT
 *
 * Process accounting, acct(2) and acct(5): who ran what for how long.
 *
 * The file is in the process table, replaced under its lock; whoever writes a record holds a
 * reference. Records are appended one at a time, by the file's own lock. While less than 2 % of the
 * file system are free nothing is written, until 4 % are. Whether a process used privileges (ASU)
 * is not recorded.
 */
#include "kernel/proc/acct.h"

#include "kernel/abi/acct.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/resource.h"
#include "kernel/abi/stat.h"
#include "kernel/core/clock.h"
#include "kernel/core/klog.h"
#include "kernel/fs/device.h"
#include "kernel/fs/path.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/string.h"
#include "kernel/mm/uio.h"
#include "kernel/proc/process_internal.h"
#include "kernel/proc/session.h"
#include "kernel/proc/task.h"
#include "kernel/security/cred.h"

enum { SUSPEND_PERCENT = 2, RESUME_PERCENT = 4 };

/* ---- encodings ---- */

uint16_t acct_encode_comp(uint64_t value)
{
    const uint64_t fraction_max = (1u << 13) - 1;
    unsigned exponent = 0;
    bool round = false;
    while (value > fraction_max) {
        round = value & 4; /* the highest of the digits that go */
        value >>= 3;
        exponent++;
    }
    if (round && ++value > fraction_max) {
        value >>= 3;
        exponent++;
    }
    return exponent > 7 ? UINT16_MAX : (uint16_t)(exponent << 13 | value);
}

/* As single precision, cut off. */
uint32_t acct_encode_float(uint64_t value)
{
    if (value == 0)
        return 0;
    unsigned highest = bits_highest(value);
    uint64_t fraction = highest > 23 ? value >> (highest - 23) : value << (23 - highest);
    return (127 + highest) << 23 | (uint32_t)(fraction & 0x7fffff);
}

/* ---- records ---- */

static uint16_t ticks_of(const struct linux_timeval *time)
{
    return acct_encode_comp((uint64_t)time->tv_sec * AHZ +
                            (uint64_t)time->tv_usec / (1000000 / AHZ));
}

static void fill_relations(struct process *process, struct linux_acct_v3 *out)
{
    const struct session_tty_ops *ops = session_tty_ops(process->kernel);
    spin_lock(process_tree_lock(process->kernel));
    out->ac_ppid = process->parent ? (uint32_t)process->parent->pid : 0;
    if (process->group && process->group->session->tty && ops) {
        uint64_t tty = ops->number(process->group->session->tty);
        out->ac_tty = (uint16_t)(DEV_MAJOR(tty) << 8 | (DEV_MINOR(tty) & 0xff));
    }
    spin_unlock(process_tree_lock(process->kernel));
}

static void fill_record(struct process *process, int status, uint64_t bytes,
                        struct linux_acct_v3 *out)
{
    const struct cred *cred = current_cred();
    uint64_t elapsed_ns = clock_monotonic_ns() - process->start_ns;
    struct linux_rusage usage;

    process_usage(process, current_task(), USAGE_SELF, &usage);
    *out = (struct linux_acct_v3){
        .ac_version = 3,
        .ac_exitcode = (uint32_t)status,
        .ac_uid = cred->uid,
        .ac_gid = cred->gid,
        .ac_pid = (uint32_t)process->pid,
        .ac_btime = (uint32_t)((clock_realtime_ns() - elapsed_ns) / 1000000000u),
        .ac_etime = acct_encode_float(elapsed_ns / (1000000000u / AHZ)),
        .ac_utime = ticks_of(&usage.ru_utime),
        .ac_stime = ticks_of(&usage.ru_stime),
        .ac_mem = acct_encode_comp(bytes / 1024),
        .ac_minflt = acct_encode_comp((uint64_t)usage.ru_minflt),
        .ac_majflt = acct_encode_comp((uint64_t)usage.ru_majflt),
    };
    if (!process->did_exec)
        out->ac_flag |= AFORK;
    if (status & 0x7f)
        out->ac_flag |= AXSIG;
    if (status & 0x80)
        out->ac_flag |= ACORE;
    kstrlcpy(out->ac_comm, current_task()->thread.name, sizeof(out->ac_comm));
    fill_relations(process, out);
}

/* Is there room? The answer changes with some distance between full and not full. */
static bool has_room(struct process_table *table, struct file *file)
{
    struct linux_statfs fs = {0};
    if (vfs_statfs(&file->path, &fs) || fs.f_blocks == 0)
        return true;
    bool active = !atomic_load_relaxed(&table->acct_suspended);
    uint64_t needed = fs.f_blocks / 100 * (active ? SUSPEND_PERCENT : RESUME_PERCENT);
    bool room = fs.f_bavail > needed;
    if (room != active) {
        atomic_store_relaxed(&table->acct_suspended, !room);
        klog_info("Process accounting %s", room ? "resumed" : "paused");
    }
    return room;
}

void acct_process_exit(struct process *process, int status, uint64_t bytes)
{
    struct process_table *table = process->kernel->processes;
    struct linux_acct_v3 record;
    struct uio uio;

    if (likely(!atomic_load_relaxed(&table->acct_file)))
        return;
    spin_lock(&table->lock);
    struct file *file = table->acct_file ? file_get(table->acct_file) : NULL;
    spin_unlock(&table->lock);
    if (!file)
        return;
    if (has_room(table, file)) {
        uint64_t end = VFS_POS_END;
        process->rlimits[RLIMIT_FSIZE].rlim_cur = UINT64_MAX;
        fill_record(process, status, bytes, &record);
        uio_init_kernel(&uio, &record, sizeof(record));
        vfs_write(file, &uio, &end); /* there is nobody to tell of a failure */
    }
    file_put(file);
}

void acct_set_file(struct kernel *kernel, struct file *file)
{
    struct process_table *table = kernel->processes;
    spin_lock(&table->lock);
    struct file *old = table->acct_file;
    atomic_store_relaxed(&table->acct_file, file);
    atomic_store_relaxed(&table->acct_suspended, false);
    spin_unlock(&table->lock);
    if (old)
        file_put(old);
}
