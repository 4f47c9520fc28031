/* SPDX-License-Identifier: MIT
 *
 * Contexts of asynchronous I/O: their table, limits and end (io_setup(2), io_destroy(2)). Locking:
 * see aio_internal.h.
 */
#include "kernel/abi/errno.h"
#include "kernel/core/kernel.h"
#include "kernel/ipc/aio_internal.h"
#include "kernel/ipc/ipc_internal.h"
#include "kernel/mm/mm.h"
#include "kernel/mm/shared_pages.h"
#include "kernel/mm/slab.h"

enum { LIMIT_DEFAULT = 65536, PER_CPU_MIN = 4 };
#define REQUESTS_MAX (0x10000000u / sizeof(struct linux_io_event))

int aio_subsystem_init(struct kernel *kernel)
{
    struct aio_state *state = kzalloc(sizeof(*state));
    if (!state)
        return -ENOMEM;
    mutex_init(&state->table_mutex, LOCK_RANK_NONE);
    state->limit = LIMIT_DEFAULT;
    kernel->ipc->aio = state;
    return 0;
}

uint64_t aio_limit(struct kernel *kernel)
{
    return atomic_load_relaxed(&kernel->ipc->aio->limit);
}

uint64_t aio_used(struct kernel *kernel)
{
    return atomic_load_relaxed(&kernel->ipc->aio->used);
}

void aio_set_limit(struct kernel *kernel, uint64_t limit)
{
    atomic_store_relaxed(&kernel->ipc->aio->limit, limit);
}

/* ---- contexts ---- */

void aio_put(struct aio_context *context)
{
    if (atomic_sub_fetch_acq_rel(&context->refs, 1) != 0)
        return;
    shared_pages_put(context->pages);
    atomic_fetch_sub_relaxed(&context->kernel->ipc->aio->used, context->charged);
    kfree(context);
}

unsigned aio_slots(const struct aio_context *context)
{
    return context->slots;
}

/* No more events: who waits for them goes, polls are stopped. The table's reference is dropped. */
static void kill(struct aio_context *context)
{
    spin_lock(&context->lock);
    atomic_store_relaxed(&context->dead, true);
    spin_unlock(&context->lock);
    aio_poll_stop_all(context);
    wake_all(&context->wait);
}

static void release_table(void *argument)
{
    struct aio_table *table = argument;
    struct aio_context *context;
    while ((context = list_pop_head_entry(&table->contexts, struct aio_context, node))) {
        kill(context);
        aio_put(context);
    }
    kfree(table);
}

static struct aio_table *table_of(struct mm *mm, bool create)
{
    struct aio_state *state = mm->kernel->ipc->aio;
    struct aio_table *table = atomic_load_acquire(&mm->aio);
    if (table || !create)
        return table;
    mutex_lock(&state->table_mutex);
    table = mm->aio;
    if (!table) {
        table = kzalloc(sizeof(*table));
        if (table) {
            spin_lock_init(&table->lock, LOCK_RANK_OBJECT);
            list_init(&table->contexts);
            mm->aio_release = release_table;
            atomic_store_release(&mm->aio, table);
        }
    }
    mutex_unlock(&state->table_mutex);
    return table;
}

static struct aio_context *find_locked(struct aio_table *table, uint64_t id)
{
    struct aio_context *context;
    list_for_each_entry(context, &table->contexts, node)
    {
        if (context->id == id)
            return context;
    }
    return NULL;
}

struct aio_context *aio_find(uint64_t id)
{
    struct aio_table *table = table_of(this_thread()->mm, false);
    if (!table)
        return NULL;
    spin_lock(&table->lock);
    struct aio_context *context = find_locked(table, id);
    if (context)
        atomic_fetch_add_relaxed(&context->refs, 1);
    spin_unlock(&table->lock);
    return context;
}

/* Requests are counted as they were asked for, not as the ring has room. */
static int charge(struct aio_context *context, uint32_t request_count)
{
    struct aio_state *state = context->kernel->ipc->aio;
    uint64_t used = atomic_add_fetch_relaxed(&state->used, request_count);
    if (used > atomic_load_relaxed(&state->limit)) {
        atomic_fetch_sub_relaxed(&state->used, request_count);
        return -EAGAIN;
    }
    context->charged = request_count;
    return 0;
}

int aio_create(uint32_t request_count, uint64_t *out_id)
{
    struct kernel *kernel = this_kernel();
    uint32_t asked = request_count;
    request_count = MAX(request_count, kernel->cpu_count * PER_CPU_MIN);
    if (request_count == 1u << 31)
        return -EAGAIN; /* twice that is nothing */
    if (request_count > REQUESTS_MAX / 2)
        return -EINVAL;
    if (asked > aio_limit(kernel))
        return -EAGAIN;
    struct aio_table *table = table_of(this_thread()->mm, true);
    struct aio_context *context = table ? kzalloc(sizeof(*context)) : NULL;
    if (!context)
        return -ENOMEM;
    context->refs = 1;
    context->kernel = kernel;
    mutex_init(&context->read_mutex, LOCK_RANK_PIPE);
    spin_lock_init(&context->lock, LOCK_RANK_OBJECT);
    list_init(&context->polls);
    wait_queue_init(&context->wait);
    int error = charge(context, asked);
    if (!error)
        error = aio_ring_map(context, request_count);
    if (error) {
        aio_put(context);
        return error;
    }
    *out_id = context->id;
    spin_lock(&table->lock);
    list_add_tail(&table->contexts, &context->node);
    spin_unlock(&table->lock);
    return 0;
}

int aio_destroy(uint64_t id)
{
    struct mm *mm = this_thread()->mm;
    struct aio_table *table = table_of(mm, false);
    if (!table)
        return -EINVAL;
    spin_lock(&table->lock);
    struct aio_context *context = find_locked(table, id);
    if (context)
        list_remove(&context->node);
    spin_unlock(&table->lock);
    if (!context)
        return -EINVAL;
    kill(context);
    wait_event_killable(&context->wait, atomic_load_acquire(&context->in_flight) == 0);
    mm_unmap(mm, context->id, context->bytes);
    aio_put(context);
    return 0;
}
