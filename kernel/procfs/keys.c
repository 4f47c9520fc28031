/* SPDX-License-Identifier: MIT
 *
 * /proc/keys, /proc/key-users and /proc/sys/kernel/keys; keyrings(7), proc_keys(5),
 * proc_key-users(5).
 *
 * The cursor is one more than the last key's serial number. The mutex of the keys is held only
 * while one read's worth of lines is made.
 */
#include "kernel/abi/time.h"
#include "kernel/core/clock.h"
#include "kernel/lib/parse.h"
#include "kernel/proc/keyrings.h"
#include "kernel/procfs/proc_internal.h"
#include "kernel/procfs/seq_internal.h"
#include "kernel/procfs/sysctl_internal.h"
#include "kernel/security/user_namespace.h"

/* ---- /proc/keys ---- */

static bool may_view(struct key_state *state, const struct key *key)
{
    bool possessed = (key->rights & KEY_POS(KEY_VIEW)) && task_possesses_key(state, key);
    return key_permission(key, possessed, KEY_VIEW) == 0;
}

/* "perm", "expd", or what is left, in the largest unit that fits. */
static void put_expiry(const struct key *key, struct strbuf *out)
{
    static const struct {
        uint64_t seconds, below;
        char name;
    } units[] = {{1, 60, 's'},
                 {60, 3600, 'm'},
                 {3600, 86400, 'h'},
                 {86400, 604800, 'd'},
                 {604800, UINT64_MAX, 'w'}};
    uint64_t now_ns = clock_monotonic_ns();
    if (!key->expires_ns || now_ns >= key->expires_ns) {
        strbuf_puts(out, key->expires_ns ? "expd" : "perm");
        return;
    }
    uint64_t left_s = (key->expires_ns - now_ns) / NSEC_PER_SEC;
    unsigned unit = 0;
    while (left_s >= units[unit].below)
        unit++;
    char text[24];
    struct strbuf word;
    strbuf_init(&word, text, sizeof(text));
    strbuf_printf(&word, "%llu%c", (unsigned long long)(left_s / units[unit].seconds),
                  units[unit].name);
    strbuf_printf(out, "%4s", text);
}

static void put_key(const struct key *key, struct strbuf *out)
{
    strbuf_printf(out, "%08x I%c-%c--%c %5u ", (unsigned)key->serial, key->revoked ? 'R' : '-',
                  key->in_quota ? 'Q' : '-', key->invalidated ? 'i' : '-', key->refs);
    put_expiry(key, out);
    strbuf_printf(out, " %08x %5u %5u %-9s ", key->rights, current_uid_shown(key->uid),
                  current_gid_shown(key->gid), key_type_name(key->type));
    strbuf_puts(out, key->description[0] ? key->description : "[anon]");
    if (key->type != KEY_TYPE_KEYRING)
        strbuf_printf(out, ": %u", key->payload_bytes);
    else if (key->link_count)
        strbuf_printf(out, ": %u", key->link_count);
    else
        strbuf_puts(out, ": empty");
    strbuf_putc(out, '\n');
}

static int fill_keys(struct file *file, struct proc_seq *seq, uint64_t *cursor, struct strbuf *out)
{
    struct key_state *state = file->kernel->keys;
    struct key *key;
    uint64_t serial;
    int done = 1;
    (void)seq;
    mutex_lock(&state->mutex);
    xarray_for_each_from(&state->keys, serial, key, *cursor)
    {
        size_t start = out->length;
        if (may_view(state, key))
            put_key(key, out);
        if (!proc_seq_fits(out, start)) {
            done = 0;
            break;
        }
        *cursor = serial + 1;
    }
    mutex_unlock(&state->mutex);
    return done;
}

const struct proc_seq_ops proc_keys = {.fill = fill_keys};

/* ---- /proc/key-users ---- */

static int fill_users(struct file *file, struct proc_seq *seq, uint64_t *cursor, struct strbuf *out)
{
    struct key_state *state = file->kernel->keys;
    struct key_user *user;
    uint64_t place = 0;
    int done = 1;
    (void)seq;
    mutex_lock(&state->mutex);
    list_for_each_entry(user, &state->users, node)
    {
        size_t start = out->length;
        const struct key_limits *limits = &state->limits[user->uid == 0];
        if (place++ < *cursor)
            continue;
        strbuf_printf(out, "%5u: %5u %u/%u %u/%llu %u/%llu\n", current_uid_shown(user->uid),
                      user->keys + 1, user->keys, user->keys, user->keys,
                      (unsigned long long)atomic_load_relaxed(&limits->keys), user->bytes,
                      (unsigned long long)atomic_load_relaxed(&limits->bytes));
        if (!proc_seq_fits(out, start)) {
            done = 0;
            break;
        }
        *cursor = place;
    }
    mutex_unlock(&state->mutex);
    return done;
}

const struct proc_seq_ops proc_key_users = {.fill = fill_users};

/* ---- the limits ---- */

struct key_limit {
    struct text_file_ops text; /* must be first */
    bool root, bytes;
};

static uint64_t *limit_of(struct file *file)
{
    const struct key_limit *limit = file->inode->private;
    struct key_limits *limits = &file->kernel->keys->limits[limit->root];
    return limit->bytes ? &limits->bytes : &limits->keys;
}

static int show_limit(struct file *file, struct strbuf *out)
{
    strbuf_printf(out, "%llu\n", (unsigned long long)atomic_load_relaxed(limit_of(file)));
    return 0;
}

static int64_t write_limit(struct file *file, const char *text, size_t bytes)
{
    const char *cursor = kstr_skip_spaces(text);
    uint64_t value;
    if (kparse_u64(&cursor, 0, &value) || value > INT32_MAX)
        return -EINVAL;
    atomic_store_relaxed(limit_of(file), value);
    return (int64_t)bytes;
}

#define LIMIT(name_, root_, bytes_)                                                                \
    {                                                                                              \
        name_, S_IFREG | 0644, &proc_parameter_inode_ops, &text_file_operations,                   \
            &(const struct key_limit)                                                              \
        {                                                                                          \
            .text = {.show = show_limit, .write = write_limit}, .root = root_, .bytes = bytes_     \
        }                                                                                          \
    }

static const struct proc_entry key_entries[] = {
    LIMIT("maxbytes", false, true),
    LIMIT("maxkeys", false, false),
    LIMIT("root_maxbytes", true, true),
    LIMIT("root_maxkeys", true, false),
};
const struct proc_table proc_key_table = PROC_TABLE(key_entries, PROC_TABLE_SYS + 11);
