/* SPDX-License-Identifier: MIT
 *
 * Reading and writing block devices by bytes: through the device's page cache, and past it
 * (O_DIRECT).
 *
 * All may block. Positions and sizes are checked by the caller against block_bytes.
 */
#ifndef KERNEL_DRIVERS_BLOCK_CACHE_H
#define KERNEL_DRIVERS_BLOCK_CACHE_H

#include <stdbool.h>
#include <stdint.h>

struct block_device;
struct kernel;
struct uio;

/* Bytes, or -EIO, -ENOMEM, -EFAULT. A write is in the cache, and on the device when it is synced or
 * when much is dirty. */
int64_t block_read(struct block_device *device, uint64_t pos, uint64_t bytes, struct uio *uio);
int64_t block_write(struct block_device *device, uint64_t pos, uint64_t bytes, struct uio *uio);

/* Likewise, straight from and to the device; pos and bytes are multiples of the logical block. What
 * the cache has is written before, and follows. */
int64_t block_read_direct(struct block_device *device, uint64_t pos, uint64_t bytes,
                          struct uio *uio);
int64_t block_write_direct(struct block_device *device, uint64_t pos, uint64_t bytes,
                           struct uio *uio);

/* Write the bytes [start, end) of the cache to the device; `flush`: and have it keep them for good.
 * 0 or -EIO. */
int block_sync(struct block_device *device, uint64_t start, uint64_t end, bool flush);

/* sync(2): all devices. */
void block_sync_all(struct kernel *kernel);

/* Forget what the cache has, after writing it: what is mapped or in use stays. 0 or -EIO. */
int block_invalidate(struct block_device *device);

/* Bytes [start, end), multiples of the logical block, are what the device made of them: forget what
 * the cache has of them, dirty or not; mapped pages too. */
void block_forget(struct block_device *device, uint64_t start, uint64_t end);

#endif
