/* SPDX-License-Identifier: MIT */
/*
 * Makes one initramfs of --root and every --add. What is added follows the root in an archive of
 * its own, which the kernel unpacks over the first. A root that is a newc archive already is
 * mapped, not copied: it may be large, and several machines then share its pages.
 */
#include "sim/root_image.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/newc.h"
#include "sim/options.h"
#include "sim/packer.h"

enum { PAGE = 4096 };

void *packer_allocate(size_t size)
{
    void *memory = calloc(1, size);

    if (memory == NULL) {
        die(EXIT_HOST, "out of memory");
    }
    return memory;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(a, b);
}

void packer_remember_folder(struct packer *packer, const char *path, size_t path_size)
{
    char *copy = packer_allocate(path_size + 1);

    memcpy(copy, path, path_size);
    const char **node = tsearch(copy, &packer->folders, compare_paths);
    if (node == NULL) {
        die(EXIT_HOST, "out of memory");
    }
    if (*node != copy) {
        free(copy);
    }
}

bool packer_has_folder(const struct packer *packer, const char *path)
{
    return tfind(path, &packer->folders, compare_paths) != NULL;
}

/* Make the folders above a path, as far as the image has none. */
static void make_parents(struct packer *packer, const char *path)
{
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        char *parent = strndup(path, (size_t)(slash - path));

        if (parent == NULL) {
            die(EXIT_HOST, "out of memory");
        }
        if (!packer_has_folder(packer, parent)) {
            const struct newc_entry entry = {
                .path = parent,
                .ino = packer->next_ino++,
                .mode = S_IFDIR | 0755,
                .nlink = 2,
            };
            newc_write_header(packer->out, &entry);
            packer_remember_folder(packer, parent, strlen(parent));
        }
        free(parent);
    }
}

/* HOST[:GUEST] */
static void pack_addition(struct packer *packer, const char *addition)
{
    const char *colon = strrchr(addition, ':');
    char *host = colon != NULL ? strndup(addition, (size_t)(colon - addition)) : strdup(addition);
    struct stat info;

    if (host == NULL) {
        die(EXIT_HOST, "out of memory");
    }
    for (size_t size = strlen(host); size > 1 && host[size - 1] == '/'; size--) {
        host[size - 1] = '\0';
    }
    if (stat(host, &info) < 0) {
        die(EXIT_MISSING, "--add %s: %s", host, strerror(errno));
    }
    const char *path = colon != NULL ? colon + 1 : basename(host);
    path += strspn(path, "/");
    if (path[0] == '\0' && !S_ISDIR(info.st_mode)) {
        die(EXIT_USAGE, "--add %s: no name for the file in the guest", addition);
    }
    packer->source = host;
    make_parents(packer, path);
    if (S_ISDIR(info.st_mode)) {
        packer_add_folder(packer, host, path);
    } else if (S_ISREG(info.st_mode)) {
        packer_add_file(packer, host, path);
    } else {
        die(EXIT_MISSING, "--add %s: neither a file nor a folder", host);
    }
    free(host);
}

/* A file in memory to pack into. */
static int begin_packing(struct packer *packer)
{
    int fd = memfd_create("assay-root", MFD_CLOEXEC);

    packer->out = fd < 0 ? NULL : fdopen(dup(fd), "w");
    if (packer->out == NULL) {
        die(EXIT_HOST, "cannot make an anonymous file: %s", strerror(errno));
    }
    return fd;
}

static void end_packing(struct packer *packer)
{
    if (fclose(packer->out) != 0) {
        die(EXIT_HOST, "cannot write the root image: %s", strerror(errno));
    }
}

/* The root's archive: the given file itself if it is one already, else packed into memory. */
static int open_root(struct packer *packer, const char *root)
{
    struct stat info;
    int fd = open(root, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &info) < 0) {
        die(EXIT_MISSING, "--root %s: %s", root, strerror(errno));
    }
    packer->source = root;
    if (!S_ISDIR(info.st_mode) && !S_ISREG(info.st_mode)) {
        die(EXIT_MISSING, "--root %s: neither a folder nor a file", root);
    }
    if (S_ISREG(info.st_mode) && packer_check_archive(packer, fd, (size_t)info.st_size)) {
        return fd;
    }
    int packed = begin_packing(packer);
    if (S_ISDIR(info.st_mode)) {
        packer_add_folder(packer, root, "");
        newc_write_trailer(packer->out);
    } else {
        packer_add_archive(packer, fd, (size_t)info.st_size);
    }
    end_packing(packer);
    close(fd);
    return packed;
}

static int pack_additions(struct packer *packer, const struct string_list *additions)
{
    if (additions->count == 0) {
        return -1;
    }
    int fd = begin_packing(packer);
    for (size_t i = 0; i < additions->count; i++) {
        pack_addition(packer, additions->items[i]);
    }
    newc_write_trailer(packer->out);
    end_packing(packer);
    return fd;
}

static size_t file_size(int fd)
{
    struct stat info;

    return fd >= 0 && fstat(fd, &info) == 0 ? (size_t)info.st_size : 0;
}

static size_t whole_pages(size_t size)
{
    return (size + PAGE - 1) & ~(size_t)(PAGE - 1);
}

/* False if the part of an image cannot be mapped there; nothing is to be done for no bytes. */
static bool map_part(char *at, size_t size, int fd)
{
    return size == 0 || mmap(at, size, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED;
}

/* One range of addresses for both parts; the end of the first part's last page reads as zeros,
 * which may stand between archives. */
static void map_parts(struct root_image *image)
{
    size_t root = whole_pages(file_size(image->root_fd)), added = file_size(image->added_fd);

    image->size = added == 0 ? file_size(image->root_fd) : root + added;
    char *at = mmap(NULL, whole_pages(image->size), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED || !map_part(at, root, image->root_fd) ||
        !map_part(at + root, whole_pages(added), image->added_fd)) {
        die(EXIT_HOST, "cannot map the root image: %s", strerror(errno));
    }
    image->bytes = at;
}

void root_image_create(const struct options *options, struct root_image *out)
{
    struct packer packer = {.next_ino = 1};

    out->root_fd = options->root != NULL ? open_root(&packer, options->root) : -1;
    out->added_fd = pack_additions(&packer, &options->add);
    tdestroy(packer.folders, free);
    map_parts(out);
}

int root_image_open(const struct root_image *image)
{
    if (image->added_fd < 0) {
        return dup(image->root_fd);
    }
    int fd = memfd_create("assay-root", MFD_CLOEXEC);
    for (size_t done = 0; fd >= 0 && done < image->size;) {
        ssize_t count = write(fd, (const char *)image->bytes + done, image->size - done);

        if (count < 0) {
            die(EXIT_HOST, "cannot write the root image: %s", strerror(errno));
        }
        done += (size_t)count;
    }
    return fd;
}

void root_image_destroy(struct root_image *image)
{
    munmap((void *)image->bytes, whole_pages(image->size));
    if (image->root_fd >= 0) {
        close(image->root_fd);
    }
    if (image->added_fd >= 0) {
        close(image->added_fd);
    }
}
