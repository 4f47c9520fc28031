/* SPDX-License-Identifier: MIT
 *
 * What the files that pack a root image share.
 */
#ifndef SIM_PACKER_H
#define SIM_PACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* An image being written. Paths have no slash at either end; "" is the root. */
struct packer {
    FILE *out;
    uint32_t next_ino;
    void *folders;      /* tsearch tree of the paths of the folders in the image */
    const char *source; /* what is being packed, for messages */
};

/* Zeroed memory; exits if there is none. */
void *packer_allocate(size_t size);

/* Note that the image has a folder; ask whether it has. */
void packer_remember_folder(struct packer *packer, const char *path, size_t path_size);
bool packer_has_folder(const struct packer *packer, const char *path);

/* True if an open file holds newc archives and nothing else; remembers their folders. Exits with
 * EXIT_ARCHIVE if one of them is broken. */
bool packer_check_archive(struct packer *packer, int fd, size_t size);

/* Append the archives that an open file holds, of whatever format libarchive can read. */
void packer_add_archive(struct packer *packer, int fd, size_t size);

/* Append a tar archive, opened twice: in `first` the first entry has been read already. */
struct archive;
struct archive_entry;
void packer_add_tar(struct packer *packer, struct archive *first, struct archive_entry *entry,
                    struct archive *second);

/* Append a host folder and all below it, at a path of the image. */
void packer_add_folder(struct packer *packer, const char *folder, const char *path);

/* Append a host file at a path of the image. */
void packer_add_file(struct packer *packer, const char *file, const char *path);

#endif
