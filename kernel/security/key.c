/* SPDX-License-Identifier: MIT
 *
 * Keys: creation, quota, rights, ends; keyrings(7).
 *
 * Quota: each key and the bytes of its description and payload count for its owner, as the limits
 * in /proc/sys/kernel/keys of a Linux as it comes.
 */
#include "kernel/security/key.h"

#include "kernel/abi/errno.h"
#include "kernel/core/clock.h"
#include "kernel/core/entropy.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/security/cred.h"

enum {
    QUOTA_KEYS = 200,
    QUOTA_BYTES = 20000,
    QUOTA_ROOT_KEYS = 1000000,
    QUOTA_ROOT_BYTES = 25000000,
};

int keys_init(struct kernel *kernel)
{
    struct key_state *state = kzalloc(sizeof(*state));
    if (!state)
        return -ENOMEM;
    mutex_init(&state->mutex, LOCK_RANK_KEYS);
    xarray_init(&state->keys, &kmalloc_allocator);
    list_init(&state->users);
    state->limits[0] = (struct key_limits){.keys = QUOTA_KEYS, .bytes = QUOTA_BYTES};
    state->limits[1] = (struct key_limits){.keys = QUOTA_ROOT_KEYS, .bytes = QUOTA_ROOT_BYTES};
    kernel->keys = state;
    return 0;
}

/* ---- quota ---- */

static struct key_user *find_user(struct key_state *state, uint32_t uid)
{
    struct key_user *user;
    list_for_each_entry(user, &state->users, node)
    {
        if (user->uid == uid)
            return user;
    }
    user = kzalloc(sizeof(*user));
    if (user) {
        user->uid = uid;
        list_add_tail(&state->users, &user->node);
    }
    return user;
}

/* Users without keys and keyrings are forgotten. */
static void drop_user(struct key_user *user)
{
    if (user->keys || user->keyring || user->session_keyring)
        return;
    list_remove(&user->node);
    kfree(user);
}

static int charge(struct key_user *user, uint32_t keys, uint32_t bytes)
{
    const struct key_limits *limits = &this_kernel()->keys->limits[user->uid == 0];
    if (user->keys + keys > atomic_load_relaxed(&limits->keys) ||
        user->bytes + bytes > atomic_load_relaxed(&limits->bytes))
        return -EDQUOT;
    user->keys += keys;
    user->bytes += bytes;
    return 0;
}

static void uncharge(struct key_user *user, uint32_t keys, uint32_t bytes)
{
    assert(user->keys >= keys && user->bytes >= bytes);
    user->keys -= keys;
    user->bytes -= bytes;
}

/* ---- life ---- */

static int give_serial(struct key_state *state, struct key *key)
{
    int error;
    do {
        key->serial = (int32_t)(entropy_u64() & INT32_MAX);
        if (key->serial < 3)
            key->serial += 3;
        error = xarray_insert(&state->keys, (uint64_t)key->serial, key);
    } while (error == -EEXIST);
    return error;
}

static void key_destroy(struct key_state *state, struct key *key)
{
    if (key->type == KEY_TYPE_KEYRING)
        keyring_clear(state, key);
    if (key->serial)
        xarray_erase(&state->keys, (uint64_t)key->serial);
    if (key->user) {
        uncharge(key->user, key->in_quota, key->quota_bytes);
        drop_user(key->user);
    }
    if (key->payload)
        memset(key->payload, 0, key->payload_bytes);
    kfree(key->payload);
    kfree(key->links);
    kfree(key->description);
    kfree(key);
}

int key_create(struct key_state *state, enum key_type type, const char *description, uint32_t uid,
               uint32_t gid, uint32_t rights, bool free_of_quota, struct key **out)
{
    struct key *key = kzalloc(sizeof(*key));
    if (!key)
        return -ENOMEM;
    key->refs = 1;
    key->type = type;
    key->uid = uid;
    key->gid = gid;
    key->rights = rights;
    key->description = kstrdup(description);
    struct key_user *user = free_of_quota ? NULL : find_user(state, uid);
    int error = key->description && (user || free_of_quota) ? 0 : -ENOMEM;
    if (!error && user) {
        uint32_t bytes = (uint32_t)kstrlen(description) + 1;
        error = charge(user, 1, bytes);
        if (!error) {
            key->user = user;
            key->in_quota = true;
            key->quota_bytes = bytes;
        } else {
            drop_user(user);
        }
    }
    if (!error)
        error = give_serial(state, key);
    if (error) {
        key->serial = 0;
        key_destroy(state, key);
        return error;
    }
    *out = key;
    return 0;
}

struct key *key_get(struct key *key)
{
    assert(key->refs > 0);
    key->refs++;
    return key;
}

void key_put(struct key_state *state, struct key *key)
{
    if (key && --key->refs == 0)
        key_destroy(state, key);
}

struct key *key_find(struct key_state *state, int32_t serial)
{
    struct key *key = serial > 0 ? xarray_get(&state->keys, (uint64_t)serial) : NULL;
    return key && !key->invalidated ? key : NULL;
}

/* ---- types ---- */

static const char *const type_names[KEY_TYPES] = {
    [KEY_TYPE_KEYRING] = "keyring", [KEY_TYPE_USER] = "user", [KEY_TYPE_LOGON] = "logon"};

const char *key_type_name(enum key_type type)
{
    return type_names[type];
}

int key_type_find(const char *name, enum key_type *out)
{
    for (unsigned i = 0; i < KEY_TYPES; i++) {
        if (kstr_equal(name, type_names[i])) {
            *out = (enum key_type)i;
            return 0;
        }
    }
    return -ENODEV;
}

/* ---- changes ---- */

/* The quota follows the payload: `bytes` for what the key holds now. */
static int recharge(struct key *key, uint32_t bytes)
{
    uint32_t fixed = (uint32_t)kstrlen(key->description) + 1;
    if (!key->user)
        return 0;
    uncharge(key->user, 0, key->quota_bytes);
    int error = charge(key->user, 0, fixed + bytes);
    if (!error)
        key->quota_bytes = fixed + bytes;
    else
        key->user->bytes += key->quota_bytes;
    return error;
}

int key_set_payload(struct key *key, const void *bytes, size_t count)
{
    void *copy = kmalloc(count);
    if (!copy)
        return -ENOMEM;
    int error = recharge(key, (uint32_t)count);
    if (error) {
        kfree(copy);
        return error;
    }
    memcpy(copy, bytes, count);
    if (key->payload)
        memset(key->payload, 0, key->payload_bytes);
    kfree(key->payload);
    key->payload = copy;
    key->payload_bytes = (uint32_t)count;
    key->expires_ns = 0; /* as good as new */
    return 0;
}

void key_revoke(struct key_state *state, struct key *key)
{
    if (key->revoked)
        return;
    key->revoked = true;
    if (key->type == KEY_TYPE_KEYRING)
        keyring_clear(state, key);
    if (key->payload) {
        memset(key->payload, 0, key->payload_bytes);
        kfree(key->payload);
        key->payload = NULL;
        key->payload_bytes = 0;
    }
    recharge(key, 0);
}

void key_invalidate(struct key_state *state, struct key *key)
{
    struct key *ring;
    uint64_t index;
    key_get(key);
    key->invalidated = true;
    xarray_for_each(&state->keys, index, ring)
    {
        if (ring->type == KEY_TYPE_KEYRING && ring != key)
            keyring_unlink(state, ring, key);
    }
    key_put(state, key);
}

int key_change_owner(struct key_state *state, struct key *key, uint32_t uid, uint32_t gid)
{
    if (uid != UINT32_MAX && uid != key->uid && key->in_quota) {
        struct key_user *user = find_user(state, uid);
        if (!user)
            return -ENOMEM;
        int error = charge(user, 1, key->quota_bytes);
        if (error) {
            drop_user(user);
            return error;
        }
        uncharge(key->user, 1, key->quota_bytes);
        drop_user(key->user);
        key->user = user;
    }
    if (uid != UINT32_MAX)
        key->uid = uid;
    if (gid != UINT32_MAX)
        key->gid = gid;
    return 0;
}

/* ---- checks ---- */

int key_validate(const struct key *key)
{
    if (key->invalidated)
        return -ENOKEY;
    if (key->revoked)
        return -EKEYREVOKED;
    return key->expires_ns && clock_monotonic_ns() >= key->expires_ns ? -EKEYEXPIRED : 0;
}

int key_permission(const struct key *key, bool possessed, unsigned rights)
{
    const struct cred *cred = current_cred();
    uint32_t granted = key->rights;
    if (key->uid == cred->fsuid)
        granted = key->rights >> 16;
    else if (key->gid != UINT32_MAX && (key->rights & KEY_ALL << 8) &&
             cred_in_group(cred, key->gid))
        granted = key->rights >> 8;
    if (possessed)
        granted |= key->rights >> 24;
    return rights & ~granted ? -EACCES : 0;
}
