/* SPDX-License-Identifier: MIT */
/* stat(2), statx(2), chmod(2), chown(2), utimensat(2), truncate(2), statfs(2). */
#include "fs_check.h"

#include <linux/stat.h> /* struct statx: musl has none */
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <utime.h>

static struct stat of(const char *name)
{
    struct stat st;
    OK(lstat(name, &st));
    return st;
}

static void set_times(const char *name, long atime, long anano, long mtime, long mnano)
{
    struct timespec times[2] = {{atime, anano}, {mtime, mnano}};
    OK(utimensat(AT_FDCWD, name, times, AT_SYMLINK_NOFOLLOW));
}

static void stat_fields(void)
{
    write_file("f", "0123456789");
    struct stat st = of("f"), dir = of(".");
    EQ(st.st_mode, S_IFREG | 0644);
    EQ(st.st_size, 10);
    EQ(st.st_nlink, 1);
    EQ(st.st_uid, 0);
    EQ(st.st_dev, dir.st_dev);
    EQ(st.st_blksize, 4096);
    EQ(st.st_blocks, 8);
    EQ(st.st_rdev, 0);
    int fd = (int)OK(open("f", O_RDONLY));
    struct stat by_fd, empty;
    OK(fstat(fd, &by_fd));
    EQ(by_fd.st_ino, st.st_ino);
    OK(fstatat(fd, "", &empty, AT_EMPTY_PATH));
    EQ(empty.st_ino, st.st_ino);
    FAILS(fstatat(fd, "", &empty, 0), ENOENT);
    FAILS(fstatat(fd, "x", &empty, 0), ENOTDIR);
    FAILS(syscall(SYS_newfstatat, AT_FDCWD, "f", &st, 1), EINVAL);
    OK(syscall(SYS_newfstatat, AT_FDCWD, "f", &st, AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC));
    FAILS(syscall(SYS_newfstatat, AT_FDCWD, "f", 8, 0), EFAULT);
    OK(close(fd));
    FAILS(fstat(fd, &st), EBADF);
    OK(syscall(SYS_newfstatat, AT_FDCWD, "", &st, AT_EMPTY_PATH));
    EQ(st.st_ino, dir.st_ino);
}

static void statx_fields(void)
{
    struct statx stx;
    OK(syscall(SYS_statx, AT_FDCWD, "f", 0, STATX_BASIC_STATS | STATX_BTIME, &stx));
    EQ(stx.stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
    EQ(stx.stx_size, 10);
    EQ(stx.stx_mode, S_IFREG | 0644);
    EQ(stx.stx_ino, of("f").st_ino);
    EQ(makedev(stx.stx_dev_major, stx.stx_dev_minor), of("f").st_dev);
    FAILS(syscall(SYS_statx, AT_FDCWD, "f", 0x6000, 0, &stx), EINVAL);
    FAILS(syscall(SYS_statx, AT_FDCWD, "f", 0, 0x80000000u, &stx), EINVAL);
    FAILS(syscall(SYS_statx, AT_FDCWD, "none", 0, 0, &stx), ENOENT);
    FAILS(syscall(SYS_statx, AT_FDCWD, "f", 0, 0, 8), EFAULT);
    OK(syscall(SYS_statx, AT_FDCWD, ".", 0, 0, &stx));
    TRUE(stx.stx_attributes & 0x2000); /* the root of a mount */
    OK(syscall(SYS_statx, AT_FDCWD, "f", 0, 0, &stx));
    TRUE(!(stx.stx_attributes & 0x2000));
}

static void modes(void)
{
    OK(chmod("f", 0));
    EQ(of("f").st_mode & 07777, 0);
    OK(chmod("f", 07777));
    EQ(of("f").st_mode, S_IFREG | 07777);
    OK(chmod("f", 0644 | S_IFDIR)); /* the type is not looked at */
    EQ(of("f").st_mode, S_IFREG | 0644);
    FAILS(chmod("none", 0600), ENOENT);
    OK(symlink("f", "s"));
    OK(chmod("s", 0600));
    EQ(of("f").st_mode & 07777, 0600);
    EQ(of("s").st_mode & 07777, 0777);
    int fd = (int)OK(open("f", O_RDONLY));
    OK(fchmod(fd, 0640));
    EQ(of("f").st_mode & 07777, 0640);
    OK(close(fd));
    struct timespec before = of("f").st_ctim;
    usleep(10000);
    OK(chmod("f", 0644));
    struct timespec after = of("f").st_ctim;
    TRUE(after.tv_sec > before.tv_sec || after.tv_nsec > before.tv_nsec);
}

static void owners(void)
{
    OK(chown("f", 10, 20));
    EQ(of("f").st_uid, 10);
    EQ(of("f").st_gid, 20);
    OK(chown("f", -1, 30));
    EQ(of("f").st_uid, 10);
    EQ(of("f").st_gid, 30);
    OK(lchown("s", 5, 6));
    EQ(of("s").st_uid, 5);
    EQ(of("f").st_uid, 10);
    OK(chown("s", 7, 8));
    EQ(of("f").st_uid, 7);
    OK(fchownat(AT_FDCWD, "s", 1, 2, AT_SYMLINK_NOFOLLOW));
    EQ(of("s").st_uid, 1);
    FAILS(fchownat(AT_FDCWD, "s", 1, 2, 1), EINVAL);
    /* Set-user-ID goes with the owner, also for root; set-group-ID only if it means that. */
    OK(chmod("f", 06755));
    OK(chown("f", 0, 0));
    EQ(of("f").st_mode & 07777, 0755);
    OK(chmod("f", 02644));
    OK(chown("f", 0, 0));
    EQ(of("f").st_mode & 07777, 02644);
    OK(mkdir("dir", 0755));
    OK(chmod("dir", 06755));
    OK(chown("dir", 1, 1));
    EQ(of("dir").st_mode & 07777, 06755);
    OK(chmod("f", 0644));
}

static void owners_as_user(void)
{
    OK(chmod("mine", 0600));
    FAILS(chmod("f", 0600), EPERM);
    FAILS(chown("mine", 1001, -1), EPERM);
    FAILS(chown("mine", -1, 77), EPERM);
    OK(chown("mine", 1000, 1000));
    OK(chown("mine", -1, 1000));
    FAILS(chown("f", 1000, 1000), EPERM);
    OK(chmod("mine", 02755));
    EQ(of("mine").st_mode & 07777, 02755);
    OK(chmod("group", 02755)); /* not a member: the bit is dropped silently */
    EQ(of("group").st_mode & 07777, 0755);
    /* A write by somebody without CAP_FSETID clears the bits. */
    OK(chmod("mine", 06755));
    int fd = (int)OK(open("mine", O_WRONLY));
    OK(write(fd, "x", 1));
    OK(close(fd));
    EQ(of("mine").st_mode & 07777, 0755);
    OK(chmod("mine", 06755));
    OK(truncate("mine", 0));
    EQ(of("mine").st_mode & 07777, 0755);
    /* Times: now for writers, anything for owners. */
    struct timespec now[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
    struct timespec set[2] = {{1, 0}, {1, 0}};
    struct timespec mixed[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
    OK(utimensat(AT_FDCWD, "mine", set, 0));
    OK(utimensat(AT_FDCWD, "writable", now, 0));
    FAILS(utimensat(AT_FDCWD, "writable", set, 0), EPERM);
    FAILS(utimensat(AT_FDCWD, "writable", mixed, 0), EPERM);
    FAILS(utimensat(AT_FDCWD, "f", now, 0), EACCES);
    FAILS(utimensat(AT_FDCWD, "f", NULL, 0), EACCES);
    FAILS(utimensat(AT_FDCWD, "f", set, 0), EPERM);
}

static void setgid_directories(void)
{
    OK(mkdir("sg", 0777));
    OK(chown("sg", 0, 55));
    OK(chmod("sg", 02777));
    write_file("sg/file", "x");
    EQ(of("sg/file").st_gid, 55);
    OK(mkdir("sg/dir", 0755));
    EQ(of("sg/dir").st_gid, 55);
    EQ(of("sg/dir").st_mode & 07777, 02755);
    OK(symlink("x", "sg/link"));
    EQ(of("sg/link").st_gid, 55);
}

static void times(void)
{
    set_times("f", 1000, 5, 2000, 999999999);
    struct stat st = of("f");
    EQ(st.st_atim.tv_sec, 1000);
    EQ(st.st_atim.tv_nsec, 5);
    EQ(st.st_mtim.tv_sec, 2000);
    EQ(st.st_mtim.tv_nsec, 999999999);
    TRUE(st.st_ctim.tv_sec > 2000);
    set_times("f", -5, 0, 0, UTIME_OMIT);
    st = of("f");
    EQ(st.st_atim.tv_sec, -5);
    EQ(st.st_mtim.tv_sec, 2000);
    set_times("f", 0, UTIME_OMIT, 0, UTIME_NOW);
    st = of("f");
    EQ(st.st_atim.tv_sec, -5);
    TRUE(st.st_mtim.tv_sec > 2000);
    struct timespec bad[2] = {{0, 1000000000}, {0, 0}};
    FAILS(utimensat(AT_FDCWD, "f", bad, 0), EINVAL);
    struct timespec omit[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
    OK(utimensat(AT_FDCWD, "none", omit, 0)); /* nothing to do: not even looked up */
    FAILS(utimensat(AT_FDCWD, "none", NULL, 0), ENOENT);
    FAILS(syscall(SYS_utimensat, AT_FDCWD, "f", NULL, 1), EINVAL);
    FAILS(syscall(SYS_utimensat, AT_FDCWD, NULL, NULL, 0), EFAULT);
    set_times("s", 7, 0, 8, 0);
    EQ(of("s").st_mtim.tv_sec, 8);
    TRUE(of("f").st_mtim.tv_sec != 8);
    int fd = (int)OK(open("f", O_RDONLY));
    struct timespec set[2] = {{11, 0}, {12, 0}};
    OK(futimens(fd, set));
    EQ(of("f").st_mtim.tv_sec, 12);
    OK(close(fd));
    struct timeval values[2] = {{100, 7}, {200, 999999}};
    OK(utimes("f", values));
    EQ(of("f").st_mtim.tv_nsec, 999999000);
    values[0].tv_usec = 1000000;
    FAILS(syscall(SYS_utimes, "f", values), EINVAL);
    struct utimbuf buf = {.actime = 3, .modtime = 4};
    OK(utime("f", &buf));
    EQ(of("f").st_atim.tv_sec, 3);
}

/* Which operations move which times. */
static void implicit_times(void)
{
    write_file("t", "abc");
    set_times("t", 1000, 0, 1000, 0);
    int fd = (int)OK(open("t", O_RDWR));
    char c;
    OK(read(fd, &c, 1));
    TRUE(of("t").st_atim.tv_sec > 1000); /* relatime: not newer than the others */
    EQ(of("t").st_mtim.tv_sec, 1000);
    OK(write(fd, "x", 1));
    TRUE(of("t").st_mtim.tv_sec > 1000);
    set_times("t", 1000, 0, 1000, 0);
    OK(ftruncate(fd, 3)); /* as long as before */
    TRUE(of("t").st_mtim.tv_sec > 1000);
    set_times("t", 1000, 0, 1000, 0);
    OK(close(fd));
    fd = (int)OK(open("t", O_RDONLY | O_NOATIME));
    OK(read(fd, &c, 1));
    EQ(of("t").st_atim.tv_sec, 1000);
    OK(close(fd));
    OK(mkdir("td", 0755));
    set_times("td", 1000, 0, 1000, 0);
    write_file("td/x", "x");
    TRUE(of("td").st_mtim.tv_sec > 1000);
    set_times("td", 1000, 0, 1000, 0);
    OK(rename("td/x", "td/y"));
    TRUE(of("td").st_mtim.tv_sec > 1000);
    set_times("td", 1000, 0, 1000, 0);
    OK(unlink("td/y"));
    TRUE(of("td").st_mtim.tv_sec > 1000);
}

static void truncation(void)
{
    char text[16];
    write_file("t", "0123456789");
    OK(truncate("t", 4));
    EQ(of("t").st_size, 4);
    OK(truncate("t", 8));
    int fd = (int)OK(open("t", O_RDONLY));
    EQ(read(fd, text, sizeof(text)), 8);
    TRUE(memcmp(text, "0123\0\0\0\0", 8) == 0);
    FAILS(ftruncate(fd, 0), EINVAL); /* not open for writing */
    OK(close(fd));
    FAILS(truncate("t", -1), EINVAL);
    FAILS(truncate("dir", 0), EISDIR);
    FAILS(truncate("none", 0), ENOENT);
    OK(mknod("fifo", S_IFIFO | 0600, 0));
    FAILS(truncate("fifo", 0), EINVAL);
    int pipe_fds[2];
    OK(pipe(pipe_fds));
    FAILS(ftruncate(pipe_fds[1], 0), EINVAL);
    OK(truncate("t", 1ll << 40));
    EQ(of("t").st_size, 1ll << 40);
    OK(truncate("t", 0));
    EQ(of("t").st_blocks, 0);
}

static void file_systems(void)
{
    struct statfs fs;
    OK(statfs(".", &fs));
    EQ(fs.f_type, 0x01021994);
    EQ(fs.f_bsize, 4096);
    EQ(fs.f_namelen, 255);
    EQ(fs.f_blocks, 1024);
    TRUE(fs.f_bfree < 1024);
    EQ(fs.f_files, 500);
    FAILS(statfs("none", &fs), ENOENT);
    FAILS(syscall(SYS_statfs, "f", BAD_POINTER), EFAULT); /* musl clears the buffer itself */
    int fd = (int)OK(open("f", O_RDONLY));
    OK(fstatfs(fd, &fs));
    EQ(fs.f_type, 0x01021994);
    OK(close(fd));
    FAILS(fstatfs(fd, &fs), EBADF);
}

int main(void)
{
    fresh_tmpfs("size=4m,nr_inodes=500,mode=0755"); /* not sticky: links of others are followed */
    stat_fields();
    statx_fields();
    modes();
    owners();
    write_file("mine", "x");
    OK(chown("mine", 1000, 1000));
    write_file("group", "x");
    OK(chown("group", 1000, 77));
    write_file("writable", "x");
    OK(chmod("writable", 0666));
    as_user(1000, 1000, owners_as_user);
    setgid_directories();
    times();
    implicit_times();
    truncation();
    file_systems();
    leave_tmpfs();
    return 0;
}
