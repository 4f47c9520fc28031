/* SPDX-License-Identifier: MIT */
/* sysinfo(2), getcpu(2), syslog(2). */
#ifndef KERNEL_ABI_SYSINFO_H
#define KERNEL_ABI_SYSINFO_H

#include <stdint.h>

struct linux_sysinfo {
    int64_t uptime;    /* seconds */
    uint64_t loads[3]; /* fixed point, 1 << SI_LOAD_SHIFT */
    uint64_t totalram; /* in units of mem_unit, as all that follow */
    uint64_t freeram;
    uint64_t sharedram;
    uint64_t bufferram;
    uint64_t totalswap;
    uint64_t freeswap;
    uint16_t procs;
    uint16_t pad;
    uint32_t pad1;
    uint64_t totalhigh;
    uint64_t freehigh;
    uint32_t mem_unit;
    uint32_t pad2;
};

#define SI_LOAD_SHIFT 16

/* syslog(2) actions */
#define SYSLOG_ACTION_CLOSE 0
#define SYSLOG_ACTION_OPEN 1
#define SYSLOG_ACTION_READ 2
#define SYSLOG_ACTION_READ_ALL 3
#define SYSLOG_ACTION_READ_CLEAR 4
#define SYSLOG_ACTION_CLEAR 5
#define SYSLOG_ACTION_CONSOLE_OFF 6
#define SYSLOG_ACTION_CONSOLE_ON 7
#define SYSLOG_ACTION_CONSOLE_LEVEL 8
#define SYSLOG_ACTION_SIZE_UNREAD 9
#define SYSLOG_ACTION_SIZE_BUFFER 10

/* Sizes that programs rely on. */
_Static_assert(sizeof(struct linux_sysinfo) == 112, "linux_sysinfo");

#endif
