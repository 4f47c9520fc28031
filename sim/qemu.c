/* SPDX-License-Identifier: MIT */
/*
 * `assay qemu`: the bare-metal kernel in QEMU, without acceleration by the host.
 *
 * The guest's console is COM1, on standard input and output. The system call trace is COM2. What
 * the kernel writes to QEMU's debug console (port 0xe9) is its log, except for a last line
 * "exit N", which carries the program's exit status; QEMU itself ends by ACPI power-off. Both come
 * here by pipes. q35 is the machine because it is the one like a PC, with PCIe and ACPI; it starts
 * in 0.08 s, pc in 0.07 s and microvm in 0.03 s.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/command_line.h"
#include "sim/commands.h"
#include "sim/options.h"
#include "sim/root_image.h"
#include "sim/terminal.h"

/* Memory that the kernel and a small program need beside the root. */
enum { RAM_MIN = 8 << 20 };

/* The kernel copies a smaller root out of the image at once. */
enum { LARGE_ROOT = 32 << 20 };

enum { LINE_MAX_SIZE = 4096, EOF_KEY = 4, DRIVE_TEXT = 8192, QEMU_ARGUMENTS = 48 };

static const char qemu[] = "qemu-system-x86_64";

struct pipe_ends {
    int read_fd, write_fd;
};

struct qemu_run {
    const struct options *options;
    pid_t pid;
    int signal_fd;
    int timer_fd;
    struct pipe_ends debug; /* log and exit status */
    struct pipe_ends trace;
    struct pipe_ends input; /* only if standard input is no terminal */
    int trace_out;          /* where the trace goes; -1: no trace */
    char last_input;        /* last byte of standard input */
    char line[LINE_MAX_SIZE];
    size_t line_size;
    int guest_status; /* -1 until the kernel reports it */
};

static struct pipe_ends make_pipe(void)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0) {
        die(EXIT_HOST, "cannot make a pipe: %s", strerror(errno));
    }
    return (struct pipe_ends){.read_fd = fds[0], .write_fd = fds[1]};
}

static void close_end(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

static void write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t count = write(fd, bytes, size);

        if (count < 0 && errno != EINTR) {
            return;
        }
        if (count > 0) {
            bytes += count;
            size -= (size_t)count;
        }
    }
}

/* --- Starting QEMU --- */

static void open_pipes(struct qemu_run *run)
{
    const struct options *options = run->options;

    run->debug = make_pipe();
    run->trace = run->input = (struct pipe_ends){-1, -1};
    run->trace_out = -1;
    if (options->trace) {
        run->trace = make_pipe();
        run->trace_out = STDERR_FILENO;
    }
    if (options->trace_file != NULL) {
        run->trace_out = open(options->trace_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (run->trace_out < 0) {
            die(EXIT_MISSING, "--trace %s: %s", options->trace_file, strerror(errno));
        }
    }
    if (!isatty(STDIN_FILENO)) {
        run->input = make_pipe();
    }
}

/* Commas in a value are doubled. */
static void put_path(char *text, size_t bytes, const char *path)
{
    size_t at = strlen(text);

    for (; *path != '\0' && at + 3 < bytes; path++) {
        text[at++] = *path;
        if (*path == ',') {
            text[at++] = ',';
        }
    }
    text[at] = '\0';
}

/* The disks' arguments, behind the others. */
static void add_disks(const struct options *options, const char **argv, char (*drives)[DRIVE_TEXT],
                      char (*devices)[DRIVE_TEXT])
{
    size_t count = 0;

    while (argv[count] != NULL) {
        count++;
    }
    for (unsigned i = 0; i < options->disk_count; i++) {
        const struct disk_option *disk = &options->disks[i];

        snprintf(drives[i], DRIVE_TEXT, "if=none,format=raw,discard=unmap,id=disk%u%s,file=", i,
                 disk->read_only ? ",readonly=on" : "");
        put_path(drives[i], DRIVE_TEXT, disk->path);
        snprintf(devices[i], DRIVE_TEXT, "virtio-blk-pci,drive=disk%u,serial=disk%u", i, i);
        argv[count++] = "-drive";
        argv[count++] = drives[i];
        argv[count++] = "-device";
        argv[count++] = devices[i];
    }
    argv[count] = NULL;
}

/* In the child: become QEMU. */
static void exec_qemu(struct qemu_run *run, int root_fd, const char *command_line)
{
    const struct options *options = run->options;
    char memory[32], cpus[16], initrd[64], debug[64], trace[64];
    sigset_t none;

    snprintf(memory, sizeof(memory), "%lluK", (unsigned long long)options->ram_bytes >> 10);
    snprintf(cpus, sizeof(cpus), "%u", options->cpus);
    snprintf(initrd, sizeof(initrd), "/proc/self/fd/%d", root_fd);
    snprintf(debug, sizeof(debug), "file:/proc/self/fd/%d", run->debug.write_fd);
    snprintf(trace, sizeof(trace), "file:/proc/self/fd/%d", run->trace.write_fd);
    char drives[OPTIONS_DISKS_MAX][DRIVE_TEXT], devices[OPTIONS_DISKS_MAX][DRIVE_TEXT];
    /* clang-format off */
    const char *argv[QEMU_ARGUMENTS + 4 * OPTIONS_DISKS_MAX] = {
        qemu, "-accel", "tcg", "-M", options->machine, "-cpu", "max", "-m", memory, "-smp", cpus,
        "-nodefaults", "-no-user-config", "-nic", "none", "-display", "none", "-no-reboot",
        "-kernel", options->kernel, "-initrd", initrd, "-append", command_line,
        "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
        "-debugcon", debug, options->trace ? "-serial" : NULL, trace, NULL,
    };
    /* clang-format on */
    add_disks(options, argv, drives, devices);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    fcntl(root_fd, F_SETFD, 0);
    fcntl(run->debug.write_fd, F_SETFD, 0);
    if (run->trace.write_fd >= 0) {
        fcntl(run->trace.write_fd, F_SETFD, 0);
    }
    if (run->input.read_fd >= 0) {
        dup2(run->input.read_fd, STDIN_FILENO);
    }
    execvp(qemu, (char **)argv);
    fprintf(stderr, "assay: cannot start %s: %s\n", qemu, strerror(errno));
    _exit(EXIT_HOST);
}

static void block_signals(struct qemu_run *run)
{
    static const int signals[] = {SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        sigaddset(&set, signals[i]);
    }
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    run->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
    run->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (run->signal_fd < 0 || run->timer_fd < 0) {
        die(EXIT_HOST, "cannot watch QEMU: %s", strerror(errno));
    }
}

static void start(struct qemu_run *run, const struct root_image *root)
{
    int root_fd = root_image_open(root);
    char *line = command_line_create(run->options, terminal_is_interactive() ? STDOUT_FILENO : -1);
    const double timeout = run->options->timeout_s;
    const struct itimerspec timer = {
        .it_value = {.tv_sec = (time_t)timeout,
                     .tv_nsec = (long)((timeout - (double)(time_t)timeout) * 1e9)},
    };

    run->pid = fork();
    if (run->pid < 0) {
        die(EXIT_HOST, "cannot start a process: %s", strerror(errno));
    }
    if (run->pid == 0) {
        exec_qemu(run, root_fd, line);
    }
    free(line);
    close(root_fd);
    timerfd_settime(run->timer_fd, 0, &timer, NULL);
    close_end(&run->debug.write_fd);
    close_end(&run->trace.write_fd);
    close_end(&run->input.read_fd);
}

/* --- While it runs --- */

/* One line of the debug console, without its end. */
static void take_line(struct qemu_run *run)
{
    int status, used = 0;

    run->line[run->line_size] = '\0';
    if (sscanf(run->line, "exit %d%n", &status, &used) == 1 && (size_t)used == run->line_size) {
        run->guest_status = status & 0xff;
    } else {
        run->line[run->line_size++] = '\n';
        write_all(STDERR_FILENO, run->line, run->line_size);
    }
    run->line_size = 0;
}

/* False at end of file. */
static bool take_debug(struct qemu_run *run)
{
    char bytes[1024];
    ssize_t count = read(run->debug.read_fd, bytes, sizeof(bytes));

    for (ssize_t i = 0; i < count; i++) {
        if (bytes[i] == '\n' || run->line_size == sizeof(run->line) - 2) {
            take_line(run);
        }
        if (bytes[i] != '\n' && bytes[i] != '\r') {
            run->line[run->line_size++] = bytes[i];
        }
    }
    return count > 0;
}

static bool take_trace(struct qemu_run *run)
{
    char bytes[16384];
    ssize_t count = read(run->trace.read_fd, bytes, sizeof(bytes));

    if (count > 0) {
        write_all(run->trace_out, bytes, (size_t)count);
    }
    return count > 0;
}

/* Standard input that is no terminal: at its end the guest's terminal gets the end-of-file key,
 * twice if the last line is unfinished. QEMU takes bytes as the guest reads them. */
static bool take_input(struct qemu_run *run)
{
    static const char end[] = {EOF_KEY, EOF_KEY};
    char bytes[1024];
    ssize_t count = read(STDIN_FILENO, bytes, sizeof(bytes));

    if (count > 0) {
        write_all(run->input.write_fd, bytes, (size_t)count);
        run->last_input = bytes[count - 1];
        return true;
    }
    write_all(run->input.write_fd, end, run->last_input == '\n' ? 1 : 2);
    return false;
}

/* The poll entry waits for input, or for space in the pipe when there is input but no space. */
static void serve_input(struct qemu_run *run, struct pollfd *waiting)
{
    struct pollfd space = {.fd = run->input.write_fd, .events = POLLOUT};

    if (waiting->fd == space.fd) {
        *waiting = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    } else if (poll(&space, 1, 0) == 0) {
        *waiting = space;
    } else if (!take_input(run)) {
        waiting->fd = -1;
    }
}

/* A signal has arrived: the status to end with, or -1 to go on waiting for QEMU. */
static int take_signal(struct qemu_run *run, bool *ended)
{
    struct signalfd_siginfo info;

    if (read(run->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info)) {
        return -1;
    }
    if (info.ssi_signo != SIGCHLD) {
        return EXIT_SIGNAL + (int)info.ssi_signo;
    }
    siginfo_t child = {0};
    *ended = waitid(P_PID, (id_t)run->pid, &child, WEXITED | WNOHANG | WNOWAIT) == 0 &&
             child.si_pid == run->pid;
    return -1;
}

/* Serve QEMU until it ends, or until a signal or the time limit ends it. Returns the exit status
 * that was forced on it, or -1 if it ended by itself. */
static int serve(struct qemu_run *run)
{
    enum { SIGNAL, TIMER, DEBUG, TRACE, INPUT, COUNT };
    struct pollfd fds[COUNT] = {
        [SIGNAL] = {.fd = run->signal_fd, .events = POLLIN},
        [TIMER] = {.fd = run->timer_fd, .events = POLLIN},
        [DEBUG] = {.fd = run->debug.read_fd, .events = POLLIN},
        [TRACE] = {.fd = run->trace.read_fd, .events = POLLIN},
        [INPUT] = {.fd = run->input.write_fd >= 0 ? STDIN_FILENO : -1, .events = POLLIN},
    };
    bool ended = false;

    while (!ended) {
        int status = -1;

        if (poll(fds, COUNT, -1) < 0) {
            continue;
        }
        if (fds[DEBUG].revents != 0 && !take_debug(run)) {
            fds[DEBUG].fd = -1;
        }
        if (fds[TRACE].revents != 0 && !take_trace(run)) {
            fds[TRACE].fd = -1;
        }
        if (fds[INPUT].revents != 0) {
            serve_input(run, &fds[INPUT]);
        }
        if (fds[SIGNAL].revents != 0) {
            status = take_signal(run, &ended);
        } else if (fds[TIMER].revents != 0) {
            status = EXIT_TIMEOUT;
        }
        if (status >= 0) {
            kill(run->pid, SIGKILL);
            return status;
        }
    }
    return -1;
}

/* QEMU has ended or was killed: take what is left in the pipes and choose the exit status. */
static int finish(struct qemu_run *run, int forced_status)
{
    int wait_status;

    waitpid(run->pid, &wait_status, 0);
    while (take_debug(run)) {
    }
    if (run->line_size > 0) {
        take_line(run);
    }
    while (run->trace.read_fd >= 0 && take_trace(run)) {
    }
    if (forced_status >= 0) {
        return forced_status;
    }
    if (run->guest_status >= 0) {
        return run->guest_status;
    }
    if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) != 0) {
        return EXIT_HOST;
    }
    fputs("assay: the machine went off without an exit status\n", stderr);
    return EXIT_CRASH;
}

/* The root is in the machine's memory, and a copy of what is used of it. */
static void settle_ram(struct options *options, uint64_t root_bytes)
{
    bool large = root_bytes > LARGE_ROOT;
    uint64_t copied = large ? root_bytes / 8 : root_bytes;

    options_settle_ram(options, RAM_MIN + root_bytes + copied, large ? root_bytes : 0);
}

int command_qemu(int argc, char **argv)
{
    struct options options;
    struct root_image root;
    struct qemu_run run = {.options = &options, .guest_status = -1, .last_input = '\n'};

    options_parse(COMMAND_QEMU, argc, argv, &options);
    if (access(options.kernel, R_OK) < 0) {
        die(EXIT_MISSING, "--kernel %s: %s", options.kernel, strerror(errno));
    }
    root_image_create(&options, &root);
    settle_ram(&options, root.size);
    open_pipes(&run);
    block_signals(&run);
    terminal_make_raw();
    start(&run, &root);
    int status = finish(&run, serve(&run));
    terminal_restore();
    root_image_destroy(&root);
    options_free(&options);
    return status;
}
