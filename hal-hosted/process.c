/* SPDX-License-Identifier: MIT
 *
 * Preparing the process (process.h); personality(2).
 */
#include "hal-hosted/process.h"

#include <sys/personality.h>
#include <unistd.h>

#include "hal-hosted/sanitizer.h"

void hosted_prepare_process(char **argv)
{
#if HOSTED_TSAN || HOSTED_ASAN
    int persona = personality(0xffffffff);

    if (persona >= 0 && !(persona & ADDR_NO_RANDOMIZE) &&
        personality((unsigned long)persona | ADDR_NO_RANDOMIZE) >= 0) {
        execv("/proc/self/exe", argv);
        /* Not possible here: carry on as we are. */
    }
#else
    (void)argv;
#endif
}
