/* SPDX-License-Identifier: MIT
 *
 * Lanes: making them, resuming them, waiting for them to stop.
 *
 * The turn word says who runs. Both sides spin for a while and then mark themselves asleep in the
 * word with a compare-exchange and sleep on it; the other side's exchange tells it that a wake is
 * needed. Guest code can write the word: then a stop is seen that was none, or a wake is lost. The
 * first only garbles that guest's registers; against the second every sleep is bounded.
 */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hal-hosted/engine/stub/stub_internal.h"
#include "hal-hosted/world/world_internal.h"

enum {
    GUARD_NS = 10000000,
    /* A lane that does not stop when told to has the signal blocked by a forged signal frame, or
     * gets no host CPU time. It is hostile when it has used this much time since, or sleeps at all
     * after so many guards; and after very many the host is hopeless. */
    STUBBORN_CPU_NS = 50000000,
    STUBBORN_GUARDS = 5,
    HOPELESS_GUARDS = 1000,
};

static bool lane_dead(const struct lane *lane)
{
    struct stub *stub = lane->stub;

    if (!__atomic_load_n(&stub->dead, __ATOMIC_RELAXED) &&
        !stub_pidfds_dead(lane->pidfd, stub->pidfd)) {
        return false;
    }
    __atomic_store_n(&stub->dead, 1, __ATOMIC_RELAXED);
    return true;
}

/* What a wait remembers once it has slept for a while. */
struct patience {
    uint64_t cpu_start_ns; /* CPU time of the lane at the first look after it was told to stop */
    unsigned guards;       /* looks since then */
};

/* A look at a lane that takes long. False: it is dead, or hostile and killed. */
static bool lane_look(struct lane *lane, struct patience *patience, bool told_to_stop)
{
    struct stub *stub = lane->stub;
    uint64_t cpu_ns;
    bool sleeps;

    stub_futex_wake(&lane_control(lane)->turn); /* if guest code has cleared the lane's sleep bit */
    if (lane_dead(lane)) {
        return false;
    }
    if (!told_to_stop) {
        return true;
    }
    stub_pidfd_usage(lane->pidfd, &cpu_ns, &sleeps);
    if (patience->guards++ == 0) {
        patience->cpu_start_ns = cpu_ns;
    }
    if (cpu_ns - patience->cpu_start_ns < STUBBORN_CPU_NS &&
        (patience->guards < STUBBORN_GUARDS || !sleeps) && patience->guards < HOPELESS_GUARDS) {
        return true;
    }
    /* On a busy host it may have stopped while it was looked at, and sleep for that reason. */
    if (!(__atomic_load_n(&lane_control(lane)->turn, __ATOMIC_ACQUIRE) & TURN_LANE)) {
        return true;
    }
    stub_pidfd_signal(stub->pidfd, SIGKILL);
    __atomic_store_n(&stub->dead, 1, __ATOMIC_RELAXED);
    return false;
}

/* Wait for a stop that comes at once: the first, or settling. False: the stub is dead. */
static bool lane_stops(struct lane *lane)
{
    struct stub_frame *frame = lane_control(lane);
    struct patience patience = {.guards = 0};

    for (uint32_t i = lane->stub->sm->spin_pauses; i > 0; i--) {
        if (!(__atomic_load_n(&frame->turn, __ATOMIC_ACQUIRE) & TURN_LANE)) {
            return true;
        }
        __builtin_ia32_pause();
    }
    for (bool first = true;; first = false) {
        uint32_t turn = __atomic_load_n(&frame->turn, __ATOMIC_ACQUIRE);

        if (!(turn & TURN_LANE)) {
            return true;
        }
        if (!first && !lane_look(lane, &patience, true)) {
            return false;
        }
        if (turn & TURN_KERNEL_SLEEPS ||
            __atomic_compare_exchange_n(&frame->turn, &turn, turn | TURN_KERNEL_SLEEPS, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
            stub_futex_wait(&frame->turn, turn | TURN_KERNEL_SLEEPS, GUARD_NS);
        }
    }
}

/* The host builds every signal frame of a lane in the same place. Learn it from the first stub's
 * first stop, before any guest code has run; require it of all others. */
static bool lane_shape(struct lane *lane)
{
    struct stub_frame_shape *shape = &lane->stub->sm->shape;
    const struct stub_frame *frame = lane_control(lane);
    uint64_t base = STUB_FRAMES + (uint64_t)lane->index * STUB_FRAME_SIZE;
    uint64_t ucontext = frame->ucontext - base, siginfo = frame->siginfo - base;

    if (shape->ucontext) {
        return ucontext == shape->ucontext && siginfo == shape->siginfo;
    }
    return stub_frame_learn(lane->frame, base, ucontext, siginfo, shape);
}

static bool lane_make_locked(struct lane *lane)
{
    struct stub *stub = lane->stub;
    struct stub_machine *sm = stub->sm;
    struct stub_frame *frame = lane_control(lane);
    int pidfd;

    if (!stub_sync(stub, stub->head)) {
        return false;
    }
    memset(lane->frame, 0, STUB_FRAME_CONTROL);
    frame->turn = TURN_LANE;
    pthread_mutex_lock(&sm->zygote_lock);
    stub_post_locked(stub, (struct stub_op){.kind = STUB_OP_LANE, .addr = lane->index});
    stub_futex_wake(&stub->ctl->head);
    pidfd = stub_zygote_receive(sm, stub->pidfd);
    if (pidfd < 0) {
        stub_zygote_forget(sm, stub->pidfd);
    }
    pthread_mutex_unlock(&sm->zygote_lock);
    if (pidfd < 0) {
        return false;
    }
    lane->pidfd = pidfd;
    return (sm->traced ? stub_traced_lane(lane) : lane_stops(lane)) && lane_shape(lane);
}

/* The stub's lane for a vCPU, made if need be; NULL if that fails. */
struct lane *stub_lane(struct stub *stub, unsigned index)
{
    struct lane *lane = &stub->lanes[index];
    bool made = true;

    if (__atomic_load_n(&lane->ready, __ATOMIC_ACQUIRE)) {
        return lane;
    }
    pthread_mutex_lock(&stub->lock);
    if (!lane->ready) {
        made = lane->pidfd < 0 && lane_make_locked(lane);
        __atomic_store_n(&lane->ready, made, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&stub->lock);
    return made ? lane : NULL;
}

/* Its process is dead or never was. */
void stub_lane_close(struct lane *lane)
{
    if (lane->traced_pid > 0) {
        waitpid(lane->traced_pid, NULL, __WALL | WNOHANG); /* as tracer; nobody else is told */
        lane->traced_pid = 0;
    }
    if (lane->pidfd >= 0) {
        close(lane->pidfd);
        lane->pidfd = -1;
    }
    lane->ready = false;
    lane->fast = false;
}

/* Give the turn word this value, which contains TURN_LANE, and wake the lane if it sleeps. */
void stub_lane_turn(struct lane *lane, uint32_t turn)
{
    struct stub_frame *frame = lane_control(lane);
    uint32_t old = __atomic_exchange_n(&frame->turn, turn, __ATOMIC_SEQ_CST);

    if (old & TURN_LANE_SLEEPS) {
        stub_futex_wake(&frame->turn);
    }
}

/* Patching excludes running lanes: each side first raises its flag and then looks at the other's.
 */
void stub_lane_begin(struct lane *lane)
{
    struct stub *stub = lane->stub;

    __atomic_store_n(&lane->running, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&stub->patching, __ATOMIC_SEQ_CST)) {
        __atomic_store_n(&lane->running, 0, __ATOMIC_SEQ_CST);
        pthread_mutex_lock(&stub->lock); /* until it is done */
        pthread_mutex_unlock(&stub->lock);
        __atomic_store_n(&lane->running, 1, __ATOMIC_SEQ_CST);
    }
}

void stub_lane_end(struct lane *lane)
{
    __atomic_store_n(&lane->running, 0, __ATOMIC_RELEASE);
}

/* List the lane under this fs base, by which its fast calls find it. Of two lanes that run with the
 * same none may be listed: the other would find it too. The lane is marked running already; so
 * either the other side sees that, or this side sees what the other has changed. */
void stub_lane_claim_fs(struct lane *lane, uint64_t fs_base)
{
    struct stub *stub = lane->stub;
    uint64_t *listed = stub->ctl->lane_fs;
    bool conflict = false;

    if (lane->index >= CTL_LANE_FS_MAX ||
        __atomic_load_n(&listed[lane->index], __ATOMIC_SEQ_CST) == fs_base) {
        return;
    }
    pthread_mutex_lock(&stub->lock);
    __atomic_store_n(&listed[lane->index], STUB_NO_FS, __ATOMIC_SEQ_CST);
    lane->fs_base = fs_base;
    for (unsigned i = 0; i < stub->sm->lane_count; i++) {
        struct lane *other = &stub->lanes[i];
        if (other != lane && other->fs_base == fs_base && i < CTL_LANE_FS_MAX) {
            __atomic_store_n(&listed[i], STUB_NO_FS, __ATOMIC_SEQ_CST);
            conflict |= __atomic_load_n(&other->running, __ATOMIC_SEQ_CST);
        }
    }
    if (!conflict) {
        __atomic_store_n(&listed[lane->index], fs_base, __ATOMIC_SEQ_CST);
    }
    pthread_mutex_unlock(&stub->lock);
}

/* Bring a lane that waits in a fast call into a signal frame, FP state and all. What user code is
 * to do next is in the user's registers. */
bool stub_lane_settle(struct lane *lane)
{
    lane->fast = false;
    stub_lane_turn(lane, TURN_LANE | TURN_SETTLE);
    return lane_stops(lane);
}

static bool must_interrupt(const struct vcpu *vcpu)
{
    return vcpu_must_stop(vcpu) ||
           (vcpu->deadline_ns != UINT64_MAX && host_monotonic_ns() >= vcpu->deadline_ns);
}

/* Spin until the lane has stopped; false if it takes too long or the kernel is wanted. */
static bool lane_spin(const struct lane *lane, const struct vcpu *vcpu)
{
    const struct stub_frame *frame = lane_control(lane);

    for (uint32_t i = lane->stub->sm->spin_pauses; i > 0; i--) {
        if (!(__atomic_load_n(&frame->turn, __ATOMIC_ACQUIRE) & TURN_LANE)) {
            return true;
        }
        if (vcpu_must_stop(vcpu)) {
            return false;
        }
        __builtin_ia32_pause();
    }
    return false;
}

/* Sleep until the turn word changes, or a bounded time. */
static void lane_sleep(struct lane *lane, const struct vcpu *vcpu, bool interrupted)
{
    struct stub_frame *frame = lane_control(lane);
    uint32_t turn = __atomic_load_n(&frame->turn, __ATOMIC_SEQ_CST);
    uint64_t timeout_ns = GUARD_NS;

    if (!(turn & TURN_LANE)) {
        return;
    }
    if (turn & TURN_KICK) {
        __atomic_fetch_and(&frame->turn, ~(uint32_t)TURN_KICK, __ATOMIC_SEQ_CST);
        return; /* the caller looks at pending */
    }
    if (!(turn & TURN_KERNEL_SLEEPS) &&
        !__atomic_compare_exchange_n(&frame->turn, &turn, turn | TURN_KERNEL_SLEEPS, false,
                                     __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
        return;
    }
    if (!interrupted) {
        uint64_t now_ns;
        if (vcpu_must_stop(vcpu)) {
            return;
        }
        now_ns = vcpu->deadline_ns != UINT64_MAX ? host_monotonic_ns() : 0;
        if (vcpu->deadline_ns <= now_ns) {
            return;
        }
        if (vcpu->deadline_ns - now_ns < timeout_ns) {
            timeout_ns = vcpu->deadline_ns - now_ns;
        }
    }
    stub_futex_wait(&frame->turn, turn | TURN_KERNEL_SLEEPS, timeout_ns);
}

/* In a world nothing else runs meanwhile: has it had enough? */
static void lane_watch(const struct lane *lane, struct vcpu *vcpu)
{
    uint64_t cpu_ns;
    bool sleeps;

    stub_pidfd_usage(lane->pidfd, &cpu_ns, &sleeps);
    world_user_spins(vcpu, cpu_ns);
}

/* Wait until the lane has stopped, interrupting it when the vCPU has other work. False if it is
 * dead or had to be killed. */
bool stub_lane_wait(struct lane *lane, struct vcpu *vcpu)
{
    struct stub_frame *frame = lane_control(lane);
    struct patience patience = {.guards = 0};
    uint64_t looked_ns = 0;
    bool interrupted = false;

    if (lane_spin(lane, vcpu)) {
        return true;
    }
    while (__atomic_load_n(&frame->turn, __ATOMIC_ACQUIRE) & TURN_LANE) {
        uint64_t now_ns = host_monotonic_ns();

        if (!interrupted && must_interrupt(vcpu)) {
            stub_pidfd_signal(lane->pidfd, STUB_SIGNAL_INTERRUPT);
            interrupted = true;
            continue;
        }
        if (!looked_ns) {
            looked_ns = now_ns;
        } else if (now_ns - looked_ns >= GUARD_NS) {
            looked_ns = now_ns;
            if (vcpu->sim) {
                lane_watch(lane, vcpu);
            }
            if (!lane_look(lane, &patience, interrupted)) {
                return false;
            }
        }
        lane_sleep(lane, vcpu, interrupted);
    }
    return true;
}
