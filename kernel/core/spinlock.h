/* SPDX-License-Identifier: MIT
 *
 * Spinlocks with ranks.
 *
 * A lock that an interrupt handler also takes is always taken with the irqsave form. No blocking,
 * no user copy and no scheduling with a spinlock held. Locks are taken in increasing rank; debug
 * builds (ASSAY_DEBUG=1) assert this and that the holder releases. docs/locking.md lists the ranks.
 */
#ifndef KERNEL_CORE_SPINLOCK_H
#define KERNEL_CORE_SPINLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/lib/compiler.h"

/* Lock order: a thread holding a lock may take only locks of a higher rank. Sleeping locks
 * (mutex.h) come before all spinlocks. */
enum lock_rank {
    LOCK_RANK_NONE = 0, /* not checked */
    /* sleeping locks */
    LOCK_RANK_SOCKET_SETUP = 8, /* bind, listen, connect of one socket; walks paths */
    LOCK_RANK_RENAME = 10,      /* vfs: one directory tree rename at a time */
    LOCK_RANK_MOUNT_TREE = 11,  /* vfs: changes of the mount tree */
    LOCK_RANK_INODE_DIR = 12,   /* inode mutex of a directory (parent before child) */
    LOCK_RANK_INODE = 14,       /* inode mutex of a file */
    LOCK_RANK_PIPE = 16,
    LOCK_RANK_SOCKET = 17,
    LOCK_RANK_TTY = 18,
    LOCK_RANK_SOCKET_RIGHTS = 19, /* files in flight between sockets */
    LOCK_RANK_KEYS = 20,          /* keys and keyrings */
    LOCK_RANK_CGROUP = 21,        /* the tree of control groups */
    LOCK_RANK_FILE_POS = 9,
    LOCK_RANK_EPOLL = 15,
    LOCK_RANK_MM = 30,         /* address space; user copies take it, so it is late */
    LOCK_RANK_PARTITIONS = 33, /* opens, closes and partitions of one disk */
    LOCK_RANK_PAGE_CACHE = 34,
    LOCK_RANK_DEVICE_RESET = 40, /* one driver at a time puts its device in order */
    /* spinlocks */
    LOCK_RANK_PROCESS_TREE = 50, /* process table, parent/child, sessions */
    LOCK_RANK_SIGNAL = 52,
    LOCK_RANK_SIGNAL_ACTIONS = 53,
    LOCK_RANK_MOUNT = 53, /* vfs: where mounts hang */
    LOCK_RANK_FILES = 54,
    LOCK_RANK_DENTRY_TREE = 55, /* vfs: names and parents of all dentries */
    LOCK_RANK_DENTRY_HASH = 56, /* one hash bucket */
    LOCK_RANK_DENTRY = 57,      /* one dentry; the LRU list */
    LOCK_RANK_INODE_STATE = 58,
    LOCK_RANK_DEVICE = 59, /* a driver and its interrupt handler */
    LOCK_RANK_FUTEX = 60,
    LOCK_RANK_FUTEX_PI = 61,
    LOCK_RANK_OBJECT = 62,       /* small objects: eventfd counters, tty buffers … */
    LOCK_RANK_SOCKET_TABLE = 63, /* names and lists of sockets */
    LOCK_RANK_URING_TASK = 63,   /* which requests of io_uring wait for a task */
    LOCK_RANK_WAIT_QUEUE = 64,
    LOCK_RANK_EPOLL_READY = 65, /* taken by wake-up callbacks, under the queue's lock */
    LOCK_RANK_TIMER = 66,
    LOCK_RANK_PIDS = 67, /* process numbers and their namespaces */
    LOCK_RANK_RUNQUEUE = 68,
    LOCK_RANK_SLAB = 72,
    LOCK_RANK_PAGES = 74,
    LOCK_RANK_ENTROPY = 76,
    LOCK_RANK_USER_CLOCK = 77, /* the clock page of user programs */
    LOCK_RANK_LOG = 78,
};

struct CAPABILITY("spinlock") spinlock {
    uint16_t locked;
    uint16_t usage; /* debug: how it has been taken, see spinlock.c */
    uint16_t rank;
    uint16_t owner; /* CPU id + 1 while held */
};

void spin_lock_init(struct spinlock *lock, enum lock_rank rank);
void spin_lock(struct spinlock *lock) ACQUIRES(lock);
bool spin_trylock(struct spinlock *lock);
void spin_unlock(struct spinlock *lock) RELEASES(lock);

/* With interrupts masked; returns the flag to restore. */
bool spin_lock_irqsave(struct spinlock *lock) ACQUIRES(lock);
void spin_unlock_irqrestore(struct spinlock *lock, bool irq_were_enabled) RELEASES(lock);

/* A second lock of a rank that is already held: the caller has its own order among equals (CPU id,
 * parent before child), which its comment states. */
void spin_lock_nested(struct spinlock *lock) ACQUIRES(lock);

/* ---- lock checking, debug builds (ASSAY_DEBUG=1) only ---- */

#ifndef ASSAY_DEBUG
#define ASSAY_DEBUG 0
#endif

enum { LOCKS_HELD_MAX = 16 };

/* Locks held: spinlocks of a CPU, sleeping locks of a thread; in order of acquisition. */
struct lock_trace {
    unsigned depth;
    struct held_lock {
        const void *lock;
        uint16_t rank;
    } held[LOCKS_HELD_MAX];
};

/* For the implementations of locks: note and check an acquisition (panics on a rank violation,
 * naming both), and a release. `lower` is the trace of locks that rank below all of this kind (the
 * thread's, when a spinlock is taken) or NULL. */
void lock_trace_acquire(struct lock_trace *trace, const struct lock_trace *lower, const void *lock,
                        unsigned rank, bool nested);
/* The same without the check: a trylock that succeeded. */
void lock_trace_note(struct lock_trace *trace, const void *lock, unsigned rank);
void lock_trace_release(struct lock_trace *trace, const void *lock);
/* Panic if a spinlock is held: the caller is about to block. */
void lock_trace_assert_may_block(void);
const char *lock_rank_name(unsigned rank);

/* True if this CPU holds the lock; for assertions. */
bool spin_is_held(const struct spinlock *lock);

#endif
