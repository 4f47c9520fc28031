/* SPDX-License-Identifier: MIT
 *
 * Options of mounts, by mount(2) and by the calls that took its place (kernel/fs/mount*.c and each
 * file system's own): strings of any bytes, contexts in any state. What was mounted in a namespace
 * of its own goes with it, and nothing may be left.
 */
#include "fuzz/steps.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/mount.h"
#include "kernel/abi/sched.h"
#include "kernel/syscall/syscalls.h"

enum { CONTEXTS = 1, ATTRIBUTES = 0x2000ff };
static const char *const none[] = {""};
static const char *const types[] = {"tmpfs",  "proc",    "sysfs",   "devpts", "devtmpfs", "ramfs",
                                    "mqueue", "cgroup2", "overlay", "ext4",   "iso9660",  "x"};
static const char *const keys[] = {"size",    "mode",     "uid",  "gid",        "nr_inodes",
                                   "source",  "hidepid",  "ro",   "lowerdir",   "upperdir",
                                   "workdir", "ptmxmode", "huge", "newinstance"};
static const char *const places[] = {"/home", "/home/private", "/etc", "/", "/bin/job", "/home/up"};

static uint64_t attributes(struct fuzz_input *input)
{
    const struct linux_mount_attr attr = {.attr_set = fuzz_u32(input) & ATTRIBUTES,
                                          .attr_clr = fuzz_u8(input),
                                          .propagation = 1ull << fuzz_u8(input) % 24};

    fuzz_put_user(FUZZ_USER_MEMORY, &attr, sizeof attr);
    return FUZZ_USER_MEMORY;
}

#define CONTEXT FUZZ_KEPT(CONTEXTS)
#define PLACE FUZZ_WORD(places)
static const struct fuzz_step steps[] = {
    {FUZZ_STEP(SYS_fsopen, FUZZ_WORD(types)), .keep = CONTEXTS},
    {FUZZ_STEP(SYS_fspick, FUZZ_VALUE(AT_FDCWD), PLACE, FUZZ_BELOW(16)), .keep = CONTEXTS},
    {FUZZ_STEP(SYS_fsmount, CONTEXT, FUZZ_VALUE(0), FUZZ_BELOW(256)), .keep = CONTEXTS},
    {FUZZ_STEP(SYS_open_tree, FUZZ_VALUE(AT_FDCWD), PLACE, FUZZ_BITS(0x8001)), .keep = CONTEXTS},
    {FUZZ_STEP(SYS_move_mount, CONTEXT, FUZZ_WORD(none), FUZZ_VALUE(AT_FDCWD), PLACE,
               FUZZ_VALUE(4))},
    {FUZZ_STEP(SYS_mount_setattr, CONTEXT, FUZZ_WORD(none), FUZZ_BITS(0x9000),
               FUZZ_MADE(attributes), FUZZ_VALUE(sizeof(struct linux_mount_attr)))},
    {FUZZ_STEP(SYS_umount2, PLACE, FUZZ_BELOW(16))},
    {FUZZ_STEP(SYS_mount, FUZZ_WORD(keys), PLACE, FUZZ_WORD(types), FUZZ_BITS(0x1ffffff),
               FUZZ_WORD(keys))},
    {FUZZ_STEP(SYS_fsconfig, CONTEXT, FUZZ_VALUE(FSCONFIG_SET_FLAG), FUZZ_WORD(keys))},
    {FUZZ_STEP(SYS_fsconfig, CONTEXT, FUZZ_BELOW(FSCONFIG_CMD_CREATE), FUZZ_WORD(keys), PLACE,
               FUZZ_BELOW(8)),
     .weight = 3},
    {FUZZ_STEP(SYS_fsconfig, CONTEXT, FUZZ_BELOW(9)), .weight = 2},
    {FUZZ_STEP(SYS_read, CONTEXT, FUZZ_ROOM, FUZZ_VALUE(256))},
};

static void begin(struct fuzz_input *input)
{
    (void)input;
    FUZZ_CALL(SYS_unshare, CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWPID);
}

static const struct fuzz_table table = {.steps = steps,
                                        .count = ARRAY_SIZE(steps),
                                        .max = 32,
                                        .descriptors = 1 << CONTEXTS,
                                        .begin = begin,
                                        .leaks = true};
FUZZ_TABLE_TARGET(&table)
