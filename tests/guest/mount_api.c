/* SPDX-License-Identifier: MIT */
/* open_tree(2), move_mount(2), fsopen(2), fsconfig(2), fsmount(2), fspick(2), mount_setattr(2). */
#include "guest.h"

#include <sys/mount.h>
#include <sys/statvfs.h>

enum { SET_FLAG, SET_STRING, SET_BINARY, SET_PATH, SET_PATH_EMPTY, SET_FD, CREATE, RECONFIGURE };
enum { TREE_CLONE = 1, TREE_CLOEXEC = O_CLOEXEC };
enum { F_EMPTY_PATH = 4, T_SYMLINKS = 0x10, T_EMPTY_PATH = 0x40 };
enum {
    ATTR_RDONLY = 1,
    ATTR_NOSUID = 2,
    ATTR_NOEXEC = 8,
    ATTR_ATIME = 0x70,
    ATTR_NOATIME = 0x10,
    ATTR_STRICT = 0x20
};
#define RECURSIVE 0x8000

struct attributes {
    uint64_t set, clear, propagation, userns;
};

static int fsopen_(const char *name, unsigned flags)
{
    return (int)syscall(430, name, flags);
}
static int fsconfig_(int fd, unsigned command, const char *key, const void *value, int aux)
{
    return (int)syscall(431, fd, command, key, value, aux);
}
static int fsmount_(int fd, unsigned flags, unsigned attributes)
{
    return (int)syscall(432, fd, flags, attributes);
}
static int fspick_(int dir, const char *name, unsigned flags)
{
    return (int)syscall(433, dir, name, flags);
}
static int open_tree_(int dir, const char *name, unsigned flags)
{
    return (int)syscall(428, dir, name, flags);
}
static int move_mount_(int from, const char *from_name, int to, const char *to_name, unsigned flags)
{
    return (int)syscall(429, from, from_name, to, to_name, flags);
}
static int mount_setattr_(int dir, const char *name, unsigned flags, struct attributes *attributes,
                          size_t size)
{
    return (int)syscall(442, dir, name, flags, attributes, size);
}

static bool exists(const char *name)
{
    return access(name, F_OK) == 0;
}

static void start(void)
{
    if (geteuid() != 0)
        skip("needs root");
    OK(unshare(CLONE_NEWNS));
    OK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
    OK(mount("none", "/tmp", "tmpfs", 0, NULL));
    OK(chdir("/tmp"));
    OK(mkdir("a", 0755));
    OK(mkdir("b", 0755));
}

static void a_tmpfs_in_steps(void)
{
    struct stat st;
    struct statvfs vfs;
    char byte;
    start();
    int fd = (int)OK(fsopen_("tmpfs", 1));
    EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    FAILS(read(fd, &byte, 1), ENODATA);
    OK(fsconfig_(fd, SET_STRING, "source", "mine", 0));
    FAILS(fsconfig_(fd, SET_STRING, "source", "again", 0), EINVAL);
    OK(fsconfig_(fd, SET_STRING, "size", "1m", 0));
    OK(fsconfig_(fd, SET_STRING, "mode", "0710", 0));
    FAILS(fsconfig_(fd, SET_STRING, "nosuchoption", "1", 0), EINVAL);
    FAILS(fsconfig_(fd, SET_FLAG, "nosuchoption", NULL, 0), EINVAL);
    OK(fsconfig_(fd, SET_FLAG, "ro", NULL, 0));
    OK(fsconfig_(fd, SET_FLAG, "rw", NULL, 0));
    FAILS(fsmount_(fd, 0, 0), EINVAL); /* not created yet */
    FAILS(fsconfig_(fd, RECONFIGURE, NULL, NULL, 0), EBUSY);
    OK(fsconfig_(fd, CREATE, NULL, NULL, 0));
    FAILS(fsconfig_(fd, CREATE, NULL, NULL, 0), EBUSY);
    FAILS(fsconfig_(fd, SET_STRING, "size", "2m", 0), EBUSY);
    int mount_fd = (int)OK(fsmount_(fd, 1, ATTR_NOSUID | ATTR_NOATIME));
    FAILS(fsmount_(fd, 0, 0), EBUSY);
    OK(close(fd));
    OK(mkdirat(mount_fd, "inside", 0700)); /* usable before it is anywhere */
    OK(move_mount_(mount_fd, "", AT_FDCWD, "a", F_EMPTY_PATH));
    OK(close(mount_fd));
    OK(stat("a", &st));
    EQ(st.st_mode & 07777, 0710);
    TRUE(exists("a/inside"));
    OK(statvfs("a", &vfs));
    TRUE(vfs.f_flag & ST_NOSUID);
    EQ(vfs.f_blocks * vfs.f_frsize, 1 << 20);
    OK(umount("a"));
}

static void arguments_are_checked(void)
{
    start();
    FAILS(fsopen_("nosuchfs", 0), ENODEV);
    FAILS(fsopen_(BAD_POINTER, 0), EFAULT);
    FAILS(fsopen_("tmpfs", 2), EINVAL);
    int fd = (int)OK(fsopen_("tmpfs", 0)), null = (int)OK(open("/dev/null", O_RDWR));
    FAILS(fsconfig_(-1, SET_FLAG, "ro", NULL, 0), EINVAL);
    FAILS(fsconfig_(99, SET_FLAG, "ro", NULL, 0), EBADF);
    FAILS(fsconfig_(null, SET_FLAG, "ro", NULL, 0), EINVAL);
    FAILS(fsconfig_(fd, 99, NULL, NULL, 0), EOPNOTSUPP);
    FAILS(fsconfig_(fd, SET_FLAG, NULL, NULL, 0), EINVAL);
    FAILS(fsconfig_(fd, SET_FLAG, "ro", "x", 0), EINVAL);
    FAILS(fsconfig_(fd, SET_STRING, "size", NULL, 0), EINVAL);
    FAILS(fsconfig_(fd, SET_STRING, "size", "1m", 1), EINVAL);
    FAILS(fsconfig_(fd, SET_STRING, BAD_POINTER, "1m", 0), EFAULT);
    FAILS(fsconfig_(fd, SET_STRING, "size", BAD_POINTER, 0), EFAULT);
    FAILS(fsconfig_(fd, SET_BINARY, "x", "1", 0), EINVAL);
    FAILS(fsconfig_(fd, SET_PATH, "x", "/", -5), EINVAL);
    FAILS(fsconfig_(fd, SET_FD, "x", NULL, -1), EINVAL);
    FAILS(fsconfig_(fd, CREATE, "x", NULL, 0), EINVAL);
    FAILS(fsmount_(fd, 2, 0), EINVAL);
    FAILS(fsmount_(fd, 0, 0x40000000), EINVAL);
    FAILS(fsmount_(fd, 0, ATTR_ATIME), EINVAL);
    FAILS(fsmount_(99, 0, 0), EBADF);
    FAILS(fsmount_(null, 0, 0), EINVAL);
    FAILS(fspick_(AT_FDCWD, "/tmp", 0x10), EINVAL);
    FAILS(fspick_(AT_FDCWD, "nothing", 0), ENOENT);
    FAILS(fspick_(AT_FDCWD, "a", 0), EINVAL); /* not a mount point */
    FAILS(open_tree_(AT_FDCWD, "a", 2), EINVAL);
    FAILS(open_tree_(AT_FDCWD, "a", RECURSIVE), EINVAL);
    FAILS(open_tree_(AT_FDCWD, "nothing", 0), ENOENT);
    FAILS(open_tree_(99, "a", 0), EBADF);
    FAILS(move_mount_(AT_FDCWD, "a", AT_FDCWD, "b", 0x8000), EINVAL);
    FAILS(move_mount_(AT_FDCWD, "a", AT_FDCWD, "b", 0), EINVAL); /* not a mount */
    FAILS(move_mount_(AT_FDCWD, "nothing", AT_FDCWD, "b", 0), ENOENT);
    OK(setresuid(65534, 65534, 65534));
    FAILS(fsopen_("tmpfs", 2), EPERM);
    FAILS(fsmount_(fd, 0, 0), EPERM);
    FAILS(fspick_(AT_FDCWD, "/tmp", 0), EPERM);
    FAILS(open_tree_(AT_FDCWD, "a", TREE_CLONE), EPERM);
    FAILS(move_mount_(AT_FDCWD, "a", AT_FDCWD, "b", 0), EPERM);
    OK(close((int)OK(open_tree_(AT_FDCWD, "a", 0))));
}

static void trees_are_cloned(void)
{
    start();
    OK(mount("none", "a", "tmpfs", 0, NULL));
    OK(mkdir("a/sub", 0755));
    OK(mount("none", "a/sub", "tmpfs", 0, NULL));
    write_text("a/sub/x", "x", 0644);
    int one = (int)OK(open_tree_(AT_FDCWD, "a", TREE_CLONE));
    int all = (int)OK(open_tree_(AT_FDCWD, "a", TREE_CLONE | RECURSIVE | TREE_CLOEXEC));
    EQ(faccessat(one, "sub/x", F_OK, 0), -1);
    OK(faccessat(all, "sub/x", F_OK, 0));
    EQ(fcntl(one, F_GETFD), 0);
    EQ(fcntl(all, F_GETFD), FD_CLOEXEC);
    OK(move_mount_(all, "", AT_FDCWD, "b", F_EMPTY_PATH));
    TRUE(exists("b/sub/x"));
    FAILS(move_mount_(AT_FDCWD, "b", AT_FDCWD, "b/sub", 0), ELOOP);
    FAILS(umount("b"), EBUSY);
    OK(umount2("b", MNT_DETACH));
    OK(close(all));
    OK(close(one)); /* goes away with its descriptor */
    /* Without a copy the descriptor is the place. */
    int place = (int)OK(open_tree_(AT_FDCWD, "a/sub", 0));
    OK(move_mount_(place, "", AT_FDCWD, "b", F_EMPTY_PATH));
    TRUE(exists("b/x") && !exists("a/sub/x"));
    FAILS(open_tree_(AT_FDCWD, "b/none", TREE_CLONE), ENOENT);
    OK(close(place));
}

static void superblocks_are_changed(void)
{
    start();
    OK(mount("none", "a", "tmpfs", 0, "size=1m"));
    int fd = (int)OK(fspick_(AT_FDCWD, "a", 0));
    FAILS(fsconfig_(fd, CREATE, NULL, NULL, 0), EBUSY);
    OK(fsconfig_(fd, SET_FLAG, "ro", NULL, 0));
    OK(fsconfig_(fd, RECONFIGURE, NULL, NULL, 0));
    FAILS(mkdir("a/x", 0755), EROFS);
    OK(fsconfig_(fd, SET_FLAG, "rw", NULL, 0));
    OK(fsconfig_(fd, RECONFIGURE, NULL, NULL, 0));
    OK(mkdir("a/x", 0755));
}

static void attributes_are_set(void)
{
    struct attributes attributes = {.set = ATTR_RDONLY | ATTR_NOSUID};
    struct statvfs vfs;
    start();
    OK(mount("none", "a", "tmpfs", 0, NULL));
    OK(mkdir("a/sub", 0755));
    OK(mount("none", "a/sub", "tmpfs", 0, NULL));
    OK(mount_setattr_(AT_FDCWD, "a", 0, &attributes, sizeof(attributes)));
    OK(statvfs("a", &vfs));
    TRUE((vfs.f_flag & ST_RDONLY) && (vfs.f_flag & ST_NOSUID));
    FAILS(mkdir("a/x", 0755), EROFS);
    OK(mkdir("a/sub/x", 0755));
    OK(mount_setattr_(AT_FDCWD, "a", RECURSIVE, &attributes, sizeof(attributes)));
    FAILS(mkdir("a/sub/y", 0755), EROFS);
    attributes = (struct attributes){.clear = ATTR_RDONLY, .set = ATTR_NOEXEC};
    OK(mount_setattr_(AT_FDCWD, "a", RECURSIVE, &attributes, sizeof(attributes)));
    OK(mkdir("a/x", 0755));
    attributes = (struct attributes){.set = ATTR_RDONLY};
    int fd = (int)OK(open("a/file", O_WRONLY | O_CREAT, 0644));
    FAILS(mount_setattr_(AT_FDCWD, "a", 0, &attributes, sizeof(attributes)), EBUSY);
    OK(close(fd));
    attributes = (struct attributes){.clear = ATTR_ATIME, .set = ATTR_NOATIME};
    OK(mount_setattr_(AT_FDCWD, "a", 0, &attributes, sizeof(attributes)));
    OK(statvfs("a", &vfs));
    TRUE(vfs.f_flag & ST_NOATIME);
    attributes = (struct attributes){.propagation = MS_SHARED};
    OK(mount_setattr_(AT_FDCWD, "a", 0, &attributes, sizeof(attributes)));

    FAILS(mount_setattr_(AT_FDCWD, "a", 1, &attributes, sizeof(attributes)), EINVAL);
    FAILS(mount_setattr_(AT_FDCWD, "a", 0, &attributes, 8), EINVAL);
    FAILS(mount_setattr_(AT_FDCWD, "a", 0, &attributes, 1 << 20), E2BIG);
    FAILS(mount_setattr_(AT_FDCWD, "a", 0, BAD_POINTER, sizeof(attributes)), EFAULT);
    FAILS(mount_setattr_(AT_FDCWD, "a/x", 0, &attributes, sizeof(attributes)), EINVAL);
    FAILS(mount_setattr_(AT_FDCWD, "none", 0, &attributes, sizeof(attributes)), ENOENT);
    attributes = (struct attributes){.propagation = MS_SHARED | MS_SLAVE};
    FAILS(mount_setattr_(AT_FDCWD, "a", 0, &attributes, sizeof(attributes)), EINVAL);
    attributes = (struct attributes){.set = ATTR_NOATIME};
    FAILS(mount_setattr_(AT_FDCWD, "a", 0, &attributes, sizeof(attributes)), EINVAL);
    attributes = (struct attributes){.set = 0x40000000};
    FAILS(mount_setattr_(AT_FDCWD, "a", 0, &attributes, sizeof(attributes)), EINVAL);
    attributes = (struct attributes){0};
    OK(mount_setattr_(AT_FDCWD, "none", 0, &attributes, sizeof(attributes)));
}

static void detached_mounts_can_change_first(void)
{
    struct attributes attributes = {.set = ATTR_RDONLY};
    start();
    int fd = (int)OK(open_tree_(AT_FDCWD, ".", TREE_CLONE));
    OK(mount_setattr_(fd, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)));
    OK(move_mount_(fd, "", AT_FDCWD, "a", F_EMPTY_PATH));
    FAILS(mkdir("a/x", 0755), EROFS);
    OK(mkdir("x", 0755));
}

GUEST_MAIN(CASE(a_tmpfs_in_steps), CASE(arguments_are_checked), CASE(trees_are_cloned),
           CASE(superblocks_are_changed), CASE(attributes_are_set),
           CASE(detached_mounts_can_change_first))
