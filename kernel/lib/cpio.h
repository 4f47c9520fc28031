/* SPDX-License-Identifier: MIT */
/*
 * Reader for cpio archives in "newc" format (070701, and 070702 with checksums), as in an
 * initramfs: an iterator over a memory buffer. Archives may follow one another with zero padding
 * between. The input is untrusted: every length is checked, nothing is allocated, and entries
 * point into the buffer, which must stay.
 *
 * Hard links: entries with links > 1 and equal device and inode are one file; its contents come
 * with any one of them (usually the last, the others having size 0). cpio_first_link tells whether
 * an entry is the first of its file.
 */
#ifndef KERNEL_LIB_CPIO_H
#define KERNEL_LIB_CPIO_H

#include "kernel/lib/compiler.h"

struct cpio_entry {
    const char *name;    /* NUL-terminated, not empty; may hold .. or leading / */
    size_t name_size;    /* without the NUL */
    const uint8_t *data; /* contents, or the target of a symbolic link (not terminated) */
    uint32_t data_size;
    uint32_t inode, mode, uid, gid, links, mtime;
    uint32_t dev_major, dev_minor, rdev_major, rdev_minor;
    uint64_t header_offset; /* in the buffer */
};

struct cpio_reader {
    const uint8_t *buffer;
    uint64_t size;
    uint64_t offset;        /* of the next header; after an error, of the header at fault */
    uint64_t archive_start; /* of the archive the last entry came from */
};

void cpio_reader_init(struct cpio_reader *reader, const void *buffer, uint64_t size);

/*
 * Next entry. 1 with *out filled; 0 at the end of the last archive; -EINVAL if the input is not
 * well formed, with reader->offset telling where (repeated calls give the same answer).
 */
int cpio_next(struct cpio_reader *reader, struct cpio_entry *out);

/*
 * For an entry with links > 1: 1 and the first entry of the same file in the same archive, if
 * that is an earlier one; 0 if `entry` is itself the first. Costs a scan of the archive.
 */
int cpio_first_link(const struct cpio_reader *reader, const struct cpio_entry *entry,
                    struct cpio_entry *out);

#endif
