/* SPDX-License-Identifier: MIT
 *
 * Keyrings: keys that hold links to others, keyrings(7).
 *
 * A search goes down at most KEYRING_DEPTH_MAX levels; links never make a cycle, so it ends.
 */
#include "kernel/abi/errno.h"
#include "kernel/lib/printf.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/security/cred.h"
#include "kernel/security/key.h"

int keyring_create(struct key_state *state, const char *description, uint32_t rights,
                   struct key **out)
{
    const struct cred *cred = current_cred();
    return key_create(state, KEY_TYPE_KEYRING, description, cred->uid, cred->gid, rights, false,
                      out);
}

static bool matches(const struct key *key, enum key_type type, const char *description)
{
    return key->type == type && kstr_equal(key->description, description);
}

struct key *keyring_find_direct(struct key *ring, enum key_type type, const char *description)
{
    for (uint32_t i = 0; i < ring->link_count; i++)
        if (matches(ring->links[i], type, description))
            return ring->links[i];
    return NULL;
}

/* Levels of keyrings below and with this one; -EDEADLK if `wanted` is among them. */
static int depth_of(const struct key *ring, const struct key *wanted, int level)
{
    int deepest = 1;
    if (ring == wanted)
        return -EDEADLK;
    if (level > KEYRING_DEPTH_MAX)
        return -ELOOP;
    for (uint32_t i = 0; i < ring->link_count; i++) {
        if (ring->links[i]->type != KEY_TYPE_KEYRING)
            continue;
        int depth = depth_of(ring->links[i], wanted, level + 1);
        if (depth < 0)
            return depth;
        deepest = MAX(deepest, depth + 1);
    }
    return deepest;
}

static int make_room(struct key *ring)
{
    if (ring->link_count < ring->link_capacity)
        return 0;
    if (ring->link_count >= KEYRING_LINKS_MAX)
        return -ENFILE;
    uint32_t capacity = ring->link_capacity ? ring->link_capacity * 2 : 4;
    struct key **links = krealloc(ring->links, capacity * sizeof(struct key *));
    if (!links)
        return -ENOMEM;
    ring->links = links;
    ring->link_capacity = capacity;
    return 0;
}

int keyring_link(struct key_state *state, struct key *ring, struct key *key)
{
    if (ring->type != KEY_TYPE_KEYRING)
        return -ENOTDIR;
    if (ring->revoked)
        return -EKEYREVOKED;
    if (ring->restricted)
        return -EPERM;
    if (key->type == KEY_TYPE_KEYRING) {
        int depth = depth_of(key, ring, 1);
        if (depth < 0)
            return depth;
    }
    struct key *old = keyring_find_direct(ring, key->type, key->description);
    if (old == key)
        return 0;
    int error = old ? 0 : make_room(ring);
    if (error)
        return error;
    key_get(key);
    if (!old) {
        ring->links[ring->link_count++] = key;
        return 0;
    }
    for (uint32_t i = 0; i < ring->link_count; i++)
        if (ring->links[i] == old)
            ring->links[i] = key;
    key_put(state, old);
    return 0;
}

int keyring_unlink(struct key_state *state, struct key *ring, struct key *key)
{
    for (uint32_t i = 0; i < ring->link_count; i++) {
        if (ring->links[i] != key)
            continue;
        ring->link_count--;
        memmove(&ring->links[i], &ring->links[i + 1],
                (ring->link_count - i) * sizeof(struct key *));
        key_put(state, key);
        return 0;
    }
    return -ENOENT;
}

void keyring_clear(struct key_state *state, struct key *ring)
{
    while (ring->link_count)
        key_put(state, ring->links[--ring->link_count]);
}

struct search {
    bool possessed;
    enum key_type type;
    const char *description;
    int error; /* of the best key that was no good */
};

static struct key *search_level(struct key *ring, struct search *search, int level)
{
    for (uint32_t i = 0; i < ring->link_count; i++) {
        struct key *key = ring->links[i];
        if (!matches(key, search->type, search->description))
            continue;
        int error = key_validate(key);
        if (!error)
            error = key_permission(key, search->possessed, KEY_SEARCH);
        if (!error)
            return key;
        if (search->error == -ENOKEY)
            search->error = error;
    }
    for (uint32_t i = 0; i < ring->link_count && level < KEYRING_DEPTH_MAX; i++) {
        struct key *below = ring->links[i];
        if (below->type != KEY_TYPE_KEYRING || key_validate(below) ||
            key_permission(below, search->possessed, KEY_SEARCH))
            continue;
        struct key *found = search_level(below, search, level + 1);
        if (found)
            return found;
    }
    return NULL;
}

int keyring_search(struct key *ring, bool possessed, enum key_type type, const char *description,
                   struct key **out)
{
    struct search search = {possessed, type, description, -ENOKEY};
    *out = search_level(ring, &search, 1);
    return *out ? 0 : search.error;
}

static bool holds(const struct key *ring, const struct key *key, int level)
{
    if (key_validate(ring) || key_permission(ring, true, KEY_SEARCH))
        return false;
    for (uint32_t i = 0; i < ring->link_count; i++) {
        struct key *below = ring->links[i];
        if (below == key)
            return key_permission(key, true, KEY_SEARCH) == 0;
        if (below->type == KEY_TYPE_KEYRING && level < KEYRING_DEPTH_MAX &&
            holds(below, key, level + 1))
            return true;
    }
    return false;
}

bool keyring_holds(struct key *ring, const struct key *key)
{
    return ring == key || holds(ring, key, 1);
}

int key_user_keyrings(struct key_state *state, uint32_t uid, struct key **out_user,
                      struct key **out_session)
{
    const uint32_t rights = KEY_POS(KEY_ALL & ~KEY_SETATTR) | KEY_USR(KEY_ALL);
    struct key_user *user;
    char name[24];

    list_for_each_entry(user, &state->users, node)
    {
        if (user->uid == uid && user->session_keyring) {
            *out_user = user->keyring;
            *out_session = user->session_keyring;
            return 0;
        }
    }
    struct key *keyring, *session;
    ksnprintf(name, sizeof(name), "_uid.%u", uid);
    int error = key_create(state, KEY_TYPE_KEYRING, name, uid, UINT32_MAX, rights, false, &keyring);
    if (error)
        return error;
    ksnprintf(name, sizeof(name), "_uid_ses.%u", uid);
    error = key_create(state, KEY_TYPE_KEYRING, name, uid, UINT32_MAX, rights, false, &session);
    if (!error)
        error = keyring_link(state, session, keyring);
    if (error) {
        key_put(state, keyring);
        return error;
    }
    user = keyring->user;
    user->keyring = *out_user = keyring;
    user->session_keyring = *out_session = session;
    return 0;
}
