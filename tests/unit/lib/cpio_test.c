/* SPDX-License-Identifier: MIT */
/* kernel/lib/cpio.c: good archives, every truncation of one, and random damage. */
#include "kernel/abi/errno.h"
#include "kernel/abi/stat.h"
#include "kernel/lib/cpio.h"
#include "kernel/lib/random.h"
#include "tests/unit/support/unit.h"

#include <string.h>

static uint8_t archive[16384];
static size_t archive_size;

static void setup(void)
{
    archive_size = 0;
}

static void pad(size_t multiple)
{
    while (archive_size % multiple != 0)
        archive[archive_size++] = 0;
}

static void put_entry(const char *name, unsigned inode, unsigned mode, unsigned links,
                      const char *data)
{
    size_t name_size = strlen(name) + 1, data_size = strlen(data);
    archive_size +=
        (size_t)sprintf((char *)archive + archive_size,
                        "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", inode, mode,
                        1u, 2u, links, 3u, data_size, 4u, 5u, 6u, 7u, name_size, 0u);
    memcpy(archive + archive_size, name, name_size);
    archive_size += name_size;
    pad(4);
    memcpy(archive + archive_size, data, data_size);
    archive_size += data_size;
    pad(4);
}

static void put_trailer(void)
{
    put_entry("TRAILER!!!", 0, 0, 1, "");
}

static void put_example(void)
{
    put_entry("bin", 1, S_IFDIR | 0755, 2, "");
    put_entry("bin/sh", 2, S_IFREG | 0755, 1, "#!contents");
    put_entry("a", 3, S_IFREG | 0644, 3, "");
    put_entry("sh", 4, S_IFLNK | 0777, 1, "bin/sh");
    put_entry("b", 3, S_IFREG | 0644, 3, "");
    put_entry("c", 3, S_IFREG | 0644, 3, "linked");
    put_trailer();
}

/* Reads everything; the number of entries, or the error. */
static int read_all(const void *buffer, size_t size, struct cpio_reader *reader)
{
    struct cpio_entry entry, first;
    cpio_reader_init(reader, buffer, size);
    for (int count = 0;; count++) {
        int status = cpio_next(reader, &entry);
        ck_assert_uint_le(reader->offset, size);
        if (status <= 0) {
            ck_assert_int_eq(cpio_next(reader, &entry), status);
            return status < 0 ? status : count;
        }
        ck_assert_uint_eq(strnlen(entry.name, 5000), entry.name_size);
        /* Touch the last byte, for the address sanitizer to see. */
        if (entry.data_size > 0)
            ck_assert_uint_le(entry.data[entry.data_size - 1], 255);
        if (entry.links > 1)
            cpio_first_link(reader, &entry, &first);
    }
}

START_TEST(entries_come_with_all_fields)
{
    put_example();
    struct cpio_reader reader;
    struct cpio_entry entry;
    cpio_reader_init(&reader, archive, archive_size);
    ck_assert_int_eq(cpio_next(&reader, &entry), 1);
    ck_assert_str_eq(entry.name, "bin");
    ck_assert_uint_eq(entry.mode, S_IFDIR | 0755);
    ck_assert_int_eq(cpio_next(&reader, &entry), 1);
    ck_assert_str_eq(entry.name, "bin/sh");
    ck_assert_uint_eq(entry.name_size, 6);
    ck_assert_uint_eq(entry.data_size, 10);
    ck_assert_mem_eq(entry.data, "#!contents", 10);
    ck_assert_uint_eq(entry.inode, 2);
    ck_assert_uint_eq(entry.uid, 1);
    ck_assert_uint_eq(entry.gid, 2);
    ck_assert_uint_eq(entry.mtime, 3);
    ck_assert_uint_eq(entry.dev_major, 4);
    ck_assert_uint_eq(entry.dev_minor, 5);
    ck_assert_uint_eq(entry.rdev_major, 6);
    ck_assert_uint_eq(entry.rdev_minor, 7);
    ck_assert_int_eq(read_all(archive, archive_size, &reader), 6);
}
END_TEST

START_TEST(hard_links_lead_to_the_first_name)
{
    put_example();
    put_example(); /* equal inodes in another archive are other files */
    struct cpio_reader reader;
    struct cpio_entry entry, first;
    cpio_reader_init(&reader, archive, archive_size);
    unsigned links = 0;
    while (cpio_next(&reader, &entry) == 1) {
        int status = entry.links > 1 ? cpio_first_link(&reader, &entry, &first) : 0;
        ck_assert_int_eq(status, entry.name[0] == 'b' && entry.name[1] == '\0' ? 1
                                 : entry.name[0] == 'c'                        ? 1
                                                                               : 0);
        if (status == 1) {
            ck_assert_str_eq(first.name, "a");
            ck_assert(first.header_offset < entry.header_offset);
            ck_assert_uint_ge(first.header_offset, reader.archive_start);
            links++;
        }
    }
    ck_assert_uint_eq(links, 4);
}
END_TEST

START_TEST(archives_may_follow_with_zero_padding)
{
    struct cpio_reader reader;
    put_example();
    pad(512);
    put_example();
    pad(512);
    ck_assert_int_eq(read_all(archive, archive_size, &reader), 12);
    ck_assert_uint_eq(reader.offset, archive_size);
}
END_TEST

START_TEST(empty_and_zero_input_has_no_entries)
{
    struct cpio_reader reader;
    ck_assert_int_eq(read_all(archive, 0, &reader), 0);
    memset(archive, 0, 100);
    ck_assert_int_eq(read_all(archive, 100, &reader), 0);
}
END_TEST

START_TEST(garbage_after_the_trailer_is_einval_at_its_offset)
{
    struct cpio_reader reader;
    put_example();
    pad(512);
    size_t end = archive_size;
    memcpy(archive + end, "\x1f\x8b more", 7);
    ck_assert_int_eq(read_all(archive, end + 7, &reader), -EINVAL);
    ck_assert_uint_eq(reader.offset, end);
}
END_TEST

START_TEST(every_truncation_is_einval)
{
    put_example();
    struct cpio_reader reader;
    for (size_t size = 1; size < archive_size; size++) {
        uint8_t *exact = malloc(size);
        memcpy(exact, archive, size);
        /* Only the last padding may be missing. */
        int wanted = size + 3 >= archive_size && archive[size] == 0 ? 6 : -EINVAL;
        int found = read_all(exact, size, &reader);
        ck_assert_msg(found == wanted || size + 3 >= archive_size, "size %zu", size);
        free(exact);
    }
}
END_TEST

/* Writes a field (0 is the inode) of the only entry and reads. */
static int with_field(unsigned field, const char *digits)
{
    struct cpio_reader reader;
    archive_size = 0;
    put_entry("name", 1, S_IFREG, 1, "data");
    put_trailer();
    memcpy(archive + 6 + 8 * field, digits, 8);
    uint8_t *exact = malloc(archive_size);
    memcpy(exact, archive, archive_size);
    int result = read_all(exact, archive_size, &reader);
    if (result < 0)
        ck_assert_uint_eq(reader.offset, 0);
    free(exact);
    return result;
}

START_TEST(hostile_lengths_are_einval)
{
    ck_assert_int_eq(with_field(6, "00000004"), 1);
    ck_assert_int_eq(with_field(6, "ffffffff"), -EINVAL);
    ck_assert_int_eq(with_field(6, "00001000"), -EINVAL);
    ck_assert_int_eq(with_field(6, "0000000g"), -EINVAL);
    ck_assert_int_eq(with_field(6, "      04"), -EINVAL);
    ck_assert_int_eq(with_field(11, "00000000"), -EINVAL);
    ck_assert_int_eq(with_field(11, "00000001"), -EINVAL);
    ck_assert_int_eq(with_field(11, "00000004"), -EINVAL);
    ck_assert_int_eq(with_field(11, "ffffffff"), -EINVAL);
    ck_assert_int_eq(with_field(11, "7fffffff"), -EINVAL);
}
END_TEST

START_TEST(wrong_magic_is_einval)
{
    struct cpio_reader reader;
    put_example();
    memcpy(archive, "070707", 6);
    ck_assert_int_eq(read_all(archive, archive_size, &reader), -EINVAL);
    memcpy(archive, "070702", 6);
    ck_assert_int_eq(read_all(archive, archive_size, &reader), 6);
}
END_TEST

START_TEST(random_damage_stays_in_bounds)
{
    struct prng prng;
    prng_seed(&prng, (uint64_t)_i);
    for (int round = 0; round < 300; round++) {
        archive_size = 0;
        put_example();
        size_t size = archive_size - prng_below(&prng, 40);
        uint8_t *exact = malloc(size);
        memcpy(exact, archive, size);
        for (uint64_t n = prng_below(&prng, 4); n > 0; n--)
            exact[prng_below(&prng, size)] = (uint8_t) "0f7\0a"[prng_below(&prng, 5)];
        struct cpio_reader reader;
        int result = read_all(exact, size, &reader);
        ck_assert(result >= 0 || result == -EINVAL);
        free(exact);
    }
}
END_TEST

static void add(TCase *tcase)
{
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, entries_come_with_all_fields);
    tcase_add_test(tcase, hard_links_lead_to_the_first_name);
    tcase_add_test(tcase, archives_may_follow_with_zero_padding);
    tcase_add_test(tcase, empty_and_zero_input_has_no_entries);
    tcase_add_test(tcase, garbage_after_the_trailer_is_einval_at_its_offset);
    tcase_add_test(tcase, every_truncation_is_einval);
    tcase_add_test(tcase, hostile_lengths_are_einval);
    tcase_add_test(tcase, wrong_magic_is_einval);
    tcase_add_loop_test(tcase, random_damage_stays_in_bounds, 0, 5);
}

static Suite *cpio_suite(void)
{
    return unit_suite("cpio", add);
}

UNIT_MAIN(cpio_suite)
