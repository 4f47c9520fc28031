/* SPDX-License-Identifier: MIT
 *
 * ioctl_tty(2): settings, window size, flow, flushing, job control.
 */
#include "kernel/abi/capability.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/ioctl.h"
#include "kernel/abi/poll.h"
#include "kernel/abi/signal.h"
#include "kernel/core/kernel.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/string.h"
#include "kernel/mm/uaccess.h"
#include "kernel/proc/signal.h"
#include "kernel/security/cred.h"
#include "kernel/tty/tty_internal.h"

/* ---- termios ---- */

static void keep_locked_bits(uint32_t *new, uint32_t old, uint32_t locked)
{
    *new = (*new & ~locked) | (old & locked);
}

/* TIOCSLCKTRMIOS: what is locked stays as it was. */
static void keep_locked(const struct linux_termios *locked, const struct linux_termios *old,
                        struct linux_termios *new)
{
    keep_locked_bits(&new->c_iflag, old->c_iflag, locked->c_iflag);
    keep_locked_bits(&new->c_oflag, old->c_oflag, locked->c_oflag);
    keep_locked_bits(&new->c_cflag, old->c_cflag, locked->c_cflag);
    keep_locked_bits(&new->c_lflag, old->c_lflag, locked->c_lflag);
    if (locked->c_line)
        new->c_line = old->c_line;
    for (unsigned i = 0; i < NCCS; i++) {
        if (locked->c_cc[i])
            new->c_cc[i] = old->c_cc[i];
    }
}

static void set_termios(struct tty *tty, const struct linux_termios *new)
{
    mutex_lock(&tty->lock);
    struct linux_termios old = tty->termios;
    tty->termios = *new;
    keep_locked(&tty->locked, &old, &tty->termios);
    line_termios_changed(tty, &old);
    mutex_unlock(&tty->lock);
    if (tty->driver->termios_changed)
        tty->driver->termios_changed(tty, &old);
    wait_queue_wake(&tty->read_wait, 0, EPOLLIN);
    wait_queue_wake(&tty->write_wait, 0, EPOLLOUT);
}

static int wait_until_sent(struct tty *tty)
{
    if (!tty->driver->output_pending)
        return 0;
    return wait_event_interruptible(&tty->write_wait, tty->driver->output_pending(tty) == 0);
}

static void flush_input(struct tty *tty)
{
    mutex_lock(&tty->lock);
    line_flush_input(tty);
    mutex_unlock(&tty->lock);
    if (tty->driver->input_consumed)
        tty->driver->input_consumed(tty);
}

static void flush_output(struct tty *tty)
{
    mutex_lock(&tty->lock);
    tty->echo_bytes = 0;
    if (tty->driver->flush_output)
        tty->driver->flush_output(tty);
    mutex_unlock(&tty->lock);
    wait_queue_wake(&tty->write_wait, 0, EPOLLOUT);
}

static int64_t get_termios(struct tty *tty, uint64_t argument, size_t bytes)
{
    struct linux_termios2 out = {0};
    mutex_lock(&tty->lock);
    memcpy(&out, &tty->termios, sizeof(tty->termios));
    mutex_unlock(&tty->lock);
    out.c_ispeed = out.c_ospeed = 38400;
    return copy_to_user(argument, &out, bytes);
}

static int64_t get_termio(struct tty *tty, uint64_t argument)
{
    mutex_lock(&tty->lock);
    struct linux_termio out = {
        .c_iflag = (uint16_t)tty->termios.c_iflag,
        .c_oflag = (uint16_t)tty->termios.c_oflag,
        .c_cflag = (uint16_t)tty->termios.c_cflag,
        .c_lflag = (uint16_t)tty->termios.c_lflag,
        .c_line = tty->termios.c_line,
    };
    memcpy(out.c_cc, tty->termios.c_cc, sizeof(out.c_cc));
    mutex_unlock(&tty->lock);
    return copy_to_user(argument, &out, sizeof(out));
}

/* The new settings from user memory in one of three layouts, over the present ones. */
static int read_termios(struct tty *tty, uint64_t argument, size_t bytes, struct linux_termios *out)
{
    struct linux_termios2 full;
    struct linux_termio small;

    mutex_lock(&tty->lock);
    *out = tty->termios;
    mutex_unlock(&tty->lock);
    if (bytes != sizeof(small)) {
        if (copy_from_user(&full, argument, bytes))
            return -EFAULT;
        memcpy(out, &full, sizeof(*out));
        return 0;
    }
    if (copy_from_user(&small, argument, sizeof(small)))
        return -EFAULT;
    out->c_iflag = (out->c_iflag & 0xffff0000u) | small.c_iflag;
    out->c_oflag = (out->c_oflag & 0xffff0000u) | small.c_oflag;
    out->c_cflag = (out->c_cflag & 0xffff0000u) | small.c_cflag;
    out->c_lflag = (out->c_lflag & 0xffff0000u) | small.c_lflag;
    out->c_line = small.c_line;
    memcpy(out->c_cc, small.c_cc, sizeof(small.c_cc));
    return 0;
}

enum when { NOW, AFTER_OUTPUT, AFTER_OUTPUT_FLUSH_INPUT };

static int64_t change_termios(struct tty *tty, uint64_t argument, size_t bytes, enum when when,
                              bool check_background)
{
    struct linux_termios new;
    int error = check_background ? job_control_check(tty, SIGTTOU) : 0;
    if (!error)
        error = read_termios(tty, argument, bytes, &new);
    if (!error && when != NOW)
        error = wait_until_sent(tty);
    if (error)
        return error;
    if (when == AFTER_OUTPUT_FLUSH_INPUT)
        flush_input(tty);
    set_termios(tty, &new);
    return 0;
}

static int64_t get_locked(struct tty *tty, uint64_t argument)
{
    mutex_lock(&tty->lock);
    struct linux_termios locked = tty->locked;
    mutex_unlock(&tty->lock);
    return copy_to_user(argument, &locked, sizeof(locked));
}

static int64_t set_locked(struct tty *tty, uint64_t argument)
{
    struct linux_termios locked;
    if (!capable(CAP_SYS_ADMIN))
        return -EPERM;
    if (copy_from_user(&locked, argument, sizeof(locked)))
        return -EFAULT;
    mutex_lock(&tty->lock);
    tty->locked = locked;
    mutex_unlock(&tty->lock);
    return 0;
}

/* TIOCSSOFTCAR: another way to say CLOCAL. */
static int64_t set_soft_carrier(struct tty *tty, uint64_t argument)
{
    uint32_t on;
    if (get_user_u32(&on, argument))
        return -EFAULT;
    mutex_lock(&tty->lock);
    struct linux_termios new = tty->termios;
    mutex_unlock(&tty->lock);
    new.c_cflag = on ? new.c_cflag | CLOCAL : new.c_cflag & ~(uint32_t)CLOCAL;
    set_termios(tty, &new);
    return 0;
}

static int64_t get_soft_carrier(struct tty *tty, uint64_t argument)
{
    mutex_lock(&tty->lock);
    bool on = tty->termios.c_cflag & CLOCAL;
    mutex_unlock(&tty->lock);
    return put_user_u32(argument, on);
}

/* ---- flow and flushing ---- */

static void set_output_stopped(struct tty *tty, bool stopped)
{
    mutex_lock(&tty->lock);
    bool changed = tty->stopped != stopped;
    tty->stopped = stopped;
    if (changed && tty->driver->flow_changed)
        tty->driver->flow_changed(tty, stopped);
    if (changed && !stopped)
        line_flush_echo(tty);
    mutex_unlock(&tty->lock);
    if (!stopped)
        wait_queue_wake(&tty->write_wait, 0, EPOLLOUT);
}

static int64_t flow(struct tty *tty, uint64_t action)
{
    switch (action) {
    case TCOOFF:
        set_output_stopped(tty, true);
        return 0;
    case TCOON:
        set_output_stopped(tty, false);
        return 0;
    case TCIOFF:
    case TCION: {
        mutex_lock(&tty->lock);
        char c = (char)tty->termios.c_cc[action == TCIOFF ? VSTOP : VSTART];
        if (c)
            line_echo(tty, &c, 1);
        mutex_unlock(&tty->lock);
        return 0;
    }
    default:
        return -EINVAL;
    }
}

static int64_t flush(struct tty *tty, uint64_t queue)
{
    if (queue != TCIFLUSH && queue != TCOFLUSH && queue != TCIOFLUSH)
        return -EINVAL;
    if (queue != TCOFLUSH)
        flush_input(tty);
    if (queue != TCIFLUSH)
        flush_output(tty);
    return 0;
}

int64_t tty_mode_ioctl(struct tty *tty, uint32_t command, uint64_t argument, bool check_background)
{
    int error;
    switch (command) {
    case TCGETS:
        return get_termios(tty, argument, sizeof(struct linux_termios));
    case TCGETS2:
        return get_termios(tty, argument, sizeof(struct linux_termios2));
    case TCGETA:
        return get_termio(tty, argument);
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
        return change_termios(tty, argument, sizeof(struct linux_termios),
                              (enum when)(command - TCSETS), check_background);
    case TCSETS2:
    case TCSETSW2:
    case TCSETSF2:
        return change_termios(tty, argument, sizeof(struct linux_termios2),
                              (enum when)(command - TCSETS2), check_background);
    case TCSETA:
    case TCSETAW:
    case TCSETAF:
        return change_termios(tty, argument, sizeof(struct linux_termio),
                              (enum when)(command - TCSETA), check_background);
    case TIOCGLCKTRMIOS:
        return get_locked(tty, argument);
    case TIOCSLCKTRMIOS:
        return set_locked(tty, argument);
    case TIOCGSOFTCAR:
        return get_soft_carrier(tty, argument);
    case TIOCSSOFTCAR:
        return set_soft_carrier(tty, argument);
    case TCXONC:
    case TCFLSH:
        error = check_background ? job_control_check(tty, SIGTTOU) : 0;
        if (error)
            return error;
        return command == TCXONC ? flow(tty, argument) : flush(tty, argument);
    default:
        return -ENOIOCTLCMD;
    }
}

/* ---- the rest ---- */

static int64_t get_size(struct tty *tty, uint64_t argument)
{
    mutex_lock(&tty->lock);
    struct linux_winsize size = tty->size;
    mutex_unlock(&tty->lock);
    return copy_to_user(argument, &size, sizeof(size));
}

static int64_t set_size(struct tty *tty, uint64_t argument)
{
    struct linux_winsize size;
    if (copy_from_user(&size, argument, sizeof(size)))
        return -EFAULT;
    tty_set_size(tty, &size);
    return 0;
}

/* TIOCSTI: type a character; only on one's own terminal or with CAP_SYS_ADMIN. */
static int64_t simulate_input(struct tty *tty, uint64_t argument)
{
    char c;
    struct tty *own = job_control_current_tty();
    bool allowed = own == tty || capable(CAP_SYS_ADMIN);
    if (own)
        tty_put(own);
    if (!allowed)
        return -EPERM;
    if (copy_from_user(&c, argument, 1))
        return -EFAULT;
    tty_receive(tty, &c, 1);
    return 0;
}

static int64_t set_exclusive(struct tty *tty, bool exclusive)
{
    mutex_lock(&tty->lock);
    tty->exclusive = exclusive;
    mutex_unlock(&tty->lock);
    return 0;
}

static int64_t input_count(struct tty *tty, uint64_t argument)
{
    mutex_lock(&tty->lock);
    uint32_t bytes = (uint32_t)line_bytes_readable(tty);
    mutex_unlock(&tty->lock);
    return put_user_u32(argument, bytes);
}

static int64_t output_count(struct tty *tty, uint64_t argument)
{
    size_t bytes = tty->driver->output_pending ? tty->driver->output_pending(tty) : 0;
    return put_user_u32(argument, (uint32_t)bytes);
}

static int64_t job_ioctl(struct tty *tty, uint32_t command, uint64_t argument)
{
    uint32_t pgid;
    int64_t result;
    switch (command) {
    case TIOCSCTTY:
        return job_control_set_controlling(tty, argument == 1);
    case TIOCNOTTY:
        return job_control_give_up(tty);
    case TIOCGPGRP:
        result = job_control_get_foreground(tty, false);
        return result < 0 ? result : put_user_u32(argument, (uint32_t)result);
    case TIOCSPGRP:
        if (get_user_u32(&pgid, argument))
            return -EFAULT;
        return job_control_set_foreground(tty, (int)pgid);
    case TIOCGSID:
        result = job_control_get_session(tty, false);
        return result < 0 ? result : put_user_u32(argument, (uint32_t)result);
    default:
        return -ENOIOCTLCMD;
    }
}

static int64_t break_ioctl(struct tty *tty, uint32_t command, uint64_t argument)
{
    (void)command;
    (void)argument;
    int error = job_control_check(tty, SIGTTOU);
    return error ? error : wait_until_sent(tty); /* there is no line to break */
}

int64_t tty_ioctl(struct file *file, uint32_t command, uint64_t argument)
{
    struct tty *tty = file->private;
    if (atomic_load_relaxed(&tty->hung_up))
        return command == TIOCSPGRP ? -ENOTTY : -EIO;

    switch (command) {
    case TIOCGWINSZ:
        return get_size(tty, argument);
    case TIOCSWINSZ:
        return set_size(tty, argument);
    case TIOCINQ:
        return input_count(tty, argument);
    case TIOCOUTQ:
        return output_count(tty, argument);
    case TIOCSTI:
        return simulate_input(tty, argument);
    case TIOCEXCL:
    case TIOCNXCL:
        return set_exclusive(tty, command == TIOCEXCL);
    case TIOCGEXCL:
        return put_user_u32(argument, tty->exclusive);
    case TIOCGETD:
        return put_user_u32(argument, N_TTY);
    case TIOCSETD: {
        uint32_t discipline;
        if (get_user_u32(&discipline, argument))
            return -EFAULT;
        return discipline == N_TTY ? 0 : -EINVAL;
    }
    case TIOCGDEV:
        return put_user_u32(argument, (uint32_t)tty->rdev);
    case TCSBRK:
    case TCSBRKP:
        return break_ioctl(tty, command, argument);
    case TIOCVHANGUP:
        if (!capable(CAP_SYS_ADMIN))
            return -EPERM;
        tty_hangup(tty);
        return 0;
    default: {
        int64_t result = job_ioctl(tty, command, argument);
        if (result == -ENOIOCTLCMD)
            result = tty_mode_ioctl(tty, command, argument, true);
        return result == -ENOIOCTLCMD ? -ENOTTY : result;
    }
    }
}
