/* SPDX-License-Identifier: MIT
 *
 * System calls on System V semaphores: semget(2), semop(2), semctl(2).
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/ipc.h"
#include "kernel/abi/time.h"
#include "kernel/ipc/sysv.h"
#include "kernel/lib/atomic.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/syscall/deadline.h"
#include "kernel/syscall/syscalls.h"

enum { OPERATIONS_INLINE = 16 };

int64_t sys_semget(int key, int count, uint32_t flags)
{
    return sem_get(ipc_namespace_current(), key, count, (int)flags);
}

static int64_t operate(int id, uint64_t ops_uaddr, uint64_t count, uint64_t timeout)
{
    struct ipc_namespace *ns = ipc_namespace_current();
    struct linux_sembuf few[OPERATIONS_INLINE], *ops = few;
    struct linux_timespec time;
    uint64_t deadline_ns = UINT64_MAX;
    int error = 0;

    if (timeout && copy_from_user(&time, timeout, sizeof(time)))
        return -EFAULT;
    if ((uint32_t)count > (uint32_t)atomic_load_relaxed(&ipc_namespace_limits(ns)->sem[2]))
        return -E2BIG;
    count = (uint32_t)count;
    if (count < 1)
        return -EINVAL;
    if (count > OPERATIONS_INLINE) {
        ops = kmalloc(count * sizeof(*ops));
        if (!ops)
            return -ENOMEM;
    }
    if (copy_from_user(ops, ops_uaddr, count * sizeof(*ops)))
        error = -EFAULT;
    if (!error && timeout)
        error = deadline_from_timespec(&time, &deadline_ns);
    if (!error)
        error = sem_operate(ns, id, ops, (unsigned)count, deadline_ns);
    if (ops != few)
        kfree(ops);
    return error;
}

int64_t sys_semop(int id, uint64_t ops, uint64_t count)
{
    return operate(id, ops, count, 0);
}

int64_t sys_semtimedop(int id, uint64_t ops, uint64_t count, uint64_t timeout)
{
    return operate(id, ops, count, timeout);
}

/* ---- semctl ---- */

static int64_t info(struct ipc_namespace *ns, int command, uint64_t buf)
{
    struct linux_seminfo info;
    int highest = sem_info(ns, command == SEM_INFO, &info);
    return copy_to_user(buf, &info, sizeof(info)) ? -EFAULT : highest;
}

static int64_t stat(struct ipc_namespace *ns, int id, int command, uint64_t buf)
{
    struct linux_semid_ds status;
    int result = sem_stat(ns, id, command, &status);
    if (result >= 0 && copy_to_user(buf, &status, sizeof(status)))
        return -EFAULT;
    return result;
}

static int64_t get_all(struct ipc_namespace *ns, int id, uint64_t buf)
{
    uint16_t *values;
    unsigned count;
    int error = sem_get_values(ns, id, &values, &count);
    if (error)
        return error;
    error = copy_to_user(buf, values, count * sizeof(*values));
    kfree(values);
    return error;
}

static int64_t set_all(struct ipc_namespace *ns, int id, uint64_t buf)
{
    int count = sem_count_for_write(ns, id);
    if (count < 0)
        return count;
    uint16_t *values = kmalloc((size_t)count * sizeof(*values));
    if (!values)
        return -ENOMEM;
    int error = copy_from_user(values, buf, (size_t)count * sizeof(*values));
    if (!error)
        error = sem_set_values(ns, id, values, (unsigned)count);
    kfree(values);
    return error;
}

int64_t sys_semctl(int id, int number, int command, uint64_t argument)
{
    struct ipc_namespace *ns = ipc_namespace_current();
    struct linux_semid_ds status;
    if (id < 0)
        return -EINVAL;
    switch (command) {
    case IPC_INFO:
    case SEM_INFO:
        return info(ns, command, argument);
    case IPC_STAT:
    case SEM_STAT:
    case SEM_STAT_ANY:
        return stat(ns, id, command, argument);
    case IPC_SET:
        if (copy_from_user(&status, argument, sizeof(status)))
            return -EFAULT;
        return sysv_set_perm(ns, IPC_SEM, id, &status.sem_perm);
    case IPC_RMID:
        return sem_remove(ns, id);
    case GETVAL:
    case GETPID:
    case GETNCNT:
    case GETZCNT:
        return sem_get_number(ns, id, number, command);
    case SETVAL:
        return sem_set_value(ns, id, number, (int)argument);
    case GETALL:
        return get_all(ns, id, argument);
    case SETALL:
        return set_all(ns, id, argument);
    default:
        return -EINVAL;
    }
}
