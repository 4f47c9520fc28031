/* SPDX-License-Identifier: MIT
 *
 * System V IPC (svipc(7)): shared memory, semaphore sets and message queues, and the namespace that
 * holds all their state.
 *
 * Structures of the ABI are in kernel memory here; kernel/syscall/ copies them. Identifiers and
 * sizes are checked here.
 */
#ifndef KERNEL_IPC_SYSV_H
#define KERNEL_IPC_SYSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/abi/ipc.h"

struct ipc_namespace;
struct kernel;
struct message;
struct sem_undo_list;
struct strbuf;
struct ns_common;
struct thread;
struct user_namespace;

/* ---- namespaces ---- */

/* Everything that System V IPC and POSIX message queues know, ipc_namespaces(7). */
/* The first one of a machine is the initial one. Owned by a user namespace. */
int ipc_namespace_create(struct kernel *kernel, struct user_namespace *owner,
                         struct ipc_namespace **out);
struct ns_common *ipc_namespace_common(struct ipc_namespace *ns);
struct ipc_namespace *ipc_namespace_of(struct ns_common *common);
struct ipc_namespace *ipc_namespace_get(struct ipc_namespace *ns);
void ipc_namespace_put(struct ipc_namespace *ns); /* the last put removes every object */
/* Of the current task; not referenced. */
struct ipc_namespace *ipc_namespace_current(void);

/* ---- limits: proc_sys_kernel(5), mq_overview(7); read and written atomically ---- */

struct ipc_limits {
    uint64_t shm_max, shm_all; /* bytes of a segment, pages of all */
    int32_t shm_count_max;
    int32_t shm_rmid_forced;
    int32_t msg_max, msg_queue_max, msg_count_max; /* bytes of a message, of a queue; queues */
    int32_t sem[4];                                /* SEMMSL SEMMNS SEMOPM SEMMNI */
    int32_t mq_queues_max, mq_msg_max, mq_msgsize_max, mq_msg_default, mq_msgsize_default;
};
struct ipc_limits *ipc_namespace_limits(struct ipc_namespace *ns);

enum ipc_kind { IPC_SHM, IPC_SEM, IPC_MSG, IPC_KINDS };
/* The identifier that the next object gets, -1: any. */
int ipc_next_id(struct ipc_namespace *ns, enum ipc_kind kind);
void ipc_set_next_id(struct ipc_namespace *ns, enum ipc_kind kind, int id);
/* shm_rmid_forced was set: segments that nobody attaches and whose creator is gone go. */
void shm_destroy_orphans(struct ipc_namespace *ns);
/* IPC_SET of shared memory and semaphores: owner and permissions. 0, -EINVAL, -EPERM. */
int sysv_set_perm(struct ipc_namespace *ns, enum ipc_kind kind, int id,
                  const struct linux_ipc_perm *perm);
/* The text of /proc/sysvipc/{shm,sem,msg}. */
void ipc_show(struct ipc_namespace *ns, enum ipc_kind kind, struct strbuf *out);

/* ---- shared memory, shmop(2) ---- */

int shm_get(struct ipc_namespace *ns, int key, uint64_t bytes, int flags);
/* The address or negative errno. */
int64_t shm_attach(struct ipc_namespace *ns, int id, uint64_t addr, int flags);
int shm_detach(uint64_t addr);
/* IPC_STAT, SHM_STAT, SHM_STAT_ANY: 0 or the identifier. */
int shm_stat(struct ipc_namespace *ns, int id, int command, struct linux_shmid_ds *out);
int shm_remove(struct ipc_namespace *ns, int id);
/* SHM_LOCK, SHM_UNLOCK; how much a user without CAP_IPC_LOCK may lock. -EINVAL -EPERM -ENOMEM. */
int shm_lock(struct ipc_namespace *ns, int id, bool lock, uint64_t limit_bytes);
/* Both give the highest index in use. */
int shm_info(struct ipc_namespace *ns, struct linux_shminfo64 *limits, struct linux_shm_info *use);
/* The process exits: with shm_rmid_forced its unused segments go. */
void shm_process_exit(struct ipc_namespace *ns, int pid);

/* ---- semaphores, semop(2), semctl(2) ---- */

int sem_get(struct ipc_namespace *ns, int key, int count, int flags);
/* Wait until every operation is possible, until deadline_ns (monotonic, UINT64_MAX: for ever). 0 or
 * -EAGAIN -EINTR -EIDRM -EINVAL -EFBIG -EACCES -ERANGE -ENOMEM. */
int sem_operate(struct ipc_namespace *ns, int id, const struct linux_sembuf *ops, unsigned count,
                uint64_t deadline_ns);
int sem_stat(struct ipc_namespace *ns, int id, int command, struct linux_semid_ds *out);
int sem_remove(struct ipc_namespace *ns, int id);
/* GETVAL GETPID GETNCNT GETZCNT: the number. */
int sem_get_number(struct ipc_namespace *ns, int id, int number, int command);
int sem_set_value(struct ipc_namespace *ns, int id, int number, int value);
/* GETALL: the values in an array that the caller kfrees. */
int sem_get_values(struct ipc_namespace *ns, int id, uint16_t **out, unsigned *out_count);
/* SETALL in two steps: how many values (with all checks), then the values. */
int sem_count_for_write(struct ipc_namespace *ns, int id);
int sem_set_values(struct ipc_namespace *ns, int id, const uint16_t *values, unsigned count);
int sem_info(struct ipc_namespace *ns, bool use, struct linux_seminfo *out);

/* SEM_UNDO: clone with CLONE_SYSVSEM shares the current thread's list (making one): 0 or -ENOMEM.
 * sem_undo_exit: the current thread gives its list up; the last user undoes. */
int sem_undo_share(struct thread *child);
void sem_undo_unshare(struct thread *child); /* of a thread that never ran */
void sem_undo_exit(void);

/* ---- message queues, msgop(2), msgctl(2) ---- */

int msg_get(struct ipc_namespace *ns, int key, int flags);
/* A message with room for `bytes` bytes at message_data; NULL without memory. */
struct message *message_create(int64_t type, size_t bytes);
void message_free(struct message *message);
void *message_data(struct message *message);
size_t message_bytes(const struct message *message);
int64_t message_type(const struct message *message);
/* Consumes the message on success only. 0, -EAGAIN -EACCES -EIDRM -EINVAL -ERESTARTNOHAND. */
int msg_send(struct ipc_namespace *ns, int id, struct message *message, int flags);
/* *out: a message that the caller frees (MSG_COPY: a copy). 0 or -ENOMSG -E2BIG -EACCES -EIDRM
 * -EINVAL -ERESTARTNOHAND. */
int msg_receive(struct ipc_namespace *ns, int id, uint64_t bytes_max, int64_t type, int flags,
                struct message **out);
int msg_stat(struct ipc_namespace *ns, int id, int command, struct linux_msqid_ds *out);
int msg_set(struct ipc_namespace *ns, int id, const struct linux_msqid_ds *in);
int msg_remove(struct ipc_namespace *ns, int id);
int msg_info(struct ipc_namespace *ns, bool use, struct linux_msginfo *out);

#endif
