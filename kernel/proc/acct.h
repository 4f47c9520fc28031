/* SPDX-License-Identifier: MIT
 *
 * Process accounting, acct(2): a record of each process that ends, appended to a file.
 */
#ifndef KERNEL_PROC_ACCT_H
#define KERNEL_PROC_ACCT_H

#include <stdint.h>

struct file;
struct kernel;
struct process;

/* From now on to this file (consumed), or to none (NULL). May block. */
void acct_set_file(struct kernel *kernel, struct file *file);

/* The current task is the last of its process, which ends with a wait status; `bytes` of address
 * space are its own. The limit on file sizes is lifted for it. May block. */
void acct_process_exit(struct process *process, int status, uint64_t bytes);

/* The encodings of acct(5), for tests. */
uint16_t acct_encode_comp(uint64_t value);
uint32_t acct_encode_float(uint64_t value);

#endif
