/* SPDX-License-Identifier: MIT */
/* Byte order: fixed-endian loads and stores at any alignment, and value conversion. */
#ifndef KERNEL_LIB_ENDIAN_H
#define KERNEL_LIB_ENDIAN_H

#include <stdint.h>

/* Host to network order and back; the host is little-endian (x86-64). */
#define cpu_to_be16(x) ((uint16_t)__builtin_bswap16(x))
#define cpu_to_be32(x) ((uint32_t)__builtin_bswap32(x))
#define cpu_to_be64(x) ((uint64_t)__builtin_bswap64(x))
#define be16_to_cpu(x) ((uint16_t)__builtin_bswap16(x))
#define be32_to_cpu(x) ((uint32_t)__builtin_bswap32(x))
#define be64_to_cpu(x) ((uint64_t)__builtin_bswap64(x))

static inline uint16_t load_be16(const void *from)
{
    const uint8_t *b = from;
    return (uint16_t)(b[0] << 8 | b[1]);
}

static inline uint32_t load_be32(const void *from)
{
    const uint8_t *b = from;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static inline uint64_t load_be64(const void *from)
{
    const uint8_t *b = from;
    return (uint64_t)load_be32(b) << 32 | load_be32(b + 4);
}

static inline uint16_t load_le16(const void *from)
{
    const uint8_t *b = from;
    return (uint16_t)(b[1] << 8 | b[0]);
}

static inline uint32_t load_le32(const void *from)
{
    const uint8_t *b = from;
    return (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0];
}

static inline uint64_t load_le64(const void *from)
{
    const uint8_t *b = from;
    return (uint64_t)load_le32(b + 4) << 32 | load_le32(b);
}

static inline void store_be16(void *to, uint16_t x)
{
    uint8_t *b = to;
    b[0] = (uint8_t)(x >> 8);
    b[1] = (uint8_t)x;
}

static inline void store_be32(void *to, uint32_t x)
{
    store_be16(to, (uint16_t)(x >> 16));
    store_be16((uint8_t *)to + 2, (uint16_t)x);
}

static inline void store_be64(void *to, uint64_t x)
{
    store_be32(to, (uint32_t)(x >> 32));
    store_be32((uint8_t *)to + 4, (uint32_t)x);
}

static inline void store_le16(void *to, uint16_t x)
{
    uint8_t *b = to;
    b[0] = (uint8_t)x;
    b[1] = (uint8_t)(x >> 8);
}

static inline void store_le32(void *to, uint32_t x)
{
    store_le16(to, (uint16_t)x);
    store_le16((uint8_t *)to + 2, (uint16_t)(x >> 16));
}

static inline void store_le64(void *to, uint64_t x)
{
    store_le32(to, (uint32_t)x);
    store_le32((uint8_t *)to + 4, (uint32_t)(x >> 32));
}

#endif
