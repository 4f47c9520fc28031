/* SPDX-License-Identifier: MIT */
/*
 * Cases in processes (sim/scenario/pool.h). Each running case has a slot in shared memory, where
 * its process leaves the result. The parent sleeps in sigtimedwait(2).
 */
#include "sim/scenario/pool.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct slot {
    pid_t pid; /* 0: free */
    uint64_t number;
    struct timespec started;
    bool too_long;
    struct run_result *result; /* shared */
};

struct pool {
    const struct pool_config *config;
    struct slot *slots;
    struct run_result *results;
    uint64_t begun;
    unsigned running;
    bool enough;
    sigset_t signals, old_signals;
};

static int ending_signal;

int pool_signal(void)
{
    return ending_signal;
}

static size_t results_bytes(const struct pool *pool)
{
    return pool->config->jobs * sizeof(pool->results[0]);
}

static int pool_open(struct pool *pool)
{
    pool->slots = calloc(pool->config->jobs, sizeof(pool->slots[0]));
    pool->results =
        mmap(NULL, results_bytes(pool), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (pool->slots == NULL || pool->results == MAP_FAILED) {
        free(pool->slots);
        return -ENOMEM;
    }
    for (unsigned i = 0; i < pool->config->jobs; i++) {
        pool->slots[i].result = &pool->results[i];
    }
    sigemptyset(&pool->signals);
    sigaddset(&pool->signals, SIGCHLD);
    sigaddset(&pool->signals, SIGINT);
    sigaddset(&pool->signals, SIGTERM);
    sigaddset(&pool->signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &pool->signals, &pool->old_signals);
    return 0;
}

static void kill_all(struct pool *pool)
{
    for (unsigned i = 0; i < pool->config->jobs; i++) {
        if (pool->slots[i].pid != 0) {
            kill(pool->slots[i].pid, SIGKILL);
            waitpid(pool->slots[i].pid, NULL, 0);
            pool->slots[i].pid = 0;
        }
    }
    pool->running = 0;
}

static void pool_close(struct pool *pool)
{
    kill_all(pool);
    sigprocmask(SIG_SETMASK, &pool->old_signals, NULL);
    munmap(pool->results, results_bytes(pool));
    free(pool->slots);
}

static int start(struct pool *pool, struct slot *slot)
{
    const struct pool_config *config = pool->config;
    const uint64_t step = config->step == 0 ? 1 : config->step;

    slot->number = config->first + pool->begun * step;
    slot->too_long = false;
    *slot->result = (struct run_result){.outcome = RUN_FAILED,
                                        .message = "the simulator ended without a result"};
    clock_gettime(CLOCK_MONOTONIC, &slot->started);
    fflush(NULL);
    const pid_t parent = getpid(), pid = fork();
    if (pid < 0) {
        return -errno;
    }
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) {
            _exit(1);
        }
        sigprocmask(SIG_SETMASK, &pool->old_signals, NULL);
        config->work(config->context, slot->number, slot->result);
        _exit(0);
    }
    slot->pid = pid;
    pool->begun++;
    pool->running++;
    return 0;
}

static int start_some(struct pool *pool)
{
    for (unsigned i = 0; i < pool->config->jobs; i++) {
        if (pool->slots[i].pid == 0 && !pool->enough && pool->begun < pool->config->count) {
            int error = start(pool, &pool->slots[i]);
            if (error != 0) {
                return error;
            }
        }
    }
    return 0;
}

static void finish(struct pool *pool, struct slot *slot, int status)
{
    struct run_result result = *slot->result;

    if (slot->too_long) {
        result.outcome = RUN_FAILED;
        snprintf(result.message, sizeof(result.message),
                 "the simulator ran for %u s of host time without an end", pool->config->timeout_s);
    } else if (WIFSIGNALED(status)) {
        result.outcome = RUN_FAILED;
        snprintf(result.message, sizeof(result.message), "the simulator died: %s",
                 strsignal(WTERMSIG(status)));
    }
    slot->pid = 0;
    pool->running--;
    if (!pool->enough && !pool->config->finished(pool->config->context, slot->number, &result)) {
        pool->enough = true;
    }
}

static void reap(struct pool *pool)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (unsigned i = 0; i < pool->config->jobs; i++) {
            if (pool->slots[i].pid == pid) {
                finish(pool, &pool->slots[i], status);
            }
        }
    }
}

static void end_late_ones(struct pool *pool)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    for (unsigned i = 0; i < pool->config->jobs; i++) {
        struct slot *slot = &pool->slots[i];
        if (slot->pid != 0 && pool->config->timeout_s > 0 &&
            now.tv_sec - slot->started.tv_sec > (time_t)pool->config->timeout_s) {
            slot->too_long = true;
            kill(slot->pid, SIGKILL);
        }
    }
}

int pool_run(const struct pool_config *config)
{
    struct pool pool = {.config = config};
    int error = pool_open(&pool);

    if (error != 0) {
        return error;
    }
    error = start_some(&pool);
    while (error == 0 && pool.running > 0) {
        static const struct timespec second = {.tv_sec = 1};
        int signal = sigtimedwait(&pool.signals, NULL, &second);
        if (signal > 0 && signal != SIGCHLD) {
            ending_signal = signal;
            error = -EINTR;
            break;
        }
        reap(&pool);
        end_late_ones(&pool);
        error = start_some(&pool);
    }
    pool_close(&pool);
    return error;
}

/* For one case. */
struct single {
    void (*work)(void *context, uint64_t number, struct run_result *out);
    void *context;
    struct run_result *out;
};

static void work_single(void *context, uint64_t number, struct run_result *out)
{
    const struct single *single = context;

    single->work(single->context, number, out);
}

static bool finished_single(void *context, uint64_t number, const struct run_result *result)
{
    const struct single *single = context;

    (void)number;
    *single->out = *result;
    return false;
}

int pool_run_one(void (*work)(void *context, uint64_t number, struct run_result *out),
                 void *context, uint64_t number, unsigned timeout_s, struct run_result *out)
{
    struct single single = {work, context, out};
    const struct pool_config config = {
        .first = number,
        .count = 1,
        .jobs = 1,
        .timeout_s = timeout_s,
        .context = &single,
        .work = work_single,
        .finished = finished_single,
    };

    return pool_run(&config);
}
