/* SPDX-License-Identifier: MIT
 *
 * Using a stub again for another address space, without trusting what guest code has left.
 *
 * Making and killing processes costs more than everything else in a guest's fork and exec. But
 * guest code may have put a lane into a state of its own making by a forged signal frame: another
 * signal mask, another signal stack, another place in the stub's code, even another lane's frame.
 * So a lane has to pass a test before it serves a new address space:
 *
 *   EMPTYING  the pager unmaps all guest memory, every lane but one is killed, and that one leaves
 *             a fast call. When all this is known to be done there is no guest code left anywhere
 * in the stub. TESTING   the kernel writes a signal frame with the pristine mask, stack and
 * registers, some of them random, and gives the lane its turn. A lane that waits where it should
 * returns from that frame, thereby takes on that state whatever it had before, and traps. The host
 * writes the state it found at the trap back into the frame, in the place where the pristine stack
 * puts it: mask, stack and the random registers must all be there. No lane can know these registers
 * before, and none that has them is in another state. READY     the rest of the frames is wiped, so
 * nothing passes from one guest to the next.
 *
 * A stub that fails, or takes too long, is killed. Everything is driven by stub_recycle and
 * stub_recycled themselves; nothing waits.
 *
 * Locking: sm->lock for the list. A stub on it belongs to the list.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/ucontext.h>
#include <unistd.h>

#include "hal-hosted/engine/stub/stub_internal.h"

enum { RECYCLED_MAX = 64, PATIENCE_NS = 1000000000 };

enum { STUB_EMPTYING, STUB_TESTING, STUB_READY };

static const int nonce_registers[STUB_NONCE_WORDS] = {REG_R12, REG_R13, REG_R14, REG_R15};

/* --- the test --- */

static void test_begin(struct stub *stub)
{
    struct stub_machine *sm = stub->sm;
    struct lane *lane = stub->kept;
    struct stub_frame *control = lane_control(lane);
    uint64_t moved = (uint64_t)lane->index * STUB_FRAME_SIZE;
    ucontext_t *context = (ucontext_t *)(lane->frame + sm->shape.ucontext);
    greg_t *g = context->uc_mcontext.gregs;

    memcpy(lane->frame + STUB_FRAME_CONTROL, sm->pristine, sm->signal_stack_bytes);
    context->uc_stack.ss_sp = (char *)context->uc_stack.ss_sp + moved;
    context->uc_mcontext.fpregs = (fpregset_t)((char *)context->uc_mcontext.fpregs + moved);
    for (unsigned i = 0; i < STUB_NONCE_WORDS; i++) {
        g[nonce_registers[i]] = (greg_t)stub->nonce[i];
    }
    g[REG_RIP] -= 2; /* the system call instruction that trapped once more */
    memset(&control->fast, 0, sizeof control->fast);
    control->signal = 0;
    control->ucontext = 0;
    control->fs = 0;
    control->gs = 0;
    stub_lane_turn(lane, TURN_LANE);
}

static bool test_passed(const struct stub *stub)
{
    const struct stub_machine *sm = stub->sm;
    const struct lane *lane = stub->kept;
    const struct stub_frame *control = lane_control(lane);
    const ucontext_t *context = (const ucontext_t *)(lane->frame + sm->shape.ucontext);
    const ucontext_t *pristine =
        (const ucontext_t *)(sm->pristine + sm->shape.ucontext - STUB_FRAME_CONTROL);
    const greg_t *g = context->uc_mcontext.gregs, *was = pristine->uc_mcontext.gregs;
    uint64_t mask;

    for (unsigned i = 0; i < STUB_NONCE_WORDS; i++) {
        if (g[nonce_registers[i]] != (greg_t)stub->nonce[i]) {
            return false;
        }
    }
    memcpy(&mask, &context->uc_sigmask, sizeof mask); /* the host's is 64 bits */
    return mask == 0 && control->signal == SIGSYS && g[REG_RIP] == was[REG_RIP] &&
           context->uc_stack.ss_flags == pristine->uc_stack.ss_flags &&
           context->uc_stack.ss_size == pristine->uc_stack.ss_size &&
           (uint64_t)context->uc_stack.ss_sp ==
               (uint64_t)pristine->uc_stack.ss_sp + (uint64_t)lane->index * STUB_FRAME_SIZE;
}

/* Everything that the stub's processes can write, but what the lane is using now. */
static bool frames_wipe(struct stub *stub)
{
    struct stub_machine *sm = stub->sm;
    struct lane *lane = stub->kept;
    struct stub_frame *control = lane_control(lane);
    size_t used = STUB_FRAME_CONTROL + sm->signal_stack_bytes;

    memset(control + 1, 0, STUB_FRAME_CONTROL - sizeof *control);
    memset(lane->frame + STUB_FRAME_CONTROL, 0, sm->shape.ucontext - 8 - STUB_FRAME_CONTROL);
    memset(lane->frame + used, 0, STUB_FRAME_SIZE - used);
    for (unsigned i = 0; i < sm->lane_count; i++) {
        if (i != lane->index) {
            off_t offset = stub->lanes[i].frame - sm->ctl;
            if (fallocate(sm->ctl_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset,
                          STUB_FRAME_SIZE) < 0) {
                return false;
            }
        }
    }
    return true;
}

/* --- the list --- */

static bool others_gone(struct stub *stub)
{
    for (unsigned i = 0; i < stub->sm->lane_count; i++) {
        struct lane *lane = &stub->lanes[i];

        if (lane == stub->kept || lane->pidfd < 0) {
            continue;
        }
        if (!stub_pidfd_dead(lane->pidfd)) {
            return false;
        }
        stub_lane_close(lane);
    }
    return true;
}

/* One step if it can be made now. False: the stub must be killed. */
static bool recycle_step(struct stub *stub)
{
    uint32_t ack = __atomic_load_n(&stub->ctl->ack, __ATOMIC_ACQUIRE);
    uint32_t turn;

    if (!stub->kept) { /* has never run guest code */
        stub->state = STUB_READY;
        return true;
    }
    turn = __atomic_load_n(&lane_control(stub->kept)->turn, __ATOMIC_ACQUIRE);
    if (stub->state == STUB_EMPTYING && (int32_t)(ack - stub->emptied) >= 0 &&
        !(turn & TURN_LANE) && others_gone(stub)) {
        if (getrandom(stub->nonce, sizeof stub->nonce, GRND_NONBLOCK) != sizeof stub->nonce) {
            return false;
        }
        stub->state = STUB_TESTING;
        test_begin(stub);
    } else if (stub->state == STUB_TESTING && !(turn & TURN_LANE)) {
        if (!test_passed(stub) || !frames_wipe(stub)) {
            return false;
        }
        stub->ctl->spin = stub->sm->spin_pauses;
        stub->state = STUB_READY;
    }
    return stub->state == STUB_READY || host_monotonic_ns() - stub->since_ns < PATIENCE_NS;
}

/* Advance all stubs on the list; returns one that is ready, taken off the list, or NULL. The failed
 * ones go to *failed. sm->lock held. */
static struct stub *recycle_scan(struct stub_machine *sm, struct stub **failed)
{
    struct stub **link = &sm->recycled, *ready = NULL;

    while (*link) {
        struct stub *stub = *link;
        bool good = recycle_step(stub);

        if (good && (stub->state != STUB_READY || ready)) {
            link = &stub->next;
            continue;
        }
        *link = stub->next;
        sm->recycled_count--;
        if (good) {
            ready = stub;
        } else {
            stub->next = *failed;
            *failed = stub;
        }
    }
    return ready;
}

static void kill_all(struct stub *list)
{
    while (list) {
        struct stub *stub = list;
        list = stub->next;
        stub_kill(stub);
    }
}

/* A ready stub, or NULL. */
struct stub *stub_recycled(struct stub_machine *sm)
{
    struct stub *ready, *failed = NULL;

    pthread_mutex_lock(&sm->lock);
    for (;;) {
        ready = recycle_scan(sm, &failed);
        if (!ready || !stub_pidfds_dead(ready->pidfd, ready->kept ? ready->kept->pidfd : -1)) {
            break;
        }
        ready->next = failed; /* killed by the host, perhaps for memory */
        failed = ready;
    }
    pthread_mutex_unlock(&sm->lock);
    kill_all(failed);
    return ready;
}

/* Choose the lane to keep and kill the others. False: the stub is of no more use. */
static bool lanes_reduce(struct stub *stub)
{
    bool any = false;

    stub->kept = NULL;
    for (unsigned i = 0; i < stub->sm->lane_count; i++) {
        struct lane *lane = &stub->lanes[i];
        any |= lane->pidfd >= 0;
        if (lane->ready && !stub->kept) {
            stub->kept = lane;
        } else if (lane->pidfd >= 0) {
            stub_pidfd_signal(lane->pidfd, SIGKILL);
            lane->ready = false;
        }
    }
    return stub->kept || !any;
}

/* Take from the stub what belonged to its address space, and begin to empty it. */
static void recycle_begin(struct stub *stub)
{
    stub->state = STUB_EMPTYING;
    stub->since_ns = host_monotonic_ns();
    stub->ctl->spin = 0; /* the lane's CPU is for those that work */
    for (unsigned i = 0; i < CTL_LANE_FS_MAX; i++) {
        stub->ctl->lane_fs[i] = STUB_NO_FS;
    }
    stub_patch_reset(stub);
    stub->installed_first = false;
    if (stub->kept) {
        memset(stub->kept->hits, 0, sizeof stub->kept->hits);
        if (stub->kept->fast) {
            stub->kept->fast = false;
            stub_lane_turn(stub->kept, TURN_LANE | TURN_SETTLE);
        }
    }
    stub_drop_all(stub);
    stub_futex_wake(&stub->ctl->head);
    stub->emptied = stub->start_seq = stub->head;
}

/* The stub has done with its address space. False: it cannot be used again. */
bool stub_recycle(struct stub *stub)
{
    struct stub_machine *sm = stub->sm;
    struct stub **link;
    bool room;

    /* A lane cannot be tested while it is traced. */
    if (!lanes_reduce(stub) || (stub->kept && sm->traced) ||
        __atomic_load_n(&stub->dead, __ATOMIC_RELAXED)) {
        return false;
    }
    pthread_mutex_lock(&sm->lock);
    room = sm->recycled_count < RECYCLED_MAX;
    if (room) {
        recycle_begin(stub);
        stub->next = NULL;
        for (link = &sm->recycled; *link; link = &(*link)->next) {
        }
        *link = stub; /* the oldest first: it is ready first */
        sm->recycled_count++;
    }
    pthread_mutex_unlock(&sm->lock);
    return room;
}
