/* SPDX-License-Identifier: MIT
 *
 * The machine's tunables (core/tunables.h) in /proc/sys: proc_sys_fs(5), proc_sys_kernel(5),
 * pipe(7), pty(7).
 */
#include "kernel/core/kernel.h"
#include "kernel/lib/parse.h"
#include "kernel/procfs/sysctl_internal.h"
#include "kernel/tty/tty.h"

enum {
    PID_MAX_MIN = 301, /* the reserved ones and one more */
    PID_MAX_MAX = 4 * 1024 * 1024,
    NR_OPEN_MIN = 64,
    NR_OPEN_MAX = 2147483584,
};

static void *base(void)
{
    return &this_kernel()->tunables;
}

#define NUMBER(name_, ...)                                                                         \
    const struct ipc_parameter proc_##name_ = {                                                    \
        .text = {.show = proc_parameter_show, .write = proc_parameter_write},                      \
        .base = base,                                                                              \
        .offset = offsetof(struct tunables, name_),                                                \
        .count = 1,                                                                                \
        __VA_ARGS__,                                                                               \
    }

NUMBER(pid_max, .min = PID_MAX_MIN, .max = PID_MAX_MAX);
NUMBER(nr_open, .min = NR_OPEN_MIN, .max = NR_OPEN_MAX);
NUMBER(protected_symlinks, .max = 1);
NUMBER(protected_hardlinks, .max = 1);
NUMBER(protected_regular, .max = 2);
NUMBER(protected_fifos, .max = 2);
NUMBER(suid_dumpable, .max = 2);
NUMBER(pipe_user_pages_soft, .wide = true);
NUMBER(pipe_user_pages_hard, .wide = true);
NUMBER(pty_max, .max = INT32_MAX);
NUMBER(pty_reserve, .max = INT32_MAX);

/* ---- the size of pipes ---- */

static int show_pipe_max_size(struct file *file, struct strbuf *out)
{
    strbuf_printf(out, "%d\n", atomic_load_relaxed(&file->kernel->tunables.pipe_bytes_max));
    return 0;
}

/* A power of two of at least a page. */
static int64_t write_pipe_max_size(struct file *file, const char *text, size_t bytes)
{
    const char *cursor = kstr_skip_spaces(text);
    uint64_t wanted, size = PAGE_SIZE;
    if (kparse_u64(&cursor, 10, &wanted) || wanted > 1u << 30)
        return -EINVAL;
    while (size < wanted)
        size *= 2;
    atomic_store_relaxed(&file->kernel->tunables.pipe_bytes_max, (int32_t)size);
    return (int64_t)bytes;
}

const struct text_file_ops proc_pipe_max_size = {show_pipe_max_size, write_pipe_max_size};

static int show_pty_nr(struct file *file, struct strbuf *out)
{
    strbuf_printf(out, "%u\n", pty_count(file->kernel));
    return 0;
}

const struct text_file_ops proc_pty_nr = {show_pty_nr, NULL};
