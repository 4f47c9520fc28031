/* SPDX-License-Identifier: MIT
 *
 * POSIX per-process timers (timer_create(2), timer_settime(2), timer_getoverrun(2)); and the timers
 * of a process as a whole: creation, exec, exit.
 *
 * A timer owns one signal entry for its life. On expiry the entry is queued; with an interval the
 * next period starts only when the signal is taken, and the periods missed until then are the
 * overrun. Wall-clock timers are wall_timers; timers on CPU clocks are looked at by cpu_timers.c.
 * Locking: the process's signal lock guards everything, and fire takes it; so destroying a timer is
 * two steps: out of the table under the lock, then destroyed without it.
 */
#include "kernel/proc/posix_timers.h"

#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/core/clock.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/strbuf.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/itimer.h"
#include "kernel/proc/signal_internal.h"
#include "kernel/proc/time.h"
#include "kernel/proc/time_namespace.h"
#include "kernel/proc/wall_timer.h"
#include "kernel/security/cred.h"
#include "kernel/security/pid_namespace.h"

enum clock_kind { WALL_MONOTONIC, WALL_REALTIME, CPU_PROCESS, CPU_TASK };

struct posix_timer {
    struct list_node node; /* in posix_timers.newest */
    struct process *process;
    int id, notify, signo, clock;
    enum clock_kind kind;
    bool cpu_user_only;
    struct task *cpu_task;     /* CPU_TASK: whose clock; referenced */
    struct task *target;       /* SIGEV_THREAD_ID: referenced; else NULL */
    struct signal_info *entry; /* entry->owner is this timer */

    struct wall_timer wall;
    bool armed;
    bool waits;          /* expired; goes on when the signal is taken */
    uint64_t expires_ns; /* on its clock (wall.realtime: CLOCK_REALTIME) */
    uint64_t interval_ns;
    uint64_t overrun, overrun_last;
};

struct posix_timers {
    struct xarray timers; /* id -> struct posix_timer */
    struct list newest;   /* the same, the newest first */
    uint64_t cursor;
};

static bool is_cpu(const struct posix_timer *timer)
{
    return timer->kind == CPU_PROCESS || timer->kind == CPU_TASK;
}

static uint64_t now_of(const struct posix_timer *timer)
{
    switch (timer->kind) {
    case CPU_PROCESS:
        return process_cpu_ns_locked(timer->process, timer->cpu_user_only);
    case CPU_TASK:
        return task_cpu_ns(timer->cpu_task, timer->cpu_user_only);
    default:
        return wall_timer_now(&timer->wall);
    }
}

/* ---- expiry ---- */

static void start_locked(struct posix_timer *timer)
{
    timer->armed = true;
    timer->waits = false;
    if (!is_cpu(timer))
        wall_timer_start(&timer->wall, timer->expires_ns, timer->wall.realtime);
}

/* Move the expiry to the first period after now; how many periods that is. */
static uint64_t forward(struct posix_timer *timer, uint64_t now_ns)
{
    if (now_ns < timer->expires_ns)
        return 0;
    uint64_t periods = (now_ns - timer->expires_ns) / timer->interval_ns + 1;
    timer->expires_ns = time_add(timer->expires_ns, periods * timer->interval_ns);
    return periods;
}

static void expire_locked(struct posix_timer *timer)
{
    const uint64_t ignored_step_ns = NSEC_PER_MSEC;

    timer->armed = false;
    timer->overrun = 0;
    if (timer->notify == SIGEV_NONE)
        return;
    int sent = signal_send_entry_locked(timer->process, timer->target, timer->entry);
    if (sent == -EAGAIN)
        timer->entry->info.timer.overrun++; /* still queued from an earlier setting */
    if (!timer->interval_ns)
        return;
    if (sent == 1 || sent == -EAGAIN) {
        timer->waits = true;
    } else if (sent == 0) { /* ignored: keep the rhythm, not faster than is useful */
        uint64_t now_ns = now_of(timer);
        forward(timer, now_ns);
        timer->expires_ns = MAX(timer->expires_ns, time_add(now_ns, ignored_step_ns));
        start_locked(timer);
    }
}

static void posix_timer_fire(struct timer *kernel_timer)
{
    struct posix_timer *timer = container_of(kernel_timer, struct posix_timer, wall.timer);
    bool irq = spin_lock_irqsave(&timer->process->signal_lock);
    if (timer->armed) {
        if (wall_timer_is_due(&timer->wall))
            expire_locked(timer);
        else
            wall_timer_rearm(&timer->wall);
    }
    spin_unlock_irqrestore(&timer->process->signal_lock, irq);
}

void posix_timer_taken_locked(struct signal_info *entry, struct linux_siginfo *info)
{
    struct posix_timer *timer = entry->owner;
    uint64_t overrun = timer->overrun + (uint64_t)(uint32_t)entry->info.timer.overrun;

    entry->info.timer.overrun = 0;
    if (timer->waits) {
        uint64_t periods = forward(timer, now_of(timer));
        overrun += periods ? periods - 1 : 0;
        start_locked(timer);
        if (is_cpu(timer))
            cpu_timers_update_locked(timer->process);
    }
    timer->overrun_last = MIN(overrun, (uint64_t)INT32_MAX);
    info->timer.overrun = (int32_t)timer->overrun_last;
}

uint64_t posix_timers_check_cpu_locked(struct process *process)
{
    struct posix_timer *timer;
    uint64_t id, left_ns = UINT64_MAX;

    if (!process->timers)
        return left_ns;
    xarray_for_each(&process->timers->timers, id, timer)
    {
        if (!is_cpu(timer) || !timer->armed)
            continue;
        uint64_t now_ns = now_of(timer);
        if (now_ns >= timer->expires_ns)
            expire_locked(timer);
        if (timer->armed)
            left_ns = MIN(left_ns, timer->expires_ns - MIN(now_ns, timer->expires_ns));
    }
    return left_ns;
}

/* ---- creation ---- */

static int decode_cpu_clock(struct posix_timer *timer, int clock)
{
    struct process *process = timer->process;
    int pid = clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID
                  ? 0
                  : (int)~((unsigned)clock >> 3 | 0xe0000000u);
    bool thread = clock == CLOCK_THREAD_CPUTIME_ID ||
                  (clock < 0 && ((unsigned)clock & CPUCLOCK_PERTHREAD_MASK));
    if (clock < 0 && ((unsigned)clock & CPUCLOCK_CLOCK_MASK) == CPUCLOCK_FD)
        return -EINVAL;
    timer->cpu_user_only = clock < 0 && ((unsigned)clock & CPUCLOCK_CLOCK_MASK) == CPUCLOCK_VIRT;
    timer->kind = thread ? CPU_TASK : CPU_PROCESS;
    if (!thread)
        return pid == 0 || pid == process->own_pid ? 0 : -EINVAL; /* only the own one */
    struct task *task = pid ? task_find_given(pid) : task_get(current_task());
    if (!task)
        return -EINVAL;
    timer->cpu_task = task;
    return task->process == process ? 0 : -EINVAL;
}

static int decode_clock(struct posix_timer *timer, int clock)
{
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_TAI:
        timer->kind = WALL_REALTIME;
        return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_BOOTTIME:
        timer->kind = WALL_MONOTONIC;
        return 0;
    case CLOCK_REALTIME_ALARM:
    case CLOCK_BOOTTIME_ALARM:
        timer->kind = clock == CLOCK_REALTIME_ALARM ? WALL_REALTIME : WALL_MONOTONIC;
        return capable(CAP_WAKE_ALARM) ? 0 : -EPERM;
    case CLOCK_PROCESS_CPUTIME_ID:
    case CLOCK_THREAD_CPUTIME_ID:
        return decode_cpu_clock(timer, clock);
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_MONOTONIC_COARSE:
        return -EOPNOTSUPP;
    default:
        return clock < 0 ? decode_cpu_clock(timer, clock) : -EINVAL;
    }
}

static int decode_event(struct posix_timer *timer, const struct linux_sigevent *event)
{
    timer->notify = event ? event->sigev_notify : SIGEV_SIGNAL;
    timer->signo = event ? event->sigev_signo : SIGALRM;
    switch (timer->notify) {
    case SIGEV_NONE:
        return 0;
    case SIGEV_SIGNAL:
    case SIGEV_THREAD:
        break;
    case SIGEV_SIGNAL | SIGEV_THREAD_ID:
        timer->target = task_find_given(event->tid);
        if (!timer->target || timer->target->process != timer->process)
            return -EINVAL;
        break;
    default:
        return -EINVAL;
    }
    return signal_number_valid(timer->signo) ? 0 : -EINVAL;
}

static void free_timer(struct posix_timer *timer)
{
    if (timer->cpu_task)
        task_put(timer->cpu_task);
    if (timer->target)
        task_put(timer->target);
    kfree(timer->entry);
    kfree(timer);
}

static int enter_table_locked(struct posix_timer *timer)
{
    struct process *process = timer->process;
    uint64_t id;
    if (process->signals_queued >= process_limit(process, RLIMIT_SIGPENDING))
        return -EAGAIN;
    if (!process->timers) {
        struct posix_timers *timers = kzalloc(sizeof(*timers));
        if (!timers)
            return -ENOMEM;
        xarray_init(&timers->timers, &kmalloc_allocator);
        list_init(&timers->newest);
        process->timers = timers;
    }
    int error = xarray_alloc_cyclic(&process->timers->timers, timer, 0, INT32_MAX,
                                    &process->timers->cursor, &id);
    if (error)
        return error == -ENOSPC ? -EAGAIN : error;
    timer->id = (int)id;
    list_add_head(&process->timers->newest, &timer->node);
    process->signals_queued++; /* the entry */
    return 0;
}

int posix_timer_create(int clock, const struct linux_sigevent *event, int *out_id)
{
    struct process *process = current_process();
    struct posix_timer *timer = kzalloc(sizeof(*timer));
    if (!timer)
        return -EAGAIN;
    timer->process = process;
    timer->clock = clock;
    wall_timer_init(&timer->wall, posix_timer_fire);
    timer->entry = kzalloc(sizeof(*timer->entry));
    int error = timer->entry ? decode_clock(timer, clock) : -EAGAIN;
    if (!error)
        error = decode_event(timer, event);
    if (error)
        goto free;

    timer->entry->owner = timer;
    bool irq = spin_lock_irqsave(&process->signal_lock);
    error = enter_table_locked(timer);
    if (!error) {
        struct linux_siginfo *info = &timer->entry->info;
        info->si_signo = timer->signo;
        info->si_code = SI_TIMER;
        info->timer.tid = timer->id;
        if (event)
            info->timer.value = event->sigev_value;
        else
            info->timer.value.sival_int = timer->id;
    }
    spin_unlock_irqrestore(&process->signal_lock, irq);
    if (error)
        goto free;
    *out_id = timer->id;
    return 0;

free:
    free_timer(timer);
    return error;
}

/* ---- setting ---- */

static struct posix_timer *find_locked(struct process *process, int id)
{
    return process->timers && id >= 0 ? xarray_get(&process->timers->timers, (uint64_t)id) : NULL;
}

static void get_locked(struct posix_timer *timer, struct posix_timer_setting *out)
{
    uint64_t now_ns = now_of(timer), expires_ns = timer->expires_ns;
    out->interval_ns = timer->interval_ns;
    out->value_ns = 0;
    bool silent = timer->notify == SIGEV_NONE && expires_ns && timer->interval_ns;
    if (!timer->armed && !timer->waits && !silent)
        return;
    /* A timer that waits for its signal to be taken shows the period it is in. */
    if (timer->interval_ns && expires_ns <= now_ns && (timer->waits || silent))
        expires_ns += ((now_ns - expires_ns) / timer->interval_ns + 1) * timer->interval_ns;
    out->value_ns = expires_ns > now_ns ? expires_ns - now_ns : timer->notify != SIGEV_NONE;
}

static void set_locked(struct posix_timer *timer, bool absolute,
                       const struct posix_timer_setting *setting)
{
    if (!is_cpu(timer))
        wall_timer_stop(&timer->wall);
    timer->armed = timer->waits = false;
    timer->expires_ns = 0;
    timer->overrun = timer->overrun_last = 0;
    timer->interval_ns = setting->value_ns ? setting->interval_ns : 0;
    if (setting->value_ns) {
        /* A relative time is not moved by setting the clock. */
        timer->wall.realtime = timer->kind == WALL_REALTIME && absolute;
        timer->expires_ns = absolute ? time_namespace_to_kernel_ns(timer->clock, setting->value_ns)
                                     : time_add(now_of(timer), setting->value_ns);
        start_locked(timer);
    }
    if (is_cpu(timer))
        cpu_timers_update_locked(timer->process);
}

int posix_timer_set(int id, bool absolute, const struct posix_timer_setting *setting,
                    struct posix_timer_setting *out_old)
{
    struct process *process = current_process();
    bool irq = spin_lock_irqsave(&process->signal_lock);
    struct posix_timer *timer = find_locked(process, id);
    if (timer) {
        get_locked(timer, out_old);
        set_locked(timer, absolute, setting);
    }
    spin_unlock_irqrestore(&process->signal_lock, irq);
    return timer ? 0 : -EINVAL;
}

int posix_timer_get(int id, struct posix_timer_setting *out)
{
    struct process *process = current_process();
    bool irq = spin_lock_irqsave(&process->signal_lock);
    struct posix_timer *timer = find_locked(process, id);
    if (timer)
        get_locked(timer, out);
    spin_unlock_irqrestore(&process->signal_lock, irq);
    return timer ? 0 : -EINVAL;
}

int posix_timer_overrun(int id)
{
    struct process *process = current_process();
    bool irq = spin_lock_irqsave(&process->signal_lock);
    struct posix_timer *timer = find_locked(process, id);
    int result = timer ? (int)timer->overrun_last : -EINVAL;
    spin_unlock_irqrestore(&process->signal_lock, irq);
    return result;
}

/* ---- /proc/PID/timers ---- */

static void show_locked(const struct posix_timer *timer, struct pid_namespace *ns,
                        struct strbuf *out)
{
    static const char *const notifications[] = {
        [SIGEV_SIGNAL] = "signal", [SIGEV_NONE] = "none", [SIGEV_THREAD] = "thread"};
    bool to_thread = timer->notify & SIGEV_THREAD_ID;
    int tid = timer->target ? timer->target->tid : timer->process->pid, clock = timer->clock;
    if (clock == CLOCK_PROCESS_CPUTIME_ID) /* as the clock of a process or thread, the own one */
        clock = -6;
    else if (clock == CLOCK_THREAD_CPUTIME_ID)
        clock = -2;
    strbuf_printf(out, "ID: %d\nsignal: %d/%016llx\nnotify: %s/%s.%d\nClockID: %d\n", timer->id,
                  timer->signo, (unsigned long long)timer->entry->info.timer.value.sival_ptr,
                  notifications[timer->notify & ~SIGEV_THREAD_ID], to_thread ? "tid" : "pid",
                  pid_number_in(ns, tid), clock);
}

void posix_timers_show(struct process *process, struct pid_namespace *ns, struct strbuf *out)
{
    const struct posix_timer *timer;
    bool irq = spin_lock_irqsave(&process->signal_lock);
    if (process->timers) {
        list_for_each_entry(timer, &process->timers->newest, node) show_locked(timer, ns, out);
    }
    spin_unlock_irqrestore(&process->signal_lock, irq);
}

/* ---- deletion ---- */

/* Out of the table; a signal that is still pending becomes an ordinary one. */
static struct posix_timer *remove_locked(struct process *process, int id)
{
    struct posix_timer *timer = find_locked(process, id);
    if (!timer)
        return NULL;
    xarray_erase(&process->timers->timers, (uint64_t)id);
    list_remove(&timer->node);
    timer->armed = timer->waits = false;
    if (list_node_linked(&timer->entry->node)) {
        timer->entry->owner = NULL;
        timer->entry = NULL; /* freed, and discounted, when it is taken */
    } else {
        process->signals_queued--;
    }
    return timer;
}

static bool delete_timer(struct process *process, int id)
{
    bool irq = spin_lock_irqsave(&process->signal_lock);
    struct posix_timer *timer = remove_locked(process, id);
    spin_unlock_irqrestore(&process->signal_lock, irq);
    if (!timer)
        return false;
    wall_timer_destroy(&timer->wall);
    free_timer(timer);
    return true;
}

int posix_timer_delete(int id)
{
    return delete_timer(current_process(), id) ? 0 : -EINVAL;
}

static void delete_all(struct process *process)
{
    struct posix_timer *timer;
    uint64_t id;
    if (!process->timers)
        return;
    xarray_for_each(&process->timers->timers, id, timer) delete_timer(process, (int)id);
    bool irq = spin_lock_irqsave(&process->signal_lock);
    struct posix_timers *timers = process->timers;
    process->timers = NULL;
    spin_unlock_irqrestore(&process->signal_lock, irq);
    xarray_destroy(&timers->timers);
    kfree(timers);
}

/* ---- the process ---- */

void signal_timers_init(struct process *process)
{
    timer_init(&process->itimer_real, itimer_real_fire);
    timer_init(&process->cpu_check, cpu_timers_fire);
}

void signal_timers_exec(struct process *process)
{
    delete_all(process);
    bool irq = spin_lock_irqsave(&process->signal_lock);
    signal_discard_timer_signals_locked(process);
    cpu_timers_update_locked(process);
    spin_unlock_irqrestore(&process->signal_lock, irq);
}

void signal_timers_exit(struct process *process)
{
    delete_all(process);
    bool irq = spin_lock_irqsave(&process->signal_lock);
    process->itimer_real_expires_ns = process->itimer_real_interval_ns = 0;
    process->itimer_virtual.expires_ns = process->itimer_prof.expires_ns = 0;
    process->timers_closed = true;
    spin_unlock_irqrestore(&process->signal_lock, irq);
    timer_cancel_sync(&process->itimer_real);
    timer_cancel_sync(&process->cpu_check);
}
