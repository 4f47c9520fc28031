/* SPDX-License-Identifier: MIT
 *
 * Interval timers (setitimer(2), alarm(2)).
 *
 * ITIMER_REAL is a kernel timer in the process. As in Linux its next interval starts when SIGALRM
 * is taken, not when it is sent, so that a short interval cannot drown a slow process.
 * ITIMER_VIRTUAL and ITIMER_PROF are points in the process's CPU time that cpu_timers.c looks at.
 * Locking: the process's signal lock.
 */
#include "kernel/proc/itimer.h"

#include "kernel/core/clock.h"
#include "kernel/proc/signal_internal.h"
#include "kernel/proc/time.h"

/* ---- ITIMER_REAL ---- */

void itimer_real_fire(struct timer *timer)
{
    struct process *process = container_of(timer, struct process, itimer_real);
    bool irq = spin_lock_irqsave(&process->signal_lock);
    /* A setitimer may have come between expiry and lock. */
    if (process->itimer_real_expires_ns && !process->itimer_real_waits &&
        process->itimer_real_expires_ns <= clock_monotonic_ns()) {
        process->itimer_real_waits = true;
        signal_send_locked(process, NULL, SIGALRM, SIGINFO_KERNEL);
    }
    spin_unlock_irqrestore(&process->signal_lock, irq);
}

void itimer_real_taken_locked(struct process *process)
{
    if (!process->itimer_real_waits)
        return;
    uint64_t interval_ns = process->itimer_real_interval_ns;
    uint64_t late_ns = clock_monotonic_ns() - process->itimer_real_expires_ns;
    process->itimer_real_waits = false;
    if (!interval_ns) {
        process->itimer_real_expires_ns = 0;
        return;
    }
    process->itimer_real_expires_ns = time_add(
        process->itimer_real_expires_ns + late_ns / interval_ns * interval_ns, interval_ns);
    timer_arm(&process->itimer_real, process->itimer_real_expires_ns);
}

static void get_real_locked(struct process *process, struct itimer_setting *out)
{
    uint64_t expires_ns = process->itimer_real_expires_ns, now_ns = clock_monotonic_ns();
    out->interval_ns = process->itimer_real_interval_ns;
    out->value_ns = 0;
    if (expires_ns && !process->itimer_real_waits)
        out->value_ns = expires_ns > now_ns ? expires_ns - now_ns : NSEC_PER_USEC;
}

static void set_real_locked(struct process *process, const struct itimer_setting *setting)
{
    timer_cancel(&process->itimer_real);
    process->itimer_real_waits = false;
    process->itimer_real_interval_ns = 0; /* a stopped timer has none, unlike the CPU timers */
    process->itimer_real_expires_ns = 0;
    if (setting->value_ns) {
        process->itimer_real_interval_ns = setting->interval_ns;
        process->itimer_real_expires_ns = time_add(clock_monotonic_ns(), setting->value_ns);
        timer_arm(&process->itimer_real, process->itimer_real_expires_ns);
    }
}

/* ---- ITIMER_VIRTUAL, ITIMER_PROF ---- */

static void get_cpu_locked(struct process *process, int which, struct itimer_setting *out)
{
    uint64_t expires_ns, now_ns = process_cpu_ns_locked(process, which == ITIMER_VIRTUAL);
    if (which == ITIMER_VIRTUAL) {
        expires_ns = process->itimer_virtual.expires_ns;
        out->interval_ns = process->itimer_virtual.interval_ns;
    } else {
        expires_ns = process->itimer_prof.expires_ns;
        out->interval_ns = process->itimer_prof.interval_ns;
    }
    out->value_ns = !expires_ns ? 0 : expires_ns > now_ns ? expires_ns - now_ns : NSEC_PER_USEC;
}

static void set_cpu_locked(struct process *process, int which, const struct itimer_setting *setting)
{
    uint64_t now_ns = process_cpu_ns_locked(process, which == ITIMER_VIRTUAL);
    uint64_t expires_ns = setting->value_ns ? time_add(now_ns, setting->value_ns) : 0;
    if (which == ITIMER_VIRTUAL) {
        process->itimer_virtual.expires_ns = expires_ns;
        process->itimer_virtual.interval_ns = setting->interval_ns;
    } else {
        process->itimer_prof.expires_ns = expires_ns;
        process->itimer_prof.interval_ns = setting->interval_ns;
    }
    cpu_timers_update_locked(process);
}

/* ---- both ---- */

static void get_locked(struct process *process, int which, struct itimer_setting *out)
{
    if (which == ITIMER_REAL)
        get_real_locked(process, out);
    else
        get_cpu_locked(process, which, out);
}

void itimer_get(int which, struct itimer_setting *out)
{
    struct process *process = current_process();
    bool irq = spin_lock_irqsave(&process->signal_lock);
    get_locked(process, which, out);
    spin_unlock_irqrestore(&process->signal_lock, irq);
}

void itimer_set(int which, const struct itimer_setting *setting, struct itimer_setting *out_old)
{
    struct process *process = current_process();
    bool irq = spin_lock_irqsave(&process->signal_lock);
    get_locked(process, which, out_old);
    if (which == ITIMER_REAL)
        set_real_locked(process, setting);
    else
        set_cpu_locked(process, which, setting);
    spin_unlock_irqrestore(&process->signal_lock, irq);
}
