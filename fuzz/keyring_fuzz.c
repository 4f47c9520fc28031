/* SPDX-License-Identifier: MIT
 *
 * Keys and keyrings (kernel/proc/key*.c): any operation on keys that exist, with rights taken away,
 * links in circles and quotas that run out. A key of type "user" reads back what was last put into
 * it.
 */
#include "fuzz/steps.h"

#include <string.h>

#include "kernel/abi/keyctl.h"
#include "kernel/syscall/syscalls.h"

enum { KEYS = 1, BYTES_MAX = 64 };
static const char *const types[] = {"user", "keyring", "logon", "big_key", "asymmetric"};
static const char *const names[] = {"a", "b", "c:d", "", ".x", "long name of a key"};

/* A key that was made, or one of the names for keyrings of the process. */
static uint64_t some_key(struct fuzz_input *input)
{
    const uint8_t choice = fuzz_u8(input);

    return choice < 64 ? (uint64_t) - (int64_t)(choice % 9) : (uint64_t)fuzz_kept(KEYS, input);
}

/* The oracle: a key that is made and read at once. */
static void write_and_read(struct fuzz_input *input)
{
    uint8_t found[BYTES_MAX] = {0};
    const uint8_t *bytes;
    const uint64_t ring = some_key(input);
    const size_t count = fuzz_bytes(input, BYTES_MAX, &bytes);

    fuzz_put_user(FUZZ_USER_MEMORY, bytes, count);
    const int64_t key =
        FUZZ_CALL(SYS_add_key, fuzz_put_string(FUZZ_USER_MEMORY + 4096, "user"),
                  fuzz_put_string(FUZZ_USER_MEMORY + 8192, "a"), FUZZ_USER_MEMORY, count, ring);
    const int64_t got = FUZZ_CALL(SYS_keyctl, KEYCTL_READ, key, FUZZ_STEPS_ROOM, BYTES_MAX);
    if (key < 0 || got < 0)
        return;
    fuzz_get_user(found, FUZZ_STEPS_ROOM, sizeof found);
    if ((size_t)got != count || memcmp(found, bytes, count))
        fuzz_fail("a key of %zu bytes reads as %lld others", count, (long long)got);
    fuzz_bank(KEYS)[fuzz_u8(input) % FUZZ_SLOTS] = key;
}

#define TYPE FUZZ_WORD(types)
#define NAME FUZZ_WORD(names)
#define KEY FUZZ_MADE(some_key)
static const uint32_t reading[] = {KEYCTL_READ, KEYCTL_DESCRIBE, KEYCTL_GET_SECURITY};
static const uint32_t users[] = {0, 1000, UINT32_MAX};
static const struct fuzz_step steps[] = {
    {.run = write_and_read, .weight = 2},
    {FUZZ_STEP(SYS_add_key, TYPE, NAME, FUZZ_BYTES(BYTES_MAX), FUZZ_LENGTH, KEY), .keep = KEYS,
     .weight = 2},
    {FUZZ_STEP(SYS_add_key, TYPE, NAME, FUZZ_VALUE(0), FUZZ_VALUE(0), KEY), .keep = KEYS,
     .weight = 2},
    {FUZZ_STEP(SYS_request_key, TYPE, NAME, FUZZ_VALUE(0), KEY)},
    {FUZZ_STEP(SYS_setresuid, FUZZ_VALUE(-1), FUZZ_ONE_OF(users), FUZZ_VALUE(0))},
    {FUZZ_STEP(SYS_keyctl, FUZZ_VALUE(KEYCTL_JOIN_SESSION_KEYRING), NAME)},
    {FUZZ_STEP(SYS_keyctl, FUZZ_ONE_OF(reading), KEY, FUZZ_ROOM, FUZZ_BELOW(256)), .weight = 2},
    {FUZZ_STEP(SYS_keyctl, FUZZ_VALUE(KEYCTL_UPDATE), KEY, FUZZ_BYTES(BYTES_MAX), FUZZ_LENGTH)},
    {FUZZ_STEP(SYS_keyctl, FUZZ_VALUE(KEYCTL_SEARCH), KEY, TYPE, NAME, KEY)},
    {FUZZ_STEP(SYS_keyctl, FUZZ_VALUE(KEYCTL_SETPERM), KEY, FUZZ_BITS(0x3f3f3f3f))},
    {FUZZ_STEP(SYS_keyctl, FUZZ_BELOW(32), KEY, KEY, NAME, FUZZ_NUMBER), .weight = 3},
    {FUZZ_STEP(SYS_keyctl, FUZZ_BELOW(32), KEY, KEY, FUZZ_NUMBER, FUZZ_NUMBER)},
};

static const struct fuzz_table table = {.steps = steps, .count = ARRAY_SIZE(steps), .max = 48};
FUZZ_TABLE_TARGET(&table)
