/* SPDX-License-Identifier: MIT */
/* Restartable sequences: rseq(2). */
#ifndef KERNEL_ABI_RSEQ_H
#define KERNEL_ABI_RSEQ_H

#include <stdint.h>

#define RSEQ_FLAG_UNREGISTER (1 << 0)
#define RSEQ_CPU_ID_UNINITIALIZED (-1)
#define RSEQ_CPU_ID_REGISTRATION_FAILED (-2)
#define RSEQ_CS_FLAG_NO_RESTART_ON_PREEMPT (1U << 0)
#define RSEQ_CS_FLAG_NO_RESTART_ON_SIGNAL (1U << 1)
#define RSEQ_CS_FLAG_NO_RESTART_ON_MIGRATE (1U << 2)
#define RSEQ_ORIG_SIZE 32

/* In thread memory; the abort handler's signature lies in the 4 bytes before it. */
struct linux_rseq {
    uint32_t cpu_id_start;
    uint32_t cpu_id;
    uint64_t rseq_cs; /* address of the running critical section's descriptor, or 0 */
    uint32_t flags;
    uint32_t pad[3];
} __attribute__((aligned(32)));

struct linux_rseq_cs {
    uint32_t version;
    uint32_t flags;
    uint64_t start_ip;
    uint64_t post_commit_offset;
    uint64_t abort_ip;
} __attribute__((aligned(32)));

/* Sizes that programs rely on. */
_Static_assert(sizeof(struct linux_rseq) == 32, "linux_rseq");
_Static_assert(sizeof(struct linux_rseq_cs) == 32, "linux_rseq_cs");

#endif
