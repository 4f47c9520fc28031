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
    int root_fd;       /* the archive of --root: that file itself, or an anonymous one */
    int added_fd;      /* an anonymous file with the archive of what --add names; -1: none */
    const void *bytes; /* both, mapped for reading */
    size_t size;
};

/* Pack --root, if given, and every --add of the options; one of them there is. Exits with
 * EXIT_MISSING or EXIT_ARCHIVE and one line if that cannot be done. A file named by --root must not
 * change while the image is used. */
void root_image_create(const struct options *options, struct root_image *out);

/* A new descriptor of a file with the whole image. -1 with errno. */
int root_image_open(const struct root_image *image);

void root_image_destroy(struct root_image *image);

#endif
