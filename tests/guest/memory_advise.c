/* SPDX-License-Identifier: MIT */
/* madvise(2), mincore(2), msync(2), mlock(2), membarrier(2), pkey_alloc(2). */
#include "memory_check.h"

#include <linux/membarrier.h>

static void dropping(void)
{
    char *area = map_at(NULL, 8, RW, ANON);
    memset(area, 'a', 8 * PAGE);
    OK(madvise(area + 2 * PAGE, 2 * PAGE, MADV_DONTNEED));
    EQ(area[PAGE], 'a');
    EQ(area[2 * PAGE], 0);
    EQ(area[4 * PAGE], 'a');
    OK(madvise(area, PAGE, MADV_FREE));
    TRUE(area[0] == 0 || area[0] == 'a');
    area[0] = 'b';
    EQ(area[0], 'b');
    FAILS(madvise(area + 1, PAGE, MADV_DONTNEED), EINVAL);
    FAILS(madvise(area, PAGE, 12345), EINVAL);
    OK(madvise(area, 0, MADV_DONTNEED));
    FAILS(madvise(area, SIZE_MAX - PAGE, MADV_DONTNEED), EINVAL);
    OK(munmap(area + 4 * PAGE, PAGE));
    area[6 * PAGE] = 'c';
    FAILS(madvise(area, 8 * PAGE, MADV_DONTNEED), ENOMEM); /* done all the same */
    EQ(area[6 * PAGE], 0);
    for (int advice = MADV_NORMAL; advice <= MADV_WILLNEED; advice++)
        OK(madvise(area, PAGE, advice));
    OK(munmap(area, 8 * PAGE));
}

static void forks(void)
{
    char *area = map_at(NULL, 4, RW, ANON);
    memset(area, 'a', 4 * PAGE);
    OK(madvise(area, PAGE, MADV_DONTFORK));
    OK(madvise(area + PAGE, PAGE, MADV_WIPEONFORK));
    OK(madvise(area + 2 * PAGE, PAGE, MADV_WIPEONFORK));
    OK(madvise(area + 2 * PAGE, PAGE, MADV_KEEPONFORK));
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        EQ(read_signal(area), SIGSEGV);
        EQ(area[PAGE], 0);
        EQ(area[2 * PAGE], 'a');
        area[3 * PAGE] = 'z';
        _exit(0);
    }
    int status;
    OK(waitpid(pid, &status, 0));
    EQ(status, 0);
    EQ(area[0], 'a');
    EQ(area[PAGE], 'a');
    EQ(area[3 * PAGE], 'a');
    char *shared = map_at(NULL, 1, RW, MAP_SHARED | MAP_ANONYMOUS);
    FAILS(madvise(shared, PAGE, MADV_WIPEONFORK), EINVAL);
    FAILS(madvise(shared, PAGE, MADV_FREE), EINVAL);
    OK(munmap(shared, PAGE));
    OK(munmap(area, 4 * PAGE));
}

static void removing(void)
{
    char *shared = map_at(NULL, 4, RW, MAP_SHARED | MAP_ANONYMOUS);
    memset(shared, 'a', 4 * PAGE);
    OK(madvise(shared + PAGE, PAGE, MADV_DONTNEED));
    EQ(shared[PAGE], 'a'); /* only forgotten here, the object has it */
    OK(madvise(shared + PAGE, PAGE, MADV_REMOVE));
    EQ(shared[PAGE], 0);
    EQ(shared[2 * PAGE], 'a');
    char *private = map_at(NULL, 1, RW, ANON);
    FAILS(madvise(private, PAGE, MADV_REMOVE), EINVAL);
    int fd = (int)OK(open("r", O_RDWR | O_CREAT, 0600));
    OK(ftruncate(fd, PAGE));
    char *file = (char *)OK(mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0));
    FAILS(madvise(file, PAGE, MADV_REMOVE), EACCES);
    OK(munmap(file, PAGE));
    OK(close(fd));
    OK(munmap(private, PAGE));
    OK(munmap(shared, 4 * PAGE));
}

static void residency(void)
{
    unsigned char vec[8];
    char *area = map_at(NULL, 8, RW, ANON);
    OK(mincore(area, 8 * PAGE, vec));
    for (unsigned i = 0; i < 8; i++)
        EQ(vec[i] & 1, 0);
    area[3 * PAGE] = 1;
    OK(mincore(area, 8 * PAGE - 1, vec));
    for (unsigned i = 0; i < 8; i++)
        EQ(vec[i] & 1, i == 3);
    FAILS(mincore(area + 1, PAGE, vec), EINVAL);
    FAILS(mincore(area, PAGE, (void *)hidden(16)), EFAULT);
    FAILS(mincore(area, SIZE_MAX - PAGE, vec), ENOMEM);
    OK(munmap(area + 4 * PAGE, PAGE));
    FAILS(mincore(area, 8 * PAGE, vec), ENOMEM);
    OK(munmap(area, 8 * PAGE));
    area = map_at(NULL, 8, RW, ANON | MAP_POPULATE);
    OK(mincore(area, 8 * PAGE, vec));
    for (unsigned i = 0; i < 8; i++)
        EQ(vec[i] & 1, 1);
    OK(munmap(area, 8 * PAGE));
}

static void locking(void)
{
    unsigned char vec[8];
    struct rlimit old, limit;
    char *area = map_at(NULL, 8, RW, ANON);
    OK(mlock(area + 10, PAGE));
    OK(mincore(area, 3 * PAGE, vec));
    TRUE((vec[0] & 1) && (vec[1] & 1) && !(vec[2] & 1));
    FAILS(madvise(area, PAGE, MADV_DONTNEED), EINVAL);
    FAILS(msync(area, PAGE, MS_INVALIDATE), EBUSY);
    OK(munlock(area, 8 * PAGE));
    OK(madvise(area, PAGE, MADV_DONTNEED));
    FAILS(syscall(SYS_mlock2, area, PAGE, 4), EINVAL);
    FAILS(mlockall(0), EINVAL);
    FAILS(mlockall(8), EINVAL);
    OK(munmap(area + 4 * PAGE, PAGE));
    FAILS(mlock(area, 8 * PAGE), ENOMEM);
    OK(munlock(area, 4 * PAGE));
    if (geteuid() == 0) {
        OK(getrlimit(RLIMIT_MEMLOCK, &old));
        limit = old;
        limit.rlim_cur = 2 * PAGE;
        OK(setrlimit(RLIMIT_MEMLOCK, &limit));
        OK(mlock(area, 4 * PAGE)); /* CAP_IPC_LOCK */
        OK(munlock(area, 4 * PAGE));
        pid_t pid = (pid_t)OK(fork());
        if (pid == 0) {
            OK(setuid(1000));
            OK(mlock(area, 2 * PAGE));
            FAILS(mlock(area, 3 * PAGE), ENOMEM);
            FAILS(mmap(NULL, 4 * PAGE, RW, ANON | MAP_LOCKED, -1, 0), EAGAIN);
            limit.rlim_cur = 0;
            OK(setrlimit(RLIMIT_MEMLOCK, &limit));
            FAILS(mlock(area, PAGE), EPERM);
            _exit(0);
        }
        int status;
        OK(waitpid(pid, &status, 0));
        EQ(status, 0);
        OK(setrlimit(RLIMIT_MEMLOCK, &old));
    }
    OK(munmap(area, 8 * PAGE));
}

static void syncing(void)
{
    char *area = map_at(NULL, 4, RW, ANON);
    OK(msync(area, 4 * PAGE, MS_SYNC));
    OK(msync(area, 4 * PAGE, MS_ASYNC));
    FAILS(msync(area, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
    FAILS(msync(area, PAGE, 8), EINVAL);
    FAILS(msync(area + 1, PAGE, MS_SYNC), EINVAL);
    OK(munmap(area + PAGE, PAGE));
    FAILS(msync(area, 4 * PAGE, MS_SYNC), ENOMEM);
    OK(munmap(area, 4 * PAGE));
}

static void barriers(void)
{
    long commands = OK(syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0));
    TRUE(commands & MEMBARRIER_CMD_GLOBAL);
    TRUE(commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED);
    FAILS(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0), EPERM);
    OK(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
    OK(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
    OK(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0));
    FAILS(syscall(SYS_membarrier, 1 << 20, 0, 0), EINVAL);
    FAILS(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 1, 0), EINVAL);
}

int main(void)
{
    catch_faults();
    dropping();
    forks();
    removing();
    residency();
    locking();
    syncing();
    barriers();
    return 0;
}
