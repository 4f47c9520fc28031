/* SPDX-License-Identifier: MIT
 *
 * Data out of band over AF_UNIX stream sockets: MSG_OOB, SO_OOBINLINE, SIOCATMARK, SIGURG (unix(7),
 * send(2), sockatmark(3)).
 *
 * The last byte that is sent with MSG_OOB is a message of its own, u->urgent as long as no later
 * one is sent and nobody took it. Its place in the queue is the mark: ordinary reads stop there,
 * and one that starts there leaves the byte out, unless it is wanted in line. Taken with MSG_OOB,
 * it stays in the queue without bytes, to keep the mark.
 */
#include "kernel/abi/signal.h"
#include "kernel/ipc/unix_internal.h"

static bool is_taken(const struct unix_message *message)
{
    return message->consumed == message->bytes;
}

static void drop(struct unix_socket *u, struct unix_message *message)
{
    unix_dequeue(u, message);
    unix_message_free(message);
}

static struct unix_message *next_of(struct unix_socket *u, struct unix_message *message)
{
    spin_lock(&u->lock);
    struct unix_message *next = list_next_entry(message, &u->queue, node);
    spin_unlock(&u->lock);
    return next;
}

/* No longer out of band, if it still was. */
static bool forget(struct unix_socket *u, const struct unix_message *message)
{
    spin_lock(&u->lock);
    bool was = u->urgent == message;
    if (was)
        atomic_store_relaxed(&u->urgent, NULL);
    spin_unlock(&u->lock);
    return was;
}

struct unix_message *unix_pass_mark(struct unix_socket *u, struct unix_message *message, bool some,
                                    bool peek, bool in_line)
{
    if (is_taken(message)) {
        struct unix_message *taken = message;
        if (some && !atomic_load_relaxed(&u->urgent))
            return NULL;
        message = next_of(u, taken);
        if (!peek)
            drop(u, taken);
    }
    if (!message || message != atomic_load_relaxed(&u->urgent))
        return message;
    if (some)
        return NULL;
    if (in_line) {
        if (!peek)
            forget(u, message);
        return message;
    }
    struct unix_message *next = next_of(u, message);
    if (!peek)
        drop(u, message);
    return next;
}

int64_t unix_receive_urgent(struct socket *socket, struct socket_message *message)
{
    struct unix_socket *u = socket->private;
    bool peek = message->flags & MSG_PEEK;
    int error = mutex_lock_interruptible(&u->reader);
    if (error)
        return error;
    struct unix_message *urgent = atomic_load_relaxed(&u->urgent);
    /* Under `reader` it stays in the queue, even if another takes its place. */
    if (!urgent || socket_has_flag(socket, SOCKET_OOBINLINE))
        error = -EINVAL;
    else if (!peek && !forget(u, urgent))
        error = -EINVAL;
    else if (unix_message_copy(urgent, 0, &message->uio, 1) != 1)
        error = -EFAULT;
    if (error != -EINVAL && !peek) {
        spin_lock(&u->lock);
        urgent->consumed = urgent->bytes;
        atomic_store_relaxed(&u->queue_bytes, u->queue_bytes - 1);
        spin_unlock(&u->lock);
    }
    mutex_unlock(&u->reader);
    if (error)
        return error;
    message->out_flags |= MSG_OOB;
    return 1;
}

bool unix_is_at_mark(struct unix_socket *u)
{
    spin_lock(&u->lock);
    struct unix_message *first = list_first_entry(&u->queue, struct unix_message, node);
    bool at = false;
    if (first && first == u->urgent)
        at = true;
    else if (first && unix_is_connection(u) && first->bytes && is_taken(first))
        at = !u->urgent || list_next_entry(first, &u->queue, node) == u->urgent;
    spin_unlock(&u->lock);
    return at;
}

void unix_announce_urgent(struct unix_socket *u)
{
    struct file *file = NULL;
    spin_lock(&u->lock);
    if (u->socket && file_get_live(u->socket->file))
        file = u->socket->file;
    spin_unlock(&u->lock);
    if (!file)
        return;
    vfs_signal_owner(file, -1, POLL_PRI);
    file_put(file);
}
