/* SPDX-License-Identifier: MIT
 *
 * Connections of AF_UNIX sockets: listen(2), connect(2), accept(2), socketpair(2).
 *
 * connect makes the server's end itself and puts it in the listener's backlog, complete and usable;
 * accept only takes it from there. While u->setup is held, nothing but closing changes u->status.
 */
#include "kernel/ipc/unix_internal.h"
#include "kernel/security/cred.h"
#include "kernel/security/pid_namespace.h"

/* u learns who is at the other end; the references are u's. */
static void set_peer_cred(struct unix_socket *u, const struct cred *cred, struct pid_slot *pid)
{
    u->peer_cred = cred;
    u->peer_pid = pid;
}

static void set_peer_cred_to_current(struct unix_socket *u)
{
    set_peer_cred(u, cred_get(current_cred()), pid_slot_of(u->kernel, this_thread()->tgid));
}

/* ---- listen ---- */

int unix_listen(struct socket *socket, int backlog)
{
    struct unix_socket *u = socket->private;
    int error = mutex_lock_interruptible(&u->setup);
    if (error)
        return error;
    enum unix_status status = unix_status(u);
    if (!u->address || (status != UNIX_UNCONNECTED && status != UNIX_LISTENING)) {
        error = -EINVAL;
    } else {
        spin_lock(&u->lock);
        bool more = (unsigned)backlog > u->backlog_max;
        atomic_store_relaxed(&u->backlog_max, (unsigned)backlog);
        unix_record_cred(u);
        atomic_store_release(&u->status, (uint8_t)UNIX_LISTENING);
        spin_unlock(&u->lock);
        socket_set_flag(socket, SOCKET_LISTENING, true);
        if (more)
            wait_queue_wake(&u->room_wait, 0, 0);
    }
    mutex_unlock(&u->setup);
    return error;
}

/* ---- connect ---- */

static bool backlog_is_full(const struct unix_socket *listener)
{
    return atomic_load_relaxed(&listener->backlog_length) >
           atomic_load_relaxed(&listener->backlog_max);
}

static bool accepts_connections(const struct unix_socket *listener)
{
    return unix_status(listener) == UNIX_LISTENING &&
           !(unix_shutdown_state(listener) & UNIX_SHUT_RECEIVE);
}

/* Queue fresh, whose peer is u already, and find out who listens. 0, -ECONNREFUSED, -EAGAIN without
 * room. */
static int try_connect(struct unix_socket *listener, struct unix_socket *fresh,
                       const struct cred **out_cred, struct pid_slot **out_pid)
{
    int error = 0;
    spin_lock(&listener->lock);
    if (!accepts_connections(listener)) {
        error = -ECONNREFUSED;
    } else if (backlog_is_full(listener)) {
        error = -EAGAIN;
    } else {
        *out_cred = cred_get(listener->cred);
        *out_pid = pid_slot_get(listener->cred_pid);
        list_add_tail(&listener->backlog, &unix_get(fresh)->backlog_node);
        atomic_store_relaxed(&listener->backlog_length, listener->backlog_length + 1);
    }
    spin_unlock(&listener->lock);
    return error;
}

/* The server may have used its end already, and closed it. */
static void become_connected(struct unix_socket *u, struct unix_socket *fresh,
                             const struct cred *cred, struct pid_slot *pid)
{
    spin_lock(&u->lock);
    set_peer_cred(u, cred, pid);
    atomic_store_release(&u->peer, unix_get(fresh));
    atomic_store_release(&u->status, (uint8_t)UNIX_CONNECTED);
    spin_unlock(&u->lock);
}

static struct unix_socket *make_server_end(struct unix_socket *u, struct unix_socket *listener)
{
    struct unix_socket *fresh = unix_alloc(u->net, u->type);
    if (!fresh)
        return NULL;
    set_peer_cred_to_current(fresh);
    fresh->address = atomic_load_acquire(&listener->address);
    refcount_inc(&fresh->address->refs);
    fresh->peer = unix_get(u);
    atomic_store_release(&fresh->status, (uint8_t)UNIX_CONNECTED);
    return fresh;
}

static int connect_to(struct unix_socket *u, struct unix_socket *listener, uint64_t deadline_ns)
{
    const struct cred *cred = NULL;
    struct pid_slot *pid = NULL;
    int error;
    struct unix_socket *fresh = make_server_end(u, listener);
    if (!fresh)
        return -ENOMEM;
    while ((error = try_connect(listener, fresh, &cred, &pid)) == -EAGAIN && deadline_ns != 0) {
        error = wait_event_until(&listener->room_wait,
                                 !backlog_is_full(listener) || !accepts_connections(listener),
                                 deadline_ns);
        if (error) {
            error = socket_wait_error(error, deadline_ns);
            break;
        }
    }
    if (error) {
        struct unix_socket *self = fresh->peer;
        fresh->peer = NULL; /* u must not notice that it goes */
        unix_put(self);
    } else {
        become_connected(u, fresh, cred, pid);
        wait_queue_wake(&listener->read_wait, 1, EPOLLIN | EPOLLRDNORM);
    }
    unix_put(fresh);
    return error;
}

int unix_stream_connect(struct socket *socket, const struct socket_address *address, bool nonblock)
{
    struct unix_socket *u = socket->private, *listener;
    int error = mutex_lock_interruptible(&u->setup);
    if (error)
        return error;
    if (atomic_load_relaxed(&u->passcred))
        error = unix_autobind(u);
    if (!error)
        error = unix_find(u, address, &listener);
    if (error)
        goto out;
    if (!accepts_connections(listener))
        error = -ECONNREFUSED;
    else if (unix_status(u) != UNIX_UNCONNECTED)
        error = unix_status(u) == UNIX_CONNECTED ? -EISCONN : -EINVAL;
    else
        error = connect_to(u, listener,
                           socket_deadline(atomic_load_relaxed(&socket->sndtimeo_ns), nonblock));
    unix_put(listener);
out:
    mutex_unlock(&u->setup);
    if (!error) /* pollers saw an unconnected socket */
        wait_queue_wake(&u->write_wait, 0, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
    return error;
}

/* ---- accept ---- */

static struct unix_socket *take_connection(struct unix_socket *u)
{
    spin_lock(&u->lock);
    struct unix_socket *fresh = list_pop_head_entry(&u->backlog, struct unix_socket, backlog_node);
    if (fresh)
        atomic_store_relaxed(&u->backlog_length, u->backlog_length - 1);
    spin_unlock(&u->lock);
    return fresh;
}

static bool has_connections(const struct unix_socket *u)
{
    return atomic_load_relaxed(&u->backlog_length) != 0;
}

int unix_accept(struct socket *socket, struct socket *fresh_socket, bool nonblock)
{
    struct unix_socket *u = socket->private, *fresh;
    if (unix_status(u) != UNIX_LISTENING)
        return -EINVAL;
    uint64_t deadline_ns = socket_deadline(atomic_load_relaxed(&socket->rcvtimeo_ns), nonblock);
    bool waited = false;
    while (!(fresh = take_connection(u))) {
        if (unix_shutdown_state(u) & UNIX_SHUT_RECEIVE)
            return -EINVAL;
        if (deadline_ns == 0)
            return -EAGAIN;
        int error = wait_event_state(
            &u->read_wait, has_connections(u) || (unix_shutdown_state(u) & UNIX_SHUT_RECEIVE),
            THREAD_INTERRUPTIBLE, deadline_ns, true);
        if (error)
            return socket_wait_error(error, deadline_ns);
        waited = true;
    }
    if (waited && has_connections(u)) /* our wake-up may have been for another thread, too */
        wait_queue_wake(&u->read_wait, 1, EPOLLIN | EPOLLRDNORM);
    wait_queue_wake(&u->room_wait, 0, EPOLLOUT);
    fresh_socket->ops = socket->ops;
    if (socket_has_flag(socket, SOCKET_PASSCRED)) {
        socket_set_flag(fresh_socket, SOCKET_PASSCRED, true);
        atomic_store_relaxed(&fresh->passcred, true);
    }
    unix_attach(fresh, fresh_socket);
    return 0;
}

/* ---- socketpair ---- */

int unix_pair(struct socket *a_socket, struct socket *b_socket)
{
    struct unix_socket *a = a_socket->private, *b = b_socket->private;
    a->peer = unix_get(b);
    b->peer = unix_get(a);
    set_peer_cred_to_current(a);
    set_peer_cred_to_current(b);
    atomic_store_release(&a->status, (uint8_t)UNIX_CONNECTED);
    atomic_store_release(&b->status, (uint8_t)UNIX_CONNECTED);
    return 0;
}

/* ---- datagram sockets: a peer is only where messages go ---- */

/* u's messages go to `other` (referenced, consumed; NULL: nowhere) from now on. */
static void set_datagram_peer(struct unix_socket *u, struct unix_socket *other)
{
    spin_lock(&u->lock);
    struct unix_socket *old = u->peer;
    u->peer = other;
    atomic_store_release(&u->status, (uint8_t)(other ? UNIX_CONNECTED : UNIX_UNCONNECTED));
    spin_unlock(&u->lock);
    if (!old)
        return;
    if (old != other)
        unix_datagram_disconnected(u, old);
    unix_put(old);
}

int unix_datagram_connect(struct socket *socket, const struct socket_address *address,
                          bool nonblock)
{
    struct unix_socket *u = socket->private, *other = NULL;
    (void)nonblock;
    int error = mutex_lock_interruptible(&u->setup);
    if (error)
        return error;
    if (address->bytes >= sizeof(uint16_t) && address->family == AF_UNSPEC) {
        set_datagram_peer(u, NULL);
        goto out;
    }
    if (atomic_load_relaxed(&u->passcred))
        error = unix_autobind(u);
    if (!error)
        error = unix_find(u, address, &other);
    if (error)
        goto out;
    spin_lock(&other->lock);
    if (unix_status(other) == UNIX_CLOSED)
        error = -ECONNREFUSED;
    else if (other->peer && other->peer != u)
        error = -EPERM;
    spin_unlock(&other->lock);
    if (error)
        unix_put(other);
    else
        set_datagram_peer(u, other);
out:
    mutex_unlock(&u->setup);
    return error;
}
