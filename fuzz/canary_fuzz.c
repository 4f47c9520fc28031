/* SPDX-License-Identifier: MIT
 *
 * The target that must crash: three bytes lead to a write behind a kernel object. It proves that a
 * fuzzer finds its way by coverage, that AddressSanitizer guards the machine's memory, and that a
 * crash inside the machine reaches the tools. Not fuzzed with the others.
 */
#include "fuzz/inside.h"
#include "kernel/mm/slab.h"

static void body(const uint8_t *data, size_t size)
{
    char *object = kmalloc(16);

    if (!object)
        return;
    volatile size_t index = 15;
    if (size > 2 && data[0] == 'b' && data[1] == 'u' && data[2] == 'g')
        index = 16;
    ((volatile char *)object)[index] = 1;
    kfree(object);
}

FUZZ_TARGET(body)
