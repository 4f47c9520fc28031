/* SPDX-License-Identifier: MIT
 *
 * What the socket system calls share.
 */
#ifndef KERNEL_SYSCALL_SOCKET_INTERNAL_H
#define KERNEL_SYSCALL_SOCKET_INTERNAL_H

#include "kernel/fs/file_table.h"
#include "kernel/ipc/socket.h"

/* A descriptor's socket for the length of a call; give back `fd` with fd_release. 0, -EBADF,
 * -ENOTSOCK. */
struct socket_fd {
    struct fd_borrow fd;
    struct socket *socket;
};
int socket_fd_get(int fd, struct socket_fd *out);

/* An address from user memory. -EINVAL for an impossible length, -EFAULT. */
int socket_address_from_user(uint64_t uaddr, int32_t bytes, struct socket_address *out);

/* An address to user memory: as much as fits in *length_uaddr, which becomes its true length. */
int socket_address_to_user(const struct socket_address *address, uint64_t uaddr,
                           uint64_t length_uaddr);

#endif
