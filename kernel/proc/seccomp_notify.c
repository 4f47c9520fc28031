/* SPDX-License-Identifier: MIT
 *
 * System calls that another process decides, seccomp_unotify(2): SECCOMP_RET_USER_NOTIF and the
 * listener's ioctls.
 *
 * A notification lives on the stack of the task that made the call, in the notifier's list until
 * the task goes on; a request to give the task a descriptor lives on the stack of the listener, in
 * the notification's list until the task takes it out and answers. All of them are touched under
 * notifier->lock only, and their waiters woken under it, so that nobody looks at a stack that is
 * gone.
 */
#include "kernel/proc/seccomp_notify.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/ioctl.h"
#include "kernel/abi/poll.h"
#include "kernel/abi/seccomp.h"
#include "kernel/core/entropy.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/task.h"
#include "kernel/security/pid_namespace.h"

struct seccomp_notifier {
    struct refcount refs;
    bool killable_after_receipt; /* constant */
    struct spinlock lock;        /* everything below */
    bool closed;                 /* the listener is gone; also atomic */
    bool orphaned;               /* nobody is under the filter any more; also atomic */
    uint64_t next_id;
    struct list notifications; /* oldest first */
    struct wait_queue listeners;
};

enum state { STATE_NEW, STATE_RECEIVED, STATE_ANSWERED };

struct notification {
    struct list_node node;
    enum state state;
    uint64_t id;
    int tid;
    const struct linux_seccomp_data *data;
    struct linux_seccomp_notif_resp answer;
    struct list gifts; /* struct gift */
    struct wait_queue wait;
};

/* A descriptor for the task (SECCOMP_IOCTL_NOTIF_ADDFD). */
struct gift {
    struct list_node node;
    struct file *file; /* the listener's reference */
    struct linux_seccomp_notif_addfd how;
    bool taken, done; /* off the list; and answered. `done` also atomic */
    int result;
    struct wait_queue wait;
};

/* ---- the notifier ---- */

int seccomp_notifier_create(bool killable_after_receipt, struct seccomp_notifier **out)
{
    struct seccomp_notifier *notifier = kzalloc(sizeof(*notifier));
    if (!notifier)
        return -ENOMEM;
    refcount_init(&notifier->refs, 2);
    notifier->killable_after_receipt = killable_after_receipt;
    spin_lock_init(&notifier->lock, LOCK_RANK_OBJECT);
    list_init(&notifier->notifications);
    wait_queue_init(&notifier->listeners);
    entropy_bytes(&notifier->next_id, sizeof(notifier->next_id));
    *out = notifier;
    return 0;
}

void seccomp_notifier_put(struct seccomp_notifier *notifier)
{
    if (refcount_dec_and_test(&notifier->refs))
        kfree(notifier);
}

bool seccomp_notifier_listens(const struct seccomp_notifier *notifier)
{
    return !atomic_load_acquire(&notifier->closed);
}

void seccomp_notifier_orphan(struct seccomp_notifier *notifier)
{
    atomic_store_release(&notifier->orphaned, true);
    wait_queue_wake(&notifier->listeners, 0, EPOLLHUP);
    seccomp_notifier_put(notifier);
}

static struct notification *find_state_locked(struct seccomp_notifier *notifier, enum state state)
{
    struct notification *note;
    list_for_each_entry(note, &notifier->notifications, node) if (note->state == state) return note;
    return NULL;
}

static struct notification *find_locked(struct seccomp_notifier *notifier, uint64_t id)
{
    struct notification *note;
    list_for_each_entry(note, &notifier->notifications, node) if (note->id == id) return note;
    return NULL;
}

/* ---- the task's side ---- */

static struct gift *take_gift_locked(struct notification *note)
{
    if (list_empty(&note->gifts))
        return NULL;
    struct gift *gift = list_entry(list_first(&note->gifts), struct gift, node);
    list_remove(&gift->node);
    gift->taken = true;
    return gift;
}

static void finish_gift_locked(struct gift *gift, int result)
{
    gift->result = result;
    atomic_store_release(&gift->done, true);
    wake_all(&gift->wait);
}

/* The listener waits for the answer, uninterrupted once the gift is taken. */
static int install_gift(const struct gift *gift)
{
    bool cloexec = gift->how.newfd_flags & O_CLOEXEC;
    struct file *file = file_get(gift->file);
    return gift->how.flags & SECCOMP_ADDFD_FLAG_SETFD
               ? fd_replace((int)gift->how.newfd, file, cloexec)
               : fd_add(file, cloexec);
}

static void accept_gifts(struct seccomp_notifier *notifier, struct notification *note)
{
    struct gift *gift;
    spin_lock(&notifier->lock);
    while ((gift = take_gift_locked(note))) {
        spin_unlock(&notifier->lock);
        int fd = install_gift(gift);
        spin_lock(&notifier->lock);
        if (gift->how.flags & SECCOMP_ADDFD_FLAG_SEND) {
            if (fd >= 0)
                note->answer = (struct linux_seccomp_notif_resp){.val = fd};
            else
                note->state = STATE_RECEIVED; /* to be answered in another way */
        }
        finish_gift_locked(gift, fd);
    }
    spin_unlock(&notifier->lock);
}

static bool has_news(struct seccomp_notifier *notifier, struct notification *note)
{
    spin_lock(&notifier->lock);
    bool news = note->state == STATE_ANSWERED || !list_empty(&note->gifts);
    spin_unlock(&notifier->lock);
    return news;
}

/* Only a fatal signal ends the wait once the listener has the notification, if it wants that. */
static bool waits_killably(struct seccomp_notifier *notifier, struct notification *note)
{
    spin_lock(&notifier->lock);
    bool killably = notifier->killable_after_receipt && note->state == STATE_RECEIVED;
    spin_unlock(&notifier->lock);
    return killably;
}

static int wait_for_answer(struct seccomp_notifier *notifier, struct notification *note)
{
    for (;;) {
        int error = 0;
        if (waits_killably(notifier, note)) {
            error = wait_event_killable(&note->wait, has_news(notifier, note));
        } else {
            error = wait_event_interruptible(&note->wait, has_news(notifier, note) ||
                                                              waits_killably(notifier, note));
            if (error && waits_killably(notifier, note))
                continue;
        }
        if (error)
            return error;
        accept_gifts(notifier, note);
        spin_lock(&notifier->lock);
        bool answered = note->state == STATE_ANSWERED && list_empty(&note->gifts);
        spin_unlock(&notifier->lock);
        if (answered)
            return 0;
    }
}

bool seccomp_notify(struct seccomp_notifier *notifier, struct task *task,
                    const struct linux_seccomp_data *data, int64_t *out_result)
{
    struct notification note = {.state = STATE_NEW, .tid = task->tid, .data = data};
    struct gift *gift;
    *out_result = -ENOSYS;
    if (!notifier)
        return false;
    list_init(&note.gifts);
    wait_queue_init(&note.wait);
    spin_lock(&notifier->lock);
    if (notifier->closed) {
        spin_unlock(&notifier->lock);
        return false;
    }
    note.id = notifier->next_id++;
    list_add_tail(&notifier->notifications, &note.node);
    wait_queue_wake(&notifier->listeners, 0, EPOLLIN);
    spin_unlock(&notifier->lock);

    int error = wait_for_answer(notifier, &note);
    spin_lock(&notifier->lock);
    while ((gift = take_gift_locked(&note)))
        finish_gift_locked(gift, -ESRCH);
    list_remove(&note.node);
    spin_unlock(&notifier->lock);
    if (error) {
        *out_result = error;
        return false;
    }
    *out_result = note.answer.error ? note.answer.error : note.answer.val;
    return note.answer.flags & SECCOMP_USER_NOTIF_FLAG_CONTINUE;
}

/* ---- the listener's side ---- */

/* In words: one that is not zero is told before whatever cannot be read behind it. */
static int user_is_zero(uint64_t uaddr, size_t bytes)
{
    uint64_t word;
    assert(bytes % sizeof(word) == 0);
    for (size_t i = 0; i < bytes; i += sizeof(word)) {
        if (copy_from_user(&word, uaddr + i, sizeof(word)))
            return -EFAULT;
        if (word)
            return -EINVAL;
    }
    return 0;
}

static bool may_receive(struct seccomp_notifier *notifier)
{
    spin_lock(&notifier->lock);
    bool ready = find_state_locked(notifier, STATE_NEW) || notifier->orphaned;
    spin_unlock(&notifier->lock);
    return ready;
}

static int64_t receive(struct seccomp_notifier *notifier, uint64_t argument)
{
    struct linux_seccomp_notif out = {0};
    int error = user_is_zero(argument, sizeof(out));
    if (!error)
        error = wait_event_interruptible(&notifier->listeners, may_receive(notifier));
    if (error)
        return error;
    spin_lock(&notifier->lock);
    struct notification *note = find_state_locked(notifier, STATE_NEW);
    if (note) {
        out.id = note->id;
        out.data = *note->data;
        out.pid = (uint32_t)current_pid_shown(note->tid);
        note->state = STATE_RECEIVED;
        wait_queue_wake(&notifier->listeners, 0, EPOLLOUT);
        if (notifier->killable_after_receipt)
            wake_all(&note->wait);
    }
    spin_unlock(&notifier->lock);
    if (!note)
        return -ENOENT;
    if (copy_to_user(argument, &out, sizeof(out)) == 0)
        return 0;
    spin_lock(&notifier->lock); /* somebody else may have it */
    note = find_locked(notifier, out.id);
    if (note && note->state == STATE_RECEIVED) {
        note->state = STATE_NEW;
        wait_queue_wake(&notifier->listeners, 0, EPOLLIN);
    }
    spin_unlock(&notifier->lock);
    return -EFAULT;
}

static int64_t answer(struct seccomp_notifier *notifier, uint64_t argument)
{
    struct linux_seccomp_notif_resp resp;
    int error = 0;
    if (copy_from_user(&resp, argument, sizeof(resp)))
        return -EFAULT;
    if (resp.flags & ~(uint32_t)SECCOMP_USER_NOTIF_FLAG_CONTINUE)
        return -EINVAL;
    if ((resp.flags & SECCOMP_USER_NOTIF_FLAG_CONTINUE) && (resp.error || resp.val))
        return -EINVAL;
    spin_lock(&notifier->lock);
    struct notification *note = find_locked(notifier, resp.id);
    if (!note) {
        error = -ENOENT;
    } else if (note->state != STATE_RECEIVED) {
        error = -EINPROGRESS;
    } else {
        note->state = STATE_ANSWERED;
        note->answer = resp;
        wake_all(&note->wait);
    }
    spin_unlock(&notifier->lock);
    return error;
}

static int64_t check_id(struct seccomp_notifier *notifier, uint64_t argument)
{
    uint64_t id;
    if (get_user_u64(&id, argument))
        return -EFAULT;
    spin_lock(&notifier->lock);
    struct notification *note = find_locked(notifier, id);
    bool valid = note && note->state == STATE_RECEIVED;
    spin_unlock(&notifier->lock);
    return valid ? 0 : -ENOENT;
}

static int offer_gift_locked(struct seccomp_notifier *notifier, struct gift *gift)
{
    struct notification *note = find_locked(notifier, gift->how.id);
    if (!note)
        return -ENOENT;
    if (note->state != STATE_RECEIVED)
        return -EINPROGRESS;
    if (gift->how.flags & SECCOMP_ADDFD_FLAG_SEND) {
        if (!list_empty(&note->gifts))
            return -EBUSY;
        note->state = STATE_ANSWERED;
    }
    list_add_tail(&note->gifts, &gift->node);
    wake_all(&note->wait);
    return 0;
}

/* The gift's list is that of a stack that may be gone: only `taken` says whether it is on it. */
static int64_t give(struct seccomp_notifier *notifier, struct gift *gift)
{
    spin_lock(&notifier->lock);
    int error = offer_gift_locked(notifier, gift);
    spin_unlock(&notifier->lock);
    if (error)
        return error;
    error = wait_event_interruptible(&gift->wait, atomic_load_acquire(&gift->done));
    if (error) {
        spin_lock(&notifier->lock);
        bool taken = gift->taken;
        if (!taken)
            list_remove(&gift->node);
        spin_unlock(&notifier->lock);
        if (!taken)
            return error;
        wait_event(&gift->wait, atomic_load_acquire(&gift->done));
    }
    spin_lock(&notifier->lock); /* whoever woke us has let go */
    int result = gift->result;
    spin_unlock(&notifier->lock);
    return result;
}

static int64_t add_fd(struct seccomp_notifier *notifier, uint64_t argument, size_t size)
{
    struct gift gift = {0};
    int error =
        copy_struct_from_user(&gift.how, sizeof(gift.how), argument, size, sizeof(gift.how));
    if (error)
        return error;
    const struct linux_seccomp_notif_addfd *how = &gift.how;
    if ((how->newfd_flags & ~(uint32_t)O_CLOEXEC) ||
        (how->flags & ~(uint32_t)(SECCOMP_ADDFD_FLAG_SETFD | SECCOMP_ADDFD_FLAG_SEND)) ||
        (how->newfd && !(how->flags & SECCOMP_ADDFD_FLAG_SETFD)))
        return -EINVAL;
    gift.file = fd_get((int)how->srcfd);
    if (!gift.file)
        return -EBADF;
    wait_queue_init(&gift.wait);
    int64_t result = give(notifier, &gift);
    file_put(gift.file);
    return result;
}

static int64_t notify_ioctl(struct file *file, uint32_t command, uint64_t argument)
{
    const uint32_t size_mask = 0x3fff0000u, direction_mask = 0xc0000000u;
    struct seccomp_notifier *notifier = file->private;
    switch (command) {
    case SECCOMP_IOCTL_NOTIF_RECV:
        return receive(notifier, argument);
    case SECCOMP_IOCTL_NOTIF_SEND:
        return answer(notifier, argument);
    case SECCOMP_IOCTL_NOTIF_ID_VALID:
    case SECCOMP_IOCTL_NOTIF_ID_VALID_WRONG_DIR:
        return check_id(notifier, argument);
    default:
        break;
    }
    /* Its size may grow, and nobody looks at its direction. */
    if ((command ^ SECCOMP_IOCTL_NOTIF_ADDFD) & ~(size_mask | direction_mask))
        return -EINVAL;
    size_t size = (command & size_mask) >> 16;
    if (size < sizeof(struct linux_seccomp_notif_addfd) || size >= PAGE_SIZE)
        return -EINVAL;
    return add_fd(notifier, argument, size);
}

static uint32_t notify_poll(struct file *file, struct poll_table *table)
{
    struct seccomp_notifier *notifier = file->private;
    uint32_t events = 0;
    poll_wait(table, &notifier->listeners);
    atomic_fence_seq(); /* registered before looking */
    spin_lock(&notifier->lock);
    if (find_state_locked(notifier, STATE_NEW))
        events |= EPOLLIN | EPOLLRDNORM;
    if (find_state_locked(notifier, STATE_RECEIVED))
        events |= EPOLLOUT | EPOLLWRNORM;
    if (notifier->orphaned)
        events |= EPOLLHUP;
    spin_unlock(&notifier->lock);
    return events;
}

/* Nobody will answer any more: whoever waits gets ENOSYS. */
static void notify_release(struct file *file)
{
    struct seccomp_notifier *notifier = file->private;
    struct notification *note;
    spin_lock(&notifier->lock);
    atomic_store_release(&notifier->closed, true);
    list_for_each_entry(note, &notifier->notifications, node)
    {
        if (note->state == STATE_ANSWERED)
            continue;
        note->state = STATE_ANSWERED;
        note->answer = (struct linux_seccomp_notif_resp){.error = -ENOSYS};
        wake_all(&note->wait);
    }
    spin_unlock(&notifier->lock);
    seccomp_notifier_put(notifier);
}

static const struct file_ops notify_ops = {
    .release = notify_release,
    .poll = notify_poll,
    .ioctl = notify_ioctl,
};

int seccomp_notifier_open(struct kernel *kernel, struct seccomp_notifier *notifier,
                          struct file **out)
{
    return file_create_anon(kernel, "seccomp notify", &notify_ops, notifier, O_RDWR, 0, out);
}
