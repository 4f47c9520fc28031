/* SPDX-License-Identifier: MIT */
/* landlock(7): what each right of the file system means. */
#include "landlock_check.h"

#include <dirent.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

static int rename2(const char *from, const char *to, unsigned flags)
{
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

/* In a directory of the case's own: in/ (with file, sub/) where rights will be given, out/ (the
 * same) where none. */
static void make_tree(void)
{
    need_landlock();
    static const char *const tops[] = {"in", "out"};
    char name[64];
    OK(mkdir(guest_case_name, 0755));
    OK(chdir(guest_case_name));
    for (int i = 0; i < 2; i++) {
        OK(mkdir(tops[i], 0755));
        snprintf(name, sizeof(name), "%s/sub", tops[i]);
        OK(mkdir(name, 0755));
        snprintf(name, sizeof(name), "%s/file", tops[i]);
        write_text(name, "text", 0644);
        snprintf(name, sizeof(name), "%s/sub/deep", tops[i]);
        write_text(name, "text", 0644);
    }
}

static void confine(uint64_t handled, uint64_t allowed)
{
    int ruleset = ruleset_of(handled);
    if (allowed)
        allow_beneath(ruleset, "in", allowed);
    enter(ruleset);
}

static int open_close(const char *name, int flags)
{
    int fd = open(name, flags | O_CLOEXEC, 0600);
    return fd < 0 ? -1 : close(fd);
}

static void reading_needs_the_right(void)
{
    make_tree();
    int before = (int)OK(open("out/file", O_RDONLY));
    char text[8];
    confine(READ_FILE, READ_FILE);
    OK(open_close("in/file", O_RDONLY));
    OK(open_close("in/sub/deep", O_RDWR));
    FAILS(open_close("out/file", O_RDONLY), EACCES);
    FAILS(open_close("out/file", O_RDWR), EACCES);
    FAILS(open_close("out/../in/../out/sub/deep", O_RDONLY), EACCES);
    OK(open_close("out/file", O_WRONLY)); /* not handled */
    OK(open_close("out", O_RDONLY | O_DIRECTORY));
    OK(open_close("out/file", O_PATH));
    EQ(read(before, text, sizeof(text)), 4); /* was open before */
    FAILS(open_close("out/nothing", O_RDONLY), ENOENT);
}

static void writing_needs_the_right(void)
{
    make_tree();
    confine(WRITE_FILE, WRITE_FILE);
    OK(open_close("in/file", O_WRONLY));
    OK(open_close("out/file", O_RDONLY));
    FAILS(open_close("out/file", O_WRONLY), EACCES);
    FAILS(open_close("out/file", O_WRONLY | O_TRUNC), EACCES);
    FAILS(open_close("out/file", O_RDWR | O_APPEND), EACCES);
    FAILS(open_close("out/new", O_WRONLY | O_CREAT), EACCES); /* made, but not opened */
    OK(unlink("out/new"));
    FAILS(open_close(".", O_WRONLY | O_TMPFILE), EACCES);
    OK(open_close("in", O_WRONLY | O_TMPFILE));
}

static void listing_needs_the_right(void)
{
    make_tree();
    confine(READ_DIR, READ_DIR);
    OK(open_close("in", O_RDONLY));
    OK(open_close("in/sub", O_RDONLY | O_DIRECTORY));
    FAILS(open_close("out", O_RDONLY), EACCES);
    FAILS(open_close("/", O_RDONLY), EACCES);
    OK(open_close("out/file", O_RDONLY));
    TRUE(opendir("out") == NULL && errno == EACCES);
    OK(chdir("out"));
    OK(open_close("file", O_RDONLY));
}

static void attributes_need_no_right(void)
{
    make_tree();
    struct stat st;
    confine(ALL_RIGHTS, 0);
    OK(stat("out/file", &st));
    OK(chmod("out/file", 0600));
    OK(chown("out/file", getuid(), getgid()));
    OK(access("out/file", R_OK | W_OK));
    OK(utimensat(AT_FDCWD, "out/file", NULL, 0));
    OK(chdir("out/sub"));
    OK(chdir("../.."));
    FAILS(open_close("out/file", O_RDONLY), EACCES);
    int ends[2];
    OK(pipe(ends)); /* what has no name is free */
    char name[64];
    snprintf(name, sizeof(name), "/proc/self/fd/%d", ends[0]);
    OK(open_close(name, O_RDONLY));
    int memory = (int)OK(syscall(SYS_memfd_create, "m", 0));
    snprintf(name, sizeof(name), "/proc/self/fd/%d", memory);
    OK(open_close(name, O_RDWR));
}

static int make_socket(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", name);
    int result = bind(fd, (struct sockaddr *)&address, sizeof(address));
    int error = errno;
    close(fd);
    errno = error;
    return result;
}

static void making_needs_the_right_of_each_type(void)
{
    make_tree();
    const uint64_t all =
        MAKE_REG | MAKE_DIR | MAKE_SYM | MAKE_FIFO | MAKE_SOCK | MAKE_CHAR | MAKE_BLOCK;
    confine(all, all);
    OK(mkdir("in/d", 0755));
    OK(symlink("x", "in/l"));
    OK(mkfifo("in/f", 0600));
    OK(make_socket("in/s"));
    OK(open_close("in/r", O_WRONLY | O_CREAT));
    OK(link("in/r", "in/r2"));
    FAILS(mkdir("out/d", 0755), EACCES);
    FAILS(symlink("x", "out/l"), EACCES);
    FAILS(mkfifo("out/f", 0600), EACCES);
    FAILS(make_socket("out/s"), EACCES);
    FAILS(open_close("out/r", O_WRONLY | O_CREAT), EACCES);
    FAILS(mknod("out/r", S_IFREG | 0600, 0), EACCES);
    FAILS(mknod("out/c", S_IFCHR | 0600, 0), EACCES);
    FAILS(link("out/file", "out/r2"), EACCES);
    OK(open_close("out/file", O_WRONLY | O_CREAT)); /* exists */
    FAILS(mkdir("out/sub", 0755), EEXIST);          /* comes first */
    FAILS(mkdir("out/none/d", 0755), ENOENT);
    OK(open_close("out", O_RDWR | O_TMPFILE));
}

static void one_right_is_not_another(void)
{
    make_tree();
    confine(MAKE_REG | MAKE_DIR | REMOVE_FILE | REMOVE_DIR, MAKE_REG | REMOVE_FILE);
    FAILS(mkdir("in/d", 0755), EACCES);
    OK(open_close("in/r", O_WRONLY | O_CREAT));
    OK(unlink("in/r"));
    FAILS(unlink("in/none"), ENOENT);
    OK(unlink("in/sub/deep"));
    FAILS(rmdir("in/sub"), EACCES);
    OK(symlink("x", "out/l")); /* not handled */
}

static void removing_needs_the_right(void)
{
    make_tree();
    confine(REMOVE_FILE | REMOVE_DIR, REMOVE_FILE | REMOVE_DIR);
    OK(unlink("in/sub/deep"));
    OK(rmdir("in/sub"));
    FAILS(unlink("out/file"), EACCES);
    FAILS(rmdir("out/sub"), EACCES);
    FAILS(unlink("out/sub"), EACCES);
    FAILS(rmdir("in"), EACCES); /* in its parent */
    FAILS(rename("out/file", "out/other"), EACCES);
    OK(rename("in/file", "in/other"));
}

static void executing_needs_the_right(void)
{
    make_tree();
    char copy[] = "in/program", other[] = "out/program";
    char command[2 * PATH_MAX + 64];
    snprintf(command, sizeof(command), "cp '%s' in/program && cp '%s' out/program", guest_self(),
             guest_self());
    EQ(system(command), 0);
    confine(EXECUTE | READ_FILE, EXECUTE | READ_FILE);
    FAILS(execl(other, "x", "--done", NULL), EACCES);
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        execl(copy, "x", "--done", NULL);
        _exit(1);
    }
    EQ(WAIT(pid), 42 << 8);
}

static void executing_is_reading_too(void)
{
    make_tree();
    char command[2 * PATH_MAX + 64];
    snprintf(command, sizeof(command), "cp '%s' in/program", guest_self());
    EQ(system(command), 0);
    confine(EXECUTE | READ_FILE, EXECUTE);
    FAILS(execl("in/program", "x", "--done", NULL), EACCES);
}

/* Rules add up on the way to the root, each layer for itself. */
static void rules_accumulate_and_layers_restrict(void)
{
    make_tree();
    int ruleset = ruleset_of(READ_FILE | WRITE_FILE);
    allow_beneath(ruleset, "in", READ_FILE);
    allow_beneath(ruleset, "in/sub", WRITE_FILE);
    allow_beneath(ruleset, "out/file", WRITE_FILE);
    enter(ruleset);
    OK(open_close("in/sub/deep", O_RDWR));
    OK(open_close("in/file", O_RDONLY));
    FAILS(open_close("in/file", O_RDWR), EACCES);
    OK(open_close("out/file", O_WRONLY));
    FAILS(open_close("out/file", O_RDONLY), EACCES);

    ruleset = ruleset_of(READ_FILE);
    allow_beneath(ruleset, "in/sub", READ_FILE);
    allow_beneath(ruleset, "out", READ_FILE);
    enter(ruleset);
    OK(open_close("in/sub/deep", O_RDWR));
    FAILS(open_close("in/file", O_RDONLY), EACCES);
    FAILS(open_close("out/file", O_RDONLY), EACCES); /* the first layer still counts */
    OK(open_close("out/file", O_WRONLY));
}

static void rules_follow_what_they_were_made_for(void)
{
    make_tree();
    int ruleset = ruleset_of(READ_FILE);
    allow_beneath(ruleset, "in", READ_FILE);
    enter(ruleset);
    OK(rename("in", "renamed"));
    OK(open_close("renamed/file", O_RDONLY));
    OK(mkdir("in", 0755));
    OK(open_close("in/file", O_WRONLY | O_CREAT));
    FAILS(open_close("in/file", O_RDONLY), EACCES);
    OK(unlink("renamed/file"));
    OK(link("out/file", "out/again")); /* the same directory */
    FAILS(link("out/file", "renamed/file"), EXDEV);
    FAILS(rename("out/file", "renamed/file"), EXDEV);
}

/* Every domain forbids to take things elsewhere, unless both places are given the right. */
static void moving_needs_the_right_to_refer(void)
{
    make_tree();
    int ruleset = ruleset_of(READ_FILE | REFER);
    allow_beneath(ruleset, "in", READ_FILE | REFER);
    enter(ruleset);
    OK(rename("in/file", "in/sub/file"));
    OK(link("in/sub/file", "in/linked"));
    OK(rename2("in/linked", "in/sub/deep", RENAME_EXCHANGE));
    FAILS(rename("in/linked", "out/linked"), EXDEV);
    FAILS(link("in/linked", "out/linked"), EXDEV);
    FAILS(rename("out/file", "in/file"), EXDEV);
    FAILS(rename2("out/file", "in/linked", RENAME_EXCHANGE), EXDEV);
    OK(rename("out/file", "out/renamed"));
    FAILS(rename("out/renamed", "out/sub/renamed"), EXDEV);
    enter(ruleset_of(READ_DIR)); /* handles it or not */
    FAILS(rename("in/linked", "in/sub/other"), EXDEV);
}

static void moving_grants_nothing_new(void)
{
    make_tree();
    OK(mkdir("more", 0755));
    int ruleset = ruleset_of(READ_FILE | WRITE_FILE | REFER);
    allow_beneath(ruleset, "in", READ_FILE | REFER);
    allow_beneath(ruleset, "more", READ_FILE | WRITE_FILE | REFER);
    enter(ruleset);
    FAILS(rename("in/file", "more/file"), EXDEV); /* would become writable */
    FAILS(link("in/file", "more/file"), EXDEV);
    OK(open_close("more/new", O_WRONLY | O_CREAT));
    OK(rename("more/new", "in/new"));
    FAILS(rename("in/new", "more/new"), EXDEV);
    FAILS(rename2("in/file", "in/sub", 1 /* RENAME_NOREPLACE */), EEXIST);
}

static void moving_needs_the_rights_to_make_and_remove(void)
{
    make_tree();
    int ruleset = ruleset_of(MAKE_REG | MAKE_DIR | REMOVE_FILE | REMOVE_DIR | REFER);
    allow_beneath(ruleset, "in", REFER | MAKE_REG);
    allow_beneath(ruleset, "in/sub", REMOVE_FILE);
    enter(ruleset);
    FAILS(rename("in/file", "in/sub/file"), EACCES); /* may not go from in */
    OK(rename("in/sub/deep", "in/deep"));            /* where it loses rights */
    FAILS(link("in/file", "out/file2"), EACCES);
    FAILS(rename("in/sub", "out/sub2"), EACCES);
}

GUEST_CASES(CASE(reading_needs_the_right), CASE(writing_needs_the_right),
            CASE(listing_needs_the_right), CASE(attributes_need_no_right),
            CASE(making_needs_the_right_of_each_type), CASE(one_right_is_not_another),
            CASE(removing_needs_the_right), CASE(executing_needs_the_right),
            CASE(executing_is_reading_too), CASE(rules_accumulate_and_layers_restrict),
            CASE(rules_follow_what_they_were_made_for), CASE(moving_needs_the_right_to_refer),
            CASE(moving_grants_nothing_new), CASE(moving_needs_the_rights_to_make_and_remove))

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--done") == 0)
        return 42;
    return guest_run_all(argc, argv);
}
