/* SPDX-License-Identifier: MIT
 *
 * /proc/sys: the kernel's parameters; proc_sys(5), proc_sys_kernel(5), proc_sys_vm(5),
 * proc_sys_fs(5).
 *
 * A parameter that is the same for ever is a constant and cannot be written; only where a write has
 * its effect the file is writable.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/uname.h"
#include "kernel/core/entropy.h"
#include "kernel/core/klog.h"
#include "kernel/ipc/aio.h"
#include "kernel/lib/parse.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/core_dump.h"
#include "kernel/proc/ptrace.h"
#include "kernel/proc/uts.h"
#include "kernel/procfs/proc_internal.h"
#include "kernel/procfs/sysctl_internal.h"
#include "kernel/procfs/sysctl_ipc.h"
#include "kernel/security/cred.h"

struct constant {
    struct text_file_ops text; /* must be first */
    const char *value;
};

static int show_constant(struct file *file, struct strbuf *out)
{
    const struct constant *constant = file->inode->private;
    strbuf_printf(out, "%s\n", constant->value);
    return 0;
}

/* ---- names ---- */

static int show_name(struct strbuf *out, size_t field)
{
    struct linux_utsname name;
    uts_get(&name);
    strbuf_printf(out, "%s\n", (const char *)&name + field);
    return 0;
}

static int show_hostname(struct file *file, struct strbuf *out)
{
    (void)file;
    return show_name(out, offsetof(struct linux_utsname, nodename));
}

static int show_domainname(struct file *file, struct strbuf *out)
{
    (void)file;
    return show_name(out, offsetof(struct linux_utsname, domainname));
}

static int show_osrelease(struct file *file, struct strbuf *out)
{
    (void)file;
    return show_name(out, offsetof(struct linux_utsname, release));
}

static int show_version(struct file *file, struct strbuf *out)
{
    (void)file;
    return show_name(out, offsetof(struct linux_utsname, version));
}

/* Up to the first NUL or newline; the rest, and what is too long, is dropped. */
static int64_t write_name(const char *text, size_t bytes, enum uts_field field)
{
    char name[UTSNAME_LENGTH];
    size_t length = MIN(kstrcspn(text, "\n"), sizeof(name) - 1);
    memcpy(name, text, length);
    name[length] = 0;
    uts_set(field, name);
    return (int64_t)bytes;
}

static int64_t write_hostname(struct file *file, const char *text, size_t bytes)
{
    (void)file;
    return write_name(text, bytes, UTS_NODENAME);
}

static int64_t write_domainname(struct file *file, const char *text, size_t bytes)
{
    (void)file;
    return write_name(text, bytes, UTS_DOMAINNAME);
}

static const struct text_file_ops hostname = {show_hostname, write_hostname};
static const struct text_file_ops domainname = {show_domainname, write_domainname};
static const struct text_file_ops osrelease = {show_osrelease, NULL};
static const struct text_file_ops version = {show_version, NULL};

/* ---- randomness ---- */

void proc_put_uuid(char text[37])
{
    uint8_t bytes[16];
    struct strbuf out;
    entropy_bytes(bytes, sizeof(bytes));
    bytes[6] = (bytes[6] & 0x0f) | 0x40; /* version 4, variant 1: RFC 9562 */
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    strbuf_init(&out, text, 37);
    for (unsigned i = 0; i < sizeof(bytes); i++)
        strbuf_printf(&out, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", bytes[i]);
}

static int show_boot_id(struct file *file, struct strbuf *out)
{
    strbuf_printf(out, "%s\n", proc_state_of(file->inode->sb)->boot_id);
    return 0;
}

static int show_uuid(struct file *file, struct strbuf *out)
{
    char text[37];
    (void)file;
    proc_put_uuid(text);
    strbuf_printf(out, "%s\n", text);
    return 0;
}

static const struct text_file_ops boot_id = {show_boot_id, NULL};
static const struct text_file_ops uuid = {show_uuid, NULL};

/* ---- others that change ---- */

static int show_printk(struct file *file, struct strbuf *out)
{
    (void)file;
    strbuf_printf(out, "%u\t4\t1\t7\n", klog_console_level());
    return 0;
}

/* The console's level; the defaults behind it have no effect here. */
static int64_t write_printk(struct file *file, const char *text, size_t bytes)
{
    const char *cursor = kstr_skip_spaces(text);
    uint64_t level;
    (void)file;
    if (kparse_u64(&cursor, 10, &level) || level > 15)
        return -EINVAL;
    klog_set_console_level((unsigned)level);
    return (int64_t)bytes;
}

static int show_ns_last_pid(struct file *file, struct strbuf *out)
{
    (void)file;
    strbuf_printf(out, "%d\n", pid_namespace_last(current_pid_namespace()));
    return 0;
}

/* What the next process gets is the one behind, if it is free (pid_namespaces(7)). */
static int64_t write_ns_last_pid(struct file *file, const char *text, size_t bytes)
{
    struct pid_namespace *ns = current_pid_namespace();
    const char *cursor = kstr_skip_spaces(text);
    uint64_t last;
    (void)file;
    if (!capable_in(ns->common.owner, CAP_SYS_ADMIN) &&
        !capable_in(ns->common.owner, CAP_CHECKPOINT_RESTORE))
        return -EPERM;
    if (kparse_u64(&cursor, 10, &last) || last >= (uint64_t)tunable(pid_max))
        return -EINVAL;
    pid_namespace_set_last(ns, (int)last);
    return (int64_t)bytes;
}

/* As many as an eighth of memory has stacks for. */
static int show_threads_max(struct file *file, struct strbuf *out)
{
    struct page_counts pages;
    page_count(file->kernel, &pages);
    strbuf_printf(out, "%llu\n", (unsigned long long)MAX(pages.total / 32, (uint64_t)20));
    return 0;
}

/* Live objects of a slab cache. */
static uint64_t live_objects(struct kernel *kernel, const char *wanted)
{
    const char *name;
    size_t size;
    uint64_t live, pages;
    for (unsigned i = 0; slab_describe(kernel, i, &name, &size, &live, &pages) == 0; i++)
        if (kstr_equal(name, wanted))
            return live;
    return 0;
}

/* Files are limited by memory alone. */
#define FILE_MAX "9223372036854775807"

static int show_file_nr(struct file *file, struct strbuf *out)
{
    strbuf_printf(out, "%llu\t0\t" FILE_MAX "\n",
                  (unsigned long long)live_objects(file->kernel, "file"));
    return 0;
}

static int show_inode_nr(struct file *file, struct strbuf *out)
{
    strbuf_printf(out, "%llu\t0\n", (unsigned long long)live_objects(file->kernel, "inode"));
    return 0;
}

static int show_inode_state(struct file *file, struct strbuf *out)
{
    strbuf_printf(out, "%llu\t0\t0\t0\t0\t0\t0\n",
                  (unsigned long long)live_objects(file->kernel, "inode"));
    return 0;
}

static int show_dentry_state(struct file *file, struct strbuf *out)
{
    strbuf_printf(out, "%llu\t0\t45\t0\t0\t0\n",
                  (unsigned long long)live_objects(file->kernel, "dentry"));
    return 0;
}

static int show_ptrace_scope(struct file *file, struct strbuf *out)
{
    strbuf_printf(out, "%u\n", ptrace_scope(file->kernel));
    return 0;
}

static int64_t write_ptrace_scope(struct file *file, const char *text, size_t bytes)
{
    const char *cursor = kstr_skip_spaces(text);
    uint64_t scope;
    if (!capable(CAP_SYS_PTRACE))
        return -EPERM;
    if (kparse_u64(&cursor, 10, &scope) || scope > PTRACE_SCOPE_MAX)
        return -EINVAL;
    int error = ptrace_set_scope(file->kernel, (unsigned)scope);
    return error ? error : (int64_t)bytes;
}

static int show_core_pattern(struct file *file, struct strbuf *out)
{
    char pattern[CORE_PATTERN_BYTES];
    core_pattern_get(file->kernel, pattern);
    strbuf_printf(out, "%s\n", pattern);
    return 0;
}

static int64_t write_core_pattern(struct file *file, const char *text, size_t bytes)
{
    core_pattern_set(file->kernel, text, kstrcspn(text, "\n"));
    return (int64_t)bytes;
}

static int show_core_uses_pid(struct file *file, struct strbuf *out)
{
    strbuf_printf(out, "%d\n", core_uses_pid(file->kernel));
    return 0;
}

static int64_t write_core_uses_pid(struct file *file, const char *text, size_t bytes)
{
    const char *cursor = kstr_skip_spaces(text);
    uint64_t on;
    if (kparse_u64(&cursor, 10, &on))
        return -EINVAL;
    core_set_uses_pid(file->kernel, on != 0);
    return (int64_t)bytes;
}

static const struct text_file_ops core_pattern_ops = {show_core_pattern, write_core_pattern};
static const struct text_file_ops core_uses_pid_ops = {show_core_uses_pid, write_core_uses_pid};
static const struct text_file_ops ptrace_scope_ops = {show_ptrace_scope, write_ptrace_scope};

static int show_aio_nr(struct file *file, struct strbuf *out)
{
    strbuf_printf(out, "%llu\n", (unsigned long long)aio_used(file->kernel));
    return 0;
}

static int show_aio_limit(struct file *file, struct strbuf *out)
{
    strbuf_printf(out, "%llu\n", (unsigned long long)aio_limit(file->kernel));
    return 0;
}

static int64_t write_aio_limit(struct file *file, const char *text, size_t bytes)
{
    uint64_t limit;
    if (kstrtou64(text, 10, &limit) < 0)
        return -EINVAL;
    aio_set_limit(file->kernel, limit);
    return (int64_t)bytes;
}

static const struct text_file_ops aio_nr = {show_aio_nr, NULL};
static const struct text_file_ops aio_max_nr = {show_aio_limit, write_aio_limit};
static const struct text_file_ops printk = {show_printk, write_printk};
static const struct text_file_ops ns_last_pid = {show_ns_last_pid, write_ns_last_pid};
static const struct text_file_ops threads_max = {show_threads_max, NULL};
static const struct text_file_ops file_nr = {show_file_nr, NULL};
static const struct text_file_ops inode_nr = {show_inode_nr, NULL};
static const struct text_file_ops inode_state = {show_inode_state, NULL};
static const struct text_file_ops dentry_state = {show_dentry_state, NULL};

/* ---- the tree ---- */

/* The mode holds for root as well: what is constant cannot even be opened for writing. */
static int parameter_permission(struct inode *inode, unsigned mask)
{
    const struct cred *cred = current_cred();
    uint32_t mode = inode_mode(inode);
    if (cred->euid == 0)
        mode >>= 6;
    else if (cred_in_group(cred, 0))
        mode >>= 3;
    return mask & ~mode & (MAY_READ | MAY_WRITE | MAY_EXEC) ? -EACCES : 0;
}

/* Owner and mode are for ever. */
static int parameter_setattr(struct inode *inode, const struct attr_change *change)
{
    return change->mask & (ATTR_MODE | ATTR_UID | ATTR_GID) ? -EPERM
                                                            : generic_setattr(inode, change);
}

const struct inode_ops proc_parameter_inode_ops = {
    .permission = parameter_permission,
    .setattr = parameter_setattr,
};

#define CONSTANT(name_, value_)                                                                    \
    {                                                                                              \
        name_, S_IFREG | 0444, &proc_parameter_inode_ops, &text_file_operations,                   \
            &(const struct constant)                                                               \
        {                                                                                          \
            .text = {.show = show_constant}, .value = value_                                       \
        }                                                                                          \
    }
#define TEXT(name_, mode_, ops_)                                                                   \
    {                                                                                              \
        name_, S_IFREG | (mode_), &proc_parameter_inode_ops, &text_file_operations, &ops_          \
    }
#define SUBDIR(name_, table_)                                                                      \
    {                                                                                              \
        name_, S_IFDIR | 0555, &proc_table_inode_ops, &proc_table_file_ops, &table_                \
    }

static const struct proc_entry random_entries[] = {
    TEXT("boot_id", 0444, boot_id), CONSTANT("entropy_avail", "256"),
    CONSTANT("poolsize", "256"),    CONSTANT("urandom_min_reseed_secs", "60"),
    TEXT("uuid", 0444, uuid),       CONSTANT("write_wakeup_threshold", "256"),
};
static const struct proc_table random_table = PROC_TABLE(random_entries, PROC_TABLE_SYS + 1);

/* Nothing is logged: the second list is what Linux starts with. */
static const struct proc_entry seccomp_entries[] = {
    CONSTANT("actions_avail", "kill_process kill_thread trap errno user_notif trace log allow"),
    CONSTANT("actions_logged", "kill_process kill_thread trap errno user_notif trace log"),
};
static const struct proc_table seccomp_table = PROC_TABLE(seccomp_entries, PROC_TABLE_SYS + 13);

static const struct proc_entry pty_entries[] = {
    TEXT("max", 0644, proc_pty_max),
    TEXT("nr", 0444, proc_pty_nr),
    TEXT("reserve", 0644, proc_pty_reserve),
};
static const struct proc_table pty_table = PROC_TABLE(pty_entries, PROC_TABLE_SYS + 14);

static const struct proc_entry yama_entries[] = {
    TEXT("ptrace_scope", 0644, ptrace_scope_ops),
};
static const struct proc_table yama_table = PROC_TABLE(yama_entries, PROC_TABLE_SYS + 9);

static const struct proc_entry kernel_entries[] = {
    CONSTANT("arch", "x86_64"),
    CONSTANT("auto_msgmni", "0"),
    CONSTANT("cap_last_cap", "40"),
    TEXT("core_pattern", 0644, core_pattern_ops),
    CONSTANT("core_pipe_limit", "0"),
    TEXT("core_uses_pid", 0644, core_uses_pid_ops),
    CONSTANT("dmesg_restrict", "0"),
    TEXT("domainname", 0644, domainname),
    TEXT("hostname", 0644, hostname),
    SUBDIR("keys", proc_key_table),
    CONSTANT("kptr_restrict", "1"),
    TEXT("msg_next_id", 0644, proc_msg_next_id),
    TEXT("msgmax", 0644, proc_msgmax),
    TEXT("msgmnb", 0644, proc_msgmnb),
    TEXT("msgmni", 0644, proc_msgmni),
    CONSTANT("ngroups_max", "65536"),
    TEXT("ns_last_pid", 0666, ns_last_pid),
    TEXT("osrelease", 0444, osrelease),
    CONSTANT("ostype", "Linux"),
    CONSTANT("overflowgid", "65534"),
    CONSTANT("overflowuid", "65534"),
    CONSTANT("panic", "0"),
    CONSTANT("panic_on_oops", "1"),
    TEXT("pid_max", 0644, proc_pid_max),
    TEXT("printk", 0644, printk),
    SUBDIR("pty", pty_table),
    SUBDIR("random", random_table),
    CONSTANT("randomize_va_space", "2"),
    CONSTANT("sched_rr_timeslice_ms", "100"),
    CONSTANT("sched_rt_period_us", "1000000"),
    CONSTANT("sched_rt_runtime_us", "950000"),
    SUBDIR("seccomp", seccomp_table),
    TEXT("sem", 0644, proc_sem),
    TEXT("sem_next_id", 0644, proc_sem_next_id),
    TEXT("shm_next_id", 0644, proc_shm_next_id),
    TEXT("shm_rmid_forced", 0644, proc_shm_rmid_forced),
    TEXT("shmall", 0644, proc_shmall),
    TEXT("shmmax", 0644, proc_shmmax),
    TEXT("shmmni", 0644, proc_shmmni),
    CONSTANT("tainted", "0"),
    TEXT("threads-max", 0444, threads_max),
    TEXT("version", 0444, version),
    SUBDIR("yama", yama_table),
};
static const struct proc_table kernel_table = PROC_TABLE(kernel_entries, PROC_TABLE_SYS + 2);

static const struct proc_entry inotify_entries[] = {
    TEXT("max_queued_events", 0644, proc_inotify_events),
    TEXT("max_user_instances", 0644, proc_inotify_instances),
    TEXT("max_user_watches", 0644, proc_inotify_watches),
};
static const struct proc_table inotify_table = PROC_TABLE(inotify_entries, PROC_TABLE_SYS + 4);

static const struct proc_entry fanotify_entries[] = {
    TEXT("max_queued_events", 0644, proc_fanotify_events),
    TEXT("max_user_groups", 0644, proc_fanotify_groups),
    TEXT("max_user_marks", 0644, proc_fanotify_marks),
};
static const struct proc_table fanotify_table = PROC_TABLE(fanotify_entries, PROC_TABLE_SYS + 10);

static const struct proc_entry mqueue_entries[] = {
    TEXT("msg_default", 0644, proc_mq_msg_default),
    TEXT("msg_max", 0644, proc_mq_msg_max),
    TEXT("msgsize_default", 0644, proc_mq_msgsize_default),
    TEXT("msgsize_max", 0644, proc_mq_msgsize_max),
    TEXT("queues_max", 0644, proc_mq_queues_max),
};
static const struct proc_table mqueue_table = PROC_TABLE(mqueue_entries, PROC_TABLE_SYS + 12);

static const struct proc_entry fs_entries[] = {
    TEXT("aio-max-nr", 0644, aio_max_nr),
    TEXT("aio-nr", 0444, aio_nr),
    TEXT("dentry-state", 0444, dentry_state),
    CONSTANT("dir-notify-enable", "1"),
    SUBDIR("fanotify", fanotify_table),
    TEXT("lease-break-time", 0644, proc_lease_break_time),
    CONSTANT("leases-enable", "1"),
    CONSTANT("file-max", FILE_MAX),
    TEXT("file-nr", 0444, file_nr),
    TEXT("inode-nr", 0444, inode_nr),
    TEXT("inode-state", 0444, inode_state),
    SUBDIR("inotify", inotify_table),
    SUBDIR("mqueue", mqueue_table),
    TEXT("nr_open", 0644, proc_nr_open),
    CONSTANT("overflowgid", "65534"),
    CONSTANT("overflowuid", "65534"),
    TEXT("pipe-max-size", 0644, proc_pipe_max_size),
    TEXT("pipe-user-pages-hard", 0644, proc_pipe_user_pages_hard),
    TEXT("pipe-user-pages-soft", 0644, proc_pipe_user_pages_soft),
    TEXT("protected_fifos", 0644, proc_protected_fifos),
    TEXT("protected_hardlinks", 0644, proc_protected_hardlinks),
    TEXT("protected_regular", 0644, proc_protected_regular),
    TEXT("protected_symlinks", 0644, proc_protected_symlinks),
    TEXT("suid_dumpable", 0644, proc_suid_dumpable),
};
static const struct proc_table fs_table = PROC_TABLE(fs_entries, PROC_TABLE_SYS + 5);

static const struct proc_entry net_core_entries[] = {
    CONSTANT("somaxconn", "4096"),
};
static const struct proc_table net_core_table = PROC_TABLE(net_core_entries, PROC_TABLE_SYS + 6);

static const struct proc_entry net_unix_entries[] = {
    CONSTANT("max_dgram_qlen", "10"),
};
static const struct proc_table net_unix_table = PROC_TABLE(net_unix_entries, PROC_TABLE_SYS + 7);

static const struct proc_entry net_entries[] = {
    SUBDIR("core", net_core_table),
    SUBDIR("unix", net_unix_table),
};
static const struct proc_table net_table = PROC_TABLE(net_entries, PROC_TABLE_SYS + 8);

static const struct proc_entry sys_entries[] = {
    SUBDIR("fs", fs_table),
    SUBDIR("kernel", kernel_table),
    SUBDIR("net", net_table),
    SUBDIR("vm", proc_vm_table),
};
const struct proc_table proc_sys_table = PROC_TABLE(sys_entries, PROC_TABLE_SYS);
