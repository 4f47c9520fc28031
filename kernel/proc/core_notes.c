/* SPDX-License-Identifier: MIT
 *
 * Core dumps: the PT_NOTE segment. For the task that took the signal NT_PRSTATUS, NT_PRPSINFO,
 * NT_SIGINFO, NT_AUXV, NT_FILE, NT_PRFPREG and NT_X86_XSTATE; for every other one its registers. A
 * debugger takes the first task for the one that failed.
 *
 * Their sizes are known before they are written, so that nothing has to be kept.
 */
#include "kernel/abi/errno.h"
#include "kernel/lib/bits.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/core_internal.h"
#include "kernel/proc/ptrace_internal.h"
#include "kernel/proc/session.h"
#include "kernel/security/cred.h"

enum { FXSAVE_BYTES = 512, NAME_BYTES = 8 };

static uint64_t note_bytes(uint64_t bytes)
{
    return sizeof(struct linux_elf64_nhdr) + NAME_BYTES + ALIGN_UP(bytes, (uint64_t)4);
}

static bool has_xstate(void)
{
    return hal_fpu_size() > FXSAVE_BYTES;
}

static size_t auxv_bytes(const struct mm *mm)
{
    size_t words = 0;
    do
        words += 2;
    while (mm->auxv[words - 2] && words < ARRAY_SIZE(mm->auxv));
    return words * sizeof(mm->auxv[0]);
}

uint64_t core_notes_bytes(const struct core *core)
{
    uint64_t each = note_bytes(sizeof(struct linux_elf_prstatus)) + note_bytes(FXSAVE_BYTES);
    if (has_xstate())
        each += note_bytes(hal_fpu_size());
    return core->task_count * each + note_bytes(sizeof(struct linux_elf_prpsinfo)) +
           note_bytes(sizeof(struct linux_siginfo)) + note_bytes(auxv_bytes(core->mm)) +
           note_bytes(core->files_bytes);
}

/* The names are CORE and, for what only Linux has, LINUX: each in two words. */
static int put_note(struct core *core, uint32_t type, const void *bytes, size_t count)
{
    const char *name = type == NT_X86_XSTATE ? "LINUX\0\0" : "CORE\0\0\0";
    struct linux_elf64_nhdr header = {
        .n_namesz = (uint32_t)kstrlen(name) + 1, .n_descsz = (uint32_t)count, .n_type = type};
    const uint32_t zero = 0;

    int error = core_emit(core, &header, sizeof(header));
    if (!error)
        error = core_emit(core, name, NAME_BYTES);
    if (!error)
        error = core_emit(core, bytes, count);
    if (!error && count % 4)
        error = core_emit(core, &zero, 4 - count % 4);
    return error;
}

/* ---- numbers ---- */

struct numbers {
    int ppid, pgid, sid;
};

static struct numbers numbers_of(struct process *process)
{
    struct numbers numbers = {0};
    spin_lock(process_tree_lock(process->kernel));
    if (process->parent)
        numbers.ppid = pid_seen_by(process, process->parent->pid);
    if (process->group) {
        numbers.pgid = pid_seen_by(process, process->group->pgid);
        numbers.sid = pid_seen_by(process, process->group->session->sid);
    }
    spin_unlock(process_tree_lock(process->kernel));
    return numbers;
}

static void put_time(int64_t out[2], struct linux_timeval time)
{
    out[0] = time.tv_sec;
    out[1] = time.tv_usec;
}

static int write_status(struct core *core, struct task *task)
{
    struct process *process = task->process;
    struct numbers numbers = numbers_of(process);
    struct linux_rusage usage, children;
    struct linux_elf_prstatus status = {
        .si_signo = core->info->si_signo,
        .si_code = core->info->si_code,
        .si_errno = core->info->si_errno,
        .pr_cursig = (int16_t)core->info->si_signo,
        .pr_sigpend = task->pending.set,
        .pr_sighold = task->blocked,
        .pr_pid = task->own_tid,
        .pr_ppid = numbers.ppid,
        .pr_pgrp = numbers.pgid,
        .pr_sid = numbers.sid,
        .pr_fpvalid = 1,
    };
    process_usage(process, task, task == process->leader ? USAGE_SELF : USAGE_THREAD, &usage);
    process_usage(process, task, USAGE_CHILDREN, &children);
    put_time(status.pr_utime, usage.ru_utime);
    put_time(status.pr_stime, usage.ru_stime);
    put_time(status.pr_cutime, children.ru_utime);
    put_time(status.pr_cstime, children.ru_stime);
    ptrace_get_regs(task, &status.pr_reg);
    return put_note(core, NT_PRSTATUS, &status, sizeof(status));
}

/* ---- the process ---- */

static void put_arguments(struct mm *mm, char *out, size_t bytes)
{
    uint64_t length = MIN(mm->arg_end - mm->arg_start, (uint64_t)bytes - 1);
    int64_t got = mm_access_remote(mm, mm->arg_start, out, length, false, true);
    for (int64_t i = 0; i < got; i++) {
        if (!out[i])
            out[i] = ' ';
    }
}

static int write_process(struct core *core)
{
    struct task *task = core->task;
    const struct cred *cred = task->thread.cred;
    struct numbers numbers = numbers_of(task->process);
    struct linux_elf_prpsinfo info = {
        .pr_sname = 'R',
        .pr_uid = cred->uid,
        .pr_gid = cred->gid,
        .pr_pid = task->process->own_pid,
        .pr_ppid = numbers.ppid,
        .pr_pgrp = numbers.pgid,
        .pr_sid = numbers.sid,
    };
    memcpy(info.pr_fname, task->thread.name, sizeof(info.pr_fname));
    put_arguments(core->mm, info.pr_psargs, sizeof(info.pr_psargs));
    return put_note(core, NT_PRPSINFO, &info, sizeof(info));
}

static int write_common(struct core *core)
{
    int error = write_process(core);
    if (!error)
        error = put_note(core, NT_SIGINFO, core->info, sizeof(*core->info));
    if (!error)
        error = put_note(core, NT_AUXV, core->mm->auxv, auxv_bytes(core->mm));
    if (!error)
        error = put_note(core, NT_FILE, core->files, core->files_bytes);
    return error;
}

/* ---- floating point ---- */

static int write_fpu(struct core *core, struct task *task, char *area)
{
    ptrace_get_xstate(task, area);
    int error = put_note(core, NT_PRFPREG, area, FXSAVE_BYTES);
    if (!error && has_xstate())
        error = put_note(core, NT_X86_XSTATE, area, hal_fpu_size());
    return error;
}

int core_write_notes(struct core *core)
{
    char *area = kmalloc(MAX(hal_fpu_size(), (size_t)FXSAVE_BYTES));
    int error = area ? 0 : -ENOMEM;
    for (size_t i = 0; i < core->task_count && !error; i++) {
        error = write_status(core, core->tasks[i]);
        if (!error && i == 0)
            error = write_common(core);
        if (!error)
            error = write_fpu(core, core->tasks[i], area);
    }
    kfree(area);
    return error;
}
