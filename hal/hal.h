/* SPDX-License-Identifier: MIT
 *
 * The hardware abstraction layer: what a backend gives the kernel.
 *
 * A backend (hal-baremetal, hal-hosted) implements every hal_* function declared in hal/; the
 * kernel implements every kernel_on_* function declared in hal/kernel_on.h. The contract is
 * CPU-shaped: CPUs, interrupts, one timer per CPU, address spaces, "run user code until it
 * stops". It exports neither threads nor mutexes, so that the kernel's own scheduler decides
 * everything and a simulator can replay it.
 *
 * Contexts named by the comments:
 *   any    callable from thread and interrupt context, interrupts on or off
 *   thread callable from kernel threads only, no spinlock held
 */
#ifndef HAL_HAL_H
#define HAL_HAL_H

#include "hal/aspace.h"
#include "hal/boot.h"
#include "hal/bus.h"
#include "hal/console.h"
#include "hal/context.h"
#include "hal/cpu.h"
#include "hal/debug.h"
#include "hal/entropy.h"
#include "hal/memory.h"
#include "hal/power.h"
#include "hal/time.h"
#include "hal/user.h"

#endif
