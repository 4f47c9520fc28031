/* SPDX-License-Identifier: MIT
 *
 * Archives: the reader of cpio on the input itself, where a sanitizer sees every byte behind its
 * end, and then unpacking into a file system (kernel/lib/cpio.c, kernel/fs/initramfs.c).
 */
#include "fuzz/inside.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/tmpfs.h"
#include "kernel/lib/cpio.h"

static void read_archive(const uint8_t *data, size_t size)
{
    struct cpio_reader reader;
    struct cpio_entry entry, first;
    unsigned links = 0;
    int result;

    cpio_reader_init(&reader, data, size);
    while ((result = cpio_next(&reader, &entry)) == 1) {
        if (entry.name_size == 0 || entry.name[entry.name_size] != '\0')
            fuzz_fail("a name that is none");
        if (entry.data_size && (entry.data < data || entry.data + entry.data_size > data + size))
            fuzz_fail("contents outside of the archive");
        if (entry.links > 1 && links++ < 16)
            cpio_first_link(&reader, &entry, &first);
    }
    if (cpio_next(&reader, &entry) != result)
        fuzz_fail("the end of an archive is not stable");
}

static void body(const uint8_t *data, size_t size)
{
    initramfs_unpack(this_kernel(), data, size, size % 2 != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_archive(data, size);
    fuzz_inside(body, data, size);
    return 0;
}
