/* SPDX-License-Identifier: MIT
 *
 * /proc/version, cmdline, filesystems, devices, tty, locks; proc(5).
 */
#include "kernel/abi/uname.h"
#include "kernel/cgroup/cgroup.h"
#include "kernel/fs/device.h"
#include "kernel/fs/locks.h"
#include "kernel/fs/mount.h"
#include "kernel/proc/uts.h"
#include "kernel/procfs/proc_internal.h"
#include "kernel/security/pid_namespace.h"

static int show_version(struct file *file, struct strbuf *out)
{
    struct linux_utsname name;
    (void)file;
    uts_get(&name);
    strbuf_printf(out, "%s version %s (assay@assay) (cc) %s\n", name.sysname, name.release,
                  name.version);
    return 0;
}

const struct text_file_ops proc_version = {.show = show_version};

static int show_cmdline(struct file *file, struct strbuf *out)
{
    strbuf_printf(out, "%s\n", file->kernel->boot->cmdline);
    return 0;
}

const struct text_file_ops proc_cmdline = {.show = show_cmdline};

static int show_filesystems(struct file *file, struct strbuf *out)
{
    const struct filesystem *type;
    for (unsigned i = 0; vfs_describe_filesystem(file->kernel, i, &type) == 0; i++)
        strbuf_printf(out, "%s\t%s\n", type->needs_device ? "" : "nodev", type->name);
    return 0;
}

const struct text_file_ops proc_filesystems = {.show = show_filesystems};

static int show_cgroups(struct file *file, struct strbuf *out)
{
    return cgroup_show_controllers(file->kernel, out);
}

const struct text_file_ops proc_cgroups = {.show = show_cgroups};

/* Is there an earlier range of the same driver? It has one line for all. */
static bool is_repeated(struct kernel *kernel, unsigned index, bool block, unsigned major,
                        const char *name)
{
    bool other_block;
    unsigned other_major;
    const char *other;
    for (unsigned i = 0; i < index; i++)
        if (device_describe(kernel, i, &other_block, &other_major, &other) == 0 &&
            other_block == block && other_major == major && kstr_equal(other, name))
            return true;
    return false;
}

static void put_devices(struct kernel *kernel, bool block, struct strbuf *out)
{
    bool is_block;
    unsigned major;
    const char *name;
    for (unsigned i = 0; device_describe(kernel, i, &is_block, &major, &name) == 0; i++)
        if (is_block == block && !is_repeated(kernel, i, block, major, name))
            strbuf_printf(out, "%3u %s\n", major, name);
}

static int show_devices(struct file *file, struct strbuf *out)
{
    strbuf_puts(out, "Character devices:\n");
    put_devices(file->kernel, false, out);
    strbuf_puts(out, "\nBlock devices:\n");
    put_devices(file->kernel, true, out);
    return 0;
}

const struct text_file_ops proc_devices = {.show = show_devices};

static int show_execdomains(struct file *file, struct strbuf *out)
{
    (void)file;
    strbuf_puts(out, "0-0\tLinux           \t[kernel]\n");
    return 0;
}

const struct text_file_ops proc_execdomains = {.show = show_execdomains};

/* ---- terminals ---- */

static int show_consoles(struct file *file, struct strbuf *out)
{
    (void)file;
    strbuf_puts(out, "ttyS0                -W- (EC  p a)    4:64\n");
    return 0;
}

const struct text_file_ops proc_consoles = {.show = show_consoles};

static int show_drivers(struct file *file, struct strbuf *out)
{
    (void)file;
    strbuf_puts(out, "/dev/tty             /dev/tty        5       0 system:/dev/tty\n"
                     "/dev/console         /dev/console    5       1 system:console\n"
                     "/dev/ptmx            /dev/ptmx       5       2 system\n"
                     "serial               /dev/ttyS       4      64 serial\n"
                     "pty_slave            /dev/pts      136 0-1048575 pty:slave\n"
                     "pty_master           /dev/ptm      128 0-1048575 pty:master\n");
    return 0;
}

static int show_disciplines(struct file *file, struct strbuf *out)
{
    (void)file;
    strbuf_puts(out, "n_tty       0\n");
    return 0;
}

static const struct text_file_ops tty_drivers = {.show = show_drivers};
static const struct text_file_ops tty_disciplines = {.show = show_disciplines};
static const struct inode_ops plain_ops = {.setattr = proc_setattr_refused};

static const struct proc_entry tty_entries[] = {
    {"drivers", S_IFREG | 0444, &plain_ops, &text_file_operations, &tty_drivers},
    {"ldiscs", S_IFREG | 0444, &plain_ops, &text_file_operations, &tty_disciplines},
};
const struct proc_table proc_tty_table = PROC_TABLE(tty_entries, PROC_TABLE_TTY);

/* ---- locks ---- */

struct lock_lines {
    struct strbuf *out;
    unsigned number;
};

static bool put_lock(void *context, const struct file_lock_info *info)
{
    struct lock_lines *lines = context;
    struct strbuf *out = lines->out;
    int pid = current_pid_shown(info->pid);
    if (info->pid > 0 && pid == 0) /* of nobody that is seen here */
        return true;
    if (!info->blocked)
        lines->number++;
    strbuf_printf(out, "%u: %s%-6s %-8s  %s %d %02x:%02x:%llu %llu ", lines->number,
                  info->blocked ? "-> " : "", info->kind, info->state, info->type, pid,
                  DEV_MAJOR(info->dev), DEV_MINOR(info->dev), (unsigned long long)info->ino,
                  (unsigned long long)info->start);
    if (info->end == UINT64_MAX)
        strbuf_puts(out, "EOF\n");
    else
        strbuf_printf(out, "%llu\n", (unsigned long long)info->end);
    return true;
}

static int show_locks(struct file *file, struct strbuf *out)
{
    struct lock_lines lines = {.out = out};
    file_locks_describe(file->kernel, put_lock, &lines);
    return 0;
}

const struct text_file_ops proc_locks = {.show = show_locks};
