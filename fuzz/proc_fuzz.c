/* SPDX-License-Identifier: MIT
 *
 * Reading /proc and /sys (kernel/procfs/): files and folders that were opened while a task lived
 * are read at odd offsets when it has ended and when it is gone. A file that does not change reads
 * the same in one piece and in many.
 */
#include "fuzz/steps.h"

#include <stdio.h>
#include <string.h>

#include "kernel/abi/fcntl.h"
#include "kernel/syscall/syscalls.h"

enum { FILES = 1, WHOLE_MAX = 8192 };

static const char *const of_task[] = {"",           "fd",        "fdinfo",       "task",
                                      "maps",       "smaps",     "mem",          "stat",
                                      "status",     "statm",     "environ",      "cmdline",
                                      "comm",       "exe",       "cwd",          "root",
                                      "mountinfo",  "mounts",    "mountstats",   "limits",
                                      "io",         "wchan",     "syscall",      "stack",
                                      "auxv",       "oom_score", "oom_adj",      "ns",
                                      "ns/pid",     "pagemap",   "cgroup",       "sched",
                                      "uid_map",    "timers",    "personality",  "net",
                                      "attr",       "loginuid",  "smaps_rollup", "map_files",
                                      "numa_maps",  "schedstat", "children",     "coredump_filter",
                                      "clear_refs", "setgroups"};
static const char *const unchanging[] = {"/proc/filesystems", "/proc/devices", "/proc/cmdline",
                                         "/proc/version",     "/proc/cpuinfo", "/proc/partitions"};
static const char *const of_machine[] = {
    "misc",        "cgroups",     "swaps",       "bus",
    "fs",          "sys/kernel",  "sys/vm",      "sys/fs",
    "sysvipc/shm", "sysvipc/sem", "sysvipc/msg", "net/unix",
    "key-users",   "keys",        "locks",       "stat",
    "meminfo",     "vmstat",      "interrupts",  "softirqs",
    "loadavg",     "slabinfo",    "zoneinfo",    "../sys/devices/system/cpu"};

static int64_t pid;

static uint64_t file_of_task(struct fuzz_input *input)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid,
             of_task[fuzz_u8(input) % ARRAY_SIZE(of_task)]);
    return fuzz_put_string(FUZZ_USER_MEMORY, path);
}

static uint64_t file_of_machine(struct fuzz_input *input)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%s", of_machine[fuzz_u8(input) % ARRAY_SIZE(of_machine)]);
    return fuzz_put_string(FUZZ_USER_MEMORY, path);
}

/* In one piece, and from an offset. */
static void compare(struct fuzz_input *input)
{
    static char whole[WHOLE_MAX], part[256];
    const char *path = unchanging[fuzz_u8(input) % ARRAY_SIZE(unchanging)];
    const size_t at = fuzz_u8(input) * 3u;

    const int64_t fd = FUZZ_CALL(SYS_open, fuzz_put_string(FUZZ_USER_MEMORY, path), 0, 0);
    const int64_t all = FUZZ_CALL(SYS_read, fd, FUZZ_STEPS_ROOM, WHOLE_MAX);
    fuzz_get_user(whole, FUZZ_STEPS_ROOM, sizeof whole);
    const int64_t some = FUZZ_CALL(SYS_pread64, fd, FUZZ_STEPS_ROOM, fuzz_u8(input), at);
    fuzz_get_user(part, FUZZ_STEPS_ROOM, sizeof part);
    if (all > (int64_t)at && some > 0 &&
        (some > all - (int64_t)at || memcmp(part, whole + at, (size_t)some)))
        fuzz_fail("%s reads otherwise from %zu", path, at);
    if (all >= 0 && all < WHOLE_MAX && all <= (int64_t)at && some > 0)
        fuzz_fail("%s has %lld bytes, and more from %zu", path, (long long)all, at);
    FUZZ_CALL(SYS_close, fd);
}

static void begin(struct fuzz_input *input)
{
    (void)input;
    pid = FUZZ_CALL(SYS_fork);
}

static void reap(struct fuzz_input *input)
{
    (void)input;
    FUZZ_CALL(SYS_wait4, pid);
}

#define FILE FUZZ_KEPT(FILES)
static const char *const none[] = {""};
static const struct fuzz_step steps[] = {
    {FUZZ_STEP(SYS_open, FUZZ_MADE(file_of_task), FUZZ_BITS(O_DIRECTORY)), .keep = FILES,
     .weight = 4},
    {FUZZ_STEP(SYS_open, FUZZ_MADE(file_of_machine), FUZZ_BITS(O_DIRECTORY)), .keep = FILES,
     .weight = 2},
    {.run = compare, .weight = 2},
    {.run = reap},
    {FUZZ_STEP(SYS_sched_yield)}, /* it ends */
    {FUZZ_STEP(SYS_pread64, FILE, FUZZ_ROOM, FUZZ_BELOW(256), FUZZ_NUMBER), .weight = 3},
    {FUZZ_STEP(SYS_pread64, FILE, FUZZ_ROOM, FUZZ_VALUE(4096), FUZZ_NUMBER)},
    {FUZZ_STEP(SYS_read, FILE, FUZZ_ROOM, FUZZ_BELOW(256))},
    {FUZZ_STEP(SYS_read, FILE, FUZZ_ROOM, FUZZ_VALUE(4096))},
    {FUZZ_STEP(SYS_lseek, FILE, FUZZ_NUMBER, FUZZ_BELOW(5)), .weight = 2},
    {FUZZ_STEP(SYS_getdents64, FILE, FUZZ_ROOM, FUZZ_BELOW(256))},
    {FUZZ_STEP(SYS_getdents64, FILE, FUZZ_ROOM, FUZZ_VALUE(4096))},
    {FUZZ_STEP(SYS_readlinkat, FILE, FUZZ_WORD(none), FUZZ_ROOM, FUZZ_BELOW(256))},
};

static const struct fuzz_table table = {.steps = steps,
                                        .count = ARRAY_SIZE(steps),
                                        .max = 48,
                                        .descriptors = 1 << FILES,
                                        .begin = begin};
FUZZ_TABLE_TARGET(&table)
