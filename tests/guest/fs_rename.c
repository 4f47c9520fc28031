/* SPDX-License-Identifier: MIT */
/* rename(2), renameat2(2), link(2), unlink(2), rmdir(2), mkdir(2), mknod(2). */
#include "fs_check.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2
#endif

static long rename2(const char *old, const char *new, unsigned flags)
{
    return syscall(SYS_renameat2, AT_FDCWD, old, AT_FDCWD, new, flags);
}

static ino_t ino_of(const char *name)
{
    struct stat st;
    OK(lstat(name, &st));
    return st.st_ino;
}

static unsigned links_of(const char *name)
{
    struct stat st;
    OK(lstat(name, &st));
    return (unsigned)st.st_nlink;
}

static void directories(void)
{
    OK(mkdir("d", 0755));
    EQ(links_of("d"), 2);
    OK(mkdir("d/sub", 0755));
    EQ(links_of("d"), 3);
    FAILS(mkdir("d", 0755), EEXIST);
    FAILS(mkdir("none/x", 0755), ENOENT);
    OK(mkdir("slash/", 0755));
    OK(rmdir("slash/"));
    FAILS(mkdir("", 0755), ENOENT);
    FAILS(mkdir("/", 0755), EEXIST);
    FAILS(mkdir(".", 0755), EEXIST);
    FAILS(rmdir("d"), ENOTEMPTY);
    FAILS(rmdir("."), EINVAL);
    FAILS(rmdir("d/sub/.."), ENOTEMPTY);
    FAILS(rmdir("d/."), EINVAL);
    FAILS(rmdir("/"), EBUSY);
    FAILS(rmdir("none"), ENOENT);
    write_file("f", "x");
    FAILS(rmdir("f"), ENOTDIR);
    FAILS(mkdir("f/x", 0755), ENOTDIR);
    FAILS(mkdir("f", 0755), EEXIST);
    OK(rmdir("d/sub"));
    EQ(links_of("d"), 2);
    umask(022);
    OK(mkdir("modes", 0777));
    umask(0);
    struct stat st;
    OK(stat("modes", &st));
    EQ(st.st_mode & 07777, 0755);
    OK(rmdir("modes"));
    OK(mkdir("modes", 07777));
    OK(stat("modes", &st));
    EQ(st.st_mode & 07777, 01777);
    OK(rmdir("modes"));
    OK(rmdir("d"));
    OK(unlink("f"));
}

static void unlinking(void)
{
    write_file("f", "content");
    OK(mkdir("d", 0755));
    FAILS(unlink("d"), EISDIR);
    FAILS(unlink("f/"), ENOTDIR);
    FAILS(unlink("d/"), EISDIR);
    FAILS(unlink("none"), ENOENT);
    FAILS(unlink("."), EISDIR);
    FAILS(unlink(""), ENOENT);
    FAILS(unlinkat(AT_FDCWD, "f", 1), EINVAL);
    FAILS(unlinkat(AT_FDCWD, "f", AT_REMOVEDIR), ENOTDIR);
    int fd = (int)OK(open("f", O_RDWR));
    OK(unlink("f"));
    char text[8];
    struct stat st;
    OK(fstat(fd, &st));
    EQ(st.st_nlink, 0);
    EQ(read(fd, text, sizeof(text)), 7);
    OK(close(fd));
    OK(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR));
}

static void linking(void)
{
    write_file("f", "x");
    OK(mkdir("d", 0755));
    OK(link("f", "g"));
    EQ(links_of("f"), 2);
    EQ(ino_of("f"), ino_of("g"));
    FAILS(link("f", "g"), EEXIST);
    FAILS(link("none", "h"), ENOENT);
    FAILS(link("d", "h"), EPERM);
    FAILS(link("f", "h/"), ENOENT);
    FAILS(link("f", "none/h"), ENOENT);
    FAILS(link("f/", "h"), ENOTDIR);
    FAILS(link("f", "/dev/null/x"), ENOTDIR);
    OK(symlink("f", "s"));
    OK(link("s", "hard-symlink"));
    struct stat st;
    OK(lstat("hard-symlink", &st));
    TRUE(S_ISLNK(st.st_mode));
    OK(linkat(AT_FDCWD, "s", AT_FDCWD, "through", AT_SYMLINK_FOLLOW));
    EQ(ino_of("through"), ino_of("f"));
    FAILS(linkat(AT_FDCWD, "f", AT_FDCWD, "x", 1), EINVAL);
    FAILS(link("f", "/dev/shm/none/x"), ENOENT);
    EQ(links_of("f"), 3);
    OK(unlink("g"));
    OK(unlink("through"));
    EQ(links_of("f"), 1);
    OK(unlink("f"));
    OK(unlink("s"));
    OK(unlink("hard-symlink"));
    OK(rmdir("d"));
}

static void renaming_files(void)
{
    write_file("a", "a");
    ino_t a = ino_of("a");
    OK(rename("a", "b"));
    TRUE(!exists("a"));
    EQ(ino_of("b"), a);
    write_file("c", "c");
    OK(rename("b", "c"));
    EQ(ino_of("c"), a);
    TRUE(!exists("b"));
    OK(link("c", "c2"));
    OK(rename("c", "c2")); /* two names of one file: nothing happens */
    TRUE(exists("c") && exists("c2"));
    OK(rename("c", "c"));
    OK(unlink("c2"));
    FAILS(rename("none", "x"), ENOENT);
    FAILS(rename("c", "none/x"), ENOENT);
    FAILS(rename("c", ""), ENOENT);
    FAILS(rename("c", "x/"), ENOTDIR);
    FAILS(rename("c/", "x"), ENOTDIR);
    FAILS(rename(".", "x"), EBUSY);
    FAILS(rename("c", "."), EBUSY);
    FAILS(rename("c", ".."), EBUSY);
    FAILS(rename("c", "/dev/none/x"), ENOENT);
    OK(symlink("c", "s"));
    OK(rename("s", "s2"));
    struct stat st;
    OK(lstat("s2", &st));
    TRUE(S_ISLNK(st.st_mode));
    OK(unlink("s2"));
    OK(unlink("c"));
}

static void renaming_directories(void)
{
    OK(mkdir("d", 0755));
    OK(mkdir("d/e", 0755));
    OK(mkdir("d/e/f", 0755));
    OK(mkdir("other", 0755));
    write_file("file", "x");
    FAILS(rename("d", "d/e/x"), EINVAL);
    FAILS(rename("d", "d/x"), EINVAL);
    FAILS(rename("d/e", "d"), ENOTEMPTY);
    FAILS(rename("d/e/f", "d"), ENOTEMPTY);
    FAILS(rename("d", "file"), ENOTDIR);
    FAILS(rename("file", "d"), EISDIR);
    FAILS(rename("other", "d"), ENOTEMPTY);
    FAILS(rename("file", "other"), EISDIR);
    OK(rename("d/e", "other")); /* empty: replaced */
    EQ(links_of("d"), 2);
    TRUE(exists("other/f"));
    OK(rename("other/", "renamed/"));
    TRUE(exists("renamed/f"));
    OK(rename("renamed", "d/moved"));
    EQ(links_of("d"), 3);
    char cwd[PATH_MAX];
    OK(chdir("d/moved/f"));
    OK(rename("../../../d", "../../../dd"));
    TRUE(getcwd(cwd, sizeof(cwd)));
    TRUE(strstr(cwd, "/fs/dd/moved/f") != NULL);
    OK(chdir("../../.."));
    OK(rmdir("dd/moved/f"));
    OK(rmdir("dd/moved"));
    OK(rmdir("dd"));
    OK(unlink("file"));
}

static void flags(void)
{
    write_file("a", "a");
    write_file("b", "b");
    OK(mkdir("d", 0755));
    OK(mkdir("d/sub", 0755));
    ino_t a = ino_of("a"), b = ino_of("b"), d = ino_of("d");
    FAILS(rename2("a", "b", RENAME_NOREPLACE), EEXIST);
    FAILS(rename2("a", "a", RENAME_NOREPLACE), EEXIST);
    OK(rename2("a", "n", RENAME_NOREPLACE));
    OK(rename2("n", "a", RENAME_NOREPLACE));
    OK(rename2("a", "b", RENAME_EXCHANGE));
    EQ(ino_of("a"), b);
    EQ(ino_of("b"), a);
    FAILS(rename2("a", "none", RENAME_EXCHANGE), ENOENT);
    OK(rename2("a", "d", RENAME_EXCHANGE));
    EQ(ino_of("a"), d);
    EQ(ino_of("d"), b);
    TRUE(exists("a/sub"));
    FAILS(rename2("a", "a/sub", RENAME_EXCHANGE), EINVAL);
    FAILS(rename2("a/sub", "a", RENAME_EXCHANGE), EINVAL);
    OK(mkdir("e", 0755));
    write_file("e/file", "x");
    OK(rename2("e/file", "a/sub", RENAME_EXCHANGE));
    EQ(links_of("e"), 3);
    EQ(links_of("a"), 2);
    FAILS(rename2("b", "d", RENAME_EXCHANGE | RENAME_NOREPLACE), EINVAL);
    FAILS(rename2("b", "d", 1u << 10), EINVAL);
    OK(unlink("a/sub"));
    OK(rmdir("a"));
    OK(rmdir("e/file"));
    OK(rmdir("e"));
    OK(unlink("b"));
    OK(unlink("d"));
}

static void nodes(void)
{
    struct stat st;
    OK(mknod("fifo", S_IFIFO | 0640, 0));
    OK(mknod("null", S_IFCHR | 0666, 0x103));
    OK(mknod("plain", 0644, 0));
    OK(stat("fifo", &st));
    TRUE(S_ISFIFO(st.st_mode));
    OK(stat("null", &st));
    TRUE(S_ISCHR(st.st_mode));
    EQ(st.st_rdev, 0x103);
    OK(stat("plain", &st));
    TRUE(S_ISREG(st.st_mode));
    FAILS(mknod("fifo", S_IFIFO | 0600, 0), EEXIST);
    FAILS(mknod("dir", S_IFDIR | 0600, 0), EPERM);
    FAILS(mknod("bad", 0110000 | 0600, 0), EINVAL);
    OK(unlink("fifo"));
    OK(unlink("null"));
    OK(unlink("plain"));
}

static void sticky_as_user(void)
{
    FAILS(unlink("sticky/root"), EPERM);
    FAILS(rename("sticky/root", "sticky/x"), EPERM);
    FAILS(rename("sticky/mine", "sticky/root"), EPERM);
    FAILS(rmdir("sticky/dir"), EPERM);
    OK(rename("sticky/mine", "sticky/mine2"));
    OK(unlink("sticky/mine2"));
    FAILS(unlink("plain/root"), EACCES);
    FAILS(mkdir("plain/x", 0755), EACCES);
    FAILS(mknod("sticky/dev", S_IFCHR | 0600, 0x103), EPERM);
    OK(mknod("sticky/fifo", S_IFIFO | 0600, 0));
    OK(unlink("sticky/fifo"));
    FAILS(symlink("x", "plain/s"), EACCES);
    FAILS(link("sticky/root", "plain/l"), EACCES);
    /* Renaming a directory to another parent rewrites its "..". */
    FAILS(rename("sticky/owned/unwritable", "sticky/moved"), EACCES);
}

static void sticky(void)
{
    OK(mkdir("sticky", 01777));
    OK(mkdir("sticky/dir", 0777));
    OK(mkdir("plain", 0755));
    write_file("plain/root", "x");
    write_file("sticky/root", "x");
    OK(chmod("sticky/root", 0666));
    write_file("sticky/mine", "x");
    OK(chown("sticky/mine", 1000, 1000));
    OK(mkdir("sticky/owned", 0755));
    OK(mkdir("sticky/owned/unwritable", 0555));
    OK(chown("sticky/owned", 1000, 1000));
    OK(chown("sticky/owned/unwritable", 1000, 1000));
    as_user(1000, 1000, sticky_as_user);
}

int main(void)
{
    fresh_tmpfs(NULL);
    directories();
    unlinking();
    linking();
    renaming_files();
    renaming_directories();
    flags();
    nodes();
    sticky();
    leave_tmpfs();
    return 0;
}
