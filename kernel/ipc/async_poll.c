/* SPDX-License-Identifier: MIT
 *
 * Polls without a waiting thread (async_poll.h).
 *
 * Wake-up callbacks run under a wait queue's lock, where hardly anything may be done: they only put
 * the poll on the thread's list. state->lock guards that list and which poll is being called; it is
 * taken under wait queues' locks, interrupts masked. The thread is created with the first poll.
 */
#include "kernel/ipc/async_poll.h"

#include "kernel/core/kernel.h"
#include "kernel/fs/vfs.h"
#include "kernel/ipc/ipc_internal.h"
#include "kernel/mm/slab.h"

struct async_poll_state {
    struct mutex start_mutex;   /* creation of the thread */
    struct thread *thread;      /* never ends; atomic */
    struct spinlock lock;       /* LOCK_RANK_EPOLL_READY, irqsave */
    struct list fired;          /* async_poll.node */
    struct async_poll *running; /* whose ready is being called; only compared */
    struct wait_queue done;     /* woken when it has returned */
};

int async_poll_init(struct kernel *kernel)
{
    struct async_poll_state *state = kzalloc(sizeof(*state));
    if (!state)
        return -ENOMEM;
    mutex_init(&state->start_mutex, LOCK_RANK_NONE);
    spin_lock_init(&state->lock, LOCK_RANK_EPOLL_READY);
    list_init(&state->fired);
    wait_queue_init(&state->done);
    kernel->ipc->async_polls = state;
    return 0;
}

static struct async_poll_state *this_state(void)
{
    return this_kernel()->ipc->async_polls;
}

/* ---- the thread ---- */

static struct async_poll *take(struct async_poll_state *state)
{
    bool irq = spin_lock_irqsave(&state->lock);
    struct async_poll *poll = list_pop_head_entry(&state->fired, struct async_poll, node);
    state->running = poll;
    spin_unlock_irqrestore(&state->lock, irq);
    return poll;
}

static void finish(struct async_poll_state *state)
{
    bool irq = spin_lock_irqsave(&state->lock);
    state->running = NULL;
    spin_unlock_irqrestore(&state->lock, irq);
    wake_all(&state->done);
}

static bool is_idle(struct async_poll_state *state)
{
    bool irq = spin_lock_irqsave(&state->lock);
    bool idle = list_empty(&state->fired);
    spin_unlock_irqrestore(&state->lock, irq);
    return idle;
}

static void run(void *argument)
{
    struct async_poll_state *state = argument;
    for (;;) {
        struct async_poll *poll = take(state);
        if (poll) {
            poll->ready(poll);
            finish(state);
            continue;
        }
        sched_prepare_block(THREAD_INTERRUPTIBLE);
        if (is_idle(state))
            sched_block();
        sched_finish_block();
    }
}

static int start_thread(struct async_poll_state *state)
{
    struct thread *thread;
    if (atomic_load_acquire(&state->thread))
        return 0;
    mutex_lock(&state->start_mutex);
    int error = 0;
    if (!state->thread) {
        error = thread_create(this_kernel(), "poll", run, state, &thread);
        if (!error) {
            atomic_store_release(&state->thread, thread);
            thread_start(thread);
        }
    }
    mutex_unlock(&state->start_mutex);
    return error;
}

/* ---- one poll ---- */

static bool fire(struct wait_entry *entry, uint32_t key)
{
    struct async_poll *poll = container_of(entry, struct async_poll_link, wait)->poll;
    struct async_poll_state *state = this_state();
    if (key && !(key & poll->events))
        return false;
    bool irq = spin_lock_irqsave(&state->lock);
    poll->fired = true;
    bool queue = !poll->starting && !list_node_linked(&poll->node);
    if (queue)
        list_add_tail(&state->fired, &poll->node);
    spin_unlock_irqrestore(&state->lock, irq);
    if (queue)
        thread_wake(state->thread);
    return false;
}

struct starting_poll {
    struct poll_table table;
    struct async_poll *poll;
};

static void add_link(struct poll_table *table, struct wait_queue *queue)
{
    struct async_poll *poll = container_of(table, struct starting_poll, table)->poll;
    struct async_poll_link *link;
    if (poll->link_count < ASYNC_POLL_LINKS_INLINE) {
        link = &poll->links[poll->link_count++];
    } else {
        link = kmalloc(sizeof(*link));
        if (!link) {
            poll->out_of_memory = true;
            return;
        }
        link->next = poll->more_links;
        poll->more_links = link;
    }
    link->poll = poll;
    wait_entry_init_callback(&link->wait, fire);
    wait_queue_add(queue, &link->wait);
}

int64_t async_poll_start(struct async_poll *poll)
{
    struct async_poll_state *state = this_state();
    int error = start_thread(state);
    if (error)
        return error;
    list_node_init(&poll->node);
    poll->starting = true;
    poll->fired = poll->out_of_memory = false;
    poll->link_count = 0;
    poll->more_links = NULL;
    struct starting_poll starting = {.table = {.queue = add_link, .events = poll->events},
                                     .poll = poll};
    uint32_t ready = vfs_poll(poll->file, &starting.table) & poll->events;
    if ((ready && !poll->edge) || poll->out_of_memory) {
        async_poll_stop(poll); /* nobody else has seen it */
        return ready ? (int64_t)ready : -ENOMEM;
    }
    bool irq = spin_lock_irqsave(&state->lock);
    poll->starting = false;
    poll->fired |= ready != 0;
    bool queue = poll->fired;
    if (queue)
        list_add_tail(&state->fired, &poll->node);
    spin_unlock_irqrestore(&state->lock, irq);
    if (queue)
        thread_wake(state->thread);
    return 0;
}

/* Not queued and not being called. */
static bool is_quiet(struct async_poll_state *state, struct async_poll *poll)
{
    bool irq = spin_lock_irqsave(&state->lock);
    if (list_node_linked(&poll->node))
        list_remove(&poll->node);
    bool quiet = state->running != poll;
    spin_unlock_irqrestore(&state->lock, irq);
    return quiet;
}

void async_poll_stop(struct async_poll *poll)
{
    struct async_poll_state *state = this_state();
    for (unsigned i = 0; i < poll->link_count; i++)
        wait_queue_remove(&poll->links[i].wait);
    while (poll->more_links) {
        struct async_poll_link *link = poll->more_links;
        poll->more_links = link->next;
        wait_queue_remove(&link->wait);
        kfree(link);
    }
    poll->link_count = 0;
    if (this_thread() == state->thread)
        is_quiet(state, poll);
    else
        wait_event(&state->done, is_quiet(state, poll));
}
