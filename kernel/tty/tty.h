/* SPDX-License-Identifier: MIT
 *
 * Terminals: line discipline, job control, console and pseudoterminals (termios(3), tty_ioctl(4),
 * pty(7), credentials(7)).
 *
 * A tty has a driver below (console or the master side of a pty) that takes output bytes, and gives
 * input bytes by tty_receive. Locks: tty->lock (sleeping) guards everything but the bond with a
 * session, which is under the process-tree lock. Driver write functions are called with the lock
 * held and do not block.
 */
#ifndef KERNEL_TTY_TTY_H
#define KERNEL_TTY_TTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/abi/termios.h"
#include "kernel/lib/atomic.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/wait.h"

struct file;
struct file_ops;
struct kernel;
struct process_group;
struct session;
struct tty;

enum { TTY_INPUT_BYTES = 4096, TTY_ECHO_BYTES = 512 };

struct tty_driver {
    /* Take up to count output bytes; the number taken (0: no room; tty_writable follows). */
    size_t (*write)(struct tty *tty, const char *bytes, size_t count);
    /* termios or window size changed, input was consumed, output stopped or started; may be NULL. */
    void (*resized)(struct tty *tty);
    void (*input_consumed)(struct tty *tty);
    void (*flow_changed)(struct tty *tty, bool stopped);
    void (*flush_output)(struct tty *tty);
    size_t (*output_pending)(struct tty *tty);
    void (*termios_changed)(struct tty *tty, const struct linux_termios *old);
    void (*free)(struct tty *tty);
};

struct tty {
    struct refcount refs;
    struct kernel *kernel;
    const struct tty_driver *driver;
    void *driver_data;
    uint64_t rdev;

    struct mutex lock;           /* LOCK_RANK_TTY; the fields down to the blank line */
    struct linux_termios termios;
    struct linux_termios locked; /* bits, and characters other than 0, that keep their value */
    struct linux_winsize size;
    bool stopped;                /* output, by XOFF or TCXONC */
    bool hung_up;                /* changed under the lock, atomic without it */
    bool exclusive;
    bool input_ended;            /* nothing more will be typed: reads end like at a hang-up */
    bool literal_next;           /* VLNEXT was typed */
    unsigned column;             /* of the cursor, as far as output tells */
    unsigned line_column;        /* where the unfinished input line began */
    bool erasing;                /* inside ECHOPRT's \.../ */
    uint8_t input[TTY_INPUT_BYTES]; /* ring, free-running counters: */
    uint64_t delimiters[TTY_INPUT_BYTES / 64]; /* this byte ends a line; a NUL one is an EOF mark */
    uint32_t head;               /* next byte to be typed */
    uint32_t line_head;          /* end of the last finished line (canonical mode) */
    uint32_t tail;               /* next byte to be read */
    char echo[TTY_ECHO_BYTES];   /* echoes that the driver had no room for */
    size_t echo_bytes;

    struct wait_queue read_wait, write_wait;
    unsigned open_count;         /* atomic */

    /* Process-tree lock. */
    struct session *session;     /* referenced */
    struct process_group *foreground; /* referenced */
};

/* New terminal with the usual settings. One reference. */
int tty_create(struct kernel *kernel, const struct tty_driver *driver, void *driver_data,
               uint64_t rdev, struct tty **out);
struct tty *tty_get(struct tty *tty);
void tty_put(struct tty *tty);

/* Input from the driver's side. Thread context. Bytes taken: fewer when the buffer is full. */
size_t tty_receive(struct tty *tty, const char *bytes, size_t count);
/* How many more bytes tty_receive would take now (always some in canonical mode). */
size_t tty_receive_room(struct tty *tty);

/* The driver has room again. Any context. */
void tty_writable(struct tty *tty);

/* The line is gone: readers see the end, writers EIO, the session SIGHUP. Thread context. */
void tty_hangup(struct tty *tty);

/* vhangup(2): the controlling terminal of the current process, if it has one. */
void tty_hangup_current(void);

/* TIOCSWINSZ from any side: SIGWINCH to the foreground group if it changes. */
void tty_set_size(struct tty *tty, const struct linux_winsize *size);

/* Opening: file->private becomes the tty. Counts and refuses (-EIO hung up, -EBUSY exclusive), takes a
 * reference, and makes it the controlling terminal where open(2) says so. */
int tty_open_file(struct tty *tty, struct file *file);

/* Pseudoterminals of the machine with an open master. */
unsigned pty_count(struct kernel *kernel);

#endif
