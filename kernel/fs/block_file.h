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

enum erase { ERASE_DISCARD, ERASE_ZERO, ERASE_UNMAP /* zero, and give the blocks back */ };

/* Erase bytes [start, end), whole logical blocks inside the device. 0, -EPERM (read only),
 * -EOPNOTSUPP, -EIO. */
int block_file_erase(struct block_device *device, uint64_t start, uint64_t end, enum erase how);

int64_t block_file_ioctl(struct file *file, uint32_t command, uint64_t argument);

#endif
