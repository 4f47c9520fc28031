/* SPDX-License-Identifier: MIT
 *
 * The contents of a disk: a base image that is never changed, and above it the blocks that were
 * written, in memory.
 */
#ifndef SIM_DISK_STORE_H
#define SIM_DISK_STORE_H

#include <stddef.h>
#include <stdint.h>

enum { STORE_SECTOR = 512, STORE_BLOCK = 4096 };

struct store {
    uint64_t sectors;
    int base_fd; /* -1: zeros; not owned */
    uint8_t **blocks;
    uint64_t block_count, used; /* blocks that could be, and are, in memory */
};

/* 0, -EINVAL (no or too many sectors), -ENOMEM. Sectors past the end of the base image are zero. */
int store_init(struct store *store, uint64_t sectors, int base_fd);
void store_free(struct store *store);

/* Whole sectors that are inside the disk. 0, -EIO (the base image cannot be read), -ENOMEM. */
int store_read(const struct store *store, uint64_t sector, uint64_t count, void *out);
int store_write(struct store *store, uint64_t sector, uint64_t count, const void *bytes);

/* A copy of a store, to be freed like it. 0 or -ENOMEM. */
int store_clone(const struct store *store, struct store *out);

/* Make dst's sectors what src's are. Both of the same size. */
int store_copy(struct store *dst, const struct store *src, uint64_t sector, uint64_t count);

/* Write everything to a new file, with holes. 0 or negative errno, and then no file is left. */
int store_save(const struct store *store, const char *path);

#endif
