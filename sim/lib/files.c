/* SPDX-License-Identifier: MIT */
/*
 * Whole files of a machine, by its first task's system calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "sim/lib/sim_internal.h"

enum { CHUNK = 16 << 10 };

static int64_t open_file(struct sim_task *task, const char *path, int flags, unsigned mode)
{
    uint64_t name;

    sim_buffer_reset(task);
    name = sim_buffer_string(task, path);
    return name ? sim_syscall(task, SYS_openat, (uint64_t)AT_FDCWD, name, (uint64_t)flags, mode, 0,
                              0)
                : -ENAMETOOLONG;
}

static void close_file(struct sim_task *task, int64_t fd)
{
    sim_syscall(task, SYS_close, (uint64_t)fd, 0, 0, 0, 0, 0);
}

static int failed(struct sim_machine *machine, const char *path, int64_t error)
{
    return sim_fail(machine->sim, (int)error, "%s: %s: %s", machine->name, path,
                    error == SIM_BLOCKED ? "the first task is busy" : strerror((int)-error));
}

int sim_file_write(struct sim_machine *machine, const char *path, const void *bytes, size_t count,
                   unsigned mode)
{
    struct sim_task *task = sim_machine_task(machine);
    int64_t fd, result = 0;
    size_t done = 0;

    if (!task) {
        return sim_fail(machine->sim, -ESRCH, "machine %s is not on", machine->name);
    }
    fd = open_file(task, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    if (fd < 0) {
        return failed(machine, path, fd);
    }
    while (done < count && result >= 0) {
        size_t part = count - done < CHUNK ? count - done : CHUNK;
        uint64_t at;

        sim_buffer_reset(task);
        at = sim_buffer(task, (const char *)bytes + done, part);
        result = sim_syscall(task, SYS_write, (uint64_t)fd, at, part, 0, 0, 0);
        done += result > 0 ? (size_t)result : 0;
    }
    close_file(task, fd);
    sim_buffer_reset(task);
    return result < 0 ? failed(machine, path, result) : 0;
}

int sim_file_read(struct sim_machine *machine, const char *path, char **out, size_t *out_bytes)
{
    struct sim_task *task = sim_machine_task(machine);
    char *bytes = NULL;
    size_t fill = 0;
    int64_t fd, result;
    uint64_t at;

    if (!task) {
        return sim_fail(machine->sim, -ESRCH, "machine %s is not on", machine->name);
    }
    fd = open_file(task, path, O_RDONLY, 0);
    if (fd < 0) {
        return failed(machine, path, fd);
    }
    sim_buffer_reset(task);
    at = sim_buffer(task, NULL, CHUNK);
    do {
        char *larger = realloc(bytes, fill + CHUNK + 1);

        if (!larger) {
            result = -ENOMEM;
            break;
        }
        bytes = larger;
        result = sim_syscall(task, SYS_read, (uint64_t)fd, at, CHUNK, 0, 0, 0);
        if (result > 0) {
            int error = sim_peek(task, at, bytes + fill, (size_t)result);
            fill += (size_t)result;
            result = error < 0 ? error : result;
        }
    } while (result > 0);
    close_file(task, fd);
    sim_buffer_reset(task);
    if (result < 0) {
        free(bytes);
        return failed(machine, path, result);
    }
    bytes[fill] = '\0';
    *out = bytes;
    if (out_bytes) {
        *out_bytes = fill;
    }
    return 0;
}
