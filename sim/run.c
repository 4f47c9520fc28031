/* SPDX-License-Identifier: MIT */
/*
 * `assay run`: a machine in this process.
 *
 * The calling thread becomes the machine's CPU 0; the machine itself makes the terminal raw and
 * restores it. Signals and the time limit are the business of
 * one more thread, the watcher, so that no signal handler ever runs on top of the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hal-hosted/machine.h"
#include "hal-hosted/terminal.h"
#include "sim/command_line.h"
#include "sim/commands.h"
#include "sim/host_disk.h"
#include "sim/options.h"
#include "sim/root_image.h"
#include "sim/terminal.h"

/* Names and inodes of a root take about this part of its size; contents are read when needed. */
enum { METADATA_SHARE = 16 };

enum { STOP_GRACE_S = 30 };

/* Watches over one run. Written by the watcher before it stops the machine, read after the run. */
struct watcher {
    struct machine *machine;
    sigset_t signals;
    double timeout_s; /* 0: none */
    int reason;       /* exit status if the watcher ended the run, else 0 */
    pthread_t thread;
};

static struct timespec time_after(double seconds)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    time_t whole = (time_t)seconds;
    now.tv_sec += whole;
    now.tv_nsec += (long)((seconds - (double)whole) * 1e9);
    if (now.tv_nsec >= 1000000000) {
        now.tv_sec++;
        now.tv_nsec -= 1000000000;
    }
    return now;
}

/* Time left until a deadline; false if it is over. */
static bool time_until(const struct timespec *deadline, struct timespec *out)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    out->tv_sec = deadline->tv_sec - now.tv_sec;
    out->tv_nsec = deadline->tv_nsec - now.tv_nsec;
    if (out->tv_nsec < 0) {
        out->tv_sec--;
        out->tv_nsec += 1000000000;
    }
    return out->tv_sec >= 0;
}

/* The machine has been told to stop, which its CPUs do when they next leave the kernel. One that
 * does not get there, or a second signal, ends the process: all stubs end with it. Cancelled when
 * the machine has stopped. */
static void wait_for_end(struct watcher *watcher)
{
    const struct timespec grace = {.tv_sec = STOP_GRACE_S};
    int signal;

    do {
        signal = sigtimedwait(&watcher->signals, NULL, &grace);
    } while (signal == SIGWINCH || (signal < 0 && errno == EINTR));
    host_terminal_restore_all();
    if (signal > 0) {
        _exit(watcher->reason);
    }
    fprintf(stderr, "assay: the machine did not stop within %d s: its kernel hangs\n",
            STOP_GRACE_S);
    _exit(EXIT_CRASH);
}

static void *watch(void *context)
{
    struct watcher *watcher = context;
    const struct timespec deadline = time_after(watcher->timeout_s);

    for (;;) {
        struct timespec left;
        int signal;

        if (watcher->timeout_s > 0) {
            signal =
                time_until(&deadline, &left) ? sigtimedwait(&watcher->signals, NULL, &left) : 0;
        } else {
            signal = sigwaitinfo(&watcher->signals, NULL);
        }
        if (signal == SIGWINCH) {
            machine_console_resized(watcher->machine);
        } else if (signal > 0) {
            watcher->reason = EXIT_SIGNAL + signal;
            break;
        } else if (signal == 0 || errno == EAGAIN) {
            watcher->reason = EXIT_TIMEOUT;
            break;
        }
    }
    machine_stop(watcher->machine);
    wait_for_end(watcher);
    return NULL;
}

static void watcher_start(struct watcher *watcher, struct machine *machine,
                          const struct options *options)
{
    watcher->machine = machine;
    watcher->timeout_s = options->timeout_s;
    if (pthread_create(&watcher->thread, NULL, watch, watcher) != 0) {
        die(EXIT_HOST, "cannot start a thread");
    }
}

/* Block what the watcher waits for, in this thread and all that it starts. */
static void watcher_block_signals(struct watcher *watcher)
{
    static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGWINCH};

    sigemptyset(&watcher->signals);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        sigaddset(&watcher->signals, signals[i]);
    }
    pthread_sigmask(SIG_BLOCK, &watcher->signals, NULL);
}

static void watcher_finish(struct watcher *watcher)
{
    pthread_cancel(watcher->thread);
    pthread_join(watcher->thread, NULL);
}

static enum machine_engine choose_engine(const char *name)
{
    if (name == NULL || strcmp(name, "auto") == 0) {
        return MACHINE_ENGINE_AUTO;
    }
    if (strcmp(name, "stub") == 0) {
        return MACHINE_ENGINE_STUB;
    }
    if (strcmp(name, "ptrace") == 0) {
        return MACHINE_ENGINE_PTRACE;
    }
    die(EXIT_USAGE, "--engine %s: not one of auto, stub and ptrace", name);
}

static int open_trace(const struct options *options)
{
    if (!options->trace) {
        return -1;
    }
    if (options->trace_file == NULL) {
        return STDERR_FILENO;
    }
    int fd = open(options->trace_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        die(EXIT_MISSING, "--trace %s: %s", options->trace_file, strerror(errno));
    }
    return fd;
}

static struct machine *create_machine(const struct options *options, const struct root_image *root)
{
    struct machine *machine;
    char message[256] = "";
    char *line = command_line_create(options, terminal_is_interactive() ? STDOUT_FILENO : -1);
    const struct machine_config config = {
        .ram_bytes = options->ram_bytes,
        .cpus = options->cpus,
        .cmdline = line,
        .initrd = root->bytes,
        .initrd_bytes = root->size,
        .engine = choose_engine(options->engine),
        .trace_exact = options->trace_exact,
        .input_fd = STDIN_FILENO,
        .output_fd = STDOUT_FILENO,
        .log_fd = STDERR_FILENO,
        .trace_fd = open_trace(options),
    };
    int error = machine_create(&config, &machine, message, sizeof(message));

    if (error < 0) {
        die(EXIT_HOST, "%s", message[0] != '\0' ? message : strerror(-error));
    }
    free(line);
    return machine;
}

static void attach_disks(struct machine *machine, const struct options *options,
                         struct host_disk **disks)
{
    for (unsigned i = 0; i < options->disk_count; i++) {
        const struct disk_option *disk = &options->disks[i];
        int error = host_disk_attach(machine, disk->path, disk->read_only, &disks[i]);

        if (error < 0) {
            die(EXIT_MISSING, "--disk %s: %s", disk->path,
                error == -EINVAL ? "not a file of at least one sector" : strerror(-error));
        }
    }
}

int command_run(int argc, char **argv)
{
    struct options options;
    struct root_image root;
    struct watcher watcher = {0};
    struct host_disk *disks[OPTIONS_DISKS_MAX] = {0};

    options_parse(COMMAND_RUN, argc, argv, &options);
    root_image_create(&options, &root);
    options_settle_ram(&options, MACHINE_RAM_MIN + root.size / METADATA_SHARE, 0);
    watcher_block_signals(&watcher);
    struct machine *machine = create_machine(&options, &root);
    attach_disks(machine, &options, disks);
    watcher_start(&watcher, machine, &options);
    int status = machine_run(machine);
    watcher_finish(&watcher);
    for (unsigned i = 0; i < options.disk_count; i++) {
        host_disk_detach(disks[i]);
    }
    machine_destroy(machine);
    root_image_destroy(&root);
    options_free(&options);
    if (status == MACHINE_CRASHED) {
        return EXIT_CRASH;
    }
    return status == MACHINE_STOPPED ? watcher.reason : status;
}
