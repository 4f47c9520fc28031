/* SPDX-License-Identifier: MIT
 *
 * The argument and environment strings of execve(2) while they are between two address spaces.
 *
 * They are copied once into growing kernel blocks, bounded by a quarter of RLIMIT_STACK (at least
 * 32 pages, at most 6 MiB) for strings and pointers together, and each by EXEC_STRING_MAX.
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

/* Room for `more` bytes at the end of the block. */
static int reserve(struct exec *exec, struct exec_block *block, size_t more)
{
    enum { FIRST_CAPACITY = 1024 };
    if (bytes_taken(exec) + more + sizeof(uint64_t) > exec->limit_bytes)
        return -E2BIG;
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
    int error = bytes > EXEC_STRING_MAX ? -E2BIG : reserve(exec, block, bytes);
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
    int error = bytes > EXEC_STRING_MAX ? -E2BIG : reserve(exec, block, bytes);
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

/* One string of unknown length: copied in pieces that grow with the block. */
static int add_user_string(struct exec *exec, struct exec_block *block, uint64_t uaddr)
{
    size_t room = 256;
    for (;;) {
        int error = reserve(exec, block, room);
        if (error == -E2BIG && room > 256)
            room = 256; /* the string may still fit in what is left */
        if (error)
            return error;
        room = MIN(block->capacity - block->used, (size_t)EXEC_STRING_MAX);
        int64_t length = copy_string_from_user(block->bytes + block->used, uaddr, room);
        if (length >= 0) {
            block->used += (size_t)length + 1;
            block->count++;
            return bytes_taken(exec) > exec->limit_bytes ? -E2BIG : 0;
        }
        if (length != -ENAMETOOLONG)
            return (int)length;
        if (room == EXEC_STRING_MAX)
            return -E2BIG;
        room = MIN(room * 2, (size_t)EXEC_STRING_MAX);
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
