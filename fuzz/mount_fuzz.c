/* SPDX-License-Identifier: MIT
 *
 * Options of mounts, by mount(2) and by the calls that took its place (kernel/fs/mount*.c and each
 * file system's own): strings of any bytes, contexts in any state. What was mounted in a namespace
 * of its own goes with it, and nothing may be left.
 */
#include "fuzz/inside.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/mount.h"
#include "kernel/abi/sched.h"
#include "kernel/lib/compiler.h"
#include "kernel/syscall/syscalls.h"

#define TEXT(n) (FUZZ_USER_MEMORY + 4096 * (2 + (n)))
enum { STEPS_MAX = 32, CONTEXTS = 4 };

static struct fuzz_input rest;
static int64_t fds[CONTEXTS];

static const char *const types[] = {"tmpfs",  "proc",    "sysfs",   "devpts", "devtmpfs", "ramfs",
                                    "mqueue", "cgroup2", "overlay", "ext4",   "iso9660",  "x"};
static const char *const words[] = {"size",    "mode",     "uid",  "gid",        "nr_inodes",
                                    "source",  "hidepid",  "ro",   "lowerdir",   "upperdir",
                                    "workdir", "ptmxmode", "huge", "newinstance"};
static const char *const places[] = {"/home", "/home/private", "/etc", "/", "/bin/job", "/home/up"};

/* A name that is known, or bytes of the input. */
static uint64_t take_text(unsigned at, const char *const *known, unsigned count)
{
    const uint8_t *bytes;
    const uint8_t choice = fuzz_u8(&rest);

    if (choice < 192)
        return fuzz_put_string(TEXT(at), known[choice % count]);
    const size_t length = fuzz_bytes(&rest, 64, &bytes);
    fuzz_put_user(TEXT(at), bytes, length);
    fuzz_put_user(TEXT(at) + length, "", 1);
    return TEXT(at);
}
#define TAKE(at, known) take_text(at, known, ARRAY_SIZE(known))

static void change_context(int64_t fd)
{
    const uint8_t command = fuzz_u8(&rest) % 9;
    const uint64_t key = command < FSCONFIG_CMD_CREATE ? TAKE(0, words) : 0;
    uint64_t value = 0;

    if (command >= FSCONFIG_SET_STRING && command < FSCONFIG_SET_FD)
        value = TAKE(1, places);
    FUZZ_CALL(SYS_fsconfig, fd, command, key, value, fuzz_u8(&rest) % 8);
    if (fuzz_u8(&rest) % 4 == 0)
        FUZZ_CALL(SYS_read, fd, TEXT(3), 256);
}

static void set_attributes(int64_t fd)
{
    const struct linux_mount_attr attr = {.attr_set = fuzz_u32(&rest) & 0x2000ff,
                                          .attr_clr = fuzz_u8(&rest),
                                          .propagation = 1ull << fuzz_u8(&rest) % 24};

    fuzz_put_user(TEXT(2), &attr, sizeof attr);
    FUZZ_CALL(SYS_mount_setattr, fd, fuzz_put_string(TEXT(0), ""),
              AT_EMPTY_PATH | 0x8000 * (attr.attr_clr % 2), TEXT(2), sizeof attr);
}

static void step(void)
{
    const uint8_t kind = fuzz_u8(&rest) % 12;
    int64_t *fd = &fds[fuzz_u8(&rest) % CONTEXTS], made = -1;

    switch (kind) {
    case 0:
        made = FUZZ_CALL(SYS_fsopen, TAKE(0, types), 0);
        break;
    case 1:
        made = FUZZ_CALL(SYS_fspick, AT_FDCWD, TAKE(0, places), fuzz_u8(&rest) % 16);
        break;
    case 2:
        FUZZ_CALL(SYS_fsconfig, *fd, FSCONFIG_CMD_CREATE, 0, 0, 0);
        made = FUZZ_CALL(SYS_fsmount, *fd, 0, fuzz_u8(&rest));
        break;
    case 3:
        made =
            FUZZ_CALL(SYS_open_tree, AT_FDCWD, TAKE(0, places), 1 | 0x8000 * (fuzz_u8(&rest) % 2));
        break;
    case 4:
        FUZZ_CALL(SYS_move_mount, *fd, fuzz_put_string(TEXT(0), ""), AT_FDCWD, TAKE(1, places), 4);
        break;
    case 5:
        set_attributes(*fd);
        break;
    case 6:
        FUZZ_CALL(SYS_umount2, TAKE(0, places), fuzz_u8(&rest) % 16);
        break;
    case 7: /* the options of one string: name=value,name=value */
        FUZZ_CALL(SYS_mount, TAKE(0, words), TAKE(1, places), TAKE(2, types),
                  fuzz_u32(&rest) & 0x1ffffff, TAKE(3, words));
        break;
    default:
        change_context(*fd);
        break;
    }
    if (made >= 0) {
        FUZZ_CALL(SYS_close, *fd);
        *fd = made;
    }
}

static void child(void)
{
    FUZZ_CALL(SYS_unshare, CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWPID);
    for (unsigned i = 0; i < CONTEXTS; i++)
        fds[i] = -1;
    for (unsigned i = 0; i < STEPS_MAX && rest.size > 0; i++)
        step();
}

static void body(const uint8_t *data, size_t size)
{
    for (unsigned i = 0; i < 2; i++) { /* what the kernel makes once is there by then */
        rest = (struct fuzz_input){.data = data, .size = size};
        fuzz_child(child);
    }
    const struct fuzz_usage before = fuzz_usage();
    rest = (struct fuzz_input){.data = data, .size = size};
    fuzz_child(child);
    fuzz_check_leaks(&before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_inside(body, data, size);
    return 0;
}
