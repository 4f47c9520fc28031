/* SPDX-License-Identifier: MIT */
/*
 * Terminals whose mode changes while there is input: termios(3), "Canonical and noncanonical mode";
 * settings that are locked: TIOCSLCKTRMIOS(2const).
 */
#include "tests/guest/guest.h"

#include <sys/ioctl.h>
#include <termios.h>

static void open_pair(int *master, int *slave)
{
    char name[32];
    int number, unlock = 0;
    *master = (int)OK(open("/dev/ptmx", O_RDWR | O_NOCTTY));
    OK(ioctl(*master, TIOCSPTLCK, &unlock));
    OK(ioctl(*master, TIOCGPTN, &number));
    snprintf(name, sizeof(name), "/dev/pts/%d", number);
    *slave = (int)OK(open(name, O_RDWR | O_NOCTTY));
}

/* What was typed in canonical mode is all there after it, ends of file as bytes of zero. The last
 * character is a z, whose echo says that the input has arrived. */
static void expect_typed(const char *typed, size_t bytes, const char *wanted)
{
    struct termios termios;
    char got[32];
    int master, slave, count;
    open_pair(&master, &slave);
    OK(tcgetattr(slave, &termios));
    EQ(write(master, typed, bytes), (long)bytes);
    do {
        OK(read(master, got, 1));
    } while (got[0] != 'z');
    termios.c_lflag &= ~(tcflag_t)ICANON;
    termios.c_cc[VMIN] = 1;
    termios.c_cc[VTIME] = 0;
    OK(tcsetattr(slave, TCSANOW, &termios));
    struct pollfd p = {.fd = slave, .events = POLLIN};
    EQ(poll(&p, 1, 5000), 1);
    OK(ioctl(slave, FIONREAD, &count));
    EQ(count, (long)bytes);
    EQ(read(slave, got, sizeof(got)), (long)bytes);
    EQ(memcmp(got, wanted, bytes), 0);
    OK(close(slave));
    OK(close(master));
}

static void end_of_file_is_zero_after_canonical_mode(void)
{
    expect_typed("\004z", 2, "\0z");
    expect_typed("ab\004z", 4, "ab\0z");
    expect_typed("ab\004cz", 5, "ab\0cz");
    expect_typed("x\n\004z", 4, "x\n\0z");
}

/* From either end; only what is locked keeps its value. */
static void locked_settings_keep_their_values(void)
{
    struct termios now, locked = {0};
    int master, slave;
    open_pair(&master, &slave);
    OK(ioctl(slave, TIOCGLCKTRMIOS, &now));
    EQ(now.c_lflag | now.c_iflag | now.c_oflag | now.c_cflag | now.c_line | now.c_cc[VINTR], 0);
    locked.c_lflag = ECHO;
    locked.c_cc[VINTR] = 1;
    FAILS(ioctl(slave, TIOCSLCKTRMIOS, BAD_POINTER), EFAULT);
    OK(ioctl(master, TIOCSLCKTRMIOS, &locked));
    OK(ioctl(slave, TIOCGLCKTRMIOS, &now));
    EQ(now.c_lflag, ECHO);
    OK(tcgetattr(slave, &now));
    now.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
    now.c_cc[VINTR] = 'x';
    now.c_cc[VQUIT] = 'y';
    OK(tcsetattr(slave, TCSANOW, &now));
    OK(tcgetattr(slave, &now));
    EQ(now.c_lflag & (ECHO | ISIG), ECHO);
    EQ(now.c_cc[VINTR], 3);
    EQ(now.c_cc[VQUIT], 'y');
    OK(setresuid(1000, 1000, 1000));
    FAILS(ioctl(slave, TIOCSLCKTRMIOS, &locked), EPERM);
    FAILS(ioctl(slave, TIOCGLCKTRMIOS, BAD_POINTER), EFAULT);
}

static void soft_carrier_is_clocal(void)
{
    struct termios now;
    int master, slave, on = 1, got = 7;
    open_pair(&master, &slave);
    OK(ioctl(slave, TIOCGSOFTCAR, &got));
    EQ(got, 0);
    OK(ioctl(slave, TIOCSSOFTCAR, &on));
    OK(ioctl(slave, TIOCGSOFTCAR, &got));
    EQ(got, 1);
    OK(tcgetattr(slave, &now));
    EQ(now.c_cflag & CLOCAL, CLOCAL);
    on = 0;
    OK(ioctl(slave, TIOCSSOFTCAR, &on));
    OK(tcgetattr(slave, &now));
    EQ(now.c_cflag & CLOCAL, 0);
}

GUEST_MAIN(CASE(end_of_file_is_zero_after_canonical_mode), CASE(locked_settings_keep_their_values),
           CASE(soft_carrier_is_clocal))
