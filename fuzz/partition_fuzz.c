/* SPDX-License-Identifier: MIT
 *
 * Partition tables: disks made of the input, whose checksums are put right if it says so
 * (kernel/drivers/partition.c).
 *
 * The first byte chooses the block's size (bit 0) and whether headers of GPTs are sealed (bit 1).
 * Then come patches: a block (255: the last one), an offset of 16 bits, a count and the bytes.
 */
#include <string.h>

#include "fuzz/inside.h"
#include "kernel/drivers/partition.h"
#include "kernel/lib/crc32.h"
#include "kernel/lib/endian.h"

enum { DISK_BYTES = 256 << 10, READS_MAX = 20000, LAST = 255 };

struct disk {
    uint8_t bytes[DISK_BYTES];
    uint32_t block_bytes;
    unsigned reads;
};

static int read_disk(void *context, uint64_t block, void *buffer)
{
    struct disk *disk = context;
    if (block >= DISK_BYTES / disk->block_bytes)
        fuzz_fail("a block behind the end is read");
    if (++disk->reads > READS_MAX)
        fuzz_fail("the search does not end");
    memcpy(buffer, disk->bytes + block * disk->block_bytes, disk->block_bytes);
    return 0;
}

/* Make the sums of the header in this block right, as far as they can be. */
static void seal(struct disk *disk, size_t block)
{
    uint8_t *header = disk->bytes + block * disk->block_bytes;
    uint64_t at = load_le64(header + 72), entries = load_le32(header + 80);
    uint32_t bytes = load_le32(header + 12);
    if (at < DISK_BYTES / disk->block_bytes && entries * 128 <= DISK_BYTES - at * disk->block_bytes)
        store_le32(header + 88, crc32_add(0, disk->bytes + at * disk->block_bytes, entries * 128));
    if (bytes < 92 || bytes > disk->block_bytes)
        return;
    store_le32(header + 16, 0);
    store_le32(header + 16, crc32_add(0, header, bytes));
}

static void make_disk(struct disk *disk, struct fuzz_input *input)
{
    uint8_t flags = fuzz_u8(input);
    memset(disk, 0, sizeof(*disk));
    disk->block_bytes = flags & 1 ? 4096 : 512;
    size_t last = DISK_BYTES / disk->block_bytes - 1;
    while (input->size > 0) {
        uint8_t place = fuzz_u8(input);
        size_t block = place == LAST ? last : place % (last + 1);
        size_t offset = fuzz_u8(input);
        offset = (offset << 8 | fuzz_u8(input)) % disk->block_bytes;
        const uint8_t *bytes;
        size_t count = fuzz_bytes(input, disk->block_bytes - offset, &bytes);
        memcpy(disk->bytes + block * disk->block_bytes + offset, bytes, count);
    }
    if (flags & 2) {
        seal(disk, 1);
        seal(disk, last);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct disk disk;
    static uint8_t buffer[PARTITION_BLOCK_MAX];
    struct partition parts[PARTITIONS_MAX];
    struct fuzz_input input = {.data = data, .size = size};
    make_disk(&disk, &input);
    const struct partition_source source = {.read = read_disk,
                                            .context = &disk,
                                            .block_bytes = disk.block_bytes,
                                            .blocks = DISK_BYTES / disk.block_bytes,
                                            .buffer = buffer};
    int count = partition_scan(&source, parts), found = 0;
    for (unsigned i = 0; i < PARTITIONS_MAX; i++) {
        const uint64_t sectors = DISK_BYTES / PARTITION_SECTOR;
        if (parts[i].sectors > 0 &&
            (parts[i].start >= sectors || parts[i].sectors > sectors - parts[i].start))
            fuzz_fail("partition %u is not on the disk", i + 1);
        found += parts[i].sectors > 0;
    }
    if (found != count)
        fuzz_fail("%d partitions, and %d were told", found, count);
    return 0;
}
