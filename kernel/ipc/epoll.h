/* SPDX-License-Identifier: MIT
 *
 * Sets of files watched for readiness (epoll(7)).
 */
#ifndef KERNEL_IPC_EPOLL_H
#define KERNEL_IPC_EPOLL_H

#include <stdbool.h>
#include <stdint.h>

struct file;
struct kernel;
struct linux_epoll_event;

/* epoll_create1(2): a file with one reference. 0, -ENOMEM. */
int epoll_file_create(struct kernel *kernel, struct file **out);

/* Is the file one of epoll_file_create? */
bool file_is_epoll(const struct file *file);

/* epoll_ctl(2) on `epoll`, which is one, for `file` under the number fd. `event` is not looked at
 * for EPOLL_CTL_DEL. 0, -EPERM (never ready), -EINVAL, -EEXIST, -ENOENT, -ELOOP, -ENOMEM. */
int epoll_control(struct file *epoll, int operation, int fd, struct file *file,
                  const struct linux_epoll_event *event);

/* The offset-th file that is watched as number fd, by any order that stays: only to be compared,
 * for it may be gone already. NULL: there is none. */
const struct file *epoll_target(struct file *epoll, int fd, unsigned offset);

/* epoll_wait(2) on `epoll`, which is one: up to `count` (> 0) events to the user's array. deadline_ns:
 * of clock_monotonic_ns, 0 does not block, UINT64_MAX never ends. The number of events, 0 at the
 * deadline, -EINTR, -EFAULT. */
int64_t epoll_wait_events(struct file *epoll, uint64_t events_uaddr, unsigned count,
                          uint64_t deadline_ns);

/* The same into kernel memory, for the kernel's own use and for tests. */
int64_t epoll_wait_kernel(struct file *epoll, struct linux_epoll_event *events, unsigned count,
                          uint64_t deadline_ns);

#endif
