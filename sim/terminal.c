/* SPDX-License-Identifier: MIT */
/*
 * Raw mode of the user's terminal, see termios(3).
 */
#include "sim/terminal.h"

#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

static struct termios saved;
static bool raw;

bool terminal_is_interactive(void)
{
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

void terminal_restore(void)
{
    if (raw) {
        tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
        raw = false;
    }
}

void terminal_make_raw(void)
{
    if (!terminal_is_interactive() || tcgetattr(STDIN_FILENO, &saved) < 0) {
        return;
    }
    struct termios mode = saved;
    cfmakeraw(&mode);
    mode.c_oflag &= ~(tcflag_t)ONLCR; /* QEMU turns OPOST on again: the guest's CR LF is enough */
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &mode) == 0) {
        raw = true;
        atexit(terminal_restore);
    }
}
