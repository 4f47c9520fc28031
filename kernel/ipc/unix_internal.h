/* SPDX-License-Identifier: MIT
 *
 * AF_UNIX sockets: structures shared by the files unix_*.c (unix(7)).
 *
 * A unix_socket lives as long as anyone refers to it: its struct socket (until release), its peer,
 * messages it has sent that nobody has read yet, and system calls at work. A connection that was
 * not accepted yet is a unix_socket without a struct socket in its listener's backlog.
 *
 * Locks, in the order in which they are taken:
 *  - unix_socket.setup (sleeping): binding, listening, connecting, one at a time for each socket.
 *  - unix_socket.reader (sleeping): who takes messages out of the queue; held while user memory is
 *    written. Only its holder removes messages, so that it may look at the first one without lock.
 *  - unix_state.rights_mutex (sleeping): files in flight; see unix_gc.c.
 *  - unix_socket.lock (spin): the fields below it. Two at once never.
 *  - unix_state.lock (spin): abstract names, list of all sockets, senders waiting. Taken last.
 */
#ifndef KERNEL_IPC_UNIX_INTERNAL_H
#define KERNEL_IPC_UNIX_INTERNAL_H

#include "kernel/abi/errno.h"
#include "kernel/abi/socket.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/vfs.h"
#include "kernel/ipc/ipc_internal.h"
#include "kernel/ipc/socket.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/list.h"
#include "kernel/sched/mutex.h"

struct cred;
struct net_namespace;
struct unix_rights;
struct unix_socket;

enum {
    UNIX_NAME_BUCKETS = 256,
    UNIX_DATAGRAMS_MAX = 10, /* net.unix.max_dgram_qlen */
    UNIX_NOBODY = 65534,     /* uid and gid where none were recorded */
};
enum { UNIX_SHUT_RECEIVE = 1, UNIX_SHUT_SEND = 2, UNIX_SHUT_BOTH = 3 };
enum unix_status { UNIX_UNCONNECTED, UNIX_LISTENING, UNIX_CONNECTED, UNIX_CLOSED };

/* A name, immutable. */
struct unix_address {
    struct refcount refs;
    uint32_t bytes;  /* of the sockaddr_un, with family; path names: with the NUL */
    uint16_t family; /* these two are the sockaddr_un */
    char path[UNIX_PATH_MAX + 1];
};

struct unix_state {
    struct spinlock lock;
    struct list sockets; /* unix_socket.list_node, by id */
    uint64_t last_id;
    uint32_t next_autobind;

    struct mutex rights_mutex; /* the fields down to the blank line */
    struct list inflight;      /* unix_socket.inflight_node: in a message somewhere */
    unsigned inflight_count;   /* of them; atomic */
    struct list users;         /* struct unix_user: how many files each has in flight */

    struct spinlock discard_lock; /* rights to give up, see unix_rights_discard */
    struct list discarded;
    bool discarding;
};

/* The abstract names of a network namespace; unix_state.lock. */
struct unix_names {
    struct hlist buckets[UNIX_NAME_BUCKETS]; /* unix_socket.name_node */
};

/* Part of a message's bytes. */
struct unix_chunk {
    struct unix_chunk *next;
    uint32_t bytes;
    uint8_t data[];
};

/* Who sent a message, by kernel ids. */
struct unix_sender {
    struct pid_slot *pid; /* referenced; NULL: not recorded */
    uint32_t uid, gid;    /* UNIX_NOBODY */
};

struct unix_message {
    struct list_node node;
    struct unix_socket *sender; /* referenced: its wmem pays for the message */
    struct unix_rights *rights; /* files; NULL mostly */
    struct unix_sender sender_ids;
    uint32_t charge;         /* bytes of memory, against the sender's buffer */
    uint32_t bytes;          /* of data */
    uint32_t consumed;       /* stream: read already */
    struct unix_chunk first; /* must be last */
};

struct unix_socket {
    struct refcount refs;
    uint16_t type; /* SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET */
    struct kernel *kernel;
    struct unix_state *state;
    struct net_namespace *net;  /* referenced; constant */
    uint64_t id;                /* place in the list */
    struct list_node list_node; /* state->lock, like the next */
    struct hlist_node name_node;
    struct list senders; /* datagrams: who polls for room in our queue; and our place */
    struct list_node sender_node;
    bool has_senders; /* the list is not empty; atomic */

    struct mutex setup, reader;
    struct unix_address *address; /* set once under setup; atomic; referenced */
    struct path path;             /* of a bound path name; mount NULL otherwise; setup */

    struct spinlock lock;
    struct socket *socket;    /* NULL: not accepted yet, or closed; atomic */
    struct unix_socket *peer; /* referenced. Of connections it is set once, before status */
    uint8_t status;           /* enum unix_status; atomic */
    uint8_t shutdown;         /* UNIX_SHUT_*; atomic */
    struct list queue;        /* messages for us */
    unsigned queue_length;    /* atomic */
    struct unix_message *urgent;  /* of them, what was sent out of band, or NULL; atomic */
    struct socket_filter *filter; /* SO_ATTACH_FILTER; NULL mostly; atomic */
    uint64_t queue_bytes;     /* unread; atomic */
    struct list backlog;      /* unix_socket.backlog_node: not accepted yet, referenced */
    struct list_node backlog_node;
    unsigned backlog_length, backlog_max; /* atomic. Datagrams: messages queued by strangers */
    const struct cred *cred, *peer_cred;  /* who connects or listens; the other side. May be NULL */
    struct pid_slot *cred_pid, *peer_pid; /* and as what process; referenced */

    bool passcred; /* SO_PASSCRED; atomic */
    uint32_t wmem; /* memory of our messages that nobody has read; atomic */
    struct wait_queue read_wait, write_wait;
    struct wait_queue room_wait; /* for room in our queue or backlog */

    uint32_t inflight; /* times in messages; rights_mutex, like the rest */
    uint32_t gc_count;
    bool gc_candidate, gc_alive;
    struct list_node inflight_node, gc_node;
};

static inline bool unix_is_connection(const struct unix_socket *u)
{
    return u->type != SOCK_DGRAM;
}
static inline enum unix_status unix_status(const struct unix_socket *u)
{
    return (enum unix_status)atomic_load_acquire(&u->status);
}
static inline uint8_t unix_shutdown_state(const struct unix_socket *u)
{
    return atomic_load_relaxed(&u->shutdown);
}
static inline bool unix_has_messages(const struct unix_socket *u)
{
    return atomic_load_relaxed(&u->queue_length) != 0;
}

/* ---- unix_socket.c ---- */

extern const struct socket_ops unix_stream_ops, unix_datagram_ops, unix_seqpacket_ops;

/* One reference. The kernel's list holds none. */
struct unix_socket *unix_alloc(struct net_namespace *net, int type);
static inline struct unix_socket *unix_get(struct unix_socket *u)
{
    refcount_inc(&u->refs);
    return u;
}
void unix_put(struct unix_socket *u);
/* Nobody will use this end any more: tell the peer, forget everything queued. */
void unix_close(struct unix_socket *u);
void unix_attach(struct unix_socket *u, struct socket *socket);
/* SO_ERROR of whoever has the socket open. */
void unix_set_error(struct unix_socket *u, int error);
/* The peer with a reference, or NULL. */
struct unix_socket *unix_peer_get(struct unix_socket *u);
/* Remember the current thread's credentials as ours. */
void unix_record_cred(struct unix_socket *u);
void unix_wake_all(struct unix_socket *u, uint32_t key);
/* Free every queued message; true if there was any. reader held, or nobody else left. */
bool unix_drop_queue(struct unix_socket *u);

/* ---- unix_address.c ---- */

int unix_bind(struct socket *socket, const struct socket_address *address);
int unix_autobind(struct unix_socket *u);          /* if it has no name; setup is held */
int unix_autobind_for_cred(struct unix_socket *u); /* takes setup */
void unix_unbind(struct unix_socket *u);
/* The socket bound to an address, referenced. -ECONNREFUSED, -EPROTOTYPE, -EACCES, -ENOENT … */
int unix_find(struct unix_socket *u, const struct socket_address *address,
              struct unix_socket **out);
struct unix_names *unix_names_create(void);        /* NULL: out of memory */
void unix_names_destroy(struct unix_names *names); /* NULL is fine */
int unix_name(struct socket *socket, bool peer, struct socket_address *out);
void unix_address_out(const struct unix_address *address, struct socket_address *out);
void unix_address_put(struct unix_address *address);

/* ---- unix_connect.c ---- */

int unix_listen(struct socket *socket, int backlog);
int unix_stream_connect(struct socket *socket, const struct socket_address *address, bool nonblock);
int unix_accept(struct socket *socket, struct socket *fresh, bool nonblock);
int unix_pair(struct socket *a, struct socket *b);
int unix_datagram_connect(struct socket *socket, const struct socket_address *address,
                          bool nonblock);

/* ---- unix_message.c ---- */

/* Wait for room in the send buffer, then a message of so many bytes with one sender reference.
 * `contiguous` bytes may come out fewer. 0, -EAGAIN, -EPIPE (shut down), -ENOBUFS, SO_ERROR … */
int unix_message_create(struct unix_socket *u, struct socket *socket, size_t bytes,
                        uint64_t deadline_ns, struct unix_message **out);
void unix_message_free(struct unix_message *message);
int unix_message_fill(struct unix_message *message, struct uio *uio); /* 0 or -EFAULT */
/* Up to `bytes` bytes from `offset` on; short at a fault. */
size_t unix_message_copy(const struct unix_message *message, uint32_t offset, struct uio *uio,
                         size_t bytes);
bool unix_is_writable(const struct unix_socket *u, const struct socket *socket);
size_t unix_stream_chunk_max(void);
/* With u->lock held. */
void unix_enqueue_locked(struct unix_socket *u, struct unix_message *message);
/* A message out of the queue; reader held. */
void unix_dequeue(struct unix_socket *u, struct unix_message *message);

/* ---- unix_stream.c, unix_datagram.c ---- */

int64_t unix_stream_send(struct socket *socket, struct socket_message *message);
int64_t unix_stream_receive(struct socket *socket, struct socket_message *message);
int64_t unix_datagram_send(struct socket *socket, struct socket_message *message);
int64_t unix_datagram_receive(struct socket *socket, struct socket_message *message);
int64_t unix_seqpacket_send(struct socket *socket, struct socket_message *message);
int64_t unix_seqpacket_receive(struct socket *socket, struct socket_message *message);
/* May u send to `other` as far as other's choice of peer goes and without exceeding its queue? */
bool unix_queue_is_full(const struct unix_socket *other);
/* Messages were taken: senders may go on. */
void unix_announce_room(struct unix_socket *u);
/* u has another peer than `old`, or none. */
void unix_datagram_disconnected(struct unix_socket *u, struct unix_socket *old);

/* ---- unix_urgent.c ---- */

/* The message to read next, from `message` on, as far as the mark allows: NULL to stop, or at the
 * queue's end. `some`: bytes were read already. Takes out what no ordinary read gets. reader held.
 */
struct unix_message *unix_pass_mark(struct unix_socket *u, struct unix_message *message, bool some,
                                    bool peek, bool in_line);
int64_t unix_receive_urgent(struct socket *socket, struct socket_message *message);
bool unix_is_at_mark(struct unix_socket *u); /* SIOCATMARK */
/* A message was sent out of band to u: SIGURG to the owner. */
void unix_announce_urgent(struct unix_socket *u);

/* ---- unix_rights.c ---- */

/* Ancillary data of one sendmsg or recvmsg. */
struct unix_control {
    struct unix_rights *rights;
    struct unix_sender sender_ids;
    bool has_cred;
};
int unix_control_parse(const struct socket_message *message, struct unix_control *out);
void unix_control_drop(struct unix_control *control);
/* The sender of what recvmsg gets, from one of its messages. */
void unix_control_set_sender(struct unix_control *control, const struct unix_message *from);
/* Give the message the sender's credentials if one of the ends wants them. */
void unix_control_stamp(const struct unix_control *control, struct unix_socket *u,
                        struct unix_socket *other, struct unix_message *message);
/* Receive: write what was collected; rights are consumed. */
int unix_control_deliver(struct unix_socket *u, struct unix_control *control,
                         struct socket_message *message);
struct unix_rights *unix_rights_copy(const struct unix_rights *rights); /* for MSG_PEEK */
void unix_rights_discard(struct kernel *kernel, struct unix_rights *rights);

/* Files on their way. */
struct unix_rights {
    struct list_node node; /* being discarded */
    bool in_flight;        /* counted; copies are not */
    uint32_t uid;          /* whom it counts for */
    unsigned count;
    struct file *files[]; /* referenced */
};

/* The AF_UNIX socket behind a file, not referenced; or NULL. */
struct unix_socket *unix_of_file(const struct file *file);

/* ---- unix_gc.c ---- */

/* Count the files in, or out. -ETOOMANYREFS, -ENOMEM. */
int unix_flight_begin(struct unix_state *state, struct unix_rights *rights);
void unix_flight_end(struct unix_state *state, struct unix_rights *rights);
/* Free sockets that only refer to each other. */
void unix_collect_garbage(struct unix_state *state);

int unix_init(struct kernel *kernel);

#endif
