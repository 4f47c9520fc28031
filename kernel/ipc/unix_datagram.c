/* SPDX-License-Identifier: MIT
 *
 * Messages over AF_UNIX datagram and seqpacket sockets (unix(7)).
 *
 * A message is copied, found a receiver and queued there whole. A receiver that does not send back
 * to the sender holds only so many; a sender then waits on its room_wait, and one that polls is put
 * on its list of senders, which are woken when there is room again.
 */
#include "kernel/ipc/unix_internal.h"
#include "kernel/security/bpf.h"

bool unix_queue_is_full(const struct unix_socket *other)
{
    return atomic_load_relaxed(&other->queue_length) > atomic_load_relaxed(&other->backlog_max);
}

void unix_announce_room(struct unix_socket *u)
{
    struct unix_state *state = u->state;
    struct unix_socket *sender;

    wait_queue_wake(&u->room_wait, 0, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
    while (atomic_load_relaxed(&u->has_senders)) {
        spin_lock(&state->lock);
        sender = list_pop_head_entry(&u->senders, struct unix_socket, sender_node);
        atomic_store_relaxed(&u->has_senders, !list_empty(&u->senders));
        if (sender && !refcount_inc_not_zero(&sender->refs))
            sender = NULL;
        spin_unlock(&state->lock);
        if (!sender)
            continue;
        wait_queue_wake(&sender->write_wait, 0, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
        unix_put(sender);
    }
}

void unix_datagram_disconnected(struct unix_socket *u, struct unix_socket *old)
{
    mutex_lock(&u->reader);
    bool any = unix_drop_queue(u);
    mutex_unlock(&u->reader);
    if (!any)
        return;
    unix_announce_room(u);
    spin_lock(&old->lock);
    bool paired = old->peer == u && old->socket;
    if (paired)
        socket_set_error(old->socket, ECONNRESET);
    spin_unlock(&old->lock);
    if (paired)
        unix_wake_all(old, EPOLLERR);
}

/* ---- send ---- */

/* The peer is gone: forget it. */
static int lose_peer(struct unix_socket *u, struct unix_socket *other)
{
    if (u->type == SOCK_SEQPACKET)
        return -EPIPE;
    spin_lock(&u->lock);
    bool was_peer = u->peer == other;
    if (was_peer) {
        u->peer = NULL;
        atomic_store_release(&u->status, (uint8_t)UNIX_UNCONNECTED);
    }
    spin_unlock(&u->lock);
    if (was_peer) {
        unix_datagram_disconnected(u, other);
        unix_put(other);
    }
    return -ECONNREFUSED;
}

/* ---- filters ---- */

static void copy_from_message(const struct bpf_packet *packet, uint32_t offset, void *to,
                              uint32_t bytes)
{
    struct uio uio;
    uio_init_kernel(&uio, to, bytes);
    unix_message_copy(packet->data, offset, &uio, bytes);
}

/* Does the receiver's filter (SO_ATTACH_FILTER) let the message through? It may shorten it. */
static bool filter_passes(struct unix_socket *other, struct unix_message *message)
{
    const struct bpf_packet packet = {
        .bytes = message->bytes, .copy = copy_from_message, .data = message};
    uint32_t keep = 1;
    if (likely(!atomic_load_relaxed(&other->filter)))
        return true;
    spin_lock(&other->lock);
    if (other->filter) {
        keep = socket_filter_run(other->filter, &packet);
        message->bytes = keep;
    }
    spin_unlock(&other->lock);
    return keep != 0;
}

/* 0 if queued, 1 to wait for room, or an error. */
static int try_enqueue(struct unix_socket *u, struct unix_socket *other,
                       struct unix_message *message)
{
    int result = 0;
    spin_lock(&other->lock);
    if (other->peer && other->peer != u)
        result = -EPERM;
    else if (other->status == UNIX_CLOSED)
        result = -ECONNREFUSED;
    else if (other->shutdown & UNIX_SHUT_RECEIVE)
        result = -EPIPE;
    else if (other != u && other->peer != u && unix_queue_is_full(other))
        result = 1;
    else
        unix_enqueue_locked(other, message);
    spin_unlock(&other->lock);
    return result;
}

static bool room_or_end(const struct unix_socket *other)
{
    return !unix_queue_is_full(other) || unix_status(other) == UNIX_CLOSED ||
           (unix_shutdown_state(other) & UNIX_SHUT_RECEIVE);
}

/* 0 if queued, or thrown away by the receiver's filter, which nobody is told; the message is the
 * caller's otherwise. */
static int deliver(struct unix_socket *u, struct unix_socket *other, struct unix_message *message,
                   uint64_t deadline_ns)
{
    if (!filter_passes(other, message)) {
        unix_message_free(message);
        return 0;
    }
    for (;;) {
        int result = try_enqueue(u, other, message);
        if (result == 0) {
            wait_queue_wake(&other->read_wait, 1, EPOLLIN | EPOLLRDNORM);
            return 0;
        }
        if (result == -ECONNREFUSED)
            return lose_peer(u, other);
        if (result < 0)
            return result;
        if (deadline_ns == 0)
            return -EAGAIN;
        int error = wait_event_until(&other->room_wait, room_or_end(other), deadline_ns);
        if (error)
            return socket_wait_error(error, deadline_ns);
    }
}

static int find_receiver(struct unix_socket *u, const struct socket_address *address,
                         struct unix_socket **out)
{
    if (address->bytes)
        return unix_find(u, address, out);
    *out = unix_peer_get(u);
    return *out ? 0 : -ENOTCONN;
}

static int64_t send_message(struct unix_socket *u, struct socket *socket,
                            struct socket_message *message, struct unix_control *control)
{
    struct unix_message *made;
    struct unix_socket *other;
    size_t bytes = message->uio.remaining;
    uint64_t deadline_ns =
        socket_deadline(atomic_load_relaxed(&socket->sndtimeo_ns), message->flags & MSG_DONTWAIT);

    int error = find_receiver(u, &message->address, &other);
    if (error)
        return error;
    if (bytes > atomic_load_relaxed(&socket->sndbuf) - 32)
        error = -EMSGSIZE;
    if (!error)
        error = unix_message_create(u, socket, bytes, deadline_ns, &made);
    if (error)
        goto put_other;
    error = unix_message_fill(made, &message->uio);
    if (!error) {
        unix_control_stamp(control, u, other, made);
        made->rights = control->rights;
        control->rights = NULL;
        error = deliver(u, other, made, deadline_ns);
    }
    if (error)
        unix_message_free(made);
put_other:
    unix_put(other);
    return error ? error : (int64_t)bytes;
}

int64_t unix_datagram_send(struct socket *socket, struct socket_message *message)
{
    struct unix_socket *u = socket->private;
    struct unix_control control;
    int error = unix_control_parse(message, &control);
    if (error)
        return error;
    int64_t result;
    if (message->flags & MSG_OOB)
        result = -EOPNOTSUPP;
    else if ((result = unix_autobind_for_cred(u)) == 0)
        result = send_message(u, socket, message, &control);
    unix_control_drop(&control);
    return result;
}

int64_t unix_seqpacket_send(struct socket *socket, struct socket_message *message)
{
    int error = socket_take_error(socket);
    if (error)
        return error;
    if (unix_status(socket->private) != UNIX_CONNECTED)
        return -ENOTCONN;
    message->address.bytes = 0; /* not looked at */
    return unix_datagram_send(socket, message);
}

/* ---- receive ---- */

/* The message to read: the first, or with SO_PEEK_OFF the one at that offset. reader is held. */
static struct unix_message *find_message(struct unix_socket *u, bool peek, uint32_t *skip)
{
    struct unix_message *message;
    spin_lock(&u->lock);
    message = list_first_entry(&u->queue, struct unix_message, node);
    while (message && peek && *skip && *skip >= message->bytes) {
        *skip -= message->bytes;
        message = list_next_entry(message, &u->queue, node);
    }
    spin_unlock(&u->lock);
    return message;
}

/* Copy one message out, with everything about it. The bytes to report or an error. */
static int64_t read_one(struct unix_socket *u, struct unix_message *from,
                        struct socket_message *message, struct unix_control *control, uint32_t skip)
{
    bool peek = message->flags & MSG_PEEK;
    uint32_t available = from->bytes - skip;
    size_t want = MIN(message->uio.remaining, (uint64_t)available);

    if (unix_message_copy(from, skip, &message->uio, want) != want)
        return -EFAULT;
    if (want < available)
        message->out_flags |= MSG_TRUNC;
    if (message->want_address) {
        struct unix_address *address = atomic_load_acquire(&from->sender->address);
        if (address)
            unix_address_out(address, &message->address);
    }
    if (atomic_load_relaxed(&u->passcred))
        unix_control_set_sender(control, from);
    if (from->rights) {
        control->rights = peek ? unix_rights_copy(from->rights) : from->rights;
        if (!peek)
            from->rights = NULL;
    }
    return message->flags & MSG_TRUNC ? (int64_t)available : (int64_t)want;
}

static void move_peek_offset(struct socket *socket, int64_t change)
{
    int32_t offset = atomic_load_relaxed(&socket->peek_offset);
    if (offset >= 0)
        atomic_store_relaxed(&socket->peek_offset, (int32_t)MAX(offset + change, (int64_t)0));
}

/* -EAGAIN with an empty queue. */
static int64_t try_receive(struct unix_socket *u, struct socket *socket,
                           struct socket_message *message, struct unix_control *control)
{
    bool peek = message->flags & MSG_PEEK;
    uint32_t skip = peek ? (uint32_t)MAX(atomic_load_relaxed(&socket->peek_offset), 0) : 0;

    int64_t result = mutex_lock_interruptible(&u->reader);
    if (result)
        return result;
    struct unix_message *from = find_message(u, peek, &skip);
    if (from && !peek)
        unix_dequeue(u, from);
    if (from && peek)
        result = read_one(u, from, message, control, skip);
    mutex_unlock(&u->reader);
    if (!from)
        return -EAGAIN;
    if (!peek) {
        unix_announce_room(u);
        result = read_one(u, from, message, control, skip);
        move_peek_offset(socket, -(int64_t)from->bytes);
        unix_message_free(from);
    } else if (result > 0) {
        move_peek_offset(socket, result);
    }
    return result;
}

/* 1 to look again, 0 at the end, or an error. */
static int wait_for_message(struct unix_socket *u, struct socket *socket, uint64_t deadline_ns)
{
    int error = socket_take_error(socket);
    if (error)
        return error;
    if (deadline_ns == 0)
        return u->type == SOCK_SEQPACKET && (unix_shutdown_state(u) & UNIX_SHUT_RECEIVE) ? 0
                                                                                         : -EAGAIN;
    if (unix_shutdown_state(u) & UNIX_SHUT_RECEIVE)
        return unix_has_messages(u);
    error = wait_event_state(&u->read_wait,
                             unix_has_messages(u) || (unix_shutdown_state(u) & UNIX_SHUT_RECEIVE) ||
                                 atomic_load_relaxed(&socket->error),
                             THREAD_INTERRUPTIBLE, deadline_ns, true);
    return error ? socket_wait_error(error, deadline_ns) : 1;
}

int64_t unix_datagram_receive(struct socket *socket, struct socket_message *message)
{
    struct unix_socket *u = socket->private;
    struct unix_control control = {0};
    bool waited = false;
    int64_t result;
    if (message->flags & MSG_OOB)
        return -EOPNOTSUPP;
    uint64_t deadline_ns =
        socket_deadline(atomic_load_relaxed(&socket->rcvtimeo_ns), message->flags & MSG_DONTWAIT);
    result = socket_take_error(socket); /* before messages, unlike a stream */
    if (result)
        return result;
    while ((result = try_receive(u, socket, message, &control)) == -EAGAIN) {
        int go_on = wait_for_message(u, socket, deadline_ns);
        if (go_on <= 0)
            return go_on;
        waited = true;
    }
    if (waited && unix_has_messages(u)) /* our wake-up may have been for another, too */
        wait_queue_wake(&u->read_wait, 1, EPOLLIN | EPOLLRDNORM);
    if (result < 0) {
        unix_control_drop(&control);
        return result;
    }
    int error = unix_control_deliver(u, &control, message);
    return error ? error : result;
}

int64_t unix_seqpacket_receive(struct socket *socket, struct socket_message *message)
{
    if (unix_status(socket->private) != UNIX_CONNECTED)
        return -ENOTCONN;
    return unix_datagram_receive(socket, message);
}
