/* SPDX-License-Identifier: MIT
 *
 * What tests of pipes, sockets and epoll share: a machine whose test thread has a file system context
 * and a descriptor table of its own, and must leave nothing behind.
 */
#ifndef TESTS_UNIT_IPC_IPC_FIXTURE_H
#define TESTS_UNIT_IPC_IPC_FIXTURE_H

#include "kernel/abi/errno.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/path.h"
#include "kernel/fs/vfs_internal.h"
#include "kernel/lib/atomic.h"
#include "kernel/lib/string.h"
#include "kernel/mm/fault_injection.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/wait.h"
#include "tests/unit/support/kernel_fixture.h"
#include "tests/unit/support/unit.h"

struct ipc_test {
    void (*body)(void *argument);
    void *argument;
};

static inline void ipc_thread_enter(void)
{
    struct thread *thread = this_thread();
    ck_assert_int_eq(fs_context_create(thread->kernel, &thread->fs), 0);
    ck_assert_int_eq(file_table_create(&thread->files), 0);
}

static inline void ipc_thread_leave(void)
{
    struct thread *thread = this_thread();
    file_table_put(thread->files);
    thread->files = NULL;
    fs_context_put(thread->fs);
    thread->fs = NULL;
}

static inline void ipc_test_enter(void *argument)
{
    struct ipc_test *test = argument;
    ipc_thread_enter();
    test->body(test->argument);
    ipc_thread_leave();
    dcache_shrink(this_kernel()->vfs, 0);
}

static inline void ipc_run(unsigned cpus, void (*body)(void *argument), void *argument)
{
    struct ipc_test test = {.body = body, .argument = argument};
    kernel_fixture_run(cpus, ipc_test_enter, &test);
}

/* A Check test that runs body on so many CPUs. */
#define IPC_TEST(name, cpus)                                                                       \
    static void name##_body(void *argument);                                                       \
    START_TEST(name)                                                                               \
    {                                                                                              \
        ipc_run(cpus, name##_body, NULL);                                                          \
    }                                                                                              \
    END_TEST                                                                                       \
    static void name##_body(void *argument UNUSED)

/* ---- short forms ---- */

static inline int64_t put_bytes(struct file *file, const void *data, size_t bytes)
{
    struct uio uio;
    uio_init_kernel(&uio, (void *)(uintptr_t)data, bytes);
    return vfs_write(file, &uio, NULL);
}

static inline int64_t get_bytes(struct file *file, void *data, size_t bytes)
{
    struct uio uio;
    uio_init_kernel(&uio, data, bytes);
    return vfs_read(file, &uio, NULL);
}

static inline void set_nonblock(struct file *file)
{
    atomic_fetch_or_relaxed(&file->flags, (uint32_t)O_NONBLOCK);
}

/* Run call() with the n-th allocation failing, for n = 1, 2, … until none fails. What fails must fail
 * with one of the two errors and leave nothing behind, which the end of the test checks. */
static inline void fail_each_allocation(int (*call)(void), int error_a, int error_b)
{
    struct fault_injection faults;
    struct kernel *kernel = this_kernel();
    for (uint64_t n = 1;; n++) {
        ck_assert_uint_lt(n, 1000);
        faults = (struct fault_injection){.fail_at = n};
        kernel->faults = &faults;
        int error = call();
        kernel->faults = NULL;
        if (error != 0)
            ck_assert_msg(error == error_a || error == error_b, "allocation %d: error %d", (int)n,
                          error);
        if (faults.failed == 0) {
            ck_assert_int_eq(error, 0);
            return;
        }
    }
}

/* ---- other threads of a test ---- */

struct ipc_helper {
    void (*body)(void *argument);
    void *argument;
    uint32_t done;               /* atomic */
    struct wait_queue wait;
};

static inline void ipc_helper_main(void *argument)
{
    struct ipc_helper *helper = argument;
    helper->body(helper->argument);
    atomic_store_seq(&helper->done, 1u);
    wake_all(&helper->wait);
}

static inline void ipc_start(struct ipc_helper *helper, void (*body)(void *argument),
                             void *argument)
{
    helper->body = body;
    helper->argument = argument;
    helper->done = 0;
    wait_queue_init(&helper->wait);
    kernel_fixture_thread("helper", ipc_helper_main, helper);
}

static inline void ipc_join(struct ipc_helper *helper)
{
    wait_event(&helper->wait, atomic_load_seq(&helper->done));
    /* The helper may still hold the queue's lock for the wake-up that we saw coming. */
    bool irq = spin_lock_irqsave(&helper->wait.lock);
    spin_unlock_irqrestore(&helper->wait.lock, irq);
}

#endif
