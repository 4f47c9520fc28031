/* SPDX-License-Identifier: MIT
 *
 * Console channels (hal/console.h) on host file descriptors.
 *
 * Output to the console is written at once, in the calling vCPU, but never blocks it: what the
 * descriptor cannot take now is reported as a short write, and the console's host thread announces
 * when there is room. The descriptors are never switched to non-blocking mode, since others (the
 * shell) share them; poll and short writes do instead. Log and trace are gathered into whole lines,
 * so that lines of several machines do not mix, and may block.
 *
 * Input is read by one host thread for each machine into a ring, no faster than the guest takes
 * it. The same thread is where signals to the process run, as vCPU threads block them.
 *
 * Locks: input_lock and each line's lock are leaves (machine_internal.h).
 */
#include "hal-hosted/console.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hal-hosted/machine_internal.h"
#include "hal-hosted/terminal.h"
#include "hal-hosted/world/world_internal.h"
#include "hal/console.h"

enum {
    RING_BYTES = 4096,
    LINE_BYTES = 1024,
    WRITE_CHUNK = 1024, /* a pipe or terminal that polls writable takes this much at once */
    LINE_CHANNELS = 2,
};

struct line {
    pthread_mutex_t lock;
    int fd; /* -1: discard; only changed under lock */
    size_t fill;
    char bytes[LINE_BYTES];
};

struct console {
    struct machine *machine;
    pthread_t thread;
    bool started;
    int wake_fd; /* eventfd: makes the thread look at the fields below */

    uint32_t stopping;      /* atomic */
    uint32_t output_wanted; /* atomic: tell the kernel when output_fd is writable */
    uint32_t output_broken; /* atomic: nobody reads; discard */
    bool output_may_block;  /* constant: not a regular file */

    pthread_mutex_t input_lock;
    size_t head, fill; /* of ring */
    bool ended;
    char ring[RING_BYTES];

    struct line lines[LINE_CHANNELS]; /* log, trace */
};

static void console_wake(struct console *console)
{
    uint64_t one = 1;

    if (write(console->wake_fd, &one, sizeof one) < 0) {
        /* the counter is full: the thread will wake anyhow */
    }
}

/* --- output --- */

static bool fd_may_block(int fd)
{
    struct stat status;

    return fd >= 0 && fstat(fd, &status) == 0 && !S_ISREG(status.st_mode);
}

static bool fd_writable(int fd, int timeout_ms)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};

    return poll(&poll_fd, 1, timeout_ms) > 0;
}

/* Bytes taken, 0 when the descriptor is busy, or -1 when it is broken for good. */
static ssize_t write_some(int fd, bool may_block, const char *bytes, size_t count)
{
    ssize_t written;

    if (may_block) {
        if (!fd_writable(fd, 0)) {
            return 0;
        }
        count = count < WRITE_CHUNK ? count : WRITE_CHUNK;
    }
    do {
        written = write(fd, bytes, count);
    } while (written < 0 && errno == EINTR);
    if (written < 0) {
        return errno == EAGAIN ? 0 : -1;
    }
    return written;
}

static size_t console_output(struct console *console, const char *bytes, size_t count)
{
    int fd = console->machine->config.output_fd;
    size_t taken = 0;

    if (fd < 0 || __atomic_load_n(&console->output_broken, __ATOMIC_RELAXED)) {
        return count;
    }
    while (taken < count) {
        ssize_t written = write_some(fd, console->output_may_block, bytes + taken, count - taken);

        if (written < 0) {
            __atomic_store_n(&console->output_broken, 1, __ATOMIC_RELAXED);
            return count;
        }
        if (written == 0) {
            __atomic_store_n(&console->output_wanted, 1, __ATOMIC_RELEASE);
            console_wake(console);
            break;
        }
        taken += (size_t)written;
    }
    return taken;
}

static void line_flush_locked(struct line *line)
{
    size_t done = 0;

    while (line->fd >= 0 && done < line->fill) {
        ssize_t written = write(line->fd, line->bytes + done, line->fill - done);

        if (written >= 0) {
            done += (size_t)written;
        } else if (errno == EAGAIN) {
            fd_writable(line->fd, -1);
        } else if (errno != EINTR) {
            line->fd = -1;
        }
    }
    line->fill = 0;
}

static void line_write(struct line *line, const char *bytes, size_t count)
{
    pthread_mutex_lock(&line->lock);
    if (line->fd >= 0) {
        for (size_t i = 0; i < count; i++) {
            line->bytes[line->fill++] = bytes[i];
            if (bytes[i] == '\n' || line->fill == LINE_BYTES) {
                line_flush_locked(line);
            }
        }
    }
    pthread_mutex_unlock(&line->lock);
}

void hosted_console_flush(struct machine *machine)
{
    for (unsigned i = 0; i < LINE_CHANNELS; i++) {
        struct line *line = &machine->console->lines[i];
        pthread_mutex_lock(&line->lock);
        line_flush_locked(line);
        pthread_mutex_unlock(&line->lock);
    }
}

size_t hal_console_write(enum hal_channel channel, const char *bytes, size_t count)
{
    struct console *console = vcpu_current()->machine->console;

    if (vcpu_current()->sim) {
        return world_console_write(vcpu_current(), channel == HAL_CHANNEL_CONSOLE, bytes, count);
    }
    if (channel == HAL_CHANNEL_CONSOLE) {
        return console_output(console, bytes, count);
    }
    line_write(&console->lines[channel == HAL_CHANNEL_TRACE], bytes, count);
    return count;
}

/* --- input --- */

size_t hal_console_read(char *bytes, size_t count)
{
    struct console *console = vcpu_current()->machine->console;
    bool was_full;
    size_t taken = 0;

    if (!console) {
        return world_console_read(vcpu_current()->machine, bytes, count);
    }
    pthread_mutex_lock(&console->input_lock);
    was_full = console->fill == RING_BYTES;
    while (taken < count && console->fill > 0) {
        bytes[taken++] = console->ring[console->head];
        console->head = (console->head + 1) % RING_BYTES;
        console->fill--;
    }
    pthread_mutex_unlock(&console->input_lock);
    if (was_full && taken > 0) {
        console_wake(console); /* there is room to read on */
    }
    return taken;
}

bool hal_console_input_ended(void)
{
    struct console *console = vcpu_current()->machine->console;
    bool ended;

    if (!console) {
        return false;
    }
    pthread_mutex_lock(&console->input_lock);
    ended = console->ended && console->fill == 0;
    pthread_mutex_unlock(&console->input_lock);
    return ended;
}

bool hal_console_size(unsigned *columns, unsigned *rows)
{
    const struct machine_config *config = &vcpu_current()->machine->config;
    struct winsize size = {0};

    if (vcpu_current()->sim) {
        return false;
    }
    if (ioctl(config->output_fd, TIOCGWINSZ, &size) < 0 &&
        ioctl(config->input_fd, TIOCGWINSZ, &size) < 0) {
        return false;
    }
    *columns = size.ws_col;
    *rows = size.ws_row;
    return size.ws_col > 0 && size.ws_row > 0;
}

/* Read what is there, at most the ring's free space. */
static void input_take(struct console *console)
{
    char bytes[RING_BYTES];
    size_t room;
    ssize_t got;

    pthread_mutex_lock(&console->input_lock);
    room = RING_BYTES - console->fill; /* only grows meanwhile */
    pthread_mutex_unlock(&console->input_lock);
    got = read(console->machine->config.input_fd, bytes, room);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
        return;
    }
    pthread_mutex_lock(&console->input_lock);
    if (got <= 0) {
        console->ended = true; /* EIO: the terminal is gone */
    }
    for (ssize_t i = 0; i < got; i++) {
        console->ring[(console->head + console->fill++) % RING_BYTES] = bytes[i];
    }
    pthread_mutex_unlock(&console->input_lock);
    vcpu_kick(&console->machine->vcpus[0], VCPU_PENDING_INPUT);
}

static bool input_wanted(struct console *console)
{
    bool wanted;

    pthread_mutex_lock(&console->input_lock);
    wanted = !console->ended && console->fill < RING_BYTES;
    pthread_mutex_unlock(&console->input_lock);
    return wanted;
}

static void *console_main(void *argument)
{
    struct console *console = argument;
    const struct machine_config *config = &console->machine->config;

    pthread_setname_np(pthread_self(), "console");
    while (!__atomic_load_n(&console->stopping, __ATOMIC_ACQUIRE)) {
        bool output = __atomic_load_n(&console->output_wanted, __ATOMIC_ACQUIRE);
        struct pollfd fds[3] = {
            {.fd = console->wake_fd, .events = POLLIN},
            {.fd = input_wanted(console) ? config->input_fd : -1, .events = POLLIN},
            {.fd = output ? config->output_fd : -1, .events = POLLOUT},
        };
        uint64_t count;

        if (poll(fds, 3, -1) < 0) {
            continue; /* EINTR */
        }
        if (fds[0].revents && read(console->wake_fd, &count, sizeof count) < 0) {
            continue;
        }
        if (fds[1].revents) {
            input_take(console);
        }
        if (fds[2].revents) {
            __atomic_store_n(&console->output_wanted, 0, __ATOMIC_RELEASE);
            vcpu_kick(&console->machine->vcpus[0], VCPU_PENDING_WRITABLE);
        }
    }
    return NULL;
}

/* --- life --- */

int hosted_console_create(struct machine *machine)
{
    const struct machine_config *config = &machine->config;
    struct console *console = calloc(1, sizeof *console);

    if (!console) {
        return -ENOMEM;
    }
    console->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (console->wake_fd < 0) {
        free(console);
        return -errno;
    }
    console->machine = machine;
    console->ended = config->input_fd < 0;
    console->output_may_block = fd_may_block(config->output_fd);
    pthread_mutex_init(&console->input_lock, NULL);
    for (unsigned i = 0; i < LINE_CHANNELS; i++) {
        pthread_mutex_init(&console->lines[i].lock, NULL);
        console->lines[i].fd = i == 0 ? config->log_fd : config->trace_fd;
    }
    machine->console = console;
    return 0;
}

void hosted_console_destroy(struct machine *machine)
{
    struct console *console = machine->console;

    if (!console) {
        return;
    }
    for (unsigned i = 0; i < LINE_CHANNELS; i++) {
        pthread_mutex_destroy(&console->lines[i].lock);
    }
    pthread_mutex_destroy(&console->input_lock);
    close(console->wake_fd);
    free(console);
    machine->console = NULL;
}

static void console_terminal_resized(void *argument)
{
    machine_console_resized(argument);
}

int hosted_console_start(struct machine *machine)
{
    struct console *console = machine->console;
    int error;

    /* With output elsewhere the guest's echo would not be seen: let the host's terminal edit. */
    if (isatty(machine->config.input_fd) && isatty(machine->config.output_fd)) {
        host_terminal_raw_begin(machine->config.input_fd, console_terminal_resized, machine);
    }
    error = pthread_create(&console->thread, NULL, console_main, console);
    if (error) {
        host_terminal_raw_end(machine->config.input_fd);
        return -error;
    }
    console->started = true;
    return 0;
}

void hosted_console_stop(struct machine *machine)
{
    struct console *console = machine->console;

    hosted_console_flush(machine);
    if (console->started) {
        __atomic_store_n(&console->stopping, 1, __ATOMIC_RELEASE);
        console_wake(console);
        pthread_join(console->thread, NULL);
        console->started = false;
    }
    host_terminal_raw_end(machine->config.input_fd);
}
