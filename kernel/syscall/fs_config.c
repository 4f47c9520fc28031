/* SPDX-License-Identifier: MIT
 *
 * Mounting in steps: fsopen(2), fsconfig(2), fsmount(2), fspick(2).
 *
 * A descriptor gathers parameters as the option text of mount(2), creates a superblock from them
 * and hands out mounts of it; or it changes an existing superblock (fspick). Its mutex orders the
 * steps.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/mount.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/mount.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/sched/mutex.h"
#include "kernel/security/cred.h"
#include "kernel/syscall/at_path.h"
#include "kernel/syscall/mount_attributes.h"
#include "kernel/syscall/syscalls.h"

enum { KEY_MAX = 256, VALUE_MAX = 256, BINARY_MAX = 1 << 20 };

enum phase { PHASE_PARAMETERS, PHASE_CREATED, PHASE_CHANGES, PHASE_USED, PHASE_FAILED };

struct fs_config {
    struct mutex mutex; /* LOCK_RANK_SOCKET_SETUP: mounting walks paths */
    enum phase phase;
    const struct filesystem *type;
    struct superblock *sb;       /* referenced; NULL before it is created */
    unsigned flags, flags_given; /* MS_* and which of them were named */
    char source[64];
    char options[PAGE_SIZE]; /* key=value,… */
};

/* ---- the descriptor ---- */

static void config_release(struct file *file)
{
    struct fs_config *config = file->private;
    if (config->sb)
        superblock_put(config->sb);
    kfree(config);
}

/* Messages of the file system; there are none. */
static int64_t config_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    (void)file;
    (void)uio;
    (void)pos;
    return -ENODATA;
}

static const struct file_ops config_file_ops = {.read = config_read, .release = config_release};

static int64_t open_config(const struct filesystem *type, struct superblock *sb, bool cloexec)
{
    struct fs_config *config = kzalloc(sizeof(*config));
    struct file *file;
    if (!config)
        return -ENOMEM;
    mutex_init(&config->mutex, LOCK_RANK_SOCKET_SETUP);
    config->type = type;
    config->phase = sb ? PHASE_CHANGES : PHASE_PARAMETERS;
    int error =
        file_create_anon(this_kernel(), "fscontext", &config_file_ops, config, O_RDWR, 0, &file);
    if (error) {
        kfree(config);
        return error;
    }
    if (sb)
        config->sb = superblock_get(sb);
    return fd_add(file, cloexec);
}

int64_t sys_fsopen(uint64_t name, uint32_t flags)
{
    char *text;
    if (!may_mount())
        return -EPERM;
    if (flags & ~(uint32_t)FSOPEN_CLOEXEC)
        return -EINVAL;
    text = kmalloc(PAGE_SIZE);
    if (!text)
        return -ENOMEM;
    int64_t length = copy_string_from_user(text, name, PAGE_SIZE);
    const struct filesystem *type =
        length >= 0 ? vfs_find_filesystem(this_kernel(), text) : NULL;
    kfree(text);
    if (length < 0)
        return length == -ENAMETOOLONG ? -EINVAL : length;
    return type ? open_config(type, NULL, flags & FSOPEN_CLOEXEC) : -ENODEV;
}

int64_t sys_fspick(int dir, uint64_t name, uint32_t flags)
{
    const uint32_t known =
        FSPICK_CLOEXEC | FSPICK_SYMLINK_NOFOLLOW | FSPICK_NO_AUTOMOUNT | FSPICK_EMPTY_PATH;
    struct path path;
    if (!may_mount())
        return -EPERM;
    if (flags & ~known)
        return -EINVAL;
    int64_t result = path_walk_at(dir, name,
                                  (flags & FSPICK_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) |
                                      (flags & FSPICK_EMPTY_PATH ? WALK_EMPTY : 0),
                                  &path);
    if (result)
        return result;
    struct superblock *sb = path.mount->sb;
    result = path.dentry == path.mount->root ? open_config(sb->type, sb, flags & FSPICK_CLOEXEC)
                                             : -EINVAL;
    path_put(&path);
    return result;
}

/* ---- fsconfig(2) ---- */

/* Which arguments a command takes. */
static int check_arguments(uint32_t command, uint64_t key, uint64_t value, int aux)
{
    switch (command) {
    case FSCONFIG_SET_FLAG:
        return !key || value || aux ? -EINVAL : 0;
    case FSCONFIG_SET_STRING:
        return !key || !value || aux ? -EINVAL : 0;
    case FSCONFIG_SET_BINARY:
        return !key || !value || aux <= 0 || aux > BINARY_MAX ? -EINVAL : 0;
    case FSCONFIG_SET_PATH:
    case FSCONFIG_SET_PATH_EMPTY:
        return !key || !value || (aux != AT_FDCWD && aux < 0) ? -EINVAL : 0;
    case FSCONFIG_SET_FD:
        return !key || value || aux < 0 ? -EINVAL : 0;
    case FSCONFIG_CMD_CREATE:
    case FSCONFIG_CMD_RECONFIGURE:
        return key || value || aux ? -EINVAL : 0;
    default:
        return -EOPNOTSUPP;
    }
}

/* Flags of the superblock that have names of their own. */
static bool set_sb_flag(struct fs_config *config, const char *key)
{
    static const struct {
        const char *name;
        unsigned flag;
        bool on;
    } names[] = {{"ro", MS_RDONLY, true},
                 {"rw", MS_RDONLY, false},
                 {"sync", MS_SYNCHRONOUS, true},
                 {"async", MS_SYNCHRONOUS, false},
                 {"dirsync", MS_DIRSYNC, true},
                 {"lazytime", MS_LAZYTIME, true},
                 {"nolazytime", MS_LAZYTIME, false},
                 {"mand", MS_MANDLOCK, true},
                 {"nomand", MS_MANDLOCK, false}};
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (!kstr_equal(key, names[i].name))
            continue;
        config->flags = (config->flags & ~names[i].flag) | (names[i].on ? names[i].flag : 0);
        config->flags_given |= names[i].flag;
        return true;
    }
    return false;
}

static int add_option(struct fs_config *config, const char *key, const char *value)
{
    size_t used = kstrlen(config->options);
    size_t needed = kstrlen(key) + (value ? kstrlen(value) + 1 : 0) + 2;
    if (kstrchr(key, ',') || kstrchr(key, '=') || (value && kstrchr(value, ',')))
        return -EINVAL;
    if (used + needed > sizeof(config->options))
        return -EINVAL;
    if (used)
        config->options[used++] = ',';
    kstrlcpy(config->options + used, key, sizeof(config->options) - used);
    if (value) {
        used += kstrlen(key);
        config->options[used++] = '=';
        kstrlcpy(config->options + used, value, sizeof(config->options) - used);
    }
    return 0;
}

/* Does the file system know the option? Found out by trying, as long as nothing else is wrong. */
static int try_options(struct fs_config *config, const char *option)
{
    struct superblock *sb;
    if (config->type->magic != TMPFS_MAGIC || config->phase != PHASE_PARAMETERS)
        return 0;
    int error = config->type->mount(this_kernel(), config->type, NULL, 0, option, &sb);
    if (!error)
        superblock_put(sb);
    return error == -EINVAL ? -EINVAL : 0;
}

static int set_parameter(struct fs_config *config, uint32_t command, const char *key,
                         const char *value)
{
    if (config->phase != PHASE_PARAMETERS && config->phase != PHASE_CHANGES)
        return -EBUSY;
    if (!key[0])
        return -EINVAL;
    if (command != FSCONFIG_SET_FLAG && command != FSCONFIG_SET_STRING)
        return -EINVAL; /* no file system here has such parameters */
    if (command == FSCONFIG_SET_FLAG && set_sb_flag(config, key))
        return 0;
    if (command == FSCONFIG_SET_STRING && kstr_equal(key, "source")) {
        if (config->source[0])
            return -EINVAL;
        kstrlcpy(config->source, value, sizeof(config->source));
        return 0;
    }
    size_t before = kstrlen(config->options);
    int error = add_option(config, key, value);
    if (!error)
        error = try_options(config, config->options + before + (before ? 1 : 0));
    if (error)
        config->options[before] = '\0';
    return error;
}

static int create_superblock(struct fs_config *config)
{
    if (config->phase != PHASE_PARAMETERS)
        return -EBUSY;
    if (!filesystem_may_mount(config->type))
        return -EPERM;
    int error = config->type->mount(this_kernel(), config->type, config->source, config->flags,
                                    config->options, &config->sb);
    config->phase = error ? PHASE_FAILED : PHASE_CREATED;
    if (error) {
        config->sb = NULL;
        return error;
    }
    bool fresh = !config->sb->source[0];
    if (fresh)
        kstrlcpy(config->sb->source, config->source[0] ? config->source : "none",
                 sizeof(config->sb->source));
    if (fresh || capable(CAP_SYS_ADMIN))
        atomic_fetch_or_relaxed(&config->sb->flags, config->flags);
    return 0;
}

static int change_superblock(struct fs_config *config)
{
    if (config->phase != PHASE_CHANGES)
        return -EBUSY;
    if (!capable(CAP_SYS_ADMIN)) {
        config->phase = PHASE_FAILED;
        return -EPERM;
    }
    unsigned old = atomic_load_relaxed(&config->sb->flags);
    unsigned flags = (old & ~config->flags_given) | config->flags;
    int error = superblock_remount(config->sb, flags, config->options);
    if (error)
        config->phase = PHASE_FAILED;
    config->options[0] = '\0';
    config->flags = config->flags_given = 0;
    return error;
}

/* A value that no file system here takes; but it must be there. */
static int probe_value(uint32_t command, uint64_t value, int bytes)
{
    struct user_path path;
    char part[64];
    if (command == FSCONFIG_SET_PATH || command == FSCONFIG_SET_PATH_EMPTY) {
        int error = user_path_get(&path, value, command == FSCONFIG_SET_PATH_EMPTY);
        if (!error)
            user_path_put(&path);
        return error;
    }
    for (int done = 0; command == FSCONFIG_SET_BINARY && done < bytes; done += sizeof(part)) {
        if (copy_from_user(part, value + (unsigned)done, MIN(sizeof(part), (size_t)(bytes - done))))
            return -EFAULT;
    }
    return 0;
}

static int copy_texts(uint32_t command, uint64_t key, uint64_t value, int aux, char *out_key,
                      char *out_value)
{
    out_key[0] = out_value[0] = '\0';
    int64_t length = key ? copy_string_from_user(out_key, key, KEY_MAX) : 0;
    if (length >= 0 && command == FSCONFIG_SET_STRING)
        length = copy_string_from_user(out_value, value, VALUE_MAX);
    if (length >= 0)
        return probe_value(command, value, aux);
    return length == -ENAMETOOLONG ? -EINVAL : (int)length;
}

int64_t sys_fsconfig(int fd, uint32_t command, uint64_t key, uint64_t value, int aux)
{
    char key_text[KEY_MAX], value_text[VALUE_MAX];
    if (fd < 0)
        return -EINVAL;
    int error = check_arguments(command, key, value, aux);
    if (error)
        return error;
    struct file *file = fd_get(fd);
    if (!file)
        return -EBADF;
    struct fs_config *config = file->private;
    error = file->ops == &config_file_ops ? copy_texts(command, key, value, aux, key_text, value_text)
                                          : -EINVAL;
    if (!error) {
        mutex_lock(&config->mutex);
        if (command == FSCONFIG_CMD_CREATE)
            error = create_superblock(config);
        else if (command == FSCONFIG_CMD_RECONFIGURE)
            error = change_superblock(config);
        else
            error = set_parameter(config, command, key_text,
                                  command == FSCONFIG_SET_STRING ? value_text : NULL);
        mutex_unlock(&config->mutex);
    }
    file_put(file);
    return error;
}

/* ---- fsmount(2) ---- */

static int make_mount(struct fs_config *config, unsigned flags, struct file **out)
{
    struct path path;
    if (!config->sb)
        return -EINVAL;
    if (config->phase != PHASE_CREATED)
        return -EBUSY;
    int error = mount_new_detached(config->sb, flags, &path);
    if (error)
        return error;
    error = mount_open_detached(&path, out);
    if (error)
        mount_dissolve(&path);
    else
        config->phase = PHASE_USED;
    path_put(&path);
    return error;
}

int64_t sys_fsmount(int fd, uint32_t flags, uint32_t attributes)
{
    unsigned mount_flags;
    struct file *mount;
    if (!may_mount())
        return -EPERM;
    if ((flags & ~(uint32_t)FSMOUNT_CLOEXEC) ||
        (attributes & ~(uint32_t)(MOUNT_ATTR_PLAIN | MOUNT_ATTR__ATIME)) ||
        mount_attributes_to_flags(attributes, &mount_flags))
        return -EINVAL;
    struct file *file = fd_get(fd);
    if (!file)
        return -EBADF;
    struct fs_config *config = file->private;
    int error = -EINVAL;
    if (file->ops == &config_file_ops) {
        mutex_lock(&config->mutex);
        error = make_mount(config, mount_flags, &mount);
        mutex_unlock(&config->mutex);
    }
    file_put(file);
    return error ? error : fd_add(mount, flags & FSMOUNT_CLOEXEC);
}
