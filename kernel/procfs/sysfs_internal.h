/* SPDX-License-Identifier: MIT
 *
 * What the parts of sysfs share.
 */
#ifndef KERNEL_PROCFS_SYSFS_INTERNAL_H
#define KERNEL_PROCFS_SYSFS_INTERNAL_H

#include "kernel/procfs/proc_internal.h"

/* Numbers of the tables, for inode numbers. */
enum {
    SYSFS_TABLE_ROOT = 128,
    SYSFS_TABLE_EMPTY,
    SYSFS_TABLE_DEV,
    SYSFS_TABLE_DEVICES,
    SYSFS_TABLE_SYSTEM,
    SYSFS_TABLE_CPU,
    SYSFS_TABLE_ONE_CPU,
    SYSFS_TABLE_TOPOLOGY,
    SYSFS_TABLE_KERNEL,
    SYSFS_TABLE_CPU_SMT,
    SYSFS_TABLE_NODES,
    SYSFS_TABLE_NODE,
    SYSFS_TABLE_KERNEL_MM,
    SYSFS_TABLE_HUGE_PAGES,
    SYSFS_TABLE_CLASS,
    SYSFS_TABLE_FS,
    SYSFS_TABLE_BLOCK,
    SYSFS_TABLE_CLASS_BLOCK,
    SYSFS_TABLE_DEV_BLOCK,
    SYSFS_TABLE_DISK,
    SYSFS_TABLE_DISK_QUEUE,
    SYSFS_TABLE_PARTITION,
};

#define SYSFS_FILE(name_, show_)                                                                   \
    {                                                                                              \
        name_, S_IFREG | 0444, &sysfs_plain_ops, &text_file_operations,                            \
            &(const struct text_file_ops)                                                          \
        {                                                                                          \
            .show = show_                                                                          \
        }                                                                                          \
    }
#define SYSFS_DIR(name_, table_)                                                                   \
    {                                                                                              \
        name_, S_IFDIR | 0755, &sysfs_dir_inode_ops, &proc_table_file_ops, &table_                 \
    }

#define SYSFS_DISKS(table_)                                                                        \
    {                                                                                              \
        "block", S_IFDIR | 0755, &sysfs_disks_inode_ops, &sysfs_disks_file_ops, &table_            \
    }

extern const struct inode_ops sysfs_plain_ops, sysfs_dir_inode_ops;

/* "0\n". */
int sysfs_show_zero(struct file *file, struct strbuf *out);

/* The CPUs that run, as a list and as a mask. */
int sysfs_show_online(struct file *file, struct strbuf *out);
int sysfs_show_online_mask(struct file *file, struct strbuf *out);

/* devices/system/node and kernel/mm. */
extern const struct proc_table sysfs_nodes_table, sysfs_kernel_mm_table;

/* Directories of disks: block, class/block, dev/block. */
extern const struct inode_ops sysfs_disks_inode_ops;
extern const struct file_ops sysfs_disks_file_ops;
extern const struct proc_table sysfs_block_table, sysfs_class_block_table, sysfs_dev_block_table;

#endif
