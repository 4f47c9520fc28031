/* SPDX-License-Identifier: MIT */
/*
 * Reads the network and the faults of a scenario (sim/scenario/scenario.h).
 */
#include <stdlib.h>
#include <string.h>

#include "sim/scenario/load_internal.h"

#define QUALITY(member) (offsetof(struct scenario_link, quality.member))

/* ---- switches and links ---- */

static int find_switch(const struct scenario *scenario, const char *name)
{
    for (size_t i = 0; i < scenario->switch_count; i++) {
        if (strcmp(scenario->switches[i].name, name) == 0) {
            return (int)i;
        }
    }
    return SCENARIO_NO_INDEX;
}

static void take_switch(struct document *document, node *value, void *into)
{
    struct scenario *scenario = into;
    const char *name = document_text(document, value);

    if (name == NULL) {
        return;
    }
    if (scenario_find_machine(scenario, name) != SCENARIO_NO_INDEX ||
        find_switch(scenario, name) != SCENARIO_NO_INDEX) {
        document_fail(document, value, "there is a machine or switch %s already", name);
        return;
    }
    struct scenario_node *switches =
        load_grow(document, scenario->switches, &scenario->switch_count, sizeof(switches[0]));
    if (switches != NULL) {
        switches[scenario->switch_count - 1] =
            (struct scenario_node){.name = name, .machine = SCENARIO_NO_INDEX};
        scenario->switches = switches;
    }
}

void load_switches(struct document *document, node *value, void *into)
{
    document_each_item(document, value, take_switch, into);
}

/* "a", "a.1" (its second NIC) or a switch. */
static void take_end(struct document *document, node *value, void *into)
{
    const struct scenario *scenario = document->owner;
    struct scenario_node *end = into;
    const char *name = document_text(document, value);

    if (name == NULL) {
        return;
    }
    *end = (struct scenario_node){.name = name, .machine = SCENARIO_NO_INDEX};
    if (find_switch(scenario, name) != SCENARIO_NO_INDEX) {
        return;
    }
    char machine[128];
    size_t size = strcspn(name, ".");
    if (size < sizeof(machine)) {
        memcpy(machine, name, size);
        machine[size] = '\0';
        end->machine = scenario_find_machine(scenario, machine);
    }
    if (end->machine == SCENARIO_NO_INDEX) {
        document_fail(document, value, "there is no machine or switch %s", name);
    }
    for (size_t i = 0; i < scenario->link_count; i++) {
        for (int j = 0; j < 2; j++) {
            if (strcmp(scenario->links[i].ends[j].name, name) == 0) {
                document_fail(document, value,
                              "the NIC %s has a link already (line %u); a further NIC is %s.1",
                              name, scenario->links[i].line, machine);
            }
        }
    }
}

struct ends {
    struct scenario_node *ends;
    unsigned count;
};

static void take_one_end(struct document *document, node *value, void *into)
{
    struct ends *ends = into;

    if (ends->count < 2) {
        take_end(document, value, &ends->ends[ends->count]);
    }
    ends->count++;
}

static void take_ends(struct document *document, node *value, void *into)
{
    struct ends ends = {into, 0};

    document_each_item(document, value, take_one_end, &ends);
    if (!document->failed && ends.count != 2) {
        document_fail(document, value, "a link has two ends");
    }
    if (!document->failed && strcmp(ends.ends[0].name, ends.ends[1].name) == 0) {
        document_fail(document, value, "a link from %s to itself", ends.ends[0].name);
    }
}

#define LINK_FIELDS                                                                                \
    {"latency", take_duration, QUALITY(latency_ns), false},                                        \
        {"jitter", take_duration, QUALITY(jitter_ns), false},                                      \
        {"bandwidth", take_bandwidth, QUALITY(bits_per_s), false},                                 \
        {"queue", take_size, QUALITY(queue_bytes), false},                                         \
        {"loss", take_probability, QUALITY(loss_ppm), false},                                      \
        {"duplicate", take_probability, QUALITY(duplicate_ppm), false},                            \
        {"corrupt", take_probability, QUALITY(corrupt_ppm), false},                                \
        {"reorder", take_probability, QUALITY(reorder_ppm), false},                                \
    {                                                                                              \
        "reorder-by", take_duration, QUALITY(reorder_ns), false                                    \
    }

static const struct field link_fields[] = {
    {"between", take_ends, offsetof(struct scenario_link, ends), true}, LINK_FIELDS, {0}};
static const struct field quality_fields[] = {LINK_FIELDS, {0}};

static void check_quality(struct document *document, node *value,
                          const struct link_quality *quality)
{
    const char *wrong = link_quality_check(quality);

    if (wrong != NULL) {
        document_fail(document, value, "%s", wrong);
    }
}

static void take_link(struct document *document, node *value, void *into)
{
    struct scenario *scenario = into;
    struct scenario_link link = {.line = document_line(value)};

    document_take_fields(document, value, link_fields, &link);
    check_quality(document, value, &link.quality);
    struct scenario_link *links =
        load_grow(document, scenario->links, &scenario->link_count, sizeof(link));
    if (links != NULL) {
        links[scenario->link_count - 1] = link;
        scenario->links = links;
    }
}

void load_links(struct document *document, node *value, void *into)
{
    document_each_item(document, value, take_link, into);
}

/* ---- faults ---- */

/* A fault being read: exactly one of its kinds must stand there. */
struct reading {
    struct scenario_fault fault;
    unsigned kinds;
};

static void set_kind(struct reading *reading, enum scenario_fault_kind kind)
{
    reading->fault.kind = kind;
    reading->kinds++;
}

static void take_kill(struct document *document, node *value, void *into)
{
    set_kind(into, SCENARIO_KILL);
    load_machine_name(document, value, &((struct reading *)into)->fault.machine);
}

static void take_restart(struct document *document, node *value, void *into)
{
    set_kind(into, SCENARIO_RESTART);
    load_machine_name(document, value, &((struct reading *)into)->fault.machine);
}

static void take_pause(struct document *document, node *value, void *into)
{
    set_kind(into, SCENARIO_PAUSE);
    load_machine_name(document, value, &((struct reading *)into)->fault.machine);
}

static void take_resume(struct document *document, node *value, void *into)
{
    set_kind(into, SCENARIO_RESUME);
    load_machine_name(document, value, &((struct reading *)into)->fault.machine);
}

struct islands {
    unsigned *islands;
    unsigned current;
};

static void take_islander(struct document *document, node *value, void *into)
{
    struct islands *islands = into;
    int machine = 0;

    load_machine_name(document, value, &machine);
    if (!document->failed) {
        islands->islands[machine] = islands->current;
    }
}

static void take_island(struct document *document, node *value, void *into)
{
    struct islands *islands = into;

    islands->current++;
    document_each_item(document, value, take_islander, islands);
}

/* [[a, b], [c]]; machines that are not named make one more island. */
static void take_partition(struct document *document, node *value, void *into)
{
    const struct scenario *scenario = document->owner;
    struct reading *reading = into;

    set_kind(reading, SCENARIO_PARTITION);
    struct islands islands = {
        document_allocate(document, scenario->machine_count * sizeof(unsigned)), 0};
    if (islands.islands != NULL) {
        document_each_item(document, value, take_island, &islands);
        reading->fault.islands = islands.islands;
    }
}

static void take_heal(struct document *document, node *value, void *into)
{
    bool heal = false;

    take_bool(document, value, &heal);
    set_kind(into, SCENARIO_HEAL);
}

/* "a-b" */
static void take_link_name(struct document *document, node *value, void *into)
{
    const struct scenario *scenario = document->owner;
    const char *name = document_text(document, value);

    for (size_t i = 0; name != NULL && i < scenario->link_count; i++) {
        const struct scenario_node *ends = scenario->links[i].ends;
        size_t size = strlen(ends[0].name);
        if (strncmp(name, ends[0].name, size) == 0 && name[size] == '-' &&
            strcmp(name + size + 1, ends[1].name) == 0) {
            *(int *)into = (int)i;
            return;
        }
    }
    document_fail(document, value, "there is no link %s; links are named A-B after their ends",
                  name);
}

static void take_down(struct document *document, node *value, void *into)
{
    set_kind(into, SCENARIO_LINK_DOWN);
    take_link_name(document, value, &((struct reading *)into)->fault.link);
}

static void take_change(struct document *document, node *value, void *into)
{
    set_kind(into, SCENARIO_LINK);
    take_link_name(document, value, &((struct reading *)into)->fault.link);
}

static void take_quality(struct document *document, node *value, void *into)
{
    struct scenario_link link = {0};

    document_take_fields(document, value, quality_fields, &link);
    check_quality(document, value, &link.quality);
    ((struct reading *)into)->fault.quality = link.quality;
}

#define FAULT(member) offsetof(struct scenario_fault, member)

static const struct field allocation_fields[] = {
    {"machine", load_machine_name, FAULT(machine), true},
    {"nth", take_u64, FAULT(nth), false},
    {"and-after", take_bool, FAULT(and_after), false},
    {"probability", take_probability, FAULT(probability_ppm), false},
    {0},
};

static void take_allocations(struct document *document, node *value, void *into)
{
    struct reading *reading = into;

    set_kind(reading, SCENARIO_ALLOCATIONS);
    document_take_fields(document, value, allocation_fields, &reading->fault);
    if (reading->fault.nth == 0 && reading->fault.probability_ppm == 0) {
        document_fail(document, value, "which allocations fail? Give nth or probability");
    }
}

static void take_skew(struct document *document, node *value, void *into)
{
    const char *text = document_text(document, value);
    char *end;

    if (text == NULL) {
        return;
    }
    long ppm = strtol(text, &end, 10);
    if (end == text || strcmp(end, "ppm") != 0 || ppm < -900000 || ppm > 1000000) {
        document_fail(document, value, "%s: a skew, as 200ppm or -50ppm, is wanted here", text);
        return;
    }
    *(int32_t *)into = (int32_t)ppm;
}

static const struct field clock_fields[] = {
    {"machine", load_machine_name, FAULT(machine), true},
    {"skew", take_skew, FAULT(skew_ppm), false},
    {"jump", take_signed_duration, FAULT(jump_ns), false},
    {0},
};

static void take_clock(struct document *document, node *value, void *into)
{
    struct reading *reading = into;

    set_kind(reading, SCENARIO_CLOCK);
    document_take_fields(document, value, clock_fields, &reading->fault);
}

static const struct field starve_fields[] = {
    {"machine", load_machine_name, FAULT(machine), true},
    {"cpu", take_unsigned, FAULT(cpu), false},
    {0},
};

static void take_starve(struct document *document, node *value, void *into)
{
    const struct scenario *scenario = document->owner;
    struct reading *reading = into;

    set_kind(reading, SCENARIO_STARVE);
    document_take_fields(document, value, starve_fields, &reading->fault);
    if (!document->failed &&
        reading->fault.cpu >= scenario->machines[reading->fault.machine].cpus) {
        document_fail(document, value, "the machine has no CPU %u", reading->fault.cpu);
    }
}

#define READING(member) offsetof(struct reading, member)

static const struct field fault_fields[] = {
    {"at", take_moment, READING(fault.at), false},
    {"for", take_duration, READING(fault.for_ns), false},
    {"chance", take_probability, READING(fault.chance_ppm), false},
    {"kill", take_kill, 0, false},
    {"restart", take_restart, 0, false},
    {"pause", take_pause, 0, false},
    {"resume", take_resume, 0, false},
    {"partition", take_partition, 0, false},
    {"heal", take_heal, 0, false},
    {"down", take_down, 0, false},
    {"link", take_change, 0, false},
    {"quality", take_quality, 0, false},
    {"allocations", take_allocations, 0, false},
    {"clock", take_clock, 0, false},
    {"starve", take_starve, 0, false},
    {0},
};

static void take_fault(struct document *document, node *value, void *into)
{
    struct scenario *scenario = into;
    struct reading reading = {.fault = {.line = document_line(value),
                                        .chance_ppm = 1000000,
                                        .machine = SCENARIO_NO_INDEX,
                                        .link = SCENARIO_NO_INDEX}};

    document_take_fields(document, value, fault_fields, &reading);
    if (reading.kinds != 1) {
        document_fail(document, value,
                      "a fault is one of kill, restart, pause, resume, partition, "
                      "heal, down, link, allocations, clock and starve");
    }
    if (reading.fault.kind == SCENARIO_STARVE && reading.fault.for_ns == 0) {
        document_fail(document, value, "how long does the CPU starve? Give `for`");
    }
    struct scenario_fault *faults =
        load_grow(document, scenario->faults, &scenario->fault_count, sizeof(faults[0]));
    if (faults != NULL) {
        faults[scenario->fault_count - 1] = reading.fault;
        scenario->faults = faults;
    }
}

void load_faults(struct document *document, node *value, void *into)
{
    document_each_item(document, value, take_fault, into);
}
