/* SPDX-License-Identifier: MIT */
/*
 * Reads a scenario (sim/scenario/scenario.h): the tables of what stands where, in the order in
 * which the file's parts refer to each other.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hal/boot.h"
#include "sim/scenario/load_internal.h"

int scenario_find_machine(const struct scenario *scenario, const char *name)
{
    for (size_t i = 0; i < scenario->machine_count; i++) {
        if (strcmp(scenario->machines[i].name, name) == 0) {
            return (int)i;
        }
    }
    return SCENARIO_NO_INDEX;
}

void scenario_image_name(const struct scenario_machine *machine, const struct scenario_disk *disk,
                         char out[SCENARIO_IMAGE_NAME_MAX])
{
    snprintf(out, SCENARIO_IMAGE_NAME_MAX, "%s.%s.image", machine->name, disk->name);
}

int scenario_find_program(const struct scenario *scenario, const char *name)
{
    for (size_t i = 0; i < scenario->program_count; i++) {
        if (scenario->programs[i].name != NULL && strcmp(scenario->programs[i].name, name) == 0) {
            return (int)i;
        }
    }
    return SCENARIO_NO_INDEX;
}

void *load_grow(struct document *document, void *list, size_t *count, size_t bytes)
{
    char *larger = document_allocate(document, (*count + 1) * bytes);

    if (larger == NULL) {
        return NULL;
    }
    if (*count > 0) {
        memcpy(larger, list, *count * bytes);
    }
    (*count)++;
    return larger;
}

const char *load_path(struct document *document, const char *path)
{
    const struct scenario *scenario = document->owner;

    if (path[0] == '/') {
        return path;
    }
    size_t bytes = strlen(scenario->folder) + strlen(path) + 2;
    char *whole = document_allocate(document, bytes);
    if (whole != NULL) {
        snprintf(whole, bytes, "%s/%s", scenario->folder, path);
    }
    return whole;
}

void load_machine_name(struct document *document, node *value, void *into)
{
    const char *name = document_text(document, value);
    int index = name == NULL ? 0 : scenario_find_machine(document->owner, name);

    if (index == SCENARIO_NO_INDEX) {
        document_fail(document, value, "there is no machine %s", name);
    }
    *(int *)into = index;
}

static void take_schedule(struct document *document, node *value, void *into)
{
    static const char *const names[] = {[SIM_SCHEDULE_RANDOM] = "random",
                                        [SIM_SCHEDULE_PCT] = "pct",
                                        [SIM_SCHEDULE_STARVE] = "starve",
                                        [SIM_SCHEDULE_FAIR] = "fair"};
    const char *text = document_text(document, value);

    for (unsigned i = 0; text != NULL && i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], text) == 0) {
            *(enum sim_schedule *)into = (enum sim_schedule)i;
            return;
        }
    }
    document_fail(document, value, "%s: random, pct, starve or fair is wanted here", text);
}

/* ---- machines ---- */

static void check_readable(struct document *document, node *value, const char *path)
{
    const struct scenario *scenario = document->owner;

    if (path != NULL && !scenario->without_files && access(path, R_OK) < 0) {
        document_fail(document, value, "%s: %m", path);
    }
}

static void take_root(struct document *document, node *value, void *into)
{
    const char *text = document_text(document, value);
    const char *path = text == NULL ? NULL : load_path(document, text);

    check_readable(document, value, path);
    *(const char **)into = path;
}

/* HOST:GUEST; HOST may be relative to the scenario. */
static void take_addition(struct document *document, node *value, void *into)
{
    struct scenario_machine *machine = into;
    const char *text = document_text(document, value);
    const char *colon = text == NULL ? NULL : strrchr(text, ':');

    if (text != NULL && (colon == NULL || colon == text || colon[1] != '/')) {
        document_fail(document, value, "%s: FILE:/PATH is wanted here", text);
    }
    if (document->failed) {
        return;
    }
    char *host = document_allocate(document, strlen(text) + 1);
    if (host == NULL) {
        return;
    }
    memcpy(host, text, (size_t)(colon - text));
    const char *path = load_path(document, host);
    check_readable(document, value, path);
    if (document->failed) {
        return;
    }
    size_t bytes = strlen(path) + strlen(colon) + 1, count = 0;
    char *whole = document_allocate(document, bytes);
    while (machine->add != NULL && machine->add[count] != NULL) {
        count++;
    }
    const char **add = document_allocate(document, (count + 2) * sizeof(add[0]));
    if (whole != NULL && add != NULL) {
        snprintf(whole, bytes, "%s%s", path, colon);
        for (size_t i = 0; i < count; i++) {
            add[i] = machine->add[i];
        }
        add[count] = whole;
        machine->add = add;
    }
}

static void take_additions(struct document *document, node *value, void *into)
{
    struct scenario_machine *machine = into;

    machine->add_line = document_line(value);
    document_each_item(document, value, take_addition, machine);
}

static bool is_name(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

    return text[0] != '\0' && text[strspn(text, letters)] == '\0';
}

static void take_disk_name(struct document *document, node *value, void *into)
{
    struct scenario_disk *disk = into;

    disk->name = document_text(document, value);
    if (disk->name != NULL && !is_name(disk->name)) {
        document_fail(document, value, "a disk's name is made of letters, digits and _");
    }
}

#define DISK(member) offsetof(struct scenario_disk, member)

static const struct field disk_fields[] = {
    {"name", take_disk_name, 0, true},
    {"size", take_size, DISK(bytes), false},
    {"image", take_root, DISK(image), false},
    {"room", take_size, DISK(room_bytes), false},
    {"write-through", take_bool, DISK(quality.write_through), false},
    {"latency", take_duration, DISK(quality.latency_ns), false},
    {"jitter", take_duration, DISK(quality.jitter_ns), false},
    {"read-fails", take_probability, DISK(quality.read_fail_ppm), false},
    {"read-corrupts", take_probability, DISK(quality.read_corrupt_ppm), false},
    {"write-fails", take_probability, DISK(quality.write_fail_ppm), false},
    {"write-lost", take_probability, DISK(quality.write_lost_ppm), false},
    {"write-torn", take_probability, DISK(quality.write_torn_ppm), false},
    {"cut-loses", take_probability, DISK(quality.cut_lose_ppm), false},
    {"cut-tears", take_probability, DISK(quality.cut_tear_ppm), false},
    {"reorder", take_probability, DISK(quality.reorder_ppm), false},
    {"reorder-by", take_duration, DISK(quality.reorder_ns), false},
    {0},
};

/* Which file it is, and how large. A bundle has it beside the scenario. */
static void find_disk_image(struct document *document, node *value,
                            const struct scenario_machine *machine, struct scenario_disk *disk)
{
    const struct scenario *scenario = document->owner;
    char name[SCENARIO_IMAGE_NAME_MAX];
    struct stat info;

    if (scenario->without_files) {
        scenario_image_name(machine, disk, name);
        char *copy = document_allocate(document, strlen(name) + 1);
        if (copy == NULL) {
            return;
        }
        strcpy(copy, name);
        disk->image = load_path(document, copy);
    }
    if (!document->failed && stat(disk->image, &info) < 0) {
        document_fail(document, value, "%s: %m", disk->image);
    }
    if (!document->failed && disk->bytes == 0) {
        disk->bytes = (uint64_t)info.st_size;
    }
}

static void check_disk(struct document *document, node *value,
                       const struct scenario_machine *machine, struct scenario_disk *disk)
{
    const char *wrong = disk_quality_check(&disk->quality);

    if (disk->bytes < DISK_SECTOR || disk->bytes % DISK_SECTOR != 0) {
        document_fail(document, value, "a disk needs a size, a multiple of 512 bytes");
    }
    if (wrong != NULL) {
        document_fail(document, value, "%s", wrong);
    }
    for (size_t i = 0; !document->failed && &machine->disks[i] != disk; i++) {
        if (strcmp(machine->disks[i].name, disk->name) == 0) {
            document_fail(document, value, "there is a disk %s already", disk->name);
        }
    }
}

static void take_disk(struct document *document, node *value, void *into)
{
    struct scenario_machine *machine = into;

    machine->disks =
        load_grow(document, machine->disks, &machine->disk_count, sizeof(machine->disks[0]));
    if (machine->disks == NULL) {
        return;
    }
    struct scenario_disk *disk = &machine->disks[machine->disk_count - 1];
    disk->line = document_line(value);
    document_take_fields(document, value, disk_fields, disk);
    if (!document->failed && disk->image != NULL) {
        find_disk_image(document, value, machine, disk);
    }
    disk->quality.room_sectors = disk->room_bytes / DISK_SECTOR;
    check_disk(document, value, machine, disk);
}

static void take_disks(struct document *document, node *value, void *into)
{
    document_each_item(document, value, take_disk, into);
}

#define MACHINE(member) offsetof(struct scenario_machine, member)

static const struct field machine_fields[] = {
    {"root", take_root, MACHINE(root), false},
    {"add", take_additions, 0, false},
    {"ram", take_size, MACHINE(ram_bytes), false},
    {"cpus", take_unsigned, MACHINE(cpus), false},
    {"options", take_text, MACHINE(options), false},
    {"disks", take_disks, 0, false},
    {0},
};

static void take_machine(struct document *document, node *key, node *value, void *into)
{
    struct scenario *scenario = into;

    if (scenario->machine_count == SCENARIO_MACHINES_MAX) {
        document_fail(document, key, "at most %d machines", SCENARIO_MACHINES_MAX);
    }
    scenario->machines = load_grow(document, scenario->machines, &scenario->machine_count,
                                   sizeof(scenario->machines[0]));
    if (scenario->machines == NULL || document->failed) {
        return;
    }
    struct scenario_machine *machine = &scenario->machines[scenario->machine_count - 1];
    *machine = (struct scenario_machine){
        .line = document_line(key), .ram_bytes = UINT64_C(64) << 20, .cpus = 1};
    machine->name = document_text(document, key);
    if (machine->name == NULL || !is_name(machine->name)) {
        document_fail(document, key, "a machine's name is made of letters, digits and _");
    }
    document_take_fields(document, value, machine_fields, machine);
    if (machine->cpus < 1 || machine->cpus > HAL_CPUS_MAX) {
        document_fail(document, value, "a machine has 1 to %d CPUs", HAL_CPUS_MAX);
    }
    if (machine->ram_bytes < (UINT64_C(8) << 20)) {
        document_fail(document, value, "a machine needs at least 8M of RAM");
    }
}

static void take_machines(struct document *document, node *value, void *into)
{
    document_each_pair(document, value, take_machine, into);
}

/* ---- programs and checks ---- */

static void take_status(struct document *document, node *value, void *into)
{
    struct scenario_program *program = into;
    const char *text = document_text(document, value);
    unsigned status = 0;

    if (text != NULL && strcmp(text, "any") == 0) {
        program->any_status = true;
        return;
    }
    take_unsigned(document, value, &status);
    if (status > 255) {
        document_fail(document, value, "an exit status is at most 255");
    }
    program->status = (int)status;
}

static void take_argv(struct document *document, node *value, void *into)
{
    const char **argv = NULL;

    take_words(document, value, &argv);
    if (!document->failed && (argv[0] == NULL || argv[0][0] != '/')) {
        document_fail(document, value, "a program begins with its absolute path in the machine");
    }
    *(const char ***)into = argv;
}

static void take_after(struct document *document, node *value, void *into)
{
    const char *name = document_text(document, value);
    int index = name == NULL ? 0 : scenario_find_program(document->owner, name);

    if (index == SCENARIO_NO_INDEX) {
        document_fail(document, value, "no program %s stands above", name);
    }
    *(int *)into = index;
}

#define PROGRAM(member) offsetof(struct scenario_program, member)

static const struct field program_fields[] = {
    {"name", take_text, PROGRAM(name), false},
    {"machine", load_machine_name, PROGRAM(machine), true},
    {"run", take_argv, PROGRAM(argv), true},
    {"env", take_words, PROGRAM(env), false},
    {"input", take_text, PROGRAM(input), false},
    {"directory", take_text, PROGRAM(directory), false},
    {"at", take_moment, PROGRAM(at), false},
    {"after", take_after, PROGRAM(after), false},
    {"service", take_bool, PROGRAM(service), false},
    {"status", take_status, 0, false},
    {"output", take_text, PROGRAM(output), false},
    {"contains", take_text, PROGRAM(contains), false},
    {0},
};

static void take_program(struct document *document, node *value, void *into)
{
    struct scenario *scenario = into;
    struct scenario_program program = {.after = SCENARIO_NO_INDEX, .line = document_line(value)};

    document_take_fields(document, value, program_fields, &program);
    if (document->failed) {
        return;
    }
    if (program.name == NULL) {
        program.name = program.argv[0];
    } else if (scenario_find_program(scenario, program.name) != SCENARIO_NO_INDEX) {
        document_fail(document, value, "there is a program %s already", program.name);
    }
    struct scenario_program *programs =
        load_grow(document, scenario->programs, &scenario->program_count, sizeof(program));
    if (programs != NULL) {
        programs[scenario->program_count - 1] = program;
        scenario->programs = programs;
    }
}

static void take_programs(struct document *document, node *value, void *into)
{
    document_each_item(document, value, take_program, into);
}

#define CHECK(member) offsetof(struct scenario_check, member)

static const struct field check_fields[] = {
    {"machine", load_machine_name, CHECK(machine), true},
    {"run", take_argv, CHECK(argv), false},
    {"file", take_text, CHECK(path), false},
    {"equals", take_text, CHECK(equals), false},
    {"contains", take_text, CHECK(contains), false},
    {0},
};

static void take_check(struct document *document, node *value, void *into)
{
    struct scenario *scenario = into;
    struct scenario_check check = {.line = document_line(value)};

    document_take_fields(document, value, check_fields, &check);
    if ((check.argv == NULL) == (check.path == NULL)) {
        document_fail(document, value, "a check has either `run` or `file`");
    }
    struct scenario_check *checks =
        load_grow(document, scenario->checks, &scenario->check_count, sizeof(check));
    if (checks != NULL) {
        checks[scenario->check_count - 1] = check;
        scenario->checks = checks;
    }
}

static void take_checks(struct document *document, node *value, void *into)
{
    document_each_item(document, value, take_check, into);
}

/* ---- the whole ---- */

/* Read in this order, however the file has them. */
struct parts {
    node *machines, *switches, *links, *programs, *faults, *checks;
};

static void take_node(struct document *document, node *value, void *into)
{
    (void)document;
    *(node **)into = value;
}

struct root {
    struct scenario *scenario; /* the fields below are copied to it */
    uint64_t seed, time_ns, pct_points;
    enum sim_schedule schedule;
    unsigned depth;
    uint32_t switch_ppm, preempt_ppm, step_ppm;
    uint64_t spin_ns;
    unsigned spin_steps;
    struct parts parts;
};

#define ROOT(member) offsetof(struct root, member)

static const struct field root_fields[] = {
    {"seed", take_u64, ROOT(seed), false},
    {"time", take_duration, ROOT(time_ns), false},
    {"schedule", take_schedule, ROOT(schedule), false},
    {"depth", take_unsigned, ROOT(depth), false},
    {"points", take_u64, ROOT(pct_points), false},
    {"switch", take_probability, ROOT(switch_ppm), false},
    {"preempt", take_probability, ROOT(preempt_ppm), false},
    {"step", take_probability, ROOT(step_ppm), false},
    {"spin", take_duration, ROOT(spin_ns), false},
    {"spin-steps", take_unsigned, ROOT(spin_steps), false},
    {"machines", take_node, ROOT(parts.machines), true},
    {"switches", take_node, ROOT(parts.switches), false},
    {"links", take_node, ROOT(parts.links), false},
    {"programs", take_node, ROOT(parts.programs), false},
    {"faults", take_node, ROOT(parts.faults), false},
    {"checks", take_node, ROOT(parts.checks), false},
    {0},
};

static void take_part(struct document *document, node *part, taker *take, struct scenario *scenario)
{
    if (part != NULL && !document->failed) {
        take(document, part, scenario);
    }
}

/* 0 is the default; less than a millisecond of host time cannot be measured well. */
static unsigned spin_limit_ms(uint64_t ns)
{
    const uint64_t ms = (ns + 999999) / 1000000;

    return ms < UINT_MAX ? (unsigned)ms : UINT_MAX;
}

static void load(struct scenario *scenario)
{
    struct document *document = &scenario->document;
    struct root root = {.time_ns = UINT64_C(60) * 1000000000, .seed = 1};

    if (document->failed) {
        return;
    }
    document_take_fields(document, document_root(document), root_fields, &root);
    scenario->seed = root.seed;
    scenario->time_ns = root.time_ns;
    scenario->config = (struct sim_config){
        .schedule = root.schedule,
        .switch_ppm = root.switch_ppm,
        .pct_depth = root.depth,
        .pct_points = root.pct_points,
        .preempt_ppm = root.preempt_ppm,
        .step_ppm = root.step_ppm,
        .spin_limit_ms = spin_limit_ms(root.spin_ns),
        .spin_steps = root.spin_steps,
    };
    take_part(document, root.parts.machines, take_machines, scenario);
    if (!document->failed && scenario->machine_count == 0) {
        document_fail(document, root.parts.machines, "there is no machine");
    }
    take_part(document, root.parts.switches, load_switches, scenario);
    take_part(document, root.parts.links, load_links, scenario);
    take_part(document, root.parts.programs, take_programs, scenario);
    take_part(document, root.parts.faults, load_faults, scenario);
    take_part(document, root.parts.checks, take_checks, scenario);
}

static struct scenario *load_file(const char *path, bool without_files, char *message,
                                  size_t message_bytes)
{
    struct scenario *scenario = calloc(1, sizeof(*scenario));
    const char *slash = strrchr(path, '/');

    if (scenario != NULL) {
        scenario->folder = slash == NULL   ? strdup(".")
                           : slash == path ? strdup("/")
                                           : strndup(path, (size_t)(slash - path));
    }
    if (scenario == NULL || scenario->folder == NULL) {
        snprintf(message, message_bytes, "out of memory");
        free(scenario);
        return NULL;
    }
    scenario->without_files = without_files;
    document_open(&scenario->document, path);
    scenario->document.owner = scenario;
    load(scenario);
    if (scenario->document.failed) {
        snprintf(message, message_bytes, "%s", scenario->document.message);
        scenario_free(scenario);
        return NULL;
    }
    return scenario;
}

struct scenario *scenario_load(const char *path, char *message, size_t message_bytes)
{
    return load_file(path, false, message, message_bytes);
}

struct scenario *scenario_load_without_files(const char *path, char *message, size_t message_bytes)
{
    return load_file(path, true, message, message_bytes);
}

void scenario_free(struct scenario *scenario)
{
    if (scenario != NULL) {
        document_close(&scenario->document);
        free(scenario->folder);
        free(scenario);
    }
}
