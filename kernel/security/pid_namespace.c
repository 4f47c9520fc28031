/* SPDX-License-Identifier: MIT
 *
 * Process numbers in several namespaces at once, pid_namespaces(7).
 *
 * A slot has a number in its namespace and in each above; the initial one's is what the kernel
 * itself uses. Numbers come and go under the process-tree lock and the pid lock, so that either is
 * enough to look one up. A slot's names are constant, and outlive its place in the table with the
 * slot: whoever holds one can tell what a process was called after it is gone.
 *
 * A namespace is held by its processes, by the sets of namespaces whose children go to it, and by
 * its files. No number in it, nor in one below it, is in use when the last of them lets go.
 */
#include "kernel/security/pid_namespace.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/sched.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "kernel/security/user_namespace.h"

enum { PID_RESERVED = 300 }; /* not given again once the numbers have wrapped */

/* ---- namespaces ---- */

static void free_pid_namespace(struct ns_common *common)
{
    struct pid_namespace *ns = pid_namespace_of(common);
    struct pid_namespace *parent = ns->parent;
    assert(xarray_empty(&ns->numbers));
    kfree(ns);
    pid_namespace_put(parent);
}

/* Of those above, only what the caller is in, or what is below that. */
static struct ns_common *pid_namespace_parent(struct ns_common *common)
{
    struct pid_namespace *parent = pid_namespace_of(common)->parent;
    if (!parent || !pid_namespace_is_below(parent, current_pid_namespace()))
        return NULL;
    return namespace_get(&parent->common);
}

static const struct ns_ops pid_ops = {.name = "pid",
                                      .type = CLONE_NEWPID,
                                      .parent = pid_namespace_parent,
                                      .free = free_pid_namespace};

static void init_namespace(struct pid_namespace *ns, struct kernel *kernel, uint32_t number,
                           struct user_namespace *owner)
{
    namespace_init(&ns->common, kernel, &pid_ops, number, owner);
    wait_queue_init(&ns->freed);
    xarray_init(&ns->numbers, &kmalloc_allocator);
    ns->cursor = PID_INIT;
}

int pid_namespaces_init(struct kernel *kernel)
{
    struct pid_state *state = kzalloc(sizeof(*state));
    if (!state)
        return -ENOMEM;
    spin_lock_init(&state->lock, LOCK_RANK_PIDS);
    init_namespace(&state->initial, kernel, NAMESPACE_NUMBER_PID, NULL);
    kernel->pids = state;
    return 0;
}

int pid_namespace_create(struct pid_namespace *parent, struct user_namespace *owner,
                         struct pid_namespace **out)
{
    if (parent->level == PID_NAMESPACE_LEVELS)
        return -ENOSPC;
    struct pid_namespace *ns = kzalloc(sizeof(*ns));
    if (!ns)
        return -ENOMEM;
    init_namespace(ns, parent->common.kernel, 0, owner);
    ns->parent = pid_namespace_get(parent);
    ns->level = parent->level + 1;
    *out = ns;
    return 0;
}

bool pid_namespace_is_below(const struct pid_namespace *ns, const struct pid_namespace *ancestor)
{
    while (ns && ns->level > ancestor->level)
        ns = ns->parent;
    return ns == ancestor;
}

struct pid_namespace *thread_pid_namespace(const struct thread *thread)
{
    return thread->pid_ns ? thread->pid_ns : &thread->kernel->pids->initial;
}

struct pid_namespace *current_pid_namespace(void)
{
    return thread_pid_namespace(this_thread());
}

void pid_namespace_close(struct pid_namespace *ns)
{
    struct pid_state *state = ns->common.kernel->pids;
    bool irq = spin_lock_irqsave(&state->lock);
    atomic_store_relaxed(&ns->closed, true);
    spin_unlock_irqrestore(&state->lock, irq);
}

int pid_namespace_last(struct pid_namespace *ns)
{
    struct pid_state *state = ns->common.kernel->pids;
    bool irq = spin_lock_irqsave(&state->lock);
    int last = (int)ns->cursor - 1;
    spin_unlock_irqrestore(&state->lock, irq);
    return last;
}

void pid_namespace_set_last(struct pid_namespace *ns, int last)
{
    struct pid_state *state = ns->common.kernel->pids;
    bool irq = spin_lock_irqsave(&state->lock);
    ns->cursor = (uint64_t)last + 1;
    spin_unlock_irqrestore(&state->lock, irq);
}

uint64_t pid_namespace_count(struct pid_namespace *ns)
{
    struct pid_state *state = ns->common.kernel->pids;
    bool irq = spin_lock_irqsave(&state->lock);
    uint64_t count = ns->numbers.count;
    spin_unlock_irqrestore(&state->lock, irq);
    return count;
}

/* ---- numbers ---- */

static int add_number_locked(struct pid_namespace *ns, struct pid_slot *slot, int wanted)
{
    uint64_t number = (uint64_t)wanted;
    int error;
    if (wanted && wanted != PID_INIT && !ns->init)
        return -EINVAL;
    if (wanted) {
        error = xarray_insert(&ns->numbers, number, slot);
    } else {
        uint64_t first = ns->cursor > PID_RESERVED ? PID_RESERVED : PID_INIT;
        uint64_t last = (uint64_t)atomic_load_relaxed(&ns->common.kernel->tunables.pid_max) - 1;
        error = xarray_alloc_cyclic(&ns->numbers, slot, first, last, &ns->cursor, &number);
    }
    if (error)
        return error == -ENOSPC ? -EAGAIN : error;
    slot->names[ns->level] = (struct pid_name){(int)number, ns->common.number};
    return 0;
}

/* In the namespace `ns` and those above it, below `end`. */
static void remove_numbers_locked(struct pid_slot *slot, struct pid_namespace *ns,
                                  const struct pid_namespace *end)
{
    for (; ns != end; ns = ns->parent) {
        xarray_erase(&ns->numbers, (uint64_t)slot->names[ns->level].number);
        if (ns->parent && !ns->init && xarray_empty(&ns->numbers))
            ns->cursor = PID_INIT; /* its first process was not made: the next one is the first */
    }
}

int pid_slot_create(struct pid_namespace *ns, const int *wanted, unsigned count,
                    struct pid_slot **out)
{
    struct pid_state *state = ns->common.kernel->pids;
    struct pid_namespace *at;
    int error = 0;
    assert(count <= ns->level + 1);
    struct pid_slot *slot = kzalloc(sizeof(*slot) + (ns->level + 1) * sizeof(slot->names[0]));
    if (!slot)
        return -ENOMEM;
    refcount_init(&slot->refs, 1);
    slot->ns = ns;
    slot->level = ns->level;
    bool irq = spin_lock_irqsave(&state->lock);
    for (at = ns; at && !error; at = at->parent) {
        unsigned index = ns->level - at->level;
        error = add_number_locked(at, slot, index < count ? wanted[index] : 0);
        if (error)
            break;
    }
    if (!error && atomic_load_relaxed(&ns->closed))
        error = -ENOMEM;
    if (error) /* those that were added are the inner ones */
        remove_numbers_locked(slot, ns, at);
    spin_unlock_irqrestore(&state->lock, irq);
    if (error) {
        kfree(slot);
        return error;
    }
    *out = slot;
    return 0;
}

void pid_slot_remove(struct pid_slot *slot)
{
    struct pid_namespace *ns = slot->ns;
    struct pid_state *state = ns->common.kernel->pids;
    bool irq = spin_lock_irqsave(&state->lock);
    remove_numbers_locked(slot, ns, NULL);
    spin_unlock_irqrestore(&state->lock, irq);
    for (; ns; ns = ns->parent) {
        if (unlikely(atomic_load_relaxed(&ns->closed)))
            wake_all(&ns->freed);
    }
    slot->ns = NULL;
    pid_slot_put(slot);
}

struct pid_slot *pid_slot_get(struct pid_slot *slot)
{
    if (slot)
        refcount_inc(&slot->refs);
    return slot;
}

struct pid_slot *pid_slot_of(struct kernel *kernel, int pid)
{
    struct pid_state *state = kernel->pids;
    if (pid <= 0)
        return NULL;
    bool irq = spin_lock_irqsave(&state->lock);
    struct pid_slot *slot = pid_slot_get(xarray_get(&state->initial.numbers, (uint64_t)pid));
    spin_unlock_irqrestore(&state->lock, irq);
    return slot;
}

void pid_slot_put(struct pid_slot *slot)
{
    if (slot && refcount_dec_and_test(&slot->refs))
        kfree(slot);
}

/* ---- translation ---- */

int pid_slot_number_in(const struct pid_namespace *ns, const struct pid_slot *slot)
{
    return slot && slot->level >= ns->level && slot->names[ns->level].ns == ns->common.number
               ? slot->names[ns->level].number
               : 0;
}

int pid_number_in(struct pid_namespace *ns, int pid)
{
    struct pid_state *state = ns->common.kernel->pids;
    if (ns->level == 0 || pid <= 0)
        return pid;
    bool irq = spin_lock_irqsave(&state->lock);
    const struct pid_slot *slot = xarray_get(&state->initial.numbers, (uint64_t)pid);
    int number = pid_slot_number_in(ns, slot);
    spin_unlock_irqrestore(&state->lock, irq);
    return number;
}

int pid_from_number(struct pid_namespace *ns, int number)
{
    struct pid_state *state = ns->common.kernel->pids;
    if (ns->level == 0 || number <= 0)
        return number;
    bool irq = spin_lock_irqsave(&state->lock);
    const struct pid_slot *slot = xarray_get(&ns->numbers, (uint64_t)number);
    int pid = slot ? slot->names[0].number : PID_NONE;
    spin_unlock_irqrestore(&state->lock, irq);
    return pid;
}
