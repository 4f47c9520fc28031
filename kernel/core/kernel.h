/* SPDX-License-Identifier: MIT
 *
 * struct kernel: the one root from which everything a machine owns is reachable.
 *
 * There is no mutable global data in kernel/; two machines in one process have two of these. It is
 * allocated from the machine's own RAM at boot and found through the current CPU.
 */
#ifndef KERNEL_CORE_KERNEL_H
#define KERNEL_CORE_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/boot.h"
#include "kernel/core/cpu.h"
#include "kernel/core/spinlock.h"
#include "kernel/core/tunables.h"

struct page_allocator;  /* mm/page_alloc.c */
struct slab_state;      /* mm/slab.c */
struct mm_state;        /* mm: shared things such as the zero page */
struct sched_state;     /* sched/ */
struct process_table;   /* proc/pid.c */
struct driver_state;    /* drivers/ */
struct vfs_state;       /* fs/ */
struct ipc_state;       /* ipc/ */
struct tty_state;       /* tty/ */
struct cgroup_state;    /* cgroup/ */
struct pid_state;       /* security/pid_namespace.c */
struct key_state;       /* security/key.c */
struct landlock_layer;  /* security/landlock.c */
struct namespaces;      /* proc/namespaces.c: the initial set */
struct user_namespace;  /* stands for the initial one, which is NULL in credentials */
struct klog;            /* core/klog.c: the log buffer */
struct entropy_pool;    /* core/entropy.c: the random number generator */
struct time_state;      /* core/clock.c: wall clock offset */
struct trace_state;     /* syscall/trace.c */
struct fault_injection; /* mm/fault_injection.c; NULL except in tests */

/* What the command line asked for; see core/options.c. */
struct boot_options {
    bool trace;
    bool quiet;
    bool no_vdso;
    bool no_secretmem;
    unsigned log_level;         /* messages below this number reach the log channel */
    unsigned tty_columns, tty_rows;
    char **argv;                /* program to run as the machine's job; argv[0] NULL: the shell */
    char **envp;
};

struct kernel {
    const struct hal_boot *boot; /* constant */
    struct boot_options options; /* constant after boot */
    struct tunables tunables;    /* atomic */

    /* RAM that core_early_init took before there was an allocator: this structure and others. */
    uint64_t early_paddr, early_bytes;
    uint32_t panicking; /* atomic: CPU id + 1 of the first CPU that panicked, 0: none */

    struct cpu *cpus[HAL_CPUS_MAX]; /* NULL until the CPU is started; never freed */
    unsigned cpu_count;             /* CPUs running; grows during boot only */

    struct page_allocator *pages;
    struct slab_state *slab;
    struct mm_state *mm;
    struct sched_state *sched;
    struct process_table *processes;
    struct pid_state *pids;
    struct spinlock *cred_lock; /* guards every thread's cred pointer: the process-tree lock, once
                                 * there are processes; NULL before */
    struct cgroup_state *cgroups;
    struct namespaces *namespaces;
    struct user_namespace *user_ns;
    struct key_state *keys;
    struct landlock_layer *landlock_dying; /* atomic: layers to be freed */
    uint32_t namespaces_made;    /* atomic: numbers given to namespaces since boot */
    struct driver_state *drivers;
    struct vfs_state *vfs;
    struct ipc_state *ipc;
    struct tty_state *tty;
    struct klog *log;
    struct entropy_pool *entropy;
    struct time_state *time;
    struct trace_state *trace;
    struct fault_injection *faults;
};

/* The kernel of the machine that this CPU belongs to. */
static inline struct kernel *this_kernel(void)
{
    return this_cpu()->kernel;
}

/* Stop the machine with a message and a backtrace. Any context. */
__attribute__((noreturn, format(printf, 1, 2))) void kernel_panic(const char *format, ...);

#endif
