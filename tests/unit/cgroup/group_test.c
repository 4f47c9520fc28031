/* SPDX-License-Identifier: MIT */
/* kernel/cgroup/: groups, members, limits; every allocation that can fail does once. */
#include "kernel/cgroup/cgroup_internal.h"
#include "kernel/fs/mount.h"
#include "kernel/proc/namespaces.h"
#include "tests/unit/proc/task_fixture.h"

static void mount_groups(void)
{
    ck_assert_int_eq(vfs_mkdir(NULL, "/g", 0755), 0);
    ck_assert_int_eq(vfs_mount(this_kernel(), "none", "/g", "cgroup2", 0, ""), 0);
}

/* The file system itself stays once it was mounted; nothing else may. */
static void unmount_groups(void)
{
    struct cgroup_state *state = cgroup_state_of(this_kernel());
    struct cgroup *root = state->root;
    struct path path;
    ck_assert_int_eq(path_walk(NULL, "/g", WALK_FOLLOW, &path), 0);
    ck_assert_int_eq(mount_detach(&path, 0), 0);
    ck_assert_int_eq(vfs_rmdir(NULL, "/g"), 0);
    dcache_shrink(this_kernel()->vfs, 0);
    ck_assert_uint_eq(root->descendants, 0);
    ck_assert_uint_eq(root->dying, 0);
    ck_assert_uint_eq(root->tasks, 0);
    ck_assert_uint_eq(root->pids, 0);
    ck_assert_uint_eq(state->groups, 1);
    for (unsigned i = 0; i < CGROUP_FILES_MAX; i++)
        if (root->inodes[i]) {
            inode_put(root->inodes[i]);
            root->inodes[i] = NULL;
        }
    mount_put(state->mount);
    state->mount = NULL;
}

static int64_t put_text(const char *name, const char *text)
{
    struct file *file;
    struct uio uio;
    int error = vfs_open(NULL, name, O_WRONLY, 0, 0, &file);
    if (error)
        return error;
    uio_init_kernel(&uio, (char *)text, kstrlen(text));
    int64_t done = vfs_write(file, &uio, NULL);
    file_put(file);
    return done;
}

static int64_t get_text(const char *name, char *text, size_t bytes)
{
    struct file *file;
    struct uio uio;
    int error = vfs_open(NULL, name, O_RDONLY, 0, 0, &file);
    if (error)
        return error;
    uio_init_kernel(&uio, text, bytes - 1);
    int64_t done = vfs_read(file, &uio, NULL);
    text[done < 0 ? 0 : done] = 0;
    file_put(file);
    return done;
}

static void check_text(const char *name, const char *wanted)
{
    char text[256];
    ck_assert_int_ge(get_text(name, text, sizeof(text)), 0);
    ck_assert_str_eq(text, wanted);
}

static void wait_for_group(void *argument)
{
    (void)argument;
    task_exit(0);
}

static void members(void)
{
    mount_groups();
    ck_assert_int_eq(vfs_mkdir(NULL, "/g/a", 0755), 0);
    ck_assert_int_eq(vfs_mkdir(NULL, "/g/a/b", 0755), 0);
    ck_assert_int_eq(put_text("/g/cgroup.subtree_control", "+pids"), 5);
    ck_assert_int_eq(put_text("/g/a/b/cgroup.procs", "0"), 1);
    check_text("/g/a/cgroup.events", "populated 1\nfrozen 0\n");
    check_text("/g/a/pids.current", "1\n");
    ck_assert_int_eq(vfs_rmdir(NULL, "/g/a/b"), -EBUSY);
    struct task *child = start_task(0, wait_for_group);
    ck_assert_int_eq(put_text("/g/a/pids.max", "2"), 1);
    const struct clone_args args = {.exit_signal = SIGCHLD};
    struct task *refused;
    ck_assert_int_eq(task_create(&args, wait_for_group, &refused), -EAGAIN);
    check_text("/g/a/pids.events", "max 1\n");
    await_exit(child);
    process_reap_children();
    check_text("/g/a/pids.current", "1\n");
    ck_assert_int_eq(put_text("/g/cgroup.procs", "0"), 1);
    check_text("/g/a/cgroup.events", "populated 0\nfrozen 0\n");
    ck_assert_int_eq(vfs_rmdir(NULL, "/g/a/b"), 0);
    ck_assert_int_eq(vfs_rmdir(NULL, "/g/a"), 0);
    ck_assert_int_eq(put_text("/g/cgroup.subtree_control", "-pids"), 5);
    unmount_groups();
}
TASK_TEST(members_are_counted_and_limited, 1, members)

/* ---- allocation failures ---- */

static uint64_t fail_each(int (*action)(void))
{
    struct fault_injection faults;
    uint64_t n = 0;
    int error;
    do {
        fail_allocation(&faults, ++n);
        error = action();
        fail_allocation(&faults, 0);
        ck_assert_int_le(n, 200);
        ck_assert(error == 0 || error == -ENOMEM || faults.failed > 0);
    } while (error || faults.failed);
    return n;
}

static int mount_once(void)
{
    struct path path;
    int error = vfs_mount(this_kernel(), "none", "/g", "cgroup2", 0, "");
    if (error)
        return error;
    ck_assert_int_eq(path_walk(NULL, "/g", WALK_FOLLOW, &path), 0);
    return mount_detach(&path, 0);
}

static int make_and_remove(void)
{
    int error = vfs_mkdir(NULL, "/g/x", 0755);
    if (error)
        return error;
    error = put_text("/g/x/cgroup.freeze", "0") < 0 ? -ENOMEM : 0;
    ck_assert_int_eq(vfs_rmdir(NULL, "/g/x"), 0);
    return error;
}

static int unshare_namespace(void)
{
    return (int)task_unshare(CLONE_NEWCGROUP);
}

static void failures(void)
{
    ck_assert_int_eq(vfs_mkdir(NULL, "/g", 0755), 0);
    fail_each(mount_once);
    ck_assert_int_eq(vfs_rmdir(NULL, "/g"), 0);
    mount_groups();
    ck_assert_int_gt(fail_each(make_and_remove), 3);
    ck_assert_int_eq(vfs_mkdir(NULL, "/g/a", 0755), 0);
    ck_assert_int_eq(put_text("/g/a/cgroup.procs", "0"), 1);
    fail_each(unshare_namespace);
    ck_assert_int_eq(put_text("/g/cgroup.procs", "0"), 1);
    ck_assert_int_eq(vfs_rmdir(NULL, "/g/a"), 0);
    struct namespaces *set = current_task()->thread.namespaces;
    current_task()->thread.namespaces = NULL; /* holds the removed group as its root */
    namespaces_put(set);
    unmount_groups();
}
TASK_TEST(failing_allocations_leave_nothing_behind, 1, failures)

static void add(TCase *tcase)
{
    tcase_add_test(tcase, members_are_counted_and_limited);
    tcase_add_test(tcase, failing_allocations_leave_nothing_behind);
}

static Suite *suite(void)
{
    return unit_suite("cgroup", add);
}
UNIT_MAIN(suite)
