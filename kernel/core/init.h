/* SPDX-License-Identifier: MIT
 *
 * Order of boot. Each subsystem's init is called once, on CPU 0, in this order; each may use
 * everything before it. kernel_on_boot (kernel/boot/boot.c, layered above everything)
 * calls them.
 */
#ifndef KERNEL_CORE_INIT_H
#define KERNEL_CORE_INIT_H

struct hal_boot;
struct kernel;

/* core   */
/* The very first step: carve struct kernel, CPU 0's struct cpu, the log, the clock and the parsed
 * command line out of RAM, and make CPU 0 current. this_cpu(), klog, clock and kernel_panic work
 * from here on; nothing can be allocated yet. [kernel->early_paddr, + early_bytes) is that
 * memory: page aligned, part of boot->ram, and reserved by mm_init. Never fails: panics on a
 * useless machine. */
struct kernel *core_early_init(const struct hal_boot *boot);

/* mm     */ int mm_init(struct kernel *kernel);      /* page allocator, slab, zero page */
/* core   */ int core_init(struct kernel *kernel);    /* entropy: what needs the allocator */
/* sched  */ int sched_init(struct kernel *kernel);   /* run queue and timers of CPU 0 */
/* sched  */ void sched_start_cpus(struct kernel *kernel); /* all other CPUs; a failure is logged */
/* drivers*/ int drivers_init(struct kernel *kernel); /* finds devices; does no input or output */
/* fs     */ int vfs_init(struct kernel *kernel);     /* caches, file system types, root mount */
/* ipc    */ int ipc_init(struct kernel *kernel);     /* pipes, sockets … */
/* net    */ int net_init(struct kernel *kernel);     /* devices, AF_NETLINK */
/* proc   */ int proc_init(struct kernel *kernel);    /* process table, futexes */
/* tty    */ int tty_init(struct kernel *kernel);     /* console, ptys */
/* cgroup */ int cgroup_init(struct kernel *kernel);  /* the root group, cgroup2 */
/* procfs */ int procfs_init(struct kernel *kernel);
/* syscall*/ int syscall_init(struct kernel *kernel);
/* proc   */ int proc_start_init(struct kernel *kernel); /* create and start pid 1's thread */

#endif
