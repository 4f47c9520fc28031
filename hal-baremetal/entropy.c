/* SPDX-License-Identifier: MIT
 *
 * Seed material from the CPU's own generator. RDSEED gives full entropy; RDRAND, where it is all
 * there is, is stretched by the hardware from such seeds.
 */
#include "hal-baremetal/baremetal.h"
#include "hal-baremetal/x86.h"

enum { TRIES = 100 };

static bool random64(uint64_t *out)
{
    uint8_t ok = 0;
    for (unsigned i = 0; i < TRIES && !ok && x86_features.rdseed; i++) {
        __asm__ volatile("rdseed %0; setc %1" : "=r"(*out), "=qm"(ok)::"cc");
        if (!ok)
            cpu_pause();
    }
    for (unsigned i = 0; i < TRIES && !ok && x86_features.rdrand; i++)
        __asm__ volatile("rdrand %0; setc %1" : "=r"(*out), "=qm"(ok)::"cc");
    return ok;
}

size_t hal_entropy_read(void *out, size_t bytes)
{
    size_t done = 0;
    uint64_t value;
    while (done < bytes && random64(&value)) {
        size_t n = bytes - done < sizeof value ? bytes - done : sizeof value;
        memcpy((char *)out + done, &value, n);
        done += n;
    }
    return done;
}
