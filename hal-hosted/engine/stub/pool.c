/* SPDX-License-Identifier: MIT
 *
 * Stub processes before and after they serve an address space.
 *
 * A slot (control page, ring, frames) of the control file is used by one stub at a time. A stub
 * that is done is used again if it passes the test of recycle.c. Else it is killed and kept on the
 * dying list until its pager and all its lanes are dead: only then can nobody write the slot any
 * more, and the slot is emptied and used again.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hal-hosted/engine/stub/stub_internal.h"

enum { TAKE_TRIES = 100 };

static uint64_t slot_offset(const struct stub_machine *sm, unsigned slot)
{
    return HAL_PAGE_SIZE + (uint64_t)slot * sm->slot_bytes;
}

static void stub_free(struct stub *stub)
{
    for (unsigned i = 0; i < stub->sm->lane_count; i++) {
        stub_lane_close(&stub->lanes[i]);
    }
    if (stub->pidfd >= 0) {
        close(stub->pidfd);
    }
    shadow_clear(&stub->shadow);
    free(stub->sites);
    pthread_mutex_destroy(&stub->lock);
    free(stub->lanes);
    free(stub);
}

/* All its processes have gone. */
static bool stub_gone(const struct stub *stub)
{
    if (stub->pidfd >= 0 && !stub_pidfd_dead(stub->pidfd)) {
        return false;
    }
    for (unsigned i = 0; i < stub->sm->lane_count; i++) {
        if (stub->lanes[i].pidfd >= 0 && !stub_pidfd_dead(stub->lanes[i].pidfd)) {
            return false;
        }
    }
    return true;
}

/* No guest code may go on using what it had mapped, so there is no giving up here: SIGKILL cannot
 * be refused. */
void stub_wait_gone(struct stub *stub)
{
    static const struct timespec pause = {.tv_nsec = 100000};

    stub_pidfd_signal(stub->pidfd, SIGKILL);
    while (!stub_gone(stub)) {
        nanosleep(&pause, NULL);
    }
}

/* Free what has died; sm->lock held. */
static void dying_reap_locked(struct stub_machine *sm)
{
    struct stub **link = &sm->dying;

    while (*link) {
        struct stub *stub = *link;
        if (stub_gone(stub)) {
            *link = stub->next;
            fallocate(sm->ctl_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                      (off_t)slot_offset(sm, stub->slot), (off_t)sm->slot_bytes);
            sm->free_slots[sm->free_count++] = stub->slot;
            stub_free(stub);
        } else {
            link = &stub->next;
        }
    }
}

static int slot_take(struct stub_machine *sm)
{
    int slot = -EAGAIN;

    pthread_mutex_lock(&sm->lock);
    if (!sm->free_count) {
        dying_reap_locked(sm);
    }
    if (sm->free_count) {
        slot = (int)sm->free_slots[--sm->free_count];
    } else if (sm->slots_used < STUB_SLOTS_MAX) {
        slot = (int)sm->slots_used++;
    }
    pthread_mutex_unlock(&sm->lock);
    return slot;
}

static void slot_give(struct stub_machine *sm, unsigned slot)
{
    pthread_mutex_lock(&sm->lock);
    sm->free_slots[sm->free_count++] = slot;
    pthread_mutex_unlock(&sm->lock);
}

/* What the pager and the lanes read. The slot is zero. */
static void ctl_fill(struct stub *stub)
{
    const struct stub_machine *sm = stub->sm;
    struct stub_ctl *ctl = stub->ctl;

    ctl->spin = sm->spin_pauses;
    ctl->traced = sm->traced;
    for (unsigned i = 0; i < CTL_MASKS_MAX && i < sm->lane_count; i++) {
        memcpy(ctl->lane_masks[i], &sm->lane_cpus[i], CTL_MASK_SIZE);
    }
    for (unsigned i = 0; i < sm->lane_count; i++) {
        ctl->lane_stacks[i] = (struct stub_stack){
            .base = STUB_FRAMES + (uint64_t)i * STUB_FRAME_SIZE + STUB_FRAME_CONTROL,
            .bytes = sm->signal_stack_bytes,
        };
    }
    for (unsigned i = 0; i < CTL_LANE_FS_MAX; i++) {
        ctl->lane_fs[i] = STUB_NO_FS;
    }
}

static int stub_create(struct stub_machine *sm, struct stub **out)
{
    struct stub *stub = calloc(1, sizeof *stub);
    int slot, error = -ENOMEM;

    if (!stub) {
        return -ENOMEM;
    }
    stub->lanes = calloc(sm->lane_count, sizeof *stub->lanes);
    if (!stub->lanes) {
        goto free_stub;
    }
    slot = slot_take(sm);
    if (slot < 0) {
        error = slot;
        goto free_lanes;
    }
    stub->sm = sm;
    stub->slot = (unsigned)slot;
    stub->ctl = (struct stub_ctl *)(sm->ctl + slot_offset(sm, stub->slot));
    stub->ring = (struct stub_op *)((char *)stub->ctl + (STUB_RING - STUB_CTL));
    pthread_mutex_init(&stub->lock, NULL);
    for (unsigned i = 0; i < sm->lane_count; i++) {
        stub->lanes[i] = (struct lane){
            .stub = stub,
            .index = i,
            .pidfd = -1,
            .frame = (char *)stub->ctl + SLOT_FRAMES + (size_t)i * STUB_FRAME_SIZE,
        };
    }
    ctl_fill(stub);
    stub->pidfd = stub_zygote_request(sm, slot_offset(sm, stub->slot),
                                      (uint64_t)sm->lane_count * STUB_FRAME_SIZE);
    if (stub->pidfd < 0) {
        error = -EAGAIN;
        goto free_slot;
    }
    *out = stub;
    return 0;

free_slot:
    pthread_mutex_destroy(&stub->lock);
    if (stub->pidfd == -EAGAIN) {
        memset(stub->ctl, 0, sizeof *stub->ctl);
        slot_give(sm, stub->slot);
    } /* else a pager may use it, one that we have no descriptor for */
free_lanes:
    free(stub->lanes);
free_stub:
    free(stub);
    return error;
}

/* Others are on their way back to the host or to us. */
static bool pool_moving(struct stub_machine *sm)
{
    bool moving;

    pthread_mutex_lock(&sm->lock);
    moving = sm->dying || sm->recycled;
    dying_reap_locked(sm);
    pthread_mutex_unlock(&sm->lock);
    return moving;
}

/* A stub with nothing mapped. 0, -ENOMEM or -EAGAIN. */
int stub_take(struct stub_machine *sm, struct stub **out)
{
    static const struct timespec pause = {.tv_nsec = 1000000};
    int error = -EAGAIN;

    for (unsigned tries = 0; tries < TAKE_TRIES; tries++) {
        *out = stub_recycled(sm);
        if (*out) {
            return 0;
        }
        error = stub_create(sm, out);
        if (error == 0 || !pool_moving(sm)) {
            break;
        }
        nanosleep(&pause, NULL); /* the host allows no more now, but soon */
    }
    return error;
}

/* No vCPU runs in it any more. */
void stub_discard(struct stub *stub)
{
    for (unsigned i = 0; i < stub->sm->lane_count; i++) {
        stub_fp_evict(&stub->lanes[i]);
    }
    if (!stub_recycle(stub)) {
        stub_kill(stub);
    }
}

void stub_kill(struct stub *stub)
{
    struct stub_machine *sm = stub->sm;

    stub_pidfd_signal(stub->pidfd, SIGKILL); /* lanes die with their pager */
    pthread_mutex_lock(&sm->lock);
    dying_reap_locked(sm);
    stub->next = sm->dying;
    sm->dying = stub;
    pthread_mutex_unlock(&sm->lock);
}

/* Machine exit. */
void stub_pool_empty(struct stub_machine *sm)
{
    static const struct timespec pause = {.tv_nsec = 200000};

    while (sm->recycled) {
        struct stub *stub = sm->recycled;
        sm->recycled = stub->next;
        stub_kill(stub);
    }
    for (int tries = 0; sm->dying && tries < 25000; tries++) {
        pthread_mutex_lock(&sm->lock);
        dying_reap_locked(sm);
        pthread_mutex_unlock(&sm->lock);
        if (sm->dying) {
            nanosleep(&pause, NULL);
        }
    }
    while (sm->dying) { /* the host does not bury its dead: do not wait for ever */
        struct stub *stub = sm->dying;
        sm->dying = stub->next;
        stub_free(stub);
    }
}
