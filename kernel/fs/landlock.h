/* SPDX-License-Identifier: MIT
 *
 * Landlock in the file system, landlock(7): is the current thread's domain content with what the
 * caller is about to do with a path? Threads without a domain pay a load and a branch.
 *
 * None of these blocks; the directories' mutexes may be held.
 */
#ifndef KERNEL_FS_LANDLOCK_H
#define KERNEL_FS_LANDLOCK_H

#include "kernel/fs/vfs.h"
#include "kernel/security/cred.h"

struct landlock_ruleset;

static inline bool landlock_confines(void)
{
    return unlikely(current_cred()->landlock != NULL);
}

/* 0 or -EACCES. `rights`: LANDLOCK_ACCESS_FS_* wanted below or on a path. */
int landlock_check_path(const struct path *path, uint32_t rights);
/* For opening a file (its mode is known), for making one of that type in a directory. */
int landlock_check_open(const struct file *file);
int landlock_check_create(const struct path *dir, uint32_t mode);

/* link(2) and rename(2): what `from_dir` shows as `old` gets a name in `to_dir`, in place of `new`
 * (maybe negative). `moves`: the old name goes. `exchange`: new goes to from_dir. Both are on one
 * mount. 0, -EACCES, or -EXDEV where a program can help itself by copying. */
int landlock_check_refer(const struct path *from_dir, const struct dentry *old,
                         const struct path *to_dir, const struct dentry *new, bool moves,
                         bool exchange);

/* A descriptor's file for a new ruleset, consumed on success. The ruleset of a descriptor, with a
 * reference: -EBADF, -EBADFD. */
int landlock_file_create(struct kernel *kernel, struct landlock_ruleset *ruleset,
                         struct file **out);
int landlock_ruleset_of_fd(int fd, unsigned file_mode, struct landlock_ruleset **out);
/* A rule for what an open file stands for: -EBADFD for objects without a path, -EINVAL for rights
 * that a file has not. */
int landlock_allow_file(struct landlock_ruleset *ruleset, struct file *file, uint32_t rights);

extern const struct landlock_object_ops landlock_inode_ops;

#endif
