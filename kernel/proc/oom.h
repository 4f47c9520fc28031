/* SPDX-License-Identifier: MIT
 *
 * The out-of-memory killer.
 */
#ifndef KERNEL_PROC_OOM_H
#define KERNEL_PROC_OOM_H

struct kernel;

/* Install the killer: when an allocation for user memory fails, the process with the largest
 * resident size (weighted by oom_score_adj) is killed and named in the log. */
void oom_init(struct kernel *kernel);

#endif
