/* SPDX-License-Identifier: MIT
 *
 * POSIX message queues: sending, receiving and notification; mq_send(3), mq_receive(3),
 * mq_notify(3).
 *
 * Invariants: nobody waits to receive while there are messages, nor to send while there is room: a
 * message goes straight to a waiting receiver, and a receiver lets the first waiting sender's
 * message in. Waiters are records on their stacks; who ends a wait does so under the queue's lock.
 */
#include "kernel/ipc/mqueue_internal.h"
#include "kernel/ipc/socket.h"
#include "kernel/lib/strbuf.h"

enum { MQ_WAITING = 1 };

struct mq_waiter {
    struct list_node node;
    int priority; /* real-time priority of the thread */
    int status;   /* MQ_WAITING, or 0 when it was served; atomic */
    struct mq_message *message;
    struct wait_queue wait;
};

/* ---- messages ---- */

struct mq_message *mq_message_create(unsigned priority, size_t bytes)
{
    struct mq_message *message = kmalloc(sizeof(*message) + bytes);
    if (!message)
        return NULL;
    list_node_init(&message->node);
    message->priority = priority;
    message->bytes = bytes;
    return message;
}

void mq_message_free(struct mq_message *message)
{
    kfree(message);
}

void *mq_message_data(struct mq_message *message)
{
    return message->data;
}

size_t mq_message_bytes(const struct mq_message *message)
{
    return message->bytes;
}

unsigned mq_message_priority(const struct mq_message *message)
{
    return message->priority;
}

void mqueue_init_messages(struct mqueue *queue, const struct linux_mq_attr *attr)
{
    spin_lock_init(&queue->lock, LOCK_RANK_OBJECT);
    queue->messages_max = attr->mq_maxmsg;
    queue->bytes_max = attr->mq_msgsize;
    list_init(&queue->messages);
    list_init(&queue->senders);
    list_init(&queue->receivers);
    wait_queue_init(&queue->poll_wait);
}

void mqueue_free_messages(struct mqueue *queue)
{
    struct mq_message *message, *next;
    list_for_each_entry_safe(message, next, &queue->messages, node) mq_message_free(message);
}

static void insert_locked(struct mqueue *queue, struct mq_message *message)
{
    struct mq_message *before;
    list_for_each_entry_reverse(before, &queue->messages,
                                node) if (before->priority >= message->priority) break;
    list_insert_after(&before->node, &message->node); /* or the list's head */
    queue->count++;
    queue->bytes += message->bytes;
}

static struct mq_message *take_first_locked(struct mqueue *queue)
{
    struct mq_message *message = list_pop_head_entry(&queue->messages, struct mq_message, node);
    queue->count--;
    queue->bytes -= message->bytes;
    return message;
}

/* ---- waiting ---- */

static void waiter_init(struct mq_waiter *waiter, struct mq_message *message)
{
    waiter->priority = this_thread()->se.rt_priority;
    waiter->status = MQ_WAITING;
    waiter->message = message;
    wait_queue_init(&waiter->wait);
}

static void enqueue_locked(struct list *list, struct mq_waiter *waiter)
{
    struct mq_waiter *before;
    list_for_each_entry_reverse(before, list, node) if (before->priority >= waiter->priority) break;
    list_insert_after(&before->node, &waiter->node);
}

static void serve_locked(struct mq_waiter *waiter)
{
    list_remove(&waiter->node);
    atomic_store_release(&waiter->status, 0);
    wake_all(&waiter->wait);
}

static int wait_until_served(struct mqueue *queue, struct mq_waiter *waiter, uint64_t deadline_ns)
{
    int error = wait_event_until(&waiter->wait, atomic_load_acquire(&waiter->status) != MQ_WAITING,
                                 deadline_ns);
    spin_lock(&queue->lock);
    bool served = waiter->status == 0;
    if (!served)
        list_remove(&waiter->node);
    spin_unlock(&queue->lock);
    return served ? 0 : error;
}

/* ---- notification ---- */

/* The queue is no longer watched; the event goes out when the lock has been dropped. */
struct notification {
    void *process;
    struct linux_sigevent event;
    struct mqueue_cookie cookie;
};

/* What the last byte of a cookie says. */
enum notification_end { NOTIFY_MESSAGE = 1, NOTIFY_REMOVED = 2 };

static struct notification take_notification_locked(struct mqueue *queue)
{
    struct notification notification = {.process = queue->notify_process,
                                        .event = queue->notify_event,
                                        .cookie = queue->notify_cookie};
    atomic_store_relaxed(&queue->notify_process, NULL);
    return notification;
}

static void send_cookie(const struct mqueue_cookie *cookie, enum notification_end end)
{
    struct socket *socket = file_socket(cookie->socket);
    cookie->datagram->data[MQUEUE_COOKIE_BYTES - 1] = (uint8_t)end;
    socket->ops->deliver(socket, cookie->datagram);
    file_put(cookie->socket);
}

static void end_notification(const struct notification *notification, enum notification_end end)
{
    const struct linux_sigevent *event = &notification->event;
    if (!notification->process)
        return;
    if (event->sigev_notify == SIGEV_THREAD) {
        send_cookie(&notification->cookie, end);
    } else if (end == NOTIFY_MESSAGE && event->sigev_notify == SIGEV_SIGNAL && event->sigev_signo) {
        struct linux_siginfo info = {.si_signo = event->sigev_signo, .si_code = SI_MESGQ};
        info.rt.value = event->sigev_value;
        ipc_process_signal(notification->process, &info);
    }
    ipc_process_put(notification->process);
}

int mqueue_notify(struct file *file, const struct linux_sigevent *event,
                  const struct mqueue_cookie *cookie)
{
    struct mqueue *queue = mqueue_of(file);
    struct notification old = {0};
    void *process = event ? ipc_process_get_current() : NULL;
    int error = 0;
    spin_lock(&queue->lock);
    if (!event) {
        if (ipc_process_is_current(queue->notify_process))
            old = take_notification_locked(queue);
    } else if (queue->notify_process) {
        error = -EBUSY;
    } else {
        atomic_store_relaxed(&queue->notify_process, process);
        queue->notify_event = *event;
        queue->notify_cookie = *cookie;
        process = NULL;
    }
    spin_unlock(&queue->lock);
    inode_touch(file->inode, true, false, true);
    end_notification(&old, NOTIFY_REMOVED);
    ipc_process_put(process);
    return error;
}

void mqueue_notify_close(struct mqueue *queue)
{
    struct notification old = {0};
    if (likely(!atomic_load_relaxed(&queue->notify_process)))
        return;
    spin_lock(&queue->lock);
    if (ipc_process_is_current(queue->notify_process))
        old = take_notification_locked(queue);
    spin_unlock(&queue->lock);
    end_notification(&old, NOTIFY_REMOVED);
}

void mqueue_notify_drop(struct mqueue *queue)
{
    spin_lock(&queue->lock);
    struct notification old = take_notification_locked(queue);
    spin_unlock(&queue->lock);
    end_notification(&old, NOTIFY_REMOVED);
}

/* ---- sending and receiving ---- */

int mqueue_send(struct file *file, struct mq_message *message, uint64_t deadline_ns)
{
    struct mqueue *queue = mqueue_of(file);
    struct notification notification = {0};
    struct mq_waiter self;
    int error = 0;

    spin_lock(&queue->lock);
    struct mq_waiter *receiver = list_first_entry(&queue->receivers, struct mq_waiter, node);
    if (receiver) {
        receiver->message = message;
        serve_locked(receiver);
    } else if (queue->count < queue->messages_max) {
        insert_locked(queue, message);
        if (queue->count == 1)
            notification = take_notification_locked(queue);
    } else if (file_is_nonblocking(file)) {
        error = -EAGAIN;
    } else {
        waiter_init(&self, message);
        enqueue_locked(&queue->senders, &self);
        error = MQ_WAITING;
    }
    spin_unlock(&queue->lock);
    if (error == MQ_WAITING)
        return wait_until_served(queue, &self, deadline_ns);
    if (!error) {
        end_notification(&notification, NOTIFY_MESSAGE);
        wait_queue_wake(&queue->poll_wait, 0, EPOLLIN | EPOLLRDNORM);
        inode_touch(file->inode, true, true, true);
    }
    return error;
}

int mqueue_receive(struct file *file, uint64_t deadline_ns, struct mq_message **out)
{
    struct mqueue *queue = mqueue_of(file);
    struct mq_waiter self;
    int error = 0;

    spin_lock(&queue->lock);
    if (queue->count > 0) {
        *out = take_first_locked(queue);
        struct mq_waiter *sender = list_first_entry(&queue->senders, struct mq_waiter, node);
        if (sender) {
            insert_locked(queue, sender->message);
            serve_locked(sender);
        }
    } else if (file_is_nonblocking(file)) {
        error = -EAGAIN;
    } else {
        waiter_init(&self, NULL);
        enqueue_locked(&queue->receivers, &self);
        error = MQ_WAITING;
    }
    spin_unlock(&queue->lock);
    if (error == MQ_WAITING) {
        error = wait_until_served(queue, &self, deadline_ns);
        *out = self.message;
        return error;
    }
    if (!error) {
        wait_queue_wake(&queue->poll_wait, 0, EPOLLOUT | EPOLLWRNORM);
        inode_touch(file->inode, true, true, true);
    }
    return error;
}

uint32_t mqueue_poll(struct file *file, struct poll_table *table)
{
    struct mqueue *queue = mqueue_of(file);
    uint32_t events = 0;
    poll_wait(table, &queue->poll_wait);
    spin_lock(&queue->lock);
    if (queue->count > 0)
        events |= EPOLLIN | EPOLLRDNORM;
    if (queue->count < queue->messages_max)
        events |= EPOLLOUT | EPOLLWRNORM;
    spin_unlock(&queue->lock);
    return events;
}

size_t mqueue_message_max(struct file *file)
{
    return (size_t)mqueue_of(file)->bytes_max;
}

int mqueue_attributes(struct file *file, const struct linux_mq_attr *new, struct linux_mq_attr *old)
{
    struct mqueue *queue = mqueue_of(file);
    if (new && (new->mq_flags & ~(int64_t)O_NONBLOCK))
        return -EINVAL;
    uint32_t flags = atomic_load_relaxed(&file->flags), changed;
    if (new) {
        do {
            changed = (flags & ~(uint32_t)O_NONBLOCK) | (uint32_t) new->mq_flags;
        } while (!atomic_cmpxchg_relaxed(&file->flags, &flags, changed));
        inode_touch(file->inode, true, false, true);
    }
    spin_lock(&queue->lock);
    *old = (struct linux_mq_attr){
        .mq_flags = flags & O_NONBLOCK,
        .mq_maxmsg = queue->messages_max,
        .mq_msgsize = queue->bytes_max,
        .mq_curmsgs = queue->count,
    };
    spin_unlock(&queue->lock);
    return 0;
}

void mqueue_describe(struct mqueue *queue, struct strbuf *out)
{
    spin_lock(&queue->lock);
    void *process = queue->notify_process;
    const struct linux_sigevent *event = &queue->notify_event;
    bool signal = process && event->sigev_notify == SIGEV_SIGNAL;
    strbuf_printf(out, "QSIZE:%-10llu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n",
                  (unsigned long long)queue->bytes, process ? event->sigev_notify : 0,
                  signal ? event->sigev_signo : 0, process ? ipc_process_pid(process) : 0);
    spin_unlock(&queue->lock);
}
