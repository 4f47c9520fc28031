/* SPDX-License-Identifier: MIT */
/* Several CPUs renaming, unlinking, creating, opening, listing, mounting and dropping caches in the
 * same few directories: nothing crashes, nothing is lost, nothing leaks. */
#include "tests/unit/fs/fs_fixture.h"

#include "kernel/lib/printf.h"
#include "kernel/lib/random.h"

enum { THREADS = 4, STEPS = 15000 };

struct worker {
    unsigned number;
    unsigned *running; /* atomic */
};

static void random_name(struct prng *prng, char *name, size_t bytes)
{
    static const char *const parts[] = {"a", "b", "c", "d",
                                        "a-long-name-that-does-not-fit-into-a-dentry-by-itself"};
    unsigned depth = 1 + (unsigned)prng_below(prng, 3);
    size_t length = 0;
    for (unsigned i = 0; i < depth; i++)
        length += (size_t)ksnprintf(name + length, bytes - length, "%s%s", i ? "/" : "",
                                    parts[prng_below(prng, ARRAY_SIZE(parts))]);
}

static int count_entry(struct dir_context *context, const char *name, size_t length, uint64_t ino,
                       unsigned type, uint64_t next_pos)
{
    (void)context;
    (void)ino;
    (void)type;
    (void)next_pos;
    ck_assert_uint_eq(kstrlen(name), length);
    return 0;
}

static void list(const char *name)
{
    struct file *file;
    struct dir_context context = {.emit = count_entry};
    if (vfs_open(NULL, name, O_RDONLY | O_DIRECTORY, 0, 0, &file))
        return;
    vfs_iterate(file, &context);
    char buffer[512], *text;
    path_name(&file->path, NULL, buffer, sizeof(buffer), &text);
    file_put(file);
}

static void use_file(const char *name, struct prng *prng)
{
    struct file *file;
    char data[100];
    uint32_t flags =
        O_RDWR | (prng_u64(prng) & 1 ? O_CREAT : 0) | (prng_u64(prng) & 1 ? O_TRUNC : 0);
    if (vfs_open(NULL, name, flags, 0644, 0, &file))
        return;
    memset(data, 'x', sizeof(data));
    fs_pwrite(file, data, sizeof(data), prng_below(prng, 10000));
    fs_pread(file, data, sizeof(data), prng_below(prng, 10000));
    int fd = fd_add(file, false);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fd_close(fd), 0);
}

static void mount_something(const char *name, struct prng *prng)
{
    if (vfs_mount(this_kernel(), "none", name, "tmpfs", 0, NULL) == 0 || prng_below(prng, 2))
        fs_umount(name, MNT_DETACH);
}

static void work(struct prng *prng)
{
    char name[256], other[256];
    struct linux_statx statx;
    random_name(prng, name, sizeof(name));
    random_name(prng, other, sizeof(other));
    switch (prng_below(prng, 12)) {
    case 0:
    case 1:
        vfs_mkdir(NULL, name, 0755);
        break;
    case 2:
        vfs_rmdir(NULL, name);
        break;
    case 3:
        vfs_unlink(NULL, name);
        break;
    case 4:
    case 5:
        fs_rename(name, other, (unsigned)prng_below(prng, 3));
        break;
    case 6:
        fs_link(name, other);
        break;
    case 7:
        list(name);
        break;
    case 8:
        fs_stat(name, WALK_FOLLOW, &statx);
        break;
    case 9:
        mount_something(name, prng);
        break;
    case 10:
        dcache_shrink(this_vfs(), 10);
        break;
    default:
        use_file(name, prng);
    }
}

static void worker_main(void *argument)
{
    struct worker *worker = argument;
    struct prng prng;
    fs_thread_enter();
    fs_chdir("/t");
    prng_seed(&prng, worker->number);
    for (unsigned i = 0; i < STEPS; i++) {
        work(&prng);
        sched_yield_cpu();
    }
    fs_thread_leave();
    atomic_fetch_sub_seq(worker->running, 1);
}

struct first_name {
    struct dir_context context;
    char name[64];
};

static int take_first(struct dir_context *context, const char *name, size_t length, uint64_t ino,
                      unsigned type, uint64_t next_pos)
{
    struct first_name *first = container_of(context, struct first_name, context);
    (void)ino;
    (void)type;
    (void)next_pos;
    if (name[0] == '.')
        return 0;
    memcpy(first->name, name, length + 1);
    return 1;
}

/* Into the first entry until there is none, then remove upwards. Kernel stacks are small: a loop.
 */
static void remove_everything(void)
{
    unsigned depth = 0;
    for (;;) {
        struct first_name first = {.context = {.emit = take_first}};
        struct file *file = fs_open(".", O_RDONLY | O_DIRECTORY, 0);
        char name[64];
        ck_assert_int_eq(vfs_iterate(file, &first.context), 0);
        file_put(file);
        if (first.name[0]) {
            while (fs_umount(first.name, MNT_DETACH) == 0)
                ;
            if (vfs_unlink(NULL, first.name) == -EISDIR && vfs_rmdir(NULL, first.name) != 0) {
                fs_chdir(first.name);
                depth++;
            }
        } else if (depth-- == 0) {
            return;
        } else {
            struct path path;
            fs_context_cwd(this_thread()->fs, &path);
            memcpy(name, path.dentry->name, path.dentry->length + 1u);
            path_put(&path);
            fs_chdir("..");
            ck_assert_int_eq(vfs_rmdir(NULL, name), 0);
        }
    }
}

static void many_threads(void *argument)
{
    unsigned running = THREADS;
    struct worker workers[THREADS];
    (void)argument;
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.number = i + 1, .running = &running};
        kernel_fixture_thread("worker", worker_main, &workers[i]);
    }
    while (atomic_load_seq(&running) > 0)
        kernel_fixture_sleep_ns(1000000);
    remove_everything();
    struct linux_statfs statfs;
    struct path path;
    ck_assert_int_eq(path_walk(NULL, ".", 0, &path), 0);
    dcache_shrink(this_vfs(), 0);
    ck_assert_int_eq(vfs_statfs(&path, &statfs), 0);
    path_put(&path);
    ck_assert_uint_eq(statfs.f_bfree, statfs.f_blocks);
    ck_assert_uint_eq(statfs.f_ffree, statfs.f_files - 1);
}

START_TEST(threads_on_several_cpus_share_a_tree)
{
    static const unsigned cpus[] = {1, 2, 4};
    fs_run(cpus[_i], many_threads, NULL);
}
END_TEST

static void add(TCase *tcase)
{
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, threads_on_several_cpus_share_a_tree, 0, 3);
}

static Suite *suite(void)
{
    return unit_suite("concurrency", add);
}
UNIT_MAIN(suite)
