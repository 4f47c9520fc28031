/* SPDX-License-Identifier: MIT */
/* xattr(7): user.*, trusted.*, security.* on a tmpfs. */
#include "fs_check.h"

#include <sys/xattr.h>

static void basics(void)
{
    char value[64];
    write_file("f", "x");
    OK(setxattr("f", "trusted.a", "one", 3, 0));
    EQ(getxattr("f", "trusted.a", value, sizeof(value)), 3);
    TRUE(memcmp(value, "one", 3) == 0);
    EQ(getxattr("f", "trusted.a", NULL, 0), 3);
    FAILS(getxattr("f", "trusted.a", value, 2), ERANGE);
    FAILS(getxattr("f", "trusted.none", value, sizeof(value)), ENODATA);
    FAILS(setxattr("f", "trusted.a", "x", 1, XATTR_CREATE), EEXIST);
    FAILS(setxattr("f", "trusted.b", "x", 1, XATTR_REPLACE), ENODATA);
    OK(setxattr("f", "trusted.a", "longer value", 12, XATTR_REPLACE));
    EQ(getxattr("f", "trusted.a", value, sizeof(value)), 12);
    OK(setxattr("f", "trusted.empty", NULL, 0, 0));
    EQ(getxattr("f", "trusted.empty", value, sizeof(value)), 0);
    FAILS(setxattr("f", "trusted.a", "x", 1, 99), EINVAL);
    FAILS(setxattr("f", "unknown.a", "x", 1, 0), EOPNOTSUPP);
    FAILS(setxattr("f", "noprefix", "x", 1, 0), EOPNOTSUPP);
    FAILS(setxattr("f", "", "x", 1, 0), ERANGE);
    FAILS(setxattr("none", "trusted.a", "x", 1, 0), ENOENT);
    FAILS(setxattr("f", "trusted.a", BAD_POINTER, 5, 0), EFAULT);
    char name[300];
    memset(name, 'n', sizeof(name));
    memcpy(name, "trusted.", 8);
    name[256] = 0;
    FAILS(setxattr("f", name, "x", 1, 0), ERANGE);
    name[255] = 0;
    OK(setxattr("f", name, "x", 1, 0));
    OK(removexattr("f", name));
    static char big[65537];
    FAILS(setxattr("f", "trusted.big", big, 65537, 0), E2BIG);
}

static void listing(void)
{
    char list[256];
    long got = OK(listxattr("f", list, sizeof(list)));
    EQ(listxattr("f", NULL, 0), got);
    int seen = 0;
    for (char *at = list; at < list + got; at += strlen(at) + 1)
        if (strcmp(at, "trusted.a") == 0 || strcmp(at, "trusted.empty") == 0)
            seen++;
    EQ(seen, 2);
    FAILS(listxattr("f", list, 5), ERANGE);
    OK(removexattr("f", "trusted.empty"));
    FAILS(removexattr("f", "trusted.empty"), ENODATA);
    int fd = (int)OK(open("f", O_RDONLY));
    EQ(flistxattr(fd, list, sizeof(list)) > 0, 1);
    OK(fsetxattr(fd, "trusted.fd", "v", 1, 0));
    EQ(fgetxattr(fd, "trusted.fd", list, sizeof(list)), 1);
    OK(fremovexattr(fd, "trusted.fd"));
    OK(close(fd));
    FAILS(fgetxattr(fd, "trusted.fd", list, sizeof(list)), EBADF);
    FAILS(fgetxattr(-1, "trusted.fd", list, sizeof(list)), EBADF);
}

static void links_and_directories(void)
{
    char value[8];
    OK(symlink("f", "s"));
    OK(setxattr("s", "trusted.through", "f", 1, 0));
    EQ(getxattr("f", "trusted.through", value, sizeof(value)), 1);
    OK(lsetxattr("s", "trusted.own", "l", 1, 0));
    EQ(lgetxattr("s", "trusted.own", value, sizeof(value)), 1);
    FAILS(getxattr("f", "trusted.own", value, sizeof(value)), ENODATA);
    EQ(llistxattr("s", NULL, 0) > 0, 1);
    OK(lremovexattr("s", "trusted.own"));
    FAILS(lsetxattr("s", "user.x", "l", 1, 0), EPERM);
    FAILS(lgetxattr("s", "user.x", value, sizeof(value)), ENODATA);
    OK(mkdir("d", 0755));
    OK(setxattr("d", "trusted.d", "x", 1, 0));
    EQ(getxattr("d", "trusted.d", value, sizeof(value)), 1);
}

static void as_stranger(void)
{
    char value[8];
    FAILS(getxattr("f", "trusted.a", value, sizeof(value)), ENODATA);
    FAILS(setxattr("f", "trusted.a", "x", 1, 0), EPERM);
    FAILS(setxattr("f", "security.x", "x", 1, 0), EPERM);
    FAILS(setxattr("f", "user.x", "x", 1, 0), EACCES);
}

static void user_namespace(void)
{
    char value[8];
    if (setxattr("f", "user.x", "u", 1, 0) != 0 && errno == EOPNOTSUPP)
        return; /* Linux before 6.6 */
    EQ(getxattr("f", "user.x", value, sizeof(value)), 1);
    OK(mknod("fifo", S_IFIFO | 0600, 0));
    FAILS(setxattr("fifo", "user.x", "u", 1, 0), EPERM);
    as_user(1000, 1000, as_stranger);
    char list[256];
    long got = OK(listxattr("f", list, sizeof(list)));
    TRUE(got > 7);
    OK(removexattr("f", "user.x"));
}

int main(void)
{
    fresh_tmpfs(NULL);
    basics();
    listing();
    links_and_directories();
    user_namespace();
    leave_tmpfs();
    return 0;
}
