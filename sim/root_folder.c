/* SPDX-License-Identifier: MIT */
/*
 * Folders and files in a root image.
 *
 * A folder is walked in the order of its names, so that the same folder gives the same image. Files
 * that belong to the caller belong to the guest's root: a folder unpacked by an ordinary user
 * becomes what it was packed from. Sockets are left out; a folder that the image already has keeps
 * its owner and mode.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "sim/newc.h"
#include "sim/options.h"
#include "sim/packer.h"

enum { COPY_SIZE = 64 << 10 };

/* A file with several names. In newc all but the last entry written are empty. */
struct link_group {
    dev_t dev;
    ino_t ino;
    nlink_t names; /* names found below the folder */
    nlink_t written;
    uint32_t image_ino;
};

struct walk {
    struct packer *packer;
    void *links; /* tsearch tree of struct link_group */
};

static int compare_links(const void *a, const void *b)
{
    const struct link_group *x = a, *y = b;

    if (x->dev != y->dev) {
        return x->dev < y->dev ? -1 : 1;
    }
    return x->ino == y->ino ? 0 : x->ino < y->ino ? -1 : 1;
}

static uint32_t guest_owner(unsigned owner, unsigned caller)
{
    return owner == caller ? 0 : owner;
}

static void fill_entry(struct newc_entry *entry, const char *path, const struct stat *info)
{
    *entry = (struct newc_entry){
        .path = path,
        .mode = info->st_mode,
        .uid = guest_owner(info->st_uid, geteuid()),
        .gid = guest_owner(info->st_gid, getegid()),
        .nlink = S_ISDIR(info->st_mode) ? 2 : 1,
        .mtime = (uint32_t)info->st_mtime,
        .rdev_major = major(info->st_rdev),
        .rdev_minor = minor(info->st_rdev),
    };
}

static void pack_link(struct packer *packer, struct newc_entry *entry, const char *host_path)
{
    char target[4096];
    ssize_t size = readlink(host_path, target, sizeof(target));

    if (size < 0 || (size_t)size == sizeof(target)) {
        die(EXIT_MISSING, "%s: %s", host_path, strerror(size < 0 ? errno : ENAMETOOLONG));
    }
    entry->size = (uint32_t)size;
    newc_write_header(packer->out, entry);
    fwrite(target, 1, (size_t)size, packer->out);
    newc_write_pad(packer->out, (uint64_t)size);
}

static void pack_bytes(struct packer *packer, struct newc_entry *entry, const char *host_path,
                       const struct stat *info)
{
    char buffer[COPY_SIZE];
    uint64_t left = (uint64_t)info->st_size;
    int fd = open(host_path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        die(EXIT_MISSING, "%s: %s", host_path, strerror(errno));
    }
    if (left > UINT32_MAX) {
        die(EXIT_ARCHIVE, "%s: larger than the 4 GiB that a cpio archive can hold", host_path);
    }
    entry->size = (uint32_t)left;
    newc_write_header(packer->out, entry);
    while (left > 0) {
        ssize_t count = read(fd, buffer, left < sizeof(buffer) ? left : sizeof(buffer));

        if (count <= 0) {
            die(EXIT_MISSING, "%s: %s", host_path,
                count < 0 ? strerror(errno) : "it shrank while it was read");
        }
        fwrite(buffer, 1, (size_t)count, packer->out);
        left -= (uint64_t)count;
    }
    newc_write_pad(packer->out, entry->size);
    close(fd);
}

/* True if this name's entry carries the file's bytes: the last name of a file with several. */
static bool resolve_links(struct walk *walk, struct newc_entry *entry, const struct stat *info)
{
    const struct link_group key = {.dev = info->st_dev, .ino = info->st_ino};
    struct packer *packer = walk->packer;
    struct link_group **node = tfind(&key, &walk->links, compare_links);

    if (node == NULL || (*node)->names < 2) {
        entry->ino = packer->next_ino++;
        return true;
    }
    struct link_group *group = *node;
    if (group->written++ == 0) {
        group->image_ino = packer->next_ino++;
    }
    entry->ino = group->image_ino;
    entry->nlink = (uint32_t)group->names;
    return group->written == group->names;
}

static void pack_entry(struct walk *walk, const char *path, const char *host_path,
                       const struct stat *info)
{
    struct packer *packer = walk->packer;
    struct newc_entry entry;

    fill_entry(&entry, path[0] == '\0' ? "." : path, info);
    if (S_ISREG(info->st_mode)) {
        if (resolve_links(walk, &entry, info)) {
            pack_bytes(packer, &entry, host_path, info);
        } else {
            newc_write_header(packer->out, &entry);
        }
        return;
    }
    entry.ino = packer->next_ino++;
    if (S_ISLNK(info->st_mode)) {
        pack_link(packer, &entry, host_path);
    } else if (S_ISDIR(info->st_mode)) {
        if (!packer_has_folder(packer, path)) {
            newc_write_header(packer->out, &entry);
            packer_remember_folder(packer, path, strlen(path));
        }
    } else if (!S_ISSOCK(info->st_mode)) {
        newc_write_header(packer->out, &entry);
    }
}

static int compare_names(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void check_item(const FTSENT *item)
{
    if (item->fts_info == FTS_DNR || item->fts_info == FTS_ERR || item->fts_info == FTS_NS) {
        die(EXIT_MISSING, "%s: %s", item->fts_path, strerror(item->fts_errno));
    }
}

static FTS *open_walk(char *folder)
{
    char *roots[] = {folder, NULL};
    FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, compare_names);

    if (fts == NULL) {
        die(EXIT_MISSING, "%s: %s", folder, strerror(errno));
    }
    return fts;
}

/* First walk: how many names below the folder each file has. */
static void count_links(struct walk *walk, char *folder)
{
    FTS *fts = open_walk(folder);

    for (FTSENT *item; (item = fts_read(fts)) != NULL;) {
        check_item(item);
        if (item->fts_info != FTS_F || item->fts_statp->st_nlink < 2) {
            continue;
        }
        struct link_group *group = packer_allocate(sizeof(*group));
        group->dev = item->fts_statp->st_dev;
        group->ino = item->fts_statp->st_ino;
        struct link_group **node = tsearch(group, &walk->links, compare_links);
        if (node == NULL) {
            die(EXIT_HOST, "out of memory");
        }
        (*node)->names++;
        if (*node != group) {
            free(group);
        }
    }
    fts_close(fts);
}

void packer_add_folder(struct packer *packer, const char *folder, const char *path)
{
    struct walk walk = {.packer = packer};
    char *root = realpath(folder, NULL);

    if (root == NULL) {
        die(EXIT_MISSING, "%s: %s", folder, strerror(errno));
    }
    size_t root_size = strcmp(root, "/") == 0 ? 0 : strlen(root);
    count_links(&walk, root);
    FTS *fts = open_walk(root);
    for (FTSENT *item; (item = fts_read(fts)) != NULL;) {
        char *name;

        check_item(item);
        if (item->fts_info == FTS_DP) {
            continue;
        }
        const char *below = item->fts_level == 0 ? "" : item->fts_path + root_size;
        if (asprintf(&name, "%s%s", path, below) < 0) {
            die(EXIT_HOST, "out of memory");
        }
        pack_entry(&walk, name + strspn(name, "/"), item->fts_accpath, item->fts_statp);
        free(name);
    }
    fts_close(fts);
    tdestroy(walk.links, free);
    free(root);
}

void packer_add_file(struct packer *packer, const char *file, const char *path)
{
    struct walk walk = {.packer = packer};
    struct stat info;

    if (stat(file, &info) < 0) {
        die(EXIT_MISSING, "%s: %s", file, strerror(errno));
    }
    pack_entry(&walk, path, file, &info);
}
