/* SPDX-License-Identifier: MIT
 *
 * System V message queues: msgget(2), msgop(2), msgctl(2).
 *
 * A message goes straight to a receiver that waits for its type, else to the end of the queue.
 * Waiters are records on the waiters' stacks, listed in the queue; who ends a wait takes the record
 * out, sets its status and wakes, all under the table's lock.
 */
#include "kernel/abi/capability.h"
#include "kernel/ipc/sysv_internal.h"
#include "kernel/lib/strbuf.h"
#include "kernel/security/pid_namespace.h"
#include "kernel/security/user_namespace.h"

struct message {
    struct list_node node;
    int64_t type;
    size_t bytes;
    char data[];
};

struct msg_queue {
    struct sysv_object object;
    int64_t send_time, receive_time;
    uint64_t bytes, count, bytes_max;
    int sender_pid, receiver_pid;
    struct list messages, senders, receivers;
};

enum match { MATCH_ANY, MATCH_EQUAL, MATCH_OTHER, MATCH_UP_TO, MATCH_POSITION };

enum { WAITING = 1, TRY_AGAIN = 2 };

struct receiver {
    struct list_node node;
    enum match match;
    int64_t type;
    uint64_t bytes_max;
    int pid;
    int status; /* WAITING, TRY_AGAIN, 0 with a message, or negative errno; atomic */
    struct message *message;
    struct wait_queue wait;
};

struct sender {
    struct list_node node;
    size_t bytes;
    int status;
    struct wait_queue wait;
};

/* ---- messages ---- */

struct message *message_create(int64_t type, size_t bytes)
{
    struct message *message = kmalloc(sizeof(*message) + bytes);
    if (!message)
        return NULL;
    list_node_init(&message->node);
    message->type = type;
    message->bytes = bytes;
    return message;
}

void message_free(struct message *message)
{
    kfree(message);
}

void *message_data(struct message *message)
{
    return message->data;
}

size_t message_bytes(const struct message *message)
{
    return message->bytes;
}

int64_t message_type(const struct message *message)
{
    return message->type;
}

/* ---- creation and removal ---- */

static struct msg_queue *queue_of(struct sysv_object *object)
{
    return container_of(object, struct msg_queue, object);
}

static int create(struct ipc_namespace *ns, int64_t size, int flags, struct sysv_object **out)
{
    (void)size;
    (void)flags;
    struct msg_queue *queue = kzalloc(sizeof(*queue));
    if (!queue)
        return -ENOMEM;
    queue->bytes_max = (uint64_t)LIMIT(ns, msg_queue_max);
    list_init(&queue->messages);
    list_init(&queue->senders);
    list_init(&queue->receivers);
    *out = &queue->object;
    return 0;
}

static int charge_locked(struct ipc_namespace *ns, struct sysv_object *object)
{
    (void)ns;
    (void)object;
    return 0;
}

static void uncharge_locked(struct ipc_namespace *ns, struct sysv_object *object)
{
    (void)ns;
    (void)object;
}

static void discard(struct sysv_object *object)
{
    kfree(object);
}

int msg_get(struct ipc_namespace *ns, int key, int flags)
{
    const struct sysv_get get = {
        .ns = ns,
        .kind = IPC_MSG,
        .key = key,
        .flags = flags,
        .count_max = (unsigned)LIMIT(ns, msg_count_max),
        .create = create,
        .charge_locked = charge_locked,
        .uncharge_locked = uncharge_locked,
        .discard = discard,
    };
    return sysv_get(&get);
}

static void end_receiver(struct receiver *receiver, int status)
{
    list_remove(&receiver->node);
    atomic_store_release(&receiver->status, status);
    wake_all(&receiver->wait);
}

static void end_sender(struct sender *sender, int status)
{
    list_remove(&sender->node);
    atomic_store_release(&sender->status, status);
    wake_all(&sender->wait);
}

static void end_all(struct msg_queue *queue, int status)
{
    struct receiver *receiver, *next_receiver;
    struct sender *sender, *next_sender;
    list_for_each_entry_safe(receiver, next_receiver, &queue->receivers, node)
        end_receiver(receiver, status);
    list_for_each_entry_safe(sender, next_sender, &queue->senders, node) end_sender(sender, status);
}

static void detach_locked(struct ipc_namespace *ns, struct msg_queue *queue)
{
    sysv_remove_locked(sysv_table_of(ns, IPC_MSG), &queue->object);
    ns->message_bytes -= queue->bytes;
    ns->message_count -= queue->count;
    end_all(queue, -EIDRM);
}

static void free_queue(struct msg_queue *queue)
{
    struct message *message, *next;
    list_for_each_entry_safe(message, next, &queue->messages, node) message_free(message);
    kfree(queue);
}

int msg_remove(struct ipc_namespace *ns, int id)
{
    struct sysv_table *table = sysv_table_of(ns, IPC_MSG);
    struct sysv_object *object;
    spin_lock(&table->lock);
    int error = sysv_owned_locked(table, id, &object);
    if (!error)
        detach_locked(ns, queue_of(object));
    spin_unlock(&table->lock);
    if (!error)
        free_queue(queue_of(object));
    return error;
}

void msg_remove_all(struct ipc_namespace *ns)
{
    struct sysv_table *table = sysv_table_of(ns, IPC_MSG);
    struct sysv_object *object;
    uint64_t index;
    sysv_for_each_locked(index, object, table)
    { /* nobody else is left */
        detach_locked(ns, queue_of(object));
        free_queue(queue_of(object));
    }
}

/* ---- sending ---- */

static bool matches(const struct message *message, int64_t type, enum match match)
{
    switch (match) {
    case MATCH_EQUAL:
        return message->type == type;
    case MATCH_OTHER:
        return message->type != type;
    case MATCH_UP_TO:
        return message->type <= type;
    default:
        return true;
    }
}

/* To the first receiver that waits for such a message; those that have no room for it fail. */
static bool hand_over_locked(struct msg_queue *queue, struct message *message)
{
    struct receiver *receiver, *next;
    list_for_each_entry_safe(receiver, next, &queue->receivers, node)
    {
        if (!matches(message, receiver->type, receiver->match))
            continue;
        if (receiver->bytes_max < message->bytes) {
            end_receiver(receiver, -E2BIG);
            continue;
        }
        queue->receiver_pid = receiver->pid;
        queue->receive_time = sysv_now();
        receiver->message = message;
        end_receiver(receiver, 0);
        return true;
    }
    return false;
}

static bool fits(const struct msg_queue *queue, size_t bytes)
{
    return bytes + queue->bytes <= queue->bytes_max && queue->count + 1 <= queue->bytes_max;
}

static void put_locked(struct ipc_namespace *ns, struct msg_queue *queue, struct message *message)
{
    queue->sender_pid = this_thread()->tgid;
    queue->send_time = sysv_now();
    if (hand_over_locked(queue, message))
        return;
    list_add_tail(&queue->messages, &message->node);
    queue->bytes += message->bytes;
    queue->count++;
    ns->message_bytes += message->bytes;
    ns->message_count++;
}

/* The queue was full: wait. 0: try again. */
static int wait_for_room(struct sysv_table *table, struct sender *sender)
{
    int error =
        wait_event_interruptible(&sender->wait, atomic_load_acquire(&sender->status) != WAITING);
    spin_lock(&table->lock);
    int status = sender->status;
    if (status == WAITING) {
        list_remove(&sender->node);
        status = error;
    }
    spin_unlock(&table->lock);
    if (status == -ERESTARTSYS)
        return -ERESTARTNOHAND;
    return status == TRY_AGAIN ? 0 : status;
}

int msg_send(struct ipc_namespace *ns, int id, struct message *message, int flags)
{
    struct sysv_table *table = sysv_table_of(ns, IPC_MSG);
    struct sender sender = {.bytes = message->bytes};
    bool waited = false;
    wait_queue_init(&sender.wait);
    for (;;) {
        spin_lock(&table->lock);
        struct sysv_object *object = sysv_find_locked(table, id);
        int error = object ? sysv_permission(object, SYSV_WRITE) : waited ? -EIDRM : -EINVAL;
        if (!error && !fits(queue_of(object), message->bytes)) {
            error = flags & IPC_NOWAIT ? -EAGAIN : WAITING;
            if (error == WAITING) {
                sender.status = WAITING;
                list_add_tail(&queue_of(object)->senders, &sender.node);
            }
        } else if (!error) {
            put_locked(ns, queue_of(object), message);
        }
        spin_unlock(&table->lock);
        if (error == WAITING) {
            waited = true;
            error = wait_for_room(table, &sender);
            if (!error)
                continue;
        }
        return error;
    }
}

/* ---- receiving ---- */

static enum match match_of(int64_t *type, int flags)
{
    if (flags & MSG_COPY)
        return MATCH_POSITION;
    if (*type == 0)
        return MATCH_ANY;
    if (*type < 0) {
        *type = *type == INT64_MIN ? INT64_MAX : -*type;
        return MATCH_UP_TO;
    }
    return flags & MSG_EXCEPT ? MATCH_OTHER : MATCH_EQUAL;
}

static struct message *find_message(struct msg_queue *queue, int64_t type, enum match match)
{
    struct message *message, *found = NULL;
    int64_t position = 0;
    list_for_each_entry(message, &queue->messages, node)
    {
        if (match == MATCH_POSITION) {
            if (position++ == type)
                return message;
        } else if (match == MATCH_UP_TO) { /* the lowest type, the first of these */
            if (message->type <= type && (!found || message->type < found->type))
                found = message;
        } else if (matches(message, type, match)) {
            return message;
        }
    }
    return found;
}

static void wake_senders_locked(struct msg_queue *queue)
{
    struct sender *sender, *next;
    list_for_each_entry_safe(sender, next, &queue->senders, node) if (fits(queue, sender->bytes))
        end_sender(sender, TRY_AGAIN);
}

static void take_locked(struct ipc_namespace *ns, struct msg_queue *queue, struct message *message)
{
    list_remove(&message->node);
    queue->count--;
    queue->bytes -= message->bytes;
    ns->message_count--;
    ns->message_bytes -= message->bytes;
    queue->receiver_pid = this_thread()->tgid;
    queue->receive_time = sysv_now();
    wake_senders_locked(queue);
}

static int copy_message(const struct message *from, struct message *to)
{
    if (from->bytes > to->bytes)
        return -EINVAL;
    memcpy(to->data, from->data, from->bytes);
    to->bytes = from->bytes;
    to->type = from->type;
    return 0;
}

static int wait_for_message(struct sysv_table *table, struct receiver *receiver)
{
    int error = wait_event_interruptible(&receiver->wait,
                                         atomic_load_acquire(&receiver->status) != WAITING);
    spin_lock(&table->lock);
    int status = receiver->status;
    if (status == WAITING) {
        list_remove(&receiver->node);
        status = error;
    }
    spin_unlock(&table->lock);
    return status == -ERESTARTSYS ? -ERESTARTNOHAND : status;
}

/* One look at the queue: 0 with *out, WAITING if the receiver has been queued, or an error. */
static int receive_locked(struct ipc_namespace *ns, struct msg_queue *queue, int flags,
                          struct receiver *receiver, struct message *copy, struct message **out)
{
    struct message *message = find_message(queue, receiver->type, receiver->match);
    if (!message) {
        if (flags & IPC_NOWAIT)
            return -ENOMSG;
        receiver->status = WAITING;
        list_add_tail(&queue->receivers, &receiver->node);
        return WAITING;
    }
    if (message->bytes > receiver->bytes_max)
        return -E2BIG;
    *out = copy ? copy : message;
    if (copy)
        return copy_message(message, copy);
    take_locked(ns, queue, message);
    return 0;
}

static int receive(struct ipc_namespace *ns, int id, int flags, struct receiver *receiver,
                   struct message *copy, struct message **out)
{
    struct sysv_table *table = sysv_table_of(ns, IPC_MSG);
    bool waited = false;
    for (;;) {
        spin_lock(&table->lock);
        struct sysv_object *object = sysv_find_locked(table, id);
        int error = object ? sysv_permission(object, SYSV_READ) : waited ? -EIDRM : -EINVAL;
        if (!error)
            error = receive_locked(ns, queue_of(object), flags, receiver, copy, out);
        spin_unlock(&table->lock);
        if (error != WAITING)
            return error;
        waited = true;
        error = wait_for_message(table, receiver);
        if (error != TRY_AGAIN) {
            *out = receiver->message;
            return error;
        }
    }
}

int msg_receive(struct ipc_namespace *ns, int id, uint64_t bytes_max, int64_t type, int flags,
                struct message **out)
{
    struct message *copy = NULL;
    if (id < 0 || (int64_t)bytes_max < 0)
        return -EINVAL;
    if (flags & MSG_COPY) {
        if ((flags & MSG_EXCEPT) || !(flags & IPC_NOWAIT))
            return -EINVAL;
        copy = message_create(0, MIN(bytes_max, (uint64_t)LIMIT(ns, msg_max)));
        if (!copy)
            return -ENOMEM;
    }
    struct receiver receiver = {.pid = this_thread()->tgid};
    receiver.match = match_of(&type, flags);
    receiver.type = type;
    receiver.bytes_max = flags & MSG_NOERROR ? UINT64_MAX : bytes_max;
    wait_queue_init(&receiver.wait);
    int error = receive(ns, id, flags, &receiver, copy, out);
    if (error)
        message_free(copy);
    return error;
}

/* ---- msgctl ---- */

int msg_stat(struct ipc_namespace *ns, int id, int command, struct linux_msqid_ds *out)
{
    struct sysv_table *table = sysv_table_of(ns, IPC_MSG);
    struct sysv_object *object;
    spin_lock(&table->lock);
    int result = sysv_stat_locked(table, id, command, MSG_STAT, MSG_STAT_ANY, &object);
    if (!result) {
        const struct msg_queue *queue = queue_of(object);
        *out = (struct linux_msqid_ds){
            .msg_stime = queue->send_time,
            .msg_rtime = queue->receive_time,
            .msg_ctime = object->change_time,
            .msg_cbytes = queue->bytes,
            .msg_qnum = queue->count,
            .msg_qbytes = queue->bytes_max,
            .msg_lspid = current_pid_shown(queue->sender_pid),
            .msg_lrpid = current_pid_shown(queue->receiver_pid),
        };
        sysv_fill_perm(object, &out->msg_perm);
        result = command == IPC_STAT ? 0 : object->id;
    }
    spin_unlock(&table->lock);
    return result;
}

int msg_set(struct ipc_namespace *ns, int id, const struct linux_msqid_ds *in)
{
    struct sysv_table *table = sysv_table_of(ns, IPC_MSG);
    struct sysv_object *object;
    spin_lock(&table->lock);
    int error = sysv_owned_locked(table, id, &object);
    if (!error && in->msg_qbytes > (uint64_t)LIMIT(ns, msg_queue_max) && !capable(CAP_SYS_RESOURCE))
        error = -EPERM;
    if (!error)
        error = sysv_set_perm_locked(object, &in->msg_perm);
    if (!error) {
        struct msg_queue *queue = queue_of(object);
        queue->bytes_max = in->msg_qbytes;
        end_all(queue, TRY_AGAIN); /* permissions and room may be others now */
    }
    spin_unlock(&table->lock);
    return error;
}

int msg_info(struct ipc_namespace *ns, bool use, struct linux_msginfo *out)
{
    struct sysv_table *table = sysv_table_of(ns, IPC_MSG);
    *out = (struct linux_msginfo){
        .msgpool = MSGMNI * (MSGMNB / 1024),
        .msgmap = MSGMNB,
        .msgmax = LIMIT(ns, msg_max),
        .msgmnb = LIMIT(ns, msg_queue_max),
        .msgmni = LIMIT(ns, msg_count_max),
        .msgssz = 16,
        .msgtql = MSGMNB,
        .msgseg = 0xffff,
    };
    spin_lock(&table->lock);
    if (use) {
        out->msgpool = (int)table->objects.count;
        out->msgmap = (int)MIN(ns->message_count, (uint64_t)INT32_MAX);
        out->msgtql = (int)MIN(ns->message_bytes, (uint64_t)INT32_MAX);
    }
    int highest = sysv_highest_locked(table);
    spin_unlock(&table->lock);
    return highest;
}

void msg_show_locked(struct sysv_object *object, struct strbuf *out)
{
    const struct msg_queue *queue = queue_of(object);
    strbuf_printf(out,
                  "%10d %10d  %4o  %10llu %10llu %5d %5d %5u %5u %5u %5u %10lld %10lld %10lld\n",
                  object->key, object->id, object->mode, (unsigned long long)queue->bytes,
                  (unsigned long long)queue->count, current_pid_shown(queue->sender_pid),
                  current_pid_shown(queue->receiver_pid), current_uid_shown(object->uid),
                  current_gid_shown(object->gid), current_uid_shown(object->cuid),
                  current_gid_shown(object->cgid), (long long)queue->send_time,
                  (long long)queue->receive_time, (long long)object->change_time);
}
