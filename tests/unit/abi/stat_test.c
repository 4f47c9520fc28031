/* SPDX-License-Identifier: MIT */
/* kernel/abi/stat.h against the host's headers. */
#define _GNU_SOURCE
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "tests/unit/abi/host_compare.h"

/* clang-format off */
#define NAMES(V) \
    V(S_IFMT) V(S_IFSOCK) V(S_IFLNK) V(S_IFREG) V(S_IFBLK) V(S_IFDIR) V(S_IFCHR) V(S_IFIFO) \
    V(S_ISUID) V(S_ISGID) V(S_ISVTX) V(S_IRWXU) V(S_IRUSR) V(S_IWUSR) V(S_IXUSR) V(S_IRWXG) \
    V(S_IRGRP) V(S_IWGRP) V(S_IXGRP) V(S_IRWXO) V(S_IROTH) V(S_IWOTH) V(S_IXOTH) V(STATX_TYPE) \
    V(STATX_MODE) V(STATX_NLINK) V(STATX_UID) V(STATX_GID) V(STATX_ATIME) V(STATX_MTIME) \
    V(STATX_CTIME) V(STATX_INO) V(STATX_SIZE) V(STATX_BLOCKS) V(STATX_BASIC_STATS) \
    V(STATX_BTIME) V(STATX_MNT_ID) V(STATX_DIOALIGN) V(STATX__RESERVED) V(STATX_ATTR_COMPRESSED) \
    V(STATX_ATTR_IMMUTABLE) V(STATX_ATTR_APPEND) V(STATX_ATTR_NODUMP) V(STATX_ATTR_ENCRYPTED) \
    V(STATX_ATTR_AUTOMOUNT) V(STATX_ATTR_MOUNT_ROOT) V(STATX_ATTR_VERITY) V(STATX_ATTR_DAX) \
    V(UTIME_NOW) V(UTIME_OMIT) V(ST_RDONLY) V(ST_NOSUID) V(ST_NODEV) V(ST_NOEXEC) \
    V(ST_SYNCHRONOUS) V(ST_MANDLOCK) V(ST_NOATIME) V(ST_NODIRATIME) V(ST_RELATIME) \
    V(ANON_INODE_FS_MAGIC) V(BPF_FS_MAGIC) V(CGROUP_SUPER_MAGIC) V(CGROUP2_SUPER_MAGIC) \
    V(DEBUGFS_MAGIC) V(DEVPTS_SUPER_MAGIC) V(EXT4_SUPER_MAGIC) V(FUSE_SUPER_MAGIC) \
    V(HUGETLBFS_MAGIC) V(ISOFS_SUPER_MAGIC) V(MSDOS_SUPER_MAGIC) V(NSFS_MAGIC) \
    V(OVERLAYFS_SUPER_MAGIC) V(PIPEFS_MAGIC) V(PROC_SUPER_MAGIC) V(RAMFS_MAGIC) \
    V(SECURITYFS_MAGIC) V(SOCKFS_MAGIC) V(SQUASHFS_MAGIC) V(SYSFS_MAGIC) V(TMPFS_MAGIC) \
    V(TRACEFS_MAGIC) V(V9FS_MAGIC)
/* clang-format on */

HOST_TABLE(NAMES);

#undef st_atime
#undef st_mtime
#undef st_ctime

#define ABI_HEADER "kernel/abi/stat.h"
#include "tests/unit/abi/quiet_include.h"

ABI_TABLE(NAMES);

ABI_VALUES_TEST

static const struct abi_layout layouts[] = {
    SAME_SIZE(struct linux_stat, struct stat),
    SAME_FIELD(struct linux_stat, st_dev, struct stat, st_dev),
    SAME_FIELD(struct linux_stat, st_ino, struct stat, st_ino),
    SAME_FIELD(struct linux_stat, st_nlink, struct stat, st_nlink),
    SAME_FIELD(struct linux_stat, st_mode, struct stat, st_mode),
    SAME_FIELD(struct linux_stat, st_uid, struct stat, st_uid),
    SAME_FIELD(struct linux_stat, st_gid, struct stat, st_gid),
    SAME_FIELD(struct linux_stat, st_rdev, struct stat, st_rdev),
    SAME_FIELD(struct linux_stat, st_size, struct stat, st_size),
    SAME_FIELD(struct linux_stat, st_blksize, struct stat, st_blksize),
    SAME_FIELD(struct linux_stat, st_blocks, struct stat, st_blocks),
    SAME_FIELD(struct linux_stat, st_atime, struct stat, st_atim.tv_sec),
    SAME_FIELD(struct linux_stat, st_mtime, struct stat, st_mtim.tv_sec),
    SAME_FIELD(struct linux_stat, st_ctime, struct stat, st_ctim.tv_sec),
    SAME_FIELD(struct linux_stat, st_atime_nsec, struct stat, st_atim.tv_nsec),
    SAME_FIELD(struct linux_stat, st_mtime_nsec, struct stat, st_mtim.tv_nsec),
    SAME_FIELD(struct linux_stat, st_ctime_nsec, struct stat, st_ctim.tv_nsec),
    SAME_SIZE(struct linux_statx_timestamp, struct statx_timestamp),
    SAME_FIELD(struct linux_statx_timestamp, tv_sec, struct statx_timestamp, tv_sec),
    SAME_FIELD(struct linux_statx_timestamp, tv_nsec, struct statx_timestamp, tv_nsec),
    SAME_SIZE(struct linux_statx, struct statx),
    SAME_FIELD(struct linux_statx, stx_mask, struct statx, stx_mask),
    SAME_FIELD(struct linux_statx, stx_blksize, struct statx, stx_blksize),
    SAME_FIELD(struct linux_statx, stx_attributes, struct statx, stx_attributes),
    SAME_FIELD(struct linux_statx, stx_nlink, struct statx, stx_nlink),
    SAME_FIELD(struct linux_statx, stx_uid, struct statx, stx_uid),
    SAME_FIELD(struct linux_statx, stx_gid, struct statx, stx_gid),
    SAME_FIELD(struct linux_statx, stx_mode, struct statx, stx_mode),
    SAME_FIELD(struct linux_statx, stx_ino, struct statx, stx_ino),
    SAME_FIELD(struct linux_statx, stx_size, struct statx, stx_size),
    SAME_FIELD(struct linux_statx, stx_blocks, struct statx, stx_blocks),
    SAME_FIELD(struct linux_statx, stx_attributes_mask, struct statx, stx_attributes_mask),
    SAME_FIELD(struct linux_statx, stx_atime, struct statx, stx_atime),
    SAME_FIELD(struct linux_statx, stx_btime, struct statx, stx_btime),
    SAME_FIELD(struct linux_statx, stx_ctime, struct statx, stx_ctime),
    SAME_FIELD(struct linux_statx, stx_mtime, struct statx, stx_mtime),
    SAME_FIELD(struct linux_statx, stx_rdev_major, struct statx, stx_rdev_major),
    SAME_FIELD(struct linux_statx, stx_rdev_minor, struct statx, stx_rdev_minor),
    SAME_FIELD(struct linux_statx, stx_dev_major, struct statx, stx_dev_major),
    SAME_FIELD(struct linux_statx, stx_dev_minor, struct statx, stx_dev_minor),
    SAME_FIELD(struct linux_statx, stx_mnt_id, struct statx, stx_mnt_id),
    SAME_FIELD(struct linux_statx, stx_dio_mem_align, struct statx, stx_dio_mem_align),
    SAME_FIELD(struct linux_statx, stx_dio_offset_align, struct statx, stx_dio_offset_align),
    SAME_SIZE(struct linux_statfs, struct statfs),
    SAME_FIELD(struct linux_statfs, f_type, struct statfs, f_type),
    SAME_FIELD(struct linux_statfs, f_bsize, struct statfs, f_bsize),
    SAME_FIELD(struct linux_statfs, f_blocks, struct statfs, f_blocks),
    SAME_FIELD(struct linux_statfs, f_bfree, struct statfs, f_bfree),
    SAME_FIELD(struct linux_statfs, f_bavail, struct statfs, f_bavail),
    SAME_FIELD(struct linux_statfs, f_files, struct statfs, f_files),
    SAME_FIELD(struct linux_statfs, f_ffree, struct statfs, f_ffree),
    SAME_FIELD(struct linux_statfs, f_fsid, struct statfs, f_fsid),
    SAME_FIELD(struct linux_statfs, f_namelen, struct statfs, f_namelen),
    SAME_FIELD(struct linux_statfs, f_frsize, struct statfs, f_frsize),
    SAME_FIELD(struct linux_statfs, f_flags, struct statfs, f_flags),
    SAME_FIELD(struct linux_statfs, f_spare, struct statfs, f_spare),
};

ABI_LAYOUTS_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, values_equal_those_of_the_host);
    tcase_add_test(tcase, structures_are_laid_out_as_on_the_host);
}

static Suite *stat_suite(void)
{
    return unit_suite("stat", add);
}

UNIT_MAIN(stat_suite)
