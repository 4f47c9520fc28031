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

/* Ranks that share a number share a name. */
static const char *const rank_names[] = {
    [LOCK_RANK_NONE] = "unranked",
    [LOCK_RANK_SOCKET_SETUP] = "socket-setup",
    [LOCK_RANK_FILE_POS] = "file-position",
    [LOCK_RANK_RENAME] = "rename",
    [LOCK_RANK_MOUNT_TREE] = "mount-tree",
    [LOCK_RANK_INODE_DIR] = "directory",
    [LOCK_RANK_INODE] = "inode",
    [LOCK_RANK_EPOLL] = "epoll",
    [LOCK_RANK_PIPE] = "pipe",
    [LOCK_RANK_SOCKET] = "socket",
    [LOCK_RANK_TTY] = "tty",
    [LOCK_RANK_SOCKET_RIGHTS] = "socket-rights",
    [LOCK_RANK_KEYS] = "keys",
    [LOCK_RANK_CGROUP] = "control groups",
    [LOCK_RANK_MM] = "mm",
    [LOCK_RANK_PARTITIONS] = "partitions",
    [LOCK_RANK_PAGE_CACHE] = "page-cache",
    [LOCK_RANK_DEVICE_RESET] = "device-reset",
    [LOCK_RANK_PROCESS_TREE] = "process-tree",
    [LOCK_RANK_SIGNAL] = "signal",
    [LOCK_RANK_SIGNAL_ACTIONS] = "signal-actions or mount",
    [LOCK_RANK_FILES] = "files",
    [LOCK_RANK_DENTRY_TREE] = "dentry-tree",
    [LOCK_RANK_DENTRY_HASH] = "dentry-hash",
    [LOCK_RANK_DENTRY] = "dentry",
    [LOCK_RANK_INODE_STATE] = "inode-state",
    [LOCK_RANK_DEVICE] = "device",
    [LOCK_RANK_FUTEX] = "futex",
    [LOCK_RANK_FUTEX_PI] = "futex-pi",
    [LOCK_RANK_OBJECT] = "object",
    [LOCK_RANK_SOCKET_TABLE] = "socket-table or uring-task",
    [LOCK_RANK_WAIT_QUEUE] = "wait-queue",
    [LOCK_RANK_EPOLL_READY] = "epoll-ready",
    [LOCK_RANK_TIMER] = "timer",
    [LOCK_RANK_PIDS] = "process-numbers",
    [LOCK_RANK_RUNQUEUE] = "run-queue",
    [LOCK_RANK_SLAB] = "slab",
    [LOCK_RANK_PAGES] = "pages",
    [LOCK_RANK_ENTROPY] = "entropy",
    [LOCK_RANK_USER_CLOCK] = "user-clock",
    [LOCK_RANK_LOG] = "log",
};

const char *lock_rank_name(unsigned rank)
{
    if (rank >= ARRAY_SIZE(rank_names) || rank_names[rank] == NULL) {
        return "unknown";
    }
    return rank_names[rank];
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
