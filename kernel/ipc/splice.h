/* SPDX-License-Identifier: MIT
 *
 * Moving data between pipes and files without a trip to user memory (splice(2), tee(2), vmsplice(2)).
 */
#ifndef KERNEL_IPC_SPLICE_H
#define KERNEL_IPC_SPLICE_H

#include <stdbool.h>
#include <stdint.h>

struct file;
struct uio;

bool file_is_pipe(const struct file *file);

/* Both at most `count` bytes; positions NULL for the file's own (and for pipes). At least one is a
 * pipe; open modes were checked. Bytes, 0 at the end, -EAGAIN with nonblock, -EPIPE (SIGPIPE was
 * sent), -EINVAL for two ends of one pipe or a file that cannot, what the file says. */
int64_t splice_files(struct file *in, uint64_t *in_pos, struct file *out, uint64_t *out_pos,
                     uint64_t count, bool nonblock);

/* Duplicate data of one pipe in another. */
int64_t splice_tee(struct file *in, struct file *out, uint64_t count, bool nonblock);

/* User memory into a pipe: blocks at most until there is room for something. */
int64_t splice_from_user(struct file *pipe, struct uio *uio, bool nonblock);

#endif
