/* SPDX-License-Identifier: MIT
 *
 * Queues of pending signals (signal(7), "Queueing and delivery semantics for standard signals").
 *
 * A set bit says that the signal is pending; the queue holds the information of those that have any.
 * A standard signal is queued at most once, a real-time signal once per send. Entries of posix timers
 * belong to their timers; all others are allocated here and counted against RLIMIT_SIGPENDING.
 * Locking: the process's signal lock.
 */
#include "kernel/abi/errno.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/bits.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/signal_internal.h"
#include "kernel/security/cred.h"
#include "kernel/security/user_namespace.h"

void signal_pending_init(struct signal_pending *pending)
{
    pending->set = 0;
    list_init(&pending->queue);
}

static void free_entry(struct process *process, struct signal_info *entry)
{
    list_remove(&entry->node);
    if (entry->owner)
        return;
    if (process)
        process->signals_queued--;
    kfree(entry);
}

static void discard(struct process *process, struct signal_pending *pending, uint64_t set)
{
    struct signal_info *entry, *following;
    if (!(pending->set & set))
        return;
    pending->set &= ~set;
    list_for_each_entry_safe(entry, following, &pending->queue, node)
    {
        if (signal_in(set, entry->info.si_signo))
            free_entry(process, entry);
    }
}

void signal_discard_locked(struct process *process, struct signal_pending *pending, uint64_t set)
{
    discard(process, pending, set);
}

void signal_pending_flush(struct signal_pending *pending)
{
    discard(NULL, pending, ~0ull);
}

static void discard_timer_signals(struct process *process, struct signal_pending *pending)
{
    struct signal_info *entry, *following;
    uint64_t discarded = 0, kept = 0;
    list_for_each_entry_safe(entry, following, &pending->queue, node)
    {
        if (entry->info.si_code != SI_TIMER) {
            kept |= LINUX_SIGMASK(entry->info.si_signo);
            continue;
        }
        discarded |= LINUX_SIGMASK(entry->info.si_signo);
        free_entry(process, entry);
    }
    pending->set &= ~(discarded & ~kept);
}

void signal_discard_timer_signals_locked(struct process *process)
{
    struct task *task;
    discard_timer_signals(process, &process->shared_pending);
    list_for_each_entry(task, &process->tasks, process_node)
        discard_timer_signals(process, &task->pending);
}

static void fill_info(const struct process *process, struct linux_siginfo *out, int signo,
                      const struct linux_siginfo *info)
{
    if (info && info != SIGINFO_KERNEL) {
        *out = *info;
        out->si_signo = signo;
        if (unlikely(process->pid_ns) && signal_has_sender(info) && !signal_sender_is_seen(process))
            out->kill.pid = 0;
        return;
    }
    *out = (struct linux_siginfo){.si_signo = signo};
    if (info == SIGINFO_KERNEL) {
        out->si_code = SI_KERNEL;
    } else {
        out->si_code = SI_USER;
        out->kill.pid = pid_seen_by(process, current_process()->pid);
        out->kill.uid = current_uid_shown(current_cred()->uid);
    }
}

/* Signals that the kernel or kill(2) sends get through without their information if need be. */
static bool may_lose_info(int signo, const struct linux_siginfo *info)
{
    return signo < SIGRTMIN || !info || info == SIGINFO_KERNEL || info->si_code == SI_USER;
}

static bool limit_applies(int signo, const struct linux_siginfo *info)
{
    if (signo >= SIGRTMIN)
        return true;
    return info && info != SIGINFO_KERNEL && info->si_code < 0;
}

int signal_queue_locked(struct process *process, struct signal_pending *pending, int signo,
                        const struct linux_siginfo *info)
{
    struct signal_info *entry = NULL;
    if (!limit_applies(signo, info) ||
        process->signals_queued < process_limit(process, RLIMIT_SIGPENDING))
        entry = kmalloc(sizeof(*entry));
    if (!entry && !may_lose_info(signo, info))
        return -EAGAIN;
    if (entry) {
        entry->owner = NULL;
        fill_info(process, &entry->info, signo, info);
        list_add_tail(&pending->queue, &entry->node);
        process->signals_queued++;
    }
    pending->set |= LINUX_SIGMASK(signo);
    return 0;
}

/* The information of the first entry for a pending signal, which stays pending if there are more. */
static void collect(struct process *process, struct signal_pending *pending, int signo,
                    struct linux_siginfo *out)
{
    struct signal_info *entry, *first = NULL;
    bool more = false;

    list_for_each_entry(entry, &pending->queue, node)
    {
        if (entry->info.si_signo != signo)
            continue;
        if (first) {
            more = true;
            break;
        }
        first = entry;
    }
    if (!more)
        pending->set &= ~LINUX_SIGMASK(signo);
    if (!first) { /* its information was lost for want of memory */
        *out = (struct linux_siginfo){.si_signo = signo, .si_code = SI_USER};
        return;
    }
    *out = first->info;
    list_remove(&first->node);
    if (first->owner)
        posix_timer_taken_locked(first, out);
    else
        free_entry(process, first);
}

static int take_from(struct process *process, struct signal_pending *pending, uint64_t blocked,
                     struct linux_siginfo *out)
{
    uint64_t ready = pending->set & ~blocked;
    if (!ready)
        return 0;
    if (ready & SIGNALS_SYNCHRONOUS)
        ready &= SIGNALS_SYNCHRONOUS;
    int signo = (int)bits_lowest(ready) + 1;
    collect(process, pending, signo, out);
    return signo;
}

int signal_dequeue_locked(struct task *task, uint64_t blocked, struct linux_siginfo *out)
{
    struct process *process = task->process;
    int signo = take_from(process, &task->pending, blocked, out);
    if (!signo) {
        signo = take_from(process, &process->shared_pending, blocked, out);
        if (signo == SIGALRM)
            itimer_real_taken_locked(process);
    }
    if (signo && signal_in(SIGNALS_STOPPING, signo))
        task->stop_dequeued = true;
    return signo;
}
