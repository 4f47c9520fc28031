/* SPDX-License-Identifier: MIT
 *
 * add_key(2), request_key(2), and the operations of keyctl(2) on keyrings.
 */
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/security/cred.h"
#include "kernel/syscall/keyctl_internal.h"
#include "kernel/syscall/syscalls.h"

/* ---- add_key(2) ---- */

/* What the type says about description and payload, before a key is made. */
static int check_new_key(enum key_type type, const char *description, uint64_t bytes)
{
    const char *colon = kstrchr(description, ':');
    if (!description[0])
        return -EINVAL;
    if (type == KEY_TYPE_KEYRING)
        return bytes ? -EINVAL : 0;
    if (type == KEY_TYPE_LOGON && (!colon || colon == description))
        return -EINVAL; /* named after a service */
    return bytes == 0 || bytes > KEY_PAYLOAD_BYTES_MAX ? -EINVAL : 0;
}

static uint32_t default_rights(enum key_type type)
{
    uint32_t possessor = KEY_VIEW | KEY_SEARCH | KEY_LINK | KEY_SETATTR | KEY_WRITE;
    if (type != KEY_TYPE_LOGON)
        possessor |= KEY_READ;
    return KEY_POS(possessor) | KEY_USR(KEY_VIEW);
}

/* Update the key of this name in the ring, or make one. Its serial. */
static int64_t add_to_ring(struct key_state *state, struct key_ref *ring, enum key_type type,
                           const char *description, const void *payload, uint64_t bytes)
{
    const struct cred *cred = current_cred();
    struct key *key;
    if (ring->key->type != KEY_TYPE_KEYRING)
        return -ENOTDIR;
    int error = check_new_key(type, description, bytes);
    if (error)
        return error;
    if (ring->key->restricted)
        return -EPERM;
    key = type == KEY_TYPE_KEYRING ? NULL : keyring_find_direct(ring->key, type, description);
    if (key && !key_validate(key)) {
        error = key_permission(key, ring->possessed, KEY_WRITE);
        if (!error)
            error = key_set_payload(key, payload, bytes);
        return error ? error : key->serial;
    }
    error = key_create(state, type, description, cred->fsuid, cred->fsgid, default_rights(type),
                       false, &key);
    if (error)
        return error;
    if (bytes)
        error = key_set_payload(key, payload, bytes);
    if (!error)
        error = keyring_link(state, ring->key, key);
    int64_t serial = key->serial;
    key_put(state, key);
    return error ? error : serial;
}

static int64_t add_key(const char *type_name, const char *description, const void *payload,
                       uint64_t bytes, int ring_id)
{
    struct key_state *state = this_kernel()->keys;
    struct key_ref ring;
    enum key_type type;
    mutex_lock(&state->mutex);
    int64_t result = task_key_lookup(state, ring_id, KEY_LOOKUP_CREATE, KEY_WRITE, &ring);
    if (!result) {
        result = key_type_find(type_name, &type);
        if (!result)
            result = add_to_ring(state, &ring, type, description, payload, bytes);
        key_put(state, ring.key);
    }
    mutex_unlock(&state->mutex);
    return result;
}

int64_t sys_add_key(uint64_t type_uaddr, uint64_t description_uaddr, uint64_t payload_uaddr,
                    uint64_t bytes, int ring)
{
    char type[KEY_TYPE_BYTES_MAX], *description = NULL;
    void *payload = NULL;
    if (bytes > KEYCTL_PAYLOAD_MAX)
        return -EINVAL;
    int64_t result = keyctl_copy_type(type_uaddr, type);
    if (!result && description_uaddr)
        result = keyctl_copy_description(description_uaddr, &description);
    if (!result && description && description[0] == '.' && kstr_equal(type, "keyring"))
        result = -EPERM;
    if (!result)
        result = keyctl_copy_payload(payload_uaddr, bytes, &payload);
    if (!result)
        result = add_key(type, description ? description : "", payload, bytes, ring);
    kfree(payload);
    kfree(description);
    return result;
}

/* ---- request_key(2) ---- */

/* Nobody in user space is asked (there is no /sbin/request-key): what is not there is not there. */
static int64_t request_key(const char *type_name, const char *description, int ring_id)
{
    struct key_state *state = this_kernel()->keys;
    struct key_ref ring = {0};
    enum key_type type;
    struct key *key;
    int64_t result = 0;
    mutex_lock(&state->mutex);
    if (ring_id)
        result = task_key_lookup(state, ring_id, KEY_LOOKUP_CREATE, KEY_WRITE, &ring);
    if (!result)
        result = key_type_find(type_name, &type);
    if (result == -ENODEV)
        result = -ENOKEY;
    if (!result)
        result = task_key_search(state, type, description, &key);
    if (!result && ring.key)
        result = keyring_link(state, ring.key, key);
    if (!result)
        result = key->serial;
    if (ring.key)
        key_put(state, ring.key);
    mutex_unlock(&state->mutex);
    return result;
}

int64_t sys_request_key(uint64_t type_uaddr, uint64_t description_uaddr, uint64_t callout_uaddr,
                        int ring)
{
    char type[KEY_TYPE_BYTES_MAX], *description, *callout = NULL;
    int64_t result = keyctl_copy_type(type_uaddr, type);
    if (!result)
        result = keyctl_copy_description(description_uaddr, &description);
    if (result)
        return result;
    if (callout_uaddr)
        result = keyctl_copy_description(callout_uaddr, &callout);
    if (!result)
        result = request_key(type, description, ring);
    kfree(callout);
    kfree(description);
    return result;
}

/* ---- keyctl(2) ---- */

static int64_t link_key(struct key_state *state, const struct keyctl_args *args)
{
    struct key_ref ring, key;
    int64_t result = task_key_lookup(state, (int)args->arg3, KEY_LOOKUP_CREATE, KEY_WRITE, &ring);
    if (result)
        return result;
    result = task_key_lookup(state, (int)args->arg2, KEY_LOOKUP_CREATE, KEY_LINK, &key);
    if (!result) {
        result = keyring_link(state, ring.key, key.key);
        key_put(state, key.key);
    }
    key_put(state, ring.key);
    return result;
}

static int64_t unlink_key(struct key_state *state, const struct keyctl_args *args)
{
    struct key_ref ring, key;
    int64_t result = task_key_lookup(state, (int)args->arg3, 0, KEY_WRITE, &ring);
    if (result)
        return result;
    result = task_key_lookup(state, (int)args->arg2, KEY_LOOKUP_PARTIAL, 0, &key);
    if (!result) {
        result = ring.key->type == KEY_TYPE_KEYRING ? keyring_unlink(state, ring.key, key.key)
                                                    : -ENOTDIR;
        key_put(state, key.key);
    }
    key_put(state, ring.key);
    return result;
}

static int64_t move_between(struct key_state *state, struct key *key, struct key *from,
                            struct key *to, bool exclusive)
{
    if (from->type != KEY_TYPE_KEYRING || to->type != KEY_TYPE_KEYRING)
        return -ENOTDIR;
    if (from == to)
        return 0;
    bool there = false;
    for (uint32_t i = 0; i < from->link_count; i++)
        there = there || from->links[i] == key;
    if (!there)
        return -ENOENT;
    if (exclusive && keyring_find_direct(to, key->type, key->description))
        return -EEXIST;
    int64_t result = keyring_link(state, to, key);
    return result ? result : keyring_unlink(state, from, key);
}

static int64_t move_key(struct key_state *state, const struct keyctl_args *args)
{
    struct key_ref key, from, to;
    if (args->arg5 & ~(uint64_t)KEYCTL_MOVE_EXCL)
        return -EINVAL;
    int64_t result = task_key_lookup(state, (int)args->arg2, KEY_LOOKUP_CREATE, KEY_LINK, &key);
    if (result)
        return result;
    result = task_key_lookup(state, (int)args->arg3, 0, KEY_WRITE, &from);
    if (result)
        goto put_key;
    result = task_key_lookup(state, (int)args->arg4, KEY_LOOKUP_CREATE, KEY_WRITE, &to);
    if (result)
        goto put_from;
    result = move_between(state, key.key, from.key, to.key, args->arg5 & KEYCTL_MOVE_EXCL);
    key_put(state, to.key);
put_from:
    key_put(state, from.key);
put_key:
    key_put(state, key.key);
    return result;
}

static int64_t get_ring_id(struct key_state *state, const struct keyctl_args *args)
{
    struct key_ref ref;
    int64_t result = task_key_lookup(state, (int)args->arg2, args->arg3 ? KEY_LOOKUP_CREATE : 0,
                                     KEY_SEARCH, &ref);
    if (result)
        return result;
    result = ref.key->serial;
    key_put(state, ref.key);
    return result;
}

static int64_t clear_ring(struct key_state *state, const struct keyctl_args *args)
{
    struct key_ref ring;
    int64_t result = task_key_lookup(state, (int)args->arg2, KEY_LOOKUP_CREATE, KEY_WRITE, &ring);
    if (result)
        return result;
    if (ring.key->type == KEY_TYPE_KEYRING)
        keyring_clear(state, ring.key);
    else
        result = -ENOTDIR;
    key_put(state, ring.key);
    return result;
}

static int64_t restrict_ring(struct key_state *state, const struct keyctl_args *args,
                             const char *type)
{
    struct key_ref ring;
    enum key_type unused;
    int64_t result = task_key_lookup(state, (int)args->arg2, 0, KEY_SETATTR, &ring);
    if (result)
        return result;
    if (type)
        result = key_type_find(type, &unused) ? -ENOKEY : -ENOENT; /* none restricts links */
    else if (ring.key->type != KEY_TYPE_KEYRING)
        result = -ENOTDIR;
    else if (ring.key->restricted)
        result = -EEXIST;
    else
        ring.key->restricted = true;
    key_put(state, ring.key);
    return result;
}

static int64_t set_default_ring(int value)
{
    struct task *task = current_task();
    int old = task->request_key_default;
    if (value < KEY_REQKEY_DEFL_NO_CHANGE || value == KEY_REQKEY_DEFL_GROUP_KEYRING ||
        value > KEY_REQKEY_DEFL_REQUESTOR_KEYRING)
        return -EINVAL;
    if (value != KEY_REQKEY_DEFL_NO_CHANGE)
        task->request_key_default = (uint8_t)value;
    return old;
}

static int64_t search_ring(struct key_state *state, const struct keyctl_args *args,
                           const char *type_name, const char *description)
{
    struct key_ref ring, into = {0};
    enum key_type type;
    struct key *key;
    int64_t result = task_key_lookup(state, (int)args->arg2, 0, KEY_SEARCH, &ring);
    if (result)
        return result;
    if (args->arg5)
        result = task_key_lookup(state, (int)args->arg5, KEY_LOOKUP_CREATE, KEY_WRITE, &into);
    if (!result)
        result = key_type_find(type_name, &type);
    if (result == -ENODEV)
        result = -ENOKEY;
    if (!result && ring.key->type != KEY_TYPE_KEYRING)
        result = -ENOTDIR;
    if (!result)
        result = keyring_search(ring.key, ring.possessed, type, description, &key);
    if (!result && into.key)
        result = key_permission(key, ring.possessed, KEY_LINK);
    if (!result && into.key)
        result = keyring_link(state, into.key, key);
    if (!result)
        result = key->serial;
    if (into.key)
        key_put(state, into.key);
    key_put(state, ring.key);
    return result;
}

/* Operations that take texts: these are copied before the mutex is taken. */
static int64_t with_texts(int operation, const struct keyctl_args *args)
{
    struct key_state *state = this_kernel()->keys;
    char type[KEY_TYPE_BYTES_MAX], *text = NULL;
    int64_t result = 0;
    bool has_type =
        operation == KEYCTL_SEARCH || (operation == KEYCTL_RESTRICT_KEYRING && args->arg3);
    uint64_t uaddr = operation == KEYCTL_SEARCH                 ? args->arg4
                     : operation == KEYCTL_JOIN_SESSION_KEYRING ? args->arg2
                                                                : 0;
    if (has_type)
        result = keyctl_copy_type(args->arg3, type);
    if (!result && (uaddr || operation == KEYCTL_SEARCH))
        result = keyctl_copy_description(uaddr, &text);
    if (!result && operation == KEYCTL_JOIN_SESSION_KEYRING && text && text[0] == '.')
        result = -EPERM;
    if (!result && operation == KEYCTL_JOIN_SESSION_KEYRING && text && !text[0])
        result = -EINVAL;
    if (!result) {
        mutex_lock(&state->mutex);
        result = operation == KEYCTL_SEARCH ? search_ring(state, args, type, text)
                 : operation == KEYCTL_RESTRICT_KEYRING
                     ? restrict_ring(state, args, has_type ? type : NULL)
                     : task_join_session(state, text);
        mutex_unlock(&state->mutex);
    }
    kfree(text);
    return result;
}

int64_t keyctl_operate_on_ring(int operation, const struct keyctl_args *args)
{
    struct key_state *state = this_kernel()->keys;
    int64_t result;
    switch (operation) {
    case KEYCTL_SEARCH:
    case KEYCTL_JOIN_SESSION_KEYRING:
    case KEYCTL_RESTRICT_KEYRING:
        return with_texts(operation, args);
    case KEYCTL_SET_REQKEY_KEYRING:
        return set_default_ring((int)args->arg2);
    default:
        break;
    }
    mutex_lock(&state->mutex);
    switch (operation) {
    case KEYCTL_GET_KEYRING_ID:
        result = get_ring_id(state, args);
        break;
    case KEYCTL_CLEAR:
        result = clear_ring(state, args);
        break;
    case KEYCTL_LINK:
        result = link_key(state, args);
        break;
    case KEYCTL_UNLINK:
        result = unlink_key(state, args);
        break;
    case KEYCTL_MOVE:
        result = move_key(state, args);
        break;
    case KEYCTL_SESSION_TO_PARENT:
        result = task_session_to_parent(state);
        break;
    default:
        result = -EOPNOTSUPP;
        break;
    }
    mutex_unlock(&state->mutex);
    return result;
}
