/* SPDX-License-Identifier: MIT */
/* kernel/procfs/task_node.c, task_dir.c, task_fd.c, task_memory.c: a process seen from outside. */
#include "tests/unit/procfs/proc_fixture.h"

static struct task *task;

static const char *path_of(const char *name)
{
    static char path[64];
    snprintf(path, sizeof(path), "/p/%d/%s", task->tid, name);
    return path;
}

static void shows_process(void)
{
    char text[4096];
    task = proc_fake_process();
    ck_assert_int_gt(proc_slurp(path_of("stat"), text, sizeof(text)), 0);
    ck_assert_int_eq(atoi(text), task->tid);
    ck_assert_ptr_nonnull(strstr(text, " (fake) R 0 "));
    ck_assert_int_gt(proc_slurp(path_of("status"), text, sizeof(text)), 0);
    ck_assert_ptr_nonnull(strstr(text, "Name:\tfake\n"));
    ck_assert_ptr_nonnull(strstr(text, "VmSize:\t       8 kB\n"));
    ck_assert_int_eq(proc_slurp(path_of("cmdline"), text, sizeof(text)), 8);
    ck_assert_mem_eq(text, "arg\0two\0", 8);
    ck_assert_int_eq(proc_slurp(path_of("environ"), text, sizeof(text)), 6);
    ck_assert_str_eq(text, "ENV=1");
    ck_assert_int_gt(proc_slurp(path_of("maps"), text, sizeof(text)), 0);
    ck_assert_ptr_nonnull(strstr(text, " rw-p 00000000 00:00 0 \n"));
    ck_assert_int_gt(proc_slurp(path_of("limits"), text, sizeof(text)), 0);
    ck_assert_int_eq(proc_slurp(path_of("comm"), text, sizeof(text)), 5);
    proc_end_process(task);
}
PROC_TEST(texts_tell_about_the_process, shows_process)

static void process_ends(void)
{
    char text[512];
    task = proc_fake_process();
    struct file *fresh = proc_open(path_of("stat"));
    struct file *read = proc_open(path_of("status"));
    struct file *maps = proc_open(path_of("maps"));
    struct file *memory = proc_open(path_of("mem"));
    struct file *dir = proc_open(path_of("."));
    ck_assert_int_eq(proc_read(read, text, 5), 5);
    int tid = task->tid;
    proc_end_process(task);
    ck_assert_int_eq(proc_read(fresh, text, 5), -ESRCH);
    ck_assert_int_eq(proc_read(read, text, 5), 5); /* its text was made before */
    ck_assert_int_eq(proc_read(maps, text, 5), 0);
    ck_assert_int_eq(proc_read(memory, text, 5), 0);
    struct file *file;
    ck_assert_int_eq(vfs_open(&dir->path, "stat", O_RDONLY, 0, 0, &file), -ESRCH);
    snprintf(text, sizeof(text), "/p/%d/stat", tid);
    ck_assert_int_eq(proc_open_error(text), -ENOENT);
    file_put(dir);
    file_put(memory);
    file_put(maps);
    file_put(read);
    file_put(fresh);
}
PROC_TEST(open_files_of_an_ended_process_fail_and_names_vanish, process_ends)

static void number_is_used_again(void)
{
    char text[64];
    task = proc_fake_process();
    struct file *file = proc_open(path_of("stat"));
    int tid = task->tid;
    proc_end_process(task);
    this_kernel()->pids->initial.cursor = (uint64_t)tid;
    kernel_fixture_sleep_ns(1000000);
    task = proc_fake_process();
    if (task->tid == tid) {
        ck_assert_int_eq(proc_read(file, text, 5), -ESRCH);
        ck_assert_int_gt(proc_slurp(path_of("stat"), text, sizeof(text)), 0);
    }
    file_put(file);
    proc_end_process(task);
}
PROC_TEST(a_new_process_with_the_number_is_not_the_old_one, number_is_used_again)

/* Another program in the process: what was opened for the old one shows nothing of it. */
static void program_is_replaced(void)
{
    char text[64];
    struct mm *mm, *old;
    task = proc_fake_process();
    struct file *environment = proc_open(path_of("environ"));
    struct file *maps = proc_open(path_of("maps"));
    ck_assert_int_eq(mm_create(this_kernel(), &mm), 0);
    old = task->thread.mm;
    mm->env_start = old->env_start;
    mm->env_end = old->env_end;
    task->thread.mm = mm;
    mm_put(old);
    ck_assert_int_eq(proc_read(environment, text, sizeof(text)), 0);
    ck_assert_int_eq(proc_read(maps, text, sizeof(text)), 0);
    file_put(maps);
    file_put(environment);
    proc_end_process(task);
}
PROC_TEST(memory_opened_before_execve_shows_nothing_after_it, program_is_replaced)

static void descriptors(void)
{
    struct path path;
    char text[256];
    task = proc_fake_process();
    struct file *file = proc_open("/p/version");
    struct file_table *files = task->thread.files;
    struct file_table *mine = this_thread()->files;
    this_thread()->files = files;
    ck_assert_int_eq(fd_add(file_get(file), true), 0);
    this_thread()->files = mine;
    ck_assert_int_eq(path_walk(NULL, path_of("fd/0"), 0, &path), 0);
    struct inode *inode = dentry_inode(path.dentry);
    ck_assert_uint_eq(inode->mode, S_IFLNK | 0500);
    ck_assert_int_eq(inode->ops->readlink(inode, text, sizeof(text)), 10);
    ck_assert_mem_eq(text, "/p/version", 10);
    path_put(&path);
    ck_assert_int_eq(path_walk(NULL, path_of("fd/0"), WALK_FOLLOW, &path), 0);
    ck_assert_ptr_eq(path.dentry, file->path.dentry);
    path_put(&path);
    ck_assert_int_gt(proc_slurp(path_of("fdinfo/0"), text, sizeof(text)), 0);
    ck_assert_ptr_nonnull(strstr(text, "flags:\t02000000\n"));
    ck_assert_int_eq(path_walk(NULL, path_of("fd/1"), 0, &path), -ENOENT);
    this_thread()->files = files;
    ck_assert_int_eq(fd_close(0), 0);
    this_thread()->files = mine;
    ck_assert_int_eq(path_walk(NULL, path_of("fd/0"), 0, &path), -ENOENT);
    file_put(file);
    proc_end_process(task);
}
PROC_TEST(descriptors_appear_lead_to_their_file_and_vanish, descriptors)

static void as_stranger(void)
{
    const struct cred *root = cred_get(current_cred());
    struct cred *cred = cred_copy(root);
    cred->fsuid = cred->euid = cred->uid = cred->suid = 1000;
    cred->cap_effective = cred->cap_permitted = 0;
    task = proc_fake_process();
    cred_install(cred);
    ck_assert_int_eq(proc_open_error(path_of("stat")), 0);
    ck_assert_int_eq(proc_open_error(path_of("maps")), -EACCES);
    ck_assert_int_eq(proc_open_error(path_of("mem")), -EACCES);
    ck_assert_int_eq(proc_open_error(path_of("environ")), -EACCES);
    ck_assert_int_eq(proc_open_error(path_of("fd")), -EACCES);
    struct path path;
    ck_assert_int_eq(path_walk(NULL, path_of("cwd"), WALK_FOLLOW, &path), -EACCES);
    cred_install((struct cred *)(uintptr_t)root);
    proc_end_process(task);
}
PROC_TEST(strangers_may_not_look_into_a_process, as_stranger)

static void add(TCase *tcase)
{
    tcase_add_test(tcase, texts_tell_about_the_process);
    tcase_add_test(tcase, open_files_of_an_ended_process_fail_and_names_vanish);
    tcase_add_test(tcase, a_new_process_with_the_number_is_not_the_old_one);
    tcase_add_test(tcase, memory_opened_before_execve_shows_nothing_after_it);
    tcase_add_test(tcase, descriptors_appear_lead_to_their_file_and_vanish);
    tcase_add_test(tcase, strangers_may_not_look_into_a_process);
}

static Suite *suite(void)
{
    return unit_suite("task_node", add);
}
UNIT_MAIN(suite)
