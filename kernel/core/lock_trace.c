/* SPDX-License-Identifier: MIT */
/*
 * Held-lock traces and the check of lock ranks, for debug builds. docs/locking.md has the order.
 *
 * A trace belongs to one CPU (spinlocks) or one thread (sleeping locks) and is only touched by it,
 * so it needs no lock. Locks may be released in any order.
 */
#include "kernel/core/cpu.h"
#include "kernel/core/kernel.h"
#include "kernel/core/spinlock.h"
#include "kernel/sched/thread.h"

const char *lock_rank_name(unsigned rank)
{
    switch (rank) {
    case LOCK_RANK_NONE:
        return "unranked";
    case LOCK_RANK_FILE_POS:
        return "file-position";
    case LOCK_RANK_RENAME:
        return "rename";
    case LOCK_RANK_INODE_DIR:
        return "directory";
    case LOCK_RANK_MOUNT_TREE:
        return "mount-tree";
    case LOCK_RANK_INODE:
        return "inode";
    case LOCK_RANK_EPOLL:
        return "epoll";
    case LOCK_RANK_PIPE:
        return "pipe";
    case LOCK_RANK_SOCKET:
        return "socket";
    case LOCK_RANK_SOCKET_SETUP:
        return "socket-setup";
    case LOCK_RANK_SOCKET_RIGHTS:
        return "socket-rights";
    case LOCK_RANK_SOCKET_TABLE:
        return "socket-table";
    case LOCK_RANK_TTY:
        return "tty";
    case LOCK_RANK_MM:
        return "mm";
    case LOCK_RANK_PAGE_CACHE:
        return "page-cache";
    case LOCK_RANK_DEVICE_RESET:
        return "device-reset";
    case LOCK_RANK_PROCESS_TREE:
        return "process-tree";
    case LOCK_RANK_SIGNAL:
        return "signal";
    case LOCK_RANK_SIGNAL_ACTIONS:
        return "signal-actions or mount";
    case LOCK_RANK_FILES:
        return "files";
    case LOCK_RANK_DENTRY:
        return "dentry";
    case LOCK_RANK_DENTRY_TREE:
        return "dentry-tree";
    case LOCK_RANK_DENTRY_HASH:
        return "dentry-hash";
    case LOCK_RANK_INODE_STATE:
        return "inode-state";
    case LOCK_RANK_DEVICE:
        return "device";
    case LOCK_RANK_FUTEX:
        return "futex";
    case LOCK_RANK_FUTEX_PI:
        return "futex-pi";
    case LOCK_RANK_OBJECT:
        return "object";
    case LOCK_RANK_WAIT_QUEUE:
        return "wait-queue";
    case LOCK_RANK_EPOLL_READY:
        return "epoll-ready";
    case LOCK_RANK_TIMER:
        return "timer";
    case LOCK_RANK_PIDS:
        return "process numbers";
    case LOCK_RANK_RUNQUEUE:
        return "run-queue";
    case LOCK_RANK_SLAB:
        return "slab";
    case LOCK_RANK_PAGES:
        return "pages";
    case LOCK_RANK_ENTROPY:
        return "entropy";
    case LOCK_RANK_LOG:
        return "log";
    }
    return "unknown";
}

static void check_trace(const struct lock_trace *trace, const void *lock, unsigned rank,
                        bool nested)
{
    for (unsigned i = 0; i < trace->depth; i++) {
        unsigned held = trace->held[i].rank;

        if (held > rank || (held == rank && !nested && held != LOCK_RANK_NONE)) {
            kernel_panic("lock order: %s (%p, rank %u) is taken while %s (%p, rank %u) is held",
                         lock_rank_name(rank), lock, rank, lock_rank_name(held),
                         trace->held[i].lock, held);
        }
    }
}

void lock_trace_acquire(struct lock_trace *trace, const struct lock_trace *lower, const void *lock,
                        unsigned rank, bool nested)
{
    if (rank != LOCK_RANK_NONE) {
        if (lower != NULL) {
            check_trace(lower, lock, rank, nested);
        }
        check_trace(trace, lock, rank, nested);
    }
    lock_trace_note(trace, lock, rank);
}

void lock_trace_note(struct lock_trace *trace, const void *lock, unsigned rank)
{
    if (trace->depth >= LOCKS_HELD_MAX) {
        kernel_panic("more than %d locks held, taking %s (%p)", LOCKS_HELD_MAX,
                     lock_rank_name(rank), lock);
    }
    trace->held[trace->depth].lock = lock;
    trace->held[trace->depth].rank = (uint16_t)rank;
    trace->depth++;
}

void lock_trace_release(struct lock_trace *trace, const void *lock)
{
    for (unsigned i = trace->depth; i-- > 0;) {
        if (trace->held[i].lock == lock) {
            for (unsigned j = i + 1; j < trace->depth; j++) {
                trace->held[j - 1] = trace->held[j];
            }
            trace->depth--;
            return;
        }
    }
    kernel_panic("lock %p is released but not held", lock);
}

void lock_trace_assert_may_block(void)
{
    const struct cpu *cpu = this_cpu();

    if (cpu->locks != NULL && cpu->locks->depth > 0) {
        kernel_panic("blocking while spinlock %s (%p) is held",
                     lock_rank_name(cpu->locks->held[cpu->locks->depth - 1].rank),
                     cpu->locks->held[cpu->locks->depth - 1].lock);
    }
}
