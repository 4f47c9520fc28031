/* SPDX-License-Identifier: MIT
 *
 * Memory policies and moving pages between nodes, numa(7): set_mempolicy(2), get_mempolicy(2),
 * mbind(2), migrate_pages(2), move_pages(2), set_mempolicy_home_node(2).
 *
 * The machine has one node, 0: policies are checked, remembered and reported, and change nothing.
 * Of a mapping's policy only what is in effect is remembered, not other nodes that were named.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/mempolicy.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/compiler.h"
#include "kernel/mm/mm.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/task.h"
#include "kernel/security/cred.h"
#include "kernel/syscall/remote.h"
#include "kernel/syscall/syscalls.h"

enum { NODES_MAX = 1024, MASK_BITS_MAX = PAGE_SIZE * 8, NODE_ONLINE = 0 };
#define NODES_ALL 1ull /* those that there are */

/* ---- node masks ---- */

/* The nodes below 64 of a user's mask of maxnode - 1 bits; higher ones below NODES_MAX exist
 * nowhere, and beyond they are an error. *out_any: some bit was set. */
static int get_nodes(uint64_t uaddr, uint64_t maxnode, uint64_t *out, bool *out_any)
{
    *out = 0;
    *out_any = false;
    maxnode--;
    if (maxnode == 0 || !uaddr)
        return 0;
    if (maxnode > MASK_BITS_MAX)
        return -EINVAL;
    for (uint64_t bit = 0; bit < maxnode; bit += 64) {
        uint64_t word;
        if (get_user_u64(&word, uaddr + bit / 8))
            return -EFAULT;
        if (maxnode - bit < 64)
            word &= BIT(maxnode - bit) - 1;
        if (bit >= NODES_MAX && word)
            return -EINVAL;
        if (bit == 0)
            *out = word;
        *out_any |= word != 0;
    }
    return 0;
}

static int put_nodes(uint64_t uaddr, uint64_t maxnode, uint64_t nodes)
{
    uint64_t bytes = ALIGN_UP(maxnode - 1, (uint64_t)64) / 8;
    if (bytes > NODES_MAX / 8) {
        if (bytes > PAGE_SIZE)
            return -EINVAL;
        if (clear_user(uaddr + NODES_MAX / 8, bytes - NODES_MAX / 8))
            return -EFAULT;
        bytes = NODES_MAX / 8;
    }
    if (bytes == 0)
        return 0;
    if (put_user_u64(uaddr, nodes))
        return -EFAULT;
    return bytes > sizeof(nodes) ? clear_user(uaddr + sizeof(nodes), bytes - sizeof(nodes)) : 0;
}

/* ---- policies ---- */

/* mode with its flags and nodes as a policy. 0 or -EINVAL. */
static int make_policy(int mode_and_flags, uint64_t nodes, bool any, uint16_t *out)
{
    unsigned flags = (unsigned)mode_and_flags & MPOL_MODE_FLAGS;
    unsigned mode = (unsigned)mode_and_flags & ~(unsigned)MPOL_MODE_FLAGS;
    unsigned placement = flags & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES);
    if (mode >= MPOL_MAX || placement == (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES))
        return -EINVAL;
    if ((flags & MPOL_F_NUMA_BALANCING) && mode != MPOL_BIND)
        return -EINVAL;
    *out = 0;
    if (mode == MPOL_DEFAULT)
        return any ? -EINVAL : 0;
    if (mode == MPOL_PREFERRED && !any) {
        if (placement)
            return -EINVAL;
        mode = MPOL_LOCAL;
    } else if (mode == MPOL_LOCAL) {
        if (any || placement)
            return -EINVAL;
    } else if (!any) {
        return -EINVAL;
    }
    /* Relative nodes count among those that there are, so any will do. */
    if (any && !(placement & MPOL_F_RELATIVE_NODES) && !(nodes & NODES_ALL))
        return -EINVAL;
    *out = (uint16_t)(mode | flags);
    return 0;
}

static unsigned mode_of(uint16_t policy)
{
    return policy & ~(unsigned)MPOL_MODE_FLAGS;
}

/* The nodes that a policy means. */
static uint64_t nodes_of(uint16_t policy)
{
    unsigned mode = mode_of(policy);
    return mode == MPOL_DEFAULT || mode == MPOL_LOCAL ? 0 : NODES_ALL;
}

int64_t sys_set_mempolicy(int mode, uint64_t nodes_uaddr, uint64_t maxnode)
{
    struct task *task = current_task();
    uint64_t nodes;
    uint16_t policy;
    bool any;
    if (((unsigned)mode & ~(unsigned)MPOL_MODE_FLAGS) >= MPOL_MAX)
        return -EINVAL;
    int error = get_nodes(nodes_uaddr, maxnode, &nodes, &any);
    if (!error)
        error = make_policy(mode, nodes, any, &policy);
    if (error)
        return error;
    task->memory_policy = policy;
    task->memory_nodes = nodes;
    return 0;
}

/* What get_mempolicy answers: the number for *policy and the nodes. */
static int find_policy(uint64_t addr, uint64_t flags, uint32_t *out, uint64_t *out_nodes)
{
    const struct task *task = current_task();
    uint16_t policy = task->memory_policy;
    if (flags & ~(uint64_t)(MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED))
        return -EINVAL;
    if (flags & MPOL_F_MEMS_ALLOWED) {
        *out = 0;
        *out_nodes = NODES_ALL;
        return flags & (MPOL_F_NODE | MPOL_F_ADDR) ? -EINVAL : 0;
    }
    bool own = !(flags & MPOL_F_ADDR);
    if (own && addr)
        return -EINVAL;
    int error = own ? 0 : mm_policy_at(task->thread.mm, addr, &policy);
    if (error)
        return error;
    if (flags & MPOL_F_NODE) {
        if (own && mode_of(policy) != MPOL_INTERLEAVE)
            return -EINVAL;
        *out = NODE_ONLINE;
        if (!own)
            mm_populate(task->thread.mm, ALIGN_DOWN(addr, (uint64_t)PAGE_SIZE), PAGE_SIZE);
    } else {
        *out = policy;
    }
    bool user_nodes = policy & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES);
    *out_nodes = own && user_nodes ? task->memory_nodes : nodes_of(policy);
    return 0;
}

int64_t sys_get_mempolicy(uint64_t mode, uint64_t nodes_uaddr, uint64_t maxnode, uint64_t addr,
                          uint64_t flags)
{
    uint32_t policy;
    uint64_t nodes;
    if (nodes_uaddr && maxnode < 1) /* one node */
        return -EINVAL;
    int error = find_policy(addr, flags, &policy, &nodes);
    if (!error && mode)
        error = put_user_u32(mode, policy);
    if (!error && nodes_uaddr)
        error = put_nodes(nodes_uaddr, maxnode, nodes);
    return error;
}

int64_t sys_mbind(uint64_t addr, uint64_t length, int mode, uint64_t nodes_uaddr, uint64_t maxnode,
                  uint32_t flags)
{
    uint64_t nodes, end;
    uint16_t policy;
    bool any;
    if (((unsigned)mode & ~(unsigned)MPOL_MODE_FLAGS) >= MPOL_MAX)
        return -EINVAL;
    int error = get_nodes(nodes_uaddr, maxnode, &nodes, &any);
    if (error)
        return error;
    if (flags & ~(uint32_t)(MPOL_MF_STRICT | MPOL_MF_MOVE | MPOL_MF_MOVE_ALL))
        return -EINVAL;
    if ((flags & MPOL_MF_MOVE_ALL) && !capable(CAP_SYS_NICE))
        return -EPERM;
    length = ALIGN_UP(length, (uint64_t)PAGE_SIZE);
    if (!IS_ALIGNED(addr, (uint64_t)PAGE_SIZE) || add_overflows(addr, length, &end))
        return -EINVAL;
    if (end == addr)
        return 0;
    error = make_policy(mode, nodes, any, &policy);
    return error ? error : mm_set_policy(current_task()->thread.mm, addr, end, policy);
}

static bool has_home(uint16_t policy)
{
    return mode_of(policy) == MPOL_BIND || mode_of(policy) == MPOL_PREFERRED_MANY;
}

int64_t sys_set_mempolicy_home_node(uint64_t addr, uint64_t length, uint64_t node, uint64_t flags)
{
    uint64_t end;
    if (!IS_ALIGNED(addr, (uint64_t)PAGE_SIZE) || flags || node != NODE_ONLINE)
        return -EINVAL;
    length = ALIGN_UP(length, (uint64_t)PAGE_SIZE);
    if (add_overflows(addr, length, &end))
        return -EINVAL;
    return end == addr ? 0 : mm_check_policies(current_task()->thread.mm, addr, end, has_home);
}

/* ---- moving ---- */

int64_t sys_migrate_pages(int pid, uint64_t maxnode, uint64_t old_uaddr, uint64_t new_uaddr)
{
    uint64_t old, new;
    bool any_old, any_new;
    int error = get_nodes(old_uaddr, maxnode, &old, &any_old);
    if (!error)
        error = get_nodes(new_uaddr, maxnode, &new, &any_new);
    if (error)
        return error;
    struct mm *mm;
    error = remote_mm_by_pid(pid, &mm);
    if (error)
        return error;
    mm_put(mm);
    if (!(new &NODES_ALL))
        return (any_new && !capable(CAP_SYS_NICE)) ? -EPERM : -EINVAL;
    return 0; /* everything is where it can be */
}

static int64_t page_status(struct mm *mm, uint64_t pages, uint64_t count, uint64_t status)
{
    enum { BATCH = 16 }; /* all addresses of a batch are read before any answer is written */
    uint64_t batch[BATCH];
    int32_t answers[BATCH];
    for (uint64_t done = 0, part; done < count; done += part) {
        part = MIN(count - done, (uint64_t)BATCH);
        if (copy_from_user(batch, pages + done * 8, part * 8))
            return -EFAULT;
        for (uint64_t i = 0; i < part; i++) {
            int error = mm_page_present(mm, batch[i]);
            answers[i] = error ? error : NODE_ONLINE;
        }
        if (copy_to_user(status + done * 4, answers, part * 4))
            return -EFAULT;
    }
    return 0;
}

static int64_t check_targets(uint64_t pages, uint64_t nodes, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t page;
        uint32_t node;
        if (get_user_u64(&page, pages + i * 8) || get_user_u32(&node, nodes + i * 4))
            return -EFAULT;
        if (node != NODE_ONLINE)
            return -ENODEV;
    }
    return 0;
}

int64_t sys_move_pages(int pid, uint64_t count, uint64_t pages, uint64_t nodes, uint64_t status,
                       int flags)
{
    struct mm *mm;
    if (flags & ~(MPOL_MF_MOVE | MPOL_MF_MOVE_ALL))
        return -EINVAL;
    if ((flags & MPOL_MF_MOVE_ALL) && !capable(CAP_SYS_NICE))
        return -EPERM;
    int64_t result = remote_mm_by_pid(pid, &mm);
    if (result)
        return result;
    if (nodes)
        result = check_targets(pages, nodes, count);
    if (!result)
        result = page_status(mm, pages, count, status);
    mm_put(mm);
    return result;
}
