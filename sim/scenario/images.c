/* SPDX-License-Identifier: MIT */
/*
 * Packs and keeps root file systems (sim/scenario/images.h). They are mapped until the process
 * ends.
 */
#include "sim/scenario/images.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/options.h"
#include "sim/root_image.h"

/* What a machine needs beside its root, at the least. */
enum { RAM_FOR_KERNEL = 4 << 20 };

static bool same_words(const char **a, const char **b)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    while (*a != NULL && *b != NULL && strcmp(*a, *b) == 0) {
        a++;
        b++;
    }
    return *a == *b;
}

static bool same_contents(const struct scenario_machine *a, const struct scenario_machine *b)
{
    const bool same_root =
        a->root == NULL || b->root == NULL ? a->root == b->root : strcmp(a->root, b->root) == 0;

    return same_root && same_words(a->add, b->add);
}

static void pack(const struct scenario *scenario, const struct scenario_machine *machine,
                 struct scenario_image *out)
{
    struct options options = {.root = machine->root, .ram_bytes = machine->ram_bytes};
    struct root_image image;
    char where[4096];

    if (machine->root == NULL && machine->add == NULL) {
        return;
    }
    while (machine->add != NULL && machine->add[options.add.count] != NULL) {
        options.add.count++;
    }
    options.add.items = machine->add;
    snprintf(where, sizeof(where), "%s:%u", scenario->document.path, machine->line);
    die_within(where);
    root_image_create(&options, &image);
    if (image.size + RAM_FOR_KERNEL > machine->ram_bytes) {
        die(EXIT_USAGE, "%llu MiB of RAM are too little for a root of %llu MiB",
            (unsigned long long)machine->ram_bytes >> 20, (unsigned long long)image.size >> 20);
    }
    die_within(NULL);
    if (image.root_fd >= 0) {
        close(image.root_fd);
    }
    if (image.added_fd >= 0) {
        close(image.added_fd);
    }
    *out = (struct scenario_image){image.bytes, image.size};
}

struct scenario_image *images_create(const struct scenario *scenario)
{
    struct scenario_image *images = calloc(scenario->machine_count, sizeof(images[0]));

    for (size_t i = 0; images != NULL && i < scenario->machine_count; i++) {
        size_t twin = 0;
        while (!same_contents(&scenario->machines[twin], &scenario->machines[i])) {
            twin++;
        }
        if (twin < i) {
            images[i] = images[twin];
        } else {
            pack(scenario, &scenario->machines[i], &images[i]);
        }
    }
    return images;
}

static bool read_image(const char *path, struct scenario_image *out)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &info) < 0) {
        return false;
    }
    *out = (struct scenario_image){NULL, (size_t)info.st_size};
    if (out->count > 0) {
        out->bytes = mmap(NULL, out->count, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    close(fd);
    return out->bytes != MAP_FAILED;
}

struct scenario_image *images_read(const struct scenario *scenario, const char *folder,
                                   char *message, size_t message_bytes)
{
    struct scenario_image *images = calloc(scenario->machine_count, sizeof(images[0]));
    char path[4096];

    for (size_t i = 0; images != NULL && i < scenario->machine_count; i++) {
        snprintf(path, sizeof(path), "%s/%s.cpio", folder, scenario->machines[i].name);
        if (!read_image(path, &images[i])) {
            snprintf(message, message_bytes, "the root file system of machine %s is missing",
                     scenario->machines[i].name);
            free(images);
            return NULL;
        }
    }
    return images;
}

/* The disks' images are large, and only looked at: links to them. */
static int link_disks(const struct scenario_machine *machine, const char *folder)
{
    char name[SCENARIO_IMAGE_NAME_MAX], link[4096];

    for (size_t i = 0; i < machine->disk_count; i++) {
        if (machine->disks[i].image == NULL) {
            continue;
        }
        char *image = realpath(machine->disks[i].image, NULL);
        scenario_image_name(machine, &machine->disks[i], name);
        snprintf(link, sizeof(link), "%s/%s", folder, name);
        int error = image == NULL || symlink(image, link) < 0 ? -errno : 0;
        free(image);
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

int images_write(const struct scenario *scenario, const struct scenario_image *images,
                 const char *folder)
{
    char path[4096];

    for (size_t i = 0; i < scenario->machine_count; i++) {
        int error = link_disks(&scenario->machines[i], folder);
        if (error != 0) {
            return error;
        }
        snprintf(path, sizeof(path), "%s/%s.cpio", folder, scenario->machines[i].name);
        FILE *file = fopen(path, "wbe");
        if (file == NULL) {
            return -errno;
        }
        bool whole = fwrite(images[i].bytes, 1, images[i].count, file) == images[i].count;
        if (fclose(file) != 0 || !whole) {
            return -EIO;
        }
    }
    return 0;
}
