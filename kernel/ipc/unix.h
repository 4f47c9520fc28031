/* SPDX-License-Identifier: MIT
 *
 * AF_UNIX sockets (unix(7)), for the layers above.
 */
#ifndef KERNEL_IPC_UNIX_H
#define KERNEL_IPC_UNIX_H

#include <stdbool.h>
#include <stdint.h>

struct net_namespace;
struct strbuf;

/* /proc/net/unix: the heading, then one line for each socket of the namespace. *cursor starts at 0
 * and is the file's business to keep; false at the end. */
void unix_show_heading(struct strbuf *out);
bool unix_show_next(struct net_namespace *net, uint64_t *cursor, struct strbuf *out);

#endif
