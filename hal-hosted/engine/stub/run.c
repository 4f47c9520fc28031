/* SPDX-License-Identifier: MIT
 *
 * Running a user on its vCPU's lane: what to map before, what to do about the stop after.
 *
 * Page faults that the software table allows are misses of the stub's mappings and solved here;
 * the kernel sees only the others.
 */
#include "hal-hosted/engine/stub/stub_internal.h"

enum {
    FAULTS_MAX = 64,  /* solved faults in a row at one place: the host cannot map the page */
    FAULTS_REMAP = 8, /* after so many try dropping all mappings */
};

static const uint64_t fault_reported = 1;

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

/* SYSRET and IRET with an address that is no user address fault in the host's kernel: do it here.
 */
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
    /* In this order: only a lane that holds the state of this user is left alone by other vCPUs. */
    if (__atomic_load_n(&lane->fp_user, __ATOMIC_RELAXED) == user && lane->fast &&
        stub_fast_answer(lane, &user->regs)) {
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
    for (bool ran = false;; ran = true) {
        enum hal_stop stop;
        struct hal_fault fault = {.vector = 0};
        bool stopped;

        if (vcpu_must_stop(vcpu)) {
            return ran ? HAL_STOP_INTERRUPT : HAL_STOP_PENDING;
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

enum hal_stop stub_run(struct vcpu *vcpu, struct hal_user *user, struct hal_fault *out)
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
