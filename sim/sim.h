/* SPDX-License-Identifier: MIT
 *
 * libsim: deterministic simulation of whole machines running unmodified programs.
 *
 * A simulation holds machines, a virtual clock and a seed. All virtual CPUs of all its machines are
 * coroutines on the host thread that calls sim_run and its relatives; nothing happens between these
 * calls. What a run does is a function of the seed, the machines' images and the calls made: the
 * same inputs give the same event log, byte for byte (docs/determinism.md says how, and what a host
 * cannot give).
 *
 * Conventions: functions return 0 or a count, or a negative errno; after an error of the library
 * itself sim_message() has one line about it. Times are nanoseconds of virtual time. All functions
 * are for ordinary host code on the one thread that uses the simulation; callbacks named in this
 * header run on the same thread, and may call only what their comment allows. Objects belong to the
 * simulation and die with it (or earlier, where a function says so). Several simulations may exist
 * in one process, each used by one thread at a time.
 *
 *     struct sim *sim;
 *     struct sim_machine *machine;
 *     sim_create(&(struct sim_config){.seed = 42}, &sim);
 *     sim_machine_add(sim, &(struct sim_machine_config){.name = "a"}, &machine);
 *     sim_machine_boot(machine);
 *     struct sim_task *task = sim_machine_task(machine);
 *     long pid = sim_syscall(task, SYS_getpid, 0, 0, 0, 0, 0, 0);
 *     sim_destroy(sim);
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sim;
struct sim_machine;
struct sim_task;    /* a guest task that makes the system calls it is told to */
struct sim_program; /* a guest process that was spawned, with its output */
struct sim_snapshot;
struct sim_device; /* a device on a machine's bus; the model is the caller's */

/* ---- simulations ---- */

/* How the next virtual CPU is chosen at a scheduling point. */
enum sim_schedule {
    SIM_SCHEDULE_RANDOM, /* at every point, uniformly, with probability switch_ppm */
    SIM_SCHEDULE_PCT,    /* probabilistic concurrency testing: priorities, changed at
                          * pct_depth - 1 points; Burckhardt et al., ASPLOS 2010 */
    SIM_SCHEDULE_STARVE, /* random, and now and then one CPU gets nothing for a short time */
    SIM_SCHEDULE_FAIR,   /* round robin, only where a CPU has nothing to do or spins */
};

struct sim_config {
    uint64_t seed;
    enum sim_schedule schedule;
    uint32_t switch_ppm;    /* RANDOM, STARVE: chance of a switch at a point; 0: a default */
    unsigned pct_depth;     /* PCT: 0: 3 */
    uint64_t pct_points;    /* PCT: scheduling points that the run is expected to have; 0: 100000 */
    uint32_t preempt_ppm;   /* chance that a return to user mode runs another thread of that CPU
                             * first; 0: a default, UINT32_MAX: never */
    uint32_t step_ppm;      /* chance that user code is preempted after a few instructions, counted
                             * by single steps; 0: a default, UINT32_MAX: never */
    uint64_t realtime_ns;   /* wall clock at the start; 0: 2030-01-01 00:00:00 UTC */
    unsigned spin_limit_ms; /* host time that user code may run without a trap before it is
                             * preempted, which is not deterministic and counted in sim_report;
                             * 0: 1000 */
    unsigned spin_steps; /* instead: so many instructions, counted by single steps: deterministic,
                          * and some thousand times slower. 0: by host time */
    bool hash_texts;     /* sim_log_hash covers the texts of system calls, too, which are then
                          * made even if nobody reads the log: a microsecond or two a call */
};

/* New simulation. 0, -ENOMEM, -EINVAL. */
int sim_create(const struct sim_config *config, struct sim **out);

/* Free it and all that belongs to it: machines, their host processes, snapshots. */
void sim_destroy(struct sim *sim);

/* One line about the last error of a function of this library, or "". */
const char *sim_message(const struct sim *sim);

/* Virtual time since the start. */
uint64_t sim_now_ns(const struct sim *sim);

/* Random numbers from the seed, for models and scenarios; a stream of their own, so that drawing
 * them does not change the machines' schedule. Part of the state that snapshots keep. */
uint64_t sim_random(struct sim *sim);
uint64_t sim_random_below(struct sim *sim, uint64_t bound);

/* Go on with another seed: after sim_restore, to explore another future. Recorded in the log. */
void sim_reseed(struct sim *sim, uint64_t seed);

/* What this run could not make deterministic; all zero is the aim. */
struct sim_report {
    uint64_t spin_preemptions; /* user code preempted by host time */
    bool rdrand_visible;       /* the host CPU has RDRAND or RDSEED, which user code may execute */
    bool cpuid_visible;        /* user code sees the host CPU's CPUID */
    bool addresses_vary;       /* a machine's memory is not at its usual host address */
    uint64_t tsc_reads;        /* RDTSC executed by user code, answered from virtual time */
};
void sim_report(const struct sim *sim, struct sim_report *out);

/* ---- machines ---- */

struct sim_machine_config {
    const char *name;   /* in logs and messages; NULL: m0, m1 … */
    uint64_t ram_bytes; /* 0: 64 MiB */
    unsigned cpus;      /* 0: 1 */
    const void *image;  /* root file system: uncompressed newc archives, one after another;
                         * copied. NULL: empty */
    size_t image_bytes;
    const char *options; /* kernel options, as on its command line; NULL: "quiet". "vdso=0"
                          * comes before them */
    bool no_programs;    /* no user code can run, only system calls by sim_task; no host
                          * processes are needed */
    int log_fd;          /* the kernel's log; 0 or -1: discarded */
};

/* New machine, powered off. 0, -EINVAL, -ENOSPC (the image does not fit), -ENOMEM … */
int sim_machine_add(struct sim *sim, const struct sim_machine_config *config,
                    struct sim_machine **out);

/* Machines in order of creation; NULL past the last. */
struct sim_machine *sim_machine_at(const struct sim *sim, unsigned index);
const char *sim_machine_name(const struct sim_machine *machine);
unsigned sim_machine_index(const struct sim_machine *machine);
struct sim *sim_machine_sim(const struct sim_machine *machine);

enum sim_machine_state {
    SIM_MACHINE_OFF, /* not booted, or killed */
    SIM_MACHINE_ON,
    SIM_MACHINE_PAUSED,
    SIM_MACHINE_EXITED,  /* powered off by itself; sim_machine_status */
    SIM_MACHINE_CRASHED, /* kernel panic */
};
enum sim_machine_state sim_machine_state(const struct sim_machine *machine);
int sim_machine_status(const struct sim_machine *machine);

/* Power on, and run the simulation until the machine's first task stands ready (sim_machine_task).
 * 0; -EALREADY when it is on; -EIO when it did not come up. */
int sim_machine_boot(struct sim_machine *machine);

/* Power on only; the boot happens in the sim_run that follows. For many machines at once. */
int sim_machine_power_on(struct sim_machine *machine);

/* Pull the plug: memory is lost, devices and disks stay. */
void sim_machine_kill(struct sim_machine *machine);
/* Give the machine's CPUs no time, and let them go on. Its clock keeps running. */
void sim_machine_pause(struct sim_machine *machine);
void sim_machine_resume(struct sim_machine *machine);
/* kill and boot. */
int sim_machine_restart(struct sim_machine *machine);
/* The power button: an orderly shutdown, as the guest understands it. */
void sim_machine_press_power(struct sim_machine *machine);

/* What the machine has written to its console since the start (not NUL-terminated bytes; the
 * pointer is good until the simulation runs again), and typing into it. */
const char *sim_machine_console(const struct sim_machine *machine, size_t *out_bytes);
void sim_machine_type(struct sim_machine *machine, const void *bytes, size_t count);

/* Physical memory of the machine: `bytes` bytes at paddr, NULL if they are outside. For device
 * models (DMA). Write only from device callbacks and between runs. */
void *sim_machine_memory(struct sim_machine *machine, uint64_t paddr, size_t bytes);

/* Write the machine's kernel and its RAM to a new file, as a core file of the program that runs the
 * simulation: `gdb PROGRAM FILE` shows the kernel's data and, as threads, the virtual CPUs (numbers
 * from 1000000) and the tasks (by their thread ids in the guest). Changes nothing. 0 or negative
 * errno; -ESRCH when the machine is off, but not when its kernel has ended it. */
int sim_machine_core(struct sim_machine *machine, const char *path);

/* ---- time and running ---- */

enum sim_stop {
    SIM_STOP_PREDICATE, /* until() was true */
    SIM_STOP_TIME,      /* the virtual time was reached */
    SIM_STOP_QUIET,     /* nothing can happen any more: no timer, no event, all CPUs idle */
    SIM_STOP_MACHINE,   /* a machine powered off or crashed: look at their states */
    SIM_STOP_ASKED,     /* sim_stop was called */
};

/* Run until until(argument) is true (looked at between steps; NULL: never), until virtual time
 * until_ns (UINT64_MAX: no limit), until nothing can happen any more, or until a machine ends. */
enum sim_stop sim_run(struct sim *sim, bool (*until)(void *argument), void *argument,
                      uint64_t until_ns);
/* Run for a virtual duration, whatever machines do. */
void sim_run_for(struct sim *sim, uint64_t duration_ns);
/* Make sim_run return soon; from callbacks. */
void sim_stop(struct sim *sim);

/* Call handler(argument) when virtual time reaches at_ns (at once if it has passed), between steps.
 * Same times: in order of the calls. Returns a number for sim_cancel. The list of events is part of
 * snapshots; what the argument points to is the caller's business (sim_keep). The handler may use
 * everything but sim_run… and sim_syscall…. 0 when out of memory. */
uint64_t sim_at(struct sim *sim, uint64_t at_ns, void (*handler)(void *argument), void *argument);
bool sim_cancel(struct sim *sim, uint64_t event);

/* ---- tasks that make system calls as they are told ---- */

enum { SIM_BLOCKED = -4096 }; /* not an errno: the call has not come back */

/* The first task of a booted machine, with pid 2 and a session on the console; NULL when it is not
 * on. The machine powers off when it exits. */
struct sim_task *sim_machine_task(const struct sim_machine *machine);

/* Make a system call and run the simulation until it returns: the result or -errno as a program
 * would get it; SIM_BLOCKED when nothing can happen any more but it has not returned (or after
 * virtual time timeout_ns in sim_syscall_timeout): it goes on, sim_syscall_wait waits for it, and
 * the task can do nothing else. -ESRCH when the task has died. Pointers are guest addresses
 * (sim_poke, sim_buffer). Calls that create tasks give them through sim_task_child. */
int64_t sim_syscall(struct sim_task *task, unsigned number, uint64_t a, uint64_t b, uint64_t c,
                    uint64_t d, uint64_t e, uint64_t f);
int64_t sim_syscall_timeout(struct sim_task *task, uint64_t timeout_ns, unsigned number,
                            const uint64_t arguments[6]);
/* Begin a call without running; -EBUSY while another is under way. Then run, and look. */
int sim_syscall_begin(struct sim_task *task, unsigned number, const uint64_t arguments[6]);
bool sim_syscall_done(const struct sim_task *task, int64_t *out_result);
int64_t sim_syscall_wait(struct sim_task *task, uint64_t timeout_ns);

/* Whether the task lives; and its number as the guest knows it. A dead task's handle stays valid
 * until the simulation or a restore ends it. */
bool sim_task_alive(const struct sim_task *task);
int sim_task_pid(const struct sim_task *task);

/* The task that the last successful clone, fork or vfork of this one has made; NULL if none. It
 * stands where its parent stood, ready for calls. */
struct sim_task *sim_task_child(const struct sim_task *task);
/* fork(2) by a task; NULL and sim_message on failure. */
struct sim_task *sim_task_fork(struct sim_task *task);
/* A thread of the same process: clone(2) with the flags of pthread_create. */
struct sim_task *sim_task_thread(struct sim_task *task);

/* A signal handler's frame is discarded at once: handlers return without doing anything. How many
 * signals this task has "handled", and the last one's number. */
uint64_t sim_handler_address(void); /* what to give rt_sigaction(2) */
unsigned sim_task_signals(const struct sim_task *task, int *out_last);

/* Guest memory of a task, as its own loads and stores would see it: page faults are taken. 0,
 * -EFAULT, -ESRCH. May run the simulation. */
int sim_peek(struct sim_task *task, uint64_t address, void *out, size_t bytes);
int sim_poke(struct sim_task *task, uint64_t address, const void *bytes, size_t count);

/* A scratch area in every simulated task's address space, shared with nobody, for arguments: 64 KiB
 * by default, mapped when the task first asked. sim_buffer copies `count` bytes to its next free
 * place (16-byte aligned) and returns the guest address, 0 on failure; sim_buffer_reset frees all.
 */
uint64_t sim_buffer(struct sim_task *task, const void *bytes, size_t count);
uint64_t sim_buffer_string(struct sim_task *task, const char *string);
void sim_buffer_reset(struct sim_task *task);

/* ---- files ---- */

/* Whole files of a machine, by its first task. Parents are not made. */
int sim_file_write(struct sim_machine *machine, const char *path, const void *bytes, size_t count,
                   unsigned mode);
/* *out is allocated (free()) and NUL-terminated after *out_bytes bytes. */
int sim_file_read(struct sim_machine *machine, const char *path, char **out, size_t *out_bytes);

/* ---- programs ---- */

struct sim_program_config {
    const char *const *argv; /* argv[0] is the path to execute; NULL-terminated */
    const char *const *envp; /* NULL: PATH and HOME only */
    const void *input;       /* standard input, at most 64 KiB; NULL: /dev/null */
    size_t input_bytes;
    const char *directory; /* NULL: / */
    bool console;          /* use the console for standard input, output and error: no capture */
};

/* Start a program as a child of the machine's first task. Returns once it has been created; sim_run
 * runs it. NULL and sim_message on failure (an execve that fails shows as status 127). */
struct sim_program *sim_spawn(struct sim_machine *machine, const struct sim_program_config *config);
int sim_program_pid(const struct sim_program *program);
/* Run until it ends or virtual time timeout_ns has passed (UINT64_MAX: no limit), gathering its
 * output. Its wait status, SIM_BLOCKED when it is stuck or time is over. */
int sim_program_wait(struct sim_program *program, uint64_t timeout_ns);
/* What it has written so far, as far as gathered. NUL-terminated; good until the next run. */
const char *sim_program_output(struct sim_program *program, size_t *out_bytes);
const char *sim_program_errors(struct sim_program *program, size_t *out_bytes);
void sim_program_free(struct sim_program *program);

/* ---- faults ---- */

/* Kernel allocations of a machine, counted from this call: fail number `nth` (1-based; 0: none),
 * and all after it if and_after; and each with probability_ppm. */
void sim_fail_allocations(struct sim_machine *machine, uint64_t nth, bool and_after,
                          uint32_t probability_ppm);
/* Allocations seen, and how many of them failed, since then. */
void sim_allocations(const struct sim_machine *machine, uint64_t *out_count, uint64_t *out_failed);

/* The machine's monotonic clock from now on runs `ppm` millionths faster than virtual time (may be
 * negative, down to -900000), and its wall clock jumps by jump_ns. */
void sim_clock_skew(struct sim_machine *machine, int32_t ppm);
int sim_clock_jump(struct sim_machine *machine, int64_t jump_ns);

/* One CPU of a machine gets no time until virtual time until_ns. */
void sim_cpu_starve(struct sim_machine *machine, unsigned cpu, uint64_t until_ns);

/* Note a fault that a model injects, or anything else worth a line, in the event log. */
void sim_note(struct sim *sim, struct sim_machine *machine, const char *text);

/* ---- snapshots ---- */

/* Keep the state of all machines, of time, of the random streams and of everything in sim_keep. 0
 * or -ENOMEM. A snapshot belongs to its simulation and to the machines it has now. With the second
 * and later snapshots alive, restoring costs a comparison of what changed since the last one. */
int sim_snapshot(struct sim *sim, struct sim_snapshot **out);
/* Go back. Host processes that ran user code are dropped and come back on demand. Tasks and
 * programs created since are gone: their handles are dead. The event log is not rewound: it gets a
 * record. */
int sim_restore(struct sim *sim, struct sim_snapshot *snapshot);
void sim_snapshot_free(struct sim_snapshot *snapshot);
/* Pages that the last restore of this snapshot had to copy. */
size_t sim_snapshot_pages(const struct sim_snapshot *snapshot);

/* Memory of the caller (a device model's state, a scenario's variables) that snapshots keep and
 * restore with the machines; before_restore, if not NULL, is called before it is overwritten. */
int sim_keep(struct sim *sim, void *memory, size_t bytes, void (*before_restore)(void *memory));
void sim_forget(struct sim *sim, void *memory);

/* Fork a state: run explore(sim, argument) in a child process that has a copy of everything, while
 * this process goes on. The child exits with its result. Returns the child's process id
 * (waitpid(2)) or a negative errno. */
int sim_fork(struct sim *sim, int (*explore)(struct sim *sim, void *argument), void *argument);

/* ---- the event log ---- */

enum sim_event_type {
    SIM_EVENT_START = 1, /* a: seed; text: schedule */
    SIM_EVENT_SWITCH,    /* another virtual CPU runs: cpu; a: kind of scheduling point */
    SIM_EVENT_THREAD,    /* the guest switches threads: a, b: from and to; 0: an idle one */
    SIM_EVENT_SYSCALL,   /* user: task; a: number; b: hash of the arguments; text: name and
                          * arguments as by strace(1), up to the first that the call fills */
    SIM_EVENT_RESULT,    /* user: task; a: number; b: result; text: the rest of that line */
    SIM_EVENT_FAULT,     /* user: task; a: vector and error; b: address */
    SIM_EVENT_INTERRUPT, /* a: bits (enum sim_interrupt) */
    SIM_EVENT_PREEMPT,   /* the schedule takes the CPU from the running task */
    SIM_EVENT_STEP,      /* a: instructions single-stepped before a preemption */
    SIM_EVENT_SPIN,      /* not deterministic: preempted by host time */
    SIM_EVENT_TSC,       /* b: value */
    SIM_EVENT_TIME,      /* the clock jumps over idle time to now */
    SIM_EVENT_POWER,     /* a: enum sim_machine_state; b: status; text: the machine's name */
    SIM_EVENT_CONSOLE,   /* text: bytes written */
    SIM_EVENT_INPUT,     /* text: bytes typed */
    SIM_EVENT_ENTROPY,   /* a: bytes drawn */
    SIM_EVENT_DEVICE,    /* a: register access or interrupt (enum sim_device_access); b: offset */
    SIM_EVENT_INJECT,    /* text: the fault */
    SIM_EVENT_CALLBACK,  /* a: number of the sim_at event */
    SIM_EVENT_NOTE,      /* text */
    SIM_EVENT_SNAPSHOT,  /* a: 0 taken, 1 restored, 2 forked, 3 reseeded */
    SIM_EVENT_REPORT,    /* text: what is not deterministic on this host; not hashed */
    SIM_EVENT_USER,      /* a user task appears: user; a: pid if known */
    SIM_EVENT_FRAME,     /* a link's packet: text: the bytes; for models (sim_event) */
    SIM_EVENT_SECTOR,    /* a disk access; for models */
    SIM_EVENT_TYPES
};

enum sim_interrupt {
    SIM_INTERRUPT_TIMER = 1,
    SIM_INTERRUPT_IPI = 2,
    SIM_INTERRUPT_CONSOLE = 4 | 8 | 16,
    SIM_INTERRUPT_POWER = 32,
    SIM_INTERRUPT_DEVICE = 128,
    SIM_INTERRUPT_TASK = 256,
    SIM_INTERRUPT_PREEMPT = 512,
};

/* One record: 40 bytes, little-endian, the same on all hosts, followed in files by `bytes` bytes of
 * text padded with zeros to a multiple of 8. */
struct sim_event {
    uint64_t time_ns;
    uint16_t type;    /* enum sim_event_type */
    uint16_t machine; /* UINT16_MAX: none */
    uint16_t cpu;     /* UINT16_MAX: none */
    uint16_t bytes;   /* of text */
    uint32_t user;    /* number of the user task in its machine, from 1; 0: none */
    uint32_t pid;     /* its thread id in the guest, 0: not known */
    uint64_t a, b;
};

/* Called for every record, in order, while the simulation runs. May not call the library. */
typedef void sim_sink(void *argument, const struct sim_event *event, const void *text);
int sim_log_to(struct sim *sim, sim_sink *sink, void *argument); /* in addition to others */
/* Write records to a file descriptor, buffered, after a header of 16 bytes ("assaylog" and the
 * version as a 64-bit number). Closed by the caller after sim_log_flush or sim_destroy. */
int sim_log_to_fd(struct sim *sim, int fd);
void sim_log_flush(struct sim *sim);

/* Hash of all records so far (128 bits), and their number. Equal for equal runs. Texts of system
 * calls count only with hash_texts. */
void sim_log_hash(const struct sim *sim, uint64_t out[2]);
uint64_t sim_log_count(const struct sim *sim);

/* Add a record; models use it for frames and sectors. time_ns is filled in. */
void sim_event(struct sim *sim, struct sim_machine *machine, enum sim_event_type type, uint64_t a,
               uint64_t b, const void *text, size_t bytes);

/* ---- devices ---- */

enum sim_device_access { SIM_DEVICE_READ, SIM_DEVICE_WRITE, SIM_DEVICE_RAISE };

/* A model of a device as hal/bus.h shows it to drivers. Callbacks run while the machine's CPU waits
 * for the access: they must not run the simulation, and may use sim_at, sim_device_raise,
 * sim_machine_memory, sim_random and sim_event. */
struct sim_device_ops {
    uint32_t (*config_read)(void *model, unsigned offset, unsigned width);
    void (*config_write)(void *model, unsigned offset, unsigned width, uint32_t value);
    uint64_t (*bar_size)(void *model, unsigned bar);
    uint64_t (*read)(void *model, unsigned bar, uint64_t offset, unsigned width);
    void (*write)(void *model, unsigned bar, uint64_t offset, unsigned width, uint64_t value);
    void (*power)(void *model, bool on); /* the machine is switched on or off; may be NULL */
    /* Snapshots: a copy of the model's state (NULL without memory), going back to one (0 or
     * -ENOMEM), and its end. Events of sim_at are restored with the machines. All NULL: the state
     * is kept by sim_keep, or not at all. */
    void *(*save)(void *model);
    int (*restore)(void *model, const void *saved);
    void (*saved_free)(void *saved);
};

struct sim_device_id {
    uint16_t vendor, device, subsystem_vendor, subsystem;
    uint32_t class_code; /* 0xCCSSPP */
};

/* Put a device on the machine's bus, before its boot; the order of the calls is the order that
 * drivers see. `model` is handed to the callbacks; keep its state with sim_keep. */
int sim_device_add(struct sim_machine *machine, const struct sim_device_id *id,
                   const struct sim_device_ops *ops, void *model, struct sim_device **out);
/* Raise interrupt `index`: the driver's handler runs on CPU 0 soon. Ignored while nobody listens.
 */
void sim_device_raise(struct sim_device *device, unsigned index);

#ifdef __cplusplus
}
#endif

#endif
