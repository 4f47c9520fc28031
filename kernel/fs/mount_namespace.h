/* SPDX-License-Identifier: MIT
 *
 * Mount namespaces, mount_namespaces(7): each has a mount tree of its own.
 */
#ifndef KERNEL_FS_MOUNT_NAMESPACE_H
#define KERNEL_FS_MOUNT_NAMESPACE_H

#include "kernel/security/namespace.h"

struct fs_context;
struct kernel;
struct mount;
struct user_namespace;

struct mount_namespace {
    struct ns_common common;
    struct mount *root;   /* the tree's reference; mount_mutex */
    unsigned mount_count; /* mount_lock */
};

enum { MOUNT_NAMESPACE_MOUNTS_MAX = 100000 }; /* as /proc/sys/fs/mount-max */

/* Of the current thread, not referenced; the initial one for kernel threads. */
struct mount_namespace *mount_namespace_current(void);
bool mount_namespace_current_is_initial(void);

/* A copy of the namespace of `fs`, which nobody else uses: it moves there, root and working
 * directory too. 0, -ENOMEM, -ENOSPC. */
int mount_namespace_unshare(struct fs_context *fs, struct user_namespace *owner);

/* setns(2): root and working directory of `fs` become the root of the namespace. */
int mount_namespace_enter(struct fs_context *fs, struct mount_namespace *ns);

/* The namespace of a context, referenced. */
struct mount_namespace *fs_context_mount_namespace(struct fs_context *fs);

#endif
