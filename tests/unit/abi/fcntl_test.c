/* SPDX-License-Identifier: MIT */
/* kernel/abi/fcntl.h against the host's headers. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <linux/limits.h>
#include <linux/openat2.h>
#include <linux/xattr.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/unit/abi/host_compare.h"

/* clang-format off */
#define NAMES(V) \
    V(O_ACCMODE) V(O_RDONLY) V(O_WRONLY) V(O_RDWR) V(O_CREAT) V(O_EXCL) V(O_NOCTTY) V(O_TRUNC) \
    V(O_APPEND) V(O_NONBLOCK) V(O_NDELAY) V(O_DSYNC) V(O_ASYNC) V(O_DIRECT) V(O_DIRECTORY) \
    V(O_NOFOLLOW) V(O_NOATIME) V(O_CLOEXEC) V(O_SYNC) V(O_PATH) V(O_TMPFILE) V(F_DUPFD) \
    V(F_GETFD) V(F_SETFD) V(F_GETFL) V(F_SETFL) V(F_GETLK) V(F_SETLK) V(F_SETLKW) V(F_SETOWN) \
    V(F_GETOWN) V(F_SETSIG) V(F_GETSIG) V(F_SETOWN_EX) V(F_GETOWN_EX) V(F_OFD_GETLK) \
    V(F_OFD_SETLK) V(F_OFD_SETLKW) V(F_SETLEASE) V(F_GETLEASE) V(F_NOTIFY) V(F_DUPFD_CLOEXEC) \
    V(F_SETPIPE_SZ) V(F_GETPIPE_SZ) V(F_ADD_SEALS) V(F_GET_SEALS) V(F_GET_RW_HINT) \
    V(F_SET_RW_HINT) V(F_GET_FILE_RW_HINT) V(F_SET_FILE_RW_HINT) V(FD_CLOEXEC) V(F_RDLCK) \
    V(F_WRLCK) V(F_UNLCK) V(F_OWNER_TID) V(F_OWNER_PID) V(F_OWNER_PGRP) V(F_SEAL_SEAL) \
    V(F_SEAL_SHRINK) V(F_SEAL_GROW) V(F_SEAL_WRITE) V(F_SEAL_FUTURE_WRITE) V(DN_ACCESS) \
    V(DN_MODIFY) V(DN_CREATE) V(DN_DELETE) V(DN_RENAME) V(DN_ATTRIB) V(DN_MULTISHOT) V(LOCK_SH) \
    V(LOCK_EX) V(LOCK_NB) V(LOCK_UN) V(AT_FDCWD) V(AT_SYMLINK_NOFOLLOW) V(AT_EACCESS) \
    V(AT_REMOVEDIR) V(AT_SYMLINK_FOLLOW) V(AT_NO_AUTOMOUNT) V(AT_EMPTY_PATH) \
    V(AT_STATX_SYNC_TYPE) V(AT_STATX_SYNC_AS_STAT) V(AT_STATX_FORCE_SYNC) V(AT_STATX_DONT_SYNC) \
    V(AT_RECURSIVE) V(F_OK) V(X_OK) V(W_OK) V(R_OK) V(SEEK_SET) V(SEEK_CUR) V(SEEK_END) \
    V(SEEK_DATA) V(SEEK_HOLE) V(RESOLVE_NO_XDEV) V(RESOLVE_NO_MAGICLINKS) V(RESOLVE_NO_SYMLINKS) \
    V(RESOLVE_BENEATH) V(RESOLVE_IN_ROOT) V(RESOLVE_CACHED) V(RENAME_NOREPLACE) \
    V(RENAME_EXCHANGE) V(RENAME_WHITEOUT) V(FALLOC_FL_KEEP_SIZE) V(FALLOC_FL_PUNCH_HOLE) \
    V(FALLOC_FL_NO_HIDE_STALE) V(FALLOC_FL_COLLAPSE_RANGE) V(FALLOC_FL_ZERO_RANGE) \
    V(FALLOC_FL_INSERT_RANGE) V(FALLOC_FL_UNSHARE_RANGE) V(POSIX_FADV_NORMAL) \
    V(POSIX_FADV_RANDOM) V(POSIX_FADV_SEQUENTIAL) V(POSIX_FADV_WILLNEED) V(POSIX_FADV_DONTNEED) \
    V(POSIX_FADV_NOREUSE) V(SYNC_FILE_RANGE_WAIT_BEFORE) V(SYNC_FILE_RANGE_WRITE) \
    V(SYNC_FILE_RANGE_WAIT_AFTER) V(SPLICE_F_MOVE) V(SPLICE_F_NONBLOCK) V(SPLICE_F_MORE) \
    V(SPLICE_F_GIFT) V(RWF_HIPRI) V(RWF_DSYNC) V(RWF_SYNC) V(RWF_NOWAIT) V(RWF_APPEND) \
    V(XATTR_CREATE) V(XATTR_REPLACE) V(XATTR_NAME_MAX) V(XATTR_SIZE_MAX) V(XATTR_LIST_MAX) \
    V(CLOSE_RANGE_UNSHARE) V(CLOSE_RANGE_CLOEXEC) V(NAME_MAX) V(PATH_MAX) V(PIPE_BUF) V(IOV_MAX)
/* clang-format on */

HOST_TABLE(NAMES);

#define ABI_HEADER "kernel/abi/fcntl.h"
#include "tests/unit/abi/quiet_include.h"

ABI_TABLE(NAMES);

ABI_VALUES_TEST

static const struct abi_layout layouts[] = {
    SAME_SIZE(struct linux_flock, struct flock),
    SAME_FIELD(struct linux_flock, l_type, struct flock, l_type),
    SAME_FIELD(struct linux_flock, l_whence, struct flock, l_whence),
    SAME_FIELD(struct linux_flock, l_start, struct flock, l_start),
    SAME_FIELD(struct linux_flock, l_len, struct flock, l_len),
    SAME_FIELD(struct linux_flock, l_pid, struct flock, l_pid),
    SAME_SIZE(struct linux_f_owner_ex, struct f_owner_ex),
    SAME_FIELD(struct linux_f_owner_ex, type, struct f_owner_ex, type),
    SAME_FIELD(struct linux_f_owner_ex, pid, struct f_owner_ex, pid),
    SAME_SIZE(struct linux_open_how, struct open_how),
    SAME_FIELD(struct linux_open_how, flags, struct open_how, flags),
    SAME_FIELD(struct linux_open_how, mode, struct open_how, mode),
    SAME_FIELD(struct linux_open_how, resolve, struct open_how, resolve),
};

ABI_LAYOUTS_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, values_equal_those_of_the_host);
    tcase_add_test(tcase, structures_are_laid_out_as_on_the_host);
}

static Suite *fcntl_suite(void)
{
    return unit_suite("fcntl", add);
}

UNIT_MAIN(fcntl_suite)
