/* SPDX-License-Identifier: MIT
 *
 * Which engines a configuration may use, best first.
 */
#include "hal-hosted/engine/engine.h"

const struct engine_ops *engine_candidate(enum machine_engine engine, unsigned index)
{
    static const struct engine_ops *const automatic[] = {&engine_stub, &engine_ptrace, NULL};

    switch (engine) {
    case MACHINE_ENGINE_AUTO:
        return automatic[index];
    case MACHINE_ENGINE_STUB:
        return index == 0 ? &engine_stub : NULL;
    case MACHINE_ENGINE_PTRACE:
        return index == 0 ? &engine_ptrace : NULL;
    default:
        return index == 0 ? &engine_none : NULL;
    }
}
