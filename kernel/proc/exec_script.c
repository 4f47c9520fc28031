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

/* The line behind "#!", cut in two. *argument is NULL if there is none. Points into `line`. */
static int split_line(char *line, size_t bytes, char **interpreter, char **argument)
{
    char *end = kmemchr(line, '\n', bytes);
    bool cut = !end;
    if (cut)
        end = line + kstrnlen(line, bytes);

    char *start = line;
    while (start < end && is_blank(*start))
        start++;
    char *name_end = start;
    while (name_end < end && *name_end && !is_blank(*name_end))
        name_end++;
    if (start == name_end)
        return -ENOEXEC;
    if (cut && name_end == line + bytes) /* the name itself does not fit: never run half of it */
        return -ENOEXEC;
    while (end > name_end && is_blank(end[-1]))
        end--;
    char *rest = *name_end ? name_end : end; /* nothing counts behind a NUL */
    while (rest < end && is_blank(*rest))
        rest++;
    *end = '\0';
    *name_end = '\0';
    *interpreter = start;
    *argument = rest < end ? rest : NULL;
    return 0;
}

int exec_script(struct exec *exec)
{
    char line[EXEC_HEADER_BYTES - 1], *interpreter, *argument;

    if (exec->header[0] != '#' || exec->header[1] != '!')
        return -ENOEXEC;
    if (exec->name_is_closed)
        return -ENOENT;
    if (++exec->interpreters > EXEC_INTERPRETERS_MAX)
        return -ELOOP;
    memcpy(line, exec->header + 2, EXEC_HEADER_BYTES - 2);
    line[EXEC_HEADER_BYTES - 2] = '\0';
    int error = split_line(line, EXEC_HEADER_BYTES - 2, &interpreter, &argument);
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
