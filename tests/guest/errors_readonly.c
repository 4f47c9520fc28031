/* SPDX-License-Identifier: MIT */
/* EROFS of every call that would change a file on a read-only mount, and what may be done there. */
#include "fs_check.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <utime.h>

static void make_files(void)
{
    OK(mkdir("m", 0777));
    OK(mount("none", "m", "tmpfs", 0, NULL));
    write_file("m/file", "content");
    OK(chmod("m/file", 0777));
    OK(mkdir("m/dir", 0777));
    OK(symlink("file", "m/link"));
    OK(mkfifo("m/fifo", 0666));
    OK(mknod("m/null", S_IFCHR | 0666, (1 << 8) | 3));
    OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL));
}

static void opening(void)
{
    struct {
        uint64_t flags, mode, resolve;
    } how = {O_WRONLY, 0, 0};
    FAILS(syscall(SYS_open, "m/file", O_WRONLY), EROFS);
    FAILS(syscall(SYS_open, "m/file", O_RDWR), EROFS);
    FAILS(syscall(SYS_open, "m/file", O_RDONLY | O_TRUNC), EROFS);
    FAILS(syscall(SYS_open, "m/new", O_RDONLY | O_CREAT, 0600), EROFS);
    FAILS(syscall(SYS_openat, AT_FDCWD, "m/new", O_WRONLY | O_CREAT | O_EXCL, 0600), EROFS);
    FAILS(syscall(SYS_openat, AT_FDCWD, "m/file", O_WRONLY | O_CREAT | O_EXCL, 0600), EEXIST);
    FAILS(syscall(SYS_openat, AT_FDCWD, "m", O_TMPFILE | O_RDWR, 0600), EROFS);
    FAILS(syscall(SYS_openat, AT_FDCWD, "m/none", O_WRONLY), ENOENT);
    FAILS(syscall(SYS_openat2, AT_FDCWD, "m/file", &how, sizeof(how)), EROFS);
    FAILS(syscall(SYS_creat, "m/new", 0600), EROFS);
    FAILS(syscall(SYS_creat, "m/file", 0600), EROFS);
    /* What is there may be opened with O_CREAT for reading, and devices and pipes for writing. */
    OK(close((int)OK(open("m/file", O_RDONLY | O_CREAT, 0600))));
    OK(close((int)OK(open("m/null", O_RDWR))));
    OK(close((int)OK(open("m/fifo", O_RDWR))));
}

static void names(void)
{
    write_file("outside", "x");
    FAILS(syscall(SYS_mkdir, "m/new", 0777), EROFS);
    FAILS(syscall(SYS_mkdirat, AT_FDCWD, "m/new", 0777), EROFS);
    FAILS(syscall(SYS_mkdir, "m/dir", 0777), EEXIST);
    FAILS(syscall(SYS_mknod, "m/new", S_IFREG | 0600, 0), EROFS);
    FAILS(syscall(SYS_mknodat, AT_FDCWD, "m/new", S_IFIFO | 0600, 0), EROFS);
    FAILS(syscall(SYS_rmdir, "m/dir"), EROFS);
    FAILS(syscall(SYS_unlink, "m/file"), EROFS);
    FAILS(syscall(SYS_unlinkat, AT_FDCWD, "m/dir", AT_REMOVEDIR), EROFS);
    FAILS(syscall(SYS_unlinkat, AT_FDCWD, "m/file", 0), EROFS);
    FAILS(syscall(SYS_unlink, "m/none"), EROFS);
    FAILS(syscall(SYS_rmdir, "m/none"), EROFS);
    FAILS(syscall(SYS_link, "m/file", "m/new"), EROFS);
    FAILS(syscall(SYS_linkat, AT_FDCWD, "m/file", AT_FDCWD, "m/new", 0), EROFS);
    FAILS(syscall(SYS_link, "outside", "m/new"), EROFS);
    FAILS(syscall(SYS_symlink, "file", "m/new"), EROFS);
    FAILS(syscall(SYS_symlinkat, "file", AT_FDCWD, "m/new"), EROFS);
    FAILS(syscall(SYS_rename, "m/file", "m/new"), EROFS);
    FAILS(syscall(SYS_renameat, AT_FDCWD, "m/file", AT_FDCWD, "m/new"), EROFS);
    FAILS(syscall(SYS_renameat2, AT_FDCWD, "m/file", AT_FDCWD, "m/dir", 2), EROFS);
    FAILS(syscall(SYS_rename, "outside", "m/new"), EXDEV);
    FAILS(syscall(SYS_rename, "m/file", "new"), EXDEV);
}

static void attributes(void)
{
    const struct timespec times[2] = {{1, 0}, {2, 0}};
    const struct timeval old_times[2] = {{1, 0}, {2, 0}};
    const struct utimbuf oldest = {1, 2};
    int fd = (int)OK(open("m/file", O_RDONLY));
    FAILS(syscall(SYS_chmod, "m/file", 0600), EROFS);
    FAILS(syscall(SYS_fchmod, fd, 0600), EROFS);
    FAILS(syscall(SYS_fchmodat, AT_FDCWD, "m/file", 0600), EROFS);
    FAILS(syscall(SYS_chown, "m/file", 1, 1), EROFS);
    FAILS(syscall(SYS_lchown, "m/link", 1, 1), EROFS);
    FAILS(syscall(SYS_fchown, fd, 1, 1), EROFS);
    FAILS(syscall(SYS_fchownat, AT_FDCWD, "m/file", 1, 1, 0), EROFS);
    FAILS(syscall(SYS_utime, "m/file", &oldest), EROFS);
    FAILS(syscall(SYS_utime, "m/file", NULL), EROFS);
    FAILS(syscall(SYS_utimes, "m/file", old_times), EROFS);
    FAILS(syscall(SYS_futimesat, AT_FDCWD, "m/file", old_times), EROFS);
    FAILS(syscall(SYS_utimensat, AT_FDCWD, "m/file", times, 0), EROFS);
    FAILS(syscall(SYS_utimensat, fd, NULL, NULL, 0), EROFS);
    FAILS(syscall(SYS_setxattr, "m/file", "trusted.x", "v", 1, 0), EROFS);
    FAILS(syscall(SYS_lsetxattr, "m/link", "trusted.x", "v", 1, 0), EROFS);
    FAILS(syscall(SYS_fsetxattr, fd, "trusted.x", "v", 1, 0), EROFS);
    FAILS(syscall(SYS_removexattr, "m/file", "trusted.x"), EROFS);
    FAILS(syscall(SYS_lremovexattr, "m/link", "trusted.x"), EROFS);
    FAILS(syscall(SYS_fremovexattr, fd, "trusted.x"), EROFS);
    OK(close(fd));
}

static void contents(void)
{
    int fd = (int)OK(open("m/file", O_RDONLY));
    FAILS(syscall(SYS_truncate, "m/file", 0), EROFS);
    FAILS(syscall(SYS_ftruncate, fd, 0), EINVAL);
    FAILS(syscall(SYS_write, fd, "x", 1), EBADF);
    FAILS(syscall(SYS_fallocate, fd, 0, 0, 1), EBADF);
    OK(close(fd));
}

static void rights(void)
{
    FAILS(syscall(SYS_access, "m/file", W_OK), EROFS);
    FAILS(syscall(SYS_faccessat, AT_FDCWD, "m/dir", W_OK), EROFS);
    FAILS(syscall(SYS_faccessat2, AT_FDCWD, "m/file", W_OK | R_OK, AT_EACCESS), EROFS);
    OK(syscall(SYS_access, "m/file", R_OK | X_OK));
    OK(syscall(SYS_access, "m/null", W_OK));
    OK(syscall(SYS_access, "m/fifo", W_OK));
    struct statvfs st;
    OK(statvfs("m", &st));
    EQ(st.f_flag & ST_RDONLY, ST_RDONLY);
}

static void others(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "m/socket"};
    int fd = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    FAILS(bind(fd, (struct sockaddr *)&address, sizeof(address)), EROFS);
    OK(close(fd));
    if (syscall(SYS_acct, "m/file") != 0 && errno == ENOSYS)
        return;
    FAILS(syscall(SYS_acct, "m/file"), EROFS);
}

/* A read-only mount of a file system that can be written elsewhere; files open for writing. */
static void bound(void)
{
    OK(mkdir("source", 0777));
    OK(mkdir("view", 0777));
    write_file("source/file", "x");
    OK(mount("source", "view", NULL, MS_BIND, NULL));
    OK(mount(NULL, "view", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
    FAILS(syscall(SYS_open, "view/file", O_WRONLY), EROFS);
    FAILS(syscall(SYS_chmod, "view/file", 0600), EROFS);
    FAILS(syscall(SYS_unlink, "view/file"), EROFS);
    FAILS(syscall(SYS_access, "view/file", W_OK), EROFS);
    int fd = (int)OK(open("source/file", O_WRONLY));
    EQ(write(fd, "y", 1), 1);
    OK(mount(NULL, "view", NULL, MS_REMOUNT | MS_BIND, NULL));
    int writer = (int)OK(open("view/file", O_WRONLY));
    FAILS(mount(NULL, "view", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), EBUSY);
    OK(close(writer));
    OK(mount(NULL, "view", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
    OK(close(fd));
    OK(umount("view"));
}

int main(void)
{
    fresh_tmpfs(NULL);
    make_files();
    opening();
    names();
    attributes();
    contents();
    rights();
    others();
    bound();
    OK(umount("m"));
    leave_tmpfs();
    return 0;
}
