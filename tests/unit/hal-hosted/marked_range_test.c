/* SPDX-License-Identifier: MIT
 *
 * Memory that goes back to what a file holds.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hal-hosted/marked_range.h"
#include "tests/unit/hal-hosted/hosted_test.h"

enum { PAGES = 640, BYTES = PAGES * HAL_PAGE_SIZE };

/* Every byte of page i is i. */
static struct marked_range range_create(void)
{
    struct marked_range range;
    const int fd = memfd_create("marked-range-test", 0);
    char *memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, BYTES), 0);
    ck_assert_ptr_ne(memory, MAP_FAILED);
    for (unsigned i = 0; i < PAGES; i++) {
        memset(memory + i * HAL_PAGE_SIZE, (int)i, HAL_PAGE_SIZE);
    }
    ck_assert_int_eq(marked_range_create(&range, memory, BYTES, fd), 0);
    close(fd);
    return range;
}

static void range_destroy(struct marked_range *range)
{
    marked_range_destroy(range);
    munmap(range->start, BYTES);
}

/* Each `stride`th page from `first` on. Returns how many. */
static size_t write_pages(struct marked_range *range, unsigned first, unsigned stride)
{
    size_t count = 0;

    for (unsigned i = first; i < PAGES; i += stride, count++) {
        range->start[i * HAL_PAGE_SIZE + (i * 64) % HAL_PAGE_SIZE] ^= 1;
    }
    return count;
}

static bool is_pristine(const struct marked_range *range)
{
    for (unsigned i = 0; i < PAGES; i++) {
        const char *page = range->start + i * HAL_PAGE_SIZE;
        if (page[0] != (char)i || memcmp(page, page + 1, HAL_PAGE_SIZE - 1) != 0) {
            return false;
        }
    }
    return true;
}

START_TEST(restore_puts_scattered_pages_back)
{
    struct marked_range range = range_create();

    /* Every other page is more regions than one answer of the host's kernel holds. */
    for (unsigned stride = 1; stride <= 128; stride *= 2) {
        size_t written = write_pages(&range, stride - 1, stride);
        ck_assert_uint_eq(marked_range_pages_changed(&range), written);
        marked_range_restore(&range);
        ck_assert_uint_eq(marked_range_pages_changed(&range), 0);
        ck_assert(is_pristine(&range));
    }
    range_destroy(&range);
}
END_TEST

START_TEST(restore_puts_back_each_of_many_times)
{
    struct marked_range range = range_create();

    for (unsigned i = 0; i < 600; i++) {
        write_pages(&range, i % 7, 31 + i % 64);
        marked_range_restore(&range);
        if (i % 16 == 0 || i % 256 < 2) {
            ck_assert_uint_eq(marked_range_pages_changed(&range), 0);
        }
    }
    range_destroy(&range);
}
END_TEST

START_TEST(restore_in_child_process_puts_the_childs_memory_back)
{
    struct marked_range range = range_create();
    int status;

    write_pages(&range, 0, 3);
    marked_range_restore(&range);
    write_pages(&range, 1, 3);
    const pid_t pid = fork();
    if (pid == 0) {
        write_pages(&range, 5, 9);
        marked_range_restore(&range);
        _exit(!is_pristine(&range));
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(marked_range_pages_changed(&range), (PAGES - 1 + 2) / 3);
    marked_range_restore(&range);
    ck_assert(is_pristine(&range));
    range_destroy(&range);
}
END_TEST

START_TEST(restore_drops_the_pages_where_linux_does_not_say_which)
{
    struct marked_range range = range_create();

    close(range.pagemap_fd);
    range.pagemap_fd = -1;
    for (unsigned i = 0; i < 3; i++) {
        write_pages(&range, i, 3);
        marked_range_restore(&range);
        ck_assert(is_pristine(&range));
    }
    range_destroy(&range);
}
END_TEST

HOSTED_MAIN("marked_range", restore_puts_scattered_pages_back, restore_puts_back_each_of_many_times,
            restore_in_child_process_puts_the_childs_memory_back,
            restore_drops_the_pages_where_linux_does_not_say_which)
