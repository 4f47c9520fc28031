/* SPDX-License-Identifier: MIT */
/* userfaultfd(2): pages that are protected against writing. */
#include "userfault_check.h"

static char source[PAGE] __attribute__((aligned(4096)));

static int make(uint64_t features)
{
    return uffd_make(0, UFFD_FEATURE_PAGEFAULT_FLAG_WP | features);
}

static void arguments_are_checked(void)
{
    int fd = make(0);
    char *at = map_pages(2);
    struct uffdio_register reg = {.range = {(uintptr_t)at, PAGE}, .mode = PROTECTED};
    OK(ioctl(fd, UFFDIO_REGISTER, &reg));
    TRUE(reg.ioctls & (1ull << _UFFDIO_WRITEPROTECT));
    FAILS(ioctl(fd, UFFDIO_WRITEPROTECT, NULL), EFAULT);
    FAILS(uffd_protect(fd, at + 1, PAGE, 0), EINVAL);
    FAILS(uffd_protect(fd, at, 0, 0), EINVAL);
    FAILS(uffd_protect(fd, at, PAGE, 1u << 20), EINVAL);
    FAILS(
        uffd_protect(fd, at, PAGE, UFFDIO_WRITEPROTECT_MODE_WP | UFFDIO_WRITEPROTECT_MODE_DONTWAKE),
        EINVAL);
    FAILS(uffd_protect(fd, at + PAGE, PAGE, UFFDIO_WRITEPROTECT_MODE_WP), ENOENT);
    OK(uffd_protect(fd, at, PAGE, UFFDIO_WRITEPROTECT_MODE_WP));
    OK(uffd_protect(fd, at, PAGE, 0));
}

static void a_write_waits_and_a_read_does_not(void)
{
    int fd = make(0);
    char *at = map_pages(2);
    memset(at, 'a', 2 * PAGE);
    OK(uffd_register(fd, at, 2 * PAGE, PROTECTED));
    at[0] = 'b'; /* not protected yet */
    OK(uffd_protect(fd, at, 2 * PAGE, UFFDIO_WRITEPROTECT_MODE_WP));
    EQ(at[0], 'b');
    EQ(at[PAGE], 'a');
    struct toucher writer;
    touch_start(&writer, at + 3, true, 'w');
    EQ(uffd_next(fd, at), UFFD_PAGEFAULT_FLAG_WP | UFFD_PAGEFAULT_FLAG_WRITE);
    EQ(at[3], 'a');
    TRUE(!touch_is_done(&writer));
    OK(uffd_protect(fd, at, PAGE, 0));
    touch_end(&writer);
    EQ(at[3], 'w');
    at[4] = 'x';
    touch_start(&writer, at + PAGE, true, 'y'); /* its neighbour is protected still */
    EQ(uffd_next(fd, at + PAGE), UFFD_PAGEFAULT_FLAG_WP | UFFD_PAGEFAULT_FLAG_WRITE);
    OK(uffd_protect(fd, at + PAGE, PAGE, 0));
    touch_end(&writer);
    EQ(at[PAGE], 'y');
}

static void protection_outlives_mprotect_and_neighbours(void)
{
    int fd = make(0);
    char *at = map_pages(4);
    memset(at, 'a', 4 * PAGE);
    OK(uffd_register(fd, at, 4 * PAGE, PROTECTED));
    OK(uffd_protect(fd, at + PAGE, PAGE, UFFDIO_WRITEPROTECT_MODE_WP));
    OK(mprotect(at, 4 * PAGE, PROT_READ));
    OK(mprotect(at, 4 * PAGE, PROT_READ | PROT_WRITE));
    at[0] = at[2 * PAGE] = at[3 * PAGE] = 'b';
    struct toucher writer;
    touch_start(&writer, at + PAGE, true, 'w');
    uffd_next(fd, at + PAGE);
    EQ(at[PAGE], 'a');
    OK(uffd_protect(fd, at, 4 * PAGE, 0));
    touch_end(&writer);
    EQ(at[PAGE], 'w');
}

static void a_fork_is_not_protected(void)
{
    int fd = make(0);
    char *at = map_pages(1);
    at[0] = 'a';
    OK(uffd_register(fd, at, PAGE, PROTECTED));
    OK(uffd_protect(fd, at, PAGE, UFFDIO_WRITEPROTECT_MODE_WP));
    pid_t child = (pid_t)OK(fork());
    if (child == 0) {
        at[0] = 'c';
        EQ(at[0], 'c');
        _exit(0);
    }
    CHILD_OK(child);
    struct toucher writer;
    touch_start(&writer, at, true, 'w');
    uffd_next(fd, at);
    EQ(at[0], 'a');
    OK(uffd_protect(fd, at, PAGE, 0));
    touch_end(&writer);
    EQ(at[0], 'w');
}

static void pages_come_protected(void)
{
    int fd = make(0);
    char *at = map_pages(1);
    OK(uffd_register(fd, at, PAGE, PROTECTED | MISSING));
    struct toucher writer;
    source[0] = 'p';
    OK(uffd_copy(fd, at, source, PAGE, UFFDIO_COPY_MODE_WP));
    EQ(at[0], 'p');
    touch_start(&writer, at, true, 'w');
    EQ(uffd_next(fd, at), UFFD_PAGEFAULT_FLAG_WP | UFFD_PAGEFAULT_FLAG_WRITE);
    OK(uffd_protect(fd, at, PAGE, 0));
    touch_end(&writer);
    EQ(at[0], 'w');
}

static void *read_into(void *argument)
{
    void **arguments = argument;
    long got = read((int)(intptr_t)arguments[0], arguments[1], 4);
    arguments[2] = (void *)(intptr_t)(got < 0 ? -errno : got);
    return NULL;
}

static void the_kernel_waits_to_write(void)
{
    int fd = make(0), ends[2];
    char *at = map_pages(1);
    pthread_t thread;
    OK(pipe(ends));
    EQ(write(ends[1], "text", 4), 4);
    at[0] = 'a';
    OK(uffd_register(fd, at, PAGE, PROTECTED));
    OK(uffd_protect(fd, at, PAGE, UFFDIO_WRITEPROTECT_MODE_WP));
    void *arguments[3] = {(void *)(intptr_t)ends[0], at, NULL};
    EQ(pthread_create(&thread, NULL, read_into, arguments), 0);
    uffd_next(fd, at);
    EQ(at[0], 'a');
    OK(uffd_protect(fd, at, PAGE, 0));
    EQ(pthread_join(thread, NULL), 0);
    EQ((intptr_t)arguments[2], 4);
    EQ(memcmp(at, "text", 4), 0);
}

static void unregistering_and_closing_unprotect(void)
{
    int fd = make(0);
    char *at = map_pages(2);
    struct toucher writer;
    memset(at, 'a', 2 * PAGE);
    OK(uffd_register(fd, at, 2 * PAGE, PROTECTED));
    OK(uffd_protect(fd, at, 2 * PAGE, UFFDIO_WRITEPROTECT_MODE_WP));
    OK(uffd_unregister(fd, at, PAGE));
    at[0] = 'b';
    touch_start(&writer, at + PAGE, true, 'c');
    uffd_next(fd, at + PAGE);
    OK(close(fd));
    touch_end(&writer);
    EQ(at[PAGE], 'c');
    at[PAGE + 1] = 'd';
}

static void a_discarded_page_is_forgotten(void)
{
    int fd = make(0);
    char *at = map_pages(1);
    at[0] = 'a';
    OK(uffd_register(fd, at, PAGE, PROTECTED));
    OK(uffd_protect(fd, at, PAGE, UFFDIO_WRITEPROTECT_MODE_WP));
    OK(madvise(at, PAGE, MADV_DONTNEED));
    at[0] = 'b';
    EQ(at[0], 'b');
}

GUEST_MAIN(CASE(arguments_are_checked), CASE(a_write_waits_and_a_read_does_not),
           CASE(protection_outlives_mprotect_and_neighbours), CASE(a_fork_is_not_protected),
           CASE(pages_come_protected), CASE(the_kernel_waits_to_write),
           CASE(unregistering_and_closing_unprotect), CASE(a_discarded_page_is_forgotten))
