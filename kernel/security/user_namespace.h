/* SPDX-License-Identifier: MIT
 *
 * User namespaces, user_namespaces(7): who is root where, and how ids look from inside.
 *
 * Ids are kept in the kernel as those of the initial namespace ("kernel ids"), and translated
 * where user space gives or gets them. The initial namespace is NULL: every translation in it is
 * the identity.
 */
#ifndef KERNEL_SECURITY_USER_NAMESPACE_H
#define KERNEL_SECURITY_USER_NAMESPACE_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel/security/namespace.h"

struct cred;

enum {
    ID_EXTENTS_MAX = 340,
    USER_NAMESPACE_LEVELS = 32,
};
#define ID_NONE UINT32_MAX /* not an id */
#define ID_OVERFLOW 65534u /* shown for what has no id here */

/* Of what there are ids. Those of projects nothing goes by: they are only kept. */
enum id_kind { ID_USERS, ID_GROUPS, ID_PROJECTS, ID_KINDS };

struct id_extent {
    uint32_t first;       /* inside */
    uint32_t lower_first; /* kernel id */
    uint32_t count;
};

/* Written once, then constant: count is set last (release). */
struct id_map {
    uint32_t count;
    struct id_extent *extents;
};

struct user_namespace {
    struct ns_common common; /* owner: the parent */
    struct user_namespace *parent;
    unsigned level;             /* 1 below the initial one */
    uint32_t owner, group;      /* kernel ids of the creator */
    bool setgroups_denied;      /* atomic; no way back */
    bool parent_could_set_fcap; /* the creator's CAP_SETFCAP, for mapping uid 0 */
    bool mapping;               /* atomic: somebody is writing a map */
    struct id_map maps[ID_KINDS];
};

/* A child of `cred`'s namespace, made by the one with these credentials: *out is referenced once.
 * -ENOSPC for too many levels, -EPERM if the creator's ids are not mapped, -ENOMEM. */
int user_namespace_create(struct kernel *kernel, const struct cred *cred,
                          struct user_namespace **out);
struct user_namespace *user_namespace_get(struct user_namespace *ns); /* NULL is fine */
void user_namespace_put(struct user_namespace *ns);
/* Is `ns` `ancestor` or below it? */
bool user_namespace_is_below(const struct user_namespace *ns,
                             const struct user_namespace *ancestor);

/* Ids from user space into the kernel (ID_NONE: has none) and back. *_shown never fails: what has
 * no id in the namespace is 65534. */
uint32_t uid_from_user(const struct user_namespace *ns, uint32_t uid);
uint32_t gid_from_user(const struct user_namespace *ns, uint32_t gid);
uint32_t uid_to_user(const struct user_namespace *ns, uint32_t kernel_uid);
uint32_t gid_to_user(const struct user_namespace *ns, uint32_t kernel_gid);
uint32_t uid_shown(const struct user_namespace *ns, uint32_t kernel_uid);
uint32_t gid_shown(const struct user_namespace *ns, uint32_t kernel_gid);

static inline uint32_t user_namespace_root(const struct user_namespace *ns)
{
    return uid_from_user(ns, 0); /* ID_NONE: has no root */
}

/* Of the current thread. */
struct user_namespace *current_user_namespace(void);
uint32_t current_uid_shown(uint32_t kernel_uid);
uint32_t current_gid_shown(uint32_t kernel_gid);

/* A kernel id as one of the namespace; ID_NONE: has none there. */
uint32_t id_to_user(const struct user_namespace *ns, enum id_kind kind, uint32_t kernel_id);

/* /proc/PID/uid_map, gid_map and projid_map: install a map given in the parent's ids. */
int user_namespace_set_map(struct user_namespace *ns, enum id_kind kind, struct id_extent *extents,
                           size_t count, const struct cred *writer, const struct cred *opener);

#endif
