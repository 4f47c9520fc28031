/* SPDX-License-Identifier: MIT
 *
 * See at_path.h.
 */
#include "kernel/syscall/at_path.h"

#include "kernel/abi/errno.h"

int at_path_begin(struct at_path *at, int dirfd, uint64_t name_uaddr, unsigned walk_flags)
{
    at->start = (struct path){0};
    int error = user_path_get(&at->name, name_uaddr, walk_flags & WALK_EMPTY);
    if (error || dirfd == AT_FDCWD)
        return error;
    error = path_at(dirfd, at->name.name, walk_flags, &at->start);
    if (error)
        user_path_put(&at->name);
    return error;
}

void at_path_end(struct at_path *at)
{
    user_path_put(&at->name);
    path_put(&at->start);
}
