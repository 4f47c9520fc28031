/* SPDX-License-Identifier: MIT
 *
 * The limits of System V IPC and POSIX message queues in /proc/sys, proc_sys_kernel(5),
 * mq_overview(7); and /proc/sysvipc, svipc(7). All are of the reader's namespace.
 */
#include "kernel/procfs/sysctl_ipc.h"

#include "kernel/fs/leases.h"
#include "kernel/ipc/notify_marks.h"
#include "kernel/ipc/sysv.h"
#include "kernel/lib/parse.h"

enum {
    OBJECTS_MAX = 32768,
    MQ_MESSAGES_MAX = 65536,
    MQ_BYTES_MIN = 128,
    MQ_BYTES_MAX = 16 * 1024 * 1024,
};

static void *base_of(const struct ipc_parameter *parameter)
{
    char *base =
        parameter->base ? parameter->base() : (void *)ipc_namespace_limits(ipc_namespace_current());
    return base + parameter->offset;
}

int proc_parameter_show(struct file *file, struct strbuf *out)
{
    const struct ipc_parameter *parameter = file->inode->private;
    const void *field = base_of(parameter);
    for (unsigned i = 0; i < parameter->count; i++) {
        const char *separator = i ? "\t" : "";
        if (parameter->wide)
            strbuf_printf(out, "%s%llu", separator,
                          (unsigned long long)atomic_load_relaxed((const uint64_t *)field + i));
        else
            strbuf_printf(out, "%s%d", separator, atomic_load_relaxed((const int32_t *)field + i));
    }
    strbuf_putc(out, '\n');
    return 0;
}

/* One number, maybe negative, with the space around it. */
static int parse_number(const char **cursor, uint64_t *out, bool *out_negative)
{
    *cursor = kstr_skip_spaces(*cursor);
    *out_negative = **cursor == '-';
    if (*out_negative)
        ++*cursor;
    int error = kparse_u64(cursor, 10, out);
    *cursor = kstr_skip_spaces(*cursor);
    return error ? -EINVAL : 0;
}

static int store(const struct ipc_parameter *parameter, unsigned index, uint64_t value,
                 bool negative)
{
    void *field = base_of(parameter);
    if (parameter->wide) {
        atomic_store_relaxed((uint64_t *)field + index, negative ? 0 - value : value);
        return 0;
    }
    if (value > INT32_MAX)
        return -EINVAL;
    int64_t number = negative ? -(int64_t)value : (int64_t)value;
    if (number < parameter->min || number > parameter->max)
        return -EINVAL;
    atomic_store_relaxed((int32_t *)field + index, (int32_t)number);
    return 0;
}

/* Fewer numbers than there are leave the rest as it was. */
int64_t proc_parameter_write(struct file *file, const char *text, size_t bytes)
{
    const struct ipc_parameter *parameter = file->inode->private;
    for (unsigned i = 0; i < parameter->count && (i == 0 || *text); i++) {
        uint64_t value;
        bool negative;
        int error = parse_number(&text, &value, &negative);
        if (!error)
            error = store(parameter, i, value, negative);
        if (error)
            return error;
    }
    if (parameter->changed)
        parameter->changed(ipc_namespace_current());
    return (int64_t)bytes;
}

#define NUMBER(field_, ...)                                                                        \
    {                                                                                              \
        .text = {.show = proc_parameter_show, .write = proc_parameter_write},                      \
        .offset = offsetof(struct ipc_limits, field_), .count = 1, __VA_ARGS__                     \
    }

const struct ipc_parameter proc_shmmax = NUMBER(shm_max, .wide = true);
const struct ipc_parameter proc_shmall = NUMBER(shm_all, .wide = true);
const struct ipc_parameter proc_shmmni = NUMBER(shm_count_max, .max = OBJECTS_MAX);
const struct ipc_parameter proc_shm_rmid_forced =
    NUMBER(shm_rmid_forced, .max = 1, .changed = shm_destroy_orphans);
const struct ipc_parameter proc_msgmax = NUMBER(msg_max, .max = INT32_MAX);
const struct ipc_parameter proc_msgmnb = NUMBER(msg_queue_max, .max = INT32_MAX);
const struct ipc_parameter proc_msgmni = NUMBER(msg_count_max, .max = OBJECTS_MAX);
const struct ipc_parameter proc_mq_queues_max =
    NUMBER(mq_queues_max, .min = INT32_MIN, .max = INT32_MAX);
const struct ipc_parameter proc_mq_msg_max = NUMBER(mq_msg_max, .min = 1, .max = MQ_MESSAGES_MAX);
const struct ipc_parameter proc_mq_msg_default =
    NUMBER(mq_msg_default, .min = 1, .max = MQ_MESSAGES_MAX);
const struct ipc_parameter proc_mq_msgsize_max =
    NUMBER(mq_msgsize_max, .min = MQ_BYTES_MIN, .max = MQ_BYTES_MAX);
const struct ipc_parameter proc_mq_msgsize_default =
    NUMBER(mq_msgsize_default, .min = MQ_BYTES_MIN, .max = MQ_BYTES_MAX);
const struct ipc_parameter proc_sem = {
    .text = {.show = proc_parameter_show, .write = proc_parameter_write},
    .offset = offsetof(struct ipc_limits, sem),
    .count = 4,
    .max = INT32_MAX,
};

static void *notify_base(void)
{
    return &notify_state_of(this_kernel())->limits;
}

#define NOTIFY_NUMBER(field_)                                                                      \
    {                                                                                              \
        .text = {.show = proc_parameter_show, .write = proc_parameter_write}, .base = notify_base, \
        .offset = offsetof(struct notify_limits, field_), .count = 1, .max = INT32_MAX             \
    }

const struct ipc_parameter proc_inotify_events = NOTIFY_NUMBER(inotify_events);
const struct ipc_parameter proc_inotify_instances = NOTIFY_NUMBER(inotify_instances);
const struct ipc_parameter proc_inotify_watches = NOTIFY_NUMBER(inotify_watches);
const struct ipc_parameter proc_fanotify_events = NOTIFY_NUMBER(fanotify_events);
const struct ipc_parameter proc_fanotify_groups = NOTIFY_NUMBER(fanotify_groups);
const struct ipc_parameter proc_fanotify_marks = NOTIFY_NUMBER(fanotify_marks);

static void *lease_base(void)
{
    return file_lease_break_time(this_kernel());
}

const struct ipc_parameter proc_lease_break_time = {
    .text = {.show = proc_parameter_show, .write = proc_parameter_write},
    .base = lease_base,
    .count = 1,
    .max = INT32_MAX,
};

/* ---- the identifier that the next object gets ---- */

static int show_next(struct strbuf *out, enum ipc_kind kind)
{
    strbuf_printf(out, "%d\n", ipc_next_id(ipc_namespace_current(), kind));
    return 0;
}

static int64_t write_next(const char *text, size_t bytes, enum ipc_kind kind)
{
    uint64_t id;
    bool negative;
    int error = parse_number(&text, &id, &negative);
    if (error || id > INT32_MAX || negative)
        return -EINVAL;
    ipc_set_next_id(ipc_namespace_current(), kind, (int)id);
    return (int64_t)bytes;
}

#define NEXT_ID(name_, kind_)                                                                      \
    static int show_##name_(struct file *file, struct strbuf *out)                                 \
    {                                                                                              \
        (void)file;                                                                                \
        return show_next(out, kind_);                                                              \
    }                                                                                              \
    static int64_t write_##name_(struct file *file, const char *text, size_t bytes)                \
    {                                                                                              \
        (void)file;                                                                                \
        return write_next(text, bytes, kind_);                                                     \
    }                                                                                              \
    const struct text_file_ops proc_##name_ = {show_##name_, write_##name_}

NEXT_ID(shm_next_id, IPC_SHM);
NEXT_ID(sem_next_id, IPC_SEM);
NEXT_ID(msg_next_id, IPC_MSG);

/* ---- /proc/sysvipc ---- */

static int show_shm(struct file *file, struct strbuf *out)
{
    (void)file;
    ipc_show(ipc_namespace_current(), IPC_SHM, out);
    return 0;
}

static int show_sem(struct file *file, struct strbuf *out)
{
    (void)file;
    ipc_show(ipc_namespace_current(), IPC_SEM, out);
    return 0;
}

static int show_msg(struct file *file, struct strbuf *out)
{
    (void)file;
    ipc_show(ipc_namespace_current(), IPC_MSG, out);
    return 0;
}

static const struct text_file_ops sysvipc_msg = {show_msg, NULL};
static const struct text_file_ops sysvipc_sem = {show_sem, NULL};
static const struct text_file_ops sysvipc_shm = {show_shm, NULL};
static const struct inode_ops plain_ops = {0};

static const struct proc_entry sysvipc_entries[] = {
    {"msg", S_IFREG | 0444, &plain_ops, &proc_text_file_ops, &sysvipc_msg},
    {"sem", S_IFREG | 0444, &plain_ops, &proc_text_file_ops, &sysvipc_sem},
    {"shm", S_IFREG | 0444, &plain_ops, &proc_text_file_ops, &sysvipc_shm},
};
const struct proc_table proc_sysvipc_table = PROC_TABLE(sysvipc_entries, PROC_TABLE_SYSVIPC);
