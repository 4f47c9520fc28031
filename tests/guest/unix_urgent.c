/* SPDX-License-Identifier: MIT */
/* send(2) MSG_OOB, sockatmark(3), SO_OOBINLINE and SIGURG on AF_UNIX streams (unix(7)). */
#include "guest.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

static int ends[2];
static char text[64];

static void make_pair(void)
{
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    OK(fcntl(ends[1], F_SETFL, O_NONBLOCK));
    if (send(ends[0], "x", 1, MSG_OOB) < 0 && errno == EOPNOTSUPP)
        skip("this kernel was built without out-of-band data");
    EQ(recv(ends[1], text, 1, MSG_OOB), 1);
    FAILS(recv(ends[1], text, sizeof(text), 0), EAGAIN);
}

static bool at_mark(void)
{
    int mark = -1;
    OK(ioctl(ends[1], SIOCATMARK, &mark));
    return mark;
}

static void urgent(const char *bytes)
{
    EQ(send(ends[0], bytes, strlen(bytes), MSG_OOB), strlen(bytes));
}

static void expect(const char *want, int flags)
{
    memset(text, 0, sizeof(text));
    EQ(recv(ends[1], text, sizeof(text) - 1, flags), strlen(want));
    STR_EQ(text, want);
}

static void last_byte_is_out_of_band(void)
{
    make_pair();
    FAILS(send(ends[0], "", 0, MSG_OOB), EOPNOTSUPP);
    FAILS(recv(ends[1], text, 1, MSG_OOB), EINVAL);
    urgent("abc");
    struct pollfd poll_one = {.fd = ends[1], .events = POLLIN | POLLPRI};
    EQ(poll(&poll_one, 1, 0), 1);
    EQ(poll_one.revents, POLLIN | POLLPRI);
    expect("c", MSG_OOB | MSG_PEEK);
    expect("c", MSG_OOB);
    FAILS(recv(ends[1], text, 1, MSG_OOB), EINVAL);
    poll_one.events = POLLPRI;
    EQ(poll(&poll_one, 1, 0), 0);
    expect("ab", 0);
    FAILS(recv(ends[1], text, sizeof(text), 0), EAGAIN);
}

static void reads_stop_at_the_mark(void)
{
    make_pair();
    urgent("abc");
    EQ(send(ends[0], "def", 3, 0), 3);
    TRUE(!at_mark());
    expect("ab", 0);
    TRUE(at_mark());
    expect("def", 0); /* the byte that nobody asked for is gone */
    FAILS(recv(ends[1], text, 1, MSG_OOB), EINVAL);
}

static void flags_tell_what_was_received(void)
{
    make_pair();
    urgent("z");
    struct iovec iov = {.iov_base = text, .iov_len = sizeof(text)};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    EQ(recvmsg(ends[1], &message, MSG_OOB), 1);
    TRUE(message.msg_flags & MSG_OOB);
}

static void a_later_byte_takes_the_place(void)
{
    make_pair();
    urgent("ab");
    urgent("cd");
    expect("d", MSG_OOB);
    expect("abc", 0);
}

static void in_line_the_byte_is_one_of_the_stream(void)
{
    int on = 1;
    make_pair();
    OK(setsockopt(ends[1], SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)));
    urgent("abc");
    EQ(send(ends[0], "de", 2, 0), 2);
    FAILS(recv(ends[1], text, 1, MSG_OOB), EINVAL);
    expect("ab", 0);
    TRUE(at_mark());
    expect("cde", 0);
}

static volatile sig_atomic_t signalled;

static void on_signal(int signal)
{
    signalled = signal;
}

static void the_owner_gets_sigurg(void)
{
    make_pair();
    struct sigaction action = {.sa_handler = on_signal};
    OK(sigaction(SIGURG, &action, NULL));
    OK(fcntl(ends[1], F_SETOWN, getpid()));
    urgent("u");
    EVENTUALLY(signalled == SIGURG);
    expect("u", MSG_OOB);
}

static void datagrams_have_none(void)
{
    int pair[2], mark;
    OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    FAILS(send(pair[0], "x", 1, MSG_OOB), EOPNOTSUPP);
    FAILS(recv(pair[1], text, 1, MSG_OOB), EOPNOTSUPP);
    FAILS(ioctl(pair[1], SIOCATMARK, &mark), EOPNOTSUPP);
}

GUEST_MAIN(CASE(last_byte_is_out_of_band), CASE(reads_stop_at_the_mark),
           CASE(flags_tell_what_was_received), CASE(a_later_byte_takes_the_place),
           CASE(in_line_the_byte_is_one_of_the_stream), CASE(the_owner_gets_sigurg),
           CASE(datagrams_have_none))
