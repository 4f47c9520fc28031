/* SPDX-License-Identifier: MIT */
/*
 * Images for simulated machines: an initramfs made of files of the host.
 */
#ifndef TESTS_SIM_IMAGE_H
#define TESTS_SIM_IMAGE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "sim/newc.h"

struct image {
    char *bytes;
    size_t size;
};

/* Programs of the host, by pairs of host path and name in the image's root; ends with NULL. */
static inline struct image image_make(const char *const *pairs)
{
    struct image image;
    FILE *out = open_memstream(&image.bytes, &image.size);
    ck_assert_ptr_nonnull(out);
    for (unsigned i = 0; pairs[i]; i += 2) {
        FILE *in = fopen(pairs[i], "rb");
        ck_assert_msg(in != NULL, "no %s here", pairs[i]);
        fseek(in, 0, SEEK_END);
        size_t size = (size_t)ftell(in);
        rewind(in);
        char *bytes = malloc(size);
        ck_assert_uint_eq(fread(bytes, 1, size, in), size);
        fclose(in);
        const struct newc_entry entry = {.path = pairs[i + 1],
                                         .ino = i + 1,
                                         .mode = S_IFREG | 0755,
                                         .nlink = 1,
                                         .size = (uint32_t)size};
        newc_write_header(out, &entry);
        fwrite(bytes, 1, size, out);
        newc_write_pad(out, size);
        free(bytes);
    }
    newc_write_trailer(out);
    fclose(out);
    return image;
}

#endif
