/* SPDX-License-Identifier: MIT
 *
 * Terminals: both sides of a pseudoterminal with the settings, input and output of the input
 * (kernel/tty/line_*.c, tty_ioctl.c, pty.c). Nothing blocks: both sides are O_NONBLOCK.
 */
#include "fuzz/inside.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/ioctl.h"
#include "kernel/abi/termios.h"
#include "kernel/syscall/syscalls.h"

enum { OPS_MAX = 64, CHUNK_MAX = 200 };
#define ARGUMENT FUZZ_USER_MEMORY
#define BUFFER (FUZZ_USER_MEMORY + 4096)

static void transfer(struct fuzz_input *input, int64_t fd, bool out)
{
    const uint8_t *bytes;
    size_t count;

    if (!out) {
        count = fuzz_u8(input) * 20u;
        int64_t got = FUZZ_CALL(SYS_read, fd, BUFFER, count);
        if (got > (int64_t)count)
            fuzz_fail("read %lld bytes into %zu", (long long)got, count);
        return;
    }
    count = fuzz_bytes(input, CHUNK_MAX, &bytes);
    fuzz_put_user(BUFFER, bytes, count);
    int64_t put = FUZZ_CALL(SYS_write, fd, BUFFER, count);
    if (put > (int64_t)count)
        fuzz_fail("wrote %lld bytes of %zu", (long long)put, count);
}

/* One setting after another, so that single bits can be found. */
static void set_modes(struct fuzz_input *input, int64_t fd)
{
    static const uint32_t commands[] = {TCSETS, TCSETSW, TCSETSF};
    struct linux_termios termios;
    const uint8_t which = fuzz_u8(input);

    if (FUZZ_CALL(SYS_ioctl, fd, TCGETS, ARGUMENT) < 0)
        return;
    fuzz_get_user(&termios, ARGUMENT, sizeof termios);
    switch (which % 5) {
    case 0:
        termios.c_iflag ^= 1u << fuzz_u8(input) % 32;
        break;
    case 1:
        termios.c_oflag ^= 1u << fuzz_u8(input) % 32;
        break;
    case 2:
        termios.c_lflag ^= 1u << fuzz_u8(input) % 32;
        break;
    case 3:
        termios.c_cflag ^= 1u << fuzz_u8(input) % 32;
        break;
    default:
        termios.c_cc[fuzz_u8(input) % sizeof termios.c_cc] = fuzz_u8(input);
        break;
    }
    fuzz_put_user(ARGUMENT, &termios, sizeof termios);
    FUZZ_CALL(SYS_ioctl, fd, commands[which / 5 % 3], ARGUMENT);
}

static void control(struct fuzz_input *input, int64_t fd)
{
    static const uint32_t commands[] = {
        TCSBRK,    TCXONC,    TCFLSH,    TIOCSTI,   TIOCGWINSZ, TIOCSWINSZ,  TIOCINQ,
        TIOCOUTQ,  TIOCPKT,   TIOCEXCL,  TIOCNXCL,  TIOCGPTN,   TIOCSPTLCK,  TIOCGPTPEER,
        TIOCSCTTY, TIOCNOTTY, TIOCSPGRP, TIOCGPGRP, TIOCGSID,   TIOCSIG,     TCGETA,
        TCSETA,    TCGETS2,   TCSETS2,   TIOCSETD,  TIOCGETD,   TIOCVHANGUP, TIOCCONS,
        FIONREAD,  FIOASYNC,  TCSBRKP,   TIOCGPKT,  TIOCGPTLCK, TIOCGEXCL};
    const uint8_t choice = fuzz_u8(input);
    const uint32_t value = fuzz_u32(input);
    const uint32_t command = choice < 250 ? commands[choice % (sizeof commands / 4)] : value;

    if (command == TIOCGPTPEER) /* a third descriptor would never be closed */
        return;
    fuzz_put_user(ARGUMENT, &value, sizeof value);
    FUZZ_CALL(SYS_ioctl, fd, command, choice & 1 ? ARGUMENT : value % 8);
}

static void body(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {.data = data, .size = size};
    int64_t sides[2];

    FUZZ_CALL(SYS_setsid);
    sides[0] = FUZZ_CALL(SYS_open, fuzz_put_string(ARGUMENT, "/dev/ptmx"), O_RDWR | O_NONBLOCK);
    fuzz_put_user(ARGUMENT, &(int){0}, sizeof(int));
    FUZZ_CALL(SYS_ioctl, sides[0], TIOCSPTLCK, ARGUMENT);
    sides[1] = FUZZ_CALL(SYS_open, fuzz_put_string(ARGUMENT, "/dev/pts/0"), O_RDWR | O_NONBLOCK);
    if (sides[0] < 0 || sides[1] < 0)
        fuzz_fail("no pseudoterminal: %lld %lld", (long long)sides[0], (long long)sides[1]);
    for (unsigned i = 0; i < OPS_MAX && input.size > 0; i++) {
        const uint8_t choice = fuzz_u8(&input);
        const int64_t fd = sides[choice & 1];
        if (choice < 80)
            transfer(&input, fd, true);
        else if (choice < 128)
            transfer(&input, fd, false);
        else if (choice < 200)
            set_modes(&input, fd);
        else
            control(&input, fd);
    }
    FUZZ_CALL(SYS_close, sides[size % 2]);
    FUZZ_CALL(SYS_read, sides[!size % 2], BUFFER, 64);
    FUZZ_CALL(SYS_close, sides[!size % 2]);
}

FUZZ_TARGET(body)
