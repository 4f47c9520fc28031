/* SPDX-License-Identifier: MIT
 *
 * Device numbers and what is behind them; mknod(2), /proc/devices.
 *
 * The table only grows; later registrations are found first, so that a driver may take over single
 * minors of a range. Readers take vfs->lock for the scan.
 */
#include "kernel/fs/device.h"

#include "kernel/fs/vfs_internal.h"

static int register_range(struct kernel *kernel, const struct device_range *range)
{
    struct vfs_state *vfs = kernel->vfs;
    int error = 0;
    spin_lock(&vfs->lock);
    if (vfs->device_count == vfs->device_capacity) {
        unsigned capacity = vfs->device_capacity ? 2 * vfs->device_capacity : 32;
        struct device_range *grown = krealloc(vfs->devices, capacity * sizeof(*grown));
        if (grown) {
            vfs->devices = grown;
            vfs->device_capacity = capacity;
        } else {
            error = -ENOMEM;
        }
    }
    if (!error)
        vfs->devices[vfs->device_count++] = *range;
    spin_unlock(&vfs->lock);
    return error;
}

int device_register_char(struct kernel *kernel, unsigned major, unsigned minor, unsigned count,
                         const char *name, const struct file_ops *ops, void *context)
{
    struct device_range range = {.major = major,
                                 .minor = minor,
                                 .count = count,
                                 .name = name,
                                 .ops = ops,
                                 .context = context};
    return register_range(kernel, &range);
}

int device_register_block(struct kernel *kernel, unsigned major, unsigned minor, unsigned count,
                          const char *name, const struct file_ops *ops, void *context)
{
    struct device_range range = {.block = true,
                                 .major = major,
                                 .minor = minor,
                                 .count = count,
                                 .name = name,
                                 .ops = ops,
                                 .context = context};
    return register_range(kernel, &range);
}

static bool find(struct kernel *kernel, bool block, uint64_t rdev, struct device_range *out)
{
    struct vfs_state *vfs = kernel->vfs;
    unsigned major = DEV_MAJOR(rdev), minor = DEV_MINOR(rdev);
    bool found = false;
    spin_lock(&vfs->lock);
    for (unsigned i = vfs->device_count; i-- > 0 && !found;) {
        const struct device_range *range = &vfs->devices[i];
        found = range->block == block && range->major == major && minor >= range->minor &&
                minor - range->minor < range->count;
        if (found)
            *out = *range;
    }
    spin_unlock(&vfs->lock);
    return found;
}

const struct file_ops *device_find_ops(struct kernel *kernel, bool block, uint64_t rdev)
{
    struct device_range range;
    return find(kernel, block, rdev, &range) ? range.ops : NULL;
}

void *device_context(uint64_t rdev, struct kernel *kernel)
{
    struct device_range range;
    return find(kernel, false, rdev, &range) ? range.context : NULL;
}

void *device_block_context(uint64_t rdev, struct kernel *kernel)
{
    struct device_range range;
    return find(kernel, true, rdev, &range) ? range.context : NULL;
}

int device_describe(struct kernel *kernel, unsigned index, bool *out_block, unsigned *out_major,
                    const char **out_name)
{
    struct vfs_state *vfs = kernel->vfs;
    int result = -ENOENT;
    spin_lock(&vfs->lock);
    if (index < vfs->device_count) {
        *out_block = vfs->devices[index].block;
        *out_major = vfs->devices[index].major;
        *out_name = vfs->devices[index].name;
        result = 0;
    }
    spin_unlock(&vfs->lock);
    return result;
}
