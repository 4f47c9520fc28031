/* SPDX-License-Identifier: MIT */
/* open(2), openat2(2), creat(2): flags, errors, modes. */
#include "fs_check.h"

#include <linux/openat2.h>

static long openat2_call(int dir, const char *name, uint64_t flags, uint64_t mode, uint64_t resolve)
{
    struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
    return syscall(SYS_openat2, dir, name, &how, sizeof(how));
}

static int mode_of(const char *name)
{
    struct stat st;
    OK(lstat(name, &st));
    return st.st_mode & 07777;
}

static void creation(void)
{
    int fd = (int)OK(open("a", O_CREAT | O_RDWR | O_EXCL, 0640));
    EQ(mode_of("a"), 0640);
    FAILS(open("a", O_CREAT | O_RDWR | O_EXCL, 0600), EEXIST);
    OK(write(fd, "abc", 3));
    OK(close(fd));
    umask(027);
    OK(close((int)OK(creat("b", 0777))));
    EQ(mode_of("b"), 0750);
    umask(0);
    OK(close((int)OK(open("c", O_CREAT | O_RDONLY, 04755))));
    EQ(mode_of("c"), 04755);
    FAILS(open("missing", O_RDONLY), ENOENT);
    FAILS(open("", O_RDONLY), ENOENT);
    FAILS(open("missing/x", O_RDONLY | O_CREAT, 0600), ENOENT);
    FAILS(open("a/x", O_RDONLY), ENOTDIR);
    FAILS(open("a/", O_RDONLY), ENOTDIR);
    FAILS(open("new/", O_RDWR | O_CREAT, 0600), EISDIR);
    /* A file that the call creates may be opened in any way, whatever its mode. */
    fd = (int)OK(open("nomode", O_CREAT | O_RDWR, 0));
    OK(write(fd, "x", 1));
    OK(close(fd));
    /* O_CREAT through a dangling link makes the target. */
    OK(symlink("target", "dangling"));
    FAILS(open("dangling", O_RDONLY), ENOENT);
    FAILS(open("dangling", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
    OK(close((int)OK(open("dangling", O_CREAT | O_RDWR, 0600))));
    TRUE(exists("target"));
    OK(symlink("missing/x", "dangling2"));
    FAILS(open("dangling2", O_CREAT | O_RDWR, 0600), ENOENT);
}

static void kinds(void)
{
    OK(mkdir("dir", 0755));
    FAILS(open("dir", O_WRONLY), EISDIR);
    FAILS(open("dir", O_RDWR), EISDIR);
    FAILS(open("dir", O_RDONLY | O_CREAT, 0600), EISDIR);
    FAILS(open("dir", O_RDONLY | O_TRUNC), EISDIR);
    FAILS(open("a", O_RDONLY | O_DIRECTORY), ENOTDIR);
    FAILS(open("new", O_RDWR | O_DIRECTORY | O_CREAT, 0600), EINVAL);
    OK(close((int)OK(open("dir/", O_RDONLY))));
    int fd = (int)OK(open("dir", O_RDONLY | O_DIRECTORY));
    char c;
    FAILS(read(fd, &c, 1), EISDIR);
    FAILS(write(fd, &c, 1), EBADF);
    OK(close(fd));
    OK(symlink("a", "link"));
    FAILS(open("link", O_RDONLY | O_NOFOLLOW), ELOOP);
    FAILS(open("link", O_RDONLY | O_NOFOLLOW | O_DIRECTORY), ENOTDIR);
    fd = (int)OK(open("link", O_PATH | O_NOFOLLOW));
    struct stat st;
    OK(fstat(fd, &st));
    TRUE(S_ISLNK(st.st_mode));
    char text[8];
    EQ(readlinkat(fd, "", text, sizeof(text)), 1);
    FAILS(read(fd, &c, 1), EBADF);
    OK(close(fd));
    OK(symlink("loop", "loop"));
    FAILS(open("loop", O_RDONLY), ELOOP);
    OK(mknod("sock", S_IFSOCK | 0600, 0));
    FAILS(open("sock", O_RDWR), ENXIO);
    OK(mknod("nodev", S_IFCHR | 0600, 0x3fe00));
    FAILS(open("nodev", O_RDWR), ENXIO);
}

static void truncation_and_append(void)
{
    struct stat st;
    write_file("t", "0123456789");
    int fd = (int)OK(open("t", O_RDWR | O_APPEND));
    OK(pwrite(fd, "ab", 2, 0));
    OK(fstat(fd, &st));
    EQ(st.st_size, 12);
    EQ(lseek(fd, 0, SEEK_CUR), 0);
    OK(write(fd, "c", 1));
    EQ(lseek(fd, 0, SEEK_CUR), 13);
    OK(close(fd));
    OK(close((int)OK(open("t", O_WRONLY | O_TRUNC))));
    OK(stat("t", &st));
    EQ(st.st_size, 0);
    write_file("t", "abc");
    OK(close((int)OK(open("t", O_RDONLY | O_TRUNC))));
    OK(stat("t", &st));
    EQ(st.st_size, 0);
}

static void status_flags(void)
{
    int fd =
        (int)OK(open("a", O_RDWR | O_CLOEXEC | O_NONBLOCK | O_CREAT | O_NOCTTY | O_SYNC, 0600));
    int flags = (int)OK(fcntl(fd, F_GETFL));
    EQ(flags, 0100000 | O_RDWR | O_NONBLOCK | O_SYNC);
    EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    OK(fcntl(fd, F_SETFL, O_APPEND));
    EQ(fcntl(fd, F_GETFL), 0100000 | O_RDWR | O_SYNC | O_APPEND);
    OK(close(fd));
    fd = (int)OK(open("a", O_PATH | O_RDWR | O_CLOEXEC));
    EQ(fcntl(fd, F_GETFL), O_PATH);
    FAILS(fcntl(fd, F_SETFL, O_APPEND), EBADF);
    FAILS(ftruncate(fd, 0), EBADF);
    FAILS(syscall(SYS_fchmod, fd, 0600), EBADF);
    OK(close(fd));
    /* Access mode 3 checks for both and allows neither. */
    fd = (int)OK(open("a", 3));
    char c;
    FAILS(read(fd, &c, 1), EBADF);
    FAILS(write(fd, &c, 1), EBADF);
    OK(close(fd));
}

static void tmpfile_flag(void)
{
    char name[64];
    struct stat st;
    FAILS(open(".", O_TMPFILE | O_RDONLY, 0600), EINVAL);
    FAILS(open("a", O_TMPFILE | O_RDWR, 0600), ENOTDIR);
    FAILS(open("missing", O_TMPFILE | O_RDWR, 0600), ENOENT);
    int fd = (int)OK(open(".", O_TMPFILE | O_RDWR, 0604));
    OK(write(fd, "temporary", 9));
    OK(fstat(fd, &st));
    EQ(st.st_nlink, 0);
    EQ(st.st_mode, S_IFREG | 0604);
    OK(linkat(fd, "", AT_FDCWD, "given", AT_EMPTY_PATH));
    OK(fstat(fd, &st));
    EQ(st.st_nlink, 1);
    OK(stat("given", &st));
    EQ(st.st_size, 9);
    OK(unlink("given"));
    FAILS(linkat(fd, "", AT_FDCWD, "again", AT_EMPTY_PATH), ENOENT);
    OK(close(fd));
    fd = (int)OK(open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600));
    FAILS(linkat(fd, "", AT_FDCWD, "never", AT_EMPTY_PATH), ENOENT);
    OK(close(fd));
    (void)name;
}

static void permissions_as_user(void)
{
    FAILS(open("root-only", O_RDONLY), EACCES);
    FAILS(open("root-only", O_WRONLY), EACCES);
    FAILS(open("closed/x", O_RDONLY), EACCES);
    FAILS(open("new", O_CREAT | O_RDWR, 0600), EACCES);
    OK(close((int)OK(open("readable", O_RDONLY))));
    FAILS(open("readable", O_RDWR), EACCES);
    FAILS(open("readable", O_RDONLY | O_TRUNC), EACCES);
    FAILS(open("readable", O_RDONLY | O_NOATIME), EPERM);
    FAILS(open("group", O_RDONLY), EACCES);
    int fd = (int)OK(open("closed", O_PATH));
    FAILS(openat(fd, "x", O_RDONLY), EACCES);
}

static void permissions(void)
{
    OK(chmod(".", 0755));
    write_file("root-only", "x");
    OK(chmod("root-only", 0600));
    write_file("readable", "x");
    OK(chmod("readable", 0644));
    OK(mkdir("closed", 0700));
    write_file("closed/x", "x");
    /* The group's bits count for members even where others may more. */
    write_file("group", "x");
    OK(chown("group", 0, 1000));
    OK(chmod("group", 0604));
    as_user(1000, 1000, permissions_as_user);
}

static void how(void)
{
    OK(mkdir("in", 0755));
    OK(mkdir("in/sub", 0755));
    write_file("in/file", "x");
    write_file("out", "x");
    OK(symlink("../out", "in/escape"));
    OK(symlink("/out", "in/absolute"));
    OK(symlink("file", "in/inner"));
    int dir = (int)OK(open("in", O_PATH | O_DIRECTORY));
    OK(close((int)OK(openat2_call(dir, "file", O_RDONLY, 0, RESOLVE_BENEATH))));
    OK(close((int)OK(openat2_call(dir, "sub/../file", O_RDONLY, 0, RESOLVE_BENEATH))));
    FAILS(openat2_call(dir, "../out", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
    FAILS(openat2_call(dir, "escape", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
    FAILS(openat2_call(dir, "absolute", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
    FAILS(openat2_call(dir, "/file", O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
    OK(close((int)OK(openat2_call(dir, "/file", O_RDONLY, 0, RESOLVE_IN_ROOT))));
    OK(close((int)OK(openat2_call(dir, "../../file", O_RDONLY, 0, RESOLVE_IN_ROOT))));
    FAILS(openat2_call(dir, "escape", O_RDONLY, 0, RESOLVE_IN_ROOT), ENOENT);
    FAILS(openat2_call(dir, "inner", O_RDONLY, 0, RESOLVE_NO_SYMLINKS), ELOOP);
    OK(close((int)OK(openat2_call(dir, "file", O_RDONLY, 0, RESOLVE_NO_SYMLINKS))));
    FAILS(openat2_call(dir, "../..", O_RDONLY, 0, RESOLVE_NO_XDEV), EXDEV);
    FAILS(openat2_call(dir, "file", O_RDONLY, 0, 1ull << 40), EINVAL);
    FAILS(openat2_call(dir, "file", 1ull << 40, 0, 0), EINVAL);
    FAILS(openat2_call(dir, "file", O_RDONLY, 0600, 0), EINVAL);
    FAILS(openat2_call(dir, "new", O_RDWR | O_CREAT, 010000, 0), EINVAL);
    FAILS(openat2_call(dir, "file", O_PATH | O_RDWR, 0, 0), EINVAL);
    FAILS(openat2_call(dir, "file", O_RDONLY, 0, RESOLVE_IN_ROOT | RESOLVE_BENEATH), EINVAL);
    struct {
        struct open_how how;
        uint64_t more;
    } big = {.how = {.flags = O_RDONLY}};
    OK(close((int)OK(syscall(SYS_openat2, dir, "file", &big, sizeof(big)))));
    big.more = 1;
    FAILS(syscall(SYS_openat2, dir, "file", &big, sizeof(big)), E2BIG);
    FAILS(syscall(SYS_openat2, dir, "file", &big, 8), EINVAL);
    OK(close(dir));
}

static void bad_arguments(void)
{
    FAILS(open(BAD_POINTER, O_RDONLY), EFAULT);
    FAILS(openat(99, "a", O_RDONLY), EBADF);
    int fd = (int)OK(open("a", O_RDONLY));
    FAILS(openat(fd, "x", O_RDONLY), ENOTDIR);
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s", "/");
    OK(close((int)OK(openat(99, path, O_RDONLY)))); /* absolute: the descriptor is not looked at */
    OK(close(fd));
}

int main(void)
{
    fresh_tmpfs(NULL);
    creation();
    kinds();
    truncation_and_append();
    status_flags();
    tmpfile_flag();
    permissions();
    how();
    bad_arguments();
    leave_tmpfs();
    return 0;
}
