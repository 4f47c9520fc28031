/* SPDX-License-Identifier: MIT
 *
 * splice(2), tee(2), vmsplice(2).
 */
#include "tests/guest/ipc_check.h"

#include <sys/socket.h>
#include <sys/uio.h>

static char block[65536 + 8192] __attribute__((aligned(4096))), check[sizeof(block)];

static void fill(char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bytes[i] = (char)(i * 7 + i / 251);
}

static int make_file(size_t bytes)
{
    int fd = (int)OK(open("file", O_RDWR | O_CREAT | O_TRUNC, 0600));
    fill(block, bytes);
    EQ(write(fd, block, bytes), bytes);
    OK(lseek(fd, 0, SEEK_SET));
    return fd;
}

static void new_pipe(int fds[2])
{
    OK(pipe2(fds, O_CLOEXEC));
}

static void close_two(const int fds[2])
{
    close(fds[0]);
    close(fds[1]);
}

static void test_file_to_pipe(void)
{
    int fds[2], file = make_file(10000);
    loff_t offset = 5000;
    new_pipe(fds);
    EQ(splice(file, NULL, fds[1], NULL, 6000, 0), 6000);
    EQ(lseek(file, 0, SEEK_CUR), 6000);
    EQ(read(fds[0], check, sizeof(check)), 6000);
    EQ(memcmp(check, block, 6000), 0);
    EQ(splice(file, &offset, fds[1], NULL, 100000, 0), 5000);
    EQ(offset, 10000);
    EQ(lseek(file, 0, SEEK_CUR), 6000);
    EQ(read(fds[0], check, sizeof(check)), 5000);
    EQ(memcmp(check, block + 5000, 5000), 0);
    EQ(splice(file, &offset, fds[1], NULL, 100, 0), 0); /* the end */
    close(file);

    file = make_file(sizeof(block));
    long done = OK(splice(file, NULL, fds[1], NULL, sizeof(block), 0));
    TRUE(done > 0 && done <= 65536);
    OK(fcntl(fds[1], F_SETFL, O_NONBLOCK));
    while (done < 65536)
        done += OK(splice(file, NULL, fds[1], NULL, sizeof(block), 0));
    FAILS(splice(file, NULL, fds[1], NULL, 1, 0), EAGAIN);
    OK(fcntl(fds[1], F_SETFL, 0));
    FAILS(splice(file, NULL, fds[1], NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);
    close(file);
    close_two(fds);
    OK(unlink("file"));
}

/* Bytes written to the pipe after a splice do not reach the file. */
static void test_shared_pages_are_not_written(void)
{
    char byte;
    int fds[2], file = make_file(100);
    new_pipe(fds);
    EQ(splice(file, NULL, fds[1], NULL, 10, 0), 10);
    EQ(write(fds[1], "behind", 6), 6);
    EQ(read(fds[0], check, sizeof(check)), 16);
    EQ(memcmp(check + 10, "behind", 6), 0);
    EQ(pread(file, &byte, 1, 10), 1);
    EQ(byte, block[10]);
    close(file);
    close_two(fds);
    OK(unlink("file"));
}

static void test_pipe_to_file(void)
{
    int fds[2], file = make_file(100);
    loff_t offset = 50;
    new_pipe(fds);
    EQ(write(fds[1], "hello world", 11), 11);
    EQ(splice(fds[0], NULL, file, &offset, 5, 0), 5);
    EQ(offset, 55);
    EQ(splice(fds[0], NULL, file, NULL, 100, 0), 6);
    EQ(lseek(file, 0, SEEK_CUR), 6);
    EQ(pread(file, check, 100, 0), 100);
    EQ(memcmp(check, " world", 6), 0);
    EQ(memcmp(check + 50, "hello", 5), 0);
    EQ(memcmp(check + 55, block + 55, 45), 0);
    FAILS(splice(fds[0], NULL, file, NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);
    close(fds[1]);
    EQ(splice(fds[0], NULL, file, NULL, 1, 0), 0);
    close(fds[0]);

    new_pipe(fds);
    EQ(write(fds[1], "x", 1), 1);
    int append = (int)OK(open("file", O_WRONLY | O_APPEND));
    FAILS(splice(fds[0], NULL, append, NULL, 1, 0), EINVAL);
    close(append);
    close(file);
    close_two(fds);
    OK(unlink("file"));
}

static void test_sockets(void)
{
    int fds[2], pair[2];
    new_pipe(fds);
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    EQ(write(fds[1], "to the socket", 13), 13);
    EQ(splice(fds[0], NULL, pair[0], NULL, 100, 0), 13);
    EQ(read(pair[1], check, 100), 13);
    EQ(memcmp(check, "to the socket", 13), 0);
    FAILS(splice(pair[1], NULL, fds[1], NULL, 100, SPLICE_F_NONBLOCK), EAGAIN);
    EQ(write(pair[0], "back", 4), 4);
    EQ(splice(pair[1], NULL, fds[1], NULL, 100, 0), 4);
    EQ(read(fds[0], check, 100), 4);
    loff_t offset = 0;
    FAILS(splice(pair[1], &offset, fds[1], NULL, 1, 0), EINVAL);
    close_two(pair);
    close_two(fds);
}

static void test_pipe_to_pipe(void)
{
    int a[2], b[2];
    new_pipe(a);
    new_pipe(b);
    EQ(write(a[1], "abcdef", 6), 6);
    EQ(splice(a[0], NULL, b[1], NULL, 4, 0), 4);
    EQ(write(a[1], "gh", 2), 2);
    EQ(write(b[1], "XY", 2), 2);
    EQ(read(b[0], check, 100), 6);
    EQ(memcmp(check, "abcdXY", 6), 0);
    EQ(splice(a[0], NULL, b[1], NULL, 100, 0), 4);
    EQ(read(b[0], check, 100), 4);
    EQ(memcmp(check, "efgh", 4), 0);
    FAILS(splice(a[0], NULL, b[1], NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);
    FAILS(splice(a[0], NULL, a[1], NULL, 1, 0), EINVAL);
    close(a[1]);
    EQ(splice(a[0], NULL, b[1], NULL, 1, 0), 0);
    close(a[0]);
    signal(SIGPIPE, SIG_IGN);
    new_pipe(a);
    EQ(write(a[1], "x", 1), 1);
    close(b[0]);
    FAILS(splice(a[0], NULL, b[1], NULL, 1, 0), EPIPE);
    close(b[1]);
    close_two(a);
}

static void test_tee(void)
{
    int a[2], b[2];
    new_pipe(a);
    new_pipe(b);
    FAILS(tee(a[0], b[1], 10, SPLICE_F_NONBLOCK), EAGAIN);
    EQ(write(a[1], "abcdef", 6), 6);
    EQ(tee(a[0], b[1], 4, 0), 4);
    EQ(write(a[1], "gh", 2), 2); /* merged behind the bytes that were duplicated */
    EQ(write(b[1], "XY", 2), 2);
    EQ(read(b[0], check, 100), 6);
    EQ(memcmp(check, "abcdXY", 6), 0);
    EQ(read(a[0], check, 100), 8);
    EQ(memcmp(check, "abcdefgh", 8), 0);
    FAILS(tee(a[0], a[1], 4, 0), EINVAL);
    FAILS(tee(0, b[1], 4, 0), EINVAL);
    FAILS(tee(a[1], b[1], 4, 0), EBADF);
    EQ(tee(a[0], b[1], 0, 0), 0);
    close(a[1]);
    EQ(tee(a[0], b[1], 4, 0), 0);
    close(a[0]);
    close_two(b);
}

static void test_vmsplice(void)
{
    int fds[2];
    struct iovec iov[2] = {{"abc", 3}, {"defg", 4}};
    new_pipe(fds);
    EQ(vmsplice(fds[1], iov, 2, 0), 7);
    struct iovec in[2] = {{check, 5}, {check + 10, 10}};
    EQ(vmsplice(fds[0], in, 2, 0), 7);
    EQ(memcmp(check, "abcde", 5), 0);
    EQ(memcmp(check + 10, "fg", 2), 0);
    iov[0] = (struct iovec){block, sizeof(block)};
    EQ(vmsplice(fds[1], iov, 1, 0), 65536); /* as much as fits */
    FAILS(vmsplice(fds[1], iov, 1, SPLICE_F_NONBLOCK), EAGAIN);
    FAILS(vmsplice(0, iov, 1, 0), EBADF);
    FAILS(vmsplice(fds[1], iov, 1, 0x100), EINVAL);
    FAILS(vmsplice(fds[1], iov, 2000, 0), EINVAL);
    FAILS(vmsplice(fds[1], BAD_POINTER, 1, 0), EFAULT);
    close_two(fds);
}

static void test_errors(void)
{
    int fds[2], file = make_file(10), folder = (int)OK(open(".", O_RDONLY));
    loff_t offset = 0;
    new_pipe(fds);
    FAILS(splice(-1, NULL, fds[1], NULL, 1, 0), EBADF);
    FAILS(splice(file, NULL, 999, NULL, 1, 0), EBADF);
    FAILS(splice(fds[1], NULL, file, NULL, 1, 0), EBADF);
    FAILS(splice(file, NULL, fds[0], NULL, 1, 0), EBADF);
    FAILS(splice(file, NULL, file, NULL, 1, 0), EINVAL);
    FAILS(splice(file, NULL, fds[1], NULL, 1, 0x1000), EINVAL);
    FAILS(splice(fds[0], &offset, file, NULL, 1, 0), ESPIPE);
    FAILS(splice(file, NULL, fds[1], &offset, 1, 0), ESPIPE);
    FAILS(splice(file, BAD_POINTER, fds[1], NULL, 1, 0), EFAULT);
    FAILS(splice(folder, NULL, fds[1], NULL, 1, 0), EINVAL);
    offset = -1;
    FAILS(splice(file, &offset, fds[1], NULL, 1, 0), EINVAL);
    EQ(splice(-1, NULL, -1, NULL, 0, 0), 0);
    close(folder);
    close(file);
    close_two(fds);
    OK(unlink("file"));
}

/* ---- a stream through two threads of splices ---- */

static int stage_in[2], stage_out[2];

static void *pump(void *argument)
{
    (void)argument;
    while (OK(splice(stage_in[0], NULL, stage_out[1], NULL, 30000, 0)) > 0)
        ;
    close(stage_out[1]);
    return NULL;
}

static void *feed(void *argument)
{
    (void)argument;
    for (int i = 0; i < 40; i++)
        EQ(write(stage_in[1], block, sizeof(block)), sizeof(block));
    close(stage_in[1]);
    return NULL;
}

static void test_pumping(void)
{
    size_t at = 0;
    long got;
    new_pipe(stage_in);
    new_pipe(stage_out);
    fill(block, sizeof(block));
    pthread_t feeder = start(feed, NULL), pumper = start(pump, NULL);
    while ((got = OK(read(stage_out[0], check, 5000))) > 0) {
        for (long i = 0; i < got; i++) {
            if (check[i] != block[(at + (size_t)i) % sizeof(block)])
                fail_at(__LINE__, "byte %zu is wrong", at + (size_t)i);
        }
        at += (size_t)got;
    }
    EQ(at, 40 * sizeof(block));
    join(feeder);
    join(pumper);
    close(stage_in[0]);
    close(stage_out[0]);
}

int main(void)
{
    limit_seconds(60);
    test_file_to_pipe();
    test_shared_pages_are_not_written();
    test_pipe_to_file();
    test_sockets();
    test_pipe_to_pipe();
    test_tee();
    test_vmsplice();
    test_errors();
    test_pumping();
    return 0;
}
