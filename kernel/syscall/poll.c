/* SPDX-License-Identifier: MIT
 *
 * poll(2), ppoll(2), select(2), pselect6(2): waiting for readiness of several descriptors.
 *
 * All four build a list of (file, events), scan it with a poll_table that registers the caller on the
 * files' wait queues, and sleep until one of those wakes it with a matching key. Files are
 * referenced for the whole call.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/poll.h"
#include "kernel/abi/time.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/task.h"
#include "kernel/sched/wait.h"
#include "kernel/syscall/deadline.h"
#include "kernel/syscall/syscalls.h"

enum { ENTRIES_INLINE = 16, WAITS_INLINE = 16, FDS_MAX = 1024 * 1024 };

/* ---- waiting on many queues ---- */

struct poll_waits {
    struct poll_table table;
    struct thread *thread;
    bool triggered;              /* a queue was woken since the last scan; atomic */
    bool out_of_memory;
    unsigned count;
    struct poll_wait_entry *more; /* allocated ones, linked */
    struct poll_wait_entry {
        struct wait_entry wait;
        struct poll_waits *waits;
        struct poll_wait_entry *next;
        uint32_t events;         /* wake-ups for others are not for us */
    } inline_entries[WAITS_INLINE];
};

static bool poll_wake(struct wait_entry *wait, uint32_t key)
{
    const struct poll_wait_entry *entry = container_of(wait, struct poll_wait_entry, wait);
    struct poll_waits *waits = entry->waits;
    if (key && !(key & entry->events))
        return false;
    atomic_store_release(&waits->triggered, true);
    thread_wake(waits->thread);
    return true;
}

static void poll_queue(struct poll_table *table, struct wait_queue *queue)
{
    struct poll_waits *waits = container_of(table, struct poll_waits, table);
    struct poll_wait_entry *entry;

    if (waits->count < WAITS_INLINE) {
        entry = &waits->inline_entries[waits->count];
    } else {
        entry = kmalloc(sizeof(*entry));
        if (!entry) {
            waits->out_of_memory = true;
            return;
        }
        entry->next = waits->more;
        waits->more = entry;
    }
    waits->count++;
    entry->waits = waits;
    entry->events = table->events;
    wait_entry_init_callback(&entry->wait, poll_wake);
    wait_queue_add(queue, &entry->wait);
}

static void poll_waits_init(struct poll_waits *waits)
{
    waits->table = (struct poll_table){.queue = poll_queue, .events = UINT32_MAX};
    waits->thread = this_thread();
    waits->triggered = waits->out_of_memory = false;
    waits->count = 0;
    waits->more = NULL;
}

static void poll_waits_finish(struct poll_waits *waits)
{
    unsigned inline_count = MIN(waits->count, (unsigned)WAITS_INLINE);
    for (unsigned i = 0; i < inline_count; i++)
        wait_queue_remove(&waits->inline_entries[i].wait);
    while (waits->more) {
        struct poll_wait_entry *entry = waits->more;
        waits->more = entry->next;
        wait_queue_remove(&entry->wait);
        kfree(entry);
    }
}

/* ---- the common core ---- */

struct poll_entry {
    struct file *file;           /* referenced; NULL: an ignored or bad descriptor */
    uint32_t events;             /* asked for */
    uint32_t ready;              /* out */
};

static unsigned scan(struct poll_entry *entries, size_t count, struct poll_table *table)
{
    unsigned ready = 0;
    for (size_t i = 0; i < count; i++) {
        struct poll_entry *entry = &entries[i];
        if (entry->file) {
            uint32_t wanted = entry->events | EPOLLERR | EPOLLHUP;
            if (table)
                table->events = wanted;
            entry->ready = vfs_poll(entry->file, table) & wanted;
        }
        if (entry->ready) {
            ready++;
            table = NULL; /* no need to register any more: we shall not sleep */
        }
    }
    return ready;
}

/* Number of ready entries; 0 at the deadline (clock_monotonic_ns; 0: do not wait); or an error. */
static int64_t poll_wait_until(struct poll_entry *entries, size_t count, uint64_t deadline_ns)
{
    struct poll_waits waits;
    int64_t result = 0;

    if (deadline_ns == 0)
        return scan(entries, count, NULL);
    poll_waits_init(&waits);
    struct poll_table *table = &waits.table;
    for (bool timed_out = false;;) {
        atomic_store_seq(&waits.triggered, false);
        result = scan(entries, count, table);
        table = NULL; /* registered once */
        if (result || timed_out)
            break;
        if (waits.out_of_memory) {
            result = -ENOMEM;
            break;
        }
        sched_prepare_block(THREAD_INTERRUPTIBLE);
        if (wait_interrupted(THREAD_INTERRUPTIBLE)) {
            sched_finish_block();
            result = -ERESTARTNOHAND;
            break;
        }
        if (!atomic_load_acquire(&waits.triggered))
            timed_out = sched_block_until(deadline_ns);
        sched_finish_block();
    }
    poll_waits_finish(&waits);
    return result;
}

static void put_files(struct poll_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (entries[i].file)
            file_put(entries[i].file);
    }
}

/* ppoll and pselect write the rest of the time back; failing to is ignored. */
static void write_deadline_left(uint64_t uaddr, uint64_t deadline_ns)
{
    if (!uaddr || deadline_ns == UINT64_MAX)
        return;
    struct linux_timespec left = deadline_left(deadline_ns);
    (void)copy_to_user(uaddr, &left, sizeof(left));
}

/* ---- poll ---- */

static int64_t poll_entries(struct linux_pollfd *fds, struct poll_entry *entries, size_t count,
                            uint64_t deadline_ns)
{
    for (size_t i = 0; i < count; i++) {
        entries[i] = (struct poll_entry){.events = (uint16_t)fds[i].events};
        if (fds[i].fd < 0)
            continue;
        entries[i].file = fd_get(fds[i].fd);
        if (!entries[i].file)
            entries[i].ready = POLLNVAL;
    }
    int64_t result = poll_wait_until(entries, count, deadline_ns);
    put_files(entries, count);
    for (size_t i = 0; i < count; i++)
        fds[i].revents = (int16_t)entries[i].ready;
    return result;
}

static int write_revents(uint64_t uaddr, const struct linux_pollfd *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t at = uaddr + i * sizeof(fds[i]) + offsetof(struct linux_pollfd, revents);
        if (copy_to_user(at, &fds[i].revents, sizeof(fds[i].revents)))
            return -EFAULT;
    }
    return 0;
}

static int64_t do_poll(uint64_t uaddr, uint32_t count, uint64_t deadline_ns)
{
    struct linux_pollfd fds_inline[ENTRIES_INLINE], *fds = fds_inline;
    struct poll_entry entries_inline[ENTRIES_INLINE], *entries = entries_inline;
    int64_t result = -ENOMEM;

    if (count > FDS_MAX || count > current_limit(RLIMIT_NOFILE))
        return -EINVAL;
    if (count > ENTRIES_INLINE) {
        fds = kmalloc(count * sizeof(*fds));
        entries = kmalloc(count * sizeof(*entries));
        if (!fds || !entries)
            goto out;
    }
    result = -EFAULT;
    if (!user_range_ok(uaddr, count * sizeof(*fds)))
        goto out; /* even if there are none */
    if (copy_from_user(fds, uaddr, count * sizeof(*fds)))
        goto out;
    result = poll_entries(fds, entries, count, deadline_ns);
    if (result >= 0 && write_revents(uaddr, fds, count))
        result = -EFAULT;
out:
    if (fds != fds_inline)
        kfree(fds);
    if (entries != entries_inline)
        kfree(entries);
    return result;
}

/* An interrupted poll goes on with what is left of its time. */
static int64_t restart_poll(struct task *task)
{
    const uint64_t *args = task->restart_args.args;
    int64_t result = do_poll(args[0], (uint32_t)args[1], args[2]);
    return result == -ERESTARTNOHAND ? -ERESTART_RESTARTBLOCK : result;
}

int64_t sys_poll(uint64_t fds, uint32_t count, int timeout_ms)
{
    uint64_t deadline = deadline_after_ms(timeout_ms);
    int64_t result = do_poll(fds, count, deadline);
    if (result != -ERESTARTNOHAND)
        return result;
    struct task *task = current_task();
    task->restart = restart_poll;
    task->restart_args.args[0] = fds;
    task->restart_args.args[1] = count;
    task->restart_args.args[2] = deadline;
    return -ERESTART_RESTARTBLOCK;
}

int64_t sys_ppoll(uint64_t fds, uint32_t count, uint64_t timeout, uint64_t mask,
                  uint64_t sigsetsize)
{
    uint64_t deadline, blocked;
    int error = deadline_from_user(timeout, &deadline);
    if (!error && mask)
        error = signal_mask_from_user(mask, sigsetsize, &blocked);
    if (error)
        return error;
    if (mask)
        signal_set_temporary_mask(blocked);
    int64_t result = do_poll(fds, count, deadline);
    if (result != -ERESTARTNOHAND)
        signal_end_temporary_mask();
    write_deadline_left(timeout, deadline);
    return result;
}

/* ---- select ---- */

enum { SETS = 3 };

static const uint32_t select_events[SETS] = {
    EPOLLIN | EPOLLRDNORM | EPOLLRDBAND | EPOLLHUP | EPOLLERR,
    EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND | EPOLLERR,
    EPOLLPRI,
};

struct select_sets {
    uint64_t *bits[SETS];        /* NULL: not given */
    uint64_t uaddr[SETS];
    size_t words;
};

static bool set_has(const struct select_sets *sets, unsigned set, unsigned fd)
{
    return sets->bits[set] && (sets->bits[set][fd / 64] >> fd % 64 & 1);
}

static int read_sets(struct select_sets *sets, uint64_t *storage)
{
    for (unsigned i = 0; i < SETS; i++) {
        if (!sets->uaddr[i])
            continue;
        sets->bits[i] = storage + i * sets->words;
        if (copy_from_user(sets->bits[i], sets->uaddr[i], sets->words * sizeof(uint64_t)))
            return -EFAULT;
    }
    return 0;
}

static int write_sets(const struct select_sets *sets)
{
    for (unsigned i = 0; i < SETS; i++) {
        if (sets->bits[i] &&
            copy_to_user(sets->uaddr[i], sets->bits[i], sets->words * sizeof(uint64_t)))
            return -EFAULT;
    }
    return 0;
}

/* One entry per descriptor named in any set; fd numbers beside them. */
static int64_t collect(const struct select_sets *sets, unsigned count, struct poll_entry *entries,
                       unsigned *fds)
{
    unsigned used = 0;
    for (unsigned fd = 0; fd < count; fd++) {
        uint32_t events = 0;
        for (unsigned set = 0; set < SETS; set++)
            events |= set_has(sets, set, fd) ? select_events[set] : 0;
        if (!events)
            continue;
        entries[used] = (struct poll_entry){.file = fd_get((int)fd), .events = events};
        fds[used] = fd;
        if (!entries[used].file) {
            put_files(entries, used);
            return -EBADF;
        }
        used++;
    }
    return used;
}

static int64_t mark_results(struct select_sets *sets, const struct poll_entry *entries,
                            const unsigned *fds, size_t used)
{
    int64_t marked = 0;
    for (size_t i = 0; i < used; i++) {
        for (unsigned set = 0; set < SETS; set++) {
            if (!set_has(sets, set, fds[i]))
                continue;
            if (entries[i].ready & select_events[set])
                marked++;
            else
                sets->bits[set][fds[i] / 64] &= ~BIT(fds[i] % 64);
        }
    }
    return marked;
}

static unsigned count_descriptors(const struct select_sets *sets, unsigned count)
{
    unsigned total = 0;
    for (unsigned fd = 0; fd < count; fd++)
        total += set_has(sets, 0, fd) || set_has(sets, 1, fd) || set_has(sets, 2, fd);
    return total;
}

static int64_t select_sets_wait(struct select_sets *sets, unsigned count, uint64_t deadline_ns)
{
    /* Bits past `count` in the last word are not looked at, and come back clear. */
    for (unsigned i = 0; i < SETS; i++) {
        if (sets->bits[i] && count % 64)
            sets->bits[i][count / 64] &= BIT(count % 64) - 1;
    }
    unsigned total = count_descriptors(sets, count);
    struct poll_entry *entries = kmalloc((total + 1) * sizeof(*entries));
    unsigned *fds = kmalloc((total + 1) * sizeof(*fds));
    int64_t result = -ENOMEM;
    if (entries && fds)
        result = collect(sets, count, entries, fds);
    if (result >= 0) {
        size_t used = (size_t)result;
        result = poll_wait_until(entries, used, deadline_ns);
        put_files(entries, used);
        if (result >= 0)
            result = mark_results(sets, entries, fds, used);
    }
    kfree(entries);
    kfree(fds);
    return result;
}

static int64_t do_select(int count, const uint64_t uaddr[SETS], uint64_t deadline_ns)
{
    uint64_t storage_inline[SETS * 4], *storage = storage_inline;
    struct select_sets sets = {.uaddr = {uaddr[0], uaddr[1], uaddr[2]}};

    if (count < 0)
        return -EINVAL;
    count = (int)MIN((unsigned)count, fd_table_capacity()); /* more there cannot be */
    sets.words = DIV_ROUND_UP((unsigned)count, 64u);
    if (sets.words > 4) {
        storage = kmalloc(SETS * sets.words * sizeof(uint64_t));
        if (!storage)
            return -ENOMEM;
    }
    int64_t result = read_sets(&sets, storage);
    if (!result)
        result = select_sets_wait(&sets, (unsigned)count, deadline_ns);
    if (result >= 0 && write_sets(&sets))
        result = -EFAULT;
    if (storage != storage_inline)
        kfree(storage);
    return result;
}

int64_t sys_select(int count, uint64_t readfds, uint64_t writefds, uint64_t exceptfds,
                   uint64_t timeout)
{
    struct linux_timeval time;
    uint64_t deadline = UINT64_MAX;

    if (timeout) {
        if (copy_from_user(&time, timeout, sizeof(time)))
            return -EFAULT;
        /* Microseconds beyond a second are carried, as select always allowed. */
        if (time.tv_sec < 0 || time.tv_usec < 0)
            return -EINVAL;
        struct linux_timespec spec = {.tv_sec = time.tv_sec + time.tv_usec / 1000000,
                                      .tv_nsec = time.tv_usec % 1000000 * 1000};
        int error = deadline_from_timespec(&spec, &deadline);
        if (error)
            return error;
    }
    int64_t result = do_select(count, (uint64_t[]){readfds, writefds, exceptfds}, deadline);
    if (timeout && deadline != UINT64_MAX) {
        struct linux_timespec left = deadline_left(deadline);
        time = (struct linux_timeval){.tv_sec = left.tv_sec, .tv_usec = left.tv_nsec / 1000};
        (void)copy_to_user(timeout, &time, sizeof(time));
    }
    return result;
}

int64_t sys_pselect6(int count, uint64_t readfds, uint64_t writefds, uint64_t exceptfds,
                     uint64_t timeout, uint64_t mask)
{
    uint64_t mask_argument[2] = {0, 0}, deadline, blocked;

    if (mask && copy_from_user(mask_argument, mask, sizeof(mask_argument)))
        return -EFAULT;
    int error = deadline_from_user(timeout, &deadline);
    if (!error && mask_argument[0])
        error = signal_mask_from_user(mask_argument[0], mask_argument[1], &blocked);
    if (error)
        return error;
    if (mask_argument[0])
        signal_set_temporary_mask(blocked);
    int64_t result = do_select(count, (uint64_t[]){readfds, writefds, exceptfds}, deadline);
    if (result != -ERESTARTNOHAND)
        signal_end_temporary_mask();
    write_deadline_left(timeout, deadline);
    return result;
}
