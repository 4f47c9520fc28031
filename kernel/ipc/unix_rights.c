/* SPDX-License-Identifier: MIT
 *
 * Ancillary data of AF_UNIX messages: files (SCM_RIGHTS) and credentials (SCM_CREDENTIALS); unix(7),
 * cmsg(3).
 *
 * Giving up files can close sockets whose queues hold more files, and so on without end. So rights
 * are discarded through one list of the machine: whoever finds nobody at it empties it, in a loop
 * instead of a recursion.
 */
#include "kernel/abi/capability.h"
#include "kernel/fs/file_table.h"
#include "kernel/ipc/ipc.h"
#include "kernel/ipc/unix_internal.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/security/cred.h"
#include "kernel/security/pid_namespace.h"
#include "kernel/security/user_namespace.h"

/* ---- files ---- */

static struct unix_rights *rights_alloc(unsigned count)
{
    struct unix_rights *rights = kmalloc(sizeof(*rights) + count * sizeof(rights->files[0]));
    if (!rights)
        return NULL;
    list_node_init(&rights->node);
    rights->in_flight = false;
    rights->uid = 0;
    rights->count = 0;
    return rights;
}

struct unix_rights *unix_rights_copy(const struct unix_rights *from)
{
    struct unix_rights *rights = rights_alloc(from->count);
    if (!rights)
        return NULL;
    for (unsigned i = 0; i < from->count; i++)
        rights->files[rights->count++] = file_get(from->files[i]);
    return rights;
}

static void rights_free(struct unix_state *state, struct unix_rights *rights)
{
    unix_flight_end(state, rights);
    for (unsigned i = 0; i < rights->count; i++)
        file_put(rights->files[i]);
    kfree(rights);
}

void unix_rights_discard(struct kernel *kernel, struct unix_rights *rights)
{
    struct unix_state *state = kernel->ipc->unix_sockets;
    spin_lock(&state->discard_lock);
    list_add_tail(&state->discarded, &rights->node);
    if (state->discarding) { /* perhaps by us, further up the stack */
        spin_unlock(&state->discard_lock);
        return;
    }
    state->discarding = true;
    while ((rights = list_pop_head_entry(&state->discarded, struct unix_rights, node))) {
        spin_unlock(&state->discard_lock);
        rights_free(state, rights);
        spin_lock(&state->discard_lock);
    }
    state->discarding = false;
    spin_unlock(&state->discard_lock);
}

/* ---- parsing what sendmsg was given ---- */

static int add_files(const struct linux_cmsghdr *header, const int32_t *fds,
                     struct unix_control *out)
{
    unsigned count = (unsigned)((header->cmsg_len - sizeof(*header)) / sizeof(int32_t));
    unsigned before = out->rights ? out->rights->count : 0;
    if (count + before > SCM_MAX_FD)
        return -EINVAL;
    if (count == 0)
        return 0;
    if (!out->rights) {
        /* Most messages have one array of files; a second one may fill up the limit. */
        out->rights = rights_alloc(SCM_MAX_FD);
        if (!out->rights)
            return -ENOMEM;
    }
    for (unsigned i = 0; i < count; i++) {
        int32_t fd;
        memcpy(&fd, &fds[i], sizeof(fd));
        struct file *file = fd_get_any(fd);
        if (!file)
            return -EBADF;
        out->rights->files[out->rights->count++] = file;
    }
    return 0;
}

/* One may claim to be oneself, by any of one's ids; anything else takes privilege. */
static int check_cred(const struct linux_ucred *claim, struct unix_sender *out)
{
    const struct cred *cred = current_cred();
    int own_pid = this_thread()->tgid, pid = current_pid_given(claim->pid);
    uint32_t uid = uid_from_user(cred->user_ns, claim->uid);
    uint32_t gid = gid_from_user(cred->user_ns, claim->gid);
    if (uid == ID_NONE || gid == ID_NONE)
        return -EINVAL;
    if (pid != own_pid && !capable_in(current_pid_namespace()->common.owner, CAP_SYS_ADMIN))
        return -EPERM;
    if (uid != cred->uid && uid != cred->euid && uid != cred->suid && !capable_here(CAP_SETUID))
        return -EPERM;
    if (gid != cred->gid && gid != cred->egid && gid != cred->sgid && !capable_here(CAP_SETGID))
        return -EPERM;
    if (pid != own_pid && !ipc_process_exists(pid))
        return -ESRCH;
    pid_slot_put(out->pid);
    *out = (struct unix_sender){.pid = pid_slot_of(this_kernel(), pid), .uid = uid, .gid = gid};
    return 0;
}

static int add_cred(const struct linux_cmsghdr *header, const void *data, struct unix_control *out)
{
    struct linux_ucred claim;
    if (header->cmsg_len != LINUX_CMSG_LEN(sizeof(claim)))
        return -EINVAL;
    memcpy(&claim, data, sizeof(claim));
    int error = check_cred(&claim, &out->sender_ids);
    out->has_cred = out->has_cred || !error;
    return error;
}

static int parse_one(const struct linux_cmsghdr *header, const void *data, struct unix_control *out)
{
    if (header->cmsg_level != SOL_SOCKET)
        return 0;
    switch (header->cmsg_type) {
    case SCM_RIGHTS:
        return add_files(header, data, out);
    case SCM_CREDENTIALS:
        return add_cred(header, data, out);
    default:
        return -EINVAL;
    }
}

static int parse_all(const struct socket_message *message, struct unix_control *out)
{
    size_t at = 0, end = message->control_bytes;
    while (end - at >= sizeof(struct linux_cmsghdr)) {
        struct linux_cmsghdr header;
        memcpy(&header, message->control + at, sizeof(header));
        if (header.cmsg_len < sizeof(header) || header.cmsg_len > end - at)
            return -EINVAL;
        int error = parse_one(&header, message->control + at + sizeof(header), out);
        if (error)
            return error;
        at += MIN(LINUX_CMSG_ALIGN(header.cmsg_len), end - at);
    }
    return 0;
}

int unix_control_parse(const struct socket_message *message, struct unix_control *out)
{
    *out = (struct unix_control){0};
    if (likely(message->control_bytes == 0))
        return 0;
    int error = parse_all(message, out);
    if (!error && out->rights)
        error = unix_flight_begin(this_kernel()->ipc->unix_sockets, out->rights);
    if (error)
        unix_control_drop(out);
    return error;
}

void unix_control_drop(struct unix_control *control)
{
    if (control->rights)
        unix_rights_discard(this_kernel(), control->rights);
    control->rights = NULL;
    pid_slot_put(control->sender_ids.pid);
    control->sender_ids.pid = NULL;
}

void unix_control_stamp(const struct unix_control *control, struct unix_socket *u,
                        struct unix_socket *other, struct unix_message *message)
{
    if (control->has_cred) {
        message->sender_ids = control->sender_ids;
        pid_slot_get(message->sender_ids.pid);
    } else if (atomic_load_relaxed(&u->passcred) || atomic_load_relaxed(&other->passcred) ||
               !atomic_load_relaxed(&other->socket)) {
        const struct cred *cred = current_cred();
        message->sender_ids = (struct unix_sender){
            .pid = pid_slot_of(u->kernel, this_thread()->tgid), .uid = cred->uid, .gid = cred->gid};
    }
}

/* ---- what recvmsg gets ---- */

void unix_control_set_sender(struct unix_control *control, const struct unix_message *from)
{
    pid_slot_put(control->sender_ids.pid);
    control->sender_ids = from->sender_ids;
    pid_slot_get(control->sender_ids.pid);
    control->has_cred = true;
}

static int deliver_cred(const struct unix_sender *sender, struct socket_message *message)
{
    const struct linux_ucred cred = {
        .pid = pid_slot_number_in(current_pid_namespace(), sender->pid),
        .uid = current_uid_shown(sender->uid),
        .gid = current_gid_shown(sender->gid),
    };
    return socket_put_control(message, SOL_SOCKET, SCM_CREDENTIALS, &cred, sizeof(cred));
}

/* Install as many as fit and as there are free descriptors; their number. */
static unsigned install_files(struct unix_rights *rights, struct socket_message *message,
                              unsigned room)
{
    uint64_t at = message->control_uaddr + message->control_used + sizeof(struct linux_cmsghdr);
    bool cloexec = message->flags & MSG_CMSG_CLOEXEC;
    unsigned done;

    for (done = 0; done < MIN(rights->count, room); done++) {
        int fd = fd_reserve(0, cloexec);
        if (fd < 0)
            break;
        if (put_user_u32(at + done * sizeof(int32_t), (uint32_t)fd)) {
            fd_unreserve(fd);
            break;
        }
        fd_install(fd, file_get(rights->files[done]));
    }
    return done;
}

static int deliver_rights(struct unix_rights *rights, struct socket_message *message)
{
    struct linux_cmsghdr header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    size_t left = message->control_uaddr ? message->control_bytes : 0;
    unsigned room = left > sizeof(header) ? (unsigned)((left - sizeof(header)) / sizeof(int32_t)) : 0;
    unsigned done = install_files(rights, message, room);
    int error = 0;

    if (done) {
        uint64_t at = message->control_uaddr + message->control_used;
        header.cmsg_len = LINUX_CMSG_LEN(done * sizeof(int32_t));
        error = copy_to_user(at, &header, sizeof(header));
        size_t used = MIN(LINUX_CMSG_SPACE(done * sizeof(int32_t)), left);
        message->control_used += used;
        message->control_bytes -= used;
    }
    if (done < rights->count)
        message->out_flags |= MSG_CTRUNC;
    return error;
}

int unix_control_deliver(struct unix_socket *u, struct unix_control *control,
                         struct socket_message *message)
{
    int error = 0;
    if (control->has_cred && atomic_load_relaxed(&u->passcred))
        error = deliver_cred(&control->sender_ids, message);
    if (control->rights && !error)
        error = deliver_rights(control->rights, message);
    unix_control_drop(control);
    return error;
}
