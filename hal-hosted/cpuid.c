/* SPDX-License-Identifier: MIT
 *
 * CPU identification (cpuid.h); Intel SDM volume 2, CPUID.
 */
#include "hal-hosted/cpuid.h"

#include <cpuid.h>
#include <string.h>

void cpuid_model(char out[static 49])
{
    unsigned words[12] = {0};
    const char *name = (const char *)words;

    out[0] = '\0';
    if ((unsigned)__get_cpuid_max(0x80000000, NULL) < 0x80000004) {
        return;
    }
    for (unsigned i = 0; i < 3; i++) {
        __cpuid(0x80000002 + i, words[4 * i], words[4 * i + 1], words[4 * i + 2], words[4 * i + 3]);
    }
    for (unsigned skip = 48; skip > 0 && *name == ' '; skip--) {
        name++;
    }
    memcpy(out, name, (size_t)((const char *)(words + 12) - name));
    out[(const char *)(words + 12) - name] = '\0';
}

uint64_t cpuid_tsc_hz(void)
{
    unsigned denominator, numerator, crystal_hz, khz, unused;

    if (__get_cpuid(0x15, &denominator, &numerator, &crystal_hz, &unused) && denominator &&
        numerator && crystal_hz) {
        return (uint64_t)crystal_hz * numerator / denominator;
    }
    if ((unsigned)__get_cpuid_max(0x40000000, NULL) >= 0x40000010) { /* hypervisors */
        __cpuid(0x40000010, khz, unused, unused, unused);
        return (uint64_t)khz * 1000;
    }
    return 0;
}
