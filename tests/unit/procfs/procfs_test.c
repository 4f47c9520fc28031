/* SPDX-License-Identifier: MIT */
/* kernel/procfs/procfs.c, root.c and the texts about the machine: names, listings, lack of memory.
 */
#include "tests/unit/procfs/proc_fixture.h"

struct listing {
    struct dir_context context;
    char names[64][32];
    uint64_t inos[64];
    unsigned count, limit;
};

static int collect(struct dir_context *context, const char *name, size_t length, uint64_t ino,
                   unsigned type, uint64_t next_pos)
{
    struct listing *listing = (struct listing *)context;
    (void)type;
    (void)next_pos;
    if (listing->count == listing->limit)
        return 1;
    ck_assert_uint_lt(length, 32);
    memcpy(listing->names[listing->count], name, length);
    listing->names[listing->count][length] = 0;
    listing->inos[listing->count++] = ino;
    return 0;
}

static void list(const char *name, struct listing *out, unsigned at_once)
{
    struct file *file = proc_open(name);
    *out = (struct listing){.context = {.emit = collect}};
    unsigned before;
    do { /* as getdents does: go on at the position of the first entry that did not fit */
        before = out->count;
        out->limit = before + at_once;
        ck_assert_uint_le(out->limit, 64);
        ck_assert_int_eq(file->ops->iterate(file, &out->context), 0);
    } while (out->count > before);
    file_put(file);
}

static void every_root_entry_can_be_looked_up(void)
{
    struct listing listing;
    char path[64];
    list("/p", &listing, 7);
    ck_assert_str_eq(listing.names[0], ".");
    ck_assert_str_eq(listing.names[1], "..");
    ck_assert_uint_gt(listing.count, 20);
    for (unsigned i = 2; i < listing.count; i++) {
        struct path found;
        snprintf(path, sizeof(path), "/p/%s", listing.names[i]);
        ck_assert_int_eq(path_walk(NULL, path, 0, &found), 0);
        ck_assert_uint_eq(dentry_inode(found.dentry)->ino, listing.inos[i]);
        path_put(&found);
        for (unsigned j = 0; j < i; j++)
            ck_assert_str_ne(listing.names[i], listing.names[j]);
    }
}
PROC_TEST(root_entries_can_be_looked_up_with_their_inode_numbers, every_root_entry_can_be_looked_up)

static void small_and_large_listings_agree(void)
{
    struct listing one, many;
    struct task *task = proc_fake_process();
    list("/p", &one, 1);
    list("/p", &many, 30);
    ck_assert_uint_eq(one.count, many.count);
    for (unsigned i = 0; i < one.count; i++)
        ck_assert_str_eq(one.names[i], many.names[i]);
    ck_assert_int_eq(atoi(one.names[one.count - 1]), task->tid);
    proc_end_process(task);
}
PROC_TEST(listing_in_steps_is_the_listing_at_once, small_and_large_listings_agree)

static void names_that_are_not_there(void)
{
    ck_assert_int_eq(proc_open_error("/p/none"), -ENOENT);
    ck_assert_int_eq(proc_open_error("/p/99"), -ENOENT);
    ck_assert_int_eq(proc_open_error("/p/sys/kernel/none"), -ENOENT);
    ck_assert_int_eq(proc_open_error("/p/version/x"), -ENOTDIR);
    struct file *file;
    ck_assert_int_eq(vfs_open(NULL, "/p/new", O_CREAT | O_WRONLY, 0600, 0, &file), -ENOENT);
    ck_assert_int_eq(vfs_mkdir(NULL, "/p/new", 0755), -ENOENT);
    ck_assert_int_eq(vfs_unlink(NULL, "/p/version"), -EPERM);
}
PROC_TEST(lookup_and_creation_of_missing_names_fail, names_that_are_not_there)

/* Reads the text with the n-th allocation failing, for every n: ENOMEM or the text, no leak. */
static void fail_each_allocation(const char *name)
{
    static char text[65536];
    struct kernel *kernel = this_kernel();
    struct fault_injection faults;
    for (uint64_t n = 1;; n++) {
        dcache_shrink(kernel->vfs, 0);
        faults = (struct fault_injection){.fail_at = n};
        kernel->faults = &faults;
        int64_t length = proc_slurp(name, text, sizeof(text));
        kernel->faults = NULL;
        if (length < 0)
            ck_assert_msg(length == -ENOMEM, "%s, allocation %d: %d", name, (int)n, (int)length);
        if (faults.failed == 0)
            return;
        ck_assert_uint_lt(n, 200);
    }
}

static void texts_survive_lack_of_memory(void)
{
    static const char *const names[] = {
        "cpuinfo",
        "devices",
        "filesystems",
        "interrupts",
        "loadavg",
        "locks",
        "meminfo",
        "slabinfo",
        "stat",
        "swaps",
        "uptime",
        "version",
        "vmstat",
        "cmdline",
        "tty/drivers",
        "sys/kernel/hostname",
        "sys/kernel/random/boot_id",
        "sys/fs/file-nr",
    };
    char path[64];
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        snprintf(path, sizeof(path), "/p/%s", names[i]);
        fail_each_allocation(path);
    }
}
PROC_TEST(reading_survives_failure_of_each_allocation, texts_survive_lack_of_memory)

static void task_texts_survive_lack_of_memory(void)
{
    static const char *const names[] = {
        "stat",         "status", "statm",  "cmdline",   "environ", "auxv",      "maps", "smaps",
        "smaps_rollup", "limits", "mounts", "mountinfo", "io",      "oom_score", "comm",
    };
    struct task *task = proc_fake_process();
    char path[64];
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        snprintf(path, sizeof(path), "/p/%d/%s", task->tid, names[i]);
        fail_each_allocation(path);
    }
    proc_end_process(task);
}
PROC_TEST(reading_about_a_task_survives_failure_of_each_allocation,
          task_texts_survive_lack_of_memory)

static void hostname_is_written(void)
{
    struct file *file;
    struct uio uio;
    char text[80];
    ck_assert_int_eq(vfs_open(NULL, "/p/sys/kernel/hostname", O_WRONLY, 0, 0, &file), 0);
    uio_init_kernel(&uio, "a-name\nrest", 11);
    ck_assert_int_eq(vfs_write(file, &uio, NULL), 11);
    file_put(file);
    ck_assert_int_eq(proc_slurp("/p/sys/kernel/hostname", text, sizeof(text)), 7);
    ck_assert_str_eq(text, "a-name\n");
}
PROC_TEST(writing_the_hostname_sets_it_up_to_the_newline, hostname_is_written)

static void two_mounts_have_one_boot_id(void)
{
    char one[64], two[64];
    ck_assert_int_eq(vfs_mkdir(NULL, "/q", 0755), 0);
    ck_assert_int_eq(vfs_mount(this_kernel(), "proc", "/q", "proc", 0, ""), 0);
    ck_assert_int_eq(proc_slurp("/p/sys/kernel/random/boot_id", one, sizeof(one)), 37);
    ck_assert_int_eq(proc_slurp("/q/sys/kernel/random/boot_id", two, sizeof(two)), 37);
    ck_assert_str_eq(one, two);
    proc_umount("/q");
    ck_assert_int_eq(vfs_rmdir(NULL, "/q"), 0);
}
PROC_TEST(boot_id_is_the_same_in_every_mount, two_mounts_have_one_boot_id)

static void sysfs_shows_cpus(void)
{
    char text[64];
    ck_assert_int_eq(vfs_mkdir(NULL, "/s", 0755), 0);
    ck_assert_int_eq(vfs_mount(this_kernel(), "sysfs", "/s", "sysfs", 0, ""), 0);
    ck_assert_int_gt(proc_slurp("/s/devices/system/cpu/online", text, sizeof(text)), 0);
    ck_assert_str_eq(text, "0\n");
    ck_assert_int_gt(proc_slurp("/s/devices/system/cpu/cpu0/topology/core_id", text, 64), 0);
    ck_assert_str_eq(text, "0\n");
    ck_assert_int_eq(proc_open_error("/s/devices/system/cpu/cpu64"), -ENOENT);
    ck_assert_int_eq(proc_open_error("/s/devices/system/cpu/cpu00"), -ENOENT);
    struct listing listing;
    list("/s/devices/system/cpu", &listing, 3);
    ck_assert_str_eq(listing.names[listing.count - 1], "cpu0");
    proc_umount("/s");
    ck_assert_int_eq(vfs_rmdir(NULL, "/s"), 0);
}
PROC_TEST(sysfs_has_a_directory_for_each_cpu, sysfs_shows_cpus)

static void add(TCase *tcase)
{
    tcase_add_test(tcase, root_entries_can_be_looked_up_with_their_inode_numbers);
    tcase_add_test(tcase, listing_in_steps_is_the_listing_at_once);
    tcase_add_test(tcase, lookup_and_creation_of_missing_names_fail);
    tcase_add_test(tcase, reading_survives_failure_of_each_allocation);
    tcase_add_test(tcase, reading_about_a_task_survives_failure_of_each_allocation);
    tcase_add_test(tcase, writing_the_hostname_sets_it_up_to_the_newline);
    tcase_add_test(tcase, boot_id_is_the_same_in_every_mount);
    tcase_add_test(tcase, sysfs_has_a_directory_for_each_cpu);
}

static Suite *suite(void)
{
    return unit_suite("procfs", add);
}
UNIT_MAIN(suite)
