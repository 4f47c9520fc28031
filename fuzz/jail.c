/* SPDX-License-Identifier: MIT
 *
 * What the programs of syscall_fuzz find, made before the mark (jail.h).
 */
#include "fuzz/jail.h"

#include <string.h>

#include "fuzz/inside.h"
#include "fuzz/program.h"
#include "fuzz/root.h"
#include "kernel/abi/aio.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/mount.h"
#include "kernel/abi/poll.h"
#include "kernel/abi/ptrace.h"
#include "kernel/abi/stat.h"
#include "kernel/mm/mm.h"
#include "kernel/proc/ptrace_internal.h"
#include "kernel/proc/task.h"
#include "kernel/syscall/syscalls.h"

static void map_memory(uint64_t addr, uint64_t bytes, unsigned flags)
{
    const struct mm_map_request request = {
        .addr = addr,
        .bytes = bytes,
        .vma_flags = flags | VMA_MAY_READ | VMA_MAY_WRITE | VMA_MAY_EXEC,
        .fixed = true,
    };
    uint64_t address;

    mm_map(current_task()->thread.mm, &request, &address);
}

void jail_map_memory(void)
{
    map_memory(PROGRAM_MEMORY, PROGRAM_MEMORY_BYTES, VMA_READ | VMA_WRITE);
    map_memory(PROGRAM_READONLY, 4096, VMA_READ);
}

uint64_t jail_text(const char *string)
{
    return fuzz_put_string(PROGRAM_MEMORY + 2048, string);
}

static uint64_t jailed(const char *path)
{
    char name[64] = "/jail/";

    return jail_text(strncat(name, path, sizeof name - 7));
}

static void make_file(const struct root_file *file)
{
    const uint64_t data = PROGRAM_MEMORY + 4096;

    fuzz_put_user(data, file->bytes, file->size);
    if ((file->mode & S_IFMT) == S_IFDIR) {
        fuzz_must(FUZZ_CALL(SYS_mkdir, jailed(file->path), file->mode & 07777), file->path);
    } else if ((file->mode & S_IFMT) == S_IFLNK) {
        fuzz_put_user(data + file->size, "", 1);
        fuzz_must(FUZZ_CALL(SYS_symlink, data, jailed(file->path)), file->path);
    } else if ((file->mode & S_IFMT) == S_IFIFO) {
        fuzz_must(FUZZ_CALL(SYS_mknod, jailed(file->path), file->mode, 0), file->path);
    } else {
        int64_t fd = FUZZ_CALL(SYS_open, jailed(file->path), O_CREAT | O_WRONLY, 0600);
        fuzz_must(fd, file->path);
        FUZZ_CALL(SYS_write, fd, data, file->size);
        FUZZ_CALL(SYS_close, fd);
    }
    FUZZ_CALL(SYS_lchown, jailed(file->path), file->uid, file->uid);
    if ((file->mode & S_IFMT) != S_IFLNK)
        FUZZ_CALL(SYS_chmod, jailed(file->path), file->mode & 07777);
}

static void mount_in_jail(const char *type, const char *path, unsigned mode)
{
    const uint64_t kind = fuzz_put_string(PROGRAM_MEMORY + 1024, type);

    FUZZ_CALL(SYS_mkdir, jailed(path), mode);
    fuzz_must(FUZZ_CALL(SYS_mount, kind, jailed(path), kind, 0, 0), path);
}

/* A program of the machine's own root file system: its pages are read when they are used. */
static void mount_image(void)
{
    static const char source[] = "/bin/job";
    const uint64_t from = PROGRAM_MEMORY + 1024;

    fuzz_must(FUZZ_CALL(SYS_mknod, jailed("bin/image"), S_IFREG | 0755, 0), "image");
    fuzz_put_string(from, source);
    fuzz_must(FUZZ_CALL(SYS_mount, from, jailed("bin/image"), 0, MS_BIND, 0), "bind");
    fuzz_must(
        FUZZ_CALL(SYS_mount, from, jailed("bin/image"), 0, MS_BIND | MS_REMOUNT | MS_RDONLY, 0),
        "read-only");
    int64_t fd = FUZZ_CALL(SYS_open, jail_text("/proc/sys/vm/drop_caches"), O_WRONLY, 0);
    fuzz_must(FUZZ_CALL(SYS_write, fd, jail_text("1"), 1), "drop_caches");
    FUZZ_CALL(SYS_close, fd); /* it was looked at before */
}

/* Devices of the jail's own, so that locks and attributes go with them. */
static void make_devices(void)
{
    static const struct {
        const char *path;
        unsigned major, minor;
    } devices[] = {{"dev/null", 1, 3},   {"dev/zero", 1, 5},  {"dev/full", 1, 7},
                   {"dev/random", 1, 8}, {"dev/kmsg", 1, 11}, {"dev/tty", 5, 0},
                   {"dev/ptmx", 5, 2}};

    FUZZ_CALL(SYS_mkdir, jailed("dev"), 0755);
    for (unsigned i = 0; i < ARRAY_SIZE(devices); i++)
        fuzz_must(FUZZ_CALL(SYS_mknod, jailed(devices[i].path), S_IFCHR | 0666,
                            devices[i].major << 8 | devices[i].minor),
                  devices[i].path);
}

void jail_create(void)
{
    struct root_file file;

    FUZZ_CALL(SYS_umask, 0);
    fuzz_must(FUZZ_CALL(SYS_mkdir, jail_text("/jail"), 0755), "/jail");
    fuzz_must(FUZZ_CALL(SYS_mount, fuzz_put_string(PROGRAM_MEMORY + 1024, "tmpfs"),
                        jail_text("/jail"), PROGRAM_MEMORY + 1024, 0, 0),
              "tmpfs");
    for (unsigned i = 0; root_describe(i, &file); i++)
        make_file(&file);
    FUZZ_CALL(SYS_mkdir, jailed("tmp"), 01777);
    mount_image();
    mount_in_jail("proc", "proc", 0755);
    mount_in_jail("sysfs", "sys", 0755);
    make_devices();
    mount_in_jail("devpts", "dev/pts", 0755);
    mount_in_jail("tmpfs", "dev/shm", 01777);
}

/* A request of asynchronous polling starts the thread that does it. */
static void start_poll_thread(int64_t fd)
{
    const uint64_t at = PROGRAM_MEMORY + 4096;
    const struct linux_iocb iocb = {
        .aio_lio_opcode = IOCB_CMD_POLL, .aio_fildes = (uint32_t)fd, .aio_buf = EPOLLERR};
    const uint64_t pointer = at;
    uint64_t context = 0;

    fuzz_put_user(at, &iocb, sizeof iocb);
    fuzz_put_user(at + 128, &pointer, sizeof pointer);
    fuzz_put_user(at + 136, &context, sizeof context);
    fuzz_must(FUZZ_CALL(SYS_io_setup, 1, at + 136), "io_setup");
    fuzz_get_user(&context, at + 136, sizeof context);
    fuzz_must(FUZZ_CALL(SYS_io_submit, context, 1, at + 128), "io_submit");
    FUZZ_CALL(SYS_io_destroy, context);
}

/* What the kernel makes once and keeps: the locks of the inode that eventfd(2) and the like share.
 */
void jail_warm_up(void)
{
    static const char *const shared[] = {"/dev/pts", "/sys", "/proc", "/bin/job"};
    int64_t fd = FUZZ_CALL(SYS_eventfd2, 0, 0);

    fuzz_must(FUZZ_CALL(SYS_flock, fd, LOCK_EX), "flock");
    int64_t folder = FUZZ_CALL(SYS_open, jail_text("/"), O_RDONLY, 0);
    fuzz_must(FUZZ_CALL(SYS_fcntl, folder, F_NOTIFY, DN_CREATE), "dnotify");
    FUZZ_CALL(SYS_close, folder);
    FUZZ_CALL(SYS_ptrace, PTRACE_SEIZE, 1);
    fuzz_must(ptrace_allocate(current_task()), "ptrace");
    fuzz_put_string(PROGRAM_MEMORY + 1024, "user.a");
    FUZZ_CALL(SYS_setxattr, jail_text("/bin/job"), PROGRAM_MEMORY + 1024, PROGRAM_MEMORY, 1);
    start_poll_thread(fd);
    FUZZ_CALL(SYS_close, fd);
    for (unsigned i = 0; i < ARRAY_SIZE(shared); i++) {
        fd = FUZZ_CALL(SYS_open, jail_text(shared[i]), O_RDONLY, 0);
        FUZZ_CALL(SYS_flock, fd, LOCK_EX);
        FUZZ_CALL(SYS_close, fd);
    }
}
