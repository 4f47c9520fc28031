/* SPDX-License-Identifier: MIT
 *
 * Which controllers a group's children have (cgroup.subtree_control), and the one that there is:
 * pids, the number of tasks. Counting is member.c's.
 */
#include "kernel/cgroup/cgroup_internal.h"
#include "kernel/lib/parse.h"
#include "kernel/lib/strbuf.h"

enum { PIDS_LIMIT_MAX = 4 << 20 };

uint32_t cgroup_controllers(const struct cgroup *group)
{
    return group->parent ? atomic_load_relaxed(&group->parent->control) : CGROUP_CONTROLLER_PIDS;
}

static int show_mask(uint32_t mask, struct strbuf *out)
{
    if (mask & CGROUP_CONTROLLER_PIDS)
        strbuf_puts(out, "pids\n");
    return 0;
}

int cgroup_show_controllers_of(struct file *file, struct strbuf *out)
{
    return show_mask(cgroup_controllers(cgroup_of(file)), out);
}

int cgroup_show_control(struct file *file, struct strbuf *out)
{
    return show_mask(atomic_load_relaxed(&cgroup_of(file)->control), out);
}

/* "+NAME -NAME …"; of several about one controller the last counts. */
static int parse_control(const char *text, uint32_t *enable, uint32_t *disable)
{
    *enable = *disable = 0;
    for (;;) {
        while (kisspace(*text))
            text++;
        if (!*text)
            return 0;
        size_t length = 0;
        while (text[length] && !kisspace(text[length]))
            length++;
        if (!kstr_is(text + 1, length - 1, "pids") || (*text != '+' && *text != '-'))
            return -EINVAL;
        *enable = *text == '+' ? CGROUP_CONTROLLER_PIDS : 0;
        *disable = *text == '-' ? CGROUP_CONTROLLER_PIDS : 0;
        text += length;
    }
}

/* All controllers may be used among threads. */
static int check_enable(const struct cgroup *group)
{
    if (!cgroup_is_valid_domain(cgroup_domain((struct cgroup *)group)))
        return -EOPNOTSUPP;
    if (!group->parent || group->threaded || cgroup_can_be_thread_root(group))
        return 0;
    return atomic_load_relaxed(&group->own_tasks) ? -EBUSY : 0;
}

static int change_control(struct cgroup *group, uint32_t enable, uint32_t disable)
{
    struct cgroup *child;
    enable &= ~group->control;
    disable &= group->control;
    if (enable & ~cgroup_controllers(group))
        return -ENOENT;
    list_for_each_entry(child, &group->children,
                        sibling_node) if (child->control & disable) return -EBUSY;
    int error = enable ? check_enable(group) : 0;
    if (error)
        return error;
    spin_lock(process_tree_lock(group->state->kernel));
    atomic_store_relaxed(&group->control, (group->control | enable) & ~disable);
    list_for_each_entry(child, &group->children, sibling_node)
    {
        if (!disable)
            break;
        child->pids_max = CGROUP_NO_LIMIT; /* its settings end with it */
        child->pids_events = 0;
    }
    spin_unlock(process_tree_lock(group->state->kernel));
    return 0;
}

int64_t cgroup_write_control(struct file *file, const char *text, size_t bytes)
{
    struct cgroup *group;
    uint32_t enable, disable;
    int error = parse_control(text, &enable, &disable);
    if (!error)
        error = cgroup_lock_live(file, &group);
    if (error)
        return error;
    error = change_control(group, enable, disable);
    cgroup_unlock(group);
    return error ? error : (int64_t)bytes;
}

/* ---- pids ---- */

static void read_pids(const struct cgroup *group, uint32_t *pids, uint32_t *max, uint64_t *events)
{
    struct spinlock *tree = process_tree_lock(group->state->kernel);
    spin_lock(tree);
    *pids = group->pids;
    *max = group->pids_max;
    *events = group->pids_events;
    spin_unlock(tree);
}

int cgroup_show_pids_max(struct file *file, struct strbuf *out)
{
    uint32_t pids, max;
    uint64_t events;
    read_pids(cgroup_of(file), &pids, &max, &events);
    if (max == CGROUP_NO_LIMIT)
        strbuf_puts(out, "max\n");
    else
        strbuf_printf(out, "%u\n", max);
    return 0;
}

int cgroup_show_pids_current(struct file *file, struct strbuf *out)
{
    uint32_t pids, max;
    uint64_t events;
    read_pids(cgroup_of(file), &pids, &max, &events);
    strbuf_printf(out, "%u\n", pids);
    return 0;
}

int cgroup_show_pids_events(struct file *file, struct strbuf *out)
{
    uint32_t pids, max;
    uint64_t events;
    read_pids(cgroup_of(file), &pids, &max, &events);
    strbuf_printf(out, "max %llu\n", (unsigned long long)events);
    return 0;
}

int64_t cgroup_write_pids_max(struct file *file, const char *text, size_t bytes)
{
    char word[CGROUP_WORD_MAX];
    struct cgroup *group;
    int64_t value = CGROUP_NO_LIMIT;
    int error = cgroup_word(text, word);
    if (!error && !kstr_equal(word, "max")) {
        error = kstrtos64(word, 0, &value);
        if (!error && (value < 0 || value > PIDS_LIMIT_MAX))
            error = -EINVAL;
    }
    if (!error)
        error = cgroup_lock_live(file, &group);
    if (error)
        return error;
    spin_lock(process_tree_lock(file->kernel));
    if (cgroup_controllers(group) & CGROUP_CONTROLLER_PIDS)
        group->pids_max = (uint32_t)value;
    else
        error = -ENODEV;
    spin_unlock(process_tree_lock(file->kernel));
    cgroup_unlock(group);
    return error ? error : (int64_t)bytes;
}
