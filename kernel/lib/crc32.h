/* SPDX-License-Identifier: MIT
 *
 * CRC-32 as gzip, GPT and Ethernet have it (RFC 1952, section 8; reflected polynomial 0xedb88320).
 */
#ifndef KERNEL_LIB_CRC32_H
#define KERNEL_LIB_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* The sum of what `crc` is the sum of, 0 of nothing, with these bytes behind it. Any context. */
uint32_t crc32_add(uint32_t crc, const void *bytes, size_t count);

#endif
