/* SPDX-License-Identifier: MIT
 *
 * A world: machines whose vCPUs are coroutines on one host thread, in virtual time. The mechanism
 * of simulation, used by sim/; who runs when, and what is recorded, is decided by struct world_ops.
 *
 * A world's vCPUs give up the host thread only at scheduling points: where kernel code calls
 * hal_cpu_relax, hal_cpu_schedule_point or hal_cpu_idle, and where it enters user mode. User code
 * runs to its next trap while everything else stands still. Time is a counter: every system call,
 * fault and interrupt costs a fixed amount, shared among the CPUs that have work, and when none
 * has, the clock jumps to the next timer.
 *
 * Everything is called on the world's one thread, outside its vCPUs unless said otherwise.
 */
#ifndef HAL_HOSTED_WORLD_WORLD_H
#define HAL_HOSTED_WORLD_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal-hosted/machine.h"

struct hal_context;
struct hal_fault;
struct hal_user;
struct world;
struct world_snapshot;
struct world_vcpu;

/* What a world reports; the numbers are those of enum sim_event_type. */
enum world_event {
    WORLD_EVENT_SWITCH = 2,
    WORLD_EVENT_THREAD, /* a, b: addresses of the two struct hal_context */
    WORLD_EVENT_SYSCALL,
    WORLD_EVENT_RESULT,
    WORLD_EVENT_FAULT,
    WORLD_EVENT_INTERRUPT,
    WORLD_EVENT_PREEMPT,
    WORLD_EVENT_STEP,
    WORLD_EVENT_SPIN,
    WORLD_EVENT_TSC,
    WORLD_EVENT_TIME,
    WORLD_EVENT_POWER,
    WORLD_EVENT_CONSOLE,
    WORLD_EVENT_INPUT,
    WORLD_EVENT_ENTROPY,
    WORLD_EVENT_DEVICE,
    WORLD_EVENT_CALLBACK = 19,
    WORLD_EVENT_USER = 23,
};

/* Policy. Called on the world's thread, some of them on the small stack of a vCPU; none may run the
 * world. */
struct world_ops {
    /* The countdown of scheduling points has run out: whether to switch, and the next countdown. */
    bool (*point)(void *context, struct world_vcpu *vcpu, unsigned kind, uint64_t *out_countdown);
    /* Which of the vCPUs that have work; `last` ran last (it may be NULL or have none any more),
     * and spins for something another has to do if spinning. */
    struct world_vcpu *(*choose)(void *context, struct world_vcpu *const *runnable, unsigned count,
                                 struct world_vcpu *last, bool spinning);
    /* The countdown of returns to user mode has run out: whether another thread of the CPU should
     * run first, how many instructions to step before that (0: at once), and the next countdown. */
    bool (*preempt)(void *context, struct world_vcpu *vcpu, unsigned *out_steps,
                    uint64_t *out_countdown);
    void (*entropy)(void *context, struct machine *machine, void *out, size_t bytes);
    /* machine, vcpu, user: NULL where there is none. */
    void (*event)(void *context, enum world_event type, struct machine *machine,
                  struct world_vcpu *vcpu, struct hal_user *user, uint64_t a, uint64_t b,
                  const void *text, size_t bytes);
    /* Output of a machine, besides the event. */
    void (*output)(void *context, struct machine *machine, bool console, const char *bytes,
                   size_t count);
    bool wake_is_point; /* a vCPU that gets work is a reason to choose again */
};

struct world_config {
    struct world_ops ops;
    void *context;
    uint64_t realtime_ns;   /* wall clock at virtual time 0 */
    uint64_t spin_limit_ns; /* CPU time of user code between traps before it is preempted */
    unsigned spin_steps;    /* instead: so many instructions, stepped one by one; 0: by time */
};

int world_create(const struct world_config *config, struct world **out);
/* Its machines have been destroyed. */
void world_destroy(struct world *world);

uint64_t world_now_ns(const struct world *world);

enum world_stop {
    WORLD_STOP_UNTIL,
    WORLD_STOP_TIME,
    WORLD_STOP_QUIET,
    WORLD_STOP_ATTENTION,
};

/* Run until until(argument), until_ns, quiescence, or a call of world_attention. */
enum world_stop world_run(struct world *world, bool (*until)(void *), void *argument,
                          uint64_t until_ns);
/* Make world_run return soon. Anywhere, also inside vCPUs. */
void world_attention(struct world *world);

uint64_t world_at(struct world *world, uint64_t at_ns, void (*handler)(void *), void *argument);
bool world_cancel(struct world *world, uint64_t event);

/* The countdowns start again with these; for a new seed. */
void world_set_countdowns(struct world *world, uint64_t points, uint64_t returns);

/* What could not be made deterministic. */
struct world_report {
    uint64_t spin_preemptions, tsc_reads;
    bool addresses_vary;
};
void world_get_report(const struct world *world, struct world_report *out);

/* ---- machines ---- */

/* As machine_create, but in a world, which it joins. config's descriptors are not used but log_fd;
 * config->engine is MACHINE_ENGINE_NONE if no user code can run. config->initrd stays the caller's
 * and must live as long as the machine. machine_destroy ends it. */
int world_machine_create(struct world *world, const struct machine_config *config,
                         struct machine **out, char *message, size_t message_bytes);
/* For machine_destroy. */
void world_machine_destroy(struct machine *machine);

unsigned world_machine_index(const struct machine *machine);
/* Empty the memory and start CPU 0. 0 or negative errno. */
int world_machine_power_on(struct machine *machine);
/* Pull the plug, if it is on. */
void world_machine_kill(struct machine *machine);
bool world_machine_is_on(const struct machine *machine);
/* Exit status as machine_run gives it; -1 while it is on or was never on. */
int world_machine_status(const struct machine *machine);
void world_machine_hold(struct machine *machine, bool hold); /* pause */
bool world_machine_is_held(const struct machine *machine);
void world_machine_power_button(struct machine *machine);
/* Monotonic clock rate: ppm millionths faster than virtual time. */
void world_machine_skew(struct machine *machine, int32_t ppm);
int world_machine_type(struct machine *machine, const void *bytes, size_t count);
/* Physical memory, NULL if outside. */
void *world_machine_memory(struct machine *machine, uint64_t paddr, size_t bytes);
/* Zeroed memory that lives and is kept as the machine's own; NULL when there is none. */
void *world_machine_allocate(struct machine *machine, size_t bytes);
/* hal_cpu_local of CPU 0: the kernel's per-CPU pointer, NULL before it is set. */
void *world_machine_local(const struct machine *machine);

struct machine *world_vcpu_machine(const struct world_vcpu *vcpu);
unsigned world_vcpu_id(const struct world_vcpu *vcpu);
/* A word for the policy, kept with the machine. */
uint64_t *world_vcpu_note(struct world_vcpu *vcpu);
struct world_vcpu *world_machine_vcpu(struct machine *machine, unsigned cpu);
/* Give this vCPU no time, or let it go on. */
void world_vcpu_starve(struct world_vcpu *vcpu, bool starve);

/* ---- core files ---- */

/* A context that does not run, and the number that debuggers show. */
struct world_core_thread {
    const struct hal_context *context;
    uint32_t id;
};

/* Write the machine to an empty file as an ELF core of this process. 0 or negative errno. */
int world_machine_core(const struct machine *machine, int fd,
                       const struct world_core_thread *threads, unsigned count);
/* The machine is on, or has ended by itself. All users, the youngest first; NULL: the first, or
 * none any more. */
struct hal_user *world_user_next(const struct machine *machine, const struct hal_user *previous);
/* Where the vCPU stands while the world does not run. */
const struct hal_context *world_vcpu_context(const struct machine *machine, unsigned cpu);

/* ---- scripted users: tasks that make the system calls they are told ---- */

/* A program for the machine's root: whoever executes it becomes scripted. */
enum { WORLD_SCRIPT_ELF_BYTES = 4096 };
size_t world_script_elf(unsigned char out[WORLD_SCRIPT_ELF_BYTES]);
/* Where its signal handlers point; they return at once. */
uint64_t world_script_handler(void);

/* A scripted user by its number in the machine, from 1; the numbers of all users, scripted or not,
 * count up. NULL if there is none such (any more). */
struct world_script;
struct world_script *world_script_find(struct machine *machine, uint32_t user);
/* The scripted user that appeared last. 0: none yet. */
uint32_t world_script_newest(const struct machine *machine);
/* The number of the user, scripted or not, that was made last. */
uint32_t world_user_last(const struct machine *machine);

enum world_request { WORLD_REQUEST_SYSCALL, WORLD_REQUEST_READ, WORLD_REQUEST_WRITE };

/* Ask for a system call (arguments) or an access to its memory (address, buffer, bytes; the buffer
 * stays valid until done). -EBUSY while one is under way. */
int world_script_ask(struct world_script *script, unsigned number, const uint64_t arguments[6]);
int world_script_access(struct world_script *script, bool write, uint64_t address, void *buffer,
                        size_t bytes);
bool world_script_busy(const struct world_script *script);
int64_t world_script_result(const struct world_script *script);
uint32_t world_script_signals(const struct world_script *script, int *out_last);
/* Its hal_user. */
struct hal_user *world_script_user(const struct world_script *script);

/* The system call that a user has made last, as it was when it began; rip is behind it. */
struct world_call {
    uint64_t number, rip, arguments[6];
};
const struct world_call *world_user_call(const struct hal_user *user);

/* Number of any user in its machine. */
uint32_t world_user_number(const struct hal_user *user);

/* ---- snapshots ---- */

int world_snapshot_take(struct world *world, struct world_snapshot **out);
int world_snapshot_restore(struct world *world, struct world_snapshot *snapshot);
void world_snapshot_free(struct world_snapshot *snapshot);
/* Pages that the last restore had to copy. */
size_t world_snapshot_pages(const struct world_snapshot *snapshot);

/* In the child of fork(2): make the memory of all machines this process's own. 0 or negative errno;
 * before the fork, world_fork_prepare. */
void world_fork_prepare(struct world *world);
int world_fork_child(struct world *world);

#endif
