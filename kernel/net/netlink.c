/* SPDX-License-Identifier: MIT
 *
 * AF_NETLINK sockets, netlink(7): datagrams between programs and the kernel, and between programs.
 *
 * A request is answered while it is sent: the answers are in the sender's queue when sendto(2)
 * returns. A queue is bounded by SO_RCVBUF; what does not fit is dropped and the reader told
 * (ENOBUFS). Ports are found in the namespace's list under stack->lock, which is also what keeps a
 * receiver alive while a message is put into its queue.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/poll.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/net/net_internal.h"
#include "kernel/sched/wait.h"
#include "kernel/security/cred.h"
#include "kernel/security/pid_namespace.h"

enum { NETLINK_USERSOCK = 2, GROUPS_MAX = 32, OVERHEAD = 256 };

/* ---- queues ---- */

static void deliver(struct netlink_socket *nl, struct socket_datagram *datagram)
{
    uint32_t charge = datagram->bytes + OVERHEAD;
    spin_lock(&nl->lock);
    bool fits = nl->queued_bytes + charge <= atomic_load_relaxed(&nl->socket->rcvbuf);
    if (fits) {
        nl->queued_bytes += charge;
        list_add_tail(&nl->queue, &datagram->node);
    }
    spin_unlock(&nl->lock);
    if (!fits) {
        kfree(datagram);
        if (!(atomic_load_relaxed(&nl->options) & 1u << NETLINK_NO_ENOBUFS))
            socket_set_error(nl->socket, ENOBUFS);
    }
    wait_queue_wake(&nl->wait, 0, EPOLLIN | EPOLLRDNORM);
}

static void netlink_deliver(struct socket *socket, struct socket_datagram *datagram)
{
    deliver(socket->private, datagram);
}

static struct socket_datagram *make_datagram(const void *bytes, size_t count, uint32_t sender)
{
    struct socket_datagram *datagram = kmalloc(sizeof(*datagram) + count);
    if (!datagram)
        return NULL;
    list_node_init(&datagram->node);
    datagram->bytes = (uint32_t)count;
    datagram->sender = sender;
    memcpy(datagram->data, bytes, count);
    return datagram;
}

void netlink_reply(struct netlink_socket *nl, const void *bytes, size_t count)
{
    struct socket_datagram *datagram = make_datagram(bytes, count, 0);
    if (datagram)
        deliver(nl, datagram);
    else
        socket_set_error(nl->socket, ENOBUFS);
}

static bool has_messages(struct netlink_socket *nl)
{
    spin_lock(&nl->lock);
    bool any = !list_empty(&nl->queue);
    spin_unlock(&nl->lock);
    return any;
}

/* ---- ports ---- */

static struct netlink_socket *find_locked(struct net_stack *stack, int protocol, uint32_t port)
{
    struct netlink_socket *nl;
    list_for_each_entry(nl, &stack->netlink_sockets, node)
    {
        if (nl->socket->protocol == protocol && nl->port == port)
            return nl;
    }
    return NULL;
}

static int take_port(struct netlink_socket *nl, uint32_t port)
{
    struct net_stack *stack = net_stack_of(nl->socket->net);
    int error = 0;
    spin_lock(&stack->lock);
    if (nl->port)
        error = nl->port == port ? 0 : -EINVAL;
    else if (find_locked(stack, nl->socket->protocol, port))
        error = -EADDRINUSE;
    else
        atomic_store_relaxed(&nl->port, port);
    spin_unlock(&stack->lock);
    return error;
}

/* The first socket of a process has its number; others some above all numbers of processes. */
static int autobind(struct netlink_socket *nl)
{
    struct net_stack *stack = net_stack_of(nl->socket->net);
    uint32_t port = (uint32_t)current_pid_shown(this_thread()->tgid);
    spin_lock(&stack->lock);
    if (!nl->port) {
        while (!port || find_locked(stack, nl->socket->protocol, port))
            port = 0x80000000u | ++stack->last_port;
        atomic_store_relaxed(&nl->port, port);
    }
    spin_unlock(&stack->lock);
    return 0;
}

static int check_address(const struct socket_address *address, struct linux_sockaddr_nl *out)
{
    if (address->bytes < sizeof(*out))
        return -EINVAL;
    memcpy(out, address->raw, sizeof(*out));
    return out->nl_family == AF_NETLINK ? 0 : -EINVAL;
}

/* Programs talk to each other over NETLINK_USERSOCK alone, unless they may configure the network.
 */
static bool may_use(const struct netlink_socket *nl)
{
    return nl->socket->protocol == NETLINK_USERSOCK ||
           capable_in(nl->socket->net->common.owner, CAP_NET_ADMIN);
}

static int netlink_bind(struct socket *socket, const struct socket_address *address)
{
    struct netlink_socket *nl = socket->private;
    struct linux_sockaddr_nl name;
    int error = check_address(address, &name);
    if (error)
        return error;
    if (name.nl_groups && socket->protocol != NETLINK_ROUTE &&
        socket->protocol != NETLINK_KOBJECT_UEVENT && !may_use(nl))
        return -EPERM;
    if (atomic_load_relaxed(&nl->port) && name.nl_pid != atomic_load_relaxed(&nl->port))
        return -EINVAL;
    error = name.nl_pid ? take_port(nl, name.nl_pid) : autobind(nl);
    if (!error)
        atomic_store_relaxed(&nl->groups, name.nl_groups);
    return error;
}

static int netlink_connect(struct socket *socket, const struct socket_address *address,
                           bool nonblock)
{
    struct netlink_socket *nl = socket->private;
    struct linux_sockaddr_nl name;
    (void)nonblock;
    if (address->bytes >= sizeof(uint16_t) && address->family == AF_UNSPEC) {
        atomic_store_relaxed(&nl->peer, 0u);
        return 0;
    }
    int error = check_address(address, &name);
    if (!error && (name.nl_groups || name.nl_pid) && !may_use(nl))
        error = -EPERM;
    if (!error)
        error = autobind(nl);
    if (!error)
        atomic_store_relaxed(&nl->peer, name.nl_pid);
    return error;
}

static int netlink_name(struct socket *socket, bool peer, struct socket_address *out)
{
    struct netlink_socket *nl = socket->private;
    struct linux_sockaddr_nl name = {
        .nl_family = AF_NETLINK,
        .nl_pid = atomic_load_relaxed(peer ? &nl->peer : &nl->port),
        .nl_groups = peer ? 0 : atomic_load_relaxed(&nl->groups),
    };
    out->bytes = sizeof(name);
    memcpy(out->raw, &name, sizeof(name));
    return 0;
}

/* ---- requests to the kernel ---- */

static void acknowledge(struct netlink_socket *nl, const struct linux_nlmsghdr *header, int error)
{
    bool whole = error && !(atomic_load_relaxed(&nl->options) & 1u << NETLINK_CAP_ACK);
    size_t copied = whole ? header->nlmsg_len : sizeof(*header);
    size_t bytes = sizeof(struct linux_nlmsghdr) + sizeof(int32_t) + copied;
    uint8_t *out = kzalloc(bytes);
    if (!out) {
        socket_set_error(nl->socket, ENOBUFS);
        return;
    }
    struct linux_nlmsghdr *answer = (void *)out;
    struct linux_nlmsgerr *body = (void *)(answer + 1);
    *answer = (struct linux_nlmsghdr){
        .nlmsg_len = (uint32_t)bytes,
        .nlmsg_type = NLMSG_ERROR,
        .nlmsg_flags = error && whole ? 0 : NLM_F_CAPPED,
        .nlmsg_seq = header->nlmsg_seq,
        .nlmsg_pid = atomic_load_relaxed(&nl->port),
    };
    body->error = error;
    memcpy(&body->msg, header, copied);
    netlink_reply(nl, out, bytes);
    kfree(out);
}

static int request(struct netlink_socket *nl, const struct linux_nlmsghdr *header)
{
    if (nl->socket->protocol == NETLINK_ROUTE)
        return rtnetlink_request(nl, header, header->nlmsg_len);
    return -ECONNREFUSED;
}

/* As many requests as there are; what is no request any more ends it silently. */
static void take_requests(struct netlink_socket *nl, const uint8_t *bytes, size_t count)
{
    struct linux_nlmsghdr header;
    while (count >= sizeof(header)) {
        memcpy(&header, bytes, sizeof(header));
        if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > count)
            return;
        bool known = (header.nlmsg_flags & NLM_F_REQUEST) && header.nlmsg_type >= NLMSG_MIN_TYPE;
        int result = known ? request(nl, (const void *)bytes) : 0;
        if (result < 0 || (result == 0 && (header.nlmsg_flags & NLM_F_ACK)))
            acknowledge(nl, (const void *)bytes, result);
        size_t step = MIN(count, (size_t)LINUX_NETLINK_ALIGN(header.nlmsg_len));
        bytes += step;
        count -= step;
    }
}

/* ---- sending ---- */

static int send_to_port(struct netlink_socket *nl, uint32_t port, const void *bytes, size_t count)
{
    struct net_stack *stack = net_stack_of(nl->socket->net);
    struct socket_datagram *datagram = make_datagram(bytes, count, atomic_load_relaxed(&nl->port));
    if (!datagram)
        return -ENOBUFS;
    spin_lock(&stack->lock);
    struct netlink_socket *receiver = find_locked(stack, nl->socket->protocol, port);
    if (receiver)
        deliver(receiver, datagram);
    spin_unlock(&stack->lock);
    if (!receiver)
        kfree(datagram);
    return receiver ? 0 : -ECONNREFUSED;
}

static int64_t netlink_send(struct socket *socket, struct socket_message *message)
{
    struct netlink_socket *nl = socket->private;
    struct linux_sockaddr_nl to = {.nl_pid = atomic_load_relaxed(&nl->peer)};
    uint64_t count = message->uio.remaining;
    if (message->flags & MSG_OOB)
        return -EOPNOTSUPP;
    if (count == 0)
        return -ENODATA;
    int error = message->address.bytes ? check_address(&message->address, &to) : 0;
    if (!error && message->address.bytes && (to.nl_pid || to.nl_groups) && !may_use(nl))
        error = -EPERM;
    if (!error)
        error = autobind(nl);
    if (error)
        return error;
    if (count > atomic_load_relaxed(&socket->sndbuf) - NETLINK_BUFFER_MIN)
        return -EMSGSIZE;
    uint8_t *bytes = kmalloc((size_t)count);
    if (!bytes)
        return -ENOBUFS;
    if (uio_copy_from(bytes, &message->uio, (size_t)count) != count)
        error = -EFAULT;
    else if (to.nl_pid)
        error = send_to_port(nl, to.nl_pid, bytes, (size_t)count);
    else if (socket->protocol == NETLINK_USERSOCK)
        error = -ECONNREFUSED; /* nobody listens in the kernel */
    else
        take_requests(nl, bytes, (size_t)count);
    kfree(bytes);
    return error ? error : (int64_t)count;
}

/* ---- receiving ---- */

/* The first message, taken from the queue unless `peek`. reader is held. */
static struct socket_datagram *first_message(struct netlink_socket *nl, bool peek)
{
    spin_lock(&nl->lock);
    struct socket_datagram *first = list_first_entry(&nl->queue, struct socket_datagram, node);
    if (first && !peek) {
        list_remove(&first->node);
        nl->queued_bytes -= first->bytes + OVERHEAD;
    }
    spin_unlock(&nl->lock);
    return first;
}

static int64_t read_message(const struct socket_datagram *datagram, struct socket_message *message)
{
    size_t count = MIN((size_t)datagram->bytes, (size_t)message->uio.remaining);
    const struct linux_sockaddr_nl from = {.nl_family = AF_NETLINK, .nl_pid = datagram->sender};
    if (uio_copy_to(&message->uio, datagram->data, count) != count)
        return -EFAULT;
    if (count < datagram->bytes)
        message->out_flags |= MSG_TRUNC;
    if (message->want_address) {
        message->address.bytes = sizeof(from);
        memcpy(message->address.raw, &from, sizeof(from));
    }
    return message->flags & MSG_TRUNC ? (int64_t)datagram->bytes : (int64_t)count;
}

static int64_t try_receive(struct netlink_socket *nl, struct socket_message *message)
{
    bool peek = message->flags & MSG_PEEK;
    int64_t result = mutex_lock_interruptible(&nl->reader);
    if (result)
        return result;
    struct socket_datagram *first = first_message(nl, peek);
    result = first ? read_message(first, message) : -EAGAIN;
    mutex_unlock(&nl->reader);
    if (!peek)
        kfree(first);
    return result;
}

static int64_t netlink_receive(struct socket *socket, struct socket_message *message)
{
    struct netlink_socket *nl = socket->private;
    int64_t result;
    if (message->flags & MSG_OOB)
        return -EOPNOTSUPP;
    uint64_t deadline_ns =
        socket_deadline(atomic_load_relaxed(&socket->rcvtimeo_ns), message->flags & MSG_DONTWAIT);
    for (;;) {
        int error = socket_take_error(socket);
        if (error)
            return error;
        result = try_receive(nl, message);
        if (result != -EAGAIN || deadline_ns == 0)
            return result;
        error = wait_event_until(&nl->wait, has_messages(nl) || atomic_load_relaxed(&socket->error),
                                 deadline_ns);
        if (error)
            return socket_wait_error(error, deadline_ns);
    }
}

static uint32_t netlink_poll(struct socket *socket, struct poll_table *table)
{
    struct netlink_socket *nl = socket->private;
    poll_wait(table, &nl->wait);
    return (has_messages(nl) ? EPOLLIN | EPOLLRDNORM : 0) | EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND |
           (atomic_load_relaxed(&socket->error) ? EPOLLERR : 0);
}

/* ---- options ---- */

static const uint32_t flag_options = 1u << NETLINK_PKTINFO | 1u << NETLINK_BROADCAST_ERROR |
                                     1u << NETLINK_NO_ENOBUFS | 1u << NETLINK_CAP_ACK |
                                     1u << NETLINK_EXT_ACK | 1u << NETLINK_GET_STRICT_CHK;

static int netlink_set_option(struct socket *socket, int level, int option, uint64_t uaddr,
                              uint32_t bytes)
{
    struct netlink_socket *nl = socket->private;
    uint32_t value = 0;
    if (level != SOL_NETLINK)
        return -ENOPROTOOPT;
    if (bytes >= sizeof(value) && get_user_u32(&value, uaddr))
        return -EFAULT;
    if (option == NETLINK_ADD_MEMBERSHIP || option == NETLINK_DROP_MEMBERSHIP) {
        if (value == 0 || value > GROUPS_MAX)
            return -EINVAL;
        uint32_t bit = 1u << (value - 1);
        if (option == NETLINK_ADD_MEMBERSHIP)
            atomic_fetch_or_relaxed(&nl->groups, bit);
        else
            atomic_fetch_and_relaxed(&nl->groups, ~bit);
        return 0;
    }
    if (option < 0 || option >= 32 || !(flag_options & 1u << option))
        return -ENOPROTOOPT;
    if (value)
        atomic_fetch_or_relaxed(&nl->options, 1u << option);
    else
        atomic_fetch_and_relaxed(&nl->options, ~(1u << option));
    return 0;
}

static int netlink_get_option(struct socket *socket, int level, int option, uint64_t uaddr,
                              uint32_t *bytes)
{
    struct netlink_socket *nl = socket->private;
    if (level != SOL_NETLINK || option < 0 || option >= 32)
        return -ENOPROTOOPT;
    uint32_t value = (atomic_load_relaxed(&nl->options) & 1u << option) != 0;
    if (option == NETLINK_LIST_MEMBERSHIPS)
        value = atomic_load_relaxed(&nl->groups);
    else if (!(flag_options & 1u << option))
        return -ENOPROTOOPT;
    if (*bytes < sizeof(value))
        return -EINVAL;
    return socket_put_option(uaddr, bytes, &value, sizeof(value));
}

/* ---- life ---- */

static void netlink_release(struct socket *socket)
{
    struct netlink_socket *nl = socket->private;
    struct net_stack *stack = net_stack_of(socket->net);
    struct socket_datagram *datagram;
    spin_lock(&stack->lock);
    list_remove(&nl->node);
    spin_unlock(&stack->lock);
    while ((datagram = list_pop_head_entry(&nl->queue, struct socket_datagram, node)))
        kfree(datagram);
    kfree(nl);
}

static const struct socket_ops netlink_ops = {
    .release = netlink_release,
    .bind = netlink_bind,
    .connect = netlink_connect,
    .name = netlink_name,
    .send = netlink_send,
    .receive = netlink_receive,
    .poll = netlink_poll,
    .set_option = netlink_set_option,
    .get_option = netlink_get_option,
    .deliver = netlink_deliver,
};

static int netlink_create(struct socket *socket, int protocol)
{
    if (socket->type != SOCK_RAW && socket->type != SOCK_DGRAM)
        return -ESOCKTNOSUPPORT;
    if (protocol != NETLINK_ROUTE && protocol != NETLINK_USERSOCK &&
        protocol != NETLINK_KOBJECT_UEVENT)
        return -EPROTONOSUPPORT;
    struct netlink_socket *nl = kzalloc(sizeof(*nl));
    struct net_stack *stack = net_stack_of(socket->net);
    if (!nl)
        return -ENOMEM;
    nl->socket = socket;
    mutex_init(&nl->reader, LOCK_RANK_SOCKET);
    spin_lock_init(&nl->lock, LOCK_RANK_SOCKET_TABLE);
    list_init(&nl->queue);
    wait_queue_init(&nl->wait);
    socket->private = nl;
    socket->ops = &netlink_ops;
    spin_lock(&stack->lock);
    list_add_tail(&stack->netlink_sockets, &nl->node);
    spin_unlock(&stack->lock);
    return 0;
}

int netlink_init(struct kernel *kernel)
{
    static const struct socket_family family = {.family = AF_NETLINK, .create = netlink_create};
    socket_register_family(kernel, &family);
    return 0;
}
