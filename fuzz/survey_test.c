/* SPDX-License-Identifier: MIT
 *
 * The seeds of syscall_fuzz, given as arguments, make every system call succeed somewhere. A new
 * call needs a recipe (recipes.c): `program_tool recipes FOLDER` makes its seed, `program_tool
 * missing FOLDER...` says which calls are still without.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz/survey.h"
#include "kernel/syscall/syscalls.h"

/* Known, and no excuse for others: it needs a process that dies and has not let go of its memory.
 */
static const unsigned missing_known[] = {SYS_process_mrelease};

static bool is_known(unsigned number)
{
    for (unsigned i = 0; i < sizeof missing_known / sizeof *missing_known; i++) {
        if (missing_known[i] == number)
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    static uint8_t bytes[PROGRAM_BYTES_MAX];
    static struct program program;
    struct survey *survey = survey_create();
    unsigned args;
    int failed = argc < 2;

    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (!file) {
            perror(argv[i]);
            return 1;
        }
        const size_t size = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        program_decode(bytes, size, &program);
        survey_add(survey, &program);
    }
    for (unsigned number = 0; number < SURVEY_CALLS; number++) {
        if (!survey_is_missing(survey, number) || is_known(number))
            continue;
        printf("%s succeeds in none of the seeds\n", program_call_name(number, &args));
        failed = 1;
    }
    return failed;
}
