/* SPDX-License-Identifier: MIT
 *
 * getdents64(2) and getdents(2): directory entries, gathered in a kernel buffer and copied out in
 * pieces. The two differ in where the type stands.
 */
#include "kernel/abi/dirent.h"
#include "kernel/abi/errno.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/string.h"
#include "kernel/mm/uaccess.h"
#include "kernel/syscall/syscalls.h"

enum { STAGE_BYTES = 1024 };

struct dents {
    struct dir_context context;
    bool old_form;
    uint64_t uaddr; /* where the stage goes */
    size_t room;    /* left in the user's buffer, the stage not counted */
    size_t written;
    int error;
    size_t staged;
    uint64_t stage[STAGE_BYTES / 8];
};

static int flush(struct dents *dents)
{
    if (dents->staged && copy_to_user(dents->uaddr, dents->stage, dents->staged)) {
        dents->error = -EFAULT;
        return -EFAULT;
    }
    dents->uaddr += dents->staged;
    dents->written += dents->staged;
    dents->staged = 0;
    return 0;
}

static void put_new_form(char *at, const char *name, size_t length, uint64_t ino, unsigned type,
                         uint64_t next_pos, size_t bytes)
{
    struct linux_dirent64 *entry = (void *)at;
    entry->d_ino = ino;
    entry->d_off = (int64_t)next_pos;
    entry->d_reclen = (uint16_t)bytes;
    entry->d_type = (uint8_t)type;
    memcpy(entry->d_name, name, length);
    memset(entry->d_name + length, 0, bytes - offsetof(struct linux_dirent64, d_name) - length);
}

static void put_old_form(char *at, const char *name, size_t length, uint64_t ino, unsigned type,
                         uint64_t next_pos, size_t bytes)
{
    struct linux_dirent *entry = (void *)at;
    entry->d_ino = ino;
    entry->d_off = next_pos;
    entry->d_reclen = (uint16_t)bytes;
    memcpy(entry->d_name, name, length);
    memset(entry->d_name + length, 0, bytes - offsetof(struct linux_dirent, d_name) - length);
    at[bytes - 1] = (char)type;
}

static int emit(struct dir_context *context, const char *name, size_t length, uint64_t ino,
                unsigned type, uint64_t next_pos)
{
    struct dents *dents = container_of(context, struct dents, context);
    size_t bytes = dents->old_form
                       ? ALIGN_UP(offsetof(struct linux_dirent, d_name) + length + 2, 8)
                       : ALIGN_UP(offsetof(struct linux_dirent64, d_name) + length + 1, 8);
    if (bytes > dents->room) {
        dents->error = -EINVAL; /* if it is the first */
        return 1;
    }
    if (dents->staged + bytes > STAGE_BYTES && flush(dents))
        return 1;
    char *at = (char *)dents->stage + dents->staged;
    (dents->old_form ? put_old_form : put_new_form)(at, name, length, ino, type, next_pos, bytes);
    dents->staged += bytes;
    dents->room -= bytes;
    return 0;
}

static int64_t get(int fd, uint64_t entries, uint32_t count, bool old_form)
{
    struct fd_borrow file = fd_borrow(fd);
    if (!file.file)
        return -EBADF;
    struct dents dents;
    dents.context = (struct dir_context){.emit = emit};
    dents.old_form = old_form;
    dents.uaddr = entries;
    dents.room = (int32_t)count < 0 ? 0 : count;
    dents.written = dents.staged = 0;
    dents.error = 0;
    int64_t error = vfs_iterate(file.file, &dents.context);
    fd_release(file);
    if (error)
        return error;
    if (flush(&dents) || (dents.written == 0 && dents.error))
        return dents.error;
    return (int64_t)dents.written;
}

int64_t sys_getdents64(int fd, uint64_t entries, uint32_t count)
{
    return get(fd, entries, count, false);
}

int64_t sys_getdents(int fd, uint64_t entries, uint32_t count)
{
    return get(fd, entries, count, true);
}
