/* SPDX-License-Identifier: MIT
 *
 * The objects behind sim/sim.h. A simulation owns a world (hal-hosted/world/world.h), which runs
 * the machines; here are the policy, the event log and the handles.
 */
#ifndef SIM_LIB_SIM_INTERNAL_H
#define SIM_LIB_SIM_INTERNAL_H

#include "hal-hosted/device.h"
#include "hal-hosted/world/world.h"
#include "sim/lib/kernel_view.h"
#include "sim/lib/random.h"
#include "sim/sim.h"

enum {
    LOG_SINKS_MAX = 8,
    LOG_BUFFER_BYTES = 64 << 10,
    CALL_TEXT_BYTES = 3072,
    STARVATIONS_MAX = 32
};

struct log_sink {
    sim_sink *write;
    void *argument;
};

struct event_log {
    uint64_t hash[2], count;
    struct log_sink sinks[LOG_SINKS_MAX];
    unsigned sink_count;
    int fd; /* -1: none */
    size_t fill;
    char *buffer;
    bool hash_texts; /* of system calls, too */
};

/* A CPU that gets no time for a while. */
struct starvation {
    struct sim *sim;
    struct sim_machine *machine; /* NULL: free */
    unsigned cpu, boots;
};

/* What the schedule remembers; part of snapshots. */
struct schedule {
    struct random_stream random, entropy, models;
    uint64_t changes_left; /* PCT: priority changes to come */
    uint64_t low_priority; /* PCT: below all that were given */
    uint64_t points_per_change;
    struct starvation starvations[STARVATIONS_MAX];
};

struct kept {
    void *memory;
    size_t bytes;
    void (*before_restore)(void *memory);
};

struct sim {
    struct sim_config config;
    struct world *world;
    struct schedule schedule;
    struct event_log log;
    char message[256];
    char call_text[CALL_TEXT_BYTES]; /* not on the small stacks of vCPUs */
    bool stop_asked;
    bool machine_ended; /* since the last look */

    struct sim_machine **machines;
    unsigned machine_count;
    struct sim_task *tasks; /* all handles */
    struct sim_program *programs;
    struct kept *kept;
    size_t kept_count;
    struct sim_snapshot *snapshots;
};

struct sim_machine {
    struct sim *sim;
    struct machine *machine;
    unsigned index, cpus;
    char *name, *image;
    size_t image_bytes;
    int log_fd;
    bool no_programs;
    unsigned boots;
    struct sim_task *first;
    char *console;
    size_t console_bytes, console_room;
    struct sim_device *devices;
    void *faults; /* struct fault_injection, in the machine */
    uint64_t fault_seed;
};

struct sim_task {
    struct sim_task *next;
    struct sim_machine *machine;
    uint32_t user;  /* its number in the machine; 0: dead */
    unsigned boots; /* of the machine, when it was made */
    int pid;
    uint64_t seen_users; /* users of the machine before its last call */
    struct sim_task *child;
    uint64_t buffer, buffer_used;
};

struct capture {
    int fd; /* of the waiter; -1: ended or none */
    char *bytes;
    size_t fill, room;
};

struct sim_program {
    struct sim *sim;
    struct sim_program *next;
    struct sim_task *waiter; /* NULL: undone by a restore */
    struct sim_task *child;  /* until it has executed the program */
    int pid, pidfd;
    bool ended, polling;
    bool dead; /* its pidfd said so; what is left in its pipes is being read */
    int status;
    struct capture output, errors;
};

struct sim_device {
    struct sim_device *next;
    struct machine_device *device;
    struct sim_device_ops ops;
    void *model;
};

/* Remember a message; returns error. */
__attribute__((format(printf, 3, 4))) int sim_fail(struct sim *sim, int error, const char *format,
                                                   ...);

/* schedule.c */
void schedule_init(struct sim *sim, struct world_ops *ops);
void schedule_seed(struct sim *sim, uint64_t seed);
void schedule_countdowns(struct sim *sim);
const char *schedule_name(enum sim_schedule schedule);

/* event_log.c */
void log_init(struct event_log *log);
void log_exit(struct event_log *log);
/* Whether texts of system calls are of use to anybody. */
static inline bool log_needs_texts(const struct event_log *log)
{
    return log->hash_texts || log->fd >= 0 || log->sink_count > 0;
}
void log_event(struct sim *sim, enum sim_event_type type, const struct sim_machine *machine,
               unsigned cpu, uint32_t user, uint32_t pid, uint64_t a, uint64_t b, const void *text,
               size_t bytes);

/* report.c */
void report_host(struct sim *sim);

/* machine.c */
void machine_output(void *context, struct machine *machine, bool console, const char *bytes,
                    size_t count);
void machine_free(struct sim_machine *machine);
void machine_forget_tasks(struct sim_machine *machine);
struct sim_machine *machine_of(struct sim *sim, const struct machine *machine);

/* task.c */
struct sim_task *task_new(struct sim_machine *machine, uint32_t user);
struct world_script *task_script(const struct sim_task *task);
int64_t task_wait(struct sim_task *task, uint64_t timeout_ns);

/* program.c */
void program_restore(struct sim_program *program, const struct sim_program *copy);

#endif
