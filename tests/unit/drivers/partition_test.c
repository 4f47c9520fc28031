/* SPDX-License-Identifier: MIT */
/*
 * kernel/drivers/partition.c: tables as tools write them, and tables made to hurt.
 */
#include <string.h>

#include "kernel/abi/errno.h"
#include "kernel/drivers/partition.h"
#include "kernel/lib/crc32.h"
#include "kernel/lib/endian.h"
#include "tests/unit/support/unit.h"

enum { BLOCKS = 256, BLOCK_BYTES = 512, ENTRIES_AT = 446, GPT_ENTRIES = 128 };

static unsigned char store[BLOCKS * BLOCK_BYTES];
static unsigned reads, reads_until_error;
static struct partition parts[PARTITIONS_MAX];

static int read_store(void *context, uint64_t block, void *buffer)
{
    const uint32_t *block_bytes = context;
    ck_assert_uint_lt(block, sizeof(store) / *block_bytes);
    if (++reads == reads_until_error)
        return -EIO;
    memcpy(buffer, store + block * *block_bytes, *block_bytes);
    return 0;
}

static int scan_blocks(uint32_t block_bytes)
{
    static unsigned char buffer[PARTITION_BLOCK_MAX];
    const struct partition_source source = {.read = read_store,
                                            .context = &block_bytes,
                                            .block_bytes = block_bytes,
                                            .blocks = sizeof(store) / block_bytes,
                                            .buffer = buffer};
    reads = 0;
    int count = partition_scan(&source, parts);
    for (unsigned i = 0; i < PARTITIONS_MAX; i++) {
        ck_assert_uint_le(parts[i].start, sizeof(store) / PARTITION_SECTOR);
        ck_assert_uint_le(parts[i].sectors, sizeof(store) / PARTITION_SECTOR - parts[i].start);
    }
    return count;
}

static int scan(void)
{
    return scan_blocks(BLOCK_BYTES);
}

static void setup(void)
{
    memset(store, 0, sizeof(store));
    reads_until_error = 0;
}

/* Entry `i` of the boot record in `block`. */
static void mbr(unsigned block, unsigned i, uint8_t type, uint32_t start, uint32_t count)
{
    unsigned char *record = store + block * BLOCK_BYTES, *entry = record + ENTRIES_AT + 16 * i;
    entry[4] = type;
    store_le32(entry + 8, start);
    store_le32(entry + 12, count);
    store_le16(record + 510, 0xaa55);
}

static void expect(unsigned number, uint64_t start, uint64_t sectors)
{
    ck_assert_uint_eq(parts[number - 1].start, start);
    ck_assert_uint_eq(parts[number - 1].sectors, sectors);
}

/* ---- MBR ---- */

START_TEST(empty_disk_and_file_system_have_no_partitions)
{
    ck_assert_int_eq(scan(), 0);
    memset(store, 'x', 512); /* the entries' first bytes are no flags */
    store_le16(store + 510, 0xaa55);
    ck_assert_int_eq(scan(), 0);
}
END_TEST

START_TEST(mbr_with_logical_partitions)
{
    mbr(0, 0, 0x83, 10, 20);
    mbr(0, 2, 0x05, 100, 100);
    mbr(100, 0, 0x83, 5, 10);
    mbr(100, 1, 0x05, 50, 50);
    mbr(150, 0, 0x82, 2, 3);
    ck_assert_int_eq(scan(), 4);
    expect(1, 10, 20);
    expect(2, 0, 0);
    expect(3, 100, 2);
    expect(5, 105, 10);
    expect(6, 152, 3);
}
END_TEST

START_TEST(partitions_end_with_the_disk)
{
    mbr(0, 0, 0x83, BLOCKS - 10, 0xffffffff);
    mbr(0, 1, 0x83, BLOCKS, 1);
    mbr(0, 2, 0x83, 0xffffffff, 0xffffffff);
    ck_assert_int_eq(scan(), 1);
    expect(1, BLOCKS - 10, 10);
}
END_TEST

START_TEST(blocks_of_4096_bytes_count_in_blocks)
{
    mbr(0, 0, 0x83, 2, 3);
    ck_assert_int_eq(scan_blocks(4096), 1);
    expect(1, 16, 24);
}
END_TEST

START_TEST(chains_that_do_not_end_are_left)
{
    mbr(0, 0, 0x05, 0, BLOCKS); /* the boot record is its own successor */
    ck_assert_int_eq(scan(), 1);
    ck_assert_uint_le(reads, 101);

    setup();
    mbr(0, 0, 0x05, 100, 100);
    mbr(100, 0, 0x83, 1, 1);
    mbr(100, 1, 0x05, 0, 1); /* the same partition for ever */
    ck_assert_int_eq(scan(), 1 + PARTITIONS_MAX - 4);
    ck_assert_uint_le(reads, 1 + PARTITIONS_MAX);

    setup();
    mbr(0, 0, 0x05, 100, 100);
    mbr(100, 0, 0x0f, 0xffffffff, 0xffffffff);
    ck_assert_int_eq(scan(), 1);
}
END_TEST

START_TEST(read_error_at_the_start_is_told_and_later_ones_end_the_search)
{
    mbr(0, 0, 0x83, 10, 20);
    mbr(0, 1, 0x05, 100, 100);
    mbr(100, 0, 0x83, 5, 10);
    reads_until_error = 1;
    ck_assert_int_eq(scan(), -EIO);
    reads_until_error = 2;
    ck_assert_int_eq(scan(), 2);
}
END_TEST

/* ---- GPT ---- */

static void gpt_seal(unsigned char *header, const unsigned char *entries)
{
    store_le32(header + 88, crc32_add(0, entries, (size_t)GPT_ENTRIES * 128));
    store_le32(header + 16, 0);
    store_le32(header + 16, crc32_add(0, header, 92));
}

static unsigned char *gpt_header_at(unsigned block, unsigned entries_at)
{
    unsigned char *header = store + block * BLOCK_BYTES;
    memcpy(header, "EFI PART\0\0\1\0", 12);
    store_le32(header + 12, 92);
    store_le64(header + 24, block);
    store_le64(header + 40, 34);
    store_le64(header + 48, BLOCKS - 34);
    store_le64(header + 72, entries_at);
    store_le32(header + 80, GPT_ENTRIES);
    store_le32(header + 84, 128);
    gpt_seal(header, store + entries_at * BLOCK_BYTES);
    return header;
}

static void gpt_entry(unsigned entries_at, unsigned i, uint64_t first, uint64_t last)
{
    unsigned char *entry = store + entries_at * BLOCK_BYTES + i * 128;
    entry[0] = 1; /* a type */
    store_le64(entry + 32, first);
    store_le64(entry + 40, last);
}

enum { PRIMARY = 2, BACKUP = BLOCKS - 33 };

/* Partitions 1 and 3, in both copies. */
static void gpt_make(void)
{
    mbr(0, 0, 0xee, 1, BLOCKS - 1);
    for (int i = 0; i < 2; i++) {
        gpt_entry(i ? BACKUP : PRIMARY, 0, 40, 49);
        gpt_entry(i ? BACKUP : PRIMARY, 2, 60, 60);
    }
    gpt_header_at(1, PRIMARY);
    gpt_header_at(BLOCKS - 1, BACKUP);
}

START_TEST(gpt_is_found_in_place_of_its_mbr)
{
    gpt_make();
    ck_assert_int_eq(scan(), 2);
    expect(1, 40, 10);
    expect(2, 0, 0);
    expect(3, 60, 1);
}
END_TEST

/* Where a byte of the first copy is wrong, the second is used; then none is left. */
START_TEST(damaged_gpt_is_read_from_its_backup)
{
    static const unsigned at[] = {0, 12, 16, 24, 40, 72, 80, 84, 88, 512, 600, 512 + 127 * 128};
    gpt_make();
    store[512 + at[_i]] ^= 0x40;
    ck_assert_int_eq(scan(), 2);
    expect(3, 60, 1);
    store[(BLOCKS - 1) * BLOCK_BYTES] ^= 1;
    ck_assert_int_eq(scan(), 0);
    for (unsigned i = 0; i < PARTITIONS_MAX; i++)
        expect(i + 1, 0, 0);
}
END_TEST

/* The sums are right, and what they guard is nonsense. */
START_TEST(nonsense_in_a_sound_gpt_is_left_out)
{
    gpt_make();
    gpt_entry(PRIMARY, 0, 50, 49);
    gpt_entry(PRIMARY, 1, 0, UINT64_MAX);
    gpt_entry(PRIMARY, 2, UINT64_MAX, UINT64_MAX);
    gpt_entry(PRIMARY, 3, 70, BLOCKS - 1);
    gpt_entry(PRIMARY, 100, 80, 81); /* no such number here */
    gpt_header_at(1, PRIMARY);
    ck_assert_int_eq(scan(), 1);
    expect(4, 70, BLOCKS - 70);
}
END_TEST

START_TEST(array_of_entries_outside_of_the_disk_or_too_large_is_refused)
{
    static const struct {
        unsigned at;
        uint64_t value;
    } wrong[] = {{72, BLOCKS}, {72, BLOCKS - 2}, {72, UINT64_MAX}, {80, 0xffffffff}, {80, 16385}};
    gpt_make();
    unsigned char *header = store + BLOCK_BYTES;
    if (wrong[_i].at == 72)
        store_le64(header + 72, wrong[_i].value);
    else
        store_le32(header + 80, (uint32_t)wrong[_i].value);
    gpt_seal(header, store + PRIMARY * BLOCK_BYTES);
    memset(store + (BLOCKS - 1) * BLOCK_BYTES, 0, BLOCK_BYTES);
    ck_assert_int_eq(scan(), 0);
}
END_TEST

START_TEST(header_as_large_as_it_says_only)
{
    gpt_make();
    store_le32(store + BLOCK_BYTES + 12, 0xffffffff);
    store_le32(store + (BLOCKS - 1) * BLOCK_BYTES + 12, 91);
    ck_assert_int_eq(scan(), 0);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, empty_disk_and_file_system_have_no_partitions);
    tcase_add_test(tcase, mbr_with_logical_partitions);
    tcase_add_test(tcase, partitions_end_with_the_disk);
    tcase_add_test(tcase, blocks_of_4096_bytes_count_in_blocks);
    tcase_add_test(tcase, chains_that_do_not_end_are_left);
    tcase_add_test(tcase, read_error_at_the_start_is_told_and_later_ones_end_the_search);
    tcase_add_test(tcase, gpt_is_found_in_place_of_its_mbr);
    tcase_add_loop_test(tcase, damaged_gpt_is_read_from_its_backup, 0, 12);
    tcase_add_test(tcase, nonsense_in_a_sound_gpt_is_left_out);
    tcase_add_loop_test(tcase, array_of_entries_outside_of_the_disk_or_too_large_is_refused, 0, 5);
    tcase_add_test(tcase, header_as_large_as_it_says_only);
}

static Suite *suite(void)
{
    return unit_suite("partition", add_tests);
}

UNIT_MAIN(suite)
