/* SPDX-License-Identifier: MIT */
/*
 * `assay pack`: writes the root image that `assay run` with the same options would use to a file.
 * Such an image starts fastest, because it is mapped and not copied.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/commands.h"
#include "sim/options.h"
#include "sim/root_image.h"

struct pack {
    struct options options;
    const char *output;
};

enum { KEY_ADD = 0x100 };

static const struct argp_option pack_options[] = {
    {"root", 'r', "PATH", 0, "Folder, or cpio (newc) or tar archive, which may be compressed", 0},
    {"add", KEY_ADD, "FILE[:PATH]", 0,
     "Add a host file or folder, at PATH or under its own name in /", 0},
    {"output", 'o', "FILE", 0, "The image to write", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct pack *pack = state->input;

    switch (key) {
    case 'r':
        pack->options.root = arg;
        return 0;
    case KEY_ADD:
        string_list_append(&pack->options.add, arg);
        return 0;
    case 'o':
        pack->output = arg;
        return 0;
    case ARGP_KEY_ARG:
        die(EXIT_USAGE, "nothing to do with %s; try --help", arg);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void write_image(const struct root_image *image, const char *path)
{
    char *scratch;

    if (asprintf(&scratch, "%s.new", path) < 0) {
        die(EXIT_HOST, "out of memory");
    }
    FILE *out = fopen(scratch, "w");
    if (out == NULL) {
        die(EXIT_MISSING, "--output %s: %s", path, strerror(errno));
    }
    size_t written = fwrite(image->bytes, 1, image->size, out);
    if (fclose(out) != 0 || written != image->size || rename(scratch, path) < 0) {
        int error = errno;

        remove(scratch);
        die(EXIT_MISSING, "--output %s: %s", path, strerror(error));
    }
    free(scratch);
}

int command_pack(int argc, char **argv)
{
    static const struct argp argp = {
        .options = pack_options,
        .parser = parse,
        .doc = "Write a root file system to a file, as a newc cpio archive that starts fast.",
    };
    struct pack pack = {0};
    struct root_image image;

    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &pack);
    if (pack.options.root == NULL || pack.output == NULL) {
        die(EXIT_USAGE, "both --root and --output are needed");
    }
    root_image_create(&pack.options, &image);
    write_image(&image, pack.output);
    root_image_destroy(&image);
    options_free(&pack.options);
    return 0;
}
