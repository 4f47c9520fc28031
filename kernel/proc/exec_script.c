/* SPDX-License-Identifier: MIT
 *
 * Interpreter scripts (execve(2), "Interpreter scripts"): "#!interpreter [optional-arg]".
 *
 * The arguments become: interpreter, the optional argument as one string, the script's name, and the
 * original arguments from the second on.
 */
#include "kernel/abi/errno.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/exec.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The first byte in [at, last] that is not blank, or last + 1. */
static char *skip_blanks(char *at, const char *last)
{
    while (at <= last && is_blank(*at))
        at++;
    return at;
}

/* The first blank or NUL in [at, last], or last + 1. */
static char *find_terminator(char *at, const char *last)
{
    while (at <= last && *at && !is_blank(*at))
        at++;
    return at;
}

/* The line behind "#!", cut in two in place. *argument is NULL if there is none. Without a newline the
 * line ends with the buffer's last byte, and an argument may be cut by it, but never the name. */
static int split_line(char *line, size_t bytes, char **interpreter, char **argument)
{
    char *last = line + bytes - 1, *end = kmemchr(line, '\n', bytes);
    if (!end) {
        char *start = skip_blanks(line, last);
        if (find_terminator(start, last) > last)
            return -ENOEXEC;
        end = last;
    }
    while (end > line && is_blank(end[-1]))
        end--;
    char *name = skip_blanks(line, end);
    if (name >= end)
        return -ENOEXEC;
    char *separator = find_terminator(name, end);
    *argument = NULL;
    if (separator <= end && *separator) { /* nothing counts behind a NUL */
        *argument = skip_blanks(separator, end);
        *separator = '\0';
    }
    *end = '\0';
    *interpreter = name;
    return 0;
}

int exec_script(struct exec *exec)
{
    char line[EXEC_HEADER_BYTES - 2], *interpreter, *argument;

    if (exec->header[0] != '#' || exec->header[1] != '!')
        return -ENOEXEC;
    if (exec->name_is_closed)
        return -ENOENT;
    if (++exec->interpreters > EXEC_INTERPRETERS_MAX)
        return -ELOOP;
    memcpy(line, exec->header + 2, sizeof(line));
    int error = split_line(line, sizeof(line), &interpreter, &argument);
    if (error)
        return error;

    exec_block_drop_first(&exec->argv);
    error = exec_block_prepend(exec, &exec->argv, exec->program);
    if (!error && argument)
        error = exec_block_prepend(exec, &exec->argv, argument);
    if (!error)
        error = exec_block_prepend(exec, &exec->argv, interpreter);
    if (error)
        return error;

    struct file *file;
    char *program = kstrdup(interpreter);
    if (!program)
        return -ENOMEM;
    error = exec_open(interpreter, &file);
    if (error) {
        kfree(program);
        return error;
    }
    exec_close(exec->file);
    exec->file = file;
    kfree(exec->program);
    exec->program = program;
    exec->name_is_closed = false;
    return exec_read_header(exec);
}
