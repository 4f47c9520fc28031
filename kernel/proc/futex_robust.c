/* SPDX-License-Identifier: MIT
 *
 * What a dying task leaves behind in its memory: robust futexes get FUTEX_OWNER_DIED and a waiter is
 * woken (get_robust_list(2)), the clear_child_tid word is zeroed and woken (set_tid_address(2)).
 *
 * The list is the program's: every pointer in it may be wrong, and it may be endless. The walk ends
 * at the first bad address or after ROBUST_LIST_LIMIT entries.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/futex.h"
#include "kernel/lib/atomic.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/futex_internal.h"
#include "kernel/proc/process_internal.h"

/* The dying owner's word. `pi`: a waiter is given the futex by futex_pi.c instead of woken. */
static int release_word(const struct task *task, uint64_t uaddr, bool pi, bool pending)
{
    uint32_t value, seen;

    if (uaddr % sizeof(value) || get_user_u32(&value, uaddr))
        return -EFAULT;
    for (;;) {
        uint32_t owner = value & FUTEX_TID_MASK;
        /* It died between its unlock and its wake: wake for it. */
        if (pending && !pi && owner == 0) {
            futex_wake(uaddr, false, 1, FUTEX_BITSET_MATCH_ANY);
            return 0;
        }
        if (owner != (uint32_t)task->own_tid)
            return 0;
        if (cmpxchg_user_u32(uaddr, value, (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED, &seen))
            return -EFAULT;
        if (seen == value)
            break;
        value = seen;
    }
    if (!pi && (value & FUTEX_WAITERS))
        futex_wake(uaddr, false, 1, FUTEX_BITSET_MATCH_ANY);
    return 0;
}

/* The lowest bit of a pointer in the list says that the futex is a PI one. */
static int read_entry(uint64_t uaddr, uint64_t *out_entry, bool *out_pi)
{
    uint64_t value;
    if (get_user_u64(&value, uaddr))
        return -EFAULT;
    *out_entry = value & ~1ull;
    *out_pi = value & 1;
    return 0;
}

static void release_robust_list(struct task *task)
{
    const uint64_t head = task->robust_list;
    uint64_t entry, next, pending;
    bool pi, next_pi, pending_pi;
    uint64_t offset;

    if (read_entry(head, &entry, &pi) ||
        get_user_u64(&offset, head + offsetof(struct linux_robust_list_head, futex_offset)) ||
        read_entry(head + offsetof(struct linux_robust_list_head, list_op_pending), &pending,
                   &pending_pi))
        return;
    for (unsigned limit = ROBUST_LIST_LIMIT; entry != head && limit > 0; limit--) {
        /* Before the release: whoever gets the futex may unlink it. */
        int error = read_entry(entry, &next, &next_pi);
        if (entry != pending && release_word(task, entry + offset, pi, false))
            return;
        if (error)
            return;
        entry = next;
        pi = next_pi;
    }
    if (pending)
        release_word(task, pending + offset, pending_pi, true);
}

void futex_release_task(struct task *task)
{
    struct mm *mm = task->thread.mm;
    if (!mm)
        return;
    if (task->robust_list)
        release_robust_list(task);
    task->robust_list = 0;
    futex_pi_release_task(task);
    if (task->clear_child_tid) {
        if (atomic_load_relaxed(&mm->users) > 1) {
            if (!put_user_u32(task->clear_child_tid, 0))
                futex_wake(task->clear_child_tid, false, 1, FUTEX_BITSET_MATCH_ANY);
        }
        task->clear_child_tid = 0;
    }
}
