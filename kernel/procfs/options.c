/* SPDX-License-Identifier: MIT
 *
 * Mount options of proc: hidepid=, gid=, subset=; proc(5). They belong to one mounted instance
 * (sb->private) and change with a remount.
 */
#include "kernel/abi/capability.h"
#include "kernel/lib/parse.h"
#include "kernel/mm/slab.h"
#include "kernel/procfs/proc_internal.h"
#include "kernel/security/cred.h"

static const struct {
    const char *number, *name;
    enum proc_hide hide;
} hide_names[] = {
    {"0", "off", PROC_HIDE_NOTHING},
    {"1", "noaccess", PROC_HIDE_CONTENT},
    {"2", "invisible", PROC_HIDE_EXISTENCE},
    {"4", "ptraceable", PROC_HIDE_UNTRACEABLE},
};

static int parse_hide(const char *value, size_t length, enum proc_hide *out)
{
    for (unsigned i = 0; i < ARRAY_SIZE(hide_names); i++) {
        if (kstr_is(value, length, hide_names[i].number) ||
            kstr_is(value, length, hide_names[i].name)) {
            *out = hide_names[i].hide;
            return 0;
        }
    }
    return -EINVAL;
}

static int parse_gid(const char *value, size_t length, uint32_t *out)
{
    char text[16];
    if (length >= sizeof(text))
        return -EINVAL;
    memcpy(text, value, length);
    text[length] = 0;
    return kstrtou32(text, 0, out) ? -EINVAL : 0;
}

static int parse_one(const char *option, size_t length, struct proc_options *options)
{
    const char *equals = kmemchr(option, '=', length);
    if (!equals)
        return -EINVAL;
    const char *value = equals + 1;
    size_t name_length = (size_t)(equals - option), value_length = length - name_length - 1;
    if (kstr_is(option, name_length, "hidepid"))
        return parse_hide(value, value_length, &options->hide);
    if (kstr_is(option, name_length, "gid"))
        return parse_gid(value, value_length, &options->gid);
    if (!kstr_is(option, name_length, "subset") || !kstr_is(value, value_length, "pid"))
        return -EINVAL;
    options->processes_only = true;
    return 0;
}

int proc_options_parse(const char *text, struct proc_options *options)
{
    int error = 0;
    while (text && *text && !error) {
        size_t length = kstrcspn(text, ",");
        if (length)
            error = parse_one(text, length, options);
        text += length + (text[length] == ',');
    }
    return error;
}

int proc_remount(struct superblock *sb, unsigned flags, const char *text)
{
    struct proc_options *options = sb->private, parsed = *options;
    (void)flags;
    int error = proc_options_parse(text, &parsed);
    if (error)
        return error;
    atomic_store_relaxed(&options->hide, parsed.hide);
    atomic_store_relaxed(&options->gid, parsed.gid);
    atomic_store_relaxed(&options->processes_only, parsed.processes_only);
    return 0;
}

void proc_show_options(struct superblock *sb, char *buffer, size_t bytes)
{
    const struct proc_options *options = sb->private;
    struct strbuf out;
    strbuf_init(&out, buffer, bytes);
    if (options->gid)
        strbuf_printf(&out, ",gid=%u", options->gid);
    for (unsigned i = 1; i < ARRAY_SIZE(hide_names); i++)
        if (hide_names[i].hide == options->hide)
            strbuf_printf(&out, ",hidepid=%s", hide_names[i].name);
    if (options->processes_only)
        strbuf_puts(&out, ",subset=pid");
}

bool proc_is_hidden(const struct superblock *sb, struct task *task, enum proc_hide from)
{
    const struct proc_options *options = sb->private;
    enum proc_hide hide = atomic_load_relaxed(&options->hide);
    if (likely(hide < from))
        return false;
    if (hide != PROC_HIDE_UNTRACEABLE &&
        cred_in_group(current_cred(), atomic_load_relaxed(&options->gid)))
        return false;
    return !proc_may_access(task);
}
