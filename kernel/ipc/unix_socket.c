/* SPDX-License-Identifier: MIT
 *
 * AF_UNIX sockets: life and death, readiness, options (unix(7)). unix_internal.h describes the
 * structures and locks.
 */
#include "kernel/ipc/unix_internal.h"

#include "kernel/abi/ioctl.h"
#include "kernel/ipc/net_namespace.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/security/cred.h"
#include "kernel/security/pid_namespace.h"
#include "kernel/security/user_namespace.h"

/* ---- life ---- */

struct unix_socket *unix_alloc(struct net_namespace *net, int type)
{
    struct kernel *kernel = net->common.kernel;
    struct unix_state *state = kernel->ipc->unix_sockets;
    struct unix_socket *u = kzalloc(sizeof(*u));
    if (!u)
        return NULL;
    refcount_init(&u->refs, 1);
    u->type = (uint16_t)type;
    u->kernel = kernel;
    u->state = state;
    u->net = net_namespace_get(net);
    mutex_init(&u->setup, LOCK_RANK_SOCKET_SETUP);
    mutex_init(&u->reader, LOCK_RANK_SOCKET);
    spin_lock_init(&u->lock, LOCK_RANK_OBJECT);
    list_init(&u->queue);
    list_init(&u->backlog);
    list_init(&u->senders);
    u->backlog_max = UNIX_DATAGRAMS_MAX;
    wait_queue_init(&u->read_wait);
    wait_queue_init(&u->write_wait);
    wait_queue_init(&u->room_wait);
    spin_lock(&state->lock);
    u->id = ++state->last_id;
    list_add_tail(&state->sockets, &u->list_node);
    spin_unlock(&state->lock);
    return u;
}

void unix_put(struct unix_socket *u)
{
    if (!refcount_dec_and_test(&u->refs))
        return;
    spin_lock(&u->state->lock);
    list_remove(&u->list_node);
    spin_unlock(&u->state->lock);
    assert(list_empty(&u->queue) && list_empty(&u->backlog) && u->wmem == 0);
    if (u->address)
        unix_address_put(u->address);
    if (u->cred)
        cred_put(u->cred);
    if (u->peer_cred)
        cred_put(u->peer_cred);
    pid_slot_put(u->cred_pid);
    pid_slot_put(u->peer_pid);
    net_namespace_put(u->net);
    socket_filter_put(u->filter);
    kfree(u);
}

void unix_attach(struct unix_socket *u, struct socket *socket)
{
    spin_lock(&u->lock);
    atomic_store_relaxed(&u->socket, socket);
    spin_unlock(&u->lock);
    socket->private = u;
}

struct unix_socket *unix_peer_get(struct unix_socket *u)
{
    spin_lock(&u->lock);
    struct unix_socket *peer = u->peer ? unix_get(u->peer) : NULL;
    spin_unlock(&u->lock);
    return peer;
}

void unix_set_error(struct unix_socket *u, int error)
{
    spin_lock(&u->lock);
    if (u->socket)
        socket_set_error(u->socket, error);
    spin_unlock(&u->lock);
}

void unix_record_cred(struct unix_socket *u)
{
    const struct cred *old = u->cred;
    u->cred = cred_get(current_cred());
    pid_slot_put(u->cred_pid);
    u->cred_pid = pid_slot_of(u->kernel, this_thread()->tgid);
    if (old)
        cred_put(old);
}

void unix_wake_all(struct unix_socket *u, uint32_t key)
{
    wait_queue_wake(&u->read_wait, 0, key);
    wait_queue_wake(&u->write_wait, 0, key);
    wait_queue_wake(&u->room_wait, 0, key);
}

/* ---- closing ---- */

/* The other end of a connection sees that we are gone; with a reset if it never got through. */
static void hang_up_on(struct unix_socket *peer, bool reset)
{
    spin_lock(&peer->lock);
    atomic_store_relaxed(&peer->shutdown, (uint8_t)UNIX_SHUT_BOTH);
    if (reset && peer->socket)
        socket_set_error(peer->socket, ECONNRESET);
    spin_unlock(&peer->lock);
    unix_wake_all(peer, 0);
}

static void close_backlog(struct unix_socket *u)
{
    struct unix_socket *fresh;
    for (;;) {
        spin_lock(&u->lock);
        fresh = list_pop_head_entry(&u->backlog, struct unix_socket, backlog_node);
        if (fresh)
            atomic_store_relaxed(&u->backlog_length, u->backlog_length - 1);
        spin_unlock(&u->lock);
        if (!fresh)
            return;
        struct unix_socket *peer = unix_peer_get(fresh);
        if (peer) {
            hang_up_on(peer, true);
            unix_put(peer);
        }
        unix_close(fresh);
        unix_put(fresh);
    }
}

bool unix_drop_queue(struct unix_socket *u)
{
    struct list messages;
    struct unix_message *message;
    bool any = false;

    list_init(&messages);
    spin_lock(&u->lock);
    list_splice_tail(&messages, &u->queue);
    atomic_store_relaxed(&u->queue_length, 0u);
    atomic_store_relaxed(&u->queue_bytes, 0ull);
    atomic_store_relaxed(&u->urgent, NULL);
    spin_unlock(&u->lock);
    while ((message = list_pop_head_entry(&messages, struct unix_message, node))) {
        unix_message_free(message);
        any = true;
    }
    return any;
}

void unix_close(struct unix_socket *u)
{
    spin_lock(&u->lock);
    atomic_store_relaxed(&u->socket, NULL);
    struct unix_socket *peer = u->peer;
    u->peer = NULL;
    bool unread = !list_empty(&u->queue);
    atomic_store_relaxed(&u->shutdown, (uint8_t)UNIX_SHUT_BOTH);
    atomic_store_release(&u->status, (uint8_t)UNIX_CLOSED); /* nothing is queued from now on */
    spin_unlock(&u->lock);

    unix_unbind(u);
    if (peer) {
        if (unix_is_connection(u))
            hang_up_on(peer, unread);
        unix_put(peer);
    }
    spin_lock(&u->state->lock);
    list_remove(&u->sender_node);
    spin_unlock(&u->state->lock);
    close_backlog(u);
    unix_drop_queue(u);
    unix_announce_room(u); /* who waits to send learns that we are gone */
}

static void unix_release(struct socket *socket)
{
    struct unix_socket *u = socket->private;
    struct unix_state *state = u->state;
    unix_close(u);
    unix_put(u);
    unix_collect_garbage(state);
}

/* ---- shutdown(2) ---- */

static void add_shutdown(struct unix_socket *u, uint8_t how)
{
    spin_lock(&u->lock);
    atomic_store_relaxed(&u->shutdown, (uint8_t)(u->shutdown | how));
    spin_unlock(&u->lock);
    unix_wake_all(u, 0);
}

static int unix_shutdown(struct socket *socket, int how)
{
    struct unix_socket *u = socket->private;
    if (how < SHUT_RD || how > SHUT_RDWR)
        return -EINVAL;
    uint8_t ours = (uint8_t)(how + 1), theirs = 0; /* SHUT_RD is 0 */
    add_shutdown(u, ours);
    struct unix_socket *peer = unix_is_connection(u) ? unix_peer_get(u) : NULL;
    if (!peer)
        return 0;
    if (ours & UNIX_SHUT_RECEIVE)
        theirs |= UNIX_SHUT_SEND;
    if (ours & UNIX_SHUT_SEND)
        theirs |= UNIX_SHUT_RECEIVE;
    add_shutdown(peer, theirs);
    unix_put(peer);
    return 0;
}

/* ---- readiness ---- */

static uint32_t common_events(struct unix_socket *u, const struct socket *socket)
{
    uint8_t shutdown = unix_shutdown_state(u);
    enum unix_status status = unix_status(u);
    uint32_t events = 0;

    if (atomic_load_relaxed(&socket->error))
        events |= EPOLLERR;
    if (shutdown == UNIX_SHUT_BOTH)
        events |= EPOLLHUP;
    if (shutdown & UNIX_SHUT_RECEIVE)
        events |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
    if (unix_has_messages(u) || atomic_load_relaxed(&u->backlog_length))
        events |= EPOLLIN | EPOLLRDNORM;
    if (atomic_load_relaxed(&u->urgent))
        events |= EPOLLPRI;
    if (unix_is_connection(u) && status == UNIX_UNCONNECTED)
        events |= EPOLLHUP;
    if (status != UNIX_LISTENING && unix_is_writable(u, socket))
        events |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
    return events;
}

static uint32_t unix_stream_poll(struct socket *socket, struct poll_table *table)
{
    struct unix_socket *u = socket->private;
    poll_wait(table, &u->read_wait);
    poll_wait(table, &u->write_wait);
    atomic_fence_seq(); /* registered before looking */
    return common_events(u, socket);
}

/* Is there room at the peer? If not, have it wake our pollers when there is. */
static bool peer_has_room(struct unix_socket *u)
{
    struct unix_socket *peer = unix_peer_get(u);
    bool room = true;
    if (!peer)
        return true;
    spin_lock(&peer->lock);
    if (peer->peer != u && unix_queue_is_full(peer) && unix_status(peer) != UNIX_CLOSED) {
        room = false;
        spin_lock(&u->state->lock);
        list_move_tail(&peer->senders, &u->sender_node);
        atomic_store_relaxed(&peer->has_senders, true);
        spin_unlock(&u->state->lock);
    }
    spin_unlock(&peer->lock);
    unix_put(peer);
    return room;
}

static uint32_t unix_datagram_poll(struct socket *socket, struct poll_table *table)
{
    struct unix_socket *u = socket->private;
    uint32_t events = unix_stream_poll(socket, table);
    if ((events & EPOLLOUT) && !peer_has_room(u))
        events &= ~(uint32_t)(EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
    return events;
}

/* ---- options and ioctls ---- */

static void unix_option_changed(struct socket *socket, int option)
{
    struct unix_socket *u = socket->private;
    if (option == SO_PASSCRED)
        atomic_store_relaxed(&u->passcred, socket_has_flag(socket, SOCKET_PASSCRED));
    else if (option == SO_SNDBUF || option == SO_SNDBUFFORCE)
        wait_queue_wake(&u->write_wait, 0, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
}

/* Referenced; NULL without a peer. */
static const struct cred *peer_cred_get(struct unix_socket *u, int *out_pid)
{
    spin_lock(&u->lock);
    const struct cred *cred = u->peer_cred ? cred_get(u->peer_cred) : NULL;
    *out_pid = pid_slot_number_in(current_pid_namespace(), u->peer_pid);
    spin_unlock(&u->lock);
    return cred;
}

static int get_peer_cred(struct unix_socket *u, uint64_t uaddr, uint32_t *bytes)
{
    struct linux_ucred out = {.uid = UINT32_MAX, .gid = UINT32_MAX};
    int pid;
    const struct cred *cred = peer_cred_get(u, &pid);
    if (cred) {
        out = (struct linux_ucred){
            .pid = pid, .uid = current_uid_shown(cred->euid), .gid = current_gid_shown(cred->egid)};
        cred_put(cred);
    }
    return socket_put_option(uaddr, bytes, &out, sizeof(out));
}

static int get_peer_groups(struct unix_socket *u, uint64_t uaddr, uint32_t *bytes)
{
    int pid, error;
    const struct cred *cred = peer_cred_get(u, &pid);
    if (!cred)
        return -ENODATA;
    uint32_t size = cred->group_count * (uint32_t)sizeof(uint32_t);
    if (*bytes < size) {
        *bytes = size;
        error = -ERANGE;
    } else {
        error = socket_put_option(uaddr, bytes, cred->groups, size);
    }
    cred_put(cred);
    return error;
}

/* What the sender of a message pays for is all that is counted. */
static int get_memory_info(struct socket *socket, uint64_t uaddr, uint32_t *bytes)
{
    enum { RECEIVE_LIMIT = 1, SEND_USED = 2, SEND_LIMIT = 3, FIGURES = 9 };
    const struct unix_socket *u = socket->private;
    uint32_t figures[FIGURES] = {
        [RECEIVE_LIMIT] = atomic_load_relaxed(&socket->rcvbuf),
        [SEND_USED] = atomic_load_relaxed(&u->wmem),
        [SEND_LIMIT] = atomic_load_relaxed(&socket->sndbuf),
    };
    return socket_put_option(uaddr, bytes, figures, sizeof(figures));
}

static struct socket_filter **unix_filter_place(struct socket *socket, struct spinlock **out_lock)
{
    struct unix_socket *u = socket->private;
    *out_lock = &u->lock;
    return &u->filter;
}

static int unix_get_option(struct socket *socket, int level, int option, uint64_t uaddr,
                           uint32_t *bytes)
{
    if (level != SOL_SOCKET)
        return -EOPNOTSUPP;
    switch (option) {
    case SO_PEERCRED:
        return get_peer_cred(socket->private, uaddr, bytes);
    case SO_PEERGROUPS:
        return get_peer_groups(socket->private, uaddr, bytes);
    case SO_MEMINFO:
        return get_memory_info(socket, uaddr, bytes);
    default:
        return -ENOPROTOOPT;
    }
}

static int unix_set_option(struct socket *socket, int level, int option, uint64_t uaddr,
                           uint32_t bytes)
{
    (void)socket;
    (void)option;
    (void)uaddr;
    (void)bytes;
    return level == SOL_SOCKET ? -ENOPROTOOPT : -EOPNOTSUPP;
}

static int64_t bytes_readable(struct unix_socket *u)
{
    if (unix_status(u) == UNIX_LISTENING)
        return -EINVAL;
    spin_lock(&u->lock);
    uint64_t bytes = u->queue_bytes;
    if (!unix_is_connection(u)) {
        struct unix_message *first = list_first_entry(&u->queue, struct unix_message, node);
        bytes = first ? first->bytes : 0;
    }
    spin_unlock(&u->lock);
    return (int64_t)bytes;
}

static int64_t unix_ioctl(struct socket *socket, uint32_t command, uint64_t argument)
{
    struct unix_socket *u = socket->private;
    int64_t value;
    switch (command) {
    case SIOCINQ:
        value = bytes_readable(u);
        break;
    case SIOCOUTQ:
        value = unix_status(u) == UNIX_LISTENING ? -EINVAL : (int64_t)atomic_load_relaxed(&u->wmem);
        break;
    case SIOCATMARK:
        value = socket->type == SOCK_STREAM ? unix_is_at_mark(u) : -EOPNOTSUPP;
        break;
    default:
        return -ENOTTY;
    }
    return value < 0 ? value : put_user_u32(argument, (uint32_t)value);
}

/* ---- the family ---- */

static int unix_datagram_listen(struct socket *socket, int backlog)
{
    (void)socket;
    (void)backlog;
    return -EOPNOTSUPP;
}

static int unix_datagram_accept(struct socket *socket, struct socket *fresh, bool nonblock)
{
    (void)socket;
    (void)fresh;
    (void)nonblock;
    return -EOPNOTSUPP;
}

#define UNIX_COMMON_OPS                                                                            \
    .release = unix_release, .bind = unix_bind, .pair = unix_pair, .name = unix_name,              \
    .shutdown = unix_shutdown, .ioctl = unix_ioctl, .set_option = unix_set_option,                 \
    .get_option = unix_get_option, .option_changed = unix_option_changed, .peek_offset = true,     \
    .filter_place = unix_filter_place

const struct socket_ops unix_stream_ops = {
    UNIX_COMMON_OPS,          .connect = unix_stream_connect, .listen = unix_listen,
    .accept = unix_accept,    .send = unix_stream_send,       .receive = unix_stream_receive,
    .poll = unix_stream_poll,
};

const struct socket_ops unix_seqpacket_ops = {
    UNIX_COMMON_OPS,
    .connect = unix_stream_connect,
    .listen = unix_listen,
    .accept = unix_accept,
    .send = unix_seqpacket_send,
    .receive = unix_seqpacket_receive,
    .poll = unix_datagram_poll,
};

const struct socket_ops unix_datagram_ops = {
    UNIX_COMMON_OPS,
    .connect = unix_datagram_connect,
    .listen = unix_datagram_listen,
    .accept = unix_datagram_accept,
    .send = unix_datagram_send,
    .receive = unix_datagram_receive,
    .poll = unix_datagram_poll,
};

struct unix_socket *unix_of_file(const struct file *file)
{
    const struct socket *socket = file_socket(file);
    return socket && socket->family == AF_UNIX ? socket->private : NULL;
}

static int unix_create(struct socket *socket, int protocol)
{
    if (protocol != 0 && protocol != AF_UNIX)
        return -EPROTONOSUPPORT;
    switch (socket->type) {
    case SOCK_STREAM:
        socket->ops = &unix_stream_ops;
        break;
    case SOCK_RAW: /* an old habit of programs */
        socket->type = SOCK_DGRAM;
        FALLTHROUGH;
    case SOCK_DGRAM:
        socket->ops = &unix_datagram_ops;
        break;
    case SOCK_SEQPACKET:
        socket->ops = &unix_seqpacket_ops;
        break;
    default:
        return -ESOCKTNOSUPPORT;
    }
    socket->protocol = 0;
    struct unix_socket *u = unix_alloc(socket->net, socket->type);
    if (!u)
        return -ENOMEM;
    unix_attach(u, socket);
    return 0;
}

int unix_init(struct kernel *kernel)
{
    static const struct socket_family family = {.family = AF_UNIX, .create = unix_create};
    struct unix_state *state = kzalloc(sizeof(*state));
    if (!state)
        return -ENOMEM;
    spin_lock_init(&state->lock, LOCK_RANK_SOCKET_TABLE);
    list_init(&state->sockets);
    mutex_init(&state->rights_mutex, LOCK_RANK_SOCKET_RIGHTS);
    list_init(&state->inflight);
    list_init(&state->users);
    spin_lock_init(&state->discard_lock, LOCK_RANK_SOCKET_TABLE);
    list_init(&state->discarded);
    kernel->ipc->unix_sockets = state;
    socket_register_family(kernel, &family);
    return 0;
}
