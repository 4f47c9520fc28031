/* SPDX-License-Identifier: MIT
 *
 * The argument and environment strings of execve(2) while they are between two address spaces.
 *
 * They are copied once into growing kernel blocks, bounded by a quarter of RLIMIT_STACK (at least
 * 32 pages, at most 6 MiB) for strings, pointers and the program's name together, and each by
 * EXEC_STRING_MAX.
 */
#include "kernel/abi/errno.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/exec.h"

static size_t bytes_taken(const struct exec *exec)
{
    return exec->argv.used + exec->envp.used +
           (exec->argv.count + exec->envp.count) * sizeof(uint64_t);
}

/* Would one more string of this size (NUL included) be too much? */
static int check_room(const struct exec *exec, size_t bytes)
{
    return bytes > EXEC_STRING_MAX ||
                   bytes_taken(exec) + bytes + sizeof(uint64_t) > exec->limit_bytes
               ? -E2BIG
               : 0;
}

/* Memory for `more` bytes at the end of the block. */
static int reserve(struct exec_block *block, size_t more)
{
    enum { FIRST_CAPACITY = 1024 };
    if (block->capacity - block->used >= more)
        return 0;
    size_t capacity = MAX(block->capacity * 2, block->used + more);
    capacity = MAX(capacity, (size_t)FIRST_CAPACITY);
    char *bytes = krealloc(block->bytes, capacity);
    if (!bytes)
        return -ENOMEM;
    block->bytes = bytes;
    block->capacity = capacity;
    return 0;
}

int exec_block_add(struct exec *exec, struct exec_block *block, const char *string)
{
    size_t bytes = kstrlen(string) + 1;
    int error = check_room(exec, bytes);
    if (!error)
        error = reserve(block, bytes);
    if (error)
        return error;
    memcpy(block->bytes + block->used, string, bytes);
    block->used += bytes;
    block->count++;
    return 0;
}

int exec_block_prepend(struct exec *exec, struct exec_block *block, const char *string)
{
    size_t bytes = kstrlen(string) + 1;
    int error = check_room(exec, bytes);
    if (!error)
        error = reserve(block, bytes);
    if (error)
        return error;
    memmove(block->bytes + bytes, block->bytes, block->used);
    memcpy(block->bytes, string, bytes);
    block->used += bytes;
    block->count++;
    return 0;
}

void exec_block_drop_first(struct exec_block *block)
{
    if (block->count == 0)
        return;
    size_t bytes = kstrlen(block->bytes) + 1;
    block->used -= bytes;
    memmove(block->bytes, block->bytes + bytes, block->used);
    block->count--;
}

void exec_block_free(struct exec_block *block)
{
    kfree(block->bytes);
    *block = (struct exec_block){0};
}

/* One string of unknown length: tried with more and more room, up to the longest that may be. */
static int add_user_string(struct exec *exec, struct exec_block *block, uint64_t uaddr)
{
    enum { FIRST_ROOM = 256 };
    for (size_t room = FIRST_ROOM;; room = MIN(room * 4, (size_t)EXEC_STRING_MAX)) {
        int error = check_room(exec, 1);
        if (!error)
            error = reserve(block, room);
        if (error)
            return error;
        int64_t length = copy_string_from_user(block->bytes + block->used, uaddr, room);
        if (length >= 0) {
            error = check_room(exec, (size_t)length + 1);
            if (error)
                return error;
            block->used += (size_t)length + 1;
            block->count++;
            return 0;
        }
        if (length != -ENAMETOOLONG)
            return (int)length;
        if (room == EXEC_STRING_MAX)
            return -E2BIG;
    }
}

int exec_block_add_user(struct exec *exec, struct exec_block *block, uint64_t array)
{
    if (!array)
        return 0;
    for (uint64_t at = array;; at += sizeof(uint64_t)) {
        uint64_t string;
        int error = get_user_u64(&string, at);
        if (error || !string)
            return error;
        error = add_user_string(exec, block, string);
        if (error)
            return error;
    }
}
