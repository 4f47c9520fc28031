/* SPDX-License-Identifier: MIT
 *
 * Character and block devices by number, and devtmpfs (the /dev file system) where drivers' nodes
 * appear.
 */
#ifndef KERNEL_FS_DEVICE_H
#define KERNEL_FS_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

struct file_ops;
struct kernel;

#define MAKE_DEV(major, minor)                                                                     \
    ((((uint64_t)(major) & 0xfffff000u) << 32) | (((uint64_t)(major) & 0xfff) << 8) |             \
     (((uint64_t)(minor) & 0xffffff00u) << 12) | ((uint64_t)(minor) & 0xff))
#define DEV_MAJOR(dev) ((unsigned)((((dev) >> 32) & 0xfffff000u) | (((dev) >> 8) & 0xfff)))
#define DEV_MINOR(dev) ((unsigned)((((dev) >> 12) & 0xffffff00u) | ((dev) & 0xff)))

/* Register minors [minor, minor + count) of a character major; opening such a node uses ops. */
int device_register_char(struct kernel *kernel, unsigned major, unsigned minor, unsigned count,
                         const char *name, const struct file_ops *ops, void *context);
int device_register_block(struct kernel *kernel, unsigned major, unsigned minor, unsigned count,
                          const char *name, const struct file_ops *ops, void *context);
void *device_context(uint64_t rdev, struct kernel *kernel);
void *device_block_context(uint64_t rdev, struct kernel *kernel);

/* The registered ranges in order of registration, for /proc/devices. -ENOENT past the last. */
int device_describe(struct kernel *kernel, unsigned index, bool *out_block, unsigned *out_major,
                    const char **out_name);

/* Create or remove /dev/NAME (with subdirectories) in devtmpfs. */
int devtmpfs_create_node(struct kernel *kernel, const char *name, uint32_t mode, uint64_t rdev);
int devtmpfs_remove_node(struct kernel *kernel, const char *name);

#endif
