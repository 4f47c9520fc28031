/* SPDX-License-Identifier: MIT */
/*
 * The network of a run (sim/scenario/run_internal.h): its frames go to the event log and to
 * captures.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/log/reader.h"
#include "sim/scenario/run_internal.h"

static uint64_t clock_now(void *context)
{
    return sim_now_ns(context);
}

static int clock_call_at(void *context, uint64_t when_ns, void (*run)(void *argument),
                         void *argument)
{
    return sim_at(context, when_ns, run, argument) == 0 ? -ENOMEM : 0;
}

static unsigned link_index(const struct run *run, const struct network_link *link)
{
    unsigned index = 0;

    while (run->links[index] != link) {
        index++;
    }
    return index;
}

static void observe(void *context, const struct frame_report *report)
{
    struct run *run = context;
    const unsigned index = link_index(run, report->link);
    const bool whole = report->event == FRAME_SENT || report->event == FRAME_DELIVERED;

    sim_event(run->sim, NULL, SIM_EVENT_FRAME,
              log_frame_code(index, report->direction, report->event), report->number,
              report->bytes, whole ? report->count : 0);
    if (run->captures != NULL && run->captures[index] != NULL) {
        capture_report(run->captures[index], report);
    }
}

static int find_or_add(struct run *run, const struct scenario_node *end, struct network_node **out)
{
    *out = network_find(run->network, end->name);
    if (*out != NULL) {
        return 0;
    }
    return end->machine == SCENARIO_NO_INDEX ? network_add_switch(run->network, end->name, out)
                                             : run_device_add_nic(run, end, out);
}

static int create_link(struct run *run, size_t index)
{
    const struct scenario_link *link = &run->scenario->links[index];
    struct network_node *ends[2];
    char note[256];
    int error = 0;

    for (int i = 0; i < 2 && error == 0; i++) {
        error = find_or_add(run, &link->ends[i], &ends[i]);
        if (error == 0 && link->ends[i].machine != SCENARIO_NO_INDEX) {
            run->nics[2 * index + (size_t)i] = ends[i];
        }
    }
    if (error == 0) {
        error = network_join(run->network, ends[0], ends[1], &link->quality, &run->links[index]);
    }
    if (error == 0) {
        snprintf(note, sizeof(note), "link %zu is %s", index, network_link_name(run->links[index]));
        sim_note(run->sim, NULL, note);
    }
    if (error == 0 && run->options->folder != NULL) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/%s.pcap", run->options->folder,
                 network_link_name(run->links[index]));
        error = capture_create(path, UINT64_C(1893456000) * 1000000000, &run->captures[index]);
    }
    return error;
}

void run_network_create(struct run *run)
{
    const struct scenario *scenario = run->scenario;
    const struct network_config config = {
        .seed = run->options->seed,
        .clock = {clock_now, clock_call_at, run->sim},
        .plan = run->options->plan,
    };

    if (scenario->link_count == 0) {
        return;
    }
    run->links = calloc(scenario->link_count, sizeof(run->links[0]));
    run->nics = calloc(2 * scenario->link_count, sizeof(run->nics[0]));
    run->captures = calloc(scenario->link_count, sizeof(run->captures[0]));
    if (run->links == NULL || run->nics == NULL || run->captures == NULL ||
        network_create(&config, &run->network) != 0) {
        run_invalid(run, 0, "out of memory");
        return;
    }
    network_observe(run->network, observe, run);
    for (size_t i = 0; i < scenario->link_count && !run_is_over(run); i++) {
        int error = create_link(run, i);
        if (error != 0) {
            run_invalid(run, scenario->links[i].line, "cannot make this link: %s",
                        strerror(-error));
        }
    }
}

void run_network_destroy(struct run *run)
{
    for (size_t i = 0; run->captures != NULL && i < run->scenario->link_count; i++) {
        if (run->captures[i] != NULL) {
            (void)capture_close(run->captures[i]);
        }
    }
    network_destroy(run->network);
    free(run->captures);
    free(run->links);
    free(run->nics);
}
