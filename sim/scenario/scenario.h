/* SPDX-License-Identifier: MIT
 *
 * A scenario: machines, their network and programs, faults over time, and what must hold. Read from
 * a YAML file, whose format docs/simulation.md describes.
 */
#ifndef SIM_SCENARIO_SCENARIO_H
#define SIM_SCENARIO_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/disk/disk.h"
#include "sim/net/network.h"
#include "sim/scenario/document.h"
#include "sim/sim.h"

enum { SCENARIO_MACHINES_MAX = 1000, SCENARIO_NO_INDEX = -1, SCENARIO_IMAGE_NAME_MAX = 256 };

struct scenario_disk {
    unsigned line;
    const char *name;
    const char *image; /* host path; NULL: zeros */
    uint64_t bytes;    /* 0: the image's size */
    uint64_t room_bytes;
    struct disk_quality quality;
};

struct scenario_machine {
    unsigned line;
    const char *name;
    const char *root; /* host path of a folder or archive; NULL: empty */
    unsigned root_line;
    const char **add; /* HOST:GUEST, NULL-terminated; may be NULL */
    unsigned add_line;
    const char *options; /* of the kernel */
    uint64_t ram_bytes;
    unsigned cpus;
    struct scenario_disk *disks;
    size_t disk_count;
};

struct scenario_node {
    const char *name; /* "a", or "a.1" for the second NIC of a machine, or a switch */
    int machine;      /* SCENARIO_NO_INDEX: a switch */
};

struct scenario_link {
    unsigned line;
    struct scenario_node ends[2];
    struct link_quality quality;
};

struct scenario_program {
    unsigned line;
    const char *name;
    int machine;
    const char **argv;
    const char **env; /* NAME=VALUE, NULL-terminated; NULL: the default */
    const char *input;
    const char *directory;
    struct moment at;
    int after;            /* program that must have ended; SCENARIO_NO_INDEX: none */
    bool any_status;      /* `status: any` */
    bool service;         /* need not end: no failure if it still runs when all others have ended */
    int status;           /* wanted exit status; 128 and the signal for death by a signal */
    const char *output;   /* wanted standard output; NULL: any */
    const char *contains; /* must be in it; NULL: nothing */
};

enum scenario_fault_kind {
    SCENARIO_KILL,
    SCENARIO_RESTART,
    SCENARIO_PAUSE,
    SCENARIO_RESUME,
    SCENARIO_PARTITION,
    SCENARIO_HEAL,
    SCENARIO_LINK_DOWN,
    SCENARIO_LINK,        /* change its quality */
    SCENARIO_ALLOCATIONS, /* fail kernel allocations */
    SCENARIO_CLOCK,
    SCENARIO_STARVE,
};

struct scenario_fault {
    unsigned line;
    enum scenario_fault_kind kind;
    struct moment at;
    uint64_t for_ns;     /* then it is undone; 0: never */
    uint32_t chance_ppm; /* that it happens at all */
    int machine, link;   /* SCENARIO_NO_INDEX: none */
    uint64_t nth;        /* allocation */
    uint32_t probability_ppm;
    bool and_after;
    int32_t skew_ppm;
    int64_t jump_ns;
    unsigned cpu;
    unsigned *islands; /* of each machine */
    struct link_quality quality;
};

/* A program that runs after all others have ended, and must end with status 0. */
struct scenario_check {
    unsigned line;
    int machine;
    const char **argv;
    const char *path;     /* or a file that must have ... */
    const char *equals;   /* ... this content, */
    const char *contains; /* ... this in it */
};

struct scenario {
    struct document document; /* owns all text */
    bool without_files;
    char *folder; /* of the file, for relative paths */
    uint64_t seed;
    struct sim_config config; /* schedule */
    uint64_t time_ns;         /* the run's limit in virtual time */
    struct scenario_machine *machines;
    struct scenario_node *switches;
    struct scenario_link *links;
    struct scenario_program *programs;
    struct scenario_fault *faults;
    struct scenario_check *checks;
    size_t machine_count, switch_count, link_count, program_count, fault_count, check_count;
};

/* Read and check a scenario, with all files that it names. NULL after a mistake; then message is
 * "FILE:LINE: what is wrong". */
struct scenario *scenario_load(const char *path, char *message, size_t message_bytes);

/* What a disk's image is called in a bundle. */
void scenario_image_name(const struct scenario_machine *machine, const struct scenario_disk *disk,
                         char out[SCENARIO_IMAGE_NAME_MAX]);

/* Likewise, for bundles: root file systems and added files need not be there, and images of disks
 * are beside the scenario, with the names of scenario_image_name. */
struct scenario *scenario_load_without_files(const char *path, char *message, size_t message_bytes);
void scenario_free(struct scenario *scenario);

/* Both -1 (SCENARIO_NO_INDEX) if there is none. */
int scenario_find_machine(const struct scenario *scenario, const char *name);
int scenario_find_program(const struct scenario *scenario, const char *name);

#endif
