/* SPDX-License-Identifier: MIT */
/* memfd_create(2) and seals, mmap(2) of tmpfs files, limits of tmpfs(5), the memory devices. */
#include "fs_check.h"

#include <linux/random.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif

static void memfds(void)
{
    struct stat st;
    char text[16], name[300];
    int fd = (int)OK(memfd_create("name", MFD_CLOEXEC));
    EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    EQ(fcntl(fd, F_GETFL), 0100000 | O_RDWR);
    OK(fstat(fd, &st));
    EQ(st.st_mode, S_IFREG | 0777);
    EQ(st.st_nlink, 0);
    EQ(write(fd, "hello", 5), 5);
    EQ(pread(fd, text, sizeof(text), 0), 5);
    EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL);
    FAILS(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM);
    OK(close(fd));
    FAILS(memfd_create("x", 0x4000), EINVAL);
    memset(name, 'n', sizeof(name));
    name[249] = 0;
    OK(close((int)OK(memfd_create(name, 0))));
    name[249] = 'n';
    name[250] = 0;
    FAILS(memfd_create(name, 0), EINVAL);
    FAILS(syscall(SYS_memfd_create, BAD_POINTER, 0), EFAULT);
}

static void seals(void)
{
    int fd = (int)OK(memfd_create("s", MFD_ALLOW_SEALING));
    EQ(fcntl(fd, F_GET_SEALS), 0);
    OK(write(fd, "0123456789", 10));
    OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
    FAILS(ftruncate(fd, 5), EPERM);
    OK(ftruncate(fd, 20));
    OK(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
    EQ(fcntl(fd, F_GET_SEALS), F_SEAL_GROW | F_SEAL_SHRINK);
    FAILS(ftruncate(fd, 30), EPERM);
    FAILS(pwrite(fd, "x", 1, 20), EPERM);
    OK(pwrite(fd, "x", 1, 19));
    FAILS(fallocate(fd, 0, 0, 100), EPERM);
    char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    TRUE(map != MAP_FAILED);
    FAILS(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
    OK(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
    map[0] = 'm'; /* what is mapped may still be written */
    FAILS(pwrite(fd, "x", 1, 0), EPERM);
    FAILS(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0,
          EPERM);
    char *shared = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    TRUE(shared != MAP_FAILED && shared[0] == 'm');
    FAILS(mprotect(shared, 4096, PROT_READ | PROT_WRITE), EACCES);
    OK(munmap(shared, 4096));
    OK(munmap(map, 4096));
    OK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL));
    FAILS(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM);
    FAILS(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 10), EPERM);
    map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    TRUE(map != MAP_FAILED);
    map[0] = 'p';
    OK(munmap(map, 4096));
    OK(close(fd));
    fd = (int)OK(open("plain", O_RDWR | O_CREAT, 0600));
    EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL);
    OK(close(fd));
    int fds[2];
    OK(pipe(fds));
    FAILS(fcntl(fds[0], F_GET_SEALS), EINVAL);
    OK(close(fds[0]));
    OK(close(fds[1]));
}

static void mappings(void)
{
    char text[8];
    int fd = (int)OK(open("map", O_RDWR | O_CREAT, 0600));
    OK(write(fd, "abcdef", 6));
    char *shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *private = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    TRUE(shared != MAP_FAILED && private != MAP_FAILED);
    shared[1] = 'X';
    EQ(pread(fd, text, 6, 0), 6);
    TRUE(memcmp(text, "aXcdef", 6) == 0);
    EQ(private[1], 'X');
    private[2] = 'P';
    EQ(shared[2], 'c');
    OK(pwrite(fd, "Z", 1, 0));
    EQ(shared[0], 'Z');
    OK(close(fd)); /* the mapping keeps the file */
    OK(unlink("map"));
    EQ(shared[3], 'd');
    OK(munmap(private, 4096));
    OK(munmap(shared, 8192));
    fd = (int)OK(open("map", O_RDONLY | O_CREAT, 0600));
    FAILS(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0, EACCES);
    OK(close(fd));
    fd = (int)OK(open("map", O_WRONLY));
    FAILS(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0, EACCES);
    OK(close(fd));
    fd = (int)OK(open(".", O_RDONLY));
    FAILS(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0, ENODEV);
    OK(close(fd));
}

/* A page past the end of the file is a bus error. */
static void bus_error(void)
{
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        int fd = (int)OK(open("map", O_RDWR));
        volatile char *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
        OK(ftruncate(fd, 1));
        (void)map[4000];
        OK(ftruncate(fd, 0));
        (void)map[0];
        _exit(0);
    }
    int status;
    OK(waitpid(pid, &status, 0));
    TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

static void inode_limit(void)
{
    char name[32];
    int made = 0;
    OK(mkdir("l", 0755));
    OK(mount("none", "l", "tmpfs", 0, "nr_inodes=10"));
    while (made < 100) {
        snprintf(name, sizeof(name), "l/%d", made);
        if (mknod(name, S_IFREG | 0600, 0) != 0)
            break;
        made++;
    }
    EQ(errno, ENOSPC);
    EQ(made, 9);
    FAILS(mkdir("l/d", 0755), ENOSPC);
    FAILS(symlink("x", "l/s"), ENOSPC);
    OK(unlink("l/0"));
    OK(mkdir("l/d", 0755));
    OK(umount("l"));
    OK(rmdir("l"));
}

static void devices(void)
{
    char text[4096];
    int fd = (int)OK(open("/dev/null", O_RDWR));
    EQ(read(fd, text, 10), 0);
    EQ(write(fd, text, 10), 10);
    EQ(write(fd, BAD_POINTER, 10), 10);
    EQ(lseek(fd, 100, SEEK_SET), 0);
    struct stat st;
    OK(fstat(fd, &st));
    EQ(st.st_rdev, 0x103);
    OK(close(fd));
    fd = (int)OK(open("/dev/zero", O_RDWR));
    memset(text, 1, sizeof(text));
    EQ(read(fd, text, sizeof(text)), sizeof(text));
    EQ(text[0] | text[4095], 0);
    EQ(write(fd, text, 10), 10);
    FAILS(read(fd, BAD_POINTER, 10), EFAULT);
    char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    TRUE(map != MAP_FAILED && map[5] == 0);
    map[5] = 1;
    OK(munmap(map, 4096));
    map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    TRUE(map != MAP_FAILED);
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        map[0] = 7;
        _exit(0);
    }
    OK(waitpid(pid, NULL, 0));
    EQ(map[0], 7);
    OK(munmap(map, 4096));
    OK(close(fd));
    fd = (int)OK(open("/dev/full", O_RDWR));
    EQ(read(fd, text, 10), 10);
    FAILS(write(fd, text, 1), ENOSPC);
    OK(close(fd));
    fd = (int)OK(open("/dev/urandom", O_RDWR));
    char other[64];
    EQ(read(fd, text, 64), 64);
    EQ(read(fd, other, 64), 64);
    TRUE(memcmp(text, other, 64) != 0);
    EQ(write(fd, text, 64), 64);
    EQ(read(fd, text, 0), 0);
    OK(close(fd));
    fd = (int)OK(open("/dev/random", O_RDONLY));
    EQ(read(fd, text, 32), 32);
    int bits = -1;
    OK(ioctl(fd, RNDGETENTCNT, &bits));
    TRUE(bits > 0);
    FAILS(ioctl(fd, RNDGETENTCNT, NULL), EFAULT);
    struct {
        struct rand_pool_info info;
        uint32_t bytes[4];
    } seed = {.info = {.entropy_count = 8, .buf_size = 16}};
    OK(ioctl(fd, RNDADDENTROPY, &seed));
    seed.info.entropy_count = -1;
    FAILS(ioctl(fd, RNDADDENTROPY, &seed), EINVAL);
    FAILS(ioctl(fd, RNDADDTOENTCNT, NULL), EFAULT);
    OK(ioctl(fd, RNDRESEEDCRNG));
    FAILS(ioctl(fd, 0x5299), EINVAL);
    OK(close(fd));
}

int main(void)
{
    fresh_tmpfs(NULL);
    memfds();
    seals();
    mappings();
    bus_error();
    inode_limit();
    devices();
    leave_tmpfs();
    return 0;
}
