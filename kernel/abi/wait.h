/* SPDX-License-Identifier: MIT */
/* wait4(2), waitid(2), and the status word they return. */
#ifndef KERNEL_ABI_WAIT_H
#define KERNEL_ABI_WAIT_H

#include <stdint.h>

#define WNOHANG 1
#define WUNTRACED 2
#define WSTOPPED 2
#define WEXITED 4
#define WCONTINUED 8
#define WNOWAIT 0x01000000
#define __WNOTHREAD 0x20000000
#define __WALL 0x40000000
#define __WCLONE 0x80000000

#define P_ALL 0
#define P_PID 1
#define P_PGID 2
#define P_PIDFD 3

/* Status words. */
#define LINUX_WAIT_CONTINUED 0xffff
#define LINUX_WAIT_CORE 0x80

static inline int32_t linux_wait_exited(int code)
{
    return (code & 0xff) << 8;
}

static inline int32_t linux_wait_killed(int sig, int dumped_core)
{
    return (sig & 0x7f) | (dumped_core ? LINUX_WAIT_CORE : 0);
}

/* Stopped, or under ptrace trapped: `sig` may carry a ptrace event in bits 8 and up. */
static inline int32_t linux_wait_stopped(int sig)
{
    return sig << 8 | 0x7f;
}

#endif
