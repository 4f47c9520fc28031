/* SPDX-License-Identifier: MIT
 *
 * Structures, processes, signals and IPC objects to call with.
 */
#include "tests/arguments/arguments.h"
#include "tests/arguments/fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

long str(const char *text)
{
    return object(text, strlen(text) + 1);
}

long strv(const char *one)
{
    const char *words[2] = {(const char *)str(one), NULL};
    return object(words, sizeof(words));
}

long pages(size_t count)
{
    return object_out(count * 4096);
}

long pages_shared(void)
{
    return (long)mmap((void *)0x300000000, 4096, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

long iovec(long base, size_t length)
{
    return OBJ(struct iovec, (void *)base, length);
}

long pollfd(long fd)
{
    return OBJ(struct pollfd, .fd = (int)fd, .events = POLLIN | POLLOUT);
}

long fdset(long fd)
{
    return OBJ(long, 1l << fd);
}

long timespec(long seconds, long nanoseconds)
{
    return OBJ(struct timespec, seconds, nanoseconds);
}

long timeval(long seconds, long microseconds)
{
    return OBJ(struct timeval, seconds, microseconds);
}

long message(long name, long name_length, long iov, long iov_count, long control,
             long control_length)
{
    return OBJ(struct msghdr, .msg_name = (void *)name, .msg_namelen = (socklen_t)name_length,
               .msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)iov_count,
               .msg_control = (void *)control, .msg_controllen = (size_t)control_length);
}

long mmessage(long iov)
{
    return OBJ(struct mmsghdr, .msg_hdr = {.msg_iov = (struct iovec *)iov, .msg_iovlen = 1});
}

long control_rights(int fd)
{
    struct { /* as struct cmsghdr with its data */
        size_t length;
        int level, type, fd, padding;
    } control = {CMSG_LEN(4), SOL_SOCKET, SCM_RIGHTS, fd, 0};
    return object(&control, sizeof(control));
}

long i32(int value)
{
    return OBJ(int, value);
}

long i64(long value)
{
    return OBJ(long, value);
}

long flock_of(int type)
{
    return OBJ(struct flock, .l_type = (short)type, .l_whence = SEEK_SET, .l_len = 8);
}

/* struct iocb of <linux/aio_abi.h>: what is read goes to another object. */
long iocbs(void)
{
    long read[8] = {0, 0, 0 /* opcode 0: pread */ | fd_file() << 32, object_out(64), 64, 0, 0, 0};
    long control = object(read, sizeof(read));
    return object(&control, sizeof(control));
}

long handle_of_file(void)
{
    struct {
        unsigned bytes;
        int type;
        char id[56];
    } handle = {.bytes = 56};
    int mount_id;
    syscall(SYS_name_to_handle_at, AT_FDCWD, "file", &handle, &mount_id, 0);
    return object(&handle, 8 + handle.bytes);
}

long zombie(void)
{
    siginfo_t info;
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
    return 0;
}

static void ignore_signal(int sig)
{
    (void)sig;
}

long pending(int sig)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, sig);
    sigprocmask(SIG_BLOCK, &set, NULL);
    kill(getpid(), sig);
    return 0;
}

long pending_handled(int sig)
{
    signal(sig, ignore_signal);
    return pending(sig);
}

long timer(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_NONE};
    int id = -1;
    syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id);
    return id;
}

long aio(void)
{
    long context = 0;
    syscall(SYS_io_setup, 4, &context);
    return context;
}

long shm(void)
{
    int id = shmget(IPC_PRIVATE, 4096, 0600);
    driver_note_ipc('m', id);
    return id;
}

long shm_attached(void)
{
    return (long)shmat((int)shm(), (void *)0x310000000, 0);
}

long sem(void)
{
    int id = semget(IPC_PRIVATE, 2, 0600);
    driver_note_ipc('s', id);
    return id;
}

long msg(void)
{
    struct {
        long type;
        char text[8];
    } text = {1, "message"};
    int id = msgget(IPC_PRIVATE, 0600);
    driver_note_ipc('q', id);
    msgsnd(id, &text, 8, 0);
    return id;
}

long own_pid(void)
{
    return getpid();
}

long key(void)
{
    return syscall(SYS_add_key, "user", "arguments", "payload", 7, -2 /* of the process */);
}

long futex_word(int value)
{
    return i32(value);
}

long landlock_beneath(long access, long fd)
{
    struct {
        uint64_t access;
        int fd;
    } __attribute__((packed)) attr = {(uint64_t)access, (int)fd};
    return object(&attr, sizeof(attr));
}

/* The C library may have registered its own. */
long rseq_free(void)
{
#ifdef __GLIBC__
    extern const ptrdiff_t __rseq_offset;
    extern const unsigned __rseq_size;
    if (__rseq_size)
        syscall(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset, 32, 1, 0x53053053);
#endif
    return pages(1);
}

long device_of_file(void)
{
    struct stat stat_of_file;
    stat("file", &stat_of_file);
    return (long)stat_of_file.st_dev;
}
