/* SPDX-License-Identifier: MIT */
/*
 * Archives in a root image: an uncompressed one is checked and copied as it is, what is compressed
 * is uncompressed by libarchive first.
 */
#include <archive.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "sim/newc.h"
#include "sim/options.h"
#include "sim/packer.h"

/* newc_visit: remembers the folders of an archive, however it spells them. */
static void visit_entry(void *context, const char *path, size_t path_size, uint32_t mode)
{
    if (!S_ISDIR(mode)) {
        return;
    }
    while (path_size > 0 &&
           (path[0] == '/' || (path[0] == '.' && (path_size == 1 || path[1] == '/')))) {
        path++;
        path_size--;
    }
    while (path_size > 0 && path[path_size - 1] == '/') {
        path_size--;
    }
    packer_remember_folder(context, path, path_size);
}

/* Uncompress everything from bytes on into memory, which the caller frees. */
static unsigned char *uncompress(struct packer *packer, const unsigned char *bytes, size_t size,
                                 size_t *out_size)
{
    struct archive *archive = archive_read_new();
    struct archive_entry *entry;
    unsigned char *data = NULL;
    size_t used = 0, capacity = 0;

    if (archive == NULL || archive_read_support_filter_all(archive) < ARCHIVE_WARN ||
        archive_read_support_format_raw(archive) != ARCHIVE_OK) {
        die(EXIT_HOST, "libarchive cannot be used");
    }
    if (archive_read_open_memory(archive, bytes, size) != ARCHIVE_OK ||
        archive_read_next_header(archive, &entry) != ARCHIVE_OK) {
        die(EXIT_ARCHIVE, "--root %s: %s", packer->source, archive_error_string(archive));
    }
    if (archive_filter_count(archive) < 2) {
        die(EXIT_ARCHIVE, "--root %s: neither a folder nor a newc cpio archive", packer->source);
    }
    for (;;) {
        if (used == capacity) {
            capacity = capacity == 0 ? 4 << 20 : capacity * 2;
            data = realloc(data, capacity);
            if (data == NULL) {
                die(EXIT_HOST, "out of memory");
            }
        }
        la_ssize_t count = archive_read_data(archive, data + used, capacity - used);
        if (count < 0) {
            die(EXIT_ARCHIVE, "--root %s: %s", packer->source, archive_error_string(archive));
        }
        if (count == 0) {
            break;
        }
        used += (size_t)count;
    }
    archive_read_free(archive);
    *out_size = used;
    return data;
}

/* Append every archive in bytes: plain ones are checked and copied, zeros between them skipped, and
 * anything else must be the compressed rest, as in an initrd that starts with microcode. */
static void append_archive(struct packer *packer, const unsigned char *bytes, size_t size,
                           bool was_compressed)
{
    size_t at = 0;
    bool found = false;

    while (at < size) {
        if (bytes[at] == 0) {
            at++;
            continue;
        }
        if (!newc_recognize(bytes + at, size - at)) {
            size_t rest_size;

            if (was_compressed) {
                die(EXIT_ARCHIVE, "--root %s: compressed, but not a newc cpio archive",
                    packer->source);
            }
            unsigned char *rest = uncompress(packer, bytes + at, size - at, &rest_size);
            append_archive(packer, rest, rest_size, true);
            free(rest);
            return;
        }
        const char *problem;
        size_t offset;
        size_t length = newc_walk(bytes + at, size - at, visit_entry, packer, &problem, &offset);
        if (length == 0) {
            die(EXIT_ARCHIVE, "--root %s: broken archive: %s (at byte %zu)", packer->source,
                problem, at + offset);
        }
        fwrite(bytes + at, 1, length, packer->out);
        newc_write_pad(packer->out, length);
        at += length;
        found = true;
    }
    if (!found) {
        die(EXIT_ARCHIVE, "--root %s: the archive is empty", packer->source);
    }
}

void packer_add_archive(struct packer *packer, int fd, size_t size)
{
    if (size == 0) {
        die(EXIT_ARCHIVE, "--root %s: the archive is empty", packer->source);
    }
    void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) {
        die(EXIT_MISSING, "--root %s: %s", packer->source, strerror(errno));
    }
    append_archive(packer, bytes, size, false);
    munmap(bytes, size);
}
