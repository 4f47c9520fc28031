/* SPDX-License-Identifier: MIT */
/* path_resolution(7): slashes, dots, links, limits, roots and working directories. */
#include "fs_check.h"

static void slashes_and_dots(void)
{
    struct stat st, other;
    OK(mkdir("d", 0755));
    OK(mkdir("d/e", 0755));
    write_file("d/e/f", "x");
    OK(stat("d//e///f", &st));
    OK(stat("./d/./e/../e/f", &other));
    EQ(st.st_ino, other.st_ino);
    FAILS(stat("d/e/f/", &st), ENOTDIR);
    FAILS(stat("d/e/f/.", &st), ENOTDIR);
    FAILS(stat("d/e/f/..", &st), ENOTDIR);
    FAILS(stat("d/x/..", &st), ENOENT);
    OK(stat("d/e/", &st));
    OK(stat("d/e/.", &other));
    EQ(st.st_ino, other.st_ino);
    FAILS(stat("", &st), ENOENT);
    OK(stat("/..", &st));
    OK(stat("/", &other));
    EQ(st.st_ino, other.st_ino);
}

static void links(void)
{
    struct stat st;
    char text[16];
    OK(symlink("d/e/f", "to-file"));
    OK(symlink("d/e", "to-dir"));
    OK(symlink("d/e/", "to-dir-slash"));
    OK(symlink("nothing", "broken"));
    OK(lstat("to-file", &st));
    TRUE(S_ISLNK(st.st_mode));
    EQ(st.st_size, 5);
    EQ(st.st_mode & 07777, 0777);
    OK(stat("to-file", &st));
    TRUE(S_ISREG(st.st_mode));
    FAILS(stat("to-file/", &st), ENOTDIR);
    FAILS(lstat("to-file/", &st), ENOTDIR);
    OK(lstat("to-dir/", &st));
    TRUE(S_ISDIR(st.st_mode));
    OK(stat("to-dir/f", &st));
    OK(stat("to-dir-slash/f", &st));
    OK(stat("to-dir/../e/f", &st));
    FAILS(stat("broken", &st), ENOENT);
    FAILS(stat("to-file/x", &st), ENOTDIR);
    EQ(readlink("to-file", text, sizeof(text)), 5);
    EQ(readlink("to-file", text, 2), 2);
    FAILS(syscall(SYS_readlink, "to-file", text, 0), EINVAL);
    FAILS(readlink("d", text, sizeof(text)), EINVAL);
    FAILS(readlink("none", text, sizeof(text)), ENOENT);
    FAILS(symlink("", "empty"), ENOENT);
    FAILS(symlink("x", "broken"), EEXIST);
    FAILS(symlink("x", "new/"), ENOENT);
    FAILS(symlink("x", "none/new"), ENOENT);
    FAILS(symlink(BAD_POINTER, "new"), EFAULT);
}

static void link_chains(void)
{
    char from[16], to[16];
    struct stat st;
    write_file("chain0", "x");
    for (int i = 1; i <= 41; i++) {
        snprintf(from, sizeof(from), "chain%d", i);
        snprintf(to, sizeof(to), "chain%d", i - 1);
        OK(symlink(to, from));
    }
    OK(stat("chain40", &st));
    FAILS(stat("chain41", &st), ELOOP);
    OK(lstat("chain41", &st));
    OK(symlink("cycle2", "cycle1"));
    OK(symlink("cycle1", "cycle2"));
    FAILS(stat("cycle1", &st), ELOOP);
    FAILS(stat("cycle1/x", &st), ELOOP);
    OK(lstat("cycle1", &st));
}

static void limits(void)
{
    char name[5000];
    struct stat st;
    memset(name, 'n', sizeof(name));
    name[255] = 0;
    OK(mkdir(name, 0755));
    OK(stat(name, &st));
    OK(rmdir(name));
    name[255] = 'n';
    name[256] = 0;
    FAILS(mkdir(name, 0755), ENAMETOOLONG);
    FAILS(stat(name, &st), ENAMETOOLONG);
    FAILS(unlink(name), ENAMETOOLONG);
    memset(name, '/', sizeof(name));
    memcpy(name + 4095 - 1, "d", 2);
    name[0] = '.';
    OK(stat(name, &st)); /* 4095 bytes and the NUL */
    memset(name, '/', sizeof(name));
    name[0] = '.';
    name[4096] = 0;
    FAILS(stat(name, &st), ENAMETOOLONG);
}

static void working_directory(void)
{
    char cwd[PATH_MAX], before[PATH_MAX], wanted[PATH_MAX + 8];
    TRUE(getcwd(before, sizeof(before)));
    OK(chdir("to-dir"));
    TRUE(getcwd(cwd, sizeof(cwd)));
    snprintf(wanted, sizeof(wanted), "%s/d/e", before);
    STR_EQ(cwd, wanted);
    EQ(syscall(SYS_getcwd, cwd, sizeof(cwd)), strlen(wanted) + 1);
    FAILS(syscall(SYS_getcwd, cwd, strlen(wanted)), ERANGE);
    FAILS(chdir("f"), ENOTDIR);
    FAILS(chdir("none"), ENOENT);
    int fd = (int)OK(open(".", O_RDONLY));
    OK(chdir("/"));
    TRUE(getcwd(cwd, sizeof(cwd)));
    STR_EQ(cwd, "/");
    OK(fchdir(fd));
    OK(close(fd));
    FAILS(fchdir(fd), EBADF);
    fd = (int)OK(open("f", O_RDONLY));
    FAILS(fchdir(fd), ENOTDIR);
    OK(close(fd));
    OK(chdir(before));
    /* A directory that is removed under one. */
    OK(mkdir("gone", 0755));
    OK(chdir("gone"));
    OK(rmdir("../gone"));
    FAILS(syscall(SYS_getcwd, cwd, sizeof(cwd)), ENOENT);
    FAILS(open("x", O_CREAT | O_RDWR, 0600), ENOENT);
    FAILS(mkdir("x", 0755), ENOENT);
    OK(chdir(".."));
    TRUE(getcwd(cwd, sizeof(cwd)));
    STR_EQ(cwd, before);
}

static void change_root(void)
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        struct stat st;
        char cwd[PATH_MAX];
        int outside = (int)OK(open(".", O_RDONLY | O_DIRECTORY));
        FAILS(chroot("to-file"), ENOTDIR);
        OK(symlink("/f", "d/e/absolute"));
        OK(chroot("d/e"));
        OK(chdir("/"));
        OK(stat("/f", &st));
        OK(stat("/../../f", &st));
        OK(stat("absolute", &st));
        FAILS(stat("/d", &st), ENOENT);
        OK(fchdir(outside));
        OK(stat("d", &st));
        EQ(syscall(SYS_getcwd, cwd, sizeof(cwd)) > 0, 1);
        TRUE(strncmp(cwd, "(unreachable)", 13) == 0);
        _exit(0);
    }
    int status;
    OK(waitpid(pid, &status, 0));
    EQ(status, 0);
}

static void as_stranger(void)
{
    struct stat st;
    FAILS(stat("private/x", &st), EACCES);
    FAILS(chdir("private"), EACCES);
    FAILS(chroot("d"), EPERM);
    FAILS(stat("private/../d", &st), EACCES);
    OK(stat("private", &st));
    FAILS(access("private/x", F_OK), EACCES);
    FAILS(access("d/e/f", W_OK), EACCES);
    OK(access("d/e/f", R_OK));
    FAILS(access("d/e/f", X_OK), EACCES);
}

static void access_checks(void)
{
    OK(mkdir("private", 0700));
    write_file("private/x", "x");
    OK(access("d/e/f", R_OK | W_OK));
    FAILS(access("d/e/f", X_OK), EACCES);
    OK(access("d", X_OK));
    OK(access("none/..", F_OK) == -1 ? 0 : 0);
    FAILS(access("none", F_OK), ENOENT);
    FAILS(access("d", 8), EINVAL);
    FAILS(syscall(SYS_faccessat2, AT_FDCWD, "d", F_OK, 1), EINVAL);
    OK(syscall(SYS_faccessat2, AT_FDCWD, "broken", F_OK, AT_SYMLINK_NOFOLLOW));
    FAILS(syscall(SYS_faccessat2, AT_FDCWD, "broken", F_OK, 0), ENOENT);
    as_user(1234, 1234, as_stranger);
}

int main(void)
{
    fresh_tmpfs(NULL);
    slashes_and_dots();
    links();
    link_chains();
    limits();
    working_directory();
    change_root();
    access_checks();
    leave_tmpfs();
    return 0;
}
