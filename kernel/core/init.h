/* SPDX-License-Identifier: MIT
 *
 * Order of boot. Each subsystem's init is called once, on CPU 0, in this order; each may use
 * everything before it. kernel_on_boot (kernel/boot/boot.c, layered above everything)
 * calls them.
 */
#ifndef KERNEL_CORE_INIT_H
#define KERNEL_CORE_INIT_H

struct kernel;

/* mm     */ int mm_init(struct kernel *kernel);      /* page allocator, slab, zero page */
/* core   */ int core_init(struct kernel *kernel);    /* log, entropy, clock, options */
/* sched  */ int sched_init(struct kernel *kernel);   /* run queue and timers of CPU 0 */
/* fs     */ int vfs_init(struct kernel *kernel);     /* caches, file system types, root mount */
/* ipc    */ int ipc_init(struct kernel *kernel);     /* pipes, sockets … */
/* proc   */ int proc_init(struct kernel *kernel);    /* process table, futexes */
/* tty    */ int tty_init(struct kernel *kernel);     /* console, ptys */
/* procfs */ int procfs_init(struct kernel *kernel);
/* syscall*/ int syscall_init(struct kernel *kernel);

#endif
