/* SPDX-License-Identifier: MIT
 *
 * Smaller programs that fail in the same way (minimize.h). Each attempt runs in a child of its own,
 * which may crash, hang or leave the machine in any state.
 */
#include "fuzz/minimize.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The line that says what failed, without numbers. */
static bool take_signature(const char *line, char *out)
{
    static const char *const starts[] = {"fuzz: ", "kernel panic: ", "SUMMARY: ", "host: "};
    size_t used = 0;

    for (unsigned i = 0; i < sizeof starts / sizeof *starts; i++) {
        const char *found = strstr(line, starts[i]);
        if (!found || strstr(found, "libFuzzer"))
            continue;
        for (; *found && *found != '\n' && used < MINIMIZE_SIGNATURE_MAX - 1; found++) {
            if (*found < '0' || *found > '9')
                out[used++] = *found;
        }
        out[used] = '\0';
        return true;
    }
    return false;
}

/* How the program fails, run in a child; an empty signature if it does not. */
static void signature_of(const struct program *it, const struct run_options *how, char *out)
{
    static struct run_outcome outcome;
    char line[1024];
    int ends[2], status;

    out[0] = '\0';
    if (pipe(ends) < 0)
        exit(1);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], 2);
        alarm(20);
        run_program(it, how, &outcome);
        _exit(0);
    }
    close(ends[1]);
    FILE *errors = fdopen(ends[0], "r");
    bool found = false;
    while (fgets(line, sizeof line, errors)) {
        if (!found)
            found = take_signature(line, out);
    }
    fclose(errors);
    waitpid(pid, &status, 0);
    if (status == 0)
        out[0] = '\0';
    else if (!found)
        snprintf(out, MINIMIZE_SIGNATURE_MAX, "status %#x", (unsigned)status);
}

static bool fails_alike(const struct program *it, const struct run_options *how,
                        const char *signature)
{
    char now[MINIMIZE_SIGNATURE_MAX];

    signature_of(it, how, now);
    return strcmp(now, signature) == 0;
}

static bool drop_calls(struct program *it, const struct run_options *how, const char *signature)
{
    bool dropped = false;

    for (unsigned size = it->count / 2 ? it->count / 2 : 1; size > 0; size /= 2) {
        for (unsigned at = 0; at + size <= it->count;) {
            struct program smaller = *it;
            memmove(&smaller.calls[at], &it->calls[at + size],
                    (it->count - at - size) * sizeof *it->calls);
            smaller.count -= size;
            if (fails_alike(&smaller, how, signature)) {
                *it = smaller;
                dropped = true;
            } else {
                at += size;
            }
        }
    }
    return dropped;
}

static void simplify_arguments(struct program *it, const struct run_options *how,
                               const char *signature)
{
    for (unsigned i = 0; i < it->count; i++) {
        for (unsigned field = 0; field < 9; field++) {
            struct program simpler = *it;
            struct program_call *call = &simpler.calls[i];
            if (field < 6)
                call->args[field] = (struct program_arg){0};
            else if (field == 6)
                call->lane = 0;
            else if (field == 7)
                call->control = 0;
            else
                call->seed = 0;
            if (memcmp(&simpler, it, sizeof simpler) && fails_alike(&simpler, how, signature))
                *it = simpler;
        }
    }
    struct program simpler = *it;
    memset(&simpler.header, 0, sizeof simpler.header);
    if (fails_alike(&simpler, how, signature))
        *it = simpler;
}

bool minimize_program(struct program *it, const struct run_options *how,
                      char signature[MINIMIZE_SIGNATURE_MAX])
{
    signature_of(it, how, signature);
    if (!signature[0])
        return false;
    while (drop_calls(it, how, signature)) {
        /* until none can go */
    }
    simplify_arguments(it, how, signature);
    drop_calls(it, how, signature);
    return true;
}
