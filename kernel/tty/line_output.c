/* SPDX-License-Identifier: MIT
 *
 * Output side of the line discipline: termios(3) c_oflag processing, echo.
 *
 * tty->lock is held throughout. Nothing blocks: what the driver does not take is left to the caller,
 * or for echoes kept in tty->echo and written before anything else.
 */
#include "kernel/lib/string.h"
#include "kernel/tty/tty_internal.h"

enum { TAB_WIDTH = 8 };

/* What one character becomes. Returns its length in `out` and the column after it. */
static size_t post_process(const struct tty *tty, uint8_t c, char out[TAB_WIDTH], unsigned *column)
{
    switch (c) {
    case '\n':
        if (tty_oflag(tty, ONLRET))
            *column = 0;
        if (tty_oflag(tty, ONLCR)) {
            *column = 0;
            out[0] = '\r';
            out[1] = '\n';
            return 2;
        }
        break;
    case '\r':
        if (tty_oflag(tty, ONOCR) && *column == 0)
            return 0;
        *column = 0;
        if (tty_oflag(tty, OCRNL)) {
            out[0] = '\n';
            return 1;
        }
        break;
    case '\t': {
        unsigned spaces = TAB_WIDTH - *column % TAB_WIDTH;
        *column += spaces;
        if ((tty->termios.c_oflag & TABDLY) == XTABS) {
            memset(out, ' ', spaces);
            return spaces;
        }
        break;
    }
    case '\b':
        if (*column)
            (*column)--;
        break;
    default:
        if (tty_oflag(tty, OLCUC))
            c = (uint8_t)ktoupper(c);
        /* Control characters and UTF-8 continuation bytes do not move the cursor. */
        if (c >= ' ' && c != 0x7f && !(tty_iflag(tty, IUTF8) && (c & 0xc0) == 0x80))
            (*column)++;
        break;
    }
    out[0] = (char)c;
    return 1;
}

void line_flush_echo(struct tty *tty)
{
    if (tty->echo_bytes == 0)
        return;
    size_t taken = tty->driver->write(tty, tty->echo, tty->echo_bytes);
    tty->echo_bytes -= taken;
    memmove(tty->echo, tty->echo + taken, tty->echo_bytes);
}

/* A run of characters that come out as they are. */
static size_t plain_run(struct tty *tty, const char *bytes, size_t count)
{
    size_t run = 0;
    if (tty_oflag(tty, OLCUC))
        return 0;
    while (run < count && (uint8_t)bytes[run] >= ' ' && (uint8_t)bytes[run] < 0x7f)
        run++;
    if (run == 0)
        return 0;
    size_t taken = tty->driver->write(tty, bytes, run);
    tty->column += (unsigned)taken;
    return taken;
}

/* Output characters gathered into one driver call: a line with its ends, usually. */
size_t line_output(struct tty *tty, const char *bytes, size_t count)
{
    line_flush_echo(tty);
    if (tty->stopped || tty->echo_bytes)
        return 0;
    if (!tty_oflag(tty, OPOST))
        return tty->driver->write(tty, bytes, count);

    size_t done = 0;
    while (done < count) {
        size_t run = plain_run(tty, bytes + done, count - done);
        done += run;
        if (done == count)
            break;
        char out[TAB_WIDTH];
        unsigned column = tty->column;
        size_t length = post_process(tty, (uint8_t)bytes[done], out, &column);
        size_t taken = length ? tty->driver->write(tty, out, length) : 0;
        if (taken == 0 && length)
            break;
        if (taken < length) /* half of a CR LF went out: the rest goes the way of echoes */
            line_echo(tty, out + taken, length - taken);
        tty->column = column;
        done++;
    }
    return done;
}

void line_echo(struct tty *tty, const char *bytes, size_t count)
{
    line_flush_echo(tty);
    size_t taken =
        tty->stopped || tty->echo_bytes ? 0 : tty->driver->write(tty, bytes, count);
    size_t kept = MIN(count - taken, TTY_ECHO_BYTES - tty->echo_bytes); /* more is lost */
    memcpy(tty->echo + tty->echo_bytes, bytes + taken, kept);
    tty->echo_bytes += kept;
}

void line_echo_char(struct tty *tty, uint8_t c)
{
    char out[TAB_WIDTH] = {(char)c};
    size_t length = 1;
    if (tty_lflag(tty, ECHOCTL) && (c < ' ' || c == 0x7f) && c != '\t' && c != '\n') {
        out[0] = '^';
        out[1] = (char)(c ^ 0x40);
        length = 2;
        tty->column += 2;
    } else if (tty_oflag(tty, OPOST)) {
        length = post_process(tty, c, out, &tty->column);
    }
    line_echo(tty, out, length);
}
