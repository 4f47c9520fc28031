/* SPDX-License-Identifier: MIT
 *
 * The sys file system, sysfs(5): the tree that programs expect, with what this kernel has to say:
 * its CPUs. What has no devices is an empty directory.
 */
#include "kernel/lib/printf.h"
#include "kernel/procfs/proc_internal.h"
#include "kernel/sched/sched.h"

enum { CPU_POS = 64 };

/* Numbers of the tables, for inode numbers. */
enum {
    TABLE_ROOT = 128,
    TABLE_EMPTY,
    TABLE_DEV,
    TABLE_DEVICES,
    TABLE_SYSTEM,
    TABLE_CPU,
    TABLE_ONE_CPU,
    TABLE_TOPOLOGY,
    TABLE_KERNEL
};

static const struct inode_ops plain_ops = {.setattr = proc_setattr_refused};
static const struct inode_ops cpu_dir_inode_ops;
static const struct file_ops cpu_dir_file_ops;
static const struct inode_ops one_cpu_inode_ops;

#define FILE(name_, show_)                                                                         \
    {                                                                                              \
        name_, S_IFREG | 0444, &plain_ops, &text_file_operations, &(const struct text_file_ops)    \
        {                                                                                          \
            .show = show_                                                                          \
        }                                                                                          \
    }
#define SUBDIR(name_, table_)                                                                      \
    {                                                                                              \
        name_, S_IFDIR | 0755, &proc_table_inode_ops, &proc_table_file_ops, &table_                \
    }

/* ---- CPUs ---- */

static uint64_t first_cpus(unsigned count)
{
    return count >= 64 ? ~0ull : (1ull << count) - 1;
}

static int put_list(struct strbuf *out, uint64_t bits)
{
    proc_put_cpu_list(out, bits);
    strbuf_putc(out, '\n');
    return 0;
}

static int show_online(struct file *file, struct strbuf *out)
{
    return put_list(out, sched_online_mask(file->kernel).bits);
}

static int show_possible(struct file *file, struct strbuf *out)
{
    return put_list(out, first_cpus(file->kernel->boot->cpu_count));
}

static int show_offline(struct file *file, struct strbuf *out)
{
    return put_list(out, first_cpus(file->kernel->boot->cpu_count) &
                             ~sched_online_mask(file->kernel).bits);
}

static int show_kernel_max(struct file *file, struct strbuf *out)
{
    (void)file;
    strbuf_printf(out, "%d\n", HAL_CPUS_MAX - 1);
    return 0;
}

static int show_empty(struct file *file, struct strbuf *out)
{
    (void)file;
    strbuf_putc(out, '\n');
    return 0;
}

/* All CPUs are cores of one package, without threads. The CPU is in the inode. */
static int show_own_number(struct file *file, struct strbuf *out)
{
    strbuf_printf(out, "%llu\n", (unsigned long long)file->inode->private_u64);
    return 0;
}

static int show_own_list(struct file *file, struct strbuf *out)
{
    return show_own_number(file, out);
}

static int show_own_mask(struct file *file, struct strbuf *out)
{
    strbuf_printf(out, "%llx\n", 1ull << file->inode->private_u64);
    return 0;
}

static int show_package_mask(struct file *file, struct strbuf *out)
{
    strbuf_printf(out, "%llx\n", (unsigned long long)sched_online_mask(file->kernel).bits);
    return 0;
}

static int show_zero(struct file *file, struct strbuf *out)
{
    (void)file;
    strbuf_puts(out, "0\n");
    return 0;
}

static const struct proc_entry topology_entries[] = {
    FILE("core_cpus", show_own_mask),
    FILE("core_cpus_list", show_own_list),
    FILE("core_id", show_own_number),
    FILE("core_siblings", show_package_mask),
    FILE("core_siblings_list", show_online),
    FILE("die_cpus", show_package_mask),
    FILE("die_cpus_list", show_online),
    FILE("die_id", show_zero),
    FILE("package_cpus", show_package_mask),
    FILE("package_cpus_list", show_online),
    FILE("physical_package_id", show_zero),
    FILE("thread_siblings", show_own_mask),
    FILE("thread_siblings_list", show_own_list),
};
static const struct proc_table topology_table = PROC_TABLE(topology_entries, TABLE_TOPOLOGY);

static const struct proc_entry one_cpu_entries[] = {
    {"topology", S_IFDIR | 0755, &one_cpu_inode_ops, &proc_table_file_ops, &topology_table},
};
static const struct proc_table one_cpu_table = PROC_TABLE(one_cpu_entries, TABLE_ONE_CPU);

static const struct proc_entry cpu_entries[] = {
    FILE("isolated", show_empty),    FILE("kernel_max", show_kernel_max),
    FILE("offline", show_offline),   FILE("online", show_online),
    FILE("possible", show_possible), FILE("present", show_possible),
};
static const struct proc_table cpu_table = PROC_TABLE(cpu_entries, TABLE_CPU);

/* Below a CPU's directory every inode knows the CPU; it is also the "task" of its inode number. */
static int one_cpu_lookup(struct inode *dir, const char *name, size_t length, struct inode **out)
{
    unsigned index;
    const struct proc_table *table = dir->private;
    const struct proc_entry *entry = proc_table_find(table, name, length, &index);
    if (!entry)
        return -ENOENT;
    int error =
        proc_make_inode(dir->sb, entry, proc_ino((int)dir->private_u64, table->number, index), out);
    if (!error)
        (*out)->private_u64 = dir->private_u64;
    return error;
}

static const struct inode_ops one_cpu_inode_ops = {
    .lookup = one_cpu_lookup,
    .setattr = proc_setattr_refused,
};

static int cpu_lookup(struct inode *dir, const char *name, size_t length, struct inode **out)
{
    int cpu;
    if (length <= 3 || memcmp(name, "cpu", 3) != 0 || !proc_parse_id(name + 3, length - 3, &cpu))
        return proc_table_inode_ops.lookup(dir, name, length, out);
    if ((unsigned)cpu >= dir->sb->kernel->boot->cpu_count)
        return -ENOENT;
    const struct proc_entry entry = {
        .mode = S_IFDIR | 0755,
        .inode_ops = &one_cpu_inode_ops,
        .file_ops = &proc_table_file_ops,
        .data = &one_cpu_table,
    };
    int error = proc_make_inode(dir->sb, &entry, proc_ino(cpu, TABLE_ONE_CPU, 1), out);
    if (!error)
        (*out)->private_u64 = (uint64_t)cpu;
    return error;
}

static int cpu_iterate(struct file *file, struct dir_context *context)
{
    char name[16];
    if (!dir_emit_dots(file, context))
        return 0;
    if (context->pos < CPU_POS) {
        if (!proc_table_emit(context, file->inode->private, 0, 2))
            return 0;
        context->pos = CPU_POS;
    }
    while (context->pos - CPU_POS < file->kernel->boot->cpu_count) {
        int cpu = (int)(context->pos - CPU_POS);
        int length = kscnprintf(name, sizeof(name), "cpu%d", cpu);
        if (!dir_emit(context, name, (size_t)length, proc_ino(cpu, TABLE_ONE_CPU, 1), DT_DIR,
                      context->pos + 1))
            return 0;
    }
    return 0;
}

static const struct inode_ops cpu_dir_inode_ops = {
    .lookup = cpu_lookup,
    .setattr = proc_setattr_refused,
};

static const struct file_ops cpu_dir_file_ops = {
    .iterate = cpu_iterate,
    .seek = proc_dir_seek,
};

/* ---- the kernel ---- */

static int show_address_bits(struct file *file, struct strbuf *out)
{
    (void)file;
    strbuf_puts(out, "64\n");
    return 0;
}

static int show_byte_order(struct file *file, struct strbuf *out)
{
    (void)file;
    strbuf_puts(out, "little\n");
    return 0;
}

static const struct proc_entry kernel_entries[] = {
    FILE("address_bits", show_address_bits),
    FILE("cpu_byteorder", show_byte_order),
    FILE("uevent_seqnum", show_zero),
};
static const struct proc_table kernel_table = PROC_TABLE(kernel_entries, TABLE_KERNEL);

/* ---- the tree ---- */

static const struct proc_table empty_table = {.number = TABLE_EMPTY};

static const struct proc_entry dev_entries[] = {
    SUBDIR("block", empty_table),
    SUBDIR("char", empty_table),
};
static const struct proc_table dev_table = PROC_TABLE(dev_entries, TABLE_DEV);

static const struct proc_entry system_entries[] = {
    {"cpu", S_IFDIR | 0755, &cpu_dir_inode_ops, &cpu_dir_file_ops, &cpu_table},
};
static const struct proc_table system_table = PROC_TABLE(system_entries, TABLE_SYSTEM);

static const struct proc_entry devices_entries[] = {
    SUBDIR("system", system_table),
    SUBDIR("virtual", empty_table),
};
static const struct proc_table devices_table = PROC_TABLE(devices_entries, TABLE_DEVICES);

static const struct proc_entry root_entries[] = {
    SUBDIR("block", empty_table), SUBDIR("bus", empty_table),       SUBDIR("class", empty_table),
    SUBDIR("dev", dev_table),     SUBDIR("devices", devices_table), SUBDIR("firmware", empty_table),
    SUBDIR("fs", empty_table),    SUBDIR("kernel", kernel_table),   SUBDIR("module", empty_table),
    SUBDIR("power", empty_table),
};
static const struct proc_table root_table = PROC_TABLE(root_entries, TABLE_ROOT);

/* ---- the file system ---- */

static int sysfs_statfs(struct superblock *sb, struct linux_statfs *out)
{
    out->f_type = SYSFS_MAGIC;
    out->f_bsize = (int64_t)sb->block_size;
    out->f_namelen = VFS_NAME_MAX;
    return 0;
}

static const struct superblock_ops sysfs_superblock_ops = {.statfs = sysfs_statfs};

static int sysfs_mount(struct kernel *kernel, const struct filesystem *type, const char *source,
                       unsigned flags, const char *options, struct superblock **out)
{
    static const struct proc_entry root = SUBDIR("", root_table);
    struct superblock *sb;
    struct inode *inode;
    (void)source;
    (void)flags;
    (void)options;
    int error = superblock_create(kernel, type, &sysfs_superblock_ops, &sb);
    if (error)
        return error;
    error = proc_make_inode(sb, &root, 1, &inode);
    if (!error)
        error = dentry_create_root(sb, inode);
    if (error) {
        superblock_put(sb);
        return error;
    }
    *out = sb;
    return 0;
}

static const struct filesystem sysfs_type = {
    .name = "sysfs",
    .magic = SYSFS_MAGIC,
    .mount = sysfs_mount,
};

int sysfs_init(struct kernel *kernel)
{
    return vfs_register_filesystem(kernel, &sysfs_type);
}
