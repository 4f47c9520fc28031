/* SPDX-License-Identifier: MIT */
/* name_to_handle_at(2), open_by_handle_at(2) on a tmpfs. */
#include "guest.h"

#include <sys/mount.h>

struct handle {
    unsigned bytes;
    int type;
    unsigned char data[128];
};

static int to_handle(int dir, const char *name, void *handle, int *mount, int flags)
{
    return (int)syscall(SYS_name_to_handle_at, dir, name, handle, mount, flags);
}

static int by_handle(int mount, void *handle, int flags)
{
    return (int)syscall(SYS_open_by_handle_at, mount, handle, flags);
}

static void start(void)
{
    if (geteuid() != 0)
        skip("needs root");
    OK(unshare(CLONE_NEWNS));
    OK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
    OK(mount("none", "/tmp", "tmpfs", 0, NULL));
    OK(chdir("/tmp"));
    OK(mkdir("dir", 0755));
    write_text("dir/file", "content", 0644);
    OK(symlink("dir/file", "link"));
}

static void handles_lead_back(void)
{
    struct handle handle = {.bytes = 0};
    struct stat wanted, got;
    int id = -1;
    char text[8];
    start();
    FAILS(to_handle(AT_FDCWD, "dir/file", &handle, &id, 0), EOVERFLOW);
    TRUE(handle.bytes > 0 && handle.bytes <= 128);
    OK(to_handle(AT_FDCWD, "dir/file", &handle, &id, 0));
    TRUE(id > 0);
    int fd = (int)OK(by_handle(AT_FDCWD, &handle, O_RDONLY));
    EQ(read(fd, text, sizeof(text)), 7);
    OK(fstat(fd, &got));
    OK(stat("dir/file", &wanted));
    EQ(got.st_ino, wanted.st_ino);
    OK(close(fd));
    OK(rename("dir/file", "moved"));
    fd = (int)OK(by_handle(AT_FDCWD, &handle, O_PATH));
    OK(close(fd));
    fd = (int)OK(open("moved", O_RDONLY));
    struct handle same = {.bytes = 128};
    OK(to_handle(fd, "", &same, &id, AT_EMPTY_PATH));
    EQ(same.bytes, handle.bytes);
    EQ(memcmp(same.data, handle.data, same.bytes), 0);
    OK(close(fd));
    OK(unlink("moved"));
    FAILS(by_handle(AT_FDCWD, &handle, O_RDONLY), ESTALE);
    handle.bytes = 128;
    OK(to_handle(AT_FDCWD, "link", &handle, &id, 0)); /* the link itself */
    FAILS(to_handle(AT_FDCWD, "link", &handle, &id, AT_SYMLINK_FOLLOW), ENOENT);
    handle.bytes = 128;
    OK(to_handle(AT_FDCWD, "dir", &handle, &id, 0));
    fd = (int)OK(by_handle(AT_FDCWD, &handle, O_RDONLY | O_DIRECTORY));
    OK(close(fd));
    FAILS(by_handle(AT_FDCWD, &handle, O_WRONLY), EISDIR);
}

static void errors(void)
{
    struct handle handle = {.bytes = 129};
    int id;
    start();
    FAILS(to_handle(AT_FDCWD, "dir", &handle, &id, 0), EINVAL);
    handle.bytes = 128;
    FAILS(to_handle(AT_FDCWD, "dir", &handle, &id, 0x100000), EINVAL);
    FAILS(to_handle(AT_FDCWD, "nothing", &handle, &id, 0), ENOENT);
    FAILS(to_handle(AT_FDCWD, "", &handle, &id, 0), ENOENT);
    FAILS(to_handle(99, "dir", &handle, &id, 0), EBADF);
    FAILS(to_handle(AT_FDCWD, "dir", BAD_POINTER, &id, 0), EFAULT);
    FAILS(to_handle(AT_FDCWD, "dir", &handle, BAD_POINTER, 0), EFAULT);
    FAILS(to_handle(AT_FDCWD, "/proc/self/stat", &handle, &id, 0), EOPNOTSUPP);
    handle.bytes = 128;
    OK(to_handle(AT_FDCWD, "dir", &handle, &id, 0));
    FAILS(by_handle(99, &handle, O_RDONLY), EBADF);
    FAILS(by_handle(AT_FDCWD, BAD_POINTER, O_RDONLY), EFAULT);
    unsigned bytes = handle.bytes;
    handle.bytes = 0;
    FAILS(by_handle(AT_FDCWD, &handle, O_RDONLY), EINVAL);
    handle.bytes = 129;
    FAILS(by_handle(AT_FDCWD, &handle, O_RDONLY), EINVAL);
    handle.bytes = bytes;
    memset(handle.data, 0xee, bytes);
    FAILS(by_handle(AT_FDCWD, &handle, O_RDONLY), ESTALE);
    OK(setresuid(65534, 65534, 65534));
    FAILS(by_handle(AT_FDCWD, &handle, O_RDONLY), EPERM);
}

GUEST_MAIN(CASE(handles_lead_back), CASE(errors))
