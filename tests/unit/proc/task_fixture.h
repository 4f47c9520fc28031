/* SPDX-License-Identifier: MIT
 *
 * Tests that run as user tasks: a machine with an init that never runs and, as its child, a process
 * whose main task is the test. The task has an address space with USER_BYTES of memory, credentials,
 * files and everything else but user code: it calls the kernel's functions as a system call would.
 *
 *     static void body(void) { ck_assert_int_eq(signal_send_process(current_process(), ...), 0); }
 *     TASK_TEST(name, cpus, body)
 */
#ifndef TESTS_UNIT_PROC_TASK_FIXTURE_H
#define TESTS_UNIT_PROC_TASK_FIXTURE_H

#include "kernel/abi/errno.h"
#include "kernel/abi/sched.h"
#include "kernel/abi/wait.h"
#include "kernel/core/clock.h"
#include "kernel/fs/file_table.h"
#include "kernel/fs/path.h"
#include "kernel/fs/vfs.h"
#include "kernel/fs/vfs_internal.h"
#include "kernel/lib/string.h"
#include "kernel/mm/fault_injection.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/process_internal.h"
#include "kernel/proc/session_internal.h"
#include "kernel/proc/signal.h"
#include "kernel/sched/wait.h"
#include "kernel/security/cred.h"
#include "tests/unit/support/kernel_fixture.h"
#include "tests/unit/support/unit.h"

enum { USER_ADDRESS = 0x10000000, USER_BYTES = 16 * PAGE_SIZE };

static inline void task_fixture_never_runs(void *argument)
{
    (void)argument;
}

/* A process with one task that is not started yet, in no tree. */
static inline struct task *task_fixture_process(const char *name, void (*entry)(void *))
{
    struct kernel *kernel = this_kernel();
    struct task *task;
    struct process *process;
    ck_assert_int_eq(task_allocate(kernel, name, entry, &task), 0);
    ck_assert_int_eq(process_allocate(kernel, &process), 0);
    task->process = process;
    process->leader = task;
    process->exit_signal = SIGCHLD;
    process_set_default_limits(process);
    ck_assert_int_eq(signal_actions_create(&process->actions), 0);
    task->thread.cred = cred_create_root();
    ck_assert_ptr_nonnull(task->thread.cred);
    return task;
}

static inline void task_fixture_publish(struct task *task, struct process *parent,
                                        struct process_group *group)
{
    struct process_table *table = this_kernel()->processes;
    struct process *process = task->process;
    struct pid_slot *slot;
    ck_assert_int_eq(pid_alloc(table->pids, NULL, 0, &slot), 0);
    task->tid = task->own_tid = pid_slot_kernel_pid(slot);
    process->pid = process->own_pid = task->thread.tid = task->thread.tgid = task->tid;
    spin_lock(&table->lock);
    slot->task = task_get(task);
    slot->process = process_get(process);
    list_add_tail(&process->tasks, &task->process_node);
    process->task_count = 1;
    table->task_count++;
    if (parent) {
        process->parent = process_get(parent);
        list_add_tail(&parent->children, &process->sibling_node);
        process_join_group_locked(process, group);
    }
    spin_unlock(&table->lock);
}

static inline struct task *task_fixture_make_init(void)
{
    struct process_table *table = this_kernel()->processes;
    struct task *init = task_fixture_process("init", task_fixture_never_runs);
    task_fixture_publish(init, NULL, NULL);
    struct session *session = session_create(init->tid);
    struct process_group *group = process_group_create(init->tid);
    ck_assert(session && group);
    spin_lock(&table->lock);
    session->leader = init->process;
    session_publish_locked(table, session);
    process_group_publish_locked(table, group, session);
    process_join_group_locked(init->process, group);
    init->process->is_init = init->process->is_unkillable = true;
    table->init = init->process;
    spin_unlock(&table->lock);
    process_group_put(group);
    session_put(session);
    return init;
}

static inline void task_fixture_end_init(struct task *init)
{
    struct process_table *table = this_kernel()->processes;
    struct process *process = init->process;

    bool irq = spin_lock_irqsave(&process->signal_lock);
    signal_pending_flush(&process->shared_pending);
    signal_pending_flush(&init->pending);
    spin_unlock_irqrestore(&process->signal_lock, irq);
    spin_lock(&table->lock);
    process_leave_group_locked(table, process);
    struct pid_slot *slot = pid_slot_find(table, init->tid);
    slot->task = NULL;
    slot->process = NULL;
    list_remove(&init->process_node);
    table->task_count--;
    table->init = NULL;
    pid_slot_release(table, init->tid);
    spin_unlock(&table->lock);
    task_put(init); /* the slot's */
    process_put(process);
    task_discard(init);
}

static inline void task_fixture_give_memory(struct task *task)
{
    struct kernel *kernel = this_kernel();
    struct mm *mm;
    uint64_t address;
    ck_assert_int_eq(fs_context_create(kernel, &task->thread.fs), 0);
    ck_assert_int_eq(file_table_create(&task->thread.files), 0);
    ck_assert_int_eq(mm_create(kernel, &mm), 0);
    mm->limit_as = mm->limit_data = RLIM_INFINITY;
    mm->mmap_base = ALIGN_DOWN(kernel->boot->user_addr_limit / 2, (uint64_t)PAGE_SIZE);
    const struct mm_map_request request = {
        .addr = USER_ADDRESS,
        .bytes = USER_BYTES,
        .vma_flags = VMA_READ | VMA_WRITE | VMA_MAY_READ | VMA_MAY_WRITE,
        .fixed = true,
    };
    ck_assert_int_eq(mm_map(mm, &request, &address), 0);
    task->thread.mm = mm;
    task->thread.aspace = task->user.aspace = mm->aspace;
}

static inline void task_fixture_main(void *argument)
{
    struct task *task = argument;
    void (*body)(void) = (void (*)(void))(uintptr_t)task->restart_args.args[0];
    body();
    task_exit(0);
}

/* The tree of processes changes under the table's lock. */
static inline bool task_fixture_is_alive(struct process *process)
{
    struct process_table *table = this_kernel()->processes;
    spin_lock(&table->lock);
    bool alive = process->state == PROCESS_ALIVE;
    spin_unlock(&table->lock);
    return alive;
}

static inline bool task_fixture_has_exited(struct task *task)
{
    struct process_table *table = this_kernel()->processes;
    spin_lock(&table->lock);
    bool exited = task->exited;
    spin_unlock(&table->lock);
    return exited;
}

static inline void task_fixture_enter(void *argument)
{
    struct task *init = task_fixture_make_init();
    struct task *task = task_fixture_process("main", task_fixture_main);
    struct process *process = process_get(task->process);

    task_fixture_publish(task, init->process, init->process->group);
    task_fixture_give_memory(task);
    task->restart_args.args[0] = (uintptr_t)argument;
    thread_start(&task->thread);
    while (task_fixture_is_alive(process))
        kernel_fixture_sleep_ns(100000);
    ck_assert_int_eq(process->exit_status, 0);
    process_reap(process);
    process_put(process);
    task_fixture_end_init(init);
    dcache_shrink(this_kernel()->vfs, 0);
}

#define TASK_TEST(name, cpus, body)                                                                \
    START_TEST(name)                                                                               \
    {                                                                                              \
        kernel_fixture_run(cpus, task_fixture_enter, (void *)(body));                              \
    }                                                                                              \
    END_TEST

/* ---- for bodies ---- */

/* Another thread of the process (or, without CLONE_THREAD, another process) runs entry(task) and
 * then leaves by itself; it is given a reference that the caller drops. */
static inline struct task *start_task(uint64_t flags, void (*entry)(void *))
{
    const struct clone_args args = {
        .flags = flags,
        .exit_signal = (flags & CLONE_THREAD) ? 0 : SIGCHLD,
    };
    struct task *task;
    ck_assert_int_eq(task_create(&args, entry, &task), 0);
    task_get(task);
    thread_start(&task->thread);
    return task;
}

enum { THREAD_FLAGS = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD };

static inline struct task *start_thread(void (*entry)(void *))
{
    return start_task(THREAD_FLAGS, entry);
}

static inline void await_exit(struct task *task)
{
    while (!task_fixture_has_exited(task))
        kernel_fixture_sleep_ns(100000);
    task_put(task);
}

static inline void await_state(const struct task *task, enum thread_state state)
{
    while (atomic_load_acquire(&task->thread.state) != state ||
           atomic_load_acquire(&task->thread.on_cpu))
        kernel_fixture_sleep_ns(100000);
}

static inline uint32_t user_word(uint64_t uaddr)
{
    uint32_t value = 0;
    ck_assert_int_eq(get_user_u32(&value, uaddr), 0);
    return value;
}

static inline void set_user_word(uint64_t uaddr, uint32_t value)
{
    ck_assert_int_eq(put_user_u32(uaddr, value), 0);
}

/* Make the n-th allocation from now on fail; 0: none any more. */
static inline void fail_allocation(struct fault_injection *faults, uint64_t n)
{
    memset(faults, 0, sizeof(*faults));
    faults->fail_at = n;
    this_kernel()->faults = n ? faults : NULL;
}

#endif
