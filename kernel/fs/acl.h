/* SPDX-License-Identifier: MIT
 *
 * POSIX access control lists, acl(5): kept in memory with the inode, for file systems whose
 * superblock has MS_POSIXACL.
 */
#ifndef KERNEL_FS_ACL_H
#define KERNEL_FS_ACL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct acl;
struct inode;

enum acl_type { ACL_ACCESS, ACL_DEFAULT, ACL_TYPES };

/* Is this the name of an attribute that holds a list, and which? */
bool acl_type_of(const char *name, enum acl_type *out_type);

/* The attribute's value in the binary form of xattr, ids as the caller's user namespace shows them.
 * Bytes; `bytes` 0 asks for the length; -ENODATA without a list, -ERANGE, -EOPNOTSUPP. */
int64_t acl_get_xattr(struct inode *inode, enum acl_type type, void *value, size_t bytes);

/* Set the list from that form; value NULL removes it. Keeps the mode in step with an access list.
 * inode->mutex is held. -EINVAL -EOPNOTSUPP -EPERM -EACCES -ENOMEM */
int acl_set_xattr(struct inode *inode, enum acl_type type, const void *value, size_t bytes);

/* The attributes' names, each with its NUL, as listxattr(2): bytes or -ERANGE. */
int64_t acl_list_xattr(struct inode *inode, char *list, size_t bytes);

/* May the caller, who is not the owner, do `mask` (MAY_*)? 0 or -EACCES by the access list; -EAGAIN
 * if there is none: the mode decides. */
int acl_permission(struct inode *inode, unsigned mask);

/* Does the umask not apply in this directory, because it hands down a default list? */
bool acl_replaces_umask(const struct inode *dir);

/* A new inode takes its lists, and the mode that results, from the directory's default list. The
 * directory's mutex is held. -ENOMEM */
int acl_inherit(struct inode *dir, struct inode *inode);

/* The entries that a mode which `chmod` is about to store shows: 0, -ENOMEM. inode->mutex held. */
int acl_chmod(struct inode *inode, uint32_t mode);

/* At the inode's end. */
void acl_free(struct inode *inode);

#endif
