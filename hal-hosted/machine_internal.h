/* SPDX-License-Identifier: MIT
 *
 * The state of a hosted machine and of its vCPUs: ordinary host memory, private to hal-hosted.
 *
 * A vCPU is a host thread. Kernel contexts migrate between vCPUs, so the vCPU must be looked up
 * again (vcpu_current) after anything that may switch contexts, and never cached across it.
 *
 * Interrupts: any thread sets bits in vcpu->pending (vcpu_kick) and wakes the vCPU where it sleeps,
 * which vcpu->state tells. The vCPU's own thread delivers them at the points hal/cpu.h names. No
 * host signal handler runs kernel code.
 *
 * Host locks (pthread mutexes) are leaves: held for a few instructions or one host system call,
 * never while kernel code (kernel_on_*) runs and never across a context switch.
 */
#ifndef HAL_HOSTED_MACHINE_INTERNAL_H
#define HAL_HOSTED_MACHINE_INTERNAL_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "hal-hosted/context_internal.h"
#include "hal-hosted/device.h"
#include "hal-hosted/host.h"
#include "hal-hosted/machine.h"
#include "hal/boot.h"
#include "hal/context.h"
#include "hal/time.h"

struct console;
struct context_fiber;
struct engine_ops;
struct hal_aspace;
struct world_machine;
struct world_vcpu;

/* Bits of vcpu->pending. */
enum vcpu_pending {
    VCPU_PENDING_TIMER = 1 << 0,
    VCPU_PENDING_IPI = 1 << 1,
    VCPU_PENDING_INPUT = 1 << 2,    /* console input arrived or ended */
    VCPU_PENDING_WRITABLE = 1 << 3, /* console output has room again */
    VCPU_PENDING_RESIZE = 1 << 4,
    VCPU_PENDING_POWER = 1 << 5, /* orderly shutdown asked for */
    VCPU_PENDING_STOP = 1 << 6,  /* leave the machine at once: it ends */
    VCPU_PENDING_DEVICE = 1 << 7, /* an interrupt of a device: device.c */
    /* Only in a world (world/): */
    VCPU_PENDING_SCRIPT = 1 << 8,
    VCPU_PENDING_PREEMPT = 1 << 9, /* another thread of this CPU should run first */
};

/* What the vCPU's host thread does, so that a kick knows how to wake it. */
enum vcpu_state {
    VCPU_KERNEL, /* runs kernel code: polls pending by itself */
    VCPU_IDLE,   /* sleeps on the futex `pending` */
    VCPU_USER,   /* inside the engine's run */
};

struct vcpu {
    /* Written by other threads. */
    uint32_t pending; /* atomic; also the futex of an idle vCPU */
    uint32_t state;   /* atomic enum vcpu_state, written by the own thread only */

    /* Own thread only. */
    struct machine *machine;
    struct world_vcpu *sim; /* NULL unless in a world */
    unsigned id;
    bool irq_enabled;
    uint8_t polls;   /* delivery points since the clock was last compared with the deadline */
    uint8_t relaxes; /* hal_cpu_relax calls */
    void *local;     /* hal_cpu_set_local */
    struct hal_aspace *aspace; /* active address space, or NULL */
    uint64_t deadline_ns;      /* host_monotonic_ns; UINT64_MAX when disarmed */
    uint64_t timer_ns;         /* the same moment on the machine's clock, as the kernel armed it */
    void *engine;              /* the engine's own */

    uint32_t copying; /* atomic: a user copy is using translations; see aspace_table.c */

    struct context_stack stack;      /* of the running kernel context */
    struct hal_context host_context; /* the host thread, while a kernel context runs */
    struct hal_context boot_context; /* first kernel context, until it first switches away */
    struct hal_context paused_context; /* the kernel context that context_pause has left */
    char *boot_stack;
    pthread_t thread;
    bool thread_started;
    uint32_t running; /* atomic, futex: whether the vCPU has entered the kernel; vcpu.c */

    /* turns.c; all zero where vCPUs are host threads. */
    bool takes_turns, turn_started, turn_entered;
    struct hal_context turn_context; /* where it goes on */
};

/* The machine's clock; clock.c. */
struct clock_rate {
    struct hal_user_clock conversion; /* constant once published */
};
struct machine_clock {
    const struct clock_rate *rate; /* atomic; NULL: the host's clock is the machine's */
    struct clock_rate rates[8];
    unsigned used;          /* of rates */
    bool usable;            /* the host's counter is a stable clock; constant */
    uint32_t refining;      /* atomic: a vCPU is at it */
    uint64_t refine_ns;     /* host time of the next refinement, UINT64_MAX: none; atomic */
    uint64_t first_tsc, first_ns; /* one moment on both clocks */
};

/* Interrupts of devices: who handles them, and which are pending. */
struct device_line {
    void (*handler)(void *argument); /* atomic */
    void *argument;
};
struct device_lines {
    uint32_t pending[MACHINE_DEVICES_MAX]; /* atomic */
    struct device_line lines[MACHINE_DEVICES_MAX][MACHINE_DEVICE_INTERRUPTS];
};

struct machine {
    struct machine_config config;
    struct machine_clock clock;
    char *cmdline;
    char cpu_model[49];
    struct hal_boot boot;
    bool started;
    bool pausable; /* started by machine_run_paused (reset.h) */

    struct world_machine *sim; /* NULL unless in a world */

    int ram_fd; /* memfd, close-on-exec; offset = physical address */
    char *ram;  /* all of it mapped shared; ram + paddr */
    uint64_t ram_bytes;
    uint64_t arena_bytes; /* in a world: memory of the backend itself behind the RAM */
    void *ram_hint;       /* in a world: where ram should be */

    const struct engine_ops *engine;
    void *engine_data;

    struct vcpu *vcpus; /* boot.cpu_count of them */

    struct {
        unsigned next;
        bool paused;
        uint64_t points_left;
    } turns; /* turns.c */

    struct machine_device *devices[MACHINE_DEVICES_MAX];
    unsigned device_count;
    struct device_lines *lines; /* NULL without devices; in a world in the machine's memory */

    uint32_t ending; /* atomic: 1 + status, set once, by whoever ends the machine first */

    pthread_mutex_t aspaces_lock;
    struct hal_aspace *aspaces; /* all address spaces, for engines and clean-up */

    pthread_mutex_t fibers_lock;
    struct context_fiber *fibers; /* ThreadSanitizer's view of kernel contexts */

    struct console *console;
};

static inline char *machine_pointer(const struct machine *machine, uint64_t paddr)
{
    return machine->ram + paddr;
}

/* How many worlds there are: while there is none, hot paths need not ask whether they are in one. */
extern uint32_t hosted_worlds;
/* The same for machines whose vCPUs take turns. */
extern uint32_t hosted_turns;

/* The vCPU of the calling host thread, NULL outside machines. Do not keep it across a context
 * switch. */
struct vcpu *vcpu_current(void);

/* Take the first sample of the host's clocks: the machine is being created. */
void clock_machine_init(struct machine *machine);
/* Measure the counter's rate again if it is time; a vCPU of the machine, interrupts masked. */
void clock_refine(struct machine *machine);
/* The machine's clock unless hooks give it another one, and the host time at which it will show
 * machine_ns. */
uint64_t clock_now_ns(const struct machine *machine);
uint64_t clock_host_deadline_ns(const struct machine *machine, uint64_t machine_ns);

/* The machine's monotonic clock. */
static inline uint64_t machine_now_ns(const struct machine *machine)
{
    const struct machine_hooks *hooks = machine->config.hooks;

    return hooks && hooks->monotonic_ns ? hooks->monotonic_ns(hooks->argument)
                                        : clock_now_ns(machine);
}

/* Set bits in vcpu->pending and wake the vCPU. Any host thread, async-signal-safe. */
void vcpu_kick(struct vcpu *vcpu, uint32_t bits);

/* True if a blocking call of the vCPU's thread has to return so that interrupts are delivered. */
static inline bool vcpu_must_stop(const struct vcpu *vcpu)
{
    return __atomic_load_n(&vcpu->pending, __ATOMIC_SEQ_CST) != 0;
}

/* Set VCPU_PENDING_TIMER if the deadline has passed; the vCPU's own thread. */
void vcpu_check_deadline(struct vcpu *vcpu);

/* A delivery point: look at the clock now and then, deliver what is pending. Interrupts enabled. */
void vcpu_poll(struct vcpu *vcpu);

/* Deliver everything pending and leave interrupts enabled; the vCPU's own thread. */
void vcpu_deliver(struct vcpu *vcpu);

/* Free the address spaces that the kernel left behind. */
void aspace_machine_exit(struct machine *machine);

/* Prepare, run kernel code as this vCPU on the calling host thread until the machine ends, and
 * release. 0 or negative errno. */
int vcpu_init(struct vcpu *vcpu, struct machine *machine, unsigned id);
void vcpu_run(struct vcpu *vcpu); /* or until context_pause */
void vcpu_resume(struct vcpu *vcpu);
/* Let one that takes turns run until it suspends itself, or the machine ends. */
void vcpu_take_turn(struct vcpu *vcpu);
void vcpu_exit(struct vcpu *vcpu);

/* Let a vCPU of a world run on the calling thread until it suspends itself or the machine ends. */
void vcpu_run_simulated(struct vcpu *vcpu);

/* Run the handlers of the interrupts that are pending; interrupts masked. And free the devices. */
void device_deliver(struct machine *machine);
void device_machine_exit(struct machine *machine);

/* Parts of machine_create. */
int machine_config_check(const struct machine_config *config, char *message, size_t bytes);
void machine_boot_fill(struct machine *machine);

/* Block what must not interrupt a vCPU's host thread (its stack is a small kernel stack); signals
 * that the process gets go to its other threads. Returns the old mask. */
void vcpu_signals_block(sigset_t *old);
void vcpu_signals_restore(const sigset_t *old);

/* Make the machine end with this status (the first call wins) and kick all its vCPUs.
 * Async-signal-safe. */
void machine_end(struct machine *machine, int status);

#endif
