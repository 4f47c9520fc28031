/* SPDX-License-Identifier: MIT */
/* socket(7): SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_LOCK_FILTER on AF_UNIX datagrams, and options
 * that mean little without devices. */
#include "guest.h"

#include <linux/filter.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/un.h>

#ifndef SO_ATTACH_BPF
#define SO_ATTACH_BPF 50
#endif
#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif
#ifndef SO_TXTIME
#define SO_TXTIME 61
#endif

static int ends[2];
static char text[64];

static void make_pair(int type)
{
    OK(socketpair(AF_UNIX, type, 0, ends));
    OK(fcntl(ends[1], F_SETFL, O_NONBLOCK));
}

static int attach(const struct sock_filter *program, unsigned short count)
{
    struct sock_fprog wanted = {.len = count, .filter = (struct sock_filter *)(uintptr_t)program};
    return setsockopt(ends[1], SOL_SOCKET, SO_ATTACH_FILTER, &wanted, sizeof(wanted));
}

#define ATTACH(program) attach(program, sizeof(program) / sizeof((program)[0]))

static long pass(const char *bytes)
{
    EQ(send(ends[0], bytes, strlen(bytes), 0), strlen(bytes));
    memset(text, 0, sizeof(text));
    long got = recv(ends[1], text, sizeof(text) - 1, 0);
    return got < 0 ? -errno : got;
}

static void a_filter_drops_and_shortens(void)
{
    /* "k…": all of it; "s…": two bytes; others: none. */
    static const struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'k', 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 's', 2, 0),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
        BPF_STMT(BPF_RET | BPF_K, 2),
    };
    static const int types[] = {SOCK_DGRAM, SOCK_SEQPACKET};
    for (int i = 0; i < 2; i++) {
        make_pair(types[i]);
        OK(ATTACH(program));
        EQ(pass("keep"), 4);
        STR_EQ(text, "keep");
        EQ(pass("short"), 2);
        STR_EQ(text, "sh");
        EQ(pass("gone"), -EAGAIN);
        OK(setsockopt(ends[1], SOL_SOCKET, SO_DETACH_FILTER, &i, sizeof(i)));
        EQ(pass("gone"), 4);
        FAILS(setsockopt(ends[1], SOL_SOCKET, SO_DETACH_FILTER, &i, sizeof(i)), ENOENT);
    }
}

static void loads_are_big_endian_and_end_outside(void)
{
    static const struct sock_filter words[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x61626364, 0, 5),
        BPF_STMT(BPF_LDX | BPF_IMM, 3),
        BPF_STMT(BPF_LD | BPF_H | BPF_IND, 1),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x6566, 0, 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
        BPF_STMT(BPF_RET | BPF_A, 0),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    make_pair(SOCK_DGRAM);
    OK(ATTACH(words));
    EQ(pass("abcdef"), 6);
    EQ(pass("abcdxx"), -EAGAIN);
    EQ(pass("abcde"), -EAGAIN); /* a load from behind the end */
    EQ(pass("ab"), -EAGAIN);
}

static void arithmetic_of_packets(void)
{
    static const struct sock_filter program[] = {
        BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), /* X = 4 * ('B' & 15) = 8 */
        BPF_STMT(BPF_MISC | BPF_TXA, 0),
        BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 5),
        BPF_STMT(BPF_ST, 2),
        BPF_STMT(BPF_LD | BPF_IMM, 0),
        BPF_STMT(BPF_LD | BPF_MEM, 2),
        BPF_STMT(BPF_RET | BPF_A, 0), /* 3 */
    };
    make_pair(SOCK_DGRAM);
    OK(ATTACH(program));
    EQ(pass("Bytes"), 3);
}

static void bad_programs_are_refused(void)
{
    static const struct sock_filter no_return[] = {BPF_STMT(BPF_LD | BPF_IMM, 0)};
    static const struct sock_filter far[] = {BPF_STMT(BPF_JMP | BPF_JA, 7),
                                             BPF_STMT(BPF_RET | BPF_K, 0)};
    static const struct sock_filter zero[] = {BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0),
                                              BPF_STMT(BPF_RET | BPF_K, 0)};
    static const struct sock_filter unset[] = {BPF_STMT(BPF_LD | BPF_MEM, 1),
                                               BPF_STMT(BPF_RET | BPF_A, 0)};
    static const struct sock_filter nowhere[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0xfffffff0),
                                                 BPF_STMT(BPF_RET | BPF_A, 0)};
    make_pair(SOCK_DGRAM);
    FAILS(ATTACH(no_return), EINVAL);
    FAILS(ATTACH(far), EINVAL);
    FAILS(ATTACH(zero), EINVAL);
    FAILS(ATTACH(unset), EINVAL);
    FAILS(ATTACH(nowhere), EINVAL);
    FAILS(attach(far, 0), EINVAL);
    FAILS(attach(NULL, 1), EINVAL);
    FAILS(setsockopt(ends[1], SOL_SOCKET, SO_ATTACH_FILTER, text, 8), EINVAL);
    int fd = -1;
    FAILS(setsockopt(ends[1], SOL_SOCKET, SO_ATTACH_BPF, &fd, sizeof(fd)), EBADF);
    fd = ends[0];
    FAILS(setsockopt(ends[1], SOL_SOCKET, SO_ATTACH_BPF, &fd, sizeof(fd)), EINVAL);
}

static void a_locked_filter_stays(void)
{
    static const struct sock_filter drop[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
    struct sock_filter got[4];
    int on = 1, off = 0;
    make_pair(SOCK_DGRAM);
    OK(ATTACH(drop));
    socklen_t count = 0;
    OK(getsockopt(ends[1], SOL_SOCKET, SO_GET_FILTER, NULL, &count));
    EQ(count, 1);
    count = 4;
    OK(getsockopt(ends[1], SOL_SOCKET, SO_GET_FILTER, got, &count));
    EQ(count, 1);
    TRUE(memcmp(got, drop, sizeof(drop)) == 0);
    OK(setsockopt(ends[1], SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on)));
    FAILS(ATTACH(drop), EPERM);
    FAILS(setsockopt(ends[1], SOL_SOCKET, SO_DETACH_FILTER, &on, sizeof(on)), EPERM);
    FAILS(setsockopt(ends[1], SOL_SOCKET, SO_LOCK_FILTER, &off, sizeof(off)), EPERM);
    EQ(pass("gone"), -EAGAIN);
}

static void devices_times_and_memory(void)
{
    char name[IFNAMSIZ] = "";
    uint32_t figures[9], txtime[2] = {CLOCK_MONOTONIC, 1};
    socklen_t bytes = sizeof(name);
    make_pair(SOCK_DGRAM);
    OK(getsockopt(ends[0], SOL_SOCKET, SO_BINDTODEVICE, name, &bytes));
    EQ(bytes, 0);
    OK(setsockopt(ends[0], SOL_SOCKET, SO_BINDTODEVICE, "", 0));
    FAILS(setsockopt(ends[0], SOL_SOCKET, SO_BINDTODEVICE, "nosuch0", 8), ENODEV);
    OK(setsockopt(ends[0], SOL_SOCKET, SO_BINDTODEVICE, "lo", 2));
    bytes = sizeof(name);
    OK(getsockopt(ends[0], SOL_SOCKET, SO_BINDTODEVICE, name, &bytes));
    EQ(bytes, 3);
    STR_EQ(name, "lo");
    OK(setsockopt(ends[0], SOL_SOCKET, SO_TXTIME, txtime, sizeof(txtime)));
    txtime[0] = txtime[1] = 99;
    bytes = sizeof(txtime);
    OK(getsockopt(ends[0], SOL_SOCKET, SO_TXTIME, txtime, &bytes));
    EQ(txtime[0], CLOCK_MONOTONIC);
    EQ(txtime[1], 1);
    txtime[1] = 4;
    FAILS(setsockopt(ends[0], SOL_SOCKET, SO_TXTIME, txtime, sizeof(txtime)), EINVAL);
    bytes = sizeof(figures);
    EQ(send(ends[0], "some", 4, 0), 4);
    OK(getsockopt(ends[0], SOL_SOCKET, SO_MEMINFO, figures, &bytes));
    EQ(bytes, sizeof(figures));
    TRUE(figures[2] >= 4); /* unread */
    int limit = 0;
    bytes = sizeof(limit);
    OK(getsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &limit, &bytes));
    EQ(figures[3], limit);
}

GUEST_MAIN(CASE(a_filter_drops_and_shortens), CASE(loads_are_big_endian_and_end_outside),
           CASE(arithmetic_of_packets), CASE(bad_programs_are_refused), CASE(a_locked_filter_stays),
           CASE(devices_times_and_memory))
