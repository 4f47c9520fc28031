/* SPDX-License-Identifier: MIT
 *
 * The files behind /proc/PID/ns/: what keeps a namespace, and what setns(2) takes.
 */
#ifndef KERNEL_FS_NSFS_H
#define KERNEL_FS_NSFS_H

#include <stdint.h>

struct file;
struct kernel;
struct ns_common;
struct path;
struct user_namespace;

/* The place of a namespace's file; consumes the reference on the namespace. 0 or -ENOMEM. */
int nsfs_path(struct ns_common *ns, struct path *out);

/* A new descriptor for a namespace (ioctl_ns(2)); consumes the reference. */
int64_t nsfs_open(struct ns_common *ns);

/* The namespace that an open file is, not referenced; NULL for other files. */
struct ns_common *nsfs_namespace(struct file *file);

/* A user namespace as an object: the initial one has one too. Referenced. */
struct ns_common *nsfs_user_namespace(struct kernel *kernel, struct user_namespace *ns);

#endif
