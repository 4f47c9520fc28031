/* SPDX-License-Identifier: MIT
 *
 * The machine's console as a terminal: /dev/ttyS0 (4:64), with /dev/console (5:1) as another name,
 * and /dev/tty (5:0), each process's controlling terminal.
 *
 * Input is announced by an interrupt, which wakes a kernel thread that reads it and feeds the line
 * discipline, so that typed characters are processed in thread context.
 */
#include "hal/console.h"
#include "hal/kernel_on.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/poll.h"
#include "kernel/core/kernel.h"
#include "kernel/core/klog.h"
#include "kernel/fs/device.h"
#include "kernel/fs/vfs.h"
#include "kernel/tty/tty_internal.h"

enum {
    TTY_MAJOR = 4,
    TTY_MINOR_SERIAL = 64,
    TTYAUX_MAJOR = 5,
    TTYAUX_MINOR_TTY = 0,
    TTYAUX_MINOR_CONSOLE = 1,
};

/* A zero-length write asks whether there is room: the HAL cannot say, so a busy device is noticed
 * by the next short write. */
static size_t console_write(struct tty *tty, const char *bytes, size_t count)
{
    (void)tty;
    return count == 0 ? 1 : hal_console_write(HAL_CHANNEL_CONSOLE, bytes, count);
}

static void console_input_consumed(struct tty *tty)
{
    wake_all(&tty->kernel->tty->console_wait);
}

static const struct tty_driver console_driver = {
    .write = console_write,
    .input_consumed = console_input_consumed,
};

/* ---- interrupts ---- */

void kernel_on_console_input(void)
{
    struct tty_state *state = this_kernel()->tty;
    if (!state)
        return;
    irq_enter();
    atomic_store_release(&state->console_input, true);
    wake_all(&state->console_wait);
    irq_exit();
}

void kernel_on_console_writable(void)
{
    struct tty_state *state = this_kernel()->tty;
    if (!state || !state->console)
        return;
    irq_enter();
    tty_writable(state->console);
    irq_exit();
}

void kernel_on_console_resize(void)
{
    struct tty_state *state = this_kernel()->tty;
    if (!state)
        return;
    irq_enter();
    atomic_store_release(&state->console_resized, true);
    wake_all(&state->console_wait);
    irq_exit();
}

/* ---- the reader thread ---- */

static void update_size(struct tty *console)
{
    const struct boot_options *options = &console->kernel->options;
    unsigned columns = options->tty_columns, rows = options->tty_rows;
    hal_console_size(&columns, &rows);
    struct linux_winsize size = {.ws_row = (uint16_t)rows, .ws_col = (uint16_t)columns};
    tty_set_size(console, &size);
}

/* Pass input on while both sides can. True if the input has ended for good. */
static bool pass_input(struct tty *console)
{
    char bytes[256];
    size_t room, count;
    while ((room = tty_receive_room(console)) > 0) {
        count = hal_console_read(bytes, MIN(room, sizeof(bytes)));
        if (count == 0)
            return hal_console_input_ended();
        tty_receive(console, bytes, count);
    }
    return false;
}

static bool has_work(struct tty_state *state)
{
    return atomic_load_acquire(&state->console_input) ||
           atomic_load_acquire(&state->console_resized);
}

static bool input_is_waiting(struct tty_state *state, bool blocked)
{
    return has_work(state) || (blocked && tty_receive_room(state->console) > 0);
}

/* End of input: what a hung-up line is to readers; output still works. */
static void input_ended(struct tty *console)
{
    mutex_lock(&console->lock);
    console->input_ended = true;
    mutex_unlock(&console->lock);
    wait_queue_wake(&console->read_wait, 0, EPOLLIN | EPOLLHUP);
}

static void console_reader(void *argument)
{
    struct tty_state *state = argument;
    bool blocked = false;

    update_size(state->console);
    for (;;) {
        wait_event_state(&state->console_wait, input_is_waiting(state, blocked),
                         THREAD_UNINTERRUPTIBLE, UINT64_MAX, false);
        if (atomic_exchange_acq_rel(&state->console_resized, false))
            update_size(state->console);
        atomic_store_release(&state->console_input, false);
        if (pass_input(state->console)) {
            input_ended(state->console);
            blocked = false;
            continue;
        }
        blocked = tty_receive_room(state->console) == 0;
    }
}

/* Where no terminal is at the other end (a pipe, a file), what is typed is not echoed and lines end as
 * the program wrote them. */
static void adapt_to_pipe(struct tty *console)
{
    if (console->kernel->options.tty_columns)
        return;
    console->termios.c_oflag &= ~(uint32_t)ONLCR;
    console->termios.c_lflag &= ~(uint32_t)ECHO;
}

/* ---- device nodes ---- */

static int console_open(struct inode *inode, struct file *file)
{
    /* Opening /dev/console never makes it the controlling terminal. */
    if (DEV_MAJOR(inode->rdev) == TTYAUX_MAJOR)
        file->flags |= O_NOCTTY;
    return tty_open_file(file->kernel->tty->console, file);
}

static int controlling_open(struct inode *inode, struct file *file)
{
    struct tty *tty = job_control_current_tty();
    (void)inode;
    if (!tty)
        return -ENXIO;
    int error = tty_open_file(tty, file);
    tty_put(tty);
    return error;
}

int console_init(struct kernel *kernel)
{
    static const struct file_ops console_ops = {.open = console_open, TTY_FILE_OPS};
    static const struct file_ops controlling_ops = {.open = controlling_open, TTY_FILE_OPS};
    struct tty_state *state = kernel->tty;

    wait_queue_init(&state->console_wait);
    int error = tty_create(kernel, &console_driver, NULL, MAKE_DEV(TTY_MAJOR, TTY_MINOR_SERIAL),
                           &state->console);
    if (error)
        return error;
    adapt_to_pipe(state->console);
    error = device_register_char(kernel, TTY_MAJOR, TTY_MINOR_SERIAL, 1, "ttyS", &console_ops,
                                     NULL);
    if (!error)
        error = device_register_char(kernel, TTYAUX_MAJOR, TTYAUX_MINOR_CONSOLE, 1, "/dev/console",
                                     &console_ops, NULL);
    if (!error)
        error = device_register_char(kernel, TTYAUX_MAJOR, TTYAUX_MINOR_TTY, 1, "/dev/tty",
                                     &controlling_ops, NULL);
    if (!error)
        error = devtmpfs_create_node(kernel, "ttyS0", S_IFCHR | 0620,
                                     MAKE_DEV(TTY_MAJOR, TTY_MINOR_SERIAL));
    if (!error)
        error = devtmpfs_create_node(kernel, "console", S_IFCHR | 0600,
                                     MAKE_DEV(TTYAUX_MAJOR, TTYAUX_MINOR_CONSOLE));
    if (!error)
        error = devtmpfs_create_node(kernel, "tty", S_IFCHR | 0666,
                                     MAKE_DEV(TTYAUX_MAJOR, TTYAUX_MINOR_TTY));
    if (!error)
        error = thread_create(kernel, "console", console_reader, state, &state->console_reader);
    if (!error)
        thread_start(state->console_reader);
    return error;
}
