/* SPDX-License-Identifier: MIT
 *
 * Credentials: immutable once published, shared by reference (credentials(7), capabilities(7)).
 *
 * A thread's cred pointer is changed only by the thread itself, under the process-tree lock; others
 * take a reference under that lock (thread_cred_get does). To change: cred_copy, edit, cred_install.
 */
#ifndef KERNEL_SECURITY_CRED_H
#define KERNEL_SECURITY_CRED_H

#include <stdbool.h>
#include <stdint.h>

enum { CRED_GROUPS_INLINE = 32, CRED_GROUPS_MAX = 65536 };

struct landlock_layer;
struct thread;
struct user_namespace;

struct cred {
    uint32_t refs; /* atomic */
    uint32_t uid, euid, suid, fsuid;
    uint32_t gid, egid, sgid, fsgid;
    uint64_t cap_permitted, cap_effective, cap_inheritable, cap_bounding, cap_ambient;
    struct user_namespace *user_ns; /* where capabilities count; referenced; NULL: the initial */
    struct landlock_layer *landlock; /* the newest layer of its domain; referenced; mostly NULL */
    uint32_t securebits;
    bool keep_caps;
    uint32_t group_count;
    uint32_t *groups; /* sorted; separately allocated, owned */
};

/* root with all capabilities; one reference. NULL without memory. */
struct cred *cred_create_root(void);
struct cred *cred_copy(const struct cred *from);
struct cred *cred_get(const struct cred *cred);
void cred_put(const struct cred *cred);

/* The current thread's credentials; valid while the thread does not install others. */
const struct cred *current_cred(void);

/* Any thread's credentials, with a reference. Not with the process-tree lock held. */
const struct cred *thread_cred_get(struct thread *thread);

/* Give the current thread these credentials; consumes the reference. Not with the process-tree lock
 * held. */
void cred_install(struct cred *cred);

bool cred_in_group(const struct cred *cred, uint32_t gid); /* fsgid or supplementary */

/* CAP_* in the effective set, and what it is good for (user_namespaces(7)): over what belongs to the
 * machine, over what belongs to a user namespace, over what belongs to the cred's own. */
bool cred_has_cap(const struct cred *cred, unsigned cap);
bool cred_has_cap_in(const struct cred *cred, const struct user_namespace *ns, unsigned cap);
bool cred_has_cap_here(const struct cred *cred, unsigned cap);
static inline bool capable(unsigned cap)
{
    return cred_has_cap(current_cred(), cap);
}
static inline bool capable_in(const struct user_namespace *ns, unsigned cap)
{
    return cred_has_cap_in(current_cred(), ns, cap);
}
static inline bool capable_here(unsigned cap)
{
    return cred_has_cap_here(current_cred(), cap);
}
/* Over a file with this owner and group: both must have ids in the cred's namespace. */
bool cred_has_cap_over(const struct cred *cred, uint32_t uid, uint32_t gid, unsigned cap);

/* Put the credentials into a user namespace that they create or join: all capabilities there, none
 * anywhere else. */
void cred_enter_user_namespace(struct cred *cred, struct user_namespace *ns);

#endif
