/* SPDX-License-Identifier: MIT
 *
 * hal/user.h: interrupt delivery around the engine's run; the rest goes straight to the engine.
 */
#include "hal/user.h"

#include "hal-hosted/engine/engine.h"
#include "hal-hosted/machine_internal.h"
#include "hal-hosted/world/world_internal.h"

static const struct engine_ops *engine_current(void)
{
    return vcpu_current()->machine->engine;
}

void hal_user_init(struct hal_user *user)
{
    engine_current()->user_init(user);
}

void hal_user_exit(struct hal_user *user)
{
    engine_current()->user_exit(user);
}

void hal_user_fpu_sync(struct hal_user *user)
{
    engine_current()->user_fpu_sync(user);
}

void hal_user_fpu_changed(struct hal_user *user)
{
    engine_current()->user_fpu_changed(user);
}

enum hal_stop hal_user_run(struct hal_user *user, struct hal_fault *out)
{
    const struct engine_ops *engine = engine_current();
    enum hal_stop stop = HAL_STOP_PENDING;
    struct vcpu *vcpu;

    if (engine->prepare) {
        engine->prepare(user);
    }
    vcpu = vcpu_current(); /* prepare may have blocked and gone on elsewhere */
    if (vcpu->sim) {
        return world_user_run(vcpu, user, out);
    }

    /* The state first, then the look at pending: see vcpu.c. */
    __atomic_store_n(&vcpu->state, VCPU_USER, __ATOMIC_SEQ_CST);
    if (vcpu->deadline_ns != UINT64_MAX && ++vcpu->polls % 4 == 0) {
        vcpu_check_deadline(vcpu);
    }
    if (!vcpu_must_stop(vcpu)) {
        stop = engine->run(vcpu, user, out);
    }
    if (vcpu->takes_turns) {
        vcpu = vcpu_current(); /* what plays user code may have blocked in the kernel */
    }
    __atomic_store_n(&vcpu->state, VCPU_KERNEL, __ATOMIC_RELEASE);
    if (hal_stop_is_interrupt(stop)) {
        vcpu_check_deadline(vcpu);
    }
    if (vcpu_must_stop(vcpu)) {
        vcpu_deliver(vcpu);
    }
    return stop;
}
