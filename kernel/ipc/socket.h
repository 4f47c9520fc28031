/* SPDX-License-Identifier: MIT
 *
 * Sockets of any family (socket(2), socket(7)): what the system calls and a file see. A family
 * (AF_UNIX in this folder, others in kernel/net/) registers at boot and supplies the operations.
 *
 * Lifetime: a socket belongs to its file and is freed with it. What must live longer, such as a
 * connection that is still closing, is the family's own object behind socket->private.
 */
#ifndef KERNEL_IPC_SOCKET_H
#define KERNEL_IPC_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/abi/socket.h"
#include "kernel/lib/list.h"
#include "kernel/mm/uio.h"

struct bpf_packet;
struct socket_filter;
struct spinlock;
struct file;
struct kernel;
struct net_namespace;
struct poll_table;
struct socket;
struct strbuf;

/* An address in kernel memory, as bind(2) takes it. */
struct socket_address {
    uint32_t bytes; /* valid; 0: none. May exceed the storage, see unix(7) "BUGS" */
    union {
        uint16_t family;
        struct linux_sockaddr_storage storage;
        struct linux_sockaddr_un un;
        uint8_t raw[sizeof(struct linux_sockaddr_storage)];
    };
};

/* One message being sent or received. */
struct socket_message {
    struct uio uio;
    uint32_t flags;                /* MSG_* of the call; MSG_DONTWAIT includes O_NONBLOCK */
    struct socket_address address; /* send: destination; receive: source, out */
    bool want_address;             /* receive: the caller asked for it */

    /* Ancillary data. Send: a kernel copy. Receive: space in user memory, see socket_put_control.
     */
    const uint8_t *control;
    uint64_t control_uaddr;
    size_t control_bytes; /* given; receive: left */
    size_t control_used;  /* receive: bytes written */
    uint32_t out_flags;   /* receive: msg_flags */
};

/* Everything but the uio; the large address stays as it is. */
static inline void socket_message_init(struct socket_message *message, uint32_t flags)
{
    message->flags = flags;
    message->address.bytes = 0;
    message->want_address = false;
    message->control = NULL;
    message->control_uaddr = 0;
    message->control_bytes = message->control_used = 0;
    message->out_flags = 0;
}

/* A message that the kernel itself sends. */
struct socket_datagram {
    struct list_node node;
    uint32_t bytes, sender; /* netlink(7): the port */
    uint8_t data[];
};

struct socket_ops {
    /* The file is gone. socket->private is the family's to free. */
    void (*release)(struct socket *socket);
    int (*bind)(struct socket *socket, const struct socket_address *address);
    int (*connect)(struct socket *socket, const struct socket_address *address, bool nonblock);
    int (*listen)(struct socket *socket, int backlog);
    /* Make `fresh` (no ops yet, same family and type) the next connection. */
    int (*accept)(struct socket *socket, struct socket *fresh, bool nonblock);
    int (*pair)(struct socket *a, struct socket *b);
    /* getsockname, or getpeername with `peer`. */
    int (*name)(struct socket *socket, bool peer, struct socket_address *out);
    /* Bytes, or -EAGAIN, -ERESTARTSYS, -EINTR … Sending sends SIGPIPE itself (ipc_broken_pipe). */
    int64_t (*send)(struct socket *socket, struct socket_message *message);
    int64_t (*receive)(struct socket *socket, struct socket_message *message);
    int (*shutdown)(struct socket *socket, int how);
    uint32_t (*poll)(struct socket *socket, struct poll_table *table);
    int64_t (*ioctl)(struct socket *socket, uint32_t command, uint64_t argument);
    /* Options that socket_option.c does not know, and all of other levels; -ENOPROTOOPT. NULL:
     * none. get writes at most *bytes to the user's buffer and sets *bytes. */
    int (*set_option)(struct socket *socket, int level, int option, uint64_t uaddr, uint32_t bytes);
    int (*get_option)(struct socket *socket, int level, int option, uint64_t uaddr,
                      uint32_t *bytes);
    void (*option_changed)(struct socket *socket, int option); /* of SOL_SOCKET; may be NULL */
    bool peek_offset;                                          /* SO_PEEK_OFF works */
    /* Queue a message that the kernel has made, from kmalloc, which is the socket's from now on.
     * Any thread context, no lock held. NULL: takes none. */
    void (*deliver)(struct socket *socket, struct socket_datagram *datagram);
    /* Where the family keeps the socket's filter, and the lock that guards it; NULL: has none. */
    struct socket_filter **(*filter_place)(struct socket *socket, struct spinlock **out_lock);
};

/* SOL_SOCKET booleans, as bits of socket->flags. */
enum socket_flags {
    SOCKET_DEBUG = 1 << 0,
    SOCKET_REUSEADDR = 1 << 1,
    SOCKET_DONTROUTE = 1 << 2,
    SOCKET_BROADCAST = 1 << 3,
    SOCKET_KEEPALIVE = 1 << 4,
    SOCKET_OOBINLINE = 1 << 5,
    SOCKET_REUSEPORT = 1 << 6,
    SOCKET_PASSCRED = 1 << 7,
    SOCKET_TIMESTAMP = 1 << 8,
    SOCKET_TIMESTAMPNS = 1 << 9,
    SOCKET_PASSSEC = 1 << 10,
    SOCKET_NO_CHECK = 1 << 11,
    SOCKET_RXQ_OVFL = 1 << 12,
    SOCKET_ZEROCOPY = 1 << 13,
    SOCKET_NOFCS = 1 << 14,
    SOCKET_WIFI_STATUS = 1 << 15,
    SOCKET_SELECT_ERR_QUEUE = 1 << 16,
    SOCKET_LINGER = 1 << 17,
    SOCKET_LISTENING = 1 << 18 /* set by the family: SO_ACCEPTCONN */,
    SOCKET_SNDBUF_LOCKED = 1 << 19,
    SOCKET_RCVBUF_LOCKED = 1 << 20,
    SOCKET_FILTER_LOCKED = 1 << 21,
};

enum {
    SOCKET_BUFFER_DEFAULT = 212992, /* net.core.[rw]mem_default, _max */
    SOCKET_BUFFER_MAX = 212992,
    SOCKET_SNDBUF_MIN = 4608,
    SOCKET_RCVBUF_MIN = 2304,
};

struct socket {
    const struct socket_ops *ops;
    struct kernel *kernel;
    struct file *file;         /* not referenced */
    struct net_namespace *net; /* where it was made; referenced; constant */
    uint16_t family, type;     /* AF_*, SOCK_* without flags */
    int protocol;
    void *private; /* of the family */

    /* Options: plain words, changed and read with atomics. */
    uint32_t flags;          /* enum socket_flags */
    uint32_t sndbuf, rcvbuf; /* bytes, doubled as Linux doubles them */
    uint32_t rcvlowat;
    int32_t peek_offset;               /* SO_PEEK_OFF; -1: off */
    uint64_t sndtimeo_ns, rcvtimeo_ns; /* 0: none */
    uint32_t linger_s;
    uint32_t priority, mark, busy_poll_us, busy_poll_budget, prefer_busy_poll;
    uint32_t loopback_only; /* SO_BINDTODEVICE */
    int32_t txtime_clock; /* SO_TXTIME: remembered, there is no queue that knows times */
    uint32_t txtime_flags;
    uint64_t pacing_rate_max; /* SO_MAX_PACING_RATE, the same: inverted, so that 0 is no limit */
    int32_t error;   /* SO_ERROR: positive errno, taken by whoever reports it */
    uint64_t cookie; /* SO_COOKIE; 0 until asked for */
};

struct socket_family {
    int family;
    /* Check type and protocol, set ops and private. 0, -ESOCKTNOSUPPORT, -EPROTONOSUPPORT,
     * -ENOMEM … */
    int (*create)(struct socket *socket, int protocol);
};

/* Boot. The structure must outlive the kernel. */
void socket_register_family(struct kernel *kernel, const struct socket_family *family);

/* socket(2) without a descriptor: a file with one reference. type without flags; file_flags:
 * O_NONBLOCK. -EAFNOSUPPORT, -EINVAL, -ENFILE, -ENOMEM and what the family says. */
int socket_create(struct kernel *kernel, int family, int type, int protocol, uint32_t file_flags,
                  struct file **out);
int socket_create_pair(struct kernel *kernel, int family, int type, int protocol,
                       uint32_t file_flags, struct file **out_a, struct file **out_b);
/* accept(2) without a descriptor: blocks unless `listener` is nonblocking. */
int socket_accept(struct file *listener, uint32_t file_flags, struct file **out);

/* The socket of a file, or NULL (-ENOTSOCK). */
struct socket *file_socket(const struct file *file);

/* Send and receive with the file's O_NONBLOCK taken into account. */
int64_t socket_send(struct socket *socket, struct socket_message *message);
int64_t socket_receive(struct socket *socket, struct socket_message *message);

int socket_set_option(struct socket *socket, int level, int option, uint64_t uaddr, uint32_t bytes);
int socket_get_option(struct socket *socket, int level, int option, uint64_t uaddr,
                      uint32_t *bytes);
/* For families' get_option: at most *bytes of an object, and *bytes becomes what was copied. */
int socket_put_option(uint64_t uaddr, uint32_t *bytes, const void *value, size_t size);

/* ---- socket_filter.c ---- */

/* SO_ATTACH_FILTER and what goes with it; -ENOPROTOOPT for any other option. */
int socket_set_filter_option(struct socket *socket, int option, uint64_t uaddr, uint32_t bytes);
/* SO_GET_FILTER: *count, the room in instructions, becomes how many there are. */
int socket_get_filter(struct socket *socket, uint64_t uaddr, uint32_t *count);
/* How many of the packet's bytes the filter lets through: 0 drops it. The place's lock is held. */
uint32_t socket_filter_run(const struct socket_filter *filter, const struct bpf_packet *packet);
void socket_filter_put(struct socket_filter *filter); /* NULL: nothing */

/* ---- for families ---- */

static inline bool socket_has_flag(const struct socket *socket, uint32_t flag)
{
    return __atomic_load_n(&socket->flags, __ATOMIC_RELAXED) & flag;
}
void socket_set_flag(struct socket *socket, uint32_t flag, bool on);

/* SO_ERROR: record an error (positive); take it, negative or 0. */
void socket_set_error(struct socket *socket, int error);
int socket_take_error(struct socket *socket);

/* When a blocking call has to give up: now (0) with `nonblock`, else by SO_RCVTIMEO, SO_SNDTIMEO.
 */
uint64_t socket_deadline(uint64_t timeout_ns, bool nonblock);
/* The error of a wait that ended with `result` (wait.h): -EAGAIN at the deadline; a signal restarts
 * the call only if it has no timeout. */
int socket_wait_error(int result, uint64_t deadline_ns);

/* Receive: append a control message for the user, cut where it does not fit (MSG_CTRUNC). */
int socket_put_control(struct socket_message *message, int level, int type, const void *data,
                       size_t bytes);

#endif
