/* SPDX-License-Identifier: MIT
 *
 * Messages between AF_UNIX sockets: memory, send buffer accounting, copying, queues.
 *
 * The sender pays for a message until it is read: u->wmem is compared with SO_SNDBUF. A sender that
 * found its buffer full waits until three quarters of it are free, so that a reader and a writer of
 * much data change places seldom.
 */
#include "kernel/ipc/unix_internal.h"
#include "kernel/mm/slab.h"
#include "kernel/security/pid_namespace.h"

enum {
    CHUNK_ALLOC_MAX = 32768,
    CHUNK_DATA_MAX = CHUNK_ALLOC_MAX - (int)sizeof(struct unix_chunk),
    FIRST_DATA_MAX = CHUNK_ALLOC_MAX - (int)sizeof(struct unix_message),
    CHUNK_DATA_SMALL = PAGE_SIZE - (int)sizeof(struct unix_chunk), /* without large blocks */
};

size_t unix_stream_chunk_max(void)
{
    return FIRST_DATA_MAX;
}

/* ---- accounting ---- */

bool unix_is_writable(const struct unix_socket *u, const struct socket *socket)
{
    return (uint64_t)atomic_load_relaxed(&u->wmem) * 4 <= atomic_load_relaxed(&socket->sndbuf);
}

static void uncharge(struct unix_socket *u, uint32_t charge)
{
    atomic_fetch_sub_relaxed(&u->wmem, charge);
    if (!wait_queue_has_waiters(&u->write_wait))
        return;
    spin_lock(&u->lock);
    bool wake = u->socket && unix_is_writable(u, u->socket);
    spin_unlock(&u->lock);
    if (wake)
        wait_queue_wake(&u->write_wait, 0, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
}

static bool stops_waiting(const struct unix_socket *u, const struct socket *socket)
{
    return unix_is_writable(u, socket) || (unix_shutdown_state(u) & UNIX_SHUT_SEND) ||
           atomic_load_relaxed(&socket->error);
}

/* 0 with room in the send buffer. */
static int wait_for_buffer(struct unix_socket *u, struct socket *socket, uint64_t deadline_ns)
{
    for (;;) {
        int error = socket_take_error(socket);
        if (error)
            return error;
        if (unix_shutdown_state(u) & UNIX_SHUT_SEND)
            return -EPIPE;
        if (atomic_load_relaxed(&u->wmem) < atomic_load_relaxed(&socket->sndbuf))
            return 0;
        if (deadline_ns == 0)
            return -EAGAIN;
        error = wait_event_until(&u->write_wait, stops_waiting(u, socket), deadline_ns);
        if (error)
            return socket_wait_error(error, deadline_ns);
    }
}

/* ---- memory ---- */

static void free_chunks(struct unix_chunk *chunk)
{
    while (chunk) {
        struct unix_chunk *next = chunk->next;
        kfree(chunk);
        chunk = next;
    }
}

static struct unix_chunk *alloc_chunk(size_t wanted)
{
    size_t bytes = MIN(wanted, (size_t)CHUNK_DATA_MAX);
    struct unix_chunk *chunk = kmalloc(sizeof(*chunk) + bytes);
    if (!chunk && bytes > CHUNK_DATA_SMALL) {
        bytes = CHUNK_DATA_SMALL;
        chunk = kmalloc(sizeof(*chunk) + bytes);
    }
    if (!chunk)
        return NULL;
    chunk->next = NULL;
    chunk->bytes = (uint32_t)bytes;
    return chunk;
}

static struct unix_message *message_alloc(size_t bytes)
{
    size_t first = MIN(bytes, (size_t)FIRST_DATA_MAX);
    struct unix_message *message = kmalloc(sizeof(*message) + first);
    if (!message)
        return NULL;
    message->first.next = NULL;
    message->first.bytes = (uint32_t)first;
    message->charge = (uint32_t)(sizeof(*message) + first);
    struct unix_chunk **link = &message->first.next;
    for (size_t left = bytes - first; left;) {
        struct unix_chunk *chunk = alloc_chunk(left);
        if (!chunk) {
            free_chunks(message->first.next);
            kfree(message);
            return NULL;
        }
        *link = chunk;
        link = &chunk->next;
        left -= chunk->bytes;
        message->charge += (uint32_t)sizeof(*chunk) + chunk->bytes;
    }
    list_node_init(&message->node);
    message->rights = NULL;
    message->sender_ids = (struct unix_sender){.uid = UNIX_NOBODY, .gid = UNIX_NOBODY};
    message->bytes = (uint32_t)bytes;
    message->consumed = 0;
    return message;
}

int unix_message_create(struct unix_socket *u, struct socket *socket, size_t bytes,
                        uint64_t deadline_ns, struct unix_message **out)
{
    int error = wait_for_buffer(u, socket, deadline_ns);
    if (error)
        return error;
    struct unix_message *message = message_alloc(bytes);
    if (!message)
        return -ENOBUFS;
    message->sender = unix_get(u);
    atomic_fetch_add_relaxed(&u->wmem, message->charge);
    *out = message;
    return 0;
}

void unix_message_free(struct unix_message *message)
{
    struct unix_socket *sender = message->sender;
    struct unix_rights *rights = message->rights;
    uint32_t charge = message->charge;

    free_chunks(message->first.next);
    pid_slot_put(message->sender_ids.pid);
    kfree(message);
    if (rights)
        unix_rights_discard(sender->kernel, rights);
    uncharge(sender, charge);
    unix_put(sender);
}

/* ---- copying ---- */

int unix_message_fill(struct unix_message *message, struct uio *uio)
{
    for (struct unix_chunk *chunk = &message->first; chunk; chunk = chunk->next) {
        if (uio_copy_from(chunk->data, uio, chunk->bytes) != chunk->bytes)
            return -EFAULT;
    }
    return 0;
}

size_t unix_message_copy(const struct unix_message *message, uint32_t offset, struct uio *uio,
                         size_t bytes)
{
    size_t done = 0;
    for (const struct unix_chunk *chunk = &message->first; chunk && done < bytes;
         chunk = chunk->next) {
        if (offset >= chunk->bytes) {
            offset -= chunk->bytes;
            continue;
        }
        size_t part = MIN(bytes - done, (size_t)(chunk->bytes - offset));
        size_t copied = uio_copy_to(uio, chunk->data + offset, part);
        done += copied;
        if (copied < part)
            break;
        offset = 0;
    }
    return done;
}

/* ---- queues ---- */

void unix_enqueue_locked(struct unix_socket *u, struct unix_message *message)
{
    list_add_tail(&u->queue, &message->node);
    atomic_store_relaxed(&u->queue_length, u->queue_length + 1);
    atomic_store_relaxed(&u->queue_bytes, u->queue_bytes + message->bytes);
}

void unix_dequeue(struct unix_socket *u, struct unix_message *message)
{
    spin_lock(&u->lock);
    list_remove(&message->node);
    if (u->urgent == message)
        atomic_store_relaxed(&u->urgent, NULL);
    atomic_store_relaxed(&u->queue_length, u->queue_length - 1);
    atomic_store_relaxed(&u->queue_bytes,
                         u->queue_bytes - (message->bytes - message->consumed));
    spin_unlock(&u->lock);
}
