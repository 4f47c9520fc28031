/* SPDX-License-Identifier: MIT
 *
 * Rings: io_uring_setup(2), io_uring_enter(2), and the ring as a file.
 */
#include "kernel/abi/mman.h"
#include "kernel/abi/poll.h"
#include "kernel/ipc/eventfd.h"
#include "kernel/mm/mm.h"
#include "kernel/proc/signal.h"
#include "kernel/syscall/deadline.h"
#include "kernel/syscall/syscalls.h"
#include "kernel/syscall/uring/uring_internal.h"

enum { ALIGNMENT = 64 };

#define SETUP_FLAGS                                                                                \
    (IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF | IORING_SETUP_CQSIZE | IORING_SETUP_ATTACH_WQ |    \
     IORING_SETUP_CLAMP | IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL |                      \
     IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SQE128 |                 \
     IORING_SETUP_CQE32 | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)
#define FEATURES                                                                                   \
    (IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE |                    \
     IORING_FEAT_RW_CUR_POS | IORING_FEAT_CUR_PERSONALITY | IORING_FEAT_FAST_POLL |                \
     IORING_FEAT_POLL_32BITS | IORING_FEAT_SQPOLL_NONFIXED | IORING_FEAT_EXT_ARG |                 \
     IORING_FEAT_NATIVE_WORKERS | IORING_FEAT_CQE_SKIP | IORING_FEAT_LINKED_FILE)

/* ---- life ---- */

void uring_put(struct uring *ring)
{
    if (atomic_sub_fetch_acq_rel(&ring->refs, 1) != 0)
        return;
    while (!list_empty(&ring->overflow))
        kfree(list_pop_head_entry(&ring->overflow, struct uring_overflow, node));
    uring_free_groups(ring);
    uring_forget_personalities(ring);
    if (ring->sqpoll.owner)
        task_put(ring->sqpoll.owner);
    kfree(ring->buffers);
    shared_pages_put(ring->rings);
    shared_pages_put(ring->sqes);
    kfree(ring);
}

/* The last descriptor is gone: what waits ends, and what is registered is let go. */
static void uring_release(struct file *file)
{
    struct uring *ring = file->private;
    uring_sqpoll_stop(ring);
    uring_cancel_all(ring);
    uring_unregister_files(ring);
    if (ring->eventfd)
        file_put(ring->eventfd);
    ring->eventfd = NULL;
    uring_put(ring);
}

static uint32_t uring_poll_file(struct file *file, struct poll_table *table)
{
    struct uring *ring = file->private;
    uint32_t events = EPOLLOUT | EPOLLWRNORM;
    poll_wait(table, &ring->wait);
    atomic_fence_seq(); /* registered before looking */
    if (uring_submittable(ring) == ring->sq_entries)
        events = 0;
    if (uring_available(ring) || atomic_load_relaxed(&ring->overflow_count))
        events |= EPOLLIN | EPOLLRDNORM;
    return events;
}

static int uring_mmap(struct file *file, struct mm_map_request *request)
{
    struct uring *ring = file->private;
    uint64_t offset = request->page_offset << PAGE_SHIFT;
    struct shared_pages *pages = ring->rings;
    if (offset == IORING_OFF_SQES)
        pages = ring->sqes;
    else if (offset != IORING_OFF_SQ_RING && offset != IORING_OFF_CQ_RING)
        return -EINVAL;
    if (!(request->vma_flags & VMA_SHARED))
        return -EINVAL;
    if (ALIGN_UP(request->bytes, (uint64_t)PAGE_SIZE) > (uint64_t)pages->count << PAGE_SHIFT)
        return -EINVAL;
    shared_pages_request(pages, 0, request);
    return 0;
}

static const struct file_ops uring_file_ops = {
    .release = uring_release,
    .poll = uring_poll_file,
    .mmap = uring_mmap,
};

bool file_is_uring(const struct file *file)
{
    return file->ops == &uring_file_ops;
}

/* ---- setup ---- */

static uint32_t round_up(uint32_t value)
{
    uint32_t result = 1;
    while (result < value)
        result *= 2;
    return result;
}

static int choose_sizes(struct linux_io_uring_params *params, uint32_t entries)
{
    bool clamp = params->flags & IORING_SETUP_CLAMP;
    uint32_t completions = 2 * round_up(MIN(entries, (uint32_t)URING_ENTRIES_MAX));
    if (entries == 0 || (entries > URING_ENTRIES_MAX && !clamp))
        return -EINVAL;
    params->sq_entries = round_up(MIN(entries, (uint32_t)URING_ENTRIES_MAX));
    if (params->flags & IORING_SETUP_CQSIZE) {
        completions = params->cq_entries;
        if (completions == 0 || (completions > 2 * URING_ENTRIES_MAX && !clamp))
            return -EINVAL;
        completions = round_up(MIN(completions, 2u * URING_ENTRIES_MAX));
        if (completions < params->sq_entries)
            return -EINVAL;
    }
    params->cq_entries = completions;
    return 0;
}

static int check_params(const struct linux_io_uring_params *params)
{
    uint32_t flags = params->flags;
    for (unsigned i = 0; i < ARRAY_SIZE(params->resv); i++)
        if (params->resv[i])
            return -EINVAL;
    if (flags & ~SETUP_FLAGS)
        return -EINVAL;
    const uint32_t taskrun =
        IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_DEFER_TASKRUN;
    if ((flags & IORING_SETUP_SQPOLL) && (flags & taskrun))
        return -EINVAL;
    if ((flags & IORING_SETUP_SQ_AFF) &&
        (!(flags & IORING_SETUP_SQPOLL) || params->sq_thread_cpu >= this_kernel()->cpu_count))
        return -EINVAL;
    if ((flags & IORING_SETUP_TASKRUN_FLAG) &&
        !(flags & (IORING_SETUP_COOP_TASKRUN | IORING_SETUP_DEFER_TASKRUN)))
        return -EINVAL;
    if ((flags & IORING_SETUP_DEFER_TASKRUN) && !(flags & IORING_SETUP_SINGLE_ISSUER))
        return -EINVAL;
    return 0;
}

/* IORING_SETUP_ATTACH_WQ: nothing is shared here, but what is named must be such a ring. */
static int check_attached(const struct linux_io_uring_params *params)
{
    if (!(params->flags & IORING_SETUP_ATTACH_WQ))
        return 0;
    struct file *file = fd_get((int)params->wq_fd);
    if (!file)
        return -ENXIO;
    int error = file_is_uring(file) ? 0 : -EINVAL;
    if (!error && (params->flags & IORING_SETUP_SQPOLL)) {
        const struct uring *other = file->private;
        error = other->flags & IORING_SETUP_SQPOLL ? 0 : -EINVAL;
    }
    file_put(file);
    return error;
}

static struct shared_pages *pages_for(size_t bytes)
{
    return shared_pages_create((unsigned)(ALIGN_UP(bytes, (size_t)PAGE_SIZE) >> PAGE_SHIFT),
                               "anon_inode:[io_uring]");
}

static int allocate(struct uring *ring)
{
    ring->cqes_offset = ALIGN_UP(sizeof(struct uring_header), (size_t)ALIGNMENT);
    ring->array_offset = ring->cqes_offset + (size_t)ring->cq_entries * ring->cqe_bytes;
    ring->rings = pages_for(ring->array_offset + ring->sq_entries * sizeof(uint32_t));
    ring->sqes = pages_for((size_t)ring->sq_entries * ring->sqe_bytes);
    if (!ring->rings || !ring->sqes)
        return -ENOMEM;
    struct uring_header *header = shared_pages_at(ring->rings, 0);
    header->sq_mask = ring->sq_entries - 1;
    header->cq_mask = ring->cq_entries - 1;
    header->sq_entries = ring->sq_entries;
    header->cq_entries = ring->cq_entries;
    return 0;
}

static int create(const struct linux_io_uring_params *params, struct uring **out)
{
    struct uring *ring = kzalloc(sizeof(*ring));
    if (!ring)
        return -ENOMEM;
    ring->kernel = this_kernel();
    ring->refs = 1;
    ring->flags = params->flags;
    ring->sq_entries = params->sq_entries;
    ring->cq_entries = params->cq_entries;
    ring->cqe_bytes = sizeof(struct linux_io_uring_cqe) << !!(ring->flags & IORING_SETUP_CQE32);
    ring->sqe_bytes = sizeof(struct linux_io_uring_sqe) << !!(ring->flags & IORING_SETUP_SQE128);
    mutex_init(&ring->submit_mutex, LOCK_RANK_NONE);
    mutex_init(&ring->resources, LOCK_RANK_NONE);
    spin_lock_init(&ring->lock, LOCK_RANK_OBJECT);
    list_init(&ring->groups);
    xarray_init(&ring->personalities, &kmalloc_allocator);
    ring->personality_next = 1;
    list_init(&ring->overflow);
    list_init(&ring->waiting);
    list_init(&ring->timeouts);
    list_init(&ring->drained);
    wait_queue_init(&ring->wait);
    uring_sqpoll_init(ring, params->sq_thread_idle);
    if ((ring->flags & IORING_SETUP_SINGLE_ISSUER) && !(ring->flags & IORING_SETUP_R_DISABLED))
        ring->issuer = current_task();
    enum { WORKERS_EACH_CPU = 4 };
    ring->workers[0] = MIN(ring->sq_entries, WORKERS_EACH_CPU * ring->kernel->boot->cpu_count);
    ring->workers[1] = (uint32_t)MIN(current_limit(RLIMIT_NPROC), (uint64_t)INT32_MAX);
    int error = allocate(ring);
    if (error)
        uring_put(ring);
    else
        *out = ring;
    return error;
}

static void describe(const struct uring *ring, struct linux_io_uring_params *params)
{
    params->features = FEATURES;
    params->sq_off = (struct linux_io_sqring_offsets){
        .head = offsetof(struct uring_header, sq.head),
        .tail = offsetof(struct uring_header, sq.tail),
        .ring_mask = offsetof(struct uring_header, sq_mask),
        .ring_entries = offsetof(struct uring_header, sq_entries),
        .flags = offsetof(struct uring_header, sq_flags),
        .dropped = offsetof(struct uring_header, sq_dropped),
        .array = (uint32_t)ring->array_offset,
    };
    params->cq_off = (struct linux_io_cqring_offsets){
        .head = offsetof(struct uring_header, cq.head),
        .tail = offsetof(struct uring_header, cq.tail),
        .ring_mask = offsetof(struct uring_header, cq_mask),
        .ring_entries = offsetof(struct uring_header, cq_entries),
        .overflow = offsetof(struct uring_header, cq_overflow),
        .cqes = (uint32_t)ring->cqes_offset,
        .flags = offsetof(struct uring_header, cq_flags),
    };
}

int64_t sys_io_uring_setup(uint32_t entries, uint64_t params_uaddr)
{
    struct linux_io_uring_params params;
    struct uring *ring;
    struct file *file;
    if (copy_from_user(&params, params_uaddr, sizeof(params)))
        return -EFAULT;
    int error = check_params(&params);
    if (!error && !uring_task_current())
        error = -ENOMEM;
    if (!error)
        error = choose_sizes(&params, entries);
    if (!error)
        error = check_attached(&params);
    if (!error)
        error = create(&params, &ring);
    if (error)
        return error;
    describe(ring, &params);
    error = copy_to_user(params_uaddr, &params, sizeof(params));
    if (!error)
        error = file_create_anon(ring->kernel, "[io_uring]", &uring_file_ops, ring,
                                 O_RDWR | O_CLOEXEC, 0, &file);
    if (error) {
        uring_put(ring);
        return error;
    }
    if ((ring->flags & IORING_SETUP_SQPOLL) && !(ring->flags & IORING_SETUP_R_DISABLED))
        uring_sqpoll_start(ring);
    return fd_add(file, true);
}

/* ---- enter ---- */

struct wait_arguments {
    uint64_t mask, mask_bytes, deadline_ns;
};

static int read_arguments(uint32_t flags, uint64_t argument, uint64_t size,
                          struct wait_arguments *out)
{
    struct linux_io_uring_getevents_arg extended;
    *out = (struct wait_arguments){argument, size, UINT64_MAX};
    if (!(flags & IORING_ENTER_EXT_ARG))
        return 0;
    if (size != sizeof(extended))
        return -EINVAL;
    if (copy_from_user(&extended, argument, sizeof(extended)))
        return -EFAULT;
    if (extended.pad)
        return -EINVAL;
    out->mask = extended.sigmask;
    out->mask_bytes = extended.sigmask_sz;
    return extended.ts ? deadline_from_user(extended.ts, &out->deadline_ns) : 0;
}

static bool has_enough(struct uring *ring, uint32_t wanted)
{
    return uring_available(ring) >= wanted || task_work_pending(current_task());
}

/* Until there are that many completions; the work of this task is done meanwhile. */
static int64_t wait_for(struct uring *ring, uint32_t wanted, uint64_t deadline_ns)
{
    wanted = MIN(wanted, ring->cq_entries);
    for (;;) {
        if (task_work_pending(current_task()))
            task_work_run();
        if (!uring_flush_overflow(ring) || uring_available(ring) >= wanted)
            return 0;
        int error = wait_event_until(&ring->wait, has_enough(ring, wanted), deadline_ns);
        if (task_work_pending(current_task()))
            continue;
        if (error)
            return uring_available(ring) ? 0 : error == -ETIMEDOUT ? -ETIME : -EINTR;
    }
}

static int64_t get_events(struct uring *ring, uint32_t wanted, uint32_t flags, uint64_t argument,
                          uint64_t size)
{
    struct wait_arguments wait;
    uint64_t blocked;
    int error = read_arguments(flags, argument, size, &wait);
    if (!error && wait.mask)
        error = signal_mask_from_user(wait.mask, wait.mask_bytes, &blocked);
    if (error)
        return error;
    if (wait.mask)
        signal_set_temporary_mask(blocked);
    int64_t result = wait_for(ring, wanted, wait.deadline_ns);
    if (wait.mask && result != -EINTR)
        signal_end_temporary_mask();
    return result;
}

static int64_t enter(struct uring *ring, uint32_t submit, uint32_t complete, uint32_t flags,
                     uint64_t argument, uint64_t size)
{
    int64_t submitted = 0;
    if (ring->flags & IORING_SETUP_R_DISABLED)
        return -EBADFD;
    bool polled = ring->flags & IORING_SETUP_SQPOLL;
    if (ring->issuer && ring->issuer != current_task() && !polled)
        return -EEXIST;
    if (polled) {
        submitted = uring_sqpoll_enter(ring, submit, flags);
        if (submitted < 0)
            return submitted;
    } else if (submit) {
        int error = mutex_lock_interruptible(&ring->submit_mutex);
        if (error)
            return error;
        submitted = uring_submit(ring, submit);
        mutex_unlock(&ring->submit_mutex);
        if (submitted != (int64_t)submit)
            return submitted;
    }
    if (flags & IORING_ENTER_GETEVENTS) {
        int64_t result = get_events(ring, complete, flags, argument, size);
        return submitted ? submitted : result;
    }
    return submitted;
}

int64_t sys_io_uring_enter(int fd, uint32_t submit, uint32_t complete, uint32_t flags,
                           uint64_t argument, uint64_t size)
{
    const uint32_t known = IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP | IORING_ENTER_SQ_WAIT |
                           IORING_ENTER_EXT_ARG | IORING_ENTER_REGISTERED_RING;
    if (flags & ~known)
        return -EINVAL;
    struct file *file = NULL;
    if (flags & IORING_ENTER_REGISTERED_RING) {
        int error = uring_registered_ring((uint32_t)fd, &file);
        if (error)
            return error;
    } else {
        file = fd_get(fd);
    }
    if (!file)
        return -EBADF;
    int64_t result = -EOPNOTSUPP;
    if (file_is_uring(file))
        result = enter(file->private, submit, complete, flags, argument, size);
    file_put(file);
    return result;
}
