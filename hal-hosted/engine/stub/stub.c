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
 *   patch.c       system calls without traps
 *
 * What guest code can do to its own stub: read all of the stub area, write the lanes' frames, jump
 * anywhere in the code, sleep and wake on futexes, forge signal frames. So it can garble, hang or
 * kill itself, and burn one host CPU for each lane. It cannot open, map or send anything: a lane
 * has no descriptors and no system calls; only the pager maps, on the word of a ring that guest
 * code cannot write, and acknowledges through a file that guest code cannot open. This process
 * sleeps only for bounded times on words that guest code can write.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hal-hosted/engine/stub/stub_internal.h"
#include "hal/kernel_on.h"

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

enum {
    FAULTS_MAX = 64,    /* solved faults in a row at one place: the host cannot map the page */
    FAULTS_REMAP = 8,   /* after this many try dropping all mappings */
    MAPPINGS_DEFAULT = 65530,
    MAPPINGS_SPARE = 500,
    SIGNAL_STACK_SPARE = 128,
};

static const uint64_t fault_reported = 1;

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
    stub_zygote_stop(sm);
    stub_pool_empty(sm);
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

int stub_machine_start(struct machine *machine, bool traced, char *message, size_t message_bytes)
{
    struct stub_machine *sm = calloc(1, sizeof *sm);
    size_t stack = getauxval(AT_MINSIGSTKSZ) ? getauxval(AT_MINSIGSTKSZ) : 4096;
    int error = -ENOMEM;

    if (!sm) {
        return -ENOMEM;
    }
    machine->engine_data = sm;
    sm->machine = machine;
    sm->traced = traced;
    sm->lane_count = machine->boot.cpu_count;
    sm->socket = -1;
    sm->ctl_fd = -1;
    sm->mappings_max = mappings_max();
    sm->signal_stack_bytes = ((STUB_FRAME_CONTROL + stack + SIGNAL_STACK_SPARE + HAL_PAGE_SIZE - 1) &
                              ~(size_t)(HAL_PAGE_SIZE - 1)) - STUB_FRAME_CONTROL;
    pthread_mutex_init(&sm->zygote_lock, NULL);
    pthread_mutex_init(&sm->lock, NULL);
    pthread_mutex_init(&sm->fp_lock, NULL);
    pthread_mutex_init(&sm->traced_lock, NULL);
    sm->vcpus = calloc(sm->lane_count, sizeof *sm->vcpus);
    if (!sm->vcpus) {
        goto fail;
    }
    for (unsigned i = 0; i < sm->lane_count; i++) {
        sm->vcpus[i].traced_pidfd = -1;
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

/* --- run --- */

static bool access_allowed(uint64_t entry, uint64_t error)
{
    if (error & HAL_PF_WRITE) {
        return entry & HAL_PROT_WRITE;
    }
    if (error & HAL_PF_FETCH) {
        return entry & HAL_PROT_EXEC;
    }
    return entry != 0;
}

/* A page fault that the table allows is a miss of the stub's mappings. Returns HAL_STOP_INTERRUPT
 * to go on running. */
enum hal_stop stub_solve_fault(struct hal_user *user, struct hal_fault *fault)
{
    struct hal_aspace *aspace = user->aspace;
    uint64_t *priv = user->priv;
    uint64_t entry = 0;

    if (fault->address >= STUB_AREA_END && fault->address < STUB_TOP) {
        entry = aspace_entry(aspace, fault->address);
    }
    if (entry) {
        fault->error |= HAL_PF_PRESENT;
    }
    if (!access_allowed(entry, fault->error)) {
        priv[STUB_USER_FAULT] = fault->address | fault_reported;
        return HAL_STOP_FAULT;
    }
    if (priv[STUB_USER_FAULT_RIP] != user->regs.rip ||
        priv[STUB_USER_FAULT_ADDR] != fault->address) {
        priv[STUB_USER_FAULT_RIP] = user->regs.rip;
        priv[STUB_USER_FAULT_ADDR] = fault->address;
        priv[STUB_USER_FAULT_COUNT] = 0;
    } else if (++priv[STUB_USER_FAULT_COUNT] > FAULTS_MAX) {
        return HAL_STOP_DEAD;
    } else if (priv[STUB_USER_FAULT_COUNT] % FAULTS_REMAP == 0) {
        stub_drop_all(aspace->engine);
    }
    return stub_install(aspace, fault->address, true) ? HAL_STOP_INTERRUPT : HAL_STOP_DEAD;
}

/* Map what user code is certain to need: what the kernel has put into the table for its last page
 * fault, and in a new address space the code and stack to begin with. */
bool stub_prepare_pages(struct hal_user *user)
{
    struct stub *stub = user->aspace->engine;
    uint64_t fault = user->priv[STUB_USER_FAULT] & ~fault_reported;

    if (!__atomic_load_n(&stub->installed_first, __ATOMIC_RELAXED) &&
        !stub_install_first(user->aspace, user->regs.rip, user->regs.rsp)) {
        return false;
    }
    if (user->priv[STUB_USER_FAULT]) {
        user->priv[STUB_USER_FAULT] = 0;
        return fault < STUB_AREA_END || fault >= STUB_TOP ||
               stub_install(user->aspace, fault, false);
    }
    return true;
}

/* SYSRET and IRET with an address that is no user address fault in the host's kernel: do it here. */
bool stub_rip_bad(const struct hal_regs *regs, struct hal_fault *out)
{
    if (regs->rip < STUB_TOP) {
        return false;
    }
    if (regs->rip >> 47 == 0 || regs->rip >> 47 == 0x1ffff) {
        *out = (struct hal_fault){
            .vector = HAL_VECTOR_PAGE,
            .error = HAL_PF_USER | HAL_PF_FETCH,
            .address = regs->rip,
        };
    } else {
        *out = (struct hal_fault){.vector = HAL_VECTOR_PROTECTION};
    }
    return true;
}

/* Give the lane the user's state and its turn. False: the stub is dead. */
static bool lane_start(struct lane *lane, struct hal_user *user)
{
    struct stub *stub = lane->stub;

    stub_lane_begin(lane);
    if (!stub_sync(stub, __atomic_load_n(&stub->start_seq, __ATOMIC_SEQ_CST))) {
        return false;
    }
    if (lane->fast && lane->fp_user == user && stub_fast_answer(lane, &user->regs)) {
        return true;
    }
    stub_fp_load(lane, user);
    if (lane->fast && !stub_lane_settle(lane)) {
        return false;
    }
    if (stub->sm->patches) {
        stub_lane_claim_fs(lane, user->regs.fs_base);
    }
    stub_frame_write(lane, &user->regs);
    stub_lane_turn(lane, TURN_LANE);
    return true;
}

/* What the engine can do about a stop by itself. HAL_STOP_INTERRUPT: go on running. */
static enum hal_stop stop_solve(struct lane *lane, struct hal_user *user, enum hal_stop stop,
                                struct hal_fault *fault)
{
    if (stop == HAL_STOP_FAULT && fault->vector == HAL_VECTOR_PAGE) {
        return stub_solve_fault(user, fault);
    }
    if (stop == HAL_STOP_FAULT && fault->vector == HAL_VECTOR_INVALID_OPCODE &&
        stub_patch_invalid(user->aspace, &user->regs)) {
        return HAL_STOP_SYSCALL;
    }
    if (stop == HAL_STOP_SYSCALL && !lane->fast && lane->stub->sm->patches) {
        stub_patch_count(lane, user);
    }
    return stop;
}

static enum hal_stop run_lane(struct vcpu *vcpu, struct lane *lane, struct hal_user *user,
                              struct hal_fault *out)
{
    for (;;) {
        enum hal_stop stop;
        struct hal_fault fault = {.vector = 0};
        bool stopped;

        if (vcpu_must_stop(vcpu)) {
            return HAL_STOP_INTERRUPT;
        }
        stopped = lane_start(lane, user) && stub_lane_wait(lane, vcpu);
        stub_lane_end(lane);
        if (!stopped) {
            return HAL_STOP_DEAD;
        }
        stop = stub_frame_take(lane, &user->regs, &fault);
        stop = stop_solve(lane, user, stop, &fault);
        if (stop != HAL_STOP_INTERRUPT) {
            *out = fault;
            return stop;
        }
        if (vcpu->deadline_ns != UINT64_MAX && host_monotonic_ns() >= vcpu->deadline_ns) {
            return stop;
        }
    }
}

/* The lane that ran last spins on the CPU that the next one needs. */
static void lane_yield(const struct stub_vcpu *sv)
{
    if (sv->last && !(__atomic_load_n(&sv->last->turn, __ATOMIC_RELAXED) & TURN_LANE_SLEEPS)) {
        __atomic_fetch_or(&sv->last->turn, TURN_YIELD, __ATOMIC_RELAXED);
    }
}

static enum hal_stop stub_run(struct vcpu *vcpu, struct hal_user *user, struct hal_fault *out)
{
    struct stub *stub = user->aspace->engine;
    struct stub_vcpu *sv = vcpu->engine;
    struct lane *lane;
    enum hal_stop stop;

    if (stub_rip_bad(&user->regs, out)) {
        return HAL_STOP_FAULT;
    }
    if (__atomic_load_n(&stub->dead, __ATOMIC_RELAXED)) {
        return HAL_STOP_DEAD;
    }
    lane = stub_lane(stub, vcpu->id);
    if (!lane || !stub_prepare_pages(user)) {
        __atomic_store_n(&stub->dead, 1, __ATOMIC_RELAXED);
        return HAL_STOP_DEAD;
    }
    __atomic_store_n(&sv->frame, lane_control(lane), __ATOMIC_SEQ_CST);
    if (sv->last != lane_control(lane)) {
        lane_yield(sv);
        sv->last = lane_control(lane);
    }
    stop = run_lane(vcpu, lane, user, out);
    __atomic_store_n(&sv->frame, NULL, __ATOMIC_RELAXED);
    return stop;
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
