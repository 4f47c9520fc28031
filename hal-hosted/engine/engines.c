/* SPDX-License-Identifier: MIT
 *
 * Which engines a configuration may use, best first.
 */
#include "hal-hosted/engine/engine.h"

const struct engine_ops *engine_candidate(enum machine_engine engine, unsigned index)
{
    switch (engine) {
    case MACHINE_ENGINE_NONE:
        return index == 0 ? &engine_none : NULL;
    case MACHINE_ENGINE_PTRACE:
        return NULL; /* not written yet */
    default:
        return index == 0 ? &engine_stub : NULL;
    }
}
