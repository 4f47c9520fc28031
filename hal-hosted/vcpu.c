/* SPDX-License-Identifier: MIT
 *
 * vCPUs: host threads, their interrupt mask, pending bits, idling and starting (hal/cpu.h).
 *
 * Waking without loss: a kick first sets a bit in vcpu->pending and then looks at vcpu->state; the
 * vCPU first announces in vcpu->state where it is going to sleep and then looks at pending (for
 * idle the futex call itself does that look). Both sides are sequentially consistent, so at least
 * one sees the other.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "hal-hosted/engine/engine.h"
#include "hal-hosted/machine_internal.h"
#include "hal-hosted/turns_internal.h"
#include "hal-hosted/world/world_internal.h"
#include "hal/cpu.h"
#include "hal/kernel_on.h"
#include "hal/time.h"

/* irq_restore and hal_user_run look at the clock once in this many calls. */
enum { POLLS_PER_CLOCK_READ = 16 };

uint32_t hosted_worlds;
uint32_t hosted_turns;

/* The only thread-local state of the backend. */
static __thread struct vcpu *this_vcpu __attribute__((tls_model("initial-exec")));

/* Not inlined and not pure, so that no caller can keep an older answer. */
__attribute__((noinline)) struct vcpu *vcpu_current(void)
{
    struct vcpu *vcpu = this_vcpu;

    __asm__ volatile("" : "+r"(vcpu) : : "memory");
    return vcpu;
}

/* --- interrupts --- */

void vcpu_kick(struct vcpu *vcpu, uint32_t bits)
{
    uint32_t old = __atomic_fetch_or(&vcpu->pending, bits, __ATOMIC_SEQ_CST);

    if ((old & bits) == bits) {
        return; /* who set it wakes */
    }
    switch (__atomic_load_n(&vcpu->state, __ATOMIC_SEQ_CST)) {
    case VCPU_IDLE:
        if (vcpu->sim) {
            world_wake(vcpu->sim);
        } else if (!vcpu->takes_turns) {
            host_futex_wake(&vcpu->pending);
        }
        break;
    case VCPU_USER:
        vcpu->machine->engine->kick(vcpu);
        break;
    default:
        break;
    }
}

void vcpu_check_deadline(struct vcpu *vcpu)
{
    if (vcpu->deadline_ns != UINT64_MAX && machine_now_ns(vcpu->machine) >= vcpu->timer_ns) {
        __atomic_fetch_or(&vcpu->pending, VCPU_PENDING_TIMER, __ATOMIC_RELAXED);
    }
}

void vcpu_poll(struct vcpu *vcpu)
{
    if (__builtin_expect(vcpu->sim != NULL, 0)) {
        world_cpu_poll(vcpu);
        return;
    }
    if (++vcpu->polls % POLLS_PER_CLOCK_READ == 0) {
        vcpu_check_deadline(vcpu);
    }
    if (__atomic_load_n(&vcpu->pending, __ATOMIC_RELAXED)) {
        vcpu_deliver(vcpu);
    }
}

/* What only vCPUs of a world have. */
static void deliver_simulated(struct vcpu *vcpu, uint32_t bits)
{
    if (bits & VCPU_PENDING_SCRIPT) {
        world_script_deliver(vcpu->machine);
    }
    if (bits & VCPU_PENDING_PREEMPT && kernel_on_preempt) {
        kernel_on_preempt();
    }
}

void vcpu_deliver(struct vcpu *vcpu)
{
    uint32_t bits = __atomic_exchange_n(&vcpu->pending, 0, __ATOMIC_ACQ_REL);

    if (bits & VCPU_PENDING_STOP) {
        context_leave(vcpu);
    }
    vcpu->irq_enabled = false;
    if (vcpu->sim) {
        world_note_interrupts(vcpu, bits);
    }
    if (bits & VCPU_PENDING_DEVICE) {
        device_deliver(vcpu->machine);
    }
    if (vcpu->sim) {
        deliver_simulated(vcpu, bits);
    }
    if (bits & VCPU_PENDING_TIMER) {
        vcpu->deadline_ns = UINT64_MAX;
        clock_refine(vcpu->machine);
        kernel_on_timer();
    }
    if (bits & VCPU_PENDING_IPI) {
        kernel_on_ipi();
    }
    if (bits & VCPU_PENDING_INPUT) {
        kernel_on_console_input();
    }
    if (bits & VCPU_PENDING_WRITABLE) {
        kernel_on_console_writable();
    }
    if (bits & VCPU_PENDING_RESIZE) {
        kernel_on_console_resize();
    }
    if (bits & VCPU_PENDING_POWER) {
        kernel_on_power_button();
    }
    vcpu->irq_enabled = true;
}

bool hal_irq_save(void)
{
    struct vcpu *vcpu = vcpu_current();
    bool were_enabled = vcpu->irq_enabled;

    vcpu->irq_enabled = false;
    return were_enabled;
}

void hal_irq_restore(bool were_enabled)
{
    if (were_enabled) {
        hal_irq_enable();
    }
}

void hal_irq_enable(void)
{
    struct vcpu *vcpu = vcpu_current();

    vcpu->irq_enabled = true;
    vcpu_poll(vcpu);
}

void hal_irq_disable(void)
{
    vcpu_current()->irq_enabled = false;
}

bool hal_irq_enabled(void)
{
    return vcpu_current()->irq_enabled;
}

void hal_timer_arm(uint64_t deadline_ns)
{
    struct vcpu *vcpu = vcpu_current();

    if (vcpu->sim) {
        world_timer_arm(vcpu, deadline_ns);
        return;
    }
    vcpu->timer_ns = deadline_ns;
    vcpu->deadline_ns = clock_host_deadline_ns(vcpu->machine, deadline_ns);
    __atomic_fetch_and(&vcpu->pending, ~(uint32_t)VCPU_PENDING_TIMER, __ATOMIC_RELAXED);
    vcpu_check_deadline(vcpu);
}

void hal_cpu_send_ipi(unsigned cpu)
{
    struct machine *machine = vcpu_current()->machine;

    if (cpu < machine->boot.cpu_count) {
        vcpu_kick(&machine->vcpus[cpu], VCPU_PENDING_IPI);
    }
}

void hal_cpu_idle(void)
{
    struct vcpu *vcpu = vcpu_current();
    const struct machine_hooks *hooks = vcpu->machine->config.hooks;

    if (vcpu->sim) {
        world_cpu_idle(vcpu);
        return;
    }
    if (vcpu->takes_turns) {
        turns_idle(vcpu);
    }
    while (!vcpu->takes_turns) {
        vcpu_check_deadline(vcpu);
        if (vcpu_must_stop(vcpu)) {
            break;
        }
        if (hooks && hooks->idle) {
            hooks->idle(hooks->argument, vcpu->deadline_ns);
            continue;
        }
        __atomic_store_n(&vcpu->state, VCPU_IDLE, __ATOMIC_SEQ_CST);
        host_futex_wait(&vcpu->pending, 0, vcpu->deadline_ns);
        __atomic_store_n(&vcpu->state, VCPU_KERNEL, __ATOMIC_RELEASE);
    }
    vcpu_deliver(vcpu);
    vcpu->irq_enabled = false;
}

/* A CPU that spins on something a stopped CPU holds would spin for ever, so this is a place to
 * leave the machine even with interrupts masked. The other CPU may also be a host thread that
 * waits for this host CPU: let it run now and then. */
void hal_cpu_relax(void)
{
    struct vcpu *vcpu = vcpu_current();

    if (vcpu->sim) {
        world_cpu_relax(vcpu);
        return;
    }
    if (vcpu->takes_turns) {
        turns_relax(vcpu);
        return;
    }
    if (__atomic_load_n(&vcpu->pending, __ATOMIC_RELAXED) & VCPU_PENDING_STOP) {
        context_leave(vcpu);
    }
    if (++vcpu->relaxes % 128 == 0) {
        host_yield();
    } else {
        __builtin_ia32_pause();
    }
}

void hal_cpu_schedule_point(unsigned kind)
{
    if (__builtin_expect(hosted_worlds > 0, 0) && this_vcpu->sim) {
        world_cpu_point(this_vcpu, kind);
    } else if (__builtin_expect(hosted_turns > 0, 0) && this_vcpu->takes_turns) {
        turns_point(this_vcpu);
    }
}

/* --- identity --- */

void *hal_cpu_local(void)
{
    return vcpu_current()->local;
}

void hal_cpu_set_local(void *local)
{
    vcpu_current()->local = local;
}

unsigned hal_cpu_id(void)
{
    return vcpu_current()->id;
}

/* --- life --- */

int vcpu_init(struct vcpu *vcpu, struct machine *machine, unsigned id)
{
    vcpu->machine = machine;
    vcpu->id = id;
    vcpu->deadline_ns = UINT64_MAX;
    vcpu->boot_stack = context_boot_stack_create();
    return vcpu->boot_stack ? 0 : -ENOMEM;
}

void vcpu_exit(struct vcpu *vcpu)
{
    context_boot_stack_destroy(vcpu->boot_stack);
    vcpu->boot_stack = NULL;
}

/* Values of vcpu->running. */
enum { VCPU_STARTING, VCPU_RUNNING, VCPU_FAILED };

static void announce_running(struct vcpu *vcpu, uint32_t running)
{
    __atomic_store_n(&vcpu->running, running, __ATOMIC_RELEASE);
    host_futex_wake(&vcpu->running);
}

static void vcpu_main(void *argument)
{
    struct vcpu *vcpu = argument;

    announce_running(vcpu, VCPU_RUNNING);
    if (vcpu->id == 0) {
        kernel_on_boot(&vcpu->machine->boot);
    } else {
        kernel_on_cpu_start(vcpu->id);
    }
}

void vcpu_run(struct vcpu *vcpu)
{
    const struct engine_ops *engine = vcpu->machine->engine;
    int slack_ns = prctl(PR_GET_TIMERSLACK);

    if (engine->vcpu_init && engine->vcpu_init(vcpu) < 0) {
        announce_running(vcpu, VCPU_FAILED);
        if (vcpu->id == 0) {
            machine_end(vcpu->machine, MACHINE_CRASHED);
        }
        return;
    }
    prctl(PR_SET_TIMERSLACK, 1ul); /* sleeps end at the deadline, not 50 us later */
    this_vcpu = vcpu;
    context_enter(vcpu, vcpu_main, vcpu);
    this_vcpu = NULL;
    __atomic_store_n(&vcpu->state, VCPU_KERNEL, __ATOMIC_RELEASE);
    prctl(PR_SET_TIMERSLACK, slack_ns > 0 ? (unsigned long)slack_ns : 0ul);
    if (engine->vcpu_exit) {
        engine->vcpu_exit(vcpu);
    }
}

void vcpu_resume(struct vcpu *vcpu)
{
    this_vcpu = vcpu;
    context_resume(vcpu);
    this_vcpu = NULL;
}

void vcpu_take_turn(struct vcpu *vcpu)
{
    this_vcpu = vcpu;
    if (!vcpu->turn_entered) {
        vcpu->turn_entered = true;
        context_enter(vcpu, vcpu_main, vcpu);
    } else {
        context_continue(vcpu, &vcpu->turn_context);
    }
    this_vcpu = NULL;
}

void vcpu_run_simulated(struct vcpu *vcpu)
{
    this_vcpu = vcpu;
    if (!vcpu->sim->entered) {
        vcpu->sim->entered = true;
        context_enter(vcpu, vcpu_main, vcpu);
    } else {
        context_continue(vcpu, &vcpu->sim->suspended);
    }
    this_vcpu = NULL;
}

static void *vcpu_thread_main(void *argument)
{
    struct vcpu *vcpu = argument;
    char name[16];

    snprintf(name, sizeof name, "cpu%u", vcpu->id);
    pthread_setname_np(pthread_self(), name);
    vcpu_run(vcpu);
    return NULL;
}

int hal_cpu_start(unsigned cpu, void *local)
{
    struct machine *machine = vcpu_current()->machine;
    uint64_t give_up_ns = host_monotonic_ns() + 10 * 1000000000ull;
    struct vcpu *target;

    if (machine->sim) {
        return world_cpu_start(machine, cpu, local);
    }
    if (vcpu_current()->takes_turns) {
        return turns_start(machine, cpu, local);
    }
    if (cpu == 0 || cpu >= machine->boot.cpu_count || machine->vcpus[cpu].thread_started) {
        return -ENODEV;
    }
    target = &machine->vcpus[cpu];
    target->local = local;
    if (pthread_create(&target->thread, NULL, vcpu_thread_main, target) != 0) {
        return -ETIMEDOUT;
    }
    target->thread_started = true;
    while (__atomic_load_n(&target->running, __ATOMIC_ACQUIRE) == VCPU_STARTING &&
           host_monotonic_ns() < give_up_ns) {
        host_futex_wait(&target->running, VCPU_STARTING, give_up_ns);
    }
    return __atomic_load_n(&target->running, __ATOMIC_ACQUIRE) == VCPU_RUNNING ? 0 : -ETIMEDOUT;
}

void vcpu_signals_block(sigset_t *old)
{
    static const int synchronous[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGABRT};
    sigset_t blocked;

    sigfillset(&blocked);
    for (unsigned i = 0; i < sizeof synchronous / sizeof synchronous[0]; i++) {
        sigdelset(&blocked, synchronous[i]);
    }
    pthread_sigmask(SIG_BLOCK, &blocked, old);
}

void vcpu_signals_restore(const sigset_t *old)
{
    static const struct timespec now = {0};
    sigset_t pipe_signal;

    /* Writing the console to a closed pipe left SIGPIPE pending on this thread. */
    if (!sigismember(old, SIGPIPE)) {
        sigemptyset(&pipe_signal);
        sigaddset(&pipe_signal, SIGPIPE);
        while (sigtimedwait(&pipe_signal, NULL, &now) == SIGPIPE) {
        }
    }
    pthread_sigmask(SIG_SETMASK, old, NULL);
}
