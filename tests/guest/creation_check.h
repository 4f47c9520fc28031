/* SPDX-License-Identifier: MIT
 *
 * Every call that gives a directory a new name. Include it after guest.h or fs_check.h.
 */
#ifndef TESTS_GUEST_CREATION_CHECK_H
#define TESTS_GUEST_CREATION_CHECK_H

/* In "directory", where nothing is called "new"; "existing" is a file beside it. */
static inline void creating_fails(const char *directory, const char *existing, int error)
{
    char name[64];
    snprintf(name, sizeof(name), "%s/new", directory);
    FAILS(syscall(SYS_open, name, O_WRONLY | O_CREAT, 0600), error);
    FAILS(syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT, 0600), error);
    FAILS(syscall(SYS_openat, AT_FDCWD, directory, O_TMPFILE | O_RDWR, 0600), error);
    FAILS(syscall(SYS_creat, name, 0600), error);
    FAILS(syscall(SYS_mkdir, name, 0700), error);
    FAILS(syscall(SYS_mkdirat, AT_FDCWD, name, 0700), error);
    FAILS(syscall(SYS_mknod, name, S_IFIFO | 0600, 0), error);
    FAILS(syscall(SYS_mknodat, AT_FDCWD, name, S_IFREG | 0600, 0), error);
    FAILS(syscall(SYS_symlink, "file", name), error);
    FAILS(syscall(SYS_symlinkat, "file", AT_FDCWD, name), error);
    FAILS(syscall(SYS_link, existing, name), error);
    FAILS(syscall(SYS_linkat, AT_FDCWD, existing, AT_FDCWD, name, 0), error);
}

#endif
