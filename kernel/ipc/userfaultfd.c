/* SPDX-License-Identifier: MIT
 *
 * userfaultfd(2), ioctl_userfaultfd(2): the file operations around mm/userfault.h.
 *
 * Offered are missing and write-protect faults of private anonymous memory; not events (fork,
 * remap, remove, unmap), other kinds of memory and minor faults, whose feature bits are absent.
 */
#include "kernel/ipc/userfaultfd.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/userfaultfd.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/device.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/strbuf.h"
#include "kernel/mm/uaccess.h"
#include "kernel/mm/userfault.h"

enum { MISC_MAJOR = 10, USERFAULTFD_MINOR = 126 };

#define FEATURES                                                                                   \
    ((uint64_t)(UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_SIGBUS | UFFD_FEATURE_THREAD_ID |    \
                UFFD_FEATURE_EXACT_ADDRESS))
#define API_COMMANDS (BIT(_UFFDIO_API) | BIT(_UFFDIO_REGISTER) | BIT(_UFFDIO_UNREGISTER))
#define RANGE_COMMANDS                                                                             \
    (BIT(_UFFDIO_WAKE) | BIT(_UFFDIO_COPY) | BIT(_UFFDIO_ZEROPAGE) | BIT(_UFFDIO_WRITEPROTECT))

static bool is_ready(const struct userfault *uffd)
{
    return atomic_load_acquire(&uffd->features) & USERFAULT_READY;
}

/* ---- reading ---- */

static int64_t uffd_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct userfault *uffd = file->private;
    struct linux_uffd_msg message;
    int64_t done = 0;
    (void)pos;

    if (!is_ready(uffd) || uio->remaining < sizeof(message))
        return -EINVAL;
    while (uio->remaining >= sizeof(message)) {
        if (!userfault_take(uffd, &message)) {
            if (done)
                break;
            if (file_is_nonblocking(file))
                return -EAGAIN;
            int error = wait_event_interruptible(&uffd->readers, userfault_has_pending(uffd));
            if (error)
                return error;
            continue;
        }
        if (uio_copy_to(uio, &message, sizeof(message)) != sizeof(message))
            return done ? done : -EFAULT;
        done += (int64_t)sizeof(message);
    }
    return done;
}

/* Of a blocking descriptor poll promises nothing. */
static uint32_t uffd_poll(struct file *file, struct poll_table *table)
{
    struct userfault *uffd = file->private;
    poll_wait(table, &uffd->readers);
    if (!is_ready(uffd) || !(atomic_load_relaxed(&file->flags) & O_NONBLOCK))
        return EPOLLERR;
    atomic_fence_seq(); /* registered before looking */
    return userfault_has_pending(uffd) ? EPOLLIN : 0;
}

static void uffd_release(struct file *file)
{
    userfault_release(file->private);
}

static void uffd_show(struct file *file, struct strbuf *out)
{
    struct userfault *uffd = file->private;
    unsigned pending, total;
    userfault_count(uffd, &pending, &total);
    strbuf_printf(out, "pending:\t%u\ntotal:\t%u\nAPI:\t%llx:%x:%llx\n", pending, total, UFFD_API,
                  atomic_load_relaxed(&uffd->features),
                  (unsigned long long)(API_COMMANDS | RANGE_COMMANDS));
}

/* ---- commands ---- */

static int64_t command_api(struct userfault *uffd, uint64_t argument)
{
    struct linux_uffdio_api api;
    if (copy_from_user(&api, argument, sizeof(api)))
        return -EFAULT;
    if (api.api != UFFD_API || (api.features & ~FEATURES) || is_ready(uffd)) {
        const struct linux_uffdio_api nothing = {0};
        return copy_to_user(argument, &nothing, sizeof(nothing)) ? -EFAULT : -EINVAL;
    }
    uint32_t chosen = (uint32_t)api.features | USERFAULT_READY, none = 0;
    api.features = FEATURES;
    api.ioctls = API_COMMANDS;
    if (copy_to_user(argument, &api, sizeof(api)))
        return -EFAULT;
    return atomic_cmpxchg_acq_rel(&uffd->features, &none, chosen) ? 0 : -EINVAL;
}

static int64_t command_register(struct userfault *uffd, uint64_t argument)
{
    const uint64_t known = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP;
    struct linux_uffdio_register in;
    if (copy_from_user(&in, argument, offsetof(struct linux_uffdio_register, ioctls)))
        return -EFAULT;
    if (!in.mode || (in.mode & ~known) ||
        !userfault_check_range(uffd, in.range.start, in.range.len))
        return -EINVAL;
    int error = userfault_register(uffd, in.range.start, in.range.len, in.mode);
    if (error)
        return error;
    uint64_t commands = RANGE_COMMANDS;
    if (!(in.mode & UFFDIO_REGISTER_MODE_WP))
        commands &= ~BIT(_UFFDIO_WRITEPROTECT);
    return put_user_u64(argument + offsetof(struct linux_uffdio_register, ioctls), commands);
}

static int get_range(struct userfault *uffd, uint64_t argument, struct linux_uffdio_range *out)
{
    if (copy_from_user(out, argument, sizeof(*out)))
        return -EFAULT;
    return userfault_check_range(uffd, out->start, out->len) ? 0 : -EINVAL;
}

static int64_t command_unregister(struct userfault *uffd, uint64_t argument)
{
    struct linux_uffdio_range range;
    int error = get_range(uffd, argument, &range);
    return error ? error : userfault_unregister(uffd, range.start, range.len);
}

static int64_t command_wake(struct userfault *uffd, uint64_t argument)
{
    struct linux_uffdio_range range;
    int error = get_range(uffd, argument, &range);
    if (!error)
        userfault_wake(uffd, range.start, range.len);
    return error;
}

/* Tell how far it went, and wake who waits for that. */
static int64_t finish_fill(struct userfault *uffd, int64_t done, uint64_t start, uint64_t wanted,
                           bool wake, uint64_t result_uaddr)
{
    if (put_user_u64(result_uaddr, (uint64_t)done))
        return -EFAULT;
    if (done < 0)
        return done;
    if (wake)
        userfault_wake(uffd, start, (uint64_t)done);
    return (uint64_t)done == wanted ? 0 : -EAGAIN;
}

static int64_t command_copy(struct userfault *uffd, uint64_t argument)
{
    struct linux_uffdio_copy in;
    if (copy_from_user(&in, argument, offsetof(struct linux_uffdio_copy, copy)))
        return -EFAULT;
    if (!userfault_check_range(uffd, in.dst, in.len) || in.src + in.len <= in.src ||
        (in.mode & ~(UFFDIO_COPY_MODE_DONTWAKE | UFFDIO_COPY_MODE_WP)))
        return -EINVAL;
    int64_t done = userfault_copy(uffd, in.dst, in.src, in.len, in.mode & UFFDIO_COPY_MODE_WP);
    if (done == -ESRCH)
        return done;
    return finish_fill(uffd, done, in.dst, in.len, !(in.mode & UFFDIO_COPY_MODE_DONTWAKE),
                       argument + offsetof(struct linux_uffdio_copy, copy));
}

static int64_t command_zeropage(struct userfault *uffd, uint64_t argument)
{
    struct linux_uffdio_zeropage in;
    if (copy_from_user(&in, argument, offsetof(struct linux_uffdio_zeropage, zeropage)))
        return -EFAULT;
    if (!userfault_check_range(uffd, in.range.start, in.range.len) ||
        (in.mode & ~UFFDIO_ZEROPAGE_MODE_DONTWAKE))
        return -EINVAL;
    int64_t done = userfault_zero(uffd, in.range.start, in.range.len);
    if (done == -ESRCH)
        return done;
    return finish_fill(uffd, done, in.range.start, in.range.len,
                       !(in.mode & UFFDIO_ZEROPAGE_MODE_DONTWAKE),
                       argument + offsetof(struct linux_uffdio_zeropage, zeropage));
}

static int64_t command_writeprotect(struct userfault *uffd, uint64_t argument)
{
    const uint64_t known = UFFDIO_WRITEPROTECT_MODE_WP | UFFDIO_WRITEPROTECT_MODE_DONTWAKE;
    struct linux_uffdio_writeprotect in;
    if (copy_from_user(&in, argument, sizeof(in)))
        return -EFAULT;
    if (!userfault_check_range(uffd, in.range.start, in.range.len) || (in.mode & ~known) ||
        (in.mode & known) == known)
        return -EINVAL;
    bool protect = in.mode & UFFDIO_WRITEPROTECT_MODE_WP;
    int error = userfault_protect(uffd, in.range.start, in.range.len, protect);
    if (!error && !protect && !(in.mode & UFFDIO_WRITEPROTECT_MODE_DONTWAKE))
        userfault_wake(uffd, in.range.start, in.range.len);
    return error;
}

static int64_t uffd_ioctl(struct file *file, uint32_t command, uint64_t argument)
{
    struct userfault *uffd = file->private;
    if (command == UFFDIO_API)
        return command_api(uffd, argument);
    if (!is_ready(uffd))
        return -EINVAL;
    switch (command) {
    case UFFDIO_REGISTER:
        return command_register(uffd, argument);
    case UFFDIO_UNREGISTER:
        return command_unregister(uffd, argument);
    case UFFDIO_WAKE:
        return command_wake(uffd, argument);
    case UFFDIO_COPY:
        return command_copy(uffd, argument);
    case UFFDIO_ZEROPAGE:
        return command_zeropage(uffd, argument);
    case UFFDIO_WRITEPROTECT:
        return command_writeprotect(uffd, argument);
    default: /* UFFDIO_CONTINUE too: nothing can be registered for minor faults */
        return -EINVAL;
    }
}

static const struct file_ops uffd_ops = {
    .release = uffd_release,
    .read = uffd_read,
    .poll = uffd_poll,
    .ioctl = uffd_ioctl,
    .show_fdinfo = uffd_show,
};

/* ---- making one ---- */

int64_t userfaultfd_create(uint32_t flags)
{
    struct userfault *uffd;
    struct file *file;
    if (flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY))
        return -EINVAL;
    int error = userfault_create(flags & UFFD_USER_MODE_ONLY, &uffd);
    if (error)
        return error;
    error = file_create_anon(this_kernel(), "userfaultfd", &uffd_ops, uffd,
                             O_RDONLY | (flags & O_NONBLOCK), 0, &file);
    if (error) {
        userfault_release(uffd);
        return error;
    }
    return fd_add(file, flags & O_CLOEXEC);
}

static int64_t device_ioctl(struct file *file, uint32_t command, uint64_t argument)
{
    (void)file;
    if (command != USERFAULTFD_IOC_NEW || argument > UINT32_MAX)
        return -EINVAL;
    return userfaultfd_create((uint32_t)argument);
}

static const struct file_ops device_ops = {.ioctl = device_ioctl, .seek = null_seek};

int userfaultfd_init(struct kernel *kernel)
{
    int error =
        device_register_char(kernel, MISC_MAJOR, USERFAULTFD_MINOR, 1, "misc", &device_ops, NULL);
    return error ? error
                 : devtmpfs_create_node(kernel, "userfaultfd", S_IFCHR | 0600,
                                        MAKE_DEV(MISC_MAJOR, USERFAULTFD_MINOR));
}
