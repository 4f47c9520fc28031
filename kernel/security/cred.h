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

struct thread;

struct cred {
    uint32_t refs; /* atomic */
    uint32_t uid, euid, suid, fsuid;
    uint32_t gid, egid, sgid, fsgid;
    uint64_t cap_permitted, cap_effective, cap_inheritable, cap_bounding, cap_ambient;
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
bool cred_has_cap(const struct cred *cred, unsigned cap);  /* effective set, CAP_* */
static inline bool capable(unsigned cap)
{
    return cred_has_cap(current_cred(), cap);
}

#endif
