/* SPDX-License-Identifier: MIT
 *
 * Reading from a terminal: whole lines in canonical mode, else MIN and TIME of termios(3).
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/signal.h"
#include "kernel/core/clock.h"
#include "kernel/fs/vfs.h"
#include "kernel/mm/uio.h"
#include "kernel/tty/tty_internal.h"

enum { CHUNK = 512, RING_MASK = TTY_INPUT_BYTES - 1, TIME_UNIT_NS = 100000000 };

static bool is_delimiter(const struct tty *tty, uint32_t index)
{
    uint32_t at = index & RING_MASK;
    return tty->delimiters[at / 64] >> at % 64 & 1;
}

/* Bytes of the current line, at most `max`, into `out`. *ended: the line is used up. */
static size_t take_line(struct tty *tty, char *out, size_t max, bool *ended)
{
    size_t taken = 0;
    *ended = false;
    while (tty->tail != tty->line_head && !*ended) {
        uint8_t c = tty->input[tty->tail & RING_MASK];
        bool delimiter = is_delimiter(tty, tty->tail), eof = delimiter && c == '\0';
        if (taken == max && !eof)
            break;
        tty->tail++;
        if (!eof)
            out[taken++] = (char)c;
        *ended = delimiter;
    }
    return taken;
}

/* An end-of-file mark from a time in canonical mode is a byte of zero now. */
static size_t take_raw(struct tty *tty, char *out, size_t max)
{
    size_t taken = 0;
    for (; taken < max && tty->tail != tty->head; tty->tail++)
        out[taken++] = (char)tty->input[tty->tail & RING_MASK];
    return taken;
}

bool line_is_readable(struct tty *tty, bool for_poll)
{
    mutex_lock(&tty->lock);
    size_t have = line_bytes_readable(tty), want = 1;
    uint8_t min = tty->termios.c_cc[VMIN];
    if (for_poll && !tty_lflag(tty, ICANON) && !tty->termios.c_cc[VTIME] && min)
        want = min;
    bool readable = have >= want || tty->hung_up || tty->input_ended;
    mutex_unlock(&tty->lock);
    return readable;
}

/* Copy what can be read now; *finished when the call is complete with it, or when there is nothing
 * and nothing will come. */
static int64_t read_available(struct tty *tty, struct uio *uio, bool *finished)
{
    char chunk[CHUNK];
    int64_t done = 0;

    *finished = false;
    while (uio->remaining && !*finished) {
        size_t max = MIN(uio->remaining, (uint64_t)CHUNK);
        mutex_lock(&tty->lock);
        bool canonical = tty_lflag(tty, ICANON);
        bool ended = false;
        uint32_t before = tty->tail;
        size_t taken = canonical ? take_line(tty, chunk, max, &ended) : take_raw(tty, chunk, max);
        bool consumed = tty->tail != before;
        bool last = !consumed && (tty->hung_up || tty->input_ended);
        mutex_unlock(&tty->lock);
        if (consumed && tty->driver->input_consumed)
            tty->driver->input_consumed(tty);
        if (!consumed) {
            *finished = last;
            break;
        }
        size_t copied = uio_copy_to(uio, chunk, taken);
        done += (int64_t)copied;
        if (copied < taken) {
            *finished = true;
            return done ? done : -EFAULT;
        }
        if (canonical && (ended || uio->remaining == 0))
            *finished = true;
    }
    return done;
}

struct read_rule {
    bool canonical;
    uint64_t minimum;            /* bytes to wait for */
    uint64_t time_ns;            /* 0: no timer */
};

static struct read_rule current_rule(struct tty *tty, uint64_t wanted)
{
    mutex_lock(&tty->lock);
    struct read_rule rule = {
        .canonical = tty_lflag(tty, ICANON),
        .minimum = MIN((uint64_t)tty->termios.c_cc[VMIN], wanted),
        .time_ns = (uint64_t)tty->termios.c_cc[VTIME] * TIME_UNIT_NS,
    };
    mutex_unlock(&tty->lock);
    return rule;
}

/* When to give up waiting: TIME runs from the call if MIN is 0, else from each byte on. */
static uint64_t deadline_of(const struct read_rule *rule, bool got_bytes, uint64_t start_ns)
{
    if (rule->canonical)
        return UINT64_MAX;
    if (rule->minimum == 0)
        return start_ns + rule->time_ns;
    return rule->time_ns && got_bytes ? clock_monotonic_ns() + rule->time_ns : UINT64_MAX;
}

int64_t line_read(struct tty *tty, struct file *file, struct uio *uio)
{
    struct read_rule rule = current_rule(tty, uio->remaining);
    uint64_t start = clock_monotonic_ns();
    int64_t done = 0;

    for (;;) {
        int error = job_control_check(tty, SIGTTIN);
        if (error)
            return done ? done : error;
        bool finished;
        int64_t got = read_available(tty, uio, &finished);
        if (got < 0)
            return done ? done : got;
        done += got;
        if (finished || uio->remaining == 0 || (!rule.canonical && (uint64_t)done >= rule.minimum &&
                                                (done || (!rule.time_ns && !rule.minimum))))
            return done;
        if (file_is_nonblocking(file))
            return done ? done : -EAGAIN;
        error = wait_event_until(&tty->read_wait, line_is_readable(tty, false),
                                 deadline_of(&rule, done > 0, start));
        if (error == -ETIMEDOUT)
            return done;
        if (error)
            return done ? done : error;
        if (current_rule(tty, 1).canonical != rule.canonical)
            rule = current_rule(tty, uio->remaining);
    }
}
