/* SPDX-License-Identifier: MIT
 *
 * Input side of the line discipline: termios(3) c_iflag and c_lflag processing of typed
 * characters: signals, flow control, line editing, echo.
 *
 * Typed bytes enter a ring with free-running counters tail <= line_head <= head. In canonical
 * mode only [tail, line_head) can be read and only [line_head, head) be edited; a byte that ends a
 * line has its bit set in `delimiters`. In raw mode line_head is not used.
 */
#include "kernel/abi/poll.h"
#include "kernel/abi/signal.h"
#include "kernel/lib/string.h"
#include "kernel/proc/session.h"
#include "kernel/proc/signal.h"
#include "kernel/tty/tty_internal.h"

enum { RING_MASK = TTY_INPUT_BYTES - 1 };

static uint8_t ring_at(const struct tty *tty, uint32_t index)
{
    return tty->input[index & RING_MASK];
}

static void mark(struct tty *tty, uint32_t index, bool delimiter)
{
    uint32_t at = index & RING_MASK;
    if (delimiter)
        tty->delimiters[at / 64] |= BIT(at % 64);
    else
        tty->delimiters[at / 64] &= ~BIT(at % 64);
}

static uint32_t room(const struct tty *tty)
{
    return TTY_INPUT_BYTES - (tty->head - tty->tail);
}

static bool put(struct tty *tty, uint8_t c, bool delimiter)
{
    if (room(tty) == 0)
        return false;
    tty->input[tty->head & RING_MASK] = c;
    mark(tty, tty->head, delimiter);
    tty->head++;
    return true;
}

void line_flush_input(struct tty *tty)
{
    tty->tail = tty->line_head = tty->head;
    tty->literal_next = tty->erasing = false;
    tty->line_column = tty->column;
}

void line_termios_changed(struct tty *tty, const struct linux_termios *old)
{
    bool was_canonical = old->c_lflag & ICANON;
    if (was_canonical != tty_lflag(tty, ICANON)) {
        /* What is typed so far becomes one finished piece of input. */
        if (!was_canonical && tty->head != tty->tail)
            mark(tty, tty->head - 1, true);
        tty->line_head = tty->head;
        tty->literal_next = false;
    }
    if ((old->c_iflag & IXON) && !tty_iflag(tty, IXON) && tty->stopped)
        tty->stopped = false;
}

size_t line_bytes_readable(const struct tty *tty)
{
    return (tty_lflag(tty, ICANON) ? tty->line_head : tty->head) - tty->tail;
}

/* ---- line editing ---- */

static bool is_continuation(const struct tty *tty, uint8_t c)
{
    return tty_iflag(tty, IUTF8) && (c & 0xc0) == 0x80;
}

/* Columns that a character of the edited line takes when it starts in `column`. */
static unsigned width_of(const struct tty *tty, uint8_t c, unsigned column)
{
    if (c == '\t')
        return 8 - column % 8;
    if (c < ' ' || c == 0x7f)
        return tty_lflag(tty, ECHOCTL) ? 2 : 0;
    return is_continuation(tty, c) ? 0 : 1;
}

static unsigned column_at(const struct tty *tty, uint32_t end)
{
    unsigned column = tty->line_column;
    for (uint32_t i = tty->line_head; i != end; i++)
        column += width_of(tty, ring_at(tty, i), column);
    return column;
}

/* Take the last character (all its bytes) off the line and the screen. */
static void erase_one(struct tty *tty, bool show)
{
    uint32_t end = tty->head;
    do {
        end--;
    } while (end != tty->line_head && is_continuation(tty, ring_at(tty, end)));
    uint8_t c = ring_at(tty, end);

    if (show && tty_lflag(tty, ECHO)) {
        if (tty_lflag(tty, ECHOPRT)) {
            if (!tty->erasing)
                line_echo(tty, "\\", 1);
            tty->erasing = true;
            line_echo_char(tty, c);
        } else if (!tty_lflag(tty, ECHOE)) {
            line_echo_char(tty, tty->termios.c_cc[VERASE]);
        } else {
            unsigned width = width_of(tty, c, column_at(tty, end));
            for (unsigned i = 0; i < width; i++)
                line_echo(tty, c == '\t' ? "\b" : "\b \b", c == '\t' ? 1 : 3);
            tty->column -= MIN(tty->column, width);
        }
    }
    tty->head = end;
}

static void finish_erasing(struct tty *tty)
{
    if (tty->erasing)
        line_echo(tty, "/", 1);
    tty->erasing = false;
}

static bool is_word_byte(uint8_t c)
{
    return kisalnum(c) || c == '_' || c >= 0x80;
}

static void erase_word(struct tty *tty)
{
    bool seen = false;
    while (tty->head != tty->line_head) {
        bool word = is_word_byte(ring_at(tty, tty->head - 1));
        if (seen && !word)
            break;
        seen = seen || word;
        erase_one(tty, true);
    }
}

static void kill_line(struct tty *tty)
{
    if (tty_lflag(tty, ECHOKE) && tty_lflag(tty, ECHOE)) {
        while (tty->head != tty->line_head)
            erase_one(tty, true);
        return;
    }
    tty->head = tty->line_head;
    if (tty_lflag(tty, ECHO))
        line_echo_char(tty, tty->termios.c_cc[VKILL]);
    if (tty_lflag(tty, ECHOK))
        line_echo_char(tty, '\n');
}

static void reprint(struct tty *tty)
{
    finish_erasing(tty);
    line_echo_char(tty, tty->termios.c_cc[VREPRINT]);
    line_echo_char(tty, '\n');
    for (uint32_t i = tty->line_head; i != tty->head; i++)
        line_echo_char(tty, ring_at(tty, i));
}

static void finish_line(struct tty *tty, uint8_t c)
{
    if (!put(tty, c, true))
        return;
    tty->line_head = tty->head;
    tty->line_column = tty->column;
}

static void echo_typed(struct tty *tty, uint8_t c)
{
    if (!tty_lflag(tty, ECHO))
        return;
    finish_erasing(tty);
    if (tty->head == tty->line_head)
        tty->line_column = tty->column;
    line_echo_char(tty, c);
}

/* A character that is only data. */
static void add_data(struct tty *tty, uint8_t c)
{
    /* In canonical mode the last place is kept for the end of the line. */
    if (room(tty) <= (tty_lflag(tty, ICANON) ? 1u : 0u)) {
        if (tty_iflag(tty, IMAXBEL))
            line_echo(tty, "\a", 1);
        return;
    }
    echo_typed(tty, c);
    if (c == 0377 && tty_iflag(tty, PARMRK) && !tty_iflag(tty, ISTRIP))
        put(tty, c, false);
    put(tty, c, false);
}

/* True if c edited or ended the line. */
static bool edit(struct tty *tty, uint8_t c)
{
    bool extended = tty_lflag(tty, IEXTEN);

    if (tty_is_cc(tty, VERASE, c) || tty_is_cc(tty, VKILL, c) ||
        (extended && tty_is_cc(tty, VWERASE, c))) {
        if (tty->head == tty->line_head)
            return true;
        if (tty_is_cc(tty, VKILL, c))
            kill_line(tty);
        else if (tty_is_cc(tty, VERASE, c))
            erase_one(tty, true);
        else
            erase_word(tty);
        if (tty->head == tty->line_head)
            finish_erasing(tty);
        return true;
    }
    if (extended && tty_is_cc(tty, VREPRINT, c) && tty_lflag(tty, ECHO)) {
        reprint(tty);
        return true;
    }
    if (c == '\n') {
        finish_erasing(tty);
        if (tty_lflag(tty, ECHO) || tty_lflag(tty, ECHONL))
            line_echo_char(tty, '\n');
        finish_line(tty, c);
        return true;
    }
    if (tty_is_cc(tty, VEOF, c)) {
        finish_line(tty, '\0');
        return true;
    }
    if (tty_is_cc(tty, VEOL, c) || (extended && tty_is_cc(tty, VEOL2, c))) {
        echo_typed(tty, c);
        finish_line(tty, c);
        return true;
    }
    return false;
}

/* ---- special characters ---- */

static int signal_of(const struct tty *tty, uint8_t c)
{
    if (!tty_lflag(tty, ISIG))
        return 0;
    return tty_is_cc(tty, VINTR, c)   ? SIGINT
           : tty_is_cc(tty, VQUIT, c) ? SIGQUIT
           : tty_is_cc(tty, VSUSP, c) ? SIGTSTP
                                      : 0;
}

static void set_stopped(struct tty *tty, bool stopped)
{
    if (tty->stopped == stopped)
        return;
    tty->stopped = stopped;
    if (tty->driver->flow_changed)
        tty->driver->flow_changed(tty, stopped);
    if (!stopped)
        line_flush_echo(tty);
}

static bool flow_control(struct tty *tty, uint8_t c)
{
    if (!tty_iflag(tty, IXON))
        return false;
    if (tty_is_cc(tty, VSTART, c)) {
        set_stopped(tty, false);
        return true;
    }
    if (tty_is_cc(tty, VSTOP, c)) {
        set_stopped(tty, true);
        return true;
    }
    return false;
}

static void raise_signal(struct tty *tty, uint8_t c, int signo)
{
    if (!tty_lflag(tty, NOFLSH)) {
        line_flush_input(tty);
        if (tty->driver->flush_output)
            tty->driver->flush_output(tty);
        tty->echo_bytes = 0;
    }
    set_stopped(tty, false);
    if (tty_lflag(tty, ECHO))
        line_echo_char(tty, c);
    job_control_signal_foreground(tty, signo);
}

/* One typed character. */
static void receive_char(struct tty *tty, uint8_t c)
{
    if (tty_iflag(tty, ISTRIP))
        c &= 0x7f;
    if (tty_iflag(tty, IUCLC) && tty_lflag(tty, IEXTEN))
        c = (uint8_t)ktolower(c);
    if (tty_lflag(tty, EXTPROC)) {
        put(tty, c, false);
        return;
    }
    if (tty->literal_next) {
        tty->literal_next = false;
        add_data(tty, c);
        return;
    }
    if (flow_control(tty, c))
        return;
    if (tty->stopped && tty_iflag(tty, IXON) && tty_iflag(tty, IXANY))
        set_stopped(tty, false);

    int signo = signal_of(tty, c);
    if (signo) {
        raise_signal(tty, c, signo);
        return;
    }
    if (c == '\r') {
        if (tty_iflag(tty, IGNCR))
            return;
        if (tty_iflag(tty, ICRNL))
            c = '\n';
    } else if (c == '\n' && tty_iflag(tty, INLCR)) {
        c = '\r';
    }
    if (tty_lflag(tty, ICANON)) {
        if (tty_lflag(tty, IEXTEN) && tty_is_cc(tty, VLNEXT, c)) {
            tty->literal_next = true;
            if (tty_lflag(tty, ECHO) && tty_lflag(tty, ECHOCTL))
                line_echo(tty, "^\b", 2);
            return;
        }
        if (edit(tty, c))
            return;
    }
    add_data(tty, c);
}

/* How many characters are certain to be taken in without loss. Canonical mode keeps the last place
 * for the end of the line; while a reader has whole lines to make room by, the rest waits. With no
 * line to read, a full buffer must not stop the character that ends one. */
static size_t space_locked(const struct tty *tty)
{
    size_t space = room(tty);
    if (!tty_lflag(tty, ICANON))
        return space;
    if (space > 1)
        return space - 1;
    return tty->line_head == tty->tail ? 1 : 0;
}

size_t tty_receive_room(struct tty *tty)
{
    mutex_lock(&tty->lock);
    size_t space = space_locked(tty);
    mutex_unlock(&tty->lock);
    return space;
}

size_t tty_receive(struct tty *tty, const char *bytes, size_t count)
{
    size_t done = 0;

    mutex_lock(&tty->lock);
    if (tty->hung_up) {
        mutex_unlock(&tty->lock);
        return count;
    }
    while (done < count && space_locked(tty) > 0)
        receive_char(tty, (uint8_t)bytes[done++]);
    bool readable = line_bytes_readable(tty) > 0;
    bool writable = !tty->stopped;
    mutex_unlock(&tty->lock);
    if (readable)
        wait_queue_wake(&tty->read_wait, 0, EPOLLIN | EPOLLRDNORM);
    if (writable)
        wait_queue_wake(&tty->write_wait, 0, EPOLLOUT | EPOLLWRNORM);
    return done;
}
