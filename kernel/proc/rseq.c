/* SPDX-License-Identifier: MIT
 *
 * Restartable sequences (rseq(2), uapi linux/rseq.h as of Linux 6.1: an area of 32 bytes, with CPU
 * numbers but neither NUMA node nor concurrency id).
 *
 * Only the task itself touches its area, on its way to user mode, so there is no lock. What it
 * reads there is user memory: every word is read once and checked, and an abort handler is entered
 * only if the signature before it is the registered one.
 */
#include "kernel/proc/rseq.h"

#include "kernel/abi/errno.h"
#include "kernel/abi/rseq.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/signal.h"

enum { SIGNATURE_BYTES = 4 };

/* A count of switches that no task reaches: the area is due. */
#define SWITCHES_NEVER UINT64_MAX

int rseq_register(uint64_t uaddr, uint32_t bytes, uint32_t signature)
{
    struct task *task = current_task();
    if (task->rseq_uaddr) {
        if (task->rseq_uaddr != uaddr || bytes != task->rseq_bytes)
            return -EINVAL;
        return task->rseq_signature != signature ? -EPERM : -EBUSY;
    }
    if (!IS_ALIGNED(uaddr, _Alignof(struct linux_rseq)) || bytes != RSEQ_ORIG_SIZE)
        return -EINVAL;
    uint64_t end;
    if (add_overflows(uaddr, (uint64_t)bytes, &end) || end > this_kernel()->boot->user_addr_limit)
        return -EFAULT;
    /* What the memory held before is no critical section. */
    const uint64_t section_uaddr = uaddr + offsetof(struct linux_rseq, rseq_cs);
    uint64_t section;
    if (get_user_u64(&section, section_uaddr) || (section && put_user_u64(section_uaddr, 0)))
        return -EFAULT;
    task->rseq_uaddr = uaddr;
    task->rseq_bytes = bytes;
    task->rseq_signature = signature;
    task->rseq_switches = SWITCHES_NEVER;
    return 0;
}

void rseq_forget(struct task *task)
{
    task->rseq_uaddr = 0;
    task->rseq_bytes = task->rseq_signature = 0;
}

static int put_cpu(const struct task *task, uint32_t cpu_start, uint32_t cpu)
{
    const uint32_t fields[2] = {cpu_start, cpu};
    STATIC_ASSERT(offsetof(struct linux_rseq, cpu_id) == sizeof(uint32_t));
    return copy_to_user(task->rseq_uaddr, fields, sizeof(fields));
}

int rseq_unregister(uint64_t uaddr, uint32_t bytes, uint32_t signature)
{
    struct task *task = current_task();
    if (!task->rseq_uaddr || task->rseq_uaddr != uaddr || bytes != task->rseq_bytes)
        return -EINVAL;
    if (task->rseq_signature != signature)
        return -EPERM;
    int error = put_cpu(task, 0, (uint32_t)RSEQ_CPU_ID_UNINITIALIZED);
    if (!error)
        rseq_forget(task);
    return error;
}

void rseq_inherit(struct task *child, const struct task *parent)
{
    child->rseq_uaddr = parent->rseq_uaddr;
    child->rseq_bytes = parent->rseq_bytes;
    child->rseq_signature = parent->rseq_signature;
    child->rseq_switches = SWITCHES_NEVER;
}

/* ---- critical sections ---- */

static int check_section(const struct task *task, const struct linux_rseq_cs *section)
{
    uint64_t limit = this_kernel()->boot->user_addr_limit, end;
    uint32_t signature;
    if (section->version != 0 || section->start_ip >= limit || section->abort_ip >= limit ||
        add_overflows(section->start_ip, section->post_commit_offset, &end) || end >= limit ||
        section->abort_ip - section->start_ip < section->post_commit_offset)
        return -EINVAL;
    if (get_user_u32(&signature, section->abort_ip - SIGNATURE_BYTES))
        return -EFAULT;
    return signature == task->rseq_signature ? 0 : -EINVAL;
}

/* Flags once asked not to be restarted; since 5.19 no flag is allowed. */
static int check_flags(const struct task *task, const struct linux_rseq_cs *section)
{
    uint32_t flags;
    if (section->flags)
        return -EINVAL;
    if (get_user_u32(&flags, task->rseq_uaddr + offsetof(struct linux_rseq, flags)))
        return -EFAULT;
    return flags ? -EINVAL : 0;
}

/* The task was interrupted: if that was in a critical section, go to its abort handler; if it has
 * left the one that it names, forget that. */
static int leave_section(struct task *task)
{
    uint64_t pointer_uaddr = task->rseq_uaddr + offsetof(struct linux_rseq, rseq_cs);
    uint64_t *ip = &task->user.regs.rip, section_uaddr;
    struct linux_rseq_cs section;

    if (get_user_u64(&section_uaddr, pointer_uaddr))
        return -EFAULT;
    if (!section_uaddr)
        return 0;
    if (copy_from_user(&section, section_uaddr, sizeof(section)))
        return -EFAULT;
    int error = check_section(task, &section);
    if (error)
        return error;
    bool inside = *ip - section.start_ip < section.post_commit_offset;
    if (inside)
        error = check_flags(task, &section);
    if (!error)
        error = put_user_u64(pointer_uaddr, 0);
    if (!error && inside)
        *ip = section.abort_ip;
    return error;
}

int rseq_interrupt(struct task *task)
{
    return task->rseq_uaddr ? leave_section(task) : 0;
}

void rseq_resume(struct task *task)
{
    /* Counted before: a page fault below may lose the CPU again, and then all is to be redone. */
    uint64_t switches = task->thread.voluntary_switches + task->thread.involuntary_switches;
    int error = leave_section(task);
    uint32_t cpu = this_cpu()->id;
    if (!error)
        error = put_cpu(task, cpu, cpu);
    task->rseq_switches = switches;
    if (error)
        signal_force(SIGSEGV, SIGINFO_KERNEL);
}
