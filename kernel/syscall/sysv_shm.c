/* SPDX-License-Identifier: MIT
 *
 * System calls on System V shared memory: shmget(2), shmop(2), shmctl(2).
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/ipc.h"
#include "kernel/abi/resource.h"
#include "kernel/ipc/sysv.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/task.h"
#include "kernel/syscall/syscalls.h"

int64_t sys_shmget(int key, uint64_t size, uint32_t flags)
{
    return shm_get(ipc_namespace_current(), key, size, (int)flags);
}

int64_t sys_shmat(int id, uint64_t addr, uint32_t flags)
{
    return shm_attach(ipc_namespace_current(), id, addr, (int)flags);
}

int64_t sys_shmdt(uint64_t addr)
{
    return shm_detach(addr);
}

static int64_t info(struct ipc_namespace *ns, int command, uint64_t buf)
{
    struct linux_shminfo64 limits;
    struct linux_shm_info use;
    int highest = shm_info(ns, &limits, &use);
    int error = command == IPC_INFO ? copy_to_user(buf, &limits, sizeof(limits))
                                    : copy_to_user(buf, &use, sizeof(use));
    return error ? error : highest;
}

static int64_t stat(struct ipc_namespace *ns, int id, int command, uint64_t buf)
{
    struct linux_shmid_ds status;
    int result = shm_stat(ns, id, command, &status);
    if (result >= 0 && copy_to_user(buf, &status, sizeof(status)))
        return -EFAULT;
    return result;
}

int64_t sys_shmctl(int id, int command, uint64_t buf)
{
    struct ipc_namespace *ns = ipc_namespace_current();
    struct linux_shmid_ds status;
    if (command < 0 || id < 0)
        return -EINVAL;
    switch (command) {
    case IPC_INFO:
    case SHM_INFO:
        return info(ns, command, buf);
    case IPC_STAT:
    case SHM_STAT:
    case SHM_STAT_ANY:
        return stat(ns, id, command, buf);
    case IPC_SET:
        if (copy_from_user(&status, buf, sizeof(status)))
            return -EFAULT;
        return sysv_set_perm(ns, IPC_SHM, id, &status.shm_perm);
    case IPC_RMID:
        return shm_remove(ns, id);
    case SHM_LOCK:
    case SHM_UNLOCK:
        return shm_lock(ns, id, command == SHM_LOCK, current_limit(RLIMIT_MEMLOCK));
    default:
        return -EINVAL;
    }
}
