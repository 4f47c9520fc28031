/* SPDX-License-Identifier: MIT
 *
 * Keys and keyrings (kernel/proc/key*.c): any operation on keys that exist, with rights taken away,
 * links in circles and quotas that run out. A key of type "user" reads back what was last put into
 * it.
 */
#include "fuzz/inside.h"

#include <string.h>

#include "kernel/abi/errno.h"
#include "kernel/abi/keyctl.h"
#include "kernel/lib/compiler.h"
#include "kernel/syscall/syscalls.h"

#define TYPE FUZZ_USER_MEMORY
#define NAME (FUZZ_USER_MEMORY + 256)
#define DATA (FUZZ_USER_MEMORY + 4096)
#define ROOM (FUZZ_USER_MEMORY + 8192)
enum { STEPS_MAX = 48, KEYS = 8, BYTES_MAX = 64 };

static struct key {
    int32_t serial;
    size_t count; /* of payload; 0: not known */
    uint8_t payload[BYTES_MAX];
} keys[KEYS];

static int32_t some_key(struct fuzz_input *input)
{
    const uint8_t choice = fuzz_u8(input);

    return choice < 64 ? -(int32_t)(choice % 9) : keys[choice % KEYS].serial;
}

static void forget(int32_t serial)
{
    for (unsigned i = 0; i < KEYS; i++) {
        if (keys[i].serial == serial)
            keys[i].count = 0;
    }
}

static void add(struct fuzz_input *input)
{
    static const char *const types[] = {"user",  "user",    "keyring",
                                        "logon", "big_key", "asymmetric"};
    static const char *const names[] = {"a", "b", "c:d", "", ".x", "long name of a key"};
    const unsigned type = fuzz_u8(input) % ARRAY_SIZE(types);
    struct key *key = &keys[fuzz_u8(input) % KEYS];
    const uint8_t *bytes;

    fuzz_put_string(TYPE, types[type]);
    fuzz_put_string(NAME, names[fuzz_u8(input) % ARRAY_SIZE(names)]);
    const int32_t ring = some_key(input);
    const size_t count = fuzz_bytes(input, BYTES_MAX, &bytes);
    fuzz_put_user(DATA, bytes, count);
    const int64_t made = FUZZ_CALL(SYS_add_key, TYPE, NAME, type == 2 ? 0 : DATA,
                                   type == 2 ? 0 : count, (int64_t)ring);
    if (made < 0)
        return;
    forget((int32_t)made); /* the same key may be known by another place, and is updated */
    key->serial = (int32_t)made;
    key->count = type < 2 ? count : 0;
    memcpy(key->payload, bytes, count);
}

static void read_back(const struct key *key)
{
    uint8_t found[BYTES_MAX] = {0};
    const int64_t got = FUZZ_CALL(SYS_keyctl, KEYCTL_READ, (int64_t)key->serial, ROOM, BYTES_MAX);

    if (got < 0 || key->count == 0)
        return;
    fuzz_get_user(found, ROOM, sizeof found);
    if ((size_t)got != key->count || memcmp(found, key->payload, key->count))
        fuzz_fail("a key of %zu bytes reads as %lld others", key->count, (long long)got);
}

static void operate(struct fuzz_input *input)
{
    const uint8_t operation = fuzz_u8(input) % 32;
    const int32_t one = some_key(input), two = some_key(input);
    uint64_t third = fuzz_u8(input) % 2 ? fuzz_u32(input) : NAME, fourth = fuzz_u8(input);

    if (operation == KEYCTL_JOIN_SESSION_KEYRING) {
        FUZZ_CALL(SYS_keyctl, operation, fuzz_u8(input) % 2 ? NAME : 0);
        return;
    }
    if (operation == KEYCTL_UPDATE || operation == KEYCTL_INSTANTIATE)
        forget(one);
    if (operation == KEYCTL_READ || operation == KEYCTL_DESCRIBE ||
        operation == KEYCTL_GET_SECURITY)
        FUZZ_CALL(SYS_keyctl, operation, (int64_t)one, ROOM, fourth);
    else if (operation == KEYCTL_UPDATE)
        FUZZ_CALL(SYS_keyctl, operation, (int64_t)one, DATA, fourth % BYTES_MAX);
    else if (operation == KEYCTL_SEARCH)
        FUZZ_CALL(SYS_keyctl, operation, (int64_t)one, TYPE, NAME, (int64_t)two);
    else
        FUZZ_CALL(SYS_keyctl, operation, (int64_t)one, (int64_t)two, third, fourth);
}

static void body(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {.data = data, .size = size};

    memset(keys, 0, sizeof keys);
    for (unsigned i = 0; i < STEPS_MAX && input.size > 0; i++) {
        const uint8_t kind = fuzz_u8(&input) % 16;
        if (kind < 5)
            add(&input);
        else if (kind == 5)
            FUZZ_CALL(SYS_setresuid, -1, fuzz_u8(&input) % 2 ? 1000 : 0, 0);
        else if (kind == 6)
            FUZZ_CALL(SYS_request_key, TYPE, NAME, 0, (int64_t)some_key(&input));
        else if (kind < 9)
            read_back(&keys[fuzz_u8(&input) % KEYS]);
        else
            operate(&input);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_inside(body, data, size);
    return 0;
}
