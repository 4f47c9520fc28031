/* SPDX-License-Identifier: MIT
 *
 * io_uring's operations on sockets; see uring_internal.h.
 */
#ifndef KERNEL_SYSCALL_URING_NET_H
#define KERNEL_SYSCALL_URING_NET_H

#include <stdint.h>

struct uring_request;

int uring_message_prepare(struct uring_request *request);
int uring_accept_prepare(struct uring_request *request);
int uring_connect_prepare(struct uring_request *request);
int uring_shutdown_prepare(struct uring_request *request);
int uring_socket_prepare(struct uring_request *request);
int64_t uring_sendmsg(struct uring_request *request);
int64_t uring_recvmsg(struct uring_request *request);
int64_t uring_send(struct uring_request *request);
int64_t uring_recv(struct uring_request *request);
int64_t uring_accept(struct uring_request *request);
int64_t uring_connect(struct uring_request *request);
int64_t uring_shutdown(struct uring_request *request);
int64_t uring_socket(struct uring_request *request);

#endif
