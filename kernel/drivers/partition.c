/* SPDX-License-Identifier: MIT */
/*
 * Partition tables of PCs: MBR with its extended partitions, and GPT (UEFI specification 2.10,
 * chapter 5).
 *
 * Nothing on a disk is believed: positions are checked against the disk's size, chains of extended
 * partitions and arrays of entries are followed only so far. As on Linux a partition that reaches
 * behind the end of the disk is cut off there, and one that begins behind it does not exist. Unlike
 * there, the backup of a GPT, in the last block, is used without being asked when the first header
 * or its entries are damaged.
 */
#include "kernel/drivers/partition.h"

#include <stdbool.h>

#include "kernel/abi/errno.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/crc32.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"

/* ---- results ---- */

struct scan {
    const struct partition_source *source;
    struct partition *out;
    int count;
};

static int read_block(const struct scan *scan, uint64_t block)
{
    const struct partition_source *source = scan->source;

    return block < source->blocks ? source->read(source->context, block, source->buffer) : -ERANGE;
}

/* Blocks of the disk become partition `number`, from 1. */
static void add(struct scan *scan, unsigned number, uint64_t block, uint64_t blocks)
{
    const struct partition_source *source = scan->source;
    uint32_t sectors = source->block_bytes / PARTITION_SECTOR;

    if (number > PARTITIONS_MAX || block >= source->blocks || blocks == 0) {
        return;
    }
    scan->out[number - 1] = (struct partition){
        .start = block * sectors,
        .sectors = MIN(blocks, source->blocks - block) * sectors,
    };
    scan->count++;
}

/* ---- MBR ---- */

enum {
    MBR_ENTRIES = 4,
    MBR_ENTRIES_AT = 446,
    MBR_ENTRY_BYTES = 16,
    MBR_SIGNATURE_AT = 510,
    MBR_SIGNATURE = 0xaa55,
    MBR_ACTIVE = 0x80,
    FIRST_LOGICAL = 5,
    EMPTY_LINKS_MAX = 100, /* extended boot records in a row that contain no partition */
};

enum {
    TYPE_EXTENDED = 0x05,
    TYPE_EXTENDED_LBA = 0x0f,
    TYPE_EXTENDED_LINUX = 0x85,
    TYPE_GPT = 0xee
};

struct mbr_entry {
    uint8_t active, type;
    uint32_t start, blocks;
};

/* The four entries of the boot record in the buffer; false if it is none. */
static bool mbr_entries(const uint8_t *buffer, struct mbr_entry out[MBR_ENTRIES])
{
    for (unsigned i = 0; i < MBR_ENTRIES; i++) {
        const uint8_t *entry = buffer + MBR_ENTRIES_AT + (size_t)i * MBR_ENTRY_BYTES;
        out[i] = (struct mbr_entry){
            .active = entry[0],
            .type = entry[4],
            .start = load_le32(entry + 8),
            .blocks = load_le32(entry + 12),
        };
    }
    return load_le16(buffer + MBR_SIGNATURE_AT) == MBR_SIGNATURE;
}

static bool is_extended(const struct mbr_entry *entry)
{
    return entry->blocks > 0 && (entry->type == TYPE_EXTENDED || entry->type == TYPE_EXTENDED_LBA ||
                                 entry->type == TYPE_EXTENDED_LINUX);
}

/* The data partitions of one extended boot record, which is at block `at` and was said to govern
 * `blocks`. How many. */
static unsigned add_logical(struct scan *scan, const struct mbr_entry entries[MBR_ENTRIES],
                            uint64_t at, uint64_t blocks, const struct mbr_entry *extended,
                            unsigned number)
{
    unsigned found = 0;

    for (unsigned i = 0; i < MBR_ENTRIES; i++) {
        uint64_t start = at + entries[i].start, end = start + entries[i].blocks;

        if (entries[i].blocks == 0 || is_extended(&entries[i])) {
            continue;
        }
        /* The last two entries are not meant to be used, and may be anything. */
        if (i >= 2 &&
            ((uint64_t)entries[i].start + entries[i].blocks > blocks || start < extended->start ||
             end > (uint64_t)extended->start + extended->blocks)) {
            continue;
        }
        add(scan, number + found, start, entries[i].blocks);
        found++;
    }
    return found;
}

/* Follow the chain of an extended partition; `*number` is that of the next logical one. */
static void scan_extended(struct scan *scan, const struct mbr_entry *extended, unsigned *number)
{
    uint64_t at = extended->start, blocks = extended->blocks;
    unsigned empty = 0;

    while (*number <= PARTITIONS_MAX && empty++ < EMPTY_LINKS_MAX) {
        struct mbr_entry entries[MBR_ENTRIES];
        unsigned next = 0;

        if (read_block(scan, at) || !mbr_entries(scan->source->buffer, entries)) {
            return; /* what has been found before stays */
        }
        unsigned found = add_logical(scan, entries, at, blocks, extended, *number);
        *number += found;
        if (found > 0) {
            empty = 0;
        }
        while (next < MBR_ENTRIES && !is_extended(&entries[next])) {
            next++;
        }
        if (next == MBR_ENTRIES) {
            return;
        }
        at = (uint64_t)extended->start + entries[next].start;
        blocks = entries[next].blocks;
    }
}

static void scan_mbr(struct scan *scan, const struct mbr_entry entries[MBR_ENTRIES])
{
    uint32_t sectors = scan->source->block_bytes / PARTITION_SECTOR;
    unsigned number = FIRST_LOGICAL;

    for (unsigned i = 0; i < MBR_ENTRIES; i++) {
        if (is_extended(&entries[i])) {
            /* Room for a boot loader, not for a file system that would destroy the chain. */
            uint64_t room = sectors == 1 ? 2 : 1;
            add(scan, i + 1, entries[i].start, MIN((uint64_t)entries[i].blocks, room));
            scan_extended(scan, &entries[i], &number);
        } else {
            add(scan, i + 1, entries[i].start, entries[i].blocks);
        }
    }
}

/* ---- GPT ---- */

enum {
    GPT_HEADER_BLOCK = 1,
    GPT_HEADER_BYTES_MIN = 92,
    GPT_ENTRY_BYTES = 128,
    GPT_ENTRIES_MAX = 16384, /* believed; 128 are usual */
};

struct gpt {
    uint64_t entries_at; /* block */
    uint32_t entries, entries_crc;
};

/* The header in block `at`. */
static bool gpt_header(const struct scan *scan, uint64_t at, struct gpt *out)
{
    uint8_t *buffer = scan->source->buffer;
    uint64_t last = scan->source->blocks - 1, usable_last;

    if (read_block(scan, at) || memcmp(buffer, "EFI PART", 8) != 0) {
        return false;
    }
    uint32_t bytes = load_le32(buffer + 12), crc = load_le32(buffer + 16);
    if (bytes < GPT_HEADER_BYTES_MIN || bytes > scan->source->block_bytes) {
        return false;
    }
    memset(buffer + 16, 0, 4);
    if (crc32_add(0, buffer, bytes) != crc) {
        return false;
    }
    *out = (struct gpt){
        .entries_at = load_le64(buffer + 72),
        .entries = load_le32(buffer + 80),
        .entries_crc = load_le32(buffer + 88),
    };
    usable_last = load_le64(buffer + 48);
    return load_le64(buffer + 24) == at && load_le32(buffer + 84) == GPT_ENTRY_BYTES &&
           usable_last <= last && load_le64(buffer + 40) <= usable_last &&
           out->entries <= GPT_ENTRIES_MAX && out->entries_at <= last;
}

/* Entry `index`, of which the buffer has the bytes. */
static void add_gpt_entry(struct scan *scan, unsigned index, const uint8_t *entry)
{
    static const uint8_t unused[16];
    uint64_t first = load_le64(entry + 32), last = load_le64(entry + 40);

    if (memcmp(entry, unused, sizeof(unused)) != 0 && first <= last &&
        last < scan->source->blocks) {
        add(scan, index + 1, first, last - first + 1);
    }
}

/* Whether the entries are undamaged; nothing counts that a damaged array has given. */
static bool gpt_entries(struct scan *scan, const struct gpt *gpt)
{
    uint32_t block_bytes = scan->source->block_bytes, crc = 0;
    unsigned index = 0;

    for (uint64_t block = gpt->entries_at; index < gpt->entries; block++) {
        unsigned here = MIN(block_bytes / GPT_ENTRY_BYTES, gpt->entries - index);
        if (read_block(scan, block)) {
            return false;
        }
        crc = crc32_add(crc, scan->source->buffer, (size_t)here * GPT_ENTRY_BYTES);
        for (unsigned i = 0; i < here; i++, index++) {
            add_gpt_entry(scan, index, scan->source->buffer + (size_t)i * GPT_ENTRY_BYTES);
        }
    }
    return crc == gpt->entries_crc;
}

static bool scan_gpt(struct scan *scan, uint64_t header_at)
{
    struct gpt gpt;

    if (gpt_header(scan, header_at, &gpt) && gpt_entries(scan, &gpt)) {
        return true;
    }
    memset(scan->out, 0, PARTITIONS_MAX * sizeof(scan->out[0]));
    scan->count = 0;
    return false;
}

/* ---- all ---- */

int partition_scan(const struct partition_source *source, struct partition out[PARTITIONS_MAX])
{
    struct scan scan = {.source = source, .out = out};
    struct mbr_entry entries[MBR_ENTRIES];
    bool gpt = false, protective = false;

    memset(out, 0, PARTITIONS_MAX * sizeof(out[0]));
    if (source->blocks == 0) {
        return 0;
    }
    int error = read_block(&scan, 0);
    if (error) {
        return error;
    }
    if (!mbr_entries(source->buffer, entries)) {
        return 0;
    }
    for (unsigned i = 0; i < MBR_ENTRIES; i++) {
        if (entries[i].active & ~MBR_ACTIVE) {
            return 0; /* a file system's boot sector ends in the same way */
        }
        gpt |= entries[i].type == TYPE_GPT;
        protective |= entries[i].type == TYPE_GPT && entries[i].start == GPT_HEADER_BLOCK;
    }
    if (protective && (scan_gpt(&scan, GPT_HEADER_BLOCK) || scan_gpt(&scan, source->blocks - 1))) {
        return scan.count;
    }
    if (!gpt) {
        scan_mbr(&scan, entries);
    }
    return scan.count;
}
