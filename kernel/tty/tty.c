/* SPDX-License-Identifier: MIT
 *
 * Terminal objects and the file operations of an open terminal.
 */
#include "kernel/tty/tty.h"

#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/poll.h"
#include "kernel/abi/signal.h"
#include "kernel/core/init.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/vfs.h"
#include "kernel/mm/slab.h"
#include "kernel/security/cred.h"
#include "kernel/tty/tty_internal.h"

static const struct linux_termios default_termios = {
    .c_iflag = ICRNL | IXON | IUTF8,
    .c_oflag = OPOST | ONLCR,
    .c_cflag = B38400 | CS8 | CREAD | HUPCL,
    .c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
    .c_cc =
        {
            [VINTR] = 3,
            [VQUIT] = 28,
            [VERASE] = 127,
            [VKILL] = 21,
            [VEOF] = 4,
            [VTIME] = 0,
            [VMIN] = 1,
            [VSTART] = 17,
            [VSTOP] = 19,
            [VSUSP] = 26,
            [VREPRINT] = 18,
            [VDISCARD] = 15,
            [VWERASE] = 23,
            [VLNEXT] = 22,
        },
};

int tty_create(struct kernel *kernel, const struct tty_driver *driver, void *driver_data,
               uint64_t rdev, struct tty **out)
{
    struct tty *tty = kzalloc(sizeof(*tty));
    if (!tty)
        return -ENOMEM;
    refcount_init(&tty->refs, 1);
    tty->kernel = kernel;
    tty->driver = driver;
    tty->driver_data = driver_data;
    tty->rdev = rdev;
    tty->termios = default_termios;
    mutex_init(&tty->lock, LOCK_RANK_TTY);
    wait_queue_init(&tty->read_wait);
    wait_queue_init(&tty->write_wait);
    *out = tty;
    return 0;
}

struct tty *tty_get(struct tty *tty)
{
    refcount_inc(&tty->refs);
    return tty;
}

void tty_put(struct tty *tty)
{
    if (!refcount_dec_and_test(&tty->refs))
        return;
    if (tty->driver->free)
        tty->driver->free(tty);
    kfree(tty);
}

void tty_writable(struct tty *tty)
{
    wait_queue_wake(&tty->write_wait, 0, EPOLLOUT | EPOLLWRNORM);
}

void tty_hangup(struct tty *tty)
{
    mutex_lock(&tty->lock);
    atomic_store_relaxed(&tty->hung_up, true);
    mutex_unlock(&tty->lock);
    job_control_hangup(tty);
    wait_queue_wake(&tty->read_wait, 0, EPOLLIN | EPOLLHUP);
    wait_queue_wake(&tty->write_wait, 0, EPOLLOUT | EPOLLHUP);
}

void tty_hangup_current(void)
{
    struct tty *tty = job_control_current_tty();
    if (!tty)
        return;
    tty_hangup(tty);
    tty_put(tty);
}

void tty_set_size(struct tty *tty, const struct linux_winsize *size)
{
    mutex_lock(&tty->lock);
    bool changed = tty->size.ws_row != size->ws_row || tty->size.ws_col != size->ws_col ||
                   tty->size.ws_xpixel != size->ws_xpixel || tty->size.ws_ypixel != size->ws_ypixel;
    tty->size = *size;
    mutex_unlock(&tty->lock);
    if (!changed)
        return;
    job_control_signal_foreground(tty, SIGWINCH);
    if (tty->driver->resized)
        tty->driver->resized(tty);
}

/* ---- file operations ---- */

int tty_open_file(struct tty *tty, struct file *file)
{
    mutex_lock(&tty->lock);
    int error = tty->hung_up                                        ? -EIO
                : tty->exclusive && tty->open_count &&
                          !capable(CAP_SYS_ADMIN)                   ? -EBUSY
                                                                    : 0;
    if (!error)
        atomic_store_relaxed(&tty->open_count, tty->open_count + 1);
    mutex_unlock(&tty->lock);
    if (error)
        return error;
    file->private = tty_get(tty);
    file->mode |= FILE_STREAM;
    job_control_open(tty, file);
    return 0;
}

void tty_release(struct file *file)
{
    struct tty *tty = file->private;
    mutex_lock(&tty->lock);
    atomic_store_relaxed(&tty->open_count, tty->open_count - 1);
    bool last = tty->open_count == 0;
    if (last)
        tty->exclusive = false;
    mutex_unlock(&tty->lock);
    if (last && tty->driver->input_consumed) /* a pty master sees that nobody listens any more */
        tty->driver->input_consumed(tty);
    tty_put(tty);
}

int64_t tty_read(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct tty *tty = file->private;
    (void)pos;
    if (uio->remaining == 0)
        return 0;
    return line_read(tty, file, uio);
}

static bool tty_can_write(struct tty *tty)
{
    mutex_lock(&tty->lock);
    line_flush_echo(tty);
    bool can = tty->hung_up || (!tty->stopped && tty->echo_bytes == 0 &&
                                tty->driver->write(tty, NULL, 0) != 0);
    mutex_unlock(&tty->lock);
    return can;
}

/* Output one chunk from kernel memory, waiting for room. Bytes written, short on error. */
static size_t write_chunk(struct tty *tty, struct file *file, const char *bytes, size_t count,
                          int *out_error)
{
    size_t done = 0;
    for (;;) {
        mutex_lock(&tty->lock);
        bool hung_up = tty->hung_up;
        if (!hung_up)
            done += line_output(tty, bytes + done, count - done);
        mutex_unlock(&tty->lock);
        if (done == count)
            return done;
        *out_error = hung_up                                              ? -EIO
                     : file_is_nonblocking(file) ? -EAGAIN
                     : wait_event_interruptible(&tty->write_wait, tty_can_write(tty));
        if (*out_error)
            return done;
    }
}

int64_t tty_write(struct file *file, struct uio *uio, uint64_t *pos)
{
    struct tty *tty = file->private;
    char chunk[512];
    int64_t done = 0;
    int error = 0;
    (void)pos;

    mutex_lock(&tty->lock);
    bool tostop = tty_lflag(tty, TOSTOP);
    mutex_unlock(&tty->lock);
    if (tostop && (error = job_control_check(tty, SIGTTOU)))
        return error;
    while (uio->remaining && !error) {
        size_t want = MIN(uio->remaining, (uint64_t)sizeof(chunk));
        size_t copied = uio_copy_from(chunk, uio, want);
        size_t written = write_chunk(tty, file, chunk, copied, &error);
        done += (int64_t)written;
        if (!error && copied < want)
            error = -EFAULT;
    }
    return done ? done : error;
}

uint32_t tty_poll(struct file *file, struct poll_table *table)
{
    struct tty *tty = file->private;
    uint32_t events = 0;

    poll_wait(table, &tty->read_wait);
    poll_wait(table, &tty->write_wait);
    if (line_is_readable(tty, true))
        events |= EPOLLIN | EPOLLRDNORM;
    if (atomic_load_relaxed(&tty->hung_up))
        events |= EPOLLHUP;
    if (tty_can_write(tty))
        events |= EPOLLOUT | EPOLLWRNORM;
    return events;
}

int tty_init(struct kernel *kernel)
{
    kernel->tty = kzalloc(sizeof(*kernel->tty));
    if (!kernel->tty)
        return -ENOMEM;
    job_control_init(kernel);
    int error = console_init(kernel);
    return error ? error : pty_init(kernel);
}
