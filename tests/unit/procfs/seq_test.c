/* SPDX-License-Identifier: MIT */
/* kernel/procfs/seq.c: texts made record by record, by a file of numbers. */
#include "tests/unit/procfs/proc_fixture.h"

#include "kernel/procfs/seq_internal.h"

enum { NUMBERS = 3000, LONG_RECORD = 9000 };

static unsigned fills;
static int failure;

/* "0\n1\n2\n"… */
static int fill_numbers(struct file *file, struct proc_seq *seq, uint64_t *cursor,
                        struct strbuf *out)
{
    (void)file;
    (void)seq;
    fills++;
    if (failure)
        return failure;
    for (; *cursor < NUMBERS; ++*cursor) {
        size_t start = out->length;
        strbuf_printf(out, "%d\n", (int)*cursor);
        if (!proc_seq_fits(out, start))
            return 0;
    }
    return 1;
}

/* One record that is longer than the first buffer. */
static int fill_long(struct file *file, struct proc_seq *seq, uint64_t *cursor, struct strbuf *out)
{
    (void)file;
    (void)seq;
    if (*cursor)
        return 1;
    for (unsigned i = 0; i < LONG_RECORD; i++)
        strbuf_putc(out, (char)('a' + i % 26));
    if (!proc_seq_fits(out, 0))
        return 0;
    *cursor = 1;
    return 1;
}

static int refuse(struct file *file, struct proc_seq *seq)
{
    (void)file;
    (void)seq;
    return -EACCES;
}

static const struct proc_seq_ops numbers = {.fill = fill_numbers};
static const struct proc_seq_ops long_record = {.fill = fill_long};
static const struct proc_seq_ops refused = {.open = refuse, .fill = fill_long};
static const struct inode_ops no_ops = {0};

static const struct proc_entry entries[] = {
    {"numbers", S_IFREG | 0444, &no_ops, &proc_seq_file_ops, &numbers},
    {"long", S_IFREG | 0444, &no_ops, &proc_seq_file_ops, &long_record},
    {"refused", S_IFREG | 0444, &no_ops, &proc_seq_file_ops, &refused},
};
static const struct proc_table table = PROC_TABLE(entries, 200);
static const struct superblock_ops sb_ops = {0};

static int mount_numbers(struct kernel *kernel, const struct filesystem *type, const char *source,
                         unsigned flags, const char *options, struct superblock **out)
{
    static const struct proc_entry root = {"", S_IFDIR | 0555, &proc_table_inode_ops,
                                           &proc_table_file_ops, &table};
    struct inode *inode;
    (void)source;
    (void)flags;
    (void)options;
    ck_assert_int_eq(superblock_create(kernel, type, &sb_ops, out), 0);
    ck_assert_int_eq(proc_make_inode(*out, &root, 1, &inode), 0);
    return dentry_create_root(*out, inode);
}

static const struct filesystem type = {.name = "numbers", .mount = mount_numbers};

static void with_numbers(void (*body)(void))
{
    ck_assert_int_eq(vfs_register_filesystem(this_kernel(), &type), 0);
    ck_assert_int_eq(vfs_mkdir(NULL, "/n", 0755), 0);
    ck_assert_int_eq(vfs_mount(this_kernel(), "x", "/n", "numbers", 0, ""), 0);
    body();
    proc_umount("/n");
    ck_assert_int_eq(vfs_rmdir(NULL, "/n"), 0);
}

static char expected[65536];
static size_t expected_bytes;

static void expect_numbers(void)
{
    expected_bytes = 0;
    for (int i = 0; i < NUMBERS; i++)
        expected_bytes += (size_t)sprintf(expected + expected_bytes, "%d\n", i);
}

static void read_in_pieces(size_t piece)
{
    char text[65536];
    size_t length = 0;
    int64_t got;
    struct file *file = proc_open("/n/numbers");
    fills = 0;
    while ((got = proc_read(file, text + length, MIN(piece, sizeof(text) - length))) > 0)
        length += (size_t)got;
    ck_assert_int_eq(got, 0);
    ck_assert_uint_eq(length, expected_bytes);
    ck_assert_mem_eq(text, expected, length);
    ck_assert_uint_lt(fills, 8); /* a buffer at a time, whatever the reader asks for */
    file_put(file);
}

static void pieces(void)
{
    expect_numbers();
    read_in_pieces(1);
    read_in_pieces(7);
    read_in_pieces(4096);
    read_in_pieces(65536);
}

static void all_pieces(void)
{
    with_numbers(pieces);
}
PROC_TEST(read_in_pieces_of_any_size_gives_the_whole_text, all_pieces)

static int64_t read_at(struct file *file, char *text, size_t bytes, uint64_t pos)
{
    struct uio uio;
    uio_init_kernel(&uio, text, bytes);
    return vfs_read(file, &uio, &pos);
}

static void jumps(void)
{
    char text[64];
    expect_numbers();
    struct file *file = proc_open("/n/numbers");
    const uint64_t places[] = {10000, 0, 5, 13000, 12999, 1, 4095, 4096, 8191};
    for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
        int64_t got = read_at(file, text, sizeof(text), places[i]);
        ck_assert_int_gt(got, 0);
        ck_assert_mem_eq(text, expected + places[i], (size_t)got);
    }
    ck_assert_int_eq(read_at(file, text, sizeof(text), expected_bytes), 0);
    ck_assert_int_eq(read_at(file, text, sizeof(text), expected_bytes + 100000), 0);
    ck_assert_int_eq(read_at(file, text, 1, expected_bytes - 1), 1);
    ck_assert_int_eq(text[0], '\n');
    ck_assert_int_eq(vfs_seek(file, 3, SEEK_SET), 3);
    ck_assert_int_eq(vfs_seek(file, 0, SEEK_END), -EINVAL);
    ck_assert_int_eq(proc_read(file, text, 4), 4);
    ck_assert_mem_eq(text, expected + 3, 4);
    file_put(file);
}

static void all_jumps(void)
{
    with_numbers(jumps);
}
PROC_TEST(read_at_any_position_gives_the_text_there, all_jumps)

static void long_one(void)
{
    char text[2 * LONG_RECORD];
    ck_assert_int_eq(proc_slurp("/n/long", text, sizeof(text)), LONG_RECORD);
    ck_assert_int_eq(text[0], 'a');
    ck_assert_int_eq(text[LONG_RECORD - 1], 'a' + (LONG_RECORD - 1) % 26);
}

static void long_record_fits(void)
{
    with_numbers(long_one);
}
PROC_TEST(a_record_longer_than_the_buffer_makes_it_grow, long_record_fits)

static void errors(void)
{
    char text[64];
    ck_assert_int_eq(proc_open_error("/n/refused"), -EACCES);
    struct file *file = proc_open("/n/numbers");
    failure = -EIO;
    ck_assert_int_eq(proc_read(file, text, sizeof(text)), -EIO);
    failure = 0;
    ck_assert_int_gt(proc_read(file, text, sizeof(text)), 0);
    ck_assert_mem_eq(text, "0\n1\n2\n", 6);
    file_put(file);
}

static void all_errors(void)
{
    with_numbers(errors);
}
PROC_TEST(errors_of_open_and_fill_reach_the_reader, all_errors)

static void add(TCase *tcase)
{
    tcase_add_test(tcase, read_in_pieces_of_any_size_gives_the_whole_text);
    tcase_add_test(tcase, read_at_any_position_gives_the_text_there);
    tcase_add_test(tcase, a_record_longer_than_the_buffer_makes_it_grow);
    tcase_add_test(tcase, errors_of_open_and_fill_reach_the_reader);
}

static Suite *suite(void)
{
    return unit_suite("seq", add);
}
UNIT_MAIN(suite)
