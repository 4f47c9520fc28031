/* SPDX-License-Identifier: MIT
 *
 * The memory and the file system of the programs of syscall_fuzz: /jail, a tmpfs with the files of
 * root.c, proc, sysfs, devpts and devices of its own, so that all of it can be dropped after an
 * input. Made by the supervisor (run_program.c), with its system calls; what fails aborts the
 * process.
 */
#ifndef FUZZ_JAIL_H
#define FUZZ_JAIL_H

#include <stdint.h>

/* PROGRAM_MEMORY and PROGRAM_READONLY in the current address space. */
void jail_map_memory(void);

/* /jail itself. Clears the umask. */
void jail_create(void);

/* Whatever the kernel makes once and keeps, before anybody counts: the locks of the inode that
 * eventfd(2) and the like share, the thread of asynchronous polling, what init is marked with. */
void jail_warm_up(void);

/* Its address, in the current task's memory; the next call takes the same place. */
uint64_t jail_text(const char *string);

#endif
