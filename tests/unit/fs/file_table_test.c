/* SPDX-License-Identifier: MIT */
/* kernel/fs/file_table.c and file.c: descriptors, counts, write access, closing. */
#include "tests/unit/fs/fs_fixture.h"

#include "kernel/lib/random.h"

struct counters {
    unsigned flushed, released;
};

static int count_flush(struct file *file)
{
    ((struct counters *)file->private)->flushed++;
    return -EIO;
}

static void count_release(struct file *file)
{
    ((struct counters *)file->private)->released++;
}

static const struct file_ops counting_ops = {.flush = count_flush, .release = count_release};

static struct file *counting_file(struct counters *counters)
{
    struct file *file;
    ck_assert_int_eq(
        file_create_anon(this_kernel(), "test", &counting_ops, counters, O_RDWR, 0, &file), 0);
    return file;
}

static void closing(void *argument)
{
    struct counters counters = {0};
    (void)argument;
    int fd = fd_add(counting_file(&counters), false);
    ck_assert_int_eq(fd, 0);
    ck_assert_int_eq(fd_dup2(fd, 70, false), 70); /* the table grows */
    ck_assert_int_eq(fd_close(fd), -EIO);         /* flush's error, and closed all the same */
    ck_assert_int_eq(fd_close(fd), -EBADF);
    ck_assert_uint_eq(counters.flushed, 1);
    ck_assert_uint_eq(counters.released, 0);
    struct file *file = fd_get(70);
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fd_close(70), -EIO);
    ck_assert_uint_eq(counters.released, 0);
    file_put(file);
    ck_assert_uint_eq(counters.released, 1);
}
FS_TEST(every_close_flushes_and_the_last_put_releases, closing)

static void reserving(void *argument)
{
    struct counters counters = {0};
    (void)argument;
    int fd = fd_reserve(5, true);
    ck_assert_int_eq(fd, 5);
    ck_assert_ptr_null(fd_get(5)); /* reserved is not open */
    ck_assert_int_eq(fd_close(5), -EBADF);
    ck_assert_int_eq(fd_reserve(5, false), 6);
    fd_unreserve(6);
    int other = fd_add(counting_file(&counters), false);
    ck_assert_int_eq(other, 0);
    ck_assert_int_eq(fd_dup2(other, 5, false), -EBUSY);
    fd_install(5, counting_file(&counters));
    ck_assert_int_eq(fd_get_cloexec(5), 1);
    file_table_close_on_exec(this_thread()->files);
    ck_assert_ptr_null(fd_get(5));
    ck_assert_int_eq(fd_close(other), -EIO);
    ck_assert_uint_eq(counters.released, 2);
}
FS_TEST(reserved_descriptors_are_taken_but_not_open, reserving)

static void sharing(void *argument)
{
    struct counters counters = {0};
    struct file_table *mine = this_thread()->files, *copy;
    (void)argument;
    int fd = fd_add(counting_file(&counters), false);
    ck_assert_int_eq(file_table_copy(mine, &copy), 0);
    ck_assert_int_eq(fd_close(fd), -EIO);
    struct file *file = file_table_lookup(copy, fd);
    ck_assert_ptr_nonnull(file);
    file_put(file);
    ck_assert_int_eq(file_table_next(copy, 0), fd);
    ck_assert_int_eq(file_table_next(copy, fd + 1), -1);
    file_table_put(copy);
    ck_assert_uint_eq(counters.released, 1);
    /* With the table shared a borrow counts, alone it does not. */
    fd = fd_add(counting_file(&counters), false);
    struct fd_borrow borrow = fd_borrow(fd);
    ck_assert(!borrow.counted);
    fd_release(borrow);
    file_table_get(mine);
    borrow = fd_borrow(fd);
    ck_assert(borrow.counted);
    ck_assert_int_eq(file_table_unshare(), 0);
    ck_assert_ptr_ne(this_thread()->files, mine);
    file_table_put(mine);
    fd_release(borrow);
    ck_assert_int_eq(fd_close(fd), -EIO);
    ck_assert_uint_eq(counters.released, 2);
}
FS_TEST(tables_are_copied_shared_and_unshared, sharing)

static void model(void *argument)
{
    enum { MAX = 200 };
    static bool open[MAX], cloexec[MAX];
    struct counters counters = {0};
    struct prng prng;
    (void)argument;
    prng_seed(&prng, 7);
    struct file *file = counting_file(&counters);
    memset(open, 0, sizeof(open));
    for (unsigned step = 0; step < 20000; step++) {
        unsigned fd = (unsigned)prng_below(&prng, MAX);
        bool flag = prng_below(&prng, 2);
        unsigned lowest = fd;
        switch (prng_below(&prng, 5)) {
        case 0:
        case 1:
            while (lowest < MAX && open[lowest])
                lowest++;
            if (lowest == MAX)
                break;
            ck_assert_int_eq(fd_reserve(fd, flag), (int)lowest);
            fd_install((int)lowest, file_get(file));
            open[lowest] = true;
            cloexec[lowest] = flag;
            break;
        case 2:
            ck_assert_int_eq(fd_close((int)fd), open[fd] ? -EIO : -EBADF);
            open[fd] = false;
            break;
        case 3:
            ck_assert_int_eq(fd_get_cloexec((int)fd), open[fd] ? cloexec[fd] : -EBADF);
            break;
        default:
            if (prng_below(&prng, 50) == 0) {
                unsigned last = (unsigned)prng_below(&prng, MAX);
                ck_assert_int_eq(fd_close_range(fd, last, false), 0);
                for (unsigned i = fd; i <= last; i++)
                    open[i] = false;
            }
        }
    }
    fd_close_range(0, UINT32_MAX, false);
    ck_assert_uint_eq(file->refs, 1);
    file_put(file);
}
FS_TEST(random_use_agrees_with_two_arrays, model)

static void write_access(void *argument)
{
    (void)argument;
    fs_make("program", "x");
    struct file *program = fs_open("program", O_RDONLY, 0);
    ck_assert_int_eq(file_deny_write(program), 0);
    ck_assert_int_eq(fs_open_error("program", O_RDWR, 0), -ETXTBSY);
    ck_assert_int_eq(fs_open_error("program", O_RDONLY | O_TRUNC, 0), -ETXTBSY);
    ck_assert_int_eq(vfs_truncate(&program->path, 0), -ETXTBSY);
    file_allow_write(program);
    struct file *writer = fs_open("program", O_RDWR, 0);
    ck_assert_int_eq(file_deny_write(program), -ETXTBSY);
    ck_assert_uint_eq(writer->path.mount->writers, 1);
    file_put(writer);
    ck_assert_uint_eq(program->path.mount->writers, 0);
    ck_assert_int_eq(file_deny_write(program), 0);
    file_allow_write(program);
    file_put(program);
}
FS_TEST(programs_being_executed_are_not_written, write_access)

static void add(TCase *tcase)
{
    tcase_add_test(tcase, every_close_flushes_and_the_last_put_releases);
    tcase_add_test(tcase, reserved_descriptors_are_taken_but_not_open);
    tcase_add_test(tcase, tables_are_copied_shared_and_unshared);
    tcase_add_test(tcase, random_use_agrees_with_two_arrays);
    tcase_add_test(tcase, programs_being_executed_are_not_written);
}

static Suite *suite(void)
{
    return unit_suite("file_table", add);
}
UNIT_MAIN(suite)
