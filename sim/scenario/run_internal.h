/* SPDX-License-Identifier: MIT
 *
 * A run of a scenario, for the files that carry it out.
 */
#ifndef SIM_SCENARIO_RUN_INTERNAL_H
#define SIM_SCENARIO_RUN_INTERNAL_H

#include "sim/net/capture.h"
#include "sim/scenario/run.h"

struct run_device;

/* A program of the scenario in this run. */
struct run_program {
    uint64_t at_ns;
    struct sim_program *process; /* NULL: not started, or gone with its machine */
    bool started, ended, lost;   /* lost: its machine was switched off */
    int status;                  /* of wait(2) */
};

/* A fault of the scenario in this run. */
struct run_fault {
    uint64_t at_ns;
    bool chosen, begun, undone;
};

struct run {
    const struct scenario *scenario;
    const struct run_options *options;
    struct run_result *result;
    struct sim *sim;
    struct sim_machine **machines;
    struct run_program *programs;
    struct run_fault *faults;
    uint32_t *sources; /* of the machines, in the plan */
    uint64_t start_ns; /* when all machines had booted: the zero of `at` */

    struct run_device *devices; /* of all machines */
    unsigned device_count;

    struct network *network; /* NULL: none */
    struct network_link **links;
    struct network_node **nics; /* by link and end; NULL for switches */
    struct capture **captures;  /* by link; NULL: none */
};

/* Note a failure, at a line of the scenario; the first one counts. */
__attribute__((format(printf, 3, 4))) void run_fail(struct run *run, unsigned line,
                                                    const char *format, ...);
__attribute__((format(printf, 3, 4))) void run_invalid(struct run *run, unsigned line,
                                                       const char *format, ...);
bool run_is_over(const struct run *run);

/* Links and switches of the scenario. */
void run_network_create(struct run *run);
void run_network_destroy(struct run *run);

/* A virtio NIC for a machine; then its node of the network. 0 or negative errno. */
int run_device_add_nic(struct run *run, const struct scenario_node *end, struct network_node **out);
/* The disks of all machines. */
void run_devices_add_disks(struct run *run);
void run_devices_save_disks(const struct run *run);
/* The explorer of a disk: programs begin, or have ended. */
void run_devices_explore(struct run *run, bool begin);
/* The run only looks at what a crash left. */
static inline bool run_is_after_crash(const struct run *run)
{
    const struct run_disk_explorer *disk = run->options->disk;

    return disk != NULL && disk->kind == RUN_EXPLORE_CRASHES && disk->nth > 0;
}
/* When the simulation is gone, before its network goes. */
void run_devices_destroy(struct run *run);

/* Choose which faults happen, and when. */
void run_faults_draw(struct run *run);

/* When the next fault begins or ends, UINT64_MAX if none does; and do all that is due now. */
uint64_t run_faults_next(const struct run *run);
void run_faults_apply(struct run *run);

/* When the run is over: what it leaves behind, as bundle.h lists it, goes to options->folder.
 * Programs that live still are aborted for that. */
void run_dump(struct run *run);

/* The machine is on again: start its services once more. */
void run_programs_restart(struct run *run, int machine);
/* The machine is off: its programs are gone. */
void run_programs_lose(struct run *run, int machine);

#endif
