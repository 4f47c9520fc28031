/* SPDX-License-Identifier: MIT */
/*
 * Packs --root and every --add into one initramfs. What is added follows the root in an archive of
 * its own, which the kernel unpacks over the first.
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

static void pack_root(struct packer *packer, const char *root)
{
    struct stat info;
    int fd = open(root, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &info) < 0) {
        die(EXIT_MISSING, "--root %s: %s", root, strerror(errno));
    }
    packer->source = root;
    if (S_ISDIR(info.st_mode)) {
        packer_add_folder(packer, root, "");
        newc_write_trailer(packer->out);
    } else if (S_ISREG(info.st_mode)) {
        packer_add_archive(packer, fd, (size_t)info.st_size);
    } else {
        die(EXIT_MISSING, "--root %s: neither a folder nor a file", root);
    }
    close(fd);
}

void root_image_create(const struct options *options, struct root_image *out)
{
    struct packer packer = {.next_ino = 1};

    *out = (struct root_image){.fd = memfd_create("assay-root", MFD_CLOEXEC)};
    packer.out = out->fd < 0 ? NULL : fdopen(dup(out->fd), "w");
    if (packer.out == NULL) {
        die(EXIT_HOST, "cannot make an anonymous file: %s", strerror(errno));
    }
    if (options->root != NULL) {
        pack_root(&packer, options->root);
    }
    for (size_t i = 0; i < options->add.count; i++) {
        pack_addition(&packer, options->add.items[i]);
    }
    if (options->add.count > 0) {
        newc_write_trailer(packer.out);
    }
    long size = ftell(packer.out);
    if (fclose(packer.out) != 0 || size < 0) {
        die(EXIT_HOST, "cannot write the root image: %s", strerror(errno));
    }
    tdestroy(packer.folders, free);
    out->size = (size_t)size;
    out->bytes = mmap(NULL, out->size, PROT_READ, MAP_SHARED, out->fd, 0);
    if (out->bytes == MAP_FAILED) {
        die(EXIT_HOST, "cannot map the root image: %s", strerror(errno));
    }
}

void root_image_destroy(struct root_image *image)
{
    munmap((void *)image->bytes, image->size);
    close(image->fd);
}
