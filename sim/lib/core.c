/* SPDX-License-Identifier: MIT */
/*
 * Core files of machines (sim.h): the virtual CPUs and all tasks as threads.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "sim/lib/sim_internal.h"

enum { CPU_ID = 1000000 };

static unsigned count_users(const struct machine *machine)
{
    unsigned count = 0;

    for (struct hal_user *user = world_user_next(machine, NULL); user;
         user = world_user_next(machine, user)) {
        count++;
    }
    return count;
}

int sim_machine_core(struct sim_machine *self, const char *path)
{
    struct machine *machine = self->machine;
    struct world_core_thread *threads;
    unsigned count = 0;
    int fd, error;

    if (sim_machine_state(self) == SIM_MACHINE_OFF) {
        return sim_fail(self->sim, -ESRCH, "%s is off", self->name);
    }
    threads = calloc(self->cpus + count_users(machine), sizeof *threads);
    fd = threads ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;
    if (fd < 0) {
        error = threads ? -errno : -ENOMEM;
        free(threads);
        return sim_fail(self->sim, error, "cannot write %s", path);
    }
    for (unsigned i = 0; i < self->cpus; i++) {
        threads[count++] = (struct world_core_thread){world_vcpu_context(machine, i), CPU_ID + i};
    }
    for (struct hal_user *user = world_user_next(machine, NULL); user;
         user = world_user_next(machine, user)) {
        const struct hal_context *context = kernel_view_context(user);
        if (context) {
            threads[count++] = (struct world_core_thread){context, kernel_view_tid(user)};
        }
    }
    error = world_machine_core(machine, fd, threads, count);
    close(fd);
    free(threads);
    return error < 0 ? sim_fail(self->sim, error, "cannot write %s", path) : 0;
}
