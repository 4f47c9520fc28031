/* SPDX-License-Identifier: MIT */
/* mount(2), umount2(2): new mounts, binds, moves, remounts, options, busy and expiring mounts. */
#include "fs_check.h"

#include <sys/statvfs.h>

#ifndef MNT_EXPIRE
#define MNT_EXPIRE 4
#endif

static void new_mounts(void)
{
    struct stat before, after;
    OK(mkdir("m", 0755));
    OK(stat("m", &before));
    OK(mount("none", "m", "tmpfs", 0, "mode=0710,uid=3,gid=4,size=1m"));
    OK(stat("m", &after));
    TRUE(before.st_dev != after.st_dev);
    EQ(after.st_mode & 07777, 0710);
    EQ(after.st_uid, 3);
    EQ(after.st_gid, 4);
    write_file("m/x", "x");
    FAILS(umount("m/x"), EINVAL);
    FAILS(rmdir("m"), EBUSY);
    FAILS(rename("m", "m2"), EBUSY);
    FAILS(mount("none", "none", "tmpfs", 0, NULL), ENOENT);
    FAILS(mount("none", "m", "nosuchfs", 0, NULL), ENODEV);
    FAILS(mount("none", "m", NULL, 0, NULL), EINVAL);
    FAILS(mount("none", "m", "tmpfs", 0, "nosuchoption=1"), EINVAL);
    FAILS(mount("none", "m/x", "tmpfs", 0, NULL), ENOTDIR);
    /* A second one on top hides the first. */
    OK(mount("none", "m", "tmpfs", 0, NULL));
    TRUE(!exists("m/x"));
    OK(umount("m"));
    TRUE(exists("m/x"));
    FAILS(umount2("m", 99), EINVAL);
    OK(umount("m"));
    FAILS(umount("m"), EINVAL);
    FAILS(umount("none"), ENOENT);
}

static void busy(void)
{
    OK(mount("none", "m", "tmpfs", 0, NULL));
    write_file("m/x", "content");
    int fd = (int)OK(open("m/x", O_RDONLY));
    FAILS(umount("m"), EBUSY);
    OK(umount2("m", MNT_DETACH));
    TRUE(!exists("m/x"));
    char text[8];
    EQ(read(fd, text, sizeof(text)), 7); /* lives on while it is used */
    OK(close(fd));
    OK(mount("none", "m", "tmpfs", 0, NULL));
    OK(mkdir("m/sub", 0755));
    OK(mount("none", "m/sub", "tmpfs", 0, NULL));
    FAILS(umount("m"), EBUSY);
    OK(umount2("m", MNT_DETACH));
    OK(mount("none", "m", "tmpfs", 0, NULL));
    FAILS(umount2("m", MNT_EXPIRE), EAGAIN);
    OK(umount2("m", MNT_EXPIRE));
    OK(mount("none", "m", "tmpfs", 0, NULL));
    FAILS(umount2("m", MNT_EXPIRE | MNT_DETACH), EINVAL);
    FAILS(umount2("m", MNT_EXPIRE), EAGAIN);
    OK(close((int)OK(open("m", O_RDONLY)))); /* used in between */
    FAILS(umount2("m", MNT_EXPIRE), EAGAIN);
    OK(umount("m"));
    OK(symlink("m", "link"));
    OK(mount("none", "link", "tmpfs", 0, NULL));
    FAILS(umount2("link", 8 /* UMOUNT_NOFOLLOW */), EINVAL);
    OK(umount("link"));
    OK(unlink("link"));
}

static void binds(void)
{
    OK(mkdir("src", 0755));
    OK(mkdir("src/sub", 0755));
    OK(mkdir("dst", 0755));
    write_file("src/x", "x");
    OK(mount("none", "src/sub", "tmpfs", 0, NULL));
    write_file("src/sub/inner", "x");
    OK(mount("src", "dst", NULL, MS_BIND, NULL));
    TRUE(exists("dst/x") && !exists("dst/sub/inner"));
    write_file("dst/y", "y");
    TRUE(exists("src/y"));
    FAILS(rename("src/x", "dst/z"), EXDEV);
    FAILS(link("src/x", "dst/z"), EXDEV);
    OK(umount("dst"));
    OK(mount("src", "dst", NULL, MS_BIND | MS_REC, NULL));
    TRUE(exists("dst/sub/inner"));
    FAILS(umount("dst"), EBUSY);
    OK(umount("dst/sub"));
    OK(umount("dst"));
    /* Files too. */
    write_file("a", "a");
    write_file("b", "bb");
    OK(mount("a", "b", NULL, MS_BIND, NULL));
    struct stat st;
    OK(stat("b", &st));
    EQ(st.st_size, 1);
    FAILS(unlink("b"), EBUSY);
    OK(umount("b"));
    FAILS(mount("a", "dst", NULL, MS_BIND, NULL), ENOTDIR);
    FAILS(mount("src", "a", NULL, MS_BIND, NULL), ENOTDIR);
    FAILS(mount("none", "dst", NULL, MS_BIND, NULL), ENOENT);
    FAILS(mount(NULL, "dst", NULL, MS_BIND, NULL), EINVAL);
    /* A bind of a part shows that part; its ".." leads out of the mount. */
    OK(mount("src/sub", "dst", NULL, MS_BIND, NULL));
    TRUE(exists("dst/inner"));
    OK(stat("dst/../src", &st));
    OK(umount("dst"));
    OK(umount("src/sub"));
}

static void moves(void)
{
    OK(mount("none", "src", "tmpfs", 0, NULL));
    OK(mount("", "src", NULL, MS_PRIVATE, NULL));
    OK(mkdir("src/below", 0755));
    write_file("src/moved", "x");
    FAILS(mount("src", "src/below", NULL, MS_MOVE, NULL), ELOOP);
    FAILS(mount("src/below", "dst", NULL, MS_MOVE, NULL), EINVAL);
    FAILS(mount("none", "dst", NULL, MS_MOVE, NULL), ENOENT);
    OK(mount("src", "dst", NULL, MS_MOVE, NULL));
    TRUE(exists("dst/moved") && !exists("src/moved"));
    OK(umount("dst"));
}

static void remounts(void)
{
    struct statvfs vfs;
    OK(mount("none", "m", "tmpfs", 0, "size=1m"));
    write_file("m/x", "x");
    int fd = (int)OK(open("m/x", O_RDWR));
    FAILS(mount("none", "m", NULL, MS_REMOUNT | MS_RDONLY, NULL), EBUSY);
    OK(close(fd));
    OK(mount("none", "m", NULL, MS_REMOUNT | MS_RDONLY, NULL));
    FAILS(open("m/x", O_RDWR), EROFS);
    FAILS(open("m/y", O_RDWR | O_CREAT, 0600), EROFS);
    OK(close((int)OK(open("m/x", O_RDONLY | O_CREAT, 0600))));
    FAILS(mkdir("m/d", 0755), EROFS);
    FAILS(mkdir("m/x", 0755), EEXIST);
    FAILS(unlink("m/x"), EROFS);
    FAILS(rename("m/x", "m/y"), EROFS);
    FAILS(chmod("m/x", 0600), EROFS);
    FAILS(chown("m/x", 0, 0), EROFS);
    FAILS(truncate("m/x", 0), EROFS);
    FAILS(utimensat(AT_FDCWD, "m/x", NULL, 0), EROFS);
    FAILS(access("m/x", W_OK), EROFS);
    OK(statvfs("m", &vfs));
    TRUE(vfs.f_flag & ST_RDONLY);
    OK(mount("none", "m", NULL, MS_REMOUNT, "size=2m"));
    OK(statvfs("m", &vfs));
    EQ(vfs.f_blocks, 512);
    write_file("m/y", "y");
    FAILS(mount("none", "m/y", NULL, MS_REMOUNT, NULL), EINVAL);
    FAILS(mount("none", "src", NULL, MS_REMOUNT, NULL), EINVAL);
    OK(umount("m"));
}

static void mount_flags(void)
{
    OK(mount("none", "m", "tmpfs", MS_NODEV | MS_NOEXEC | MS_NOSUID, NULL));
    OK(mknod("m/null", S_IFCHR | 0666, 0x103));
    FAILS(open("m/null", O_RDWR), EACCES);
    write_file("m/program", "#!/bin/true\n");
    OK(chmod("m/program", 0755));
    FAILS(access("m/program", X_OK), EACCES);
    FAILS(execl("m/program", "program", NULL), EACCES);
    struct statvfs vfs;
    OK(statvfs("m", &vfs));
    TRUE((vfs.f_flag & ST_NOSUID) && (vfs.f_flag & 4) && (vfs.f_flag & 8));
    OK(mount("none", "m", NULL, MS_REMOUNT | MS_BIND, NULL));
    OK(close((int)OK(open("m/null", O_RDWR))));
    OK(umount("m"));
    /* One view of a file system may be read-only while another is not. */
    OK(mount("src", "dst", NULL, MS_BIND, NULL));
    OK(mount("none", "dst", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
    FAILS(open("dst/new", O_RDWR | O_CREAT, 0600), EROFS);
    write_file("src/new", "x");
    OK(umount("dst"));
    OK(mount("none", "m", "tmpfs", MS_NOATIME, NULL));
    write_file("m/x", "x");
    struct timespec old[2] = {{1000, 0}, {1000, 0}};
    OK(utimensat(AT_FDCWD, "m/x", old, 0));
    char c;
    int fd = (int)OK(open("m/x", O_RDONLY));
    OK(read(fd, &c, 1));
    OK(close(fd));
    struct stat st;
    OK(stat("m/x", &st));
    EQ(st.st_atim.tv_sec, 1000);
    OK(umount("m"));
}

static void propagation(void)
{
    OK(mount("none", "m", "tmpfs", 0, NULL));
    OK(mount(NULL, "m", NULL, MS_PRIVATE, NULL));
    OK(mount(NULL, "m", NULL, MS_UNBINDABLE, NULL));
    FAILS(mount("m", "dst", NULL, MS_BIND, NULL), EINVAL);
    OK(mount(NULL, "m", NULL, MS_PRIVATE | MS_REC, NULL));
    FAILS(mount(NULL, "m", NULL, MS_PRIVATE | MS_SHARED, NULL), EINVAL);
    FAILS(mount(NULL, "m", NULL, MS_PRIVATE | MS_NODEV, NULL), EINVAL);
    FAILS(mount(NULL, "src", NULL, MS_PRIVATE, NULL), EINVAL);
    OK(umount("m"));
}

static void as_stranger(void)
{
    FAILS(mount("none", "m", "tmpfs", 0, NULL), EPERM);
    FAILS(umount("m"), EPERM);
    FAILS(umount2("m", 99), EINVAL);
}

int main(void)
{
    fresh_tmpfs(NULL);
    OK(mount(NULL, ".", NULL, MS_PRIVATE, NULL));
    new_mounts();
    busy();
    binds();
    moves();
    remounts();
    mount_flags();
    propagation();
    as_user(1000, 1000, as_stranger);
    leave_tmpfs();
    return 0;
}
