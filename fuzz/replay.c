/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target once on each file named by its arguments: how a build without libFuzzer
 * repeats what a fuzzer found.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");

    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        return EXIT_FAILURE;
    }
    size_t size = (size_t)ftell(file);
    /* Exactly as large as the input, so that a sanitizer sees a read behind its end. */
    uint8_t *data = malloc(size == 0 ? 1 : size);
    rewind(file);
    if (data == NULL || fread(data, 1, size, file) != size) {
        perror(path);
        return EXIT_FAILURE;
    }
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (run_file(argv[i]) != EXIT_SUCCESS) {
            return EXIT_FAILURE;
        }
    }
    return EXIT_SUCCESS;
}
