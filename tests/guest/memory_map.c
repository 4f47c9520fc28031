/* SPDX-License-Identifier: MIT */
/* mmap(2), munmap(2): arguments, placement, what is where afterwards. */
#include "memory_check.h"

static void bad_arguments(void)
{
    char *area = free_area(8);
    FAILS(mmap(NULL, 0, RW, ANON, -1, 0), EINVAL);
    FAILS(mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0), EINVAL);
    FAILS(mmap(NULL, PAGE, RW, MAP_ANONYMOUS | MAP_SHARED_VALIDATE, -1, 0), EINVAL);
    FAILS(mmap(NULL, PAGE, RW, MAP_PRIVATE, -1, 0), EBADF);
    FAILS(mmap(NULL, PAGE, RW, MAP_PRIVATE, 0x7ffffff, 0), EBADF);
    FAILS(syscall(SYS_mmap, NULL, PAGE, RW, ANON, -1, 1), EINVAL);
    FAILS(mmap(area + 1, PAGE, RW, ANON | MAP_FIXED, -1, 0), EINVAL);
    FAILS(mmap(NULL, SIZE_MAX - PAGE, RW, ANON, -1, 0), ENOMEM);
    FAILS(mmap(NULL, 1ul << 47, PROT_NONE, ANON | MAP_NORESERVE, -1, 0), ENOMEM);
    FAILS(mmap((void *)(1ul << 47), PAGE, RW, ANON | MAP_FIXED, -1, 0), ENOMEM);
    FAILS(mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0), EINVAL);
    FAILS(munmap(area + 1, PAGE), EINVAL);
    FAILS(munmap(area, 0), EINVAL);
    FAILS(munmap((void *)(1ul << 47), PAGE), EINVAL);
    OK(munmap(area, 8 * PAGE)); /* nothing there: fine */
}

static void placement(void)
{
    char *area = free_area(16);
    EQ((uintptr_t)map_at(area, 1, RW, ANON), (uintptr_t)area); /* a hint that is free */
    TRUE(map_at(area, 1, RW, ANON) != area);                   /* and one that is not */
    FAILS(mmap(area, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
    FAILS(mmap(area - PAGE, 2 * PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
    EQ((uintptr_t)map_at(area + 4 * PAGE, 2, RW, ANON | MAP_FIXED_NOREPLACE),
       (uintptr_t)(area + 4 * PAGE));
    area[4 * PAGE] = 7;
    area[5 * PAGE] = 8;
    map_at(area + 4 * PAGE, 1, RW, ANON | MAP_FIXED);
    EQ(area[4 * PAGE], 0);
    EQ(area[5 * PAGE], 8);
    char *low = map_at(NULL, 1, RW, ANON | MAP_32BIT);
    TRUE((uintptr_t)low < 1ul << 31);
    /* Top down: the next one is below. */
    char *first = map_at(NULL, 16, PROT_READ, ANON), *second = map_at(NULL, 16, PROT_EXEC, ANON);
    TRUE(second < first);
    /* A hint inside a page is as good as its start. */
    char *hole = free_area(4);
    EQ((uintptr_t)map_at(hole + 100, 1, RW, ANON), (uintptr_t)hole);
}

static void contents_and_holes(void)
{
    char *area = map_at(NULL, 8, RW, ANON);
    for (unsigned i = 0; i < 8; i++) {
        EQ(area[i * PAGE + 5], 0);
        area[i * PAGE + 5] = (char)(i + 1);
    }
    OK(munmap(area + 2 * PAGE, 3 * PAGE - 1));
    for (unsigned i = 0; i < 8; i++) {
        if (i >= 2 && i < 5)
            FAULTS(read_signal(area + i * PAGE + 5), SIGSEGV, SEGV_MAPERR, area + i * PAGE + 5);
        else
            EQ(area[i * PAGE + 5], i + 1);
    }
    map_at(area + 2 * PAGE, 3, RW, ANON | MAP_FIXED);
    EQ(area[2 * PAGE + 5], 0);
    OK(munmap(area, 8 * PAGE));
}

static void limits(void)
{
    struct rlimit old, limit;
    OK(getrlimit(RLIMIT_AS, &old));
    limit = old;
    limit.rlim_cur = 16ul << 20;
    OK(setrlimit(RLIMIT_AS, &limit));
    FAILS(mmap(NULL, 32ul << 20, PROT_NONE, ANON, -1, 0), ENOMEM);
    OK(setrlimit(RLIMIT_AS, &old));
    OK(getrlimit(RLIMIT_DATA, &old));
    limit = old;
    limit.rlim_cur = 4ul << 20;
    OK(setrlimit(RLIMIT_DATA, &limit));
    FAILS(mmap(NULL, 8ul << 20, RW, ANON, -1, 0), ENOMEM);
    char *readable = map_at(NULL, 2048, PROT_READ, ANON);
    FAILS(mprotect(readable, 2048 * PAGE, RW), ENOMEM);
    OK(munmap(readable, 2048 * PAGE));
    OK(setrlimit(RLIMIT_DATA, &old));
    FAILS(mmap(NULL, 1ul << 45, RW, ANON, -1, 0), ENOMEM); /* obvious overcommit */
    char *huge = map_at(NULL, 1ul << 22, RW, ANON | MAP_NORESERVE);
    huge[1ul << 33] = 1;
    OK(munmap(huge, PAGE << 22));
}

static void files(void)
{
    write_file("f", "hello, mapping");
    int fd = (int)OK(open("f", O_RDONLY)), wo = (int)OK(open("f", O_WRONLY));
    FAILS(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, wo, 0), EACCES);
    FAILS(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), EACCES);
    FAILS(mmap(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | 0x800000, fd, 0), EOPNOTSUPP);
    int dir = (int)OK(open(".", O_RDONLY | O_DIRECTORY));
    FAILS(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, dir, 0), ENODEV);
    char *map = (char *)OK(mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE, fd, 0));
    EQ(memcmp(map, "hello, mapping", 14), 0);
    for (unsigned i = 14; i < PAGE; i++)
        EQ(map[i], 0);
    FAULTS(read_signal(map + PAGE), SIGBUS, BUS_ADRERR, map + PAGE);
    map[0] = 'J';
    char byte;
    EQ(OK(pread(fd, &byte, 1, 0)), 1);
    EQ(byte, 'h');
    char *shared = (char *)OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0));
    FAILS(mprotect(shared, PAGE, RW), EACCES);
    OK(pwrite(wo, "HELLO", 5, 0));
    EQ(memcmp(shared, "HELLO, mapping", 14), 0);
    EQ(map[0], 'J');
    OK(ftruncate(wo, 0));
    FAULTS(read_signal(shared), SIGBUS, BUS_ADRERR, shared);
    FAULTS(read_signal(map), SIGBUS, BUS_ADRERR, map); /* the private copy goes as well */
    OK(ftruncate(wo, 2 * PAGE));
    EQ(shared[0], 0);
    EQ(map[PAGE], 0);
    OK(unlink("f"));
    OK(close(fd));
    OK(close(wo));
    EQ(shared[1], 0);
    OK(munmap(map, 3 * PAGE));
    OK(munmap(shared, PAGE));
}

static void shared_files(void)
{
    int fd = (int)OK(open("s", O_RDWR | O_CREAT, 0600));
    OK(ftruncate(fd, 4 * PAGE));
    char *a = (char *)OK(mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 0));
    char *b = (char *)OK(mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 2 * PAGE));
    a[2 * PAGE + 7] = 'x';
    EQ(b[7], 'x');
    b[PAGE] = 'y';
    char byte;
    EQ(OK(pread(fd, &byte, 1, 3 * PAGE)), 1);
    EQ(byte, 'y');
    pid_t pid = (pid_t)OK(fork());
    if (pid == 0) {
        a[0] = 'c';
        _exit(b[7] == 'x' ? 0 : 1);
    }
    int status;
    OK(waitpid(pid, &status, 0));
    EQ(status, 0);
    EQ(a[0], 'c');
    OK(munmap(a, 4 * PAGE));
    OK(munmap(b, 2 * PAGE));
    OK(close(fd));
}

/* Some programs insist on addresses between 1 MiB and their own code: valgrind, emulators. */
static void low_addresses(void)
{
    char *low = (char *)0x108000;
    EQ((uintptr_t)map_at(low, 16, RW, ANON | MAP_FIXED_NOREPLACE), (uintptr_t)low);
    memset(low, 'l', 16 * PAGE);
    OK(munmap(low, 16 * PAGE));
}

static void growing_down(void)
{
    char *area = free_area(1024);
    char *top = area + 1024 * PAGE;
    map_at(top - PAGE, 1, RW, ANON | MAP_FIXED | MAP_GROWSDOWN);
    EQ(write_signal(top - PAGE - 8, 1), 0);
    EQ(write_signal(top - 100 * PAGE, 1), 0);
    OK(munmap(area, 1024 * PAGE));
}

int main(void)
{
    catch_faults();
    bad_arguments();
    placement();
    contents_and_holes();
    files();
    shared_files();
    low_addresses();
    growing_down();
    limits();
    return 0;
}
