/* SPDX-License-Identifier: MIT
 *
 * io_uring_register(2).
 */
#include "kernel/ipc/eventfd.h"
#include "kernel/syscall/syscalls.h"
#include "kernel/syscall/uring/uring_internal.h"

/* ---- buffers ---- */

static int copy_buffer(uint64_t uaddr, struct uring_buffer *out)
{
    enum { BYTES_MAX = 1 << 30 };
    struct uio_segment segment;
    if (copy_from_user(&segment, uaddr, sizeof(segment)))
        return -EFAULT;
    if (!segment.base || !segment.bytes || segment.bytes > BYTES_MAX) {
        if (segment.base || segment.bytes)
            return -EFAULT;
        segment = (struct uio_segment){0}; /* a sparse slot */
    }
    *out = (struct uring_buffer){segment.base, (uint32_t)segment.bytes, 0};
    return 0;
}

static int64_t register_buffers(struct uring *ring, uint64_t uaddr, uint32_t count)
{
    if (count == 0 || count > URING_BUFFERS_MAX)
        return -EINVAL;
    struct uring_buffer *buffers = kzalloc(count * sizeof(*buffers));
    if (!buffers)
        return -ENOMEM;
    int error = 0;
    for (uint32_t i = 0; i < count && !error; i++) {
        if (uaddr) /* else all slots are sparse */
            error = copy_buffer(uaddr + (uint64_t)i * sizeof(struct uio_segment), &buffers[i]);
    }
    mutex_lock(&ring->resources);
    if (!error && ring->buffers)
        error = -EBUSY;
    if (!error) {
        ring->buffers = buffers;
        ring->buffer_count = count;
        buffers = NULL;
    }
    mutex_unlock(&ring->resources);
    kfree(buffers);
    return error;
}

static int64_t unregister_buffers(struct uring *ring)
{
    mutex_lock(&ring->resources);
    struct uring_buffer *buffers = ring->buffers;
    ring->buffers = NULL;
    ring->buffer_count = 0;
    mutex_unlock(&ring->resources);
    kfree(buffers);
    return buffers ? 0 : -ENXIO;
}

static int64_t update_buffers(struct uring *ring, uint32_t offset, uint64_t uaddr, uint32_t count)
{
    uint32_t end;
    int64_t done = 0;
    int error = 0;
    if (!ring->buffers)
        return -ENXIO;
    if (add_overflows(offset, count, &end))
        return -EOVERFLOW;
    if (end > ring->buffer_count)
        return -EINVAL;
    for (; done < count && !error; done += !error) {
        struct uring_buffer buffer;
        error = copy_buffer(uaddr + (uint64_t)done * sizeof(struct uio_segment), &buffer);
        if (error)
            break;
        mutex_lock(&ring->resources);
        ring->buffers[offset + (uint32_t)done] = buffer;
        mutex_unlock(&ring->resources);
    }
    return done ? done : error;
}

/* ---- files and buffers with tags: only none is a tag here ---- */

static int check_tags(uint64_t uaddr, uint32_t count)
{
    for (uint32_t i = 0; uaddr && i < count; i++) {
        uint64_t tag;
        if (get_user_u64(&tag, uaddr + (uint64_t)i * sizeof(tag)))
            return -EFAULT;
        if (tag)
            return -EINVAL;
    }
    return 0;
}

static int64_t register_tagged(struct uring *ring, bool files, uint64_t uaddr, uint32_t bytes)
{
    struct linux_io_uring_rsrc_register reg;
    if (bytes != sizeof(reg))
        return -EINVAL;
    if (copy_from_user(&reg, uaddr, sizeof(reg)))
        return -EFAULT;
    bool sparse = reg.flags & IORING_RSRC_REGISTER_SPARSE;
    if (!reg.nr || reg.resv2 || (reg.flags & ~IORING_RSRC_REGISTER_SPARSE) ||
        (sparse && reg.data) || reg.nr > URING_FILES_MAX)
        return -EINVAL;
    int error = check_tags(reg.tags, reg.nr);
    if (error)
        return error;
    return files ? uring_register_files(ring, reg.data, reg.nr)
                 : register_buffers(ring, reg.data, reg.nr);
}

static int64_t update_tagged(struct uring *ring, bool files, uint64_t uaddr, uint32_t bytes)
{
    struct linux_io_uring_rsrc_update2 update;
    if (bytes != sizeof(update))
        return -EINVAL;
    if (copy_from_user(&update, uaddr, sizeof(update)))
        return -EFAULT;
    if (!update.nr || update.resv || update.resv2 || update.nr > URING_FILES_MAX)
        return -EINVAL;
    int error = check_tags(update.tags, update.nr);
    if (error)
        return error;
    return files ? uring_update_files(ring, update.offset, update.data, update.nr)
                 : update_buffers(ring, update.offset, update.data, update.nr);
}

/* ---- cancelling, and the workers that are not there ---- */

static int64_t cancel_now(struct uring *ring, uint64_t uaddr)
{
    const uint32_t known = IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_FD |
                           IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_FD_FIXED;
    struct linux_io_uring_sync_cancel_reg reg;
    if (copy_from_user(&reg, uaddr, sizeof(reg)))
        return -EFAULT;
    if ((reg.flags & ~known) || reg.pad[0] || reg.pad[1] || reg.pad[2] || reg.pad[3])
        return -EINVAL;
    struct uring_match match = {
        .user_data = reg.addr,
        .any = reg.flags & IORING_ASYNC_CANCEL_ANY,
        .all = reg.flags & (IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY),
    };
    if (reg.flags & IORING_ASYNC_CANCEL_FD) {
        match.file = reg.flags & IORING_ASYNC_CANCEL_FD_FIXED
                         ? uring_fixed_file(ring, (uint32_t)reg.fd)
                         : fd_get(reg.fd);
        if (!match.file)
            return -EBADF;
    }
    int64_t result = uring_cancel(ring, &match, NULL);
    if (match.file)
        file_put(match.file);
    return result < 0 || match.all ? result : 0;
}

static int64_t set_workers(struct uring *ring, uint64_t uaddr, uint32_t count)
{
    uint32_t wanted[2], old[2] = {ring->workers[0], ring->workers[1]};
    if (!uaddr || count != 2)
        return -EINVAL;
    if (copy_from_user(wanted, uaddr, sizeof(wanted)))
        return -EFAULT;
    if (wanted[0] > INT32_MAX || wanted[1] > INT32_MAX)
        return -EINVAL;
    for (unsigned i = 0; i < 2; i++)
        if (wanted[i])
            ring->workers[i] = wanted[i];
    return copy_to_user(uaddr, old, sizeof(old));
}

/* On which CPUs workers run. */
static int64_t set_affinity(uint64_t uaddr, uint32_t bytes)
{
    uint64_t mask;
    if (!uaddr || !bytes)
        return -EINVAL;
    return copy_from_user(&mask, uaddr, MIN((size_t)bytes, sizeof(mask)));
}

/* ---- events ---- */

static int64_t set_eventfd(struct uring *ring, struct file *file, struct file **out_old)
{
    int64_t result = 0;
    bool irq = spin_lock_irqsave(&ring->lock);
    *out_old = NULL;
    if (file && ring->eventfd) {
        result = -EBUSY;
    } else if (!file && !ring->eventfd) {
        result = -ENXIO;
    } else {
        *out_old = ring->eventfd;
        atomic_store_relaxed(&ring->eventfd, file);
    }
    spin_unlock_irqrestore(&ring->lock, irq);
    return result;
}

static int64_t register_eventfd(struct uring *ring, uint64_t uaddr, uint32_t count)
{
    uint32_t fd;
    struct file *old;
    if (count != 1)
        return -EINVAL;
    if (ring->eventfd)
        return -EBUSY;
    if (get_user_u32(&fd, uaddr))
        return -EFAULT;
    struct file *file = fd_get((int)fd);
    if (!file)
        return -EBADF;
    int64_t result = file_is_eventfd(file) ? set_eventfd(ring, file, &old) : -EINVAL;
    if (result)
        file_put(file);
    return result;
}

static int64_t unregister_eventfd(struct uring *ring)
{
    struct file *old;
    int64_t result = set_eventfd(ring, NULL, &old);
    if (old)
        file_put(old);
    return result;
}

/* ---- what there is ---- */

static int64_t probe(uint64_t uaddr, uint32_t count)
{
    struct linux_io_uring_probe head;
    uint32_t shown = MIN(count, (uint32_t)IORING_OP_LAST);
    if (count > 256)
        return -EINVAL;
    if (copy_from_user(&head, uaddr, sizeof(head)))
        return -EFAULT;
    static const struct linux_io_uring_probe zero;
    if (memcmp(&head, &zero, sizeof(head)) != 0)
        return -EINVAL;
    head.last_op = IORING_OP_LAST - 1;
    head.ops_len = (uint8_t)shown;
    if (copy_to_user(uaddr, &head, sizeof(head)))
        return -EFAULT;
    for (uint32_t i = 0; i < shown; i++) {
        struct linux_io_uring_probe_op op = {
            .op = (uint8_t)i,
            .flags = uring_op(i)->not_supported ? 0 : IO_URING_OP_SUPPORTED,
        };
        if (copy_to_user(uaddr + sizeof(head) + i * sizeof(op), &op, sizeof(op)))
            return -EFAULT;
    }
    return 0;
}

/* ---- restrictions ---- */

static int add_restriction(struct uring *ring, const struct linux_io_uring_restriction *restriction)
{
    unsigned number = restriction->value;
    switch (restriction->opcode) {
    case IORING_RESTRICTION_REGISTER_OP:
        if (number >= IORING_REGISTER_LAST)
            return -EINVAL;
        ring->register_ops |= 1ull << number;
        return 0;
    case IORING_RESTRICTION_SQE_OP:
        if (number >= IORING_OP_LAST)
            return -EINVAL;
        ring->sqe_ops |= 1ull << number;
        return 0;
    case IORING_RESTRICTION_SQE_FLAGS_ALLOWED:
        ring->flags_allowed = restriction->value;
        return 0;
    case IORING_RESTRICTION_SQE_FLAGS_REQUIRED:
        ring->flags_required = restriction->value;
        return 0;
    default:
        return -EINVAL;
    }
}

static int64_t register_restrictions(struct uring *ring, uint64_t uaddr, uint32_t count)
{
    enum { RESTRICTIONS_MAX = IORING_REGISTER_LAST + IORING_OP_LAST + 2 };
    int error = 0;
    if (!(ring->flags & IORING_SETUP_R_DISABLED))
        return -EBADFD;
    if (ring->restricted)
        return -EBUSY;
    if (!uaddr || count > RESTRICTIONS_MAX)
        return -EINVAL;
    for (uint32_t i = 0; i < count && !error; i++) {
        struct linux_io_uring_restriction restriction;
        error = copy_from_user(&restriction, uaddr + i * sizeof(restriction), sizeof(restriction));
        if (!error)
            error = add_restriction(ring, &restriction);
    }
    if (error) {
        ring->register_ops = ring->sqe_ops = 0;
        ring->flags_allowed = ring->flags_required = 0;
        return error;
    }
    ring->restricted = true;
    return 0;
}

static int64_t enable(struct uring *ring)
{
    if (!(ring->flags & IORING_SETUP_R_DISABLED))
        return -EBADFD;
    if ((ring->flags & IORING_SETUP_SINGLE_ISSUER) && !ring->issuer)
        ring->issuer = current_task();
    atomic_store_release(&ring->flags, ring->flags & ~IORING_SETUP_R_DISABLED);
    if (ring->flags & IORING_SETUP_SQPOLL)
        uring_sqpoll_start(ring);
    return 0;
}

/* ---- the call ---- */

static int64_t update_files(struct uring *ring, uint64_t uaddr, uint32_t count)
{
    struct linux_io_uring_files_update update;
    if (count == 0)
        return -EINVAL;
    if (copy_from_user(&update, uaddr, sizeof(update)))
        return -EFAULT;
    return update.resv ? -EINVAL : uring_update_files(ring, update.offset, update.fds, count);
}

/* What came after Linux 5.12. */
static int64_t register_newer(struct uring *ring, uint32_t opcode, uint64_t uaddr, uint32_t count)
{
    switch (opcode) {
    case IORING_REGISTER_FILES2:
    case IORING_REGISTER_BUFFERS2:
        return register_tagged(ring, opcode == IORING_REGISTER_FILES2, uaddr, count);
    case IORING_REGISTER_FILES_UPDATE2:
    case IORING_REGISTER_BUFFERS_UPDATE:
        return update_tagged(ring, opcode == IORING_REGISTER_FILES_UPDATE2, uaddr, count);
    case IORING_REGISTER_IOWQ_AFF:
        return set_affinity(uaddr, count);
    case IORING_UNREGISTER_IOWQ_AFF:
        return uaddr || count ? -EINVAL : 0;
    case IORING_REGISTER_IOWQ_MAX_WORKERS:
        return set_workers(ring, uaddr, count);
    case IORING_REGISTER_RING_FDS:
    case IORING_UNREGISTER_RING_FDS:
        return uring_register_rings(uaddr, count, opcode == IORING_REGISTER_RING_FDS);
    case IORING_REGISTER_SYNC_CANCEL:
        return uaddr && count == 1 ? cancel_now(ring, uaddr) : -EINVAL;
    case IORING_REGISTER_FILE_ALLOC_RANGE:
        return uaddr && !count ? uring_set_file_range(ring, uaddr) : -EINVAL;
    default:
        return -EINVAL;
    }
}

static int64_t do_register(struct uring *ring, uint32_t opcode, uint64_t uaddr, uint32_t count)
{
    bool enabled = !(ring->flags & IORING_SETUP_R_DISABLED);
    if (ring->restricted && enabled && (opcode >= 64 || !((ring->register_ops >> opcode) & 1)))
        return -EACCES;
    if (ring->issuer && ring->issuer != current_task())
        return -EEXIST;
    switch (opcode) {
    case IORING_REGISTER_BUFFERS:
        return uaddr ? register_buffers(ring, uaddr, count) : -EFAULT;
    case IORING_UNREGISTER_BUFFERS:
        return uaddr || count ? -EINVAL : unregister_buffers(ring);
    case IORING_REGISTER_FILES:
        return uaddr ? uring_register_files(ring, uaddr, count) : -EFAULT;
    case IORING_UNREGISTER_FILES:
        return uaddr || count ? -EINVAL : uring_unregister_files(ring);
    case IORING_REGISTER_FILES_UPDATE:
        return update_files(ring, uaddr, count);
    case IORING_REGISTER_EVENTFD:
    case IORING_REGISTER_EVENTFD_ASYNC:
        return register_eventfd(ring, uaddr, count);
    case IORING_UNREGISTER_EVENTFD:
        return uaddr || count ? -EINVAL : unregister_eventfd(ring);
    case IORING_REGISTER_PROBE:
        return uaddr ? probe(uaddr, count) : -EINVAL;
    case IORING_REGISTER_PERSONALITY:
        return uaddr || count ? -EINVAL : uring_register_personality(ring);
    case IORING_UNREGISTER_PERSONALITY:
        return uaddr ? -EINVAL : uring_unregister_personality(ring, count);
    case IORING_REGISTER_RESTRICTIONS:
        return register_restrictions(ring, uaddr, count);
    case IORING_REGISTER_ENABLE_RINGS:
        return uaddr || count ? -EINVAL : enable(ring);
    case IORING_REGISTER_PBUF_RING:
        return uring_register_pbuf(ring, uaddr, count);
    case IORING_UNREGISTER_PBUF_RING:
        return uring_unregister_pbuf(ring, uaddr, count);
    default:
        return register_newer(ring, opcode, uaddr, count);
    }
}

int64_t sys_io_uring_register(int fd, uint32_t opcode, uint64_t argument, uint32_t count)
{
    if (opcode >= IORING_REGISTER_LAST)
        return -EINVAL;
    struct file *file = fd_get(fd);
    if (!file)
        return -EBADF;
    int64_t result = -EOPNOTSUPP;
    if (file_is_uring(file)) {
        struct uring *ring = file->private;
        result = mutex_lock_interruptible(&ring->submit_mutex);
        if (!result) {
            result = do_register(ring, opcode, argument, count);
            mutex_unlock(&ring->submit_mutex);
        }
    }
    file_put(file);
    return result;
}
