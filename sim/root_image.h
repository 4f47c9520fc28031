/* SPDX-License-Identifier: MIT
 *
 * The root file system of a machine as an initramfs: newc archives, uncompressed, one after
 * another.
 */
#ifndef SIM_ROOT_IMAGE_H
#define SIM_ROOT_IMAGE_H

#include <stddef.h>

struct options;

struct root_image {
    int fd;            /* an anonymous file that holds the image */
    const void *bytes; /* the same, mapped for reading */
    size_t size;
};

/* Pack --root, if given, and every --add of the options. Exits with EXIT_MISSING or EXIT_ARCHIVE and one line
 * if that cannot be done, with EXIT_RAM if the machine could not hold the result. */
void root_image_create(const struct options *options, struct root_image *out);

void root_image_destroy(struct root_image *image);

#endif
