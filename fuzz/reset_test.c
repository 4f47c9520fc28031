/* SPDX-License-Identifier: MIT
 *
 * Nothing leaks from one input to the next: each program that is given comes to the same calls and
 * results in a machine that has just booted, after all others, and in the opposite order.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz/run_program.h"

static const struct run_options options = {.check_leaks = true};

static uint64_t digest_of(const char *path)
{
    static struct program program;
    static struct run_outcome outcome;
    uint8_t bytes[PROGRAM_BYTES_MAX];
    FILE *file = fopen(path, "rb");

    if (!file) {
        perror(path);
        exit(1);
    }
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    program_decode(bytes, size, &program);
    run_program(&program, &options, &outcome);
    return outcome.digest ^ outcome.calls;
}

/* In a process of its own, which has not booted a machine yet. */
static uint64_t fresh_digest_of(const char *path)
{
    uint64_t digest = 0;
    int ends[2], status;

    if (pipe(ends) < 0)
        exit(1);
    pid_t pid = fork();
    if (pid == 0) {
        digest = digest_of(path);
        _exit(write(ends[1], &digest, sizeof digest) == sizeof digest ? 0 : 1);
    }
    close(ends[1]);
    if (read(ends[0], &digest, sizeof digest) != sizeof digest || waitpid(pid, &status, 0) != pid ||
        status != 0) {
        fprintf(stderr, "%s: failed in a fresh machine\n", path);
        exit(1);
    }
    close(ends[0]);
    return digest;
}

int main(int argc, char **argv)
{
    uint64_t *digests = calloc((size_t)argc, sizeof *digests);
    int failed = 0;

    for (int i = 1; i < argc; i++)
        digests[i] = fresh_digest_of(argv[i]);
    for (int pass = 0; pass < 2; pass++) {
        for (int j = 1; j < argc; j++) {
            const int i = pass ? argc - j : j;
            if (digest_of(argv[i]) != digests[i]) {
                fprintf(stderr, "%s: another outcome after other inputs\n", argv[i]);
                failed = 1;
            }
        }
    }
    free(digests);
    return failed;
}
