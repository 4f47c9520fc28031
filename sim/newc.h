/* SPDX-License-Identifier: MIT
 *
 * Writing and checking cpio archives in the "new ASCII" format (newc), the format of an initramfs.
 */
#ifndef SIM_NEWC_H
#define SIM_NEWC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct newc_entry {
    const char *path; /* without a leading slash; "." for the root itself */
    uint32_t ino;     /* equal in the names of one file, whose last entry carries the bytes */
    uint32_t mode;
    uint32_t uid, gid;
    uint32_t nlink;
    uint32_t mtime;
    uint32_t size;
    unsigned rdev_major, rdev_minor;
};

/* Write an entry's header and name. The caller writes entry->size bytes and then newc_write_pad. */
void newc_write_header(FILE *out, const struct newc_entry *entry);
void newc_write_pad(FILE *out, uint64_t size);
void newc_write_trailer(FILE *out);

/* Called with the path and mode of every entry of an archive. */
typedef void newc_visit(void *context, const char *path, size_t path_size, uint32_t mode);

/* True if bytes begin like a newc archive. */
bool newc_recognize(const unsigned char *bytes, size_t size);

/* Walk one archive and return its size including the trailer, or 0 if it is broken; then *problem
 * says what is wrong at *offset. */
size_t newc_walk(const unsigned char *bytes, size_t size, newc_visit *visit, void *context,
                 const char **problem, size_t *offset);

#endif
