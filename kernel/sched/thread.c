/* SPDX-License-Identifier: MIT */
/*
 * Creating and ending threads, and their kernel stacks.
 *
 * A dead thread cannot free the stack it stands on: the next thread on its CPU does (thread_reap),
 * with interrupts masked, where a stack cannot be unmapped. So stacks go to a cache, which also
 * makes thread creation cheap; a thread with interrupts enabled trims it. A cached stack is
 * described by its first struct page: slab_cache links to the next one, slab is the mapped address.
 */
#include "hal/context.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/string.h"
#include "kernel/mm/page.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/sched_internal.h"
#include "kernel/security/cred.h"

enum { STACKS_KEPT = 8 };

/* ---- stacks ---- */

static struct page *stack_cache_pop(struct stack_cache *cache, unsigned keep)
{
    bool irq = spin_lock_irqsave(&cache->lock);
    struct page *pages = NULL;

    if (cache->count > keep) {
        pages = cache->first;
        cache->first = pages->slab_cache;
        atomic_store_relaxed(&cache->count, cache->count - 1);
    }
    spin_unlock_irqrestore(&cache->lock, irq);
    return pages;
}

static void stack_cache_push(struct stack_cache *cache, struct page *pages, void *stack)
{
    bool irq = spin_lock_irqsave(&cache->lock);

    pages->slab_cache = cache->first;
    pages->slab = stack;
    cache->first = pages;
    atomic_store_relaxed(&cache->count, cache->count + 1);
    spin_unlock_irqrestore(&cache->lock, irq);
}

void stack_cache_trim(struct sched_state *sched, unsigned keep)
{
    struct page *pages;

    while ((pages = stack_cache_pop(&sched->stacks, keep)) != NULL) {
        hal_stack_unmap(pages->slab);
        page_put(pages);
    }
}

void sched_trim_stacks(struct kernel *kernel)
{
    stack_cache_trim(kernel->sched, 0);
}

static int stack_create(struct thread *thread)
{
    struct sched_state *sched = thread->kernel->sched;
    struct page *pages;

    if (stack_cache_is_large(sched)) {
        stack_cache_trim(sched, STACKS_KEPT);
    }
    pages = stack_cache_pop(&sched->stacks, 0);
    if (pages != NULL) {
        thread->stack = pages->slab;
        thread->stack_pages = pages;
        return 0;
    }
    pages = page_alloc(log2_ceil(hal_stack_size() / PAGE_SIZE), 0);
    if (pages == NULL) {
        return -ENOMEM;
    }
    thread->stack = hal_stack_map(page_to_phys(pages));
    if (thread->stack == NULL) {
        page_put(pages);
        return -ENOMEM;
    }
    thread->stack_pages = pages;
    return 0;
}

static void stack_release(struct thread *thread)
{
    hal_context_destroy(&thread->context);
    stack_cache_push(&thread->kernel->sched->stacks, thread->stack_pages, thread->stack);
    thread->stack = NULL;
    thread->stack_pages = NULL;
}

/* ---- birth ---- */

static void init_common(struct thread *thread, struct kernel *kernel, const char *name)
{
    memset(thread, 0, sizeof *thread);
    thread->kernel = kernel;
    thread->state = THREAD_NEW;
    kstrlcpy(thread->name, name, sizeof thread->name);
    thread->affinity = (struct cpu_mask){~0ull};
    thread->sync_score = SYNC_SCORE_LIKELY;
    thread->se.policy = thread->se.own_policy = SCHED_NORMAL;
    thread->se.weight = WEIGHT_NICE_0;
    thread->se.slice_ns = SLICE_NS;
    thread->se.rr_left_ns = RR_QUANTUM_NS;
    thread->start_ns = sched_clock_ns() - clock_boot_base_ns();
}

static void first_run(void *argument)
{
    struct thread *thread = argument;

    schedule_finish_first();
    hal_irq_enable();
    thread->entry(thread->argument);
    thread_exit();
}

int thread_init(struct thread *thread, struct kernel *kernel, const char *name,
                void (*entry)(void *argument), void *argument)
{
    int error;

    init_common(thread, kernel, name);
    thread->affinity = sched_online_mask(kernel);
    error = stack_create(thread);
    if (error < 0) {
        return error;
    }
    thread->entry = entry;
    thread->argument = argument;
    thread->cpu = this_cpu()->id;
    hal_context_init(&thread->context, thread->stack, first_run, thread);
    return 0;
}

static void free_created(struct thread *thread)
{
    cred_put(thread->cred);
    kfree(thread);
}

int thread_create(struct kernel *kernel, const char *name, void (*entry)(void *), void *argument,
                  struct thread **out)
{
    struct thread *thread = kmalloc(sizeof *thread);
    int error;

    if (thread == NULL) {
        return -ENOMEM;
    }
    error = thread_init(thread, kernel, name, entry, argument);
    if (error < 0) {
        kfree(thread);
        return error;
    }
    thread->cred = cred_get(kernel->sched->root_cred);
    thread->on_free = free_created;
    *out = thread;
    return 0;
}

void thread_init_idle(struct thread *thread, struct kernel *kernel, unsigned cpu)
{
    init_common(thread, kernel, "idle");
    thread->state = THREAD_RUNNABLE;
    thread->cpu = cpu;
    thread->on_cpu = true;
    thread->affinity = (struct cpu_mask){1ull << cpu};
    thread->cred = kernel->sched->root_cred;
}

/* ---- death ---- */

void thread_discard(struct thread *thread)
{
    assert(thread->state == THREAD_NEW);
    stack_release(thread);
    if (thread->on_free == free_created) {
        free_created(thread);
    }
}

void thread_exit(void)
{
    struct thread *thread = this_thread();
    struct runqueue *rq;
    uint64_t now_ns;

    if (ASSAY_DEBUG) {
        lock_trace_assert_may_block();
        if (thread->locks.depth > 0) {
            kernel_panic("thread %s ends with lock %s (%p) held", thread->name,
                         lock_rank_name(thread->locks.held[0].rank), thread->locks.held[0].lock);
        }
    }
    assert(thread->aspace == NULL);
    hal_irq_disable();
    rq = this_runqueue();
    spin_lock(&rq->lock);
    now_ns = sched_clock_ns();
    atomic_store_relaxed(&thread->state, THREAD_DEAD);
    runqueue_charge_current(rq, now_ns);
    runqueue_dequeue(rq, thread);
    schedule_locked(rq, now_ns);
    unreachable_panic();
}

void thread_reap(struct thread *thread)
{
    stack_release(thread);
    if (thread->on_free != NULL) {
        thread->on_free(thread);
    } else {
        kfree(thread);
    }
}
