/* SPDX-License-Identifier: MIT */
/* kernel/abi/termios.h against the host's headers. */
#define _GNU_SOURCE
#include <asm/termbits.h>
#include <asm/termios.h>
#include <linux/tty.h>

#include "tests/unit/abi/host_compare.h"

/* clang-format off */
#define NAMES(V) \
    V(NCCS) V(NCC) V(VINTR) V(VQUIT) V(VERASE) V(VKILL) V(VEOF) V(VTIME) V(VMIN) V(VSWTC) \
    V(VSTART) V(VSTOP) V(VSUSP) V(VEOL) V(VREPRINT) V(VDISCARD) V(VWERASE) V(VLNEXT) V(VEOL2) \
    V(IGNBRK) V(BRKINT) V(IGNPAR) V(PARMRK) V(INPCK) V(ISTRIP) V(INLCR) V(IGNCR) V(ICRNL) \
    V(IUCLC) V(IXON) V(IXANY) V(IXOFF) V(IMAXBEL) V(IUTF8) V(OPOST) V(OLCUC) V(ONLCR) V(OCRNL) \
    V(ONOCR) V(ONLRET) V(OFILL) V(OFDEL) V(NLDLY) V(CRDLY) V(TABDLY) V(TAB0) V(TAB1) V(TAB2) \
    V(TAB3) V(XTABS) V(BSDLY) V(VTDLY) V(FFDLY) V(CBAUD) V(B0) V(B50) V(B75) V(B110) V(B134) \
    V(B150) V(B200) V(B300) V(B600) V(B1200) V(B1800) V(B2400) V(B4800) V(B9600) V(B19200) \
    V(B38400) V(EXTA) V(EXTB) V(CSIZE) V(CS5) V(CS6) V(CS7) V(CS8) V(CSTOPB) V(CREAD) V(PARENB) \
    V(PARODD) V(HUPCL) V(CLOCAL) V(CBAUDEX) V(BOTHER) V(B57600) V(B115200) V(B230400) V(B460800) \
    V(B500000) V(B576000) V(B921600) V(B1000000) V(B1152000) V(B1500000) V(B2000000) V(B2500000) \
    V(B3000000) V(B3500000) V(B4000000) V(CIBAUD) V(CMSPAR) V(CRTSCTS) V(IBSHIFT) V(ISIG) \
    V(ICANON) V(XCASE) V(ECHO) V(ECHOE) V(ECHOK) V(ECHONL) V(NOFLSH) V(TOSTOP) V(ECHOCTL) \
    V(ECHOPRT) V(ECHOKE) V(FLUSHO) V(PENDIN) V(IEXTEN) V(EXTPROC) V(TCOOFF) V(TCOON) V(TCIOFF) \
    V(TCION) V(TCIFLUSH) V(TCOFLUSH) V(TCIOFLUSH) V(N_TTY)
/* clang-format on */

HOST_TABLE(NAMES);

#define ABI_HEADER "kernel/abi/termios.h"
#include "tests/unit/abi/quiet_include.h"

ABI_TABLE(NAMES);

ABI_VALUES_TEST

static const struct abi_layout layouts[] = {
    SAME_SIZE(struct linux_termios, struct termios),
    SAME_FIELD(struct linux_termios, c_iflag, struct termios, c_iflag),
    SAME_FIELD(struct linux_termios, c_oflag, struct termios, c_oflag),
    SAME_FIELD(struct linux_termios, c_cflag, struct termios, c_cflag),
    SAME_FIELD(struct linux_termios, c_lflag, struct termios, c_lflag),
    SAME_FIELD(struct linux_termios, c_line, struct termios, c_line),
    SAME_FIELD(struct linux_termios, c_cc, struct termios, c_cc),
    SAME_SIZE(struct linux_termios2, struct termios2),
    SAME_FIELD(struct linux_termios2, c_iflag, struct termios2, c_iflag),
    SAME_FIELD(struct linux_termios2, c_oflag, struct termios2, c_oflag),
    SAME_FIELD(struct linux_termios2, c_cflag, struct termios2, c_cflag),
    SAME_FIELD(struct linux_termios2, c_lflag, struct termios2, c_lflag),
    SAME_FIELD(struct linux_termios2, c_line, struct termios2, c_line),
    SAME_FIELD(struct linux_termios2, c_cc, struct termios2, c_cc),
    SAME_FIELD(struct linux_termios2, c_ispeed, struct termios2, c_ispeed),
    SAME_FIELD(struct linux_termios2, c_ospeed, struct termios2, c_ospeed),
    SAME_SIZE(struct linux_termio, struct termio),
    SAME_FIELD(struct linux_termio, c_iflag, struct termio, c_iflag),
    SAME_FIELD(struct linux_termio, c_oflag, struct termio, c_oflag),
    SAME_FIELD(struct linux_termio, c_cflag, struct termio, c_cflag),
    SAME_FIELD(struct linux_termio, c_lflag, struct termio, c_lflag),
    SAME_FIELD(struct linux_termio, c_line, struct termio, c_line),
    SAME_FIELD(struct linux_termio, c_cc, struct termio, c_cc),
    SAME_SIZE(struct linux_winsize, struct winsize),
    SAME_FIELD(struct linux_winsize, ws_row, struct winsize, ws_row),
    SAME_FIELD(struct linux_winsize, ws_col, struct winsize, ws_col),
    SAME_FIELD(struct linux_winsize, ws_xpixel, struct winsize, ws_xpixel),
    SAME_FIELD(struct linux_winsize, ws_ypixel, struct winsize, ws_ypixel),
};

ABI_LAYOUTS_TEST

static void add(TCase *tcase)
{
    tcase_add_test(tcase, values_equal_those_of_the_host);
    tcase_add_test(tcase, structures_are_laid_out_as_on_the_host);
}

static Suite *termios_suite(void)
{
    return unit_suite("termios", add);
}

UNIT_MAIN(termios_suite)
