/* SPDX-License-Identifier: MIT */
/* Errors by the state that an object is in: running or sealed files, removed and full IPC objects,
 * full pipes without waiting, handles of links. */
#include "guest.h"

#include <mqueue.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "handle_check.h"

static char bytes[65536];
static struct iovec part = {bytes, 100};

static void a_running_program_is_not_written(void)
{
    const char *self = guest_self();
    struct {
        uint64_t flags, mode, resolve;
    } how = {O_WRONLY, 0, 0};
    if (access(self, W_OK) != 0)
        skip("the program may not be written anyway");
    FAILS(syscall(SYS_open, self, O_WRONLY), ETXTBSY);
    FAILS(syscall(SYS_openat, AT_FDCWD, self, O_RDWR), ETXTBSY);
    FAILS(syscall(SYS_openat2, AT_FDCWD, self, &how, sizeof(how)), ETXTBSY);
    FAILS(syscall(SYS_open, self, O_RDONLY | O_TRUNC), ETXTBSY);
    FAILS(syscall(SYS_creat, self, 0755), ETXTBSY);
    FAILS(syscall(SYS_truncate, self, 0), ETXTBSY);
    OK(access(self, W_OK)); /* only asks for the right */
}

static void a_sealed_file_does_not_change(void)
{
    int fd = (int)OK(memfd_create("sealed", MFD_ALLOW_SEALING)), fds[2];
    off_t from = 0, to = 0;
    EQ(write(fd, bytes, 200), 200);
    OK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL));
    OK(pipe(fds));
    EQ(write(fds[1], bytes, 100), 100);
    FAILS(syscall(SYS_write, fd, bytes, 1), EPERM);
    FAILS(syscall(SYS_pwrite64, fd, bytes, 1, 0), EPERM);
    FAILS(syscall(SYS_writev, fd, &part, 1), EPERM);
    FAILS(syscall(SYS_pwritev, fd, &part, 1, 0, 0), EPERM);
    FAILS(syscall(SYS_splice, fds[0], NULL, fd, &to, 100, 0), EPERM);
    FAILS(syscall(SYS_copy_file_range, fd, &from, fd, &to, 0x10, 0), EINVAL); /* overlaps */
    FAILS(syscall(SYS_ftruncate, fd, 100), EPERM);
    FAILS(syscall(SYS_ftruncate, fd, 300), EPERM);
    OK(syscall(SYS_ftruncate, fd, 200));
    FAILS(syscall(SYS_fallocate, fd, 0, 0, 300), EPERM);
    FAILS(syscall(SYS_fallocate, fd, 3 /* PUNCH_HOLE | KEEP_SIZE */, 0, 100), EPERM);
    FAILS((long)mmap(NULL, 200, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), EPERM);
    FAILS(syscall(SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
    char *map = mmap(NULL, 200, PROT_READ, MAP_SHARED, fd, 0);
    TRUE(map != MAP_FAILED);
    FAILS(syscall(SYS_mprotect, map, 200, PROT_READ | PROT_WRITE), EACCES);
}

/* Although it is open for writing, unlike other files. */
static void a_memfd_is_executed(void)
{
    char *const words[] = {"self", "no case", NULL};
    int self = (int)OK(open(guest_self(), O_RDONLY));
    int fd = (int)OK(memfd_create("program", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    while (OK(sendfile(fd, self, NULL, 1 << 20)) > 0)
        continue;
    OK(fcntl(fd, F_SETLEASE, F_RDLCK));
    OK(fcntl(fd, F_SETLEASE, F_UNLCK));
    for (int i = 0; i < 2; i++) {
        pid_t pid = (pid_t)OK(fork());
        if (pid == 0) {
            syscall(SYS_execveat, fd, "", words, NULL, AT_EMPTY_PATH);
            fail_at(__LINE__, "execveat: %s", strerror(errno));
        }
        CHILD_OK(pid);
        OK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK));
    }
}

static void fill(int fd)
{
    while (write(fd, bytes, sizeof(bytes)) > 0 || write(fd, bytes, 1) > 0)
        continue;
    EQ(errno, EAGAIN);
}

static void a_full_pipe_does_not_wait(void)
{
    int full[2], empty[2], file;
    OK(pipe2(full, O_NONBLOCK));
    OK(pipe2(empty, O_NONBLOCK));
    fill(full[1]);
    file = (int)OK(open("file", O_RDWR | O_CREAT, 0600));
    EQ(write(file, bytes, 100), 100);
    OK(lseek(file, 0, SEEK_SET));
    FAILS(syscall(SYS_write, full[1], bytes, 1), EAGAIN);
    FAILS(syscall(SYS_writev, full[1], &part, 1), EAGAIN);
    FAILS(syscall(SYS_sendfile, full[1], file, NULL, 100), EAGAIN);
    FAILS(syscall(SYS_splice, file, NULL, full[1], NULL, 100, SPLICE_F_NONBLOCK), EAGAIN);
    FAILS(syscall(SYS_splice, empty[0], NULL, file, NULL, 100, SPLICE_F_NONBLOCK), EAGAIN);
    FAILS(syscall(SYS_vmsplice, full[1], &part, 1, SPLICE_F_NONBLOCK), EAGAIN);
    FAILS(syscall(SYS_tee, empty[0], full[1], 100, SPLICE_F_NONBLOCK), EAGAIN);
    FAILS(syscall(SYS_read, empty[0], bytes, 1), EAGAIN);
    FAILS(syscall(SYS_readv, empty[0], &part, 1), EAGAIN);
    EQ(lseek(file, 0, SEEK_CUR), 0);
    OK(unlink("file"));
}

/* ---- objects of IPC ---- */

static int object;

static void wait_for_semaphore(void *unused)
{
    struct sembuf take = {0, -1, 0};
    (void)unused;
    FAILS(syscall(SYS_semop, object, &take, 1), EIDRM);
}

static void wait_for_semaphore_in_time(void *unused)
{
    struct sembuf take = {0, -1, 0};
    const struct timespec far = {.tv_sec = 1000};
    (void)unused;
    FAILS(syscall(SYS_semtimedop, object, &take, 1, &far), EIDRM);
}

static void wait_for_message(void *unused)
{
    (void)unused;
    FAILS(syscall(SYS_msgrcv, object, bytes, 8, 0, 0), EIDRM);
}

static void wait_for_room(void *unused)
{
    (void)unused;
    FAILS(syscall(SYS_msgsnd, object, bytes, 8000, 0), EIDRM);
}

static void remove_semaphore(void)
{
    OK(semctl(object, 0, IPC_RMID));
}

static void remove_queue(void)
{
    OK(msgctl(object, IPC_RMID, NULL));
}

static void wakes_when_removed(void (*body)(void *), void (*remove)(void))
{
    pid_t pid = spawn(body, NULL);
    EVENTUALLY(process_state(pid) == 'S');
    remove();
    CHILD_OK(pid);
}

static void who_waits_learns_of_removal(void)
{
    bytes[0] = 1;
    object = (int)OK(semget(IPC_PRIVATE, 1, 0600));
    wakes_when_removed(wait_for_semaphore, remove_semaphore);
    object = (int)OK(semget(IPC_PRIVATE, 1, 0600));
    wakes_when_removed(wait_for_semaphore_in_time, remove_semaphore);
    object = (int)OK(msgget(IPC_PRIVATE, 0600));
    wakes_when_removed(wait_for_message, remove_queue);
    object = (int)OK(msgget(IPC_PRIVATE, 0600));
    while (msgsnd(object, bytes, 8000, IPC_NOWAIT) == 0)
        continue;
    EQ(errno, EAGAIN);
    wakes_when_removed(wait_for_room, remove_queue);
}

static void write_sysctl(const char *name, const char *text)
{
    int fd = open(name, O_WRONLY);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        skip("no such limit to set");
    OK(close(fd));
}

static void a_namespace_is_full(void)
{
    struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 8};
    if (geteuid() != 0 || unshare(CLONE_NEWIPC) != 0)
        skip("needs an IPC namespace");
    write_sysctl("/proc/sys/kernel/shmmni", "2");
    write_sysctl("/proc/sys/kernel/msgmni", "2");
    write_sysctl("/proc/sys/kernel/sem", "250 32000 32 2");
    for (int i = 0; i < 2; i++) {
        OK(shmget(IPC_PRIVATE, 4096, 0600));
        OK(semget(IPC_PRIVATE, 1, 0600));
        OK(msgget(IPC_PRIVATE, 0600));
    }
    FAILS(syscall(SYS_shmget, IPC_PRIVATE, 4096, 0600), ENOSPC);
    FAILS(syscall(SYS_semget, IPC_PRIVATE, 1, 0600), ENOSPC);
    FAILS(syscall(SYS_msgget, IPC_PRIVATE, 0600), ENOSPC);
    write_sysctl("/proc/sys/kernel/sem", "250 10 32 100");
    FAILS(syscall(SYS_semget, IPC_PRIVATE, 9, 0600), ENOSPC); /* ten in all */
    OK(syscall(SYS_semget, IPC_PRIVATE, 8, 0600));
    OK(mq_open("/first", O_RDWR | O_CREAT, 0600, &attr));
    OK(mq_unlink("/first"));
}

/* ---- names ---- */

static void socket_names_are_walked(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct sockaddr *to = (struct sockaddr *)&address;
    static const struct {
        const char *path;
        int bind, connect;
    } names[] = {{"loop/x", ELOOP, ELOOP},
                 {"none/x", ENOENT, ENOENT},
                 {"file/x", ENOTDIR, ENOTDIR},
                 {"file", EADDRINUSE, ECONNREFUSED}};
    OK(symlink("loop", "loop"));
    write_text("file", "text", 0777);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        int fd = (int)OK(socket(AF_UNIX, SOCK_DGRAM, 0));
        strcpy(address.sun_path, names[i].path);
        FAILS(bind(fd, to, sizeof(address)), names[i].bind);
        FAILS(connect(fd, to, sizeof(address)), names[i].connect);
        FAILS(sendto(fd, "x", 1, 0, to, sizeof(address)), names[i].connect);
        OK(close(fd));
    }
    OK(unlink("loop"));
    OK(unlink("file"));
}

static void a_connected_stream_takes_no_address(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "none"};
    struct msghdr message = {
        .msg_name = &address, .msg_namelen = sizeof(address), .msg_iov = &part, .msg_iovlen = 1};
    int pair[2];
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    FAILS(sendto(pair[0], "x", 1, 0, message.msg_name, sizeof(address)), EISCONN);
    FAILS(sendmsg(pair[0], &message, 0), EISCONN);
    int alone = (int)OK(socket(AF_UNIX, SOCK_STREAM, 0));
    FAILS(sendto(alone, "x", 1, 0, message.msg_name, sizeof(address)), EOPNOTSUPP);
    FAILS(sendto(alone, "x", 1, 0, NULL, 0), ENOTCONN);
    FAILS(syscall(SYS_write, alone, "x", 1), ENOTCONN);
    FAILS(syscall(SYS_recvfrom, alone, bytes, 1, 0, NULL, NULL), EINVAL);
    OK(syscall(SYS_shutdown, alone, SHUT_RDWR)); /* other families: ENOTCONN */
    FAILS(syscall(SYS_listen, pair[0], 1), EINVAL);
}

static void handles_of_links_are_not_opened(void)
{
    struct handle_of_file handle;
    int mount_id;
    OK(symlink("none", "link"));
    if (!find_handle("link", &handle))
        skip("no handles here");
    int dot = (int)OK(open(".", O_RDONLY | O_DIRECTORY));
    FAILS(syscall(SYS_open_by_handle_at, dot, &handle, O_RDONLY), ELOOP);
    OK(syscall(SYS_open_by_handle_at, dot, &handle, O_PATH));
    OK(unlink("link"));
    write_text("gone", "text", 0600);
    TRUE(find_handle("gone", &handle));
    OK(unlink("gone"));
    FAILS(syscall(SYS_open_by_handle_at, dot, &handle, O_RDONLY), ESTALE);
    handle.bytes = 1;
    FAILS(syscall(SYS_name_to_handle_at, AT_FDCWD, ".", &handle, &mount_id, 0), EOVERFLOW);
}

/* ---- processes ---- */

static void a_pidfd_does_not_wait(void)
{
    siginfo_t info;
    pid_t pid = (pid_t)OK(fork());
    while (pid == 0)
        pause();
    int pidfd = (int)OK(syscall(SYS_pidfd_open, pid, O_NONBLOCK));
    FAILS(syscall(SYS_waitid, 3 /* P_PIDFD */, pidfd, &info, WEXITED, NULL), EAGAIN);
    OK(kill(pid, SIGKILL));
    EQ(WTERMSIG(WAIT(pid)), SIGKILL);
    FAILS(syscall(SYS_waitid, 3, pidfd, &info, WEXITED, NULL), ECHILD);
    FAILS(syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0), ESRCH);
    FAILS(syscall(SYS_pidfd_getfd, pidfd, 0, 0), ESRCH);
    FAILS(syscall(SYS_process_madvise, pidfd, &part, 1, 20, 0), ESRCH);
}

static void epoll_targets_are_compared(void)
{
    struct {
        uint32_t epoll, target, offset;
    } slot;
    int epoll = (int)OK(epoll_create1(0)), fds[2];
    struct epoll_event event = {.events = EPOLLIN};
    OK(pipe(fds));
    OK(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[0], &event));
    slot.epoll = (uint32_t)epoll;
    slot.target = (uint32_t)fds[0];
    slot.offset = 0;
    EQ(syscall(SYS_kcmp, getpid(), getpid(), 7 /* KCMP_EPOLL_TFD */, fds[0], &slot), 0);
    slot.target = (uint32_t)fds[1];
    FAILS(syscall(SYS_kcmp, getpid(), getpid(), 7, fds[0], &slot), ENOENT);
    slot.epoll = (uint32_t)fds[0];
    FAILS(syscall(SYS_kcmp, getpid(), getpid(), 7, fds[0], &slot), EINVAL);
    FAILS(syscall(SYS_kcmp, getpid(), getpid(), 7, fds[0], BAD_POINTER), EFAULT);
    FAILS(syscall(SYS_kcmp, getpid(), getpid(), 0, 99, fds[0]), EBADF);
}

GUEST_MAIN(CASE(a_running_program_is_not_written), CASE(a_sealed_file_does_not_change),
           CASE(a_memfd_is_executed), CASE(a_full_pipe_does_not_wait),
           CASE(who_waits_learns_of_removal), CASE(a_namespace_is_full),
           CASE(socket_names_are_walked), CASE(a_connected_stream_takes_no_address),
           CASE(handles_of_links_are_not_opened), CASE(a_pidfd_does_not_wait),
           CASE(epoll_targets_are_compared))
