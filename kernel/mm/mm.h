/* SPDX-License-Identifier: MIT
 *
 * User address spaces: VMAs, demand paging, copy-on-write (mmap(2), brk(2), mprotect(2),
 * mremap(2)).
 *
 * struct mm is reference counted (`users`: tasks and remote accessors; the last one tears the
 * mappings down; `pins` keep only the empty shell). mm->lock (a rwlock of rank LOCK_RANK_MM) guards
 * the VMA tree: read for faults, write for changes; the record of resident pages and the page
 * tables change under mm->table_lock.
 *
 * A resident page is recorded in a region (mm_region: 64 neighbouring pages); the HAL's tables only
 * mirror the record, and may lack entries (memory that mprotect made inaccessible).
 *
 * Callers that hold mm->lock must not copy user memory. mm->lock is also taken for writing by
 * page_cache_truncate for every mm that maps the cache.
 */
#ifndef KERNEL_MM_MM_H
#define KERNEL_MM_MM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/lib/list.h"
#include "kernel/lib/rbtree.h"
#include "kernel/mm/page.h"
#include "kernel/sched/mutex.h"

struct hal_aspace;
struct kernel;
struct mm_region;
struct page_cache;
struct userfault;
struct vma;

enum vma_flags {
    VMA_READ = 1,
    VMA_WRITE = 2,
    VMA_EXEC = 4, /* = PROT_* */
    VMA_MAY_READ = 0x10,
    VMA_MAY_WRITE = 0x20,
    VMA_MAY_EXEC = 0x40, /* mprotect may add these */
    VMA_SHARED = 0x100,
    VMA_GROWSDOWN = 0x200,
    VMA_LOCKED = 0x400,
    VMA_NORESERVE = 0x800,
    VMA_DONTCOPY = 0x1000, /* MADV_DONTFORK */
    VMA_WIPEONFORK = 0x2000,
    VMA_DONTDUMP = 0x4000,
    VMA_STACK = 0x8000, /* initial stack: "[stack]" */
    VMA_HEAP = 0x10000, /* brk: "[heap]" */
    VMA_DONTEXPAND = 0x20000,
    VMA_USERFAULT_MISSING = 0x4000000, /* see userfault.h */
    VMA_USERFAULT_WP = 0x8000000,
    VMA_SECRET = 0x10000000,     /* memfd_secret(2): for the program alone, locked for good */
    VMA_IMAGE = 0x40000,         /* of a library (MAP_DENYWRITE): its data will soon be written */
    VMA_LOCK_ON_FAULT = 0x80000, /* with VMA_LOCKED: not made resident ahead */
    VMA_SEQUENTIAL = 0x100000,   /* MADV_SEQUENTIAL, MADV_RANDOM: only remembered */
    VMA_RANDOM = 0x200000,
    VMA_HUGE = 0x400000, /* MADV_HUGEPAGE, MADV_NOHUGEPAGE: only remembered */
    VMA_NOHUGE = 0x800000,
    VMA_ACCOUNT = 0x1000000, /* counted as committed memory, see commit.c */
    VMA_DEVICE = 0x2000000,  /* the kernel's own page: neither advice nor copies */
};

/* What is behind a non-anonymous VMA: a file's page cache, shared anonymous memory, a device. The
 * object pointer is vma->backing; operations may block and are called without mm->table_lock. */
struct vma_ops {
    bool whole; /* may not be split, as [vdso] */
    /* A reference to the backing for another VMA (fork, split), and its release. */
    void (*get)(struct vma *vma);
    void (*put)(struct vma *vma);
    /* The page at `index` (pages from the start of the object), with a reference. `write`: the
     * mapping is shared and will be written (mark dirty, allocate blocks). 0, -ENOMEM, -EIO or
     * -ENXIO (beyond the end: SIGBUS). */
    int (*get_page)(struct vma *vma, uint64_t index, bool write, struct page **out);
    /* For /proc/PID/maps; may be NULL. Path into the buffer. */
    void (*describe)(struct vma *vma, uint64_t *dev, uint64_t *ino, char *path, size_t path_bytes);
    /* msync(2): write back dirty pages in the range of object pages. NULL: nothing to do. */
    int (*sync)(struct vma *vma, uint64_t first, uint64_t last, bool wait);
    /* madvise(2), MADV_REMOVE: a hole of the object pages first .. end - 1, on a VMA that is in no
     * tree; takes locks that come before mm->lock. NULL: -EINVAL. */
    int (*punch)(struct vma *vma, uint64_t first, uint64_t end);
    /* Identity of the backing object for shared futex keys. */
    uint64_t (*identity)(struct vma *vma);
};

struct vma {
    struct rb_node node; /* in mm->vmas by start; augmented with the largest gap below */
    struct mm *mm;
    uint64_t start, end;       /* page aligned, start < end */
    uint64_t gap, gap_max;     /* free bytes below this one; the most in its subtree */
    unsigned flags;            /* enum vma_flags */
    const struct vma_ops *ops; /* NULL: private anonymous */
    void *backing;             /* for ops */
    uint64_t page_offset;      /* object page of `start` */

    /* Registry of a page cache's mappings (page_cache_map); its mappings_lock. */
    struct page_cache *cache; /* or NULL; constant while the VMA is mapped */
    struct list_node mapping_node;

    uint16_t policy;             /* mbind(2), see policy.c */
    struct userfault *userfault; /* who resolves its faults; referenced; mostly NULL */

    struct vma *next_dead; /* private: removed, to be put when the lock is dropped */
};

/* Of a core dump's mappings (core(5)): private and shared anonymous memory, ELF headers. */
enum { MM_CORE_FILTER_DEFAULT = 0x33 };

struct mm {
    uint32_t users; /* atomic */
    uint32_t pins;  /* atomic; the users together hold one */
    uint64_t id;    /* unique on this machine, never reused */
    struct rwlock lock;
    struct spinlock table_lock; /* page tables and counters */
    struct hal_aspace *aspace;
    struct kernel *kernel;

    struct rb_root vmas;    /* GUARDED_BY(lock) */
    struct vma *cached_vma; /* last hit; atomic hint */
    unsigned vma_count;
    unsigned future_flags; /* mlockall(MCL_FUTURE): VMA_LOCKED for new mappings, perhaps on fault */
    struct vma *dead;      /* VMAs to put after the lock is dropped */
    struct rb_root regions; /* GUARDED_BY(table_lock), and the hint */
    struct mm_region *region_hint;
    uint64_t brk_start, brk; /* GUARDED_BY(lock) */
    uint64_t mmap_base;      /* top-down allocation starts below this */
    uint64_t stack_top;

    /* Filled by execve, reported by /proc and prctl(PR_SET_MM). */
    uint64_t code_start, code_end, data_start, data_end, arg_start, arg_end, env_start, env_end;
    uint64_t auxv[64];
    void *exe; /* struct file * of the program, owned by proc/ through exe_put */
    void (*exe_put)(void *exe);
    struct page *clock_page; /* what [vvar] starts with if not the machine's; referenced;
                              * mm->lock */
    void *aio; /* contexts of asynchronous I/O, owned by ipc/ through aio_release. Atomic */
    void (*aio_release)(void *aio);

    uint64_t total_pages; /* virtual; for RLIMIT_AS */
    uint64_t total_peak;  /* the most they ever were, as long as they are fewer */
    uint64_t data_pages;  /* of these private and writable, no stacks; for RLIMIT_DATA */
    uint64_t locked_pages;
    uint64_t account_pages, account_noted; /* committed; the part that the machine's sum has */
    uint64_t stack_pages, exec_pages;      /* that grow down; that are code; for /proc/PID/status */
    uint64_t resident_anon, resident_file, resident_peak; /* pages; table_lock */
    uint64_t resident_memory; /* of the file pages those of tmpfs and shared memory */
    uint64_t limit_as, limit_data, limit_stack, limit_memlock; /* bytes, copies of the rlimits */
    bool dumpable;
    int oom_score_adj;
    unsigned core_filter;    /* /proc/PID/coredump_filter; atomic */
    uint32_t membarrier;     /* commands registered for (membarrier(2)); atomic */
    bool no_patches;         /* a debugger looks: the backend leaves the code as it is; atomic */
    bool may_lock_all;       /* CAP_IPC_LOCK: RLIMIT_MEMLOCK does not count. Set by proc/. */
    bool may_commit_reserve; /* CAP_SYS_ADMIN: vm.admin_reserve_kbytes is for it. Set with it. */
};

/* New, empty. 0, -ENOMEM, -EAGAIN. */
int mm_create(struct kernel *kernel, struct mm **out);
/* fork(2): a copy with copy-on-write of private pages. */
int mm_fork(struct mm *parent, struct mm **out);
struct mm *mm_get(struct mm *mm);
/* The last put unmaps everything: it may block and no CPU may have the aspace active (activate
 * another one, or NULL, first). */
void mm_put(struct mm *mm);
/* A reference unless the last user has gone. */
bool mm_try_get(struct mm *mm);

/* Describes a mapping to be made. */
struct mm_map_request {
    uint64_t addr; /* hint, or exact with fixed */
    uint64_t bytes;
    unsigned vma_flags;
    bool fixed;      /* MAP_FIXED: replace what is there */
    bool no_replace; /* MAP_FIXED_NOREPLACE: -EEXIST */
    bool populate;
    uint64_t from, below;      /* MAP_32BIT: the place if there is no hint; 0: anywhere */
    const struct vma_ops *ops; /* NULL: private anonymous (flags & VMA_SHARED: shared anonymous) */
    void *backing;             /* ops->get is called for the new VMA by mm_map on success */
    uint64_t page_offset;
};

/* mmap(2) after the file's permission checks. 0 and the address, or -ENOMEM -EINVAL -EEXIST -EPERM
 * -EAGAIN as mmap(2) says. */
int mm_map(struct mm *mm, const struct mm_map_request *request, uint64_t *out_addr);
int mm_unmap(struct mm *mm, uint64_t addr, uint64_t bytes);
/* Unmap what is left of a mapping of an object with these ops whose first page was at addr
 * (shmdt(2)). 0, -EINVAL if there is none, -ENOMEM. */
int mm_unmap_object(struct mm *mm, uint64_t addr, const struct vma_ops *ops);
/* Change mm->clock_page (NULL: the machine's) and forget the resident pages of the mappings with
 * these ops: the next access asks for them again. Takes a reference. */
void mm_set_clock_page(struct mm *mm, struct page *page, const struct vma_ops *ops);
int mm_protect(struct mm *mm, uint64_t addr, uint64_t bytes, unsigned prot);
int mm_remap(struct mm *mm, uint64_t old_addr, uint64_t old_bytes, uint64_t new_bytes, int flags,
             uint64_t new_addr, uint64_t *out_addr);
int mm_remap_file_pages(struct mm *mm, uint64_t addr, uint64_t bytes, uint64_t page_offset,
                        bool populate);
/* brk(2): returns the resulting break (unchanged on failure). */
uint64_t mm_brk(struct mm *mm, uint64_t brk);
int mm_advise(struct mm *mm, uint64_t addr, uint64_t bytes, int advice);
int mm_sync(struct mm *mm, uint64_t addr, uint64_t bytes, int flags);
/* mincore(2) for pages up to the first hole: how many, or -EINVAL, -ENOMEM if there is none. */
int64_t mm_mincore(struct mm *mm, uint64_t addr, uint64_t bytes, unsigned char *out_vec);
int mm_lock(struct mm *mm, uint64_t addr, uint64_t bytes, bool lock);
int mm_lock_on_fault(struct mm *mm, uint64_t addr, uint64_t bytes);       /* without populating */
int mm_lock_all(struct mm *mm, bool current, bool future, bool on_fault); /* none: munlockall */
int mm_populate(struct mm *mm, uint64_t addr, uint64_t bytes);

/* Memory policies, policy.c. The range is page aligned and not empty: 0, -EFAULT (holes), -ENOMEM.
 */
int mm_set_policy(struct mm *mm, uint64_t start, uint64_t end, uint16_t policy);
int mm_policy_at(struct mm *mm, uint64_t uaddr, uint16_t *out); /* 0, -EFAULT */
/* Do all mappings in the range that have a policy have one to `accept`? 0, -EOPNOTSUPP, -ENOENT if
 * none has one. */
int mm_check_policies(struct mm *mm, uint64_t start, uint64_t end, bool (*accept)(uint16_t policy));
/* 0 if there is a page at the address, -ENOENT if there is none (yet), -EFAULT without mapping. */
int mm_page_present(struct mm *mm, uint64_t uaddr);

enum mm_access {
    MM_READ = 1,
    MM_WRITE = 2,
    MM_EXEC = 4,
    MM_USER = 8 /* the program itself, not a copy by the kernel */
};

/* Resolve a fault. 0: try the access again. -EFAULT: no mapping (SEGV_MAPERR). -EACCES: mapping
 * forbids it (SEGV_ACCERR). -ENXIO/-EIO: SIGBUS. -ENOMEM: out of memory; the OOM killer has been
 * run and the caller returns to handle its signals. Thread context, interrupts enabled. May wait
 * for another program (userfaultfd(2)): with MM_USER until a signal, otherwise until a fatal one.
 */
int mm_handle_fault(struct mm *mm, uint64_t uaddr, enum mm_access access);

/* Copy to or from another (or the own) address space, resolving faults; `force` ignores VMA_READ/
 * VMA_WRITE and breaks COW (ptrace). Returns bytes copied or -EFAULT/-EIO if none. */
int64_t mm_access_remote(struct mm *mm, uint64_t uaddr, void *buffer, size_t bytes, bool write,
                         bool force);

/* Iterate over VMAs in address order under mm->lock held for reading: the first that ends after
 * addr, or NULL. */
struct vma *mm_find_vma(struct mm *mm, uint64_t addr);
struct vma *mm_next_vma(struct vma *vma);

/* The first stack of a program: `bytes` of VMA_STACK|VMA_GROWSDOWN memory that ends at `top`. */
int mm_map_stack(struct mm *mm, uint64_t top, uint64_t bytes, bool executable);

/* Per-VMA numbers for /proc/PID/smaps, in pages; mm->lock held for reading. */
struct vma_usage {
    uint64_t resident, anon, shared, dirty, private_dirty, shared_dirty;
    uint64_t maps_most; /* mappings of the page that has most */
    /* A page that is mapped n times counts MM_PSS_UNIT / n. */
    uint64_t proportional, proportional_dirty, proportional_anon;
};
enum { MM_PSS_UNIT = 1 << 12 };
void mm_vma_usage(struct vma *vma, struct vma_usage *out);

/* Entries of /proc/PID/pagemap for `count` pages from uaddr on; `frames`: with frame numbers. */
#define MM_PAGEMAP_PRESENT (1ull << 63)
#define MM_PAGEMAP_FILE (1ull << 61) /* or shared anonymous */
#define MM_PAGEMAP_EXCLUSIVE (1ull << 56)
void mm_pagemap(struct mm *mm, uint64_t uaddr, unsigned count, bool frames, uint64_t *out);
void mm_reset_peak(struct mm *mm); /* of resident pages: from now on */

/* What the machine allows, sysctl vm.*: read and changed at any time, atomic. */
struct mm_limits {
    uint64_t vmas_max;         /* vm.max_map_count */
    uint64_t overcommit;       /* enum mm_overcommit */
    uint64_t overcommit_ratio; /* percent of memory that may be committed */
    uint64_t overcommit_kib;   /* or so much, if not 0 */
    uint64_t user_reserve_kib, admin_reserve_kib;
    uint64_t panic_on_oom, oom_kill_allocating_task;
    uint64_t userfault_for_all; /* vm.unprivileged_userfaultfd: without CAP_SYS_PTRACE */
};
enum mm_overcommit { MM_OVERCOMMIT_GUESS, MM_OVERCOMMIT_ALWAYS, MM_OVERCOMMIT_NEVER };
struct mm_limits *mm_limits(struct kernel *kernel);
/* Pages: what may be committed with MM_OVERCOMMIT_NEVER, and what is. */
uint64_t mm_commit_limit(struct kernel *kernel);
uint64_t mm_committed(struct kernel *kernel);

/* Ask the process layer to free memory by killing; installed by proc/. Returns true if something
 * was killed. */
struct mm_oom_ops {
    bool (*kill_something)(struct kernel *kernel);
};
void mm_set_oom_ops(struct kernel *kernel, const struct mm_oom_ops *ops);

#endif
