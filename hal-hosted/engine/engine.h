/* SPDX-License-Identifier: MIT
 *
 * The interface between the hosted backend and the engines that run user code.
 *
 * The software page table (aspace_internal.h) is the truth; what an engine has mapped into its
 * host processes is only a TLB of it, which it may fill on demand (a host fault on a page whose
 * aspace_entry allows the access), fill ahead, or drop at any time.
 *
 * An engine keeps its state in machine->engine_data, aspace->engine, vcpu->engine and user->priv.
 */
#ifndef HAL_HOSTED_ENGINE_ENGINE_H
#define HAL_HOSTED_ENGINE_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "hal-hosted/aspace_internal.h"
#include "hal-hosted/machine_internal.h"
#include "hal/user.h"

enum aspace_change {
    ASPACE_MAPPED,    /* new translations where there were none: nothing is stale; a hint */
    ASPACE_REPLACED,  /* map over existing translations */
    ASPACE_PROTECTED, /* the protection of existing translations changed */
    ASPACE_UNMAPPED,  /* translations removed */
};

struct engine_ops {
    const char *name;

    /* Host thread, before boot and after the end. 0 or negative errno with a one-line message;
     * AUTO then tries the next engine. machine->ram_fd and ram are valid. */
    int (*machine_init)(struct machine *machine, char *message, size_t message_bytes);
    void (*machine_exit)(struct machine *machine);

    /* On the vCPU's host thread, before it enters the kernel and after it has left (also after
     * being stopped in the middle of run's caller). Optional: may be NULL. */
    int (*vcpu_init)(struct vcpu *vcpu);
    void (*vcpu_exit)(struct vcpu *vcpu);

    /* aspace->machine and the empty table are set. 0, -ENOMEM or -EAGAIN. destroy is also called
     * for what is left when the machine is destroyed (then on an ordinary host thread, where
     * vcpu_current() is NULL); the table itself may not be read any more. */
    int (*aspace_create)(struct hal_aspace *aspace);
    void (*aspace_destroy)(struct hal_aspace *aspace);

    /* The table's entries for [uaddr, uaddr + pages) have changed already. Called by any vCPU
     * under the kernel's mm lock of this address space, while others may be in run: queue, don't
     * wait. The range covers everything that changed but may contain unchanged entries and holes.
     * `pages` can be huge (a whole address space); use the range as such. */
    void (*aspace_changed)(struct hal_aspace *aspace, uint64_t uaddr, size_t pages,
                           enum aspace_change change);

    /* Return when no user code can use a translation that REPLACED, PROTECTED or UNMAPPED changes
     * reported before this call have removed. Interrupts enabled; may wait for the host. The
     * caller deals with user copies of other vCPUs. */
    void (*aspace_flush)(struct hal_aspace *aspace);

    void (*user_init)(struct hal_user *user);
    void (*user_exit)(struct hal_user *user);
    void (*user_fpu_sync)(struct hal_user *user);
    void (*user_fpu_changed)(struct hal_user *user);

    /* hal_user_run without interrupt delivery: run user code in user->aspace on this vCPU's thread
     * until it stops. Must return HAL_STOP_INTERRUPT (PENDING
     * if none has run) soon once vcpu_must_stop(vcpu) is true or
     * host_monotonic_ns() >= vcpu->deadline_ns (the timeout of every wait in here). Page faults
     * that the table allows are the engine's own business and are not reported. user->aspace may
     * differ from the last run's, and the user may have moved between vCPUs. */
    enum hal_stop (*run)(struct vcpu *vcpu, struct hal_user *user, struct hal_fault *out);

    /* Make `run` on this vCPU return soon. Called after bits were set in vcpu->pending when
     * vcpu->state was VCPU_USER: possibly before run has got anywhere, or just after it returned.
     * So: run first makes itself reachable for kick, then checks vcpu_must_stop, then waits. Any
     * host thread including other machines' and signal handlers: async-signal-safe. */
    void (*kick)(struct vcpu *vcpu);

    /* Optional. Before run, as kernel code of the user's thread: may call the kernel and block. */
    void (*prepare)(struct hal_user *user);

    /* Optional. hal_aspace_fork. */
    void (*aspace_fork)(struct hal_aspace *child, struct hal_aspace *parent);

    /* Optional. hal_aspace_flush_lazy; aspace_flush takes its place. */
    void (*aspace_flush_lazy)(struct hal_aspace *aspace);
};

extern const struct engine_ops engine_stub;
extern const struct engine_ops engine_ptrace;
extern const struct engine_ops engine_none;

/* The engines to try for a configuration, in order: the index-th or NULL. */
const struct engine_ops *engine_candidate(enum machine_engine engine, unsigned index);

#endif
