/* SPDX-License-Identifier: MIT
 *
 * Partition tables: what a disk's own blocks say about its parts. Knows no device: blocks come from
 * a function of the caller's.
 */
#ifndef KERNEL_DRIVERS_PARTITION_H
#define KERNEL_DRIVERS_PARTITION_H

#include <stdint.h>

enum {
    PARTITIONS_MAX = 15,
    PARTITION_BLOCK_MAX = 4096, /* bytes of a logical block */
    PARTITION_SECTOR = 512,
};

struct partition {
    uint64_t start, sectors; /* in units of PARTITION_SECTOR, inside the disk; sectors 0: none */
};

struct partition_source {
    /* Read a logical block into `buffer`. 0 or a negative errno. May block. */
    int (*read)(void *context, uint64_t block, void *buffer);
    void *context;
    uint32_t block_bytes; /* power of two, PARTITION_SECTOR to PARTITION_BLOCK_MAX */
    uint64_t blocks;
    uint8_t *buffer; /* of block_bytes, for this file's use */
};

/* Partition number n in out[n - 1]. How many there are; 0 if there is no table that is understood;
 * or what `read` failed with. Partitions with higher numbers than PARTITIONS_MAX are left out.
 * Reads at most some ten thousand blocks, whatever they contain. */
int partition_scan(const struct partition_source *source, struct partition out[PARTITIONS_MAX]);

#endif
