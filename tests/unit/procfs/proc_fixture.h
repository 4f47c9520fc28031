/* SPDX-License-Identifier: MIT
 *
 * What tests of procfs share: a machine with proc on /p and a process that never runs, for /proc to
 * look at. All must be gone at the end.
 */
#ifndef TESTS_UNIT_PROCFS_PROC_FIXTURE_H
#define TESTS_UNIT_PROCFS_PROC_FIXTURE_H

#include "kernel/fs/file_table.h"
#include "kernel/fs/vfs_internal.h"
#include "kernel/mm/fault_injection.h"
#include "kernel/proc/process_internal.h"
#include "kernel/procfs/proc_internal.h"
#include "kernel/sched/thread.h"
#include "tests/unit/support/kernel_fixture.h"
#include "tests/unit/support/unit.h"

static inline void proc_umount(const char *name)
{
    struct path path;
    ck_assert_int_eq(path_walk(NULL, name, WALK_FOLLOW, &path), 0);
    ck_assert_int_eq(mount_detach(&path, 0), 0);
}

static inline void proc_enter(void *argument)
{
    void (*body)(void) = (void (*)(void))argument;
    struct kernel *kernel = this_kernel();
    struct thread *thread = this_thread();
    ck_assert_int_eq(fs_context_create(kernel, &thread->fs), 0);
    ck_assert_int_eq(file_table_create(&thread->files), 0);
    ck_assert_int_eq(vfs_mkdir(NULL, "/p", 0755), 0);
    ck_assert_int_eq(vfs_mount(kernel, "proc", "/p", "proc", 0, ""), 0);
    body();
    proc_umount("/p");
    ck_assert_int_eq(vfs_rmdir(NULL, "/p"), 0);
    file_table_put(thread->files);
    thread->files = NULL;
    fs_context_put(thread->fs);
    thread->fs = NULL;
    dcache_shrink(kernel->vfs, 0);
}

#define PROC_TEST(name, body)                                                                      \
    START_TEST(name)                                                                               \
    {                                                                                              \
        kernel_fixture_run(1, proc_enter, (void *)(body));                                         \
    }                                                                                              \
    END_TEST

/* ---- files ---- */

static inline struct file *proc_open(const char *name)
{
    struct file *file;
    int error = vfs_open(NULL, name, O_RDONLY, 0, 0, &file);
    ck_assert_msg(error == 0, "open %s: error %d", name, error);
    return file;
}

static inline int proc_open_error(const char *name)
{
    struct file *file;
    int error = vfs_open(NULL, name, O_RDONLY, 0, 0, &file);
    if (error == 0)
        file_put(file);
    return error;
}

static inline int64_t proc_read(struct file *file, char *text, size_t bytes)
{
    struct uio uio;
    uio_init_kernel(&uio, text, bytes);
    return vfs_read(file, &uio, NULL);
}

/* The whole text, at most bytes - 1 of it; its length or the first error. */
static inline int64_t proc_slurp(const char *name, char *text, size_t bytes)
{
    struct file *file;
    int64_t length = 0, got = vfs_open(NULL, name, O_RDONLY, 0, 0, &file);
    text[0] = 0;
    if (got < 0)
        return got;
    while ((got = proc_read(file, text + length, bytes - 1 - (size_t)length)) > 0)
        length += got;
    text[length] = 0;
    file_put(file);
    return got < 0 ? got : length;
}

/* ---- a process ---- */

static inline void proc_no_entry(void *argument)
{
    (void)argument;
}

/* A process with one task, an address space of one page of "data", and descriptor 3 open on /p. */
static inline struct task *proc_fake_process(void)
{
    struct kernel *kernel = this_kernel();
    struct process_table *table = kernel->processes;
    struct task *task;
    struct process *process;
    struct pid_slot *slot;
    struct mm *mm;
    uint64_t address;
    ck_assert_int_eq(task_allocate(kernel, "fake", proc_no_entry, &task), 0);
    ck_assert_int_eq(process_allocate(kernel, &process), 0);
    process_set_default_limits(process);
    ck_assert_int_eq(signal_actions_create(&process->actions), 0);
    task->process = process;
    task->thread.cred = cred_create_root();
    ck_assert_int_eq(fs_context_create(kernel, &task->thread.fs), 0);
    ck_assert_int_eq(file_table_create(&task->thread.files), 0);
    ck_assert_int_eq(mm_create(kernel, &mm), 0);
    struct mm_map_request request = {
        .bytes = 2 * PAGE_SIZE, .vma_flags = VMA_READ | VMA_WRITE | VMA_MAY_READ | VMA_MAY_WRITE};
    mm->limit_as = mm->limit_data = RLIM_INFINITY;
    mm->mmap_base = ALIGN_DOWN(kernel->boot->user_addr_limit / 2, (uint64_t)PAGE_SIZE);
    ck_assert_int_eq(mm_map(mm, &request, &address), 0);
    ck_assert_int_eq(mm_access_remote(mm, address, "arg\0two\0ENV=1\0", 14, true, true), 14);
    mm->arg_start = address;
    mm->arg_end = mm->env_start = address + 8;
    mm->env_end = address + 14;
    task->thread.mm = mm;
    ck_assert_int_eq(pid_alloc(table->pids, NULL, 0, &slot), 0);
    task->tid = task->own_tid = pid_slot_kernel_pid(slot);
    process->pid = process->own_pid = task->thread.tid = task->thread.tgid = task->tid;
    task->thread.start_ns = process->start_ns;

    spin_lock(&table->lock);
    slot->task = task_get(task);
    slot->process = process_get(process);
    process->leader = task;
    list_add_tail(&process->tasks, &task->process_node);
    process->task_count = 1;
    table->task_count++;
    spin_unlock(&table->lock);
    return task;
}

static inline void proc_end_process(struct task *task)
{
    struct process_table *table = this_kernel()->processes;
    struct process *process = task->process;
    struct pid_slot *slot;

    spin_lock(&table->lock);
    slot = pid_slot_find(table, task->tid);
    slot->task = NULL;
    slot->process = NULL;
    task->exiting = task->exited = true;
    process->state = PROCESS_REAPED;
    list_remove(&task->process_node);
    table->task_count--;
    pid_slot_release(table, task->tid);
    spin_unlock(&table->lock);
    mm_put(task->thread.mm);
    task->thread.mm = NULL;
    file_table_put(task->thread.files);
    fs_context_put(task->thread.fs);
    task_put(task); /* the slot's */
    process_put(process);
    task_discard(task);
}

#endif
