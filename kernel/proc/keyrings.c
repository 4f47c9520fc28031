/* SPDX-License-Identifier: MIT
 *
 * The keyrings of threads and processes: thread, process, session; keyrings(7), "Anchoring keys".
 *
 * The session keyring is inherited; the thread's and the process's are made when they are asked for
 * and go at execve. A thread without a session keyring uses the one of its user.
 */
#include "kernel/proc/keyrings.h"

#include "kernel/abi/errno.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/string.h"
#include "kernel/proc/process_internal.h"
#include "kernel/security/cred.h"

static void drop(struct key_state *state, struct key **slot)
{
    struct key *key = *slot;
    *slot = NULL;
    key_put(state, key);
}

/* ---- the three ---- */

static int make_keyring(struct key_state *state, struct key **slot, const char *name,
                        uint32_t user_rights)
{
    return *slot ? 0 : keyring_create(state, name, KEY_POS(KEY_ALL) | KEY_USR(user_rights), slot);
}

static void set_session(struct key_state *state, struct task *task, struct key *session)
{
    struct key *old = task->session_keyring;
    key_get(session);
    atomic_store_seq(&task->session_keyring, session);
    key_put(state, old);
}

/* Whatever the thread searches as its session keyring; NULL: nothing. Never made here. */
static struct key *session_or_user(struct key_state *state)
{
    struct key *user, *session = current_task()->session_keyring;
    if (session)
        return session;
    return key_user_keyrings(state, current_cred()->uid, &user, &session) ? NULL : session;
}

static int find_session(struct key_state *state, bool create, struct key **out)
{
    struct task *task = current_task();
    struct key *user, *session;
    int error = key_user_keyrings(state, current_cred()->uid, &user, &session);
    if (error)
        return error;
    if (create && (!task->session_keyring || task->session_keyring == session)) {
        int64_t made = task_join_session(state, NULL);
        if (made < 0)
            return (int)made;
    } else if (!task->session_keyring) {
        set_session(state, task, session);
    }
    *out = task->session_keyring;
    return 0;
}

static int find_special(struct key_state *state, int id, bool create, struct key **out)
{
    struct task *task = current_task();
    struct key *user, *session;
    int error = 0;
    switch (id) {
    case KEY_SPEC_THREAD_KEYRING:
        if (create)
            error = make_keyring(state, &task->thread_keyring, "_tid", KEY_VIEW);
        *out = task->thread_keyring;
        break;
    case KEY_SPEC_PROCESS_KEYRING:
        if (create)
            error = make_keyring(state, &task->process->process_keyring, "_pid", KEY_VIEW);
        *out = task->process->process_keyring;
        break;
    case KEY_SPEC_SESSION_KEYRING:
        return find_session(state, create, out);
    case KEY_SPEC_USER_KEYRING:
    case KEY_SPEC_USER_SESSION_KEYRING:
        error = key_user_keyrings(state, current_cred()->uid, &user, &session);
        *out = id == KEY_SPEC_USER_KEYRING ? user : session;
        break;
    case KEY_SPEC_REQKEY_AUTH_KEY:
    case KEY_SPEC_REQUESTOR_KEYRING:
        return -ENOKEY;
    default:
        return -EINVAL;
    }
    return error ? error : *out ? 0 : -ENOKEY;
}

bool task_possesses_key(struct key_state *state, const struct key *key)
{
    struct task *task = current_task();
    struct key *rings[] = {task->thread_keyring, task->process->process_keyring,
                           session_or_user(state)};
    for (unsigned i = 0; i < ARRAY_SIZE(rings); i++)
        if (rings[i] && keyring_holds(rings[i], key))
            return true;
    return false;
}

int task_key_lookup(struct key_state *state, int id, unsigned flags, unsigned rights,
                    struct key_ref *out)
{
    struct key *key = NULL;
    int error = 0;
    out->key = NULL; /* so that who gives back what there is does no harm after a failure */
    out->possessed = id < 0;
    if (id < 0) {
        error = find_special(state, id, flags & KEY_LOOKUP_CREATE, &key);
    } else {
        key = id ? key_find(state, id) : NULL;
        error = !id ? -EINVAL : key ? 0 : -ENOKEY;
        out->possessed = !error && task_possesses_key(state, key);
    }
    if (error)
        return error;
    if (!(flags & KEY_LOOKUP_PARTIAL))
        error = key_validate(key);
    if (!error)
        error = key_permission(key, out->possessed, rights);
    if (!error)
        out->key = key_get(key);
    return error;
}

int task_key_search(struct key_state *state, enum key_type type, const char *description,
                    struct key **out)
{
    struct task *task = current_task();
    struct key *rings[] = {task->thread_keyring, task->process->process_keyring,
                           session_or_user(state)};
    int result = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(rings); i++) {
        if (!rings[i] || key_validate(rings[i]))
            continue;
        int error = keyring_search(rings[i], true, type, description, out);
        if (!error)
            return 0;
        /* "Not there" of one keyring counts more than "no good" of another. */
        if (!result || error == -ENOKEY)
            result = error;
    }
    return result ? result : -ENOKEY;
}

/* ---- sessions ---- */

/* A keyring with this name that the caller may search as a session's. */
static struct key *find_named(struct key_state *state, const char *name)
{
    struct key *key;
    uint64_t index;
    xarray_for_each(&state->keys, index, key)
    {
        if (key->type == KEY_TYPE_KEYRING && kstr_equal(key->description, name) &&
            !key_validate(key) && !key_permission(key, false, KEY_SEARCH) &&
            key->uid == current_cred()->uid)
            return key;
    }
    return NULL;
}

int64_t task_join_session(struct key_state *state, const char *name)
{
    struct task *task = current_task();
    struct key *session = name ? find_named(state, name) : NULL;
    int error = 0;
    if (session)
        key_get(session);
    else
        error = keyring_create(
            state, name ? name : "_ses",
            KEY_POS(KEY_ALL) | KEY_USR(KEY_VIEW | KEY_READ | (name ? KEY_LINK : 0)), &session);
    if (error)
        return error;
    set_session(state, task, session);
    key_put(state, session);
    return session->serial;
}

int64_t task_session_to_parent(struct key_state *state)
{
    struct task *task = current_task();
    struct process *process = task->process;
    struct key *session;
    int error = find_session(state, false, &session);
    if (error)
        return error;
    spin_lock(process_tree_lock(process->kernel));
    struct process *parent = process->parent;
    struct task *other =
        parent && parent->state == PROCESS_ALIVE && !parent->is_init && parent->task_count == 1
            ? task_get(parent->leader)
            : NULL;
    spin_unlock(process_tree_lock(process->kernel));
    if (!other)
        return -EPERM;
    const struct cred *mine = current_cred(), *theirs = thread_cred_get(&other->thread);
    bool same = mine->uid == theirs->euid && mine->euid == theirs->euid &&
                mine->suid == theirs->euid && mine->gid == theirs->egid &&
                mine->egid == theirs->egid && mine->sgid == theirs->egid &&
                !atomic_load_relaxed(&other->keyrings_closed);
    if (same)
        set_session(state, other, session);
    if (same && atomic_load_seq(&other->keyrings_closed)) /* it has not seen it on its way out */
        drop(state, &other->session_keyring);
    cred_put(theirs);
    task_put(other);
    return same ? 0 : -EPERM;
}

/* ---- life ---- */

void keyrings_fork(struct task *child, struct task *parent)
{
    struct key_state *state = parent->thread.kernel->keys;
    bool own = child->process == parent->process && parent->thread_keyring;
    if (likely(!atomic_load_relaxed(&parent->session_keyring) && !own))
        return;
    mutex_lock(&state->mutex);
    if (parent->session_keyring)
        child->session_keyring = key_get(parent->session_keyring);
    if (own) /* a thread of one that has such a keyring has its own; without memory, none */
        make_keyring(state, &child->thread_keyring, "_tid", KEY_VIEW);
    mutex_unlock(&state->mutex);
}

void keyrings_exec(struct task *task)
{
    struct key_state *state = task->thread.kernel->keys;
    if (likely(!task->thread_keyring && !task->process->process_keyring))
        return;
    mutex_lock(&state->mutex);
    drop(state, &task->thread_keyring);
    drop(state, &task->process->process_keyring);
    mutex_unlock(&state->mutex);
}

void keyrings_exit(struct task *task, bool last)
{
    struct key_state *state = task->thread.kernel->keys;
    atomic_store_seq(&task->keyrings_closed, true);
    if (likely(!task->thread_keyring && !atomic_load_seq(&task->session_keyring) &&
               !(last && task->process->process_keyring)))
        return;
    mutex_lock(&state->mutex);
    drop(state, &task->thread_keyring);
    drop(state, &task->session_keyring);
    if (last)
        drop(state, &task->process->process_keyring);
    mutex_unlock(&state->mutex);
}
