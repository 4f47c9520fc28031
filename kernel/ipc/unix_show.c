/* SPDX-License-Identifier: MIT
 *
 * The content of /proc/net/unix (proc(5), unix(7)).
 */
#include "kernel/ipc/unix.h"

#include "kernel/ipc/net_namespace.h"
#include "kernel/ipc/unix_internal.h"
#include "kernel/lib/strbuf.h"

void unix_show_heading(struct strbuf *out)
{
    strbuf_puts(out, "Num       RefCount Protocol Flags    Type St Inode Path\n");
}

/* What St says: the states of a socket in <linux/net.h>. */
static unsigned state_number(bool open, enum unix_status status)
{
    bool connected = status == UNIX_CONNECTED;
    if (open)
        return connected ? 3 : 1; /* SS_CONNECTED, SS_UNCONNECTED */
    return connected ? 2 : 4;     /* SS_CONNECTING, SS_DISCONNECTING */
}

static void show_name(const struct unix_address *address, struct strbuf *out)
{
    uint32_t bytes = address->bytes - (uint32_t)offsetof(struct linux_sockaddr_un, sun_path);
    if (address->path[0] != '\0')
        bytes--; /* the NUL at the end */
    strbuf_putc(out, ' ');
    for (uint32_t i = 0; i < bytes; i++)
        strbuf_putc(out, address->path[i] ? address->path[i] : '@');
}

static void show_socket(struct unix_socket *u, struct strbuf *out)
{
    const struct unix_address *address = atomic_load_acquire(&u->address);
    enum unix_status status = unix_status(u);

    spin_lock(&u->lock);
    bool open = u->socket != NULL;
    uint64_t ino = open && u->socket->file ? u->socket->file->inode->ino : 0;
    spin_unlock(&u->lock);
    /* No kernel address is shown. The count: without the caller's own reference. */
    strbuf_printf(out, "%016x: %08X %08X %08X %04X %02X %5llu", 0, refcount_read(&u->refs) - 1, 0,
                  status == UNIX_LISTENING ? 0x10000 : 0, u->type, state_number(open, status),
                  (unsigned long long)ino);
    if (address)
        show_name(address, out);
    strbuf_putc(out, '\n');
}

bool unix_show_next(struct net_namespace *net, uint64_t *cursor, struct strbuf *out)
{
    struct unix_state *state = net->common.kernel->ipc->unix_sockets;
    struct unix_socket *u, *found = NULL;

    spin_lock(&state->lock);
    list_for_each_entry(u, &state->sockets, list_node)
    {
        if (u->net == net && u->id > *cursor && refcount_inc_not_zero(&u->refs)) {
            found = u;
            break;
        }
    }
    spin_unlock(&state->lock);
    if (!found)
        return false;
    *cursor = found->id;
    show_socket(found, out);
    unix_put(found);
    return true;
}
