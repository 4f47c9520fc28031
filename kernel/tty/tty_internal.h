/* SPDX-License-Identifier: MIT
 *
 * Shared by the files of tty/.
 */
#ifndef KERNEL_TTY_TTY_INTERNAL_H
#define KERNEL_TTY_TTY_INTERNAL_H

#include "kernel/tty/tty.h"

struct poll_table;
struct superblock;
struct uio;

struct tty_state {
    struct tty *console;
    struct thread *console_reader;
    struct wait_queue console_wait; /* the reader thread */
    bool console_input, console_resized; /* events for it; atomic */
    struct pty_table *ptys;
};

static inline bool tty_iflag(const struct tty *tty, uint32_t flag)
{
    return tty->termios.c_iflag & flag;
}
static inline bool tty_oflag(const struct tty *tty, uint32_t flag)
{
    return tty->termios.c_oflag & flag;
}
static inline bool tty_lflag(const struct tty *tty, uint32_t flag)
{
    return tty->termios.c_lflag & flag;
}
/* Is c the control character `index`? A disabled one (NUL) matches nothing. */
static inline bool tty_is_cc(const struct tty *tty, unsigned index, uint8_t c)
{
    return c && tty->termios.c_cc[index] == c;
}

/* ---- tty.c: operations of an open terminal, for the tables of its devices beside their open ---- */
int64_t tty_read(struct file *file, struct uio *uio, uint64_t *pos);
int64_t tty_write(struct file *file, struct uio *uio, uint64_t *pos);
uint32_t tty_poll(struct file *file, struct poll_table *table);
void tty_release(struct file *file);
#define TTY_FILE_OPS                                                                               \
    .read = tty_read, .write = tty_write, .poll = tty_poll, .ioctl = tty_ioctl,                    \
    .release = tty_release

/* ---- line_input.c; tty->lock held ---- */
void line_flush_input(struct tty *tty);
/* The settings changed: keeps what was typed readable. */
void line_termios_changed(struct tty *tty, const struct linux_termios *old);
size_t line_bytes_readable(const struct tty *tty); /* TIOCINQ */

/* ---- line_output.c; tty->lock held ---- */
/* Post-process and write; the number of bytes of `bytes` consumed. */
size_t line_output(struct tty *tty, const char *bytes, size_t count);
void line_echo(struct tty *tty, const char *bytes, size_t count); /* raw; kept if there is no room */
void line_echo_char(struct tty *tty, uint8_t c);                  /* with OPOST rules */
void line_flush_echo(struct tty *tty);

/* ---- line_read.c ---- */
int64_t line_read(struct tty *tty, struct file *file, struct uio *uio);
bool line_is_readable(struct tty *tty, bool for_poll);

/* ---- tty_ioctl.c ---- */
int64_t tty_ioctl(struct file *file, uint32_t command, uint64_t argument);
/* Settings ioctls, also for a pty master, which acts on its slave. -ENOIOCTLCMD if it is none. */
int64_t tty_mode_ioctl(struct tty *tty, uint32_t command, uint64_t argument, bool check_background);

/* ---- job_control.c ---- */
void job_control_init(struct kernel *kernel);
/* May the current process act on its controlling terminal? signo SIGTTIN or SIGTTOU. 0, -EIO, or
 * -ERESTARTSYS with the signal sent to its group. */
int job_control_check(struct tty *tty, int signo);
void job_control_signal_foreground(struct tty *tty, int signo);
/* open(2) of a terminal by a session leader without one. */
void job_control_open(struct tty *tty, struct file *file);
int64_t job_control_set_controlling(struct tty *tty, bool steal); /* TIOCSCTTY */
int64_t job_control_give_up(struct tty *tty);                     /* TIOCNOTTY */
int64_t job_control_get_foreground(struct tty *tty, bool master); /* TIOCGPGRP */
int64_t job_control_set_foreground(struct tty *tty, int pgid);    /* TIOCSPGRP */
int64_t job_control_get_session(struct tty *tty, bool master);    /* TIOCGSID */
/* Release the bond with the session, with SIGHUP and SIGCONT to it. */
void job_control_hangup(struct tty *tty);
/* Controlling terminal of the current process, referenced; NULL without one. */
struct tty *job_control_current_tty(void);

/* ---- console.c, pty.c ---- */
int console_init(struct kernel *kernel);
int pty_init(struct kernel *kernel);

#endif
