/* SPDX-License-Identifier: MIT
 *
 * How socket addresses, messages and scattered buffers are written in a trace.
 */
#include "kernel/abi/socket.h"

#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/mm/uaccess.h"
#include "kernel/syscall/trace_struct_internal.h"

static void put_inet(struct strbuf *out, const uint8_t *bytes)
{
    strbuf_printf(out, ", sin_port=htons(%u), sin_addr=inet_addr(\"%u.%u.%u.%u\")",
                  bytes[2] << 8 | bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]);
}

static void put_inet6(struct strbuf *out, const uint8_t *bytes)
{
    strbuf_printf(out, ", sin6_port=htons(%u), sin6_addr=\"", bytes[2] << 8 | bytes[3]);
    for (unsigned i = 0; i < 8; i++)
        strbuf_printf(out, "%s%x", i ? ":" : "", bytes[8 + 2 * i] << 8 | bytes[9 + 2 * i]);
    strbuf_putc(out, '"');
}

static void put_unix(struct strbuf *out, const char *path, size_t bytes)
{
    if (bytes == 0)
        return;
    strbuf_puts(out, ", sun_path=");
    if (path[0]) {
        trace_put_quoted(out, path, kstrnlen(path, bytes), false);
    } else { /* the abstract name space */
        strbuf_putc(out, '@');
        trace_put_quoted(out, path + 1, bytes - 1, false);
    }
}

static void put_netlink(struct strbuf *out, const uint8_t *bytes)
{
    uint32_t pid, groups;
    memcpy(&pid, bytes + 4, sizeof(pid));
    memcpy(&groups, bytes + 8, sizeof(groups));
    strbuf_printf(out, ", nl_pid=%u, nl_groups=%08x", pid, groups);
}

void trace_put_sockaddr(struct trace_call *call, uint64_t uaddr, uint64_t bytes)
{
    struct linux_sockaddr_storage address = {0};
    size_t wanted = (size_t)MIN(bytes, (uint64_t)sizeof(address));
    size_t copied = uaddr ? copy_from_user_partial(&address, uaddr, wanted) : 0;
    if (copied < 2) {
        trace_put_pointer(call->out, uaddr);
        return;
    }
    const uint8_t *raw = (const uint8_t *)&address;
    strbuf_puts(call->out, "{sa_family=");
    trace_put_enum(call->out, &trace_set_af, address.ss_family);
    if (address.ss_family == AF_INET && copied >= 8)
        put_inet(call->out, raw);
    else if (address.ss_family == AF_INET6 && copied >= 24)
        put_inet6(call->out, raw);
    else if (address.ss_family == AF_NETLINK && copied >= 12)
        put_netlink(call->out, raw);
    else if (address.ss_family == AF_UNIX)
        put_unix(call->out, (const char *)raw + 2, copied - 2);
    strbuf_putc(call->out, '}');
}

void trace_put_iovec(struct trace_call *call, const void *value)
{
    const struct linux_iovec *vec = value;
    strbuf_puts(call->out, "{iov_base=");
    trace_put_user_bytes(call->out, vec->iov_base, vec->iov_len);
    strbuf_printf(call->out, ", iov_len=%llu}", (unsigned long long)vec->iov_len);
}

void trace_put_msghdr(struct trace_call *call, const void *value)
{
    const struct linux_msghdr *message = value;
    struct strbuf *out = call->out;
    strbuf_puts(out, "{msg_name=");
    trace_put_sockaddr(call, message->msg_name, (uint32_t)message->msg_namelen);
    strbuf_printf(out, ", msg_namelen=%d, msg_iov=", message->msg_namelen);
    trace_put_structs(call, TRACE_TYPE_IOVEC, message->msg_iov, message->msg_iovlen, true);
    strbuf_printf(out, ", msg_iovlen=%llu, msg_controllen=%llu, msg_flags=",
                  (unsigned long long)message->msg_iovlen,
                  (unsigned long long)message->msg_controllen);
    trace_put_flags(out, &trace_set_msg, message->msg_flags);
    strbuf_putc(out, '}');
}
