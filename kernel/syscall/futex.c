/* SPDX-License-Identifier: MIT
 *
 * System calls on futexes: futex(2), futex_waitv(2), get_robust_list(2).
 */
#include "kernel/abi/futex.h"

#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/time.h"
#include "kernel/core/clock.h"
#include "kernel/core/kernel.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/futex.h"
#include "kernel/proc/task.h"
#include "kernel/proc/time.h"
#include "kernel/proc/time_namespace.h"
#include "kernel/security/cred.h"
#include "kernel/syscall/syscalls.h"

static const struct futex_timeout no_timeout = {.deadline_ns = FUTEX_NO_TIMEOUT};

static bool takes_timeout(unsigned command)
{
    return command == FUTEX_WAIT || command == FUTEX_LOCK_PI || command == FUTEX_LOCK_PI2 ||
           command == FUTEX_WAIT_BITSET || command == FUTEX_WAIT_REQUEUE_PI;
}

static int timeout_from_user(uint64_t uaddr, uint32_t op, struct futex_timeout *out)
{
    unsigned command = op & FUTEX_CMD_MASK;
    *out = no_timeout;
    if (!takes_timeout(command) || !uaddr)
        return 0;
    int error = time_from_user(uaddr, &out->deadline_ns);
    if (error)
        return error;
    if (command == FUTEX_WAIT)
        out->deadline_ns = time_add(out->deadline_ns, clock_monotonic_ns());
    out->realtime = command == FUTEX_LOCK_PI || (op & FUTEX_CLOCK_REALTIME);
    if (command != FUTEX_WAIT && !out->realtime)
        out->deadline_ns = time_namespace_to_kernel_ns(CLOCK_MONOTONIC, out->deadline_ns);
    return 0;
}

/* ---- waiting, with its way back after a signal ---- */

enum { RESTART_PRIVATE = 1, RESTART_REALTIME = 2 };

static int64_t restart_wait(struct task *task);

static int64_t wait_restartably(uint64_t uaddr, bool private, uint32_t value,
                                struct futex_timeout timeout, uint32_t bitset)
{
    struct task *task = current_task();
    int64_t result = futex_wait(uaddr, private, value, timeout, bitset);
    if (result != -ERESTARTSYS || timeout.deadline_ns == FUTEX_NO_TIMEOUT)
        return result;
    task->restart = restart_wait;
    uint64_t *args = task->restart_args.args;
    args[0] = uaddr;
    args[1] = value;
    args[2] = timeout.deadline_ns;
    args[3] = bitset;
    args[4] = (private ? RESTART_PRIVATE : 0) | (timeout.realtime ? RESTART_REALTIME : 0);
    return -ERESTART_RESTARTBLOCK;
}

static int64_t restart_wait(struct task *task)
{
    const uint64_t *args = task->restart_args.args;
    struct futex_timeout timeout = {.deadline_ns = args[2],
                                    .realtime = (args[4] & RESTART_REALTIME) != 0};
    return wait_restartably(args[0], (args[4] & RESTART_PRIVATE) != 0, (uint32_t)args[1], timeout,
                            (uint32_t)args[3]);
}

/* ---- futex(2) ---- */

static int64_t requeue(uint32_t op, uint64_t uaddr, uint32_t value, uint64_t value2,
                       uint64_t uaddr2, uint32_t value3)
{
    bool private = op & FUTEX_PRIVATE_FLAG;
    unsigned command = op & FUTEX_CMD_MASK;
    int wake_count = (int)value, requeue_count = (int)value2;
    if (wake_count < 0 || requeue_count < 0)
        return -EINVAL;
    return futex_requeue(uaddr, uaddr2, private, wake_count, requeue_count,
                         command == FUTEX_REQUEUE ? NULL : &value3);
}

int64_t sys_futex(uint64_t uaddr, uint32_t op, uint32_t value, uint64_t timeout_uaddr,
                  uint64_t uaddr2, uint32_t value3)
{
    unsigned command = op & FUTEX_CMD_MASK;
    bool private = op & FUTEX_PRIVATE_FLAG;
    struct futex_timeout timeout;

    int error = timeout_from_user(timeout_uaddr, op, &timeout);
    if (error)
        return error;
    if ((op & FUTEX_CLOCK_REALTIME) && command != FUTEX_WAIT_BITSET &&
        command != FUTEX_WAIT_REQUEUE_PI && command != FUTEX_LOCK_PI2)
        return -ENOSYS;

    switch (command) {
    case FUTEX_WAIT:
        return wait_restartably(uaddr, private, value, timeout, FUTEX_BITSET_MATCH_ANY);
    case FUTEX_WAIT_BITSET:
        return value3 ? wait_restartably(uaddr, private, value, timeout, value3) : -EINVAL;
    case FUTEX_WAKE:
        return futex_wake(uaddr, private, (int)value, FUTEX_BITSET_MATCH_ANY);
    case FUTEX_WAKE_BITSET:
        return value3 ? futex_wake(uaddr, private, (int)value, value3) : -EINVAL;
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE:
        return requeue(op, uaddr, value, timeout_uaddr, uaddr2, value3);
    case FUTEX_WAKE_OP:
        return futex_wake_op(uaddr, uaddr2, private, (int)value, (int)timeout_uaddr, value3);
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2:
        return futex_lock_pi(uaddr, private, timeout, false);
    case FUTEX_TRYLOCK_PI:
        return futex_lock_pi(uaddr, private, no_timeout, true);
    case FUTEX_UNLOCK_PI:
        return futex_unlock_pi(uaddr, private);
    case FUTEX_WAIT_REQUEUE_PI:
        return futex_wait_requeue_pi(uaddr, private, value, timeout, FUTEX_BITSET_MATCH_ANY,
                                     uaddr2);
    case FUTEX_CMP_REQUEUE_PI:
        return futex_cmp_requeue_pi(uaddr, uaddr2, private, (int)value, (int)timeout_uaddr, value3);
    default:
        return -ENOSYS;
    }
}

/* ---- futex_waitv(2) ---- */

static int check_waitv(const struct linux_futex_waitv *waiters, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint32_t flags = waiters[i].flags;
        if ((flags & ~(uint32_t)(FUTEX_32 | FUTEX_PRIVATE_FLAG)) || waiters[i].reserved)
            return -EINVAL;
        if (!(flags & FUTEX_32) || waiters[i].val > UINT32_MAX)
            return -EINVAL;
    }
    return 0;
}

int64_t sys_futex_waitv(uint64_t waiters_uaddr, uint32_t count, uint32_t flags,
                        uint64_t timeout_uaddr, int clock)
{
    struct futex_timeout timeout = no_timeout;
    int64_t result = 0;

    if (flags || !count || count > FUTEX_WAITV_MAX || !waiters_uaddr)
        return -EINVAL;
    if (timeout_uaddr) {
        if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
            return -EINVAL;
        int error = time_from_user(timeout_uaddr, &timeout.deadline_ns);
        if (error)
            return error;
        timeout.realtime = clock == CLOCK_REALTIME;
        if (!timeout.realtime)
            timeout.deadline_ns = time_namespace_to_kernel_ns(CLOCK_MONOTONIC, timeout.deadline_ns);
    }
    struct linux_futex_waitv *waiters = kmalloc(count * sizeof(*waiters));
    if (!waiters)
        return -ENOMEM;
    if (copy_from_user(waiters, waiters_uaddr, count * sizeof(*waiters)))
        result = -EFAULT;
    if (!result)
        result = check_waitv(waiters, count);
    if (!result)
        result = futex_waitv(waiters, count, timeout);
    kfree(waiters);
    return result;
}

/* ---- robust lists ---- */

int64_t sys_set_robust_list(uint64_t head, uint64_t length)
{
    struct task *task = current_task();
    if (length != sizeof(struct linux_robust_list_head))
        return -EINVAL;
    task->robust_list = head;
    task->robust_list_bytes = length;
    return 0;
}

int64_t sys_get_robust_list(int pid, uint64_t head, uint64_t length)
{
    struct task *task = pid ? task_find_unreaped_given(pid) : task_get(current_task());
    if (!task)
        return -ESRCH;
    bool allowed = task->process == current_process() || capable(CAP_SYS_PTRACE);
    uint64_t list = task->robust_list;
    task_put(task);
    if (!allowed)
        return -EPERM;
    if (put_user_u64(length, sizeof(struct linux_robust_list_head)) || put_user_u64(head, list))
        return -EFAULT;
    return 0;
}
