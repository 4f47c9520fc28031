/* SPDX-License-Identifier: MIT */
/*
 * Machines of a simulation: image, boot up to the first task, power, console.
 *
 * The kernel's job in every machine is a scripted task (world.h): a file that the image gets
 * besides its own, executed by process 1 and then unlinked.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sim/lib/sim_internal.h"
#include "sim/newc.h"

enum { RAM_DEFAULT = 64 << 20, CONSOLE_MAX = 16 << 20 };

#define BOOT_LIMIT_NS 600000000000ull
#define TASK_FILE ".sim-task"

struct sim_machine *machine_of(struct sim *sim, const struct machine *machine)
{
    return sim->machines[world_machine_index(machine)];
}

/* --- the image --- */

static int image_build(struct sim_machine *self, const struct sim_machine_config *config)
{
    unsigned char task[WORLD_SCRIPT_ELF_BYTES];
    size_t task_bytes = world_script_elf(task);
    const struct newc_entry entry = {.path = TASK_FILE,
                                     .ino = 1,
                                     .mode = S_IFREG | 0700,
                                     .nlink = 1,
                                     .size = (uint32_t)task_bytes};
    FILE *out = open_memstream(&self->image, &self->image_bytes);

    if (!out) {
        return -ENOMEM;
    }
    fwrite(config->image, 1, config->image ? config->image_bytes : 0, out);
    newc_write_pad(out, config->image ? config->image_bytes : 0);
    newc_write_header(out, &entry);
    fwrite(task, 1, task_bytes, out);
    newc_write_pad(out, task_bytes);
    newc_write_trailer(out);
    return fclose(out) == 0 ? 0 : -ENOMEM;
}

/* --- life --- */

static int machine_make(struct sim_machine *self, const struct sim_machine_config *config)
{
    struct sim *sim = self->sim;
    char line[1024], message[256] = "";
    struct machine_config machine = {
        .ram_bytes = config->ram_bytes ? config->ram_bytes : RAM_DEFAULT,
        .cpus = self->cpus,
        .cmdline = line,
        .initrd = self->image,
        .initrd_bytes = self->image_bytes,
        .engine = config->no_programs ? MACHINE_ENGINE_NONE : MACHINE_ENGINE_STUB,
        .input_fd = -1,
        .output_fd = -1,
        .log_fd = -1,
        .trace_fd = -1,
    };
    int error;

    /* The code of a vDSO is the compiler's, and programs are stepped by counted instructions. */
    if (snprintf(line, sizeof line, "vdso=0 %s -- /" TASK_FILE,
                 config->options ? config->options : "quiet") >= (int)sizeof line) {
        return sim_fail(sim, -EINVAL, "machine %s: its kernel options are too long", self->name);
    }
    error = world_machine_create(sim->world, &machine, &self->machine, message, sizeof message);
    if (error < 0) {
        return sim_fail(sim, error, "machine %s: %s", self->name,
                        message[0] ? message : strerror(-error));
    }
    return 0;
}

int sim_machine_add(struct sim *sim, const struct sim_machine_config *config,
                    struct sim_machine **out)
{
    struct sim_machine *self = calloc(1, sizeof *self);
    struct sim_machine **machines =
        realloc(sim->machines, (sim->machine_count + 1) * sizeof(struct sim_machine *));
    int error = -ENOMEM;

    if (machines) {
        sim->machines = machines;
    }
    if (!self || !machines) {
        free(self);
        return sim_fail(sim, -ENOMEM, "out of memory");
    }
    self->sim = sim;
    self->index = sim->machine_count;
    self->cpus = config->cpus ? config->cpus : 1;
    self->log_fd = config->log_fd;
    self->no_programs = config->no_programs;
    if (config->name) {
        self->name = strdup(config->name);
    } else if (asprintf(&self->name, "m%u", self->index) < 0) {
        self->name = NULL;
    }
    if (!self->name || image_build(self, config) < 0) {
        sim_fail(sim, error, "out of memory");
        goto fail;
    }
    sim->machines[sim->machine_count] = self; /* the world's events refer to it */
    error = machine_make(self, config);
    if (error < 0) {
        goto fail;
    }
    sim->machine_count++;
    *out = self;
    return 0;

fail:
    free(self->image);
    free(self->name);
    free(self);
    return error;
}

void machine_free(struct sim_machine *self)
{
    machine_destroy(self->machine);
    while (self->devices) {
        struct sim_device *device = self->devices;
        self->devices = device->next;
        free(device);
    }
    free(self->console);
    free(self->image);
    free(self->name);
    free(self);
}

struct sim_machine *sim_machine_at(const struct sim *sim, unsigned index)
{
    return index < sim->machine_count ? sim->machines[index] : NULL;
}

const char *sim_machine_name(const struct sim_machine *machine)
{
    return machine->name;
}

unsigned sim_machine_index(const struct sim_machine *machine)
{
    return machine->index;
}

struct sim *sim_machine_sim(const struct sim_machine *machine)
{
    return machine->sim;
}

/* --- power --- */

enum sim_machine_state sim_machine_state(const struct sim_machine *machine)
{
    int status = world_machine_status(machine->machine);

    if (world_machine_is_on(machine->machine)) {
        return world_machine_is_held(machine->machine) ? SIM_MACHINE_PAUSED : SIM_MACHINE_ON;
    }
    return status < 0                  ? SIM_MACHINE_OFF
           : status == MACHINE_CRASHED ? SIM_MACHINE_CRASHED
                                       : SIM_MACHINE_EXITED;
}

int sim_machine_status(const struct sim_machine *machine)
{
    return world_machine_status(machine->machine);
}

/* Its handles are dead. */
void machine_forget_tasks(struct sim_machine *machine)
{
    machine->first = NULL;
    machine->faults = NULL;
    for (struct sim_task *task = machine->sim->tasks; task; task = task->next) {
        if (task->machine == machine) {
            task->user = 0;
        }
    }
}

static void devices_power(struct sim_machine *machine, bool on)
{
    for (struct sim_device *device = machine->devices; device; device = device->next) {
        if (device->ops.power) {
            device->ops.power(device->model, on);
        }
    }
}

int sim_machine_power_on(struct sim_machine *machine)
{
    int error;

    if (world_machine_is_on(machine->machine)) {
        return sim_fail(machine->sim, -EALREADY, "machine %s is on", machine->name);
    }
    if (!machine->no_programs) {
        report_host(machine->sim);
    }
    if (world_machine_status(machine->machine) >= 0) {
        sim_machine_kill(machine); /* clears what the last boot left */
    }
    machine_forget_tasks(machine);
    machine->boots++;
    machine->console_bytes = 0;
    devices_power(machine, true);
    error = world_machine_power_on(machine->machine);
    return error < 0
               ? sim_fail(machine->sim, error, "machine %s: %s", machine->name, strerror(-error))
               : 0;
}

static bool has_task(struct sim_machine *machine)
{
    return world_script_newest(machine->machine) != 0;
}

int sim_machine_boot(struct sim_machine *machine)
{
    uint64_t limit_ns = sim_now_ns(machine->sim) + BOOT_LIMIT_NS;
    int error = sim_machine_power_on(machine);

    while (error == 0 && !has_task(machine)) {
        enum world_stop stop = world_run(machine->sim->world, NULL, NULL, limit_ns);

        if (!world_machine_is_on(machine->machine) || stop == WORLD_STOP_QUIET ||
            stop == WORLD_STOP_TIME) {
            error = sim_fail(machine->sim, -EIO,
                             "machine %s did not come up: see its log and "
                             "console",
                             machine->name);
        }
    }
    if (error == 0 && !sim_machine_task(machine)) {
        error = sim_fail(machine->sim, -EIO, "machine %s: its first task died", machine->name);
    }
    return error;
}

void sim_machine_kill(struct sim_machine *machine)
{
    bool was_on = world_machine_is_on(machine->machine);

    world_machine_kill(machine->machine);
    machine_forget_tasks(machine);
    if (was_on) {
        devices_power(machine, false);
    }
}

void sim_machine_pause(struct sim_machine *machine)
{
    world_machine_hold(machine->machine, true);
}

void sim_machine_resume(struct sim_machine *machine)
{
    world_machine_hold(machine->machine, false);
}

int sim_machine_restart(struct sim_machine *machine)
{
    sim_machine_kill(machine);
    return sim_machine_boot(machine);
}

void sim_machine_press_power(struct sim_machine *machine)
{
    world_machine_power_button(machine->machine);
}

/* --- the first task --- */

/* Signals that a bad pointer brings are counted, not fatal: sim_peek and sim_poke use pointers that
 * the test made up. */
static void catch_faults(struct sim_task *task)
{
    static const unsigned signals[] = {7, 11}; /* SIGBUS, SIGSEGV */
    const struct {
        uint64_t handler, flags, restorer, mask;
    } action = {.handler = world_script_handler(), .flags = 0x04000000, .restorer = 1};
    uint64_t at = sim_buffer(task, &action, sizeof action);

    for (unsigned i = 0; at && i < sizeof signals / sizeof signals[0]; i++) {
        sim_syscall(task, SYS_rt_sigaction, signals[i], at, 0, 8, 0, 0);
    }
}

struct sim_task *sim_machine_task(const struct sim_machine *machine)
{
    struct sim_machine *self = (struct sim_machine *)machine;
    uint64_t path;

    if (!world_machine_is_on(self->machine) || !has_task(self)) {
        return NULL;
    }
    if (!self->first) {
        self->first = task_new(self, world_script_newest(self->machine));
        if (self->first) {
            catch_faults(self->first);
            path = sim_buffer_string(self->first, "/" TASK_FILE);
            sim_syscall(self->first, SYS_unlink, path, 0, 0, 0, 0, 0);
            sim_buffer_reset(self->first);
        }
    }
    return self->first;
}

/* --- console and memory --- */

/* On a vCPU's stack. */
void machine_output(void *context, struct machine *machine, bool console, const char *bytes,
                    size_t count)
{
    struct sim_machine *self = machine_of(context, machine);

    if (!console) {
        if (self->log_fd > 0 && write(self->log_fd, bytes, count) < 0) {
            self->log_fd = -1;
        }
        return;
    }
    if (self->console_bytes + count > CONSOLE_MAX) {
        return;
    }
    if (self->console_bytes + count + 1 > self->console_room) {
        size_t room = 2 * (self->console_bytes + count) + 256;
        char *larger = realloc(self->console, room);

        if (!larger) {
            return;
        }
        self->console = larger;
        self->console_room = room;
    }
    memcpy(self->console + self->console_bytes, bytes, count);
    self->console_bytes += count;
    self->console[self->console_bytes] = '\0';
}

const char *sim_machine_console(const struct sim_machine *machine, size_t *out_bytes)
{
    if (out_bytes) {
        *out_bytes = machine->console_bytes;
    }
    return machine->console_bytes ? machine->console : "";
}

void sim_machine_type(struct sim_machine *machine, const void *bytes, size_t count)
{
    world_machine_type(machine->machine, bytes, count);
}

void *sim_machine_memory(struct sim_machine *machine, uint64_t paddr, size_t bytes)
{
    return world_machine_memory(machine->machine, paddr, bytes);
}
