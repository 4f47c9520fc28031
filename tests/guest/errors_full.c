/* SPDX-License-Identifier: MIT */
/* ENOSPC of a tmpfs without free blocks or without free inodes; EDQUOT is for other file systems.
 */
#include "fs_check.h"

#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "creation_check.h"

enum { PAGE = 4096 };

static char page[PAGE];

static void mount_small(const char *options)
{
    OK(mkdir("m", 0777));
    OK(mount("none", "m", "tmpfs", 0, options));
}

static void unmount_small(void)
{
    OK(umount("m"));
    OK(rmdir("m"));
}

/* Every way to write one byte more into a file of `size` bytes, all blocks of which are used. */
static void writing_fails(int fd, off_t size)
{
    struct iovec part = {page, PAGE};
    int fds[2];
    off_t from = 0, to = size;
    OK(lseek(fd, size, SEEK_SET));
    FAILS(syscall(SYS_write, fd, page, 1), ENOSPC);
    FAILS(syscall(SYS_pwrite64, fd, page, 1, size), ENOSPC);
    FAILS(syscall(SYS_writev, fd, &part, 1), ENOSPC);
    FAILS(syscall(SYS_pwritev, fd, &part, 1, size, 0), ENOSPC);
    FAILS(syscall(SYS_pwritev2, fd, &part, 1, size, 0, 0), ENOSPC);
    FAILS(syscall(SYS_fallocate, fd, 0, 0, size + 1), ENOSPC);
    FAILS(syscall(SYS_fallocate, fd, 1 /* KEEP_SIZE */, size, 1), ENOSPC);
    FAILS(syscall(SYS_copy_file_range, fd, &from, fd, &to, 100, 0), ENOSPC);
    int source = (int)OK(open("m/file", O_RDONLY));
    FAILS(syscall(SYS_sendfile, fd, source, &from, 100), ENOSPC);
    EQ(from, 0);
    OK(close(source));
    OK(pipe(fds));
    EQ(write(fds[1], page, 100), 100);
    to = size;
    FAILS(syscall(SYS_splice, fds[0], NULL, fd, &to, 100, 0), ENOSPC);
    EQ(to, size);
    OK(close(fds[0]));
    OK(close(fds[1]));
    struct stat st;
    OK(fstat(fd, &st));
    EQ(st.st_size, size);
}

static void blocks_run_out(void)
{
    mount_small("size=16k");
    int fd = (int)OK(open("m/file", O_RDWR | O_CREAT, 0644));
    for (int i = 0; i < 3; i++)
        EQ(write(fd, page, PAGE), PAGE);
    /* A call that writes more than there is room for writes what fits. */
    char *much = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TRUE(much != MAP_FAILED);
    EQ(write(fd, much, 4 * PAGE), PAGE);
    writing_fails(fd, 4 * PAGE);
    /* Holes cost nothing, until they are written. */
    OK(ftruncate(fd, 100 * PAGE));
    FAILS(syscall(SYS_pwrite64, fd, page, 1, 50 * PAGE), ENOSPC);
    OK(ftruncate(fd, 4 * PAGE));
    EQ(pwrite(fd, "x", 1, PAGE), 1);
    /* Names and inodes need no block here; a long link does. */
    OK(mkdir("m/dir", 0777));
    write_file("m/empty", "");
    OK(symlink("short", "m/link"));
    memset(much, 'a', 1000);
    much[1000] = '\0';
    FAILS(syscall(SYS_symlink, much, "m/long"), ENOSPC);
    FAILS(syscall(SYS_readlink, "m/long", page, PAGE), ENOENT);
    /* What is given back can be used again. */
    OK(ftruncate(fd, 2 * PAGE));
    EQ(pwrite(fd, page, PAGE, 2 * PAGE), PAGE);
    OK(syscall(SYS_fallocate, fd, 3 /* PUNCH_HOLE | KEEP_SIZE */, 0, PAGE));
    EQ(pwrite(fd, page, PAGE, 3 * PAGE), PAGE);
    EQ(pwrite(fd, page, PAGE, 0), PAGE);
    OK(unlink("m/file"));
    FAILS(syscall(SYS_pwrite64, fd, page, 1, 4 * PAGE), ENOSPC);
    OK(close(fd));
    write_file("m/file", "room");
    OK(munmap(much, 4 * PAGE));
    unmount_small();
}

/* A write to a mapping that finds no block: SIGBUS, with BUS_ADRERR. */
static void mapped_hole(void)
{
    OK(ftruncate((int)OK(open("m/hole", O_RDWR | O_CREAT, 0644)), 8 * PAGE));
    int fd = (int)OK(open("m/hole", O_RDWR));
    char *map = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    TRUE(map != MAP_FAILED);
    for (int i = 0; i < 8; i++)
        ((volatile char *)map)[i * PAGE] = 1;
}

static void mappings_find_no_block(void)
{
    int status;
    mount_small("size=16k");
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        mapped_hole();
        _exit(0);
    }
    EQ(OK(waitpid(pid, &status, 0)), pid);
    TRUE(WIFSIGNALED(status));
    EQ(WTERMSIG(status), SIGBUS);
    unmount_small();
}

static void inodes_run_out(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "m/socket"};
    mount_small("nr_inodes=4");
    write_file("m/file", "x");
    OK(mkdir("m/dir", 0777));
    OK(symlink("file", "m/symlink"));
    creating_fails("m", "m/file", ENOSPC);
    FAILS(mkdir("m/dir/new", 0777), ENOSPC);
    int fd = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    FAILS(bind(fd, (struct sockaddr *)&address, sizeof(address)), ENOSPC);
    OK(rename("m/file", "m/other")); /* needs none */
    EQ(syscall(SYS_mkdir, "m/dir", 0777), -1);
    EQ(errno, EEXIST);
    OK(unlink("m/symlink"));
    OK(bind(fd, (struct sockaddr *)&address, sizeof(address)));
    OK(close(fd));
    /* An inode without a name counts until it is closed. */
    fd = (int)OK(open("m/other", O_RDONLY));
    OK(unlink("m/other"));
    FAILS(syscall(SYS_mkdir, "m/new", 0777), ENOSPC);
    OK(close(fd));
    OK(mkdir("m/new", 0777));
    unmount_small();
}

int main(void)
{
    fresh_tmpfs(NULL);
    blocks_run_out();
    mappings_find_no_block();
    inodes_run_out();
    leave_tmpfs();
    return 0;
}
