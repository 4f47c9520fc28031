/* SPDX-License-Identifier: MIT
 *
 * Keys and keyrings, keyrings(7).
 *
 * One mutex of the machine guards every key, link and quota; all calls here are made with it held,
 * unless they say otherwise. A key lives as long as something refers to it: a link, a thread, a
 * user. Expired and revoked keys stay until their links go; invalidated ones are unlinked at once.
 */
#ifndef KERNEL_SECURITY_KEY_H
#define KERNEL_SECURITY_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/abi/keyctl.h"
#include "kernel/lib/list.h"
#include "kernel/lib/xarray.h"
#include "kernel/sched/mutex.h"

enum {
    KEY_TYPE_BYTES_MAX = 32,
    KEY_DESCRIPTION_BYTES_MAX = 4096,
    KEY_PAYLOAD_BYTES_MAX = 32767,
    KEYRING_DEPTH_MAX = 6,
    KEYRING_LINKS_MAX = 65535,
};

enum key_type { KEY_TYPE_KEYRING, KEY_TYPE_USER, KEY_TYPE_LOGON, KEY_TYPES };

struct key {
    uint32_t refs;
    int32_t serial;
    enum key_type type;
    uint32_t uid, gid;
    uint32_t rights;
    char *description;
    uint64_t expires_ns; /* monotonic; 0: never */
    bool revoked, invalidated;
    bool restricted;      /* keyrings: takes no more links */
    uint32_t quota_bytes; /* charged to uid; 0 with in_quota false */
    bool in_quota;
    struct key_user *user;
    void *payload;
    uint32_t payload_bytes;
    struct key **links; /* keyrings: referenced */
    uint32_t link_count, link_capacity;
};

/* What the keys of one user sum up to, and his keyrings. */
struct key_user {
    struct list_node node;
    uint32_t uid;
    uint32_t keys, bytes;                  /* in quota */
    struct key *keyring, *session_keyring; /* _uid, _uid_ses; NULL until asked for */
};

/* Of one user: /proc/sys/kernel/keys. Atomic. */
struct key_limits {
    uint64_t keys, bytes;
};

struct key_state {
    struct mutex mutex;
    struct key_limits limits[2]; /* of most users; of root */
    struct xarray keys;          /* serial -> struct key */
    struct list users;
};

int keys_init(struct kernel *kernel);

/* A key with one reference, in nothing. Quota is that of uid unless `free_of_quota`. -ENOMEM,
 * -EDQUOT. */
int key_create(struct key_state *state, enum key_type type, const char *description, uint32_t uid,
               uint32_t gid, uint32_t rights, bool free_of_quota, struct key **out);
struct key *key_get(struct key *key);
void key_put(struct key_state *state, struct key *key);        /* NULL is fine */
struct key *key_find(struct key_state *state, int32_t serial); /* not referenced */

/* "keyring" …: -ENODEV for unknown ones. */
int key_type_find(const char *name, enum key_type *out);
const char *key_type_name(enum key_type type);

/* Replace the payload of a user or logon key. -EDQUOT, -ENOMEM. */
int key_set_payload(struct key *key, const void *bytes, size_t count);
void key_revoke(struct key_state *state, struct key *key);
void key_invalidate(struct key_state *state, struct key *key);
int key_change_owner(struct key_state *state, struct key *key, uint32_t uid, uint32_t gid);

/* -ENOKEY (invalidated), -EKEYREVOKED, -EKEYEXPIRED or 0. */
int key_validate(const struct key *key);
/* May the current credentials do this with the key, possessed or not? 0 or -EACCES. */
int key_permission(const struct key *key, bool possessed, unsigned rights);

/* ---- keyring.c ---- */

int keyring_create(struct key_state *state, const char *description, uint32_t rights,
                   struct key **out);
/* Link a key; one of the same type and description is replaced. -ENOTDIR, -EDEADLK, -ELOOP,
 * -ENFILE, -EPERM (restricted), -EKEYREVOKED, -EDQUOT, -ENOMEM. */
int keyring_link(struct key_state *state, struct key *ring, struct key *key);
int keyring_unlink(struct key_state *state, struct key *ring, struct key *key); /* -ENOENT */
void keyring_clear(struct key_state *state, struct key *ring);
struct key *keyring_find_direct(struct key *ring, enum key_type type, const char *description);
/* Below the ring (itself excluded), where the caller may search: a key that matches. 0, -ENOKEY, or
 * what is wrong with the only matches. */
int keyring_search(struct key *ring, bool possessed, enum key_type type, const char *description,
                   struct key **out);
/* Is the key in the ring or below it, on a way that a possessor may search? */
bool keyring_holds(struct key *ring, const struct key *key);

/* The keyrings of a user. */
int key_user_keyrings(struct key_state *state, uint32_t uid, struct key **out_user,
                      struct key **out_session);

#endif
