/* SPDX-License-Identifier: MIT
 *
 * /proc/PID/ns: links to the namespaces a process is in, namespaces(7); and uid_map, gid_map,
 * projid_map and setgroups, user_namespaces(7).
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/sched.h"
#include "kernel/fs/nsfs.h"
#include "kernel/lib/parse.h"
#include "kernel/lib/printf.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/namespaces.h"
#include "kernel/procfs/proc_internal.h"
#include "kernel/security/cred.h"
#include "kernel/security/user_namespace.h"

/* ---- ns/ ---- */

static int get_namespace(struct inode *inode, struct ns_common **out)
{
    struct task *task = proc_inode_task(inode);
    if (!task)
        return -ENOENT;
    *out = NULL;
    int error = -EACCES;
    if (proc_may_access(task)) {
        *out = task_namespace(task, (uint32_t)(uintptr_t)inode->private);
        error = *out ? 0 : -ENOENT;
    }
    task_put(task);
    return error;
}

static int ns_follow(struct inode *inode, struct path *out)
{
    struct ns_common *ns;
    int error = get_namespace(inode, &ns);
    return error ? error : nsfs_path(ns, out);
}

static int64_t ns_readlink(struct inode *inode, char *buffer, size_t bytes)
{
    struct ns_common *ns;
    char text[48];
    int64_t result = get_namespace(inode, &ns);
    if (result)
        return result;
    result = ksnprintf(text, sizeof(text), "%s:[%u]", ns->ops->name, ns->number);
    result = MIN(result, (int64_t)bytes);
    memcpy(buffer, text, (size_t)result);
    namespace_put(ns);
    return result;
}

static const struct inode_ops ns_link_ops = {
    .readlink = ns_readlink, .follow = ns_follow, .setattr = proc_setattr_refused};

#define NS(name_, type_)                                                                           \
    {                                                                                              \
        name_, S_IFLNK | 0777, &ns_link_ops, NULL, (const void *)(uintptr_t)(type_)                \
    }

static const struct proc_entry ns_entries[] = {
    NS("cgroup", CLONE_NEWCGROUP), NS("ipc", CLONE_NEWIPC),
    NS("mnt", CLONE_NEWNS),        NS("net", CLONE_NEWNET),
    NS("pid", CLONE_NEWPID),       NS("pid_for_children", CLONE_NEWPID | NAMESPACE_FOR_CHILDREN),
    NS("time", CLONE_NEWTIME),     NS("time_for_children", CLONE_NEWTIME | NAMESPACE_FOR_CHILDREN),
    NS("user", CLONE_NEWUSER),     NS("uts", CLONE_NEWUTS),
};

const struct proc_table pid_ns_table = PROC_TABLE(ns_entries, PROC_TABLE_NS);

/* ---- uid_map, gid_map, projid_map ---- */

/* The namespace as an object of the task; the reader sees lower ids as its own, or as those of the
 * parent if it is inside. */
static int show_map(struct task *task, enum id_kind kind, struct strbuf *out)
{
    const struct cred *cred = thread_cred_get(&task->thread);
    const struct user_namespace *ns = cred->user_ns, *viewer = current_user_namespace();
    if (ns && viewer == ns)
        viewer = ns->parent;
    if (!ns)
        strbuf_printf(out, "%10u %10u %10u\n", 0u, 0u, UINT32_MAX);
    const struct id_map *map = ns ? &ns->maps[kind] : NULL;
    for (uint32_t i = 0; map && i < atomic_load_acquire(&map->count); i++) {
        const struct id_extent *extent = &map->extents[i];
        uint32_t lower = id_to_user(viewer, kind, extent->lower_first);
        strbuf_printf(out, "%10u %10u %10u\n", extent->first, lower, extent->count);
    }
    cred_put(cred);
    return 0;
}

int pid_show_uid_map(struct task *task, bool whole, struct strbuf *out)
{
    (void)whole;
    return show_map(task, ID_USERS, out);
}

int pid_show_gid_map(struct task *task, bool whole, struct strbuf *out)
{
    (void)whole;
    return show_map(task, ID_GROUPS, out);
}

int pid_show_projid_map(struct task *task, bool whole, struct strbuf *out)
{
    (void)whole;
    return show_map(task, ID_PROJECTS, out);
}

static const char *parse_u32(const char *text, uint32_t *out)
{
    uint64_t value = 0;
    text = kstr_skip_spaces(text);
    if (*text < '0' || *text > '9')
        return NULL;
    for (; *text >= '0' && *text <= '9'; text++) {
        value = value * 10 + (uint64_t)(*text - '0');
        if (value > UINT32_MAX)
            return NULL;
    }
    *out = (uint32_t)value;
    return *text == ' ' || *text == '\t' || *text == '\n' || !*text ? text : NULL;
}

static int parse_map(const char *text, struct id_extent *extents, size_t *out_count)
{
    size_t count = 0;
    while (*text) {
        struct id_extent *extent = &extents[count];
        if (count == ID_EXTENTS_MAX || !(text = parse_u32(text, &extent->first)) ||
            !(text = parse_u32(text, &extent->lower_first)) ||
            !(text = parse_u32(text, &extent->count)))
            return -EINVAL;
        while (*text == ' ' || *text == '\t')
            text++;
        if (*text && *text != '\n')
            return -EINVAL;
        text += *text == '\n';
        count++;
    }
    *out_count = count;
    return 0;
}

static int64_t write_map(struct task *task, enum id_kind kind, const char *text, size_t bytes)
{
    struct id_extent *extents;
    size_t count = 0;
    if (bytes >= PAGE_SIZE)
        return -EINVAL;
    const struct cred *writer = current_cred(), *cred = thread_cred_get(&task->thread);
    struct user_namespace *ns = cred->user_ns;
    extents = kmalloc(ID_EXTENTS_MAX * sizeof(*extents));
    int error = extents ? 0 : -ENOMEM;
    /* Only from the namespace itself or its parent. */
    if (!error && (!ns || (writer->user_ns != ns && writer->user_ns != ns->parent)))
        error = -EPERM;
    if (!error)
        error = parse_map(text, extents, &count);
    if (!error)
        error = user_namespace_set_map(ns, kind, extents, count, writer, writer);
    kfree(extents);
    cred_put(cred);
    return error ? error : (int64_t)bytes;
}

int64_t pid_write_uid_map(struct task *task, const char *text, size_t bytes)
{
    return write_map(task, ID_USERS, text, bytes);
}

int64_t pid_write_gid_map(struct task *task, const char *text, size_t bytes)
{
    return write_map(task, ID_GROUPS, text, bytes);
}

int64_t pid_write_projid_map(struct task *task, const char *text, size_t bytes)
{
    return write_map(task, ID_PROJECTS, text, bytes);
}

/* ---- setgroups ---- */

int pid_show_setgroups(struct task *task, bool whole, struct strbuf *out)
{
    const struct cred *cred = thread_cred_get(&task->thread);
    (void)whole;
    bool denied = cred->user_ns && atomic_load_relaxed(&cred->user_ns->setgroups_denied);
    strbuf_puts(out, denied ? "deny\n" : "allow\n");
    cred_put(cred);
    return 0;
}

int64_t pid_write_setgroups(struct task *task, const char *text, size_t bytes)
{
    const struct cred *cred = thread_cred_get(&task->thread);
    struct user_namespace *ns = cred->user_ns;
    bool deny = kstr_starts_with(text, "deny"), allow = kstr_starts_with(text, "allow");
    const char *rest = kstr_skip_spaces(text + (deny ? 4 : allow ? 5 : 0));
    int error = 0;
    if (bytes >= 8 || (!deny && !allow) || *rest)
        error = -EINVAL;
    else if (!cred_has_cap_in(current_cred(), ns, CAP_SYS_ADMIN))
        error = -EPERM;
    else if (!ns)
        error = deny ? -EPERM : 0;
    else if (deny && atomic_load_relaxed(&ns->maps[ID_GROUPS].count))
        error = -EPERM; /* too late */
    else if (deny)
        atomic_store_relaxed(&ns->setgroups_denied, true);
    else if (atomic_load_relaxed(&ns->setgroups_denied))
        error = -EPERM; /* there is no way back */
    cred_put(cred);
    return error ? error : (int64_t)bytes;
}
