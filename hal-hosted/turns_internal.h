/* SPDX-License-Identifier: MIT
 *
 * vCPUs that take turns on one host thread (turns.c): what vcpu.c and reset.c call for them.
 */
#ifndef HAL_HOSTED_TURNS_INTERNAL_H
#define HAL_HOSTED_TURNS_INTERNAL_H

#include "hal-hosted/machine_internal.h"

/* The machine's vCPUs take turns from now on: before it is powered on. */
void turns_begin(struct machine *machine);
void turns_end(struct machine *machine); /* before it is destroyed; whether or not they did */

/* Run them on the calling thread until machine_pause or the machine's end. */
void turns_run(struct machine *machine);
void turns_pause(struct vcpu *vcpu);

/* What vcpu.c does instead of its own for vCPUs that take turns. */
void turns_idle(struct vcpu *vcpu);
void turns_relax(struct vcpu *vcpu);
void turns_point(struct vcpu *vcpu);
int turns_start(struct machine *machine, unsigned cpu, void *local);

#endif
