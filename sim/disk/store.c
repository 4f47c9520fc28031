/* SPDX-License-Identifier: MIT */
/*
 * Contents of a disk in memory, block by block as they are written (sim/disk/store.h).
 */
#include "sim/disk/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECTORS_PER_BLOCK = STORE_BLOCK / STORE_SECTOR };

/* 16 TiB: the table of blocks stays small enough for address space that is never touched. */
static const uint64_t SECTORS_MAX = UINT64_C(1) << 35;

int store_init(struct store *store, uint64_t sectors, int base_fd)
{
    if (sectors == 0 || sectors > SECTORS_MAX) {
        return -EINVAL;
    }
    *store = (struct store){
        .sectors = sectors,
        .base_fd = base_fd,
        .block_count = (sectors + SECTORS_PER_BLOCK - 1) / SECTORS_PER_BLOCK,
    };
    store->blocks = calloc(store->block_count, sizeof(store->blocks[0]));
    return store->blocks == NULL ? -ENOMEM : 0;
}

void store_free(struct store *store)
{
    for (uint64_t i = 0; store->used > 0; i++) {
        if (store->blocks[i] != NULL) {
            free(store->blocks[i]);
            store->used--;
        }
    }
    free(store->blocks);
    store->blocks = NULL;
}

int store_clone(const struct store *store, struct store *out)
{
    int error = store_init(out, store->sectors, store->base_fd);

    for (uint64_t i = 0; error == 0 && out->used < store->used; i++) {
        if (store->blocks[i] != NULL) {
            out->blocks[i] = malloc(STORE_BLOCK);
            error = out->blocks[i] == NULL ? -ENOMEM : 0;
            if (error == 0) {
                memcpy(out->blocks[i], store->blocks[i], STORE_BLOCK);
                out->used++;
            }
        }
    }
    if (error != 0 && out->blocks != NULL) {
        store_free(out);
    }
    return error;
}

static int read_base(const struct store *store, uint64_t offset, size_t count, uint8_t *out)
{
    size_t done = 0;

    while (store->base_fd >= 0 && done < count) {
        ssize_t got = pread(store->base_fd, out + done, count - done, (off_t)(offset + done));
        if (got < 0 && errno != EINTR) {
            return -EIO;
        }
        if (got == 0) {
            break;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    memset(out + done, 0, count - done);
    return 0;
}

/* The part of [sector, sector + count) that is in one block. */
static uint64_t piece(uint64_t sector, uint64_t count)
{
    uint64_t room = SECTORS_PER_BLOCK - sector % SECTORS_PER_BLOCK;

    return count < room ? count : room;
}

int store_read(const struct store *store, uint64_t sector, uint64_t count, void *out)
{
    uint8_t *to = out;

    while (count > 0) {
        const uint64_t now = piece(sector, count);
        const size_t bytes = (size_t)now * STORE_SECTOR;
        const uint8_t *block = store->blocks[sector / SECTORS_PER_BLOCK];
        if (block != NULL) {
            memcpy(to, block + sector % SECTORS_PER_BLOCK * STORE_SECTOR, bytes);
        } else if (read_base(store, sector * STORE_SECTOR, bytes, to) != 0) {
            return -EIO;
        }
        sector += now;
        count -= now;
        to += bytes;
    }
    return 0;
}

int store_write(struct store *store, uint64_t sector, uint64_t count, const void *bytes)
{
    const uint8_t *from = bytes;

    while (count > 0) {
        const uint64_t now = piece(sector, count), index = sector / SECTORS_PER_BLOCK;
        if (store->blocks[index] == NULL) {
            uint8_t *block = malloc(STORE_BLOCK);
            if (block == NULL) {
                return -ENOMEM;
            }
            if (read_base(store, index * STORE_BLOCK, STORE_BLOCK, block) != 0) {
                free(block);
                return -EIO;
            }
            store->blocks[index] = block;
            store->used++;
        }
        memcpy(store->blocks[index] + sector % SECTORS_PER_BLOCK * STORE_SECTOR, from,
               (size_t)now * STORE_SECTOR);
        sector += now;
        count -= now;
        from += now * STORE_SECTOR;
    }
    return 0;
}

int store_copy(struct store *dst, const struct store *src, uint64_t sector, uint64_t count)
{
    uint8_t buffer[STORE_BLOCK];

    while (count > 0) {
        const uint64_t now = piece(sector, count);
        int error = store_read(src, sector, now, buffer);
        if (error == 0) {
            error = store_write(dst, sector, now, buffer);
        }
        if (error != 0) {
            return error;
        }
        sector += now;
        count -= now;
    }
    return 0;
}

static int save_block(int fd, const struct store *store, uint64_t index)
{
    static const uint8_t zeros[STORE_BLOCK];
    uint8_t buffer[STORE_BLOCK];
    const uint64_t sector = index * SECTORS_PER_BLOCK, left = store->sectors - sector;
    const uint64_t count = left < SECTORS_PER_BLOCK ? left : SECTORS_PER_BLOCK;
    const size_t bytes = (size_t)count * STORE_SECTOR;
    int error = store_read(store, sector, count, buffer);

    if (error != 0 || memcmp(buffer, zeros, bytes) == 0) {
        return error;
    }
    ssize_t written = pwrite(fd, buffer, bytes, (off_t)(index * STORE_BLOCK));
    return written == (ssize_t)bytes ? 0 : written < 0 ? -errno : -ENOSPC;
}

int store_save(const struct store *store, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int error = 0;

    if (fd < 0) {
        return -errno;
    }
    if (ftruncate(fd, (off_t)(store->sectors * STORE_SECTOR)) < 0) {
        error = -errno;
    }
    for (uint64_t i = 0; error == 0 && i < store->block_count; i++) {
        if (store->blocks[i] != NULL || store->base_fd >= 0) {
            error = save_block(fd, store, i);
        }
    }
    if (close(fd) < 0 && error == 0) {
        error = -errno;
    }
    if (error != 0) {
        unlink(path);
    }
    return error;
}
