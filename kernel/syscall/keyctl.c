/* SPDX-License-Identifier: MIT
 *
 * keyctl(2) and its like: decoding, user memory, and the operations on one key. Keyrings and
 * searches are in keyctl_ring.c.
 */
#include "kernel/syscall/keyctl_internal.h"

#include "kernel/abi/capability.h"
#include "kernel/core/clock.h"
#include "kernel/lib/printf.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/security/cred.h"
#include "kernel/security/user_namespace.h"
#include "kernel/syscall/syscalls.h"

/* ---- arguments ---- */

int keyctl_copy_type(uint64_t uaddr, char out[KEY_TYPE_BYTES_MAX])
{
    int64_t length = copy_string_from_user(out, uaddr, KEY_TYPE_BYTES_MAX);
    if (length == -EFAULT)
        return -EFAULT;
    if (length <= 0)
        return -EINVAL;
    return out[0] == '.' ? -EPERM : 0;
}

int keyctl_copy_description(uint64_t uaddr, char **out)
{
    char *text = kmalloc(KEY_DESCRIPTION_BYTES_MAX);
    if (!text)
        return -ENOMEM;
    int64_t length = copy_string_from_user(text, uaddr, KEY_DESCRIPTION_BYTES_MAX);
    if (length < 0) {
        kfree(text);
        return length == -ENAMETOOLONG ? -EINVAL : (int)length;
    }
    *out = text;
    return 0;
}

int keyctl_copy_payload(uint64_t uaddr, uint64_t bytes, void **out)
{
    *out = NULL;
    if (bytes > KEYCTL_PAYLOAD_MAX)
        return -EINVAL;
    if (bytes == 0)
        return 0;
    /* More than any type takes is refused below; its readability is not looked at that far. */
    size_t kept = MIN(bytes, (uint64_t)KEY_PAYLOAD_BYTES_MAX + 1);
    void *payload = kmalloc(kept);
    if (!payload)
        return -ENOMEM;
    if (copy_from_user(payload, uaddr, kept)) {
        kfree(payload);
        return -EFAULT;
    }
    *out = payload;
    return 0;
}

/* ---- one key: all with the mutex held ---- */

static int64_t update(struct key_state *state, struct key_ref *ref, const struct keyctl_args *args)
{
    (void)state;
    if (ref->key->type == KEY_TYPE_KEYRING)
        return -EOPNOTSUPP;
    if (args->payload_bytes == 0 || args->payload_bytes > KEY_PAYLOAD_BYTES_MAX)
        return -EINVAL;
    return key_set_payload(ref->key, args->payload, args->payload_bytes);
}

static int64_t revoke(struct key_state *state, struct key_ref *ref, const struct keyctl_args *args)
{
    (void)args;
    key_revoke(state, ref->key);
    return 0;
}

static int64_t invalidate(struct key_state *state, struct key_ref *ref,
                          const struct keyctl_args *args)
{
    (void)args;
    key_invalidate(state, ref->key);
    return 0;
}

static int64_t change_owner(struct key_state *state, struct key_ref *ref,
                            const struct keyctl_args *args)
{
    const struct cred *cred = current_cred();
    struct key *key = ref->key;
    uint32_t uid = (uint32_t)args->arg3, gid = (uint32_t)args->arg4;
    if (uid != UINT32_MAX && (uid = uid_from_user(cred->user_ns, uid)) == ID_NONE)
        return -EINVAL;
    if (gid != UINT32_MAX && (gid = gid_from_user(cred->user_ns, gid)) == ID_NONE)
        return -EINVAL;
    if (!capable(CAP_SYS_ADMIN)) {
        if (uid != UINT32_MAX && uid != key->uid)
            return -EACCES;
        if (gid != UINT32_MAX && gid != key->gid && !cred_in_group(cred, gid))
            return -EACCES;
    }
    return key_change_owner(state, key, uid, gid);
}

static int64_t set_rights(struct key_state *state, struct key_ref *ref,
                          const struct keyctl_args *args)
{
    (void)state;
    if (!capable(CAP_SYS_ADMIN) && ref->key->uid != current_cred()->fsuid)
        return -EACCES;
    ref->key->rights = (uint32_t)args->arg3;
    return 0;
}

static int64_t set_timeout(struct key_state *state, struct key_ref *ref,
                           const struct keyctl_args *args)
{
    uint32_t seconds = (uint32_t)args->arg3;
    (void)state;
    ref->key->expires_ns = seconds ? clock_monotonic_ns() + seconds * 1000000000ull : 0;
    return 0;
}

/* ---- texts ---- */

static int64_t describe(struct key_ref *ref, uint64_t buffer, uint64_t bytes)
{
    const struct key *key = ref->key;
    size_t room = kstrlen(key->description) + 80;
    char *text = kmalloc(room);
    if (!text)
        return -ENOMEM;
    int length = ksnprintf(text, room, "%s;%d;%d;%08x;%s", key_type_name(key->type),
                           (int)current_uid_shown(key->uid), (int)current_gid_shown(key->gid),
                           key->rights, key->description);
    int64_t result = length + 1;
    if (buffer && bytes >= (uint64_t)result && copy_to_user(buffer, text, (size_t)result))
        result = -EFAULT;
    kfree(text);
    return result;
}

/* What can be read of a key: a copy. A keyring's are the serial numbers of its keys. */
static int64_t copy_content(const struct key *key, void **out)
{
    if (key->type == KEY_TYPE_LOGON)
        return -EOPNOTSUPP;
    size_t bytes =
        key->type == KEY_TYPE_KEYRING ? key->link_count * sizeof(int32_t) : key->payload_bytes;
    *out = kmalloc(MAX(bytes, (size_t)1));
    if (!*out)
        return -ENOMEM;
    if (key->type != KEY_TYPE_KEYRING)
        memcpy(*out, key->payload, bytes);
    for (uint32_t i = 0; key->type == KEY_TYPE_KEYRING && i < key->link_count; i++)
        ((int32_t *)*out)[i] = key->links[i]->serial;
    return (int64_t)bytes;
}

static int64_t read_key(struct key_state *state, int id, uint64_t buffer, uint64_t bytes)
{
    struct key_ref ref;
    void *content = NULL;
    mutex_lock(&state->mutex);
    int64_t result = task_key_lookup(state, id, 0, 0, &ref);
    if (result == -EINVAL) /* a number that no key can have */
        result = -ENOKEY;
    if (!result) {
        /* A possessor may read, too. */
        if (key_permission(ref.key, ref.possessed, KEY_READ) && !ref.possessed)
            result = -EACCES;
        else
            result = copy_content(ref.key, &content);
        key_put(state, ref.key);
    }
    mutex_unlock(&state->mutex);
    if (result > 0 && buffer && (uint64_t)result <= bytes &&
        copy_to_user(buffer, content, (size_t)result))
        result = -EFAULT;
    kfree(content);
    return result;
}

static int64_t describe_key(struct key_state *state, int id, uint64_t buffer, uint64_t bytes,
                            bool security)
{
    struct key_ref ref;
    mutex_lock(&state->mutex);
    int64_t result = task_key_lookup(state, id, KEY_LOOKUP_PARTIAL, KEY_VIEW, &ref);
    mutex_unlock(&state->mutex);
    if (result)
        return result;
    if (!security)
        result = describe(&ref, buffer, bytes);
    else /* no security module: an empty text */
        result = buffer && bytes && copy_to_user(buffer, "", 1) ? -EFAULT : 1;
    mutex_lock(&state->mutex);
    key_put(state, ref.key);
    mutex_unlock(&state->mutex);
    return result;
}

/* ---- dispatch ---- */

typedef int64_t key_operation(struct key_state *state, struct key_ref *ref,
                              const struct keyctl_args *args);

/* Look a key up with these rights (or else those) and do something with it. */
static int64_t with_key(key_operation *operation, unsigned flags, unsigned rights,
                        unsigned other_rights, const struct keyctl_args *args)
{
    struct key_state *state = this_kernel()->keys;
    struct key_ref ref;
    mutex_lock(&state->mutex);
    int64_t result = task_key_lookup(state, (int)args->arg2, flags, rights, &ref);
    if (result == -EACCES && other_rights)
        result = task_key_lookup(state, (int)args->arg2, flags, other_rights, &ref);
    if (!result) {
        result = operation(state, &ref, args);
        key_put(state, ref.key);
    }
    mutex_unlock(&state->mutex);
    return result;
}

static int64_t update_key(struct keyctl_args *args)
{
    void *payload;
    int64_t result =
        args->arg4 > PAGE_SIZE ? -EINVAL : keyctl_copy_payload(args->arg3, args->arg4, &payload);
    if (result)
        return result;
    args->payload = payload;
    args->payload_bytes = args->arg4;
    result = with_key(update, 0, KEY_WRITE, 0, args);
    kfree(payload);
    return result;
}

static int64_t capabilities(uint64_t buffer, uint64_t bytes)
{
    const uint8_t known[2] = {KEYCTL_CAPS0_CAPABILITIES | KEYCTL_CAPS0_INVALIDATE |
                                  KEYCTL_CAPS0_RESTRICT_KEYRING | KEYCTL_CAPS0_MOVE,
                              0};
    if (buffer && bytes) {
        size_t copied = MIN(bytes, (uint64_t)sizeof(known));
        if (copy_to_user(buffer, known, copied) ||
            (bytes > copied && clear_user(buffer + copied, bytes - copied)))
            return -EFAULT;
    }
    return sizeof(known);
}

static int64_t operate_on_key(int operation, struct keyctl_args *args)
{
    struct key_state *state = this_kernel()->keys;
    switch (operation) {
    case KEYCTL_UPDATE:
        return update_key(args);
    case KEYCTL_REVOKE:
        return with_key(revoke, 0, KEY_WRITE, KEY_SETATTR, args);
    case KEYCTL_INVALIDATE:
        return with_key(invalidate, 0, KEY_SEARCH, 0, args);
    case KEYCTL_CHOWN:
        if ((uint32_t)args->arg3 == UINT32_MAX && (uint32_t)args->arg4 == UINT32_MAX)
            return 0;
        return with_key(change_owner, KEY_LOOKUP_PARTIAL | KEY_LOOKUP_CREATE, KEY_SETATTR, 0, args);
    case KEYCTL_SETPERM:
        if ((uint32_t)args->arg3 & 0xc0c0c0c0u)
            return -EINVAL;
        return with_key(set_rights, KEY_LOOKUP_PARTIAL | KEY_LOOKUP_CREATE, KEY_SETATTR, 0, args);
    case KEYCTL_SET_TIMEOUT:
        return with_key(set_timeout, KEY_LOOKUP_PARTIAL | KEY_LOOKUP_CREATE, KEY_SETATTR, 0, args);
    case KEYCTL_DESCRIBE:
        return describe_key(state, (int)args->arg2, args->arg3, (uint32_t)args->arg4, false);
    case KEYCTL_GET_SECURITY:
        return describe_key(state, (int)args->arg2, args->arg3, args->arg4, true);
    case KEYCTL_READ:
        return read_key(state, (int)args->arg2, args->arg3, args->arg4);
    case KEYCTL_INSTANTIATE: /* nobody is ever asked to */
    case KEYCTL_INSTANTIATE_IOV:
    case KEYCTL_NEGATE:
    case KEYCTL_REJECT:
        return -EPERM;
    case KEYCTL_ASSUME_AUTHORITY:
        return (int)args->arg2 == 0 ? 0 : (int)args->arg2 < 0 ? -EINVAL : -ENOKEY;
    case KEYCTL_CAPABILITIES:
        return capabilities(args->arg2, args->arg3);
    default:
        return keyctl_operate_on_ring(operation, args);
    }
}

int64_t sys_keyctl(int operation, uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
    struct keyctl_args args = {.arg2 = arg2, .arg3 = arg3, .arg4 = arg4, .arg5 = arg5};
    return operate_on_key(operation, &args);
}
