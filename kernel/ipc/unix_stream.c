/* SPDX-License-Identifier: MIT
 *
 * Bytes over AF_UNIX stream sockets (unix(7), send(2), recv(2)).
 *
 * Each send makes messages of up to a chunk, which stay separate in the receiver's queue: one read
 * takes from several, but stops after one that carries files, and never mixes senders if credentials
 * are wanted. User memory is touched without a spinlock; u->reader keeps the queue's head in place.
 */
#include "kernel/ipc/ipc.h"
#include "kernel/ipc/unix_internal.h"

/* ---- send ---- */

/* Into the peer's queue; the message is consumed in any case. 0 or -EPIPE. */
static int hand_over(struct unix_socket *peer, struct unix_message *message, bool urgent)
{
    spin_lock(&peer->lock);
    bool open = !(peer->shutdown & UNIX_SHUT_RECEIVE) && peer->status != UNIX_CLOSED;
    if (open)
        unix_enqueue_locked(peer, message);
    if (open && urgent)
        atomic_store_relaxed(&peer->urgent, message);
    spin_unlock(&peer->lock);
    if (!open) {
        unix_message_free(message);
        return -EPIPE;
    }
    wait_queue_wake(&peer->read_wait, 1, EPOLLIN | EPOLLRDNORM | (urgent ? EPOLLPRI : 0u));
    if (urgent)
        unix_announce_urgent(peer);
    return 0;
}

/* `ordinary`: how many of the bytes are not out of band; 0: the one that is. */
static int send_part(struct unix_socket *u, struct socket *socket, struct unix_socket *peer,
                     struct uio *uio, uint64_t ordinary, struct unix_control *control,
                     uint64_t deadline_ns)
{
    struct unix_message *message;
    size_t half = atomic_load_relaxed(&socket->sndbuf) / 2 - 64;
    size_t bytes = MIN(MIN(ordinary ? ordinary : 1, half), unix_stream_chunk_max());

    if (unix_shutdown_state(u) & UNIX_SHUT_SEND)
        return -EPIPE;
    int error = unix_message_create(u, socket, bytes, deadline_ns, &message);
    if (error)
        return error;
    error = unix_message_fill(message, uio);
    if (error) {
        unix_message_free(message);
        return error;
    }
    unix_control_stamp(control, u, peer, message);
    message->rights = control->rights;
    control->rights = NULL;
    return hand_over(peer, message, !ordinary);
}

static int64_t send_all(struct unix_socket *u, struct socket *socket,
                        struct socket_message *message, struct unix_control *control)
{
    uint64_t deadline_ns = socket_deadline(atomic_load_relaxed(&socket->sndtimeo_ns),
                                           message->flags & MSG_DONTWAIT);
    struct unix_socket *peer = atomic_load_acquire(&u->peer); /* ours until we are closed */
    int64_t done = 0;

    uint64_t urgent = message->flags & MSG_OOB ? 1 : 0;
    if (urgent && !message->uio.remaining)
        return -EOPNOTSUPP;
    if (message->address.bytes)
        return unix_status(u) == UNIX_CONNECTED ? -EISCONN : -EOPNOTSUPP;
    if (!peer)
        return -ENOTCONN;
    if (unix_shutdown_state(u) & UNIX_SHUT_SEND)
        return -EPIPE;
    while (message->uio.remaining) {
        uint64_t before = message->uio.remaining;
        int error =
            send_part(u, socket, peer, &message->uio, before - urgent, control, deadline_ns);
        if (error)
            return done ? done : error;
        done += (int64_t)(before - message->uio.remaining);
    }
    return done;
}

int64_t unix_stream_send(struct socket *socket, struct socket_message *message)
{
    struct unix_control control;
    int error = unix_control_parse(message, &control);
    if (error)
        return error;
    int64_t result = send_all(socket->private, socket, message, &control);
    unix_control_drop(&control);
    if (result == -EPIPE && !(message->flags & MSG_NOSIGNAL))
        ipc_broken_pipe();
    return result;
}

/* ---- receive ---- */

struct reading {
    struct unix_socket *u;
    struct socket *socket;
    struct socket_message *message;
    struct unix_control control;
    int64_t done;
    bool peek, waited;
    uint32_t skip;               /* peek: bytes of the queue to leave out (SO_PEEK_OFF) */
    uint64_t seen;               /* peek: bytes in the queue when we looked */
};

static bool same_sender(const struct unix_sender *a, const struct unix_sender *b)
{
    return a->pid == b->pid && a->uid == b->uid && a->gid == b->gid;
}

static void advance_peek_offset(struct socket *socket, int64_t change)
{
    int32_t offset = atomic_load_relaxed(&socket->peek_offset);
    if (offset >= 0)
        atomic_store_relaxed(&socket->peek_offset, (int32_t)MAX(offset + change, (int64_t)0));
}

/* Take files and, for the caller's name, the address with the bytes. */
static int take_extras(struct reading *reading, struct unix_message *from)
{
    if (reading->message->want_address) {
        struct unix_address *address = atomic_load_acquire(&from->sender->address);
        reading->message->want_address = false;
        if (address)
            unix_address_out(address, &reading->message->address);
    }
    if (!from->rights)
        return 0;
    if (!reading->peek) {
        reading->control.rights = from->rights;
        from->rights = NULL;
        return 0;
    }
    reading->control.rights = unix_rights_copy(from->rights);
    return reading->control.rights ? 0 : -ENOMEM;
}

/* As much as is wanted from one message. 1 to go on with the next, 0 to stop, or an error. */
static int read_message(struct reading *reading, struct unix_message *from)
{
    struct uio *uio = &reading->message->uio;
    uint32_t start = from->consumed + reading->skip;
    size_t want = MIN(uio->remaining, (uint64_t)(from->bytes - start));

    if (atomic_load_relaxed(&reading->u->passcred)) {
        if (reading->control.has_cred &&
            !same_sender(&reading->control.sender_ids, &from->sender_ids))
            return 0;
        if (!reading->control.has_cred)
            unix_control_set_sender(&reading->control, from);
    }
    size_t copied = unix_message_copy(from, start, uio, want);
    if (copied < want) /* the message stays as it is: nothing is lost */
        return -EFAULT;
    reading->done += (int64_t)copied;
    int error = take_extras(reading, from);
    if (error)
        return error;
    advance_peek_offset(reading->socket, reading->peek ? (int64_t)copied : -(int64_t)copied);
    reading->skip = 0;
    bool whole = start + copied == from->bytes;
    if (!reading->peek && whole) {
        unix_dequeue(reading->u, from);
        from->consumed = from->bytes;
        unix_message_free(from);
    } else if (!reading->peek) {
        spin_lock(&reading->u->lock);
        from->consumed += (uint32_t)copied;
        atomic_store_relaxed(&reading->u->queue_bytes, reading->u->queue_bytes - copied);
        spin_unlock(&reading->u->lock);
    }
    return whole && copied == want && !reading->control.rights && uio->remaining;
}

static struct unix_message *next_message(struct unix_socket *u, struct unix_message *after)
{
    spin_lock(&u->lock);
    struct unix_message *next = after ? list_next_entry(after, &u->queue, node)
                                      : list_first_entry(&u->queue, struct unix_message, node);
    spin_unlock(&u->lock);
    return next;
}

/* What the queue has. 1 to go on when there is more, 0 when finished, or an error. */
static int read_queue(struct reading *reading)
{
    struct unix_socket *u = reading->u;
    struct unix_message *message = next_message(u, NULL);
    bool stopped = false; /* at the mark */
    bool in_line = socket_has_flag(reading->socket, SOCKET_OOBINLINE);
    while (message) {
        message = unix_pass_mark(u, message, reading->done, reading->peek, in_line);
        stopped = !message && reading->done && unix_has_messages(u);
        if (!message)
            break;
        if (reading->peek && reading->skip >= message->bytes - message->consumed) {
            reading->skip -= message->bytes - message->consumed;
            message = next_message(u, message);
            continue;
        }
        int more = read_message(reading, message);
        if (more <= 0)
            return reading->done ? 0 : more;
        message = next_message(u, reading->peek ? message : NULL);
    }
    return stopped ? 0 : !reading->peek || !reading->done;
}

static bool has_news(const struct reading *reading)
{
    return atomic_load_relaxed(&reading->u->queue_bytes) != reading->seen;
}

/* The queue is used up and not enough: 0 at the end of the stream, 1 to go on, or an error. */
static int wait_for_data(struct reading *reading, uint64_t deadline_ns)
{
    struct unix_socket *u = reading->u;
    int error = socket_take_error(reading->socket);
    if (error)
        return error;
    if (unix_shutdown_state(u) & UNIX_SHUT_RECEIVE)
        return has_news(reading); /* the last bytes came before the end */
    if (deadline_ns == 0)
        return -EAGAIN;
    error = wait_event_state(&u->read_wait,
                             has_news(reading) ||
                                 (unix_shutdown_state(u) & UNIX_SHUT_RECEIVE) ||
                                 atomic_load_relaxed(&reading->socket->error),
                             THREAD_INTERRUPTIBLE, deadline_ns, true);
    reading->waited = true;
    return error ? socket_wait_error(error, deadline_ns) : 1;
}

static int read_enough(struct reading *reading, int64_t target, uint64_t deadline_ns)
{
    int32_t peek_offset = atomic_load_relaxed(&reading->socket->peek_offset);
    for (;;) {
        if (reading->peek) {
            reading->skip = (uint32_t)MAX(peek_offset, 0);
            reading->seen = atomic_load_relaxed(&reading->u->queue_bytes);
        }
        int result = mutex_lock_interruptible(&reading->u->reader);
        if (result)
            return deadline_ns == UINT64_MAX ? result : -EINTR;
        result = read_queue(reading);
        mutex_unlock(&reading->u->reader);
        if (result <= 0 || reading->done >= target)
            return MIN(result, 0);
        result = wait_for_data(reading, deadline_ns);
        if (result <= 0)
            return result;
    }
}

int64_t unix_stream_receive(struct socket *socket, struct socket_message *message)
{
    struct unix_socket *u = socket->private;
    struct reading reading = {
        .u = u, .socket = socket, .message = message, .peek = message->flags & MSG_PEEK};
    uint64_t wanted = message->uio.remaining;

    if (unix_status(u) != UNIX_CONNECTED)
        return -EINVAL;
    if (message->flags & MSG_OOB)
        return unix_receive_urgent(socket, message);
    uint64_t target = message->flags & MSG_WAITALL
                          ? wanted
                          : MIN(wanted, (uint64_t)atomic_load_relaxed(&socket->rcvlowat));
    int error = read_enough(&reading, (int64_t)MAX(target, 1ull),
                            socket_deadline(atomic_load_relaxed(&socket->rcvtimeo_ns),
                                            message->flags & MSG_DONTWAIT));
    if (reading.waited && unix_has_messages(u)) /* our wake-up may have been for another, too */
        wait_queue_wake(&u->read_wait, 1, EPOLLIN | EPOLLRDNORM);
    int control_error = unix_control_deliver(u, &reading.control, message);
    if (reading.done)
        return reading.done;
    return error ? error : control_error;
}
