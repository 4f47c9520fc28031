/* SPDX-License-Identifier: MIT
 *
 * Debugging hooks. Everything is compiled with frame pointers, so a backtrace follows the chain of
 * frame records; it may be broken, so records are read with a fixup.
 */
#include "hal-baremetal/baremetal.h"

void hal_debug_poison(const void *address, size_t bytes)
{
    (void)address;
    (void)bytes;
}

void hal_debug_unpoison(const void *address, size_t bytes)
{
    (void)address;
    (void)bytes;
}

unsigned hal_debug_backtrace(uint64_t *out, unsigned max)
{
    unsigned n = 0;
    uint64_t frame = (uint64_t)__builtin_frame_address(0);
    while (n < max && frame >= DIRECT_MAP && frame % 8 == 0) {
        uint64_t next, address;
        if (!x86_kernel_load64_safe(frame, &next) || !x86_kernel_load64_safe(frame + 8, &address) ||
            address == 0)
            break;
        out[n++] = address;
        frame = next;
    }
    return n;
}
