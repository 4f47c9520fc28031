/* SPDX-License-Identifier: MIT
 *
 * POSIX message queues (mq_overview(7)) and the file system that shows them.
 */
#ifndef KERNEL_IPC_MQUEUE_H
#define KERNEL_IPC_MQUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/abi/ipc.h"

struct file;
struct ipc_namespace;
struct kernel;
struct linux_sigevent;
struct socket_datagram;
struct mq_message;

int mqueue_init(struct kernel *kernel); /* the file system type */
/* The tree of a namespace's queues, on an internal mount. */
int mqueue_mount_create(struct ipc_namespace *ns);
void mqueue_mount_destroy(struct ipc_namespace *ns);

/* mq_open(2): the name without the slash, in kernel memory; flags O_*; mode before the umask. attr:
 * NULL for the defaults. 0 or -EACCES -EEXIST -EINVAL -EMFILE -ENAMETOOLONG -ENOENT -ENOMEM
 * -ENOSPC. */
int mqueue_open(struct ipc_namespace *ns, const char *name, uint32_t flags, uint32_t mode,
                const struct linux_mq_attr *attr, struct file **out);
int mqueue_unlink(struct ipc_namespace *ns, const char *name);

struct mq_message *mq_message_create(unsigned priority, size_t bytes); /* NULL without memory */
void mq_message_free(struct mq_message *message);
void *mq_message_data(struct mq_message *message);
size_t mq_message_bytes(const struct mq_message *message);
unsigned mq_message_priority(const struct mq_message *message);

/* Is the file a queue, open for reading or writing (FILE_READ, FILE_WRITE; 0: anyhow)? 0, -EBADF.
 */
int mqueue_check(struct file *file, unsigned mode);
size_t mqueue_message_max(struct file *file);
/* Consumes the message on success only. Waits until deadline_ns (monotonic). 0, -EAGAIN,
 * -ETIMEDOUT, -ERESTARTSYS. */
int mqueue_send(struct file *file, struct mq_message *message, uint64_t deadline_ns);
/* The caller frees what it gets. */
int mqueue_receive(struct file *file, uint64_t deadline_ns, struct mq_message **out);
/* Where SIGEV_THREAD sends its cookie, mq_notify(2) "C library/kernel differences": a socket that
 * takes messages from the kernel (referenced), and the message. */
enum { MQUEUE_COOKIE_BYTES = 32 };
struct mqueue_cookie {
    struct file *socket;
    struct socket_datagram *datagram; /* of MQUEUE_COOKIE_BYTES; from kmalloc */
};
/* event NULL: no notification any more. The cookie's parts become the queue's on success. 0,
 * -EBUSY. */
int mqueue_notify(struct file *file, const struct linux_sigevent *event,
                  const struct mqueue_cookie *cookie);
/* `new` may be NULL: only its O_NONBLOCK counts. */
int mqueue_attributes(struct file *file, const struct linux_mq_attr *new,
                      struct linux_mq_attr *old);

#endif
