/* SPDX-License-Identifier: MIT
 *
 * What execve does with capabilities: capabilities(7), "Transformation of capabilities during
 * execve()", file capabilities and the special treatment of root included.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/mount.h"
#include "kernel/abi/prctl.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/string.h"
#include "kernel/proc/exec.h"
#include "kernel/security/cred.h"
#include "kernel/security/user_namespace.h"

/* The attribute security.capability; revision 2 ends before root_id. */
struct file_caps_attribute {
    uint32_t magic;
    struct {
        uint32_t permitted, inheritable;
    } words[2];
    uint32_t root_id;
};

struct file_caps {
    bool present, effective;
    uint64_t permitted, inheritable;
};

/* Does this kernel id mean root here, or in a namespace around? */
static bool is_root_of_ours(uint32_t kernel_uid)
{
    const struct user_namespace *ns = current_user_namespace();
    for (; ns; ns = ns->parent)
        if (uid_to_user(ns, kernel_uid) == 0)
            return true;
    return kernel_uid == 0;
}

static struct file_caps read_file_caps(const struct file *file)
{
    struct inode *inode = file->inode;
    struct file_caps_attribute attribute = {0};
    struct file_caps caps = {0};
    if (!inode->xattrs || !inode->ops->getxattr || (mount_flags(file->path.mount) & MS_NOSUID))
        return caps;
    int64_t bytes =
        inode->ops->getxattr(inode, "security.capability", &attribute, sizeof(attribute));
    uint32_t revision = attribute.magic & VFS_CAP_REVISION_MASK;
    bool second = revision == VFS_CAP_REVISION_2 &&
                  bytes == (int64_t)offsetof(struct file_caps_attribute, root_id);
    bool third = revision == VFS_CAP_REVISION_3 && bytes == (int64_t)sizeof(attribute);
    if (!(second || third) || (third && !is_root_of_ours(attribute.root_id)))
        return caps;
    caps.present = true;
    caps.effective = attribute.magic & VFS_CAP_FLAGS_EFFECTIVE;
    caps.permitted = (attribute.words[0].permitted | (uint64_t)attribute.words[1].permitted << 32) &
                     LINUX_CAP_FULL;
    caps.inheritable =
        (attribute.words[0].inheritable | (uint64_t)attribute.words[1].inheritable << 32) &
        LINUX_CAP_FULL;
    return caps;
}

int exec_transform_capabilities(struct exec *exec, struct cred *cred, const struct cred *old)
{
    struct file_caps caps = read_file_caps(exec->file);
    uint32_t root = user_namespace_root(cred->user_ns);
    bool root_rules = !(cred->securebits & SECBIT_NOROOT);
    bool new_ids = cred->euid != old->uid || cred->egid != old->gid;
    bool effective = caps.effective;

    uint64_t permitted =
        (old->cap_inheritable & caps.inheritable) | (caps.permitted & cred->cap_bounding);
    if (effective && (caps.permitted & ~permitted))
        return -EPERM; /* a program that counts on them would not notice that some are missing */
    /* Root gets everything, but from a set-user-ID program with capabilities only those. */
    bool only_file = caps.present && cred->uid != root && cred->euid == root;
    if (root_rules && !only_file && (cred->uid == root || cred->euid == root)) {
        permitted = old->cap_inheritable | cred->cap_bounding;
        effective = cred->euid == root;
    }
    if (new_ids || caps.present)
        cred->cap_ambient = 0;
    cred->cap_permitted = permitted | cred->cap_ambient;
    cred->cap_effective = effective ? cred->cap_permitted : cred->cap_ambient;
    cred->keep_caps = false;
    exec->has_caps = cred->uid != root && (effective || (cred->cap_permitted & ~cred->cap_ambient));
    return 0;
}
