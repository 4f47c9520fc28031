/* SPDX-License-Identifier: MIT */
/* kernel/fs/open.c and file.c: what open(2) checks and makes. */
#include "tests/unit/fs/fs_fixture.h"

static void creates_and_reads_back(void *argument)
{
    char text[16];
    (void)argument;
    fs_make("file", "hello");
    struct file *file = fs_open("file", O_RDONLY, 0);
    ck_assert_int_eq(fs_read(file, text, sizeof(text)), 5);
    ck_assert_mem_eq(text, "hello", 5);
    ck_assert_int_eq(fs_read(file, text, sizeof(text)), 0);
    ck_assert_int_eq(fs_write(file, "x", 1), -EBADF);
    file_put(file);
}
FS_TEST(open_creates_and_reads_back, creates_and_reads_back)

static void add(TCase *tcase)
{
    tcase_add_test(tcase, open_creates_and_reads_back);
}

static Suite *suite(void)
{
    return unit_suite("open", add);
}
UNIT_MAIN(suite)
