/* SPDX-License-Identifier: MIT
 *
 * A small machine whose user code is a function of the host, with virtual time and fixed chance,
 * that goes back to its mark in microseconds. What inside.c and the system call fuzzer stand on.
 */
#ifndef FUZZ_STAGE_H
#define FUZZ_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hal_fault;
struct hal_user;
struct machine;
struct stage;

enum stage_event {
    STAGE_READY,   /* the user code asked for the mark */
    STAGE_DONE,    /* the user code says that it has finished */
    STAGE_BLOCKED, /* nothing can ever run again: every task waits, and no timer is set */
    STAGE_LATE,    /* the clock has passed the limit given to stage_limit */
    STAGE_ENDED,   /* the machine was switched off */
};

struct stage_config {
    /* hal_user_run of every task; see struct machine_hooks. */
    int (*user_run)(struct hal_user *user, struct hal_fault *fault);
    /* Nothing can run before the clock reaches the limit, or ever: true if this made something
     * runnable. Called by the idle thread. May be NULL. */
    bool (*stuck)(void);
    /* Called with the machine before its boot: to put devices on its bus. May be NULL. */
    void (*attach)(struct machine *machine);
    size_t ram_bytes; /* 0: 16 MiB */
    unsigned cpus;    /* 0: 1 */
};

/* Boot a machine with the files of root.c, run until the first task calls stage_pause(STAGE_READY),
 * and mark this state. Never NULL: a machine that does not come up aborts the process. */
struct stage *stage_create(const struct stage_config *config);
void stage_destroy(struct stage *stage);

/* Back to the mark; then stage_resume continues behind stage_pause(STAGE_READY). */
void stage_restore(struct stage *stage);
enum stage_event stage_resume(struct stage *stage);

/* For user code: return to the caller of stage_create or stage_resume. */
void stage_pause(enum stage_event event);

/* Virtual time since power-on, and a point of it at which a machine that idles is stopped. */
uint64_t stage_now_ns(void);
void stage_advance_ns(uint64_t ns);
void stage_limit(uint64_t until_ns);

/* From now on the CPUs take turns: every `mean_points` points or so where one may stop (locks,
 * wake-ups, returns to user code) another that can goes on, drawn from the seed. 0, as after
 * stage_restore: only when one has nothing to do. */
void stage_schedule(uint64_t seed, unsigned mean_points);

/* What the machine gets for entropy from now on. */
void stage_seed(uint64_t seed);

/* Pages written since the mark; slow. */
size_t stage_dirty_pages(struct stage *stage);

#endif
