/* SPDX-License-Identifier: MIT */
/*
 * The NICs and disks of a run's machines (sim/scenario/run_internal.h): virtio models on their
 * buses. They exist before the machines are switched on and until the simulation is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/scenario/run_internal.h"
#include "sim/virtio/virtio.h"

struct run_device {
    struct run_device *next;
    struct sim_machine *machine;
    struct sim_device *device;
    struct virtio_model *model;
    struct disk *disk;                  /* NULL: a NIC */
    struct run_disk_explorer *explorer; /* of this disk; NULL: none */
    unsigned index;                     /* in the event log */
};

static void *host_memory(void *context, uint64_t paddr, size_t bytes)
{
    struct run_device *device = context;

    return sim_machine_memory(device->machine, paddr, bytes);
}

static void host_raise(void *context, unsigned index)
{
    struct run_device *device = context;

    if (device->device != NULL) {
        sim_device_raise(device->device, index);
    }
}

static struct run_device *add_device(struct run *run, int machine)
{
    struct run_device *device = calloc(1, sizeof(*device));

    if (device != NULL) {
        device->machine = run->machines[machine];
        device->index = run->device_count++;
        device->next = run->devices;
        run->devices = device;
    }
    return device;
}

static int plug_in(struct run_device *device, uint16_t id, uint32_t class_code)
{
    const struct sim_device_id identity = {VIRTIO_VENDOR, id, VIRTIO_VENDOR, id, class_code};

    return sim_device_add(device->machine, &identity, &virtio_device_ops, device->model,
                          &device->device);
}

int run_device_add_nic(struct run *run, const struct scenario_node *end, struct network_node **out)
{
    struct run_device *device = add_device(run, end->machine);
    int error = -ENOMEM;

    if (device != NULL) {
        const uint8_t address[6] = {
            2, 0, 0, 0, (uint8_t)(device->index >> 8), (uint8_t)device->index};
        const struct virtio_host host = {host_memory, host_raise, device};
        error = virtio_net_create(&host, address, &device->model);
    }
    if (error == 0) {
        error = network_add_nic(run->network, end->name, virtio_net_receive, device->model, out);
    }
    if (error == 0) {
        virtio_net_attach(device->model, *out);
        error = plug_in(device, VIRTIO_DEVICE_NET, VIRTIO_CLASS_NET);
    }
    return error;
}

/* ---- disks ---- */

static uint64_t clock_now(void *context)
{
    return sim_now_ns(context);
}

static int clock_call_at(void *context, uint64_t when_ns, void (*run)(void *argument),
                         void *argument)
{
    return sim_at(context, when_ns, run, argument) == 0 ? -ENOMEM : 0;
}

/* Record what a crash could undo. Without memory the states would be others, and wrong. */
static void trace_request(struct run_device *device, const struct disk_report *report)
{
    struct crash_trace *trace = device->explorer->trace;
    size_t console_bytes;

    (void)sim_machine_console(device->machine, &console_bytes);
    crash_trace_mark(trace, console_bytes);
    if (report->operation == DISK_FLUSH) {
        (void)crash_trace_flush(trace);
    } else if (report->operation == DISK_WRITE && report->sectors_kept > 0 &&
               crash_trace_write(trace, report->sector, report->sectors_kept, report->bytes) != 0) {
        abort();
    }
}

static void observe_disk(void *context, const struct disk_report *report)
{
    static const char *const names[] = {"read", "write", "flush"};
    struct run_device *device = context;
    char text[96];
    int size = snprintf(text, sizeof(text), "%s %llu sectors%s%s", names[report->operation],
                        (unsigned long long)report->count, report->fault == NULL ? "" : ": ",
                        report->fault == NULL ? "" : report->fault);

    if (device->explorer != NULL && device->explorer->trace != NULL && report->status == 0) {
        trace_request(device, report);
    }
    sim_event(sim_machine_sim(device->machine), device->machine, SIM_EVENT_SECTOR,
              (uint64_t)device->index << 8 | report->operation, report->sector, text, (size_t)size);
}

static int poke(void *context, uint64_t sector, uint64_t count, const void *bytes)
{
    return disk_poke(context, sector, count, bytes);
}

/* The disk is the one that is explored: as a crash left it, or to be recorded from now on. */
static int set_explorer(struct run *run, struct run_device *device)
{
    struct run_disk_explorer *explorer = run->options->disk;

    if (run_is_after_crash(run)) {
        return crash_state_replay(explorer->trace, explorer->state, poke, device->disk);
    }
    device->explorer = explorer;
    return 0;
}

static bool is_explored(const struct run *run, size_t machine, const struct scenario_disk *disk)
{
    const struct run_disk_explorer *explorer = run->options->disk;

    return explorer != NULL && explorer->machine == (int)machine &&
           disk == &run->scenario->machines[machine].disks[explorer->disk];
}

static int add_disk(struct run *run, size_t machine, const struct scenario_disk *wanted)
{
    struct run_device *device = add_device(run, (int)machine);
    char name[256];

    if (device == NULL) {
        return -ENOMEM;
    }
    snprintf(name, sizeof(name), "%s.%s", run->scenario->machines[machine].name, wanted->name);
    int base = wanted->image == NULL ? -1 : open(wanted->image, O_RDONLY | O_CLOEXEC);
    if (wanted->image != NULL && base < 0) {
        return -errno;
    }
    struct disk_config config = {
        .name = name,
        .seed = run->options->seed,
        .stream = device->index,
        .clock = {clock_now, clock_call_at, run->sim},
        .plan = run->options->plan,
        .sectors = wanted->bytes / DISK_SECTOR,
        .base_fd = base,
        .quality = wanted->quality,
    };
    if (run_is_after_crash(run) && is_explored(run, machine, wanted)) {
        config.quality = (struct disk_quality){.latency_ns = wanted->quality.latency_ns};
    }
    int error = disk_create(&config, &device->disk);
    if (base >= 0) {
        close(base);
    }
    if (error == 0) {
        const struct virtio_host host = {host_memory, host_raise, device};
        disk_observe(device->disk, observe_disk, device);
        error = virtio_blk_create(&host, device->disk, &device->model);
    }
    if (error == 0 && is_explored(run, machine, wanted)) {
        error = set_explorer(run, device);
    }
    return error != 0 ? error : plug_in(device, VIRTIO_DEVICE_BLK, VIRTIO_CLASS_BLK);
}

void run_devices_add_disks(struct run *run)
{
    for (size_t i = 0; i < run->scenario->machine_count; i++) {
        const struct scenario_machine *machine = &run->scenario->machines[i];
        for (size_t j = 0; j < machine->disk_count && !run_is_over(run); j++) {
            int error = add_disk(run, i, &machine->disks[j]);
            if (error != 0) {
                run_invalid(run, machine->disks[j].line, "the disk %s cannot be made: %s",
                            machine->disks[j].name, strerror(-error));
            }
        }
    }
}

/* What the explored machine's console has said, for the checks of crashes. */
static void take_console(const struct run_device *device)
{
    struct run_disk_explorer *explorer = device->explorer;
    size_t bytes;
    const char *console = sim_machine_console(device->machine, &bytes);

    crash_trace_mark(explorer->trace, bytes);
    explorer->console = malloc(bytes + 1);
    if (explorer->console != NULL) {
        memcpy(explorer->console, console, bytes);
        explorer->console_bytes = bytes;
    }
}

void run_devices_explore(struct run *run, bool begin)
{
    struct run_disk_explorer *explorer = run->options->disk;

    for (struct run_device *device = run->devices; device != NULL; device = device->next) {
        if (device->explorer == NULL) {
            continue;
        }
        if (explorer->kind == RUN_EXPLORE_CRASHES && !begin) {
            take_console(device);
            device->explorer = NULL; /* checks are not recorded */
        } else if (explorer->kind == RUN_EXPLORE_REQUESTS && begin) {
            run->result->allocations = disk_requests(device->disk);
            disk_fail_nth(device->disk, explorer->nth);
        } else if (explorer->kind == RUN_EXPLORE_REQUESTS) {
            run->result->allocations = disk_requests(device->disk) - run->result->allocations;
            disk_fail_nth(device->disk, 0);
        }
    }
}

void run_devices_save_disks(const struct run *run)
{
    char path[4096];

    for (const struct run_device *device = run->devices; device != NULL; device = device->next) {
        if (device->disk != NULL) {
            snprintf(path, sizeof(path), "%s/%s.disk", run->options->folder,
                     disk_name(device->disk));
            (void)disk_save(device->disk, path);
        }
    }
}

void run_devices_destroy(struct run *run)
{
    while (run->devices != NULL) {
        struct run_device *device = run->devices;
        run->devices = device->next;
        virtio_destroy(device->model);
        disk_destroy(device->disk);
        free(device);
    }
}
