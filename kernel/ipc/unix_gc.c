/* SPDX-License-Identifier: MIT
 *
 * Files in flight, and the sockets among them that nothing else refers to.
 *
 * A socket can be queued, as a file, in its own queue or in a ring of queues: then every reference to
 * it comes from a queue that nobody can read. Such rings are found when a socket is closed, by
 * counting (all under rights_mutex, so no file enters or leaves flight meanwhile):
 *   1. A candidate is a socket in flight whose file has no reference but those in flight.
 *   2. From each candidate's count, subtract the references in queues of candidates.
 *   3. Who has some left is reachable; so is everything in its queue, and so on.
 *   4. The messages with files in the queues of the others are garbage.
 * Files that were taken out of a queue but are still counted keep their sockets alive by step 2. A
 * candidate cannot become reachable meanwhile: somebody would have to receive it, from a socket that
 * is reachable, and then it is alive by step 3 or its last message is still counted.
 */
#include "kernel/abi/capability.h"
#include "kernel/ipc/ipc.h"
#include "kernel/ipc/unix_internal.h"
#include "kernel/mm/slab.h"
#include "kernel/security/cred.h"

/* ---- counting ---- */

struct unix_user {
    struct list_node node;
    uint32_t uid;
    uint64_t files;              /* in flight */
};

static struct unix_user *find_user_locked(struct unix_state *state, uint32_t uid)
{
    struct unix_user *user;
    list_for_each_entry(user, &state->users, node)
    {
        if (user->uid == uid)
            return user;
    }
    return NULL;
}

static int charge_user_locked(struct unix_state *state, struct unix_rights *rights)
{
    struct unix_user *user = find_user_locked(state, current_cred()->uid);
    if (user && user->files > ipc_nofile_limit() && !capable(CAP_SYS_RESOURCE) &&
        !capable(CAP_SYS_ADMIN))
        return -ETOOMANYREFS;
    if (!user) {
        user = kzalloc(sizeof(*user));
        if (!user)
            return -ENOMEM;
        user->uid = current_cred()->uid;
        list_add_tail(&state->users, &user->node);
    }
    user->files += rights->count;
    rights->uid = user->uid;
    return 0;
}

static void uncharge_user_locked(struct unix_state *state, const struct unix_rights *rights)
{
    struct unix_user *user = find_user_locked(state, rights->uid);
    assert(user && user->files >= rights->count);
    user->files -= rights->count;
    if (user->files)
        return;
    list_remove(&user->node);
    kfree(user);
}

int unix_flight_begin(struct unix_state *state, struct unix_rights *rights)
{
    mutex_lock(&state->rights_mutex);
    int error = charge_user_locked(state, rights);
    for (unsigned i = 0; !error && i < rights->count; i++) {
        struct unix_socket *u = unix_of_file(rights->files[i]);
        if (!u || u->inflight++ != 0)
            continue;
        list_add_tail(&state->inflight, &u->inflight_node);
        atomic_store_relaxed(&state->inflight_count, state->inflight_count + 1);
    }
    rights->in_flight = !error;
    mutex_unlock(&state->rights_mutex);
    return error;
}

void unix_flight_end(struct unix_state *state, struct unix_rights *rights)
{
    if (!rights->in_flight)
        return;
    mutex_lock(&state->rights_mutex);
    for (unsigned i = 0; i < rights->count; i++) {
        struct unix_socket *u = unix_of_file(rights->files[i]);
        if (!u || --u->inflight != 0)
            continue;
        list_remove(&u->inflight_node);
        atomic_store_relaxed(&state->inflight_count, state->inflight_count - 1);
    }
    uncharge_user_locked(state, rights);
    rights->in_flight = false;
    mutex_unlock(&state->rights_mutex);
}

/* ---- garbage ---- */

typedef void visit_fn(struct unix_socket *referenced, struct list *work);

static void visit_rights(const struct unix_rights *rights, visit_fn *visit, struct list *work)
{
    for (unsigned i = 0; i < rights->count; i++) {
        struct unix_socket *u = unix_of_file(rights->files[i]);
        if (u && u->gc_candidate)
            visit(u, work);
    }
}

static void visit_queue_locked(struct unix_socket *u, visit_fn *visit, struct list *work)
{
    struct unix_message *message;
    list_for_each_entry(message, &u->queue, node)
    {
        if (message->rights)
            visit_rights(message->rights, visit, work);
    }
}

/* Every candidate referred to by messages that only u's owner could read. */
static void visit_references(struct unix_socket *u, visit_fn *visit, struct list *work)
{
    struct unix_socket *fresh;
    spin_lock(&u->lock);
    visit_queue_locked(u, visit, work);
    list_for_each_entry(fresh, &u->backlog, backlog_node)
    {
        spin_lock_nested(&fresh->lock); /* a listener before its connections */
        visit_queue_locked(fresh, visit, work);
        spin_unlock(&fresh->lock);
    }
    spin_unlock(&u->lock);
}

static void subtract(struct unix_socket *referenced, struct list *work)
{
    (void)work;
    referenced->gc_count--;
}

/* Alive, and its own references are still to be followed. */
static void revive(struct unix_socket *referenced, struct list *work)
{
    if (referenced->gc_alive)
        return;
    referenced->gc_alive = true;
    list_add_tail(work, &referenced->gc_node);
}

static bool mark_candidates(struct unix_state *state)
{
    struct unix_socket *u;
    bool any = false;
    list_for_each_entry(u, &state->inflight, inflight_node)
    {
        uint32_t refs = atomic_load_acquire(&u->socket->file->refs);
        u->gc_candidate = refs == u->inflight;
        u->gc_alive = false;
        u->gc_count = u->inflight;
        any |= u->gc_candidate;
    }
    return any;
}

static void mark_alive(struct unix_state *state)
{
    struct unix_socket *u;
    struct list work;

    list_init(&work);
    list_for_each_entry(u, &state->inflight, inflight_node)
    {
        if (u->gc_candidate && u->gc_count)
            revive(u, &work);
    }
    while ((u = list_pop_head_entry(&work, struct unix_socket, gc_node)))
        visit_references(u, revive, &work);
}

static void take_rights_locked(struct unix_socket *u, struct list *garbage)
{
    struct unix_message *message, *following;
    list_for_each_entry_safe(message, following, &u->queue, node)
    {
        if (!message->rights)
            continue;
        list_move_tail(garbage, &message->node);
        atomic_store_relaxed(&u->queue_length, u->queue_length - 1);
        atomic_store_relaxed(&u->queue_bytes,
                             u->queue_bytes - (message->bytes - message->consumed));
    }
}

static void take_garbage(struct unix_socket *u, struct list *garbage)
{
    struct unix_socket *fresh;
    spin_lock(&u->lock);
    take_rights_locked(u, garbage);
    list_for_each_entry(fresh, &u->backlog, backlog_node)
    {
        spin_lock_nested(&fresh->lock); /* a listener before its connections */
        take_rights_locked(fresh, garbage);
        spin_unlock(&fresh->lock);
    }
    spin_unlock(&u->lock);
}

static void find_garbage_locked(struct unix_state *state, struct list *garbage)
{
    struct unix_socket *u;
    if (!mark_candidates(state))
        return;
    list_for_each_entry(u, &state->inflight, inflight_node)
    {
        if (u->gc_candidate)
            visit_references(u, subtract, NULL);
    }
    mark_alive(state);
    list_for_each_entry(u, &state->inflight, inflight_node)
    {
        if (u->gc_candidate && !u->gc_alive)
            take_garbage(u, garbage);
        u->gc_candidate = false;
    }
}

void unix_collect_garbage(struct unix_state *state)
{
    struct unix_message *message;
    struct list garbage;

    if (atomic_load_relaxed(&state->inflight_count) == 0)
        return;
    list_init(&garbage);
    mutex_lock(&state->rights_mutex);
    find_garbage_locked(state, &garbage);
    mutex_unlock(&state->rights_mutex);
    while ((message = list_pop_head_entry(&garbage, struct unix_message, node)))
        unix_message_free(message);
}
