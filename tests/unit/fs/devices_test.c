/* SPDX-License-Identifier: MIT */
/* kernel/fs/device.c, devtmpfs.c, devices_*.c, pseudo.c: nodes, the memory devices, the log, text
 * files. */
#include "tests/unit/fs/fs_fixture.h"

#include "kernel/core/klog.h"
#include "kernel/fs/pseudo.h"
#include "kernel/lib/printf.h"

static void mount_dev(void)
{
    ck_assert_int_eq(vfs_mkdir(NULL, "dev", 0755), 0);
    ck_assert_int_eq(vfs_mount(this_kernel(), "dev", "dev", "devtmpfs", 0, NULL), 0);
}

static void memory_devices(void *argument)
{
    char data[300];
    (void)argument;
    mount_dev();
    struct file *file = fs_open("dev/null", O_RDWR, 0);
    ck_assert_int_eq(fs_read(file, data, 10), 0);
    ck_assert_int_eq(fs_write(file, data, 10), 10);
    file_put(file);
    file = fs_open("dev/full", O_RDWR, 0);
    memset(data, 1, sizeof(data));
    ck_assert_int_eq(fs_read(file, data, sizeof(data)), sizeof(data));
    ck_assert(kmem_is_zero(data, sizeof(data)));
    ck_assert_int_eq(fs_write(file, data, 1), -ENOSPC);
    file_put(file);
    file = fs_open("dev/urandom", O_RDWR, 0);
    ck_assert_int_eq(fs_read(file, data, sizeof(data)), sizeof(data));
    ck_assert(!kmem_is_zero(data, sizeof(data)));
    ck_assert_int_eq(fs_write(file, data, sizeof(data)), sizeof(data));
    file_put(file);
    ck_assert_int_eq(fs_umount("dev", 0), 0);
}
FS_TEST(memory_devices_read_and_write, memory_devices)

static void kmsg(void *argument)
{
    char line[4096];
    (void)argument;
    mount_dev();
    klog_info("before the reader");
    struct file *file = fs_open("dev/kmsg", O_RDWR | O_NONBLOCK, 0);
    int64_t got;
    bool seen = false;
    while ((got = fs_read(file, line, sizeof(line) - 1)) > 0) {
        line[got] = 0;
        seen = seen || kstrstr(line, ",-;before the reader\n");
    }
    ck_assert_int_eq(got, -EAGAIN);
    ck_assert(seen);
    ck_assert_int_eq(fs_write(file, "<5>hello\n", 9), 9);
    ck_assert_uint_eq(vfs_poll(file, NULL) & EPOLLIN, EPOLLIN);
    ck_assert_int_eq(fs_read(file, line, 5), -EINVAL); /* too small for the record, which stays */
    got = fs_read(file, line, sizeof(line) - 1);
    ck_assert_int_gt(got, 0);
    line[got] = 0;
    ck_assert_msg(kstr_starts_with(line, "13,") && kstr_ends_with(line, ";hello\n"), "%s", line);
    ck_assert_uint_eq(vfs_poll(file, NULL) & EPOLLIN, 0);
    ck_assert_int_eq(vfs_seek(file, 0, SEEK_SET), 0);
    ck_assert_int_gt(fs_read(file, line, sizeof(line)), 0);
    ck_assert_int_eq(vfs_seek(file, 0, SEEK_END), 0);
    ck_assert_int_eq(fs_read(file, line, sizeof(line)), -EAGAIN);
    ck_assert_int_eq(vfs_seek(file, 1, SEEK_SET), -ESPIPE);
    char big[1000] = {0};
    ck_assert_int_eq(fs_write(file, big, sizeof(big)), -EINVAL);
    file_put(file);
    ck_assert_int_eq(fs_umount("dev", 0), 0);
}
FS_TEST(kmsg_gives_one_record_a_read, kmsg)

static int opened_minor;

static int note_open(struct inode *inode, struct file *file)
{
    (void)file;
    opened_minor = (int)DEV_MINOR(inode->rdev);
    return opened_minor == 9 ? -EBUSY : 0;
}

static const struct file_ops noting_ops = {.open = note_open};
static const struct file_ops other_ops = {0};

static void registration(void *argument)
{
    struct kernel *kernel = this_kernel();
    (void)argument;
    int context;
    ck_assert_int_eq(device_register_char(kernel, 300, 5, 10, "test", &noting_ops, &context), 0);
    ck_assert_int_eq(device_register_block(kernel, 300, 0, 1, "disk", &other_ops, NULL), 0);
    ck_assert_ptr_eq(device_context(MAKE_DEV(300, 7), kernel), &context);
    ck_assert_ptr_null(device_context(MAKE_DEV(300, 4), kernel));
    ck_assert_int_eq(vfs_mknod(NULL, "c", S_IFCHR | 0600, MAKE_DEV(300, 7)), 0);
    ck_assert_int_eq(vfs_mknod(NULL, "busy", S_IFCHR | 0600, MAKE_DEV(300, 9)), 0);
    ck_assert_int_eq(vfs_mknod(NULL, "none", S_IFCHR | 0600, MAKE_DEV(300, 15)), 0);
    ck_assert_int_eq(vfs_mknod(NULL, "block", S_IFBLK | 0600, MAKE_DEV(300, 0)), 0);
    struct file *file = fs_open("c", O_RDWR, 0);
    ck_assert_int_eq(opened_minor, 7);
    file_put(file);
    ck_assert_int_eq(fs_open_error("busy", O_RDWR, 0), -EBUSY);
    ck_assert_int_eq(fs_open_error("none", O_RDWR, 0), -ENXIO);
    file = fs_open("block", O_RDWR, 0);
    ck_assert_ptr_eq(file->ops, &other_ops);
    file_put(file);
    bool block, found = false;
    unsigned major;
    const char *name;
    for (unsigned i = 0; device_describe(kernel, i, &block, &major, &name) == 0; i++)
        found = found || (major == 300 && block && kstr_equal(name, "disk"));
    ck_assert(found);
}
FS_TEST(devices_are_found_by_number, registration)

static void nodes(void *argument)
{
    struct kernel *kernel = this_kernel();
    struct linux_statx statx;
    (void)argument;
    mount_dev();
    ck_assert_int_eq(devtmpfs_create_node(kernel, "a/b/c", S_IFCHR | 0640, MAKE_DEV(300, 70000)),
                     0);
    ck_assert_int_eq(devtmpfs_create_node(kernel, "a/b/c", S_IFCHR | 0640, 0), -EEXIST);
    ck_assert_int_eq(fs_stat("dev/a/b/c", 0, &statx), 0);
    ck_assert_uint_eq(statx.stx_rdev_major, 300);
    ck_assert_uint_eq(statx.stx_rdev_minor, 70000);
    ck_assert_int_eq(devtmpfs_remove_node(kernel, "a/b"), -ENOTEMPTY);
    ck_assert_int_eq(devtmpfs_remove_node(kernel, "a/b/c"), 0);
    ck_assert_int_eq(devtmpfs_remove_node(kernel, "a/b/c"), -ENOENT);
    ck_assert_int_eq(devtmpfs_remove_node(kernel, "a/b"), 0);
    ck_assert_int_eq(devtmpfs_remove_node(kernel, "a"), 0);
    ck_assert_int_eq(devtmpfs_remove_node(kernel, "null/x"), -ENOTDIR);
    ck_assert_int_eq(fs_umount("dev", 0), 0);
}
FS_TEST(drivers_make_and_remove_nodes, nodes)

/* ---- text files ---- */

static unsigned lines, shown;
static char last_write[32];

static int show_lines(struct file *file, struct strbuf *out)
{
    (void)file;
    shown++;
    for (unsigned i = 0; i < lines; i++)
        strbuf_printf(out, "line %u of the text\n", i);
    return lines == 13 ? -EIO : 0;
}

static int64_t store(struct file *file, const char *text, size_t bytes)
{
    (void)file;
    kstrlcpy(last_write, text, sizeof(last_write));
    return kstr_equal(text, "bad") ? -EINVAL : (int64_t)bytes;
}

static const struct text_file_ops line_ops = {.show = show_lines, .write = store};

static struct file *open_text(void)
{
    struct file *file = fs_open("text", O_RDWR | O_CREAT, 0600);
    struct inode *inode = file->inode;
    inode->private = (void *)(uintptr_t)&line_ops;
    inode->file_ops = &text_file_operations;
    file_put(file);
    return fs_open("text", O_RDWR, 0);
}

static void text_files(void *argument)
{
    char *text = kmalloc(1 << 20);
    (void)argument;
    lines = 20000; /* far more than the first buffer */
    shown = 0;
    struct file *file = open_text();
    int64_t total = 0, got;
    while ((got = fs_read(file, text + total, 1000)) > 0)
        total += got;
    ck_assert_int_eq(got, 0);
    text[total] = 0;
    ck_assert(kstr_ends_with(text, "line 19999 of the text\n"));
    unsigned rounds = shown;
    lines = 3;
    ck_assert_int_gt(fs_pread(file, text, 100, 500), 0); /* still the text that was read first */
    ck_assert_uint_eq(shown, rounds);
    ck_assert_int_eq(vfs_seek(file, 0, SEEK_SET), 0);
    ck_assert_int_eq(fs_read(file, text, 1000), 57); /* anew from the start */
    ck_assert_int_eq(vfs_seek(file, 0, SEEK_END), -EINVAL);
    lines = 13;
    ck_assert_int_eq(fs_pread(file, text, 10, 0), -EIO);
    ck_assert_int_eq(fs_write(file, "good", 4), 4);
    ck_assert_str_eq(last_write, "good");
    ck_assert_int_eq(fs_write(file, "bad", 3), -EINVAL);
    struct inode *inode = file->inode;
    file_put(file);
    inode->file_ops = NULL;
    kfree(text);
}
FS_TEST(text_files_keep_one_text_for_each_reader, text_files)

static void add(TCase *tcase)
{
    tcase_add_test(tcase, memory_devices_read_and_write);
    tcase_add_test(tcase, kmsg_gives_one_record_a_read);
    tcase_add_test(tcase, devices_are_found_by_number);
    tcase_add_test(tcase, drivers_make_and_remove_nodes);
    tcase_add_test(tcase, text_files_keep_one_text_for_each_reader);
}

static Suite *suite(void)
{
    return unit_suite("devices", add);
}
UNIT_MAIN(suite)
