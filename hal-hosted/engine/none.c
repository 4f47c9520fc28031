/* SPDX-License-Identifier: MIT
 *
 * The engine that runs no user code: unit tests and fuzzing hold address spaces and copy to and
 * from them. What user code would have done is up to machine_hooks; without it every
 * hal_user_run ends with HAL_STOP_DEAD.
 */
#include "hal-hosted/engine/engine.h"

static int none_machine_init(struct machine *machine, char *message, size_t message_bytes)
{
    (void)machine;
    (void)message;
    (void)message_bytes;
    return 0;
}

static void none_machine_exit(struct machine *machine)
{
    (void)machine;
}

static int none_aspace_create(struct hal_aspace *aspace)
{
    (void)aspace;
    return 0;
}

static void none_aspace_nothing(struct hal_aspace *aspace)
{
    (void)aspace;
}

static void none_aspace_changed(struct hal_aspace *aspace, uint64_t uaddr, size_t pages,
                                enum aspace_change change)
{
    (void)aspace;
    (void)uaddr;
    (void)pages;
    (void)change;
}

static void none_user_nothing(struct hal_user *user)
{
    (void)user;
}

static enum hal_stop none_run(struct vcpu *vcpu, struct hal_user *user, struct hal_fault *out)
{
    const struct machine_hooks *hooks = vcpu->machine->config.hooks;

    return hooks && hooks->user_run ? (enum hal_stop)hooks->user_run(hooks->argument, user, out)
                                    : HAL_STOP_DEAD;
}

static void none_kick(struct vcpu *vcpu)
{
    (void)vcpu;
}

const struct engine_ops engine_none = {
    .name = "none",
    .machine_init = none_machine_init,
    .machine_exit = none_machine_exit,
    .aspace_create = none_aspace_create,
    .aspace_destroy = none_aspace_nothing,
    .aspace_changed = none_aspace_changed,
    .aspace_flush = none_aspace_nothing,
    .user_init = none_user_nothing,
    .user_exit = none_user_nothing,
    .user_fpu_sync = none_user_nothing,
    .user_fpu_changed = none_user_nothing,
    .run = none_run,
    .kick = none_kick,
};
