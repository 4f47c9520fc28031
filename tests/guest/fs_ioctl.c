/* SPDX-License-Identifier: MIT */
/* What ioctl_iflags(2), ioctl_ficlone(2) and their like say of a tmpfs, and what an immutable file
 * refuses even to who has it open. */
#include "fs_check.h"

#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

static void flags_are_shown_twice(void)
{
    struct fsxattr extended;
    int fd = (int)OK(open("flags", O_RDWR | O_CREAT, 0600));
    int flags = FS_APPEND_FL | FS_NODUMP_FL;
    OK(ioctl(fd, FS_IOC_SETFLAGS, &flags));
    memset(&extended, 0xff, sizeof(extended));
    OK(ioctl(fd, FS_IOC_FSGETXATTR, &extended));
    EQ(extended.fsx_xflags, FS_XFLAG_APPEND | FS_XFLAG_NODUMP);
    EQ(extended.fsx_projid, 0);
    FAILS(ioctl(fd, FS_IOC_FSGETXATTR, NULL), EFAULT);
    OK(close(fd));
}

static void a_tmpfs_does_not_share_blocks(void)
{
    struct fiemap map = {.fm_length = 4096};
    int from = (int)OK(open("from", O_RDWR | O_CREAT, 0600));
    int to = (int)OK(open("to", O_RDWR | O_CREAT, 0600));
    FAILS(ioctl(to, FICLONE, from), EOPNOTSUPP);
    FAILS(ioctl(to, FICLONE, -1), EBADF);
    FAILS(ioctl(to, FS_IOC_FIEMAP, &map), EOPNOTSUPP);
    FAILS(ioctl(to, FIFREEZE, 0), EOPNOTSUPP);
    OK(close(from));
    OK(close(to));
}

static void nothing_is_copied_into_an_immutable_file(void)
{
    int from = (int)OK(open("source", O_RDWR | O_CREAT, 0600));
    int to = (int)OK(open("target", O_RDWR | O_CREAT, 0600));
    int flags = FS_IMMUTABLE_FL;
    off_t start = 0;
    EQ(write(from, "text", 4), 4);
    OK(ioctl(to, FS_IOC_SETFLAGS, &flags));
    FAILS(syscall(SYS_copy_file_range, from, &start, to, NULL, 4, 0), EPERM);
    flags = 0;
    OK(ioctl(to, FS_IOC_SETFLAGS, &flags));
    EQ(syscall(SYS_copy_file_range, from, &start, to, NULL, 4, 0), 4);
    OK(close(from));
    OK(close(to));
}

int main(void)
{
    fresh_tmpfs(NULL);
    int fd = (int)OK(open("probe", O_RDWR | O_CREAT, 0600)), flags;
    if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) { /* Linux: since 6.0 */
        flags_are_shown_twice();
        nothing_is_copied_into_an_immutable_file();
    }
    OK(close(fd));
    a_tmpfs_does_not_share_blocks();
    leave_tmpfs();
}
