/* SPDX-License-Identifier: MIT */
/* read(2), write(2), pread(2), readv(2), preadv2(2), lseek(2), fallocate(2), sendfile(2),
 * copy_file_range(2), fsync(2) and advice. */
#include "fs_check.h"

#include <linux/falloc.h>

#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

/* Files whose position means nothing can be sought, but not read at one. */
static void no_position(void)
{
    struct iovec vec = {.iov_base = (char[8]){0}, .iov_len = 8};
    const int fds[] = {(int)OK(epoll_create1(0)), (int)OK(timerfd_create(CLOCK_MONOTONIC, 0))};

    for (unsigned i = 0; i < 2; i++) {
        EQ(lseek(fds[i], 100, SEEK_SET), 0);
        FAILS(pread(fds[i], vec.iov_base, 8, 0), ESPIPE);
        FAILS(pwrite(fds[i], vec.iov_base, 8, 0), ESPIPE);
        FAILS(preadv(fds[i], &vec, 1, 0), ESPIPE);
        OK(close(fds[i]));
    }
}

static void read_and_write(void)
{
    char text[64];
    int fd = (int)OK(open("f", O_RDWR | O_CREAT, 0600));
    EQ(write(fd, "hello world", 11), 11);
    EQ(lseek(fd, 0, SEEK_SET), 0);
    EQ(read(fd, text, 5), 5);
    EQ(read(fd, text + 5, 59), 6);
    TRUE(memcmp(text, "hello world", 11) == 0);
    EQ(read(fd, text, 1), 0);
    EQ(read(fd, text, 0), 0);
    EQ(write(fd, text, 0), 0);
    EQ(pread(fd, text, 5, 6), 5);
    TRUE(memcmp(text, "world", 5) == 0);
    EQ(pwrite(fd, "W", 1, 6), 1);
    EQ(lseek(fd, 0, SEEK_CUR), 11);
    EQ(pread(fd, text, 5, 100), 0);
    FAILS(pread(fd, text, 1, -1), EINVAL);
    FAILS(pwrite(fd, text, 1, -1), EINVAL);
    FAILS(read(fd, text, hidden(-1ul)), EFAULT);
    /* What is wrong with the descriptor is said first. */
    FAILS(pread(99, text, hidden(-1ul), 0), EBADF);
    FAILS(pwrite(99, text, hidden(-1ul), 0), EBADF);
    int reader = (int)OK(open("f", O_RDONLY));
    FAILS(write(reader, text, hidden(-1ul)), EBADF);
    FAILS(pwrite(reader, text, hidden(-1ul), 0), EBADF);
    FAILS(pread(reader, text, hidden(-1ul), 0), EFAULT);
    OK(close(reader));
    FAILS(pread(fd, BAD_POINTER, 5, 0), EFAULT);
    FAILS(pwrite(fd, BAD_POINTER, 5, 0), EFAULT);
    FAILS(read(99, text, 1), EBADF);
    FAILS(write(-1, text, 1), EBADF);
    /* A hole reads as zeros. */
    EQ(pwrite(fd, "end", 3, 20000), 3);
    EQ(pread(fd, text, 4, 10000), 4);
    TRUE(memcmp(text, "\0\0\0\0", 4) == 0);
    OK(close(fd));
    fd = (int)OK(open("f", O_WRONLY));
    FAILS(read(fd, text, 1), EBADF);
    OK(close(fd));
    int pipe_fds[2];
    OK(pipe(pipe_fds));
    FAILS(pread(pipe_fds[0], text, 1, 0), ESPIPE);
    FAILS(pwrite(pipe_fds[1], text, 1, 0), ESPIPE);
    FAILS(lseek(pipe_fds[0], 0, SEEK_SET), ESPIPE);
    OK(close(pipe_fds[0]));
    OK(close(pipe_fds[1]));
}

static void partly_bad_buffer(void)
{
    /* The second page of the buffer is not there: what could be read is. */
    int fd = (int)OK(open("f", O_RDONLY));
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *edge = pages + 4096;
    TRUE(pages != MAP_FAILED);
    OK(munmap(edge, 4096));
    EQ(pread(fd, edge - 5, 100, 0), 5);
    TRUE(memcmp(edge - 5, "hello", 5) == 0);
    int out = (int)OK(open("g", O_RDWR | O_CREAT | O_TRUNC, 0600));
    EQ(write(out, edge - 5, 100), 5);
    OK(close(out));
    OK(close(fd));
}

static void vectors(void)
{
    char a[4], b[8];
    struct iovec iov[3] = {{a, 4}, {NULL, 0}, {b, 8}};
    int fd = (int)OK(open("v", O_RDWR | O_CREAT, 0600));
    struct iovec out[2] = {{"abcd", 4}, {"efgh", 4}};
    EQ(writev(fd, out, 2), 8);
    EQ(lseek(fd, 0, SEEK_SET), 0);
    EQ(readv(fd, iov, 3), 8);
    TRUE(memcmp(a, "abcd", 4) == 0 && memcmp(b, "efgh", 4) == 0);
    EQ(preadv(fd, iov, 3, 2), 6);
    TRUE(memcmp(a, "cdef", 4) == 0);
    EQ(pwritev(fd, out, 2, 100), 8);
    EQ(readv(fd, iov, 0), 0);
    FAILS(readv(fd, iov, (int)hidden(-1ul)), EINVAL);
    FAILS(readv(fd, iov, (int)hidden(1025)), EINVAL);
    FAILS(readv(fd, BAD_POINTER, 1), EFAULT);
    FAILS(readv(fd, (struct iovec[]){{a, (size_t)-1}}, 1), EINVAL);
    EQ(syscall(SYS_preadv2, fd, iov, 1ul, 4l, 0l, 0), 4);
    TRUE(memcmp(a, "efgh", 4) == 0);
    OK(lseek(fd, 0, SEEK_SET));
    EQ(syscall(SYS_preadv2, fd, iov, 1ul, -1l, -1l, 0), 4);
    EQ(lseek(fd, 0, SEEK_CUR), 4);
    EQ(syscall(SYS_pwritev2, fd, out, 1ul, 0l, 0l, 0x10 /* RWF_APPEND */), 4);
    EQ(lseek(fd, 0, SEEK_END), 112);
    FAILS(syscall(SYS_preadv2, fd, iov, 1ul, 0l, 0l, 0x4000), EOPNOTSUPP);
    FAILS(syscall(SYS_preadv, fd, iov, 1ul, -1l, -1l), EINVAL);
    OK(close(fd));
}

static void seeking(void)
{
    int fd = (int)OK(open("s", O_RDWR | O_CREAT, 0600));
    OK(pwrite(fd, "x", 1, 3 * 4096));
    OK(pwrite(fd, "x", 1, 9 * 4096 + 100));
    EQ(lseek(fd, 10, SEEK_SET), 10);
    EQ(lseek(fd, 5, SEEK_CUR), 15);
    EQ(lseek(fd, -1, SEEK_END), 9 * 4096 + 100);
    EQ(lseek(fd, 1 << 20, SEEK_SET), 1 << 20);
    FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
    FAILS(lseek(fd, -(1 << 21), SEEK_CUR), EINVAL);
    FAILS(lseek(fd, 0, 99), EINVAL);
    FAILS(lseek(99, 0, SEEK_SET), EBADF);
    EQ(lseek(fd, 0, SEEK_DATA), 3 * 4096);
    EQ(lseek(fd, 3 * 4096 + 7, SEEK_DATA), 3 * 4096 + 7);
    EQ(lseek(fd, 3 * 4096, SEEK_HOLE), 4 * 4096);
    EQ(lseek(fd, 0, SEEK_HOLE), 0);
    EQ(lseek(fd, 4 * 4096, SEEK_DATA), 9 * 4096);
    EQ(lseek(fd, 9 * 4096, SEEK_HOLE), 9 * 4096 + 101);
    FAILS(lseek(fd, 9 * 4096 + 101, SEEK_DATA), ENXIO);
    FAILS(lseek(fd, 1 << 30, SEEK_HOLE), ENXIO);
    FAILS(lseek(fd, -1, SEEK_DATA), ENXIO);
    OK(close(fd));
}

static off_t blocks_of(int fd)
{
    struct stat st;
    OK(fstat(fd, &st));
    return st.st_blocks;
}

static off_t size_of(int fd)
{
    struct stat st;
    OK(fstat(fd, &st));
    return st.st_size;
}

static void allocation(void)
{
    int fd = (int)OK(open("a", O_RDWR | O_CREAT, 0600));
    OK(fallocate(fd, 0, 0, 10000));
    EQ(size_of(fd), 10000);
    EQ(blocks_of(fd), 24);
    OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 10000, 10000));
    EQ(size_of(fd), 10000);
    EQ(blocks_of(fd), 40);
    for (int i = 0; i < 10000; i += 10)
        OK(pwrite(fd, "0123456789", 10, i));
    OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 8192));
    char text[16];
    EQ(pread(fd, text, 10, 95), 10);
    TRUE(memcmp(text, "56789\0\0\0\0\0", 10) == 0);
    EQ(pread(fd, text, 10, 8290), 10);
    TRUE(memcmp(text,
                "\0\0"
                "23456789",
                10) == 0);
    EQ(size_of(fd), 10000);
    EQ(blocks_of(fd), 32);
    FAILS(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 10), EOPNOTSUPP);
    FAILS(fallocate(fd, 0, -1, 10), EINVAL);
    FAILS(fallocate(fd, 0, 0, 0), EINVAL);
    FAILS(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, 4096), EOPNOTSUPP);
    FAILS(fallocate(fd, 0, INT64_MAX, 1), EFBIG);
    FAILS(fallocate(fd, 0, 0, 1l << 30), ENOSPC);
    OK(close(fd));
    fd = (int)OK(open("a", O_RDONLY));
    FAILS(fallocate(fd, 0, 0, 10), EBADF);
    OK(close(fd));
    int pipe_fds[2];
    OK(pipe(pipe_fds));
    FAILS(fallocate(pipe_fds[1], 0, 0, 10), ESPIPE);
    OK(close(pipe_fds[0]));
    OK(close(pipe_fds[1]));
}

static void limits(void)
{
    static char block[4096];
    int fd = (int)OK(open("big", O_RDWR | O_CREAT, 0600));
    long total = 0, wrote;
    while ((wrote = write(fd, block, sizeof(block))) > 0)
        total += wrote;
    EQ(errno, ENOSPC);
    TRUE(total < 4 << 20 && total > 2 << 20);
    OK(ftruncate(fd, 0));
    OK(write(fd, block, sizeof(block)));
    FAILS(pwrite(fd, "x", 1, INT64_MAX), EINVAL);
    FAILS(pread(fd, block, 1, INT64_MAX), EINVAL);
    OK(close(fd));
    OK(unlink("big"));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        struct rlimit limit = {1000, 1000};
        OK(setrlimit(RLIMIT_FSIZE, &limit));
        signal(SIGXFSZ, SIG_IGN);
        fd = (int)OK(open("limited", O_RDWR | O_CREAT, 0600));
        EQ(write(fd, block, 4096), 1000);
        FAILS(write(fd, block, 1), EFBIG);
        FAILS(ftruncate(fd, 1001), EFBIG);
        OK(ftruncate(fd, 1000));
        OK(pwrite(fd, block, 10, 10));
        signal(SIGXFSZ, SIG_DFL);
        write(fd, block, 1);
        _exit(1);
    }
    int status;
    OK(waitpid(pid, &status, 0));
    TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
    OK(unlink("limited"));
}

static void copying(void)
{
    char text[32];
    off_t offset = 2;
    write_file("from", "0123456789");
    int in = (int)OK(open("from", O_RDWR)), out = (int)OK(open("to", O_RDWR | O_CREAT, 0600));
    EQ(sendfile(out, in, &offset, 5), 5);
    EQ(offset, 7);
    EQ(lseek(in, 0, SEEK_CUR), 0);
    EQ(sendfile(out, in, NULL, 100), 10);
    EQ(lseek(in, 0, SEEK_CUR), 10);
    EQ(sendfile(out, in, NULL, 100), 0);
    EQ(pread(out, text, sizeof(text), 0), 15);
    TRUE(memcmp(text, "234560123456789", 15) == 0);
    FAILS(sendfile(out, 99, NULL, 1), EBADF);
    offset = -1;
    FAILS(sendfile(out, in, &offset, 1), EINVAL);
    int dir = (int)OK(open(".", O_RDONLY));
    FAILS(sendfile(out, dir, NULL, 1), EINVAL);
    int pipe_fds[2];
    OK(pipe(pipe_fds));
    offset = 0;
    EQ(sendfile(pipe_fds[1], in, &offset, 10), 10);
    EQ(read(pipe_fds[0], text, sizeof(text)), 10);
    OK(close(pipe_fds[0]));
    signal(SIGPIPE, SIG_IGN);
    offset = 0;
    FAILS(sendfile(pipe_fds[1], in, &offset, 10), EPIPE);
    FAILS(write(pipe_fds[1], "x", 1), EPIPE);
    OK(close(pipe_fds[1]));

    long long in_offset = 1, out_offset = 20;
    EQ(syscall(SYS_copy_file_range, in, &in_offset, out, &out_offset, 3ul, 0u), 3);
    EQ(in_offset, 4);
    EQ(out_offset, 23);
    EQ(pread(out, text, 3, 20), 3);
    TRUE(memcmp(text, "123", 3) == 0);
    FAILS(syscall(SYS_copy_file_range, in, &in_offset, out, &out_offset, 3ul, 1u), EINVAL);
    FAILS(syscall(SYS_copy_file_range, dir, NULL, out, NULL, 3ul, 0u), EISDIR);
    in_offset = 0, out_offset = 1;
    FAILS(syscall(SYS_copy_file_range, in, &in_offset, in, &out_offset, 3ul, 0u), EINVAL);
    int read_only = (int)OK(open("from", O_RDONLY));
    FAILS(syscall(SYS_copy_file_range, in, NULL, read_only, NULL, 3ul, 0u), EBADF);
    OK(close(read_only));
    OK(close(dir));
    OK(close(in));
    OK(close(out));
}

static void syncing_and_advice(void)
{
    int fd = (int)OK(open("from", O_RDWR));
    OK(fsync(fd));
    OK(fdatasync(fd));
    OK(syncfs(fd));
    sync();
    FAILS(fsync(99), EBADF);
    FAILS(syncfs(99), EBADF);
    EQ(syscall(SYS_fadvise64, fd, 0l, 0l, POSIX_FADV_WILLNEED), 0);
    FAILS(syscall(SYS_fadvise64, fd, 0l, 0l, 99), EINVAL);
    FAILS(syscall(SYS_fadvise64, 99, 0l, 0l, 0), EBADF);
    OK(syscall(SYS_readahead, fd, 0l, 100ul));
    OK(syscall(SYS_sync_file_range, fd, 0l, 0l, 2u));
    FAILS(syscall(SYS_sync_file_range, fd, 0l, 0l, 99u), EINVAL);
    int pipe_fds[2];
    OK(pipe(pipe_fds));
    FAILS(fsync(pipe_fds[0]), EINVAL);
    FAILS(syscall(SYS_fadvise64, pipe_fds[0], 0l, 0l, 0), ESPIPE);
    FAILS(syscall(SYS_readahead, pipe_fds[0], 0l, 1ul), EINVAL);
    FAILS(syscall(SYS_sync_file_range, pipe_fds[0], 0l, 0l, 0u), ESPIPE);
    OK(close(pipe_fds[0]));
    OK(close(pipe_fds[1]));
    OK(close(fd));
}

int main(void)
{
    fresh_tmpfs("size=4m");
    read_and_write();
    no_position();
    partly_bad_buffer();
    vectors();
    seeking();
    allocation();
    limits();
    copying();
    syncing_and_advice();
    leave_tmpfs();
    return 0;
}
