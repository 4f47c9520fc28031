/* SPDX-License-Identifier: MIT
 *
 * io_uring(7): rings and requests, shared by the files of this folder.
 *
 * A ring is a file with two queues in pages that the program maps. Submission entries are copied
 * once and checked; indices that the program writes are masked. A request runs in the task that
 * submitted it: at once, with files made non-blocking; if a file is not ready the request waits as
 * an async_poll and is tried again as work of its task. So there are no worker threads, and a
 * request acts with its task's memory, descriptors and credentials (or, while it runs, those of a
 * registered personality).
 *
 * A request that waits (state) is on ring->waiting and on its task's list. Whoever takes it off,
 * under ring->lock, finishes it or runs it: its poll, its timer (both hand it to the task), a
 * cancellation, the end of its task or of the ring.
 *
 * Locks: ring->submit_mutex: who takes entries off the submission queue. ring->resources: what is
 * registered: files, buffers. ring->lock (spinlock, irqsave: timers take it): completion queue and
 * states.
 */
#ifndef KERNEL_SYSCALL_URING_INTERNAL_H
#define KERNEL_SYSCALL_URING_INTERNAL_H

#include "kernel/abi/errno.h"
#include "kernel/abi/io_uring.h"
#include "kernel/abi/time.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/vfs.h"
#include "kernel/ipc/async_poll.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/lib/string.h"
#include "kernel/lib/xarray.h"
#include "kernel/mm/shared_pages.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/task_work.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/timer.h"

enum {
    URING_ENTRIES_MAX = 32768,
    URING_REQUESTS_MAX = 32768, /* unfinished ones of a ring */
    URING_FILES_MAX = 32768,
    URING_BUFFERS_MAX = 16384,
    URING_GROUP_BUFFERS_MAX = 65536,
    URING_GROUPS_MAX = 256,
    URING_RINGS_MAX = 16,        /* registered by a task */
    URING_AGAIN_LATER = 1 << 20, /* issue: the request waits; no result yet */
};

/* What both sides see at the start of the ring's pages. */
struct uring_header {
    struct {
        uint32_t head, tail;
    } sq, cq;
    uint32_t sq_mask, cq_mask, sq_entries, cq_entries;
    uint32_t sq_dropped, sq_flags, cq_flags, cq_overflow;
    uint32_t pad[4];
    /* completions, from a multiple of 64 on; then the array of submission indices */
};

/* A buffer of a group, or a registered one. */
struct uring_buffer {
    uint64_t addr;
    uint32_t bytes;
    uint16_t id;
};
struct uring_group {
    struct list_node node;
    uint16_t id;
    uint64_t ring_uaddr; /* not 0: a ring in user memory */
    uint32_t ring_entries, head;
    uint32_t count, capacity; /* provided buffers, a stack */
    struct uring_buffer *buffers;
};

struct uring_overflow {
    struct list_node node;
    struct linux_io_uring_cqe cqe;
};

enum sqpoll_state { SQPOLL_NONE, SQPOLL_POLLING, SQPOLL_CLAIMED, SQPOLL_ASLEEP };

/* IORING_SETUP_SQPOLL: a timer looks at the submission queue, `owner` submits (uring_sqpoll.c). */
struct uring_sqpoll {
    struct timer timer;
    struct task_work work;
    enum sqpoll_state state; /* ring->lock */
    struct task *owner;      /* referenced; changed only by who has claimed */
    uint64_t idle_ns, busy_at_ns;
};

struct uring {
    struct kernel *kernel;
    uint32_t refs;  /* atomic: the file, and every request */
    uint32_t flags; /* IORING_SETUP_*; constant but for R_DISABLED (submit_mutex) */
    uint32_t sq_entries, cq_entries;
    struct shared_pages *rings, *sqes;
    size_t array_offset, cqes_offset;
    unsigned cqe_bytes, sqe_bytes;
    struct task *issuer; /* SINGLE_ISSUER; only compared */

    struct uring_sqpoll sqpoll;

    struct mutex submit_mutex;
    uint32_t sq_head;       /* the true one */
    bool drain_next;        /* the chain after a drain waits for it */
    struct mutex resources; /* the fields down to `groups`; inside submit_mutex */
    struct file **files;    /* registered */
    unsigned file_count;
    unsigned file_alloc_first, file_alloc_end; /* where IORING_FILE_INDEX_ALLOC looks */
    struct uring_buffer *buffers;              /* registered */
    unsigned buffer_count;
    struct list groups;
    unsigned group_count;
    struct file *eventfd; /* atomic; changed with lock, too */
    bool eventfd_async;
    struct xarray personalities; /* struct cred, referenced; submit_mutex; these two */
    uint64_t personality_next;
    uint32_t workers[2]; /* IOWQ_MAX_WORKERS: told again, there are none */
    bool restricted;     /* the four below count */
    uint8_t flags_allowed, flags_required;
    uint64_t register_ops, sqe_ops; /* allowed ones, as bits */
    bool skips_used;                /* CQE_SKIP_SUCCESS was: no drains any more */

    struct spinlock lock;
    uint32_t cq_tail;     /* the true one */
    uint64_t completions; /* ever posted */
    struct list overflow;
    unsigned overflow_count;
    unsigned unfinished;    /* requests that were submitted and are not done; atomic */
    struct list waiting;    /* uring_request.ring_node */
    struct list timeouts;   /* of these, those that also count completions: count_node */
    struct list drained;    /* heads of chains that wait until all before them are done */
    unsigned drained_count; /* requests in these chains */
    struct wait_queue wait; /* completions */
};

enum uring_state {
    URING_RUNNING, /* being issued by its task, or not yet */
    URING_ARMING,  /* its poll is being started */
    URING_POLLING,
    URING_TIMING,
    URING_QUEUED, /* work of its task */
    URING_DRAINING,
    URING_DONE,
};

struct uring_request {
    struct uring *ring; /* referenced */
    struct task *task;  /* referenced */
    struct linux_io_uring_sqe sqe;
    struct file *file;                  /* referenced; NULL: none */
    const struct cred *cred;            /* of its personality, referenced; NULL: its task's */
    struct uring_request *next;         /* of the chain */
    struct uring_request *link_timeout; /* armed for this one; or */
    struct uring_request *timed;        /* whom this one times; ring->lock */
    struct list_node ring_node, task_node, count_node;
    enum uring_state state; /* ring->lock, once it can wait */
    bool cancelled;         /* finish with -ECANCELED instead of running */
    bool ready;             /* its poll or timer has fired */
    bool failed;            /* the chain after it breaks */
    bool impatient;         /* does not want to wait: -EAGAIN */
    unsigned attempts;      /* found ready, but was not */
    struct task_work work;
    struct async_poll poll;
    struct timer timer;
    uint64_t target; /* TIMEOUT: ends when this many completions were posted */
    uint64_t deadline_ns;
    struct linux_timespec time;
    struct uring_buffer buffer; /* selected */
    bool has_buffer;
    uint32_t cqe_flags;
};

/* The requests of one task, from any ring: task->uring. */
struct uring_task {
    struct spinlock lock;                /* LOCK_RANK_URING_TASK, irqsave; inside ring->lock */
    struct list requests;                /* uring_request.task_node */
    bool leaving;                        /* own thread: it submits nothing any more */
    struct file *rings[URING_RINGS_MAX]; /* registered, referenced; own thread */
};

/* What an operation may have and needs. */
struct uring_op {
    bool needs_file, buffer_select, ioprio, not_supported;
    uint32_t poll_events;                          /* not 0: may block until the file has them */
    int (*prepare)(struct uring_request *request); /* checks; NULL: nothing to check */
    int64_t (*issue)(struct uring_request *request);
};
const struct uring_op *uring_op(unsigned opcode); /* NULL: unknown */

/* uring.c */
bool file_is_uring(const struct file *file);
void uring_put(struct uring *ring);

/* uring_queue.c */
void uring_post(struct uring *ring, uint64_t user_data, int64_t result, uint32_t flags);
bool uring_flush_overflow(struct uring *ring); /* false: there is still some */
unsigned uring_available(struct uring *ring);
bool uring_take_sqe(struct uring *ring, struct linux_io_uring_sqe *out);
unsigned uring_submittable(struct uring *ring);
void uring_sq_flag(struct uring *ring, uint32_t flag, bool on);

/* uring_submit.c */
int64_t uring_submit(struct uring *ring, unsigned count); /* submit_mutex held */
struct uring_task *uring_task_current(void);              /* made when first asked for, or NULL */

/* uring_sqpoll.c */
void uring_sqpoll_init(struct uring *ring, uint32_t idle_ms);
void uring_sqpoll_start(struct uring *ring); /* the current task owns it */
void uring_sqpoll_stop(struct uring *ring);
int64_t uring_sqpoll_enter(struct uring *ring, uint32_t submit, uint32_t flags);

/* uring_personality.c */
int64_t uring_register_personality(struct uring *ring);
int64_t uring_unregister_personality(struct uring *ring, uint32_t id);
void uring_forget_personalities(struct uring *ring);
int uring_assume(struct uring_request *request); /* look up sqe.personality; 0, -EINVAL */

/* uring_rings.c */
int64_t uring_register_rings(uint64_t uaddr, uint32_t count, bool add);
int uring_registered_ring(uint32_t index, struct file **out); /* referenced; -EINVAL, -EBADF */
void uring_forget_rings(struct uring_task *mine);

/* uring_request.c */
/* Nothing refers to it any more. */
void uring_request_free(struct uring_request *request);
/* Run a chain's head, and what follows as far as it goes. Its task. */
void uring_run(struct uring_request *request);
/* It is over; the next of its chain to run, if any, or NULL. */
struct uring_request *uring_finish(struct uring_request *request, int64_t result);
/* A finished request that is no longer the caller's task's to continue: also deals with the rest.
 */
void uring_finish_any(struct uring_request *request, int64_t result);
void uring_enqueue(struct uring_request *request); /* as work of its task */
void uring_watch(struct uring_request *request);   /* on the lists; ring->lock held */
void uring_leave(struct task *task, bool exiting);
void uring_cancel_all(struct uring *ring);

struct uring_match {
    uint64_t user_data;
    struct file *file; /* by file instead */
    bool any, all;
};
/* Number cancelled, -ENOENT, -EALREADY. `self` is left out. */
int64_t uring_cancel(struct uring *ring, const struct uring_match *match,
                     const struct uring_request *self);
/* Claim one by its number, for the caller alone; NULL: there is none, or (*busy) it is about to
 * run. */
struct uring_request *uring_claim_one(struct uring *ring, uint64_t user_data, unsigned opcode,
                                      bool *busy);
/* Claim the one that this timeout times; NULL: it does not wait any more. */
struct uring_request *uring_claim_timed(struct uring_request *timeout);
/* A claimed one goes on as work of its task. */
void uring_requeue(struct uring_request *request);

/* uring_timeout.c */
int uring_timeout_prepare(struct uring_request *request);
int uring_link_timeout_prepare(struct uring_request *request);
int uring_timeout_remove_prepare(struct uring_request *request);
int64_t uring_timeout_issue(struct uring_request *request);
int64_t uring_timeout_remove_issue(struct uring_request *request);
void uring_link_timeout_arm(struct uring_request *request);
int64_t uring_link_timeout_issue(struct uring_request *request);
void uring_check_counts(struct uring *ring);

/* uring_poll.c */
int uring_poll_prepare(struct uring_request *request);
int uring_poll_remove_prepare(struct uring_request *request);
int64_t uring_poll_issue(struct uring_request *request);
int64_t uring_poll_remove_issue(struct uring_request *request);
int64_t uring_wait_for_file(struct uring_request *request, uint32_t events);

/* uring_buffers.c */
int uring_select(struct uring_request *request, uint64_t *addr, uint64_t *bytes);
void uring_unselect(struct uring_request *request); /* give it back unused */
void uring_free_groups(struct uring *ring);
int uring_provide_prepare(struct uring_request *request);
int64_t uring_provide_issue(struct uring_request *request);
int uring_remove_prepare(struct uring_request *request);
int64_t uring_remove_issue(struct uring_request *request);
int64_t uring_register_pbuf(struct uring *ring, uint64_t uaddr, uint32_t count);
int64_t uring_unregister_pbuf(struct uring *ring, uint64_t uaddr, uint32_t count);
int uring_fixed_buffer(struct uring_request *request, uint64_t addr, uint64_t bytes);

/* uring_files.c */
struct file *uring_fixed_file(struct uring *ring, uint32_t index);
int64_t uring_register_files(struct uring *ring, uint64_t uaddr, uint32_t count);
int64_t uring_unregister_files(struct uring *ring);
int64_t uring_update_files(struct uring *ring, uint32_t offset, uint64_t fds, uint32_t count);
int64_t uring_set_file_range(struct uring *ring, uint64_t uaddr);
int64_t uring_install_fixed(struct uring *ring, int fd, uint32_t file_index);
int64_t uring_send_fixed(struct uring *from, uint64_t index, struct uring *to, uint32_t file_index);
int64_t uring_close_fixed(struct uring *ring, uint32_t file_index);

#endif
