/* SPDX-License-Identifier: MIT
 *
 * CRC-32 (crc32.h), bit by bit: it is rarely asked for, and a table would be a kilobyte.
 */
#include "kernel/lib/crc32.h"

uint32_t crc32_add(uint32_t crc, const void *bytes, size_t count)
{
    const uint8_t *next = bytes;

    crc = ~crc;
    for (size_t i = 0; i < count; i++) {
        crc ^= next[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}
