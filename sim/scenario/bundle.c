/* SPDX-License-Identifier: MIT */
/*
 * Failure bundles (sim/scenario/bundle.h). A bundle may come from anywhere: names with a slash or a
 * leading dot are refused, and everything but plain files.
 */
#include "sim/scenario/bundle.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FORMAT = 1, COPY_BYTES = 65536 };

static const char MANIFEST[] = "manifest.json";

/* ---- scratch folders ---- */

const char *scratch_parent(void)
{
    const char *parent = getenv("TMPDIR");

    return parent == NULL ? "/tmp" : parent;
}

char *scratch_create(void)
{
    char *folder;

    if (asprintf(&folder, "%s/assay-XXXXXX", scratch_parent()) < 0) {
        return NULL;
    }
    if (mkdtemp(folder) == NULL) {
        int error = errno;
        free(folder);
        errno = error;
        return NULL;
    }
    return folder;
}

void scratch_remove(char *folder)
{
    DIR *listing = folder == NULL ? NULL : opendir(folder);
    const struct dirent *entry;

    while (listing != NULL && (entry = readdir(listing)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            unlinkat(dirfd(listing), entry->d_name, 0);
        }
    }
    if (listing != NULL) {
        closedir(listing);
        rmdir(folder);
    }
    free(folder);
}

/* ---- manifests ---- */

static int write_manifest(const char *folder, const struct bundle *bundle)
{
    char path[4096], hash[40];

    snprintf(path, sizeof(path), "%s/%s", folder, MANIFEST);
    snprintf(hash, sizeof(hash), "%016" PRIx64 "%016" PRIx64, bundle->hash[0], bundle->hash[1]);
    /* Seeds have 64 bits, JSON's numbers fewer: text. */
    char seed[24], nth[24];
    snprintf(seed, sizeof(seed), "%" PRIu64, bundle->seed);
    snprintf(nth, sizeof(nth), "%" PRIu64, bundle->allocation_nth);
    json_t *message = json_string(bundle->message);
    json_t *root = json_pack("{s:i, s:s, s:s, s:b, s:i, s:s, s:o}", "format", FORMAT, "seed", seed,
                             "hash", hash, "restricted", bundle->restricted, "allocation-machine",
                             bundle->allocation_machine, "allocation-nth", nth, "message",
                             message == NULL ? json_string("") : message);
    if (root != NULL && bundle->explore != RUN_EXPLORE_NOTHING) {
        snprintf(nth, sizeof(nth), "%" PRIu64, bundle->disk_nth);
        json_object_set_new(
            root, "disk",
            json_pack("{s:i, s:s, s:s, s:i, s:i, s:i}", "explore", (int)bundle->explore, "name",
                      bundle->disk, "nth", nth, "drops", (int)bundle->limits.drops, "window",
                      (int)bundle->limits.window, "tears", (int)bundle->limits.tears));
    }
    int error = root == NULL || json_dump_file(root, path, JSON_INDENT(2)) != 0 ? -EIO : 0;
    json_decref(root);
    return error;
}

static bool take_number(json_t *root, const char *name, uint64_t *out)
{
    const char *text = json_string_value(json_object_get(root, name));
    int used = 0;

    return text != NULL && sscanf(text, "%" SCNu64 "%n", out, &used) == 1 && text[used] == '\0';
}

/* True also if there is no disk. */
static bool parse_disk(json_t *disk, struct bundle *out)
{
    const char *name = json_string_value(json_object_get(disk, "name"));

    if (disk == NULL) {
        return true;
    }
    out->explore = (enum run_explore)json_integer_value(json_object_get(disk, "explore"));
    out->limits = (struct crash_limits){
        .drops = (unsigned)json_integer_value(json_object_get(disk, "drops")),
        .window = (unsigned)json_integer_value(json_object_get(disk, "window")),
        .tears = (unsigned)json_integer_value(json_object_get(disk, "tears")),
    };
    snprintf(out->disk, sizeof(out->disk), "%s", name == NULL ? "" : name);
    return name != NULL && take_number(disk, "nth", &out->disk_nth) &&
           (out->explore == RUN_EXPLORE_REQUESTS || out->explore == RUN_EXPLORE_CRASHES);
}

static bool parse_manifest(json_t *root, struct bundle *out)
{
    const char *hash = json_string_value(json_object_get(root, "hash"));
    const char *message = json_string_value(json_object_get(root, "message"));

    *out = (struct bundle){.allocation_machine = -1};
    if (json_integer_value(json_object_get(root, "format")) != FORMAT || hash == NULL ||
        message == NULL ||
        sscanf(hash, "%16" SCNx64 "%16" SCNx64, &out->hash[0], &out->hash[1]) != 2) {
        return false;
    }
    snprintf(out->message, sizeof(out->message), "%s", message);
    out->restricted = json_is_true(json_object_get(root, "restricted"));
    out->allocation_machine = (int)json_integer_value(json_object_get(root, "allocation-machine"));
    return parse_disk(json_object_get(root, "disk"), out) &&
           take_number(root, "seed", &out->seed) &&
           take_number(root, "allocation-nth", &out->allocation_nth);
}

/* ---- writing ---- */

static int add_file(struct archive *archive, int folder_fd, const char *name)
{
    char buffer[COPY_BYTES];
    struct stat info;
    int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC), error = 0;

    if (fd < 0 || fstat(fd, &info) < 0) {
        error = -errno;
        if (fd >= 0) {
            close(fd);
        }
        return error;
    }
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_size(entry, info.st_size);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    if (archive_write_header(archive, entry) != ARCHIVE_OK) {
        error = -EIO;
    }
    ssize_t count;
    while (error == 0 && (count = read(fd, buffer, sizeof(buffer))) > 0) {
        error = archive_write_data(archive, buffer, (size_t)count) == count ? 0 : -EIO;
    }
    archive_entry_free(entry);
    close(fd);
    return error;
}

static int is_plain_name(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int add_files(struct archive *archive, const char *folder)
{
    struct dirent **names;
    int folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), error = 0;
    int count = scandir(folder, &names, is_plain_name, alphasort);

    if (folder_fd < 0 || count < 0) {
        return -errno;
    }
    for (int i = 0; i < count; i++) {
        if (error == 0) {
            error = add_file(archive, folder_fd, names[i]->d_name);
        }
        free(names[i]);
    }
    free(names);
    close(folder_fd);
    return error;
}

int bundle_write(const char *path, const char *folder, const struct bundle *bundle, char *message,
                 size_t message_bytes)
{
    struct archive *archive = archive_write_new();
    int error = write_manifest(folder, bundle);

    message[0] = '\0';
    archive_write_set_format_pax_restricted(archive);
    archive_write_add_filter_gzip(archive);
    if (error == 0 && archive_write_open_filename(archive, path) != ARCHIVE_OK) {
        error = -EIO;
    }
    if (error == 0) {
        error = add_files(archive, folder);
    }
    if (error == 0 && archive_write_close(archive) != ARCHIVE_OK) {
        error = -EIO;
    }
    if (error != 0) {
        const char *wrong = archive_error_string(archive);
        snprintf(message, message_bytes, "%s: %s", path, wrong != NULL ? wrong : strerror(-error));
        unlink(path);
    }
    archive_write_free(archive);
    return error;
}

/* ---- reading ---- */

static int take_file(struct archive *archive, struct archive_entry *entry, const char *folder)
{
    const char *name = archive_entry_pathname(entry);
    char path[4096];

    if (name == NULL || name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL ||
        strlen(name) > 255 || archive_entry_filetype(entry) != AE_IFREG) {
        return -EINVAL;
    }
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return -errno;
    }
    int error = archive_read_data_into_fd(archive, fd) == ARCHIVE_OK ? 0 : -EIO;
    close(fd);
    return error;
}

static int unpack(struct archive *archive, const char *folder)
{
    struct archive_entry *entry;
    int state;

    while ((state = archive_read_next_header(archive, &entry)) == ARCHIVE_OK) {
        int error = take_file(archive, entry, folder);
        if (error != 0) {
            return error;
        }
    }
    return state == ARCHIVE_EOF ? 0 : -EINVAL;
}

int bundle_read(const char *path, const char *folder, struct bundle *out, char *message,
                size_t message_bytes)
{
    struct archive *archive = archive_read_new();
    char manifest[4096];
    json_error_t wrong;
    int error = 0;

    archive_read_support_filter_gzip(archive);
    archive_read_support_format_tar(archive);
    if (archive_read_open_filename(archive, path, COPY_BYTES) != ARCHIVE_OK) {
        error = -EINVAL;
    } else {
        error = unpack(archive, folder);
    }
    if (error != 0) {
        const char *text = archive_error_string(archive);
        snprintf(message, message_bytes, "%s: %s", path,
                 text != NULL ? text : "no failure bundle: it contains something else");
        archive_read_free(archive);
        return -EINVAL;
    }
    archive_read_free(archive);
    snprintf(manifest, sizeof(manifest), "%s/%s", folder, MANIFEST);
    json_t *root = json_load_file(manifest, 0, &wrong);
    if (root == NULL) {
        snprintf(message, message_bytes, "%s: no failure bundle: %s:%d: %s", path, MANIFEST,
                 wrong.line, wrong.text);
        return -EINVAL;
    }
    if (!parse_manifest(root, out)) {
        snprintf(message, message_bytes, "%s: %s is incomplete or of another version", path,
                 MANIFEST);
        error = -EINVAL;
    }
    json_decref(root);
    return error;
}
