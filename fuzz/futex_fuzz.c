/* SPDX-License-Identifier: MIT
 *
 * futex(2) on two CPUs that take turns as the input's seed says (kernel/proc/futex*.c): tasks that
 * share their memory make calls with any arguments on some words, every wait among them with a
 * limit, and use two other words as mutexes, with and without priority inheritance. Those must keep
 * everybody else out, and all tasks must come to their end: a lost wake-up leaves one asleep.
 */
#include "fuzz/steps.h"

#include "fuzz/stage.h"
#include "hal/user.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/futex.h"
#include "kernel/abi/sched.h"
#include "kernel/abi/signal.h"
#include "kernel/abi/time.h"
#include "kernel/syscall/syscalls.h"

enum { LANES = 4, CPUS = 2, STEPS_MAX = 24, HOSTILE_WORDS = 3, LOCKED = 1, CONTENDED = 2 };
#define MUTEX FUZZ_USER_MEMORY
#define PI_MUTEX (FUZZ_USER_MEMORY + 4)
#define HOSTILE (FUZZ_USER_MEMORY + 64)
#define LIMITS (FUZZ_USER_MEMORY + 4096) /* a struct timespec for each lane */
#define VECTOR (FUZZ_USER_MEMORY + 8192)

static struct lane {
    int64_t pid;
    struct fuzz_input rest;
    unsigned steps;
    enum state { IDLE, WANTS, HAS, RELEASES, WANTS_PI, HAS_PI, RELEASES_PI } state;
} lanes[LANES];
static unsigned lane_now;
static int inside_mutex[2]; /* tasks in there */

/* ---- any calls ---- */

static uint64_t word(struct fuzz_input *input)
{
    return HOSTILE + 4 * (fuzz_u8(input) % HOSTILE_WORDS);
}

/* Of the clock that the call looks at: relative, or up to 256 us from now. */
static uint64_t limit_on(struct fuzz_input *input, int clock)
{
    const uint64_t at = LIMITS + lane_now * sizeof(struct linux_timespec);
    struct linux_timespec limit = {0};

    fuzz_put_user(at, &limit, sizeof limit);
    if (clock >= 0)
        FUZZ_CALL(SYS_clock_gettime, clock, at);
    fuzz_get_user(&limit, at, sizeof limit);
    limit.tv_nsec += fuzz_u8(input) * 1000;
    limit.tv_sec += limit.tv_nsec / 1000000000;
    limit.tv_nsec %= 1000000000;
    fuzz_put_user(at, &limit, sizeof limit);
    return at;
}

static uint64_t span(struct fuzz_input *input)
{
    return limit_on(input, -1);
}

static uint64_t monotonic(struct fuzz_input *input)
{
    return limit_on(input, CLOCK_MONOTONIC);
}

static uint64_t realtime(struct fuzz_input *input)
{
    return limit_on(input, CLOCK_REALTIME);
}

static uint64_t vector(struct fuzz_input *input)
{
    struct linux_futex_waitv all[HOSTILE_WORDS] = {0};

    for (unsigned i = 0; i < HOSTILE_WORDS; i++) {
        all[i] = (struct linux_futex_waitv){.val = fuzz_u8(input) % 4,
                                            .uaddr = word(input),
                                            .flags = FUTEX_32 | (fuzz_u8(input) & 0x80)};
    }
    fuzz_put_user(VECTOR + lane_now * sizeof all, all, sizeof all);
    return VECTOR + lane_now * sizeof all;
}

static void change_word(struct fuzz_input *input)
{
    const uint32_t value = fuzz_u8(input) % 2 ? fuzz_u8(input) % 4 : fuzz_u32(input);

    fuzz_put_user(word(input), &value, sizeof value);
}

#define WORD FUZZ_MADE(word)
#define SMALL FUZZ_BELOW(4)
static const uint32_t waking[] = {FUTEX_WAKE,       FUTEX_WAKE_BITSET,
                                  FUTEX_WAKE_OP,    FUTEX_UNLOCK_PI,
                                  FUTEX_TRYLOCK_PI, FUTEX_WAKE | FUTEX_PRIVATE_FLAG};
static const uint32_t moving[] = {FUTEX_REQUEUE, FUTEX_CMP_REQUEUE, FUTEX_CMP_REQUEUE_PI,
                                  FUTEX_WAKE_OP};
static const uint32_t until_then[] = {FUTEX_WAIT_BITSET, FUTEX_WAIT_REQUEUE_PI, FUTEX_LOCK_PI2};
static const struct fuzz_step steps[] = {
    {FUZZ_STEP(SYS_futex, WORD, FUZZ_ONE_OF(waking), SMALL, SMALL, WORD, FUZZ_BITS(0xf3003003)),
     .weight = 4},
    {FUZZ_STEP(SYS_futex, WORD, FUZZ_ONE_OF(moving), SMALL, SMALL, WORD, SMALL), .weight = 4},
    {FUZZ_STEP(SYS_futex, WORD, FUZZ_VALUE(FUTEX_WAIT), SMALL, FUZZ_MADE(span)), .weight = 2},
    {FUZZ_STEP(SYS_futex, WORD, FUZZ_VALUE(FUTEX_LOCK_PI), SMALL, FUZZ_MADE(realtime)),
     .weight = 2},
    {FUZZ_STEP(SYS_futex, WORD, FUZZ_ONE_OF(until_then), SMALL, FUZZ_MADE(monotonic), WORD, SMALL),
     .weight = 4},
    {FUZZ_STEP(SYS_futex_waitv, FUZZ_MADE(vector), FUZZ_BELOW(HOSTILE_WORDS + 1), FUZZ_VALUE(0),
               FUZZ_MADE(monotonic), FUZZ_VALUE(CLOCK_MONOTONIC))},
    {.run = change_word, .weight = 2},
};
static const struct fuzz_table table = {.steps = steps, .count = ARRAY_SIZE(steps)};

/* ---- the mutexes ---- */

/* Nothing comes between the two: user code is not interrupted. */
static uint32_t exchange(uint64_t address, uint32_t value)
{
    uint32_t old;

    fuzz_get_user(&old, address, sizeof old);
    fuzz_put_user(address, &value, sizeof value);
    return old;
}

static int futex_call(struct hal_regs *regs, uint64_t address, unsigned operation, uint32_t value)
{
    regs->rdi = address;
    regs->rsi = operation;
    regs->rdx = value;
    regs->r10 = regs->r8 = regs->r9 = 0;
    return fuzz_user_call(regs, SYS_futex);
}

static int enter(struct lane *lane, struct hal_regs *regs, enum state has)
{
    if (++inside_mutex[has == HAS_PI] != 1)
        fuzz_fail("two tasks hold one mutex");
    lane->state = has;
    return fuzz_user_call(regs, SYS_sched_yield);
}

static void leave(enum state had)
{
    inside_mutex[had == HAS_PI]--;
}

/* The mutex of three values: free, locked, locked and waited for. */
static int go_on_plain(struct lane *lane, struct hal_regs *regs)
{
    if (lane->state == WANTS) {
        if (exchange(MUTEX, CONTENDED) == 0)
            return enter(lane, regs, HAS);
        return futex_call(regs, MUTEX, FUTEX_WAIT, CONTENDED);
    }
    leave(HAS);
    lane->state = IDLE;
    if (exchange(MUTEX, 0) == CONTENDED)
        return futex_call(regs, MUTEX, FUTEX_WAKE, 1);
    return fuzz_user_call(regs, SYS_sched_yield);
}

static int go_on_pi(struct lane *lane, struct hal_regs *regs)
{
    const int64_t result = (int64_t)regs->rax;
    uint32_t owner;

    if (lane->state == WANTS_PI) {
        fuzz_get_user(&owner, PI_MUTEX, sizeof owner);
        if (result != 0)
            fuzz_fail("FUTEX_LOCK_PI: %lld", (long long)result);
        if ((owner & FUTEX_TID_MASK) != lane->pid)
            fuzz_fail("a mutex locked by %lld has owner %#x", (long long)lane->pid, owner);
        return enter(lane, regs, HAS_PI);
    }
    if (lane->state == HAS_PI) {
        leave(HAS_PI);
        lane->state = RELEASES_PI;
        return futex_call(regs, PI_MUTEX, FUTEX_UNLOCK_PI, 0);
    }
    if (result != 0)
        fuzz_fail("FUTEX_UNLOCK_PI: %lld", (long long)result);
    lane->state = IDLE;
    return fuzz_user_call(regs, SYS_sched_yield);
}

/* ---- tasks ---- */

static struct lane *lane_of(int64_t pid)
{
    for (unsigned i = 0; i < LANES; i++) {
        if (lanes[i].pid == pid || lanes[i].pid == 0) {
            lanes[i].pid = pid;
            lane_now = i;
            return &lanes[i];
        }
    }
    fuzz_fail("more tasks than were made");
}

static int take_step(struct lane *lane, struct hal_regs *regs)
{
    uint64_t args[6];
    const uint8_t kind = fuzz_u8(&lane->rest) % 8;

    if (kind == 0) {
        lane->state = WANTS;
        if (exchange(MUTEX, LOCKED) == 0)
            return enter(lane, regs, HAS);
        exchange(MUTEX, CONTENDED); /* what it may have been before */
        return fuzz_user_call(regs, SYS_sched_yield);
    }
    if (kind == 1) {
        lane->state = WANTS_PI;
        return futex_call(regs, PI_MUTEX, FUTEX_LOCK_PI, 0);
    }
    const struct fuzz_step *step = fuzz_next_step(&table, &lane->rest, args);
    if (step->run) {
        step->run(&lane->rest);
        return fuzz_user_call(regs, SYS_sched_yield);
    }
    regs->rdi = args[0];
    regs->rsi = args[1];
    regs->rdx = args[2];
    regs->r10 = args[3];
    regs->r8 = args[4];
    regs->r9 = args[5];
    return fuzz_user_call(regs, step->number);
}

static int user(struct hal_regs *regs, struct hal_fault *fault)
{
    struct lane *lane = lane_of(FUZZ_CALL(SYS_gettid));

    (void)fault;
    if (lane->state == WANTS || lane->state == HAS)
        return go_on_plain(lane, regs);
    if (lane->state != IDLE)
        return go_on_pi(lane, regs);
    if (lane->steps++ == 0) {
        const uint64_t cpu = 1u << lane_now % CPUS;
        fuzz_put_user(VECTOR + 4096, &cpu, sizeof cpu);
        FUZZ_CALL(SYS_sched_setaffinity, 0, sizeof cpu, VECTOR + 4096);
    }
    if (lane->rest.size > 0 && lane->steps < STEPS_MAX)
        return take_step(lane, regs);
    regs->rdi = 0;
    return fuzz_user_call(regs, SYS_exit_group);
}

static void body(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {.data = data, .size = size};
    const uint64_t seed = fuzz_u64(&input);
    const unsigned points = 1u << fuzz_u8(&input) % 8;

    inside_mutex[0] = inside_mutex[1] = 0;
    for (unsigned i = 0; i < LANES; i++) {
        const size_t part = input.size / (LANES - i);
        lanes[i] = (struct lane){.rest = {.data = input.data, .size = part}};
        input.data += part;
        input.size -= part;
    }
    fuzz_user(user);
    for (unsigned i = 0; i < LANES; i++)
        fuzz_must(FUZZ_CALL(SYS_clone, CLONE_VM | CLONE_FILES | SIGCHLD, 0), "clone");
    stage_schedule(seed, points);
    fuzz_join_children("a task sleeps that somebody should have woken");
    stage_schedule(0, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_cpus(CPUS);
    fuzz_inside(body, data, size);
    return 0;
}
