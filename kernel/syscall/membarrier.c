/* SPDX-License-Identifier: MIT
 *
 * membarrier(2): a memory barrier on every CPU that runs a thread of the process (or any thread).
 *
 * Each CPU concerned is interrupted. The interrupt takes its work word with an atomic exchange,
 * which is the barrier; the bit set here is gone when that has happened. A CPU that starts to run
 * such a thread only after the look at it has gone through the scheduler's locks meanwhile, which
 * order the same accesses.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "kernel/core/kernel.h"
#include "kernel/lib/atomic.h"
#include "kernel/mm/mm.h"
#include "kernel/sched/thread.h"
#include "kernel/syscall/syscalls.h"

/* In cpu->work, beside enum cpu_work: nothing to do, but the sender sees it go. */
enum { CPU_WORK_BARRIER = 1 << 30 };

enum {
    COMMANDS =
        MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED |
        MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED |
        MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE |
        MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE |
        MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ,
};

enum { CPU_ANY = -1 };

enum who { WHO_EVERYONE, WHO_REGISTERED, WHO_SAME_MM };

static bool is_concerned(struct cpu *cpu, struct mm *mm, enum who who)
{
    /* The pointers are only compared or looked at while the CPU may switch: the thread itself is
     * not kept, so only the mm that this CPU has active is used. */
    struct hal_aspace *aspace = atomic_load_acquire(&cpu->aspace);
    return who == WHO_SAME_MM ? aspace == mm->aspace : aspace != NULL;
}

/* `only`: CPU_ANY or the one CPU to look at; `work`: what else those CPUs do. */
static void barrier_with_work(struct mm *mm, enum who who, int only, unsigned work)
{
    struct kernel *kernel = this_kernel();
    uint64_t waiting = 0;
    atomic_fence_seq();
    for (unsigned id = 0; id < kernel->cpu_count; id++) {
        struct cpu *cpu = kernel->cpus[id];
        if (!cpu || cpu == this_cpu() || !is_concerned(cpu, mm, who) ||
            (only != CPU_ANY && id != (unsigned)only))
            continue;
        cpu_request(cpu, CPU_WORK_BARRIER | work);
        waiting |= 1ull << id;
    }
    for (unsigned id = 0; id < kernel->cpu_count; id++) {
        while ((waiting >> id & 1) &&
               (atomic_load_acquire(&kernel->cpus[id]->work) & CPU_WORK_BARRIER)) {
            /* Interrupts for this CPU are delivered here: it may be someone else's target. */
            hal_irq_restore(hal_irq_save());
            hal_cpu_relax();
        }
    }
    atomic_fence_seq();
}

static void barrier_on_cpus(struct mm *mm, enum who who)
{
    barrier_with_work(mm, who, CPU_ANY, 0);
}

/* No thread of the process goes on with a critical section that it is in now. The caller's own
 * thread is in none. */
static int64_t restart_sections(struct mm *mm, uint32_t flags, int cpu)
{
    if (flags & ~(uint32_t)MEMBARRIER_CMD_FLAG_CPU)
        return -EINVAL;
    if (!(atomic_load_relaxed(&mm->membarrier) & MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ))
        return -EPERM;
    int only = flags & MEMBARRIER_CMD_FLAG_CPU ? MAX(cpu, CPU_ANY) : CPU_ANY;
    barrier_with_work(mm, WHO_SAME_MM, only, CPU_WORK_PREEMPTED);
    return 0;
}

static int64_t if_registered(struct mm *mm, uint32_t registration)
{
    if (!(atomic_load_relaxed(&mm->membarrier) & registration))
        return -EPERM;
    barrier_on_cpus(mm, WHO_SAME_MM);
    return 0;
}

int64_t sys_membarrier(int command, uint32_t flags, int cpu)
{
    struct mm *mm = this_thread()->mm;
    if (command == MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ)
        return restart_sections(mm, flags, cpu);
    if (flags)
        return -EINVAL;
    switch (command) {
    case MEMBARRIER_CMD_QUERY:
        return COMMANDS;
    case MEMBARRIER_CMD_GLOBAL:
        barrier_on_cpus(mm, WHO_EVERYONE);
        return 0;
    case MEMBARRIER_CMD_GLOBAL_EXPEDITED:
        barrier_on_cpus(mm, WHO_REGISTERED);
        return 0;
    case MEMBARRIER_CMD_PRIVATE_EXPEDITED:
        return if_registered(mm, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
    case MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE:
        return if_registered(mm, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE);
    case MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED:
    case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
    case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
    case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ:
        atomic_fetch_or_seq(&mm->membarrier, (uint32_t)command);
        barrier_on_cpus(mm, WHO_SAME_MM);
        return 0;
    default:
        return -EINVAL;
    }
}
