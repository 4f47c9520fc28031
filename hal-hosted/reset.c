/* SPDX-License-Identifier: MIT
 *
 * Pausing a machine and putting it back to a mark (reset.h).
 *
 * While a mark exists, RAM is a private copy-on-write mapping of the memfd, which holds the state
 * at the mark, and goes back to it as marked_range.h says. Boot stacks lie in ordinary host memory
 * and are copied. Under AddressSanitizer the shadow of both belongs to the state and is treated the
 * same way. Address spaces are host objects that RAM refers to: those that existed at the mark are
 * kept until it goes, so that pointers to them stay true.
 */
#include "hal-hosted/reset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hal-hosted/aspace_internal.h"
#include "hal-hosted/engine/engine.h"
#include "hal-hosted/machine_internal.h"
#include "hal-hosted/marked_range.h"
#include "hal-hosted/sanitizer.h"
#include "hal-hosted/turns_internal.h"

#if HOSTED_ASAN
#define NO_ASAN __attribute__((no_sanitize("address")))
#else
#define NO_ASAN
#endif

/* Memory that is put back by copying. */
struct saved_bytes {
    char *start;
    char *copy;
    size_t bytes;
};

struct cpu_mark {
    struct vcpu vcpu;
    struct saved_bytes stack, stack_shadow;
};

struct machine_mark {
    struct machine *machine;
    struct cpu_mark *cpus;
    unsigned next;              /* machine->turns.next */
    struct hal_aspace *aspaces; /* as machine->aspaces was */
    struct marked_range ram, shadow;
    struct saved_bytes lines; /* *machine->lines */
};

/* --- pausing --- */

static int status_of(struct machine *machine)
{
    uint32_t ending = __atomic_load_n(&machine->ending, __ATOMIC_ACQUIRE);

    return ending ? (int)ending - 1 : MACHINE_PAUSED;
}

int machine_run_paused(struct machine *machine)
{
    const bool turns = machine->config.hooks && machine->config.hooks->turn;

    if (machine->started || (machine->boot.cpu_count != 1 && !turns)) {
        return MACHINE_CRASHED;
    }
    machine->started = true;
    machine->pausable = true;
    if (turns) {
        turns_begin(machine);
        turns_run(machine);
    } else {
        vcpu_run(&machine->vcpus[0]);
    }
    return status_of(machine);
}

int machine_resume(struct machine *machine)
{
    if (machine->vcpus[0].takes_turns) {
        turns_run(machine);
    } else {
        vcpu_resume(&machine->vcpus[0]);
    }
    return status_of(machine);
}

void machine_pause(void)
{
    struct vcpu *vcpu = vcpu_current();

    if (vcpu->takes_turns) {
        turns_pause(vcpu);
    } else {
        context_pause(vcpu);
    }
}

/* --- copies that AddressSanitizer does not look at --- */

static int save(struct saved_bytes *saved, char *start, size_t bytes)
{
    saved->start = start;
    saved->bytes = bytes;
    saved->copy = bytes ? malloc(bytes) : NULL;
    if (bytes && !saved->copy) {
        return -ENOMEM;
    }
    raw_copy(saved->copy, start, bytes);
    return 0;
}

static void put_back(const struct saved_bytes *saved)
{
    raw_copy(saved->start, saved->copy, saved->bytes);
}

/* Where the shadow of an object begins; false without AddressSanitizer. */
static bool shadow_of(const struct saved_bytes *object, struct saved_bytes *out)
{
#if HOSTED_ASAN
    size_t scale, offset;

    __asan_get_shadow_mapping(&scale, &offset);
    out->start = (char *)(((uintptr_t)object->start >> scale) + offset);
    out->bytes = object->bytes >> scale;
    return true;
#else
    (void)object;
    *out = (struct saved_bytes){.start = NULL};
    return false;
#endif
}

/* --- the mark --- */

static int fill(int fd, const char *bytes, size_t count)
{
    char *file;

    if (ftruncate(fd, (off_t)count) < 0) {
        return -errno;
    }
    file = mmap(NULL, count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (file == MAP_FAILED) {
        return -errno;
    }
    raw_copy(file, bytes, count);
    munmap(file, count);
    return 0;
}

/* The shadow of RAM, which covers whole pages: RAM is a multiple of 8 pages, and so aligned. */
static int mark_shadow(struct machine_mark *mark)
{
    const struct saved_bytes ram = {.start = mark->ram.start, .bytes = mark->ram.bytes};
    struct saved_bytes shadow;
    int fd, error;

    if (!shadow_of(&ram, &shadow)) {
        return 0;
    }
    if ((uintptr_t)shadow.start % HAL_PAGE_SIZE || shadow.bytes % HAL_PAGE_SIZE) {
        return -EINVAL;
    }
    fd = memfd_create("assay-shadow", MFD_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    error = fill(fd, shadow.start, shadow.bytes);
    if (error == 0) {
        error = marked_range_create(&mark->shadow, shadow.start, shadow.bytes, fd);
    }
    close(fd);
    return error;
}

/* How much of the stack's low end nothing has ever written to, the canary aside. */
NO_ASAN static size_t untouched_bytes(const char *stack)
{
    size_t at = CONTEXT_CANARY_BYTES;

    while (at < hal_stack_size() && !stack[at]) {
        at++;
    }
    return at & ~(size_t)63;
}

/* The part of the boot stack that was in use so far: what lies below is dead at the mark, too, when
 * it has been written since. Its shadow counts all the same. */
static int mark_cpu(struct cpu_mark *mark, struct vcpu *vcpu)
{
    const struct saved_bytes whole = {.start = vcpu->boot_stack, .bytes = hal_stack_size()};
    const size_t untouched = untouched_bytes(whole.start);
    struct saved_bytes shadow;
    int error = save(&mark->stack, whole.start + untouched, whole.bytes - untouched);

    mark->vcpu = *vcpu;
    if (error == 0 && shadow_of(&whole, &shadow)) {
        error = save(&mark->stack_shadow, shadow.start, shadow.bytes);
    }
    return error;
}

static int mark_cpus(struct machine_mark *mark)
{
    const unsigned count = mark->machine->boot.cpu_count;
    int error = 0;

    mark->next = mark->machine->turns.next;
    mark->cpus = calloc(count, sizeof *mark->cpus);
    if (!mark->cpus) {
        return -ENOMEM;
    }
    for (unsigned i = 0; error == 0 && i < count; i++) {
        error = mark_cpu(&mark->cpus[i], &mark->machine->vcpus[i]);
    }
    return error;
}

int machine_mark_create(struct machine *machine, struct machine_mark **out)
{
    struct machine_mark *mark = calloc(1, sizeof *mark);
    int error;

    if (!mark) {
        return -ENOMEM;
    }
    mark->machine = machine;
    mark->aspaces = machine->aspaces;
    for (struct hal_aspace *aspace = machine->aspaces; aspace; aspace = aspace->next) {
        aspace->marked = true;
        aspace->marked_next = aspace->next;
    }
    error = mark_cpus(mark);
    if (error == 0 && machine->lines) {
        error = save(&mark->lines, (char *)machine->lines, sizeof *machine->lines);
    }
    if (error == 0) {
        error = marked_range_create(&mark->ram, machine->ram, machine->ram_bytes, machine->ram_fd);
    }
    if (error == 0) {
        error = mark_shadow(mark);
    }
    if (error < 0) {
        machine_mark_destroy(mark);
        return error;
    }
    *out = mark;
    return 0;
}

static void restore_aspaces(struct machine_mark *mark)
{
    struct machine *machine = mark->machine;
    struct hal_aspace *last = NULL, *next;

    for (struct hal_aspace *aspace = machine->aspaces; aspace; aspace = next) {
        next = aspace->next;
        if (!aspace->marked) {
            machine->engine->aspace_destroy(aspace);
            free(aspace);
        }
    }
    machine->aspaces = mark->aspaces;
    for (struct hal_aspace *aspace = mark->aspaces; aspace; aspace = aspace->marked_next) {
        aspace->dead = false;
        aspace->prev = last;
        aspace->next = aspace->marked_next;
        last = aspace;
    }
}

static void restore_cpu(const struct cpu_mark *mark, struct vcpu *vcpu)
{
    const struct hal_context host = vcpu->host_context;

    put_back(&mark->stack_shadow);
    put_back(&mark->stack);
    *vcpu = mark->vcpu;
    vcpu->host_context = host;
}

void machine_mark_restore(struct machine_mark *mark)
{
    struct machine *machine = mark->machine;

    if (mark->shadow.bytes) {
        marked_range_restore(&mark->shadow);
    }
    marked_range_restore(&mark->ram);
    restore_aspaces(mark);
    put_back(&mark->lines);
    for (unsigned i = 0; i < machine->boot.cpu_count; i++) {
        restore_cpu(&mark->cpus[i], &machine->vcpus[i]);
    }
    machine->turns.next = mark->next;
    machine->turns.points_left = 1; /* the hook says */
    machine->ending = 0;
    context_machine_restored(machine);
}

size_t machine_mark_dirty_pages(struct machine_mark *mark)
{
    return marked_range_pages_changed(&mark->ram);
}

void machine_mark_destroy(struct machine_mark *mark)
{
    struct hal_aspace *next;

    if (!mark) {
        return;
    }
    for (struct hal_aspace *aspace = mark->aspaces; aspace; aspace = next) {
        next = aspace->marked_next;
        aspace->marked = false;
        if (aspace->dead) {
            free(aspace);
        }
    }
    for (unsigned i = 0; mark->cpus && i < mark->machine->boot.cpu_count; i++) {
        free(mark->cpus[i].stack.copy);
        free(mark->cpus[i].stack_shadow.copy);
    }
    free(mark->cpus);
    free(mark->lines.copy);
    marked_range_destroy(&mark->ram);
    marked_range_destroy(&mark->shadow);
    free(mark);
}
