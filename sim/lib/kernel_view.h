/* SPDX-License-Identifier: MIT
 *
 * What libsim looks at inside a machine's kernel (kernel_view.c).
 */
#ifndef SIM_LIB_KERNEL_VIEW_H
#define SIM_LIB_KERNEL_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hal_context;
struct hal_user;
struct world_call;

uint32_t kernel_view_tid(const struct hal_user *user);

/* Of the running task, which begins or ends a call: a hash of as many arguments as the call has,
 * the result, and both as text. Nothing is paged in for that. */
uint64_t kernel_view_arguments_hash(const struct hal_user *user);
int64_t kernel_view_result(const struct hal_user *user, const struct world_call *call);
size_t kernel_view_call_text(const struct world_call *call, char *out, size_t bytes);
size_t kernel_view_result_text(const struct world_call *call, int64_t result, char *out,
                               size_t bytes);

/* Number of the thread that this context is part of. */
uint32_t kernel_view_thread(const struct hal_context *context);
/* Where the task's thread stands if it is on no CPU; else NULL. */
const struct hal_context *kernel_view_context(const struct hal_user *user);

size_t kernel_view_faults_bytes(void);
void kernel_view_set_faults(void *cpu_local, void *faults, uint64_t nth, bool and_after,
                            uint32_t probability_ppm, uint64_t seed);
void kernel_view_get_faults(const void *faults, uint64_t *out_count, uint64_t *out_failed);

#endif
