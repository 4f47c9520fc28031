/* SPDX-License-Identifier: MIT */
/*
 * Archives in a root image: an uncompressed newc archive is checked and used as it is, what is
 * compressed is uncompressed by libarchive first, and tar is converted.
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

static struct archive *open_archive(struct packer *packer, const unsigned char *bytes, size_t size)
{
    struct archive *archive = archive_read_new();

    if (archive == NULL || archive_read_support_filter_all(archive) < ARCHIVE_WARN ||
        archive_read_support_format_tar(archive) != ARCHIVE_OK ||
        archive_read_support_format_raw(archive) != ARCHIVE_OK) {
        die(EXIT_HOST, "libarchive cannot be used");
    }
    if (archive_read_open_memory(archive, bytes, size) != ARCHIVE_OK) {
        die(EXIT_ARCHIVE, "--root %s: %s", packer->source, archive_error_string(archive));
    }
    return archive;
}

/* Everything that a compressed file holds, in memory which the caller frees. */
static unsigned char *read_all(struct packer *packer, struct archive *archive, size_t *out_size)
{
    unsigned char *data = NULL;
    size_t used = 0, capacity = 0;

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
    *out_size = used;
    return data;
}

/* Check the archives from bytes on, zeros between them skipped. Returns where something begins that
 * is no newc archive, or size. */
static size_t check_plain(struct packer *packer, const unsigned char *bytes, size_t size)
{
    size_t at = 0;

    while (at < size) {
        const char *problem;
        size_t offset;

        if (bytes[at] == 0) {
            at++;
            continue;
        }
        if (!newc_recognize(bytes + at, size - at)) {
            break;
        }
        size_t length = newc_walk(bytes + at, size - at, visit_entry, packer, &problem, &offset);
        if (length == 0) {
            die(EXIT_ARCHIVE, "--root %s: broken archive: %s (at byte %zu)", packer->source,
                problem, at + offset);
        }
        at += length;
    }
    return at;
}

static void append_compressed(struct packer *packer, struct archive *archive)
{
    size_t size;
    unsigned char *bytes = read_all(packer, archive, &size);

    if (check_plain(packer, bytes, size) != size) {
        die(EXIT_ARCHIVE, "--root %s: compressed, but not a newc cpio or tar archive",
            packer->source);
    }
    fwrite(bytes, 1, size, packer->out);
    newc_write_pad(packer->out, size);
    free(bytes);
}

/* Append newc archives as they are, then what is compressed, as in an initrd that starts with
 * microcode, or else an archive of another format. */
static void append_archive(struct packer *packer, const unsigned char *bytes, size_t size)
{
    size_t plain = check_plain(packer, bytes, size);
    struct archive_entry *entry;

    fwrite(bytes, 1, plain, packer->out);
    newc_write_pad(packer->out, plain);
    if (plain == size) {
        return;
    }
    struct archive *archive = open_archive(packer, bytes + plain, size - plain);
    if (archive_read_next_header(archive, &entry) < ARCHIVE_WARN) {
        die(EXIT_ARCHIVE, "--root %s: %s", packer->source, archive_error_string(archive));
    }
    if ((archive_format(archive) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_TAR) {
        struct archive *again = open_archive(packer, bytes + plain, size - plain);

        packer_add_tar(packer, archive, entry, again);
        archive_read_free(again);
    } else if (archive_filter_count(archive) < 2) {
        die(EXIT_ARCHIVE, "--root %s: neither a folder nor a cpio (newc) or tar archive",
            packer->source);
    } else {
        append_compressed(packer, archive);
    }
    archive_read_free(archive);
}

static const unsigned char *map_file(struct packer *packer, int fd, size_t size)
{
    if (size == 0) {
        die(EXIT_ARCHIVE, "--root %s: the archive is empty", packer->source);
    }
    void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) {
        die(EXIT_MISSING, "--root %s: %s", packer->source, strerror(errno));
    }
    return bytes;
}

bool packer_check_archive(struct packer *packer, int fd, size_t size)
{
    const unsigned char *bytes = map_file(packer, fd, size);
    bool plain = check_plain(packer, bytes, size) == size;
    bool empty = true;

    for (size_t i = 0; plain && empty && i < size; i++) {
        empty = bytes[i] == 0;
    }
    if (plain && empty) {
        die(EXIT_ARCHIVE, "--root %s: the archive is empty", packer->source);
    }
    munmap((void *)bytes, size);
    return plain;
}

void packer_add_archive(struct packer *packer, int fd, size_t size)
{
    const unsigned char *bytes = map_file(packer, fd, size);

    append_archive(packer, bytes, size);
    munmap((void *)bytes, size);
}
