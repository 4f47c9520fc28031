/* SPDX-License-Identifier: MIT
 *
 * Which keyrings a thread has, and how identifiers are looked up; keyrings(7).
 */
#ifndef KERNEL_PROC_KEYRINGS_H
#define KERNEL_PROC_KEYRINGS_H

#include "kernel/security/key.h"

struct process;
struct task;

struct key_ref {
    struct key *key; /* referenced */
    bool possessed;
};

/* All with the key mutex held. A serial number or KEY_SPEC_*, with these rights (KEY_VIEW …, 0:
 * none). create: keyrings of the thread, process, session are made if there are none. partial:
 * expired and revoked keys too. -ENOKEY -EACCES -EKEYREVOKED -EKEYEXPIRED -EINVAL. */
enum { KEY_LOOKUP_CREATE = 1, KEY_LOOKUP_PARTIAL = 2 };
int task_key_lookup(struct key_state *state, int id, unsigned flags, unsigned rights,
                    struct key_ref *out);
/* Is it in one of the current thread's keyrings? */
bool task_possesses_key(struct key_state *state, const struct key *key);
/* Search the thread's, the process's and the session's keyring. Not referenced. */
int task_key_search(struct key_state *state, enum key_type type, const char *description,
                    struct key **out);
/* Replace the session keyring by a new one, or (name) by one that has this name. Its serial. */
int64_t task_join_session(struct key_state *state, const char *name);
int64_t task_session_to_parent(struct key_state *state);

/* Life of tasks; these take the mutex. */
void keyrings_fork(struct task *child, struct task *parent);
void keyrings_exec(struct task *task);
void keyrings_exit(struct task *task, bool last);

#endif
