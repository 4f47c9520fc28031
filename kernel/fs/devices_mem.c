/* SPDX-License-Identifier: MIT
 *
 * The memory devices, major 1: null(4), zero, full(4), random(4), urandom.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/ioctl.h"
#include "kernel/abi/random.h"
#include "kernel/core/entropy.h"
#include "kernel/fs/vfs_internal.h"
#include "kernel/mm/mm.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/wait.h"
#include "kernel/security/cred.h"

enum {
    MEM_MAJOR = 1,
    MINOR_NULL = 3,
    MINOR_ZERO = 5,
    MINOR_FULL = 7,
    MINOR_RANDOM = 8,
    MINOR_URANDOM = 9,
    MINOR_KMSG = 11
};

enum { POOL_BITS = 256 };

static int64_t null_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    (void)file;
    (void)uio;
    (void)pos;
    return 0;
}

static int64_t null_write(struct file *file, struct uio *uio, uint64_t *pos)
{
    (void)file;
    int64_t bytes = (int64_t)uio->remaining;
    uio_advance(uio, uio->remaining);
    *pos += (uint64_t)bytes;
    return bytes;
}

static int64_t zero_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    (void)file;
    (void)pos;
    int64_t done = 0;
    while (uio->remaining > 0) {
        size_t bytes = MIN(uio->remaining, 16ul * PAGE_SIZE);
        size_t zeroed = uio_zero(uio, bytes);
        done += (int64_t)zeroed;
        if (zeroed < bytes)
            return done ? done : -EFAULT;
        if (wait_interrupted(THREAD_INTERRUPTIBLE))
            break;
        sched_resched_if_needed();
    }
    return done;
}

static int64_t full_write(struct file *file, struct uio *uio, uint64_t *pos)
{
    (void)file;
    (void)uio;
    (void)pos;
    return -ENOSPC;
}

/* Private mappings of /dev/zero are anonymous memory, shared ones shared anonymous memory. */
static int zero_mmap(struct file *file, struct mm_map_request *request)
{
    (void)file;
    request->ops = NULL;
    request->backing = NULL;
    return 0;
}

static int64_t random_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    (void)file;
    (void)pos;
    uint8_t block[256];
    int64_t done = 0;
    while (uio->remaining > 0) {
        size_t bytes = MIN(uio->remaining, sizeof(block));
        entropy_bytes(block, bytes);
        size_t copied = uio_copy_to(uio, block, bytes);
        done += (int64_t)copied;
        if (copied < bytes) {
            done = done ? done : -EFAULT;
            break;
        }
        if ((done & (PAGE_SIZE - 1)) == 0) {
            if (wait_interrupted(THREAD_INTERRUPTIBLE))
                break;
            sched_resched_if_needed();
        }
    }
    kmem_wipe(block, sizeof(block));
    return done;
}

static int64_t random_write(struct file *file, struct uio *uio, uint64_t *pos)
{
    (void)file;
    (void)pos;
    uint8_t block[256];
    int64_t done = 0;
    while (uio->remaining > 0) {
        size_t bytes = MIN(uio->remaining, sizeof(block));
        size_t copied = uio_copy_from(block, uio, bytes);
        entropy_mix(block, copied);
        done += (int64_t)copied;
        if (copied < bytes)
            return done ? done : -EFAULT;
    }
    return done;
}

static const struct file_ops null_ops = {
    .read = null_read,
    .no_splice = true,
    .write = null_write,
    .seek = null_seek,
};

static const struct file_ops zero_ops = {
    .read = zero_read,
    .write = null_write,
    .seek = null_seek,
    .mmap = zero_mmap,
};

static const struct file_ops full_ops = {
    .read = zero_read,
    .write = full_write,
    .seek = null_seek,
};

static int64_t random_seek(struct file *file, int64_t offset, int whence)
{
    (void)offset;
    (void)whence;
    return (int64_t)file->pos;
}

static int64_t add_entropy(struct file *file, uint64_t uaddr)
{
    struct linux_rand_pool_info info;
    struct uio uio;

    if (copy_from_user(&info, uaddr, sizeof(info)))
        return -EFAULT;
    if (info.entropy_count < 0 || info.buf_size < 0)
        return -EINVAL;
    uio_init_user(&uio, uaddr + sizeof(info), (uint64_t)info.buf_size);
    return random_write(file, &uio, NULL) == info.buf_size ? 0 : -EFAULT;
}

/* The generator was seeded in full at boot: the pool is always full, and nothing empties it. */
static int64_t random_ioctl(struct file *file, uint32_t command, uint64_t argument)
{
    uint32_t bits;

    if (command == RNDGETENTCNT)
        return put_user_u32(argument, POOL_BITS) ? -EFAULT : 0;
    if (command != RNDADDTOENTCNT && command != RNDADDENTROPY && command != RNDZAPENTCNT &&
        command != RNDCLEARPOOL && command != RNDRESEEDCRNG)
        return -EINVAL;
    if (!capable(CAP_SYS_ADMIN))
        return -EPERM;
    if (command == RNDADDENTROPY)
        return add_entropy(file, argument);
    if (command != RNDADDTOENTCNT)
        return 0;
    if (get_user_u32(&bits, argument))
        return -EFAULT;
    return (int32_t)bits < 0 ? -EINVAL : 0;
}

static const struct file_ops random_ops = {
    .read = random_read,
    .write = random_write,
    .seek = random_seek,
    .ioctl = random_ioctl,
};

int memory_devices_init(struct kernel *kernel)
{
    static const struct {
        unsigned minor;
        const char *name;
        uint32_t mode;
        const struct file_ops *ops;
    } devices[] = {
        {MINOR_NULL, "null", 0666, &null_ops},         {MINOR_ZERO, "zero", 0666, &zero_ops},
        {MINOR_FULL, "full", 0666, &full_ops},         {MINOR_RANDOM, "random", 0666, &random_ops},
        {MINOR_URANDOM, "urandom", 0666, &random_ops}, {MINOR_KMSG, "kmsg", 0644, &kmsg_ops},
    };
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        int error = device_register_char(kernel, MEM_MAJOR, devices[i].minor, 1, "mem",
                                         devices[i].ops, NULL);
        if (!error)
            error = devtmpfs_create_node(kernel, devices[i].name, S_IFCHR | devices[i].mode,
                                         MAKE_DEV(MEM_MAJOR, devices[i].minor));
        if (error)
            return error;
    }
    return 0;
}
