/* SPDX-License-Identifier: MIT
 *
 * Reading /proc and /sys (kernel/procfs/): files and folders that were opened while a task lived
 * are read at odd offsets when it has ended and when it is gone. A file that does not change reads
 * the same in one piece and in many.
 */
#include "fuzz/inside.h"

#include <stdio.h>
#include <string.h>

#include "kernel/abi/fcntl.h"
#include "kernel/lib/compiler.h"
#include "kernel/syscall/syscalls.h"

#define TEXT FUZZ_USER_MEMORY
#define ROOM (FUZZ_USER_MEMORY + 4096)
enum { FILES = 6, STEPS_MAX = 48, WHOLE_MAX = 8192 };

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
static const char *const of_machine[] = {
    "filesystems", "devices",     "cmdline",  "version",   "cpuinfo",
    "partitions",  "misc",        "cgroups",  "swaps",     "bus",
    "fs",          "sys/kernel",  "sys/vm",   "sys/fs",    "sysvipc/shm",
    "sysvipc/sem", "sysvipc/msg", "net/unix", "key-users", "keys",
    "locks",       "stat",        "meminfo",  "vmstat",    "interrupts",
    "softirqs",    "loadavg",     "slabinfo", "zoneinfo",  "../sys/devices/system/cpu"};
enum { UNCHANGING = 6 };

static int64_t open_one(struct fuzz_input *input, int64_t pid)
{
    const uint8_t choice = fuzz_u8(input);
    char path[64];

    if (choice < 160)
        snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, of_task[choice % ARRAY_SIZE(of_task)]);
    else
        snprintf(path, sizeof path, "/proc/%s", of_machine[choice % ARRAY_SIZE(of_machine)]);
    return FUZZ_CALL(SYS_open, fuzz_put_string(TEXT, path), fuzz_u8(input) % 4 ? 0 : O_DIRECTORY,
                     0);
}

static void read_one(struct fuzz_input *input, int64_t fd)
{
    const uint8_t kind = fuzz_u8(input) % 8;
    const uint64_t bytes = fuzz_u8(input) % 4 ? fuzz_u8(input) : 4096;
    const uint64_t offset = kind % 2 ? fuzz_u8(input) : fuzz_u64(input);

    if (kind < 4)
        FUZZ_CALL(SYS_pread64, fd, ROOM, bytes, offset);
    else if (kind == 4)
        FUZZ_CALL(SYS_lseek, fd, offset, bytes % 5);
    else if (kind == 5)
        FUZZ_CALL(SYS_getdents64, fd, ROOM, bytes);
    else if (kind == 6)
        FUZZ_CALL(SYS_readlinkat, fd, fuzz_put_string(TEXT, ""), ROOM, bytes);
    else
        FUZZ_CALL(SYS_read, fd, ROOM, bytes);
}

/* In one piece, and from an offset. */
static void compare(struct fuzz_input *input)
{
    static char whole[WHOLE_MAX], part[256];
    char path[64];
    const unsigned which = fuzz_u8(input) % UNCHANGING;
    const size_t at = fuzz_u8(input) * 3u;

    snprintf(path, sizeof path, "/proc/%s", of_machine[which]);
    const int64_t fd = FUZZ_CALL(SYS_open, fuzz_put_string(TEXT, path), 0, 0);
    const int64_t all = FUZZ_CALL(SYS_read, fd, ROOM, WHOLE_MAX);
    fuzz_get_user(whole, ROOM, sizeof whole);
    const int64_t some = FUZZ_CALL(SYS_pread64, fd, ROOM, fuzz_u8(input), at);
    fuzz_get_user(part, ROOM, sizeof part);
    if (all > (int64_t)at && some > 0 &&
        (some > all - (int64_t)at || memcmp(part, whole + at, (size_t)some)))
        fuzz_fail("%s reads otherwise from %zu", path, at);
    if (all >= 0 && all < WHOLE_MAX && all <= (int64_t)at && some > 0)
        fuzz_fail("%s has %lld bytes, and more from %zu", path, (long long)all, at);
    FUZZ_CALL(SYS_close, fd);
}

static void body(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {.data = data, .size = size};
    int64_t files[FILES];
    int64_t pid = FUZZ_CALL(SYS_fork);

    for (unsigned i = 0; i < FILES; i++)
        files[i] = open_one(&input, pid);
    for (unsigned i = 0; i < STEPS_MAX && input.size > 0; i++) {
        const uint8_t kind = fuzz_u8(&input) % 16;
        int64_t *file = &files[fuzz_u8(&input) % FILES];
        if (kind == 0) {
            FUZZ_CALL(SYS_wait4, pid, 0, 0, 0);
        } else if (kind == 1) {
            FUZZ_CALL(SYS_close, *file);
            *file = open_one(&input, pid);
        } else if (kind == 2) {
            FUZZ_CALL(SYS_sched_yield); /* it ends */
        } else if (kind == 3) {
            compare(&input);
        } else {
            read_one(&input, *file);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_inside(body, data, size);
    return 0;
}
