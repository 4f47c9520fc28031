/* SPDX-License-Identifier: MIT
 *
 * System calls on System V message queues: msgget(2), msgop(2), msgctl(2).
 *
 * In user memory a message is its type, a long, and its text.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/ipc.h"
#include "kernel/ipc/sysv.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/compiler.h"
#include "kernel/mm/uaccess.h"
#include "kernel/syscall/syscalls.h"

enum { TYPE_BYTES = 8 };

int64_t sys_msgget(int key, uint32_t flags)
{
    return msg_get(ipc_namespace_current(), key, (int)flags);
}

int64_t sys_msgsnd(int id, uint64_t message_uaddr, uint64_t size, uint32_t flags)
{
    struct ipc_namespace *ns = ipc_namespace_current();
    uint64_t type;
    if (get_user_u64(&type, message_uaddr))
        return -EFAULT;
    uint64_t bytes_max = (uint64_t)(int64_t)atomic_load_relaxed(&ipc_namespace_limits(ns)->msg_max);
    if (size > bytes_max || (int64_t)size < 0 || id < 0 || (int64_t)type < 1)
        return -EINVAL;
    struct message *message = message_create((int64_t)type, size);
    if (!message)
        return -ENOMEM;
    int error = copy_from_user(message_data(message), message_uaddr + TYPE_BYTES, size);
    if (!error)
        error = msg_send(ns, id, message, (int)flags);
    if (error)
        message_free(message);
    return error;
}

int64_t sys_msgrcv(int id, uint64_t message_uaddr, uint64_t size, int64_t type, uint32_t flags)
{
    struct message *message;
    int error = msg_receive(ipc_namespace_current(), id, size, type, (int)flags, &message);
    if (error)
        return error;
    uint64_t bytes = MIN(size, (uint64_t)message_bytes(message));
    error = put_user_u64(message_uaddr, (uint64_t)message_type(message));
    if (!error)
        error = copy_to_user(message_uaddr + TYPE_BYTES, message_data(message), bytes);
    message_free(message);
    return error ? -EFAULT : (int64_t)bytes;
}

static int64_t info(struct ipc_namespace *ns, int command, uint64_t buf)
{
    struct linux_msginfo info;
    int highest = msg_info(ns, command == MSG_INFO, &info);
    return copy_to_user(buf, &info, sizeof(info)) ? -EFAULT : highest;
}

static int64_t stat(struct ipc_namespace *ns, int id, int command, uint64_t buf)
{
    struct linux_msqid_ds status;
    int result = msg_stat(ns, id, command, &status);
    if (result >= 0 && copy_to_user(buf, &status, sizeof(status)))
        return -EFAULT;
    return result;
}

int64_t sys_msgctl(int id, int command, uint64_t buf)
{
    struct ipc_namespace *ns = ipc_namespace_current();
    struct linux_msqid_ds status;
    if (id < 0 || command < 0)
        return -EINVAL;
    switch (command) {
    case IPC_INFO:
    case MSG_INFO:
        return info(ns, command, buf);
    case IPC_STAT:
    case MSG_STAT:
    case MSG_STAT_ANY:
        return stat(ns, id, command, buf);
    case IPC_SET:
        if (copy_from_user(&status, buf, sizeof(status)))
            return -EFAULT;
        return msg_set(ns, id, &status);
    case IPC_RMID:
        return msg_remove(ns, id);
    default:
        return -EINVAL;
    }
}
