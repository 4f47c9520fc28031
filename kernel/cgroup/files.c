/* SPDX-License-Identifier: MIT
 *
 * The files in a group's directory: what they say, and which there are.
 */
#include "kernel/cgroup/cgroup_internal.h"
#include "kernel/lib/parse.h"
#include "kernel/lib/strbuf.h"
#include "kernel/proc/process_table.h"
#include "kernel/security/pid_namespace.h"

int cgroup_word(const char *text, char word[CGROUP_WORD_MAX])
{
    while (kisspace(*text))
        text++;
    size_t length = kstrlen(text);
    while (length > 0 && kisspace(text[length - 1]))
        length--;
    if (length >= CGROUP_WORD_MAX)
        return -EINVAL;
    memcpy(word, text, length);
    word[length] = 0;
    return 0;
}

/* ---- who is in it ---- */

/* The first thread that has not ended stands for its process. */
static bool stands_for_process(const struct task *task)
{
    return list_first(&task->process->tasks) == &task->process_node;
}

static void put_number(const struct task *task, bool threads, struct strbuf *out)
{
    if (threads)
        strbuf_printf(out, "%d\n", current_pid_shown(task->tid));
    else if (stands_for_process(task))
        strbuf_printf(out, "%d\n", current_pid_shown(task->process->pid));
}

/* Those of the root group: all others. Tree lock. */
static void put_root_tasks(struct kernel *kernel, bool threads, struct strbuf *out)
{
    struct pid_slot *slot;
    struct task *task;
    uint64_t index;
    xarray_for_each_from(&kernel->processes->pids->numbers, index, slot, 1)
    {
        if (!slot->process)
            continue;
        list_for_each_entry(task, &slot->process->tasks, process_node) if (!task->cgroup)
            put_number(task, threads, out);
    }
}

static void put_tasks(struct cgroup *group, bool threads, struct strbuf *out)
{
    struct task *task;
    if (!group->parent)
        put_root_tasks(group->state->kernel, threads, out);
    list_for_each_entry(task, &group->members, cgroup_node) put_number(task, threads, out);
}

static int show_tasks(struct file *file, bool threads, struct strbuf *out)
{
    struct cgroup *group = cgroup_of(file);
    struct spinlock *tree = process_tree_lock(file->kernel);
    int error = 0;
    spin_lock(tree);
    if (group->dead)
        error = -ENODEV;
    else if (threads)
        put_tasks(group, true, out);
    else if (group->threaded)
        error = -EOPNOTSUPP;
    for (struct cgroup *below = NULL; !threads && !error && (below = cgroup_next(group, below));)
        if (cgroup_domain(below) == group)
            put_tasks(below, false, out);
    spin_unlock(tree);
    return error;
}

static int show_procs(struct file *file, struct strbuf *out)
{
    return show_tasks(file, false, out);
}

static int show_threads(struct file *file, struct strbuf *out)
{
    return show_tasks(file, true, out);
}

/* ---- what it is ---- */

static int show_type(struct file *file, struct strbuf *out)
{
    struct cgroup *group = cgroup_of(file);
    mutex_lock(&group->state->mutex);
    if (group->threaded)
        strbuf_puts(out, "threaded\n");
    else if (!cgroup_is_valid_domain(group))
        strbuf_puts(out, "domain invalid\n");
    else
        strbuf_puts(out, cgroup_is_thread_root(group) ? "domain threaded\n" : "domain\n");
    mutex_unlock(&group->state->mutex);
    return 0;
}

static int64_t write_type(struct file *file, const char *text, size_t bytes)
{
    char word[CGROUP_WORD_MAX];
    struct cgroup *group;
    if (cgroup_word(text, word) || !kstr_equal(word, "threaded"))
        return -EINVAL;
    int error = cgroup_lock_live(file, &group);
    if (error)
        return error;
    error = cgroup_make_threaded_locked(group);
    cgroup_unlock(group);
    return error ? error : (int64_t)bytes;
}

static int show_events(struct file *file, struct strbuf *out)
{
    struct cgroup *group = cgroup_of(file);
    spin_lock(process_tree_lock(file->kernel));
    strbuf_printf(out, "populated %d\nfrozen %d\n", group->populated, group->frozen);
    spin_unlock(process_tree_lock(file->kernel));
    return 0;
}

static int show_freeze(struct file *file, struct strbuf *out)
{
    spin_lock(process_tree_lock(file->kernel));
    strbuf_printf(out, "%d\n", cgroup_of(file)->freeze);
    spin_unlock(process_tree_lock(file->kernel));
    return 0;
}

static int show_stat(struct file *file, struct strbuf *out)
{
    struct cgroup *group = cgroup_of(file);
    mutex_lock(&group->state->mutex);
    strbuf_printf(out, "nr_descendants %u\nnr_dying_descendants %u\n", group->descendants,
                  atomic_load_relaxed(&group->dying));
    mutex_unlock(&group->state->mutex);
    return 0;
}

static int show_cpu_stat(struct file *file, struct strbuf *out)
{
    uint64_t user_ns, system_ns;
    cgroup_usage(cgroup_of(file), &user_ns, &system_ns);
    strbuf_printf(out, "usage_usec %llu\nuser_usec %llu\nsystem_usec %llu\n",
                  (unsigned long long)((user_ns + system_ns) / 1000),
                  (unsigned long long)(user_ns / 1000), (unsigned long long)(system_ns / 1000));
    return 0;
}

/* ---- limits of the tree ---- */

static int show_limit(struct file *file, const uint32_t *limit, struct strbuf *out)
{
    struct cgroup *group = cgroup_of(file);
    mutex_lock(&group->state->mutex);
    if (*limit == CGROUP_NO_LIMIT)
        strbuf_puts(out, "max\n");
    else
        strbuf_printf(out, "%u\n", *limit);
    mutex_unlock(&group->state->mutex);
    return 0;
}

static int64_t write_limit(struct file *file, uint32_t *limit, const char *text, size_t bytes)
{
    char word[CGROUP_WORD_MAX];
    struct cgroup *group;
    int32_t value = -1;
    int error = cgroup_word(text, word);
    bool none = !error && kstr_equal(word, "max");
    if (!error && !none)
        error = kstrtos32(word, 0, &value);
    if (!error && !none && value < 0)
        error = -ERANGE;
    if (!error)
        error = cgroup_lock_live(file, &group);
    if (error)
        return error;
    *limit = none || value == INT32_MAX ? CGROUP_NO_LIMIT : (uint32_t)value;
    cgroup_unlock(group);
    return (int64_t)bytes;
}

static int show_max_depth(struct file *file, struct strbuf *out)
{
    return show_limit(file, &cgroup_of(file)->max_depth, out);
}

static int64_t write_max_depth(struct file *file, const char *text, size_t bytes)
{
    return write_limit(file, &cgroup_of(file)->max_depth, text, bytes);
}

static int show_max_descendants(struct file *file, struct strbuf *out)
{
    return show_limit(file, &cgroup_of(file)->max_descendants, out);
}

static int64_t write_max_descendants(struct file *file, const char *text, size_t bytes)
{
    return write_limit(file, &cgroup_of(file)->max_descendants, text, bytes);
}

/* ---- the table ---- */

static struct text_event *event_of(struct file *file)
{
    return &cgroup_of(file)->events[cgroup_file_of(file->inode)->event - 1];
}

#define ENTRY(name_, mode_, show_, write_, ...)                                                    \
    {                                                                                              \
        .name = name_, .mode = mode_, .text.text = {.show = show_, .write = write_}, __VA_ARGS__   \
    }
#define EVENT_ENTRY(name_, show_, event_, ...)                                                     \
    {                                                                                              \
        .name = name_, .mode = 0444, .text = {.text.show = show_, .event = event_of},              \
        .not_on_root = true, .event = 1 + (event_), __VA_ARGS__                                    \
    }

const struct cgroup_file cgroup_files[] = {
    ENTRY("cgroup.procs", 0644, show_procs, cgroup_write_procs, .delegated = true),
    ENTRY("cgroup.type", 0644, show_type, write_type, .not_on_root = true),
    ENTRY("cgroup.threads", 0644, show_threads, cgroup_write_threads, .delegated = true),
    ENTRY("cgroup.controllers", 0444, cgroup_show_controllers_of, NULL, .controller = 0),
    ENTRY("cgroup.subtree_control", 0644, cgroup_show_control, cgroup_write_control,
          .delegated = true),
    EVENT_ENTRY("cgroup.events", show_events, CGROUP_EVENTS, .controller = 0),
    ENTRY("cgroup.max.descendants", 0644, show_max_descendants, write_max_descendants,
          .controller = 0),
    ENTRY("cgroup.max.depth", 0644, show_max_depth, write_max_depth, .controller = 0),
    ENTRY("cgroup.stat", 0444, show_stat, NULL, .controller = 0),
    ENTRY("cgroup.freeze", 0644, show_freeze, cgroup_write_freeze, .not_on_root = true),
    ENTRY("cgroup.kill", 0200, NULL, cgroup_write_kill, .not_on_root = true),
    ENTRY("cpu.stat", 0444, show_cpu_stat, NULL, .controller = 0),
    ENTRY("pids.max", 0644, cgroup_show_pids_max, cgroup_write_pids_max, .not_on_root = true,
          .controller = CGROUP_CONTROLLER_PIDS),
    ENTRY("pids.current", 0444, cgroup_show_pids_current, NULL, .not_on_root = true,
          .controller = CGROUP_CONTROLLER_PIDS),
    EVENT_ENTRY("pids.events", cgroup_show_pids_events, CGROUP_PIDS_EVENTS,
                .controller = CGROUP_CONTROLLER_PIDS),
};
const unsigned cgroup_file_count = ARRAY_SIZE(cgroup_files);
_Static_assert(ARRAY_SIZE(cgroup_files) < CGROUP_FILES_MAX, "room for every file's inode");

bool cgroup_has_file(const struct cgroup *group, const struct cgroup_file *file)
{
    if (file->not_on_root && !group->parent)
        return false;
    return !file->controller || (cgroup_controllers(group) & file->controller);
}
