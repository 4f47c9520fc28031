/* SPDX-License-Identifier: MIT */
/*
 * Tar archives in a root image, read by libarchive and written as newc.
 *
 * Tar has a file's bytes at its first name, and says at the others which that was; newc wants to
 * know at the first name that there are more. So the archive is read twice. Sockets and what tar
 * cannot tell (devices' contents, extended attributes) are left out.
 */
#include <archive.h>
#include <archive_entry.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/newc.h"
#include "sim/options.h"
#include "sim/packer.h"

/* A file with several names, found by the first of them. */
struct tar_link {
    char *path;
    uint32_t names;
    uint32_t ino; /* 0: not written yet */
};

static int compare_links(const void *a, const void *b)
{
    return strcmp(((const struct tar_link *)a)->path, ((const struct tar_link *)b)->path);
}

static void free_link(void *node)
{
    struct tar_link *link = node;

    free(link->path);
    free(link);
}

/* "./usr/bin/" as the image names it: usr/bin. The root is ".". To be freed. */
static char *image_path(const char *path)
{
    while (path[0] == '/' || (path[0] == '.' && (path[1] == '/' || path[1] == '\0'))) {
        path++;
    }
    size_t size = strlen(path);
    while (size > 0 && path[size - 1] == '/') {
        size--;
    }
    char *copy = size == 0 ? strdup(".") : strndup(path, size);
    if (copy == NULL) {
        die(EXIT_HOST, "out of memory");
    }
    return copy;
}

static bool next_entry(struct packer *packer, struct archive *archive, struct archive_entry **entry)
{
    int status = archive_read_next_header(archive, entry);

    if (status != ARCHIVE_OK && status != ARCHIVE_WARN && status != ARCHIVE_EOF) {
        die(EXIT_ARCHIVE, "--root %s: %s", packer->source, archive_error_string(archive));
    }
    return status != ARCHIVE_EOF;
}

/* First reading: which files have several names. */
static void note_link(void **links, const char *target)
{
    struct tar_link *link = packer_allocate(sizeof(*link));

    link->path = image_path(target);
    struct tar_link **node = tsearch(link, links, compare_links);
    if (node == NULL) {
        die(EXIT_HOST, "out of memory");
    }
    (*node)->names += *node == link ? 2 : 1;
    if (*node != link) {
        free_link(link);
    }
}

static struct tar_link *find_link(void **links, const char *path)
{
    const struct tar_link key = {.path = (char *)path};
    struct tar_link **node = tfind(&key, links, compare_links);

    return node == NULL ? NULL : *node;
}

static void write_data(struct packer *packer, struct archive *archive, uint64_t size)
{
    char buffer[64 << 10];
    uint64_t left = size;

    while (left > 0) {
        la_ssize_t count = archive_read_data(archive, buffer, sizeof(buffer));

        if (count <= 0 || (uint64_t)count > left) {
            die(EXIT_ARCHIVE, "--root %s: %s", packer->source,
                count < 0 ? archive_error_string(archive) : "a file of another size than it says");
        }
        fwrite(buffer, 1, (size_t)count, packer->out);
        left -= (uint64_t)count;
    }
    newc_write_pad(packer->out, size);
}

static void write_entry(struct packer *packer, struct archive *archive,
                        struct archive_entry *source, void **links)
{
    char *path = image_path(archive_entry_pathname(source));
    const char *first = archive_entry_hardlink(source), *text = archive_entry_symlink(source);
    char *first_path = first != NULL ? image_path(first) : NULL;
    struct tar_link *link = find_link(links, first_path != NULL ? first_path : path);
    struct newc_entry entry = {
        .path = path,
        .mode = first != NULL ? S_IFREG | (uint32_t)archive_entry_perm(source)
                              : (uint32_t)archive_entry_mode(source),
        .uid = (uint32_t)archive_entry_uid(source),
        .gid = (uint32_t)archive_entry_gid(source),
        .nlink = link != NULL                                 ? link->names
                 : archive_entry_filetype(source) == AE_IFDIR ? 2
                                                              : 1,
        .mtime = (uint32_t)archive_entry_mtime(source),
        .rdev_major = (unsigned)archive_entry_rdevmajor(source),
        .rdev_minor = (unsigned)archive_entry_rdevminor(source),
    };

    if (link != NULL && link->ino == 0) {
        link->ino = packer->next_ino++;
    }
    entry.ino = link != NULL ? link->ino : packer->next_ino++;
    if (S_ISLNK(entry.mode) && text != NULL) {
        entry.size = (uint32_t)strlen(text);
    } else if (S_ISREG(entry.mode) && first == NULL) {
        if (archive_entry_size(source) > UINT32_MAX) {
            die(EXIT_ARCHIVE, "--root %s: %s is larger than the 4 GiB that an image can hold",
                packer->source, path);
        }
        entry.size = (uint32_t)archive_entry_size(source);
    }
    if (S_ISDIR(entry.mode)) {
        packer_remember_folder(packer, path, strlen(path));
    }
    newc_write_header(packer->out, &entry);
    if (S_ISLNK(entry.mode) && text != NULL) {
        fwrite(text, 1, entry.size, packer->out);
        newc_write_pad(packer->out, entry.size);
    } else {
        write_data(packer, archive, entry.size);
    }
    free(first_path);
    free(path);
}

void packer_add_tar(struct packer *packer, struct archive *first, struct archive_entry *entry,
                    struct archive *second)
{
    void *links = NULL;

    do {
        if (archive_entry_hardlink(entry) != NULL) {
            note_link(&links, archive_entry_hardlink(entry));
        }
    } while (next_entry(packer, first, &entry));
    while (next_entry(packer, second, &entry)) {
        if (archive_entry_filetype(entry) != AE_IFSOCK) {
            write_entry(packer, second, entry, &links);
        }
    }
    tdestroy(links, free_link);
    newc_write_trailer(packer->out);
}
