/* SPDX-License-Identifier: MIT
 *
 * Block devices as files: for system calls that look behind a file, and between its two files.
 */
#ifndef KERNEL_FS_BLOCK_FILE_H
#define KERNEL_FS_BLOCK_FILE_H

#include <stdint.h>

struct block_device;
struct file;
struct kernel;

/* The device behind an open block device's file, else NULL. */
struct block_device *block_file_device(const struct file *file);

/* Make nodes for the machine's disks. Boot. */
int block_files_init(struct kernel *kernel);

/* Find the partitions of all disks and make their nodes; what fails is logged. Blocks. */
void block_files_scan(struct kernel *kernel);

/* BLKRRPART: find the partitions of a disk anew, for an open file. 0, -EBUSY (a partition is open,
 * or the disk is another's), -EIO, -ENOMEM. Blocks. */
int block_file_reread(struct block_device *disk, const void *user);

/* BLKPG: one partition of a disk (block.h), and its node. */
enum partition_change { PARTITION_ADD = 1, PARTITION_DELETE, PARTITION_RESIZE };
struct partition;
int block_file_partition(struct block_device *disk, enum partition_change change, unsigned number,
                         const struct partition *part);

enum erase { ERASE_DISCARD, ERASE_ZERO, ERASE_UNMAP /* zero, and give the blocks back */ };

/* Erase bytes [start, end), whole logical blocks inside the device. 0, -EPERM (read only),
 * -EOPNOTSUPP, -EIO. */
int block_file_erase(struct block_device *device, uint64_t start, uint64_t end, enum erase how);

int64_t block_file_ioctl(struct file *file, uint32_t command, uint64_t argument);

#endif
