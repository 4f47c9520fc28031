/* SPDX-License-Identifier: MIT */
/*
 * Notes the faults of a run and restricts them to a chosen set (sim/faults/plan.h). The set is
 * sorted once, at the first question after a change.
 */
#include "sim/faults/plan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct fault_plan {
    char **sources;
    uint32_t source_count;
    struct fault *fired;
    size_t fired_count, fired_room;
    bool restricted, sorted;
    struct fault *allowed;
    size_t allowed_count, allowed_room;
};

static const char *const kind_names[FAULT_KINDS] = {
    [FAULT_FRAME_LOST] = "frame-lost",
    [FAULT_FRAME_DUPLICATED] = "frame-duplicated",
    [FAULT_FRAME_REORDERED] = "frame-reordered",
    [FAULT_FRAME_CORRUPTED] = "frame-corrupted",
    [FAULT_LINK_DOWN] = "link-down",
    [FAULT_READ_FAILED] = "read-failed",
    [FAULT_READ_CORRUPTED] = "read-corrupted",
    [FAULT_WRITE_FAILED] = "write-failed",
    [FAULT_WRITE_LOST] = "write-lost",
    [FAULT_WRITE_TORN] = "write-torn",
    [FAULT_WRITE_REORDERED] = "write-reordered",
    [FAULT_DISK_FULL] = "disk-full",
    [FAULT_POWER_CUT] = "power-cut",
    [FAULT_ALLOCATION] = "allocation",
    [FAULT_CLOCK] = "clock",
    [FAULT_STARVATION] = "starvation",
    [FAULT_KILL] = "kill",
    [FAULT_PAUSE] = "pause",
};

const char *fault_kind_name(enum fault_kind kind)
{
    return (unsigned)kind < FAULT_KINDS ? kind_names[kind] : "unknown";
}

struct fault_plan *fault_plan_create(void)
{
    return calloc(1, sizeof(struct fault_plan));
}

void fault_plan_destroy(struct fault_plan *plan)
{
    if (plan == NULL) {
        return;
    }
    for (uint32_t i = 0; i < plan->source_count; i++) {
        free(plan->sources[i]);
    }
    free(plan->sources);
    free(plan->fired);
    free(plan->allowed);
    free(plan);
}

uint32_t fault_plan_source(struct fault_plan *plan, const char *name)
{
    for (uint32_t i = 0; i < plan->source_count; i++) {
        if (strcmp(plan->sources[i], name) == 0) {
            return i;
        }
    }
    char **sources = realloc(plan->sources, (plan->source_count + 1) * sizeof(*sources));
    if (sources == NULL) {
        return UINT32_MAX;
    }
    plan->sources = sources;
    char *copy = strdup(name);
    if (copy == NULL) {
        return UINT32_MAX;
    }
    sources[plan->source_count] = copy;
    return plan->source_count++;
}

const char *fault_plan_source_name(const struct fault_plan *plan, uint32_t source)
{
    return source < plan->source_count ? plan->sources[source] : "unknown";
}

static int append(struct fault **list, size_t *count, size_t *room, const struct fault *fault)
{
    if (*count == *room) {
        size_t wanted = *room == 0 ? 64 : *room * 2;
        struct fault *larger = realloc(*list, wanted * sizeof(*larger));
        if (larger == NULL) {
            return -ENOMEM;
        }
        *list = larger;
        *room = wanted;
    }
    (*list)[(*count)++] = *fault;
    return 0;
}

/* The order has no meaning, but finds equal faults. */
static int compare(const void *left, const void *right)
{
    const struct fault *a = left, *b = right;

    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    if (a->source != b->source) {
        return a->source < b->source ? -1 : 1;
    }
    return (a->ordinal > b->ordinal) - (a->ordinal < b->ordinal);
}

bool fault_plan_fire(struct fault_plan *plan, uint64_t time_ns, enum fault_kind kind,
                     uint32_t source, uint64_t ordinal)
{
    const struct fault fault = {time_ns, kind, source, ordinal};

    if (plan == NULL) {
        return true;
    }
    if (plan->restricted) {
        if (!plan->sorted && plan->allowed_count > 0) {
            qsort(plan->allowed, plan->allowed_count, sizeof(fault), compare);
            plan->sorted = true;
        }
        if (plan->allowed_count == 0 ||
            bsearch(&fault, plan->allowed, plan->allowed_count, sizeof(fault), compare) == NULL) {
            return false;
        }
    }
    /* A fault that cannot be noted does not happen: a plan is never incomplete. */
    return append(&plan->fired, &plan->fired_count, &plan->fired_room, &fault) == 0;
}

size_t fault_plan_count(const struct fault_plan *plan)
{
    return plan->fired_count;
}

const struct fault *fault_plan_at(const struct fault_plan *plan, size_t index)
{
    return index < plan->fired_count ? &plan->fired[index] : NULL;
}

void fault_plan_restrict(struct fault_plan *plan)
{
    plan->restricted = true;
}

int fault_plan_allow(struct fault_plan *plan, enum fault_kind kind, const char *source,
                     uint64_t ordinal)
{
    const struct fault fault = {0, kind, fault_plan_source(plan, source), ordinal};

    plan->sorted = false;
    if (fault.source == UINT32_MAX) {
        return -ENOMEM;
    }
    return append(&plan->allowed, &plan->allowed_count, &plan->allowed_room, &fault);
}

void fault_plan_write(const struct fault_plan *plan, FILE *out)
{
    for (size_t i = 0; i < plan->fired_count; i++) {
        const struct fault *fault = &plan->fired[i];
        fprintf(out, "%" PRIu64 " %s %" PRIu64 " %s\n", fault->time_ns,
                fault_kind_name(fault->kind), fault->ordinal,
                fault_plan_source_name(plan, fault->source));
    }
}

static int read_line(struct fault_plan *plan, char *line)
{
    char kind[32];
    uint64_t time_ns, ordinal;
    int used = 0;

    line[strcspn(line, "\n")] = '\0';
    if (sscanf(line, "%" SCNu64 " %31s %" SCNu64 " %n", &time_ns, kind, &ordinal, &used) != 3 ||
        used == 0 || line[used] == '\0') {
        return -EINVAL;
    }
    for (int i = 0; i < FAULT_KINDS; i++) {
        if (strcmp(kind, kind_names[i]) == 0) {
            return fault_plan_allow(plan, (enum fault_kind)i, line + used, ordinal);
        }
    }
    return -EINVAL;
}

int fault_plan_read(struct fault_plan *plan, FILE *in)
{
    char *line = NULL;
    size_t room = 0;
    int error = 0;

    for (int number = 1; error == 0 && getline(&line, &room, in) >= 0; number++) {
        error = read_line(plan, line);
        if (error == -EINVAL) {
            error = number;
        }
    }
    free(line);
    return error;
}
