/* SPDX-License-Identifier: MIT
 *
 * Options of the SOL_SOCKET level that mean the same for every family (socket(7), getsockopt(2)).
 *
 * A known option is checked and stored here; what it does is up to the family, which reads the
 * field. Everything else is passed to the family.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/time.h"
#include "kernel/core/kernel.h"
#include "kernel/ipc/ipc_internal.h"
#include "kernel/ipc/socket.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/string.h"
#include "kernel/mm/uaccess.h"
#include "kernel/security/cred.h"

/* The same options with 64-bit times on every architecture; identical here. */
enum { SO_RCVTIMEO_64 = 66, SO_SNDTIMEO_64 = 67 };
#define LOOPBACK "lo"
enum { PRIORITY_MAX_UNPRIVILEGED = 6 };
enum { BUF_LOCK_SNDBUF = 1, BUF_LOCK_RCVBUF = 2 };
enum { BPF_EXTENSIONS = 64 }; /* what filters know beside the packet: all of Linux's */

/* ---- booleans ---- */

static uint32_t flag_of_option(int option)
{
    switch (option) {
    case SO_DEBUG: return SOCKET_DEBUG;
    case SO_REUSEADDR: return SOCKET_REUSEADDR;
    case SO_REUSEPORT: return SOCKET_REUSEPORT;
    case SO_DONTROUTE: return SOCKET_DONTROUTE;
    case SO_BROADCAST: return SOCKET_BROADCAST;
    case SO_KEEPALIVE: return SOCKET_KEEPALIVE;
    case SO_OOBINLINE: return SOCKET_OOBINLINE;
    case SO_NO_CHECK: return SOCKET_NO_CHECK;
    case SO_PASSCRED: return SOCKET_PASSCRED;
    case SO_PASSSEC: return SOCKET_PASSSEC;
    case SO_TIMESTAMP: return SOCKET_TIMESTAMP;
    case SO_TIMESTAMPNS: return SOCKET_TIMESTAMPNS;
    case SO_RXQ_OVFL: return SOCKET_RXQ_OVFL;
    case SO_WIFI_STATUS: return SOCKET_WIFI_STATUS;
    case SO_NOFCS: return SOCKET_NOFCS;
    case SO_SELECT_ERR_QUEUE: return SOCKET_SELECT_ERR_QUEUE;
    default: return 0;
    }
}

static int set_flag(struct socket *socket, int option, uint32_t flag, bool on)
{
    if (option == SO_REUSEPORT && on && socket->family == AF_UNIX)
        return -EOPNOTSUPP;
    if (option == SO_DEBUG && on && !capable(CAP_NET_ADMIN))
        return -EACCES;
    if (option == SO_TIMESTAMP || option == SO_TIMESTAMPNS)
        socket_set_flag(socket, SOCKET_TIMESTAMP | SOCKET_TIMESTAMPNS, false);
    socket_set_flag(socket, flag, on);
    return 0;
}

/* ---- setting ---- */

static void set_sndbuf(struct socket *socket, uint32_t bytes)
{
    socket_set_flag(socket, SOCKET_SNDBUF_LOCKED, true);
    atomic_store_relaxed(&socket->sndbuf, MAX(bytes * 2, (uint32_t)SOCKET_SNDBUF_MIN));
}

static void set_rcvbuf(struct socket *socket, uint32_t bytes)
{
    socket_set_flag(socket, SOCKET_RCVBUF_LOCKED, true);
    atomic_store_relaxed(&socket->rcvbuf, MAX(bytes * 2, (uint32_t)SOCKET_RCVBUF_MIN));
}

static int set_buffer(struct socket *socket, int option, int value)
{
    bool force = option == SO_SNDBUFFORCE || option == SO_RCVBUFFORCE;
    if (force && !capable(CAP_NET_ADMIN))
        return -EPERM;
    uint32_t bytes = (uint32_t)value; /* a negative size is a large one */
    if (force)
        bytes = value < 0 ? 0 : MIN(bytes, (uint32_t)INT32_MAX / 2);
    else
        bytes = MIN(bytes, (uint32_t)SOCKET_BUFFER_MAX);
    if (option == SO_SNDBUF || option == SO_SNDBUFFORCE)
        set_sndbuf(socket, bytes);
    else
        set_rcvbuf(socket, bytes);
    return 0;
}

static int set_timeout(uint64_t *timeout_ns, uint64_t uaddr, uint32_t bytes)
{
    struct linux_timeval time;
    uint64_t ns;
    if (bytes < sizeof(time))
        return -EINVAL;
    if (copy_from_user(&time, uaddr, sizeof(time)))
        return -EFAULT;
    if (time.tv_usec < 0 || time.tv_usec >= 1000000)
        return -EDOM;
    if (time.tv_sec < 0)
        ns = 1; /* gives up at once */
    else if (mul_overflows((uint64_t)time.tv_sec, 1000000000u, &ns) ||
             add_overflows(ns, (uint64_t)time.tv_usec * 1000u, &ns))
        ns = 0;
    atomic_store_relaxed(timeout_ns, ns);
    return 0;
}

static int set_linger(struct socket *socket, uint64_t uaddr, uint32_t bytes)
{
    struct linux_linger linger;
    if (bytes < sizeof(linger))
        return -EINVAL;
    if (copy_from_user(&linger, uaddr, sizeof(linger)))
        return -EFAULT;
    if (linger.l_onoff)
        atomic_store_relaxed(&socket->linger_s, (uint32_t)linger.l_linger);
    socket_set_flag(socket, SOCKET_LINGER, linger.l_onoff != 0);
    return 0;
}

static int set_privileged(uint32_t *field, int value, bool free_to_set)
{
    if (!free_to_set && !capable(CAP_NET_ADMIN) && !capable(CAP_NET_RAW))
        return -EPERM;
    atomic_store_relaxed(field, (uint32_t)value);
    return 0;
}

static int lock_buffers(struct socket *socket, int which)
{
    if (which & ~(BUF_LOCK_SNDBUF | BUF_LOCK_RCVBUF))
        return -EINVAL;
    socket_set_flag(socket, SOCKET_SNDBUF_LOCKED, which & BUF_LOCK_SNDBUF);
    socket_set_flag(socket, SOCKET_RCVBUF_LOCKED, which & BUF_LOCK_RCVBUF);
    return 0;
}

static int set_number(struct socket *socket, int option, int value)
{
    switch (option) {
    case SO_BSDCOMPAT:
        return 0; /* obsolete, and without effect in Linux too */
    case SO_BUF_LOCK:
        return lock_buffers(socket, value);
    case SO_ZEROCOPY:
        return -EOPNOTSUPP; /* of no family here */
    case SO_SNDBUF:
    case SO_RCVBUF:
    case SO_SNDBUFFORCE:
    case SO_RCVBUFFORCE:
        return set_buffer(socket, option, value);
    case SO_RCVLOWAT:
        atomic_store_relaxed(&socket->rcvlowat,
                             value < 0 ? (uint32_t)INT32_MAX : (uint32_t)MAX(value, 1));
        return 0;
    case SO_PRIORITY:
        return set_privileged(&socket->priority, value,
                              value >= 0 && value <= PRIORITY_MAX_UNPRIVILEGED);
    case SO_MARK:
        return set_privileged(&socket->mark, value, false);
    case SO_BUSY_POLL:
        if (value < 0)
            return -EINVAL;
        return set_privileged(&socket->busy_poll_us, value,
                              (uint32_t)value <= atomic_load_relaxed(&socket->busy_poll_us));
    case SO_PREFER_BUSY_POLL:
        return set_privileged(&socket->prefer_busy_poll, value != 0, value == 0);
    case SO_BUSY_POLL_BUDGET:
        if (value > (int32_t)atomic_load_relaxed(&socket->busy_poll_budget) &&
            !capable(CAP_NET_ADMIN))
            return -EPERM;
        if (value < 0 || value > (int32_t)UINT16_MAX)
            return -EINVAL;
        atomic_store_relaxed(&socket->busy_poll_budget, (uint32_t)value);
        return 0;
    case SO_PEEK_OFF:
        if (!socket->ops->peek_offset)
            return -EOPNOTSUPP;
        atomic_store_relaxed(&socket->peek_offset, value);
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

/* The only network device is the loopback; an empty name unbinds. */
static int bind_to_device(struct socket *socket, uint64_t uaddr, uint32_t bytes)
{
    enum { NAME_BYTES = 15 };
    char name[NAME_BYTES + 1] = "";
    if (copy_from_user(name, uaddr, MIN(bytes, (uint32_t)NAME_BYTES)))
        return -EFAULT;
    bool loopback = kstr_equal(name, LOOPBACK);
    if (name[0] && !loopback)
        return -ENODEV;
    if (atomic_load_relaxed(&socket->loopback_only) && !capable(CAP_NET_RAW))
        return -EPERM;
    atomic_store_relaxed(&socket->loopback_only, loopback);
    return 0;
}

static int get_device(struct socket *socket, uint64_t uaddr, uint32_t *bytes)
{
    enum { NAME_ROOM = 16 };
    if (!atomic_load_relaxed(&socket->loopback_only)) {
        *bytes = 0;
        return 0;
    }
    return *bytes < NAME_ROOM ? -EINVAL
                              : socket_put_option(uaddr, bytes, LOOPBACK, sizeof(LOOPBACK));
}

/* When packets are to leave: for queues that know times, of which there are none. */
static int set_txtime(struct socket *socket, uint64_t uaddr, uint32_t bytes)
{
    enum { FLAGS = 3, CLOCK_OF_ALL = 1 /* CLOCK_MONOTONIC */ };
    struct {
        int32_t clock;
        uint32_t flags;
    } txtime;
    if (bytes != sizeof(txtime))
        return -EINVAL;
    if (copy_from_user(&txtime, uaddr, sizeof(txtime)))
        return -EFAULT;
    if (txtime.flags & ~(uint32_t)FLAGS)
        return -EINVAL;
    if (txtime.clock != CLOCK_OF_ALL && !capable(CAP_NET_ADMIN))
        return -EPERM;
    atomic_store_relaxed(&socket->txtime_clock, txtime.clock);
    atomic_store_relaxed(&socket->txtime_flags, txtime.flags);
    return 0;
}

static int set_pacing_rate(struct socket *socket, int32_t value, uint64_t uaddr, uint32_t bytes)
{
    uint64_t rate = value == -1 ? UINT64_MAX : (uint32_t)value;
    if (bytes == sizeof(rate) && get_user_u64(&rate, uaddr))
        return -EFAULT;
    atomic_store_relaxed(&socket->pacing_rate_max, ~rate); /* 0 is none */
    return 0;
}

static int set_known(struct socket *socket, int option, uint64_t uaddr, uint32_t bytes)
{
    int32_t value;
    switch (option) {
    case SO_TYPE:
    case SO_PROTOCOL:
    case SO_DOMAIN:
    case SO_ERROR:
    case SO_ACCEPTCONN:
    case SO_SNDLOWAT:
    case SO_COOKIE:
        return -ENOPROTOOPT;
    case SO_LINGER:
        return set_linger(socket, uaddr, bytes);
    case SO_RCVTIMEO:
    case SO_RCVTIMEO_64:
        return set_timeout(&socket->rcvtimeo_ns, uaddr, bytes);
    case SO_SNDTIMEO:
    case SO_SNDTIMEO_64:
        return set_timeout(&socket->sndtimeo_ns, uaddr, bytes);
    }
    if (get_user_u32((uint32_t *)&value, uaddr))
        return -EFAULT;
    int error = socket_set_filter_option(socket, option, uaddr, bytes);
    if (error != -ENOPROTOOPT)
        return error;
    if (option == SO_TXTIME)
        return set_txtime(socket, uaddr, bytes);
    if (option == SO_MAX_PACING_RATE)
        return set_pacing_rate(socket, value, uaddr, bytes);
    uint32_t flag = flag_of_option(option);
    return flag ? set_flag(socket, option, flag, value != 0) : set_number(socket, option, value);
}

int socket_set_option(struct socket *socket, int level, int option, uint64_t uaddr, uint32_t bytes)
{
    int error = -ENOPROTOOPT;
    if (level == SOL_SOCKET && option == SO_BINDTODEVICE) {
        error = bind_to_device(socket, uaddr, bytes);
    } else if (level == SOL_SOCKET) {
        if (bytes < sizeof(int32_t))
            return -EINVAL;
        error = set_known(socket, option, uaddr, bytes);
    }
    if (error == -ENOPROTOOPT && socket->ops->set_option)
        return socket->ops->set_option(socket, level, option, uaddr, bytes);
    if (!error && socket->ops->option_changed)
        socket->ops->option_changed(socket, option);
    return error;
}

/* ---- getting ---- */

int socket_put_option(uint64_t uaddr, uint32_t *bytes, const void *value, size_t size)
{
    *bytes = MIN(*bytes, (uint32_t)size);
    return copy_to_user(uaddr, value, *bytes);
}

static int get_number(struct socket *socket, int option, int32_t *out)
{
    uint32_t flag = flag_of_option(option);
    if (flag) {
        *out = socket_has_flag(socket, flag);
        return 0;
    }
    switch (option) {
    case SO_TYPE: *out = socket->type; break;
    case SO_DOMAIN: *out = socket->family; break;
    case SO_PROTOCOL: *out = socket->protocol; break;
    case SO_ERROR: *out = -socket_take_error(socket); break;
    case SO_ACCEPTCONN: *out = socket_has_flag(socket, SOCKET_LISTENING); break;
    case SO_SNDBUF: *out = (int32_t)atomic_load_relaxed(&socket->sndbuf); break;
    case SO_RCVBUF: *out = (int32_t)atomic_load_relaxed(&socket->rcvbuf); break;
    case SO_RCVLOWAT: *out = (int32_t)atomic_load_relaxed(&socket->rcvlowat); break;
    case SO_SNDLOWAT: *out = 1; break;
    case SO_BSDCOMPAT:
    case SO_ZEROCOPY: *out = 0; break;
    case SO_BPF_EXTENSIONS: *out = BPF_EXTENSIONS; break;
    case SO_LOCK_FILTER: *out = socket_has_flag(socket, SOCKET_FILTER_LOCKED); break;
    case SO_BUF_LOCK:
        *out = (socket_has_flag(socket, SOCKET_SNDBUF_LOCKED) ? BUF_LOCK_SNDBUF : 0) |
               (socket_has_flag(socket, SOCKET_RCVBUF_LOCKED) ? BUF_LOCK_RCVBUF : 0);
        break;
    case SO_PRIORITY: *out = (int32_t)atomic_load_relaxed(&socket->priority); break;
    case SO_MARK: *out = (int32_t)atomic_load_relaxed(&socket->mark); break;
    case SO_BUSY_POLL: *out = (int32_t)atomic_load_relaxed(&socket->busy_poll_us); break;
    case SO_PREFER_BUSY_POLL:
        *out = (int32_t)atomic_load_relaxed(&socket->prefer_busy_poll);
        break;
    case SO_INCOMING_CPU: *out = -1; break;
    case SO_INCOMING_NAPI_ID:
        *out = 0;
        break;
    case SO_PEEK_OFF:
        if (!socket->ops->peek_offset)
            return -EOPNOTSUPP;
        *out = atomic_load_relaxed(&socket->peek_offset);
        break;
    default: return -ENOPROTOOPT;
    }
    return 0;
}

static int get_timeout(const uint64_t *timeout_ns, uint64_t uaddr, uint32_t *bytes)
{
    uint64_t ns = atomic_load_relaxed(timeout_ns);
    struct linux_timeval time = {.tv_sec = (int64_t)(ns / 1000000000u),
                                 .tv_usec = (int64_t)(ns % 1000000000u / 1000u)};
    return socket_put_option(uaddr, bytes, &time, sizeof(time));
}

static int get_linger(struct socket *socket, uint64_t uaddr, uint32_t *bytes)
{
    struct linux_linger linger = {
        .l_onoff = socket_has_flag(socket, SOCKET_LINGER),
        .l_linger = (int32_t)atomic_load_relaxed(&socket->linger_s),
    };
    return socket_put_option(uaddr, bytes, &linger, sizeof(linger));
}

static int get_cookie(struct socket *socket, uint64_t uaddr, uint32_t *bytes)
{
    uint64_t none = 0;
    if (*bytes < sizeof(socket->cookie))
        return -EINVAL;
    if (!atomic_load_relaxed(&socket->cookie)) {
        uint64_t fresh = atomic_add_fetch_relaxed(&socket->kernel->ipc->last_cookie, 1);
        atomic_cmpxchg_relaxed(&socket->cookie, &none, fresh);
    }
    return socket_put_option(uaddr, bytes, &socket->cookie, sizeof(socket->cookie));
}

static int get_peer_name(struct socket *socket, uint64_t uaddr, uint32_t *bytes)
{
    struct socket_address address;
    int error = socket->ops->name(socket, true, &address);
    if (error)
        return error;
    if (address.bytes < *bytes)
        return -EINVAL;
    return copy_to_user(uaddr, address.raw, *bytes);
}

static int get_txtime(struct socket *socket, uint64_t uaddr, uint32_t *bytes)
{
    uint32_t txtime[2] = {(uint32_t)atomic_load_relaxed(&socket->txtime_clock),
                          atomic_load_relaxed(&socket->txtime_flags)};
    return socket_put_option(uaddr, bytes, txtime, sizeof(txtime));
}

/* Eight bytes if there is room for them, else four. */
static int get_pacing_rate(struct socket *socket, uint64_t uaddr, uint32_t *bytes)
{
    uint64_t rate = ~atomic_load_relaxed(&socket->pacing_rate_max);
    uint32_t narrow = (uint32_t)MIN(rate, (uint64_t)UINT32_MAX);
    if (*bytes >= sizeof(rate))
        return socket_put_option(uaddr, bytes, &rate, sizeof(rate));
    return socket_put_option(uaddr, bytes, &narrow, sizeof(narrow));
}

static int get_known(struct socket *socket, int option, uint64_t uaddr, uint32_t *bytes)
{
    int32_t value;
    switch (option) {
    case SO_LINGER:
        return get_linger(socket, uaddr, bytes);
    case SO_RCVTIMEO:
    case SO_RCVTIMEO_64:
        return get_timeout(&socket->rcvtimeo_ns, uaddr, bytes);
    case SO_SNDTIMEO:
    case SO_SNDTIMEO_64:
        return get_timeout(&socket->sndtimeo_ns, uaddr, bytes);
    case SO_COOKIE:
        return get_cookie(socket, uaddr, bytes);
    case SO_PEERNAME:
        return get_peer_name(socket, uaddr, bytes);
    case SO_GET_FILTER:
        return socket_get_filter(socket, uaddr, bytes);
    case SO_BINDTODEVICE:
        return get_device(socket, uaddr, bytes);
    case SO_TXTIME:
        return get_txtime(socket, uaddr, bytes);
    case SO_MAX_PACING_RATE:
        return get_pacing_rate(socket, uaddr, bytes);
    }
    int error = get_number(socket, option, &value);
    return error ? error : socket_put_option(uaddr, bytes, &value, sizeof(value));
}

int socket_get_option(struct socket *socket, int level, int option, uint64_t uaddr, uint32_t *bytes)
{
    int error = level == SOL_SOCKET ? get_known(socket, option, uaddr, bytes) : -ENOPROTOOPT;
    if (error == -ENOPROTOOPT && socket->ops->get_option)
        return socket->ops->get_option(socket, level, option, uaddr, bytes);
    return error;
}
