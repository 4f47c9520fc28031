/* SPDX-License-Identifier: MIT
 *
 * The set of namespaces that a thread is in, namespaces(7). Mount namespaces are not in it: they
 * belong to the fs_context; user namespaces belong to the credentials.
 */
#ifndef KERNEL_PROC_NAMESPACES_H
#define KERNEL_PROC_NAMESPACES_H

#include "kernel/abi/uname.h"
#include "kernel/core/spinlock.h"
#include "kernel/security/namespace.h"

struct clone_args;
struct cred;
struct file;
struct fs_context;
struct mm;
struct task;

struct uts_namespace {
    struct ns_common common;
    struct spinlock lock; /* LOCK_RANK_OBJECT */
    char nodename[UTSNAME_LENGTH], domainname[UTSNAME_LENGTH];
};

/* Everything that can be unshared or joined here. */
#define NAMESPACE_FLAGS                                                                            \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |  \
     CLONE_NEWNET | CLONE_NEWTIME)

int namespaces_init(struct kernel *kernel); /* the initial set */
struct namespaces *namespaces_get(struct namespaces *set);
void namespaces_put(struct namespaces *set); /* may block */
/* Of the current thread; the initial set for kernel threads. */
struct namespaces *namespaces_current(void);

/* New ones for the CLONE_NEW* in flags, owned by the user namespace; the others shared with `from`,
 * the current set. -ENOMEM; for CLONE_NEWPID -EINVAL if children already go to another one, or the
 * user namespace is not below its owner; -ENOSPC for too many levels. */
int namespaces_copy(struct namespaces *from, uint64_t flags, struct user_namespace *owner,
                    struct namespaces **out);

/* A set that nobody else has yet: its tasks run in the time namespace that was for the children. */
void namespaces_enter_time(struct namespaces *set);
/* execve(2): the new program's time namespace is the one that was for the children, and its clocks
 * are in mm from now on. 0 or -ENOMEM. */
int namespaces_exec(struct task *task, struct mm *mm);

/* The current task gets these, which takes over the reference. */
void task_install_namespaces(struct task *task, struct namespaces *set);
void task_install_fs(struct task *task, struct fs_context *fs);
bool task_is_single_threaded(struct task *task);

/* unshare(2), setns(2). */
int64_t task_unshare(uint64_t flags);
int64_t task_set_namespace(struct file *file, uint64_t type);

/* A task's namespace of this type (CLONE_NEW*), referenced; NULL if it has none (any more). With
 * NAMESPACE_FOR_CHILDREN that of the children to come, once it has an init. */
#define NAMESPACE_FOR_CHILDREN 1u
struct ns_common *task_namespace(struct task *task, uint32_t type);

#endif
