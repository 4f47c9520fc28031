/* SPDX-License-Identifier: MIT
 *
 * The sys file system, sysfs(5): the tree that programs expect, with what this kernel has to say:
 * its CPUs, memory and settings. What has no devices is an empty directory.
 */
#include "kernel/lib/printf.h"
#include "kernel/procfs/sysfs_internal.h"
#include "kernel/sched/sched.h"

enum { CPU_POS = 64 };

static const struct inode_ops cpu_dir_inode_ops;
static const struct file_ops cpu_dir_file_ops;

const struct inode_ops sysfs_plain_ops = {.setattr = proc_setattr_refused};

/* Nobody makes names here: EPERM and EACCES, where /proc has ENOENT. */
static int dir_lookup(struct inode *dir, const char *name, size_t length, struct inode **out)
{
    return proc_table_inode_ops.lookup(dir, name, length, out);
}

const struct inode_ops sysfs_dir_inode_ops = {
    .lookup = dir_lookup,
    .setattr = proc_setattr_refused,
};

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

int sysfs_show_online(struct file *file, struct strbuf *out)
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

int sysfs_show_online_mask(struct file *file, struct strbuf *out)
{
    strbuf_printf(out, "%llx\n", (unsigned long long)sched_online_mask(file->kernel).bits);
    return 0;
}

int sysfs_show_zero(struct file *file, struct strbuf *out)
{
    (void)file;
    strbuf_puts(out, "0\n");
    return 0;
}

static const struct proc_entry topology_entries[] = {
    SYSFS_FILE("core_cpus", show_own_mask),
    SYSFS_FILE("core_cpus_list", show_own_list),
    SYSFS_FILE("core_id", show_own_number),
    SYSFS_FILE("core_siblings", sysfs_show_online_mask),
    SYSFS_FILE("core_siblings_list", sysfs_show_online),
    SYSFS_FILE("die_cpus", sysfs_show_online_mask),
    SYSFS_FILE("die_cpus_list", sysfs_show_online),
    SYSFS_FILE("die_id", sysfs_show_zero),
    SYSFS_FILE("package_cpus", sysfs_show_online_mask),
    SYSFS_FILE("package_cpus_list", sysfs_show_online),
    SYSFS_FILE("physical_package_id", sysfs_show_zero),
    SYSFS_FILE("thread_siblings", show_own_mask),
    SYSFS_FILE("thread_siblings_list", show_own_list),
};
static const struct proc_table topology_table = PROC_TABLE(topology_entries, SYSFS_TABLE_TOPOLOGY);

static const struct proc_entry one_cpu_entries[] = {
    {"topology", S_IFDIR | 0755, &proc_numbered_inode_ops, &proc_table_file_ops, &topology_table},
};
static const struct proc_table one_cpu_table = PROC_TABLE(one_cpu_entries, SYSFS_TABLE_ONE_CPU);

static int show_no_smt(struct file *file, struct strbuf *out)
{
    (void)file;
    strbuf_puts(out, "notsupported\n");
    return 0;
}

static const struct proc_entry smt_entries[] = {
    SYSFS_FILE("active", sysfs_show_zero),
    SYSFS_FILE("control", show_no_smt),
};
static const struct proc_table smt_table = PROC_TABLE(smt_entries, SYSFS_TABLE_CPU_SMT);

static const struct proc_entry cpu_entries[] = {
    SYSFS_DIR("smt", smt_table),
    SYSFS_FILE("isolated", show_empty),
    SYSFS_FILE("kernel_max", show_kernel_max),
    SYSFS_FILE("offline", show_offline),
    SYSFS_FILE("online", sysfs_show_online),
    SYSFS_FILE("possible", show_possible),
    SYSFS_FILE("present", show_possible),
};
static const struct proc_table cpu_table = PROC_TABLE(cpu_entries, SYSFS_TABLE_CPU);

static int cpu_lookup(struct inode *dir, const char *name, size_t length, struct inode **out)
{
    int cpu;
    if (length <= 3 || memcmp(name, "cpu", 3) != 0 || !proc_parse_id(name + 3, length - 3, &cpu))
        return proc_table_inode_ops.lookup(dir, name, length, out);
    if ((unsigned)cpu >= dir->sb->kernel->boot->cpu_count)
        return -ENOENT;
    const struct proc_entry entry = {
        .mode = S_IFDIR | 0755,
        .inode_ops = &proc_numbered_inode_ops,
        .file_ops = &proc_table_file_ops,
        .data = &one_cpu_table,
    };
    int error = proc_make_inode(dir->sb, &entry, proc_ino(cpu, SYSFS_TABLE_ONE_CPU, 1), out);
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
        if (!dir_emit(context, name, (size_t)length, proc_ino(cpu, SYSFS_TABLE_ONE_CPU, 1), DT_DIR,
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

static int show_one(struct file *file, struct strbuf *out)
{
    (void)file;
    strbuf_puts(out, "1\n");
    return 0;
}

static const struct proc_entry kernel_entries[] = {
    SYSFS_FILE("address_bits", show_address_bits),
    SYSFS_FILE("cpu_byteorder", show_byte_order),
    SYSFS_FILE("fscaps", show_one),
    SYSFS_FILE("kexec_loaded", sysfs_show_zero),
    SYSFS_DIR("mm", sysfs_kernel_mm_table),
    SYSFS_FILE("profiling", sysfs_show_zero),
    SYSFS_FILE("uevent_seqnum", sysfs_show_zero),
};
static const struct proc_table kernel_table = PROC_TABLE(kernel_entries, SYSFS_TABLE_KERNEL);

/* ---- the tree ---- */

static const struct proc_table empty_table = {.number = SYSFS_TABLE_EMPTY};

static const struct proc_entry dev_entries[] = {
    SYSFS_DISKS(sysfs_dev_block_table),
    SYSFS_DIR("char", empty_table),
};
static const struct proc_table dev_table = PROC_TABLE(dev_entries, SYSFS_TABLE_DEV);

static const struct proc_entry system_entries[] = {
    {"cpu", S_IFDIR | 0755, &cpu_dir_inode_ops, &cpu_dir_file_ops, &cpu_table},
    SYSFS_DIR("node", sysfs_nodes_table),
};
static const struct proc_table system_table = PROC_TABLE(system_entries, SYSFS_TABLE_SYSTEM);

static const struct proc_entry devices_entries[] = {
    SYSFS_DIR("system", system_table),
    SYSFS_DIR("virtual", empty_table),
};
static const struct proc_table devices_table = PROC_TABLE(devices_entries, SYSFS_TABLE_DEVICES);

static const struct proc_entry class_entries[] = {
    SYSFS_DISKS(sysfs_class_block_table),
    SYSFS_DIR("net", empty_table),
    SYSFS_DIR("tty", empty_table),
};
static const struct proc_table class_table = PROC_TABLE(class_entries, SYSFS_TABLE_CLASS);

static const struct proc_entry fs_entries[] = {
    SYSFS_DIR("cgroup", empty_table),
};
static const struct proc_table fs_table = PROC_TABLE(fs_entries, SYSFS_TABLE_FS);

static const struct proc_entry root_entries[] = {
    SYSFS_DISKS(sysfs_block_table),      SYSFS_DIR("bus", empty_table),
    SYSFS_DIR("class", class_table),     SYSFS_DIR("dev", dev_table),
    SYSFS_DIR("devices", devices_table), SYSFS_DIR("firmware", empty_table),
    SYSFS_DIR("fs", fs_table),           SYSFS_DIR("kernel", kernel_table),
    SYSFS_DIR("module", empty_table),    SYSFS_DIR("power", empty_table),
};
static const struct proc_table root_table = PROC_TABLE(root_entries, SYSFS_TABLE_ROOT);

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
    static const struct proc_entry root = SYSFS_DIR("", root_table);
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
