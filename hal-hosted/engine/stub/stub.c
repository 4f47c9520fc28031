/* SPDX-License-Identifier: MIT
 *
 * The stub engine: a host process for each guest address space runs guest code natively and hands
 * every system call, fault and interrupt to the vCPU's thread.
 *
 * Processes (stub.S): a zygote for each machine; for each address space a pager, which maps pages
 * of the RAM memfd as told by a ring of operations, and for each vCPU that runs in the address
 * space a lane, which shares the pager's memory and runs guest code under a seccomp filter that
 * lets nothing through. Whatever guest code does that is not plain computing raises a signal in
 * the lane; the host's signal frame, in memory shared with this process, is the register file.
 *
 *   zygote.c      start, requests          pager.c   operations, what to map
 *   pool.c        stub processes           shadow.c  what is mapped
 *   recycle.c     using them again         frame.c   registers, FP state, decoding
 *   lane.c        hand-off                 placement.c  host CPUs
 *   run.c         running a user           patch.c   system calls without traps
 *   traced.c      the ptrace engine
 *
 * What guest code can do to its own stub: read all of the stub area, write the lanes' frames, jump
 * anywhere in the code, sleep and wake on futexes, forge signal frames. So it can garble, hang or
 * kill itself, and burn one host CPU for each lane. It cannot open, map or send anything: a lane
 * has no descriptors and no system calls; only the pager maps, on the word of a ring that guest
 * code cannot write, and acknowledges through a file that guest code cannot open. This process
 * sleeps only for bounded times on words that guest code can write.
 *
 * It is the vCPU's thread that wakes the pager and waits for it, on the CPU they share, also before
 * a lane goes on after a fault: the lane would have to do the same, and its word for it is worth
 * nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "hal-hosted/engine/stub/stub_internal.h"
#include "hal/kernel_on.h"

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

enum {
    MAPPINGS_DEFAULT = 65530,
    MAPPINGS_SPARE = 500,
    SIGNAL_STACK_SPARE = 128,
};

/* --- machine --- */

static uint32_t mappings_max(void)
{
    unsigned long value = MAPPINGS_DEFAULT;
    FILE *file = fopen("/proc/sys/vm/max_map_count", "re");

    if (file) {
        if (fscanf(file, "%lu", &value) != 1) {
            value = MAPPINGS_DEFAULT;
        }
        fclose(file);
    }
    if (value > INT32_MAX) {
        value = INT32_MAX;
    }
    return value > 2 * MAPPINGS_SPARE ? (uint32_t)value - MAPPINGS_SPARE : MAPPINGS_SPARE;
}

static int ctl_create(struct stub_machine *sm)
{
    size_t frame_bytes = (size_t)sm->lane_count * STUB_FRAME_SIZE;

    sm->slot_bytes = SLOT_FRAMES + frame_bytes;
    sm->ctl_bytes = HAL_PAGE_SIZE + STUB_SLOTS_MAX * sm->slot_bytes;
    sm->ctl_fd = memfd_create("assay-ctl", MFD_CLOEXEC);
    if (sm->ctl_fd < 0 || ftruncate(sm->ctl_fd, (off_t)sm->ctl_bytes) < 0) {
        return -errno;
    }
    sm->ctl = mmap(NULL, sm->ctl_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
                   sm->ctl_fd, 0);
    if (sm->ctl == MAP_FAILED) {
        sm->ctl = NULL;
        return -errno;
    }
    madvise(sm->ctl, sm->ctl_bytes, MADV_DONTDUMP);
    return 0;
}

/* Every process of every stub takes a descriptor. */
static void descriptors_raise(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* The first stub and its first lane prove that everything works here, and show where the host puts
 * signal frames. */
static int first_stub(struct stub_machine *sm)
{
    struct stub *stub;
    int error = stub_take(sm, &stub);

    if (error < 0) {
        return error;
    }
    if (!stub_lane(stub, 0)) {
        stub_kill(stub);
        return -EPERM;
    }
    sm->pristine = malloc(sm->signal_stack_bytes);
    if (!sm->pristine) {
        stub_kill(stub);
        return -ENOMEM;
    }
    memcpy(sm->pristine, stub->lanes[0].frame + STUB_FRAME_CONTROL, sm->signal_stack_bytes);
    stub_discard(stub);
    return 0;
}

void stub_machine_exit(struct machine *machine)
{
    struct stub_machine *sm = machine->engine_data;

    if (!sm) {
        return;
    }
    stub_traced_stop(sm);
    stub_pool_empty(sm);
    stub_zygote_stop(sm);
    if (sm->ctl) {
        munmap(sm->ctl, sm->ctl_bytes);
    }
    if (sm->ctl_fd >= 0) {
        close(sm->ctl_fd);
    }
    pthread_mutex_destroy(&sm->zygote_lock);
    pthread_mutex_destroy(&sm->lock);
    pthread_mutex_destroy(&sm->fp_lock);
    pthread_mutex_destroy(&sm->traced_lock);
    free(sm->vcpus);
    free(sm->pristine);
    free(sm);
    machine->engine_data = NULL;
}

static int stub_machine_set_up(struct stub_machine *sm, struct machine *machine, bool traced)
{
    size_t stack = getauxval(AT_MINSIGSTKSZ) ? getauxval(AT_MINSIGSTKSZ) : 4096;

    machine->engine_data = sm;
    sm->machine = machine;
    sm->traced = traced;
    sm->lane_count = machine->boot.cpu_count;
    sm->socket = -1;
    sm->ctl_fd = -1;
    sm->mappings_max = mappings_max();
    sm->signal_stack_bytes =
        ((STUB_FRAME_CONTROL + stack + SIGNAL_STACK_SPARE + HAL_PAGE_SIZE - 1) &
         ~(size_t)(HAL_PAGE_SIZE - 1)) -
        STUB_FRAME_CONTROL;
    pthread_mutex_init(&sm->zygote_lock, NULL);
    pthread_mutex_init(&sm->lock, NULL);
    pthread_mutex_init(&sm->fp_lock, NULL);
    pthread_mutex_init(&sm->traced_lock, NULL);
    sm->vcpus = calloc(sm->lane_count, sizeof *sm->vcpus);
    if (!sm->vcpus) {
        return -ENOMEM;
    }
    for (unsigned i = 0; i < sm->lane_count; i++) {
        sm->vcpus[i].traced_pidfd = -1;
    }
    return 0;
}

int stub_machine_start(struct machine *machine, bool traced, char *message, size_t message_bytes)
{
    struct stub_machine *sm = calloc(1, sizeof *sm);
    int error;

    if (!sm) {
        return -ENOMEM;
    }
    error = stub_machine_set_up(sm, machine, traced);
    if (error < 0) {
        goto fail;
    }
    if (sm->lane_count > STUB_LANES_MAX) {
        error = -EINVAL;
        snprintf(message, message_bytes, "a machine that runs programs has at most %d CPUs here",
                 STUB_LANES_MAX);
        goto fail;
    }
    error = -EPERM;
    if (!traced && !(getauxval(AT_HWCAP2) & 2)) {
        snprintf(message, message_bytes, "the stub engine needs a CPU and host with FSGSBASE");
        goto fail;
    }
    if (sm->signal_stack_bytes + STUB_FRAME_CONTROL > STUB_FRAME_SIZE) {
        snprintf(message, message_bytes, "the host's signal frames are too large");
        goto fail;
    }
    error = ctl_create(sm);
    if (error < 0) {
        snprintf(message, message_bytes, "cannot create stub memory: %s", strerror(-error));
        goto fail;
    }
    descriptors_raise();
    stub_placement_choose(sm);
    sm->patches = !traced && !machine->config.trace_exact && kernel_on_patch_page;
    error = stub_zygote_start(sm, message, message_bytes);
    if (error < 0) {
        goto fail;
    }
    stub_placement_zygote(sm);
    error = first_stub(sm);
    if (error < 0) {
        snprintf(message, message_bytes, "a stub process cannot run: does the host allow seccomp?");
        goto fail;
    }
    if (traced) {
        error = stub_traced_start(sm);
        if (error < 0) {
            snprintf(message, message_bytes, "cannot start the timer thread: %s", strerror(-error));
            goto fail;
        }
    }
    if (machine->boot.user_addr_min < STUB_AREA_END) {
        machine->boot.user_addr_min = STUB_AREA_END;
    }
    return 0;

fail:
    stub_machine_exit(machine);
    return error;
}

static int stub_machine_init(struct machine *machine, char *message, size_t message_bytes)
{
    return stub_machine_start(machine, false, message, message_bytes);
}

static int traced_machine_init(struct machine *machine, char *message, size_t message_bytes)
{
    return stub_machine_start(machine, true, message, message_bytes);
}

/* --- vCPUs --- */

static int stub_vcpu_init(struct vcpu *vcpu)
{
    struct stub_machine *sm = vcpu->machine->engine_data;
    struct stub_vcpu *sv = &sm->vcpus[vcpu->id];

    stub_placement_enter(sm, sv, vcpu->id);
    vcpu->engine = sv;
    return 0;
}

static void stub_vcpu_exit(struct vcpu *vcpu)
{
    struct stub_vcpu *sv = vcpu->engine;

    sv->last = NULL;
    stub_placement_leave(vcpu->engine);
}

/* The lane's turn word is where run sleeps; changing it keeps a sleep from starting. */
static void stub_kick(struct vcpu *vcpu)
{
    struct stub_vcpu *sv = vcpu->engine;
    struct stub_frame *frame = sv ? __atomic_load_n(&sv->frame, __ATOMIC_SEQ_CST) : NULL;

    if (frame) {
        uint32_t old = __atomic_fetch_or(&frame->turn, TURN_KICK, __ATOMIC_SEQ_CST);
        if (old & TURN_KERNEL_SLEEPS) {
            stub_futex_wake(&frame->turn);
        }
    }
}

/* --- address spaces --- */

static int stub_aspace_create(struct hal_aspace *aspace)
{
    struct stub *stub;
    int error = stub_take(aspace->machine->engine_data, &stub);

    if (error == 0) {
        aspace->engine = stub;
    }
    return error;
}

static void stub_aspace_destroy(struct hal_aspace *aspace)
{
    stub_discard(aspace->engine);
    aspace->engine = NULL;
}

static void stub_aspace_changed(struct hal_aspace *aspace, uint64_t uaddr, size_t pages,
                                enum aspace_change change)
{
    if (change != ASPACE_MAPPED) {
        stub_changed(aspace, uaddr, pages);
    }
}

static void stub_aspace_fork(struct hal_aspace *child, struct hal_aspace *parent)
{
    stub_patch_fork(child->engine, parent->engine);
}

static void stub_aspace_flush(struct hal_aspace *aspace)
{
    struct stub *stub = aspace->engine;

    /* A dead pager's mappings are gone only when its last lane is. */
    if (!stub_flush(stub)) {
        stub_wait_gone(stub);
    }
}

/* Lanes that stand still cannot use what has been removed if they wait for it before they start;
 * see lane_start. They only seem to stand still if guest code forges a stop: that is what makes
 * this flush lazy. */
static void stub_aspace_flush_lazy(struct hal_aspace *aspace)
{
    struct stub *stub = aspace->engine;

    pthread_mutex_lock(&stub->lock);
    __atomic_store_n(&stub->start_seq, stub->head, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&stub->lock);
    for (unsigned i = 0; i < stub->sm->lane_count; i++) {
        if (__atomic_load_n(&stub->lanes[i].running, __ATOMIC_SEQ_CST)) {
            stub_aspace_flush(aspace);
            break;
        }
    }
}

/* --- users --- */

static void stub_user_init(struct hal_user *user)
{
    memset(user->priv, 0, sizeof user->priv);
}

static struct stub_machine *current_machine(void)
{
    return vcpu_current()->machine->engine_data;
}

static void stub_user_exit(struct hal_user *user)
{
    stub_fp_detach(current_machine(), user, false);
}

static void stub_user_fpu_sync(struct hal_user *user)
{
    stub_fp_detach(current_machine(), user, true);
}

static void stub_user_fpu_changed(struct hal_user *user)
{
    stub_fp_detach(current_machine(), user, false);
}

static void stub_prepare(struct hal_user *user)
{
    if (user->priv[STUB_USER_PATCH]) {
        stub_patch_prepare(user);
    }
}

const struct engine_ops engine_stub = {
    .name = "stub",
    .machine_init = stub_machine_init,
    .machine_exit = stub_machine_exit,
    .vcpu_init = stub_vcpu_init,
    .vcpu_exit = stub_vcpu_exit,
    .aspace_create = stub_aspace_create,
    .aspace_destroy = stub_aspace_destroy,
    .aspace_changed = stub_aspace_changed,
    .aspace_flush = stub_aspace_flush,
    .user_init = stub_user_init,
    .user_exit = stub_user_exit,
    .user_fpu_sync = stub_user_fpu_sync,
    .user_fpu_changed = stub_user_fpu_changed,
    .run = stub_run,
    .kick = stub_kick,
    .prepare = stub_prepare,
    .aspace_fork = stub_aspace_fork,
    .aspace_flush_lazy = stub_aspace_flush_lazy,
};

static void traced_user_nothing(struct hal_user *user)
{
    (void)user; /* user->fpu is up to date after every stop, and read before every run */
}

const struct engine_ops engine_ptrace = {
    .name = "ptrace",
    .machine_init = traced_machine_init,
    .machine_exit = stub_machine_exit,
    .vcpu_init = stub_vcpu_init,
    .vcpu_exit = stub_vcpu_exit,
    .aspace_create = stub_aspace_create,
    .aspace_destroy = stub_aspace_destroy,
    .aspace_changed = stub_aspace_changed,
    .aspace_flush = stub_aspace_flush,
    .user_init = stub_user_init,
    .user_exit = traced_user_nothing,
    .user_fpu_sync = traced_user_nothing,
    .user_fpu_changed = traced_user_nothing,
    .run = stub_traced_run,
    .kick = stub_traced_kick,
};
