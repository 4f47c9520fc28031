/* SPDX-License-Identifier: MIT */
/* acct(5), version 3 of the record. */
#ifndef KERNEL_ABI_ACCT_H
#define KERNEL_ABI_ACCT_H

#include <stdint.h>

#define AFORK 0x01 /* forked, but did not exec */
#define ACORE 0x08
#define AXSIG 0x10 /* killed by a signal */
#define AHZ 100    /* ticks a second */

enum { ACCT_COMM = 16 };

struct linux_acct_v3 {
    uint8_t ac_flag;
    uint8_t ac_version;
    uint16_t ac_tty;
    uint32_t ac_exitcode;
    uint32_t ac_uid;
    uint32_t ac_gid;
    uint32_t ac_pid;
    uint32_t ac_ppid;
    uint32_t ac_btime;
    uint32_t ac_etime; /* a float */
    uint16_t ac_utime; /* this and the next are comp_t: 3 bits of base 8 exponent, 13 of fraction */
    uint16_t ac_stime;
    uint16_t ac_mem;
    uint16_t ac_io;
    uint16_t ac_rw;
    uint16_t ac_minflt;
    uint16_t ac_majflt;
    uint16_t ac_swaps;
    char ac_comm[ACCT_COMM];
};

_Static_assert(sizeof(struct linux_acct_v3) == 64, "linux_acct_v3");

#endif
