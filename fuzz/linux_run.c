/* SPDX-License-Identifier: MIT
 *
 * Programs of system calls on the host's Linux (linux_run.h).
 */
#include "fuzz/linux_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz/root.h"

enum { CHILD_LIMIT_MS = 200 };

/* Nothing here reaches beyond the sandbox's own file system, memory and descriptors. */
static const uint16_t harmless[] = {
    SYS_read,
    SYS_write,
    SYS_open,
    SYS_close,
    SYS_stat,
    SYS_fstat,
    SYS_lstat,
    SYS_lseek,
    SYS_pread64,
    SYS_pwrite64,
    SYS_access,
    SYS_pipe,
    SYS_pipe2,
    SYS_dup,
    SYS_dup2,
    SYS_dup3,
    SYS_truncate,
    SYS_ftruncate,
    SYS_getcwd,
    SYS_chdir,
    SYS_fchdir,
    SYS_rename,
    SYS_mkdir,
    SYS_rmdir,
    SYS_creat,
    SYS_link,
    SYS_unlink,
    SYS_symlink,
    SYS_readlink,
    SYS_chmod,
    SYS_fchmod,
    SYS_umask,
    SYS_openat,
    SYS_mkdirat,
    SYS_unlinkat,
    SYS_renameat,
    SYS_linkat,
    SYS_symlinkat,
    SYS_readlinkat,
    SYS_fchmodat,
    SYS_faccessat,
    SYS_renameat2,
    SYS_mprotect,
    SYS_munmap,
    SYS_eventfd2,
    SYS_eventfd,
    SYS_setxattr,
    SYS_getxattr,
    SYS_fsetxattr,
    SYS_fgetxattr,
    SYS_removexattr,
    SYS_listxattr,
    SYS_fallocate,
    SYS_flock,
    SYS_fsync,
    SYS_fdatasync,
    SYS_epoll_create1,
    SYS_statx,
    SYS_newfstatat,
    SYS_utimensat,
    SYS_chown,
    SYS_fchown,
    SYS_lchown,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_timerfd_create,
    SYS_shutdown,
    SYS_readv,
    SYS_writev,
    SYS_preadv,
    SYS_pwritev,
    SYS_preadv2,
    SYS_pwritev2,
    SYS_sendfile,
    SYS_copy_file_range,
    SYS_fchownat,
    SYS_mknod,
    SYS_mknodat,
    SYS_lsetxattr,
    SYS_lgetxattr,
    SYS_llistxattr,
    SYS_flistxattr,
    SYS_lremovexattr,
    SYS_fremovexattr,
    SYS_memfd_create,
    SYS_epoll_create,
    SYS_epoll_ctl,
    SYS_socketpair,
    SYS_getsockopt,
    SYS_getsockname,
    SYS_getpeername,
    SYS_sched_get_priority_max,
    SYS_sched_get_priority_min,
    SYS_timerfd_gettime,
    SYS_timerfd_settime,
    SYS_signalfd4,
    SYS_rt_sigprocmask,
    SYS_rt_sigaction,
    SYS_rt_sigpending,
    SYS_utime,
    SYS_utimes,
    SYS_futimesat,
    SYS_faccessat2,
    SYS_readahead,
    SYS_fadvise64,
    SYS_sync_file_range,
    SYS_syncfs,
    SYS_madvise,
    SYS_mlock,
    SYS_munlock,
    SYS_mlock2,
    SYS_munlockall,
    SYS_msync,
    SYS_fcntl,
    SYS_close_range,
    SYS_getrandom,
    SYS_inotify_init1,
    SYS_inotify_add_watch,
    SYS_inotify_rm_watch,
    SYS_statfs,
    SYS_fstatfs,
    SYS_getgroups,
    SYS_poll,
    SYS_epoll_wait,
};

/* Names whose contents are the machine's, not the sandbox's. */
static bool is_foreign(const struct prepared_call *call)
{
    for (unsigned i = 0; i < call->write_count; i++) {
        const char *text = (const char *)call->bytes + call->writes[i].offset;
        const size_t room = call->writes[i].bytes;
        if (room > 4 &&
            (!memcmp(text, "/pro", 4) || !memcmp(text, "/dev", 4) || !memcmp(text, "/sys", 4) ||
             memmem(text, room, "image", 5) || memmem(text, room, "fifo", 4)))
            return true; /* opening a FIFO blocks */
    }
    return false;
}

void linux_filter(struct program *program)
{
    static struct prepared_call call;
    const struct program_results none = {0};
    unsigned kept = 0;

    for (unsigned i = 0; i < program->count; i++) {
        struct program_call *it = &program->calls[i];
        bool good = false;
        for (unsigned j = 0; j < sizeof harmless / sizeof *harmless; j++)
            good |= harmless[j] == it->number;
        for (unsigned j = 0; j < 6; j++)
            good &= it->args[j].how % HOW_COUNT != HOW_RESULT;
        if (!good)
            continue;
        program->calls[kept] = *it;
        program->calls[kept].lane = 0;
        program->calls[kept].control = 0;
        program_prepare(program, kept, &none, &call);
        kept += !is_foreign(&call);
    }
    program->count = kept;
    memset(&program->header, 0, sizeof program->header);
}

bool linux_output_argument(unsigned number, unsigned *out_arg)
{
    *out_arg =
        number == SYS_readlinkat || number == SYS_getxattr || number == SYS_fgetxattr ? 2 : 1;
    switch (number) {
    case SYS_read:
    case SYS_pread64:
    case SYS_lgetxattr:
    case SYS_readlink:
    case SYS_readlinkat:
    case SYS_getxattr:
    case SYS_fgetxattr:
        return true;
    default:
        return false;
    }
}

uint64_t linux_digest(const uint8_t *bytes, size_t count)
{
    uint64_t digest = 0xcbf29ce484222325ull;

    for (size_t i = 0; i < count; i++)
        digest = (digest ^ bytes[i]) * 0x100000001b3ull;
    return digest;
}

/* ---- the sandbox ---- */

static void make_file(const struct root_file *file)
{
    if (S_ISDIR(file->mode)) {
        mkdir(file->path, file->mode & 07777);
    } else if (S_ISLNK(file->mode)) {
        (void)!symlink(file->bytes, file->path);
    } else if (S_ISFIFO(file->mode)) {
        mkfifo(file->path, 0666);
    } else {
        int fd = open(file->path, O_CREAT | O_WRONLY, 0600);
        (void)!write(fd, file->bytes, file->size);
        close(fd);
    }
    (void)!lchown(file->path, file->uid, file->uid);
    if (!S_ISLNK(file->mode))
        chmod(file->path, file->mode & 07777);
}

/* Once: what no program changes. */
static bool enter_namespaces(void)
{
    return geteuid() == 0 && unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET) == 0 &&
           mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static bool enter_sandbox(void)
{
    struct root_file file;

    if (unshare(CLONE_NEWNS) < 0 || mount("sandbox", "/mnt", "tmpfs", 0, "size=16m") < 0 ||
        chdir("/mnt") < 0)
        return false;
    umask(0);
    for (unsigned i = 0; root_describe(i, &file); i++)
        make_file(&file);
    mkdir("tmp", 01777);
    return chroot(".") == 0 && chdir("/tmp") == 0;
}

static void limit(int resource, rlim_t value)
{
    setrlimit(resource, &(struct rlimit){value, value});
}

static void make_calls(const struct program *program, struct linux_outcome *out)
{
    static struct prepared_call call;
    unsigned arg;

    for (unsigned i = 0; i < program->count; i++) {
        program_prepare(program, i, &out->results, &call);
        for (unsigned j = 0; j < call.write_count; j++)
            memcpy((void *)call.writes[j].uaddr, call.bytes + call.writes[j].offset,
                   call.writes[j].bytes);
        long result = syscall(call.number, call.args[0], call.args[1], call.args[2], call.args[3],
                              call.args[4], call.args[5]);
        result = result < 0 && result >= -1 ? -errno : result;
        program_note_result(program, i, result, &out->results);
        if (result == 0 && program_makes_fd_pair(call.number, &arg)) {
            program_note_fd(&out->results, ((int *)call.args[arg])[0]);
            program_note_fd(&out->results, ((int *)call.args[arg])[1]);
        }
        if (result > 0 && linux_output_argument(call.number, &arg) && call.args[arg])
            out->output[i] = linux_digest((void *)call.args[arg], (size_t)result);
    }
}

static void child(const struct program *program, struct linux_outcome *out)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;

    if (!enter_sandbox() ||
        mmap((void *)PROGRAM_MEMORY, PROGRAM_MEMORY_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0) ==
            MAP_FAILED ||
        mmap((void *)PROGRAM_READONLY, 4096, PROT_READ, flags, -1, 0) == MAP_FAILED)
        return;
    close_range(0, ~0u, 0);
    limit(RLIMIT_FSIZE, RLIM_INFINITY);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NPROC, 1);
    out->ran = true;
    make_calls(program, out);
}

/* What both sides see. */
static struct shared {
    struct program program;
    struct linux_outcome outcome;
} * shared;

/* A call may block, with every signal that can be blocked. */
static void await(pid_t pid)
{
    struct pollfd it = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};

    if (poll(&it, 1, CHILD_LIMIT_MS) != 1)
        kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(it.fd);
}

/* Runs one program after the other, each in a process of its own: making the namespaces takes
 * longer than all the rest. */
__attribute__((noreturn)) static void serve(int commands)
{
    char byte;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const bool ready = enter_namespaces();
    while (read(commands, &byte, 1) == 1) {
        pid_t pid = ready ? fork() : -1;
        if (pid == 0) {
            child(&shared->program, &shared->outcome);
            _exit(0);
        }
        if (pid > 0)
            await(pid);
        if (write(commands, &byte, 1) != 1)
            break;
    }
    _exit(0);
}

static int start_server(void)
{
    int ends[2];

    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -1;
    if (fork() == 0) {
        close(ends[0]);
        serve(ends[1]);
    }
    close(ends[1]);
    return ends[0];
}

void linux_run(const struct program *program, struct linux_outcome *out)
{
    static int server = -2;
    char byte = 0;

    if (server == -2)
        server = start_server();
    memset(out, 0, sizeof *out);
    if (server < 0)
        return;
    memset(&shared->outcome, 0, sizeof shared->outcome);
    shared->program = *program;
    if (write(server, &byte, 1) == 1 && read(server, &byte, 1) == 1)
        *out = shared->outcome;
}
