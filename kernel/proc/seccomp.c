/* SPDX-License-Identifier: MIT
 *
 * Secure computing: modes and filters, seccomp(2). What they do to a call is in seccomp_enter.c.
 *
 * Filters form a tree: each points to the one that was installed before it, a task holds its
 * newest, and the forked share the older ones. A filter is immutable. A task's pointer is changed
 * under its process's signal lock, by itself or by a sibling's SECCOMP_FILTER_FLAG_TSYNC; the task
 * itself reads it without the lock, which is safe because a sibling only replaces it by a
 * descendant, that keeps the old one alive.
 */
#include "kernel/proc/seccomp_internal.h"

#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/seccomp.h"
#include "kernel/abi/wait.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/ptrace_internal.h"
#include "kernel/proc/seccomp_notify.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/task.h"
#include "kernel/security/bpf.h"
#include "kernel/security/cred.h"

enum {
    CHAIN_INSTRUCTIONS_MAX = 32768, /* over all filters of a task, with PENALTY for each */
    CHAIN_PENALTY = 4,
};

/* ---- filters ---- */

static struct seccomp_filter *filter_get(struct seccomp_filter *filter)
{
    if (filter)
        refcount_inc(&filter->refs);
    return filter;
}

static void filter_put(struct seccomp_filter *filter)
{
    while (filter && refcount_dec_and_test(&filter->refs)) {
        struct seccomp_filter *previous = filter->previous;
        if (filter->notifier)
            seccomp_notifier_orphan(filter->notifier);
        kfree(filter);
        filter = previous;
    }
}

static void cache_allowed(struct seccomp_filter *filter)
{
    for (int32_t number = 0; number < SECCOMP_CALLS_CACHED; number++)
        if (bpf_always_allows(filter->program, filter->count, AUDIT_ARCH_X86_64, number))
            filter->allowed[number / 64] |= BIT(number % 64);
}

/* The program from user memory, checked. */
static int filter_create(uint64_t uargs, struct seccomp_filter **out)
{
    struct linux_sock_fprog given;
    if (copy_from_user(&given, uargs, sizeof(given)))
        return -EFAULT;
    if (given.len == 0 || given.len > BPF_MAXINSNS)
        return -EINVAL;
    if (!atomic_load_relaxed(&current_task()->no_new_privs) && !capable_here(CAP_SYS_ADMIN))
        return -EACCES;

    size_t bytes = given.len * sizeof(struct linux_sock_filter);
    struct seccomp_filter *filter = kzalloc(sizeof(*filter) + bytes);
    if (!filter)
        return -ENOMEM;
    refcount_init(&filter->refs, 1);
    filter->count = given.len;
    int error = copy_from_user(filter->program, given.filter, bytes);
    if (!error)
        error = bpf_check_seccomp(filter->program, filter->count);
    if (error) {
        kfree(filter);
        return error;
    }
    cache_allowed(filter);
    *out = filter;
    return 0;
}

/* Put a filter before those that the task has. Consumes the reference unless it fails. */
static int filter_attach_locked(struct task *task, struct seccomp_filter *filter)
{
    struct seccomp_filter *previous = task->seccomp;
    uint32_t total = filter->count + CHAIN_PENALTY;

    filter->depth = 1;
    if (previous) {
        total += previous->instructions;
        filter->depth = (uint16_t)(previous->depth + 1);
        for (unsigned i = 0; i < ARRAY_SIZE(filter->allowed); i++)
            filter->allowed[i] &= previous->allowed[i];
    }
    /* The penalty of the newest does not count. */
    if (total - CHAIN_PENALTY > CHAIN_INSTRUCTIONS_MAX)
        return -ENOMEM;
    filter->instructions = total;
    filter->previous = previous; /* takes over the task's reference */
    atomic_store_release(&task->seccomp, filter);
    return 0;
}

static void set_mode_locked(struct task *task, int mode)
{
    atomic_store_release(&task->seccomp_mode, mode);
    task_set_syscall_work(task, SYSCALL_WORK_SECCOMP);
}

/* ---- all threads at once ---- */

static bool is_ancestor(const struct seccomp_filter *ancestor, const struct seccomp_filter *filter)
{
    if (!ancestor)
        return true;
    while (filter && filter != ancestor)
        filter = filter->previous;
    return filter != NULL;
}

/* The first other thread whose filters are not a prefix of `task`'s, or NULL. */
static struct task *find_unlike_locked(struct task *task)
{
    struct task *other;
    list_for_each_entry(other, &task->process->tasks, process_node)
    {
        if (other == task || other->signals_closed)
            continue;
        if (other->seccomp_mode == SECCOMP_MODE_DISABLED ||
            (other->seccomp_mode == SECCOMP_MODE_FILTER &&
             is_ancestor(other->seccomp, task->seccomp)))
            continue;
        return other;
    }
    return NULL;
}

static void synchronise_locked(struct task *task)
{
    struct task *other;
    list_for_each_entry(other, &task->process->tasks, process_node)
    {
        if (other == task || other->signals_closed)
            continue;
        struct seccomp_filter *old = other->seccomp;
        atomic_store_release(&other->seccomp, filter_get(task->seccomp));
        filter_put(old); /* never the last: it is in the new chain */
        if (atomic_load_relaxed(&task->no_new_privs))
            atomic_store_relaxed(&other->no_new_privs, true);
        if (other->seccomp_mode == SECCOMP_MODE_DISABLED)
            set_mode_locked(other, SECCOMP_MODE_FILTER);
    }
}

/* ---- seccomp(2) ---- */

static int64_t set_strict(uint32_t flags, uint64_t uargs)
{
    struct task *task = current_task();
    if (flags || uargs)
        return -EINVAL;
    bool irq = spin_lock_irqsave(&task->process->signal_lock);
    bool allowed = task->seccomp_mode != SECCOMP_MODE_FILTER;
    if (allowed)
        set_mode_locked(task, SECCOMP_MODE_STRICT);
    spin_unlock_irqrestore(&task->process->signal_lock, irq);
    return allowed ? 0 : -EINVAL;
}

/* One listener for all the filters of a task. */
static bool has_listener(const struct seccomp_filter *filter)
{
    for (; filter; filter = filter->previous)
        if (filter->notifier && seccomp_notifier_listens(filter->notifier))
            return true;
    return false;
}

static int64_t install_locked(struct task *task, uint32_t flags, struct seccomp_filter *filter)
{
    if (task->seccomp_mode != SECCOMP_MODE_DISABLED && task->seccomp_mode != SECCOMP_MODE_FILTER)
        return -EINVAL;
    if (filter->notifier && has_listener(task->seccomp))
        return -EBUSY;
    struct task *unlike = flags & SECCOMP_FILTER_FLAG_TSYNC ? find_unlike_locked(task) : NULL;
    if (unlike)
        return flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH ? -ESRCH : unlike->own_tid;
    int error = filter_attach_locked(task, filter);
    if (error)
        return error;
    set_mode_locked(task, SECCOMP_MODE_FILTER);
    if (flags & SECCOMP_FILTER_FLAG_TSYNC)
        synchronise_locked(task);
    return 0;
}

/* A number and a file for the filter's listener, if one is wanted; else *out_file is NULL. */
static int make_listener(uint32_t flags, struct seccomp_filter *filter, struct file **out_file)
{
    *out_file = NULL;
    if (!(flags & SECCOMP_FILTER_FLAG_NEW_LISTENER))
        return 0;
    int fd = fd_reserve(0, true);
    if (fd < 0)
        return fd;
    struct seccomp_notifier *notifier;
    int error = seccomp_notifier_create(flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &notifier);
    if (error)
        goto unreserve;
    error = seccomp_notifier_open(current_task()->thread.kernel, notifier, out_file);
    if (error)
        goto put_notifier;
    filter->notifier = notifier;
    return fd;

put_notifier:
    seccomp_notifier_put(notifier);
    seccomp_notifier_put(notifier);
unreserve:
    fd_unreserve(fd);
    return error;
}

static int check_flags(uint32_t flags)
{
    const uint32_t known = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG |
                           SECCOMP_FILTER_FLAG_SPEC_ALLOW | SECCOMP_FILTER_FLAG_NEW_LISTENER |
                           SECCOMP_FILTER_FLAG_TSYNC_ESRCH | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    if (flags & ~known)
        return -EINVAL;
    /* A positive result would be a thread or a descriptor. */
    if ((flags & SECCOMP_FILTER_FLAG_TSYNC) && (flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) &&
        !(flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH))
        return -EINVAL;
    if ((flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) &&
        !(flags & SECCOMP_FILTER_FLAG_NEW_LISTENER))
        return -EINVAL;
    return 0;
}

static int64_t set_filter(uint32_t flags, uint64_t uargs)
{
    struct task *task = current_task();
    struct seccomp_filter *filter;
    struct file *listener;

    int error = check_flags(flags);
    if (!error)
        error = filter_create(uargs, &filter);
    if (error)
        return error;
    filter->log = flags & SECCOMP_FILTER_FLAG_LOG;
    int fd = make_listener(flags, filter, &listener);
    if (fd < 0) {
        filter_put(filter);
        return fd;
    }
    bool irq = spin_lock_irqsave(&task->process->signal_lock);
    int64_t result = install_locked(task, flags, filter);
    spin_unlock_irqrestore(&task->process->signal_lock, irq);
    if (result) {
        filter->previous = NULL;
        filter_put(filter);
    }
    if (!listener)
        return result;
    if (result) {
        fd_unreserve(fd);
        file_put(listener);
        return result;
    }
    fd_install(fd, listener);
    return fd;
}

static int64_t get_action_available(uint32_t flags, uint64_t uargs)
{
    uint32_t action;
    if (flags)
        return -EINVAL;
    if (copy_from_user(&action, uargs, sizeof(action)))
        return -EFAULT;
    switch (action) {
    case SECCOMP_RET_KILL_PROCESS:
    case SECCOMP_RET_KILL_THREAD:
    case SECCOMP_RET_TRAP:
    case SECCOMP_RET_ERRNO:
    case SECCOMP_RET_USER_NOTIF:
    case SECCOMP_RET_TRACE:
    case SECCOMP_RET_LOG:
    case SECCOMP_RET_ALLOW:
        return 0;
    default:
        return -EOPNOTSUPP;
    }
}

static int64_t get_notification_sizes(uint32_t flags, uint64_t uargs)
{
    const struct linux_seccomp_notif_sizes sizes = {
        .seccomp_notif = sizeof(struct linux_seccomp_notif),
        .seccomp_notif_resp = sizeof(struct linux_seccomp_notif_resp),
        .seccomp_data = sizeof(struct linux_seccomp_data),
    };
    return flags ? -EINVAL : copy_to_user(uargs, &sizes, sizeof(sizes));
}

int64_t seccomp_operate(uint32_t operation, uint32_t flags, uint64_t uargs)
{
    switch (operation) {
    case SECCOMP_SET_MODE_STRICT:
        return set_strict(flags, uargs);
    case SECCOMP_SET_MODE_FILTER:
        return set_filter(flags, uargs);
    case SECCOMP_GET_ACTION_AVAIL:
        return get_action_available(flags, uargs);
    case SECCOMP_GET_NOTIF_SIZES:
        return get_notification_sizes(flags, uargs);
    default:
        return -EINVAL;
    }
}

/* ---- what a tracer may see and do ---- */

bool seccomp_may_suspend(void)
{
    const struct task *task = current_task();
    return capable(CAP_SYS_ADMIN) &&
           atomic_load_relaxed(&task->seccomp_mode) == SECCOMP_MODE_DISABLED &&
           !seccomp_is_suspended(task);
}

/* With a reference. */
static int get_nth_filter(struct task *task, uint64_t offset, struct seccomp_filter **out)
{
    int error = 0;
    if (!capable(CAP_SYS_ADMIN) ||
        atomic_load_relaxed(&current_task()->seccomp_mode) != SECCOMP_MODE_DISABLED)
        return -EACCES;
    bool irq = spin_lock_irqsave(&task->process->signal_lock);
    struct seccomp_filter *filter = task->seccomp;
    if (task->seccomp_mode != SECCOMP_MODE_FILTER || !filter) {
        error = -EINVAL;
    } else if (offset >= filter->depth) {
        error = -ENOENT;
    } else {
        while (filter->depth > offset + 1)
            filter = filter->previous;
        *out = filter_get(filter);
    }
    spin_unlock_irqrestore(&task->process->signal_lock, irq);
    return error;
}

int64_t seccomp_get_filter(struct task *task, uint64_t offset, uint64_t uaddr)
{
    struct seccomp_filter *filter;
    int64_t result = get_nth_filter(task, offset, &filter);
    if (result)
        return result;
    result = filter->count;
    if (uaddr && copy_to_user(uaddr, filter->program, filter->count * sizeof(filter->program[0])))
        result = -EFAULT;
    filter_put(filter);
    return result;
}

int64_t seccomp_get_metadata(struct task *task, uint64_t bytes, uint64_t uaddr)
{
    struct linux_seccomp_metadata data = {0};
    struct seccomp_filter *filter;
    size_t size = (size_t)MIN(bytes, (uint64_t)sizeof(data));
    if (!capable(CAP_SYS_ADMIN) ||
        atomic_load_relaxed(&current_task()->seccomp_mode) != SECCOMP_MODE_DISABLED)
        return -EACCES;
    if (size < sizeof(data.filter_off))
        return -EINVAL;
    if (get_user_u64(&data.filter_off, uaddr))
        return -EFAULT;
    int error = get_nth_filter(task, data.filter_off, &filter);
    if (error)
        return error;
    data.flags = filter->log ? SECCOMP_FILTER_FLAG_LOG : 0;
    filter_put(filter);
    return copy_to_user(uaddr, &data, size) ? -EFAULT : (int64_t)size;
}

/* ---- inheritance ---- */

void seccomp_inherit(struct task *child, struct task *parent)
{
    child->seccomp = filter_get(parent->seccomp);
    child->no_new_privs = parent->no_new_privs;
    if (parent->seccomp_mode != SECCOMP_MODE_DISABLED)
        set_mode_locked(child, parent->seccomp_mode);
}

void seccomp_release(struct task *task)
{
    struct process *process = task->process;
    struct seccomp_filter *filter = task->seccomp;
    if (!filter)
        return;
    bool irq = spin_lock_irqsave(&process->signal_lock);
    task->seccomp = NULL;
    spin_unlock_irqrestore(&process->signal_lock, irq);
    filter_put(filter);
}

int seccomp_mode_of(struct task *task)
{
    int mode = atomic_load_relaxed(&task->seccomp_mode);
    return mode == SECCOMP_MODE_DEAD ? SECCOMP_MODE_FILTER : mode;
}

unsigned seccomp_filters_of(struct task *task)
{
    bool irq = spin_lock_irqsave(&task->process->signal_lock);
    unsigned depth = task->seccomp ? task->seccomp->depth : 0;
    spin_unlock_irqrestore(&task->process->signal_lock, irq);
    return depth;
}
