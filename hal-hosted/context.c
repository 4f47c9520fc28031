/* SPDX-License-Identifier: MIT
 *
 * Kernel contexts (hal/context.h) as coroutines on their own stacks in machine RAM.
 *
 * The host thread of a vCPU switches from its own stack to the boot context (context_enter) and
 * comes back only when the machine ends (context_leave). AddressSanitizer and ThreadSanitizer are
 * told of every switch. A canary at the lowest address of each stack is checked at each switch;
 * under AddressSanitizer the lowest page is poisoned besides.
 *
 * Nothing here may keep a thread-local pointer across hosted_context_switch: the code after it may
 * run on another host thread.
 */
#include "hal-hosted/context_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "hal-hosted/host.h"
#include "hal-hosted/machine_internal.h"
#include "hal-hosted/sanitizer.h"
#include "hal-hosted/world/world_internal.h"
#include "hal/boot.h"
#include "hal/context.h"

#if HOSTED_ASAN
#define NO_ASAN __attribute__((no_sanitize("address")))
#else
#define NO_ASAN
#endif

static const char stack_canary[CONTEXT_CANARY_BYTES] = "Assay's stack..";

/* Under ThreadSanitizer, one for each context; host memory. */
struct context_fiber {
    void *fiber;
    const char *stack;
    bool stale; /* the machine was restored since it last ran */
    struct context_fiber *next, *prev;
};

void hosted_context_switch(uint64_t *save_rsp, uint64_t rsp);
extern char hosted_context_start[];
void hosted_context_main(struct context *context);

size_t hal_stack_size(void)
{
#if HOSTED_ASAN || HOSTED_TSAN || !defined(__OPTIMIZE__)
    return 65536;
#else
    return 2 * HAL_STACK_SIZE; /* host library code runs on it too */
#endif
}

NO_ASAN static void canary_set(char *stack)
{
    for (unsigned i = 0; i < CONTEXT_CANARY_BYTES; i++) {
        stack[i] = stack_canary[i];
    }
}

NO_ASAN static void canary_check(const char *stack)
{
    uint64_t found, expected;

    __builtin_memcpy(&found, stack, sizeof found);
    __builtin_memcpy(&expected, stack_canary, sizeof expected);
    if (__builtin_expect(found != expected, 0)) {
        host_fatal("kernel stack overflow: the canary below the stack was overwritten");
    }
}

void *hal_stack_map(uint64_t paddr)
{
    char *stack = machine_pointer(vcpu_current()->machine, paddr);

#if HOSTED_ASAN
    __asan_unpoison_memory_region(stack, hal_stack_size());
    __asan_poison_memory_region(stack, HAL_PAGE_SIZE);
#endif
    canary_set(stack);
    return stack;
}

void hal_stack_unmap(void *stack)
{
#if HOSTED_ASAN
    __asan_unpoison_memory_region(stack, hal_stack_size());
#else
    (void)stack;
#endif
}

#if HOSTED_TSAN
static struct context_fiber *fiber_of_stack(struct machine *machine, const char *stack)
{
    struct context_fiber *node = machine->fibers;

    while (node && node->stack != stack) {
        node = node->next;
    }
    return node;
}
#endif

/* In a world a snapshot may bring a context back after its end, and so may a mark (reset.h): there
 * a fiber belongs to a stack and lives as long as the machine. */
#if HOSTED_TSAN
static bool fibers_stay(const struct machine *machine)
{
    return machine->sim || machine->pausable;
}
#endif

static void fiber_attach(struct machine *machine, struct context *context)
{
#if HOSTED_TSAN
    struct context_fiber *node;

    pthread_mutex_lock(&machine->fibers_lock);
    node = fibers_stay(machine) ? fiber_of_stack(machine, context->stack.bottom) : NULL;
    if (node) {
        __tsan_destroy_fiber(node->fiber);
    } else {
        node = malloc(sizeof *node);
        if (!node) {
            host_fatal("out of host memory");
        }
        node->stack = context->stack.bottom;
        node->prev = NULL;
        node->next = machine->fibers;
        if (node->next) {
            node->next->prev = node;
        }
        machine->fibers = node;
    }
    node->fiber = context->fiber = __tsan_create_fiber(0);
    node->stale = false;
    pthread_mutex_unlock(&machine->fibers_lock);
    context->fiber_node = node;
#else
    (void)machine;
    context->fiber = NULL;
    context->fiber_node = NULL;
#endif
}

static void fiber_detach(struct context *context)
{
#if HOSTED_TSAN
    struct machine *machine = vcpu_current()->machine;
    struct context_fiber *node = context->fiber_node;

    if (node && !fibers_stay(machine)) {
        pthread_mutex_lock(&machine->fibers_lock);
        *(node->prev ? &node->prev->next : &machine->fibers) = node->next;
        if (node->next) {
            node->next->prev = node->prev;
        }
        pthread_mutex_unlock(&machine->fibers_lock);
        __tsan_destroy_fiber(node->fiber);
        free(node);
    }
#endif
    context->fiber_node = NULL;
}

#if HOSTED_TSAN
/* In place of a fiber whose context is in other calls than it was: one that can return from any. */
static void fiber_renew(struct context_fiber *node)
{
    enum { CALLS_MAX = 256 }; /* in which a context can be */
    void *current = __tsan_get_current_fiber();

    __tsan_destroy_fiber(node->fiber);
    node->fiber = __tsan_create_fiber(0);
    node->stale = false;
    __tsan_switch_to_fiber(node->fiber, 0);
    for (int i = 0; i < CALLS_MAX; i++) {
        __tsan_func_entry(NULL);
    }
    __tsan_switch_to_fiber(current, 0);
}
#endif

/* What a context's memory says of its fiber may be older than the fiber. */
static inline void fiber_refresh(struct machine *machine, struct context *context)
{
#if HOSTED_TSAN
    struct context_fiber *node =
        fibers_stay(machine) ? fiber_of_stack(machine, context->stack.bottom) : NULL;

    if (node) {
        if (node->stale) {
            fiber_renew(node);
        }
        context->fiber = node->fiber;
    }
#else
    (void)machine;
    (void)context;
#endif
}

void context_machine_restored(struct machine *machine)
{
#if HOSTED_TSAN
    for (struct context_fiber *node = machine->fibers; node; node = node->next) {
        node->stale = true;
    }
#else
    (void)machine;
#endif
}

void context_machine_exit(struct machine *machine)
{
#if HOSTED_TSAN
    while (machine->fibers) {
        struct context_fiber *node = machine->fibers;
        machine->fibers = node->next;
        __tsan_destroy_fiber(node->fiber);
        free(node);
    }
#else
    (void)machine;
#endif
}

/* The frame that hosted_context_switch pops, entering hosted_context_start. */
static void context_build_frame(struct context *context)
{
    uint64_t *frame = (uint64_t *)(context->stack.bottom + context->stack.bytes) - 10;
    uint32_t mxcsr;
    uint16_t x87;

    __asm__("stmxcsr %0" : "=m"(mxcsr));
    __asm__("fnstcw %0" : "=m"(x87));
    memset(frame, 0, 10 * sizeof *frame);
    frame[0] = mxcsr | (uint64_t)x87 << 32;
    frame[5] = (uintptr_t)context; /* rbx */
    frame[7] = (uintptr_t)hosted_context_start;
    context->rsp = (uintptr_t)frame;
}

void hal_context_init(struct hal_context *public, void *stack, void (*entry)(void *),
                      void *argument)
{
    struct context *context = context_of(public);

    memset(context, 0, sizeof *context);
    context->stack = (struct context_stack){.bottom = stack, .bytes = hal_stack_size()};
    context->entry = entry;
    context->argument = argument;
#if HOSTED_ASAN
    /* A former context may have died in the middle of instrumented functions. */
    __asan_unpoison_memory_region((char *)stack + HAL_PAGE_SIZE, hal_stack_size() - HAL_PAGE_SIZE);
#endif
    canary_set(stack);
    context_build_frame(context);
    fiber_attach(vcpu_current()->machine, context);
}

void hal_context_destroy(struct hal_context *public)
{
    fiber_detach(context_of(public));
}

/* fake_save: where AddressSanitizer keeps the fake stack of the context being left; NULL if it
 * never runs again. Always inline: ThreadSanitizer would count a call of it into the stack of the
 * fiber that is left, and the return from it out of that of the other. */
__attribute__((always_inline)) NO_ASAN static inline void switch_begin(struct context *to,
                                                                       void **fake_save)
{
#if HOSTED_ASAN
    __sanitizer_start_switch_fiber(fake_save, to->stack.bottom, to->stack.bytes);
#else
    (void)fake_save;
#endif
#if HOSTED_TSAN
    __tsan_switch_to_fiber(to->fiber, 0);
#else
    (void)to;
#endif
}

NO_ASAN static inline void switch_end(void *fake_stack)
{
#if HOSTED_ASAN
    __sanitizer_finish_switch_fiber(fake_stack, NULL, NULL);
#else
    (void)fake_stack;
#endif
}

NO_ASAN void hosted_context_main(struct context *context)
{
    switch_end(NULL);
    context->entry(context->argument);
    host_fatal("a kernel context returned from its entry function");
}

NO_ASAN void hal_context_switch(struct hal_context *public_from, struct hal_context *public_to)
{
    struct vcpu *vcpu = vcpu_current();
    struct context *from = context_of(public_from);
    struct context *to = context_of(public_to);

    if (__builtin_expect(vcpu->sim != NULL, 0)) {
        world_note_switch(vcpu, public_from, public_to);
    }
    canary_check(vcpu->stack.bottom);
    from->stack = vcpu->stack; /* a boot context is described by its first switch */
    vcpu->stack = to->stack;
#if HOSTED_TSAN
    from->fiber = __tsan_get_current_fiber();
#endif
    fiber_refresh(vcpu->machine, to);
    switch_begin(to, &from->fake_stack);
    hosted_context_switch(&from->rsp, to->rsp);
    switch_end(from->fake_stack); /* perhaps on another host thread: vcpu is stale */
}

/* --- the vCPU's host thread --- */

void context_stack_prepare(char *stack)
{
    canary_set(stack);
}

char *context_boot_stack_create(void)
{
    size_t bytes = hal_stack_size() + HAL_PAGE_SIZE;
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        return NULL;
    }
    mprotect(memory, HAL_PAGE_SIZE, PROT_NONE);
    canary_set(memory + HAL_PAGE_SIZE);
    return memory + HAL_PAGE_SIZE;
}

void context_boot_stack_destroy(char *stack)
{
    if (!stack) {
        return;
    }
#if HOSTED_ASAN
    __asan_unpoison_memory_region(stack, hal_stack_size());
#endif
    munmap(stack - HAL_PAGE_SIZE, hal_stack_size() + HAL_PAGE_SIZE);
}

/* Kept, as to find out is slow: the C library reads /proc/self/maps. */
static struct context_stack host_thread_stack(void)
{
    static _Thread_local struct context_stack stack;
#if HOSTED_ASAN
    pthread_attr_t attributes;
    void *bottom;

    if (!stack.bottom && pthread_getattr_np(pthread_self(), &attributes) == 0) {
        pthread_attr_getstack(&attributes, &bottom, &stack.bytes);
        pthread_attr_destroy(&attributes);
        stack.bottom = bottom;
    }
#endif
    return stack;
}

NO_ASAN void context_enter(struct vcpu *vcpu, void (*entry)(void *), void *argument)
{
    struct context *host = context_of(&vcpu->host_context);
    struct context *boot = context_of(&vcpu->boot_context);

    memset(host, 0, sizeof *host);
    memset(boot, 0, sizeof *boot);
    host->stack = host_thread_stack();
    boot->stack = (struct context_stack){.bottom = vcpu->boot_stack, .bytes = hal_stack_size()};
    boot->entry = entry;
    boot->argument = argument;
    context_build_frame(boot);
#if HOSTED_TSAN
    host->fiber = __tsan_get_current_fiber();
#endif
    fiber_attach(vcpu->machine, boot);
    vcpu->stack = boot->stack;
    switch_begin(boot, &host->fake_stack);
    hosted_context_switch(&host->rsp, boot->rsp);
    switch_end(host->fake_stack);
}

NO_ASAN void context_leave(struct vcpu *vcpu)
{
    struct context *host = context_of(&vcpu->host_context);
    uint64_t abandoned, *save = &abandoned;

    if (vcpu->sim) { /* for core files */
        save = &context_of(&vcpu->sim->suspended)->rsp;
    }
    switch_begin(host, NULL);
    hosted_context_switch(save, host->rsp);
    __builtin_unreachable();
}

NO_ASAN void context_pause(struct vcpu *vcpu)
{
    struct context *host = context_of(&vcpu->host_context);
    struct context *paused = context_of(&vcpu->paused_context);

    paused->stack = vcpu->stack;
#if HOSTED_TSAN
    paused->fiber = __tsan_get_current_fiber();
#endif
    switch_begin(host, &paused->fake_stack);
    hosted_context_switch(&paused->rsp, host->rsp);
    switch_end(paused->fake_stack);
}

NO_ASAN void context_resume(struct vcpu *vcpu)
{
    struct context *host = context_of(&vcpu->host_context);
    struct context *paused = context_of(&vcpu->paused_context);

#if HOSTED_TSAN
    host->fiber = __tsan_get_current_fiber();
#endif
    fiber_refresh(vcpu->machine, paused);
    switch_begin(paused, &host->fake_stack);
    hosted_context_switch(&host->rsp, paused->rsp);
    switch_end(host->fake_stack);
}

NO_ASAN void context_continue(struct vcpu *vcpu, struct hal_context *suspended)
{
    struct context *host = context_of(&vcpu->host_context);
    struct context *to = context_of(suspended);

#if HOSTED_TSAN
    host->fiber = __tsan_get_current_fiber();
#endif
    fiber_refresh(vcpu->machine, to);
    switch_begin(to, &host->fake_stack);
    hosted_context_switch(&host->rsp, to->rsp);
    switch_end(host->fake_stack);
}

NO_ASAN void context_suspend(struct vcpu *vcpu, struct hal_context *suspended)
{
    struct context *host = context_of(&vcpu->host_context);
    struct context *self = context_of(suspended);

    canary_check(vcpu->stack.bottom);
    self->stack = vcpu->stack;
#if HOSTED_TSAN
    self->fiber = __tsan_get_current_fiber();
#endif
    switch_begin(host, &self->fake_stack);
    hosted_context_switch(&self->rsp, host->rsp);
    switch_end(self->fake_stack);
}
