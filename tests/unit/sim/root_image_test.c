/* SPDX-License-Identifier: MIT */
/*
 * Root images made of folders, archives and additions.
 */
#include "sim/root_image.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/newc.h"
#include "tests/unit/sim/sim_test.h"

static char scratch[PATH_MAX];

static void set_up(void)
{
    const char *folder = getenv("TEST_TMPDIR"); /* which Bazel clears even after a crash */

    snprintf(scratch, sizeof(scratch), "%s/assay-root-XXXXXX", folder ? folder : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(scratch));
    ck_assert_int_eq(chdir(scratch), 0);
}

static void tear_down(void)
{
    char command[PATH_MAX + 16];

    snprintf(command, sizeof(command), "rm -rf '%s'", scratch);
    ck_assert_int_eq(system(command), 0);
}

static void shell(const char *command)
{
    ck_assert_int_eq(system(command), 0);
}

/* The names of all archives of an image, each followed by a space; "|" after each archive. */
static void list_entry(void *context, const char *path, size_t path_size, uint32_t mode)
{
    (void)mode;
    ck_assert_uint_lt(strlen(context) + path_size + 2, 512);
    strncat(context, path, path_size);
    strcat(context, " ");
}

static void list_image(const struct root_image *image, char *names)
{
    const unsigned char *bytes = image->bytes;
    const char *problem;
    size_t at = 0, offset;

    names[0] = '\0';
    while (at < image->size) {
        if (bytes[at] == 0) { /* between two archives */
            at++;
            continue;
        }
        size_t size = newc_walk(bytes + at, image->size - at, list_entry, names, &problem, &offset);
        ck_assert_msg(size > 0, "%s at %zu", problem, offset);
        strcat(names, "|");
        at += size;
    }
}

static void create(const char *root, const char *add, struct root_image *image)
{
    struct options options = {
        .root = root,
        .add = {.items = &add, .count = add != NULL},
        .ram_bytes = 1 << 30,
    };

    root_image_create(&options, image);
}

static void check_names(const char *root, const char *add, const char *wanted)
{
    struct root_image image;
    char names[512];

    create(root, add, &image);
    list_image(&image, names);
    ck_assert_str_eq(names, wanted);
    root_image_destroy(&image);
}

START_TEST(folder_is_packed_in_order_of_names)
{
    shell("mkdir -p r/b r/a; echo x >r/b/2; echo x >r/b/1; ln -s b r/c");
    check_names("r", NULL, ". a b b/1 b/2 c |");
}
END_TEST

START_TEST(folder_unpacks_to_the_same)
{
    struct root_image image;
    char command[256];

    shell("mkdir -p r/d; echo text >r/d/file; chmod 640 r/d/file; ln -s file r/d/link;"
          "ln r/d/file r/other; : >r/empty; head -c 100001 /dev/zero >r/zeros; mkfifo r/fifo");
    create("r", NULL, &image);
    snprintf(command, sizeof(command),
             "mkdir u && cd u && cpio --quiet -idm </proc/%d/fd/%d && diff -r --no-dereference "
             "-x fifo ../r . && test -p fifo && test d/file -ef other && "
             "test $(stat -c %%a d/file) = 640",
             getpid(), image.root_fd);
    shell(command);
    root_image_destroy(&image);
}
END_TEST

START_TEST(equal_folders_give_equal_bytes)
{
    struct root_image one, two;

    shell("mkdir r s; echo x >r/b; echo y >r/a; echo y >s/a; echo x >s/b; touch -d @0 r s r/* s/*");
    create("r", NULL, &one);
    create("s", NULL, &two);
    ck_assert_uint_eq(one.size, two.size);
    ck_assert_mem_eq(one.bytes, two.bytes, one.size);
}
END_TEST

START_TEST(tar_unpacks_to_the_same)
{
    struct root_image image;
    char command[256];

    shell("mkdir -p r/d; echo text >r/d/file; chmod 640 r/d/file; ln -s file r/d/link;"
          "ln r/d/file r/other; : >r/empty; head -c 100001 /dev/zero >r/zeros; mkfifo r/fifo;"
          "ln r/zeros r/d/noughts; tar -C r -czf r.tar.gz .");
    create("r.tar.gz", NULL, &image);
    snprintf(command, sizeof(command),
             "mkdir u && cd u && cpio --quiet -idm </proc/%d/fd/%d && diff -r --no-dereference "
             "-x fifo ../r . && test -p fifo && test d/file -ef other && "
             "test d/noughts -ef zeros && test $(stat -c %%a d/file) = 640",
             getpid(), image.root_fd);
    shell(command);
    root_image_destroy(&image);
}
END_TEST

START_TEST(plain_archive_is_mapped_not_copied)
{
    struct root_image image;
    struct stat given, used;

    shell("mkdir r; echo x >r/a; cd r; printf '.\na\n' | cpio --quiet -oH newc >../r.cpio");
    create("r.cpio", "r/a:b", &image);
    ck_assert_int_eq(stat("r.cpio", &given), 0);
    ck_assert_int_eq(fstat(image.root_fd, &used), 0);
    ck_assert_uint_eq(given.st_ino, used.st_ino);
    int fd = root_image_open(&image);
    ck_assert_int_eq(fstat(fd, &used), 0);
    ck_assert_uint_eq((size_t)used.st_size, image.size);
    close(fd);
    root_image_destroy(&image);
}
END_TEST

START_TEST(archive_is_taken_plain_and_compressed)
{
    shell("mkdir r; echo x >r/a; cd r; printf '.\\na\\n' | cpio --quiet -oH newc >../r.cpio; cd ..;"
          "gzip -k r.cpio; xz -k r.cpio; cat r.cpio r.cpio.gz >both");
    check_names("r.cpio", NULL, ". a |");
    check_names("r.cpio.gz", NULL, ". a |");
    check_names("r.cpio.xz", NULL, ". a |");
    check_names("both", NULL, ". a |. a |");
}
END_TEST

START_TEST(addition_brings_the_folders_above_it)
{
    shell("mkdir -p r/usr d; echo x >f; echo y >d/g");
    check_names("r", "f", ". usr |f |");
    check_names("r", "f:/usr/lib/x/f2", ". usr |usr/lib usr/lib/x usr/lib/x/f2 |");
    check_names("r", "d/", ". usr |d d/g |");
    check_names("r", "d:/usr", ". usr |usr/g |");
}
END_TEST

START_TEST(addition_to_archive_knows_its_folders)
{
    shell("mkdir -p r/usr; echo x >f; cd r; find . | cpio --quiet -oH newc >../r.cpio");
    check_names("r.cpio", "f:usr/f", ". usr |usr/f |");
}
END_TEST

/* Roots that end the process, and how to make them. */
static const struct {
    const char *make;
    int status;
} bad_roots[] = {
    {"true", EXIT_MISSING},
    {"mkfifo bad", EXIT_MISSING},
    {": >bad", EXIT_ARCHIVE},
    {"echo nonsense >bad", EXIT_ARCHIVE},
    {"echo nonsense | gzip >bad", EXIT_ARCHIVE},
    {"mkdir r; echo r | cpio --quiet -oH odc >bad", EXIT_ARCHIVE},
    {"echo text >t; echo t | cpio --quiet -oH newc | head -c 114 >bad", EXIT_ARCHIVE},
    {"echo text >t; echo t | cpio --quiet -oH newc | head -c 200 >bad", EXIT_ARCHIVE},
    {"head -c 100000 "
     "/dev/urandom >t; echo t | cpio --quiet -oH newc | gzip | head -c 5000 >bad",
     EXIT_ARCHIVE},
    {"echo text >t; echo t | cpio --quiet -oH newc | sed '2s/070701/07070x/' >bad", EXIT_ARCHIVE},
};

START_TEST(bad_root_ends_with_its_status)
{
    struct root_image image;
    int status;

    shell(bad_roots[_i].make);
    pid_t pid = fork();
    if (pid == 0) {
        /* A reader of a FIFO without a writer would wait. */
        alarm(5);
        create("bad", NULL, &image);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), bad_roots[_i].status);
}
END_TEST

START_TEST(missing_addition_ends_with_its_status)
{
    struct root_image image;

    shell("mkdir r");
    create("r", "nothing:/x", &image);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("root_image");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, folder_is_packed_in_order_of_names);
    tcase_add_test(tcase, folder_unpacks_to_the_same);
    tcase_add_test(tcase, equal_folders_give_equal_bytes);
    tcase_add_test(tcase, tar_unpacks_to_the_same);
    tcase_add_test(tcase, plain_archive_is_mapped_not_copied);
    tcase_add_test(tcase, archive_is_taken_plain_and_compressed);
    tcase_add_test(tcase, addition_brings_the_folders_above_it);
    tcase_add_test(tcase, addition_to_archive_knows_its_folders);
    tcase_add_loop_test(tcase, bad_root_ends_with_its_status, 0,
                        sizeof(bad_roots) / sizeof(bad_roots[0]));
    tcase_add_exit_test(tcase, missing_addition_ends_with_its_status, EXIT_MISSING);
    return run_case("root_image", tcase);
}
