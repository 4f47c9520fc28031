/* SPDX-License-Identifier: MIT */
/* mremap(2), remap_file_pages(2). */
#include "memory_check.h"

static void fill(char *area, unsigned pages)
{
    for (unsigned i = 0; i < pages; i++)
        area[i * PAGE] = (char)(i + 1);
}

static void expect(const char *area, unsigned pages)
{
    for (unsigned i = 0; i < pages; i++)
        EQ(area[i * PAGE], i + 1);
}

static void bad_arguments(void)
{
    char *area = map_at(NULL, 8, RW, ANON), *nowhere = free_area(8);
    FAILS(mremap(area, PAGE, PAGE, 64), EINVAL);
    FAILS(mremap(area + 1, PAGE, PAGE, 0), EINVAL);
    FAILS(mremap(area, PAGE, 0, 0), EINVAL);
    FAILS(mremap(area, PAGE, PAGE, MREMAP_FIXED, area), EINVAL);
    FAILS(mremap(area, 2 * PAGE, 2 * PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, area + PAGE), EINVAL);
    FAILS(mremap(area, PAGE, PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, nowhere + 1), EINVAL);
    FAILS(mremap(area, 0, PAGE, MREMAP_MAYMOVE), EINVAL); /* private: nothing to duplicate */
    FAILS(mremap(nowhere, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT);
    FAILS(mremap(area, 16 * PAGE, 17 * PAGE, MREMAP_MAYMOVE), EFAULT);
    FAILS(mremap(area, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | 4 /* DONTUNMAP */, NULL), EINVAL);
    OK(munmap(area, 8 * PAGE));
}

static void in_place(void)
{
    char *area = free_area(16);
    map_at(area, 4, RW, ANON | MAP_FIXED);
    fill(area, 4);
    EQ((uintptr_t)OK(mremap(area, 4 * PAGE, 8 * PAGE, 0)), (uintptr_t)area);
    expect(area, 4);
    EQ(area[7 * PAGE], 0);
    area[7 * PAGE] = 1;
    EQ((uintptr_t)OK(mremap(area, 8 * PAGE, 2 * PAGE, 0)), (uintptr_t)area);
    expect(area, 2);
    EQ(read_signal(area + 2 * PAGE), SIGSEGV);
    map_at(area + 4 * PAGE, 1, PROT_READ, ANON | MAP_FIXED);
    FAILS(mremap(area, 2 * PAGE, 8 * PAGE, 0), ENOMEM);
    EQ((uintptr_t)OK(mremap(area, 2 * PAGE, 4 * PAGE, 0)), (uintptr_t)area);
    char *moved = (char *)OK(mremap(area, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE));
    TRUE(moved != area);
    expect(moved, 2);
    EQ(moved[5 * PAGE], 0);
    EQ(read_signal(area), SIGSEGV);
    OK(munmap(moved, 8 * PAGE));
    OK(munmap(area, 16 * PAGE));
}

static void to_an_address(void)
{
    char *area = map_at(NULL, 8, RW, ANON), *target = free_area(16);
    fill(area, 8);
    map_at(target, 4, RW, ANON | MAP_FIXED);
    target[PAGE] = 77;
    /* Pages 2..5 of the area, growing, over what is there. */
    EQ((uintptr_t)OK(
           mremap(area + 2 * PAGE, 4 * PAGE, 6 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target)),
       (uintptr_t)target);
    for (unsigned i = 0; i < 4; i++)
        EQ(target[i * PAGE], i + 3);
    EQ(target[5 * PAGE], 0);
    EQ(area[PAGE], 2);
    EQ(area[6 * PAGE], 7);
    EQ(read_signal(area + 2 * PAGE), SIGSEGV);
    EQ(read_signal(area + 5 * PAGE), SIGSEGV);
    OK(munmap(area, 8 * PAGE));
    /* DONTUNMAP leaves the old place empty. */
    char *fresh = (char *)OK(mremap(target, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | 4, NULL));
    EQ(fresh[0], 3);
    EQ(target[0], 0);
    target[0] = 9;
    EQ(fresh[0], 3);
    OK(munmap(fresh, 4 * PAGE));
    OK(munmap(target, 16 * PAGE));
}

static void shared_twins(void)
{
    char *area = map_at(NULL, 4, RW, MAP_SHARED | MAP_ANONYMOUS);
    fill(area, 4);
    char *twin = (char *)OK(mremap(area, 0, 4 * PAGE, MREMAP_MAYMOVE));
    expect(twin, 4);
    twin[PAGE] = 50;
    EQ(area[PAGE], 50);
    /* Past the object's end there is nothing. */
    char *longer = (char *)OK(mremap(twin, 4 * PAGE, 6 * PAGE, MREMAP_MAYMOVE));
    EQ(longer[PAGE], 50);
    EQ(read_signal(longer + 5 * PAGE), SIGBUS);
    OK(munmap(longer, 6 * PAGE));
    OK(munmap(area, 4 * PAGE));
}

static void nonlinear(void)
{
    int fd = (int)OK(open("n", O_RDWR | O_CREAT, 0600));
    for (unsigned i = 0; i < 4; i++)
        OK(pwrite(fd, (char[]){(char)('a' + i)}, 1, i * PAGE));
    volatile char *map = (char *)OK(mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 0));
    OK(syscall(SYS_remap_file_pages, map, PAGE, 0, 3, 0));
    EQ(map[0], 'd');
    EQ(map[PAGE], 'b');
    map[0] = 'D';
    EQ(map[3 * PAGE], 'D');
    FAILS(syscall(SYS_remap_file_pages, map, PAGE, PROT_READ, 3, 0), EINVAL);
    char *private = map_at(NULL, 1, RW, ANON);
    FAILS(syscall(SYS_remap_file_pages, private, PAGE, 0, 0, 0), EINVAL);
    OK(munmap(private, PAGE));
    OK(munmap((char *)map, 4 * PAGE));
    OK(close(fd));
}

int main(void)
{
    catch_faults();
    bad_arguments();
    in_place();
    to_an_address();
    shared_twins();
    nonlinear();
    return 0;
}
