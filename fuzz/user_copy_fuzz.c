/* SPDX-License-Identifier: MIT
 *
 * Copies between kernel and user memory against a model: a window of pages is mapped, unmapped and
 * protected, and every copy must move exactly the bytes that the model allows, up to the first page
 * that it does not (kernel/mm/uaccess.c).
 */
#include <string.h>

#include "fuzz/inside.h"
#include "kernel/abi/errno.h"
#include "kernel/mm/uaccess.h"
#include "kernel/syscall/syscalls.h"

enum { PAGES = 12, PAGE = 4096, OPS_MAX = 64, NONE = 8 };
#define WINDOW 0x20000000ull

static struct {
    uint8_t prot[PAGES]; /* PROT_*, or NONE where nothing is mapped */
    uint8_t bytes[PAGES * PAGE];
} model;

static uint8_t buffer[PAGES * PAGE];

/* How many of the bytes from `offset` on can be accessed in this way. */
static size_t accessible(size_t offset, size_t count, unsigned prot)
{
    size_t done = 0;

    while (done < count && offset + done < sizeof model.bytes) {
        const uint8_t page = model.prot[(offset + done) / PAGE];
        if (page == NONE || !(page & prot))
            break;
        done += PAGE - (offset + done) % PAGE;
    }
    return done < count ? done : count;
}

static void change_pages(struct fuzz_input *input, unsigned kind)
{
    const unsigned first = fuzz_u8(input) % PAGES, count = 1 + fuzz_u8(input) % (PAGES - first);
    const uint8_t prot = fuzz_u8(input) % 4;
    const uint64_t addr = WINDOW + first * PAGE;

    if (kind == 0) {
        if (FUZZ_CALL(SYS_mmap, addr, count * PAGE, prot, 0x32, -1, 0) != (int64_t)addr)
            fuzz_fail("mmap failed");
        memset(model.bytes + first * PAGE, 0, count * PAGE);
        memset(model.prot + first, prot, count);
    } else if (kind == 1) {
        FUZZ_CALL(SYS_munmap, addr, count * PAGE);
        memset(model.prot + first, NONE, count);
    } else {
        FUZZ_CALL(SYS_mprotect, addr, count * PAGE, prot);
        for (unsigned i = first; i < first + count && model.prot[i] != NONE; i++)
            model.prot[i] = prot; /* up to the first hole */
    }
}

static void expect(size_t got, size_t wanted, const char *what, size_t offset, size_t count)
{
    if (got != wanted)
        fuzz_fail("%s of %zu bytes at %#zx: %zu instead of %zu", what, count, offset, got, wanted);
}

static void copy(struct fuzz_input *input, unsigned kind)
{
    const size_t offset = fuzz_u32(input) % sizeof model.bytes,
                 count = fuzz_u32(input) % sizeof buffer;
    const uint64_t uaddr = WINDOW + offset;
    /* Write access alone is read access too on this hardware. */
    const size_t readable = accessible(offset, count, 3), writable = accessible(offset, count, 2);

    switch (kind) {
    case 3:
        expect(copy_from_user_partial(buffer, uaddr, count), readable, "read", offset, count);
        if (memcmp(buffer, model.bytes + offset, readable) != 0)
            fuzz_fail("read something else at %#zx", offset);
        break;
    case 4:
        memset(buffer, fuzz_u8(input), count);
        expect(copy_to_user_partial(uaddr, buffer, count), writable, "write", offset, count);
        memcpy(model.bytes + offset, buffer, writable);
        break;
    case 5:
        expect(clear_user_partial(uaddr, count), writable, "clear", offset, count);
        memset(model.bytes + offset, 0, writable);
        break;
    default: {
        const size_t length = strnlen((char *)model.bytes + offset, readable);
        const int64_t result = copy_string_from_user((char *)buffer, uaddr, count);
        const int64_t wanted = length < readable   ? (int64_t)length
                               : readable == count ? -ENAMETOOLONG
                                                   : -EFAULT;
        if (result != wanted)
            fuzz_fail("string at %#zx, room %zu: %lld instead of %lld", offset, count,
                      (long long)result, (long long)wanted);
        break;
    }
    }
}

static void compare_exchange(struct fuzz_input *input)
{
    const size_t offset = fuzz_u32(input) % (sizeof model.bytes - 4);
    const uint32_t desired = fuzz_u32(input);
    uint32_t old = 0, expected = 0;

    memcpy(&expected, model.bytes + offset, sizeof expected);
    const int error = cmpxchg_user_u32(WINDOW + offset, expected, desired, &old);
    const int wanted = offset % 4 ? -EINVAL : accessible(offset, 4, 2) == 4 ? 0 : -EFAULT;
    if (error != wanted || (error == 0 && old != expected))
        fuzz_fail("exchange at %#zx: %d, old %#x instead of %d, %#x", offset, error, old, wanted,
                  expected);
    if (error == 0)
        memcpy(model.bytes + offset, &desired, sizeof desired);
}

static void body(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {.data = data, .size = size};

    memset(model.prot, NONE, sizeof model.prot);
    for (unsigned i = 0; i < OPS_MAX && input.size > 0; i++) {
        const unsigned kind = fuzz_u8(&input) % 8;
        if (kind < 3)
            change_pages(&input, kind);
        else if (kind < 7)
            copy(&input, kind);
        else
            compare_exchange(&input);
    }
}

FUZZ_TARGET(body)
