/* SPDX-License-Identifier: MIT */
/*
 * Copies of a machine's memory. The memory is a sparse file: only its data, page by page, is copied
 * or compared, so an idle machine of gigabytes costs little.
 *
 * Under AddressSanitizer the shadow of the memory is kept with it: what is poisoned belongs to the
 * state. Copies themselves must not be checked, so they are made by hand.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hal-hosted/sanitizer.h"
#include "hal-hosted/world/tracking_internal.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008u /* Linux 6.3 */
#endif

#if HOSTED_ASAN
void __asan_get_shadow_mapping(size_t *scale, size_t *offset);

static char *shadow_of(const char *address)
{
    size_t scale, offset;

    __asan_get_shadow_mapping(&scale, &offset);
    return (char *)(((uintptr_t)address >> scale) + offset);
}
#endif

static void copy_words(void *to, const void *from, size_t bytes)
{
    size_t words = bytes / 8;

    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}

static void *reserve(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

/* The next stretch of the file at or after *start that is not a hole; false at the end. */
static bool next_data(const struct machine *machine, uint64_t *start, uint64_t *end)
{
    off_t data = lseek(machine->ram_fd, (off_t)*start, SEEK_DATA), hole;

    if (data < 0) {
        return false;
    }
    hole = lseek(machine->ram_fd, data, SEEK_HOLE);
    *start = (uint64_t)data;
    *end = hole < 0 ? machine_memory_bytes(machine) : (uint64_t)hole;
    return true;
}

int memory_copy_take(struct memory_copy *copy, struct machine *machine)
{
    uint64_t end;

    copy->size = machine_memory_bytes(machine);
    copy->bytes = reserve(copy->size);
    if (!copy->bytes) {
        return -ENOMEM;
    }
    for (uint64_t start = 0; next_data(machine, &start, &end); start = end) {
        copy_words(copy->bytes + start, machine->ram + start, end - start);
    }
#if HOSTED_ASAN
    copy->shadow = reserve(copy->size / 8);
    if (!copy->shadow) {
        return -ENOMEM;
    }
    copy_words(copy->shadow, shadow_of(machine->ram), copy->size / 8);
#endif
    return 0;
}

void memory_copy_free(struct memory_copy *copy)
{
    if (copy->bytes) {
        munmap(copy->bytes, copy->size);
        copy->bytes = NULL;
    }
    if (copy->shadow) {
        munmap(copy->shadow, copy->size / 8);
        copy->shadow = NULL;
    }
}

void memory_copy_page(const struct memory_copy *copy, struct machine *machine, uint64_t offset)
{
    copy_words(machine->ram + offset, copy->bytes + offset, HAL_PAGE_SIZE);
#if HOSTED_ASAN
    copy_words(shadow_of(machine->ram + offset), copy->shadow + offset / 8, HAL_PAGE_SIZE / 8);
#endif
}

/* Whether a page of the copy was ever written. */
static bool page_is_zero(const char *page)
{
    const uint64_t *words = (const uint64_t *)page;

    for (unsigned i = 0; i < HAL_PAGE_SIZE / 8; i++) {
        if (words[i]) {
            return false;
        }
    }
    return true;
}

/* Everything: pages that are data now, and then those that only the copy has. */
int memory_copy_restore(const struct memory_copy *copy, struct machine *machine, size_t *pages)
{
    for (uint64_t at = 0; at < copy->size; at += HAL_PAGE_SIZE) {
        off_t data = lseek(machine->ram_fd, (off_t)at, SEEK_DATA);

        if (((uint64_t)data != at || data < 0) && page_is_zero(copy->bytes + at)) {
            continue;
        }
        memory_copy_page(copy, machine, at);
        *pages += 1;
    }
#if HOSTED_ASAN
    copy_words(shadow_of(machine->ram), copy->shadow, copy->size / 8);
#endif
    return 0;
}

/* In the child of a fork: the memory was shared with the parent. */
int memory_make_own(struct machine *machine)
{
    uint64_t bytes = machine_memory_bytes(machine), end;
    int fd = memfd_create("assay-ram", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
    char *mapped;

    if (fd < 0 && errno == EINVAL) {
        fd = memfd_create("assay-ram", MFD_CLOEXEC);
    }
    if (fd < 0) {
        return -errno;
    }
    mapped = ftruncate(fd, (off_t)bytes) == 0
                 ? mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0)
                 : MAP_FAILED;
    if (mapped == MAP_FAILED) {
        close(fd);
        return -ENOMEM;
    }
    for (uint64_t start = 0; next_data(machine, &start, &end); start = end) {
        copy_words(mapped + start, machine->ram + start, end - start);
    }
    munmap(mapped, bytes);
    if (mmap(machine->ram, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE | MAP_FIXED,
             fd, 0) == MAP_FAILED) {
        close(fd);
        return -errno;
    }
    close(machine->ram_fd);
    machine->ram_fd = fd;
    return 0;
}
