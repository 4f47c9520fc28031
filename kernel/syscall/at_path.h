/* SPDX-License-Identifier: MIT
 *
 * The (directory descriptor, path name) pair that the *at() system calls begin with.
 */
#ifndef KERNEL_SYSCALL_AT_PATH_H
#define KERNEL_SYSCALL_AT_PATH_H

#include "kernel/fs/path.h"

struct at_path {
    struct user_path name;
    struct path start; /* referenced; empty: the current directory, or an absolute name */
};

/* Copy the name and look the descriptor up. 0, -ENOENT -EFAULT -ENAMETOOLONG -EBADF -ENOMEM. */
int at_path_begin(struct at_path *at, int dirfd, uint64_t name_uaddr, unsigned walk_flags);
void at_path_end(struct at_path *at);
static inline const struct path *at_path_start(const struct at_path *at)
{
    return at->start.mount ? &at->start : NULL;
}

/* What AT_* flags mean for a walk: AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH. */
static inline unsigned at_walk_flags(uint32_t flags)
{
    return (flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) |
           (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0);
}

#endif
